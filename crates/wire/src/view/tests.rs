//! What a view must leave out.

use brygga_domain::content::Kept;
use brygga_domain::event::{ConsentGiven, Person, PersonName};
use brygga_domain::explain::Question;
use brygga_domain::referral::{Cell, CellState, Consent, Decision, Section, SectionRelease, Stage, StopUseNotice};
use brygga_domain::*;
use prost::Message;
use uuid::Uuid;

use super::*;

const CONSENT_AT: Position = Position(5);

fn table() -> GroundTable {
    GroundTable::load(brygga_domain::grounds::SHIPPED).unwrap()
}

/// A quarter of an hour after everything of these referrals was submitted.
fn now() -> Time {
    Time::from_micros(1_780_000_000_000_000).plus_minutes(15)
}

fn person(role: Role, number: u32) -> Person {
    Person {
        id: PersonId(Uuid::from_u128(u128::from(number) << 8 | u128::try_from(role.number()).unwrap())),
        name: PersonName { role, number },
        protected_identity: ProtectedIdentity::NotProtected,
    }
}

fn decided(outcome: event::Outcome, second_officer: bool) -> CellState {
    CellState::Decided(Decision { at: Position(6), officer: None, outcome, second_officer, confirmed: None, standing_until: None, carried: None })
}

fn release(ground: &str, consent: Option<Position>) -> CellState {
    decided(event::Outcome::Release { ground: ground.parse().unwrap(), consent }, false)
}

fn withhold(nameable: bool) -> CellState {
    decided(event::Outcome::Withhold { reason: WithholdReason::NotNeeded, nameable }, false)
}

fn section(number: u32, category: Category, cells: Vec<(Interest, CellState)>) -> Section {
    let cells = cells.into_iter().map(|(interest, state)| Cell { interest, state }).collect();
    let content = event::SectionContent { section: number, revision: 1, commitment: Commitment([0; 32]) };
    Section { cells, ..Section::undecided(category, content, [], Time::from_micros(1_780_000_000_000_000)) }
}

/// Interpreter released and offered, offence heading with the investigation undecided, children withheld.
fn referral() -> Referral {
    let (victim, child) = (person(Role::Victim, 1), person(Role::Child, 1));
    let of = |person: Person| Interest::Person(person.id);
    let given = ConsentGiven {
        referral: ReferralId(Uuid::from_u128(1)),
        consent: ConsentId(Uuid::from_u128(2)),
        person: victim.id,
        categories: vec![Category::Interpreter],
        recipient: "solna-rvc".parse().unwrap(),
        purpose: Purpose::Support,
        given_at: Time::from_micros(1),
        valid_until: Time::from_micros(1_780_000_000_000_000).plus_minutes(60),
        form: ConsentForm::Oral,
        language: None,
        interpreter: false,
        gdpr_basis: GdprBasis::PublicTask,
        given_by: brygga_domain::ConsentGiver::Person,
        asked_by: None,
        interpreter_reference: None,
    };
    let mut offered = section(1, Category::Interpreter, vec![(of(victim), release("CONSENT", Some(CONSENT_AT)))]);
    offered.offered = true;
    Referral {
        id: ReferralId(Uuid::from_u128(1)),
        reference: Reference::from_random(7),
        thread: ThreadId(Uuid::from_u128(3)),
        kind: ReferralKind::ContactRequest,
        sender: "vasterort-polis".parse().unwrap(),
        from: AgencyKind::Police,
        to: AgencyKind::SocialBoard,
        recipient: "solna-rvc".parse().unwrap(),
        host: "solna-soc".parse().unwrap(),
        leader: "vasterort-aklagare".parse().unwrap(),
        urgency: Urgency::Routine,
        reported_at: None,
        contact_due_at: Some(Time::from_micros(1_780_000_000_000_001)),
        contacted_at: None,
        offered_at: None,
        submitted_at: Time::from_micros(1_780_000_000_000_000),
        received_at: None,
        stage_since: Time::from_micros(1_780_000_000_000_000),
        marks: Vec::new(),
        first: Position(4),
        last: Position(9),
        stage: Stage::Ready,
        claimed_by: None,
        inherited: Vec::new(),
        owed: Vec::new(),
        persons: vec![victim, child],
        sections: vec![
            offered,
            section(2, Category::OffenceHeading, vec![(of(victim), release("NO_HARM", None)), (Interest::Investigation, CellState::Undecided)]),
            section(3, Category::Children, vec![(of(victim), release("NO_HARM", None)), (of(child), withhold(true))]),
        ],
        consents: vec![Consent { at: CONSENT_AT, given, withdrawn: None }],
        notices: Vec::new(),
        emergencies: Vec::new(),
        revealing: None,
        excluded: Vec::new(),
    }
}

