//! A connection with its settings, which is opened again after it was given up.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Row as _};

use super::*;

/// Size of a page: 8 KiB holds three contents of 2 KiB, and keeps what a single commit writes small.
const PAGE_BYTES: u32 = 8192;
/// The writer's cache: it holds the inner pages of the random indexes.
const WRITER_CACHE_KIB: u32 = 65_536;
/// A reader's cache.
const READER_CACHE_KIB: u32 = 8_192;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Writes; the only one that does.
    Writer,
    /// Reads, and cannot write.
    Reader,
    /// Moves the WAL into the file.
    Checkpointer,
}

/// Why a connection is not there, or not what it must be.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// It does not open or does not answer.
    #[error("SQLite does not answer")]
    Sqlite(#[from] sqlx::Error),
    /// A setting does not hold.
    #[error("the setting {name} is {found}, and must be {wanted}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// As it is.
        found: String,
        /// As it must be.
        wanted: &'static str,
    },
    /// The library may damage the WAL.
    #[error("SQLite {found} may damage its WAL; 3.51.3 or newer is needed")]
    OldLibrary {
        /// Its version.
        found: String,
    },
}

/// One connection.
#[derive(Debug)]
pub(super) struct Link {
    options: SqliteConnectOptions,
    role: Role,
    connection: Option<SqliteConnection>,
}

impl Link {
    pub(super) fn new(path: &Path, role: Role, busy_timeout: Duration) -> Self {
        let options = SqliteConnectOptions::new().filename(path).busy_timeout(busy_timeout).foreign_keys(true).pragma("trusted_schema", "OFF");
        let options = match role {
            Role::Writer => durable(options.create_if_missing(true).page_size(PAGE_BYTES))
                .pragma("cache_size", format!("-{WRITER_CACHE_KIB}"))
                .pragma("temp_store", "MEMORY")
                .pragma("secure_delete", "ON")
                .pragma("wal_autocheckpoint", "0"),
            Role::Checkpointer => durable(options).pragma("wal_autocheckpoint", "0"),
            Role::Reader => options.read_only(true).pragma("query_only", "ON").pragma("cache_size", format!("-{READER_CACHE_KIB}")),
        };
        Self { options: options.disable_statement_logging(), role, connection: None }
    }

    /// The connection, opened if it is not.
    pub(super) async fn connection(&mut self) -> Result<&mut SqliteConnection, ConnectError> {
        let connection = match self.connection.take() {
            Some(open) => open,
            None => self.open().await?,
        };
        Ok(self.connection.insert(connection))
    }

    /// Closes the connection, which rolls back what it had begun.
    pub(super) async fn give_up(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::debug!(%error, "closing a connection that was given up");
        }
    }

    async fn open(&self) -> Result<SqliteConnection, ConnectError> {
        let mut connection = self.options.connect().await?;
        library(&mut connection).await?;
        setting(&mut connection, "PRAGMA journal_mode", "journal_mode", "wal").await?;
        if self.role != Role::Reader {
            setting(&mut connection, "PRAGMA synchronous", "synchronous", "2").await?;
        }
        setting(&mut connection, "PRAGMA foreign_keys", "foreign_keys", "1").await?;
        Ok(connection)
    }
}

fn durable(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full)
}

async fn library(connection: &mut SqliteConnection) -> Result<(), ConnectError> {
    let found: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(connection).await?;
    let mut numbers = found.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
    let mut next = || numbers.next().unwrap_or_default();
    if (next(), next(), next()) < SQLITE_VERSION_MIN { Err(ConnectError::OldLibrary { found }) } else { Ok(()) }
}

/// A setting that SQLite does not know or cannot apply is no error to it: only reading it back tells.
async fn setting(connection: &mut SqliteConnection, query: &'static str, name: &'static str, wanted: &'static str) -> Result<(), ConnectError> {
    let row = sqlx::query(query).fetch_one(connection).await?;
    let found = match row.try_get::<String, _>(0) {
        Ok(text) => text,
        Err(_) => row.try_get::<i64, _>(0)?.to_string(),
    };
    if found == wanted { Ok(()) } else { Err(ConnectError::Setting { name, found, wanted }) }
}
