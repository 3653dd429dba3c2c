//! An honest opening, with every part open to an attacker who holds the log's key.

use brygga_domain::entropy::commit;
use brygga_domain::event::{CellName, ClearanceDecision, Confirmation, ConsentGiven, DecidedCell, EmergencyDeclaration, Interest, Outcome, SecondDecision};
use brygga_domain::gate::{Released, ReleasedSection};
use brygga_domain::grounds::{GroundTable, SHIPPED};
use brygga_domain::{
    Category, Code, Commitment, ConsentForm, ConsentId, Event, Fact, FunctionId, GdprBasis, PersonId, Position, Purpose, ReferralId, ReferralKind,
};
use brygga_merkle::Checkpoint;
use brygga_wire::content_v1::content::Section;
use brygga_wire::content_v1::{OffenceHeading, SafeContact};
use brygga_wire::v1;
use bytes::Bytes;
use uuid::Uuid;

use crate::content;
use crate::fixture::{Log, ORIGIN, event, minute};
use crate::refused::Refused;
use crate::verify;
use crate::write::{Caller, Write};

pub(crate) const REFERENCE: &str = "BR-0000-0000-0";
pub(crate) const CONSENT: usize = 0;
pub(crate) const DECISION: usize = 1;
pub(crate) const AGREEMENT: usize = 2;
pub(crate) const RELEASE: usize = 3;
/// Position of the first event of the story: the log had others before.
pub(crate) const BASE: u64 = 5;

pub(crate) fn at(event: usize) -> Position {
    Position(BASE + u64::try_from(event).unwrap())
}

pub(crate) fn referral(number: u128) -> ReferralId {
    ReferralId(Uuid::from_u128(number))
}

pub(crate) fn victim() -> PersonId {
    PersonId(Uuid::from_u128(0xa))
}

pub(crate) fn rvc() -> FunctionId {
    "solna-rvc".parse().unwrap()
}

pub(crate) fn cell(section: u32, interest: Interest) -> CellName {
    CellName { section, interest }
}

pub(crate) fn release(cell: CellName, ground: &str, consent: Option<Position>) -> DecidedCell {
    DecidedCell {
        withdrawal: None,
        cell,
        outcome: Outcome::Release { ground: ground.parse().unwrap(), consent },
        second_officer: ground == "GENERAL_CLAUSE",
        standing_until: None,
    }
}

/// An honest opening of two sections, with every part open to an attacker who holds the log's key.
pub(crate) struct Story {
    pub(crate) events: Vec<Event>,
    pub(crate) sections: Vec<v1::ReleasedSection>,
    pub(crate) receipt_of: Vec<Position>,
    pub(crate) request: v1::OpenReferralRequest,
    pub(crate) caller: Caller,
    pub(crate) envelope: v1::Envelope,
    pub(crate) release: u64,
    // What happens to the receipt after it was made.
    pub(crate) tamper: Option<fn(&mut v1::Receipt)>,
    pub(crate) signs: Log,
    pub(crate) pin: Option<Checkpoint>,
    pub(crate) consistency: Option<v1::ConsistencyProof>,
}

pub(crate) fn section(number: u32, category: Category, content: Section, investigation: bool) -> v1::ReleasedSection {
    v1::ReleasedSection {
        number,
        category: category.number(),
        persons: vec![String::from("victim-1")],
        revision: 1,
        content: content::encode(content),
        salt: Bytes::copy_from_slice(&[u8::try_from(number).unwrap(); 32]),
        investigation,
    }
}

pub(crate) fn commitment(section: &v1::ReleasedSection) -> Commitment {
    commit(section.salt.as_ref().try_into().unwrap(), &section.content)
}

impl Story {
    pub(crate) fn new() -> Self {
        let sections = vec![
            section(1, Category::SafeContact, Section::SafeContact(SafeContact::default()), false),
            section(2, Category::OffenceHeading, Section::OffenceHeading(OffenceHeading::default()), true),
        ];
        let given = ConsentGiven {
            referral: referral(1),
            consent: ConsentId(Uuid::from_u128(0xc)),
            person: victim(),
            categories: vec![Category::SafeContact],
            recipient: rvc(),
            purpose: Purpose::Support,
            given_at: minute(0),
            valid_until: minute(60 * 24),
            form: ConsentForm::Oral,
            language: None,
            interpreter: false,
            gdpr_basis: GdprBasis::PublicTask,
            given_by: brygga_domain::ConsentGiver::Person,
            asked_by: None,
            interpreter_reference: None,
        };
        let person = Interest::Person(victim());
        let decision = ClearanceDecision {
            referral: referral(1),
            recipient: rvc(),
            table: GroundTable::load(SHIPPED).unwrap().hash(),
            reasons: Commitment([9; 32]),
            template: None,
            cells: vec![
                release(cell(1, person), "CONSENT", Some(at(CONSENT))),
                release(cell(2, person), "GENERAL_CLAUSE", None),
                release(cell(2, Interest::Investigation), "NO_HARM", None),
            ],
        };
        let outcome = release(cell(2, person), "GENERAL_CLAUSE", None).outcome;
        let word = Confirmation { cell: cell(2, person), decision: at(DECISION), outcome, standing_until: None };
        let agreement = SecondDecision { referral: referral(1), table: decision.table, reasons: Commitment([8; 32]), cells: vec![word] };
        let released = vec![
            ReleasedSection { section: 1, revision: 1, commitment: commitment(&sections[0]), basis: vec![at(CONSENT), at(DECISION)] },
            ReleasedSection { section: 2, revision: 1, commitment: commitment(&sections[1]), basis: vec![at(DECISION), at(AGREEMENT)] },
        ];
        let released = Fact::SectionsReleased { referral: referral(1), recipient: rvc(), released: Released::read_back(released) };
        let events = vec![
            event("vasterort-polis", 1, 10, Fact::ConsentRecorded(given)),
            event("vasterort-polis", 1, 20, Fact::ClearanceDecided(decision)),
            event("vasterort-polis", 2, 30, Fact::ClearanceConfirmed(agreement)),
            event("solna-soc", 3, 40, released),
        ];
        Self {
            events,
            sections,
            receipt_of: (0..4).map(at).collect(),
            request: v1::OpenReferralRequest { referral: referral(1).to_string(), ..Default::default() },
            caller: Caller::new("solna-soc".parse().unwrap(), vec![rvc()]).unwrap(),
            envelope: v1::Envelope {
                id: referral(1).to_string(),
                reference: REFERENCE.to_owned(),
                sender: String::from("vasterort-polis"),
                kind: ReferralKind::ContactRequest.number(),
                recipient: rvc().to_string(),
                ..Default::default()
            },
            release: at(RELEASE).0,
            tamper: None,
            signs: Log::of_size(7, u8::try_from(BASE).unwrap()),
            pin: None,
            consistency: None,
        }
    }

