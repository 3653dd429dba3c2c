//! How far functions were told outside the broker: kept until a batch takes it along.
//!
//! What a failed commit did not write waits for the next one: a position that was written already changes nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::rows::NoticedRow;

/// How long it waits for a batch that takes it along.
const NOTICED_DELAY: Duration = Duration::from_millis(50);

/// What waits for a batch, one position for each function and way; clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Noticed(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    rows: Mutex<BTreeMap<(String, String), i64>>,
    came: Notify,
}

impl Noticed {
    pub(crate) fn add(&self, row: NoticedRow) {
        let NoticedRow { function, way, position } = row;
        let mut rows = self.rows();
        let held = rows.entry((function, way)).or_insert(position);
        *held = position.max(*held);
        drop(rows);
        self.0.came.notify_one();
    }

    pub(crate) fn any(&self) -> bool {
        !self.rows().is_empty()
    }

    /// For the batch that writes them.
    pub(crate) fn take(&self) -> Vec<NoticedRow> {
        let rows = std::mem::take(&mut *self.rows());
        rows.into_iter().map(|((function, way), position)| NoticedRow { function, way, position }).collect()
    }

    /// What a batch did not write, or nobody knows whether it did.
    pub(crate) fn put_back(&self, rows: Vec<NoticedRow>) {
        for row in rows {
            self.add(row);
        }
    }

    /// Comes back when something has waited long enough for a batch.
    pub(crate) async fn idle(&self) {
        while !self.any() {
            self.0.came.notified().await;
        }
        sleep(NOTICED_DELAY).await;
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<(String, String), i64>> {
        self.0.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
