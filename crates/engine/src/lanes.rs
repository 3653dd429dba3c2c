//! The two bounded lanes into the committer: withdrawals, retractions and acknowledgements never wait behind a bulk import.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::committer::Pending;

/// How many commands one batch holds at most.
pub const BATCH_COMMANDS_MAX: usize = 512;
/// How many places of a batch ordinary commands have before prompt ones, where some wait: whoever floods the prompt lane stops nobody's reports.
pub const BATCH_ORDINARY_MIN: usize = BATCH_COMMANDS_MAX / 4;
/// How many bytes of content one batch holds before it takes no more.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How many commands wait in the ordinary lane before callers are sent away.
pub const QUEUE_COMMANDS_MAX: usize = 2048;
/// How many bytes of content wait in the ordinary lane before callers are sent away.
pub const QUEUE_BYTES_MAX: usize = 128 * 1024 * 1024;
/// How many commands wait in the prompt lane before callers are sent away: more than two agencies may have there by call and by stream. They
/// have little content or none.
pub const PROMPT_COMMANDS_MAX: usize = 4096;

/// How long the lanes are.
#[derive(Debug, Clone, Copy)]
pub struct LaneLimits {
    /// The ordinary lane.
    pub ordinary: usize,
    /// The prompt lane.
    pub prompt: usize,
}

impl Default for LaneLimits {
    fn default() -> Self {
        Self { ordinary: QUEUE_COMMANDS_MAX, prompt: PROMPT_COMMANDS_MAX }
    }
}

/// The committer's end.
#[derive(Debug)]
pub struct Lanes {
    prompt: mpsc::Receiver<Pending>,
    ordinary: mpsc::Receiver<Pending>,
    /// Bytes of content that wait.
    bytes: Arc<AtomicUsize>,
    stop: CancellationToken,
    closed: bool,
}

/// The callers' end.
#[derive(Debug, Clone)]
pub struct LaneSenders {
    prompt: mpsc::Sender<Pending>,
    ordinary: mpsc::Sender<Pending>,
    bytes: Arc<AtomicUsize>,
}

/// The lane is full, or the committer is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRoom {
    /// Come back later.
    Full,
    /// The committer has stopped.
    Gone,
}

/// How many commands wait for the committer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueDepth {
    /// Withdrawals, retractions and acknowledgements.
    pub prompt: usize,
    /// Everything else.
    pub ordinary: usize,
}

/// Makes the two lanes.
pub fn lanes(limits: LaneLimits, stop: CancellationToken) -> (LaneSenders, Lanes) {
    let (prompt_in, prompt) = mpsc::channel(limits.prompt);
    let (ordinary_in, ordinary) = mpsc::channel(limits.ordinary);
    let bytes = Arc::new(AtomicUsize::new(0));
    (LaneSenders { prompt: prompt_in, ordinary: ordinary_in, bytes: Arc::clone(&bytes) }, Lanes { prompt, ordinary, bytes, stop, closed: false })
}

impl LaneSenders {
    /// Puts a command into its lane, or sends the caller away at once.
    pub fn put(&self, pending: Pending) -> Result<(), NoRoom> {
        let (prompt, bytes) = (pending.command.action.is_prompt(), size_of_content(&pending));
        let wait = self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let put = if !prompt && wait > QUEUE_BYTES_MAX {
            Err(NoRoom::Full)
        } else {
            let lane = if prompt { &self.prompt } else { &self.ordinary };
            lane.try_send(pending).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => NoRoom::Full,
                mpsc::error::TrySendError::Closed(_) => NoRoom::Gone,
            })
        };
        if put.is_err() {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        put
    }

    /// Puts an ordinary command into its lane once there is room. For the broker's own, which nobody sends again.
    pub async fn put_in_turn(&self, pending: Pending) -> Result<(), NoRoom> {
        let bytes = size_of_content(&pending);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.ordinary.send(pending).await.map_err(|_| {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            NoRoom::Gone
        })
    }

    /// How many commands wait in each lane.
    pub fn waiting(&self) -> QueueDepth {
        let taken = |lane: &mpsc::Sender<Pending>| lane.max_capacity().saturating_sub(lane.capacity());
        QueueDepth { prompt: taken(&self.prompt), ordinary: taken(&self.ordinary) }
    }
}

impl Lanes {
    /// Waits for one command, then takes what waits within the limits: prompt ones first, but for the places that ordinary ones have. `None` when nobody can send any more;
    /// once told to stop, nobody can, and what waits is still taken.
    pub async fn take(&mut self) -> Option<Vec<Pending>> {
        let first = loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled(), if !self.closed => {
                    self.prompt.close();
                    self.ordinary.close();
                    self.closed = true;
                }
                Some(pending) = self.prompt.recv() => break pending,
                Some(pending) = self.ordinary.recv() => break pending,
                else => return None,
            }
        };
        let mut bytes = size_of_content(&first);
        let mut taken = vec![first];
        while taken.len() < BATCH_COMMANDS_MAX && bytes < BATCH_BYTES_MAX {
            let next = if taken.len() < BATCH_COMMANDS_MAX - BATCH_ORDINARY_MIN {
                self.prompt.try_recv().or_else(|_| self.ordinary.try_recv())
            } else {
                self.ordinary.try_recv().or_else(|_| self.prompt.try_recv())
            };
            let Ok(next) = next else { break };
            bytes = bytes.saturating_add(size_of_content(&next));
            taken.push(next);
        }
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        Some(taken)
    }
}

fn size_of_content(pending: &Pending) -> usize {
    pending.command.action.content_bytes()
}

