//! Swedish identifiers, checked before they are hashed.
//!
//! What comes out is one spelling for each person's number, which the door turns into a keyed hash and nobody else sees. No
//! error here repeats a value.

use zeroize::Zeroizing;

use crate::v1::IdentifierType;

/// Letters that stand for the first digit of the serial in an interim number.
const INTERIM_LETTERS: &[u8] = b"PTRSUWXJKLMN";
/// What a day of birth is raised by in a coordination number.
const COORDINATION_DAYS: u32 = 60;

/// An identifier in its one spelling.
pub(crate) struct Normalised {
    pub(crate) kind: IdentifierType,
    pub(crate) value: Zeroizing<String>,
}

/// Checks an identifier and gives its one spelling, or says what is wrong with it.
pub(crate) fn normalise(kind: IdentifierType, value: &str) -> Result<Normalised, &'static str> {
    let value = match kind {
        IdentifierType::Unspecified => return Err("the type must be set"),
        IdentifierType::PersonalNumber => personal(value, 0),
        IdentifierType::CoordinationNumber => personal(value, COORDINATION_DAYS),
        IdentifierType::ReserveNumber => reserve(value),
        IdentifierType::Local => local(value),
    }?;
    Ok(Normalised { kind, value })
}

/// `YYYYMMDD`, an optional `-` or `+`, and four more, of which the last is a check (Luhn over the ten without the century).
fn personal(value: &str, raised_by: u32) -> Result<Zeroizing<String>, &'static str> {
    const SHAPE: &str = "must be of the form YYYYMMDD-NNNC";
    let (date, rest) = value.split_at_checked(8).ok_or(SHAPE)?;
    let serial = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    if serial.len() != 4 || !date.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(SHAPE);
    }
    let digits = Zeroizing::new(format!("{date}{serial}").to_ascii_uppercase());
    if !is_date(date, raised_by).ok_or(SHAPE)? {
        return Err("the first eight digits are no date of birth");
    }
    let mut plain = Zeroizing::new(digits.as_bytes().to_vec());
    if let Some(letter) = plain.get_mut(8)
        && INTERIM_LETTERS.contains(letter)
    {
        *letter = b'1';
    }
    match luhn(plain.get(2..).ok_or(SHAPE)?) {
        None => Err(SHAPE),
        Some(false) => Err("the check digit does not match"),
        Some(true) => Ok(digits),
    }
}

/// Whether eight digits are a date once `raised_by` is taken off the day; `None` when they are no numbers.
pub(crate) fn is_date(digits: &str, raised_by: u32) -> Option<bool> {
    let (year, rest) = digits.split_at_checked(4)?;
    let (month, day) = rest.split_at_checked(2)?;
    let (year, month, day): (u32, u32, u32) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    Some((1800..2100).contains(&year) && (1..=12).contains(&month) && day.checked_sub(raised_by).is_some_and(|day| (1..=days).contains(&day)))
}

/// Whether the digits have a valid check at their end; `None` when something else than digits is among them.
fn luhn(digits: &[u8]) -> Option<bool> {
    let mut sum = 0;
    for (place, byte) in digits.iter().rev().enumerate() {
        let digit = u32::from(byte.checked_sub(b'0').filter(|digit| *digit <= 9)?);
        let weighed = if place % 2 == 0 { digit } else { digit * 2 };
        sum += weighed / 10 + weighed % 10;
    }
    Some(sum % 10 == 0)
}

/// Whether a text is a personal or coordination number with a valid check digit: with or without century and separator.
pub(crate) fn is_personal_number(text: &str) -> bool {
    let shaped = |date: &str| {
        let century = if date.len() == 6 { "20" } else { "" };
        let serial = text.get(date.len()..).map(|rest| rest.strip_prefix(['-', '+']).unwrap_or(rest))?;
        let whole = format!("{century}{date}{serial}");
        [0, COORDINATION_DAYS].into_iter().any(|raised_by| personal(&whole, raised_by).is_ok()).then_some(())
    };
    [8, 6].into_iter().any(|length| text.get(..length).and_then(shaped).is_some())
}

fn reserve(value: &str) -> Result<Zeroizing<String>, &'static str> {
    let plain: String = value.chars().filter(|letter| *letter != '-').collect();
    let plain = Zeroizing::new(plain.to_ascii_uppercase());
    if (4..=32).contains(&value.len()) && plain.len() >= 4 && plain.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Ok(plain)
    } else {
        Err("must be 4 to 32 letters, digits and hyphens")
    }
}

fn local(value: &str) -> Result<Zeroizing<String>, &'static str> {
    let length = value.chars().count();
    if (1..=64).contains(&length) && !value.chars().any(char::is_control) && value.trim() == value {
        Ok(Zeroizing::new(value.to_owned()))
    } else {
        Err("must be 1 to 64 printable characters without space at either end")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use IdentifierType::{CoordinationNumber, Local, PersonalNumber, ReserveNumber, Unspecified};

    /// Numbers that were published for tests and belong to nobody.
    #[test]
    fn one_spelling_for_each_number() {
        for (kind, value, wanted) in [
            (PersonalNumber, "19821105-9954", "198211059954"),
            (PersonalNumber, "198211059954", "198211059954"),
            (PersonalNumber, "18791221+9990", "187912219990"),
            (PersonalNumber, "20001209-9891", "200012099891"),
            (PersonalNumber, "20000101-t220", "20000101T220"),
            (CoordinationNumber, "19570574-9959", "195705749959"),
            (ReserveNumber, "ab-12-cd", "AB12CD"),
            (Local, "Kund 7", "Kund 7"),
        ] {
            assert_eq!(normalise(kind, value).map(|known| known.value.as_str().to_owned()), Ok(wanted.to_owned()), "{value}");
        }
    }

    #[test]
    fn a_wrong_number_is_refused_without_being_repeated() {
        for (kind, value) in [
            (Unspecified, "19821105-9954"),
            (PersonalNumber, ""),
            (PersonalNumber, "821105-9954"),
            (PersonalNumber, "19821105-9955"),
            (PersonalNumber, "19821105-99544"),
            (PersonalNumber, "19821105 9954"),
            (PersonalNumber, "19821105--954"),
            (PersonalNumber, "19821305-9954"),
            (PersonalNumber, "19820230-9954"),
            (PersonalNumber, "19000229-9954"),
            (PersonalNumber, "19570574-9959"),
            (PersonalNumber, "1982110å-995"),
            (PersonalNumber, "20000101-A220"),
            (PersonalNumber, "20000101-T22A"),
            (PersonalNumber, "20000101-TT20"),
            (CoordinationNumber, "19821105-9954"),
            (CoordinationNumber, "19390182-9913"),
            (CoordinationNumber, "19570560-9959"),
            (CoordinationNumber, "19570592-9959"),
            (ReserveNumber, "a-1"),
            (ReserveNumber, "----------"),
            (ReserveNumber, "räv12"),
            (Local, ""),
            (Local, " x"),
            (Local, "a\nb"),
        ] {
            let error = normalise(kind, value).map(|_| ()).unwrap_err();
            assert!(value.is_empty() || !error.contains(value), "{error}");
        }
    }
}
