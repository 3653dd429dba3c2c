//! Commands: what an agency asks for, parsed and typed at the door.

mod cited;
mod clearance;
mod told;

use bytes::Bytes;

pub use clearance::*;
pub use told::{Identified, OnRecord, Told};

use crate::codes::*;
use crate::directory::{Agency, Function};
use crate::entropy::Entropy;
use crate::event::{OfferResult, Officer, PersonName};
use crate::exclusion::Excluded;
use crate::ids::*;
use crate::routing::Routing;
use crate::time::Time;

/// One command of one agency.
#[derive(Debug, Clone)]
pub struct Command {
    /// The agency that its certificate proves; the broker's own name for commands of the broker.
    pub agency: AgencyId,
    /// The officer that the agency names.
    pub officer: Option<Officer>,
    /// The key: the same over every retry.
    pub request: RequestId,
    /// SHA-256 of the raw request.
    pub digest: Digest,
    /// Everything random in it.
    pub entropy: Entropy,
    /// What is asked.
    pub action: Action,
}

/// What is asked.
#[derive(Debug, Clone)]
pub enum Action {
    /// Write the log's first event.
    StartLog {
        /// Origin of the log.
        origin: String,
        /// The ground table in force.
        table: TableHash,
    },
    /// Put the broker's ground table into force: the command's officer agrees with the one who put it forward.
    ActivateGroundTable {
        /// The officer who put it forward.
        proposed_by: OfficerPseudonym,
    },
    /// Put an agency into the directory; the digest is of its entry as stored.
    RegisterAgency(Agency, Digest),
    /// Put a function into the directory; the digest is of its entry as stored.
    RegisterFunction(Function, Digest),
    /// Record an offer of support.
    RecordOffer(NewOffer),
    /// Hand a referral to a function.
    SubmitReferral(Box<Submission>),
    /// Replace the content of sections, and who is excluded where a list is given.
    AmendReferral(ReferralName, Vec<NewContent>, Option<Vec<Excluded>>),
    /// Take a referral back.
    RetractReferral(ReferralName, RetractReason),
    /// Confirm a recall.
    AcknowledgeRecall(ReferralName),
    /// Record a consent.
    RecordConsent(ReferralName, NewConsent),
    /// End a consent.
    WithdrawConsent(ReferralName, ConsentId),
    /// Decide cells.
    DecideClearance(ReferralName, NewDecision),
    /// Decide cells as the second officer: what stands, or what left of that revision in an emergency and stands no more.
    ConfirmClearance(ReferralName, NewDecision, Option<u32>),
    /// Take decisions back before release.
    RevokeClearance(ReferralName, Vec<NamedCell>),
    /// Let what is decided leave before a second officer's word.
    DeclareEmergency(ReferralName, NewEmergency),
    /// Review an emergency.
    ReviewEmergency(ReferralName, NewReview),
    /// Take a referral on.
    ClaimReferral {
        /// Which.
        referral: ReferralName,
        /// Whether to take it over from another officer.
        takeover: bool,
    },
    /// Ask for the content.
    OpenReferral(ReferralName),
    /// Ask only for what says who it is about, for the check of conflicts of interest.
    RevealNames(ReferralName),
    /// Confirm that content arrived.
    AcknowledgeDelivery(ReferralName, Position),
    /// Take a referral.
    AcceptReferral(ReferralName),
    /// Do not take it; a duplicate names the earlier referral.
    DeclineReferral(ReferralName, DeclineReason, Option<ReferralName>),
    /// Send it back.
    ReturnReferral(ReferralName, NewReturn),
    /// Record contact with the victim.
    RecordContact(ReferralName, NewContact),
    /// Close it.
    CloseReferral(ReferralName, NewClosing),
    /// Answer a stop-use notice.
    AcknowledgeStopUse(ReferralName, Position, StopUseAnswer),
    /// Confirm that the recipient's own system holds what a release delivered: it is destroyed here.
    ConfirmImport(ReferralName, Position),
    /// Make the marks of its clocks that are due, and destroy content whose days are over: the broker's own.
    MakeMarks(ReferralName),
    /// Read the log as an auditor.
    QueryLog(LogQuery),
}

