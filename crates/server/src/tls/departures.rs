//! What of released content is on its way over one connection, from its answer to the last byte below TLS.
//!
//! The bytes of an answer carry a [`Carried`], which goes when nobody above TLS holds them any more: then they lie in TLS, or in the
//! buffer of the HTTP/2 library that its next flush empties, or were thrown away. So once a flush that began later has come through,
//! they have left. It must never call left what may still be written. The layers put [`Carried`] into answers; the connection tells of
//! its flushes, and is cut where a window ends first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use brygga_engine::send_window::SendWindow;
use tokio::time::Instant;

/// The departures of one connection; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Departures(Arc<Mutex<UnderWay>>);

#[derive(Debug, Default)]
struct UnderWay {
    line: Line,
    next: u64,
    windows: BTreeMap<u64, SendWindow>,
    /// Nobody above TLS holds their bytes any more.
    handed: BTreeSet<u64>,
    /// So it was when the flush that runs began.
    flushing: BTreeSet<u64>,
    /// The connection's task: a flush comes whenever it runs.
    task: Option<Waker>,
}

/// What lies below.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Nothing: what is handed down is there.
    #[default]
    None,
    /// A connection, whose flushes count.
    Up,
    /// A connection that carries nothing any more.
    Cut,
}

/// A part of the bytes of a release, which are on their way as long as this lives.
#[derive(Debug)]
pub struct Carried {
    number: u64,
    departures: Departures,
}

impl Drop for Carried {
    fn drop(&mut self) {
        self.departures.handed(self.number);
    }
}

impl Departures {
    /// Takes a release to be sent. `None`: its window is over, or the connection, and nothing of it may leave.
    pub fn carry(&self, window: SendWindow) -> Option<Carried> {
        let mut under_way = self.lock();
        if under_way.line == Line::Cut || window.is_over() {
            return None;
        }
        let number = under_way.next;
        under_way.next = number.saturating_add(1);
        under_way.windows.insert(number, window);
        Some(Carried { number, departures: self.clone() })
    }

    fn handed(&self, number: u64) {
        let mut under_way = self.lock();
        match under_way.line {
            Line::None => drop(under_way.windows.remove(&number)),
            Line::Cut => {}
            Line::Up => {
                under_way.handed.insert(number);
                // Without a poll of its task the connection would flush only when it has something else to write.
                if let Some(task) = under_way.task.clone() {
                    drop(under_way);
                    task.wake();
                }
            }
        }
    }

    /// A connection lies below from now on.
    pub(super) fn connect(&self) {
        self.lock().line = Line::Up;
    }

    /// When the first window ends, if anything is on its way. `task` is woken when something was handed down.
    pub(super) fn watch(&self, task: &Waker) -> Option<Instant> {
        let mut under_way = self.lock();
        if !under_way.task.as_ref().is_some_and(|known| known.will_wake(task)) {
            under_way.task = Some(task.clone());
        }
        under_way.windows.values().map(SendWindow::ends).min()
    }

    /// A flush begins: everything above TLS that was handed down is in TLS by now.
    pub(super) fn flushing(&self) {
        let mut under_way = self.lock();
        let mut handed = std::mem::take(&mut under_way.handed);
        under_way.flushing.append(&mut handed);
    }

    /// The flush has come through: TLS has written everything to the socket.
    pub(super) fn flushed(&self) {
        let mut under_way = self.lock();
        let flushed = std::mem::take(&mut under_way.flushing);
        let left: Vec<SendWindow> = flushed.iter().filter_map(|number| under_way.windows.remove(number)).collect();
        drop(under_way);
        drop(left);
    }

    /// No byte is written any more. Gives whether anything was on its way.
    pub(super) fn cut(&self) -> bool {
        let mut under_way = self.lock();
        under_way.line = Line::Cut;
        let cut = std::mem::take(&mut under_way.windows);
        drop(under_way);
        let any = !cut.is_empty();
        cut.into_values().for_each(SendWindow::cut);
        any
    }

    fn lock(&self) -> MutexGuard<'_, UnderWay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;
    use std::time::Duration;

