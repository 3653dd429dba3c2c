//! Clearance (sekretessprövning): the sender's decision for each cell, the second officer's word, and revocation.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::codes::{Code as _, FactCode};
use crate::command::{NamedCell, NewCell, NewDecision, NewOutcome};
use crate::consent;
use crate::decide::{Draft, Facts, wrong_stage};
use crate::emergency;
use crate::event::{
    CarriedCell, CarriedClearances, CellName, ClearanceDecision, Confirmation, DecidedCell, Fact, Interest, Outcome, SecondDecision, SectionContent,
};
use crate::explain;
use crate::gate::{self, Why};
use crate::grounds::{Answers, Ground, GroundCode, Unlawful};
use crate::ids::Position;
use crate::referral::{Cell, CellState, Decision, Referral, Section};
use crate::refusal::{Detail, Reason, Refusal};
use crate::time::Time;

/// Decides cells, and offers what passes now.
pub(crate) fn decide(to: &mut Draft<'_>, new: &NewDecision) -> Result<(), Refusal> {
    record(to, new)?;
    to.offer_what_passes()
}

/// Decides cells without offering yet. Every cell is its own decision, checked on its own; one that fails refuses the act.
pub(crate) fn record(to: &mut Draft<'_>, new: &NewDecision) -> Result<(), Refusal> {
    to.active_agency()?;
    to.officer()?;
    let referral = for_clearing(to)?;
    if referral.stage.is_ended() {
        return Err(wrong_stage(referral));
    }
    let each = to.facts.table.assesses_each(referral.kind);
    if new.template.is_some() && each {
        return Err(Reason::TemplateNotAllowed.into());
    }
    let standing_until = standing_until(to, new)?;
    if standing_until.is_some() && each {
        return Err(Refusal::field(Reason::TimeOutOfRange, "standing_until"));
    }
    let (id, recipient) = (referral.id, referral.recipient.clone());
    let mut seen = BTreeSet::new();
    let mut cells = Vec::with_capacity(new.cells.len());
    for cell in &new.cells {
        let name = cell_name(to, cell.cell)?;
        if !seen.insert(name) || !may_be_decided(to, name)? {
            return Err(Refusal::about(Reason::AlreadyDecided, Detail::Cell(cell.cell.section, cell.cell.person)));
        }
        let decided = decided_cell(to, name, (cell, &new.answers), None)?;
        let standing_until = standing_until.filter(|_| !decided.outcome.is_withheld());
        cells.push(DecidedCell { standing_until, ..decided });
    }
    if cells.is_empty() {
        return Err(Refusal::field(Reason::MalformedMessage, "cells"));
    }
    let referral = to.referral()?;
    let earlier = referral.cells().filter(|(name, cell)| !seen.contains(name) && cell.is_withheld()).map(|(name, _)| name.section);
    let kept = cells.iter().filter(|decided| decided.outcome.is_withheld()).map(|decided| decided.cell.section).chain(earlier).collect();
    for cells in apart(cells, (to.sees_persons()?, &kept), |decided| decided.cell) {
        let (recipient, table) = (recipient.clone(), to.facts.table.hash());
        let reasons = to.commit_opening("reasons", documented(new, &to.facts));
        let template = new.template.as_ref().map(|template| template.digest);
        to.push(Fact::ClearanceDecided(ClearanceDecision { referral: id, recipient, table, reasons, cells, template }));
    }
    Ok(())
}

/// Until when the releases of an act stand for later revisions.
fn standing_until(to: &Draft<'_>, new: &NewDecision) -> Result<Option<Time>, Refusal> {
    let now = to.facts.now;
    let latest = now.plus_minutes(u32::from(to.facts.table.standing().days_max).saturating_mul(DAY_MINUTES));
    let out_of_range = new.standing_until.is_some_and(|until| until <= now || until > latest);
    if out_of_range { Err(Refusal::field(Reason::TimeOutOfRange, "standing_until")) } else { Ok(new.standing_until) }
}

/// Minutes of a day.
const DAY_MINUTES: u32 = 24 * 60;

