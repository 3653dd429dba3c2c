//! Clocks: which of them run for a referral, which marks are due, and who is told.
//!
//! How long anything takes stands in the table. A mark is made by a command of the broker, decided under the head's lock like every other,
//! and recorded in the referral: so each is made once, whoever tries, and none after the act that ends its clock. Time closes nothing.

mod calendar;
mod table;
#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::string_slice, reason = "tests fail by panicking")]
mod tests;

pub use calendar::{Holiday, HolidayRule, Hours, MonthDay, Opening, WallTime, Weekday};
pub use table::{Addressee, ClockError, ClockRule, ClockTable, MarkRule, OpenStage, Period, Start, is_alarm};

use std::collections::BTreeSet;

use calendar::Calendar;

use crate::codes::{ClockLevel, ClockName, SenderStatus};
use crate::content;
use crate::decide::Draft;
use crate::directory::{Directory, Function};
use crate::event::{Escalation, Fact, Outcome, Reminder};
use crate::gate;
use crate::grounds::{Deadline, DeadlineKind, GroundTable};
use crate::ids::{AgencyId, FunctionId, Position};
use crate::referral::{Cell, CellState, Referral, Section, Stage};
use crate::refusal::Refusal;
use crate::time::Time;

/// The table of clocks that ships with Brygga.
pub const SHIPPED: &str = include_str!("../data/clocks.json");

/// The next look at a referral that is open and has no mark left.
pub const NEVER: Time = Time::from_micros(crate::time::TIME_MAX_US);

/// What clocks are read under.
#[derive(Debug, Clone, Copy)]
pub struct Duty<'a> {
    /// The tables.
    pub table: &'a GroundTable,
    /// Who takes part.
    pub directory: &'a Directory,
}

/// A mark of a clock that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Which clock.
    pub clock: ClockName,
    /// Which level.
    pub level: ClockLevel,
}

/// A mark that was not made yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Which clock.
    pub clock: ClockName,
    /// Which level.
    pub level: ClockLevel,
    /// When it is due.
    pub at: Time,
    /// When the clock runs out.
    pub deadline: Time,
    /// The function that is told.
    pub to: Option<FunctionId>,
    /// What the sender is told.
    pub tells: Option<SenderStatus>,
}

/// A clock that runs.
struct Running<'a> {
    rule: &'a ClockRule,
    start: Time,
    deadline: Time,
    /// The office minutes that it lasts, in microseconds, and whose they are.
    office: Option<(i64, &'a Opening)>,
}

impl Running<'_> {
    fn at(&self, percent: u8, calendar: Calendar<'_>) -> Time {
        let share = |whole: i64| whole.saturating_mul(i64::from(percent)) / 100;
        match self.office {
            Some((micros, opening)) => calendar.after_open(self.start, share(micros), opening),
            None => Time::from_micros(self.start.micros().saturating_add(share(self.deadline.micros().saturating_sub(self.start.micros())))),
        }
    }
}

