//! A check of conflicts of interest that somebody with the signing key could write: of more than names, or announced and never made.

use brygga_domain::event::Fact;
use brygga_domain::{Action, Category, ReferralKind, ReferralName, Role};
use brygga_verify::{Code, Verdict};

use crate::forge::{audit_events, names};
use crate::story::{BOARD, POLICE, Story, release, section, submission};
use crate::world::{World, rechain};

/// Two sections, of which the first says who it is about: revealed, then opened.
fn checked() -> Story {
    let mut world = World::new(12);
    let sections = vec![section(Category::VictimIdentity, &[Role::Victim], false), section(Category::Interpreter, &[Role::Victim], false)];
    let request = submission(&world, ReferralKind::ContactRequest, "solna-rvc", sections);
    let id = world.give(POLICE, None, Action::SubmitReferral(Box::new(request)), None).unwrap().unwrap();
    let name = ReferralName::Id(id);
    let cells = [(1, Some(Role::Victim)), (2, Some(Role::Victim))];
    world.must(POLICE, Some(1), Action::DecideClearance(name, release("NO_HARM", None, &cells)));
    world.must(BOARD, Some(4), Action::RevealNames(name));
    world.must(BOARD, Some(4), Action::OpenReferral(name));
    world.must(BOARD, Some(4), Action::AcceptReferral(name));
    Story { events: world.events, referral: id }
}

fn named(story: &mut Story) -> (usize, &mut Vec<u32>) {
    let at = story.at("NameRevealed");
    let Fact::NameRevealed { sections, .. } = &mut story.event(at).fact else { panic!("nothing was revealed") };
    (at, sections)
}

#[test]
fn the_story_itself_is_verified() {
    let story = checked();
    let report = audit_events(&story.events);
    assert_eq!((report.findings, report.verdict), (Vec::new(), Verdict::Verified));
    let left: Vec<usize> = story
        .events
        .iter()
        .filter_map(|event| if let Fact::SectionsReleased { released, .. } = &event.fact { Some(released.sections().len()) } else { None })
        .collect();
    assert_eq!(left, [1, 2]);
}

type Forge = fn(&mut Story) -> (Code, usize);

const FORGERIES: &[(&str, Forge)] = &[
    ("more than names", |story| {
        let (at, sections) = named(story);
        *sections = vec![1, 2];
        (Code::AnswerUnfounded, at)
    }),
    ("nothing at all", |story| {
        let (at, sections) = named(story);
        sections.clear();
        (Code::AnswerUnfounded, at)
    }),
    ("other sections than those that it names", |story| {
        let (at, sections) = named(story);
        *sections = vec![2];
        (Code::AnswerUnfounded, at + 1)
    }),
    ("announced and never made", |story| {
        let (at, _) = named(story);
        story.events.remove(at + 1);
        (Code::AnswerUnfounded, at + 1)
    }),
    ("announced as the last word", |story| {
        let (at, _) = named(story);
        story.events.truncate(at + 1);
        (Code::AnswerUnfounded, at)
    }),
    ("taken for an opening", |story| {
        // The opening is gone, so the referral was accepted after names alone.
        let opened = story.nth("SectionsReleased", 1);
        story.events.remove(opened);
        (Code::StageWrong, opened)
    }),
];

#[test]
fn names_are_revealed_as_announced_and_open_nothing() {
    for (what, forge) in FORGERIES {
        let mut story = checked();
        let (code, at) = forge(&mut story);
        rechain(&mut story.events);
        let report = audit_events(&story.events);
        assert!(report.verdict == Verdict::Failed && names(&report, code, at), "{what}: {code} at {at} is not among {:#?}", report.findings);
    }
}
