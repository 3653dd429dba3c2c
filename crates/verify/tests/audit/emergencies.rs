//! Break-glass as it is lawful, and as somebody with the signing key could write it: each forgery must be named.

use brygga_domain::codes::RetractReason;
use brygga_domain::command::{NewContent, NewEmergency, NewReview, Told};
use brygga_domain::event::Event;
use brygga_domain::{Action, Category, EmergencyVerdict, Fact, Position, Reason, ReferralId, ReferralKind, ReferralName, Role};
use brygga_verify::{Code, Verdict};
use bytes::Bytes;

use crate::forge::{audit_events, names};
use crate::story::{BOARD, POLICE, PROSECUTOR, release, section, submission};
use crate::world::{World, agency, function, officer, rechain};

/// Both persons of the first section, on a ground that wants two officers.
const CELLS: [(u32, Option<Role>); 2] = [(1, Some(Role::Victim)), (1, Some(Role::Suspect))];

fn declare(hours: u32) -> NewEmergency {
    NewEmergency { hours, telephoned_at: None, reasons: Bytes::from_static(b"made up") }
}

fn submitted(world: &mut World) -> ReferralId {
    let sections = vec![section(Category::Offence, &[Role::Victim, Role::Suspect], false), section(Category::OffenceHeading, &[Role::Victim], true)];
    let mut submission = submission(world, ReferralKind::ReportedOffence, "solna-rvc", sections);
    submission.leader = Some(agency(PROSECUTOR));
    world.give(POLICE, Some(1), Action::SubmitReferral(Box::new(submission)), None).unwrap().unwrap()
}

fn refused(world: &mut World, id: ReferralId, by: (&str, u8), action: Action) -> Reason {
    world.give(by.0, Some(by.1), action, Some(id)).unwrap_err().reason
}

fn took(world: &mut World, id: ReferralId, by: (&str, u8), action: Action) -> usize {
    world.give(by.0, Some(by.1), action, Some(id)).unwrap();
    world.events.len() - 1
}

fn review(at: usize, verdict: EmergencyVerdict) -> NewReview {
    NewReview { emergency: Position(at.try_into().unwrap()), verdict, reasons: Bytes::from_static(b"made up") }
}

fn verified(world: &World) {
    let report = audit_events(&world.events);
    assert_eq!((report.verdict, &report.findings), (Verdict::Verified, &Vec::new()));
}

/// The position of the last event of that name.
fn last(world: &World, name: &str) -> usize {
    world.events.iter().rposition(|event| event.fact.name() == name).unwrap()
}

#[test]
fn an_emergency_puts_the_second_officer_off_until_it_ends() {
    let mut world = World::new(3);
    let id = submitted(&mut world);
    let name = ReferralName::Id(id);
    let open = || Action::OpenReferral(name);
    took(&mut world, id, (POLICE, 1), Action::DecideClearance(name, release("GENERAL_CLAUSE", None, &CELLS)));
    assert_eq!(refused(&mut world, id, (BOARD, 4), open()), Reason::NotFound, "it waits for a second officer");
    took(&mut world, id, (POLICE, 1), Action::DeclareEmergency(name, declare(2)));
    assert_eq!(world.events.last().unwrap().fact.name(), "ReferralOffered");
    // What is decided in it wants a second officer afterwards, whatever the ground.
    took(&mut world, id, (POLICE, 1), Action::DecideClearance(name, release("NO_HARM", None, &[(2, Some(Role::Victim))])));
    let released = took(&mut world, id, (BOARD, 4), open());
    let Fact::SectionsReleased { released: left, .. } = &world.events[released].fact else { panic!("no release") };
    assert_eq!(left.sections().iter().map(|section| section.section).collect::<Vec<_>>(), [1], "the leader has not decided");
    let declared = last(&world, "EmergencyDeclared");
    assert!(left.basis().contains(&Position(declared.try_into().unwrap())));
    // The leader's cell is the leader's: the sender's emergency does nothing for it.
    took(&mut world, id, (PROSECUTOR, 3), Action::DecideClearance(name, release("GENERAL_CLAUSE", None, &[(2, None)])));
    let again = took(&mut world, id, (BOARD, 4), open());
    let Fact::SectionsReleased { released: left, .. } = &world.events[again].fact else { panic!("no release") };
    assert_eq!(left.sections().len(), 1);
    world.pass(120);
    assert_eq!(refused(&mut world, id, (BOARD, 4), open()), Reason::NotCleared, "it has ended, also for who has it already");
    took(&mut world, id, (POLICE, 2), Action::ConfirmClearance(name, release("GENERAL_CLAUSE", None, &CELLS), None));
    took(&mut world, id, (BOARD, 4), open());
    took(&mut world, id, (POLICE, 2), Action::ReviewEmergency(name, review(declared, EmergencyVerdict::Justified)));
    verified(&world);
}

