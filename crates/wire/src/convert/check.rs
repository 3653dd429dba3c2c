//! Collects the faults of one request while its fields are read.
//!
//! Every reader gives `None` when it has noted a fault, so that the rest of the request is still looked at, and `finish` makes
//! the whole only when there was none.

#![expect(clippy::option_option, reason = "the outer None says that a fault is noted, the inner one that the field was left out")]

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use brygga_domain::event::{Officer, PersonName};
use brygga_domain::{AgencyId, Code, OfficerProof, OfficerPseudonym, ReferralName, RequestId, Time};
use prost_types::Timestamp;
use uuid::Uuid;

use super::{Asked, FieldViolation, Malformed, Warning};
use crate::content::party;
use crate::door::Door;
use crate::door::is_officer;
use crate::limits::{DISTRICT_BYTES_MAX, VIOLATIONS_MAX};
use crate::lint::{Act, Finding, findings_in_label};
use brygga_domain::command::Action;

const MISSING: &str = "must be set";
const UNKNOWN_CODE: &str = "must be set to a known code";
const TWICE: &str = "stands twice";

/// The faults found so far.
#[derive(Debug, Default)]
pub(super) struct Check {
    violations: Vec<FieldViolation>,
    warnings: Vec<Warning>,
}

/// What every write begins with.
pub(super) struct Head<'a> {
    pub(super) request_id: &'a str,
    pub(super) officer: &'a str,
    pub(super) pinned_size: u64,
    pub(super) door: &'a Door,
    pub(super) agency: &'a AgencyId,
}

/// Names the fields that every write has, whatever its message.
macro_rules! head {
    ($request:ident, $door:ident, $agency:ident) => {
        crate::convert::check::Head {
            request_id: &$request.request_id,
            officer: &$request.officer,
            pinned_size: $request.pinned_size,
            door: $door,
            agency: $agency,
        }
    };
}
pub(super) use head;

