//! What both sides read alike: where a referral begins, and what an error of SQLite means.

use brygga_engine::rows::Blob;
use brygga_engine::store::{Corrupt, StoreError};
use rusqlite::Error;
use rusqlite::ffi::ErrorCode;

use super::columns::only;
use super::link::{Connection, Failed};
use super::statements;

/// The first position of the referral of that id.
pub(super) fn origin_of(connection: &Connection, id: &Blob) -> Result<Option<i64>, Failed> {
    connection.prepare(statements::FIND_BY_ID)?.first([id.0.as_slice()], only)
}

/// What a failed statement means: damage, or no answer.
impl From<Failed> for StoreError {
    fn from(Failed { statement, source }: Failed) -> Self {
        if is_damage(&source) {
            // The source stays in the log of the broker: it names no value, only what SQLite or the decoder found wrong.
            tracing::error!(statement = statements::name(statement), error = %source, "damaged data");
            return Corrupt { table: "database", row: statements::name(statement).to_owned(), column: "*" }.into();
        }
        unavailable(statement, source)
    }
}

pub(super) fn unavailable(statement: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable { statement: statements::name(statement), source: source.into() }
}

/// Whether SQLite finds its file damaged, or a column is not of the kind that it must be.
fn is_damage(error: &Error) -> bool {
    let unreadable = matches!(
        error,
        Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::Utf8Error(..)
            | Error::InvalidColumnType(..)
            | Error::QueryReturnedNoRows
    );
    unreadable || matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Whether an error of COMMIT itself says that the WAL holds no commit: the lock was not there, a constraint was checked before
/// anything was written, or the disk was full before the last frame, which is the one that commits.
pub(super) fn never_written(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::ConstraintViolation | ErrorCode::DiskFull))
}
