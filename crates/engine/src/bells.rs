//! Wakes the streams that have something to read, and no others: thousands stay open, and most commits concern two of them.
//!
//! Each part of the log is told of by whoever committed it: by the committer, or by another broker's hint, in any order. What nobody told of
//! is found when the log is seen to be longer, and then all are woken. A bell says only that it is worth a look; what there is stands in the store.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::rows::{InboxRow, StatusRow};

/// Stretches of the log that were told of before what lies below them.
const STRETCHES_AHEAD_MAX: usize = 1024;

/// Whom a commit concerns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Functions with something new in their inbox.
    pub functions: BTreeSet<String>,
    /// Agencies with a new answer to something that they sent.
    pub senders: BTreeSet<String>,
}

impl Told {
    /// Whom a batch's rows concern.
    pub fn of(inbox: &[InboxRow], statuses: &[StatusRow]) -> Self {
        Self { functions: inbox.iter().map(|row| row.function.clone()).collect(), senders: statuses.iter().map(|row| row.agency.clone()).collect() }
    }
}

/// A stretch of the log, and whom it concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The size of the log before it.
    pub from: u64,
    /// The size after it.
    pub size: u64,
    /// Whom it concerns; `None`: it may be anybody.
    pub told: Option<Told>,
}

/// The bells; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Bells(Arc<Mutex<Hung>>);

#[derive(Debug)]
struct Hung {
    /// All of the log below was told of.
    covered: u64,
    /// Stretches above it that were, by where they begin.
    ahead: BTreeMap<u64, u64>,
    functions: HashMap<String, watch::Sender<u64>>,
    senders: HashMap<String, watch::Sender<u64>>,
}

impl Bells {
    pub(crate) fn new(size: u64) -> Self {
        Self(Arc::new(Mutex::new(Hung { covered: size, ahead: BTreeMap::new(), functions: HashMap::new(), senders: HashMap::new() })))
    }

    /// Rings when something comes into a function's inbox.
    pub(crate) fn inbox(&self, function: &str) -> watch::Receiver<u64> {
        hang(&mut self.hung().functions, function)
    }

    /// Rings when an agency is answered as a sender.
    pub(crate) fn answers(&self, agency: &str) -> watch::Receiver<u64> {
        hang(&mut self.hung().senders, agency)
    }

    /// Rings for those whom a stretch of the log concerns.
    pub(crate) fn heard(&self, news: &News) {
        let mut hung = self.hung();
        match &news.told {
            Some(told) => {
                ring(&mut hung.functions, &told.functions, news.size);
                ring(&mut hung.senders, &told.senders, news.size);
            }
            None => hung.ring_all(news.size),
        }
        hung.cover(news.from, news.size);
    }

    /// All of the log below was told of.
    pub(crate) fn told(&self) -> u64 {
        self.hung().covered
    }

    /// The log has that size; rings for everybody if nobody told of some of it.
    pub(crate) fn seen(&self, size: u64) {
        let mut hung = self.hung();
        if hung.covered < size {
            hung.ring_all(size);
            hung.cover(0, size);
        }
    }

    fn hung(&self) -> MutexGuard<'_, Hung> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hung {
    fn ring_all(&mut self, size: u64) {
        for bells in [&mut self.functions, &mut self.senders] {
            bells.retain(|_, bell| bell.send(size).is_ok());
        }
    }

    fn cover(&mut self, from: u64, size: u64) {
        let end = self.ahead.entry(from).or_default();
        *end = size.max(*end);
        while let Some(first) = self.ahead.first_entry().filter(|first| *first.key() <= self.covered) {
            self.covered = first.remove().max(self.covered);
        }
        // So many holes that the next look at the head fills them all.
        if self.ahead.len() > STRETCHES_AHEAD_MAX {
            self.ahead.clear();
        }
    }
}

fn hang(bells: &mut HashMap<String, watch::Sender<u64>>, name: &str) -> watch::Receiver<u64> {
    bells.entry(name.to_owned()).or_insert_with(|| watch::Sender::new(0)).subscribe()
}

/// A bell that nobody listens to any more comes down.
fn ring(bells: &mut HashMap<String, watch::Sender<u64>>, names: &BTreeSet<String>, size: u64) {
    for name in names {
        if bells.get(name).is_some_and(|bell| bell.send(size).is_err()) {
            bells.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(from: u64, size: u64, function: &str) -> News {
        News { from, size, told: Some(Told { functions: BTreeSet::from([function.to_owned()]), senders: BTreeSet::new() }) }
    }

    /// Whether it has rung since this was asked last.
    fn rung(bell: &mut watch::Receiver<u64>) -> bool {
        let rung = bell.has_changed().unwrap();
        bell.mark_unchanged();
        rung
    }

    #[test]
    fn only_those_whom_it_concerns_are_woken() {
        let bells = Bells::new(10);
        let (mut one, mut other, mut sender) = (bells.inbox("one"), bells.inbox("other"), bells.answers("one"));
        bells.heard(&news(10, 12, "one"));
        assert_eq!([rung(&mut one), rung(&mut other), rung(&mut sender)], [true, false, false]);
        bells.seen(12);
        assert_eq!([rung(&mut one), rung(&mut other), rung(&mut sender)], [false, false, false]);
        bells.heard(&News { from: 12, size: 13, told: None });
        assert_eq!([rung(&mut one), rung(&mut other), rung(&mut sender)], [true, true, true]);
    }

    #[test]
    fn what_nobody_told_of_wakes_all_at_the_next_look() {
        let bells = Bells::new(10);
        let mut other = bells.inbox("other");
        bells.heard(&news(12, 14, "one"));
        bells.seen(14);
        assert!(rung(&mut other), "nobody told of 10 to 12");
        bells.seen(14);
        bells.heard(&news(10, 12, "one"));
        bells.seen(14);
        assert!(!rung(&mut other));
    }

    #[test]
    fn stretches_are_told_of_in_any_order() {
        let bells = Bells::new(10);
        let mut other = bells.inbox("other");
        for (from, size) in [(14, 15), (12, 14), (10, 12), (15, 16)] {
            bells.heard(&news(from, size, "one"));
        }
        bells.seen(16);
        assert!(!rung(&mut other));
    }

    #[test]
    fn more_holes_than_are_remembered_cost_a_look_and_lose_nothing() {
        let bells = Bells::new(10);
        let mut other = bells.inbox("other");
        let last = 10 + 2 * u64::try_from(STRETCHES_AHEAD_MAX).unwrap() + 4;
        for size in (12..=last).step_by(2) {
            bells.heard(&news(size - 1, size, "one"));
        }
        bells.seen(last);
        assert!(rung(&mut other));
    }

    #[test]
    fn a_bell_without_listeners_comes_down() {
        let bells = Bells::new(0);
        drop(bells.inbox("one"));
        let _listened_to = bells.inbox("other");
        bells.heard(&news(0, 1, "one"));
        bells.seen(9);
        assert_eq!(bells.hung().functions.keys().collect::<Vec<_>>(), ["other"]);
    }
}
