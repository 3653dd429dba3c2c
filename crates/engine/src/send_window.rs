//! Send windows: how long released content may be on its way, and what a command that shuts the gate waits for.
//!
//! The committer opens a window before it commits the release, so that it is over at most [`RELEASE_SEND_MAX`] after anybody else can
//! see that the release is on its way. Whoever sends the bytes holds the [`SendWindow`] and drops it once they have left or were cut; no
//! byte may leave after its end. The rows of closed windows are deleted with the next batch, or with an empty one when none comes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::observe::Observer;
use crate::readers::ReaderPool;
use crate::rows::{Blob, InFlightRow};
use crate::store::Reader;

/// How long a release may take from its commit until its last byte has left.
pub const RELEASE_SEND_MAX: Duration = Duration::from_secs(2);
/// How long a broker may need to cut what has not left by then.
pub const CUT_MAX: Duration = Duration::from_millis(500);
/// How far apart the clocks of the brokers on one log are at most: a row that is older than its window and this is of a dead broker.
pub const CLOCKS_APART_MAX: Duration = Duration::from_mins(1);

/// How long rows of closed windows wait for a batch that takes them along.
const CLOSED_DELAY: Duration = Duration::from_millis(50);
/// How often it is looked whether another broker's window is closed: soon at first, for most close at once.
const OTHERS_POLL_MIN: Duration = Duration::from_millis(10);
const OTHERS_POLL_MAX: Duration = Duration::from_millis(80);

/// The windows of this broker; clones are the same.
#[derive(Clone)]
pub struct SendWindows(Arc<Shared>);

struct Shared {
    broker: Blob,
    observer: Arc<dyn Observer>,
    windows: Mutex<Windows>,
    idle: Notify,
    closings: watch::Sender<u64>,
}

#[derive(Default)]
struct Windows {
    next: i64,
    open: BTreeSet<i64>,
    closed: Vec<InFlightRow>,
}

/// One release on its way. No byte of it may leave after its end, and none once this is dropped.
pub struct SendWindow {
    row: InFlightRow,
    ends: Instant,
    windows: SendWindows,
}

impl SendWindows {
    /// The windows of a broker of that name, 16 random bytes.
    pub fn new(broker: Blob, observer: Arc<dyn Observer>) -> Self {
        Self(Arc::new(Shared { broker, observer, windows: Mutex::default(), idle: Notify::new(), closings: watch::Sender::new(0) }))
    }

    /// The broker.
    pub fn broker(&self) -> &Blob {
        &self.0.broker
    }

    /// The number of the next window.
    pub fn next(&self) -> i64 {
        self.lock().next
    }

    /// Opens the windows of a batch that is about to be committed, by number.
    pub fn open(&self, rows: &[InFlightRow]) -> BTreeMap<i64, SendWindow> {
        if rows.is_empty() {
            return BTreeMap::new();
        }
        let ends = Instant::now() + RELEASE_SEND_MAX;
        let mut windows = self.lock();
        windows.next = rows.iter().map(|row| row.number.saturating_add(1)).fold(windows.next, i64::max);
        windows.open.extend(rows.iter().map(|row| row.number));
        rows.iter().map(|row| (row.number, SendWindow { row: row.clone(), ends, windows: self.clone() })).collect()
    }

    /// Rows of windows that are closed, for the batch that deletes them.
    pub fn take_closed(&self) -> Vec<InFlightRow> {
        std::mem::take(&mut self.lock().closed)
    }

    /// Takes rows back that were not deleted.
    pub(crate) fn put_back(&self, rows: Vec<InFlightRow>) {
        self.lock().closed.extend(rows);
    }

    /// Whether a closed window's row waits to be deleted.
    pub(crate) fn any_closed(&self) -> bool {
        !self.lock().closed.is_empty()
    }

    /// Comes back when rows have waited long enough for a batch.
    pub(crate) async fn idle(&self) {
        while !self.any_closed() {
            self.0.idle.notified().await;
        }
        sleep(CLOSED_DELAY).await;
    }

    /// Waits until nothing of these is on its way any more: closed by whoever sends it, or over.
    ///
    /// The rows were seen under the head's lock, so their windows opened before now, and end within [`RELEASE_SEND_MAX`] from now on any
    /// broker, whatever the clocks say.
    pub(crate) async fn closed<R: Reader>(&self, rows: &[InFlightRow], readers: &ReaderPool<R>) {
        if rows.is_empty() {
            return;
        }
        let all = async {
            self.own_closed(rows).await;
            self.others_closed(rows, readers).await;
        };
        if timeout(RELEASE_SEND_MAX + CUT_MAX, all).await.is_err() {
            tracing::debug!("a release was on its way until its window was over");
        }
    }

    /// A window of this broker that is not open is closed: rows tell of windows that have just closed as well.
    async fn own_closed(&self, rows: &[InFlightRow]) {
        let mut closings = self.0.closings.subscribe();
        let open = || {
            let windows = self.lock();
            rows.iter().any(|row| row.broker == self.0.broker && windows.open.contains(&row.number))
        };
        // The sender lives as long as this, so the wait ends with a change.
        while open() && closings.changed().await.is_ok() {}
    }

    async fn others_closed<R: Reader>(&self, rows: &[InFlightRow], readers: &ReaderPool<R>) {
        let others: Vec<&InFlightRow> = rows.iter().filter(|row| row.broker != self.0.broker).collect();
        let Some(origin) = others.first().map(|row| row.origin) else { return };
        let mut pause = OTHERS_POLL_MIN;
        loop {
            // A store that does not answer tells nothing: then the windows' end decides.
            let found = readers.ask(move |reader| Box::pin(async move { reader.in_flight(origin).await })).await;
            if found.is_ok_and(|found| !others.iter().any(|row| found.contains(row))) {
                return;
            }
            sleep(pause).await;
            pause = pause.saturating_mul(2).min(OTHERS_POLL_MAX);
        }
    }

    fn close(&self, row: &InFlightRow) {
        let mut windows = self.lock();
        windows.open.remove(&row.number);
        windows.closed.push(row.clone());
        drop(windows);
        self.0.closings.send_modify(|count| *count = count.wrapping_add(1));
        self.0.idle.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Windows> {
        self.0.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SendWindow {
    /// When it is over, by this machine's monotonic clock.
    pub fn ends(&self) -> Instant {
        self.ends
    }

    /// Whether it is over: nothing of the release may leave any more.
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.ends
    }

    /// Closes it because the connection ended before the last byte had left.
    pub fn cut(self) {
        self.windows.0.observer.cut();
    }
}

impl Drop for SendWindow {
    fn drop(&mut self) {
        self.windows.close(&self.row);
    }
}

impl std::fmt::Debug for SendWindow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SendWindow({})", self.row.number)
    }
}
