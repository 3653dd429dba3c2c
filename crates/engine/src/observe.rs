//! What the write path tells whoever watches it: counts, codes and durations, never content.

use std::time::Duration;

use brygga_domain::Refusal;

use crate::rows::InboxRow;
use crate::store::{CommitError, StoreError};

/// What a commit came to, once that is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitOutcome {
    /// It is in the log.
    Committed,
    /// Nothing was written.
    NotCommitted,
    /// Nobody knows yet.
    OutcomeUnknown,
}

/// Somebody who watches the write path.
pub trait Observer: Send + Sync + 'static {
    /// A batch of so many commands was handed to the store, and this came of it.
    fn settled(&self, commands: usize, outcome: CommitOutcome, took: Duration);
    /// An event of this kind was committed.
    fn fact(&self, name: &'static str);
    /// These entries came into inboxes. Must not wait.
    fn told(&self, entries: &[InboxRow]);
    /// So many sections were released.
    fn released(&self, sections: usize);
    /// A release's connection ended before its last byte had left.
    fn cut(&self);
    /// A command was refused.
    fn refused(&self, refusal: &Refusal);
    /// A load failed while so many commands waited.
    fn load_failed(&self, error: &StoreError, waiting: usize);
    /// The store answered a commit with an error; what came of it is told when it is settled.
    fn commit_failed(&self, error: &CommitError);
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn settled(&self, _: usize, _: CommitOutcome, _: Duration) {}
    fn fact(&self, _: &'static str) {}
    fn told(&self, _: &[InboxRow]) {}
    fn released(&self, _: usize) {}
    fn cut(&self) {}
    fn refused(&self, _: &Refusal) {}
    fn load_failed(&self, _: &StoreError, _: usize) {}
    fn commit_failed(&self, _: &CommitError) {}
}
