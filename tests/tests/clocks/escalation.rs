//! Two hundred referrals over sixty days, with brokers that come and go: every mark once, on time, and none after the act.

use std::collections::BTreeSet;
use std::path::Path;

use brygga_domain::{ClockLevel, ClockName, Event, InboxKind, SenderStatus, Time};
use brygga_engine::store::{After, Reader};
use brygga_engine::{ManualClock, replay};
use brygga_store::MemoryDatabase;
use brygga_tests::fold::{self, Driver};
use brygga_tests::load::Random;
use brygga_tests::postgres;
use brygga_verify::Verdict;

use super::expected::{Office, expected, made};
use super::parties::{self, Act, Plan};
use super::place::{Place, Running};

const REFERRALS: usize = 200;
const DAYS: u64 = 60;
/// How often brokers look, in minutes.
const TICK: u64 = 10;
pub const ALL: After = After { after: -1, limit: 1_000_000 };

/// How a simulation goes.
struct Simulation<'p, P: Place> {
    place: &'p P,
    begins: Time,
    /// How many brokers look at once.
    brokers: usize,
    seed: u64,
}

fn at(text: &str) -> Time {
    Time::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

/// The plans with the minute of their next act.
fn plans(random: &mut Random) -> Vec<(u64, Plan)> {
    let plan = |_| {
        let plan = parties::draw(random, (DAYS - 12) * 24 * 60, TICK);
        (u64::from(plan.acts[0].0), plan)
    };
    (0..REFERRALS).map(plan).collect()
}

impl<P: Place> Simulation<'_, P> {
    async fn brokers(&self, clock: &ManualClock, folder: &Path) -> Vec<Running<P::Reader>> {
        let mut running = Vec::new();
        for number in 0..self.brokers {
            running.push(Running::start(self.place, clock, &folder.join(format!("state-{number}"))).await);
        }
        running
    }

    /// Plays it, and gives the moments at which brokers looked.
    async fn play(&self, folder: &Path) -> BTreeSet<Time> {
        let mut random = Random(self.seed);
        let (mut plans, clock) = (plans(&mut random), ManualClock::at(self.begins));
        let mut running = self.brokers(&clock, folder).await;
        let (mut ticks, mut number, mut down) = (BTreeSet::new(), 0_u64, 0_u64);
        for minute in (0..DAYS * 24 * 60).step_by(usize::try_from(TICK).unwrap()) {
            let now = self.begins.plus_minutes(u32::try_from(minute).unwrap());
            clock.set(now);
            if down > 0 {
                down -= 1;
                continue;
            }
            for (next, plan) in plans.iter_mut().filter(|(next, plan)| *next <= minute && !plan.acts.is_empty()) {
                number += 1;
                let (_, act) = plan.acts.remove(0);
                let broker = &running[parties::one_of(&mut random, running.len())].broker;
                let done = broker.carry_out(plan.command(act, number, now)).await;
                let done = done.unwrap_or_else(|refused| panic!("{act:?} of {plan:?}: {refused:?}"));
                if act == Act::Submit {
                    plan.id = done.committed.referral.as_ref().map(|referral| referral.id);
                }
                *next = minute + plan.acts.first().map_or(0, |(after, _)| u64::from(*after)).max(TICK);
            }
            futures(&running).await;
            ticks.insert(now);
            // Now and then all of them end; sometimes nobody is there for hours.
            if random.within(0, 200) == 0 {
                for broker in running.drain(..) {
                    broker.stop().await;
                }
                down = if random.within(0, 3) == 0 { random.within(0, 40) } else { 0 };
                running = self.brokers(&clock, folder).await;
            }
        }
        for broker in running {
            broker.stop().await;
        }
        ticks
    }

    async fn holds(&self) -> Vec<Event> {
        let folder = tempfile::tempdir().unwrap();
        let (store, reader) = self.place.open().await;
        let mut driver = Driver::new(store);
        driver.begin().await;
        drop((driver, reader));
        let ticks = self.play(folder.path()).await;
        let (_store, mut reader) = self.place.open().await;
        let events = fold::journal(&mut reader).await;
        let (found, office) = (made(&events), Office::new(self.begins, i64::try_from(DAYS + 1).unwrap()));
        let (set, wanted) = (found.iter().cloned().collect::<BTreeSet<_>>(), expected(&events, &ticks, &office));
        assert_eq!(set.len(), found.len(), "a mark was made twice at one moment");
        let missing: Vec<_> = wanted.difference(&set).take(5).collect();
        let more: Vec<_> = set.difference(&wanted).take(5).collect();
        assert!(missing.is_empty() && more.is_empty(), "seed {}: missing {missing:#?}, more {more:#?}", self.seed);
        assert!(found.len() > 400, "the simulation is too tame: {} marks", found.len());
        self.is_told(&mut reader, &found).await;
        super::destruction::once_and_on_time(&events);
        assert!(replay::replay(&mut reader, |_, _| {}).await.unwrap().is_sound());
        let report = fold::audit(&mut reader).await;
        assert_eq!(report.verdict, Verdict::Verified, "{:#?}", report.findings);
        events
    }

    /// Every mark is in the stream of the function that was told, and a sender hears what the event says and no more.
    async fn is_told(&self, reader: &mut P::Reader, found: &[super::expected::Made]) {
        let functions: BTreeSet<String> = found.iter().filter_map(|mark| mark.4.clone()).collect();
        assert!(functions.len() > 3, "{functions:?}");
        for function in functions {
            let entries = reader.inbox(&function, ALL).await.unwrap();
            let reminders = entries.iter().filter(|row| row.kind == InboxKind::Reminder.to_string()).count();
            assert_eq!(reminders, found.iter().filter(|mark| mark.4.as_ref() == Some(&function)).count(), "{function}");
        }
        let mut alarms = 0;
        for agency in ["vasterort-polis", "solna-soc"] {
            let statuses = reader.statuses(agency, ALL).await.unwrap();
            alarms +=
                statuses.iter().filter(|row| row.status == SenderStatus::Overdue.to_string() || row.status == SenderStatus::Telephone.to_string()).count();
        }
        assert_eq!(alarms, found.iter().filter(|mark| mark.5.is_some()).count());
    }
}

