//! Moves the WAL into the database file, beside the write path.
//!
//! Whoever serves the store calls [`SqliteCheckpointer::checkpoint`] about once a second from a task of its own, never from the
//! committer.

use brygga_engine::store::StoreError;

use super::ConnectError;
use super::link::{Failed, Link};
use super::rows::unavailable;
use super::statements::{CHECKPOINT_PASSIVE, CHECKPOINT_RESTART};
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
    /// Whether the WAL starts over with the next commit because it had grown too long.
    pub restarted: bool,
}

/// The connection that moves the WAL into the file, on a thread of its own.
#[derive(Debug)]
pub struct SqliteCheckpointer {
    link: Thread<Link>,
}

impl SqliteCheckpointer {
    pub(super) fn new(link: Link) -> Result<Self, ConnectError> {
        let link = Thread::start("sqlite-wal", link).map_err(ConnectError::Thread)?;
        Ok(Self { link })
    }

    /// Moves what can be moved without holding anybody up.
    ///
    /// Under a steady load the WAL is never wholly moved and so would grow without end; from [`WAL_PAGES_MAX`] on the writer is
    /// held up for the few pages that came in meanwhile, and the WAL starts over.
    pub async fn checkpoint(&mut self) -> Result<Checkpointed, StoreError> {
        self.link.ask(checkpoint).await
    }
}

fn checkpoint(link: &mut Link) -> Result<Checkpointed, StoreError> {
    let (busy, wal_pages, moved_pages) = run(link, CHECKPOINT_PASSIVE)?;
    if busy == 0 && wal_pages == moved_pages || wal_pages < WAL_PAGES_MAX {
        return Ok(Checkpointed { wal_pages, moved_pages, restarted: false });
    }
    let (busy, wal_pages, moved_pages) = run(link, CHECKPOINT_RESTART)?;
    Ok(Checkpointed { wal_pages, moved_pages, restarted: busy == 0 })
}

fn run(link: &mut Link, statement: &'static str) -> Result<(i64, i64, i64), StoreError> {
    let connection = link.connection().map_err(|error| unavailable(statement, error))?;
    let moved = connection.prepare(statement).and_then(|mut prepared| prepared.one([], |row| Ok((row.take()?, row.take()?, row.take()?))));
    if moved.is_err() {
        link.give_up();
    }
    moved.map_err(|Failed { statement, source }| unavailable(statement, source))
}
