//! Decisions that stand for later revisions, and templates: as they are lawful, and forged.

use brygga_domain::command::{NewContent, NewDecision, Template, Told};
use brygga_domain::event::Event;
use brygga_domain::{Action, Category, Digest, Fact, Position, Reason, ReferralId, ReferralKind, ReferralName, Role};
use brygga_verify::{Code, Verdict};
use bytes::Bytes;

use crate::forge::{audit_events, names};
use crate::story::{BOARD, POLICE, cell, consent, release, section, submission};
use crate::world::{World, rechain};

const BOTH: [(u32, Option<Role>); 2] = [(1, Some(Role::Victim)), (2, Some(Role::Victim))];
const DAY: u32 = 24 * 60;

fn submitted(world: &mut World, kind: ReferralKind) -> ReferralId {
    let categories = if kind == ReferralKind::ChildConcern { [Category::Concern, Category::Child] } else { [Category::VictimIdentity, Category::SafeContact] };
    let sections = categories.map(|category| section(category, &[Role::Victim], false)).to_vec();
    let submission = submission(world, kind, "solna-rvc", sections);
    world.give(POLICE, Some(1), Action::SubmitReferral(Box::new(submission)), None).unwrap().unwrap()
}

fn standing(world: &World, days: u32, decision: NewDecision) -> NewDecision {
    NewDecision { standing_until: Some(world.now.plus_minutes(days * DAY)), ..decision }
}

fn amend(id: ReferralId, number: u32, category: Category) -> Action {
    Action::AmendReferral(
        ReferralName::Id(id),
        vec![NewContent { section: number, category, content: Bytes::from_static(b"moved"), told: Told::default() }],
        None,
    )
}

fn took(world: &mut World, id: ReferralId, by: (&str, u8), action: Action) -> usize {
    world.give(by.0, Some(by.1), action, Some(id)).unwrap();
    world.events.len() - 1
}

fn refused(world: &mut World, id: ReferralId, by: (&str, u8), action: Action) -> Reason {
    world.give(by.0, Some(by.1), action, Some(id)).unwrap_err().reason
}

fn verified(world: &World) {
    let report = audit_events(&world.events);
    assert_eq!((report.verdict, &report.findings), (Verdict::Verified, &Vec::new()));
}

fn last(world: &World, name: &str) -> usize {
    world.events.iter().rposition(|event| event.fact.name() == name).unwrap_or_else(|| panic!("no {name}"))
}

/// The sections and revisions that an opening gives, with what they rest on.
fn opened(world: &mut World, id: ReferralId) -> Vec<(u32, u32, Vec<u64>)> {
    let at = took(world, id, (BOARD, 4), Action::OpenReferral(ReferralName::Id(id)));
    let Fact::SectionsReleased { released, .. } = &world.events[at].fact else { panic!("no release") };
    released.sections().iter().map(|section| (section.section, section.revision, section.basis.iter().map(|at| at.0).collect())).collect()
}

#[test]
fn a_standing_decision_goes_on_for_later_revisions_and_each_says_so() {
    let mut world = World::new(11);
    let id = submitted(&mut world, ReferralKind::ContactRequest);
    let name = ReferralName::Id(id);
    let decision = standing(&world, 90, release("NO_HARM", None, &BOTH[..1]));
    took(&mut world, id, (POLICE, 1), Action::DecideClearance(name, decision));
    let decided = u64::try_from(last(&world, "ClearanceDecided")).unwrap();
    took(&mut world, id, (POLICE, 1), Action::DecideClearance(name, release("NO_HARM", None, &BOTH[1..])));
    assert_eq!(opened(&mut world, id).len(), 2);
    for revision in [2, 3] {
        world.pass(DAY);
        took(&mut world, id, (POLICE, 1), amend(id, 1, Category::VictimIdentity));
        took(&mut world, id, (POLICE, 1), amend(id, 2, Category::SafeContact));
        let carried = u64::try_from(last(&world, "ClearanceCarried")).unwrap();
        // Only the first section's decision stands; the second falls back to nobody having decided.
        assert_eq!(opened(&mut world, id), [(1, revision, vec![decided, carried])]);
    }
    world.pass(90 * DAY);
    took(&mut world, id, (POLICE, 1), amend(id, 1, Category::VictimIdentity));
    assert_eq!(refused(&mut world, id, (BOARD, 4), Action::OpenReferral(name)), Reason::NotCleared, "it has run out");
    verified(&world);
}

