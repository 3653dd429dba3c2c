//! Rows as every back end keeps them: plain values, computed here, so that a back end is only a list of statements.
//!
//! Bytes travel as lower-case hex where they travel as text, flags as 0 and 1, times as microseconds of UTC, codes as their text.

mod beside;

use serde::{Deserialize, Serialize};

pub use beside::{EmergencyRow, ExcludedRow, OpenReviewRow, OwedWordRow};

/// Bytes of a row, in hex where they travel as text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Blob(pub Vec<u8>);

impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for Blob {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_bytes(&self.0);
        }
        // hex::encode goes character by character; into a slice it goes byte by byte, and rows are made of these.
        let mut text = vec![0; self.0.len().saturating_mul(2)];
        hex::encode_to_slice(&self.0, &mut text).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(std::str::from_utf8(&text).map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return Vec::<u8>::deserialize(deserializer).map(Self);
        }
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        hex::decode(text.as_bytes()).map(Self).map_err(serde::de::Error::custom)
    }
}

impl<T: AsRef<[u8]>> From<T> for Blob {
    fn from(bytes: T) -> Self {
        Self(bytes.as_ref().to_vec())
    }
}

/// The head of the log: the only row of the log's tables that is ever updated.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HeadRow {
    /// Number of events.
    pub size: i64,
    /// Root of the tree.
    pub root: Blob,
    /// The frontier, as the merkle crate writes it.
    pub frontier: Blob,
    /// Time of the last batch.
    pub last_time: i64,
    /// Hash of the ground table in force, 32 bytes; empty before the log has begun.
    pub grounds: Blob,
}

impl HeadRow {
    /// How many events the log has.
    pub fn events(&self) -> u64 {
        u64::try_from(self.size).unwrap_or_default()
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRow {
    /// Its position.
    pub position: i64,
    /// The bytes that are hashed, verbatim.
    pub bytes: Blob,
    /// SHA-256(0x00 ‖ bytes).
    pub leaf_hash: Blob,
}

/// The root of a completed tile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeRow {
    /// 8, 16, 24 …: the subtree has 2^level leaves.
    pub level: i64,
    /// Its number, from 0.
    pub number: i64,
    /// Its hash.
    pub hash: Blob,
}

/// One signed head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointRow {
    /// Size of the tree.
    pub size: i64,
    /// Size of the tree before; a fork would be a constraint error.
    pub prev_size: i64,
    /// Root of the tree.
    pub root: Blob,
    /// The signed note.
    pub note: Blob,
}

/// A referral's own row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferralRow {
    /// Id, 16 bytes.
    pub id: Blob,
    /// What people call it.
    pub reference: String,
    /// Thread, 16 bytes.
    pub thread: Blob,
    /// Kind.
    pub kind: String,
    /// Sending agency.
    pub sender: String,
    /// What the sender is.
    pub from_kind: String,
    /// What the recipient's agency is.
    pub to_kind: String,
    /// Recipient function.
    pub recipient: String,
    /// Agency that answers for it.
    pub host: String,
    /// Agency that clears the investigation.
    pub leader: String,
    /// Urgency.
    pub urgency: String,
    /// When the offence was reported.
    pub reported_at: Option<i64>,
    /// When contact is due.
    pub contact_due_at: Option<i64>,
    /// When its clock ended.
    pub contacted_at: Option<i64>,
    /// When it was submitted.
    pub submitted_at: i64,
    /// When it was offered first.
    pub received_at: Option<i64>,
    /// When its stage began.
    pub stage_since: i64,
    /// Marks of clocks that were made, `clock:level` by space.
    pub marks: String,
    /// When its clocks or its content must be looked at next; absent: it has ended and no content is there. It follows from the rest, the tables and the directory.
    pub next_due_at: Option<i64>,
    /// Position of its first event.
    pub first_position: i64,
    /// Position of its latest event.
    pub last_position: i64,
    /// Position of its first offer.
    pub offered_at: Option<i64>,
    /// Stage.
    pub stage: String,
    /// The code that belongs to the stage.
    pub stage_code: Option<String>,
    /// Position of a recall.
    pub recall: Option<i64>,
    /// Whether the recall was confirmed, 0 or 1.
    pub recall_confirmed: i64,
    /// The officer who took it on, 16 bytes.
    pub claimed_by: Option<Blob>,
}

