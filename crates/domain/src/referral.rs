//! A referral as it stands, and how events change it.
//!
//! `evolve` is total: whatever stands in the journal can be applied, by the broker and by the offline auditor alike.

mod cells;
mod leaving;
mod stage;

pub use stage::Stage;

use crate::clocks::Mark;
use crate::codes::*;
use crate::content::Kept;
use crate::emergency::{Emergency, OwedWord, Review};
use crate::event::{CellName, ConsentGiven, Escalation, Event, Fact, Interest, Outcome, Person, PersonName, SectionContent, Submitted};
use crate::exclusion::Excluded;
use crate::grounds::Protected;
use crate::ids::*;
use crate::time::Time;

/// Consents that one referral holds over its life, withdrawn ones with them.
pub const CONSENTS_MAX: usize = 128;
/// Revisions of one section.
pub const REVISIONS_MAX: u32 = 128;
/// Emergencies that one agency declares for one referral: far more than there is time for, since each is reviewed before the next.
pub const EMERGENCIES_MAX: usize = 256;
/// How many there are at most when another disclosure by telephone is put on record as one: such notes leave room for what is at stake.
pub const TELEPHONE_NOTES_MAX: usize = 32;

/// Officers of whom a section remembers that they have seen it for the check of conflicts; who came before the latest so many looks again.
pub const CHECKED_MAX: usize = 32;

/// A referral as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referral {
    /// Its id.
    pub id: ReferralId,
    /// What people call it.
    pub reference: Reference,
    /// What groups it with others.
    pub thread: ThreadId,
    /// The kind.
    pub kind: ReferralKind,
    /// The sending agency.
    pub sender: AgencyId,
    /// What the sender is.
    pub from: AgencyKind,
    /// What the receiving agency is.
    pub to: AgencyKind,
    /// The recipient.
    pub recipient: FunctionId,
    /// The agency that answers for the recipient.
    pub host: AgencyId,
    /// The agency that clears the investigation.
    pub leader: AgencyId,
    /// How fast.
    pub urgency: Urgency,
    /// When the offence was reported.
    pub reported_at: Option<Time>,
    /// When contact is due.
    pub contact_due_at: Option<Time>,
    /// When contact was reached, or its clock ended.
    pub contacted_at: Option<Time>,
    /// When it was submitted.
    pub submitted_at: Time,
    /// When it was offered first.
    pub received_at: Option<Time>,
    /// When the stage that it is in began; while it is held, when clearing it began anew.
    pub stage_since: Time,
    /// Marks of clocks that were made, in journal order.
    pub marks: Vec<Mark>,
    /// Position of its first event.
    pub first: Position,
    /// Position of its latest event.
    pub last: Position,
    /// Position of its first offer: from then on the recipient knows of it.
    pub offered_at: Option<Position>,
    /// Where it stands.
    pub stage: Stage,
    /// The officer who took it on.
    pub claimed_by: Option<OfficerPseudonym>,
    /// The persons.
    pub persons: Vec<Person>,
    /// The sections, by number.
    pub sections: Vec<Section>,
    /// The consents, in journal order.
    pub consents: Vec<Consent>,
    /// Stop-use notices, in journal order.
    pub notices: Vec<StopUseNotice>,
    /// Emergencies, in journal order.
    pub emergencies: Vec<Emergency>,
    /// Where the names were revealed by the command that is being applied; between commands there is none.
    pub revealing: Option<Position>,
    /// Who is excluded. The journal does not say it: it comes with the decision that commits to it, and from the row.
    pub excluded: Vec<Excluded>,
    /// Who of them was excluded from the referral that it passes on: for no amendment to drop.
    pub inherited: Vec<Excluded>,
    /// Words of second officers that are owed on decisions which stand no more.
    pub owed: Vec<OwedWord>,
}

/// A section as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Number within the referral, from 1.
    pub number: u32,
    /// What it is about.
    pub category: Category,
    /// Revision, from 1.
    pub revision: u32,
    /// HMAC-SHA256 of its bytes at this revision.
    pub commitment: Commitment,
    /// One cell for each protected interest.
    pub cells: Vec<Cell>,
    /// Whether the envelope shows this revision.
    pub offered: bool,
    /// The latest release of this section.
    pub released: Option<SectionRelease>,
    /// Whether it was shown for a check of conflicts of interest, which is no release: it opened nothing, and its days did not begin.
    pub revealed: bool,
    /// Officers of the recipient who have seen this revision for that check.
    pub checked_by: Vec<OfficerPseudonym>,
    /// The latest revision whose arrival the recipient has confirmed; 0: none.
    pub acknowledged: u32,
    /// Positions of the consents that its releases rested on: whoever holds it must stop when one of them is withdrawn.
    pub rested_on: Vec<Position>,
    /// The revisions of which the content is there, in their order.
    pub kept: Vec<Kept>,
}