#[test]
fn no_personal_answer_reaches_the_senders_view() {
    let opened = Referral { stage: Stage::Accepted, ..referral() };
    let plain = sender_referral(&opened, &table()).encode_to_vec();
    let contacted = Referral { contacted_at: Some(Time::from_micros(77)), claimed_by: Some(OfficerPseudonym([9; 16])), ..opened.clone() };
    assert_eq!(sender_referral(&contacted, &table()).encode_to_vec(), plain, "contact and claim are the recipient's");

    let marked = |clock| Referral { marks: vec![clocks::Mark { clock, level: ClockLevel::Overdue }], ..opened.clone() };
    assert_eq!(sender_referral(&marked(ClockName::Contact), &table()).encode_to_vec(), plain, "that she was not reached in time is the recipient's");
    assert_eq!(envelope(&marked(ClockName::Contact), &table(), now()).reminded(), brygga_journal::v1::ClockLevel::Overdue);
    let concern = |clock| Referral { kind: ReferralKind::ChildConcern, ..marked(clock) };
    let unmarked = Referral { kind: ReferralKind::ChildConcern, ..opened.clone() };
    for clock in [ClockName::Board, ClockName::Feedback] {
        assert_eq!(sender_referral(&concern(clock), &table()).encode_to_vec(), sender_referral(&unmarked, &table()).encode_to_vec(), "{clock}");
    }
    let ready = Referral { stage: Stage::Ready, ..marked(ClockName::Open) };
    assert_eq!(sender_referral(&ready, &table()).alarm(), brygga_journal::v1::SenderStatus::Overdue);

    let closed = |outcome| sender_referral(&Referral { stage: Stage::Closed(outcome), ..referral() }, &table()).encode_to_vec();
    for personal in [ClosingOutcome::DeclinedByHer, ClosingOutcome::NotReachedSafely, ClosingOutcome::HandedOver, ClosingOutcome::Noted] {
        assert_eq!(closed(personal), closed(ClosingOutcome::Supported), "{personal}");
    }
    let declined = |reason| sender_status(&Referral { stage: Stage::Declined(reason), ..referral() }, &table());
    assert_eq!(declined(DeclineReason::SubjectDeclined), declined(DeclineReason::CannotReachSafely));

    let noticed = |answer| {
        let notices = vec![StopUseNotice { at: Position(8), sections: vec![1], answer: Some(answer) }];
        sender_referral(&Referral { notices, ..referral() }, &table()).encode_to_vec()
    };
    assert_eq!(noticed(StopUseAnswer::NotYetUsed), noticed(StopUseAnswer::ContinuesOnOwnProvision));
}

#[test]
fn the_status_follows_the_stage() {
    let mut held = Referral { stage: Stage::Held, ..referral() };
    assert_eq!(sender_status(&held, &table()), SenderStatus::Stored);
    held.sections.remove(1);
    assert_eq!(sender_status(&held, &table()), SenderStatus::NothingPasses);
    held.sections[0].cells[0].state = decided(event::Outcome::Release { ground: "GENERAL_CLAUSE".parse().unwrap(), consent: None }, true);
    assert_eq!(sender_status(&held, &table()), SenderStatus::Stored, "a second officer is waited for");
    let retracted = |confirmed| Referral { stage: Stage::Retracted { reason: RetractReason::Wrong, recall: Some(Position(8)), confirmed }, ..referral() };
    assert_eq!(sender_status(&retracted(false), &table()), SenderStatus::Retracted);
    assert_eq!(sender_status(&retracted(true), &table()), SenderStatus::RecallConfirmed);
}

#[test]
fn the_leader_sees_the_cells_of_the_investigation_only() {
    let shown = clearance_referral(&referral(), Clearing::Leader, &table());
    let seen: Vec<(u32, Vec<&str>)> = shown.sections.iter().map(|s| (s.number, s.cells.iter().map(|c| c.interest.as_str()).collect())).collect();
    assert_eq!(seen, [(2, vec!["investigation"])]);
    let shown = clearance_referral(&referral(), Clearing::Sender, &table());
    let cells: Vec<&str> = shown.sections.iter().flat_map(|s| s.cells.iter().map(|c| c.interest.as_str())).collect();
    assert_eq!(cells, ["victim-1", "victim-1", "investigation", "victim-1", "child-1"]);
    assert_eq!(shown.sections[0].cells[0].consent_id, referral().consents[0].given.consent.to_string());
}

