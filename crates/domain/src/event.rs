//! Events: what became true. Ids, codes and commitments only; nothing here says who anybody is.
//!
//! Made by `decide`, encoded by the journal crate, applied by `referral::evolve`.

mod clearance;
mod clock;
mod content;
mod emergency;
mod naming;

pub use clearance::*;
pub use clock::*;
pub use content::*;
pub use emergency::*;

use crate::codes::*;
use crate::gate::Released;
use crate::ids::*;
use crate::time::Time;

/// One event of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// 32 random bytes, so that nobody guesses an event from its leaf hash.
    pub blinding: [u8; 32],
    /// Random id.
    pub id: EventId,
    /// When it was committed.
    pub time: Time,
    /// The agency that caused it.
    pub agency: AgencyId,
    /// The officer that the agency names, where a person acted.
    pub officer: Option<Officer>,
    /// Position of the previous event of the same referral.
    pub previous: Option<Position>,
    /// What became true.
    pub fact: Fact,
}

/// The officer behind a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Officer {
    /// Keyed hash of the agency's own identifier.
    pub pseudonym: OfficerPseudonym,
    /// How the broker knows.
    pub proof: OfficerProof,
}

/// What became true. One variant for each kind of event of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The log began.
    LogStarted {
        /// Origin of the log.
        origin: String,
    },
    /// An agency entered the directory, or its entry changed.
    AgencyRegistered {
        /// The agency.
        agency: AgencyId,
        /// What it is.
        kind: AgencyKind,
        /// SHA-256 of its directory entry as stored.
        entry: Digest,
    },
    /// A function entered the directory, or its entry changed.
    FunctionRegistered {
        /// The function.
        function: FunctionId,
        /// The agency that answers for it.
        host: AgencyId,
        /// SHA-256 of its directory entry as stored.
        entry: Digest,
    },
    /// A ground table came into force.
    GroundTableActivated {
        /// SHA-256 of the table.
        table: TableHash,
        /// The officer of the broker who put it forward; the event's own officer is the second. None where the log begins with it.
        proposed_by: Option<OfficerPseudonym>,
    },
    /// Support was offered or not, and her answer.
    OfferRecorded(Offer),
    /// A referral was submitted.
    ReferralSubmitted(Submitted),
    /// Sections were replaced, or given a new revision after release.
    ReferralAmended {
        /// The referral.
        referral: ReferralId,
        /// What each amended section is now.
        sections: Vec<SectionContent>,
        /// Commitment to who is excluded from now on; `None`: as before.
        excluded: Option<Commitment>,
    },
    /// The sender took it back; after a release this is a recall.
    ReferralRetracted {
        /// The referral.
        referral: ReferralId,
        /// Why.
        reason: RetractReason,
    },
    /// A holder confirmed a recall.
    RecallAcknowledged {
        /// The referral.
        referral: ReferralId,
        /// Position of the recall.
        recall: Position,
    },
    /// A person waived their own secrecy.
    ConsentRecorded(ConsentGiven),
    /// The waiver ended.
    ConsentWithdrawn {
        /// The referral.
        referral: ReferralId,
        /// The consent.
        consent: ConsentId,
    },
    /// A holder is told to stop using what rests on a withdrawn consent.
    StopUseSent {
        /// The referral.
        referral: ReferralId,
        /// The holder.
        recipient: FunctionId,
        /// Numbers of the sections.
        sections: Vec<u32>,
        /// Position of the withdrawal.
        withdrawal: Position,
    },
    /// A holder answered.
    StopUseAnswered {
        /// The referral.
        referral: ReferralId,
        /// Position of the notice.
        notice: Position,
        /// The answer.
        answer: StopUseAnswer,
    },
    /// Cells were decided.
    ClearanceDecided(ClearanceDecision),
    /// A second officer decided, too.
    ClearanceConfirmed(SecondDecision),
    /// Decisions were taken back before release.
    ClearanceRevoked {
        /// The referral.
        referral: ReferralId,
        /// Which cells.
        cells: Vec<CellName>,
        /// The ground table that was in force.
        table: TableHash,
    },
    /// Standing decisions go on for a later revision.
    ClearanceCarried(CarriedClearances),
    /// Until it ends or is reviewed, what the agency has decided leaves before a second officer's word.
    EmergencyDeclared(EmergencyDeclaration),
    /// An emergency was reviewed, which ends it.
    EmergencyReviewed(EmergencyReview),
    /// The first sections passed: the envelope is in the inbox.
    ReferralOffered(OfferedSections),
    /// More sections passed.
    SectionsOffered(OfferedSections),
    /// Nothing passes any longer and nothing was released: the offer is taken back.
    OfferWithdrawn {
        /// The referral.
        referral: ReferralId,
        /// The recipient.
        recipient: FunctionId,
    },
    /// One officer took it on.
    ReferralClaimed {
        /// The referral.
        referral: ReferralId,
        /// Whether it was taken over from another officer.
        takeover: bool,
    },
    /// An officer checks for a conflict of interest: the disclosure that follows at once holds only what says who it is about.
    NameRevealed {
        /// The referral.
        referral: ReferralId,
        /// To whom.
        recipient: FunctionId,
        /// Numbers of the sections.
        sections: Vec<u32>,
    },
    /// A disclosure: these sections leave.
    SectionsReleased {
        /// The referral.
        referral: ReferralId,
        /// To whom.
        recipient: FunctionId,
        /// What, and on which basis.
        released: Released,
    },
    /// The recipient's system holds what was released.
    DeliveryAcknowledged {
        /// The referral.
        referral: ReferralId,
        /// Position of the release.
        release: Position,
    },
    /// The recipient took it.
    ReferralAccepted {
        /// The referral.
        referral: ReferralId,
    },
    /// The recipient did not take it.
    ReferralDeclined {
        /// The referral.
        referral: ReferralId,
        /// Why.
        reason: DeclineReason,
        /// For a duplicate, the earlier referral of the same sender.
        duplicate_of: Option<ReferralId>,
    },
    /// The recipient sent it back.
    ReferralReturned {
        /// The referral.
        referral: ReferralId,
        /// Why.
        reason: ReturnReason,
        /// Categories that are missing.
        missing: Vec<Category>,
        /// For a child concern that came to the wrong board, the function that is right.
        right_function: Option<FunctionId>,
    },
    /// Contact was attempted, reached, or ended.
    ContactRecorded(Contact),
    /// Closed in coded answers.
    ReferralClosed(Closing),
    /// Somebody was reminded that a clock runs.
    ReminderSent(Reminder),
    /// A clock has run out. Nothing ends by it.
    Escalated(Escalation),
    /// Content was destroyed. Nothing else ends by it.
    ContentDestroyed(Destruction),
    /// A disclosure was refused.
    DisclosureRefused {
        /// The referral.
        referral: ReferralId,
        /// Stable code of the refusal.
        reason: String,
    },
    /// An auditor read the log.
    LogQueried {
        /// What kind of question.
        query: String,
        /// Commitment to purpose, case number and filter.
        purpose: Commitment,
    },
}

