//! Passing on, duplicates and residence by the register: as they are lawful, and as somebody with the signing key could write them.

use brygga_domain::event::{Event, Submitted};
use brygga_domain::{
    Action, Category, DeclineReason, Fact, ProtectedIdentity, Reason, ReferralId, ReferralKind, ReferralName, ResidenceBasis, ReturnReason, Role, ThreadId,
};
use brygga_verify::{Code, Verdict};

use crate::forge::{audit_events, names};
use crate::story::{BOARD, POLICE, PROSECUTOR, release, section, submission};
use crate::world::{World, agency, function, rechain};

const IDENTITY: [(u32, Option<Role>); 1] = [(1, Some(Role::Victim))];

fn sent(world: &mut World, by: &str, kind: ReferralKind, to: &str, forwards: Option<ReferralId>) -> Result<ReferralId, Reason> {
    let mut submission = submission(world, kind, to, vec![section(Category::VictimIdentity, &[Role::Victim], false)]);
    submission.forwards = forwards.map(ReferralName::Id);
    submission.routing.basis = Some(ResidenceBasis::PopulationRegister);
    world.give(by, Some(1), Action::SubmitReferral(Box::new(submission)), None).map(Option::unwrap).map_err(|refusal| refusal.reason)
}

fn took(world: &mut World, by: &str, id: ReferralId, action: Action) -> usize {
    world.give(by, Some(1), action, Some(id)).unwrap();
    world.events.len() - 1
}

fn offered(world: &mut World, by: &str, kind: ReferralKind) -> ReferralId {
    let id = sent(world, by, kind, "solna-rvc", None).unwrap();
    took(world, by, id, Action::DecideClearance(ReferralName::Id(id), release("NO_HARM", None, &IDENTITY)));
    id
}

/// Where the events of the forged history stand.
#[derive(Clone, Copy)]
struct At {
    first: ReferralId,
    of_another: ReferralId,
    released: usize,
    passed_on: usize,
    declined: usize,
}

/// One contact request opened and passed on, another one a duplicate of it, and one of another sender.
fn history() -> (Vec<Event>, At) {
    let mut world = World::new(21);
    let first = offered(&mut world, POLICE, ReferralKind::ContactRequest);
    assert_eq!(sent(&mut world, BOARD, ReferralKind::Handover, "ekero-barn", Some(first)), Err(Reason::NotOpened));
    let released = took(&mut world, BOARD, first, Action::OpenReferral(ReferralName::Id(first)));
    assert_eq!(sent(&mut world, "ekero-soc", ReferralKind::Handover, "solna-rvc", Some(first)), Err(Reason::NotFound));
    assert_eq!(sent(&mut world, BOARD, ReferralKind::Handover, "solna-rvc", Some(first)), Err(Reason::MalformedMessage));
    let second = sent(&mut world, BOARD, ReferralKind::Handover, "ekero-barn", Some(first)).unwrap();
    let passed_on = world.events.len() - 1;
    let held = &world.referrals[&second];
    assert_eq!(held.thread, world.referrals[&first].thread);
    assert!(held.consents.is_empty() && held.cells().all(|(_, cell)| cell.state == brygga_domain::referral::CellState::Undecided));
    let of_another = offered(&mut world, PROSECUTOR, ReferralKind::Decision);
    let again = offered(&mut world, POLICE, ReferralKind::ContactRequest);
    took(&mut world, BOARD, again, Action::OpenReferral(ReferralName::Id(again)));
    let decline = |of| Action::DeclineReferral(ReferralName::Id(again), DeclineReason::Duplicate, Some(ReferralName::Id(of)));
    assert_eq!(world.give(BOARD, Some(1), decline(of_another), Some(again)).unwrap_err().reason, Reason::NotFound);
    let declined = took(&mut world, BOARD, again, decline(first));
    let report = audit_events(&world.events);
    assert_eq!((report.verdict, &report.findings), (Verdict::Verified, &Vec::new()));
    (world.events, At { first, of_another, released, passed_on, declined })
}

fn submitted(event: &mut Event) -> &mut Submitted {
    let Fact::ReferralSubmitted(submitted) = &mut event.fact else { panic!("no submission") };
    submitted
}

