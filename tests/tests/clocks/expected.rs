//! What the marks of a history must be, reckoned a second time: office minutes are counted one by one, and holidays stand here as dates.

use std::collections::{BTreeMap, BTreeSet};

use brygga_domain::event::{Outcome, Submitted, SubmittedSection};
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
#[derive(Clone, Copy, PartialEq)]
enum Lasts {
    /// Until a moment.
    Until(Time),
    Office(i64),
}

/// A clock that runs: what it counts from, and how often it began anew before.
#[derive(Clone, Copy, PartialEq)]
struct Running {
    start: Time,
    lasts: Lasts,
    round: Time,
}

/// A stretch in which a clock runs, and whether it waits for the sender then.
struct Span {
    clock: ClockName,
    running: Running,
    for_sender: bool,
    from: Time,
    to: Time,
}

/// A section.
#[derive(Clone, Copy)]
struct Part {
    number: u32,
    decided: bool,
    withheld: bool,
    pressing: bool,
    offered: bool,
    left: bool,
    /// From when the days of its content are counted, until that has left or is destroyed.
    since: Option<Time>,
}

impl Part {
    fn may_leave(&self) -> bool {
        !self.left && !self.withheld && self.since.is_some()
    }
}

/// A referral's history as far as clocks ask.
struct History {
    kind: ReferralKind,
    urgency: Urgency,
    recipient: String,
    sender: String,
    submitted: Time,
    reported: Time,
    received: Option<Time>,
    reached: bool,
    stage: &'static str,
    since: Time,
    /// The last time at which clearing and opening began anew.
    anew: Time,
    parts: Vec<Part>,
    spans: Vec<Span>,
}

const FOREVER: Time = Time::from_micros(i64::MAX);
const CLOCKS: [ClockName; 9] = [
    ClockName::Clear,
    ClockName::Open,
    ClockName::Decide,
    ClockName::Contact,
    ClockName::Leave,
    ClockName::Board,
    ClockName::Feedback,
    ClockName::Keep,
    ClockName::Supplement,
];

impl History {
    fn submitted(now: Time, sender: &str, new: &Submitted) -> Self {
        let part = |section: &SubmittedSection| Part {
            number: section.content.section,
            decided: false,
            withheld: false,
            pressing: false,
            offered: false,
            left: false,
            since: Some(now),
        };
        Self {
            kind: new.kind,
            urgency: new.urgency,
            recipient: new.recipient.to_string(),
            sender: sender.to_owned(),
            submitted: now,
            reported: new.reported_at.unwrap(),
            received: None,
            reached: false,
            stage: "held",
            since: now,
            anew: now,
            parts: new.sections.iter().map(part).collect(),
            spans: Vec::new(),
        }
    }

    fn part(&mut self, number: u32) -> &mut Part {
        self.parts.iter_mut().find(|part| part.number == number).unwrap()
    }

    fn enter(&mut self, stage: &'static str, now: Time) {
        if self.stage != stage {
            (self.stage, self.since) = (stage, now);
        }
    }