/// Takes standing decisions along to the revisions that an amendment is about to bring; each is on record as an event of its own.
pub(crate) fn carry(to: &mut Draft<'_>, amended: &[SectionContent]) -> Result<(), Refusal> {
    let referral = to.referral()?;
    let (id, law) = (referral.id, (to.facts.table, to.facts.now));
    let mut kept = BTreeSet::new();
    let mut cells = Vec::new();
    for content in amended {
        let Some(section) = referral.section(content.section) else { continue };
        for cell in &section.cells {
            let name = CellName { section: content.section, interest: cell.interest };
            match gate::taken_along(referral, section, cell, law) {
                Some(decision) => cells.push(CarriedCell { cell: name, revision: content.revision, decision }),
                None => {
                    kept.insert(content.section);
                }
            }
        }
    }
    for cells in apart(cells, (true, &kept), |carried| carried.cell) {
        let table = to.facts.table.hash();
        to.push(Fact::ClearanceCarried(CarriedClearances { referral: id, cells, table }));
    }
    Ok(())
}

/// The cells of sections that are kept back apart from the others, for an event each.
///
/// Whoever receives a section is shown, whole, the events that its release rests on; they must not tell of what did not leave. A leader at another
/// agency has an event for each section: which of them the persons' cells keep back is not for its own receipt to tell.
fn apart<T>(cells: Vec<T>, (sees_persons, kept): (bool, &BTreeSet<u32>), name: fn(&T) -> CellName) -> impl Iterator<Item = Vec<T>> {
    let mut events: BTreeMap<u32, Vec<T>> = BTreeMap::new();
    for cell in cells {
        let section = name(&cell).section;
        let event = if sees_persons { u32::from(kept.contains(&section)) } else { section };
        events.entry(event).or_default().push(cell);
    }
    events.into_values()
}

/// The referral, for who may clear something of it: the sender, and the leader of an investigation that a section touches.
pub(crate) fn for_clearing<'b>(to: &'b Draft<'_>) -> Result<&'b Referral, Refusal> {
    let referral = to.referral()?;
    if referral.is_cleared_by(&to.command.agency) { Ok(referral) } else { Err(Reason::NotFound.into()) }
}

/// The cell that the parties' name means, if this agency clears it: persons are the sender's, the investigation its leader's.
///
/// A leader at another agency learns nothing of the persons' cells, not even whether one is there.
pub(crate) fn cell_name(to: &Draft<'_>, named: NamedCell) -> Result<CellName, Refusal> {
    let referral = for_clearing(to)?;
    let unknown = || Refusal::about(Reason::CellUnknown, Detail::Cell(named.section, named.person));
    let interest = match named.person {
        Some(person) if referral.sender == to.command.agency => Interest::Person(referral.person(person).ok_or_else(unknown)?),
        Some(_) => return Err(unknown()),
        None => Interest::Investigation,
    };
    let name = CellName { section: named.section, interest };
    referral.cell(name).ok_or_else(unknown)?;
    if *referral.clearer(interest) == to.command.agency { Ok(name) } else { Err(Reason::WrongRole.into()) }
}

/// A cell is decided once, unless what its decision rests on is gone or two officers differed.
fn may_be_decided(to: &Draft<'_>, name: CellName) -> Result<bool, Refusal> {
    let referral = to.referral()?;
    let Some(Cell { state, .. }) = referral.cell(name) else { return Ok(false) };
    let CellState::Decided(_) = state else { return Ok(true) };
    let Some(section) = referral.section(name.section) else { return Ok(false) };
    let blocks = gate::pass(referral, section, to.facts.table, to.facts.now).err().unwrap_or_default();
    Ok(blocks.iter().any(|block| {
        block.interest == Some(name.interest)
            && match &block.why {
                Why::Consent(_) | Why::Ground(_) | Why::Withheld(crate::codes::WithholdReason::OfficersDiffer) => true,
                Why::NoProtectedInterest | Why::Destroyed | Why::Undecided | Why::SecondOfficerMissing | Why::Withheld(_) => false,
            }
    }))
}

