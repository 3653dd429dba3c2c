//! What a dishonest administrator would do: for `bryggad dev tamper`, the tour and tests, so that they can show it is caught.
//!
//! It takes the append-only trigger away, changes stored bytes, and puts the trigger back.

use std::path::Path;

use sqlx::Connection as _;

use super::link::{Link, Role};
use super::{BUSY_TIMEOUT, ConnectError};

const BEGIN: &str = "-- tamper_begin
BEGIN IMMEDIATE";
const READ_ENTRY_BYTES: &str = "-- tamper_read
SELECT bytes FROM event WHERE position = $1";
const DROP_EVENT_UPDATE: &str = "-- tamper_disarm
DROP TRIGGER event_update";
const TAMPER_EVENT: &str = "-- tamper_write
UPDATE event SET bytes = $1 WHERE position = $2";
const CREATE_EVENT_UPDATE: &str = "-- tamper_rearm
CREATE TRIGGER event_update BEFORE UPDATE ON event BEGIN SELECT raise(ABORT, 'event: append-only'); END";

/// Why nothing was tampered with.
#[derive(Debug, thiserror::Error)]
pub enum TamperError {
    /// The database does not open.
    #[error("opening the database")]
    Connect(#[from] ConnectError),
    /// A statement failed.
    #[error("changing the entry")]
    Statement(#[from] sqlx::Error),
    /// There is no such entry.
    #[error("the log has no entry {0}")]
    NoEntry(i64),
}

/// Flips the last bit of an entry's stored bytes.
pub async fn tamper(path: &Path, position: i64) -> Result<(), TamperError> {
    let mut link = Link::new(path, Role::Checkpointer, BUSY_TIMEOUT);
    let mut transaction = link.connection().await?.begin_with(BEGIN).await?;
    let bytes: Option<Vec<u8>> = sqlx::query_scalar(READ_ENTRY_BYTES).bind(position).fetch_optional(&mut *transaction).await?;
    let mut bytes = bytes.ok_or(TamperError::NoEntry(position))?;
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    sqlx::query(DROP_EVENT_UPDATE).execute(&mut *transaction).await?;
    sqlx::query(TAMPER_EVENT).bind(bytes).bind(position).execute(&mut *transaction).await?;
    sqlx::query(CREATE_EVENT_UPDATE).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(())
}