/// An offer of support to record.
#[derive(Debug, Clone)]
pub struct NewOffer {
    /// Whether it was made, and her answer.
    pub result: OfferResult,
    /// Language, ISO 639-3.
    pub language: Option<String>,
    /// Whether an interpreter took part.
    pub interpreter: bool,
    /// Her relationship to the suspect.
    pub relationship: Option<Relationship>,
    /// District.
    pub district: Option<String>,
    /// When the offence was reported.
    pub reported_at: Time,
}

/// A referral to submit.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The kind.
    pub kind: ReferralKind,
    /// To whom.
    pub recipient: FunctionId,
    /// How fast.
    pub urgency: Urgency,
    /// The thread to join; absent: a new one.
    pub thread: Option<ThreadId>,
    /// The agency that leads the investigation; absent: the sender.
    pub leader: Option<AgencyId>,
    /// When the offence was reported.
    pub reported_at: Option<Time>,
    /// The offer that it follows, recorded before.
    pub offer: Option<OfferId>,
    /// An offer recorded in the same command.
    pub new_offer: Option<NewOffer>,
    /// Keyed hash of (agency, kind, recipient, person, sender reference).
    pub sender_reference: Option<LookupHash>,
    /// Keyed hashes of (agency, recipient, individual assessment) of a child concern: a second one that rests on the same is routine.
    pub assessments: Vec<LookupHash>,
    /// The persons.
    pub persons: Vec<NewPerson>,
    /// The sections.
    pub sections: Vec<NewSection>,
    /// Consents on record with the sender.
    pub consents: Vec<NewConsent>,
    /// Decisions that need no second officer.
    pub decisions: Vec<NewDecision>,
    /// By what the recipient was chosen.
    pub routing: Routing,
    /// The referral that the sender holds and passes on.
    pub forwards: Option<ReferralName>,
    /// Who is excluded.
    pub excluded: Vec<Excluded>,
}

/// A person of a submission.
#[derive(Debug, Clone)]
pub struct NewPerson {
    /// What parties call the person.
    pub name: PersonName,
    /// Keyed hash of the identifier, where one is known.
    pub lookup: Option<LookupHash>,
    /// Which protection of personal data the person has.
    pub protected_identity: ProtectedIdentity,
}

/// A section of a submission.
#[derive(Clone)]
pub struct NewSection {
    /// What it is about.
    pub category: Category,
    /// The persons whose secrecy it touches.
    pub persons: Vec<PersonName>,
    /// Whether it touches the investigation.
    pub investigation: bool,
    /// The bytes, never looked into.
    pub content: Bytes,
}

impl std::fmt::Debug for NewSection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewSection({}, {} bytes)", self.category, self.content.len())
    }
}

/// New content of a section.
#[derive(Clone)]
pub struct NewContent {
    /// Number of the section.
    pub section: u32,
    /// What the bytes are about, as the door found; it must be the section's own.
    pub category: Category,
    /// The bytes, never looked into.
    pub content: Bytes,
    /// What they tell of persons, as the door found.
    pub told: Told,
}

impl std::fmt::Debug for NewContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewContent({}, {} bytes)", self.section, self.content.len())
    }
}

/// A consent to record.
#[derive(Debug, Clone)]
pub struct NewConsent {
    /// Whose secrecy is waived.
    pub person: PersonName,
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
    /// The GDPR basis.
    pub gdpr_basis: GdprBasis,
    /// Who gave it.
    pub given_by: ConsentGiver,
    /// Who asked, where it is another than who records it.
    pub asked_by: Option<OfficerPseudonym>,
    /// Which interpreter took part, as the agency knows them.
    pub interpreter_reference: Option<Bytes>,
}

/// A return.
#[derive(Debug, Clone)]
pub struct NewReturn {
    /// Why.
    pub reason: ReturnReason,
    /// Categories that are missing.
    pub missing: Vec<Category>,
    /// For a child concern, the function that is right.
    pub right_function: Option<FunctionId>,
}