#[test]
fn the_envelope_names_what_passes_and_what_may_be_named() {
    let shown = envelope(&referral(), &table(), now());
    let sections: Vec<(u32, i32)> = shown.sections.iter().map(|s| (s.number, s.category)).collect();
    assert_eq!(sections, [(1, Category::Interpreter.number())]);
    assert_eq!(shown.withheld, [Category::Children.number()]);

    let expired = envelope(&referral(), &table(), now().plus_minutes(60));
    assert!(expired.sections.is_empty(), "what ran out since it was offered passes no more");
    let mut left = referral();
    (left.sections[0].released, left.sections[0].revision) = (Some(SectionRelease { at: Position(7), revision: 1 }), 2);
    let second = Kept { revision: 2, ..left.sections[0].kept[0] };
    left.sections[0].kept.push(second);
    let revisions = |now| envelope(&left, &table(), now).sections.iter().map(|section| section.revision).collect::<Vec<_>>();
    assert_eq!((revisions(now()), revisions(now().plus_minutes(60))), (vec![2], vec![1]), "what has left is known of, whatever ran out since");

    let mut hidden = referral();
    hidden.sections[2].cells[0].state = withhold(false);
    assert!(envelope(&hidden, &table(), now()).withheld.is_empty(), "one decision that must not be named hides the category");
    let mut two = referral();
    two.sections.push(section(4, Category::Children, vec![(Interest::Investigation, withhold(false))]));
    assert!(envelope(&two, &table(), now()).withheld.is_empty(), "so does one of another section of that category");
}

#[test]
fn a_revision_that_has_not_passed_is_not_in_the_envelope() {
    let mut amended = referral();
    amended.sections[0].released = Some(SectionRelease { at: Position(7), revision: 1 });
    amended.sections[0].revision = 2;
    amended.sections[0].offered = false;
    let shown = envelope(&amended, &table(), now()).sections[0];
    assert_eq!((shown.revision, shown.opened_revision), (1, 1));
    amended.sections[0].offered = true;
    let shown = envelope(&amended, &table(), now()).sections[0];
    assert_eq!((shown.revision, shown.opened_revision), (2, 1));
}

#[test]
fn cells_on_other_grounds_stand_when_a_consent_ends() {
    let mut released = referral();
    released.consents[0].withdrawn = Some(Position(8));
    for section in &mut released.sections {
        section.released = Some(SectionRelease { at: Position(7), revision: 1 });
    }
    released.sections[0].rested_on = vec![CONSENT_AT];
    let stands = |referral: &Referral| standing(referral, &referral.consents[0]).into_iter().map(|cell| (cell.section, cell.interest)).collect::<Vec<_>>();
    assert_eq!(stands(&released), [(2, "victim-1".to_owned()), (3, "victim-1".to_owned())]);
    // What has left stands as it left, whatever was decided of a later revision since.
    released.sections[1].revision = 2;
    released.sections[1].cells[0].state = CellState::Undecided;
    assert_eq!(stands(&released).len(), 2);
    // A section does not stand on another consent that has ended, too.
    let mut other = released.consents[0].clone();
    other.at = Position(6);
    released.consents.push(other);
    released.sections[2].rested_on = vec![Position(6)];
    assert_eq!(stands(&released), [(2, "victim-1".to_owned())]);
}

#[test]
fn every_domain_time_survives_the_trip() {
    for micros in [0, 1, -1, 1_780_000_000_999_999, -62_000_000] {
        let stamp = timestamp(Time::from_micros(micros));
        assert!((0..1_000_000_000).contains(&stamp.nanos));
        assert_eq!(stamp.seconds * 1_000_000 + i64::from(stamp.nanos / 1000), micros);
    }
}

#[test]
fn every_block_says_why_and_what_would_make_it_pass() {
    let table = table();
    let mut held = referral();
    held.consents[0].withdrawn = Some(Position(8));
    let now = Time::from_micros(10);
    let known = brygga_domain::grounds::Answers::default();
    let blocks = |sees: fn(Interest) -> bool, now| explanations(&held, sees, Question { table: &table, now, known: &known, barred: None }).1;
    let interpreter = blocks(|_| true, now).into_iter().find(|block| block.section == 1).unwrap();
    assert!(!interpreter.code.is_empty() && !interpreter.why.unwrap().sv.is_empty());

    let today = Time::from_micros(1_795_000_000_000_000);
    let interpreter = blocks(|_| true, today).into_iter().find(|block| block.section == 1).unwrap();
    assert_eq!((interpreter.interest.as_str(), interpreter.code.as_str()), ("victim-1", "CONSENT_WITHDRAWN"));
    let consent = interpreter.ways.iter().find(|way| way.ground == "CONSENT").unwrap();
    assert!(consent.needs_consent && !consent.provision.is_empty());
    assert_eq!(consent.consent_state(), v1::ConsentState::Withdrawn);
    assert!(!interpreter.provisions.is_empty());

    let leaders = blocks(|interest| interest == Interest::Investigation, today);
    let seen: Vec<(u32, &str, &str)> = leaders.iter().map(|block| (block.section, block.interest.as_str(), block.code.as_str())).collect();
    assert_eq!(seen, [(2, "investigation", "UNDECIDED")]);
}
