//! Swedish days and opening hours: when somebody is there, and when a time that is counted in days or in office minutes ends.
//!
//! Everything is reckoned in Europe/Stockholm, so that a day with a change to or from daylight-saving time has the hours that it has.

use std::collections::BTreeSet;

use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use crate::grounds::{Text, in_force};
use crate::time::{SWEDEN, Time};

/// How many days opening hours are looked for before a time is counted by the clock: a function that never opens has no office minutes.
const DAYS_AHEAD_MAX: u32 = 400;
/// Minutes of a day by the clock on the wall.
const DAY_MINUTES: u16 = 24 * 60;

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

impl Weekday {
    fn of(date: Date) -> Self {
        match date.weekday() {
            jiff::civil::Weekday::Monday => Self::Monday,
            jiff::civil::Weekday::Tuesday => Self::Tuesday,
            jiff::civil::Weekday::Wednesday => Self::Wednesday,
            jiff::civil::Weekday::Thursday => Self::Thursday,
            jiff::civil::Weekday::Friday => Self::Friday,
            jiff::civil::Weekday::Saturday => Self::Saturday,
            jiff::civil::Weekday::Sunday => Self::Sunday,
        }
    }
}

/// A time on the wall, `HH:MM`, from `00:00` to `24:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WallTime(u16);

impl TryFrom<String> for WallTime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("{text} is not a time of the form HH:MM");
        let (hours, minutes) = text.split_once(':').filter(|(hours, minutes)| hours.len() == 2 && minutes.len() == 2).ok_or_else(wrong)?;
        let (hours, minutes): (u16, u16) = (hours.parse().map_err(|_| wrong())?, minutes.parse().map_err(|_| wrong())?);
        let all = hours.saturating_mul(60).saturating_add(minutes);
        if minutes < 60 && all <= DAY_MINUTES { Ok(Self(all)) } else { Err(wrong()) }
    }
}

impl From<WallTime> for String {
    fn from(time: WallTime) -> Self {
        format!("{:02}:{:02}", time.0 / 60, time.0 % 60)
    }
}

/// Hours of some days of the week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// The days.
    pub days: BTreeSet<Weekday>,
    /// From when.
    pub from: WallTime,
    /// Until when.
    pub to: WallTime,
}

/// When somebody is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// The hours of the week.
    pub hours: Vec<Hours>,
    /// Whether they hold on holidays, too.
    #[serde(default)]
    pub holidays: bool,
}

impl Opening {
    /// Whether it ever opens, and no hours end before they begin.
    pub fn is_sound(&self) -> bool {
        !self.hours.is_empty() && self.hours.iter().all(|hours| hours.from < hours.to && !hours.days.is_empty())
    }
}

/// A day on which offices are closed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    /// Which day of the year.
    pub on: HolidayRule,
    /// The first day of its being one, `YYYY-MM-DD`; absent: always.
    #[serde(default)]
    pub valid_from: Option<String>,
    /// The first day of its being none any more; absent: still one.
    #[serde(default)]
    pub valid_to: Option<String>,
    /// What people call it.
    pub name: Text,
}

/// Which day of a year.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum HolidayRule {
    /// A date, `MM-DD`.
    Date(MonthDay),
    /// So many days after Easter Sunday.
    Easter(i16),
    /// The first such day of the week on or after a date.
    WeekdayFrom {
        /// The day of the week.
        weekday: Weekday,
        /// `MM-DD`.
        date: MonthDay,
    },
}

/// A day of every year, `MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MonthDay(i8, i8);

impl TryFrom<String> for MonthDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("{text} is not a day of the form MM-DD");
        // In a year that has no 29 February, so that the day is in every year.
        let date: Date = format!("2025-{text}").parse().map_err(|_| wrong())?;
        if text.len() == 5 { Ok(Self(date.month(), date.day())) } else { Err(wrong()) }
    }
}

impl From<MonthDay> for String {
    fn from(day: MonthDay) -> Self {
        format!("{:02}-{:02}", day.0, day.1)
    }
}

impl MonthDay {
    /// Whether the date is one of the seven days that begin with this one.
    fn is_within_a_week_of(self, date: Date) -> bool {
        let Ok(first) = Date::new(date.year(), self.0, self.1) else { return false };
        first <= date && first.checked_add(7.days()).is_ok_and(|end| date < end)
    }
}

