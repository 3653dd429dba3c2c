//! One honest log that the forgeries start from, with the positions that they aim at.

use std::collections::BTreeSet;

use brygga_domain::command::{
    LogQuery, LogQueryKind, NamedCell, NewCell, NewClosing, NewConsent, NewContact, NewContent, NewDecision, NewOffer, NewOutcome, NewPerson, NewSection,
    Submission, Told,
};
use brygga_domain::event::{OfferResult, PersonName};
use brygga_domain::grounds::Answers;
use brygga_domain::{
    Action, Category, ClosingOutcome, ConsentForm, ConsentId, ContactOutcome, Event, Fact, FactCode, GdprBasis, OfferAnswer, Position, ProtectedIdentity,
    Purpose, ReferralId, ReferralKind, ReferralName, Role, Routing, SafeChannel, StopUseAnswer, Urgency,
};
use bytes::Bytes;

use crate::world::{World, function};

/// The police: who sends.
pub const POLICE: &str = "vasterort-polis";
/// The prosecutor: who leads the investigation.
pub const PROSECUTOR: &str = "vasterort-aklagare";
/// The social board: who receives.
pub const BOARD: &str = "solna-soc";

/// A person's name among the parties.
pub fn person(role: Role) -> PersonName {
    PersonName { role, number: 1 }
}

/// A section of a category about persons.
pub fn section(category: Category, roles: &[Role], investigation: bool) -> NewSection {
    NewSection { category, persons: roles.iter().copied().map(person).collect(), investigation, content: Bytes::from_static(b"made up") }
}

/// A consent of a person for a recipient, valid for that many minutes.
pub fn consent(world: &World, role: Role, categories: &[Category], recipient: &str, minutes: u32) -> NewConsent {
    NewConsent {
        person: person(role),
        categories: categories.to_vec(),
        recipient: function(recipient),
        purpose: Purpose::Support,
        given_at: world.now,
        valid_until: world.now.plus_minutes(minutes),
        form: ConsentForm::Oral,
        language: None,
        interpreter: false,
        gdpr_basis: GdprBasis::PublicTask,
        given_by: if role == Role::Child { brygga_domain::ConsentGiver::Custodian } else { brygga_domain::ConsentGiver::Person },
        asked_by: None,
        interpreter_reference: None,
    }
}

/// A decision that releases cells on a ground, everything asserted.
pub fn release(ground: &str, consent: Option<ConsentId>, cells: &[(u32, Option<Role>)]) -> NewDecision {
    let asserted: BTreeSet<FactCode> = <FactCode as brygga_domain::Code>::ALL.iter().copied().collect();
    let outcome = NewOutcome::Release { ground: ground.parse().unwrap(), consent, revision: 1 };
    let cells = cells.iter().map(|(section, role)| NewCell { cell: cell(*section, *role), outcome: outcome.clone() });
    NewDecision {
        cells: cells.collect(),
        answers: Answers { asserted, offence: "GROV_KVINNOFRIDSKRANKNING".parse().ok(), subject_age_years: Some(9), ..Answers::default() },
        reasons: Bytes::from_static(b"made up"),
        ..NewDecision::default()
    }
}

/// A cell as parties name it.
pub fn cell(section: u32, role: Option<Role>) -> NamedCell {
    NamedCell { section, person: role.map(person) }
}

/// An offer of support and her answer.
pub fn offer(world: &World, answer: OfferAnswer) -> NewOffer {
    NewOffer { result: OfferResult::Offered(answer), language: None, interpreter: false, relationship: None, district: None, reported_at: world.now }
}

/// A submission of those sections.
pub fn submission(world: &World, kind: ReferralKind, recipient: &str, sections: Vec<NewSection>) -> Submission {
    let roles = [Role::Victim, Role::Suspect, Role::Child, Role::Custodian];
    Submission {
        kind,
        recipient: function(recipient),
        urgency: Urgency::Urgent,
        thread: None,
        leader: None,
        reported_at: Some(world.now),
        offer: None,
        new_offer: None,
        sender_reference: None,
        assessments: Vec::new(),
        persons: roles.into_iter().map(|role| NewPerson { name: person(role), lookup: None, protected_identity: ProtectedIdentity::NotProtected }).collect(),
        sections,
        consents: Vec::new(),
        decisions: Vec::new(),
        routing: Routing::default(),
        forwards: None,
        excluded: Vec::new(),
    }
}

/// Contact that reached her.
pub fn contact(world: &World) -> NewContact {
    NewContact { outcome: ContactOutcome::Reached, at: world.now, channel: Some(SafeChannel::Telephone), interpreter: false, next_try_at: None }
}

/// A closing without more.
pub fn closing(outcome: ClosingOutcome) -> NewClosing {
    NewClosing { outcome, phases: Vec::new(), support: Vec::new() }
}

/// A supervisor's question.
pub fn question() -> Action {
    Action::QueryLog(LogQuery { query: LogQueryKind::Search, purpose: Bytes::from_static(b"made up") })
}