    pub(crate) fn consent(&mut self) -> &mut ConsentGiven {
        let Fact::ConsentRecorded(given) = &mut self.events[CONSENT].fact else { panic!("the consent") };
        given
    }

    pub(crate) fn decision(&mut self) -> &mut ClearanceDecision {
        let Fact::ClearanceDecided(decision) = &mut self.events[DECISION].fact else { panic!("the decision") };
        decision
    }

    pub(crate) fn agreement(&mut self) -> &mut Vec<Confirmation> {
        let Fact::ClearanceConfirmed(second) = &mut self.events[AGREEMENT].fact else { panic!("the agreement") };
        &mut second.cells
    }

    /// Puts an emergency in the place of the second officer's agreement, with when it ends.
    pub(crate) fn emergency(&mut self, ends: u32) -> &mut EmergencyDeclaration {
        let declared = EmergencyDeclaration {
            referral: referral(1),
            recipient: rvc(),
            expires_at: minute(ends),
            review_due_at: minute(60 * 72),
            telephoned_at: None,
            reasons: Commitment([7; 32]),
        };
        self.events[AGREEMENT].fact = Fact::EmergencyDeclared(declared);
        let Fact::EmergencyDeclared(declared) = &mut self.events[AGREEMENT].fact else { panic!("the emergency") };
        declared
    }

    /// Changes the release leaf.
    pub(crate) fn released(&mut self, change: impl FnOnce(&mut Vec<ReleasedSection>)) {
        let Fact::SectionsReleased { released, .. } = &mut self.events[RELEASE].fact else { panic!("the release") };
        let mut sections = released.sections().to_vec();
        change(&mut sections);
        *released = Released::read_back(sections);
    }

    /// Moves an event behind the release.
    pub(crate) fn later(&mut self, event: usize) {
        let moved = self.events.remove(event);
        self.events.push(moved);
        for (index, event) in (0_u32..).zip(&mut self.events) {
            event.time = minute(10 + 10 * index);
        }
        self.release -= 1;
        // The release names what now stands behind it.
        let index = self.events.len() - 2;
        let Fact::SectionsReleased { released, .. } = &mut self.events[index].fact else { panic!("the release") };
        let mut sections = released.sections().to_vec();
        sections[0].basis = vec![at(RELEASE)];
        *released = Released::read_back(sections);
    }

    /// The broker's answer.
    pub(crate) fn answer(&mut self) -> v1::OpenReferralResponse {
        for event in &self.events {
            self.signs.push(event);
        }
        let size = self.signs.size();
        let mut receipt = self.signs.receipt(&self.receipt_of, size);
        if let Some(tamper) = self.tamper {
            tamper(&mut receipt);
        }
        v1::OpenReferralResponse {
            receipt: Some(receipt),
            consistency: self.consistency.take(),
            envelope: Some(self.envelope.clone()),
            sections: self.sections.clone(),
            release: self.release,
            supersedes: Vec::new(),
        }
    }

    /// What an honest client makes of it.
    pub(crate) fn open(mut self) -> Result<(), Refused> {
        let response = self.answer();
        let key = Log::new(7, ORIGIN).key();
        let (proof, _) = verify::verify_receipt(response.receipt.as_ref(), response.consistency.as_ref(), &key, self.pin.as_ref())?;
        self.request.check(&response, &proof, &self.caller)
    }
}

/// An honest opening as a broker answers it, with its request and log; `forged`: with other bytes than were committed to.
pub(crate) fn opening(forged: bool) -> (v1::OpenReferralRequest, v1::OpenReferralResponse, Log) {
    let mut story = Story::new();
    if forged {
        story.sections[0].salt = Bytes::copy_from_slice(&[8; 32]);
    }
    let response = story.answer();
    (story.request, response, story.signs)
}
