//! The gate: joins consent, clearance, ground and recipient, and is the only maker of the right to release.
//!
//! Called by `decide` when sections are offered and again, under the head lock, when they are opened. It must never pass a
//! section because another one passes: each section is asked about each of its own protected interests.

use crate::codes::{Category, WithholdReason};
use crate::emergency;
use crate::event::{Interest, Outcome};
use crate::grounds::{Direction, GroundTable, Unlawful};
use crate::ids::{Commitment, Position};
use crate::referral::{Cell, CellState, Consent, Decision, Referral, Section};
use crate::time::Time;

/// The right to release one section at one revision. Only `pass` makes it, and `Released::new` spends it.
#[derive(Debug, PartialEq, Eq)]
pub struct Cleared {
    section: u32,
    revision: u32,
    commitment: Commitment,
    basis: Vec<Position>,
}

impl Cleared {
    /// Number of the section.
    pub fn section(&self) -> u32 {
        self.section
    }
}

/// What one release holds, and on what it rests. Built from `Cleared` only; `read_back` serves the journal's decoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released(Vec<ReleasedSection>);

/// One section of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleasedSection {
    /// Number of the section.
    pub section: u32,
    /// Its revision.
    pub revision: u32,
    /// The commitment to its bytes.
    pub commitment: Commitment,
    /// Positions of the decisions and what carried them on, confirmations, emergencies and consents that it rests on; ascending, distinct.
    pub basis: Vec<Position>,
}

impl Released {
    /// Spends the proofs.
    pub fn new(cleared: Vec<Cleared>) -> Self {
        Self(cleared.into_iter().map(|Cleared { section, revision, commitment, basis }| ReleasedSection { section, revision, commitment, basis }).collect())
    }

    /// A release as it stands in stored bytes: for the decoder of the journal and for nobody else.
    pub fn read_back(sections: Vec<ReleasedSection>) -> Self {
        Self(sections)
    }

    /// The sections.
    pub fn sections(&self) -> &[ReleasedSection] {
        &self.0
    }

    /// Every distinct position that the release rests on, ascending.
    pub fn basis(&self) -> Vec<Position> {
        let mut basis: Vec<Position> = self.0.iter().flat_map(|section| section.basis.iter().copied()).collect();
        basis.sort_unstable();
        basis.dedup();
        basis
    }
}

/// Why a section does not pass, for one protected interest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Number of the section.
    pub section: u32,
    /// What the section is about.
    pub category: Category,
    /// Whose secrecy blocks it; `None` when the section as a whole has nothing to ask about.
    pub interest: Option<Interest>,
    /// What is missing.
    pub why: Why,
}

/// What is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The section names nobody whose secrecy could be asked about.
    NoProtectedInterest,
    /// The content of this revision was destroyed.
    Destroyed,
    /// No decision is on record.
    Undecided,
    /// A second officer has not agreed yet.
    SecondOfficerMissing,
    /// It was decided that it stays.
    Withheld(WithholdReason),
    /// The consent does not carry it.
    Consent(ConsentLack),
    /// The ground cannot carry it.
    Ground(Unlawful),
}

/// Why a consent does not carry a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConsentLack {
    /// None is on record.
    Missing,
    /// It is another person's: nobody waives another's secrecy (OSL 12:2).
    OtherPerson,
    /// It is for another recipient.
    OtherRecipient,
    /// It is for other categories.
    OtherCategory,
    /// It was given for a purpose that this kind of referral does not serve.
    OtherPurpose,
    /// It has run out.
    Expired,
    /// It was withdrawn.
    Withdrawn,
}

/// Asks whether one section may leave for the referral's recipient now.
pub fn pass(referral: &Referral, section: &Section, table: &GroundTable, now: Time) -> Result<Cleared, Vec<Block>> {
    let block = |interest, why| Block { section: section.number, category: section.category, interest, why };
    if section.cells.is_empty() {
        return Err(vec![block(None, Why::NoProtectedInterest)]);
    }
    let mut basis = Vec::new();
    let mut blocks: Vec<Block> = (!section.has_content()).then(|| block(None, Why::Destroyed)).into_iter().collect();
    for cell in &section.cells {
        match cell_passes(referral, section, cell.interest, &cell.state, (table, now)) {
            Ok(positions) => basis.extend(positions),
            Err(why) => blocks.push(block(Some(cell.interest), why)),
        }
    }
    if !blocks.is_empty() {
        return Err(blocks);
    }
    basis.sort_unstable();
    basis.dedup();
    Ok(Cleared { section: section.number, revision: section.revision, commitment: section.commitment, basis })
}

/// Whether a section would pass if its content were still there.
pub fn only_destroyed(blocks: &[Block]) -> bool {
    !blocks.is_empty() && blocks.iter().all(|block| block.why == Why::Destroyed)
}