#[cfg(test)]
mod tests {
    use brygga_domain::command::{LogQuery, LogQueryKind};
    use brygga_domain::{Action, Command, Digest, Entropy, ReferralId, ReferralName, RequestId};
    use bytes::Bytes;
    use tokio::sync::oneshot;

    use super::*;

    fn pending(number: u8, action: Action) -> Pending {
        let entropy = Entropy::new([number; 32]);
        let request = RequestId(entropy.uuid("request", 0));
        let command = Command { agency: "rvc-1".parse().unwrap(), officer: None, request, digest: Digest([number; 32]), entropy, action };
        Pending { command, answer: oneshot::channel().0 }
    }

    fn prompt() -> Pending {
        let id = ReferralId::from_bytes(Entropy::new([1; 32]).uuid("referral", 0).as_bytes()).unwrap();
        pending(1, Action::AcceptReferral(ReferralName::Id(id)))
    }

    fn ordinary(bytes: usize) -> Pending {
        pending(2, Action::QueryLog(LogQuery { query: LogQueryKind::Search, purpose: Bytes::from(vec![0; bytes]) }))
    }

    fn counted(batch: &[Pending]) -> (usize, usize) {
        let prompt = batch.iter().filter(|pending| pending.command.action.is_prompt()).count();
        (prompt, batch.len() - prompt)
    }

    fn put(senders: &LaneSenders, count: usize, make: impl Fn() -> Pending) {
        for _ in 0..count {
            senders.put(make()).unwrap();
        }
    }

    #[tokio::test]
    async fn a_batch_is_bounded_by_count_and_what_is_prompt_goes_first() {
        let (senders, mut lanes) = lanes(LaneLimits::default(), CancellationToken::new());
        put(&senders, BATCH_COMMANDS_MAX, || ordinary(1));
        put(&senders, 3, prompt);
        let first = lanes.take().await.unwrap();
        assert_eq!(counted(&first), (3, BATCH_COMMANDS_MAX - 3));
        assert!(first[..3].iter().all(|pending| pending.command.action.is_prompt()));
        assert_eq!(counted(&lanes.take().await.unwrap()), (0, 3));
        assert_eq!(senders.waiting(), QueueDepth { prompt: 0, ordinary: 0 });
    }

    #[tokio::test]
    async fn a_batch_is_bounded_by_bytes() {
        let (senders, mut lanes) = lanes(LaneLimits::default(), CancellationToken::new());
        put(&senders, 5, || ordinary(BATCH_BYTES_MAX / 2));
        assert_eq!(counted(&lanes.take().await.unwrap()), (0, 2));
        assert_eq!(counted(&lanes.take().await.unwrap()), (0, 2));
        assert_eq!(counted(&lanes.take().await.unwrap()), (0, 1));
    }

    #[tokio::test]
    async fn a_flood_of_prompt_commands_leaves_ordinary_ones_their_places() {
        let (senders, mut lanes) = lanes(LaneLimits::default(), CancellationToken::new());
        put(&senders, PROMPT_COMMANDS_MAX, prompt);
        put(&senders, 2 * BATCH_ORDINARY_MIN, || ordinary(1));
        let rest = BATCH_COMMANDS_MAX - BATCH_ORDINARY_MIN;
        assert_eq!(counted(&lanes.take().await.unwrap()), (rest, BATCH_ORDINARY_MIN));
        assert_eq!(counted(&lanes.take().await.unwrap()), (rest, BATCH_ORDINARY_MIN));
        assert_eq!(counted(&lanes.take().await.unwrap()), (BATCH_COMMANDS_MAX, 0));
    }

    #[tokio::test]
    async fn a_full_lane_sends_away_and_the_other_one_goes_on() {
        let (senders, mut lanes) = lanes(LaneLimits { ordinary: 2, prompt: 1 }, CancellationToken::new());
        put(&senders, 2, || ordinary(1));
        assert_eq!(senders.put(ordinary(1)), Err(NoRoom::Full));
        put(&senders, 1, prompt);
        assert_eq!(senders.put(prompt()), Err(NoRoom::Full));
        // What waits in turn comes in when there is room, and is lost to nobody.
        let waits = senders.put_in_turn(ordinary(1));
        let (waited, first) = tokio::join!(waits, lanes.take());
        assert_eq!((waited, counted(&first.unwrap())), (Ok(()), (1, 2)));
        assert_eq!(counted(&lanes.take().await.unwrap()), (0, 1));
    }

    #[tokio::test]
    async fn bytes_that_wait_have_a_limit_which_no_prompt_command_meets() {
        let (senders, mut lanes) = lanes(LaneLimits::default(), CancellationToken::new());
        put(&senders, QUEUE_BYTES_MAX / BATCH_BYTES_MAX, || ordinary(BATCH_BYTES_MAX));
        assert_eq!(senders.put(ordinary(1)), Err(NoRoom::Full));
        put(&senders, 1, prompt);
        assert_eq!(counted(&lanes.take().await.unwrap()), (1, 1));
        put(&senders, 1, || ordinary(1));
    }

    #[tokio::test]
    async fn what_waits_at_the_stop_is_still_taken() {
        let stop = CancellationToken::new();
        let (senders, mut lanes) = lanes(LaneLimits::default(), stop.clone());
        put(&senders, 1, prompt);
        stop.cancel();
        assert_eq!(counted(&lanes.take().await.unwrap()), (1, 0));
        assert!(lanes.take().await.is_none());
        assert_eq!((senders.put(prompt()), senders.put_in_turn(ordinary(1)).await), (Err(NoRoom::Gone), Err(NoRoom::Gone)));
    }
}
