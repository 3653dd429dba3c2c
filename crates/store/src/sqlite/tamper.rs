//! What a dishonest administrator would do: for `bryggad dev tamper`, the tour and tests, so that they can show it is caught.
//!
//! It takes the append-only trigger away, changes stored bytes, and puts the trigger back.

use std::path::Path;

use brygga_engine::rows::Blob;

use super::columns::only;
use super::link::{Connection, Failed, Link, Role};
use super::thread::Thread;
use super::{BUSY_TIMEOUT, ConnectError};

const BEGIN: &str = "-- tamper_begin
BEGIN IMMEDIATE";
const READ_ENTRY_BYTES: &str = "-- tamper_read
SELECT bytes FROM event WHERE position = ?";
const DROP_EVENT_UPDATE: &str = "-- tamper_disarm
DROP TRIGGER event_update";
const TAMPER_EVENT: &str = "-- tamper_write
UPDATE event SET bytes = ? WHERE position = ?";
const CREATE_EVENT_UPDATE: &str = "-- tamper_rearm
CREATE TRIGGER event_update BEFORE UPDATE ON event BEGIN SELECT raise(ROLLBACK, 'event: append-only'); END";
const COMMIT: &str = "-- tamper_commit
COMMIT";

/// Why nothing was tampered with.
#[derive(Debug, thiserror::Error)]
pub enum TamperError {
    /// The database does not open.
    #[error("opening the database")]
    Connect(#[from] ConnectError),
    /// A statement failed.
    #[error("changing the entry")]
    Statement(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no such entry.
    #[error("the log has no entry {0}")]
    NoEntry(i64),
}

impl From<Failed> for TamperError {
    fn from(failed: Failed) -> Self {
        Self::Statement(failed.into())
    }
}

/// Flips the last bit of an entry's stored bytes.
pub async fn tamper(path: &Path, position: i64) -> Result<(), TamperError> {
    let link = Link::new(path, Role::Checkpointer, BUSY_TIMEOUT);
    let mut thread = Thread::start("sqlite-tamper", link).map_err(ConnectError::Thread)?;
    // Closing the connection rolls back what it had begun.
    thread.ask(move |link| flip(link.connection()?, position)).await
}

fn flip(connection: &Connection, position: i64) -> Result<(), TamperError> {
    connection.run(BEGIN)?;
    let bytes: Option<Blob> = connection.prepare(READ_ENTRY_BYTES)?.first([position], only)?;
    let mut bytes = bytes.ok_or(TamperError::NoEntry(position))?;
    if let Some(last) = bytes.0.last_mut() {
        *last ^= 1;
    }
    connection.run(DROP_EVENT_UPDATE)?;
    connection.prepare(TAMPER_EVENT)?.run(|slots| {
        slots.put(&bytes)?;
        slots.put(&position)
    })?;
    connection.run(CREATE_EVENT_UPDATE)?;
    Ok(connection.run(COMMIT)?)
}