/// Contact to record.
#[derive(Debug, Clone)]
pub struct NewContact {
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

/// A closing.
#[derive(Debug, Clone)]
pub struct NewClosing {
    /// The outcome.
    pub outcome: ClosingOutcome,
    /// Phases in which support was given.
    pub phases: Vec<SupportPhase>,
    /// Kinds of support given.
    pub support: Vec<SupportKind>,
}

/// A question to the log. The answer is read by position after the question itself is an event.
#[derive(Clone)]
pub struct LogQuery {
    /// What kind of question.
    pub query: LogQueryKind,
    /// Purpose, case number and filter as the auditor gave them: kept in an erasable opening, committed in the event.
    pub purpose: Bytes,
}

impl std::fmt::Debug for LogQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogQuery({:?})", self.query)
    }
}

/// What kind of question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogQueryKind {
    /// Entries by filter.
    Search,
    /// One entry.
    Entry,
}

impl LogQueryKind {
    /// The name in the event.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Entry => "entry",
        }
    }
}

impl Action {
    /// The referral that the command names, if it names one.
    pub fn referral(&self) -> Option<ReferralName> {
        match self {
            Self::StartLog { .. }
            | Self::ActivateGroundTable { .. }
            | Self::RegisterAgency(..)
            | Self::RegisterFunction(..)
            | Self::RecordOffer(_)
            | Self::SubmitReferral(_)
            | Self::QueryLog(_) => None,
            Self::AmendReferral(name, ..)
            | Self::RetractReferral(name, _)
            | Self::AcknowledgeRecall(name)
            | Self::RecordConsent(name, _)
            | Self::WithdrawConsent(name, _)
            | Self::DecideClearance(name, _)
            | Self::ConfirmClearance(name, ..)
            | Self::RevokeClearance(name, _)
            | Self::DeclareEmergency(name, _)
            | Self::ReviewEmergency(name, _)
            | Self::ClaimReferral { referral: name, .. }
            | Self::OpenReferral(name)
            | Self::RevealNames(name)
            | Self::MakeMarks(name)
            | Self::AcknowledgeDelivery(name, _)
            | Self::ConfirmImport(name, _)
            | Self::AcceptReferral(name)
            | Self::DeclineReferral(name, ..)
            | Self::ReturnReferral(name, ..)
            | Self::RecordContact(name, _)
            | Self::CloseReferral(name, _)
            | Self::AcknowledgeStopUse(name, ..) => Some(*name),
        }
    }

    /// Whether a refusal is itself an event: it concerned a release.
    pub fn refusal_is_logged(&self) -> bool {
        match self {
            Self::OpenReferral(_) | Self::RevealNames(_) | Self::DecideClearance(..) | Self::ConfirmClearance(..) => true,
            Self::StartLog { .. }
            | Self::ActivateGroundTable { .. }
            | Self::RegisterAgency(..)
            | Self::RegisterFunction(..)
            | Self::RecordOffer(_)
            | Self::SubmitReferral(_)
            | Self::AmendReferral(..)
            | Self::RetractReferral(..)
            | Self::AcknowledgeRecall(_)
            | Self::RecordConsent(..)
            | Self::WithdrawConsent(..)
            | Self::RevokeClearance(..)
            | Self::DeclareEmergency(..)
            | Self::ReviewEmergency(..)
            | Self::ClaimReferral { .. }
            | Self::AcknowledgeDelivery(..)
            | Self::ConfirmImport(..)
            | Self::AcceptReferral(_)
            | Self::DeclineReferral(..)
            | Self::ReturnReferral(..)
            | Self::RecordContact(..)
            | Self::CloseReferral(..)
            | Self::AcknowledgeStopUse(..)
            | Self::MakeMarks(_)
            | Self::QueryLog(_) => false,
        }
    }

