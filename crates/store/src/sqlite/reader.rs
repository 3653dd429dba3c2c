//! A reader: one connection that cannot write, on a thread of its own. A task of the reader pool owns it.
//!
//! A question of several statements is asked within one transaction, so each answer is of one moment.

use std::collections::{BTreeMap, BTreeSet};

use brygga_engine::rows::*;
use brygga_engine::store::{After, DuePage, Reader, ReferralKey, StoreError};

use super::columns::{self, Taken, Whole};
use super::link::{Connection, Failed, Link};
use super::statements::*;
use super::thread::Thread;
use super::{ConnectError, rows};

/// How many hashes an answer makes room for beforehand: a tile.
const HASHES: usize = 256;

/// A reader of a SQLite database.
#[derive(Debug)]
pub struct SqliteReader {
    link: Thread<Link>,
}

impl SqliteReader {
    pub(super) fn new(link: Link) -> Result<Self, ConnectError> {
        let link = Thread::start("sqlite-reader", link).map_err(ConnectError::Thread)?;
        Ok(Self { link })
    }

    /// Asks `question`, whose first or only statement is `statement`; a connection that failed is opened again for the next one.
    pub(super) async fn ask<A: Send + 'static>(
        &mut self,
        statement: &'static str,
        question: impl FnOnce(&Connection) -> Result<A, Failed> + Send + 'static,
    ) -> Result<A, StoreError> {
        let ask = move |link: &mut Link| {
            let connection = link.connection().map_err(|error| rows::unavailable(statement, error))?;
            let answer = question(connection);
            if answer.is_err() {
                link.give_up();
            }
            Ok(answer?)
        };
        self.link.ask(ask).await
    }

    /// Asks a question of several statements, which see one moment.
    async fn ask_at_once<A: Send + 'static>(
        &mut self,
        statement: &'static str,
        question: impl FnOnce(&Connection) -> Result<A, Failed> + Send + 'static,
    ) -> Result<A, StoreError> {
        let at_once = move |connection: &Connection| {
            connection.run(BEGIN_READING)?;
            let answer = question(connection)?;
            connection.run(END_READING)?;
            Ok(answer)
        };
        self.ask(statement, at_once).await
    }

    async fn referrals_of(&mut self, statement: &'static str, whose: &str, after: After) -> Result<Vec<ReferralRows>, StoreError> {
        let whose = whose.to_owned();
        self.ask(statement, move |connection| connection.prepare(statement)?.rows((whose.as_str(), after.after, after.limit), columns::referral)).await
    }

    async fn page<R: Whole + Send + 'static>(&mut self, statement: &'static str, whose: &str, after: After) -> Result<Vec<R>, StoreError> {
        let whose = whose.to_owned();
        self.ask(statement, move |connection| connection.prepare(statement)?.rows((whose.as_str(), after.after, after.limit), R::take)).await
    }
}

/// The only column of each row, a hash.
fn hashes(connection: &Connection, statement: &'static str, asked: impl rusqlite::Params) -> Result<Vec<Blob>, Failed> {
    let mut found = Vec::with_capacity(HASHES);
    connection.prepare(statement)?.each(asked, |row| {
        found.push(row.take()?);
        Ok(())
    })?;
    Ok(found)
}

fn referral(connection: &Connection, key: &ReferralKey) -> Result<Option<ReferralRows>, Failed> {
    let read = |row: &mut Taken<'_>| columns::referral(row);
    match key {
        ReferralKey::Id(id) => connection.prepare(READ_BY_ID)?.first([id.0.as_slice()], read),
        ReferralKey::Reference(reference) => connection.prepare(READ_BY_REFERENCE)?.first([reference.as_str()], read),
        ReferralKey::SenderReference(hash) => connection.prepare(READ_BY_SENDER_REFERENCE)?.first([hash.0.as_slice()], read),
    }
}

fn contents(connection: &Connection, referral: &Blob, wanted: &BTreeSet<(i64, i64)>) -> Result<Vec<ContentRow>, Failed> {
    let Some(origin) = rows::origin_of(connection, referral)? else { return Ok(Vec::new()) };
    let mut content = connection.prepare(READ_CONTENT)?;
    let read = |(section, revision): &(i64, i64)| content.first((origin, *section, *revision), |row| columns::content(referral, row)).transpose();
    wanted.iter().filter_map(read).collect()
}

impl Reader for SqliteReader {
    async fn head(&mut self) -> Result<HeadRow, StoreError> {
        self.ask(READ_HEAD, super::load::head).await
    }

    async fn events(&mut self, start: i64, end: i64) -> Result<Vec<EventRow>, StoreError> {
        self.ask(READ_EVENTS, move |connection| connection.prepare(READ_EVENTS)?.rows((start, end), EventRow::take)).await
    }

    async fn leaf_hashes(&mut self, start: i64, end: i64) -> Result<Vec<Blob>, StoreError> {
        self.ask(READ_LEAF_HASHES, move |connection| hashes(connection, READ_LEAF_HASHES, (start, end))).await
    }

    async fn tree_hashes(&mut self, level: i64, start: i64, end: i64) -> Result<Vec<Blob>, StoreError> {
        self.ask(READ_TREE_HASHES, move |connection| hashes(connection, READ_TREE_HASHES, (level, start, end))).await
    }

