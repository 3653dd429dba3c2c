//! What the receipt of an opening must prove before a byte of content is handed on.
//!
//! The release leaf must name this referral and recipient and exactly the sections that came; each section's bytes must open
//! their commitment; and for every protected interest there must be, earlier in the log, a decision of the sender that
//! releases it, the second officer's agreement where one is due, and the consent where the ground rests on one. A broker built
//! without the gate can't show that without writing it into the log, where every auditor sees it.
//!
//! What a recipient can't know stays for the auditor: whether a consent was withdrawn between, which persons are meant by the
//! names that the parties use, of which kind the referral is other than by the envelope, and whether a ground was lawful in a table
//! that this program does not have.

use std::collections::BTreeSet;

use brygga_domain::entropy::commit;
use brygga_domain::event::{CellName, ClearanceDecision, Confirmation, ConsentGiven, DecidedCell, EmergencyDeclaration, Interest, Outcome};
use brygga_domain::gate::ReleasedSection;
use brygga_domain::grounds::GroundTable;
use brygga_domain::{Category, Code, Event, Fact, FunctionId, Position, ReferralId, ReferralKind, Time};
use brygga_wire::v1;

use crate::refused::Refused;
use crate::verify::Verified;
use crate::write::{Given, all_of, asked};

/// Checks the answer to an opening.
pub(crate) fn check(request: &v1::OpenReferralRequest, response: &v1::OpenReferralResponse, (proof, caller): Given<'_>) -> Result<(), Refused> {
    let envelope = response.envelope.as_ref().ok_or(Refused::NotAsked)?;
    let referral = asked(&request.referral, &envelope.id, &envelope.reference)?;
    all_of(proof, referral)?;
    let position = Position(response.release);
    let wanted = Refused::EventMissing { wanted: "SectionsReleased" };
    let event = proof.event(position).filter(|event| event.agency == caller.agency).ok_or(wanted.clone())?;
    let Fact::SectionsReleased { recipient, released, .. } = &event.fact else { return Err(wanted) };
    if request.names_only {
        only_names(response, released.sections(), (proof, position), &caller.table)?;
    }
    let ours = caller.functions.is_empty() || caller.functions.contains(recipient);
    if !ours || recipient.as_str() != envelope.recipient {
        return Err(Refused::OtherRecipient { position });
    }
    let handed: BTreeSet<(u32, u32)> = response.sections.iter().map(|section| (section.number, section.revision)).collect();
    let logged: BTreeSet<(u32, u32)> = released.sections().iter().map(|section| (section.section, section.revision)).collect();
    if handed != logged || handed.len() != response.sections.len() || logged.len() != released.sections().len() || handed.is_empty() {
        return Err(Refused::SectionsDiffer);
    }
    let kind = ReferralKind::from_number(envelope.kind);
    let release = Release { proof, position, time: event.time, referral, recipient, sender: &envelope.sender, kind, table: &caller.table };
    for section in &response.sections {
        let logged = released.sections().iter().find(|logged| logged.section == section.number).ok_or(Refused::SectionsDiffer)?;
        release.section(section, logged)?;
    }
    Ok(())
}

/// What was asked for as names holds names and nothing else, and the entry before the release says what it is for.
fn only_names(
    response: &v1::OpenReferralResponse,
    left: &[ReleasedSection],
    (proof, release): (&Verified, Position),
    table: &GroundTable,
) -> Result<(), Refused> {
    let before = release.0.checked_sub(1).and_then(|at| proof.event(Position(at)));
    let Some(Fact::NameRevealed { sections, .. }) = before.map(|event| &event.fact) else { return Err(Refused::EventMissing { wanted: "NameRevealed" }) };
    let mut numbers: Vec<u32> = left.iter().map(|section| section.section).collect();
    numbers.sort_unstable();
    // Under another table than this program's, other categories may say who somebody is.
    let same_table =
        proof.events().values().all(|event| if let Fact::ClearanceDecided(decision) = &event.fact { decision.table == table.hash() } else { true });
    let names = |section: &v1::ReleasedSection| Category::from_number(section.category).is_some_and(|category| table.is_a_name(category));
    if *sections == numbers && (!same_table || response.sections.iter().all(names)) { Ok(()) } else { Err(Refused::SectionsDiffer) }
}

