//! A reader: one connection that cannot write. A task of the reader pool owns it.
//!
//! Every question is one statement, so each answer is of one moment.

use brygga_engine::rows::*;
use brygga_engine::store::{After, Reader, ReferralKey, StoreError};
use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};

use super::link::Link;
use super::rows::{self, store_error, unavailable};
use crate::statements;

/// A reader of a SQLite database.
#[derive(Debug)]
pub struct SqliteReader {
    link: Link,
}

type Question = Query<'static, Sqlite, SqliteArguments>;

impl SqliteReader {
    pub(super) fn new(link: Link) -> Self {
        Self { link }
    }

    /// Asks `statement`; a connection that failed is opened again for the next question.
    async fn ask<R>(
        &mut self,
        statement: &'static str,
        bind: impl FnOnce(Question) -> Question,
        read: impl Fn(&SqliteRow) -> Result<R, sqlx::Error>,
    ) -> Result<Vec<R>, StoreError> {
        let connection = self.link.connection().await.map_err(|error| unavailable(statement, error))?;
        let answer = bind(sqlx::query(statement)).fetch_all(connection).await;
        let answer = answer.and_then(|found| found.iter().map(read).collect());
        if answer.is_err() {
            self.link.give_up().await;
        }
        answer.map_err(|error| store_error(statement, error))
    }

    async fn ask_page<R>(
        &mut self,
        statement: &'static str,
        whose: &str,
        after: After,
        read: impl Fn(&SqliteRow) -> Result<R, sqlx::Error>,
    ) -> Result<Vec<R>, StoreError> {
        let whose = whose.to_owned();
        self.ask(statement, |query| query.bind(whose).bind(after.after).bind(after.limit), read).await
    }
}

/// The only column of a row, JSON.
fn first_json<R: serde::de::DeserializeOwned>(row: &SqliteRow) -> Result<R, sqlx::Error> {
    rows::json(row, 0)
}

fn list<T: serde::Serialize>(statement: &'static str, values: &[T]) -> Result<String, StoreError> {
    serde_json::to_string(values).map_err(|error| unavailable(statement, error))
}

impl Reader for SqliteReader {
    async fn head(&mut self) -> Result<HeadRow, StoreError> {
        let found = self.ask(statements::READ_HEAD, |query| query, rows::head).await?;
        found.into_iter().next().ok_or_else(|| store_error(statements::READ_HEAD, sqlx::Error::RowNotFound))
    }

    async fn events(&mut self, start: i64, end: i64) -> Result<Vec<EventRow>, StoreError> {
        self.ask(statements::READ_EVENTS, |query| query.bind(start).bind(end), rows::event).await
    }

    async fn leaf_hashes(&mut self, start: i64, end: i64) -> Result<Vec<Blob>, StoreError> {
        self.ask(statements::READ_LEAF_HASHES, |query| query.bind(start).bind(end), rows::hash).await
    }

    async fn tree_hashes(&mut self, level: i64, start: i64, end: i64) -> Result<Vec<Blob>, StoreError> {
        self.ask(statements::READ_TREE_HASHES, |query| query.bind(level).bind(start).bind(end), rows::hash).await
    }

    async fn checkpoint(&mut self, size: Option<i64>) -> Result<Option<CheckpointRow>, StoreError> {
        let found = match size {
            Some(size) => self.ask(statements::READ_CHECKPOINT, |query| query.bind(size), rows::checkpoint).await?,
            None => self.ask(statements::READ_LATEST_CHECKPOINT, |query| query, rows::checkpoint).await?,
        };
        Ok(found.into_iter().next())
    }

    async fn referral(&mut self, key: &ReferralKey) -> Result<Option<ReferralRows>, StoreError> {
        let found = match key {
            ReferralKey::Id(id) => self.referrals(std::slice::from_ref(id)).await?,
            ReferralKey::Reference(reference) => {
                let reference = reference.clone();
                self.ask(statements::READ_BY_REFERENCE, |query| query.bind(reference), first_json).await?
            }
            ReferralKey::SenderReference(hash) => {
                let hash = hash.0.clone();
                self.ask(statements::READ_BY_SENDER_REFERENCE, |query| query.bind(hash), first_json).await?
            }
        };
        Ok(found.into_iter().next())
    }

    async fn referrals(&mut self, ids: &[Blob]) -> Result<Vec<ReferralRows>, StoreError> {
        let ids = list(statements::READ_REFERRALS, ids)?;
        self.ask(statements::READ_REFERRALS, |query| query.bind(ids), first_json).await
    }

    async fn sent_by(&mut self, agency: &str, after: After) -> Result<Vec<ReferralRows>, StoreError> {
        self.ask_page(statements::READ_SENT, agency, after, first_json).await
    }

    async fn pending_clearances(&mut self, agency: &str, after: After) -> Result<Vec<ReferralRows>, StoreError> {
        self.ask_page(statements::READ_PENDING, agency, after, first_json).await
    }

    async fn all_referrals(&mut self, after: After) -> Result<Vec<ReferralRows>, StoreError> {
        self.ask(statements::READ_ALL, |query| query.bind(after.after).bind(after.limit), first_json).await
    }

    async fn contents(&mut self, referral: &Blob, wanted: &[(i64, i64)]) -> Result<Vec<ContentRow>, StoreError> {
        let referral = referral.0.clone();
        let wanted = list(statements::READ_CONTENTS, wanted)?;
        self.ask(statements::READ_CONTENTS, |query| query.bind(referral).bind(wanted), rows::content).await
    }

    async fn inbox(&mut self, function: &str, after: After) -> Result<Vec<InboxRow>, StoreError> {
        self.ask_page(statements::READ_INBOX, function, after, first_json).await
    }

    async fn open_inbox(&mut self, function: &str, after: After) -> Result<Vec<ReferralRows>, StoreError> {
        self.ask_page(statements::READ_OPEN_INBOX, function, after, first_json).await
    }

    async fn statuses(&mut self, agency: &str, after: After) -> Result<Vec<StatusRow>, StoreError> {
        self.ask_page(statements::READ_STATUSES, agency, after, first_json).await
    }

    async fn openings(&mut self, position: i64) -> Result<Vec<OpeningRow>, StoreError> {
        self.ask(statements::READ_OPENINGS, |query| query.bind(position), first_json).await
    }

    async fn directory(&mut self) -> Result<(Vec<AgencyRow>, Vec<FunctionRow>), StoreError> {
        let found = self.ask(statements::READ_DIRECTORY, |query| query, first_json).await?;
        found.into_iter().next().ok_or_else(|| store_error(statements::READ_DIRECTORY, sqlx::Error::RowNotFound))
    }
}
