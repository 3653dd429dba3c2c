//! A connection with its settings, which is opened again after it was given up. Nothing else in this crate touches SQLite's own
//! interface: what is asked of it here is static text.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{CachedStatement, OpenFlags, Params, Row};

use super::checkpointer::WAL_PAGES_MAX;
use super::columns::{Slots, Taken};
use super::{SQLITE_VERSION_MIN, statements};

/// Size of a page: 8 KiB holds three contents of 2 KiB, and keeps what a single commit writes small.
const PAGE_BYTES: i64 = 8192;
/// The writer's cache: it holds the inner pages of the random indexes.
const WRITER_CACHE_KIB: i64 = 65_536;
/// A reader's cache.
const READER_CACHE_KIB: i64 = 8_192;
/// Statements that a connection keeps prepared: more than there are.
const STATEMENTS_MAX: usize = 100;

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
    Sqlite(#[from] rusqlite::Error),
    /// A statement fails.
    #[error(transparent)]
    Statement(Box<dyn std::error::Error + Send + Sync>),
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
        found: &'static str,
    },
    /// The connection's thread does not start.
    #[error("the system gives no thread for a connection")]
    Thread(#[source] std::io::Error),
}

/// A statement that failed.
#[derive(Debug, thiserror::Error)]
#[error("the statement {} failed", statements::name(statement))]
pub(super) struct Failed {
    /// The statement.
    pub(super) statement: &'static str,
    /// Why.
    #[source]
    pub(super) source: rusqlite::Error,
}

impl From<Failed> for ConnectError {
    fn from(failed: Failed) -> Self {
        Self::Statement(failed.into())
    }
}

/// One connection, which may have to be opened first.
#[derive(Debug)]
pub(super) struct Link {
    path: PathBuf,
    role: Role,
    busy_timeout: Duration,
    connection: Option<Connection>,
}

impl Link {
    pub(super) fn new(path: &Path, role: Role, busy_timeout: Duration) -> Self {
        Self { path: path.to_owned(), role, busy_timeout, connection: None }
    }

    /// The connection, opened if it is not.
    pub(super) fn connection(&mut self) -> Result<&mut Connection, ConnectError> {
        let connection = match self.connection.take() {
            Some(open) => open,
            None => Connection::open(&self.path, self.role, self.busy_timeout)?,
        };
        Ok(self.connection.insert(connection))
    }

    /// Closes the connection, which rolls back what it had begun.
    pub(super) fn give_up(&mut self) {
        self.connection = None;
    }
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Connection(rusqlite::Connection);

impl Connection {
    fn open(path: &Path, role: Role, busy_timeout: Duration) -> Result<Self, ConnectError> {
        let found = rusqlite::version();
        if version(found) < SQLITE_VERSION_MIN {
            return Err(ConnectError::OldLibrary { found });
        }
        let flags = match role {
            Role::Writer => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            Role::Checkpointer => OpenFlags::SQLITE_OPEN_READ_WRITE,
            Role::Reader => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        let inner = rusqlite::Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        inner.busy_timeout(busy_timeout)?;
        inner.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        set(&inner, role)?;
        let opened = Self(inner);
        opened.must("journal_mode", "wal")?;
        opened.must("synchronous", "2")?;
        opened.must("foreign_keys", "1")?;
        opened.must("trusted_schema", "0")?;
        Ok(opened)
    }

    /// A setting that SQLite does not know or cannot apply is no error to it: only reading it back tells.
    fn must(&self, name: &'static str, wanted: &'static str) -> Result<(), ConnectError> {
        let found = self.0.pragma_query_value(None, name, |row| match row.get::<_, String>(0) {
            Ok(text) => Ok(text),
            Err(_) => row.get::<_, i64>(0).map(|number| number.to_string()),
        })?;
        if found == wanted { Ok(()) } else { Err(ConnectError::Setting { name, found, wanted }) }
    }

    /// The statement, prepared once for as long as the connection lives.
    pub(super) fn prepare(&self, statement: &'static str) -> Result<Prepared<'_>, Failed> {
        let prepared = self.0.prepare_cached(statement).map_err(|source| Failed { statement, source })?;
        Ok(Prepared { statement, prepared })
    }

    /// Runs a statement that takes nothing and answers nothing.
    pub(super) fn run(&self, statement: &'static str) -> Result<(), Failed> {
        self.prepare(statement)?.run(|_| Ok(()))
    }

    /// Runs a step of the schema, many statements, and says in the same transaction which version it led to.
    pub(super) fn migrate(&self, version: i64, step: &'static str) -> Result<(), Failed> {
        self.run(statements::BEGIN)?;
        let stepped = self.0.execute_batch(step).and_then(|()| self.0.pragma_update(None, "user_version", version));
        if let Err(source) = stepped {
            // Some errors have ended the transaction already; the first one is what counts.
            if self.is_in_transaction() {
                let _ended = self.run(statements::ROLLBACK);
            }
            return Err(Failed { statement: "migrate", source });
        }
        self.run(statements::COMMIT)
    }

    /// Whether a transaction is open: an error may have ended it.
    pub(super) fn is_in_transaction(&self) -> bool {
        !self.0.is_autocommit()
    }
}

fn version(text: &str) -> (u32, u32, u32) {
    let mut numbers = text.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
    let mut next = || numbers.next().unwrap_or_default();
    (next(), next(), next())
}

fn set(connection: &rusqlite::Connection, role: Role) -> Result<(), rusqlite::Error> {
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    if role == Role::Reader {
        connection.pragma_update(None, "query_only", true)?;
        return connection.pragma_update(None, "cache_size", -READER_CACHE_KIB);
    }
    if role == Role::Writer {
        connection.pragma_update(None, "page_size", PAGE_BYTES)?;
        connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "secure_delete", true)?;
    }
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // A WAL that a burst has made long does not keep its length.
    connection.pragma_update_and_check(None, "journal_size_limit", WAL_PAGES_MAX * PAGE_BYTES, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))
}

/// A statement that is prepared.
pub(super) struct Prepared<'c> {
    statement: &'static str,
    prepared: CachedStatement<'c>,
}

