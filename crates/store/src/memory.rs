//! The store in memory, for tests: the same constraints as the SQL schema, and faults on demand.
//!
//! It loses everything with the process and must never serve a broker.

mod faults;
mod reader;
mod tables;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use brygga_engine::rows::{CheckpointRow, HeadRow};
use brygga_engine::store::{Batch, CommitError, Loaded, Store, StoreError, Wanted};

pub use faults::{CommitFault, Faults, Injected};
pub use reader::MemoryReader;
pub use tables::{Tables, Violation};

/// A database in memory; clones are the same database.
#[derive(Debug, Clone, Default)]
pub struct MemoryDatabase {
    tables: Arc<Mutex<Tables>>,
    faults: Faults,
}

impl MemoryDatabase {
    /// A database that holds these tables, as a restart finds them.
    pub fn from_tables(tables: Tables) -> Self {
        Self { tables: Arc::new(Mutex::new(tables)), faults: Faults::default() }
    }

    /// A copy of everything as it stands.
    pub fn tables(&self) -> Tables {
        self.lock().clone()
    }

    /// The writer. One at a time: as with SQLite, nothing but the caller keeps a second one out of the process.
    pub fn store(&self) -> MemoryStore {
        MemoryStore { database: self.clone(), in_transaction: false }
    }

    /// A reader.
    pub fn reader(&self) -> MemoryReader {
        MemoryReader::new(self.clone())
    }

    /// The faults that are to come.
    pub fn faults(&self) -> Faults {
        self.faults.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        // A batch is checked before it is applied, so that no panic leaves half of one.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writer of a database in memory.
#[derive(Debug)]
pub struct MemoryStore {
    database: MemoryDatabase,
    in_transaction: bool,
}

/// A batch came without its load.
#[derive(Debug, thiserror::Error)]
#[error("no transaction is open: a batch is committed once, after its load")]
struct NoTransaction;

impl Store for MemoryStore {
    async fn load(&mut self, wanted: &Wanted) -> Result<Loaded, StoreError> {
        self.in_transaction = false;
        self.database.faults.next_load().map_err(|injected| StoreError::Unavailable { statement: "load", source: injected.into() })?;
        self.in_transaction = true;
        Ok(self.database.lock().load(wanted))
    }

    async fn commit(&mut self, batch: &Batch) -> Result<(), CommitError> {
        if !std::mem::take(&mut self.in_transaction) {
            return Err(CommitError::NotCommitted(NoTransaction.into()));
        }
        let fault = self.database.faults.next_commit();
        if fault == Some(CommitFault::NotCommitted) {
            return Err(CommitError::NotCommitted(Injected.into()));
        }
        let mut tables = self.database.lock();
        tables.check(batch).map_err(|violation| CommitError::NotCommitted(violation.into()))?;
        if fault != Some(CommitFault::UnknownNotWritten) {
            tables.apply(batch);
        }
        if fault.is_some() { Err(CommitError::OutcomeUnknown(Injected.into())) } else { Ok(()) }
    }

    async fn settle(&mut self, prev_size: i64) -> Result<(HeadRow, Option<CheckpointRow>), StoreError> {
        self.in_transaction = false;
        self.database.faults.next_settle().map_err(|injected| StoreError::Unavailable { statement: "settle", source: injected.into() })?;
        Ok(self.database.lock().settle(prev_size))
    }
}