#[test]
fn a_standing_decision_is_revocable_also_when_a_revision_has_left() {
    let mut world = World::new(12);
    let id = submitted(&mut world, ReferralKind::ContactRequest);
    let name = ReferralName::Id(id);
    let decision = standing(&world, 90, release("NO_HARM", None, &BOTH[..1]));
    took(&mut world, id, (POLICE, 1), Action::DecideClearance(name, decision));
    took(&mut world, id, (POLICE, 1), Action::DecideClearance(name, release("NO_HARM", None, &BOTH[1..])));
    opened(&mut world, id);
    let revoke = |number| Action::RevokeClearance(name, vec![cell(number, Some(Role::Victim))]);
    assert_eq!(refused(&mut world, id, (POLICE, 2), revoke(2)), Reason::AlreadyReleased, "that one was about one revision");
    took(&mut world, id, (POLICE, 2), revoke(1));
    took(&mut world, id, (POLICE, 1), amend(id, 1, Category::VictimIdentity));
    assert_eq!(opened(&mut world, id).len(), 1, "nobody has decided the new revision");
    verified(&world);
}

#[test]
fn consent_and_second_officer_are_asked_for_at_every_revision() {
    let mut world = World::new(13);
    let id = submitted(&mut world, ReferralKind::ContactRequest);
    let name = ReferralName::Id(id);
    let given = consent(&world, Role::Victim, &[Category::VictimIdentity], "solna-rvc", 30 * DAY);
    took(&mut world, id, (POLICE, 1), Action::RecordConsent(name, given));
    let on_consent = standing(&world, 90, release("CONSENT", None, &BOTH[..1]));
    took(&mut world, id, (POLICE, 1), Action::DecideClearance(name, on_consent));
    let by_two = standing(&world, 90, release("GENERAL_CLAUSE", None, &BOTH[1..]));
    took(&mut world, id, (POLICE, 1), Action::DecideClearance(name, by_two.clone()));
    took(&mut world, id, (POLICE, 1), amend(id, 2, Category::SafeContact));
    assert!(world.events.iter().all(|event| event.fact.name() != "ClearanceCarried"), "a second officer has not agreed yet");
    took(&mut world, id, (POLICE, 1), Action::DecideClearance(name, by_two.clone()));
    // The second officer lets it stand for a shorter time: that counts.
    let second = standing(&world, 10, release("GENERAL_CLAUSE", None, &BOTH[1..]));
    took(&mut world, id, (POLICE, 2), Action::ConfirmClearance(name, second, None));
    took(&mut world, id, (POLICE, 1), amend(id, 2, Category::SafeContact));
    assert_eq!(opened(&mut world, id).len(), 2);
    world.pass(11 * DAY);
    took(&mut world, id, (POLICE, 1), amend(id, 2, Category::SafeContact));
    took(&mut world, id, (POLICE, 1), amend(id, 1, Category::VictimIdentity));
    assert_eq!(opened(&mut world, id).iter().map(|(section, ..)| *section).collect::<Vec<_>>(), [1]);
    let given = world.referrals[&id].consents[0].given.consent;
    took(&mut world, id, (POLICE, 1), Action::WithdrawConsent(name, given));
    took(&mut world, id, (POLICE, 1), amend(id, 1, Category::VictimIdentity));
    assert_eq!(refused(&mut world, id, (BOARD, 4), Action::OpenReferral(name)), Reason::NotCleared, "a withdrawal ends it at once");
    verified(&world);
}

