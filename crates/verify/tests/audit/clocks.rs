//! Reminders and escalations that somebody with the signing key could write: too early, twice, too late, to the wrong ones.

use brygga_domain::event::{Escalation, Fact, Reminder};
use brygga_domain::{Action, Category, ClockLevel, ClockName, ReferralKind, ReferralName, Role, SenderStatus, Time};
use brygga_verify::{Code, Verdict};

use crate::forge::{audit_events, names};
use crate::story::{BOARD, POLICE, Story, contact, release, section, submission};
use crate::world::{BROKER, World, agency, function, rechain};

/// Held until its clearance is overdue, then reached in time: a contact request with every mark of its clearance.
fn overdue() -> Story {
    let mut world = World::new(7);
    let request = submission(&world, ReferralKind::ContactRequest, "solna-rvc", vec![section(Category::VictimIdentity, &[Role::Victim], false)]);
    let id = world.give(POLICE, None, Action::SubmitReferral(Box::new(request)), None).unwrap().unwrap();
    let name = ReferralName::Id(id);
    let look = |world: &mut World, minutes| {
        world.pass(minutes);
        world.must(BROKER, None, Action::MakeMarks(name));
    };
    // A quarter of 48 hours.
    for minutes in [360, 216, 144] {
        look(&mut world, minutes);
    }
    look(&mut world, 1);
    world.must(POLICE, Some(1), Action::DecideClearance(name, release("NO_HARM", None, &[(1, Some(Role::Victim))])));
    look(&mut world, 1_000);
    world.must(BOARD, Some(4), Action::OpenReferral(name));
    world.must(BOARD, Some(4), Action::AcceptReferral(name));
    let reached = contact(&world);
    world.must(BOARD, Some(4), Action::RecordContact(name, reached));
    look(&mut world, 10_000);
    Story { events: world.events, referral: id }
}

/// One section leaves and another is held until its days are over.
fn kept() -> Story {
    let mut world = World::new(8);
    let sections = [Category::VictimIdentity, Category::SafeContact].map(|category| section(category, &[Role::Victim], false)).to_vec();
    let request = submission(&world, ReferralKind::ContactRequest, "solna-rvc", sections);
    let id = world.give(POLICE, None, Action::SubmitReferral(Box::new(request)), None).unwrap().unwrap();
    let name = ReferralName::Id(id);
    world.must(POLICE, Some(1), Action::DecideClearance(name, release("NO_HARM", None, &[(1, Some(Role::Victim))])));
    world.must(BOARD, Some(4), Action::OpenReferral(name));
    world.must(BOARD, Some(4), Action::AcceptReferral(name));
    for days in [15, 9, 6] {
        world.pass(days * 24 * 60);
        world.must(BROKER, None, Action::MakeMarks(name));
    }
    Story { events: world.events, referral: id }
}

/// So many days before the reminder was due.
fn before(said: &Reminder, days: i64) -> Time {
    Time::from_micros(said.due_at.micros() - days * 24 * 3_600_000_000)
}

