//! Decides a command: events, or a refusal that says what is missing.
//!
//! `decide` is pure and total. Each command has one function, here or in the module that it belongs to: `submit`, `amend`,
//! `consent`, `clearance`, `emergency` and `inbox`. All of them push facts into a `Draft`, which applies each at once, so that what follows sees it.

use bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::codes::{AgencyKind, OfferAnswer};
use crate::command::{Action, Command, LogQuery, NewOffer};
use crate::directory::{Agency, Directory, Function};
use crate::entropy::commit;
use crate::event::{Event, Fact, Offer, OfferedSections};
use crate::gate;
use crate::grounds::GroundTable;
use crate::ids::*;
use crate::referral::{Referral, Section, Stage, evolve};
use crate::refusal::{Detail, Reason, Refusal};
use crate::time::Time;
use crate::{amend, clearance, clocks, consent, content, emergency, inbox, submit};

/// What a decision may know besides the command.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The batch's one time.
    pub now: Time,
    /// The position that the next event will have.
    pub next: Position,
    /// Who takes part.
    pub directory: &'a Directory,
    /// The law.
    pub table: &'a GroundTable,
    /// The referral that the command names, if it exists.
    pub referral: Option<&'a Referral>,
    /// What the store was asked about for a submission, or for an emergency.
    pub known: &'a Known,
}

/// What the store was asked about for a submission, for an emergency, or for another referral that the command cites.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The referral that the command cites, whoever may know of it.
    pub cited: Option<Arc<Referral>>,
    /// References that are taken.
    pub references: BTreeSet<Reference>,
    /// Whether a referral of this sender reference exists.
    pub sender_reference_taken: bool,
    /// Whether a child concern rests on the same assessment.
    pub assessment_taken: bool,
    /// Whether an earlier emergency of the agency, of any referral, was not reviewed in time.
    pub review_overdue: bool,
    /// What became of the offer that the submission cites, if the agency has recorded it: her answer, or none where it was not made.
    pub offer: Option<Option<OfferAnswer>>,
}

/// What a command comes to.
#[derive(Debug, Clone, Default)]
pub struct Decided {
    /// The events, in order.
    pub events: Vec<Event>,
    /// The referral after them.
    pub referral: Option<Referral>,
    /// Content to keep beside the journal, erasable.
    pub contents: Vec<Content>,
    /// Other committed values to keep beside the journal, erasable.
    pub openings: Vec<Opening>,
    /// Keyed hashes that find a person again.
    pub persons: Vec<(LookupHash, PersonId)>,
    /// The keyed hash that finds the sender's own reference again.
    pub sender_reference: Option<LookupHash>,
    /// The assessments that it rests on, to be found again by.
    pub assessments: Vec<LookupHash>,
    /// An entry of the directory.
    pub agency: Option<Agency>,
    /// An entry of the directory.
    pub function: Option<Function>,
}

/// The bytes of a section at one revision.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    /// The referral.
    pub referral: ReferralId,
    /// Number of the section.
    pub section: u32,
    /// Revision.
    pub revision: u32,
    /// Salt of the commitment.
    pub salt: [u8; 32],
    /// The bytes exactly as submitted.
    pub bytes: Bytes,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Content({}, {}, {})", self.referral, self.section, self.revision)
    }
}

/// A committed value.
#[derive(Clone, PartialEq, Eq)]
pub struct Opening {
    /// Position of the event.
    pub position: Position,
    /// Which field of it.
    pub field: &'static str,
    /// Salt of the commitment.
    pub salt: [u8; 32],
    /// The value.
    pub value: Bytes,
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opening({}, {})", self.position, self.field)
    }
}

/// Events in the making.
pub(crate) struct Draft<'a> {
    pub(crate) command: &'a Command,
    pub(crate) facts: Facts<'a>,
    pub(crate) decided: Decided,
}

impl<'a> Draft<'a> {
    fn new(command: &'a Command, facts: Facts<'a>) -> Self {
        Self { command, facts, decided: Decided { referral: facts.referral.cloned(), ..Decided::default() } }
    }

    /// The position that the next fact will have.
    pub(crate) fn next(&self) -> Position {
        let made = u64::try_from(self.decided.events.len()).unwrap_or(u64::MAX);
        Position(self.facts.next.0.saturating_add(made))
    }