    fn apply(&mut self, fact: &Fact, now: Time) {
        match fact {
            Fact::ClearanceDecided(decision) => {
                for cell in &decision.cells {
                    let part = self.part(cell.cell.section);
                    part.decided = true;
                    part.withheld = cell.outcome.is_withheld();
                    part.pressing = matches!(&cell.outcome, Outcome::Release { ground, .. } if ground.to_string() == "DUTY_YOUNG_SUSPECT");
                }
            }
            Fact::ClearanceRevoked { cells, .. } => {
                if self.stage == "held" && self.parts.iter().all(|part| part.decided) {
                    (self.since, self.anew) = (now, now);
                }
                for cell in cells {
                    let part = self.part(cell.section);
                    (part.decided, part.withheld, part.pressing, part.offered) = (false, false, false, false);
                }
            }
            Fact::ReferralOffered(offered) | Fact::SectionsOffered(offered) => {
                for number in &offered.sections {
                    let part = self.part(*number);
                    part.offered = true;
                    part.since = part.since.map(|_| now);
                }
                if matches!(fact, Fact::ReferralOffered(_)) {
                    self.received.get_or_insert(now);
                    self.enter("ready", now);
                }
            }
            Fact::OfferWithdrawn { .. } => {
                self.anew = now;
                self.enter("held", now);
            }
            Fact::SectionsReleased { released, .. } => {
                for section in released.sections() {
                    let part = self.part(section.section);
                    (part.left, part.since) = (true, None);
                }
                if self.stage == "ready" {
                    self.enter("opened", now);
                }
            }
            Fact::ContentDestroyed(gone) => gone.contents.iter().for_each(|name| self.part(name.section).since = None),
            Fact::ReferralAccepted { .. } => self.enter("accepted", now),
            Fact::ReferralDeclined { .. } | Fact::ReferralClosed(_) | Fact::ReferralRetracted { .. } => self.enter("ended", now),
            Fact::ContactRecorded(contact) if contact.outcome != ContactOutcome::Attempted => self.reached = true,
            _ => {}
        }
    }

    /// When a stage's own clock runs out that began at a moment: percent of what is left until contact, or office minutes.
    fn lasts(&self, start: Time, percent: i64, office: i64) -> Lasts {
        let minutes = |minutes: i64| Lasts::Until(Time::from_micros(start.micros() + minutes * MINUTE));
        if self.urgency == Urgency::Immediate && office == 1020 {
            minutes(60)
        } else if percent > 0 && self.is_of_an_offence() {
            let left = self.reported.micros() + 48 * 60 * MINUTE - start.micros();
            Lasts::Until(Time::from_micros(start.micros() + (left * percent / 100).max(120 * MINUTE)))
        } else {
            Lasts::Office(office)
        }
    }

    fn is_of_an_offence(&self) -> bool {
        self.kind == ReferralKind::ContactRequest || self.kind == ReferralKind::ReportedOffence
    }

    fn oldest(&self, which: impl Fn(&Part) -> bool) -> Option<Time> {
        self.parts.iter().filter(|part| which(part)).filter_map(|part| part.since).min()
    }

    /// The clock as it runs now, if it does.
    fn running(&self, clock: ClockName) -> Option<Running> {
        let with_recipient = ["ready", "opened", "accepted"].contains(&self.stage);
        let own = |stage, percent, office| {
            let running = Running { start: self.since, lasts: self.lasts(self.since, percent, office), round: self.anew };
            (self.stage == stage).then_some(running)
        };
        let long = |start: Time, end: Time| Some(Running { start, lasts: Lasts::Until(end), round: self.submitted });
        let concern = self.kind == ReferralKind::ChildConcern;
        match clock {
            ClockName::Clear => own("held", 25, 1020).filter(|_| self.parts.iter().any(|part| !part.decided)),
            ClockName::Open => own("ready", 33, 1020),
            ClockName::Decide => own("opened", 50, 2550),
            ClockName::Contact if self.is_of_an_offence() && with_recipient && !self.reached => long(self.reported, self.reported.plus_minutes(48 * 60)),
            ClockName::Leave if self.stage != "ended" => {
                let waits = self.parts.iter().any(|part| part.may_leave() && (concern || part.pressing));
                long(self.submitted, self.submitted.plus_minutes(60)).filter(|_| waits)
            }
            ClockName::Board if concern && with_recipient => long(self.received?, after_days(self.received?, &[14])),
            ClockName::Feedback if concern && with_recipient => long(self.received?, after_days(self.received?, &[14, 7])),
            ClockName::Keep if self.stage != "ended" => {
                let start = self.oldest(|part| !part.offered && !part.withheld)?;
                Some(Running { start, lasts: Lasts::Until(start.plus_minutes(30 * 24 * 60)), round: start })
            }
            ClockName::Supplement if self.stage == "opened" || self.stage == "accepted" => {
                let offered = self.parts.iter().filter(|part| part.offered).filter_map(|part| part.since).max()?;
                let start = offered.max(self.since);
                Some(Running { start, lasts: self.lasts(start, 0, 1020), round: offered })
            }
            ClockName::Contact | ClockName::Leave | ClockName::Board | ClockName::Feedback | ClockName::Keep | ClockName::Supplement => None,
        }
    }

