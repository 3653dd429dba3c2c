//! What one referral's events say of its sections, decisions, consents and releases: the auditor's own account.
//!
//! It is kept beside the domain's `Referral`, which gives the stage, and never looks at that one's cells: a decision here stays on
//! record with the revision it was about, whoever made it and whatever became of it.

use brygga_domain::event::{
    CarriedCell, CellName, ClearanceDecision, Confirmation, ConsentGiven, ContentName, Event, Interest, Outcome, SectionContent, Submitted,
};
use brygga_domain::gate::ReleasedSection;
use brygga_domain::grounds::GroundCode;
use brygga_domain::{AgencyId, Category, ClockLevel, ClockName, Commitment, ConsentId, OfficerPseudonym, PersonId, Position, ProtectedIdentity, Time};

use crate::emergency::Emergencies;

/// One referral's account.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) sections: Vec<Part>,
    pub(crate) waivers: Vec<Waiver>,
    /// Which protection of personal data each person has, as submitted.
    protections: Vec<(PersonId, ProtectedIdentity)>,
    /// Positions of the releases.
    pub(crate) releases: Vec<Position>,
    /// The entry before this one, if it announces a disclosure of names, and the sections that it names.
    pub(crate) revealing: Option<(Position, Vec<u32>)>,
    /// Content that is there.
    pub(crate) contents: Vec<Held>,
    /// Marks of clocks that were made and still count.
    pub(crate) marks: Vec<(ClockName, ClockLevel)>,
    pub(crate) emergencies: Emergencies,
    // Invariant: at most one for each cell, the latest.
    standings: Vec<(CellName, Standing)>,
    /// Decisions on which something left in an emergency, and which others have replaced: a second officer may still agree or not.
    replaced: Vec<(CellName, Standing)>,
}

/// A section.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) number: u32,
    pub(crate) category: Category,
    pub(crate) revision: u32,
    pub(crate) commitment: Commitment,
    pub(crate) interests: Vec<Interest>,
    /// Whether an offer of this revision stands.
    pub(crate) offered: bool,
    /// The latest revision that left.
    pub(crate) released: Option<u32>,
    /// Position of its latest release.
    pub(crate) released_at: Option<Position>,
    /// Whether it was shown for a check of conflicts.
    pub(crate) revealed: bool,
    /// Positions of the consents that its releases rested on.
    pub(crate) rested_on: Vec<Position>,
}

/// Content that is there.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) name: ContentName,
    /// Its submission, the latest offer of it, or its first release: its days may begin later, where an offer after it was taken back, and not earlier.
    pub(crate) since: Time,
    /// The first release of it.
    pub(crate) left: Option<Position>,
}

/// The latest decision of a cell.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) at: Position,
    /// The revision of the section that it was about.
    pub(crate) revision: u32,
    pub(crate) agency: AgencyId,
    pub(crate) officer: Option<OfficerPseudonym>,
    pub(crate) outcome: Outcome,
    /// Whether the decision itself says that a second officer must agree.
    pub(crate) second_officer: bool,
    /// Until when it says that it stands for later revisions.
    stands_until: Option<Time>,
    /// The entry by which it goes on for the revision.
    pub(crate) carried: Option<Position>,
    pub(crate) word: Option<Word>,
    pub(crate) revoked: Option<Position>,
}

/// The second officer's word.
#[derive(Debug)]
pub(crate) struct Word {
    pub(crate) at: Position,
    pub(crate) agency: AgencyId,
    pub(crate) officer: Option<OfficerPseudonym>,
    pub(crate) outcome: Outcome,
    standing_until: Option<Time>,
}

impl Standing {
    /// Whether the revision that it was about, the latest that left, left on it before a second officer's word.
    fn owes_word(&self, (revision, at): (Option<u32>, Option<Position>)) -> bool {
        let left = revision == Some(self.revision) && at > Some(self.at);
        left && self.second_officer && self.word.is_none() && !self.outcome.is_withheld()
    }

    /// Until when it stands for later revisions: as far as everybody who decided says so.
    pub(crate) fn until(&self) -> Option<Time> {
        let second = self.word.as_ref().map_or(self.stands_until, |word| word.standing_until);
        self.stands_until.zip(second).map(|(one, other)| one.min(other))
    }
}

/// A consent.
#[derive(Debug)]
pub(crate) struct Waiver {
    pub(crate) at: Position,
    pub(crate) given: ConsentGiven,
    pub(crate) withdrawn: Option<Position>,
}

fn held(now: Time, content: &SectionContent) -> Held {
    Held { name: ContentName { section: content.section, revision: content.revision }, since: now, left: None }
}