    /// Makes a fact an event and applies it.
    pub(crate) fn push(&mut self, fact: Fact) -> Position {
        let (at, index) = (self.next(), self.decided.events.len());
        let entropy = &self.command.entropy;
        let event = Event {
            blinding: entropy.bytes("blinding", index),
            id: EventId(entropy.uuid("event", index)),
            time: self.facts.now,
            agency: self.command.agency.clone(),
            officer: self.command.officer,
            previous: self.decided.referral.as_ref().map(|referral| referral.last),
            fact,
        };
        self.decided.referral = evolve(self.decided.referral.take(), at, &event);
        self.decided.events.push(event);
        at
    }

    /// Commits to a value that the next fact holds, and keeps the value beside the journal.
    pub(crate) fn commit_opening(&mut self, field: &'static str, value: Bytes) -> Commitment {
        let salt = self.command.entropy.bytes(field, self.decided.openings.len());
        let commitment = commit(&salt, &value);
        self.decided.openings.push(Opening { position: self.next(), field, salt, value });
        commitment
    }

    /// The referral as it stands in the draft.
    pub(crate) fn referral(&self) -> Result<&Referral, Refusal> {
        self.decided.referral.as_ref().ok_or_else(|| Reason::NotFound.into())
    }

    /// The officer, where the command needs one.
    pub(crate) fn officer(&self) -> Result<OfficerPseudonym, Refusal> {
        self.command.officer.map(|officer| officer.pseudonym).ok_or_else(|| Reason::OfficerMissing.into())
    }

    /// The agency behind the command, if it takes part.
    pub(crate) fn active_agency(&self) -> Result<&'a Agency, Refusal> {
        let agency = self.facts.directory.agency(&self.command.agency).ok_or(Refusal::new(Reason::UnknownAgency))?;
        if agency.is_active(self.facts.now) { Ok(agency) } else { Err(Reason::AgencyNotActive.into()) }
    }

    /// The referral, for its sender; to anybody else it does not exist.
    pub(crate) fn for_sender(&self) -> Result<&Referral, Refusal> {
        let referral = self.referral()?;
        if referral.sender == self.command.agency { Ok(referral) } else { Err(Reason::NotFound.into()) }
    }

    /// Whether the agency may know of the persons' cells: only the sender may.
    pub(crate) fn sees_persons(&self) -> Result<bool, Refusal> {
        Ok(self.referral()?.sender == self.command.agency)
    }

    /// The referral, for the agency that answers for its recipient, once it was offered; before that it does not exist.
    pub(crate) fn for_recipient(&self) -> Result<&Referral, Refusal> {
        let referral = self.referral()?;
        if referral.host == self.command.agency && referral.offered_at.is_some() { Ok(referral) } else { Err(Reason::NotFound.into()) }
    }

    /// Offers what passes the gate and was not offered yet; takes the offer back when nothing is left of it.
    pub(crate) fn offer_what_passes(&mut self) -> Result<(), Refusal> {
        let referral = self.referral()?;
        if referral.stage.is_ended() {
            return Ok(());
        }
        let passing: BTreeSet<u32> = referral
            .sections
            .iter()
            .filter_map(|section| gate::pass(referral, section, self.facts.table, self.facts.now).ok())
            .map(|cleared| cleared.section())
            .collect();
        let passed_before = |section: &Section| {
            let before = self.facts.referral.and_then(|before| Some((before, before.section(section.number)?)));
            before.is_some_and(|(before, own)| own.revision == section.revision && gate::pass(before, own, self.facts.table, self.facts.now).is_ok())
        };
        // What was offered, ran out unopened and passes again is offered anew, so that its recipient hears of it and its clock begins.
        let is_new = |section: &&Section| passing.contains(&section.number) && (!section.offered || (section.waits_unopened() && !passed_before(section)));
        let fresh: Vec<u32> = referral.sections.iter().filter(is_new).map(|section| section.number).collect();
        let (id, recipient) = (referral.id, referral.recipient.clone());
        let first = referral.stage == Stage::Held;
        let emptied = referral.stage == Stage::Ready && passing.is_empty() && !referral.has_released();
        if !fresh.is_empty() {
            let offered = OfferedSections { referral: id, recipient, sections: fresh };
            self.push(if first { Fact::ReferralOffered(offered) } else { Fact::SectionsOffered(offered) });
        } else if emptied {
            self.push(Fact::OfferWithdrawn { referral: id, recipient });
        }
        Ok(())
    }
}