impl<'a> Duty<'a> {
    fn clocks(self) -> &'a ClockTable {
        self.table.clocks()
    }

    fn calendar(self) -> Calendar<'a> {
        Calendar { holidays: &self.clocks().holidays }
    }

    fn opening(self, function: Option<&'a Function>) -> &'a Opening {
        function.and_then(|function| function.duty.opening.as_ref()).unwrap_or(&self.clocks().office_hours)
    }

    /// Whether a clock waits for the sender: while the referral is held, and later for what is held of it.
    fn waits_for_sender(self, referral: &Referral, clock: ClockName) -> bool {
        let rule = || self.clocks().clocks.iter().find(|rule| rule.clock == clock && self.fits(referral, rule));
        let holds_some = || rule().is_some_and(|rule| self.waited_for(referral, rule).any(|section| !section.offered));
        referral.stage == Stage::Held || clock == ClockName::Keep || (clock == ClockName::Leave && holds_some())
    }

    /// Who owns what a clock waits for: the sender's clearance function, or the recipient.
    fn owner(self, referral: &Referral, clock: ClockName) -> Option<&'a Function> {
        OpenStage::of(referral.stage)?;
        if self.waits_for_sender(referral, clock) {
            self.directory.clearance_functions(&referral.sender).find(|function| !referral.excludes_function(&function.id))
        } else {
            self.directory.function(&referral.recipient)
        }
    }

    /// The function that a mark goes to: another function only of the same agency, for it learns which referral waits.
    fn addressee(self, referral: &Referral, (clock, to): (ClockName, Addressee), now: Time) -> Option<FunctionId> {
        Some(self.on_duty(referral, (self.owner(referral, clock)?, to), now))
    }

    /// The clearance function of an agency that is there to be called about a referral.
    pub fn clearer(self, referral: &Referral, agency: &AgencyId, now: Time) -> Option<FunctionId> {
        let owner = self.directory.clearance_functions(agency).find(|function| !referral.excludes_function(&function.id))?;
        Some(self.on_duty(referral, (owner, Addressee::Owner), now))
    }

    fn on_duty(self, referral: &Referral, (owner, to): (&'a Function, Addressee), now: Time) -> FunctionId {
        let sister = |named: &Option<FunctionId>| {
            let other = named.as_ref().and_then(|id| self.directory.function(id));
            other.filter(|other| other.host == owner.host && !referral.excludes_function(&other.id))
        };
        let named = match to {
            Addressee::Owner => owner,
            Addressee::Deputy => sister(&owner.duty.deputy).unwrap_or(owner),
        };
        let open = self.calendar().is_open(self.opening(Some(named)), now);
        let there = if open { None } else { sister(&named.duty.out_of_hours).or_else(|| sister(&owner.duty.out_of_hours)) };
        there.unwrap_or(named).id.clone()
    }

    fn start(self, referral: &Referral, rule: &ClockRule) -> Option<Time> {
        match rule.starts {
            Start::Report => referral.reported_at,
            Start::Submission => Some(referral.submitted_at),
            Start::Receipt => referral.received_at,
            Start::Stage => Some(referral.stage_since),
            Start::Content => {
                if rule.clock == ClockName::Supplement {
                    // What was offered last waits since then, or since the recipient came so far; that it was withheld after that takes nothing back.
                    let offered = referral.sections.iter().filter(|section| section.is_offered_unopened());
                    content::latest(offered).map(|kept| kept.since.max(referral.stage_since))
                } else {
                    content::oldest(self.waited_for(referral, rule)).map(|kept| kept.since)
                }
            }
        }
    }

    fn running(self, referral: &Referral, rule: &'a ClockRule) -> Option<Running<'a>> {
        let start = self.start(referral, rule)?;
        let after = |minutes: u32| start.plus_minutes(minutes);
        let mut office = None;
        let deadline = match &rule.lasts {
            Period::Minutes(minutes) => after(*minutes),
            Period::OfficeMinutes(minutes) => {
                let (micros, opening) = (i64::from(*minutes).saturating_mul(60_000_000), self.opening(self.owner(referral, rule.clock)));
                office = Some((micros, opening));
                self.calendar().after_open(start, micros, opening)
            }
            Period::Days(days) => self.calendar().after_days(start, days)?,
            Period::Share { percent, minutes_min } => {
                let left = referral.contact_due_at?.micros().saturating_sub(start.micros());
                let share = Time::from_micros(start.micros().saturating_add(left.saturating_mul(i64::from(*percent)) / 100));
                share.max(after(*minutes_min))
            }
            Period::ContactDue => referral.contact_due_at?,
            Period::ContentDays => content::destruction(self.table, self.directory, referral, content::oldest(self.waited_for(referral, rule))?),
            Period::GroundDays => self.calendar().after_days(start, &[self.ground_deadline(referral, rule)?.days?])?,
        };
        Some(Running { rule, start, deadline, office })
    }

    /// The sections that a clock waits for which waits for parts of a referral.
    fn waited_for<'r>(self, referral: &'r Referral, rule: &'r ClockRule) -> impl Iterator<Item = &'r Section> + use<'r, 'a> {
        let pressing = move |section: &Section| rule.ground_deadline.is_none_or(|kind| self.deadlines(section, kind, referral).next().is_some());
        referral.sections.iter().filter(move |section| match rule.clock {
            ClockName::Keep => section.is_held(),
            ClockName::Supplement => section.waits_unopened(),
            ClockName::Leave => section.may_still_leave() && pressing(section),
            ClockName::Clear | ClockName::Open | ClockName::Decide | ClockName::Contact | ClockName::Board | ClockName::Feedback => false,
        })
    }

    /// The deadlines of that kind of the grounds that cells of a section are to be released on.
    fn deadlines<'r>(self, section: &'r Section, kind: DeadlineKind, referral: &Referral) -> impl Iterator<Item = &'a Deadline> + use<'r, 'a> {
        let date = referral.submitted_at.date();
        let grounds = section.cells.iter().filter_map(|cell| match &cell.state {
            CellState::Decided(decision) => match &decision.outcome {
                Outcome::Release { ground, .. } => Some(ground),
                Outcome::Withhold { .. } => None,
            },
            CellState::Undecided => None,
        });
        let rows = grounds.flat_map(move |code| self.table.grounds().filter(move |ground| ground.code == *code));
        let standing = rows.filter(move |ground| ground.in_force(&date)).filter_map(|ground| ground.deadline.as_ref());
        standing.filter(move |deadline| deadline.kind == kind)
    }

    /// The shortest deadline of the rule's kind among what it waits for.
    fn ground_deadline(self, referral: &Referral, rule: &ClockRule) -> Option<&'a Deadline> {
        let kind = rule.ground_deadline?;
        self.waited_for(referral, rule).flat_map(|section| self.deadlines(section, kind, referral)).min_by_key(|deadline| deadline.days)
    }

    /// Whether a clock's time runs for a referral where it stands: it is in one of the stages, and the act that ends it has not come.
    fn fits(self, referral: &Referral, rule: &ClockRule) -> bool {
        let kind = rule.kinds.as_ref().is_none_or(|kinds| kinds.contains(&referral.kind));
        let urgency = rule.urgencies.as_ref().is_none_or(|urgencies| urgencies.contains(&referral.urgency));
        let waits = || match rule.clock {
            ClockName::Contact => referral.contacted_at.is_none(),
            ClockName::Clear => referral.waits_for_clearance(),
            ClockName::Leave | ClockName::Supplement | ClockName::Keep => self.waited_for(referral, rule).next().is_some(),
            ClockName::Open | ClockName::Decide | ClockName::Board | ClockName::Feedback => true,
        };
        kind && urgency && OpenStage::of(referral.stage).is_some_and(|stage| rule.stages.contains(&stage)) && waits()
    }

    /// The rules of the clocks that run, of each name the first that fits.
    fn each_that_runs(self, referral: &Referral, mut each: impl FnMut(&'a ClockRule)) {
        let mut seen = BTreeSet::new();
        for rule in self.clocks().clocks.iter().filter(|rule| self.fits(referral, rule)) {
            if seen.insert(rule.clock) {
                each(rule);
            }
        }
    }

    /// The clocks that run.
    fn all_running(self, referral: &Referral) -> Vec<Running<'a>> {
        let mut found = Vec::new();
        self.each_that_runs(referral, |rule| found.extend(self.running(referral, rule)));
        found
    }

    /// Every mark of the clocks that run which was not made yet, by when it is due; whoever is there now is told of what is due.
    fn marks(self, referral: &Referral, now: Time) -> Vec<Due> {
        let mut marks = Vec::new();
        for running in self.all_running(referral) {
            for mark in self.clocks().ladder(running.rule) {
                let made = Mark { clock: running.rule.clock, level: mark.level };
                // A reminder that nobody is there to get is none; that time has run out stands in the log all the same.
                if referral.marks.contains(&made) || (mark.level != ClockLevel::Overdue && self.owner(referral, made.clock).is_none()) {
                    continue;
                }
                let at = running.at(mark.percent, self.calendar());
                // Of what has run out nobody is reminded who cannot open it; that it was not opened in time its sender is told all the same.
                let in_vain = made.clock == ClockName::Supplement && !self.can_be_opened(referral, at.max(now));
                if in_vain && mark.level != ClockLevel::Overdue {
                    continue;
                }
                let to = if at <= now && !in_vain { self.addressee(referral, (made.clock, mark.to), now) } else { None };
                marks.push(Due { clock: made.clock, level: made.level, at, deadline: running.deadline, to, tells: mark.tells });
            }
        }
        marks.sort_by_key(|due| (due.at, due.clock, due.level));
        marks
    }

    /// Whether something that was offered and not opened passes the gate at that time.
    fn can_be_opened(self, referral: &Referral, at: Time) -> bool {
        let mut waiting = referral.sections.iter().filter(|section| section.waits_unopened());
        waiting.any(|section| gate::pass(referral, section, self.table, at).is_ok())
    }

    /// The marks that are due.
    pub fn due(self, referral: &Referral, now: Time) -> Vec<Due> {
        let mut marks = self.marks(referral, now);
        marks.retain(|due| due.at <= now);
        marks
    }

    /// When the referral must be looked at next, for its clocks or its content; `None` once it has ended and no content is there.
    pub fn next_look(self, referral: &Referral, now: Time) -> Option<Time> {
        let destroyed = content::next_destruction(self.table, self.directory, referral);
        let marked = OpenStage::of(referral.stage).map(|_| self.marks(referral, now).first().map_or(NEVER, |due| due.at.min(NEVER)));
        marked.into_iter().chain(destroyed).min()
    }

    /// What the sender is told of a referral whose time ran out, as long as that holds.
    pub fn alarm(table: &GroundTable, referral: &Referral) -> Option<SenderStatus> {
        let (nobody, mut told) = (Directory::default(), None);
        Duty { table, directory: &nobody }.each_that_runs(referral, |rule| {
            let mark = table.clocks().ladder(rule).iter().find(|mark| mark.level == ClockLevel::Overdue);
            let made = referral.marks.contains(&Mark { clock: rule.clock, level: ClockLevel::Overdue });
            told = told.or(mark.and_then(|mark| mark.tells).filter(|_| made && rule.clock.may_tell()));
        });
        told
    }

    /// The highest mark that was made of a clock which still runs and waits for the sender.
    pub fn senders_level(table: &GroundTable, referral: &Referral) -> Option<ClockLevel> {
        Self::level(table, referral, true)
    }

    /// The same of the clocks that wait for the recipient: neither sees the other's.
    pub fn recipients_level(table: &GroundTable, referral: &Referral) -> Option<ClockLevel> {
        Self::level(table, referral, false)
    }

    fn level(table: &GroundTable, referral: &Referral, of_sender: bool) -> Option<ClockLevel> {
        let (nobody, mut level) = (Directory::default(), None);
        let duty = Duty { table, directory: &nobody };
        duty.each_that_runs(referral, |rule| {
            if duty.waits_for_sender(referral, rule.clock) != of_sender {
                return;
            }
            level = level.max(referral.marks.iter().filter(|mark| mark.clock == rule.clock).map(|mark| mark.level).max());
        });
        level
    }
}