    /// Whether it goes in the lane that never waits behind a bulk import: withdrawals, retractions, acknowledgements, emergencies.
    pub fn is_prompt(&self) -> bool {
        match self {
            Self::RetractReferral(..)
            | Self::WithdrawConsent(..)
            | Self::AcknowledgeRecall(_)
            | Self::AcknowledgeStopUse(..)
            | Self::RevokeClearance(..)
            | Self::DeclareEmergency(..)
            | Self::ReviewEmergency(..)
            | Self::AcknowledgeDelivery(..)
            | Self::ConfirmImport(..)
            | Self::AcceptReferral(_)
            | Self::DeclineReferral(..)
            | Self::ReturnReferral(..) => true,
            Self::StartLog { .. }
            | Self::ActivateGroundTable { .. }
            | Self::RegisterAgency(..)
            | Self::RegisterFunction(..)
            | Self::RecordOffer(_)
            | Self::SubmitReferral(_)
            | Self::AmendReferral(..)
            | Self::RecordConsent(..)
            | Self::DecideClearance(..)
            | Self::ConfirmClearance(..)
            | Self::ClaimReferral { .. }
            | Self::OpenReferral(_)
            | Self::RevealNames(_)
            | Self::RecordContact(..)
            | Self::CloseReferral(..)
            | Self::MakeMarks(_)
            | Self::QueryLog(_) => false,
        }
    }
}

impl Action {
    /// Whether it takes back what may be on its way: it is answered only when nothing of the referral is.
    pub fn shuts_gate(&self) -> bool {
        match self {
            Self::WithdrawConsent(..) | Self::RevokeClearance(..) | Self::ReviewEmergency(..) | Self::RetractReferral(..) => true,
            // What is on its way may be on its way to somebody who is excluded by it.
            Self::AmendReferral(_, _, excluded) => excluded.is_some(),
            Self::StartLog { .. }
            | Self::ActivateGroundTable { .. }
            | Self::RegisterAgency(..)
            | Self::RegisterFunction(..)
            | Self::RecordOffer(_)
            | Self::SubmitReferral(_)
            | Self::AcknowledgeRecall(_)
            | Self::RecordConsent(..)
            | Self::DecideClearance(..)
            | Self::ConfirmClearance(..)
            | Self::DeclareEmergency(..)
            | Self::ClaimReferral { .. }
            | Self::OpenReferral(_)
            | Self::RevealNames(_)
            | Self::AcknowledgeDelivery(..)
            | Self::ConfirmImport(..)
            | Self::AcceptReferral(_)
            | Self::DeclineReferral(..)
            | Self::ReturnReferral(..)
            | Self::RecordContact(..)
            | Self::CloseReferral(..)
            | Self::AcknowledgeStopUse(..)
            | Self::MakeMarks(_)
            | Self::QueryLog(_) => false,
        }
    }

    /// Whether it is carried out whatever ground table is in force: it begins the log, changes the table, or says who takes part.
    pub fn asks_no_law(&self) -> bool {
        matches!(self, Self::StartLog { .. } | Self::ActivateGroundTable { .. } | Self::RegisterAgency(..) | Self::RegisterFunction(..))
    }

    /// How many bytes of content the command carries.
    pub fn content_bytes(&self) -> usize {
        match self {
            Self::SubmitReferral(submission) => submission.sections.iter().map(|section| section.content.len()).sum(),
            Self::AmendReferral(_, contents, _) => contents.iter().map(|content| content.content.len()).sum(),
            Self::DecideClearance(_, decision) | Self::ConfirmClearance(_, decision, _) => decision.reasons.len(),
            Self::DeclareEmergency(_, new) => new.reasons.len(),
            Self::ReviewEmergency(_, new) => new.reasons.len(),
            Self::QueryLog(query) => query.purpose.len(),
            Self::StartLog { .. }
            | Self::ActivateGroundTable { .. }
            | Self::RegisterAgency(..)
            | Self::RegisterFunction(..)
            | Self::RecordOffer(_)
            | Self::RetractReferral(..)
            | Self::AcknowledgeRecall(_)
            | Self::RecordConsent(..)
            | Self::WithdrawConsent(..)
            | Self::RevokeClearance(..)
            | Self::ClaimReferral { .. }
            | Self::OpenReferral(_)
            | Self::RevealNames(_)
            | Self::AcknowledgeDelivery(..)
            | Self::ConfirmImport(..)
            | Self::AcceptReferral(_)
            | Self::DeclineReferral(..)
            | Self::ReturnReferral(..)
            | Self::RecordContact(..)
            | Self::CloseReferral(..)
            | Self::AcknowledgeStopUse(..)
            | Self::MakeMarks(_) => 0,
        }
    }
}