impl Check {
    /// Notes a fault.
    pub(super) fn fault(&mut self, field: impl fmt::Display, description: &'static str) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(FieldViolation { field: field.to_string(), description });
        }
    }

    /// Notes what was found at a field by what its rule says of it; whether it is refused.
    pub(super) fn found(&mut self, field: impl fmt::Display, finding: &Finding) -> bool {
        match finding.act {
            Act::Refuse => self.fault(field, &finding.words.en),
            Act::Warn if self.warnings.len() < VIOLATIONS_MAX => self.warnings.push(Warning { field: field.to_string(), words: finding.words }),
            Act::Warn => {}
        }
        finding.act == Act::Refuse
    }

    /// The whole, if there was no fault.
    pub(super) fn finish<T>(self, whole: Option<T>) -> Result<T, Malformed> {
        match whole {
            Some(whole) if self.violations.is_empty() => Ok(whole),
            Some(_) | None => Err(Malformed { violations: self.violations }),
        }
    }

    /// The write, if neither its head nor its action had a fault.
    pub(super) fn asked(self, head: &Head<'_>, action: Option<Action>) -> Result<Asked, Malformed> {
        self.asked_with(head, action, Some(())).map(|(asked, ())| asked)
    }

    /// The write with what else was read from it.
    pub(super) fn asked_with<T>(mut self, head: &Head<'_>, action: Option<Action>, with: Option<T>) -> Result<(Asked, T), Malformed> {
        let request: Option<RequestId> = self.uuid("request_id", head.request_id);
        let officer = self.officer(head);
        // The head stands first in every message, so its faults stand first too.
        self.violations.sort_by_key(|fault| fault.field != "request_id" && fault.field != "officer");
        let (pinned_size, warnings) = (head.pinned_size, std::mem::take(&mut self.warnings));
        self.finish((|| Some((Asked { request: request?, officer: officer?, pinned_size, action: action?, warnings }, with?)))())
    }

    fn officer(&mut self, head: &Head<'_>) -> Option<Officer> {
        if !is_officer(head.officer) {
            self.fault("officer", "must be 1 to 64 of a-z, 0-9, '.', '_' and '-'");
            return None;
        }
        Some(Officer { pseudonym: head.door.officer(head.agency, head.officer), proof: OfficerProof::Asserted })
    }

    /// An officer of the agency who may be left out.
    pub(super) fn asking_officer(&mut self, field: impl fmt::Display, officer: &str, at: (&Door, &AgencyId)) -> Option<Option<OfficerPseudonym>> {
        if officer.is_empty() {
            return Some(None);
        }
        if !is_officer(officer) {
            self.fault(field, "must be 1 to 64 of a-z, 0-9, '.', '_' and '-'");
            return None;
        }
        Some(Some(at.0.officer(at.1, officer)))
    }

    /// A UUID with hyphens that is not all zeros.
    pub(super) fn uuid<T: FromStr>(&mut self, field: impl fmt::Display, text: &str) -> Option<T> {
        let proper = text.len() == 36 && Uuid::try_parse(text).is_ok_and(|uuid| !uuid.is_nil());
        let id = if proper { text.parse().ok() } else { None };
        if id.is_none() {
            self.fault(field, "must be a UUID of 36 characters");
        }
        id
    }

    /// A UUID that may be left out: the outer `None` is a fault, the inner one says that it was left out.
    pub(super) fn optional_uuid<T: FromStr>(&mut self, field: impl fmt::Display, text: &str) -> Option<Option<T>> {
        if text.is_empty() { Some(None) } else { self.uuid(field, text).map(Some) }
    }

    /// The name of an agency or a function.
    pub(super) fn slug<T: FromStr>(&mut self, field: impl fmt::Display, text: &str) -> Option<T> {
        let id = text.parse().ok();
        if id.is_none() {
            self.fault(field, "must be 2 to 63 lower-case letters, digits and hyphens, and begin with a letter");
        }
        id
    }

    /// A referral, by id or reference.
    pub(super) fn referral(&mut self, field: impl fmt::Display, text: &str) -> Option<ReferralName> {
        // A UUID is taken in its one spelling only; a reference as people type it.
        let name = text.parse().ok().filter(|name| match name {
            ReferralName::Id(_) => text.len() == 36,
            ReferralName::Reference(_) => text.len() <= 32,
        });
        if name.is_none() {
            self.fault(field, "must be a UUID or a reference such as BR-XXXX-XXXX-X whose check matches");
        }
        name
    }

    /// A person's name.
    pub(super) fn person(&mut self, field: impl fmt::Display, text: &str) -> Option<PersonName> {
        let name = party(text);
        if name.is_none() {
            self.fault(field, "must be a role and a number from 1 to 99, for example victim-1");
        }
        name
    }

    /// A code of a closed list.
    pub(super) fn code<C: Code>(&mut self, field: impl fmt::Display, number: i32) -> Option<C> {
        let code = C::from_number(number);
        if code.is_none() {
            self.fault(field, UNKNOWN_CODE);
        }
        code
    }

    /// A code that may be left out.
    pub(super) fn optional_code<C: Code>(&mut self, field: impl fmt::Display, number: i32) -> Option<Option<C>> {
        if number == 0 { Some(None) } else { self.code(field, number).map(Some) }
    }

    /// Codes, each once.
    pub(super) fn codes<C: Code + Ord>(&mut self, field: &str, numbers: &[i32]) -> Option<Vec<C>> {
        let mut seen = BTreeSet::new();
        let mut codes = Vec::new();
        for (index, number) in numbers.iter().enumerate().take(C::ALL.len() + 1) {
            let code = self.code(format_args!("{field}[{index}]"), *number)?;
            if !seen.insert(code) {
                self.fault(format_args!("{field}[{index}]"), TWICE);
                return None;
            }
            codes.push(code);
        }
        Some(codes)
    }

    /// A time that must be there.
    pub(super) fn time(&mut self, field: impl fmt::Display, time: Option<&Timestamp>) -> Option<Time> {
        if time.is_none() {
            self.fault(field, MISSING);
            return None;
        }
        self.optional_time(field, time)?
    }

    /// A time that may be left out.
    pub(super) fn optional_time(&mut self, field: impl fmt::Display, time: Option<&Timestamp>) -> Option<Option<Time>> {
        let Some(time) = time else { return Some(None) };
        let named = micros(*time).and_then(Time::named);
        if named.is_none() {
            self.fault(field, "must be whole microseconds of UTC between the years 2000 and 2100");
        }
        named.map(Some)
    }

    /// A message that must be there.
    pub(super) fn message<T>(&mut self, field: impl fmt::Display, message: Option<T>) -> Option<T> {
        if message.is_none() {
            self.fault(field, MISSING);
        }
        message
    }

    /// A language, ISO 639-3; empty: not said.
    pub(super) fn language(&mut self, field: impl fmt::Display, text: String) -> Option<Option<String>> {
        if text.is_empty() {
            return Some(None);
        }
        if text.len() != 3 || !text.bytes().all(|byte| byte.is_ascii_lowercase()) {
            self.fault(field, "must be three lower-case letters (ISO 639-3)");
            return None;
        }
        Some(Some(text))
    }

    /// A day, `YYYY-MM-DD`, as the time at which it begins in UTC; empty: not said.
    pub(super) fn optional_day(&mut self, field: impl fmt::Display, text: &str) -> Option<Option<Time>> {
        if text.is_empty() {
            return Some(None);
        }
        let begins = Time::of_day(text);
        if begins.is_none() {
            self.fault(field, "must be a day as YYYY-MM-DD, from 2000 to 2099");
        }
        begins.map(Some)
    }

    /// A territory as the directory names it; empty: not said.
    pub(super) fn territory(&mut self, field: impl fmt::Display, text: String) -> Option<Option<String>> {
        if text.is_empty() {
            return Some(None);
        }
        let (municipality, district) = text.split_once('/').unwrap_or((&text, "x"));
        let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let proper = municipality.len() == 4 && municipality.bytes().all(|byte| byte.is_ascii_digit()) && !district.is_empty() && district.bytes().all(known);
        if text.len() > DISTRICT_BYTES_MAX || !proper {
            self.fault(field, "must be a municipality code of four digits, with a district of a-z, 0-9 and '-' after a slash where there is one");
            return None;
        }
        Some(Some(text))
    }

    /// Text of a number of bytes, without control characters but line breaks.
    pub(super) fn text(&mut self, field: impl fmt::Display, text: &str, bytes: std::ops::RangeInclusive<usize>, description: &'static str) -> Option<()> {
        let control = |letter: char| letter.is_control() && letter != '\n' && letter != '\t';
        if !bytes.contains(&text.len()) || text.chars().any(control) || (text.trim().is_empty() && !text.is_empty()) {
            self.fault(field, description);
            return None;
        }
        Some(())
    }

    /// Text that is shown without any section, so that nobody can be known or found by it.
    pub(super) fn label(&mut self, field: impl fmt::Display, text: &str, bytes: std::ops::RangeInclusive<usize>, description: &'static str) -> Option<()> {
        self.text(&field, text, bytes, description)?;
        let mut refused = false;
        for finding in findings_in_label(text) {
            refused |= self.found(&field, &finding);
        }
        (!refused).then_some(())
    }

    /// Whether the number of items is within bounds.
    pub(super) fn count(&mut self, field: &str, found: usize, bounds: std::ops::RangeInclusive<usize>) -> Option<()> {
        if found < *bounds.start() {
            self.fault(field, "must not be empty");
        } else if found > *bounds.end() {
            self.fault(field, "holds more items than the limit");
        }
        bounds.contains(&found).then_some(())
    }

    /// Notes that an item stands twice.
    pub(super) fn twice(&mut self, field: impl fmt::Display) {
        self.fault(field, TWICE);
    }
}

/// Microseconds of a timestamp; `None` when it has nanoseconds below them or is out of range.
fn micros(time: Timestamp) -> Option<i64> {
    let proper = (0..1_000_000_000).contains(&time.nanos) && time.nanos % 1000 == 0;
    if !proper {
        return None;
    }
    time.seconds.checked_mul(1_000_000)?.checked_add(i64::from(time.nanos / 1000))
}
