//! What the marks of a history must be, reckoned a second time: office minutes are counted one by one, and holidays stand here as dates.

use std::collections::{BTreeMap, BTreeSet};

use brygga_domain::{ClockLevel, ClockName, ContactOutcome, Event, Fact, ReferralId, ReferralKind, SenderStatus, Time, Urgency};
use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, ToSpan as _};

const MINUTE: i64 = 60_000_000;
/// Weekdays and Saturdays from November 2026 to January 2028 on which offices are closed.
const HOLIDAYS: [&str; 21] = [
    "2026-12-24",
    "2026-12-25",
    "2026-12-26",
    "2026-12-31",
    "2027-01-01",
    "2027-01-06",
    "2027-03-26",
    "2027-03-29",
    "2027-05-01",
    "2027-05-06",
    "2027-06-06",
    "2027-06-25",
    "2027-06-26",
    "2027-11-06",
    "2027-12-24",
    "2027-12-25",
    "2027-12-26",
    "2027-12-31",
    "2028-01-01",
    "2028-01-06",
    "2027-03-28",
];

/// A mark: referral, clock, level, when it was made, who was told, what the sender was told.
pub type Made = (ReferralId, ClockName, ClockLevel, Time, Option<String>, Option<SenderStatus>);

/// The marks that stand in a log.
pub fn made(events: &[Event]) -> Vec<Made> {
    let mark = |event: &Event| match &event.fact {
        Fact::ReminderSent(said) => Some((said.referral, said.clock, said.level, event.time, Some(said.function.to_string()), None)),
        Fact::Escalated(said) => Some((said.referral, said.clock, ClockLevel::Overdue, event.time, said.function.as_ref().map(ToString::to_string), said.told)),
        _ => None,
    };
    events.iter().filter_map(mark).collect()
}

fn local(time: Time) -> DateTime {
    Timestamp::from_microsecond(time.micros()).unwrap().in_tz("Europe/Stockholm").unwrap().datetime()
}

fn is_off(date: Date) -> bool {
    let weekend = matches!(date.weekday(), jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday);
    weekend || HOLIDAYS.contains(&date.to_string().as_str())
}

/// Office minutes counted one by one.
pub struct Office {
    begins: i64,
    /// For each minute from the beginning, how many office minutes have passed.
    passed: Vec<i64>,
}

impl Office {
    pub fn new(begins: Time, days: i64) -> Self {
        let mut passed = vec![0];
        for minute in 0..days * 24 * 60 {
            let now = local(Time::from_micros(begins.micros() + minute * MINUTE));
            let of_day = i64::from(now.hour()) * 60 + i64::from(now.minute());
            let open = !is_off(now.date()) && (8 * 60..16 * 60 + 30).contains(&of_day);
            passed.push(passed.last().unwrap() + i64::from(open));
        }
        Self { begins: begins.micros(), passed }
    }

    /// When so many office minutes have passed since a whole minute; far away, if not within the simulation.
    fn after(&self, start: Time, minutes: i64) -> Time {
        let from = usize::try_from((start.micros() - self.begins) / MINUTE).unwrap();
        let wanted = self.passed[from] + minutes;
        let found = self.passed.partition_point(|passed| *passed < wanted);
        if found == self.passed.len() { Time::from_micros(i64::MAX) } else { Time::from_micros(self.begins + i64::try_from(found).unwrap() * MINUTE) }
    }
}

/// The end of so many days, counted in steps.
fn after_days(start: Time, steps: &[i64]) -> Time {
    let mut date = local(start).date();
    for days in steps {
        date = date.checked_add(days.days()).unwrap();
        while is_off(date) {
            date = date.tomorrow().unwrap();
        }
    }
    let end = date.tomorrow().unwrap().at(0, 0, 0, 0).in_tz("Europe/Stockholm").unwrap();
    Time::from_micros(end.timestamp().as_microsecond())
}

/// How long a clock lasts.
#[derive(Clone, Copy)]
enum Lasts {
    /// Microseconds by the clock.
    Micros(i64),
    Office(i64),
}

/// A stage's own clock: its name, the stage, and how long it lasts when it begins at a moment.
type OwnClock<'h> = (ClockName, &'static str, Box<dyn Fn(Time) -> Lasts + 'h>);

/// Stretches of time: from, and to before.
type Stretches = Vec<(Time, Time)>;

/// A referral's history as far as clocks ask.
struct History {
    kind: ReferralKind,
    urgency: Urgency,
    recipient: String,
    sender: String,
    submitted: Time,
    reported: Time,
    received: Option<Time>,
    released: Option<Time>,
    reached: Option<Time>,
    /// Stages with their beginnings; the last one has ended or goes on.
    stages: Vec<(&'static str, Time)>,
}

fn histories(events: &[Event]) -> BTreeMap<ReferralId, History> {
    let mut all = BTreeMap::new();
    for event in events {
        let now = event.time;
        if let Fact::ReferralSubmitted(new) = &event.fact {
            let history = History {
                kind: new.kind,
                urgency: new.urgency,
                recipient: new.recipient.to_string(),
                sender: event.agency.to_string(),
                submitted: now,
                reported: new.reported_at.unwrap(),
                received: None,
                released: None,
                reached: None,
                stages: vec![("held", now)],
            };
            all.insert(new.referral, history);
            continue;
        }
        let Some(history) = event.fact.referral().and_then(|id| all.get_mut(&id)) else { continue };
        let stage = match &event.fact {
            Fact::ReferralOffered(_) => {
                history.received.get_or_insert(now);
                "ready"
            }
            Fact::OfferWithdrawn { .. } => "held",
            Fact::SectionsReleased { .. } => {
                history.released.get_or_insert(now);
                "opened"
            }
            Fact::ReferralAccepted { .. } => "accepted",
            Fact::ReferralDeclined { .. } | Fact::ReferralClosed(_) | Fact::ReferralRetracted { .. } => "ended",
            Fact::ContactRecorded(contact) if contact.outcome == ContactOutcome::Reached => {
                history.reached = Some(now);
                continue;
            }
            _ => continue,
        };
        history.stages.push((stage, now));
    }
    all
}

impl History {
    fn stretches(&self, stages: &[&str], end: Time) -> Stretches {
        let ends = self.stages.iter().skip(1).map(|(_, at)| *at).chain([Time::from_micros(i64::MAX)]);
        let all = self.stages.iter().zip(ends).filter(|((stage, _), _)| stages.contains(stage));
        all.map(|((_, from), to)| (*from, to.min(end))).filter(|(from, to)| from < to).collect()
    }

