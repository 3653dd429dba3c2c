//! Between rows and what SQLite takes and gives: JSON, runs of bytes, and the kinds of error.

use brygga_engine::rows::{Blob, CheckpointRow, ContentRow, EventRow, HeadRow, ReferralRows};
use brygga_engine::store::{Corrupt, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::statements;
use crate::waiting::Waiting;

/// Primary result codes of SQLite.
const SQLITE_BUSY: i32 = 5;
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_FULL: i32 = 13;
const SQLITE_CONSTRAINT: i32 = 19;
const SQLITE_NOTADB: i32 = 26;

/// A row of a referral, with the position that it hangs on and its place among its like.
#[derive(Serialize)]
pub(super) struct Child<'a, R> {
    origin: i64,
    place: usize,
    #[serde(flatten)]
    row: &'a R,
}

/// Children that bring a place of their own.
#[derive(Serialize)]
pub(super) struct Placed<'a, R> {
    origin: i64,
    #[serde(flatten)]
    row: &'a R,
}

/// A referral's own row, with what is derived from all its rows.
#[derive(Serialize)]
pub(super) struct Parent<'a, R> {
    sender_clears: i64,
    leader_clears: i64,
    recipient_acts: i64,
    #[serde(flatten)]
    row: &'a R,
}

/// A row whose bytes lie in a run of bytes: `start` counts from 1, as SQL does.
#[derive(Serialize)]
pub(super) struct Packed<R> {
    start: usize,
    length: usize,
    #[serde(flatten)]
    row: R,
}

/// What of an event is not its bytes.
#[derive(Serialize)]
pub(super) struct EventSlip<'a> {
    position: i64,
    event_id: &'a Blob,
    leaf_hash: &'a Blob,
}

/// What of a content is not its bytes.
#[derive(Serialize)]
pub(super) struct ContentSlip<'a> {
    referral: &'a Blob,
    section: i64,
    revision: i64,
    key_id: &'a Option<Blob>,
    salt: &'a Blob,
    destroy_after: Option<i64>,
}

/// The children of all referrals, with a place counted within each.
pub(super) fn counted<'a, R>(referrals: &'a [ReferralRows], of: impl Fn(&'a ReferralRows) -> &'a Vec<R>) -> Vec<Child<'a, R>> {
    let children = |rows: &'a ReferralRows| {
        let origin = rows.referral.first_position;
        of(rows).iter().enumerate().map(move |(place, row)| Child { origin, place, row })
    };
    referrals.iter().flat_map(children).collect()
}

/// The children of all referrals.
pub(super) fn placed<'a, R>(referrals: &'a [ReferralRows], of: impl Fn(&'a ReferralRows) -> &'a Vec<R>) -> Vec<Placed<'a, R>> {
    let children = |rows: &'a ReferralRows| {
        let origin = rows.referral.first_position;
        of(rows).iter().map(move |row| Placed { origin, row })
    };
    referrals.iter().flat_map(children).collect()
}

/// The referrals' own rows.
pub(super) fn parents(referrals: &[ReferralRows]) -> Vec<Parent<'_, brygga_engine::rows::ReferralRow>> {
    let parent = |rows| {
        let Waiting { sender, leader, recipient } = Waiting::of(rows);
        Parent { sender_clears: i64::from(sender), leader_clears: i64::from(leader), recipient_acts: i64::from(recipient), row: &rows.referral }
    };
    referrals.iter().map(parent).collect()
}

/// Bytes one after the other, and slips that point into them.
pub(super) fn pack<'a, T, R>(rows: &'a [T], bytes: impl Fn(&'a T) -> &'a Blob, slip: impl Fn(&'a T) -> R) -> (Vec<u8>, Vec<Packed<R>>) {
    let mut run = Vec::with_capacity(rows.iter().map(|row| bytes(row).0.len()).sum());
    let mut slips = Vec::with_capacity(rows.len());
    for row in rows {
        slips.push(Packed { start: run.len() + 1, length: bytes(row).0.len(), row: slip(row) });
        run.extend_from_slice(&bytes(row).0);
    }
    (run, slips)
}

pub(super) fn event_slip(row: &EventRow) -> EventSlip<'_> {
    EventSlip { position: row.position, event_id: &row.event_id, leaf_hash: &row.leaf_hash }
}

pub(super) fn content_slip(row: &ContentRow) -> ContentSlip<'_> {
    let ContentRow { referral, section, revision, key_id, salt, bytes: _, destroy_after } = row;
    ContentSlip { referral, section: *section, revision: *revision, key_id, salt, destroy_after: *destroy_after }
}

pub(super) fn head(row: &SqliteRow) -> Result<HeadRow, sqlx::Error> {
    Ok(HeadRow { size: row.try_get("size")?, root: blob(row, "root")?, frontier: blob(row, "frontier")?, last_time: row.try_get("last_time")? })
}

pub(super) fn event(row: &SqliteRow) -> Result<EventRow, sqlx::Error> {
    Ok(EventRow { position: row.try_get("position")?, event_id: blob(row, "event_id")?, bytes: blob(row, "bytes")?, leaf_hash: blob(row, "leaf_hash")? })
}

pub(super) fn checkpoint(row: &SqliteRow) -> Result<CheckpointRow, sqlx::Error> {
    Ok(CheckpointRow { size: row.try_get("size")?, prev_size: row.try_get("prev_size")?, root: blob(row, "root")?, note: blob(row, "note")? })
}

pub(super) fn content(row: &SqliteRow) -> Result<ContentRow, sqlx::Error> {
    Ok(ContentRow {
        referral: blob(row, "referral")?,
        section: row.try_get("section")?,
        revision: row.try_get("revision")?,
        key_id: row.try_get::<Option<Vec<u8>>, _>("key_id")?.map(Blob),
        salt: blob(row, "salt")?,
        bytes: blob(row, "bytes")?,
        destroy_after: row.try_get("destroy_after")?,
    })
}

/// The only column of a row, bytes.
pub(super) fn hash(row: &SqliteRow) -> Result<Blob, sqlx::Error> {
    row.try_get(0).map(Blob)
}

/// A column of a row, JSON.
pub(super) fn json<R: DeserializeOwned>(row: &SqliteRow, column: usize) -> Result<R, sqlx::Error> {
    let text: &str = row.try_get(column)?;
    serde_json::from_str(text).map_err(|error| sqlx::Error::ColumnDecode { index: String::from("json"), source: error.into() })
}

fn blob(row: &SqliteRow, column: &str) -> Result<Blob, sqlx::Error> {
    row.try_get(column).map(Blob)
}

/// What an error of a statement means: damage, or no answer.
pub(super) fn store_error(statement: &'static str, error: sqlx::Error) -> StoreError {
    let unreadable = matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) | sqlx::Error::RowNotFound);
    let damaged = unreadable || matches!(primary_code(&error), Some(SQLITE_CORRUPT | SQLITE_NOTADB));
    if damaged {
        // The source stays in the log of the broker: it names no value, only what SQLite or the decoder found wrong.
        tracing::error!(statement = statements::name(statement), %error, "damaged data");
        return Corrupt { table: "database", row: statements::name(statement).to_owned(), column: "*" }.into();
    }
    unavailable(statement, error)
}

pub(super) fn unavailable(statement: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable { statement: statements::name(statement), source: source.into() }
}

/// Whether an error of COMMIT itself says that the WAL holds no commit: the lock was not there, a constraint was checked before
/// anything was written, or the disk was full before the last frame, which is the one that commits.
pub(super) fn never_written(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(SQLITE_BUSY | SQLITE_CONSTRAINT | SQLITE_FULL))
}

fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let extended: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}
