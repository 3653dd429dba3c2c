//! Break-glass: in an emergency what is decided leaves before the second officer's word, for some hours, and is reviewed afterwards.
//!
//! It shortens the procedure and is never a ground: nothing here makes anything pass, and the gate asks for a lawful ground of each
//! cell all the same. Called by `decide`, and by the gate for the question whether an emergency stands.

use bytes::Bytes;

use crate::EmergencyVerdict;
use crate::clearance::{self, for_clearing};
use crate::command::{NewCell, NewDecision, NewEmergency, NewOutcome, NewReview};
use crate::consent;
use crate::decide::{Draft, wrong_stage};
use crate::event::{CellName, Confirmation, EmergencyDeclaration, EmergencyReview, Event, Fact, Interest, Outcome, SecondDecision};
use crate::explain;
use crate::gate;
use crate::grounds::{Answers, Ground, GroundCode};
use crate::ids::{AgencyId, OfficerPseudonym, Position};
use crate::referral::{EMERGENCIES_MAX, Referral, TELEPHONE_NOTES_MAX};
use crate::refusal::{Detail, Reason, Refusal};
use crate::time::Time;

/// An emergency as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emergency {
    /// Position of the declaration.
    pub at: Position,
    /// The agency whose decisions it is about.
    pub agency: AgencyId,
    /// Who declared it.
    pub officer: Option<OfficerPseudonym>,
    /// When it ends by itself.
    pub expires_at: Time,
    /// Until when it is to be reviewed.
    pub review_due_at: Time,
    /// When something was told by telephone.
    pub telephoned_at: Option<Time>,
    /// What its review came to.
    pub review: Option<Review>,
}

/// What a review came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Review {
    /// Position of the review.
    pub at: Position,
    /// The verdict.
    pub verdict: EmergencyVerdict,
}

/// A second officer's word that is owed on a decision: something left on it in an emergency. A referral keeps those on decisions which stand no
/// more, the section having other content since, or its cell another decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwedWord {
    /// The cell.
    pub cell: CellName,
    /// The revision that left.
    pub revision: u32,
    /// Position of the decision.
    pub at: Position,
    /// Who decided.
    pub officer: Option<OfficerPseudonym>,
    /// The ground that was decided on.
    pub ground: GroundCode,
    /// Position of the consent that the release rested on.
    pub consent: Option<Position>,
}

impl OwedWord {
    /// Whether this is the word.
    pub fn is_given_by(&self, word: &Confirmation) -> bool {
        self.cell == word.cell && self.at == word.decision
    }
}

impl Emergency {
    pub(crate) fn declared(at: Position, event: &Event, declared: &EmergencyDeclaration) -> Self {
        Self {
            at,
            agency: event.agency.clone(),
            officer: event.officer.map(|officer| officer.pseudonym),
            expires_at: declared.expires_at,
            review_due_at: declared.review_due_at,
            telephoned_at: declared.telephoned_at,
            review: None,
        }
    }

    /// Whether it shortens the procedure now: a review ends it early, whatever the verdict.
    pub fn stands(&self, now: Time) -> bool {
        self.review.is_none() && now < self.expires_at
    }
}

/// The emergency in which decisions about an interest count before a second officer's word now. It is of the agency that clears it.
pub fn standing(referral: &Referral, interest: Interest, now: Time) -> Option<&Emergency> {
    of_agency(referral, referral.clearer(interest), now)
}

fn of_agency<'r>(referral: &'r Referral, agency: &AgencyId, now: Time) -> Option<&'r Emergency> {
    referral.emergencies.iter().find(|emergency| emergency.agency == *agency && emergency.stands(now))
}

/// Whether the agency may declare another emergency, as far as this referral tells: none waits too long for its review, and there is room.
pub(crate) fn may_declare(referral: &Referral, agency: &AgencyId, now: Time) -> bool {
    let own: Vec<&Emergency> = referral.emergencies.iter().filter(|emergency| emergency.agency == *agency).collect();
    own.len() < EMERGENCIES_MAX && own.iter().all(|emergency| emergency.review.is_some() || now < emergency.review_due_at)
}

/// Minutes of an hour.
const HOUR_MINUTES: u32 = 60;

pub(crate) fn declare(to: &mut Draft<'_>, new: &NewEmergency) -> Result<(), Refusal> {
    to.active_agency()?;
    to.officer()?;
    let (referral, agency, now) = (for_clearing(to)?, &to.command.agency, to.facts.now);
    if referral.stage.is_ended() {
        return Err(wrong_stage(referral));
    }
    if referral.cells().all(|(name, _)| referral.clearer(name.interest) != agency) {
        return Err(Reason::WrongRole.into());
    }
    let most = if new.hours == 0 { TELEPHONE_NOTES_MAX } else { EMERGENCIES_MAX };
    if referral.emergencies.iter().filter(|emergency| emergency.agency == *agency).count() >= most {
        return Err(Reason::ReferralFull.into());
    }
    let rule = to.facts.table.emergency();
    let out_of_range = |field| Refusal::field(Reason::TimeOutOfRange, field);
    // Without hours it shortens nothing and only records what was told.
    if new.hours > u32::from(rule.hours_max) || (new.hours == 0 && new.telephoned_at.is_none()) {
        return Err(out_of_range("hours"));
    }
    if new.telephoned_at.is_some_and(|at| at > now) {
        return Err(out_of_range("telephoned_at"));
    }
    // What was told by telephone is on record whatever stands or is late: it has happened.
    if new.hours > 0 && of_agency(referral, agency, now).is_some() {
        return Err(Reason::EmergencyStands.into());
    }
    if new.hours > 0 && to.facts.known.review_overdue {
        return Err(Reason::ReviewOverdue.into());
    }
    let (id, recipient) = (referral.id, referral.recipient.clone());
    let reasons = to.commit_opening("reasons", new.reasons.clone());
    to.push(Fact::EmergencyDeclared(EmergencyDeclaration {
        referral: id,
        recipient,
        expires_at: now.plus_minutes(new.hours.saturating_mul(HOUR_MINUTES)),
        review_due_at: now.plus_minutes(u32::from(rule.review_due_hours).saturating_mul(HOUR_MINUTES)),
        telephoned_at: new.telephoned_at,
        reasons,
    }));
    to.offer_what_passes()
}