#[test]
fn the_second_officer_comes_afterwards_even_when_all_is_over() {
    let mut world = World::new(4);
    let id = submitted(&mut world);
    let name = ReferralName::Id(id);
    took(&mut world, id, (POLICE, 1), Action::DecideClearance(name, release("GENERAL_CLAUSE", None, &CELLS)));
    took(&mut world, id, (POLICE, 1), Action::DeclareEmergency(name, declare(1)));
    took(&mut world, id, (BOARD, 4), Action::OpenReferral(name));
    took(&mut world, id, (BOARD, 4), Action::DeclineReferral(name, brygga_domain::DeclineReason::NoCapacity, None));
    assert_eq!(refused(&mut world, id, (POLICE, 1), Action::DeclareEmergency(name, declare(1))), Reason::WrongStage);
    took(&mut world, id, (POLICE, 2), Action::ConfirmClearance(name, release("NO_HARM", None, &CELLS), None));
    let held = &world.referrals[&id];
    assert!(held.sections[0].cells.iter().all(brygga_domain::referral::Cell::is_withheld), "the two differ: it is not to be read again");
    verified(&world);
}

#[test]
fn a_word_is_owed_on_what_left_and_was_amended_and_on_nothing_else() {
    let mut world = World::new(7);
    let id = submitted(&mut world);
    let name = ReferralName::Id(id);
    let decide = || Action::DecideClearance(name, release("GENERAL_CLAUSE", None, &CELLS));
    let amend = || {
        let content = NewContent { section: 1, category: Category::Offence, content: Bytes::from_static(b"other"), told: Told::default() };
        Action::AmendReferral(name, vec![content], None)
    };
    took(&mut world, id, (POLICE, 1), decide());
    took(&mut world, id, (POLICE, 1), Action::DeclareEmergency(name, declare(1)));
    took(&mut world, id, (BOARD, 4), Action::OpenReferral(name));
    took(&mut world, id, (POLICE, 1), amend());
    took(&mut world, id, (POLICE, 1), decide());
    let unread = last(&world, "ClearanceDecided");
    took(&mut world, id, (POLICE, 1), amend());
    took(&mut world, id, (POLICE, 1), Action::RetractReferral(name, RetractReason::Wrong));
    let give = |revision: u32| Action::ConfirmClearance(name, release("GENERAL_CLAUSE", None, &CELLS), Some(revision));
    assert_eq!(refused(&mut world, id, (POLICE, 2), give(2)), Reason::NothingToConfirm, "the second revision never left");
    assert_eq!(refused(&mut world, id, (POLICE, 1), give(1)), Reason::OwnDecision);
    let given = took(&mut world, id, (POLICE, 2), give(1));
    assert_eq!(refused(&mut world, id, (POLICE, 3), give(1)), Reason::NothingToConfirm, "one word");
    verified(&world);

    let forge = |change: &dyn Fn(&mut Event)| {
        let mut events = world.events.clone();
        change(&mut events[given]);
        rechain(&mut events);
        audit_events(&events)
    };
    let on_the_unread = forge(&|event| {
        let Fact::ClearanceConfirmed(second) = &mut event.fact else { panic!("no word") };
        second.cells.iter_mut().for_each(|word| word.decision = Position(unread.try_into().unwrap()));
    });
    assert!(names(&on_the_unread, Code::ConfirmationUnfounded, given), "{:#?}", on_the_unread.findings);
    let by_the_first = forge(&|event| event.officer = Some(officer(1)));
    assert!(names(&by_the_first, Code::SecondOfficerSame, given), "{:#?}", by_the_first.findings);
}

#[test]
fn a_review_ends_it_and_is_another_officers() {
    let mut world = World::new(5);
    let id = submitted(&mut world);
    let name = ReferralName::Id(id);
    took(&mut world, id, (POLICE, 1), Action::DecideClearance(name, release("GENERAL_CLAUSE", None, &CELLS)));
    took(&mut world, id, (POLICE, 1), Action::DeclareEmergency(name, declare(24)));
    let declared = last(&world, "EmergencyDeclared");
    let verdict = |at| Action::ReviewEmergency(name, review(at, EmergencyVerdict::NotJustified));
    assert_eq!(refused(&mut world, id, (POLICE, 1), verdict(declared)), Reason::OwnEmergency);
    assert_eq!(refused(&mut world, id, (POLICE, 2), verdict(declared + 1)), Reason::EmergencyUnknown);
    assert_eq!(refused(&mut world, id, (PROSECUTOR, 2), verdict(declared)), Reason::EmergencyUnknown, "it is another agency's");
    assert_eq!(refused(&mut world, id, (BOARD, 2), verdict(declared)), Reason::NotFound);
    took(&mut world, id, (POLICE, 2), verdict(declared));
    assert_eq!(world.events.last().unwrap().fact.name(), "OfferWithdrawn", "nothing had left");
    assert_eq!(refused(&mut world, id, (BOARD, 4), Action::OpenReferral(name)), Reason::NotCleared);
    assert_eq!(refused(&mut world, id, (POLICE, 2), verdict(declared)), Reason::EmergencyUnknown, "it is reviewed once");
    verified(&world);
}

