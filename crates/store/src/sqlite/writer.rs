//! The writer: one connection, one transaction at a time. The committer owns it.

use std::fs::File;

use brygga_engine::rows::{CheckpointRow, HeadRow};
use brygga_engine::store::{Batch, CommitError, Loaded, Store, StoreError, Wanted};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Row as _, Sqlite};

use super::link::Link;
use super::rows::{self, store_error, unavailable};
use crate::statements::{self, COMMIT, LOAD, ROLLBACK, WRITE};

/// The writer of a SQLite database.
#[derive(Debug)]
pub struct SqliteStore {
    link: Link,
    in_transaction: bool,
    /// Keeps a second broker out for as long as the store lives.
    _lock: File,
}

/// A statement of a batch that failed.
#[derive(Debug, thiserror::Error)]
#[error("the statement {statement} failed")]
struct Failed {
    statement: &'static str,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// A batch came without its load.
#[derive(Debug, thiserror::Error)]
#[error("no transaction is open: a batch is committed once, after its load")]
struct NoTransaction;

impl SqliteStore {
    pub(super) fn new(link: Link, lock: File) -> Self {
        Self { link, in_transaction: false, _lock: lock }
    }

    /// Ends what was begun without writing. When SQLite does not even roll back, the connection goes, and the transaction with it.
    async fn roll_back(&mut self) {
        self.in_transaction = false;
        let Ok(connection) = self.link.connection().await else { return };
        if sqlx::query(ROLLBACK).execute(connection).await.is_err() {
            self.link.give_up().await;
        }
    }
}

impl Store for SqliteStore {
    async fn load(&mut self, wanted: &Wanted) -> Result<Loaded, StoreError> {
        if self.in_transaction {
            // The batch before this one was given up between load and commit.
            self.roll_back().await;
        }
        let connection = self.link.connection().await.map_err(|error| unavailable(LOAD, error))?;
        let loaded = read(connection, wanted).await;
        self.in_transaction = true;
        if loaded.is_err() {
            self.roll_back().await;
        }
        loaded
    }

    async fn commit(&mut self, batch: &Batch) -> Result<(), CommitError> {
        if !self.in_transaction {
            return Err(CommitError::NotCommitted(NoTransaction.into()));
        }
        let connection = self.link.connection().await.map_err(|error| CommitError::NotCommitted(error.into()))?;
        if let Err(failed) = write(connection, batch).await {
            self.roll_back().await;
            return Err(CommitError::NotCommitted(failed.into()));
        }
        let Err(error) = sqlx::query(COMMIT).execute(&mut *connection).await else {
            self.in_transaction = false;
            return Ok(());
        };
        let not_committed = rows::never_written(&error);
        let failed = Failed { statement: statements::name(COMMIT), source: error.into() };
        if not_committed {
            self.roll_back().await;
            return Err(CommitError::NotCommitted(failed.into()));
        }
        // The frame that commits may lie in the WAL although its sync failed, and a crash now would bring it to life.
        self.in_transaction = false;
        self.link.give_up().await;
        Err(CommitError::OutcomeUnknown(failed.into()))
    }