impl Prepared<'_> {
    /// Runs it with the values that `bind` puts into its slots, in order.
    pub(super) fn run(&mut self, bind: impl FnOnce(&mut Slots<'_, '_>) -> Result<(), rusqlite::Error>) -> Result<(), Failed> {
        self.changed(bind).map(drop)
    }

    /// Runs it likewise; whether it changed any row.
    pub(super) fn changed(&mut self, bind: impl FnOnce(&mut Slots<'_, '_>) -> Result<(), rusqlite::Error>) -> Result<bool, Failed> {
        let ran = bind(&mut Slots::new(&mut self.prepared)).and_then(|()| self.prepared.raw_execute());
        ran.map(|rows| rows > 0).map_err(|source| Failed { statement: self.statement, source })
    }

    /// Asks it, and shows every row.
    pub(super) fn each(&mut self, asked: impl Params, mut show: impl FnMut(&mut Taken<'_>) -> Result<(), rusqlite::Error>) -> Result<(), Failed> {
        let all = || {
            let mut rows = self.prepared.query(asked)?;
            while let Some(row) = rows.next()? {
                show(&mut Taken::new(row))?;
            }
            Ok(())
        };
        all().map_err(|source| Failed { statement: self.statement, source })
    }

    /// Asks it for rows.
    pub(super) fn rows<R>(&mut self, asked: impl Params, mut read: impl FnMut(&mut Taken<'_>) -> Result<R, rusqlite::Error>) -> Result<Vec<R>, Failed> {
        let mut found = Vec::new();
        self.each(asked, |row| {
            found.push(read(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Asks it for one row, if there is one.
    pub(super) fn first<R>(&mut self, asked: impl Params, read: impl FnOnce(&mut Taken<'_>) -> Result<R, rusqlite::Error>) -> Result<Option<R>, Failed> {
        let first = |prepared: &mut CachedStatement<'_>| {
            let mut rows = prepared.query(asked)?;
            rows.next()?.map(|row: &Row<'_>| read(&mut Taken::new(row))).transpose()
        };
        first(&mut self.prepared).map_err(|source| Failed { statement: self.statement, source })
    }

    /// Asks it for the one row that must be there.
    pub(super) fn one<R>(&mut self, asked: impl Params, read: impl FnOnce(&mut Taken<'_>) -> Result<R, rusqlite::Error>) -> Result<R, Failed> {
        self.first(asked, read)?.ok_or(Failed { statement: self.statement, source: rusqlite::Error::QueryReturnedNoRows })
    }

    /// What SQLite says about its plan.
    #[cfg(test)]
    pub(super) fn plan(&mut self) -> Result<Vec<String>, Failed> {
        self.explained(3)
    }

    /// The instructions that it is made of.
    #[cfg(test)]
    pub(super) fn opcodes(&mut self) -> Result<Vec<String>, Failed> {
        self.explained(1)
    }

    #[cfg(test)]
    fn explained(&mut self, column: usize) -> Result<Vec<String>, Failed> {
        let slots = self.prepared.parameter_count();
        self.rows(rusqlite::params_from_iter(std::iter::repeat_n(None::<i64>, slots)), |row| row.nth(column))
    }
}