#[test]
fn it_is_bounded_and_an_overdue_review_bars_the_next() {
    let mut world = World::new(6);
    let (id, other) = (submitted(&mut world), submitted(&mut world));
    let (name, elsewhere) = (ReferralName::Id(id), ReferralName::Id(other));
    let again = |hours| Action::DeclareEmergency(name, declare(hours));
    for hours in [0, 25] {
        assert_eq!(refused(&mut world, id, (POLICE, 1), again(hours)), Reason::TimeOutOfRange, "{hours}");
    }
    assert_eq!(refused(&mut world, id, (BOARD, 1), again(1)), Reason::NotFound);
    took(&mut world, id, (POLICE, 1), again(24));
    let declared = last(&world, "EmergencyDeclared");
    assert_eq!(refused(&mut world, id, (POLICE, 2), again(1)), Reason::EmergencyStands);
    took(&mut world, id, (PROSECUTOR, 3), again(1));
    world.pass(60 * 71);
    took(&mut world, other, (POLICE, 1), Action::DeclareEmergency(elsewhere, declare(1)));
    world.pass(60 * 2);
    assert_eq!(refused(&mut world, id, (POLICE, 2), again(1)), Reason::ReviewOverdue, "whoever asks");
    assert_eq!(refused(&mut world, other, (POLICE, 2), Action::DeclareEmergency(elsewhere, declare(1))), Reason::ReviewOverdue, "wherever");
    took(&mut world, id, (POLICE, 2), Action::ReviewEmergency(name, review(declared, EmergencyVerdict::PartlyJustified)));
    took(&mut world, id, (POLICE, 2), again(1));
    verified(&world);
}

#[test]
fn what_was_told_by_telephone_is_recorded_and_opens_nothing() {
    let mut world = World::new(7);
    let id = submitted(&mut world);
    let name = ReferralName::Id(id);
    world.pass(30);
    let told = |at| NewEmergency { hours: 0, telephoned_at: Some(at), reasons: Bytes::from_static(b"made up") };
    took(&mut world, id, (POLICE, 1), Action::DecideClearance(name, release("GENERAL_CLAUSE", None, &CELLS)));
    let later = world.now.plus_minutes(1);
    assert_eq!(refused(&mut world, id, (POLICE, 1), Action::DeclareEmergency(name, told(later))), Reason::TimeOutOfRange);
    let now = world.now;
    took(&mut world, id, (POLICE, 1), Action::DeclareEmergency(name, told(now)));
    assert_eq!(world.events.last().unwrap().fact.name(), "EmergencyDeclared", "nothing is offered");
    let declared = last(&world, "EmergencyDeclared");
    took(&mut world, id, (POLICE, 2), Action::ReviewEmergency(name, review(declared, EmergencyVerdict::Justified)));
    // It has happened, whatever stands or is late.
    took(&mut world, id, (POLICE, 1), Action::DeclareEmergency(name, declare(2)));
    took(&mut world, id, (POLICE, 1), Action::DeclareEmergency(name, told(now)));
    world.pass(30 * 24 * 60);
    assert_eq!(refused(&mut world, id, (POLICE, 1), Action::DeclareEmergency(name, declare(2))), Reason::ReviewOverdue);
    took(&mut world, id, (POLICE, 1), Action::DeclareEmergency(name, told(now)));
    verified(&world);
}

#[test]
fn a_decision_to_withhold_is_revoked_also_when_the_section_has_left() {
    let mut world = World::new(9);
    let id = submitted(&mut world);
    let name = ReferralName::Id(id);
    took(&mut world, id, (POLICE, 1), Action::DeclareEmergency(name, declare(1)));
    took(&mut world, id, (POLICE, 1), Action::DecideClearance(name, release("GENERAL_CLAUSE", None, &CELLS)));
    took(&mut world, id, (BOARD, 4), Action::OpenReferral(name));
    // Two officers differ, and so the first one's word withholds as well.
    took(&mut world, id, (POLICE, 2), Action::ConfirmClearance(name, release("NO_HARM", None, &CELLS), None));
    let cells = CELLS.iter().map(|(section, role)| crate::story::cell(*section, *role)).collect();
    took(&mut world, id, (POLICE, 1), Action::RevokeClearance(name, cells));
    verified(&world);
}