/// A release, with what its basis is held against.
struct Release<'a> {
    proof: &'a Verified,
    position: Position,
    time: Time,
    referral: ReferralId,
    recipient: &'a FunctionId,
    sender: &'a str,
    kind: Option<ReferralKind>,
    table: &'a GroundTable,
}

/// What one section rests on, taken from the events.
#[derive(Default)]
struct Basis<'a> {
    decisions: Vec<(Position, &'a Event, &'a ClearanceDecision)>,
    confirmations: Vec<(Position, &'a Event, &'a [Confirmation])>,
    consents: Vec<(Position, &'a ConsentGiven)>,
    emergencies: Vec<(&'a Event, &'a EmergencyDeclaration)>,
}

impl<'a> Release<'a> {
    fn section(&self, section: &v1::ReleasedSection, logged: &ReleasedSection) -> Result<(), Refused> {
        let number = section.number;
        let salt = <&[u8; 32]>::try_from(section.salt.as_ref()).map_err(|_| Refused::SaltLength { section: number })?;
        if commit(salt, &section.content) != logged.commitment {
            return Err(Refused::ContentDiffers { section: number });
        }
        let category = Category::from_number(section.category).ok_or(Refused::CategoryDiffers { section: number })?;
        if brygga_wire::category_of(&section.content) != Some(category) {
            return Err(Refused::CategoryDiffers { section: number });
        }
        let basis = self.basis(logged)?;
        let interests = interests(section, &basis)?;
        interests.into_iter().try_for_each(|interest| self.cell((CellName { section: number, interest }, category), &basis))
    }

    /// Sorts the basis by what each event is. Each must be in the receipt, before the release, and able to carry the section.
    fn basis(&self, logged: &ReleasedSection) -> Result<Basis<'a>, Refused> {
        let section = logged.section;
        let mut basis = Basis::default();
        for position in logged.basis.iter().copied() {
            if position >= self.position {
                return Err(Refused::BasisLater { section, position });
            }
            let event = self.proof.event(position).ok_or(Refused::BasisMissing { section, position })?;
            if event.time > self.time {
                return Err(Refused::BasisLater { section, position });
            }
            if let Fact::ClearanceDecided(decision) = &event.fact
                && decision.cells.iter().any(|decided| decided.cell.section == section)
            {
                if decision.recipient != *self.recipient {
                    return Err(Refused::OtherRecipient { position });
                }
                basis.decisions.push((position, event, decision));
            } else if let Fact::ClearanceConfirmed(second) = &event.fact
                && second.cells.iter().any(|word| word.cell.section == section)
            {
                basis.confirmations.push((position, event, &second.cells));
            } else if let Fact::ConsentRecorded(given) = &event.fact {
                basis.consents.push((position, given));
            } else if let Fact::ClearanceCarried(carried) = &event.fact
                && carried.cells.iter().any(|cell| (cell.cell.section, cell.revision) == (section, logged.revision))
            {
                // Which decision it carries on is in the basis itself, as it must be for every cell.
            } else if let Fact::EmergencyDeclared(declared) = &event.fact {
                if declared.recipient != *self.recipient {
                    return Err(Refused::OtherRecipient { position });
                }
                basis.emergencies.push((event, declared));
            } else {
                return Err(Refused::BasisKind { section, position });
            }
        }
        Ok(basis)
    }

    /// The latest decision about a cell is the one that counts, as in the gate.
    fn cell(&self, (cell, category): (CellName, Category), basis: &Basis<'a>) -> Result<(), Refused> {
        let section = cell.section;
        let found = |(position, event, decision): &(Position, &'a Event, &'a ClearanceDecision)| {
            about_cell(decision, cell).map(|decided| (*position, *event, *decision, decided))
        };
        let decided = basis.decisions.iter().rev().find_map(found);
        let (position, event, decision, decided) = decided.ok_or(Refused::DecisionMissing { section })?;
        let by_sender = event.agency.as_str() == self.sender;
        // The investigation is cleared by its leader, who may sit at another agency.
        if !by_sender && cell.interest != Interest::Investigation {
            return Err(Refused::DecidedByOther { section, position });
        }
        let (ground, consent) = match &decided.outcome {
            Outcome::Withhold { .. } => return Err(Refused::Withheld { section, position }),
            Outcome::Release { ground, consent } => (ground, consent),
        };
        let known = self.table.grounds().find(|known| known.code == *ground);
        // Who is protected stands in the submission, which a recipient does not see: what the sender recorded counts, and the ground.
        let same_table = self.table.hash() == decision.table;
        let second_officer = decided.second_officer || (same_table && self.table.two_officers().grounds.contains(ground));
        // In an emergency of the agency that decided, the second officer comes afterwards.
        let in_emergency = basis.emergencies.iter().any(|(declared, emergency)| declared.agency == event.agency && self.time < emergency.expires_at);
        if second_officer && !in_emergency && !agreed(decided, (position, event), basis) {
            return Err(Refused::SecondOfficerMissing { section, position });
        }
        match consent {
            Some(consent) => self.consent(*consent, (cell, category), same_table, basis),
            None if known.is_some_and(brygga_domain::grounds::Ground::needs_consent) => Err(Refused::ConsentMissing { section }),
            None => Ok(()),
        }
    }

    fn consent(&self, position: Position, (cell, category): (CellName, Category), same_table: bool, basis: &Basis<'_>) -> Result<(), Refused> {
        let section = cell.section;
        let found = basis.consents.iter().find(|(at, _)| *at == position).map(|(_, given)| *given);
        let given = found.ok_or(Refused::ConsentMissing { section })?;
        if given.referral != self.referral {
            return Err(Refused::OtherReferral { position });
        }
        if Interest::Person(given.person) != cell.interest {
            return Err(Refused::ConsentOfAnother { section, position });
        }
        if given.recipient != *self.recipient {
            return Err(Refused::ConsentOtherRecipient { section, position });
        }
        if !given.categories.contains(&category) {
            return Err(Refused::ConsentOtherCategory { section, position });
        }
        // Which purposes a kind of referral serves is known only where this program has the table that decided.
        let serves = self.kind.and_then(|kind| self.table.kind(kind)).is_some_and(|rule| rule.serves(given.purpose));
        if same_table && !serves {
            return Err(Refused::ConsentOtherPurpose { section, position });
        }
        if self.time >= given.valid_until || self.time < given.given_at {
            return Err(Refused::ConsentNotInForce { section, position });
        }
        Ok(())
    }
}