    async fn settle(&mut self, prev_size: i64) -> Result<(HeadRow, Option<CheckpointRow>), StoreError> {
        self.in_transaction = false;
        self.link.give_up().await;
        let statement = statements::READ_FOLLOWING_CHECKPOINT;
        let connection = self.link.connection().await.map_err(|error| unavailable(statement, error))?;
        let head = read_head(connection).await?;
        let following = sqlx::query(statement).bind(prev_size).fetch_optional(connection).await.map_err(|error| store_error(statement, error))?;
        let following = following.as_ref().map(rows::checkpoint).transpose().map_err(|error| store_error(statement, error))?;
        Ok((head, following))
    }
}

async fn read_head(connection: &mut SqliteConnection) -> Result<HeadRow, StoreError> {
    let statement = statements::READ_HEAD;
    let row = sqlx::query(statement).fetch_one(connection).await.map_err(|error| store_error(statement, error))?;
    rows::head(&row).map_err(|error| store_error(statement, error))
}

async fn read(connection: &mut SqliteConnection, wanted: &Wanted) -> Result<Loaded, StoreError> {
    let list = |list: Result<String, serde_json::Error>| list.map_err(|error| unavailable(LOAD, error));
    let query = sqlx::query(LOAD)
        .bind(list(serde_json::to_string(&wanted.keys))?)
        .bind(list(serde_json::to_string(&wanted.referrals))?)
        .bind(list(serde_json::to_string(&wanted.references))?)
        .bind(list(serde_json::to_string(&wanted.sender_references))?)
        .bind(list(serde_json::to_string(&wanted.offers))?);
    let found = query.fetch_all(connection).await.map_err(|error| store_error(LOAD, error))?;
    sort_out(&found).map_err(|error| store_error(LOAD, error))
}

/// The rows of all of `LOAD`'s statements, by what their first column says.
fn sort_out(found: &[SqliteRow]) -> Result<Loaded, sqlx::Error> {
    let mut loaded = Loaded::default();
    for row in found {
        match row.try_get(0)? {
            "head" => loaded.head = rows::json(row, 1)?,
            "key" => loaded.keys.push(rows::json(row, 1)?),
            "referral" => loaded.referrals.push(rows::json(row, 1)?),
            "sender_reference" => loaded.sender_references.push(rows::json(row, 1)?),
            "offer" => loaded.offers.push(rows::json(row, 1)?),
            other => return Err(sqlx::Error::ColumnNotFound(other.to_owned())),
        }
    }
    Ok(loaded)
}

/// Every table once, the head last.
async fn write(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), Failed> {
    let query = arguments(batch).map_err(|error| failed(WRITE, error))?;
    query.execute(connection).await.map(drop).map_err(|error| failed(WRITE, error))
}

/// The batch as `WRITE` takes it.
fn arguments(batch: &Batch) -> Result<Query<'static, Sqlite, SqliteArguments>, serde_json::Error> {
    let referrals = &batch.referrals;
    let (event_bytes, events) = rows::pack(&batch.events, |event| &event.bytes, rows::event_slip);
    let (content_bytes, contents) = rows::pack(&batch.contents, |content| &content.bytes, rows::content_slip);
    let query = sqlx::query(WRITE)
        .bind(event_bytes)
        .bind(serde_json::to_string(&events)?)
        .bind(serde_json::to_string(&batch.tree)?)
        .bind(serde_json::to_string(batch.checkpoint.as_slice())?)
        .bind(serde_json::to_string(&rows::parents(referrals))?)
        .bind(serde_json::to_string(&rows::counted(referrals, |rows| &rows.persons))?)
        .bind(serde_json::to_string(&rows::placed(referrals, |rows| &rows.sections))?)
        .bind(serde_json::to_string(&rows::placed(referrals, |rows| &rows.cells))?)
        .bind(serde_json::to_string(&rows::placed(referrals, |rows| &rows.consents))?)
        .bind(serde_json::to_string(&rows::placed(referrals, |rows| &rows.stop_uses))?)
        .bind(serde_json::to_string(&batch.inbox)?)
        .bind(serde_json::to_string(&batch.statuses)?)
        .bind(serde_json::to_string(&batch.keys)?)
        .bind(content_bytes)
        .bind(serde_json::to_string(&contents)?)
        .bind(serde_json::to_string(&batch.openings)?)
        .bind(serde_json::to_string(&batch.person_lookups)?)
        .bind(serde_json::to_string(&batch.sender_references)?)
        .bind(serde_json::to_string(&batch.offers)?)
        .bind(serde_json::to_string(&batch.agencies)?)
        .bind(serde_json::to_string(&batch.functions)?)
        .bind(serde_json::to_string(batch.head.as_slice())?);
    Ok(query)
}

fn failed(statement: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failed {
    Failed { statement: statements::name(statement), source: source.into() }
}
