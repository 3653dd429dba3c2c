//! The SQLite store: one file in WAL mode, one writer, a few readers, and a connection that moves the WAL into the file.
//!
//! The write path never pays for a WAL checkpoint: the writer's are off, and somebody must run [`SqliteCheckpointer::checkpoint`]
//! regularly. A lock file beside the database keeps a second broker out; readers for `replay` and `verify` open beside a broker.

mod checkpointer;
mod link;
mod reader;
mod rows;
mod tamper;
mod writer;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{Migrate as _, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, SqlSafeStr as _};

pub use checkpointer::{Checkpointed, SqliteCheckpointer};
pub use link::ConnectError;
pub use reader::SqliteReader;
pub use tamper::{TamperError, tamper};
pub use writer::SqliteStore;

use crate::statements;
use link::{Link, Role};

/// How many readers there are at most.
pub const READERS_MAX: usize = 4;
/// How long a connection waits for another's lock.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The oldest SQLite that does not damage its WAL under concurrent checkpoints.
const SQLITE_VERSION_MIN: (u32, u32, u32) = (3, 51, 3);

/// The schema's steps, in order. A step that has been released never changes.
const MIGRATIONS: [(i64, &str, &str); 1] = [(1, "journal", include_str!("migrations/sqlite/0001_journal.sql"))];

/// How to open a store.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// How many readers; at most [`READERS_MAX`].
    pub readers: usize,
    /// How long a connection waits for another's lock.
    pub busy_timeout: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { readers: READERS_MAX, busy_timeout: BUSY_TIMEOUT }
    }
}

/// The connections beside the writer's.
#[derive(Debug)]
pub struct SqliteReaders {
    /// One for each task of the reader pool.
    pub readers: Vec<SqliteReader>,
    /// For the task that moves the WAL into the file.
    pub checkpointer: SqliteCheckpointer,
}

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another broker has the database.
    #[error("another broker holds the lock file {lock_file}; one database serves one broker")]
    Locked {
        /// The lock file.
        lock_file: PathBuf,
    },
    /// The lock file cannot be used.
    #[error("the lock file {lock_file} cannot be opened or locked")]
    LockFile {
        /// The lock file.
        lock_file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database does not open.
    #[error("the database {path} does not open")]
    Connect {
        /// The database.
        path: PathBuf,
        /// Why.
        #[source]
        source: ConnectError,
    },
    /// A newer program has written the database.
    #[error("the database {path} has schema {found}, this program knows up to {known}; use the program that wrote it, or a newer one")]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// An older program has written the database, and it is open for reading only.
    #[error("the database {path} has schema {found}, this program reads {known}; start the broker once to bring it up to date")]
    OlderSchema {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The schema that this program knows.
        known: i64,
    },
    /// The schema cannot be brought up to date.
    #[error("the schema of the database {path} cannot be brought up to date")]
    Migrate {
        /// The database.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
}

impl SqliteStore {
    /// Opens the database at `path`, creates it if it is not there, and brings its schema up to date.
    ///
    /// The lock on `<path>.lock` is held until the store is dropped.
    pub async fn open(path: &Path, options: &SqliteOptions) -> Result<(Self, SqliteReaders), OpenError> {
        let lock = lock(path)?;
        let refused = |source| OpenError::Connect { path: path.to_owned(), source };
        let mut writer = Link::new(path, Role::Writer, options.busy_timeout);
        migrate(path, writer.connection().await.map_err(refused)?).await?;
        let mut checkpointer = Link::new(path, Role::Checkpointer, options.busy_timeout);
        checkpointer.connection().await.map_err(refused)?;
        let mut readers = Vec::new();
        for _ in 0..options.readers.clamp(1, READERS_MAX) {
            let mut link = Link::new(path, Role::Reader, options.busy_timeout);
            link.connection().await.map_err(refused)?;
            readers.push(SqliteReader::new(link));
        }
        Ok((Self::new(writer, lock), SqliteReaders { readers, checkpointer: SqliteCheckpointer::new(checkpointer) }))
    }
}

impl SqliteReader {
    /// Opens the database at `path` for reading only, beside a broker or without one, and takes no lock.
    pub async fn open_beside(path: &Path) -> Result<Self, OpenError> {
        let refused = |source| OpenError::Connect { path: path.to_owned(), source };
        let mut link = Link::new(path, Role::Reader, BUSY_TIMEOUT);
        let connection = link.connection().await.map_err(refused)?;
        let found = sqlx::query_scalar(statements::READ_SCHEMA_VERSION).fetch_one(connection).await.map_err(|error| refused(error.into()))?;
        let known = newest_schema();
        let path = path.to_owned();
        match known.cmp(&found) {
            std::cmp::Ordering::Equal => Ok(Self::new(link)),
            std::cmp::Ordering::Less => Err(OpenError::NewerSchema { path, found, known }),
            std::cmp::Ordering::Greater => Err(OpenError::OlderSchema { path, found, known }),
        }
    }
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock_file = PathBuf::from(name);
    // The lock lies on the open file and goes with it, however the process ends; what the file holds does not matter.
    let opened = File::options().create(true).truncate(false).write(true).open(&lock_file);
    let file = match opened {
        Ok(file) => file,
        Err(source) => return Err(OpenError::LockFile { lock_file, source }),
    };
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { lock_file }),
        Err(TryLockError::Error(source)) => Err(OpenError::LockFile { lock_file, source }),
    }
}

