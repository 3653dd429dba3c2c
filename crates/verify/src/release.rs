//! Whether a section may leave: the rule of the gate, stated a second time from the log alone.
//!
//! A section leaves only if each of its protected interests has a decision of its own that stands, made by the agency that clears
//! it, agreed to by a second officer where one is due, on a ground that carries it, and on a consent where the decision names one.

use brygga_domain::event::{CellName, ContentName, Interest, Outcome};
use brygga_domain::{Category, GroundTable, Position, Referral, Time};

use crate::book::{Book, Part, Standing};
use crate::finding::Code;
use crate::law;

/// Whether two officers came to the same result: both release, on one ground and one consent.
pub(crate) fn same_result(first: &Outcome, second: &Outcome) -> bool {
    !first.is_withheld() && first == second
}

/// What is not as it must be, in the words of a finding.
pub(crate) type Lack = (Code, String);

/// One referral at one moment of the log.
#[derive(Clone, Copy)]
pub(crate) struct Moment<'a> {
    pub(crate) referral: &'a Referral,
    pub(crate) book: &'a Book,
    /// The active ground table, if the auditor has it.
    pub(crate) table: Option<&'a GroundTable>,
    pub(crate) at: Position,
    pub(crate) time: Time,
}

impl Moment<'_> {
    /// How the parties call a cell.
    pub(crate) fn name(&self, cell: CellName) -> String {
        let interest = match cell.interest {
            Interest::Investigation => String::from("the investigation"),
            Interest::Person(id) => self.referral.person_name(id).map_or_else(|| String::from("a person outside the referral"), |name| name.to_string()),
        };
        format!("section {}, {interest}", cell.section)
    }

    /// The positions that the section may leave on, ascending and distinct; or everything that it lacks.
    pub(crate) fn basis_of(&self, section: &Part) -> Result<Vec<Position>, Vec<Lack>> {
        let mut basis = Vec::new();
        let mut lacks = Vec::new();
        for interest in &section.interests {
            let cell = CellName { section: section.number, interest: *interest };
            match self.cell(section, cell) {
                Ok(positions) => basis.extend(positions),
                Err((code, text)) => lacks.push((code, format!("{}: {text}", self.name(cell)))),
            }
        }
        if section.interests.is_empty() {
            lacks.push((Code::ClearanceMissing, format!("section {}: it protects nobody, so nothing could clear it", section.number)));
        }
        if !self.book.is_there(ContentName { section: section.number, revision: section.revision }) {
            lacks.push((Code::ContentDestroyed, format!("section {}: its content was destroyed", section.number)));
        }
        basis.sort_unstable();
        basis.dedup();
        if lacks.is_empty() { Ok(basis) } else { Err(lacks) }
    }

    pub(crate) fn cell(&self, section: &Part, cell: CellName) -> Result<Vec<Position>, Lack> {
        let standing = self.book.standing(cell).ok_or_else(|| (Code::ClearanceMissing, String::from("nobody has decided it")))?;
        self.stands(section, cell, standing)?;
        let Outcome::Release { ground, consent } = &standing.outcome else {
            return Err((Code::ClearanceWithheld, format!("entry {} withholds it", standing.at)));
        };
        let mut positions = vec![standing.at];
        positions.extend(self.agreement(cell, standing)?);
        positions.extend(standing.carried);
        if let Some(table) = self.table {
            let ground = law::carrying(table, ground, self.referral, (section.category, self.book.protection(cell.interest)), self.time);
            let ground = ground.map_err(|why| (Code::GroundUnlawful, why))?;
            if ground.needs_consent() && consent.is_none() {
                return Err((Code::ConsentMissing, format!("{} rests on a consent and entry {} names none", ground.code, standing.at)));
            }
        }
        if let Some(consent) = consent {
            self.consent(*consent, section.category, cell.interest)?;
            positions.push(*consent);
        }
        Ok(positions)
    }

    fn stands(&self, section: &Part, cell: CellName, standing: &Standing) -> Result<(), Lack> {
        if let Some(revoked) = standing.revoked {
            return Err((Code::ClearanceRevoked, format!("entry {revoked} revoked the decision in entry {}", standing.at)));
        }
        if standing.revision != section.revision {
            let text = format!("entry {} decided revision {}, the section is at revision {}", standing.at, standing.revision, section.revision);
            return Err((Code::ClearanceSuperseded, text));
        }
        if standing.agency != *self.clearer(cell) {
            return Err((Code::ClearanceByOther, format!("entry {} is by {}, {} clears it", standing.at, standing.agency, self.clearer(cell))));
        }
        Ok(())
    }

    /// Who clears a cell: the sender, but the leader of the investigation for the investigation (OSL 18:1).
    pub(crate) fn clearer(&self, cell: CellName) -> &brygga_domain::AgencyId {
        match cell.interest {
            Interest::Person(_) => &self.referral.sender,
            Interest::Investigation => &self.referral.leader,
        }
    }

    /// Whether a decision counts only with a second officer's word: it says so itself, or the active table's policy does.
    pub(crate) fn wants_two(&self, cell: CellName, standing: &Standing) -> bool {
        let Outcome::Release { ground, .. } = &standing.outcome else { return false };
        let policy = self.table.is_some_and(|table| law::wants_two(table, ground, self.book.protection(cell.interest)));
        standing.second_officer || policy
    }

    /// Position of the second officer's agreement where there is one, or of the emergency that goes before it.
    fn agreement(&self, cell: CellName, standing: &Standing) -> Result<Option<Position>, Lack> {
        let Some(word) = &standing.word else {
            if !self.wants_two(cell, standing) {
                return Ok(None);
            }
            // Break-glass puts the second officer off while it lasts, and the release rests on it instead.
            let running = self.book.emergencies.running(self.clearer(cell), self.time).map(|emergency| emergency.at);
            return running.map(Some).ok_or_else(|| (Code::SecondOfficerMissing, format!("no second officer has agreed to entry {}", standing.at)));
        };
        if !same_result(&standing.outcome, &word.outcome) {
            return Err((Code::ClearanceWithheld, format!("in entry {} the second officer differs from entry {}", word.at, standing.at)));
        }
        if word.agency != *self.clearer(cell) {
            return Err((Code::ClearanceByOther, format!("entry {} is by {}, {} clears it", word.at, word.agency, self.clearer(cell))));
        }
        // Two officers who are not named cannot be told apart.
        if word.officer.is_none() || word.officer == standing.officer {
            return Err((Code::SecondOfficerSame, format!("entries {} and {} are by one officer", standing.at, word.at)));
        }
        Ok(Some(word.at))
    }

    /// Whether the consent at a position carries a category for one protected interest at this moment.
    pub(crate) fn consent(&self, at: Position, category: Category, interest: Interest) -> Result<(), Lack> {
        if at >= self.at {
            return Err((Code::ConsentLater, format!("it rests on a consent in entry {at}, which comes later")));
        }
        let waiver = self.book.waiver(at).ok_or_else(|| (Code::ConsentMissing, format!("entry {at} is no consent of this referral")))?;
        let given = &waiver.given;
        if interest != Interest::Person(given.person) {
            return Err((Code::ConsentOfAnother, format!("the consent in entry {at} is another person's")));
        }
        if given.recipient != self.referral.recipient {
            return Err((Code::ConsentOtherRecipient, format!("the consent in entry {at} is for {}", given.recipient)));
        }
        if !given.categories.contains(&category) {
            return Err((Code::ConsentOtherCategory, format!("the consent in entry {at} does not cover {category}")));
        }
        if self.table.is_some_and(|table| !law::serves(table, self.referral.kind, given.purpose)) {
            return Err((
                Code::ConsentOtherPurpose,
                format!("the consent in entry {at} is for {}, which a {} does not serve", given.purpose, self.referral.kind),
            ));
        }
        if let Some(withdrawn) = waiver.withdrawn {
            return Err((Code::ConsentWithdrawn, format!("entry {withdrawn} withdrew the consent in entry {at}")));
        }
        if given.valid_until <= self.time {
            return Err((Code::ConsentExpired, format!("the consent in entry {at} held until {}", given.valid_until)));
        }
        Ok(())
    }
}
