//! Either SQL back end behind one type, so that what holds a store need not be written for each.

use brygga_engine::rows::*;
use brygga_engine::store::{After, Batch, CommitError, DuePage, Loaded, Reader, ReferralKey, Store, StoreError, Wanted};

use crate::{PostgresReader, PostgresStore, SqliteReader, SqliteStore};

/// The writer of either.
#[derive(Debug)]
pub enum AnyStore {
    /// The embedded database.
    Sqlite(SqliteStore),
    /// PostgreSQL.
    Postgres(PostgresStore),
}

/// A reader of either.
#[derive(Debug)]
pub enum AnyReader {
    /// The embedded database.
    Sqlite(SqliteReader),
    /// PostgreSQL.
    Postgres(PostgresReader),
}

macro_rules! either {
    ($($method:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)+) => {
        $(
            async fn $method(&mut self $(, $argument: $kind)*) -> $answer {
                match self {
                    Self::Sqlite(sqlite) => sqlite.$method($($argument),*).await,
                    Self::Postgres(postgres) => postgres.$method($($argument),*).await,
                }
            }
        )+
    };
}

impl Store for AnyStore {
    either! {
        load(wanted: &Wanted) -> Result<Loaded, StoreError>;
        commit(batch: &Batch) -> Result<(), CommitError>;
        settle(prev_size: i64) -> Result<(HeadRow, Option<CheckpointRow>), StoreError>;
    }
}

impl Reader for AnyReader {
    either! {
        head() -> Result<HeadRow, StoreError>;
        events(start: i64, end: i64) -> Result<Vec<EventRow>, StoreError>;
        leaf_hashes(start: i64, end: i64) -> Result<Vec<Blob>, StoreError>;
        tree_hashes(level: i64, start: i64, end: i64) -> Result<Vec<Blob>, StoreError>;
        checkpoint(size: Option<i64>) -> Result<Option<CheckpointRow>, StoreError>;
        referral(key: &ReferralKey) -> Result<Option<ReferralRows>, StoreError>;
        referrals(ids: &[Blob]) -> Result<Vec<ReferralRows>, StoreError>;
        sent_by(agency: &str, after: After) -> Result<Vec<ReferralRows>, StoreError>;
        open_sent_by(agency: &str, after: After) -> Result<Vec<ReferralRows>, StoreError>;
        pending_clearances(agency: &str, after: After) -> Result<Vec<ReferralRows>, StoreError>;
        all_referrals(after: After) -> Result<Vec<ReferralRows>, StoreError>;
        contents(referral: &Blob, wanted: &[(i64, i64)]) -> Result<Vec<ContentRow>, StoreError>;
        content_names(after: i64, until: i64) -> Result<Vec<ContentNameRow>, StoreError>;
        inbox(function: &str, after: After) -> Result<Vec<InboxRow>, StoreError>;
        open_inbox(function: &str, after: After) -> Result<Vec<ReferralRows>, StoreError>;
        statuses(agency: &str, after: After) -> Result<Vec<StatusRow>, StoreError>;
        in_flight(origin: i64) -> Result<Vec<InFlightRow>, StoreError>;
        noticed(function: &str) -> Result<Vec<NoticedRow>, StoreError>;
        open_reviews(agency: &str) -> Result<Vec<OpenReviewRow>, StoreError>;
        due(page: DuePage) -> Result<Vec<DueRow>, StoreError>;
        openings(position: i64) -> Result<Vec<OpeningRow>, StoreError>;
        directory() -> Result<(Vec<AgencyRow>, Vec<FunctionRow>), StoreError>;
    }
}