/// A forgery: changes the events, and says which codes must stand at which positions.
type Forge = fn(&mut Vec<Event>, At) -> Vec<(Code, usize)>;

/// Where the events of the forged history stand.
#[derive(Clone, Copy)]
struct At {
    declared: usize,
    decided: usize,
    released: usize,
    reviewed: usize,
    next: usize,
}

/// An emergency, a decision and a release in it, its review, and a second emergency.
fn history() -> (Vec<Event>, At) {
    let mut world = World::new(8);
    let id = submitted(&mut world);
    let name = ReferralName::Id(id);
    let declared = took(&mut world, id, (POLICE, 1), Action::DeclareEmergency(name, declare(2)));
    took(&mut world, id, (POLICE, 1), Action::DecideClearance(name, release("NO_HARM", None, &CELLS)));
    let decided = last(&world, "ClearanceDecided");
    world.pass(60);
    let released = took(&mut world, id, (BOARD, 4), Action::OpenReferral(name));
    world.pass(60 * 80);
    let reviewed = took(&mut world, id, (POLICE, 2), Action::ReviewEmergency(name, review(declared, EmergencyVerdict::Justified)));
    let next = took(&mut world, id, (POLICE, 1), Action::DeclareEmergency(name, declare(2)));
    verified(&world);
    (world.events, At { declared, decided, released, reviewed, next })
}

const FORGERIES: [(&str, Forge); 10] = [
    ("it had ended before the release", |events, at| {
        let ends = events[at.declared].time.plus_minutes(59);
        declaration(&mut events[at.declared]).expires_at = ends;
        vec![(Code::SecondOfficerMissing, at.released)]
    }),
    ("it was reviewed before the release", |events, at| {
        events.swap(at.released, at.reviewed);
        events[at.released].time = events[at.decided].time;
        vec![(Code::SecondOfficerMissing, at.reviewed)]
    }),
    ("it is another agency's", |events, at| {
        events[at.declared].agency = agency(PROSECUTOR);
        vec![(Code::SecondOfficerMissing, at.released), (Code::AnswerUnfounded, at.reviewed)]
    }),
    ("the release does not say that it rests on it", |events, at| {
        let Fact::SectionsReleased { released, .. } = &mut events[at.released].fact else { panic!("no release") };
        let mut sections = released.sections().to_vec();
        for section in &mut sections {
            section.basis.retain(|basis| basis.0 != u64::try_from(at.declared).unwrap());
        }
        *released = brygga_domain::gate::Released::read_back(sections);
        vec![(Code::BasisDiffers, at.released)]
    }),
    ("the decision asks for no second officer", |events, at| {
        let Fact::ClearanceDecided(decision) = &mut events[at.decided].fact else { panic!("no decision") };
        decision.cells.iter_mut().for_each(|cell| cell.second_officer = false);
        vec![(Code::SecondOfficerMissing, at.decided)]
    }),
    ("the officer who declared it reviews it", |events, at| {
        events[at.reviewed].officer = Some(officer(1));
        vec![(Code::ReviewSame, at.reviewed)]
    }),
    ("the review is forgotten and the glass broken again", |events, at| {
        events.remove(at.reviewed);
        vec![(Code::ReviewOverdue, at.next - 1)]
    }),
    ("it lasts longer than a day", |events, at| {
        let ends = events[at.declared].time.plus_minutes(60 * 24 + 1);
        declaration(&mut events[at.declared]).expires_at = ends;
        vec![(Code::EmergencyMalformed, at.declared)]
    }),
    ("its review is put off", |events, at| {
        let due = events[at.declared].time.plus_minutes(60 * 24 * 30);
        declaration(&mut events[at.declared]).review_due_at = due;
        vec![(Code::EmergencyMalformed, at.declared)]
    }),
    ("it is for another recipient", |events, at| {
        declaration(&mut events[at.declared]).recipient = function("ekero-barn");
        vec![(Code::RecipientDiffers, at.declared)]
    }),
];

fn declaration(event: &mut Event) -> &mut brygga_domain::event::EmergencyDeclaration {
    let Fact::EmergencyDeclared(declared) = &mut event.fact else { panic!("no emergency") };
    declared
}

#[test]
fn every_forged_emergency_is_named() {
    for (what, forge) in FORGERIES {
        let (mut events, at) = history();
        let expected = forge(&mut events, at);
        rechain(&mut events);
        let report = audit_events(&events);
        assert_eq!(report.verdict, Verdict::Failed, "{what}");
        for (code, position) in expected {
            assert!(names(&report, code, position), "{what}: {code} at {position} is not among {:#?}", report.findings);
        }
    }
}