fn duplicate_of(event: &mut Event) -> &mut Option<ReferralId> {
    let Fact::ReferralDeclined { duplicate_of, .. } = &mut event.fact else { panic!("nothing was declined") };
    duplicate_of
}

/// A forgery: changes the events, and says which code must stand where.
type Forge = fn(&mut Vec<Event>, At) -> (Code, usize);

const FORGERIES: [(&str, Forge); 11] = [
    ("it passes on what nobody had sent", |events, at| {
        submitted(&mut events[at.passed_on]).forwarded_from = Some(ReferralId(uuid::Uuid::from_u128(7)));
        (Code::ForwardUnfounded, at.passed_on)
    }),
    ("it passes on what had not left", |events, at| {
        let release = events.remove(at.released);
        events.insert(at.passed_on, release);
        (Code::ForwardUnfounded, at.passed_on - 1)
    }),
    ("it passes on what was not opened", |events, at| {
        submitted(&mut events[at.passed_on]).forwarded_from = Some(at.of_another);
        events.swap(at.passed_on, at.declined);
        (Code::ForwardUnfounded, at.declined)
    }),
    ("another agency passes it on", |events, at| {
        events[at.passed_on].agency = agency("ekero-soc");
        (Code::ForwardUnfounded, at.passed_on)
    }),
    ("it goes into another thread", |events, at| {
        submitted(&mut events[at.passed_on]).thread = ThreadId(uuid::Uuid::from_u128(8));
        (Code::ForwardUnfounded, at.passed_on)
    }),
    ("it goes to where it was", |events, at| {
        let new = submitted(&mut events[at.passed_on]);
        (new.recipient, new.host) = (function("solna-rvc"), agency(BOARD));
        (Code::ForwardUnfounded, at.passed_on)
    }),
    ("it was sent by the register, and her registration is protected", |events, at| {
        submitted(&mut events[at.passed_on]).persons[1].protected_identity = ProtectedIdentity::ProtectedPopulationRegistration;
        (Code::ResidenceFromRegister, at.passed_on)
    }),
    ("it was sent by the register, and her grade is not known", |events, at| {
        submitted(&mut events[at.passed_on]).persons[0].protected_identity = ProtectedIdentity::Unknown;
        (Code::ResidenceFromRegister, at.passed_on)
    }),
    ("a duplicate of another agency's", |events, at| {
        *duplicate_of(&mut events[at.declined]) = Some(at.of_another);
        (Code::AnswerUnfounded, at.declined)
    }),
    ("a duplicate of nothing", |events, at| {
        *duplicate_of(&mut events[at.declined]) = None;
        (Code::AnswerUnfounded, at.declined)
    }),
    ("the sender of an adult's is told where she lives", |events, at| {
        let Fact::ReferralDeclined { referral, .. } = events[at.declined].fact else { panic!("nothing was declined") };
        let right_function = Some(function("ekero-barn"));
        events[at.declined].fact = Fact::ReferralReturned { referral, reason: ReturnReason::WrongFunction, missing: Vec::new(), right_function };
        (Code::AnswerNotAllowed, at.declined)
    }),
];

#[test]
fn every_forgery_is_named() {
    for (what, forge) in FORGERIES {
        let (mut events, at) = history();
        let (code, position) = forge(&mut events, at);
        rechain(&mut events);
        let report = audit_events(&events);
        assert_eq!(report.verdict, Verdict::Failed, "{what}");
        assert!(names(&report, code, position), "{what}: {code} at {position} is not among {:#?}", report.findings);
    }
}

#[test]
fn what_came_as_a_child_concern_or_has_stopped_is_not_passed_on() {
    let (mut events, at) = history();
    for event in &mut events {
        if let Fact::ReferralSubmitted(new) = &mut event.fact
            && new.referral == at.first
        {
            new.kind = ReferralKind::ChildConcern;
        }
    }
    let report = audit_events(&events);
    assert!(names(&report, Code::ForwardUnfounded, at.passed_on), "{:#?}", report.findings);
    assert!(report.findings.iter().any(|finding| finding.text.contains("of a child concern")));
}