/// Decides a command.
pub fn decide(command: &Command, facts: Facts<'_>) -> Result<Decided, Refusal> {
    let mut draft = Draft::new(command, facts.seen_by(command));
    let to = &mut draft;
    match &command.action {
        Action::StartLog { origin, table } => {
            to.push(Fact::LogStarted { origin: origin.clone() });
            to.push(Fact::GroundTableActivated { table: *table, proposed_by: None });
        }
        Action::ActivateGroundTable { proposed_by } => {
            if to.officer()? == *proposed_by {
                return Err(Reason::OwnDecision.into());
            }
            to.push(Fact::GroundTableActivated { table: to.facts.table.hash(), proposed_by: Some(*proposed_by) });
        }
        Action::RegisterAgency(agency, entry) => {
            to.push(Fact::AgencyRegistered { agency: agency.id.clone(), kind: agency.kind, entry: *entry });
            to.decided.agency = Some(agency.clone());
        }
        Action::RegisterFunction(function, entry) => register_function(to, function, *entry)?,
        Action::RecordOffer(offer) => {
            if to.active_agency()?.kind == AgencyKind::Supervisor {
                return Err(Reason::WrongRole.into());
            }
            record_offer(to, offer)?;
        }
        Action::SubmitReferral(submission) => submit::submit(to, submission)?,
        Action::AmendReferral(_, contents, excluded) => amend::amend(to, contents, excluded.as_deref())?,
        Action::RetractReferral(_, reason) => amend::retract(to, *reason)?,
        Action::AcknowledgeRecall(_) => amend::acknowledge_recall(to)?,
        Action::RecordConsent(_, consent) => consent::record(to, consent).map_err(|refusal| refusal.within("terms"))?,
        Action::WithdrawConsent(_, id) => consent::withdraw(to, *id)?,
        Action::AcknowledgeStopUse(_, notice, answer) => consent::answer_stop_use(to, *notice, *answer)?,
        Action::DecideClearance(_, decision) => clearance::decide(to, decision).map_err(|refusal| refusal.within("decision"))?,
        Action::ConfirmClearance(_, decision, None) => clearance::confirm(to, decision).map_err(|refusal| refusal.within("decision"))?,
        Action::ConfirmClearance(_, word, Some(revision)) => {
            emergency::give_owed_word(to, word, *revision).map_err(|refusal| refusal.within("owed.decision"))?;
        }
        Action::RevokeClearance(_, cells) => clearance::revoke(to, cells)?,
        Action::DeclareEmergency(_, new) => emergency::declare(to, new)?,
        Action::ReviewEmergency(_, new) => emergency::review(to, new)?,
        Action::ClaimReferral { takeover, .. } => inbox::claim(to, *takeover)?,
        Action::OpenReferral(_) => inbox::open(to)?,
        Action::RevealNames(_) => inbox::reveal_names(to)?,
        Action::AcknowledgeDelivery(_, release) => inbox::acknowledge_delivery(to, *release)?,
        Action::AcceptReferral(_) => inbox::accept(to)?,
        Action::DeclineReferral(_, reason, duplicate_of) => inbox::decline(to, *reason, duplicate_of.is_some())?,
        Action::ReturnReferral(_, new) => inbox::send_back(to, new)?,
        Action::RecordContact(_, contact) => inbox::record_contact(to, contact)?,
        Action::CloseReferral(_, closing) => inbox::close(to, closing)?,
        Action::ConfirmImport(_, release) => content::confirm_import(to, *release)?,
        Action::MakeMarks(_) => {
            clocks::mark(to)?;
            content::destroy_due(to)?;
        }
        Action::QueryLog(query) => query_log(to, query)?,
    }
    Ok(draft.decided)
}

