//! Whether a pattern stands in a text. Plain scanners: each is a few lines and none of them panics, whatever the text.

use std::borrow::Cow;

use super::Pattern;
use crate::identifier::is_personal_number;

/// Fewest and most digits of a telephone number with its area code.
const TELEPHONE_DIGITS: std::ops::RangeInclusive<usize> = 8..=13;
/// How streets end; a number follows.
const STREETS: [&str; 12] = ["gatan", "gata", "vägen", "väg", "gränd", "gränden", "stigen", "torget", "allén", "backen", "esplanaden", "plan"];
/// Digits of a house number at most.
const HOUSE_DIGITS_MAX: usize = 4;

/// Whether the pattern stands somewhere in the text. Most free text has nothing that any pattern needs, and every section is looked through.
pub(super) fn stands_in(pattern: Pattern, text: &str) -> bool {
    match pattern {
        Pattern::PersonalNumber => has_digit(text) && numbers(&plain(text)).map(bare).any(is_personal_number),
        Pattern::Telephone => has_digit(text) && numbers(&plain(text)).any(is_telephone),
        Pattern::Email => text.contains('@') && text.split(|letter: char| letter.is_whitespace() || ",;<>()".contains(letter)).any(is_email),
        Pattern::StreetAddress => has_digit(text) && is_street(text),
    }
}

/// Runs of digits with what people write between them; each also without the blanks, where two numbers may stand side by side.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let belongs = |letter: char| letter.is_ascii_digit() || "+-/() ".contains(letter);
    let runs = text.split(move |letter: char| !belongs(letter)).map(str::trim);
    let words = text.split(|letter: char| letter.is_whitespace() || ",;:.".contains(letter));
    runs.chain(words).filter(|run| has_digit(run))
}

/// The text with the dashes and blanks of print as those of a keyboard.
fn plain(text: &str) -> Cow<'_, str> {
    let typed = |letter: char| match letter {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        _ if letter.is_whitespace() && !letter.is_control() => ' ',
        _ => letter,
    };
    if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.chars().map(typed).collect()) }
}

/// A number without the brackets and marks round it. One that begins with a plus is a telephone's.
fn bare(number: &str) -> &str {
    number.trim_matches(|letter: char| !letter.is_ascii_digit() && letter != '+')
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

fn is_telephone(number: &str) -> bool {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let abroad = number.starts_with('+') || digits.starts_with("00");
    let looks = number.starts_with('0') || number.starts_with("(0") || abroad;
    // A date or a time is written with digits as well, but in groups of two behind a year.
    let zeros = digits.bytes().all(|byte| byte == b'0');
    looks && !zeros && TELEPHONE_DIGITS.contains(&digits.len()) && number.bytes().all(|byte| byte.is_ascii_digit() || b"+-/() ".contains(&byte))
}

fn is_email(word: &str) -> bool {
    let Some((name, place)) = word.split_once('@') else { return false };
    let Some((host, top)) = place.trim_end_matches('.').rsplit_once('.') else { return false };
    !name.is_empty() && !host.is_empty() && top.len() >= 2 && top.chars().all(char::is_alphabetic)
}

fn is_street(text: &str) -> bool {
    let words: Vec<String> = text.split(|letter: char| letter.is_whitespace() || ",;.".contains(letter)).map(str::to_lowercase).collect();
    let is_house = |word: &String| {
        let digits = word.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        (1..=HOUSE_DIGITS_MAX).contains(&digits.len()) && word.len() <= digits.len() + 1 && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_named = |word: &String| STREETS.iter().any(|street| word.ends_with(street));
    words.windows(2).any(|pair| matches!(pair, [street, house] if is_named(street) && is_house(house)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Numbers that were published for tests, and made-up ones.
    #[test]
    fn what_is_found_and_what_only_looks_alike() {
        for (pattern, text) in [
            (Pattern::PersonalNumber, "hon är 19821105-9954 enligt anmälan"),
            (Pattern::PersonalNumber, "198211059954"),
            (Pattern::PersonalNumber, "nr 821105-9954."),
            (Pattern::PersonalNumber, "18791221+9990"),
            (Pattern::PersonalNumber, "samordningsnummer 19570574-9959"),
            (Pattern::PersonalNumber, "Amal (19821105-9954)"),
            (Pattern::PersonalNumber, "(hon har 19821105-9954)"),
            (Pattern::PersonalNumber, "barn 2 19821105-9954?"),
            (Pattern::PersonalNumber, "19821105\u{2013}9954"),
            (Pattern::Telephone, "ring 070\u{2013}174\u{a0}06\u{a0}05"),
            (Pattern::Telephone, "ring 070-174 06 05 efter nio"),
            (Pattern::Telephone, "+46 70 174 06 05"),
            (Pattern::Telephone, "08-123 456 78"),
            (Pattern::Telephone, "0701740605"),
            (Pattern::Email, "skriv till amal@example.org"),
            (Pattern::StreetAddress, "bor på Storgatan 14 B"),
            (Pattern::StreetAddress, "Solna torg, Råsundavägen 3"),
        ] {
            assert!(stands_in(pattern, text), "{pattern:?} in {text:?}");
        }
        for (pattern, text) in [
            (Pattern::PersonalNumber, "19821105-9955"),
            (Pattern::PersonalNumber, "B 1234-26, 5000-K1-26"),
            (Pattern::PersonalNumber, "+4611150006"),
            (Pattern::Telephone, "2026-11-24 09:17"),
            (Pattern::Telephone, "0184"),
            (Pattern::Telephone, "09-11"),
            (Pattern::Telephone, "5000-K123456-26"),
            (Pattern::Telephone, "00000000"),
            (Pattern::Email, "@ klockan nio"),
            (Pattern::Email, "två@stället"),
            (Pattern::StreetAddress, "på vägen hem"),
            (Pattern::StreetAddress, "enligt plan 2026-11"),
            (Pattern::StreetAddress, "gatan utanför"),
        ] {
            assert!(!stands_in(pattern, text), "{pattern:?} in {text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_scanner_panic(text in "\\PC{0,80}") {
            for pattern in [Pattern::PersonalNumber, Pattern::Telephone, Pattern::Email, Pattern::StreetAddress] {
                let _found = stands_in(pattern, &text);
            }
        }
    }
}