impl Section {
    /// Whether it has not left, its content is there, and nobody has decided that it stays.
    fn may_still_leave(&self) -> bool {
        self.released.is_none() && self.has_content() && !self.cells.iter().any(Cell::is_withheld)
    }
}

impl Referral {
    /// Whether some cell of a section that can leave waits for a decision: nobody has decided, or a second officer has not, or what it was decided on
    /// was withdrawn. What was decided under an earlier policy is not decided again for a clock.
    pub fn waits_for_clearance(&self) -> bool {
        let withdrawn = |at: Position| self.consents.iter().any(|consent| consent.at == at && consent.withdrawn.is_some());
        let can_leave = self.sections.iter().filter(|section| !section.cells.iter().any(Cell::is_withheld));
        can_leave.flat_map(|section| &section.cells).any(|cell| match &cell.state {
            CellState::Undecided => true,
            CellState::Decided(decision) => (decision.second_officer && decision.confirmed.is_none()) || decision.outcome.consent().is_some_and(withdrawn),
        })
    }
}

/// Makes the marks that are due.
pub(crate) fn mark(to: &mut Draft<'_>) -> Result<(), Refusal> {
    let facts = to.facts;
    let duty = Duty { table: facts.table, directory: facts.directory };
    let referral = to.referral()?;
    let id = referral.id;
    for due in duty.due(referral, facts.now) {
        let fact = match (due.level, due.to) {
            (ClockLevel::Overdue, function) => {
                Fact::Escalated(Escalation { referral: id, clock: due.clock, function, deadline: due.deadline, told: due.tells })
            }
            (ClockLevel::First | ClockLevel::Second, Some(function)) => {
                Fact::ReminderSent(Reminder { referral: id, clock: due.clock, level: due.level, function, due_at: due.at, deadline: due.deadline })
            }
            (ClockLevel::First | ClockLevel::Second, None) => continue,
        };
        to.push(fact);
    }
    Ok(())
}