    /// Notes from where on each clock runs as it does, and until when it ran as it did.
    fn note(&mut self, now: Time, until: Time) {
        for clock in CLOCKS {
            let running = self.running(clock);
            let concern = self.kind == ReferralKind::ChildConcern;
            let holds_some = self.parts.iter().any(|part| part.may_leave() && (concern || part.pressing) && !part.offered);
            let for_sender = self.stage == "held" || clock == ClockName::Keep || (clock == ClockName::Leave && holds_some);
            let last = self.spans.iter_mut().rev().find(|span| span.clock == clock && span.to == FOREVER);
            if let Some(last) = last {
                if Some(last.running) == running && last.for_sender == for_sender {
                    continue;
                }
                last.to = until;
            }
            self.spans.extend(running.map(|running| Span { clock, running, for_sender, from: now, to: FOREVER }));
        }
    }

    fn told(&self, span: &Span, level: ClockLevel) -> (Option<String>, Option<SenderStatus>) {
        let function = match (span.for_sender, self.recipient.as_str()) {
            (true, _) if self.sender == "vasterort-polis" => "vasterort-polis-brottsoffer",
            (true, _) => "solna-mottagning",
            (false, "solna-rvc") if level != ClockLevel::First => "solna-mottagning",
            (false, recipient) => recipient,
        };
        let told = match span.clock {
            ClockName::Clear | ClockName::Open | ClockName::Decide | ClockName::Supplement => Some(SenderStatus::Overdue),
            ClockName::Leave => Some(SenderStatus::Telephone),
            ClockName::Contact | ClockName::Board | ClockName::Feedback | ClockName::Keep => None,
        };
        (Some(function.to_owned()), told.filter(|_| level == ClockLevel::Overdue))
    }
}

fn histories(events: &[Event]) -> BTreeMap<ReferralId, History> {
    let mut all = BTreeMap::new();
    for event in events {
        if let Fact::ReferralSubmitted(new) = &event.fact {
            all.insert(new.referral, History::submitted(event.time, event.agency.as_str(), new));
        }
        let Some(history) = event.fact.referral().and_then(|id| all.get_mut(&id)) else { continue };
        history.apply(&event.fact, event.time);
        // Whoever destroys content makes the marks first that are due.
        let until = if matches!(event.fact, Fact::ContentDestroyed(_)) { Time::from_micros(event.time.micros() + 1) } else { event.time };
        history.note(event.time, until);
    }
    all
}

const LEVELS: [(ClockLevel, i64); 3] = [(ClockLevel::First, 50), (ClockLevel::Second, 80), (ClockLevel::Overdue, 100)];

/// The marks that must stand in a log whose brokers looked at exactly these moments, each after what the parties did then.
pub fn expected(events: &[Event], ticks: &BTreeSet<Time>, office: &Office) -> BTreeSet<Made> {
    let mut all = BTreeSet::new();
    for (id, history) in histories(events) {
        let mut seen = BTreeSet::new();
        for span in &history.spans {
            for (level, percent) in LEVELS {
                let start = span.running.start;
                let due = match span.running.lasts {
                    Lasts::Until(end) => Time::from_micros(start.micros() + (end.micros() - start.micros()) * percent / 100),
                    Lasts::Office(minutes) => office.after(start, minutes * percent / 100),
                };
                let tick = ticks.range(due.max(span.from)..).next().copied().filter(|tick| *tick < span.to);
                // A clock that is not begun anew makes no mark a second time.
                if let Some(at) = tick.filter(|_| seen.insert((span.clock, span.running.round, level))) {
                    let (function, told) = history.told(span, level);
                    all.insert((id, span.clock, level, at, function, told));
                }
            }
        }
    }
    all
}
