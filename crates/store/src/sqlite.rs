//! The SQLite store: one file in WAL mode, one writer, a few readers, and a connection that moves the WAL into the file.
//!
//! The write path never pays for a WAL checkpoint: the writer's are off, and somebody must run [`SqliteCheckpointer::checkpoint`]
//! regularly. A lock file beside the database keeps a second broker out; readers for `replay` and `verify` open beside a broker.

mod checkpointer;
mod columns;
mod link;
mod load;
mod reader;
mod rows;
mod statements;
mod tamper;
mod thread;
mod write;
mod writer;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use checkpointer::{Checkpointed, SqliteCheckpointer, WAL_PAGES_MAX};
pub use link::ConnectError;
pub use reader::SqliteReader;
pub use tamper::{TamperError, tamper};
pub use writer::SqliteStore;

use checkpointer::{Overlong, Traces};
use columns::only;
use link::{Connection, Failed, Link, Role};
use statements::FORGET_IN_FLIGHT;

/// How many readers there are at most.
pub const READERS_MAX: usize = 4;
/// How long a connection waits for another's lock.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The oldest SQLite that does not damage its WAL under concurrent checkpoints.
const SQLITE_VERSION_MIN: (u32, u32, u32) = (3, 51, 3);

/// The schema's steps, in order, each with the version that it leads to. A step that has been released never changes.
const MIGRATIONS: [(i64, &str); 5] = [
    (1, include_str!("migrations/sqlite/0001_journal.sql")),
    (2, include_str!("migrations/sqlite/0002_noticed.sql")),
    (3, include_str!("migrations/sqlite/0003_more_parts.sql")),
    (4, include_str!("migrations/sqlite/0004_open_sent.sql")),
    (5, include_str!("migrations/sqlite/0005_plain_checks.sql")),
];

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
        source: ConnectError,
    },
}

impl SqliteStore {
    /// Opens the database at `path`, creates it if it is not there, and brings its schema up to date.
    ///
    /// The lock on `<path>.lock` is held until the store is dropped.
    #[expect(clippy::unused_async, reason = "every back end is opened alike, and the others wait")]
    pub async fn open(path: &Path, options: &SqliteOptions) -> Result<(Self, SqliteReaders), OpenError> {
        let lock = lock(path)?;
        let refused = |source| OpenError::Connect { path: path.to_owned(), source };
        let mut writer = Link::new(path, Role::Writer, options.busy_timeout);
        let connection = writer.connection().map_err(refused)?;
        migrate(path, connection)?;
        // The lock says that no other broker is there.
        connection.run(FORGET_IN_FLIGHT).map_err(|failed| refused(failed.into()))?;
        // A broker that ended out of order may have left destroyed content in the WAL.
        let emptied = writer::move_wal(connection, statements::CHECKPOINT_TRUNCATE);
        let mut checkpointer = Link::new(path, Role::Checkpointer, options.busy_timeout);
        checkpointer.connection().map_err(refused)?;
        let mut readers = Vec::new();
        for _ in 0..options.readers.clamp(1, READERS_MAX) {
            let mut link = Link::new(path, Role::Reader, options.busy_timeout);
            link.connection().map_err(refused)?;
            readers.push(SqliteReader::new(link).map_err(refused)?);
        }
        let (overlong, traces) = (Overlong::default(), Traces::default());
        // Whoever reads beside it just now may have held that up.
        if !emptied {
            traces.left();
        }
        let checkpointer = SqliteCheckpointer::new(checkpointer, overlong.clone(), traces.clone()).map_err(refused)?;
        Ok((Self::new(writer, (overlong, traces), lock).map_err(refused)?, SqliteReaders { readers, checkpointer }))
    }
}

