//! Content whose days are over: destroyed once, by whichever broker looks, while its referral stands as it stood.

use std::path::Path;

use brygga_domain::codes::*;
use brygga_domain::command::{Action, NamedCell, NewConsent, NewContent, NewOutcome, Told};
use brygga_domain::content::OwnDays;
use brygga_domain::event::PersonName;
use brygga_domain::{Command, Event, Fact, Reason, Referral, ReferralName, Stage, Time};
use brygga_engine::broker::NoAnswer;
use brygga_engine::committer::Failure;
use brygga_engine::store::{Batch, Reader, Store as _, Wanted};
use brygga_engine::{ManualClock, replay};
use brygga_store::MemoryDatabase;
use brygga_tests::fold::{self, Driver};
use brygga_tests::postgres;
use brygga_verify::Verdict;
use bytes::Bytes;

use super::parties::{Act, Plan};
use super::place::{Place, Running};

const DAY: u32 = 24 * 60;
const BOARD: &str = "solna-soc";

fn begins() -> Time {
    Time::from_micros("2027-02-20T06:00:00Z".parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

/// Brokers on one store, and a number for the next key.
struct World<'p, P: Place> {
    place: &'p P,
    clock: ManualClock,
    brokers: Vec<Running<P::Reader>>,
    number: u64,
}

impl<'p, P: Place> World<'p, P> {
    async fn begin(place: &'p P, folder: &Path, brokers: usize) -> Self {
        let (store, reader) = place.open().await;
        let mut driver = Driver::new(store);
        driver.begin().await;
        drop((driver, reader));
        let mut world = Self { place, clock: ManualClock::at(begins()), brokers: Vec::new(), number: 0 };
        world.start(folder, brokers).await;
        world
    }

    async fn start(&mut self, folder: &Path, brokers: usize) {
        for number in 0..brokers {
            self.brokers.push(Running::start(self.place, &self.clock, &folder.join(format!("state-{number}"))).await);
        }
    }

    async fn stop(&mut self) {
        for broker in self.brokers.drain(..) {
            broker.stop().await;
        }
    }

    /// So many minutes after the beginning.
    fn at(&self, minutes: u32) {
        self.clock.set(begins().plus_minutes(minutes));
    }

    /// Every broker looks, all at once, and once more.
    async fn look(&self) {
        for _ in 0..2 {
            match self.brokers.as_slice() {
                [one] => drop(one.tick().await),
                [one, other] => drop(tokio::join!(one.tick(), other.tick())),
                more => panic!("{} brokers", more.len()),
            }
        }
    }

    fn command(&mut self, plan: &Plan, act: Act) -> Command {
        self.number += 1;
        plan.command(act, self.number, begins())
    }

    async fn carry_out(&self, command: Command) -> Result<Referral, Reason> {
        match self.brokers[0].broker.carry_out(command).await {
            Ok(done) => Ok(done.committed.referral.unwrap().as_ref().clone()),
            Err(NoAnswer::Failed(Failure::Refused(refusal))) => Err(refusal.reason),
            Err(other) => panic!("{other:?}"),
        }
    }

    async fn act(&mut self, plan: &Plan, act: Act) -> Result<Referral, Reason> {
        let command = self.command(plan, act);
        self.carry_out(command).await
    }

    /// Something that no plan has.
    async fn ask(&mut self, plan: &Plan, agency: &str, action: Action) -> Result<Referral, Reason> {
        let command = self.command(plan, Act::Open);
        self.carry_out(Command { agency: agency.parse().unwrap(), action, ..command }).await
    }

    async fn submitted(&mut self) -> Plan {
        let mut plan = Plan { kind: ReferralKind::ContactRequest, urgency: Urgency::Routine, reported_before: 0, acts: Vec::new(), id: None };
        plan.id = Some(self.act(&plan, Act::Submit).await.unwrap().id);
        plan
    }

    /// A reported offence whose first section is opened, and whose second nobody has decided on.
    async fn opened_in_part(&mut self) -> Plan {
        let mut plan = Plan { kind: ReferralKind::ReportedOffence, urgency: Urgency::Routine, reported_before: 0, acts: Vec::new(), id: None };
        for act in [Act::Submit, Act::Decide, Act::Open] {
            plan.id = Some(self.act(&plan, act).await.unwrap().id);
        }
        plan
    }

    /// Lets the suspect consent to his section for so many minutes from now on, and decides on it.
    async fn supplement(&mut self, plan: &Plan, (from, lasts): (Time, u32)) {
        let name = ReferralName::Id(plan.id.unwrap());
        let (consent, decision) = super::parties::suspects_consent(from, from.plus_minutes(lasts));
        self.ask(plan, "vasterort-polis", Action::RecordConsent(name, consent)).await.unwrap();
        self.ask(plan, "vasterort-polis", Action::DecideClearance(name, decision)).await.unwrap();
    }

    /// What was destroyed, why, in journal order.
    async fn destroyed(reader: &mut P::Reader) -> Vec<(Plan, DestructionCause, Vec<(u32, u32)>)> {
        let plan = |id| Plan { kind: ReferralKind::ContactRequest, urgency: Urgency::Routine, reported_before: 0, acts: Vec::new(), id: Some(id) };
        let destroyed = fold::journal(reader).await.into_iter().filter_map(|event| match event.fact {
            Fact::ContentDestroyed(gone) => Some((plan(gone.referral), gone.cause, gone.contents.iter().map(|name| (name.section, name.revision)).collect())),
            _ => None,
        });
        destroyed.collect()
    }
}

async fn there<R: Reader>(reader: &mut R) -> usize {
    reader.content_names(-1, i64::MAX).await.unwrap().len()
}

/// Held, delivered and unread content each has its own days; a restart in the middle changes nothing.
async fn holds<P: Place>(place: &P, brokers: usize) {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::begin(place, folder.path(), brokers).await;
    let held = world.submitted().await;
    let delivered = world.submitted().await;
    world.act(&delivered, Act::Decide).await.unwrap();
    world.at(5 * DAY);
    let open = world.command(&delivered, Act::Open);
    world.carry_out(open.clone()).await.unwrap();
    let unread = world.submitted().await;
    world.at(20 * DAY);
    world.act(&unread, Act::Decide).await.unwrap();
    world.at(30 * DAY - 1);
    world.look().await;
    // Opened once more, it is not kept a day longer.
    world.act(&delivered, Act::Open).await.unwrap();
    world.stop().await;
    world.start(folder.path(), brokers).await;
    world.at(30 * DAY);
    world.look().await;
    // The state stands; only the content is gone, and what is decided now is not offered.
    let decided = world.act(&held, Act::Decide).await.unwrap();
    assert!(decided.stage == Stage::Held && !decided.has_content(), "{:?}", decided.stage);
    assert!(world.act(&delivered, Act::Open).await.is_ok());
    world.at(35 * DAY);
    world.look().await;
    assert_eq!(world.act(&delivered, Act::Open).await, Err(Reason::ContentDestroyed));
    assert_eq!(world.carry_out(open).await, Err(Reason::ContentDestroyed), "a repeat is asked about again");
    assert_eq!(world.act(&delivered, Act::Accept).await.unwrap().stage, Stage::Accepted);
    // An amended section is new content.
    let fresh = NewContent { section: 1, category: Category::VictimIdentity, content: Bytes::from_static(b"sent again"), told: Told::default() };
    let name = ReferralName::Id(delivered.id.unwrap());
    world.ask(&delivered, "vasterort-polis", Action::AmendReferral(name, vec![fresh], None)).await.unwrap();
    world.ask(&delivered, "vasterort-polis", Action::DecideClearance(name, super::parties::decision(1, super::parties::release("NO_HARM", 2)))).await.unwrap();
    let again = world.act(&delivered, Act::Open).await.unwrap();
    let release = again.sections[0].released.unwrap();
    assert_eq!((release.revision, again.sections[0].kept.len()), (2, 1));
    world.ask(&delivered, BOARD, Action::ConfirmImport(name, release.at)).await.unwrap();
    assert_eq!(world.ask(&delivered, BOARD, Action::ConfirmImport(name, release.at)).await, Err(Reason::ContentDestroyed));
    world.at(50 * DAY);
    world.look().await;
    world.stop().await;

    let (_store, mut reader) = place.open().await;
    let found: Vec<_> = World::<P>::destroyed(&mut reader).await.into_iter().map(|(plan, cause, names)| (plan.id, cause, names)).collect();
    let wanted = [
        (held.id, DestructionCause::HeldTooLong, vec![(1, 1)]),
        (delivered.id, DestructionCause::AfterDelivery, vec![(1, 1)]),
        (delivered.id, DestructionCause::ImportConfirmed, vec![(1, 2)]),
        // Offered on the twentieth day, it has thirty days from there.
        (unread.id, DestructionCause::HeldTooLong, vec![(1, 1)]),
    ];
    assert_eq!(found, wanted);
    assert_eq!(there(&mut reader).await, 0);
    let told: Vec<String> = reader.inbox("solna-rvc", super::escalation::ALL).await.unwrap().into_iter().map(|row| row.kind).collect();
    assert_eq!(told.iter().filter(|kind| **kind == InboxKind::ContentDestroyed.to_string()).count(), 3, "what was never offered is not told: {told:?}");
    let statuses = reader.statuses("vasterort-polis", super::escalation::ALL).await.unwrap();
    assert_eq!(statuses.iter().filter(|row| row.status == SenderStatus::ContentDestroyed.to_string()).count(), 4);
    let replayed = replay::replay(&mut reader, |_, _| {}).await.unwrap();
    assert!(replayed.is_sound(), "{replayed:?}");
    let report = fold::audit(&mut reader).await;
    assert_eq!(report.verdict, Verdict::Verified, "{:#?}", report.findings);
}

#[tokio::test]
async fn content_is_destroyed_once_on_its_day_in_memory() {
    holds(&MemoryDatabase::default(), 1).await;
}

#[tokio::test]
async fn content_is_destroyed_once_on_its_day_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    holds(&folder.path().join("brygga.db"), 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_brokers_destroy_content_once() {
    holds(&postgres::shared().await, 2).await;
}

#[tokio::test]
async fn a_replay_finds_content_that_is_gone_without_an_event() {
    let (place, folder) = (MemoryDatabase::default(), tempfile::tempdir().unwrap());
    let mut world = World::begin(&place, folder.path(), 1).await;
    world.submitted().await;
    world.stop().await;
    assert!(replay::replay(&mut place.reader(), |_, _| {}).await.unwrap().is_sound());
    let gone = place.reader().content_names(-1, i64::MAX).await.unwrap();
    let mut store = place.store();
    store.load(&Wanted::default()).await.unwrap();
    store.commit(&Batch { destroyed: gone, ..Batch::default() }).await.unwrap();
    let replayed = replay::replay(&mut place.reader(), |_, _| {}).await.unwrap();
    assert!(!replayed.is_sound() && replayed.content.len() == 1 && replayed.differing.is_empty(), "{replayed:?}");
}

/// A sender that keeps what it holds for ten days and what it delivered for three, and a referral of which one section is never decided on.
#[tokio::test]
async fn a_senders_own_days_count_and_what_nobody_decided_on_is_reminded_of_before_it_is_destroyed() {
    let (place, folder) = (MemoryDatabase::default(), tempfile::tempdir().unwrap());
    let mut world = World::begin(&place, folder.path(), 1).await;
    let mut sender = brygga_tests::directory::directory().agency(&"vasterort-polis".parse().unwrap()).unwrap().clone();
    sender.content_days = OwnDays { held: Some(10), delivered: Some(3) };
    let mut plan = Plan { kind: ReferralKind::ReportedOffence, urgency: Urgency::Routine, reported_before: 0, acts: Vec::new(), id: None };
    let entered = world.command(&plan, Act::Submit);
    let register = Action::RegisterAgency(sender, brygga_domain::Digest([2; 32]));
    world.brokers[0].broker.carry_out(Command { agency: "brygga".parse().unwrap(), officer: None, action: register, ..entered }).await.unwrap();
    plan.id = Some(world.act(&plan, Act::Submit).await.unwrap().id);
    world.act(&plan, Act::Decide).await.unwrap();
    world.act(&plan, Act::Open).await.unwrap();
    for (day, kept) in [(3, 2), (4, 1), (5, 1), (8, 1), (10, 1), (11, 0)] {
        world.at(day * DAY - 1);
        world.look().await;
        assert_eq!(there(&mut place.reader()).await, kept, "day {day}");
    }
    world.stop().await;
    let events = fold::journal(&mut place.reader()).await;
    let kept = super::expected::made(&events).into_iter().filter(|mark| mark.1 == ClockName::Keep);
    let told: Vec<_> = kept.map(|mark| (mark.2, mark.3.minutes_since(begins()) / i64::from(DAY), mark.4, mark.5)).collect();
    let clears = Some(String::from("vasterort-polis-brottsoffer"));
    let wanted = [(ClockLevel::First, 7), (ClockLevel::Second, 9), (ClockLevel::Overdue, 10)].map(|(level, day)| (level, day, clears.clone(), None));
    assert_eq!(told, wanted);
    let destroyed: Vec<_> = World::<MemoryDatabase>::destroyed(&mut place.reader()).await.into_iter().map(|(_, cause, names)| (cause, names)).collect();
    assert_eq!(destroyed, [(DestructionCause::AfterDelivery, vec![(1, 1)]), (DestructionCause::HeldTooLong, vec![(2, 1)])]);
    let inbox: Vec<String> = place.reader().inbox("solna-rvc", super::escalation::ALL).await.unwrap().into_iter().map(|row| row.kind).collect();
    let gone = inbox.iter().filter(|kind| **kind == InboxKind::ContentDestroyed.to_string());
    assert_eq!(gone.count(), 1, "of what was never offered its recipient hears nothing: {inbox:?}");
    assert_eq!(fold::audit(&mut place.reader()).await.verdict, Verdict::Verified);
}

/// A supplement that his consent carries for an hour and nobody opens in its two working days; then for five days, in which they are over again; then
/// it is opened.
#[tokio::test]
async fn a_sender_is_told_once_of_a_supplement_that_ran_out_unopened_and_it_is_offered_anew_when_it_passes() {
    let (place, folder) = (MemoryDatabase::default(), tempfile::tempdir().unwrap());
    let mut world = World::begin(&place, folder.path(), 1).await;
    let plan = world.opened_in_part().await;
    for (begins_on, lasts, opened) in [(0, 60, false), (7, 5 * DAY, false), (14, 60, true)] {
        world.at(begins_on * DAY);
        world.supplement(&plan, (begins().plus_minutes(begins_on * DAY), lasts)).await;
        if opened {
            world.act(&plan, Act::Open).await.unwrap();
        }
        for day in begins_on + 1..begins_on + 7 {
            world.at(day * DAY);
            world.look().await;
        }
    }
    world.stop().await;
    let events = fold::journal(&mut place.reader()).await;
    let told = super::expected::made(&events).into_iter().filter(|mark| mark.1 == ClockName::Supplement).map(|mark| (mark.2, mark.4.is_some(), mark.5));
    let overdue = |recipient: bool| (ClockLevel::Overdue, recipient, Some(SenderStatus::Overdue));
    assert_eq!(told.collect::<Vec<_>>(), [overdue(false), (ClockLevel::First, true, None), (ClockLevel::Second, true, None), overdue(true)]);
    assert_eq!(events.iter().filter(|event| matches!(event.fact, Fact::SectionsOffered(_))).count(), 3, "its recipient sees each new offer");
    assert_eq!(fold::audit(&mut place.reader()).await.verdict, Verdict::Verified);
    assert!(replay::replay(&mut place.reader(), |_, _| {}).await.unwrap().is_sound());
}

/// A supplement that has run out and is withheld after that: nobody is told that it was not opened.
#[tokio::test]
async fn of_what_its_sender_withholds_nobody_is_told_that_it_was_not_opened() {
    let (place, folder) = (MemoryDatabase::default(), tempfile::tempdir().unwrap());
    let mut world = World::begin(&place, folder.path(), 1).await;
    let plan = world.opened_in_part().await;
    world.supplement(&plan, (begins(), 60)).await;
    world.at(DAY);
    let withheld = super::parties::decision(2, NewOutcome::Withhold { reason: WithholdReason::NotNeeded, nameable: false });
    world.ask(&plan, "vasterort-polis", Action::DecideClearance(ReferralName::Id(plan.id.unwrap()), withheld)).await.unwrap();
    for day in 2..7 {
        world.at(day * DAY);
        world.look().await;
    }
    world.stop().await;
    let events = fold::journal(&mut place.reader()).await;
    assert!(super::expected::made(&events).into_iter().all(|mark| mark.1 != ClockName::Supplement));
    assert_eq!(fold::audit(&mut place.reader()).await.verdict, Verdict::Verified);
}

/// A section is amended, offered and not opened, and its recipient is told so; then a supplement is offered, and taken back the same day. What was told
/// of the first is not told again at once: it waits from the later offer on, and is told of once more in that round.
#[tokio::test]
async fn a_later_offer_that_is_taken_back_makes_no_mark_of_the_earlier_one_again() {
    let (place, folder) = (MemoryDatabase::default(), tempfile::tempdir().unwrap());
    let mut world = World::begin(&place, folder.path(), 1).await;
    let plan = world.opened_in_part().await;
    let name = ReferralName::Id(plan.id.unwrap());
    let fresh = NewContent { section: 1, category: Category::VictimIdentity, content: Bytes::from_static(b"sent again"), told: Told::default() };
    world.ask(&plan, "vasterort-polis", Action::AmendReferral(name, vec![fresh], None)).await.unwrap();
    world.ask(&plan, "vasterort-polis", Action::DecideClearance(name, super::parties::decision(1, super::parties::release("NO_HARM", 2)))).await.unwrap();
    for day in 1..9 {
        world.at(day * DAY);
        world.look().await;
    }
    world.act(&plan, Act::DecideRest).await.unwrap();
    let suspect = NamedCell { section: 2, person: Some(PersonName { role: Role::Suspect, number: 1 }) };
    world.ask(&plan, "vasterort-polis", Action::RevokeClearance(name, vec![suspect])).await.unwrap();
    for day in 8..16 {
        world.at(day * DAY);
        world.look().await;
    }
    world.stop().await;
    let events = fold::journal(&mut place.reader()).await;
    let told = super::expected::made(&events).into_iter().filter(|mark| mark.1 == ClockName::Supplement);
    let told: Vec<_> = told.map(|mark| (mark.2, mark.3.minutes_since(begins()) / i64::from(DAY))).collect();
    let rounds = [
        (ClockLevel::First, 3),
        (ClockLevel::Second, 4),
        (ClockLevel::Overdue, 4),
        (ClockLevel::First, 10),
        (ClockLevel::Second, 11),
        (ClockLevel::Overdue, 11),
    ];
    assert_eq!(told, rounds);
    assert_eq!(fold::audit(&mut place.reader()).await.verdict, Verdict::Verified);
    assert!(replay::replay(&mut place.reader(), |_, _| {}).await.unwrap().is_sound());
}

/// Her consent carries for an hour, and the investigation is decided on after that: all is decided, nothing passes, and nobody else would notice.
#[tokio::test]
async fn a_sender_is_told_when_all_is_decided_and_nothing_passes_any_more() {
    let (place, folder) = (MemoryDatabase::default(), tempfile::tempdir().unwrap());
    let mut world = World::begin(&place, folder.path(), 1).await;
    let mut plan = Plan { kind: ReferralKind::ContactRequest, urgency: Urgency::Routine, reported_before: 0, acts: Vec::new(), id: None };
    let mut submit = world.command(&plan, Act::Submit);
    let Action::SubmitReferral(submission) = &mut submit.action else { panic!("a submission") };
    (submission.sections[0].investigation, submission.sections[0].category) = (true, Category::OffenceHeading);
    plan.id = Some(world.carry_out(submit).await.unwrap().id);
    let name = ReferralName::Id(plan.id.unwrap());
    let (consent, _) = super::parties::suspects_consent(begins(), begins().plus_minutes(60));
    let victim = PersonName { role: Role::Victim, number: 1 };
    let consent = NewConsent { person: victim, categories: vec![Category::OffenceHeading], ..consent };
    world.ask(&plan, "vasterort-polis", Action::RecordConsent(name, consent)).await.unwrap();
    let hers = super::parties::decision(1, super::parties::release("CONSENT", 1));
    let mut other = super::parties::decision(1, super::parties::release("NO_HARM", 1));
    other.cells[0].cell.person = None;
    world.ask(&plan, "vasterort-polis", Action::DecideClearance(name, hers)).await.unwrap();
    world.at(61);
    let decided = world.ask(&plan, "vasterort-polis", Action::DecideClearance(name, other)).await.unwrap();
    assert_eq!(decided.stage, Stage::Held);
    world.stop().await;
    let statuses = place.reader().statuses("vasterort-polis", super::escalation::ALL).await.unwrap();
    assert_eq!(statuses.last().unwrap().status, SenderStatus::NothingPasses.to_string());
}

/// In the long simulation every content goes at most once, and none before its thirty days.
pub fn once_and_on_time(events: &[Event]) {
    let mut seen = std::collections::BTreeSet::new();
    for event in events {
        if let Fact::ContentDestroyed(gone) = &event.fact {
            for name in &gone.contents {
                assert!(seen.insert((gone.referral, *name)), "destroyed twice: {gone:?}");
            }
            let submitted = events.iter().find(|event| matches!(&event.fact, Fact::ReferralSubmitted(submitted) if submitted.referral == gone.referral));
            assert!(event.time >= submitted.unwrap().time.plus_minutes(30 * DAY));
        }
    }
    assert!(seen.len() > 20, "the simulation is too tame: {} contents destroyed", seen.len());
}
