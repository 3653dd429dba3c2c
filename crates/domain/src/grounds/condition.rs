//! The conditions of grounds: a closed list, held against what an officer has said.
//!
//! An answer is yes, no or not said. A decision needs every condition to hold; an explanation leaves out what cannot hold any more.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::GroundTable;
use super::name::OffenceCode;
use super::rule::{Offence, Text};
use crate::codes::{Code as _, DisclosurePurpose, FactCode};
use crate::time::Time;

/// A condition of a ground.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    /// The officer says that this is so.
    Asserted(FactCode),
    /// The officer says that this is not so.
    Excluded(FactCode),
    /// One of these.
    AnyOf(Vec<Condition>),
    /// The offence has at least this minimum penalty.
    OffenceMinimumMonths {
        /// For a completed offence, in months.
        completed: u16,
        /// What the offence itself must have where it was attempted, prepared or conspired only; absent: it does not suffice.
        #[serde(default)]
        attempted: Option<u16>,
    },
    /// The offence is of one of these chapters or acts.
    OffenceChapters(BTreeSet<String>),
    /// The offence has imprisonment in its scale.
    ImprisonmentInScale,
    /// Whom it is about is younger than this, in years.
    SubjectAgeBelow(u8),
    /// The victim is.
    VictimAgeBelow(u8),
    /// The suspect is.
    SuspectAgeBelow(u8),
    /// The disclosure is for one of these purposes.
    PurposeAny(BTreeSet<DisclosurePurpose>),
}

impl Condition {
    /// Whether an offence's scale or chapter decides it.
    pub fn asks_for_offence(&self) -> bool {
        match self {
            Self::OffenceMinimumMonths { .. } | Self::OffenceChapters(_) | Self::ImprisonmentInScale => true,
            Self::AnyOf(conditions) => conditions.iter().any(Self::asks_for_offence),
            Self::Asserted(_) | Self::Excluded(_) | Self::SubjectAgeBelow(_) | Self::VictimAgeBelow(_) | Self::SuspectAgeBelow(_) | Self::PurposeAny(_) => {
                false
            }
        }
    }
}

/// What an officer says about one decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// What is so.
    pub asserted: BTreeSet<FactCode>,
    /// What is not so.
    pub denied: BTreeSet<FactCode>,
    /// The offence, by its name in the offence table.
    pub offence: Option<OffenceCode>,
    /// The day of the offence; absent: its scale on the day of the decision counts.
    pub offence_on: Option<Time>,
    /// Whether it was attempted, prepared or conspired only.
    pub attempted: bool,
    /// What the disclosure is for.
    pub purpose: Option<DisclosurePurpose>,
    /// Age of whom it is about, in years.
    pub subject_age_years: Option<u8>,
    /// Age of the victim, in years.
    pub victim_age_years: Option<u8>,
    /// Age of the suspect, in years.
    pub suspect_age_years: Option<u8>,
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// It does.
    Yes,
    /// What would tell has not been said.
    NotSaid,
    /// It does not.
    No,
}

impl From<Option<bool>> for Holds {
    fn from(answer: Option<bool>) -> Self {
        match answer {
            Some(true) => Self::Yes,
            Some(false) => Self::No,
            None => Self::NotSaid,
        }
    }
}

impl Answers {
    fn says(&self, fact: FactCode) -> Option<bool> {
        if self.asserted.contains(&fact) { Some(true) } else { self.denied.contains(&fact).then_some(false) }
    }
}

impl Condition {
    /// Whether it holds, for the law and on the day of `now`.
    pub fn holds(&self, answers: &Answers, table: &GroundTable, now: Time) -> Holds {
        let below = |age: Option<u8>, years: u8| Holds::from(age.map(|age| age < years));
        // An offence that the table does not have on that day has no scale that could suffice.
        let offence = |suffices: &dyn Fn(&Offence) -> bool| {
            let named = answers.offence.as_ref().map(|code| table.offence(code, answers.offence_on.unwrap_or(now)));
            Holds::from(named.map(|offence| offence.is_some_and(suffices)))
        };
        match self {
            Self::Asserted(fact) => answers.says(*fact).into(),
            Self::Excluded(fact) => answers.says(*fact).map(|so| !so).into(),
            Self::AnyOf(conditions) => {
                let found: Vec<Holds> = conditions.iter().map(|condition| condition.holds(answers, table, now)).collect();
                if found.contains(&Holds::Yes) {
                    Holds::Yes
                } else if found.contains(&Holds::NotSaid) {
                    Holds::NotSaid
                } else {
                    Holds::No
                }
            }
            Self::OffenceMinimumMonths { attempted: None, .. } if answers.attempted => Holds::No,
            Self::OffenceMinimumMonths { completed, attempted } => offence(&|offence| {
                let least = if answers.attempted { *attempted } else { Some(*completed) };
                least.is_some_and(|least| offence.min_months >= least)
            }),
            Self::OffenceChapters(chapters) => offence(&|offence| chapters.contains(&offence.chapter)),
            Self::ImprisonmentInScale => offence(&|offence| offence.max_months != Some(0)),
            Self::SubjectAgeBelow(years) => below(answers.subject_age_years, *years),
            Self::VictimAgeBelow(years) => below(answers.victim_age_years, *years),
            Self::SuspectAgeBelow(years) => below(answers.suspect_age_years, *years),
            Self::PurposeAny(purposes) => answers.purpose.map(|purpose| purposes.contains(&purpose)).into(),
        }
    }

