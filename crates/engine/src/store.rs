//! What the engine asks of a back end.
//!
//! A back end is small and dumb: it locks the head, loads rows, writes rows, and knows nothing of referrals. The memory, SQLite
//! and PostgreSQL stores pass one conformance suite.

use std::future::Future;

use crate::rows::*;

/// What a batch needs to see before it is decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Keys, by agency and request. The referral that a key was used for is loaded with it: a repeat is answered from it.
    pub keys: Vec<(String, Blob)>,
    /// Referrals by id.
    pub referrals: Vec<Blob>,
    /// Referrals by reference: those that commands name, and those that submissions would take.
    pub references: Vec<String>,
    /// Keyed hashes of sender references.
    pub sender_references: Vec<Blob>,
    /// Offers by id.
    pub offers: Vec<Blob>,
    /// Agencies whose emergencies without a review must be known, each once.
    pub reviewers: Vec<String>,
    /// Size of the log as the committer knows it; 0: it knows nothing.
    pub known: i64,
}

/// What a batch sees.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The head, locked until the commit.
    pub head: HeadRow,
    /// Keys that were used.
    pub keys: Vec<KeyRow>,
    /// Referrals that were asked for by id or by reference.
    pub referrals: Vec<ReferralRows>,
    /// Keyed hashes of sender references that are taken.
    pub sender_references: Vec<Blob>,
    /// Offers on record.
    pub offers: Vec<OfferRow>,
    /// Emergencies of those agencies that wait for their review, by position.
    pub open_reviews: Vec<OpenReviewRow>,
    /// What is on its way of those referrals.
    pub in_flight: Vec<InFlightRow>,
    /// Root at the size that the committer knows, when the head has moved on from there.
    pub known_root: Option<Blob>,
    /// Agencies that were entered or changed from the known size on.
    pub agencies: Vec<AgencyRow>,
    /// Functions that were entered or changed from the known size on.
    pub functions: Vec<FunctionRow>,
}

/// Keys that one batch forgets at most.
pub const KEYS_FORGOTTEN_MAX: u32 = 4096;

/// What a batch writes, all or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// The new head; `None` when nothing was appended.
    pub head: Option<HeadRow>,
    /// Appended events, by position.
    pub events: Vec<EventRow>,
    /// Completed tiles.
    pub tree: Vec<TreeRow>,
    /// The signed head.
    pub checkpoint: Option<CheckpointRow>,
    /// Referrals, each as it stands after the batch: rows are inserted or replaced, none is ever deleted.
    pub referrals: Vec<ReferralRows>,
    /// Inbox entries.
    pub inbox: Vec<InboxRow>,
    /// What senders are told.
    pub statuses: Vec<StatusRow>,
    /// Keys: inserted, or replaced where the key had been refused.
    pub keys: Vec<KeyRow>,
    /// Keys from before this time are forgotten: deleted, the oldest first, at most [`KEYS_FORGOTTEN_MAX`].
    pub keys_before: Option<i64>,
    /// Releases that set out.
    pub in_flight: Vec<InFlightRow>,
    /// Releases that are no longer on their way: deleted, and no error where they are not there.
    pub departed: Vec<InFlightRow>,
    /// How far functions were told outside: inserted, or moved on; a smaller position changes nothing.
    pub noticed: Vec<NoticedRow>,
    /// Content.
    pub contents: Vec<ContentRow>,
    /// Content that is destroyed: deleted, after what is inserted.
    pub destroyed: Vec<ContentNameRow>,
    /// Openings.
    pub openings: Vec<OpeningRow>,
    /// Keyed hashes of persons.
    pub person_lookups: Vec<PersonLookupRow>,
    /// Keyed hashes of sender references.
    pub sender_references: Vec<SenderReferenceRow>,
    /// Offers.
    pub offers: Vec<OfferRow>,
    /// Agencies: inserted or replaced.
    pub agencies: Vec<AgencyRow>,
    /// Functions: inserted or replaced.
    pub functions: Vec<FunctionRow>,
}

/// Trouble with the store: nothing was decided.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store did not answer; the same question may be asked again.
    #[error("the store did not answer: {statement}")]
    Unavailable {
        /// The statement's name.
        statement: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A row is not what it must be: the broker stops forwarding.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
}

/// A row that cannot be: our bug, or damaged data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("table {table}, column {column} of row {row} is not what it must be")]
pub struct Corrupt {
    /// The table.
    pub table: &'static str,
    /// Which row: an id or a position.
    pub row: String,
    /// The column.
    pub column: &'static str,
}

/// How a commit failed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Nothing of the batch was written, for sure.
    #[error("the batch was not committed")]
    NotCommitted(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It may have been written.
    #[error("it is not known whether the batch was committed")]
    OutcomeUnknown(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The writer: owned by the committer, by value, and by nobody else.
pub trait Store: Send + 'static {
    /// Begins the batch's transaction, locks the head and loads what the batch must see.
    ///
    /// An error leaves no transaction open.
    fn load(&mut self, wanted: &Wanted) -> impl Future<Output = Result<Loaded, StoreError>> + Send;

    /// Writes the batch and ends the transaction that `load` began; an empty batch ends it with COMMIT all the same.
    fn commit(&mut self, batch: &Batch) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// Reconnects after an unknown outcome and reads the head together with the checkpoint that follows `prev_size`.
    fn settle(&mut self, prev_size: i64) -> impl Future<Output = Result<(HeadRow, Option<CheckpointRow>), StoreError>> + Send;
}

/// A page of positions: those after `after`, at most `limit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    /// The last position that the caller has.
    pub after: i64,
    /// How many at most.
    pub limit: u32,
}

