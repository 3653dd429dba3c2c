//! Turns what the write path tells into metrics and log lines: counts, codes and durations, never content.

use std::time::Duration;

use brygga_domain::Refusal;
use brygga_engine::observe::{CommitOutcome, Observer};
use brygga_engine::rows::InboxRow;
use brygga_engine::store::{CommitError, StoreError};

use crate::notices::Notices;
use crate::telemetry::metrics::Metrics;

/// Watches the write path.
#[derive(Debug, Clone)]
pub struct CommitObserver {
    metrics: Metrics,
    notices: Notices,
}

impl CommitObserver {
    /// Tells these instruments, and has functions told outside the broker.
    pub fn new(metrics: Metrics, notices: Notices) -> Self {
        Self { metrics, notices }
    }
}

impl Observer for CommitObserver {
    fn settled(&self, commands: usize, outcome: CommitOutcome, took: Duration) {
        self.metrics.commit(u64::try_from(commands).unwrap_or_default(), outcome, took);
    }

    fn fact(&self, name: &'static str) {
        self.metrics.event(name);
    }

    fn told(&self, entries: &[InboxRow]) {
        self.notices.told(entries);
    }

    fn released(&self, sections: usize) {
        self.metrics.released(u64::try_from(sections).unwrap_or_default());
    }

    fn cut(&self) {
        self.metrics.cut();
    }

    fn refused(&self, refusal: &Refusal) {
        self.metrics.refused(refusal.reason.code());
    }

    fn load_failed(&self, error: &StoreError, waiting: usize) {
        tracing::warn!(error = %error, waiting, "the store did not answer a load");
    }

    fn commit_failed(&self, error: &CommitError) {
        tracing::error!(error = %error, "a commit failed");
    }
}