    /// In words of both languages.
    pub fn text(&self) -> Text {
        let text = |sv: String, en: String| Text { sv, en };
        let joined = |items: Vec<Text>, sv: &str, en: &str| {
            let (swedish, english): (Vec<String>, Vec<String>) = items.into_iter().map(|item| (item.sv, item.en)).unzip();
            text(swedish.join(sv), english.join(en))
        };
        match self {
            Self::Asserted(fact) => text(fact.swedish().to_owned(), fact.english().to_owned()),
            Self::Excluded(fact) => text(format!("inte: {}", fact.swedish()), format!("not: {}", fact.english())),
            Self::AnyOf(conditions) => joined(conditions.iter().map(Self::text).collect(), " eller ", " or "),
            Self::OffenceMinimumMonths { completed, attempted: None } => {
                text(format!("brottets lägsta straff är minst {completed} månader"), format!("the offence's minimum is at least {completed} months"))
            }
            Self::OffenceMinimumMonths { completed, attempted: Some(attempted) } => text(
                format!("brottets lägsta straff är minst {completed} månader ({attempted} vid försök, förberedelse och stämpling)"),
                format!("the offence's minimum is at least {completed} months ({attempted} for attempt, preparation and conspiracy)"),
            ),
            Self::OffenceChapters(chapters) => {
                let list: Vec<&str> = chapters.iter().map(String::as_str).collect();
                text(format!("brott enligt {}", list.join(", ")), format!("an offence of {}", list.join(", ")))
            }
            Self::ImprisonmentInScale => text(String::from("fängelse ingår i straffskalan"), String::from("imprisonment in the offence's scale")),
            Self::SubjectAgeBelow(years) => text(format!("den uppgiften gäller är under {years} år"), format!("whom it is about is under {years}")),
            Self::VictimAgeBelow(years) => text(format!("den utsatta är under {years} år"), format!("the victim is under {years}")),
            Self::SuspectAgeBelow(years) => text(format!("den misstänkte är under {years} år"), format!("the suspect is under {years}")),
            Self::PurposeAny(purposes) => {
                let words = |purpose: &DisclosurePurpose| text(purpose.swedish().to_owned(), purpose.english().to_owned());
                let Text { sv, en } = joined(purposes.iter().map(words).collect(), ", eller ", ", or ");
                text(format!("ändamål: {sv}"), format!("purpose: {en}"))
            }
        }
    }
}

/// The codes, as programs and refusals name them.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asserted(fact) => write!(f, "{fact}"),
            Self::Excluded(fact) => write!(f, "not {fact}"),
            Self::AnyOf(conditions) => {
                let list: Vec<String> = conditions.iter().map(ToString::to_string).collect();
                write!(f, "{}", list.join(" or "))
            }
            Self::OffenceMinimumMonths { completed, attempted: None } => write!(f, "offence minimum {completed} months"),
            Self::OffenceMinimumMonths { completed, attempted: Some(attempted) } => write!(f, "offence minimum {completed} months ({attempted} for attempt)"),
            Self::OffenceChapters(chapters) => write!(f, "offence of {}", chapters.iter().map(String::as_str).collect::<Vec<_>>().join(", ")),
            Self::ImprisonmentInScale => f.write_str("imprisonment in scale"),
            Self::SubjectAgeBelow(years) => write!(f, "subject younger than {years}"),
            Self::VictimAgeBelow(years) => write!(f, "victim younger than {years}"),
            Self::SuspectAgeBelow(years) => write!(f, "suspect younger than {years}"),
            Self::PurposeAny(purposes) => write!(f, "purpose {}", purposes.iter().map(|purpose| purpose.as_str()).collect::<Vec<_>>().join(" or ")),
        }
    }
}
