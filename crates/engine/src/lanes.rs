//! The two bounded lanes into the committer: withdrawals, retractions and acknowledgements never wait behind a bulk import.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::committer::Pending;

/// How many commands one batch holds at most.
pub const BATCH_COMMANDS_MAX: usize = 256;
/// How many bytes of content one batch holds before it takes no more.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How many commands wait in the ordinary lane before callers are sent away.
pub const QUEUE_COMMANDS_MAX: usize = 2048;
/// How many bytes of content wait in the ordinary lane before callers are sent away.
pub const QUEUE_BYTES_MAX: usize = 128 * 1024 * 1024;
/// How many commands wait in the prompt lane before callers are sent away.
pub const PROMPT_COMMANDS_MAX: usize = 1024;

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

    /// How many commands wait in each lane.
    pub fn waiting(&self) -> QueueDepth {
        let taken = |lane: &mpsc::Sender<Pending>| lane.max_capacity().saturating_sub(lane.capacity());
        QueueDepth { prompt: taken(&self.prompt), ordinary: taken(&self.ordinary) }
    }
}

impl Lanes {
    /// Waits for one command, then takes what waits, prompt ones first, within the limits. `None` when nobody can send any more;
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
            let Some(next) = self.prompt.try_recv().ok().or_else(|| self.ordinary.try_recv().ok()) else { break };
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
