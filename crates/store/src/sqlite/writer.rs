//! The writer: one connection on a thread of its own, one transaction at a time. The committer owns it.

use std::fs::File;

use brygga_engine::rows::{CheckpointRow, HeadRow};
use brygga_engine::store::{Batch, CommitError, Loaded, Store, StoreError, Wanted};

use super::checkpointer::{Overlong, Traces};
use super::columns::Whole as _;
use super::link::{Connection, Failed, Link};
use super::rows::{never_written, unavailable};
use super::statements::{BEGIN, CHECKPOINT_PASSIVE, CHECKPOINT_TRUNCATE, COMMIT, OVERWRITE, READ_FOLLOWING_CHECKPOINT, ROLLBACK};
use super::thread::Thread;
use super::write::{Standing, write};
use super::{ConnectError, load};

/// The writer of a SQLite database. Dropping it closes the connection and lets go of the lock.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Thread<Writer>,
}

/// What lives on the writer's thread.
#[derive(Debug)]
struct Writer {
    link: Link,
    /// The referrals that the open transaction has loaded; `None` when none is open.
    standing: Option<Standing>,
    overlong: Overlong,
    traces: Traces,
    /// Keeps a second broker out for as long as the store lives.
    _lock: File,
}

/// A batch came without its load.
#[derive(Debug, thiserror::Error)]
#[error("no transaction is open: a batch is committed once, after its load")]
struct NoTransaction;

impl SqliteStore {
    pub(super) fn new(link: Link, (overlong, traces): (Overlong, Traces), lock: File) -> Result<Self, ConnectError> {
        let writer = Thread::start("sqlite-writer", Writer { link, standing: None, overlong, traces, _lock: lock }).map_err(ConnectError::Thread)?;
        Ok(Self { writer })
    }
}

impl Store for SqliteStore {
    async fn load(&mut self, wanted: &Wanted) -> Result<Loaded, StoreError> {
        let wanted = wanted.clone();
        self.writer.ask(move |writer| writer.load(&wanted)).await
    }

    async fn commit(&mut self, batch: &Batch) -> Result<(), CommitError> {
        let batch = batch.clone();
        self.writer.ask(move |writer| writer.finish(&batch)).await
    }

    async fn settle(&mut self, prev_size: i64) -> Result<(HeadRow, Option<CheckpointRow>), StoreError> {
        self.writer.ask(move |writer| writer.settle(prev_size)).await
    }
}

impl Writer {
    fn load(&mut self, wanted: &Wanted) -> Result<Loaded, StoreError> {
        // The batch before this one may have been given up between load and commit.
        self.roll_back();
        let connection = self.link.connection().map_err(|error| unavailable(BEGIN, error))?;
        if self.overlong.take() {
            let _later = move_wal(connection, CHECKPOINT_PASSIVE);
        }
        match connection.run(BEGIN).and_then(|()| load::load(connection, wanted)) {
            Ok(loaded) => {
                self.standing = Some(loaded.referrals.iter().map(|rows| (rows.referral.first_position, rows.clone())).collect());
                Ok(loaded)
            }
            Err(failed) => {
                self.roll_back();
                Err(failed.into())
            }
        }
    }

    fn finish(&mut self, batch: &Batch) -> Result<(), CommitError> {
        let not_committed = |error: Failed| CommitError::NotCommitted(error.into());
        let standing = self.standing.take().ok_or_else(|| CommitError::NotCommitted(NoTransaction.into()))?;
        let connection = self.link.connection().map_err(|error| CommitError::NotCommitted(error.into()))?;
        if let Err(failed) = write(connection, batch, standing) {
            self.roll_back();
            return Err(not_committed(failed));
        }
        let committed = connection.run(COMMIT);
        // What may have been destroyed counts as destroyed: the WAL is emptied once too often rather than once too seldom.
        if !batch.destroyed.is_empty() {
            self.traces.left();
        }
        let Err(failed) = committed else { return Ok(()) };
        if never_written(&failed.source) {
            self.roll_back();
            return Err(not_committed(failed));
        }
        // The frame that commits may lie in the WAL although its sync failed, and a crash now would bring it to life.
        self.link.give_up();
        Err(CommitError::OutcomeUnknown(failed.into()))
    }

    fn settle(&mut self, prev_size: i64) -> Result<(HeadRow, Option<CheckpointRow>), StoreError> {
        self.standing = None;
        self.link.give_up();
        let connection = self.link.connection().map_err(|error| unavailable(READ_FOLLOWING_CHECKPOINT, error))?;
        // A frame that commits may lie in the WAL beyond its end, where a crash would bring it to life: what is written now lies there instead.
        // SQLite writes a page for that also where the value stands.
        connection.run(OVERWRITE)?;
        let head = load::head(connection)?;
        let following = connection.prepare(READ_FOLLOWING_CHECKPOINT)?.first([prev_size], CheckpointRow::take)?;
        Ok((head, following))
    }

    /// Ends what was begun without writing. When SQLite does not even roll back, the connection goes, and the transaction with it.
    fn roll_back(&mut self) {
        self.standing = None;
        let Ok(connection) = self.link.connection() else { return };
        if connection.is_in_transaction() && connection.run(ROLLBACK).is_err() {
            self.link.give_up();
        }
    }
}

impl Drop for Writer {
    /// Leaves no WAL behind: the next start would read through all of it.
    fn drop(&mut self) {
        self.roll_back();
        if let Ok(connection) = self.link.connection() {
            let _left = move_wal(connection, CHECKPOINT_TRUNCATE);
        }
    }
}

/// Moves the WAL into the file, as far as readers let it; whether nobody held it up.
pub(super) fn move_wal(connection: &Connection, statement: &'static str) -> bool {
    let busy = connection.prepare(statement).and_then(|mut prepared| prepared.one([], |row| Ok(row.take::<i64>()? != 0)));
    match busy {
        Ok(busy) => !busy,
        Err(failed) => {
            tracing::warn!(error = %failed.source, "the WAL could not be moved into the database file");
            false
        }
    }
}
