//! Faults that a test orders in advance.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How a commit fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitFault {
    /// It fails before anything is written, and says so.
    NotCommitted,
    /// Its outcome is unknown, and nothing was written.
    UnknownNotWritten,
    /// Its outcome is unknown, and everything was written.
    UnknownWritten,
}

/// A fault that a test ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fault that the test ordered")]
pub struct Injected;

#[derive(Debug, Default)]
struct Script {
    commits: VecDeque<Option<CommitFault>>,
    failing_loads: usize,
    failing_settles: usize,
}

/// The faults to come; clones are the same list.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Script>>);

impl Faults {
    /// Adds to the script, one entry for each commit to come: `None` lets it pass. After the script all pass.
    pub fn script_commits(&self, commits: impl IntoIterator<Item = Option<CommitFault>>) {
        self.lock().commits.extend(commits);
    }

    /// Fails so many of the next loads.
    pub fn fail_loads(&self, count: usize) {
        self.lock().failing_loads += count;
    }

    /// Fails so many of the next settles.
    pub fn fail_settles(&self, count: usize) {
        self.lock().failing_settles += count;
    }

    pub(super) fn next_commit(&self) -> Option<CommitFault> {
        self.lock().commits.pop_front().flatten()
    }

    pub(super) fn next_load(&self) -> Result<(), Injected> {
        take_one(&mut self.lock().failing_loads)
    }

    pub(super) fn next_settle(&self) -> Result<(), Injected> {
        take_one(&mut self.lock().failing_settles)
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take_one(failing: &mut usize) -> Result<(), Injected> {
    let Some(left) = failing.checked_sub(1) else { return Ok(()) };
    *failing = left;
    Err(Injected)
}