#[test]
fn it_stands_a_year_at_most_and_what_is_withheld_stands_for_nothing() {
    let mut world = World::new(14);
    let id = submitted(&mut world, ReferralKind::ContactRequest);
    let name = ReferralName::Id(id);
    for days in [0, 367] {
        let decision = standing(&world, days, release("NO_HARM", None, &BOTH));
        assert_eq!(refused(&mut world, id, (POLICE, 1), Action::DecideClearance(name, decision)), Reason::TimeOutOfRange, "{days}");
    }
    let decision = standing(&world, 366, release("NO_HARM", None, &BOTH));
    took(&mut world, id, (POLICE, 1), Action::DecideClearance(name, decision));
    verified(&world);
}

fn templated(decision: NewDecision) -> NewDecision {
    NewDecision { template: Some(Template { name: String::from("contact request"), digest: Digest([9; 32]) }), ..decision }
}

#[test]
fn a_template_marks_the_act_and_never_decides_a_child_concern_or_a_second_officers_cell() {
    let mut world = World::new(15);
    let id = submitted(&mut world, ReferralKind::ContactRequest);
    let name = ReferralName::Id(id);
    took(&mut world, id, (POLICE, 1), Action::DecideClearance(name, templated(release("GENERAL_CLAUSE", None, &BOTH))));
    let Fact::ClearanceDecided(decision) = &world.events[last(&world, "ClearanceDecided")].fact else { panic!("no decision") };
    assert_eq!((decision.template, decision.cells.len()), (Some(Digest([9; 32])), 2), "every cell is its own decision");
    let second = templated(release("GENERAL_CLAUSE", None, &BOTH));
    assert_eq!(refused(&mut world, id, (POLICE, 2), Action::ConfirmClearance(name, second, None)), Reason::TemplateNotAllowed);
    let concern = submitted(&mut world, ReferralKind::ChildConcern);
    let about = ReferralName::Id(concern);
    let decision = Action::DecideClearance(about, templated(release("DUTY_CHILD_REPORT", None, &BOTH)));
    assert_eq!(refused(&mut world, concern, (POLICE, 1), decision), Reason::TemplateNotAllowed);
    took(&mut world, concern, (POLICE, 1), Action::DecideClearance(about, release("DUTY_CHILD_REPORT", None, &BOTH)));
    verified(&world);
    let at = last(&world, "ClearanceDecided");
    let Fact::ClearanceDecided(decision) = &mut world.events[at].fact else { panic!("no decision") };
    decision.template = Some(Digest([9; 32]));
    assert!(names(&audit_events(&world.events), Code::TemplateNotAllowed, at));
}

/// A forgery: changes the events, and says which codes must stand at which positions.
type Forge = fn(&mut Vec<Event>, At) -> Vec<(Code, usize)>;

/// Where the events of the forged history stand.
#[derive(Clone, Copy)]
struct At {
    decided: usize,
    carried: usize,
    released: usize,
}

/// A decision that stands, an amendment and a release on it.
fn history() -> (Vec<Event>, At) {
    let mut world = World::new(16);
    let id = submitted(&mut world, ReferralKind::ContactRequest);
    let decision = standing(&world, 90, release("NO_HARM", None, &BOTH));
    took(&mut world, id, (POLICE, 1), Action::DecideClearance(ReferralName::Id(id), decision));
    let decided = last(&world, "ClearanceDecided");
    world.pass(DAY);
    took(&mut world, id, (POLICE, 1), amend(id, 1, Category::VictimIdentity));
    let carried = last(&world, "ClearanceCarried");
    let released = took(&mut world, id, (BOARD, 4), Action::OpenReferral(ReferralName::Id(id)));
    verified(&world);
    (world.events, At { decided, carried, released })
}