/// The latest release of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionRelease {
    /// Position of the release.
    pub at: Position,
    /// The revision that left.
    pub revision: u32,
}

/// One protected interest of a section, and how it was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Whom or what the secrecy protects.
    pub interest: Interest,
    /// Where its clearance stands.
    pub state: CellState,
}

/// Where a clearance stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CellState {
    /// Nobody has decided.
    Undecided,
    /// Decided, and confirmed where a second officer is due and has agreed.
    Decided(Decision),
}

/// A decision on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Position of the event.
    pub at: Position,
    /// Who decided.
    pub officer: Option<OfficerPseudonym>,
    /// How.
    pub outcome: Outcome,
    /// Whether a second officer must agree.
    pub second_officer: bool,
    /// Position of the agreement.
    pub confirmed: Option<Position>,
    /// Until when it stands for later revisions, too.
    pub standing_until: Option<Time>,
    /// By which event it goes on for another revision than the one that it was about.
    pub carried: Option<Carried>,
}

/// How a decision goes on for a later revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carried {
    /// Position of the event.
    pub at: Position,
    /// The revision.
    pub revision: u32,
}

/// A consent as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Position of the event.
    pub at: Position,
    /// What was given.
    pub given: ConsentGiven,
    /// Position of the withdrawal.
    pub withdrawn: Option<Position>,
}

/// A stop-use notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopUseNotice {
    /// Position of the notice.
    pub at: Position,
    /// The sections it names.
    pub sections: Vec<u32>,
    /// The holder's answer.
    pub answer: Option<StopUseAnswer>,
}

impl Cell {
    /// Whether it was decided that it stays.
    pub fn is_withheld(&self) -> bool {
        match &self.state {
            CellState::Undecided => false,
            CellState::Decided(decision) => decision.outcome.is_withheld(),
        }
    }
}

impl Section {
    /// A section as it comes in: nobody has decided on it, and nothing of it has left.
    pub fn undecided(category: Category, content: SectionContent, interests: impl IntoIterator<Item = Interest>, now: Time) -> Self {
        Self {
            number: content.section,
            category,
            revision: content.revision,
            commitment: content.commitment,
            cells: interests.into_iter().map(|interest| Cell { interest, state: CellState::Undecided }).collect(),
            offered: false,
            released: None,
            revealed: false,
            checked_by: Vec::new(),
            acknowledged: 0,
            rested_on: Vec::new(),
            kept: vec![Kept::new(content.revision, now)],
        }
    }

    /// Whether this revision has left.
    pub fn has_left(&self) -> bool {
        self.released.is_some_and(|release| release.revision == self.revision)
    }
}

impl Referral {
    /// Whether the recipient has something to do: to work with it, to confirm a recall, or to answer a stop-use notice.
    pub fn waits_for_recipient(&self) -> bool {
        let in_work = match self.stage {
            Stage::Ready | Stage::Opened | Stage::Accepted => true,
            Stage::Retracted { recall, confirmed, .. } => recall.is_some() && !confirmed,
            Stage::Held | Stage::Declined(_) | Stage::Returned(_) | Stage::Closed(_) => false,
        };
        in_work || self.notices.iter().any(|notice| notice.answer.is_none())
    }

    /// The section of that number.
    pub fn section(&self, number: u32) -> Option<&Section> {
        self.sections.iter().find(|section| section.number == number)
    }

    /// The cell of that name.
    pub fn cell(&self, name: CellName) -> Option<&Cell> {
        self.section(name.section)?.cells.iter().find(|cell| cell.interest == name.interest)
    }

    /// The person that parties call by that name.
    pub fn person(&self, name: PersonName) -> Option<PersonId> {
        self.persons.iter().find(|person| person.name == name).map(|person| person.id)
    }

    /// What parties call that person.
    pub fn person_name(&self, id: PersonId) -> Option<PersonName> {
        self.persons.iter().find(|person| person.id == id).map(|person| person.name)
    }

    /// Who clears an interest: the sender its persons, the leader the investigation (OSL 18:1).
    pub fn clearer(&self, interest: Interest) -> &AgencyId {
        match interest {
            Interest::Person(_) => &self.sender,
            Interest::Investigation => &self.leader,
        }
    }

    /// Whether an agency has a part in clearing it: as the sender, or as the leader of an investigation that a section touches.
    pub fn is_cleared_by(&self, agency: &AgencyId) -> bool {
        let investigated = || self.cells().any(|(_, cell)| cell.interest == Interest::Investigation);
        self.sender == *agency || (self.leader == *agency && investigated())
    }

