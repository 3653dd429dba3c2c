//! Fields of content that have a shape of their own: numbers of persons, dates, times of day, languages, municipalities.
//!
//! Each may be empty, for a referral must not fail on what nobody knows; one that is filled has its shape, or whoever reads it is misled. A
//! finding names the field and never what stands in it. Called at the broker's door and by the command line.

use uuid::Uuid;

use crate::content::everybody;
use crate::content_v1::ContactWindow;
use crate::content_v1::content::Section;
use crate::identifier::{is_date, normalise};
use crate::v1::IdentifierType;

/// A field and what it must be.
pub type Misshapen = (&'static str, &'static str);

const NUMBER: &str = "must be a personal or coordination number, YYYYMMDD-NNNC with a right check digit, or empty";
const ASSESSMENT: &str = "must say what was assessed for this child: a concern is never reported as a routine";
const DATE: &str = "must be a date, YYYY-MM-DD, or empty";
const HEARING: &str = "must be the hearing's id, a UUID, or empty";
const TIME_OF_DAY: &str = "must be a time of day, HH:MM, or empty";
const LANGUAGE: &str = "must be a language, three letters of ISO 639-3, or empty";
const MUNICIPALITY: &str = "must be a municipality, four digits of SCB, or empty";

/// The fields of a section that are filled and do not have their shape.
pub(crate) fn misshapen(section: &Section) -> Vec<Misshapen> {
    let mut found = of_section(section);
    for identity in everybody(section).into_iter().filter_map(|somebody| somebody.identity) {
        found.extend(unless(is_number(&identity.personal_number), ("personal_number", NUMBER)));
        found.extend(unless(is_day(&identity.birth_date), ("birth_date", DATE)));
    }
    found
}

fn unless(fits: bool, misshapen: Misshapen) -> Option<Misshapen> {
    (!fits).then_some(misshapen)
}

fn of_section(section: &Section) -> Vec<Misshapen> {
    let mut found = Vec::new();
    match section {
        Section::VictimIdentity(it) => found.extend(unless(is_municipality(&it.residence_municipality), ("residence_municipality", MUNICIPALITY))),
        Section::Child(it) => {
            found.extend(unless(is_municipality(&it.residence_municipality), ("residence_municipality", MUNICIPALITY)));
            found.extend(unless(is_language(&it.language), ("language", LANGUAGE)));
        }
        Section::Interpreter(it) => found.extend(unless(is_language(&it.language), ("language", LANGUAGE))),
        Section::Concern(it) => found.extend(unless(!it.assessment.trim().is_empty(), ("assessment", ASSESSMENT))),
        Section::SafeContact(it) => {
            found.extend(it.windows.iter().flat_map(window));
            found.extend([day("confirmed_on", &it.confirmed_on), day("valid_until", &it.valid_until)].into_iter().flatten());
        }
        Section::OffenceHeading(it) => found.extend(day("reported_on", &it.reported_on)),
        Section::RiskAssessment(it) => found.extend(day("assessed_on", &it.assessed_on)),
        Section::ContactBanRequest(it) => found.extend(day("applied_on", &it.applied_on)),
        Section::CourtDecision(it) => found.extend(day("decided_on", &it.decided_on)),
        Section::HearingNotice(it) => found.extend(unless(it.hearing_id.is_empty() || Uuid::try_parse(&it.hearing_id).is_ok(), ("hearing_id", HEARING))),
        Section::Whereabouts(it) => found.extend(day("valid_until", &it.valid_until)),
        Section::Offence(_)
        | Section::Children(_)
        | Section::Suspect(_)
        | Section::Measures(_)
        | Section::SupportNeeds(_)
        | Section::CaseParties(_)
        | Section::InformationWish(_)
        | Section::CustodyNotice(_)
        | Section::SupportStatus(_)
        | Section::RiskNotice(_)
        | Section::ContactData(_)
        | Section::Custodians(_)
        | Section::ImmediateDanger(_) => {}
    }
    found
}

fn day(field: &'static str, text: &str) -> Option<Misshapen> {
    unless(is_day(text), (field, DATE))
}

fn window(window: &ContactWindow) -> Vec<Misshapen> {
    let times = [("from", &window.from), ("until", &window.until)];
    times.into_iter().filter_map(|(field, time)| unless(is_time_of_day(time), (field, TIME_OF_DAY))).collect()
}

fn is_number(text: &str) -> bool {
    text.is_empty() || [IdentifierType::PersonalNumber, IdentifierType::CoordinationNumber].into_iter().any(|kind| normalise(kind, text).is_ok())
}

fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let digits = parts.concat();
    text.is_empty() || (parts.iter().map(|part| part.len()).eq([4, 2, 2]) && are_digits(&digits) && is_date(&digits, 0) == Some(true))
}