    async fn checkpoint(&mut self, size: Option<i64>) -> Result<Option<CheckpointRow>, StoreError> {
        let question = move |connection: &Connection| match size {
            Some(size) => connection.prepare(READ_CHECKPOINT)?.first([size], CheckpointRow::take),
            None => connection.prepare(READ_LATEST_CHECKPOINT)?.first([], CheckpointRow::take),
        };
        self.ask(READ_CHECKPOINT, question).await
    }

    async fn referral(&mut self, key: &ReferralKey) -> Result<Option<ReferralRows>, StoreError> {
        let key = key.clone();
        self.ask(READ_REFERRAL, move |connection| referral(connection, &key)).await
    }

    async fn referrals(&mut self, ids: &[Blob]) -> Result<Vec<ReferralRows>, StoreError> {
        let ids: BTreeSet<Blob> = ids.iter().cloned().collect();
        let question = move |connection: &Connection| {
            let mut by_id = connection.prepare(READ_BY_ID)?;
            let mut found = BTreeMap::new();
            for id in &ids {
                found.extend(by_id.first([id.0.as_slice()], columns::referral)?.map(|rows| (rows.referral.first_position, rows)));
            }
            Ok(found.into_values().collect())
        };
        self.ask_at_once(READ_BY_ID, question).await
    }

    async fn sent_by(&mut self, agency: &str, after: After) -> Result<Vec<ReferralRows>, StoreError> {
        self.referrals_of(READ_SENT, agency, after).await
    }

    async fn open_sent_by(&mut self, agency: &str, after: After) -> Result<Vec<ReferralRows>, StoreError> {
        self.referrals_of(READ_OPEN_SENT, agency, after).await
    }

    async fn pending_clearances(&mut self, agency: &str, after: After) -> Result<Vec<ReferralRows>, StoreError> {
        self.referrals_of(READ_PENDING, agency, after).await
    }

    async fn all_referrals(&mut self, after: After) -> Result<Vec<ReferralRows>, StoreError> {
        self.ask(READ_ALL, move |connection| connection.prepare(READ_ALL)?.rows((after.after, after.limit), columns::referral)).await
    }

    async fn contents(&mut self, referral: &Blob, wanted: &[(i64, i64)]) -> Result<Vec<ContentRow>, StoreError> {
        let (referral, wanted) = (referral.clone(), wanted.iter().copied().collect());
        self.ask_at_once(READ_CONTENT, move |connection| contents(connection, &referral, &wanted)).await
    }

    async fn content_names(&mut self, after: i64, until: i64) -> Result<Vec<ContentNameRow>, StoreError> {
        self.ask(READ_CONTENT_NAMES, move |connection| connection.prepare(READ_CONTENT_NAMES)?.rows((after, until), ContentNameRow::take)).await
    }

    async fn inbox(&mut self, function: &str, after: After) -> Result<Vec<InboxRow>, StoreError> {
        self.page(READ_INBOX, function, after).await
    }

    async fn open_inbox(&mut self, function: &str, after: After) -> Result<Vec<ReferralRows>, StoreError> {
        self.referrals_of(READ_OPEN_INBOX, function, after).await
    }

    async fn statuses(&mut self, agency: &str, after: After) -> Result<Vec<StatusRow>, StoreError> {
        self.page(READ_STATUSES, agency, after).await
    }

    async fn in_flight(&mut self, origin: i64) -> Result<Vec<InFlightRow>, StoreError> {
        self.ask(READ_IN_FLIGHT, move |connection| connection.prepare(READ_IN_FLIGHT)?.rows([origin], InFlightRow::take)).await
    }

    async fn noticed(&mut self, function: &str) -> Result<Vec<NoticedRow>, StoreError> {
        let function = function.to_owned();
        self.ask(READ_NOTICED, move |connection| connection.prepare(READ_NOTICED)?.rows([function.as_str()], NoticedRow::take)).await
    }

    async fn open_reviews(&mut self, agency: &str) -> Result<Vec<OpenReviewRow>, StoreError> {
        let agency = agency.to_owned();
        self.ask(READ_OPEN_REVIEWS, move |connection| connection.prepare(READ_OPEN_REVIEWS)?.rows([agency.as_str()], OpenReviewRow::take)).await
    }

    async fn due(&mut self, page: DuePage) -> Result<Vec<DueRow>, StoreError> {
        let bounds = (page.until, page.after, page.after_position, page.limit);
        self.ask(READ_DUE, move |connection| connection.prepare(READ_DUE)?.rows(bounds, DueRow::take)).await
    }

    async fn openings(&mut self, position: i64) -> Result<Vec<OpeningRow>, StoreError> {
        self.ask(READ_OPENINGS, move |connection| connection.prepare(READ_OPENINGS)?.rows([position], OpeningRow::take)).await
    }

    async fn directory(&mut self) -> Result<(Vec<AgencyRow>, Vec<FunctionRow>), StoreError> {
        let question = |connection: &Connection| {
            let agencies = connection.prepare(READ_AGENCIES)?.rows([], AgencyRow::take)?;
            Ok((agencies, connection.prepare(READ_FUNCTIONS)?.rows([], FunctionRow::take)?))
        };
        self.ask_at_once(READ_AGENCIES, question).await
    }
}