pub(crate) fn review(to: &mut Draft<'_>, new: &NewReview) -> Result<(), Refusal> {
    to.active_agency()?;
    let officer = to.officer()?;
    let referral = for_clearing(to)?;
    let waits = |emergency: &&Emergency| emergency.at == new.emergency && emergency.agency == to.command.agency && emergency.review.is_none();
    let emergency = referral.emergencies.iter().find(waits).ok_or(Refusal::new(Reason::EmergencyUnknown))?;
    if emergency.officer == Some(officer) {
        return Err(Reason::OwnEmergency.into());
    }
    let referral = referral.id;
    let reasons: Bytes = new.reasons.clone();
    let reasons = to.commit_opening("reasons", reasons);
    to.push(Fact::EmergencyReviewed(EmergencyReview { referral, emergency: new.emergency, verdict: new.verdict, reasons }));
    to.offer_what_passes()
}

/// The second officer's word on what left of a revision in an emergency, and stands no more. It changes nothing but the record.
pub(crate) fn give_owed_word(to: &mut Draft<'_>, new: &NewDecision, revision: u32) -> Result<(), Refusal> {
    to.active_agency()?;
    let officer = to.officer()?;
    let id = for_clearing(to)?.id;
    if new.template.is_some() {
        return Err(Reason::TemplateNotAllowed.into());
    }
    let mut cells: Vec<Confirmation> = Vec::with_capacity(new.cells.len());
    for cell in &new.cells {
        let about = |reason| Refusal::about(reason, Detail::Cell(cell.cell.section, cell.cell.person));
        let name = clearance::cell_name(to, cell.cell)?;
        let owed = to.referral()?.owed.iter().find(|owed| owed.cell == name && owed.revision == revision);
        let owed = owed.filter(|_| cells.iter().all(|seen| seen.cell != name)).ok_or_else(|| about(Reason::NothingToConfirm))?;
        if owed.officer == Some(officer) {
            return Err(about(Reason::OwnDecision));
        }
        let outcome = word_on_what_left(to, (cell, &new.answers), owed)?;
        cells.push(Confirmation { cell: name, decision: owed.at, outcome, standing_until: None });
    }
    if cells.is_empty() {
        return Err(Refusal::field(Reason::MalformedMessage, "cells"));
    }
    let table = to.facts.table.hash();
    let reasons = to.commit_opening("reasons", clearance::documented(new, &to.facts));
    to.push(Fact::ClearanceConfirmed(SecondDecision { referral: id, table, reasons, cells }));
    Ok(())
}

/// A second officer's word on what has left. The gate asked when it left: what became of a consent or of the ground since does not make it wrong.
pub(crate) fn word_on_what_left(to: &Draft<'_>, (cell, answers): (&NewCell, &Answers), first: &OwedWord) -> Result<Outcome, Refusal> {
    let (code, named) = match &cell.outcome {
        NewOutcome::Withhold { reason, nameable } => return Ok(Outcome::Withhold { reason: *reason, nameable: *nameable }),
        NewOutcome::Release { revision, .. } if *revision != first.revision => {
            return Err(Refusal::about(Reason::RevisionChanged, Detail::Cell(cell.cell.section, cell.cell.person)));
        }
        NewOutcome::Release { ground, consent, .. } => (ground, *consent),
    };
    let (referral, table, now) = (to.referral()?, to.facts.table, to.facts.now);
    let (direction, whose) = (gate::direction(referral), explain::whose(referral, first.cell.interest));
    if *code != first.ground {
        clearance::once_lawful(to, first.cell, cell.cell, code)?;
    }
    // By whatever wording there was: one of the ground's must be fulfilled.
    let was = |ground: &&Ground| ground.never_clears.is_none() && ground.has_begun(&now.date()) && ground.goes(direction.from, direction.to);
    let wordings: Vec<&Ground> = table.grounds().filter(|ground| ground.code == *code).filter(was).collect();
    let unmet = wordings.iter().map(|ground| table.unmet(ground, whose, answers, now)).min_by_key(Vec::len).unwrap_or_default();
    if !unmet.is_empty() {
        return Err(Refusal::about(Reason::ConditionUnmet, Detail::Conditions(code.clone(), unmet)));
    }
    let needed = if *code == first.ground { first.consent.is_some() } else { wordings.iter().any(|ground| ground.needs_consent()) };
    let consent = needed.then(|| consent::once_given(to, first.cell, (named, first.consent))).transpose()?;
    Ok(Outcome::Release { ground: code.clone(), consent })
}