/// A person of a referral.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRow {
    /// Pseudonym, 16 bytes.
    pub id: Blob,
    /// Role.
    pub role: String,
    /// Number within the role, from 1.
    pub number: i64,
    /// Protection of personal data.
    pub protected_identity: String,
}

/// A section of a referral.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SectionRow {
    /// Number, from 1.
    pub number: i64,
    /// Category.
    pub category: String,
    /// Revision, from 1.
    pub revision: i64,
    /// Commitment to its bytes.
    pub commitment: Blob,
    /// Whether the envelope shows it, 0 or 1.
    pub offered: i64,
    /// Position of its latest release.
    pub released_at: Option<i64>,
    /// Revision that left.
    pub released_revision: Option<i64>,
    /// Whether it was shown for a check of conflicts, 0 or 1.
    pub revealed: i64,
    /// Pseudonyms of officers who have seen this revision for that, the latest last.
    pub checked_by: Vec<Blob>,
    /// The latest revision whose arrival was confirmed; 0: none.
    pub acknowledged: i64,
    /// Positions of the consents that its releases rested on, by space.
    pub rested_on: String,
    /// The content that is there, `revision:since:held` or `revision:since:left` by space.
    pub kept: String,
}

/// A cell of a section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellRow {
    /// Number of the section.
    pub section: i64,
    /// The person, 16 bytes; empty for the investigation.
    pub interest: Blob,
    /// Its place among the section's cells, from 0.
    pub place: i64,
    /// Position of the decision.
    pub decided_at: Option<i64>,
    /// Who decided, 16 bytes.
    pub officer: Option<Blob>,
    /// The ground that it is released on; absent when withheld.
    pub ground: Option<String>,
    /// Position of the consent that it rests on.
    pub consent: Option<i64>,
    /// Why it is withheld; absent when released.
    pub withheld: Option<String>,
    /// Whether the envelope may say that it is withheld, 0 or 1.
    pub nameable: i64,
    /// Whether a second officer must agree, 0 or 1.
    pub second_officer: i64,
    /// Position of the agreement.
    pub confirmed_at: Option<i64>,
    /// Until when the decision stands for later revisions, too.
    pub standing_until: Option<i64>,
    /// Position of the event by which it goes on for another revision.
    pub carried_at: Option<i64>,
    /// That revision.
    pub carried_revision: Option<i64>,
}

/// A consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentRow {
    /// Id, 16 bytes.
    pub id: Blob,
    /// Position of the event.
    pub position: i64,
    /// Whose, 16 bytes.
    pub person: Blob,
    /// Categories, by space.
    pub categories: String,
    /// Recipient function.
    pub recipient: String,
    /// Purpose.
    pub purpose: String,
    /// When it was given.
    pub given_at: i64,
    /// Until when it holds.
    pub valid_until: i64,
    /// How it was given.
    pub form: String,
    /// Language, ISO 639-3.
    pub language: Option<String>,
    /// Whether an interpreter took part, 0 or 1.
    pub interpreter: i64,
    /// GDPR basis.
    pub gdpr_basis: String,
    /// Who gave it.
    pub given_by: String,
    /// Who asked, where it is another than who recorded it, 16 bytes.
    pub asked_by: Option<Blob>,
    /// Commitment to which interpreter took part.
    pub interpreter_reference: Option<Blob>,
    /// Position of the withdrawal.
    pub withdrawn_at: Option<i64>,
}

/// A stop-use notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopUseRow {
    /// Position of the notice.
    pub position: i64,
    /// Numbers of the sections, by space.
    pub sections: String,
    /// The answer.
    pub answer: Option<String>,
}

/// A referral's own row and its parts, which lie in one column beside it (`parts.rs`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferralRows {
    /// Its own.
    pub referral: ReferralRow,
    /// By role and number, in the order of submission.
    pub persons: Vec<PersonRow>,
    /// By number.
    pub sections: Vec<SectionRow>,
    /// By section and place.
    pub cells: Vec<CellRow>,
    /// By position.
    pub consents: Vec<ConsentRow>,
    /// By position.
    pub stop_uses: Vec<StopUseRow>,
    /// By position.
    pub emergencies: Vec<EmergencyRow>,
    /// In their order; not from the journal, and erasable.
    pub excluded: Vec<ExcludedRow>,
    /// Who of them was excluded from the referral that it passes on; not from the journal either.
    pub inherited: Vec<ExcludedRow>,
    /// By position.
    pub owed: Vec<OwedWordRow>,
}