/// Every protected interest of the section: those that its decisions name, and as many as the section says that it has.
fn interests(section: &v1::ReleasedSection, basis: &Basis<'_>) -> Result<BTreeSet<Interest>, Refused> {
    let cells = basis.decisions.iter().flat_map(|(_, _, decision)| &decision.cells);
    let interests: BTreeSet<Interest> = cells.filter(|cell| cell.cell.section == section.number).map(|cell| cell.cell.interest).collect();
    let investigation = interests.contains(&Interest::Investigation);
    let persons = interests.len() - usize::from(investigation);
    let named: BTreeSet<&str> = section.persons.iter().map(String::as_str).collect();
    let complete = persons == named.len() && (investigation == section.investigation) && !interests.is_empty();
    if complete { Ok(interests) } else { Err(Refused::DecisionMissing { section: section.number }) }
}

fn about_cell(decision: &ClearanceDecision, cell: CellName) -> Option<&DecidedCell> {
    decision.cells.iter().find(|decided| decided.cell == cell)
}

/// Whether a second officer of the same agency, and not the first, has agreed to this decision about this cell.
fn agreed(first: &DecidedCell, (decided_at, decided): (Position, &Event), basis: &Basis<'_>) -> bool {
    let pseudonym = |event: &Event| event.officer.map(|officer| officer.pseudonym);
    basis.confirmations.iter().any(|(at, event, words)| {
        let words = words.iter().filter(|word| word.cell == first.cell && word.decision == decided_at);
        let agrees = words.fold(None, |before, word| Some(before.unwrap_or(true) && word.outcome.agrees_with(&first.outcome))) == Some(true);
        *at > decided_at && agrees && event.agency == decided.agency && event.officer.is_some() && pseudonym(event) != pseudonym(decided)
    })
}