    use brygga_domain::Refusal;
    use brygga_engine::observe::{CommitOutcome, Observer};
    use brygga_engine::rows::{Blob, InFlightRow};
    use brygga_engine::send_window::{RELEASE_SEND_MAX, SendWindows};
    use brygga_engine::store::{CommitError, StoreError};

    use super::*;

    #[derive(Default)]
    struct Counts(AtomicUsize);

    impl Observer for Counts {
        fn told(&self, _: &[brygga_engine::rows::InboxRow]) {}
        fn settled(&self, _: usize, _: CommitOutcome, _: Duration) {}
        fn fact(&self, _: &'static str) {}
        fn released(&self, _: usize) {}
        fn cut(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        fn refused(&self, _: &Refusal) {}
        fn load_failed(&self, _: &StoreError, _: usize) {}
        fn commit_failed(&self, _: &CommitError) {}
    }

    impl Wake for Counts {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn window(windows: &SendWindows) -> SendWindow {
        let row = InFlightRow { origin: 0, broker: windows.broker().clone(), number: windows.next(), released_at: 0, until: 0 };
        windows.open(&[row]).pop_first().unwrap().1
    }

    fn windows() -> (Arc<Counts>, SendWindows) {
        let counts = Arc::new(Counts::default());
        (Arc::clone(&counts), SendWindows::new(Blob::from([1; 16]), counts))
    }

    fn closed(windows: &SendWindows) -> Vec<i64> {
        windows.take_closed().into_iter().map(|row| row.number).collect()
    }

    #[tokio::test]
    async fn what_was_handed_down_has_left_after_a_flush_that_began_later() {
        let (cuts, windows) = windows();
        let departures = Departures::default();
        departures.connect();
        let [first, second, third] = [0; 3].map(|_| departures.carry(window(&windows)).unwrap());
        drop(first);
        departures.flushing();
        drop(second);
        assert!(closed(&windows).is_empty());
        departures.flushed();
        assert_eq!(closed(&windows), [0]);
        // A flush that did not come through at once is the same flush; what was handed down before it was asked again is in it.
        departures.flushing();
        drop(third);
        departures.flushing();
        departures.flushed();
        assert_eq!(closed(&windows), [1, 2]);
        assert_eq!((departures.cut(), cuts.0.load(Ordering::Relaxed)), (false, 0));
    }

    #[tokio::test]
    async fn whoever_watches_the_connection_is_woken_to_flush() {
        let (_, windows) = windows();
        let departures = Departures::default();
        departures.connect();
        let woken = Arc::new(Counts::default());
        let task = Waker::from(Arc::clone(&woken));
        assert_eq!(departures.watch(&task), None);
        let carried = departures.carry(window(&windows)).unwrap();
        assert!(departures.watch(&task).is_some());
        assert_eq!(woken.0.load(Ordering::Relaxed), 0);
        drop(carried);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert!(departures.watch(&task).is_some(), "it has not left yet");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_carried_after_its_window_or_over_a_connection_that_was_cut() {
        let (cuts, windows) = windows();
        let departures = Departures::default();
        departures.connect();
        let late = window(&windows);
        let carried = departures.carry(window(&windows)).unwrap();
        tokio::time::advance(RELEASE_SEND_MAX).await;
        assert!(departures.carry(late).is_none());
        assert_eq!((closed(&windows), cuts.0.load(Ordering::Relaxed)), (vec![0], 0));
        assert!(departures.cut());
        assert_eq!((closed(&windows), cuts.0.load(Ordering::Relaxed)), (vec![1], 1));
        drop(carried);
        assert!(departures.carry(window(&windows)).is_none());
        assert_eq!((closed(&windows), cuts.0.load(Ordering::Relaxed)), (vec![2], 1));
    }

    #[tokio::test]
    async fn without_a_connection_below_what_was_handed_down_is_there() {
        let (cuts, windows) = windows();
        let departures = Departures::default();
        drop(departures.carry(window(&windows)).unwrap());
        assert_eq!((closed(&windows), cuts.0.load(Ordering::Relaxed)), (vec![0], 0));
    }
}