impl Holiday {
    fn falls_on(&self, date: Date) -> bool {
        let day = match self.on {
            HolidayRule::Date(day) => day == MonthDay(date.month(), date.day()),
            HolidayRule::Easter(days) => easter(date.year()).and_then(|sunday| sunday.checked_add(i64::from(days).days()).ok()) == Some(date),
            HolidayRule::WeekdayFrom { weekday, date: first } => Weekday::of(date) == weekday && first.is_within_a_week_of(date),
        };
        let always = self.valid_from.is_none() && self.valid_to.is_none();
        day && (always || in_force(self.valid_from.as_deref().unwrap_or_default(), self.valid_to.as_deref(), &date.to_string()))
    }
}

/// Easter Sunday by the Gregorian rule (the anonymous algorithm, as in Meeus, Astronomical Algorithms, chapter 8).
fn easter(year: i16) -> Option<Date> {
    let year_number = i32::from(year);
    let (a, b, c) = (year_number % 19, year_number / 100, year_number % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (b - (b + 8) / 25 + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    Date::new(year, i8::try_from(n / 31).ok()?, i8::try_from(n % 31 + 1).ok()?).ok()
}

/// Which days count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Calendar<'a> {
    pub(super) holidays: &'a [Holiday],
}

fn local(time: Time) -> Option<DateTime> {
    Timestamp::from_microsecond(time.micros()).ok()?.in_tz(SWEDEN).ok().map(|zoned| zoned.datetime())
}

/// The moment of a wall time of a day. One that a change of clocks leaves out or repeats is taken as clocks that run on show it.
fn moment(date: Date, at: WallTime) -> Option<Time> {
    let (date, minutes) = if at.0 < DAY_MINUTES { (date, at.0) } else { (date.tomorrow().ok()?, 0) };
    let clock = date.at(i8::try_from(minutes / 60).ok()?, i8::try_from(minutes % 60).ok()?, 0, 0);
    clock.in_tz(SWEDEN).ok().map(|zoned| Time::from_micros(zoned.timestamp().as_microsecond()))
}

impl Calendar<'_> {
    fn is_holiday(self, date: Date) -> bool {
        self.holidays.iter().any(|holiday| holiday.falls_on(date))
    }

    /// The stretches of a day in which it is open, by their beginning.
    fn stretches(self, opening: &Opening, date: Date) -> Vec<(Time, Time)> {
        let mut own = opening.hours.iter().filter(|hours| hours.days.contains(&Weekday::of(date))).peekable();
        if own.peek().is_none() || (!opening.holidays && self.is_holiday(date)) {
            return Vec::new();
        }
        let mut found: Vec<(Time, Time)> = own.filter_map(|hours| moment(date, hours.from).zip(moment(date, hours.to))).collect();
        found.sort_unstable();
        found
    }

    /// Whether it is open at a moment.
    pub(super) fn is_open(self, opening: &Opening, at: Time) -> bool {
        local(at).is_some_and(|local| self.stretches(opening, local.date()).iter().any(|(from, to)| *from <= at && at < *to))
    }

    /// The moment at which so many microseconds of opening hours have passed.
    pub(super) fn after_open(self, start: Time, micros: i64, opening: &Opening) -> Time {
        let by_the_clock = Time::from_micros(start.micros().saturating_add(micros));
        let Some(first) = local(start) else { return by_the_clock };
        let (mut left, mut reached) = (micros, start);
        let mut date = first.date();
        for _ in 0..DAYS_AHEAD_MAX {
            for (from, to) in self.stretches(opening, date) {
                let from = from.max(reached);
                let there = to.micros().saturating_sub(from.micros());
                if there >= left && there > 0 {
                    return Time::from_micros(from.micros().saturating_add(left));
                }
                if there > 0 {
                    left = left.saturating_sub(there);
                    reached = to;
                }
            }
            let Ok(next) = date.tomorrow() else { break };
            date = next;
        }
        by_the_clock
    }

    /// The end of a time of whole days: the day that it is counted from is not one of them, and where its last day is a Saturday, a Sunday or
    /// a holiday it ends with the next day that is none (lag (1930:173) om beräkning av lagstadgad tid, 2 §). Each number is counted from where
    /// the one before it ended.
    pub(super) fn after_days(self, start: Time, days: &[u16]) -> Option<Time> {
        let mut date = local(start)?.date();
        for count in days {
            date = date.checked_add(i64::from(*count).days()).ok()?;
            while matches!(Weekday::of(date), Weekday::Saturday | Weekday::Sunday) || self.is_holiday(date) {
                date = date.tomorrow().ok()?;
            }
        }
        moment(date, WallTime(DAY_MINUTES))
    }
}