impl Book {
    pub(crate) fn new(now: Time, submitted: &Submitted) -> Self {
        let sections = submitted.sections.iter().map(|section| Part {
            number: section.content.section,
            category: section.category,
            revision: section.content.revision,
            commitment: section.content.commitment,
            interests: section.persons.iter().copied().map(Interest::Person).chain(section.investigation.then_some(Interest::Investigation)).collect(),
            offered: false,
            released: None,
            released_at: None,
            revealed: false,
            rested_on: Vec::new(),
        });
        let contents = submitted.sections.iter().map(|section| held(now, &section.content)).collect();
        let protections = submitted.persons.iter().map(|person| (person.id, person.protected_identity)).collect();
        Self {
            sections: sections.collect(),
            waivers: Vec::new(),
            protections,
            releases: Vec::new(),
            revealing: None,
            contents,
            marks: Vec::new(),
            emergencies: Emergencies::default(),
            standings: Vec::new(),
            replaced: Vec::new(),
        }
    }

    /// The protection of the person whom an interest is; none for the investigation.
    pub(crate) fn protection(&self, interest: Interest) -> Option<ProtectedIdentity> {
        let Interest::Person(id) = interest else { return None };
        let named = self.protections.iter().find(|(person, _)| *person == id);
        Some(named.map_or(ProtectedIdentity::Unknown, |(_, protection)| *protection))
    }

    pub(crate) fn section(&self, number: u32) -> Option<&Part> {
        self.sections.iter().find(|section| section.number == number)
    }

    fn section_mut(&mut self, number: u32) -> Option<&mut Part> {
        self.sections.iter_mut().find(|section| section.number == number)
    }

    /// The section of a cell that the referral has.
    pub(crate) fn part_of(&self, cell: CellName) -> Option<&Part> {
        self.section(cell.section).filter(|section| section.interests.contains(&cell.interest))
    }

    /// The latest decision of a cell, whatever became of it.
    pub(crate) fn standing(&self, cell: CellName) -> Option<&Standing> {
        self.standings.iter().find(|(name, _)| *name == cell).map(|(_, standing)| standing)
    }

    /// The decision that still stands: not revoked, and about the section as it is now.
    pub(crate) fn in_effect(&self, cell: CellName) -> Option<&Standing> {
        let revision = self.section(cell.section)?.revision;
        self.standing(cell).filter(|standing| standing.revoked.is_none() && standing.revision == revision)
    }

    /// A decision on which something left in an emergency before a second officer's word, whether it still stands or not.
    pub(crate) fn owed(&self, cell: CellName, decision: Position) -> Option<&Standing> {
        let section = self.section(cell.section)?;
        let left = (section.released, section.released_at);
        let own = self.standing(cell).filter(|standing| standing.owes_word(left));
        let replaced = self.replaced.iter().filter(|(name, standing)| *name == cell && standing.word.is_none()).map(|(_, standing)| standing);
        own.into_iter().chain(replaced).find(|standing| standing.at == decision)
    }

    /// The grounds that cells are to leave on, as far as decisions stand.
    pub(crate) fn grounds(&self) -> impl Iterator<Item = &GroundCode> {
        let standing = self.standings.iter().filter_map(|(cell, _)| self.in_effect(*cell));
        standing.filter_map(|standing| match &standing.outcome {
            Outcome::Release { ground, .. } => Some(ground),
            Outcome::Withhold { .. } => None,
        })
    }

    pub(crate) fn waiver(&self, at: Position) -> Option<&Waiver> {
        self.waivers.iter().find(|waiver| waiver.at == at)
    }

    pub(crate) fn waiver_named(&self, consent: ConsentId) -> Option<&Waiver> {
        self.waivers.iter().find(|waiver| waiver.given.consent == consent)
    }

    /// Numbers of the sections of which a release rested on the consent at that position.
    pub(crate) fn released_on(&self, consent: Position) -> Vec<u32> {
        self.sections.iter().filter(|section| section.rested_on.contains(&consent)).map(|section| section.number).collect()
    }

    /// Whether content is there.
    pub(crate) fn is_there(&self, name: ContentName) -> bool {
        self.contents.iter().any(|held| held.name == name)
    }

    pub(crate) fn amend(&mut self, now: Time, contents: &[SectionContent]) {
        self.contents.extend(contents.iter().map(|content| held(now, content)));
        for content in contents {
            if let Some(section) = self.section_mut(content.section) {
                section.revision = content.revision;
                section.commitment = content.commitment;
                section.offered = false;
            }
        }
    }

    pub(crate) fn decide(&mut self, at: Position, event: &Event, decision: &ClearanceDecision) {
        for decided in &decision.cells {
            let Some(section) = self.part_of(decided.cell) else { continue };
            let standing = Standing {
                at,
                revision: section.revision,
                agency: event.agency.clone(),
                officer: event.officer.map(|officer| officer.pseudonym),
                outcome: decided.outcome.clone(),
                second_officer: decided.second_officer,
                stands_until: decided.standing_until,
                carried: None,
                word: None,
                revoked: None,
            };
            let left = (section.released, section.released_at);
            let earlier = self.standings.extract_if(.., |(name, _)| *name == decided.cell);
            let owing: Vec<(CellName, Standing)> = earlier.filter(|(_, standing)| standing.owes_word(left)).collect();
            // Content that left again on another decision is owed one word, the latest.
            self.replaced.retain(|(name, old)| owing.iter().all(|(cell, new)| (name, old.revision) != (cell, new.revision) || old.word.is_some()));
            self.replaced.extend(owing);
            self.standings.push((decided.cell, standing));
        }
    }