/// A page of what is due: up to a moment, after the last that the caller has, at most `limit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DuePage {
    /// Due at this moment or before it.
    pub until: i64,
    /// When the last one that the caller has is due.
    pub after: i64,
    /// First position of that one.
    pub after_position: i64,
    /// How many at most.
    pub limit: u32,
}

/// How a question names a referral.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReferralKey {
    /// By id, 16 bytes.
    Id(Blob),
    /// By reference.
    Reference(String),
    /// By the keyed hash of the sender's reference.
    SenderReference(Blob),
}

/// A reader: one connection, read-only. Owned by a task of the reader pool, never by a handler.
pub trait Reader: Send + 'static {
    /// The head, without its lock.
    fn head(&mut self) -> impl Future<Output = Result<HeadRow, StoreError>> + Send;
    /// Events from `start` to before `end`, by position.
    fn events(&mut self, start: i64, end: i64) -> impl Future<Output = Result<Vec<EventRow>, StoreError>> + Send;
    /// Leaf hashes from `start` to before `end`, by position.
    fn leaf_hashes(&mut self, start: i64, end: i64) -> impl Future<Output = Result<Vec<Blob>, StoreError>> + Send;
    /// Tile roots of a level from `start` to before `end`, by number.
    fn tree_hashes(&mut self, level: i64, start: i64, end: i64) -> impl Future<Output = Result<Vec<Blob>, StoreError>> + Send;
    /// The checkpoint of exactly that size; the latest for `None`.
    fn checkpoint(&mut self, size: Option<i64>) -> impl Future<Output = Result<Option<CheckpointRow>, StoreError>> + Send;
    /// One referral.
    fn referral(&mut self, key: &ReferralKey) -> impl Future<Output = Result<Option<ReferralRows>, StoreError>> + Send;
    /// Several referrals by id, in any order.
    fn referrals(&mut self, ids: &[Blob]) -> impl Future<Output = Result<Vec<ReferralRows>, StoreError>> + Send;
    /// Referrals of a sending agency by first position after `after.after`.
    fn sent_by(&mut self, agency: &str, after: After) -> impl Future<Output = Result<Vec<ReferralRows>, StoreError>> + Send;
    /// Referrals that an agency sent and that are not at an end, by first position.
    fn open_sent_by(&mut self, agency: &str, after: After) -> impl Future<Output = Result<Vec<ReferralRows>, StoreError>> + Send;
    /// Referrals with an undecided or unconfirmed cell that the agency may clear (as sender or leader), or with an emergency to review. By first position.
    fn pending_clearances(&mut self, agency: &str, after: After) -> impl Future<Output = Result<Vec<ReferralRows>, StoreError>> + Send;
    /// Every referral by first position, for the comparison of rows with the journal.
    fn all_referrals(&mut self, after: After) -> impl Future<Output = Result<Vec<ReferralRows>, StoreError>> + Send;
    /// Content of a referral at the named (section, revision), as far as it is there.
    fn contents(&mut self, referral: &Blob, wanted: &[(i64, i64)]) -> impl Future<Output = Result<Vec<ContentRow>, StoreError>> + Send;
    /// Which content is there of the referrals that begin after a position, up to another; by referral, section and revision.
    fn content_names(&mut self, after: i64, until: i64) -> impl Future<Output = Result<Vec<ContentNameRow>, StoreError>> + Send;
    /// Inbox entries of a function, by position.
    fn inbox(&mut self, function: &str, after: After) -> impl Future<Output = Result<Vec<InboxRow>, StoreError>> + Send;
    /// Referrals that wait for the function: ready, opened or accepted, or with a recall or a stop-use notice that it has not answered. By first position.
    fn open_inbox(&mut self, function: &str, after: After) -> impl Future<Output = Result<Vec<ReferralRows>, StoreError>> + Send;
    /// What an agency was told as a sender, by position.
    fn statuses(&mut self, agency: &str, after: After) -> impl Future<Output = Result<Vec<StatusRow>, StoreError>> + Send;
    /// What is on its way of the referral that begins at a position.
    fn in_flight(&mut self, origin: i64) -> impl Future<Output = Result<Vec<InFlightRow>, StoreError>> + Send;
    /// How far a function was told outside, by way.
    fn noticed(&mut self, function: &str) -> impl Future<Output = Result<Vec<NoticedRow>, StoreError>> + Send;
    /// Emergencies of an agency that nobody has reviewed yet, by position.
    fn open_reviews(&mut self, agency: &str) -> impl Future<Output = Result<Vec<OpenReviewRow>, StoreError>> + Send;
    /// Referrals whose clocks or content are to be looked at, by when, then by first position.
    fn due(&mut self, page: DuePage) -> impl Future<Output = Result<Vec<DueRow>, StoreError>> + Send;
    /// The openings of an event.
    fn openings(&mut self, position: i64) -> impl Future<Output = Result<Vec<OpeningRow>, StoreError>> + Send;
    /// The directory.
    fn directory(&mut self) -> impl Future<Output = Result<(Vec<AgencyRow>, Vec<FunctionRow>), StoreError>> + Send;
}