/// A referral whose clocks or content are to be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueRow {
    /// When.
    pub next_due_at: i64,
    /// Position of its first event.
    pub first_position: i64,
    /// Id, 16 bytes.
    pub id: Blob,
}

/// Something that waits in an inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxRow {
    /// Position of the event.
    pub position: i64,
    /// The function.
    pub function: String,
    /// The referral.
    pub referral: Blob,
    /// What.
    pub kind: String,
}

/// Something that a sender is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRow {
    /// Position of the event.
    pub position: i64,
    /// The agency.
    pub agency: String,
    /// The referral.
    pub referral: Blob,
    /// What.
    pub status: String,
    /// When.
    pub at: i64,
}

/// A key that was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    /// The agency; keys are its own.
    pub agency: String,
    /// The key, 16 bytes.
    pub request: Blob,
    /// SHA-256 of the raw request.
    pub digest: Blob,
    /// Whether it was refused, 0 or 1: a refusal does not use the key up.
    pub refused: i64,
    /// Positions of the receipt's leaves, by space.
    pub positions: String,
    /// Size of the tree that the receipt is for.
    pub size: i64,
    /// The referral, 16 bytes.
    pub referral: Option<Blob>,
    /// What was released, `section:revision` by space.
    pub released: String,
    /// When.
    pub at: i64,
}

/// A release whose bytes are on their way: there from its commit until they have left or were cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InFlightRow {
    /// Position of the referral's first event.
    pub origin: i64,
    /// The broker that sends it, 16 bytes, drawn when it starts.
    pub broker: Blob,
    /// Its number among what that broker sends: one release may be on its way several times.
    pub number: i64,
    /// Position of the release.
    pub released_at: i64,
    /// When its send window ends, by the log's clock.
    pub until: i64,
}

/// How far a function was told outside the broker that something waits in its inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticedRow {
    /// The function.
    pub function: String,
    /// How: `mail` or `webhook`.
    pub way: String,
    /// Everything before this position was told of.
    pub position: i64,
}

/// A section's bytes at one revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentRow {
    /// The referral.
    pub referral: Blob,
    /// Number of the section.
    pub section: i64,
    /// Revision.
    pub revision: i64,
    /// The key that it is encrypted under; none yet.
    pub key_id: Option<Blob>,
    /// Salt of the commitment, 32 bytes.
    pub salt: Blob,
    /// The bytes as submitted.
    pub bytes: Blob,
}

/// Names content that is there, or that is destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ContentNameRow {
    /// Position of the referral's first event.
    pub origin: i64,
    /// Number of the section.
    pub section: i64,
    /// Revision.
    pub revision: i64,
}

/// A committed value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpeningRow {
    /// Position of the event.
    pub position: i64,
    /// Which field.
    pub field: String,
    /// Salt, 32 bytes.
    pub salt: Blob,
    /// The value.
    pub value: Blob,
}

/// A keyed hash that finds a person again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonLookupRow {
    /// The keyed hash, 32 bytes.
    pub hash: Blob,
    /// The pseudonym, 16 bytes.
    pub person: Blob,
}

/// A keyed hash that finds the sender's own reference again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderReferenceRow {
    /// The keyed hash, 32 bytes.
    pub hash: Blob,
    /// The referral, 16 bytes.
    pub referral: Blob,
}

/// An offer on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferRow {
    /// Id, 16 bytes.
    pub id: Blob,
    /// The agency that recorded it.
    pub agency: String,
    /// Position of the event.
    pub position: i64,
    /// Her answer; absent: it was not made.
    pub answer: Option<String>,
}

/// An agency of the directory; the entry is the JSON whose digest its event holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgencyRow {
    /// Name.
    pub id: String,
    /// Position of its latest event.
    pub position: i64,
    /// The entry as JSON.
    pub entry: String,
}

/// A function of the directory; the entry is the JSON whose digest its event holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionRow {
    /// Name.
    pub id: String,
    /// Position of its latest event.
    pub position: i64,
    /// The entry as JSON.
    pub entry: String,
}
