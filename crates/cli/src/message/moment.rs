//! Moments: absolute as RFC 3339, or counted from a given now, so that examples do not age.

use jiff::{SignedDuration, Timestamp};

/// Most days that a relative time may lie away.
const DAYS_MAX: i64 = 3_660;

/// The moment that a text names; `None` when it names none. Relative: a sign, a number, and `s`, `m`, `h` or `d`.
pub fn moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    if !is_relative(text) {
        return text.parse().ok().map(micros);
    }
    let (amount, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let amount: i64 = amount.parse().ok()?;
    let unit_seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let seconds = amount.checked_mul(unit_seconds).filter(|seconds| seconds.unsigned_abs() <= (DAYS_MAX * 86_400).unsigned_abs())?;
    now.checked_add(SignedDuration::from_secs(seconds)).ok().map(micros)
}

/// Whether a text counts from now.
pub fn is_relative(text: &str) -> bool {
    text.starts_with(['-', '+'])
}

/// Whole microseconds, as the contract wants them.
pub fn micros(stamp: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(stamp.as_microsecond()).unwrap_or(stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read() {
        let now: Timestamp = "2026-11-23T12:00:00.123456789Z".parse().unwrap();
        for (text, wanted) in [
            ("-2h", Some("2026-11-23T10:00:00.123456Z")),
            ("+90d", Some("2027-02-21T12:00:00.123456Z")),
            ("-30m", Some("2026-11-23T11:30:00.123456Z")),
            ("+0s", Some("2026-11-23T12:00:00.123456Z")),
            ("2026-11-23T13:00:00+01:00", Some("2026-11-23T12:00:00Z")),
            ("-2", None),
            ("-", None),
            ("+h", None),
            ("-2w", None),
            ("--2h", None),
            ("+99999999999999999999d", None),
            ("+4000d", None),
            ("-2é", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(moment(text, now).map(|stamp| stamp.to_string()).as_deref(), wanted, "{text}");
        }
    }
}