    pub(crate) fn confirm(&mut self, at: Position, event: &Event, cells: &[Confirmation]) {
        for confirmation in cells {
            let all = self.standings.iter_mut().chain(&mut self.replaced);
            let named = all.into_iter().find(|(name, standing)| *name == confirmation.cell && standing.at == confirmation.decision);
            if let Some((_, standing)) = named {
                let officer = event.officer.map(|officer| officer.pseudonym);
                let (outcome, standing_until) = (confirmation.outcome.clone(), confirmation.standing_until);
                standing.word = Some(Word { at, agency: event.agency.clone(), officer, outcome, standing_until });
            }
        }
    }

    pub(crate) fn carry(&mut self, at: Position, cells: &[CarriedCell]) {
        for carried in cells {
            let named = self.standings.iter_mut().find(|(name, standing)| *name == carried.cell && standing.at == carried.decision);
            if let Some((_, standing)) = named {
                (standing.revision, standing.carried) = (carried.revision, Some(at));
            }
        }
    }

    pub(crate) fn revoke(&mut self, at: Position, cells: &[CellName]) {
        for (_, standing) in self.standings.iter_mut().filter(|(name, _)| cells.contains(name)) {
            standing.revoked = Some(at);
        }
        self.no_longer_offered(|number| cells.iter().any(|cell| cell.section == number));
    }

    fn no_longer_offered(&mut self, which: impl Fn(u32) -> bool) {
        for section in self.sections.iter_mut().filter(|section| which(section.number)) {
            section.offered = false;
        }
    }

    pub(crate) fn offer(&mut self, now: Time, numbers: &[u32]) {
        for section in self.sections.iter().filter(|section| numbers.contains(&section.number)) {
            let name = ContentName { section: section.number, revision: section.revision };
            self.contents.iter_mut().filter(|held| held.name == name && held.left.is_none()).for_each(|held| held.since = now);
        }
        for section in self.sections.iter_mut().filter(|section| numbers.contains(&section.number)) {
            section.offered = true;
        }
    }

    pub(crate) fn take_offer_back(&mut self) {
        // What begins anew is watched anew.
        self.marks.retain(|(clock, _)| *clock != ClockName::Clear && *clock != ClockName::Open);
        for section in &mut self.sections {
            section.offered = false;
        }
    }

    /// Enters that a clock ran out. A supplement of which nobody is told could not be opened, and waits for its sender.
    pub(crate) fn run_out(&mut self, clock: ClockName, nobody_told: bool) {
        self.marks.push((clock, ClockLevel::Overdue));
        if clock == ClockName::Supplement && nobody_told {
            self.sections.iter_mut().filter(|section| section.released != Some(section.revision)).for_each(|section| section.offered = false);
        }
    }

    pub(crate) fn waive(&mut self, at: Position, given: &ConsentGiven) {
        self.waivers.push(Waiver { at, given: given.clone(), withdrawn: None });
    }

    pub(crate) fn withdraw(&mut self, at: Position, consent: ConsentId) {
        for waiver in self.waivers.iter_mut().filter(|waiver| waiver.given.consent == consent) {
            waiver.withdrawn = waiver.withdrawn.or(Some(at));
        }
        let given_at = self.waiver_named(consent).map(|waiver| waiver.at);
        let rests = |standing: &Standing| matches!(standing.outcome, Outcome::Release { consent, .. } if consent.is_some() && consent == given_at);
        let resting: Vec<u32> = self.standings.iter().filter(|(_, standing)| rests(standing)).map(|(cell, _)| cell.section).collect();
        self.no_longer_offered(|number| resting.contains(&number));
    }

    /// Enters a disclosure. One for the check of conflicts opens nothing and delivers nothing, and what it rests on counts all the same.
    pub(crate) fn release(&mut self, (at, now): (Position, Time), leaving: &[ReleasedSection]) {
        let for_check = self.revealing.take().is_some();
        if !for_check {
            self.releases.push(at);
        }
        for released in leaving {
            let name = ContentName { section: released.section, revision: released.revision };
            for held in self.contents.iter_mut().filter(|held| !for_check && held.name == name && held.left.is_none()) {
                (held.since, held.left) = (now, Some(at));
            }
            let waivers = self.waivers.iter().map(|waiver| waiver.at).filter(|consent| released.basis.contains(consent));
            let consents: Vec<Position> = waivers.collect();
            if let Some(section) = self.section_mut(released.section) {
                section.revealed |= for_check;
                if !for_check {
                    section.released = section.released.max(Some(released.revision));
                    section.released_at = Some(at);
                }
                let fresh: Vec<Position> = consents.into_iter().filter(|consent| !section.rested_on.contains(consent)).collect();
                section.rested_on.extend(fresh);
            }
        }
    }
}
