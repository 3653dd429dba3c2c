//! What acts of clearance and new revisions do to the cells of a referral.

use super::{Carried, Cell, CellState, Decision, Referral, Section};
use crate::codes::WithholdReason;
use crate::content::Kept;
use crate::emergency::OwedWord;
use crate::event::{CarriedCell, CellName, Confirmation, DecidedCell, Outcome, SectionContent};
use crate::ids::{ConsentId, OfficerPseudonym, Position};
use crate::time::Time;

impl Referral {
    pub(super) fn amend(&mut self, now: Time, contents: &[SectionContent]) {
        for content in contents {
            self.owe_words(content);
            let Some(section) = self.sections.iter_mut().find(|section| section.number == content.section) else { continue };
            section.revision = content.revision;
            section.commitment = content.commitment;
            section.offered = false;
            // Other content may name others.
            section.checked_by.clear();
            section.kept.push(Kept::new(content.revision, now));
            // A decision was about the bytes that the officer saw; other bytes need another, or one that stands for them.
            for cell in section.cells.iter_mut().filter(|cell| !cell.is_carried_to(content.revision)) {
                cell.state = CellState::Undecided;
            }
        }
    }

    fn owe_words(&mut self, content: &SectionContent) {
        let replaced = |section: &Section| {
            let cells = section.cells.iter().filter(|cell| !cell.is_carried_to(content.revision));
            cells.map(|cell| CellName { section: section.number, interest: cell.interest }).collect::<Vec<_>>()
        };
        self.section(content.section).map(replaced).unwrap_or_default().into_iter().for_each(|name| self.owe_word(name));
    }

    /// What left in an emergency is decided a second time, also where its decision stands no more. Content that left again on another decision is
    /// owed one word, the latest.
    fn owe_word(&mut self, name: CellName) {
        let Some(word) = self.left_on(name) else { return };
        self.owed.retain(|owed| (owed.cell, owed.revision) != (word.cell, word.revision));
        self.owed.push(word);
    }

    /// The decision of a cell on which its revision has left before the second officer's word.
    pub(crate) fn left_on(&self, name: CellName) -> Option<OwedWord> {
        let released = self.section(name.section).filter(|section| section.has_left())?.released?;
        let Cell { state: CellState::Decided(decision), .. } = self.cell(name)? else { return None };
        let Outcome::Release { ground, consent } = &decision.outcome else { return None };
        let waits = decision.second_officer && decision.confirmed.is_none() && released.at > decision.at;
        waits.then(|| OwedWord {
            cell: name,
            revision: released.revision,
            at: decision.at,
            officer: decision.officer,
            ground: ground.clone(),
            consent: *consent,
        })
    }

    pub(super) fn carry(&mut self, at: Position, carried: CarriedCell) {
        let Some(Cell { state: CellState::Decided(decision), .. }) = self.cell_mut(carried.cell) else { return };
        if decision.at == carried.decision {
            decision.carried = Some(Carried { at, revision: carried.revision });
        }
    }

    pub(super) fn decide(&mut self, at: Position, officer: Option<OfficerPseudonym>, cells: &[DecidedCell]) {
        for decided in cells {
            self.owe_word(decided.cell);
            let decision = Decision {
                at,
                officer,
                outcome: decided.outcome.clone(),
                second_officer: decided.second_officer,
                confirmed: None,
                standing_until: decided.standing_until,
                carried: None,
            };
            if let Some(cell) = self.cell_mut(decided.cell) {
                cell.state = CellState::Decided(decision);
            }
        }
    }

    pub(super) fn confirm(&mut self, at: Position, word: &Confirmation) {
        self.owed.retain(|owed| !owed.is_given_by(word));
        let Some(Cell { state: CellState::Decided(decision), .. }) = self.cell_mut(word.cell) else { return };
        if decision.at != word.decision {
            return;
        }
        decision.confirmed = Some(at);
        // It stands for later revisions only as far as both officers say so.
        decision.standing_until = decision.standing_until.zip(word.standing_until).map(|(one, other)| one.min(other));
        if !word.outcome.agrees_with(&decision.outcome) {
            decision.outcome = Outcome::Withhold { reason: WithholdReason::OfficersDiffer, nameable: false };
            decision.standing_until = None;
        }
    }

    pub(super) fn revoke(&mut self, cells: &[CellName]) {
        for name in cells {
            self.owe_word(*name);
            if let Some(cell) = self.cell_mut(*name) {
                cell.state = CellState::Undecided;
            }
            self.sections.iter_mut().filter(|section| section.number == name.section).for_each(|section| section.offered = false);
        }
    }

    /// The envelope names only what passes: what rested on a consent that is withdrawn is no longer offered.
    pub(super) fn take_back_what_rests_on(&mut self, consent: ConsentId) {
        let Some(given_at) = self.consent(consent).map(|held| held.at) else { return };
        let rests = |cell: &Cell| match &cell.state {
            CellState::Undecided => false,
            CellState::Decided(decision) => match &decision.outcome {
                Outcome::Release { consent, .. } => *consent == Some(given_at),
                Outcome::Withhold { .. } => false,
            },
        };
        for section in self.sections.iter_mut().filter(|section| section.cells.iter().any(rests)) {
            section.offered = false;
        }
    }
}

impl Cell {
    fn is_carried_to(&self, revision: u32) -> bool {
        match &self.state {
            CellState::Undecided => false,
            CellState::Decided(decision) => decision.carried.is_some_and(|carried| carried.revision == revision),
        }
    }
}
