//! Counted places, so that one peer can't take them all.
//!
//! A place is given back when its guard is dropped. The accept loop takes one for each address and one for each agency.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Places, at most `limit` for each key.
#[derive(Debug)]
pub(crate) struct Slots<K> {
    limit: usize,
    taken: Arc<Mutex<HashMap<K, usize>>>,
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub(crate) struct Slot<K: Eq + Hash> {
    key: K,
    taken: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: Eq + Hash + Clone> Slots<K> {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, taken: Arc::default() }
    }

    /// A place for the key, or `None` when all of its places are taken.
    pub(crate) fn take(&self, key: K) -> Option<Slot<K>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(key.clone()).or_insert(0);
        if *count >= self.limit {
            if *count == 0 {
                taken.remove(&key);
            }
            return None;
        }
        *count += 1;
        Some(Slot { key, taken: Arc::clone(&self.taken) })
    }
}

impl<K: Eq + Hash> Drop for Slot<K> {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let left = taken.get_mut(&self.key).map_or(0, |count| {
            *count = count.saturating_sub(1);
            *count
        });
        // A key without a place goes, so that the table never grows with the number of addresses seen.
        if left == 0 {
            taken.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_place_can_be_taken_again_and_leaves_no_trace() {
        let slots = Slots::new(2);
        let first = slots.take("a");
        let second = slots.take("a");
        assert!(first.is_some() && second.is_some());
        assert!(slots.take("a").is_none());
        assert!(slots.take("b").is_some(), "another key has places of its own");
        drop(first);
        assert!(slots.take("a").is_some());
        drop(second);
        assert!(slots.taken.lock().is_ok_and(|taken| taken.is_empty()));
    }
}