/// A forged reminder, and what is found.
type Reminded = (&'static str, Code, fn(&mut Reminder));

#[test]
fn what_is_held_is_reminded_of_before_it_goes_and_a_forged_mark_of_that_is_named() {
    let story = kept();
    let report = audit_events(&story.events);
    assert_eq!((report.findings, report.verdict), (Vec::new(), Verdict::Verified));
    let at = (0..story.events.len()).find(|at| matches!(&story.events[*at].fact, Fact::ReminderSent(said) if said.clock == ClockName::Keep)).unwrap();
    let forged: [Reminded; 4] = [
        ("destroyed before its days", Code::ClockEarly, |said| (said.due_at, said.deadline) = (before(said, 10), before(said, 9))),
        ("before it is due", Code::ClockEarly, |said| said.due_at = said.due_at.plus_minutes(1)),
        ("the recipient is told", Code::RecipientDiffers, |said| said.function = function("solna-rvc")),
        ("nothing was offered later", Code::ClockOver, |said| said.clock = ClockName::Supplement),
    ];
    for (what, code, forge) in forged {
        let mut events = story.events.clone();
        let Fact::ReminderSent(said) = &mut events[at].fact else { panic!("no reminder") };
        forge(said);
        rechain(&mut events);
        let report = audit_events(&events);
        assert!(names(&report, code, at), "{what}: {:#?}", report.findings);
    }
}

fn reminder(story: &mut Story, at: usize) -> &mut Reminder {
    let Fact::ReminderSent(reminder) = &mut story.event(at).fact else { panic!("no reminder") };
    reminder
}

fn escalation(story: &mut Story, at: usize) -> &mut Escalation {
    let Fact::Escalated(escalation) = &mut story.event(at).fact else { panic!("no escalation") };
    escalation
}

#[test]
fn the_story_itself_is_verified_and_says_each_mark_once() {
    let story = overdue();
    let report = audit_events(&story.events);
    assert_eq!((report.findings, report.verdict), (Vec::new(), Verdict::Verified));
    let marks: Vec<(ClockName, ClockLevel)> = story
        .events
        .iter()
        .filter_map(|event| {
            if let Fact::ReminderSent(said) = &event.fact {
                Some((said.clock, said.level))
            } else if let Fact::Escalated(said) = &event.fact {
                Some((said.clock, ClockLevel::Overdue))
            } else {
                None
            }
        })
        .collect();
    let (clear, open) = (ClockName::Clear, ClockName::Open);
    let (first, second, overdue) = (ClockLevel::First, ClockLevel::Second, ClockLevel::Overdue);
    // A thousand minutes with the recipient are more than a third of what is left, and more than half of the 48 hours.
    let wanted = [(clear, first), (clear, second), (clear, overdue), (open, first), (open, second), (open, overdue), (ClockName::Contact, first)];
    assert_eq!(marks, wanted);
}

type Forge = fn(&mut Story) -> (Code, usize);

const FORGERIES: &[(&str, Forge)] = &[
    ("a mark before it is due", |story| {
        let at = story.nth("ReminderSent", 1);
        let early = story.events[at].time.micros() + 1;
        reminder(story, at).due_at = Time::from_micros(early);
        (Code::ClockEarly, at)
    }),
    ("a deadline that the log does not give", |story| {
        let at = (0..story.events.len()).find(|at| matches!(&story.events[*at].fact, Fact::ReminderSent(said) if said.clock == ClockName::Contact)).unwrap();
        let later = reminder(story, at).deadline.plus_minutes(60);
        reminder(story, at).deadline = later;
        (Code::ClockEarly, at)
    }),
    ("the same mark twice", |story| {
        let at = story.nth("ReminderSent", 1);
        reminder(story, at).level = ClockLevel::First;
        (Code::ClockTwice, at)
    }),
    ("a mark after the act", |story| {
        let (at, from) = (story.at("ContactRecorded") + 1, story.nth("ReminderSent", 4));
        let mut event = story.events[from].clone();
        event.time = story.events[at - 1].time;
        event.id = brygga_domain::EventId::from_bytes(&[9; 16]).unwrap();
        if let Fact::ReminderSent(said) = &mut event.fact {
            said.level = ClockLevel::Second;
            said.due_at = event.time;
        }
        story.events.insert(at, event);
        (Code::ClockOver, at)
    }),
    ("a clock of another kind of referral", |story| {
        let at = story.nth("ReminderSent", 0);
        reminder(story, at).clock = ClockName::Leave;
        (Code::ClockUnknown, at)
    }),
    ("the sender hears of contact", |story| {
        let at = story.nth("Escalated", 1);
        let said = escalation(story, at);
        (said.clock, said.told) = (ClockName::Contact, Some(SenderStatus::Overdue));
        (Code::ClockTold, at)
    }),
    ("the sender hears something else", |story| {
        let at = story.at("Escalated");
        escalation(story, at).told = Some(SenderStatus::Closed);
        (Code::ClockTold, at)
    }),
    ("a function of the other agency", |story| {
        let at = story.at("ReminderSent");
        reminder(story, at).function = function("solna-rvc");
        (Code::RecipientDiffers, at)
    }),
    ("an agency makes the mark", |story| {
        let at = story.at("Escalated");
        story.event(at).agency = agency(POLICE);
        (Code::WrongAgency, at)
    }),
];

#[test]
fn a_clock_is_never_early_never_twice_and_never_after_the_act() {
    for (what, forge) in FORGERIES {
        let mut story = overdue();
        let (code, at) = forge(&mut story);
        rechain(&mut story.events);
        let report = audit_events(&story.events);
        assert!(report.verdict == Verdict::Failed && names(&report, code, at), "{what}: {code} at {at} is not among {:#?}", report.findings);
    }
}