/// One cell as an officer decides it; `likely` is the consent that it rests on where the officer names none.
fn decided_cell(to: &Draft<'_>, name: CellName, (new, answers): (&NewCell, &Answers), likely: Option<Position>) -> Result<DecidedCell, Refusal> {
    match &new.outcome {
        NewOutcome::Withhold { reason, nameable } => {
            let outcome = Outcome::Withhold { reason: *reason, nameable: *nameable };
            Ok(DecidedCell { cell: name, outcome, second_officer: false, standing_until: None, withdrawal: None })
        }
        NewOutcome::Release { ground: code, consent, revision } => {
            // A decision is about what the officer has seen, however late it comes.
            if to.referral()?.section(name.section).is_some_and(|section| section.revision != *revision) {
                return Err(Refusal::about(Reason::RevisionChanged, Detail::Cell(name.section, new.cell.person)));
            }
            let ground = lawful_ground(to, name, new.cell, code)?;
            let unmet = to.facts.table.unmet(ground, explain::whose(to.referral()?, name.interest), answers, to.facts.now);
            if !unmet.is_empty() {
                return Err(Refusal::about(Reason::ConditionUnmet, Detail::Conditions(code.clone(), unmet)));
            }
            let consent = ground.needs_consent().then(|| consent::resting_on(to, name, *consent, likely)).transpose()?;
            let (referral, policy) = (to.referral()?, to.facts.table.two_officers());
            let in_emergency = emergency::standing(referral, name.interest, to.facts.now).is_some() && policy.are_due_in_emergency(code);
            let second_officer = policy.are_due(code, referral.protected(name.interest)) || in_emergency;
            let category = referral.section(name.section).map(|section| section.category);
            let withdrawal = category.and_then(|category| gate::withdrawn_from(referral, (category, name.interest)));
            let outcome = Outcome::Release { ground: code.clone(), consent };
            Ok(DecidedCell { cell: name, outcome, second_officer, standing_until: None, withdrawal })
        }
    }
}

/// Whether a ground carries the cell, or did so while it was in force.
pub(crate) fn once_lawful(to: &Draft<'_>, name: CellName, named: NamedCell, code: &GroundCode) -> Result<(), Refusal> {
    lawful_ground(to, name, named, code).map(drop).or_else(|refusal| if refusal.reason == Reason::GroundNotInForce { Ok(()) } else { Err(refusal) })
}

fn lawful_ground<'a>(to: &Draft<'a>, name: CellName, named: NamedCell, code: &GroundCode) -> Result<&'a Ground, Refusal> {
    let referral = to.referral()?;
    let section = referral.section(name.section).ok_or(Refusal::about(Reason::CellUnknown, Detail::Section(name.section)))?;
    let about = |reason| Refusal::about(reason, Detail::Ground(code.clone(), named.section, named.person));
    to.facts.table.lawful(code, gate::direction(referral), (section.category, referral.protected(name.interest)), to.facts.now).map_err(|unlawful| {
        match unlawful {
            Unlawful::Unknown => about(Reason::GroundUnknown),
            Unlawful::NotInForce => about(Reason::GroundNotInForce),
            Unlawful::NeverClears => about(Reason::GroundNeverClears),
            Unlawful::OtherDirection | Unlawful::OtherCategory => about(Reason::GroundNotForThis),
            Unlawful::Barred(provision) => Refusal::about(Reason::GroundNotForThis, Detail::Barred(code.clone(), provision)),
            Unlawful::DoesNotLift(provision) => Refusal::about(Reason::GroundDoesNotLift, Detail::Provision(code.clone(), provision)),
        }
    })
}

/// The answers and the reasons as one text, which the event commits to. A scale is written down as it was used.
pub(crate) fn documented(new: &NewDecision, facts: &Facts<'_>) -> Bytes {
    fn or_none<T: ToString>(value: Option<T>) -> String {
        value.map_or_else(|| String::from("-"), |value| value.to_string())
    }
    let answers = &new.answers;
    let list = |facts: &BTreeSet<FactCode>| facts.iter().map(|fact| fact.as_str()).collect::<Vec<_>>().join(" ");
    let on = answers.offence_on.unwrap_or(facts.now);
    let scale = answers.offence.as_ref().and_then(|code| facts.table.offence(code, on));
    let head = [
        format!("asserted {}", list(&answers.asserted)),
        format!("denied {}", list(&answers.denied)),
        format!("offence {}", or_none(answers.offence.as_ref())),
        format!("offence_minimum_months {} on {}", or_none(scale.map(|offence| offence.min_months)), on.date()),
        format!("attempted {}", answers.attempted),
        format!("purpose {}", or_none(answers.purpose)),
        format!("subject_age_years {}", or_none(answers.subject_age_years)),
        format!("victim_age_years {}", or_none(answers.victim_age_years)),
        format!("suspect_age_years {}", or_none(answers.suspect_age_years)),
        format!("template {}", or_none(new.template.as_ref().map(|template| &template.name))),
    ];
    [head.join("\n").as_bytes(), b"\n\n", &new.reasons].concat().into()
}