/// An offer of support and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The offer.
    pub id: OfferId,
    /// Whether support was offered, and if so her answer.
    pub result: OfferResult,
    /// Language, ISO 639-3.
    pub language: Option<String>,
    /// Whether an interpreter took part.
    pub interpreter: bool,
    /// Her relationship to the suspect.
    pub relationship: Option<Relationship>,
    /// District, as the directory's territories name it.
    pub district: Option<String>,
    /// When the offence was reported.
    pub reported_at: Time,
}

/// What became of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfferResult {
    /// It was made, and she answered.
    Offered(OfferAnswer),
    /// It was not made.
    NotOffered(NotOfferedReason),
}

/// A referral as submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// The referral.
    pub referral: ReferralId,
    /// What people call it.
    pub reference: Reference,
    /// What groups it with others.
    pub thread: ThreadId,
    /// The kind.
    pub kind: ReferralKind,
    /// What the sending agency is.
    pub from: AgencyKind,
    /// What the receiving agency is.
    pub to: AgencyKind,
    /// To whom.
    pub recipient: FunctionId,
    /// The agency that answers for the recipient.
    pub host: AgencyId,
    /// The agency that leads the investigation and clears 18:1.
    pub leader: AgencyId,
    /// How fast.
    pub urgency: Urgency,
    /// When the offence was reported.
    pub reported_at: Option<Time>,
    /// When contact is due.
    pub contact_due_at: Option<Time>,
    /// The offer that it follows.
    pub offer: Option<OfferId>,
    /// The persons, by pseudonym.
    pub persons: Vec<Person>,
    /// The sections.
    pub sections: Vec<SubmittedSection>,
    /// On what it rests that the person lives where it is sent.
    pub residence_basis: Option<ResidenceBasis>,
    /// The referral that the sender passes on by this one.
    pub forwarded_from: Option<ReferralId>,
    /// Commitment to who is excluded.
    pub excluded: Option<Commitment>,
}

