//! The writer: one connection, one transaction at a time. The committer owns it.

use std::fs::File;

use brygga_engine::rows::{CheckpointRow, HeadRow};
use brygga_engine::store::{Batch, CommitError, Loaded, Store, StoreError, Wanted};
use serde::Serialize;
use sqlx::sqlite::SqliteConnection;

use super::link::Link;
use super::rows::{self, store_error, unavailable};
use crate::statements::{self, BEGIN, COMMIT, ROLLBACK};

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

    async fn begin(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        if self.in_transaction {
            // The batch before this one was given up between load and commit.
            self.roll_back().await;
        }
        let connection = self.link.connection().await.map_err(|error| unavailable(BEGIN, error))?;
        sqlx::query(BEGIN).execute(&mut *connection).await.map_err(|error| store_error(BEGIN, error))?;
        self.in_transaction = true;
        Ok(connection)
    }
}

impl Store for SqliteStore {
    async fn load(&mut self, wanted: &Wanted) -> Result<Loaded, StoreError> {
        let loaded = match self.begin().await {
            Ok(connection) => read(connection, wanted).await,
            Err(error) => {
                self.link.give_up().await;
                return Err(error);
            }
        };
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
    let head = read_head(connection).await?;
    let mut loaded = Loaded { head, ..Loaded::default() };
    loaded.keys = find(connection, statements::LOAD_KEYS, &wanted.keys).await?;
    if !wanted.referrals.is_empty() || !wanted.references.is_empty() {
        let statement = statements::LOAD_REFERRALS;
        let query = sqlx::query(statement).bind(text(statement, &wanted.referrals)?).bind(text(statement, &wanted.references)?);
        let found = query.fetch_all(&mut *connection).await.map_err(|error| store_error(statement, error))?;
        loaded.referrals = found.iter().map(rows::json).collect::<Result<_, _>>().map_err(|error| store_error(statement, error))?;
    }
    loaded.sender_references = find(connection, statements::LOAD_SENDER_REFERENCES, &wanted.sender_references).await?;
    loaded.offers = find(connection, statements::LOAD_OFFERS, &wanted.offers).await?;
    Ok(loaded)
}

async fn find<W, R>(connection: &mut SqliteConnection, statement: &'static str, wanted: &[W]) -> Result<Vec<R>, StoreError>
where
    W: Serialize,
    R: serde::de::DeserializeOwned,
{
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let query = sqlx::query(statement).bind(text(statement, wanted)?);
    let found = query.fetch_all(connection).await.map_err(|error| store_error(statement, error))?;
    found.iter().map(rows::json).collect::<Result<_, _>>().map_err(|error| store_error(statement, error))
}

fn text<W: Serialize>(statement: &'static str, wanted: &[W]) -> Result<String, StoreError> {
    serde_json::to_string(wanted).map_err(|error| unavailable(statement, error))
}

/// Every table once, the head last.
async fn write(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), Failed> {
    let (bytes, slips) = rows::pack(&batch.events, |event| &event.bytes, rows::event_slip);
    put_packed(connection, statements::APPEND_EVENTS, bytes, &slips).await?;
    put(connection, statements::APPEND_TREE, &batch.tree).await?;
    put(connection, statements::APPEND_CHECKPOINT, batch.checkpoint.as_slice()).await?;
    write_referrals(connection, batch).await?;
    put(connection, statements::APPEND_INBOX, &batch.inbox).await?;
    put(connection, statements::APPEND_STATUSES, &batch.statuses).await?;
    put(connection, statements::WRITE_KEYS, &batch.keys).await?;
    let (bytes, slips) = rows::pack(&batch.contents, |content| &content.bytes, rows::content_slip);
    put_packed(connection, statements::INSERT_CONTENTS, bytes, &slips).await?;
    put(connection, statements::INSERT_OPENINGS, &batch.openings).await?;
    put(connection, statements::INSERT_PERSON_LOOKUPS, &batch.person_lookups).await?;
    put(connection, statements::INSERT_SENDER_REFERENCES, &batch.sender_references).await?;
    put(connection, statements::INSERT_OFFERS, &batch.offers).await?;
    put(connection, statements::WRITE_AGENCIES, &batch.agencies).await?;
    put(connection, statements::WRITE_FUNCTIONS, &batch.functions).await?;
    let Some(head) = &batch.head else { return Ok(()) };
    let HeadRow { size, root, frontier, last_time } = head.clone();
    let query = sqlx::query(statements::MOVE_HEAD).bind(size).bind(root.0).bind(frontier.0).bind(last_time);
    query.execute(connection).await.map(drop).map_err(|error| failed(statements::MOVE_HEAD, error))
}

async fn write_referrals(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), Failed> {
    let referrals = &batch.referrals;
    put(connection, statements::WRITE_REFERRALS, &rows::parents(referrals)).await?;
    put(connection, statements::WRITE_PERSONS, &rows::counted(referrals, |rows| &rows.persons)).await?;
    put(connection, statements::WRITE_SECTIONS, &rows::placed(referrals, |rows| &rows.sections)).await?;
    put(connection, statements::WRITE_CELLS, &rows::placed(referrals, |rows| &rows.cells)).await?;
    put(connection, statements::WRITE_CONSENTS, &rows::placed(referrals, |rows| &rows.consents)).await?;
    put(connection, statements::WRITE_STOP_USES, &rows::placed(referrals, |rows| &rows.stop_uses)).await
}

async fn put<R: Serialize>(connection: &mut SqliteConnection, statement: &'static str, rows: &[R]) -> Result<(), Failed> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows = serde_json::to_string(rows).map_err(|error| failed(statement, error))?;
    sqlx::query(statement).bind(rows).execute(connection).await.map(drop).map_err(|error| failed(statement, error))
}

async fn put_packed<R: Serialize>(connection: &mut SqliteConnection, statement: &'static str, bytes: Vec<u8>, slips: &[R]) -> Result<(), Failed> {
    if slips.is_empty() {
        return Ok(());
    }
    let slips = serde_json::to_string(slips).map_err(|error| failed(statement, error))?;
    sqlx::query(statement).bind(bytes).bind(slips).execute(connection).await.map(drop).map_err(|error| failed(statement, error))
}

fn failed(statement: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failed {
    Failed { statement: statements::name(statement), source: source.into() }
}
