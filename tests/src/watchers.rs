//! Streams that are followed while brokers are killed: entries come in the order of the log, and none is missed. That none is given twice is the
//! client's own doing, by the cursor at which it resumes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use brygga_client::v1;
use brygga_client::watch::{Watch, Watched};
use brygga_domain::{Code as _, Fact, InboxKind, SenderStatus};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::brokers::client_with_own_pin;
use crate::harness::Broker;
use crate::history::Log;
use crate::requests::{BOARD, POLICE, RVC};

/// Where an entry stands in the log, and what it tells.
type Seen = (u64, i32);

/// Followers of the inbox of the function that the load goes to, and of its sender's statuses.
pub struct Watchers {
    after: u64,
    stop: watch::Sender<bool>,
    inboxes: Vec<Watcher>,
    statuses: Vec<Watcher>,
}

struct Watcher {
    latest: Arc<AtomicU64>,
    following: JoinHandle<Vec<Seen>>,
}

impl Watcher {
    fn start<W: Watched>(mut entries: Watch<W>, seen: fn(&W::Entry) -> Seen, mut stop: watch::Receiver<bool>) -> Self {
        let latest = Arc::<AtomicU64>::default();
        let told = Arc::clone(&latest);
        let following = tokio::spawn(async move {
            let mut all = Vec::new();
            loop {
                tokio::select! {
                    entry = entries.next() => match entry {
                        Ok(entry) => {
                            all.push(seen(&entry));
                            told.store(seen(&entry).0, Ordering::Relaxed);
                        }
                        // That nobody could be reached for long is told once; the stream goes on.
                        Err(error) => assert!(error.safe_to_repeat(), "a stream was refused: {error}"),
                    },
                    _ = stop.changed() => return all,
                }
            }
        });
        Self { latest, following }
    }

    fn latest(&self) -> u64 {
        self.latest.load(Ordering::Relaxed)
    }
}

impl Watchers {
    /// Follows both streams at each broker, from the log's present end on.
    ///
    /// # Panics
    /// When a broker does not say where that is.
    pub async fn start(brokers: &[Broker]) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (mut inboxes, mut statuses) = (Vec::new(), Vec::new());
        let after = client_with_own_pin(&brokers[0], POLICE, "klara").checkpoint().await.unwrap().size - 1;
        for broker in brokers {
            let inbox = client_with_own_pin(broker, BOARD, "sara").watch_inbox(&RVC.parse().unwrap(), after);
            inboxes.push(Watcher::start(inbox, |entry: &v1::InboxEntry| (entry.position, entry.kind), stopped.clone()));
            let status = client_with_own_pin(broker, POLICE, "klara").watch_referrals(after);
            statuses.push(Watcher::start(status, |entry: &v1::StatusEntry| (entry.position, entry.status), stopped.clone()));
        }
        Self { after, stop, inboxes, statuses }
    }

    fn all(&self) -> impl Iterator<Item = &Watcher> {
        self.inboxes.iter().chain(&self.statuses)
    }

    /// Waits until every stream has shown something that was committed from now on, while load goes on, and says how long the slowest took.
    ///
    /// # Panics
    /// When one shows nothing in time: it is stuck.
    pub async fn all_move(&self, max: Duration) -> Duration {
        let newest = self.all().map(Watcher::latest).max().unwrap_or_default();
        self.all_beyond(newest, max).await
    }

    async fn all_beyond(&self, position: u64, max: Duration) -> Duration {
        let began = Instant::now();
        while self.all().any(|watcher| watcher.latest() <= position) {
            assert!(began.elapsed() <= max, "a stream shows nothing after {position} within {max:?}");
            assert!(!self.all().any(|watcher| watcher.following.is_finished()), "a stream has failed");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        began.elapsed()
    }

    /// Lets every stream come to the end of the log, and holds what each showed against it. Gives how many entries all have shown.
    ///
    /// # Panics
    /// When an entry was missed, came twice or out of order.
    pub async fn end(self, log: &Log, max: Duration) -> usize {
        let (inbox, status) = expected(log, self.after);
        for (watchers, wanted) in [(&self.inboxes, &inbox), (&self.statuses, &status)] {
            let began = Instant::now();
            let last = wanted.last().map_or(0, |(position, _)| *position);
            while watchers.iter().any(|watcher| watcher.latest() < last) {
                assert!(began.elapsed() <= max, "a stream has not come to {last} within {max:?}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        self.stop.send_replace(true);
        let mut count = 0;
        for (watchers, wanted) in [(self.inboxes, inbox), (self.statuses, status)] {
            for watcher in watchers {
                let seen = watcher.following.await.unwrap();
                assert!(seen.is_sorted_by_key(|(position, _)| *position), "out of order");
                let asked: Vec<Seen> = seen.iter().copied().filter(|(_, kind)| wanted.iter().any(|(_, known)| known == kind)).collect();
                assert_eq!(asked.len(), wanted.len(), "as many entries as the log has");
                assert!(asked == wanted, "other entries than the log has");
                count += seen.len();
            }
        }
        count
    }
}

/// What the log says that each stream shows after a position: offers and stop-use notices to the function, and what its sender hears of
/// storing, offering and taking.
fn expected(log: &Log, after: u64) -> (Vec<Seen>, Vec<Seen>) {
    let (mut inbox, mut status) = (Vec::new(), Vec::new());
    for (position, leaf) in log.entries.iter().filter(|(position, _)| *position > after) {
        let event = brygga_journal::decode(leaf).unwrap();
        match event.fact {
            Fact::ReferralSubmitted(_) => status.push((*position, SenderStatus::Stored.number())),
            Fact::ReferralAccepted { .. } => status.push((*position, SenderStatus::Answered.number())),
            Fact::ReferralOffered(_) => {
                inbox.push((*position, InboxKind::Offered.number()));
                status.push((*position, SenderStatus::Offered.number()));
            }
            Fact::StopUseSent { .. } => inbox.push((*position, InboxKind::StopUse.number())),
            _ => {}
        }
    }
    (inbox, status)
}