/// The referral that a submission would be, for questions about a draft: nothing of it is ever written.
///
/// Whether an offer that it cites was recorded is not asked, nor whether a referral that it passes on may be; the rest is decided as for a submission.
pub fn draft(command: &Command, facts: Facts<'_>) -> Result<Referral, Refusal> {
    let mut command = command.clone();
    if let Action::SubmitReferral(submission) = &mut command.action {
        submission.offer = None;
        submission.forwards = None;
    }
    decide(&command, facts).map_err(|refusal| refusal.within("draft"))?.referral.ok_or_else(|| Reason::NotFound.into())
}

/// The event of a refused disclosure, where the refusal concerned one and the referral may be known to the agency.
pub fn refused(command: &Command, facts: Facts<'_>, refusal: &Refusal) -> Option<Decided> {
    if !command.action.refusal_is_logged() {
        return None;
    }
    match refusal.reason.class() {
        crate::refusal::Class::Blocked => {}
        crate::refusal::Class::NotAllowed if refusal.reason == Reason::OwnDecision => {}
        crate::refusal::Class::Malformed
        | crate::refusal::Class::NotFound
        | crate::refusal::Class::NotAllowed
        | crate::refusal::Class::Taken
        | crate::refusal::Class::Full
        | crate::refusal::Class::Unavailable
        | crate::refusal::Class::TooLate
        | crate::refusal::Class::Broken => return None,
    }
    let facts = facts.seen_by(command);
    let referral = facts.referral?.id;
    let mut draft = Draft::new(command, facts);
    draft.push(Fact::DisclosureRefused { referral, reason: refusal.reason.code().to_owned() });
    Some(draft.decided)
}

fn register_function(to: &mut Draft<'_>, function: &Function, entry: Digest) -> Result<(), Refusal> {
    if to.facts.directory.agency(&function.host).is_none() {
        return Err(Reason::UnknownAgency.into());
    }
    to.push(Fact::FunctionRegistered { function: function.id.clone(), host: function.host.clone(), entry });
    to.decided.function = Some(function.clone());
    Ok(())
}

/// Records an offer, also as part of a submission.
pub(crate) fn record_offer(to: &mut Draft<'_>, offer: &NewOffer) -> Result<OfferId, Refusal> {
    if offer.reported_at > to.facts.now {
        return Err(Refusal::field(Reason::TimeOutOfRange, "offer.reported_at"));
    }
    // The event is for ever, so a district is a code of the directory and never a free text.
    let is_served = |district: &String| to.facts.directory.functions().any(|function| function.territories.contains(district));
    if !offer.district.as_ref().is_none_or(is_served) {
        return Err(Refusal::field(Reason::MalformedMessage, "offer.district"));
    }
    let id = OfferId(to.command.entropy.uuid("offer", 0));
    to.push(Fact::OfferRecorded(Offer {
        id,
        result: offer.result,
        language: offer.language.clone(),
        interpreter: offer.interpreter,
        relationship: offer.relationship,
        district: offer.district.clone(),
        reported_at: offer.reported_at,
    }));
    Ok(id)
}

/// Whether entries may go to the agency of this command, the first time or again.
pub fn may_query(command: &Command, directory: &Directory, now: Time) -> Result<(), Refusal> {
    let agency = directory.agency(&command.agency).ok_or(Refusal::new(Reason::UnknownAgency))?;
    if !agency.is_active(now) {
        Err(Reason::AgencyNotActive.into())
    } else if agency.kind == AgencyKind::Supervisor {
        Ok(())
    } else {
        Err(Reason::WrongRole.into())
    }
}

fn query_log(to: &mut Draft<'_>, query: &LogQuery) -> Result<(), Refusal> {
    may_query(to.command, to.facts.directory, to.facts.now)?;
    let purpose = to.commit_opening("purpose", query.purpose.clone());
    to.push(Fact::LogQueried { query: query.query.as_str().to_owned(), purpose });
    Ok(())
}

/// The stage a referral is in, as a refusal. How one has ended may be a personal answer, which is not everybody's to know.
pub(crate) fn wrong_stage(referral: &Referral) -> Refusal {
    let stage = if referral.stage.is_ended() { "ended" } else { referral.stage.as_str() };
    Refusal::about(Reason::WrongStage, Detail::Stage(stage))
}
