//! Moves the WAL into the database file, beside the write path.
//!
//! Whoever serves the store calls [`SqliteCheckpointer::checkpoint`] about once a second from a task of its own, never from the
//! committer. Only the writer can let the WAL start over while commits come without a pause, so it is asked to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use brygga_engine::store::StoreError;

use super::ConnectError;
use super::link::{Failed, Link};
use super::rows::unavailable;
use super::statements::CHECKPOINT_PASSIVE;
use super::thread::Thread;

/// Pages in the WAL from which on it must start over: 64 MiB of 8 KiB pages.
pub const WAL_PAGES_MAX: i64 = 8192;

/// What a checkpoint did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpointed {
    /// Pages in the WAL.
    pub wal_pages: i64,
    /// Pages of it that are in the file.
    pub moved_pages: i64,
}

/// Whether the writer is to move the rest of the WAL before its next batch.
#[derive(Debug, Clone, Default)]
pub(super) struct Overlong(Arc<AtomicBool>);

impl Overlong {
    /// Takes the request, if there is one.
    pub(super) fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// The connection that moves the WAL into the file, on a thread of its own.
#[derive(Debug)]
pub struct SqliteCheckpointer {
    link: Thread<Link>,
    overlong: Overlong,
}

impl SqliteCheckpointer {
    pub(super) fn new(link: Link, overlong: Overlong) -> Result<Self, ConnectError> {
        let link = Thread::start("sqlite-wal", link).map_err(ConnectError::Thread)?;
        Ok(Self { link, overlong })
    }

    /// Moves what can be moved without holding anybody up.
    ///
    /// Under a steady load the WAL is never wholly moved and so would grow without end; from [`WAL_PAGES_MAX`] on the writer moves the
    /// few pages that came in meanwhile, between two batches, and SQLite starts the WAL over with the next commit.
    pub async fn checkpoint(&mut self) -> Result<Checkpointed, StoreError> {
        let done = self.link.ask(checkpoint).await?;
        self.overlong.0.store(done.wal_pages >= WAL_PAGES_MAX, Ordering::Relaxed);
        Ok(done)
    }
}

fn checkpoint(link: &mut Link) -> Result<Checkpointed, StoreError> {
    let connection = link.connection().map_err(|error| unavailable(CHECKPOINT_PASSIVE, error))?;
    let moved = connection.prepare(CHECKPOINT_PASSIVE).and_then(|mut prepared| {
        // The first column tells whether another checkpoint was under way.
        prepared.one([], |row| Ok((row.take::<i64>()?, Checkpointed { wal_pages: row.take()?, moved_pages: row.take()? }).1))
    });
    if moved.is_err() {
        link.give_up();
    }
    moved.map_err(|Failed { statement, source }| unavailable(statement, source))
}
