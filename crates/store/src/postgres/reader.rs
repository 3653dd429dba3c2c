//! A reader: one connection of its own. A task of the reader pool owns it.
//!
//! Every question is one statement, so each answer is of one moment.

use brygga_engine::rows::*;
use brygga_engine::store::{After, DuePage, Reader, ReferralKey, StoreError};
use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgBindIterExt as _, PgRow};
use sqlx::query::Query;

use super::error::{Trouble, store_error, unavailable};
use super::link::{Link, answered};
use super::rows::{self, Sorted};
use super::statements;

/// A reader of a PostgreSQL database.
#[derive(Debug)]
pub struct PostgresReader {
    link: Link,
}

type Question = Query<'static, Postgres, PgArguments>;

impl PostgresReader {
    pub(super) fn new(link: Link) -> Self {
        Self { link }
    }

    /// Asks; a connection that failed is opened again for the next question.
    async fn ask(&mut self, statement: &'static str, bind: impl FnOnce(Question) -> Question) -> Result<Vec<PgRow>, StoreError> {
        let connection = self.link.connection().await.map_err(|error| unavailable(statement, error))?;
        let answer = answered(bind(sqlx::query(statement)).fetch_all(connection)).await;
        if answer.as_ref().is_err_and(Trouble::ends_the_connection) {
            self.link.give_up();
        }
        answer.map_err(|trouble| store_error(statement, trouble))
    }

    async fn list<R>(
        &mut self,
        statement: &'static str,
        bind: impl FnOnce(Question) -> Question,
        read: impl Fn(&PgRow) -> Result<R, sqlx::Error>,
    ) -> Result<Vec<R>, StoreError> {
        let found = self.ask(statement, bind).await?;
        found.iter().map(read).collect::<Result<_, _>>().map_err(|error| store_error(statement, error.into()))
    }

    async fn packed(&mut self, statement: &'static str, bind: impl FnOnce(Question) -> Question) -> Result<Vec<ReferralRows>, StoreError> {
        let found = self.ask(statement, bind).await?;
        Sorted::of(&found).map(Sorted::referrals).map_err(|error| store_error(statement, error.into()))
    }

    async fn page(&mut self, statement: &'static str, whose: &str, after: After) -> Result<Vec<ReferralRows>, StoreError> {
        self.packed(statement, |query| query.bind(whose).bind(after.after).bind(i64::from(after.limit))).await
    }
}

impl Reader for PostgresReader {
    async fn head(&mut self) -> Result<HeadRow, StoreError> {
        let found = self.list(statements::READ_HEAD, |query| query, rows::head).await?;
        found.into_iter().next().ok_or_else(|| store_error(statements::READ_HEAD, sqlx::Error::RowNotFound.into()))
    }

    async fn events(&mut self, start: i64, end: i64) -> Result<Vec<EventRow>, StoreError> {
        self.list(statements::READ_EVENTS, |query| query.bind(start).bind(end), rows::event).await
    }

    async fn leaf_hashes(&mut self, start: i64, end: i64) -> Result<Vec<Blob>, StoreError> {
        self.list(statements::READ_LEAF_HASHES, |query| query.bind(start).bind(end), rows::hash).await
    }

    async fn tree_hashes(&mut self, level: i64, start: i64, end: i64) -> Result<Vec<Blob>, StoreError> {
        self.list(statements::READ_TREE_HASHES, |query| query.bind(level).bind(start).bind(end), rows::hash).await
    }

    async fn checkpoint(&mut self, size: Option<i64>) -> Result<Option<CheckpointRow>, StoreError> {
        let found = match size {
            Some(size) => self.list(statements::READ_CHECKPOINT, |query| query.bind(size), rows::checkpoint).await?,
            None => self.list(statements::READ_LATEST_CHECKPOINT, |query| query, rows::checkpoint).await?,
        };
        Ok(found.into_iter().next())
    }

    async fn referral(&mut self, key: &ReferralKey) -> Result<Option<ReferralRows>, StoreError> {
        let found = match key {
            ReferralKey::Id(id) => self.referrals(std::slice::from_ref(id)).await?,
            ReferralKey::Reference(reference) => self.packed(statements::READ_BY_REFERENCE, |query| query.bind(reference.as_str())).await?,
            ReferralKey::SenderReference(hash) => self.packed(statements::READ_BY_SENDER_REFERENCE, |query| query.bind(hash.0.as_slice())).await?,
        };
        Ok(found.into_iter().next())
    }