fn is_time_of_day(text: &str) -> bool {
    let parsed = text.split_once(':').filter(|(hours, minutes)| hours.len() == 2 && minutes.len() == 2 && are_digits(hours) && are_digits(minutes));
    text.is_empty() || parsed.is_some_and(|(hours, minutes)| hours <= "24" && minutes < "60" && (hours < "24" || minutes == "00"))
}

fn is_language(text: &str) -> bool {
    text.is_empty() || (text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_lowercase()))
}

fn is_municipality(text: &str) -> bool {
    text.is_empty() || (text.len() == 4 && are_digits(text))
}

fn are_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content_v1::{Child, Identity, Interpreter, SafeContact, Suspect, VictimIdentity};

    fn found(section: Section) -> Vec<&'static str> {
        misshapen(&section).into_iter().map(|(field, _)| field).collect()
    }

    fn suspect(number: &str, birth_date: &str) -> Section {
        let identity = Identity { personal_number: number.into(), birth_date: birth_date.into(), ..Default::default() };
        Section::Suspect(Suspect { identity: Some(identity), ..Default::default() })
    }

    /// Numbers that were published for tests and belong to nobody.
    #[test]
    fn numbers_and_dates_of_persons_are_checked_where_they_are_given() {
        for (number, birth_date, wanted) in [
            ("", "", &[][..]),
            ("19121212-1212", "1912-12-12", &[]),
            ("19570574-9959", "", &[]),
            ("19121212-1213", "", &["personal_number"]),
            ("121212-1212", "", &["personal_number"]),
            ("not known", "12 December", &["personal_number", "birth_date"]),
            ("", "1912-02-30", &["birth_date"]),
            ("", "1912-2-3", &["birth_date"]),
            ("", "19121212", &["birth_date"]),
        ] {
            assert_eq!(found(suspect(number, birth_date)), wanted, "{number} {birth_date}");
        }
    }

    #[test]
    fn languages_municipalities_and_times_of_day_are_checked_where_they_are_given() {
        let interpreter = |language: &str| Section::Interpreter(Interpreter { language: language.into(), ..Default::default() });
        let victim = |place: &str| Section::VictimIdentity(VictimIdentity { residence_municipality: place.into(), ..Default::default() });
        let child = Section::Child(Child { residence_municipality: "Solna".into(), language: "svenska".into(), ..Default::default() });
        let reached = |from: &str, until: &str| {
            let window = ContactWindow { from: from.into(), until: until.into(), ..Default::default() };
            Section::SafeContact(SafeContact { windows: vec![window], ..Default::default() })
        };
        for (section, wanted) in [
            (interpreter("som"), &[][..]),
            (interpreter(""), &[]),
            (interpreter("Somali"), &["language"]),
            (victim("0184"), &[]),
            (victim("Solna"), &["residence_municipality"]),
            (child, &["residence_municipality", "language"]),
            (reached("09:00", "24:00"), &[]),
            (reached("", ""), &[]),
            (reached("9", "24:01"), &["from", "until"]),
            (reached("09:60", "25:00"), &["from", "until"]),
        ] {
            assert_eq!(found(section.clone()), wanted, "{section:?}");
        }
    }

    #[test]
    fn nothing_else_stands_where_a_day_or_an_id_does() {
        use crate::content_v1::{ContactBanRequest, CourtDecision, HearingNotice, OffenceHeading, RiskAssessment, Whereabouts};
        let arms = |day: &str, id: &str| {
            [
                (Section::SafeContact(SafeContact { confirmed_on: day.into(), ..Default::default() }), "confirmed_on"),
                (Section::SafeContact(SafeContact { valid_until: day.into(), ..Default::default() }), "valid_until"),
                (Section::OffenceHeading(OffenceHeading { reported_on: day.into(), ..Default::default() }), "reported_on"),
                (Section::RiskAssessment(RiskAssessment { assessed_on: day.into(), ..Default::default() }), "assessed_on"),
                (Section::ContactBanRequest(ContactBanRequest { applied_on: day.into(), ..Default::default() }), "applied_on"),
                (Section::CourtDecision(CourtDecision { decided_on: day.into(), ..Default::default() }), "decided_on"),
                (Section::HearingNotice(HearingNotice { hearing_id: id.into(), ..Default::default() }), "hearing_id"),
                (Section::Whereabouts(Whereabouts { valid_until: day.into(), ..Default::default() }), "valid_until"),
            ]
        };
        let amiss = arms("Storgatan 14, 070-174 06 05", "Storgatan 14");
        for ((right, _), (amiss, field)) in arms("2026-11-23", "5f0d7a52-93a4-4f0b-8a0e-2b6c1d9e7f31").into_iter().zip(amiss) {
            assert_eq!((found(right), found(amiss)), (vec![], vec![field]));
        }
    }
}
