//! Moves the WAL into the database file, beside the write path.
//!
//! Whoever serves the store calls [`SqliteCheckpointer::checkpoint`] about once a second from a task of its own, never from the
//! committer.

use brygga_engine::store::StoreError;
use sqlx::Row as _;

use super::link::Link;
use super::rows::unavailable;
use crate::statements;

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

/// The connection that moves the WAL into the file.
#[derive(Debug)]
pub struct SqliteCheckpointer {
    link: Link,
}

impl SqliteCheckpointer {
    pub(super) fn new(link: Link) -> Self {
        Self { link }
    }

    /// Moves what can be moved without holding anybody up.
    ///
    /// Under a steady load the WAL is never wholly moved and so would grow without end; from [`WAL_PAGES_MAX`] on the writer is
    /// held up for the few pages that came in meanwhile, and the WAL starts over.
    pub async fn checkpoint(&mut self) -> Result<Checkpointed, StoreError> {
        let (busy, wal_pages, moved_pages) = self.run(statements::CHECKPOINT_PASSIVE).await?;
        if busy == 0 && wal_pages == moved_pages || wal_pages < WAL_PAGES_MAX {
            return Ok(Checkpointed { wal_pages, moved_pages, restarted: false });
        }
        let (busy, wal_pages, moved_pages) = self.run(statements::CHECKPOINT_RESTART).await?;
        Ok(Checkpointed { wal_pages, moved_pages, restarted: busy == 0 })
    }

    async fn run(&mut self, statement: &'static str) -> Result<(i64, i64, i64), StoreError> {
        let failed = |error: sqlx::Error| unavailable(statement, error);
        let connection = self.link.connection().await.map_err(|error| unavailable(statement, error))?;
        let row = sqlx::query(statement).fetch_one(connection).await;
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                self.link.give_up().await;
                return Err(failed(error));
            }
        };
        Ok((row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?, row.try_get(2).map_err(failed)?))
    }
}