    async fn referrals(&mut self, ids: &[Blob]) -> Result<Vec<ReferralRows>, StoreError> {
        self.packed(statements::READ_REFERRALS, |query| query.bind(ids.iter().map(|id| id.0.as_slice()).bind_iter())).await
    }

    async fn sent_by(&mut self, agency: &str, after: After) -> Result<Vec<ReferralRows>, StoreError> {
        self.page(statements::READ_SENT, agency, after).await
    }

    async fn open_sent_by(&mut self, agency: &str, after: After) -> Result<Vec<ReferralRows>, StoreError> {
        self.page(statements::READ_OPEN_SENT, agency, after).await
    }

    async fn pending_clearances(&mut self, agency: &str, after: After) -> Result<Vec<ReferralRows>, StoreError> {
        self.page(statements::READ_PENDING, agency, after).await
    }

    async fn all_referrals(&mut self, after: After) -> Result<Vec<ReferralRows>, StoreError> {
        self.packed(statements::READ_ALL, |query| query.bind(after.after).bind(i64::from(after.limit))).await
    }

    async fn contents(&mut self, referral: &Blob, wanted: &[(i64, i64)]) -> Result<Vec<ContentRow>, StoreError> {
        let sections = wanted.iter().map(|(section, _)| *section);
        let revisions = wanted.iter().map(|(_, revision)| *revision);
        let bind = |query: Question| query.bind(referral.0.as_slice()).bind(sections.bind_iter()).bind(revisions.bind_iter());
        self.list(statements::READ_CONTENTS, bind, rows::content).await
    }

    async fn content_names(&mut self, after: i64, until: i64) -> Result<Vec<ContentNameRow>, StoreError> {
        self.list(statements::READ_CONTENT_NAMES, |query| query.bind(after).bind(until), rows::content_name).await
    }

    async fn inbox(&mut self, function: &str, after: After) -> Result<Vec<InboxRow>, StoreError> {
        self.list(statements::READ_INBOX, |query| query.bind(function).bind(after.after).bind(i64::from(after.limit)), rows::inbox).await
    }

    async fn open_inbox(&mut self, function: &str, after: After) -> Result<Vec<ReferralRows>, StoreError> {
        self.page(statements::READ_OPEN_INBOX, function, after).await
    }

    async fn statuses(&mut self, agency: &str, after: After) -> Result<Vec<StatusRow>, StoreError> {
        self.list(statements::READ_STATUSES, |query| query.bind(agency).bind(after.after).bind(i64::from(after.limit)), rows::status).await
    }

    async fn in_flight(&mut self, origin: i64) -> Result<Vec<InFlightRow>, StoreError> {
        self.list(statements::READ_IN_FLIGHT, |query| query.bind(origin), rows::in_flight).await
    }

    async fn noticed(&mut self, function: &str) -> Result<Vec<NoticedRow>, StoreError> {
        self.list(statements::READ_NOTICED, |query| query.bind(function), rows::noticed).await
    }

    async fn open_reviews(&mut self, agency: &str) -> Result<Vec<OpenReviewRow>, StoreError> {
        self.list(statements::READ_OPEN_REVIEWS, |query| query.bind(agency), rows::open_review).await
    }

    async fn due(&mut self, page: DuePage) -> Result<Vec<DueRow>, StoreError> {
        let bind = |query: Question| query.bind(page.until).bind(page.after).bind(page.after_position).bind(i64::from(page.limit));
        self.list(statements::READ_DUE, bind, rows::due).await
    }

    async fn openings(&mut self, position: i64) -> Result<Vec<OpeningRow>, StoreError> {
        self.list(statements::READ_OPENINGS, |query| query.bind(position), rows::opening).await
    }

    async fn directory(&mut self) -> Result<(Vec<AgencyRow>, Vec<FunctionRow>), StoreError> {
        let found = self.list(statements::READ_DIRECTORY, |query| query, rows::entry).await?;
        let (agencies, functions): (Vec<_>, Vec<_>) = found.into_iter().partition(|(is_agency, _)| *is_agency);
        let function = |(_, AgencyRow { id, position, entry })| FunctionRow { id, position, entry };
        Ok((agencies.into_iter().map(|(_, row)| row).collect(), functions.into_iter().map(function).collect()))
    }
}
