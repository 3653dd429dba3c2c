//! The writer: one connection, one transaction at a time. The committer owns it.

use brygga_engine::rows::{CheckpointRow, HeadRow};
use brygga_engine::store::{Batch, CommitError, Loaded, Store, StoreError, Wanted};
use sqlx::Executor as _;
use sqlx::postgres::{PgBindIterExt as _, PgConnection};

use super::changes::{Changes, Held, Stray};
use super::columns;
use super::error::{Trouble, store_error, unavailable};
use super::link::{ConnectError, Link, answered};
use super::rows::{self, Sorted};
use super::statements::{COMMIT, FORGET_LEFT_BEHIND, LOAD, LOCK, READ_FOLLOWING_CHECKPOINT, READ_HEAD_LOCKED, ROLLBACK, WRITE, WRITE_RARE};
use crate::statement::name;

/// The writer of a PostgreSQL database.
#[derive(Debug)]
pub struct PostgresStore {
    link: Link,
    /// What was loaded in the transaction that is open.
    held: Option<Held>,
}

/// Why a batch was not written.
#[derive(Debug, thiserror::Error)]
enum NotWritten {
    #[error("no transaction is open: a batch is committed once, after its load")]
    NoTransaction,
    #[error("the connection is gone, and the batch's transaction with it")]
    Connection(#[source] ConnectError),
    #[error(transparent)]
    Stray(#[from] Stray),
    #[error("the statement {statement} failed")]
    Statement {
        statement: &'static str,
        #[source]
        source: Trouble,
    },
}

impl PostgresStore {
    pub(super) fn new(link: Link) -> Self {
        Self { link, held: None }
    }

    /// Forgets what brokers that are gone had on their way a day ago; once at a start, for it reads through the table.
    pub async fn forget_left_behind(&mut self) -> Result<(), StoreError> {
        let connection = self.link.connection().await.map_err(|error| unavailable(FORGET_LEFT_BEHIND, error))?;
        let forgotten = answered(sqlx::query(FORGET_LEFT_BEHIND).execute(connection)).await;
        forgotten.map(drop).map_err(|trouble| {
            self.link.give_up();
            store_error(FORGET_LEFT_BEHIND, trouble)
        })
    }

    /// Ends what was begun without writing. When the server does not even roll back, the connection goes, and the transaction with it.
    async fn roll_back(&mut self) {
        self.held = None;
        let Ok(connection) = self.link.connection().await else { return };
        if answered(connection.execute(ROLLBACK)).await.is_err() {
            self.link.give_up();
        }
    }

    /// After a failure: rolls back where there is somebody to tell.
    async fn abandon(&mut self, ended: bool) {
        if ended {
            self.held = None;
            self.link.give_up();
        } else {
            self.roll_back().await;
        }
    }
}

impl Store for PostgresStore {
    async fn load(&mut self, wanted: &Wanted) -> Result<Loaded, StoreError> {
        if self.held.is_some() {
            // The batch before this one was given up between load and commit.
            self.roll_back().await;
        }
        let connection = self.link.connection().await.map_err(|error| unavailable(LOCK, error))?;
        match read(connection, wanted).await {
            Ok(loaded) => {
                self.held = Some(loaded.referrals.iter().map(|rows| (rows.referral.first_position, rows.clone())).collect());
                Ok(loaded)
            }
            Err((statement, trouble)) => {
                self.abandon(trouble.ends_the_connection()).await;
                Err(store_error(statement, trouble))
            }
        }
    }

    async fn commit(&mut self, batch: &Batch) -> Result<(), CommitError> {
        let not_committed = |why: NotWritten| CommitError::NotCommitted(why.into());
        let Some(held) = self.held.take() else { return Err(not_committed(NotWritten::NoTransaction)) };
        // Open it is, or the load had failed; a connection that had to be made anew knows no transaction and writes nothing.
        let connection = self.link.connection().await.map_err(|error| not_committed(NotWritten::Connection(error)))?;
        if let Err(why) = write(connection, batch, &held).await {
            let ended = matches!(&why, NotWritten::Statement { source, .. } if source.ends_the_connection());
            self.abandon(ended).await;
            return Err(not_committed(why));
        }
        let Err(source) = answered(connection.execute(COMMIT)).await else { return Ok(()) };
        let refused = !source.ends_the_connection();
        let why = NotWritten::Statement { statement: name(COMMIT), source };
        if refused {
            // The server says no and lives on: a commit that was written is never taken back by an error.
            self.roll_back().await;
            return Err(not_committed(why));
        }
        self.link.give_up();
        Err(CommitError::OutcomeUnknown(why.into()))
    }

    async fn settle(&mut self, prev_size: i64) -> Result<(HeadRow, Option<CheckpointRow>), StoreError> {
        self.held = None;
        self.link.give_up();
        let connection = self.link.connection().await.map_err(|error| unavailable(READ_HEAD_LOCKED, error))?;
        let settled = look(connection, prev_size).await;
        settled.map_err(|(statement, trouble)| {
            self.link.give_up();
            store_error(statement, trouble)
        })
    }
}

type Named<T> = Result<T, (&'static str, Trouble)>;

/// Locks the head and reads what a batch asks for.
async fn read(connection: &mut PgConnection, wanted: &Wanted) -> Named<Loaded> {
    answered((&mut *connection).execute(LOCK)).await.map_err(|trouble| (LOCK, trouble))?;
    let query = sqlx::query(LOAD)
        .bind(wanted.keys.iter().map(|(agency, _)| agency.as_str()).bind_iter())
        .bind(wanted.keys.iter().map(|(_, request)| request.0.as_slice()).bind_iter())
        .bind(wanted.referrals.iter().map(|id| id.0.as_slice()).bind_iter())
        .bind(wanted.references.as_slice())
        .bind(wanted.sender_references.iter().map(|hash| hash.0.as_slice()).bind_iter())
        .bind(wanted.offers.iter().map(|id| id.0.as_slice()).bind_iter())
        .bind(wanted.known)
        .bind(wanted.reviewers.as_slice());
    let found = answered(query.fetch_all(connection)).await.map_err(|trouble| (LOAD, trouble))?;
    Sorted::of(&found).map(Sorted::loaded).map_err(|error| (LOAD, error.into()))
}

/// Every table, the head with the last of the ordinary ones.
async fn write(connection: &mut PgConnection, batch: &Batch, held: &Held) -> Result<(), NotWritten> {
    let changes = Changes::of(batch, held)?;
    for (statement, filled) in [(WRITE, columns::ordinary(batch, &changes)), (WRITE_RARE, columns::rare(batch, &changes))] {
        if let Some(filled) = filled {
            let failed = |source| NotWritten::Statement { statement: name(statement), source };
            answered(filled.execute(&mut *connection)).await.map_err(failed)?;
        }
    }
    Ok(())
}

/// The head once nobody holds it, and then the checkpoint: in this order, so that what a lost commit did is seen.
async fn look(connection: &mut PgConnection, prev_size: i64) -> Named<(HeadRow, Option<CheckpointRow>)> {
    let head = answered(sqlx::query(READ_HEAD_LOCKED).fetch_one(&mut *connection)).await.map_err(|trouble| (READ_HEAD_LOCKED, trouble))?;
    let head = rows::head(&head).map_err(|error| (READ_HEAD_LOCKED, error.into()))?;
    let statement = READ_FOLLOWING_CHECKPOINT;
    let following = answered(sqlx::query(statement).bind(prev_size).fetch_optional(connection)).await.map_err(|trouble| (statement, trouble))?;
    let following = following.as_ref().map(rows::checkpoint).transpose().map_err(|error| (statement, error.into()))?;
    Ok((head, following))
}
