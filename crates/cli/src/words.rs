//! Codes, times and durations as people read them.

use brygga_domain::{Category, ClockLevel, Code, ReferralKind, SenderStatus, Urgency};
use brygga_wire::v1;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The text of a code number, in words; what is unknown here says so.
pub fn code<C: Code>(number: i32) -> String {
    C::from_number(number).map_or_else(|| format!("unknown ({number})"), |code| words(code.as_str()))
}

/// A code's text in words.
pub fn words(code: &str) -> String {
    code.replace('_', " ")
}

/// A category.
pub fn category(number: i32) -> String {
    code::<Category>(number)
}

/// Categories, one after the other.
pub fn categories(numbers: &[i32]) -> String {
    numbers.iter().map(|number| category(*number)).collect::<Vec<_>>().join(", ")
}

/// A kind of referral.
pub fn kind(number: i32) -> String {
    code::<ReferralKind>(number)
}

/// What a sender is told.
pub fn status(number: i32) -> String {
    code::<SenderStatus>(number)
}

/// How often somebody was reminded of something, or that time has run out; nothing, where neither is so.
pub fn reminded(number: i32) -> Option<&'static str> {
    ClockLevel::from_number(number).map(|level| match level {
        ClockLevel::First => "reminded",
        ClockLevel::Second => "reminded twice",
        ClockLevel::Overdue => "OVERDUE",
    })
}

/// How fast.
pub fn urgency(number: i32) -> String {
    code::<Urgency>(number)
}

/// The stage of an envelope.
pub fn stage(stage: v1::Stage) -> &'static str {
    match stage {
        v1::Stage::Unspecified => "unknown",
        v1::Stage::Held => "held",
        v1::Stage::Ready => "ready",
        v1::Stage::Opened => "opened",
        v1::Stage::Accepted => "accepted",
        v1::Stage::Declined => "declined",
        v1::Stage::Returned => "returned",
        v1::Stage::Closed => "closed",
        v1::Stage::Retracted => "retracted",
    }
}

/// Where a cell's clearance stands.
pub fn clearance(state: v1::ClearanceState) -> &'static str {
    match state {
        v1::ClearanceState::Unspecified | v1::ClearanceState::Undecided => "undecided",
        v1::ClearanceState::AwaitsSecondOfficer => "awaits second officer",
        v1::ClearanceState::Release => "release",
        v1::ClearanceState::Withhold => "withhold",
    }
}

/// A protobuf time.
pub fn stamp(time: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok())
}

/// The zone where Brygga works.
fn zone() -> TimeZone {
    TimeZone::get("Europe/Stockholm").unwrap_or(TimeZone::UTC)
}

/// A time in the zone where Brygga works, to the minute.
pub fn time(time: Option<&prost_types::Timestamp>) -> String {
    stamp(time).map_or_else(String::new, local)
}

/// The same from a timestamp.
pub fn local(stamp: Timestamp) -> String {
    stamp.to_zoned_datetime(zone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// The day of a moment in the zone where Brygga works.
pub fn day(stamp: Timestamp) -> jiff::civil::Date {
    stamp.to_zoned_datetime(zone()).date()
}

/// A span of minutes, for example `46 h 12 min` or `3 d 4 h`.
pub fn span(minutes: i64) -> String {
    let minutes = minutes.abs();
    match (minutes / 60, minutes % 60) {
        (0, rest) => format!("{rest} min"),
        (hours, 0) if hours < 72 => format!("{hours} h"),
        (hours, rest) if hours < 72 => format!("{hours} h {rest} min"),
        (hours, _) => format!("{} d {} h", hours / 24, hours % 24),
    }
}

/// Whole minutes from one time to another.
pub fn minutes_between(from: Timestamp, to: Timestamp) -> i64 {
    (to.as_second() - from.as_second()).div_euclid(60)
}

/// When something is due, seen from now.
pub fn due(due_at: Option<&prost_types::Timestamp>, now: Timestamp) -> String {
    let Some(due_at) = stamp(due_at) else { return String::new() };
    let minutes = minutes_between(now, due_at);
    if minutes < 0 { format!("OVERDUE by {}", span(minutes)) } else { format!("in {}", span(minutes)) }
}

/// So many of a thing: `1 section`, `4 sections`.
pub fn many(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

/// A language by its ISO 639-3 code; one that has no name here keeps its code.
pub fn language(code: &str) -> &str {
    match code {
        "ara" => "Arabic",
        "ckb" => "Sorani",
        "deu" => "German",
        "eng" => "English",
        "fas" => "Persian",
        "fin" => "Finnish",
        "kmr" => "Kurmanji",
        "pol" => "Polish",
        "prs" => "Dari",
        "rus" => "Russian",
        "som" => "Somali",
        "spa" => "Spanish",
        "swe" => "Swedish",
        "tir" => "Tigrinya",
        "tur" => "Turkish",
        "ukr" => "Ukrainian",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_short() {
        for (minutes, wanted) in [(0, "0 min"), (59, "59 min"), (60, "1 h"), (2_772, "46 h 12 min"), (2_880, "48 h"), (4_320, "3 d 0 h"), (-61, "1 h 1 min")] {
            assert_eq!(span(minutes), wanted);
        }
    }

    #[test]
    fn what_is_late_says_so() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let at = |text: &str| prost_types::Timestamp { seconds: text.parse::<Timestamp>().unwrap().as_second(), nanos: 0 };
        assert_eq!(due(Some(&at("2026-11-23T13:30:00Z")), now), "in 1 h 30 min");
        assert_eq!(due(Some(&at("2026-11-23T11:00:00Z")), now), "OVERDUE by 1 h");
        assert_eq!(due(None, now), "");
        assert_eq!(time(Some(&at("2026-11-23T11:00:00Z"))), "2026-11-23 12:00");
    }

    #[test]
    fn unknown_codes_do_not_hide() {
        assert_eq!(kind(1), "contact request");
        assert_eq!(kind(999), "unknown (999)");
    }
}
