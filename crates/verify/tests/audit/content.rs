//! Destruction of content that somebody with the signing key could write: too early, twice, of what is not there, by whom it is not.

use brygga_domain::event::{ContentName, Destruction, Fact};
use brygga_domain::{Action, Category, DestructionCause, Position, ReferralKind, ReferralName, Role};
use brygga_verify::{Code, Verdict};

use crate::forge::{audit_events, names};
use crate::story::{BOARD, POLICE, Story, release, section, submission};
use crate::world::{BROKER, World, agency, rechain};

/// Thirty days, and a little.
const MONTH_MINUTES: u32 = 30 * 24 * 60 + 1;

/// Two sections, the first delivered and imported, the second held until its days are over.
fn destroyed() -> Story {
    let mut world = World::new(11);
    let sections = vec![section(Category::VictimIdentity, &[Role::Victim], false), section(Category::SafeContact, &[Role::Victim], false)];
    let request = submission(&world, ReferralKind::ContactRequest, "solna-rvc", sections);
    let id = world.give(POLICE, None, Action::SubmitReferral(Box::new(request)), None).unwrap().unwrap();
    let name = ReferralName::Id(id);
    world.must(POLICE, Some(1), Action::DecideClearance(name, release("NO_HARM", None, &[(1, Some(Role::Victim))])));
    world.must(BOARD, Some(4), Action::OpenReferral(name));
    let opened = Position(world.next().0 - 1);
    world.must(BOARD, Some(4), Action::ConfirmImport(name, opened));
    world.pass(MONTH_MINUTES);
    world.must(BROKER, None, Action::MakeMarks(name));
    Story { events: world.events, referral: id }
}

fn destruction(story: &mut Story, at: usize) -> &mut Destruction {
    let Fact::ContentDestroyed(destruction) = &mut story.event(at).fact else { panic!("nothing was destroyed") };
    destruction
}

#[test]
fn the_story_itself_is_verified() {
    let story = destroyed();
    let report = audit_events(&story.events);
    assert_eq!((report.findings, report.verdict), (Vec::new(), Verdict::Verified));
    let causes: Vec<DestructionCause> =
        story.events.iter().filter_map(|event| if let Fact::ContentDestroyed(gone) = &event.fact { Some(gone.cause) } else { None }).collect();
    assert_eq!(causes, [DestructionCause::ImportConfirmed, DestructionCause::HeldTooLong]);
}

type Forge = fn(&mut Story) -> (Code, usize);

const FORGERIES: &[(&str, Forge)] = &[
    ("the same content twice", |story| {
        let (first, second) = (story.at("ContentDestroyed"), story.nth("ContentDestroyed", 1));
        let names = destruction(story, first).contents.clone();
        destruction(story, second).contents = names;
        (Code::ContentUnknown, second)
    }),
    ("a revision that never was", |story| {
        let at = story.nth("ContentDestroyed", 1);
        destruction(story, at).contents = vec![ContentName { section: 2, revision: 9 }];
        (Code::ContentUnknown, at)
    }),
    ("what was held, as if it had been delivered", |story| {
        let at = story.nth("ContentDestroyed", 1);
        destruction(story, at).cause = DestructionCause::AfterDelivery;
        (Code::ContentUnknown, at)
    }),
    ("an import of what never left", |story| {
        let at = story.at("ContentDestroyed");
        destruction(story, at).contents = vec![ContentName { section: 2, revision: 1 }];
        (Code::ContentUnknown, at)
    }),
    ("before its days are over", |story| {
        let at = story.nth("ContentDestroyed", 1);
        let soon = story.events[story.at("ReferralSubmitted")].time.plus_minutes(60);
        let from = story.events.iter().position(|event| event.time > soon).unwrap();
        for event in &mut story.events[from..] {
            event.time = soon;
        }
        (Code::ContentEarly, at)
    }),
    ("the broker says that it was imported", |story| {
        let at = story.at("ContentDestroyed");
        story.event(at).agency = agency(BROKER);
        (Code::WrongAgency, at)
    }),
    ("the sender destroys what it holds", |story| {
        let at = story.nth("ContentDestroyed", 1);
        story.event(at).agency = agency(POLICE);
        (Code::WrongAgency, at)
    }),
    ("a release of what was destroyed", |story| {
        let (opened, gone) = (story.at("SectionsReleased"), story.at("ContentDestroyed"));
        let mut again = story.events[opened].clone();
        again.id = brygga_domain::EventId::from_bytes(&[9; 16]).unwrap();
        story.events.insert(gone + 1, again);
        (Code::ContentDestroyed, gone + 1)
    }),
];

#[test]
fn nothing_is_destroyed_too_early_twice_or_by_another_and_nothing_destroyed_leaves() {
    for (what, forge) in FORGERIES {
        let mut story = destroyed();
        let (code, at) = forge(&mut story);
        rechain(&mut story.events);
        let report = audit_events(&story.events);
        assert!(report.verdict == Verdict::Failed && names(&report, code, at), "{what}: {code} at {at} is not among {:#?}", report.findings);
    }
}