fn decided(event: &mut Event) -> &mut brygga_domain::event::DecidedCell {
    let Fact::ClearanceDecided(decision) = &mut event.fact else { panic!("no decision") };
    &mut decision.cells[0]
}

fn carried(event: &mut Event) -> &mut brygga_domain::event::CarriedCell {
    let Fact::ClearanceCarried(carried) = &mut event.fact else { panic!("nothing goes on") };
    &mut carried.cells[0]
}

const FORGERIES: [(&str, Forge); 7] = [
    ("it stood for nothing", |events, at| {
        decided(&mut events[at.decided]).standing_until = None;
        vec![(Code::StandingUnfounded, at.carried)]
    }),
    ("it had run out", |events, at| {
        decided(&mut events[at.decided]).standing_until = Some(events[at.carried].time);
        vec![(Code::StandingUnfounded, at.carried)]
    }),
    ("it stands for two years", |events, at| {
        let until = events[at.decided].time.plus_minutes(730 * DAY);
        decided(&mut events[at.decided]).standing_until = Some(until);
        vec![(Code::StandingUnfounded, at.decided)]
    }),
    ("nothing says that it goes on", |events, at| {
        events.remove(at.carried);
        vec![(Code::ClearanceSuperseded, at.released - 1)]
    }),
    ("it goes on for a revision too far", |events, at| {
        carried(&mut events[at.carried]).revision = 3;
        vec![(Code::RevisionDiffers, at.carried), (Code::ClearanceSuperseded, at.released)]
    }),
    ("it goes on from no decision", |events, at| {
        carried(&mut events[at.carried]).decision = Position(1);
        vec![(Code::ClearanceMissing, at.carried)]
    }),
    ("the release does not say that it rests on it", |events, at| {
        let Fact::SectionsReleased { released, .. } = &mut events[at.released].fact else { panic!("no release") };
        let mut sections = released.sections().to_vec();
        for section in &mut sections {
            section.basis.retain(|basis| basis.0 != u64::try_from(at.carried).unwrap());
        }
        *released = brygga_domain::gate::Released::read_back(sections);
        vec![(Code::BasisDiffers, at.released)]
    }),
];

#[test]
fn every_forged_standing_decision_is_named() {
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

#[test]
fn what_is_released_after_a_withdrawal_says_after_which() {
    let mut world = World::new(12);
    let id = submitted(&mut world, ReferralKind::ContactRequest);
    let name = ReferralName::Id(id);
    let given = consent(&world, Role::Victim, &[Category::VictimIdentity], "solna-rvc", 90 * DAY);
    took(&mut world, id, (POLICE, 1), Action::RecordConsent(name, given));
    took(&mut world, id, (POLICE, 1), Action::DecideClearance(name, release("CONSENT", None, &BOTH[..1])));
    let given = world.referrals[&id].consents[0].given.consent;
    took(&mut world, id, (POLICE, 1), Action::WithdrawConsent(name, given));
    let withdrawn = Position(u64::try_from(last(&world, "ConsentWithdrawn")).unwrap());
    took(&mut world, id, (POLICE, 1), Action::DecideClearance(name, release("NO_HARM", None, &BOTH)));
    verified(&world);
    let at = last(&world, "ClearanceDecided");
    let Fact::ClearanceDecided(decision) = &world.events[at].fact else { panic!("no decision") };
    // Nobody had consented to the second section.
    assert_eq!(decision.cells.iter().map(|cell| cell.withdrawal).collect::<Vec<_>>(), [Some(withdrawn), None]);
    for said in [None, Some(Position(1))] {
        let mut events = world.events.clone();
        decided(&mut events[at]).withdrawal = said;
        rechain(&mut events);
        let report = audit_events(&events);
        assert!(names(&report, Code::WithdrawalUncited, at), "{said:?}: {:#?}", report.findings);
    }
}
