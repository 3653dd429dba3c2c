//! What an error of the server or the connection means, and no value with it: what PostgreSQL tells beside its message (the failing
//! row, the parameters) may be content and goes no further.

use std::time::Duration;

use brygga_engine::store::{Corrupt, StoreError};
use sqlx::postgres::{PgDatabaseError, PgSeverity};

use crate::statement::name;

/// SQLSTATE of whoever writes where nothing may be written.
const READ_ONLY: &str = "25006";

/// What the server or the connection said.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The server refused a statement, and goes on.
    #[error("PostgreSQL says: {message} ({code})")]
    Said {
        /// SQLSTATE.
        code: String,
        /// What it says; names constraints and tables, no values.
        message: String,
    },
    /// The server ended the connection, or is of no use to it any more.
    #[error("PostgreSQL ended the connection: {message} ({code})")]
    Ended {
        /// SQLSTATE.
        code: String,
        /// What it says.
        message: String,
    },
    /// The connection broke.
    #[error("the connection to PostgreSQL broke")]
    Broken(#[source] std::io::Error),
    /// TLS did not come about.
    #[error("TLS with PostgreSQL")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No answer in time; the connection is given up.
    #[error("PostgreSQL did not answer within {0:?}")]
    Silent(Duration),
    /// A row that came back cannot be read.
    #[error("a row cannot be read: {0}")]
    Unreadable(String),
    /// Anything else that the library says.
    #[error("{0}")]
    Other(String),
}

impl Trouble {
    /// Whether the connection is of no use any more.
    pub(super) fn ends_the_connection(&self) -> bool {
        match self {
            Self::Said { .. } => false,
            Self::Ended { .. } | Self::Broken(_) | Self::Tls(_) | Self::Silent(_) | Self::Unreadable(_) | Self::Other(_) => true,
        }
    }

    /// Whether the server says that it could not have a lock in time.
    pub(super) fn is_lock_timeout(&self) -> bool {
        matches!(self, Self::Said { code, .. } if code == "55P03")
    }
}

impl From<sqlx::Error> for Trouble {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the library's list is open, and the rest is passed on in its words")]
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => match error.try_downcast_ref::<PgDatabaseError>() {
                Some(said) => {
                    let (code, message) = (said.code().to_owned(), said.message().to_owned());
                    match said.severity() {
                        // Read-only: the server was demoted under an open connection. Another one may be primary by now.
                        _ if code == READ_ONLY => Self::Ended { code, message },
                        PgSeverity::Fatal | PgSeverity::Panic => Self::Ended { code, message },
                        PgSeverity::Error | PgSeverity::Warning | PgSeverity::Notice | PgSeverity::Debug | PgSeverity::Info | PgSeverity::Log => {
                            Self::Said { code, message }
                        }
                    }
                }
                None => Self::Other(error.message().to_owned()),
            },
            sqlx::Error::Io(error) => Self::Broken(error),
            sqlx::Error::Tls(error) => Self::Tls(error),
            sqlx::Error::ColumnDecode { index, .. } => Self::Unreadable(index),
            sqlx::Error::ColumnNotFound(column) => Self::Unreadable(column),
            sqlx::Error::RowNotFound => Self::Unreadable(String::from("no row")),
            other => Self::Other(other.to_string()),
        }
    }
}

/// What an error of a statement means: damage, or no answer.
pub(super) fn store_error(statement: &'static str, trouble: Trouble) -> StoreError {
    // XX001 and XX002: a page or an index is damaged.
    let damaged = match &trouble {
        Trouble::Unreadable(_) => true,
        Trouble::Said { code, .. } => code == "XX001" || code == "XX002",
        Trouble::Ended { .. } | Trouble::Broken(_) | Trouble::Tls(_) | Trouble::Silent(_) | Trouble::Other(_) => false,
    };
    if damaged {
        tracing::error!(statement = name(statement), error = %trouble, "damaged data");
        return Corrupt { table: "database", row: name(statement).to_owned(), column: "*" }.into();
    }
    unavailable(statement, trouble)
}

pub(super) fn unavailable(statement: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable { statement: name(statement), source: source.into() }
}