/// The second officer decides the same cells, without having been shown what the first decided; where they differ, the cell stays.
pub(crate) fn confirm(to: &mut Draft<'_>, new: &NewDecision) -> Result<(), Refusal> {
    to.active_agency()?;
    let officer = to.officer()?;
    let referral = for_clearing(to)?;
    // What left in an emergency is decided a second time even when all is over.
    let has_left = |cell: &NewCell| referral.section(cell.cell.section).is_some_and(Section::has_left);
    if referral.stage.is_ended() && !new.cells.iter().all(has_left) {
        return Err(wrong_stage(referral));
    }
    // The second officer's word is the officer's own, never a template's.
    if new.template.is_some() {
        return Err(Reason::TemplateNotAllowed.into());
    }
    let id = referral.id;
    let standing_until = standing_until(to, new)?;
    let mut words: Vec<(Confirmation, bool)> = Vec::with_capacity(new.cells.len());
    for cell in &new.cells {
        let about = |reason| Refusal::about(reason, Detail::Cell(cell.cell.section, cell.cell.person));
        let name = cell_name(to, cell.cell)?;
        let first = awaiting(to, name).filter(|_| words.iter().all(|(seen, _)| seen.cell != name)).ok_or_else(|| about(Reason::NothingToConfirm))?;
        if first.officer == Some(officer) {
            return Err(about(Reason::OwnDecision));
        }
        let (at, first) = (first.at, first.outcome.clone());
        let outcome = match to.referral()?.left_on(name) {
            Some(left) => emergency::word_on_what_left(to, (cell, &new.answers), &left)?,
            None => decided_cell(to, name, (cell, &new.answers), first.consent())?.outcome,
        };
        let agrees = outcome.agrees_with(&first);
        let standing_until = standing_until.filter(|_| agrees);
        words.push((Confirmation { cell: name, decision: at, outcome, standing_until }, agrees));
    }
    if words.is_empty() {
        return Err(Refusal::field(Reason::MalformedMessage, "cells"));
    }
    let kept = words.iter().filter(|(_, agrees)| !agrees).map(|(word, _)| word.cell.section).collect();
    for words in apart(words, (to.sees_persons()?, &kept), |(word, _)| word.cell) {
        let table = to.facts.table.hash();
        let reasons = to.commit_opening("reasons", documented(new, &to.facts));
        let cells = words.into_iter().map(|(word, _)| word).collect();
        to.push(Fact::ClearanceConfirmed(SecondDecision { referral: id, table, reasons, cells }));
    }
    to.offer_what_passes()
}

/// The decision of a cell that waits for a second officer.
fn awaiting<'b>(to: &'b Draft<'_>, name: CellName) -> Option<&'b Decision> {
    let referral = to.referral().ok()?;
    let Cell { state: CellState::Decided(decision), .. } = referral.cell(name)? else { return None };
    gate::awaits_second_officer(referral, name.interest, decision, to.facts.table).then_some(decision)
}

pub(crate) fn revoke(to: &mut Draft<'_>, named: &[NamedCell]) -> Result<(), Refusal> {
    to.active_agency()?;
    to.officer()?;
    let id = for_clearing(to)?.id;
    let mut cells = Vec::with_capacity(named.len());
    for name in named {
        let cell = cell_name(to, *name)?;
        let referral = to.referral()?;
        let about = |reason| Refusal::about(reason, Detail::Cell(name.section, name.person));
        let decision = match referral.cell(cell).map(|cell| &cell.state) {
            Some(CellState::Decided(decision)) => decision,
            Some(CellState::Undecided) | None => return Err(about(Reason::NothingToRevoke)),
        };
        // What has left is recalled, not revoked; but one that stands for later revisions can be ended, and so can one to withhold.
        let stands = decision.standing_until.is_some_and(|until| to.facts.now < until);
        if !stands && !decision.outcome.is_withheld() && referral.section(cell.section).is_some_and(Section::has_left) {
            return Err(about(Reason::AlreadyReleased));
        }
        cells.push(cell);
    }
    cells.sort_unstable();
    cells.dedup();
    if cells.is_empty() {
        return Err(Refusal::field(Reason::MalformedMessage, "cells"));
    }
    let table = to.facts.table.hash();
    to.push(Fact::ClearanceRevoked { referral: id, cells, table });
    to.offer_what_passes()
}