/// The story's journal, and where its events stand.
#[derive(Clone)]
pub struct Story {
    /// The journal.
    pub events: Vec<Event>,
    /// Its referral.
    pub referral: ReferralId,
}

impl Story {
    /// Position of the n-th event of that name, from 0.
    pub fn nth(&self, name: &str, n: usize) -> usize {
        let mut positions = self.events.iter().enumerate().filter(|(_, event)| event.fact.name() == name).map(|(position, _)| position);
        positions.nth(n).unwrap_or_else(|| panic!("no {name} number {n}"))
    }

    /// Position of the first event of that name.
    pub fn at(&self, name: &str) -> usize {
        self.nth(name, 0)
    }

    /// The event at a position.
    pub fn event(&mut self, at: usize) -> &mut Event {
        &mut self.events[at]
    }

    /// Puts another fact in the place of one.
    pub fn replace(&mut self, at: usize, fact: Fact) {
        self.events[at].fact = fact;
    }

    /// Puts something harmless in the place of an event.
    pub fn blank(&mut self, at: usize) {
        let referral = self.referral;
        self.replace(at, Fact::DisclosureRefused { referral, reason: String::from("NOT_CLEARED") });
        self.events[at].agency = crate::world::agency(POLICE);
    }
}

/// A position as events hold it.
pub fn position(at: usize) -> Position {
    Position(u64::try_from(at).unwrap())
}

/// From the report to the closing, with a withdrawal: consent for sections 1 and 2, a second officer for 3, the leader for 4.
pub fn story() -> Story {
    let mut world = World::new(1);
    let id = submit(&mut world);
    let name = ReferralName::Id(id);
    world.pass(5);
    let categories = [Category::VictimIdentity, Category::SafeContact];
    let given = consent(&world, Role::Victim, &categories, "solna-rvc", 60 * 24 * 90);
    world.must(POLICE, None, Action::RecordConsent(name, given));
    let consent = world.referrals[&id].consents[0].given.consent;
    world.must(POLICE, Some(1), Action::DecideClearance(name, release("CONSENT", None, &[(1, Some(Role::Victim))])));
    world.must(POLICE, Some(1), Action::DecideClearance(name, release("CONSENT", Some(consent), &[(2, Some(Role::Victim))])));
    world.must(POLICE, Some(1), Action::DecideClearance(name, release("GENERAL_CLAUSE", None, &[(3, Some(Role::Victim)), (3, Some(Role::Suspect))])));
    world.must(POLICE, Some(2), Action::ConfirmClearance(name, release("GENERAL_CLAUSE", None, &[(3, Some(Role::Victim)), (3, Some(Role::Suspect))]), None));
    world.must(POLICE, Some(1), Action::DecideClearance(name, release("NO_HARM", None, &[(4, Some(Role::Victim))])));
    world.must(PROSECUTOR, Some(3), Action::DecideClearance(name, release("NO_HARM", None, &[(4, None)])));
    world.pass(10);
    world.must(BOARD, Some(4), Action::ClaimReferral { referral: name, takeover: false });
    let opened = world.must(BOARD, Some(4), Action::OpenReferral(name)).map(|_| world.next().0 - 1).unwrap();
    world.must(BOARD, None, Action::AcknowledgeDelivery(name, Position(opened)));
    world.must(BOARD, Some(4), Action::AcceptReferral(name));
    let contact = contact(&world);
    world.must(BOARD, Some(4), Action::RecordContact(name, contact));
    world.must(
        POLICE,
        None,
        Action::AmendReferral(
            name,
            vec![NewContent { section: 4, category: Category::OffenceHeading, content: Bytes::from_static(b"also made up"), told: Told::default() }],
            None,
        ),
    );
    world.must(BOARD, None, Action::WithdrawConsent(name, consent));
    let notice = world.referrals[&id].notices[0].at;
    world.must(BOARD, None, Action::AcknowledgeStopUse(name, notice, StopUseAnswer::Stopped));
    world.must(BOARD, Some(4), Action::CloseReferral(name, closing(ClosingOutcome::Supported)));
    world.must("ivo", None, question());
    Story { events: world.events, referral: id }
}

fn submit(world: &mut World) -> ReferralId {
    let sections = vec![
        section(Category::VictimIdentity, &[Role::Victim], false),
        section(Category::SafeContact, &[Role::Victim], false),
        section(Category::Offence, &[Role::Victim, Role::Suspect], false),
        section(Category::OffenceHeading, &[Role::Victim], true),
    ];
    let mut submission = submission(world, ReferralKind::ReportedOffence, "solna-rvc", sections);
    submission.new_offer = Some(offer(world, OfferAnswer::Yes));
    submission.leader = Some(crate::world::agency(PROSECUTOR));
    world.give(POLICE, None, Action::SubmitReferral(Box::new(submission)), None).unwrap().unwrap()
}