fn newest_schema() -> i64 {
    MIGRATIONS.iter().map(|(version, ..)| *version).max().unwrap_or_default()
}

async fn migrate(path: &Path, connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let failed = |source| OpenError::Migrate { path: path.to_owned(), source };
    let steps = MIGRATIONS.map(|(version, name, sql)| Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false));
    let migrator = Migrator::with_migrations(steps.into());
    connection.ensure_migrations_table(&migrator.table_name).await.map_err(failed)?;
    let found: i64 = sqlx::query_scalar(statements::READ_SCHEMA_VERSION).fetch_one(&mut *connection).await.map_err(|error| failed(error.into()))?;
    let known = newest_schema();
    if found > known {
        return Err(OpenError::NewerSchema { path: path.to_owned(), found, known });
    }
    migrator.run_direct(None, connection, false).await.map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::{AssertSqlSafe, Row as _};

    /// Each question that is asked again and again, the index it must use, and none may read through a whole table.
    const PLANS: [(&str, &[&str]); 11] = [
        (statements::READ_PENDING, &["referral_sender_clears", "referral_leader_clears"]),
        (statements::READ_OPEN_INBOX, &["referral_in_inbox"]),
        (statements::READ_SENT, &["referral_by_sender"]),
        (statements::READ_REFERRALS, &["(id=?)"]),
        (statements::READ_BY_REFERENCE, &["(reference=?)"]),
        (statements::READ_BY_SENDER_REFERENCE, &["(hash=?)", "(id=?)"]),
        (statements::READ_CONTENTS, &["(origin=? AND section=? AND revision=?)"]),
        (statements::READ_INBOX, &["(function=? AND position>?)"]),
        (statements::READ_STATUSES, &["(agency=? AND position>?)"]),
        (statements::READ_OPENINGS, &["(position=?)"]),
        (statements::READ_EVENTS, &["(rowid>? AND rowid<?)"]),
    ];

    async fn plan(connection: &mut SqliteConnection, statement: &str) -> String {
        let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"))).fetch_all(connection).await.unwrap();
        rows.iter().map(|row| row.get::<String, _>("detail")).collect::<Vec<_>>().join("\n")
    }

    #[tokio::test]
    async fn questions_use_their_index_and_scan_no_table() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plans.db");
        let mut link = Link::new(&path, Role::Writer, BUSY_TIMEOUT);
        let connection = link.connection().await.unwrap();
        migrate(&path, connection).await.unwrap();
        let loads = statements::LOAD.split(";\n").skip(2).map(|statement| (statement, &["CROSS"][..0]));
        for (statement, wanted) in PLANS.into_iter().chain(loads) {
            let plan = plan(connection, statement).await;
            for part in wanted {
                assert!(plan.contains(part), "{part} is not in the plan of\n{statement}\n{plan}");
            }
            let scans = plan.lines().filter(|line| line.starts_with("SCAN ") && !["json_each", "wanted", "VIRTUAL"].iter().any(|list| line.contains(list)));
            assert_eq!(scans.collect::<Vec<_>>(), Vec::<&str>::new(), "{statement}\n{plan}");
        }
    }

    #[tokio::test]
    async fn settings_hold_for_every_connection() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.db");
        for (role, settings) in [
            (Role::Writer, [("synchronous", 2_i64), ("foreign_keys", 1), ("trusted_schema", 0), ("wal_autocheckpoint", 0), ("query_only", 0)]),
            (Role::Checkpointer, [("synchronous", 2), ("foreign_keys", 1), ("trusted_schema", 0), ("wal_autocheckpoint", 0), ("query_only", 0)]),
            (Role::Reader, [("synchronous", 2), ("foreign_keys", 1), ("trusted_schema", 0), ("wal_autocheckpoint", 1000), ("query_only", 1)]),
        ] {
            let mut link = Link::new(&path, role, BUSY_TIMEOUT);
            for (name, wanted) in settings {
                let connection = link.connection().await.unwrap();
                let found: i64 = sqlx::query_scalar(AssertSqlSafe(format!("PRAGMA {name}"))).fetch_one(connection).await.unwrap();
                assert_eq!(found, wanted, "{role:?}: {name}");
            }
        }
    }
}
