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
use super::statements::{CHECKPOINT_PASSIVE, CHECKPOINT_TRUNCATE};
use super::thread::Thread;

/// Pages in the WAL from which on it must start over: 64 MiB of 8 KiB pages.
pub const WAL_PAGES_MAX: i64 = 8192;

/// Checkpoints from one emptying of the WAL to the next: about a minute.
pub const WIPE_PAUSE: u32 = 60;

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

/// Whether the WAL may hold content that was destroyed: it is in no page of the file any more, but frames that wrote it stay until they are
/// written over.
#[derive(Debug, Clone, Default)]
pub(super) struct Traces(Arc<AtomicBool>);

impl Traces {
    /// Something was destroyed.
    pub(super) fn left(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The connection that moves the WAL into the file, on a thread of its own.
#[derive(Debug)]
pub struct SqliteCheckpointer {
    link: Thread<Link>,
    overlong: Overlong,
    traces: Traces,
    /// Checkpoints until the WAL may be emptied again.
    pause: u32,
}

impl SqliteCheckpointer {
    pub(super) fn new(link: Link, overlong: Overlong, traces: Traces) -> Result<Self, ConnectError> {
        let link = Thread::start("sqlite-wal", link).map_err(ConnectError::Thread)?;
        Ok(Self { link, overlong, traces, pause: 0 })
    }

    /// Moves what can be moved without holding anybody up.
    ///
    /// Under a steady load the WAL is never wholly moved and so would grow without end; from [`WAL_PAGES_MAX`] on the writer moves the
    /// few pages that came in meanwhile, between two batches, and SQLite starts the WAL over with the next commit.
    ///
    /// After a destruction the WAL is emptied, which waits a moment for readers and makes the writer wait: so at most once in
    /// [`WIPE_PAUSE`] checkpoints.
    pub async fn checkpoint(&mut self) -> Result<Checkpointed, StoreError> {
        self.pause = self.pause.saturating_sub(1);
        let wipes = self.pause == 0 && self.traces.0.swap(false, Ordering::Relaxed);
        let done = self.link.ask(move |link| checkpoint(link, if wipes { CHECKPOINT_TRUNCATE } else { CHECKPOINT_PASSIVE })).await;
        if wipes {
            self.pause = WIPE_PAUSE;
            // What readers or another checkpoint held up is done the next time; of the latter SQLite gives no number of pages.
            if done.as_ref().map_or(true, |done| done.wal_pages != 0) {
                self.traces.left();
            }
        }
        let done = done?;
        self.overlong.0.store(done.wal_pages >= WAL_PAGES_MAX, Ordering::Relaxed);
        Ok(done)
    }
}

fn checkpoint(link: &mut Link, statement: &'static str) -> Result<Checkpointed, StoreError> {
    let connection = link.connection().map_err(|error| unavailable(statement, error))?;
    let moved = connection.prepare(statement).and_then(|mut prepared| {
        // The first column tells whether another checkpoint was under way.
        prepared.one([], |row| Ok((row.take::<i64>()?, Checkpointed { wal_pages: row.take()?, moved_pages: row.take()? }).1))
    });
    if moved.is_err() {
        link.give_up();
    }
    moved.map_err(|Failed { statement, source }| unavailable(statement, source))
}