async fn futures<R: Reader>(running: &[Running<R>]) {
    match running {
        [one] => {
            one.tick().await;
        }
        [one, other] => {
            tokio::join!(one.tick(), other.tick());
        }
        more => panic!("{} brokers", more.len()),
    }
}

fn seed() -> u64 {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("SEED={seed}");
    seed
}

#[tokio::test]
async fn every_mark_is_made_once_and_on_time_over_easter_and_into_summer_time() {
    let place = MemoryDatabase::default();
    let events = Simulation { place: &place, begins: at("2027-02-20T06:00:00Z"), brokers: 1, seed: seed() }.holds().await;
    let clocks: BTreeSet<ClockName> = made(&events).iter().filter(|mark| mark.2 == ClockLevel::Overdue).map(|mark| mark.1).collect();
    assert_eq!(clocks.len(), 9, "{clocks:?}");
}

#[tokio::test]
async fn every_mark_is_made_once_and_on_time_over_all_saints_and_into_winter_time() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("brygga.db");
    Simulation { place: &place, begins: at("2027-10-10T06:00:00Z"), brokers: 1, seed: seed() }.holds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_brokers_make_every_mark_once_over_christmas() {
    let place = postgres::shared().await;
    Simulation { place: &place, begins: at("2026-12-01T06:00:00Z"), brokers: 2, seed: seed() }.holds().await;
}

#[tokio::test]
async fn a_sweep_makes_what_is_due_and_writes_nothing_more() {
    let (place, folder) = (MemoryDatabase::default(), tempfile::tempdir().unwrap());
    Driver::new(place.store()).begin().await;
    let clock = ManualClock::at(at("2027-02-22T08:00:00Z"));
    let running = Running::start(&place, &clock, &folder.path().join("state")).await;
    let mut random = Random(seed());
    let mut plan = std::iter::repeat_with(|| parties::draw(&mut random, 10, TICK)).find(|plan| plan.kind == brygga_domain::ReferralKind::ChildConcern).unwrap();
    let done = running.broker.carry_out(plan.command(Act::Submit, 1, at("2027-02-22T08:00:00Z"))).await.unwrap();
    plan.id = done.committed.referral.as_ref().map(|referral| referral.id);
    let size = place.tables().events.len();
    assert_eq!((running.tick().await, running.sweep().await, place.tables().events.len()), (0, 1, size));
    clock.advance_minutes(61);
    assert_eq!((running.sweep().await, running.sweep().await), (1, 1));
    assert_eq!(place.tables().events.len(), size + 3, "three marks of the hour within which it must leave");
    let events = fold::journal(&mut place.reader()).await;
    assert_eq!(made(&events).last().map(|mark| mark.5), Some(Some(SenderStatus::Telephone)));
    running.stop().await;
}
