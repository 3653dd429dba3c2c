//! Time as the journal keeps it: microseconds of UTC, never going back within one log.

use std::fmt;

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

/// Earliest time that a client may name: 2000-01-01T00:00:00Z.
pub const TIME_MIN_US: i64 = 946_684_800_000_000;
/// Latest time that a client may name: 2100-01-01T00:00:00Z.
pub const TIME_MAX_US: i64 = 4_102_444_800_000_000;

/// The time zone that Swedish law is dated in.
pub(crate) const SWEDEN: &str = "Europe/Stockholm";

impl Time {
    /// A time from microseconds, whatever they are: for the broker's own clock and for stored rows.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// A time that somebody else names; `None` outside the years 2000 to 2100.
    pub fn named(micros: i64) -> Option<Self> {
        (TIME_MIN_US..TIME_MAX_US).contains(&micros).then_some(Self(micros))
    }

    /// The beginning in UTC of a day that somebody else names as `YYYY-MM-DD`; `None` outside the years 2000 to 2099.
    pub fn of_day(text: &str) -> Option<Self> {
        let begins: jiff::Timestamp = if text.len() == 10 { format!("{text}T00:00:00Z").parse().ok()? } else { return None };
        Self::named(begins.as_microsecond())
    }

    /// Microseconds since the epoch.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// The time this many minutes later.
    #[must_use]
    pub fn plus_minutes(self, minutes: u32) -> Self {
        Self(self.0.saturating_add(i64::from(minutes).saturating_mul(60_000_000)))
    }

    /// Whole minutes from `earlier` to this time; negative when it lies before.
    pub fn minutes_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0) / 60_000_000
    }

    /// The date in Sweden as `YYYY-MM-DD`, which is how tables of law are dated: a statute comes into force at midnight there.
    pub fn date(self) -> String {
        let local = jiff::Timestamp::from_microsecond(self.0).and_then(|stamp| stamp.in_tz(SWEDEN));
        local.map_or_else(|_| String::from("0000-00-00"), |local| local.strftime("%Y-%m-%d").to_string())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(stamp) => write!(f, "{}", stamp.strftime("%Y-%m-%dT%H:%M:%SZ")),
            Err(_) => write!(f, "{} us", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    #[test]
    fn a_statute_comes_into_force_at_midnight_in_sweden() {
        let at = |text: &str| Time::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond()).date();
        assert_eq!((at("2025-03-31T21:59:59Z"), at("2025-03-31T22:00:00Z")), (String::from("2025-03-31"), String::from("2025-04-01")), "summer time");
        assert_eq!((at("2026-01-14T22:59:59Z"), at("2026-01-14T23:00:00Z")), (String::from("2026-01-14"), String::from("2026-01-15")), "winter time");
    }
}