    /// The clocks that stages have to themselves.
    fn own_clocks(&self) -> [OwnClock<'_>; 3] {
        let asks = self.kind == ReferralKind::ContactRequest;
        let share = move |start: Time, percent: i64| {
            let left = self.reported.micros() + 48 * 60 * MINUTE - start.micros();
            Lasts::Micros((left * percent / 100).max(120 * MINUTE))
        };
        let plain = move |start: Time, percent: i64, office: i64| {
            if asks {
                share(start, percent)
            } else if self.urgency == Urgency::Immediate && office == 1020 {
                Lasts::Micros(60 * MINUTE)
            } else {
                Lasts::Office(office)
            }
        };
        [
            (ClockName::Clear, "held", Box::new(move |start| plain(start, 25, 1020))),
            (ClockName::Open, "ready", Box::new(move |start| plain(start, 33, 1020))),
            (ClockName::Decide, "opened", Box::new(move |start| plain(start, 50, 2550))),
        ]
    }

    fn long_clocks(&self) -> Vec<(ClockName, Time, Time, Stretches)> {
        let forever = Time::from_micros(i64::MAX);
        let mut clocks = Vec::new();
        if self.kind == ReferralKind::ContactRequest {
            let stretches = self.stretches(&["ready", "opened", "accepted"], self.reached.unwrap_or(forever));
            clocks.push((ClockName::Contact, self.reported, self.reported.plus_minutes(48 * 60), stretches));
        }
        if self.kind == ReferralKind::ChildConcern {
            let leaves = self.stretches(&["held", "ready"], self.released.unwrap_or(forever));
            clocks.push((ClockName::Leave, self.submitted, self.submitted.plus_minutes(60), leaves));
            if let Some(received) = self.received {
                let stretches = self.stretches(&["ready", "opened", "accepted"], forever);
                clocks.push((ClockName::Board, received, after_days(received, &[14]), stretches.clone()));
                clocks.push((ClockName::Feedback, received, after_days(received, &[14, 7]), stretches));
            }
        }
        clocks
    }

    fn told(&self, clock: ClockName, level: ClockLevel, at: Time) -> (Option<String>, Option<SenderStatus>) {
        let held = self.stages.iter().rev().find(|(_, from)| *from <= at).unwrap().0 == "held";
        let deputy = clock != ClockName::Clear && level != ClockLevel::First;
        let function = match (held, self.recipient.as_str(), deputy) {
            (true, _, _) if self.sender == "vasterort-polis" => "vasterort-polis-brottsoffer",
            (true, _, _) => "solna-mottagning",
            (false, "solna-rvc", true) => "solna-mottagning",
            (false, recipient, _) => recipient,
        };
        let told = match clock {
            ClockName::Clear | ClockName::Open | ClockName::Decide => Some(SenderStatus::Overdue),
            ClockName::Leave => Some(SenderStatus::Telephone),
            ClockName::Contact | ClockName::Board | ClockName::Feedback => None,
        };
        (Some(function.to_owned()), told.filter(|_| level == ClockLevel::Overdue))
    }
}

const LEVELS: [(ClockLevel, i64); 3] = [(ClockLevel::First, 50), (ClockLevel::Second, 80), (ClockLevel::Overdue, 100)];

/// The marks that must stand in a log whose brokers looked at exactly these moments, each after what the parties did then.
pub fn expected(events: &[Event], ticks: &BTreeSet<Time>, office: &Office) -> BTreeSet<Made> {
    let mut all = BTreeSet::new();
    for (id, history) in histories(events) {
        let mut add = |clock, level, due: Time, stretches: &Stretches| {
            let look = |(from, to): &(Time, Time)| ticks.range(due.max(*from)..).next().copied().filter(|tick| tick < to);
            if let Some(at) = stretches.iter().find_map(look) {
                let (function, told) = history.told(clock, level, at);
                all.insert((id, clock, level, at, function, told));
            }
        };
        for (clock, stage, lasts) in history.own_clocks() {
            for (from, to) in history.stretches(&[stage], Time::from_micros(i64::MAX)) {
                for (level, percent) in LEVELS {
                    let due = match lasts(from) {
                        Lasts::Micros(micros) => Time::from_micros(from.micros() + micros * percent / 100),
                        Lasts::Office(minutes) => office.after(from, minutes * percent / 100),
                    };
                    add(clock, level, due, &vec![(from, to)]);
                }
            }
        }
        for (clock, start, deadline, stretches) in history.long_clocks() {
            for (level, percent) in LEVELS {
                let due = start.micros() + (deadline.micros() - start.micros()) * percent / 100;
                add(clock, level, Time::from_micros(due), &stretches);
            }
        }
    }
    all
}