    /// What an interest is to the law. Of a person whom the referral does not name nothing is known.
    pub fn protected(&self, interest: Interest) -> Protected {
        match interest {
            Interest::Investigation => Protected::Investigation,
            Interest::Person(id) => {
                let person = self.persons.iter().find(|person| person.id == id);
                Protected::Person(person.map_or(ProtectedIdentity::Unknown, |person| person.protected_identity))
            }
        }
    }

    /// The person that an interest is, as parties call them.
    pub fn person_of(&self, interest: Interest) -> Option<PersonName> {
        match interest {
            Interest::Person(id) => self.person_name(id),
            Interest::Investigation => None,
        }
    }

    /// The consent of that id.
    pub fn consent(&self, id: ConsentId) -> Option<&Consent> {
        self.consents.iter().find(|consent| consent.given.consent == id)
    }

    /// Whether anything has left.
    pub fn has_released(&self) -> bool {
        self.sections.iter().any(|section| section.released.is_some())
    }

    /// Whether anything of it was disclosed, if only for the check of conflicts: then the holder must be told when it is taken back.
    pub fn is_known_outside(&self) -> bool {
        self.sections.iter().any(|section| section.released.is_some() || section.revealed)
    }

    /// Whether another officer has taken it on.
    pub fn is_claimed_by_another(&self, officer: Option<OfficerPseudonym>) -> bool {
        self.claimed_by.is_some_and(|claimed| Some(claimed) != officer)
    }

    /// Every cell with its name.
    pub fn cells(&self) -> impl Iterator<Item = (CellName, &Cell)> {
        self.sections.iter().flat_map(|section| section.cells.iter().map(|cell| (CellName { section: section.number, interest: cell.interest }, cell)))
    }

    fn cell_mut(&mut self, name: CellName) -> Option<&mut Cell> {
        self.sections.iter_mut().find(|section| section.number == name.section)?.cells.iter_mut().find(|cell| cell.interest == name.interest)
    }

    fn submitted(at: Position, event: &Event, submitted: &Submitted) -> Self {
        let sections = submitted.sections.iter().map(|section| {
            let persons = section.persons.iter().map(|person| Interest::Person(*person));
            let interests = persons.chain(section.investigation.then_some(Interest::Investigation));
            Section::undecided(section.category, section.content, interests, event.time)
        });
        Self {
            id: submitted.referral,
            reference: submitted.reference,
            thread: submitted.thread,
            kind: submitted.kind,
            sender: event.agency.clone(),
            from: submitted.from,
            to: submitted.to,
            recipient: submitted.recipient.clone(),
            host: submitted.host.clone(),
            leader: submitted.leader.clone(),
            urgency: submitted.urgency,
            reported_at: submitted.reported_at,
            contact_due_at: submitted.contact_due_at,
            contacted_at: None,
            submitted_at: event.time,
            received_at: None,
            stage_since: event.time,
            marks: Vec::new(),
            first: at,
            last: at,
            offered_at: None,
            stage: Stage::Held,
            claimed_by: None,
            persons: submitted.persons.clone(),
            sections: sections.collect(),
            consents: Vec::new(),
            notices: Vec::new(),
            emergencies: Vec::new(),
            revealing: None,
            excluded: Vec::new(),
            inherited: Vec::new(),
            owed: Vec::new(),
        }
    }

    fn offer(&mut self, now: Time, numbers: &[u32]) {
        for section in self.sections.iter_mut().filter(|section| numbers.contains(&section.number)) {
            section.offered = true;
            section.offered_content(now);
        }
    }

    /// A supplement whose time ran out with nobody to tell could not be opened: it is its sender's again, and is offered anew once it passes.
    fn run_out(&mut self, escalation: &Escalation) {
        self.marks.push(Mark { clock: escalation.clock, level: ClockLevel::Overdue });
        if escalation.clock == ClockName::Supplement && escalation.function.is_none() {
            self.sections.iter_mut().filter(|section| section.waits_unopened()).for_each(|section| section.offered = false);
        }
    }

    /// Clearing and opening begin anew, and so do their clocks.
    fn take_offer_back(&mut self) {
        self.sections.iter_mut().for_each(|section| section.offered = false);
        self.stage = Stage::Held;
        self.marks.retain(|mark| mark.clock != ClockName::Clear && mark.clock != ClockName::Open);
    }