impl SqliteReader {
    /// Opens the database at `path` for reading only, beside a broker or without one, and takes no lock.
    #[expect(clippy::unused_async, reason = "every back end is opened alike, and the others wait")]
    pub async fn open_beside(path: &Path) -> Result<Self, OpenError> {
        let refused = |source| OpenError::Connect { path: path.to_owned(), source };
        let mut link = Link::new(path, Role::Reader, BUSY_TIMEOUT);
        let found = link.connection().and_then(|connection| Ok(schema_version(connection)?)).map_err(refused)?;
        let known = newest_schema();
        match known.cmp(&found) {
            std::cmp::Ordering::Equal => Self::new(link).map_err(refused),
            std::cmp::Ordering::Less => Err(OpenError::NewerSchema { path: path.to_owned(), found, known }),
            std::cmp::Ordering::Greater => Err(OpenError::OlderSchema { path: path.to_owned(), found, known }),
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
    MIGRATIONS.iter().map(|(version, _)| *version).max().unwrap_or_default()
}

/// The schema of the database, which SQLite keeps in its file's header; 0 for a new one.
fn schema_version(connection: &Connection) -> Result<i64, Failed> {
    connection.prepare(statements::READ_SCHEMA_VERSION)?.one([], only)
}

fn migrate(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let failed = |failed: Failed| OpenError::Migrate { path: path.to_owned(), source: failed.into() };
    let known = newest_schema();
    let found = schema_version(connection).map_err(failed)?;
    if found > known {
        return Err(OpenError::NewerSchema { path: path.to_owned(), found, known });
    }
    for (version, step) in MIGRATIONS.iter().filter(|(version, _)| *version > found) {
        connection.migrate(*version, step).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each question that is asked again and again, the index it must use, and none may read through a whole table.
    const PLANS: [(&str, &[&str]); 31] = [
        (statements::READ_KEY, &["(agency=? AND request=?)"]),
        (statements::FIND_BY_ID, &["COVERING INDEX", "(id=?)"]),
        (statements::FIND_BY_REFERENCE, &["COVERING INDEX", "(reference=?)"]),
        (statements::READ_TAKEN_REFERENCE, &["(hash=?)"]),
        (statements::READ_OFFER, &["(id=?)"]),
        (statements::MOVE_REFERRAL, &["(rowid=?)"]),
        (statements::PASS_REFERRAL_ON, &["(rowid=?)"]),
        (statements::READ_PENDING, &["referral_sender_clears", "referral_leader_clears"]),
        (statements::READ_OPEN_INBOX, &["referral_in_inbox"]),
        (statements::READ_DUE, &["referral_due"]),
        (statements::READ_SENT, &["referral_by_sender (sender=? AND rowid>?)"]),
        (statements::READ_OPEN_SENT, &["referral_open_sent (sender=? AND first_position>?)"]),
        (statements::READ_REFERRAL, &["(rowid=?)"]),
        (statements::READ_BY_ID, &["(id=?)"]),
        (statements::READ_BY_REFERENCE, &["(reference=?)"]),
        (statements::READ_BY_SENDER_REFERENCE, &["(hash=?)", "(id=?)"]),
        (statements::READ_CONTENT, &["(origin=? AND section=? AND revision=?)"]),
        (statements::DELETE_CONTENT, &["(origin=? AND section=? AND revision=?)"]),
        (statements::READ_CONTENT_NAMES, &["(origin>? AND origin<?)"]),
        (statements::READ_IN_FLIGHT, &["(origin=?)"]),
        (statements::DELETE_IN_FLIGHT, &["(origin=? AND broker=? AND number=?)"]),
        (statements::READ_NOTICED, &["(function=?)"]),
        (statements::READ_INBOX, &["(function=? AND position>?)"]),
        (statements::READ_STATUSES, &["(agency=? AND position>?)"]),
        (statements::READ_OPENINGS, &["(position=?)"]),
        (statements::READ_FOLLOWING_CHECKPOINT, &["(prev_size=?)"]),
        (statements::READ_OPEN_REVIEWS, &["emergency_unreviewed"]),
        (statements::READ_CHECKPOINT, &["(rowid=?)"]),
        (statements::READ_TREE_HASHES, &["(level=? AND number>? AND number<?)"]),
        (statements::READ_EVENTS, &["(rowid>? AND rowid<?)"]),
        (statements::READ_LEAF_HASHES, &["(rowid>? AND rowid<?)"]),
    ];

    fn details(connection: &Connection, statement: &str) -> Vec<String> {
        let text: &'static str = Box::leak(format!("EXPLAIN QUERY PLAN {statement}").into_boxed_str());
        connection.prepare(text).unwrap().plan().unwrap()
    }

    /// The writer's connection to a new database, in a folder that goes with the first value.
    fn migrated() -> (tempfile::TempDir, Link) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("brygga.db");
        let mut link = Link::new(&path, Role::Writer, BUSY_TIMEOUT);
        migrate(&path, link.connection().unwrap()).unwrap();
        (folder, link)
    }

    #[test]
    fn questions_use_their_index_and_scan_no_table() {
        let (_folder, mut link) = migrated();
        let connection = link.connection().unwrap();
        for (statement, wanted) in PLANS {
            let plan = details(connection, statement);
            for part in wanted {
                assert!(plan.iter().any(|line| line.contains(part)), "{part} is not in the plan of\n{statement}\n{plan:#?}");
            }
            let scans: Vec<&String> = plan.iter().filter(|line| line.starts_with("SCAN ")).collect();
            assert_eq!(scans, Vec::<&String>::new(), "{statement}\n{plan:#?}");
        }
    }

    /// What is written for each command.
    const WRITES: [&str; 16] = [
        statements::APPEND_EVENT,
        statements::APPEND_INBOX,
        statements::APPEND_STATUS,
        statements::ENTER_REFERRAL,
        statements::MOVE_REFERRAL,
        statements::PASS_REFERRAL_ON,
        statements::ENTER_KEY,
        statements::INSERT_IN_FLIGHT,
        statements::DELETE_IN_FLIGHT,
        statements::INSERT_CONTENT,
        statements::DELETE_CONTENT,
        statements::INSERT_OPENING,
        statements::INSERT_PERSON_LOOKUP,
        statements::INSERT_SENDER_REFERENCE,
        statements::INSERT_OFFER,
        statements::MOVE_HEAD,
    ];

    #[test]
    fn no_row_is_written_by_way_of_a_table_made_for_it() {
        let (_folder, mut link) = migrated();
        let connection = link.connection().unwrap();
        for statement in WRITES {
            let text: &'static str = Box::leak(format!("EXPLAIN {statement}").into_boxed_str());
            let made = connection.prepare(text).unwrap().opcodes().unwrap();
            assert!(made.iter().any(|opcode| opcode == "OpenWrite"), "{statement}\n{made:?}");
            assert!(!made.iter().any(|opcode| opcode == "OpenEphemeral"), "{statement}\n{made:?}");
            // Nothing that hangs on a referral is looked for where its row is written: its id does not change.
            assert!(!statement.contains(" referral ") || !made.iter().any(|opcode| opcode == "FkCounter"), "{statement}\n{made:?}");
        }
    }

    #[test]
    fn settings_hold_for_every_connection() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.db");
        for (role, settings) in [
            (
                Role::Writer,
                [
                    ("PRAGMA synchronous", 2_i64),
                    ("PRAGMA foreign_keys", 1),
                    ("PRAGMA trusted_schema", 0),
                    ("PRAGMA wal_autocheckpoint", 0),
                    ("PRAGMA query_only", 0),
                ],
            ),
            (
                Role::Checkpointer,
                [
                    ("PRAGMA synchronous", 2),
                    ("PRAGMA foreign_keys", 1),
                    ("PRAGMA trusted_schema", 0),
                    ("PRAGMA wal_autocheckpoint", 0),
                    ("PRAGMA query_only", 0),
                ],
            ),
            (
                Role::Reader,
                [
                    ("PRAGMA synchronous", 2),
                    ("PRAGMA foreign_keys", 1),
                    ("PRAGMA trusted_schema", 0),
                    ("PRAGMA wal_autocheckpoint", 1000),
                    ("PRAGMA query_only", 1),
                ],
            ),
        ] {
            let mut link = Link::new(&path, role, BUSY_TIMEOUT);
            for (question, wanted) in settings {
                let found: i64 = link.connection().unwrap().prepare(question).unwrap().one([], only).unwrap();
                assert_eq!(found, wanted, "{role:?}: {question}");
            }
        }
    }
}