/// Gives the positions that the cell rests on, or what is missing.
fn cell_passes(referral: &Referral, section: &Section, interest: Interest, state: &CellState, law: (&GroundTable, Time)) -> Result<Vec<Position>, Why> {
    let (table, now) = law;
    let CellState::Decided(decision) = state else { return Err(Why::Undecided) };
    let (ground, consent) = match &decision.outcome {
        Outcome::Withhold { reason, nameable: _ } => return Err(Why::Withheld(*reason)),
        Outcome::Release { ground, consent } => (ground, consent),
    };
    let ground = table.lawful(ground, direction(referral), (section.category, referral.protected(interest)), now).map_err(Why::Ground)?;
    let mut positions = vec![decision.at];
    positions.extend(decision.confirmed);
    positions.extend(decision.carried.map(|carried| carried.at));
    if ground.needs_consent() {
        let given = consent.ok_or(Why::Consent(ConsentLack::Missing))?;
        let consent = referral.consents.iter().find(|consent| consent.at == given).ok_or(Why::Consent(ConsentLack::Missing))?;
        carries(consent, referral, (section.category, interest), law).map_err(Why::Consent)?;
        positions.push(consent.at);
    }
    // Order matters: where ground or consent has fallen no second officer helps, and nobody is sent to fetch one.
    if awaits_second_officer(referral, interest, decision, table) {
        // Break-glass puts off the second officer, and nothing else of what was asked before.
        positions.push(emergency::standing(referral, interest, now).ok_or(Why::SecondOfficerMissing)?.at);
    }
    Ok(positions)
}

/// The decision that a cell takes along to the next revision of its section: it stands for that, and passes today without being put off.
pub(crate) fn taken_along(referral: &Referral, section: &Section, cell: &Cell, law: (&GroundTable, Time)) -> Option<Position> {
    let (table, now) = law;
    let CellState::Decided(decision) = &cell.state else { return None };
    let stands = !table.assesses_each(referral.kind)
        && decision.standing_until.is_some_and(|until| now < until)
        && !awaits_second_officer(referral, cell.interest, decision, table);
    (stands && cell_passes(referral, section, cell.interest, &cell.state, law).is_ok()).then_some(decision.at)
}

/// Whether a decision to release waits for a second officer: as it was recorded, or as today's policy has it.
pub fn awaits_second_officer(referral: &Referral, interest: Interest, decision: &Decision, table: &GroundTable) -> bool {
    let due = match &decision.outcome {
        Outcome::Withhold { .. } => false,
        Outcome::Release { ground, .. } => decision.second_officer || table.two_officers().are_due(ground, referral.protected(interest)),
    };
    due && decision.confirmed.is_none()
}

/// How many distinct decisions, confirmations and consents one release may rest on: with the release itself and the check of conflicts that it may
/// be for, a receipt's leaves.
pub const RELEASE_BASIS_MAX: usize = 62;

/// As many of the cleared sections, in their order, as one receipt can prove.
pub(crate) fn within_receipt(cleared: impl Iterator<Item = Cleared>) -> Vec<Cleared> {
    let mut basis = std::collections::BTreeSet::new();
    cleared
        .filter(|section| {
            let with: std::collections::BTreeSet<Position> = basis.iter().chain(&section.basis).copied().collect();
            let fits = with.len() <= RELEASE_BASIS_MAX;
            if fits {
                basis = with;
            }
            fits
        })
        .collect()
}

/// From which kind of agency to which.
pub fn direction(referral: &Referral) -> Direction {
    Direction { from: referral.from, to: referral.to, kind: referral.kind }
}

/// Whether a consent carries a category for one protected interest now.
pub fn carries(consent: &Consent, referral: &Referral, (category, interest): (Category, Interest), law: (&GroundTable, Time)) -> Result<(), ConsentLack> {
    let (table, now) = law;
    let serves = |purpose| table.kind(referral.kind).is_some_and(|kind| kind.serves(purpose));
    if interest != Interest::Person(consent.given.person) {
        Err(ConsentLack::OtherPerson)
    } else if consent.given.recipient != referral.recipient {
        Err(ConsentLack::OtherRecipient)
    } else if !consent.given.categories.contains(&category) {
        Err(ConsentLack::OtherCategory)
    } else if !serves(consent.given.purpose) {
        Err(ConsentLack::OtherPurpose)
    } else if consent.withdrawn.is_some() {
        Err(ConsentLack::Withdrawn)
    } else if now >= consent.given.valid_until {
        Err(ConsentLack::Expired)
    } else {
        Ok(())
    }
}

/// The consent that carries a cell now, the latest first; else the lack that is closest to passing.
///
/// One that is older than a withdrawal is not fallen back on: she has said no since, and whoever relies on it all the same names it.
pub fn consent_for<'r>(referral: &'r Referral, cell: (Category, Interest), law: (&GroundTable, Time)) -> Result<&'r Consent, ConsentLack> {
    let withdrawn = withdrawn_from(referral, cell);
    let mut lack = ConsentLack::Missing;
    for consent in referral.consents.iter().rev() {
        match carries(consent, referral, cell, law) {
            Ok(()) if withdrawn < Some(consent.at) => return Ok(consent),
            Ok(()) => lack = lack.max(ConsentLack::Withdrawn),
            Err(this) => lack = lack.max(this),
        }
    }
    Err(lack)
}

/// The latest withdrawal of a consent that covered the cell: whoever releases it all the same has it in view.
pub(crate) fn withdrawn_from(referral: &Referral, (category, interest): (Category, Interest)) -> Option<Position> {
    let covered = |consent: &&Consent| {
        let given = &consent.given;
        interest == Interest::Person(given.person) && given.recipient == referral.recipient && given.categories.contains(&category)
    };
    referral.consents.iter().filter(covered).filter_map(|consent| consent.withdrawn).max()
}