    fn apply(&mut self, at: Position, event: &Event) {
        self.last = at;
        let officer = event.officer.map(|officer| officer.pseudonym);
        match &event.fact {
            Fact::ReferralAmended { sections, .. } => self.amend(event.time, sections),
            Fact::ReferralRetracted { reason, .. } => {
                let recall = self.is_known_outside().then_some(at);
                self.stage = Stage::Retracted { reason: *reason, recall, confirmed: false };
            }
            Fact::RecallAcknowledged { .. } => {
                if let Stage::Retracted { confirmed, .. } = &mut self.stage {
                    *confirmed = true;
                }
            }
            Fact::ConsentRecorded(given) => self.consents.push(Consent { at, given: given.clone(), withdrawn: None }),
            Fact::ConsentWithdrawn { consent, .. } => {
                for held in self.consents.iter_mut().filter(|held| held.given.consent == *consent) {
                    held.withdrawn = Some(at);
                }
                self.take_back_what_rests_on(*consent);
            }
            Fact::StopUseSent { sections, .. } => self.notices.push(StopUseNotice { at, sections: sections.clone(), answer: None }),
            Fact::StopUseAnswered { notice, answer, .. } => {
                for sent in self.notices.iter_mut().filter(|sent| sent.at == *notice) {
                    sent.answer = Some(*answer);
                }
            }
            Fact::ClearanceDecided(decision) => self.decide(at, officer, &decision.cells),
            Fact::ClearanceConfirmed(second) => second.cells.iter().for_each(|word| self.confirm(at, word)),
            Fact::ClearanceRevoked { cells, .. } => self.revoke(cells),
            Fact::ClearanceCarried(carried) => carried.cells.iter().for_each(|cell| self.carry(at, *cell)),
            Fact::EmergencyDeclared(declared) => self.emergencies.push(Emergency::declared(at, event, declared)),
            Fact::EmergencyReviewed(review) => {
                for reviewed in self.emergencies.iter_mut().filter(|emergency| emergency.at == review.emergency) {
                    reviewed.review = Some(Review { at, verdict: review.verdict });
                }
            }
            Fact::ReferralOffered(offered) => {
                self.offer(event.time, &offered.sections);
                self.offered_at = self.offered_at.or(Some(at));
                self.received_at = self.received_at.or(Some(event.time));
                self.stage = Stage::Ready;
            }
            Fact::SectionsOffered(offered) => self.offer(event.time, &offered.sections),
            Fact::OfferWithdrawn { .. } => self.take_offer_back(),
            Fact::ReferralClaimed { .. } => self.claimed_by = officer,
            Fact::NameRevealed { sections, .. } => self.check(at, sections, officer),
            Fact::SectionsReleased { released, .. } => self.release((at, event.time), released),
            Fact::ReferralAccepted { .. } => self.stage = Stage::Accepted,
            Fact::ReferralDeclined { reason, .. } => self.stage = Stage::Declined(*reason),
            Fact::ReferralReturned { reason, .. } => self.stage = Stage::Returned(*reason),
            Fact::ContactRecorded(contact) => match contact.outcome {
                ContactOutcome::Attempted => {}
                // The first one stops the clock; what is recorded of later ones does not move it.
                ContactOutcome::Reached | ContactOutcome::EndedDeclined | ContactOutcome::EndedUnsafe => {
                    self.contacted_at = Some(self.contacted_at.map_or(contact.at, |first| first.min(contact.at)));
                }
            },
            Fact::ReferralClosed(closing) => self.stage = Stage::Closed(closing.outcome),
            Fact::ReminderSent(reminder) => self.marks.push(Mark { clock: reminder.clock, level: reminder.level }),
            Fact::Escalated(escalation) => self.run_out(escalation),
            Fact::ContentDestroyed(destruction) => self.destroy(&destruction.contents),
            Fact::DeliveryAcknowledged { release, .. } => self.acknowledge(*release),
            Fact::LogStarted { .. }
            | Fact::AgencyRegistered { .. }
            | Fact::FunctionRegistered { .. }
            | Fact::GroundTableActivated { .. }
            | Fact::OfferRecorded(_)
            | Fact::ReferralSubmitted(_)
            | Fact::DisclosureRefused { .. }
            | Fact::LogQueried { .. } => {}
        }
    }
}

/// What a referral is after an event at a position.
pub fn evolve(referral: Option<Referral>, at: Position, event: &Event) -> Option<Referral> {
    match (&event.fact, referral) {
        (Fact::ReferralSubmitted(submitted), None) => Some(Referral::submitted(at, event, submitted)),
        (_, Some(mut referral)) => {
            let (before, counted, waited) = (referral.stage.as_str(), referral.counted_from(), referral.waits_for_clearance());
            referral.apply(at, event);
            referral.count_anew(counted, matches!(event.fact, Fact::SectionsReleased { .. }));
            if referral.stage.as_str() != before {
                referral.stage_since = event.time;
            } else if referral.stage == Stage::Held && !waited && referral.waits_for_clearance() {
                // All was decided, and something is to be decided again: that has its whole time.
                referral.stage_since = event.time;
                referral.marks.retain(|mark| mark.clock != ClockName::Clear);
            }
            Some(referral)
        }
        (_, None) => None,
    }
}