/// A person of a referral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// Random pseudonym.
    pub id: PersonId,
    /// What the person is.
    pub name: PersonName,
    /// Which protection of personal data the sender says that the person has.
    pub protected_identity: ProtectedIdentity,
}

/// How a referral's parties name a person among themselves: role and number, `child-2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonName {
    /// The role.
    pub role: Role,
    /// From 1.
    pub number: u32,
}

impl std::fmt::Display for PersonName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.role, self.number)
    }
}

impl std::str::FromStr for PersonName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = || IdError { kind: "person" };
        let (role, number) = text.split_once('-').ok_or_else(error)?;
        let role = Role::from_text(role).ok_or_else(error)?;
        let number = number.parse().ok().filter(|number| (1..=99).contains(number) && text.len() <= 16).ok_or_else(error)?;
        Ok(Self { role, number })
    }
}

/// A section as submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmittedSection {
    /// Number, revision and commitment.
    pub content: SectionContent,
    /// What it is about.
    pub category: Category,
    /// The persons whose secrecy it touches.
    pub persons: Vec<PersonId>,
    /// Whether it touches the investigation (OSL 18:1).
    pub investigation: bool,
}

/// What a section holds at one revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionContent {
    /// Number within the referral, from 1.
    pub section: u32,
    /// From 1.
    pub revision: u32,
    /// HMAC-SHA256 of the bytes as submitted.
    pub commitment: Commitment,
}

/// A consent as given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentGiven {
    /// The referral.
    pub referral: ReferralId,
    /// The consent.
    pub consent: ConsentId,
    /// Whose secrecy is waived.
    pub person: PersonId,
    /// For what.
    pub categories: Vec<Category>,
    /// For whom.
    pub recipient: FunctionId,
    /// Why.
    pub purpose: Purpose,
    /// When it was given.
    pub given_at: Time,
    /// Until when it holds.
    pub valid_until: Time,
    /// How it was given.
    pub form: ConsentForm,
    /// Language, ISO 639-3.
    pub language: Option<String>,
    /// Whether an interpreter took part.
    pub interpreter: bool,
    /// The GDPR basis: another thing.
    pub gdpr_basis: GdprBasis,
    /// Who gave it.
    pub given_by: ConsentGiver,
    /// Who asked, where it is another than who recorded it.
    pub asked_by: Option<OfficerPseudonym>,
    /// Commitment to which interpreter took part.
    pub interpreter_reference: Option<Commitment>,
}

/// What the envelope shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedSections {
    /// The referral.
    pub referral: ReferralId,
    /// To whom.
    pub recipient: FunctionId,
    /// Numbers of the sections that pass.
    pub sections: Vec<u32>,
}

/// Contact with the victim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The referral.
    pub referral: ReferralId,
    /// How it went.
    pub outcome: ContactOutcome,
    /// When.
    pub at: Time,
    /// The channel used.
    pub channel: Option<SafeChannel>,
    /// Whether an interpreter took part.
    pub interpreter: bool,
    /// When it will be tried next.
    pub next_try_at: Option<Time>,
}

/// The closing of a referral.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The referral.
    pub referral: ReferralId,
    /// The outcome.
    pub outcome: ClosingOutcome,
    /// Phases in which support was given.
    pub phases: Vec<SupportPhase>,
    /// Kinds of support given.
    pub support: Vec<SupportKind>,
}
