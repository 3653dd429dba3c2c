//! The law as data: grounds, secrecies and kinds of referral, read from a dated table.
//!
//! No threshold, date or direction stands in code; this module only knows how to ask the table.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::codes::{AgencyKind, Category, Code, FactCode, ReferralKind};
use crate::event::Interest;
use crate::ids::TableHash;
use crate::time::Time;

/// The table that ships with Brygga.
pub const SHIPPED: &str = include_str!("../data/grounds.json");

/// Longest name of a ground, in bytes.
pub const GROUND_CODE_BYTES_MAX: usize = 48;

/// The name of a ground, for example `NO_HARM`; which names exist is the table's business.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GroundCode(Arc<str>);

impl GroundCode {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroundCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for GroundCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for GroundCode {
    type Err = crate::ids::IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits =
            (2..=GROUND_CODE_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        if fits { Ok(Self(Arc::from(text))) } else { Err(crate::ids::IdError { kind: "ground" }) }
    }
}

impl TryFrom<String> for GroundCode {
    type Error = crate::ids::IdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<GroundCode> for String {
    fn from(code: GroundCode) -> Self {
        code.as_str().to_owned()
    }
}

/// The file's shape.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TableFile {
    version: String,
    about: String,
    kinds: Vec<KindRule>,
    secrecies: Vec<Secrecy>,
    grounds: Vec<Ground>,
}

/// What a kind of referral is: who may send it to whom, with which sections, and its clock.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindRule {
    /// The kind.
    pub kind: ReferralKind,
    /// Who may send it.
    pub from: Vec<AgencyKind>,
    /// Who may receive it.
    pub to: Vec<AgencyKind>,
    /// The categories it may carry.
    pub categories: Vec<Category>,
    /// Whether it is received and never declined.
    #[serde(default)]
    pub received_never_declined: bool,
    /// Minutes from the report until contact is due.
    #[serde(default)]
    pub contact_due_minutes: Option<u32>,
}

/// A secrecy that protects something.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrecy {
    /// The provision, for example `OSL 35:1`.
    pub code: String,
    /// Whether it protects a person or the investigation.
    pub protects: Protects,
    /// At which kinds of agency it holds.
    pub at: Vec<AgencyKind>,
    /// For which categories; absent: all.
    #[serde(default)]
    pub categories: Option<BTreeSet<Category>>,
    /// The test in one line, in Swedish and English.
    pub text: Text,
}

/// What a secrecy protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protects {
    /// A person.
    Person,
    /// The investigation.
    Investigation,
}

/// A text in two languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Swedish.
    pub sv: String,
    /// English.
    pub en: String,
}

/// Whether the person's consent matters to a ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentNeed {
    /// It rests on it.
    Required,
    /// It stands without it.
    NotRequired,
    /// It stands against her will.
    Irrelevant,
}

/// Whether a ground allows or commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    /// It allows.
    May,
    /// It commands.
    Must,
}

/// A ground of disclosure (sekretessbrytande grund).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ground {
    /// Its name.
    pub code: GroundCode,
    /// The provision.
    pub provision: String,
    /// Who may disclose on it.
    pub from: Vec<AgencyKind>,
    /// To whom.
    pub to: Vec<AgencyKind>,
    /// For which kinds of referral; absent: all.
    #[serde(default)]
    pub kinds: Option<BTreeSet<ReferralKind>>,
    /// Allows or commands.
    pub modality: Modality,
    /// Whether consent matters.
    pub consent: ConsentNeed,
    /// The secrecies that it lifts, by provision. A ground that lifts none is refused at load.
    pub lifts: BTreeSet<String>,
    /// For which categories; absent: all.
    #[serde(default)]
    pub categories: Option<BTreeSet<Category>>,
    /// What must be asserted.
    pub conditions: Vec<Condition>,
    /// Whether a second officer must agree.
    #[serde(default)]
    pub second_officer: bool,
    /// First day in force, `YYYY-MM-DD`.
    pub valid_from: String,
    /// First day no longer in force; absent: still in force.
    #[serde(default)]
    pub valid_to: Option<String>,
    /// Whether the provision's text was read when the table was made.
    pub verified: bool,
    /// What it says, in one line.
    pub text: Text,
}

impl Ground {
    /// Whether it rests on the protected person's consent.
    pub fn needs_consent(&self) -> bool {
        self.consent == ConsentNeed::Required
    }

    fn in_force(&self, date: &str) -> bool {
        self.valid_from.as_str() <= date && self.valid_to.as_deref().is_none_or(|end| date < end)
    }

    /// The conditions that the officer's answers do not fulfil.
    pub fn unmet(&self, answers: &Answers) -> Vec<Condition> {
        self.conditions.iter().filter(|condition| !condition.met(answers)).cloned().collect()
    }
}

/// A condition of a ground, from a closed list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    /// The officer asserts a fact.
    Asserted(FactCode),
    /// The offence has at least this minimum penalty, in months; for attempt, preparation and conspiracy the offence itself has the other.
    OffenceMinimumMonths {
        /// For a completed offence.
        completed: u16,
        /// For attempt, preparation and conspiracy.
        attempted: u16,
    },
    /// The subject is younger than this, in years.
    SubjectAgeBelow(u8),
}

impl Condition {
    fn met(&self, answers: &Answers) -> bool {
        match self {
            Self::Asserted(fact) => answers.asserted.contains(fact),
            Self::OffenceMinimumMonths { completed, attempted } => {
                answers.offence_minimum_months.is_some_and(|months| months >= if answers.attempted { *attempted } else { *completed })
            }
            Self::SubjectAgeBelow(years) => answers.subject_age_years.is_some_and(|age| age < *years),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asserted(fact) => write!(f, "{fact}"),
            Self::OffenceMinimumMonths { completed, attempted } => write!(f, "offence minimum {completed} months ({attempted} for attempt)"),
            Self::SubjectAgeBelow(years) => write!(f, "subject younger than {years}"),
        }
    }
}

/// What an officer asserts about one decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// Facts that hold.
    pub asserted: BTreeSet<FactCode>,
    /// Minimum penalty of the offence, in months.
    pub offence_minimum_months: Option<u16>,
    /// Whether it was attempted, prepared or conspired only.
    pub attempted: bool,
    /// The subject's age, in years.
    pub subject_age_years: Option<u8>,
}

/// From which kind of agency to which, in which kind of referral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Direction {
    /// The sender's kind.
    pub from: AgencyKind,
    /// The recipient's kind.
    pub to: AgencyKind,
    /// The kind of referral.
    pub kind: ReferralKind,
}

/// Why a ground cannot carry a cell, whatever the officer asserts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unlawful {
    /// The table knows no such ground.
    Unknown,
    /// It is not in force on that day.
    NotInForce,
    /// It is not for this direction or kind of referral.
    OtherDirection,
    /// It is not for this category.
    OtherCategory,
    /// It does not lift this secrecy.
    DoesNotLift(String),
}

/// Why a table is refused.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// It is not of the table's shape.
    #[error("the ground table is not of the expected shape")]
    Shape(#[source] serde_json::Error),
    /// A ground lifts nothing, or something that the table does not know.
    #[error("ground {0} lifts nothing that the table knows")]
    LiftsUnknown(GroundCode),
    /// A ground appears twice for the same days.
    #[error("ground {0} stands twice for the same days")]
    Overlap(GroundCode),
    /// A kind of referral has no rule, or two.
    #[error("kind {0} must have exactly one rule")]
    Kind(ReferralKind),
    /// A date is not of the form `YYYY-MM-DD`.
    #[error("{0} is not a date of the form YYYY-MM-DD")]
    Date(String),
}

/// A ground table, checked.
#[derive(Debug, Clone)]
pub struct GroundTable {
    file: TableFile,
    hash: TableHash,
}

impl GroundTable {
    /// Reads and checks a table.
    pub fn load(json: &str) -> Result<Self, TableError> {
        let file: TableFile = serde_json::from_str(json).map_err(TableError::Shape)?;
        let known: BTreeSet<&str> = file.secrecies.iter().map(|secrecy| secrecy.code.as_str()).collect();
        for ground in &file.grounds {
            if ground.lifts.is_empty() || !ground.lifts.iter().all(|lifted| known.contains(lifted.as_str())) {
                return Err(TableError::LiftsUnknown(ground.code.clone()));
            }
            for date in std::iter::once(&ground.valid_from).chain(&ground.valid_to) {
                date.parse::<jiff::civil::Date>().map_err(|_| TableError::Date(date.clone()))?;
            }
        }
        for (index, ground) in file.grounds.iter().enumerate() {
            let twice = |other: &Ground| other.code == ground.code && other.in_force(&ground.valid_from);
            if file.grounds.iter().enumerate().any(|(place, other)| place != index && twice(other)) {
                return Err(TableError::Overlap(ground.code.clone()));
            }
        }
        for kind in ReferralKind::ALL {
            if file.kinds.iter().filter(|rule| rule.kind == *kind).count() != 1 {
                return Err(TableError::Kind(*kind));
            }
        }
        Ok(Self { file, hash: TableHash(Sha256::digest(json.as_bytes()).into()) })
    }

    /// SHA-256 of the table's bytes.
    pub fn hash(&self) -> TableHash {
        self.hash
    }

    /// The table's own name for its version.
    pub fn version(&self) -> &str {
        &self.file.version
    }

    /// Every ground, in the table's order.
    pub fn grounds(&self) -> impl Iterator<Item = &Ground> {
        self.file.grounds.iter()
    }

    /// The rule of a kind of referral.
    pub fn kind(&self, kind: ReferralKind) -> Option<&KindRule> {
        self.file.kinds.iter().find(|rule| rule.kind == kind)
    }

    /// The secrecies that protect an interest in a category at a kind of agency.
    pub fn secrecies(&self, at: AgencyKind, category: Category, interest: Interest) -> impl Iterator<Item = &Secrecy> {
        let protects = match interest {
            Interest::Person(_) => Protects::Person,
            Interest::Investigation => Protects::Investigation,
        };
        let covers = move |secrecy: &&Secrecy| secrecy.categories.as_ref().is_none_or(|categories| categories.contains(&category));
        self.file.secrecies.iter().filter(move |secrecy| secrecy.protects == protects && secrecy.at.contains(&at)).filter(covers)
    }

    /// The ground, if it can carry a cell in this direction on this day.
    pub fn lawful(&self, code: &GroundCode, direction: Direction, cell: (Category, Interest), now: Time) -> Result<&Ground, Unlawful> {
        let (category, interest) = cell;
        let date = now.date();
        let mut named = self.file.grounds.iter().filter(|ground| ground.code == *code).peekable();
        named.peek().ok_or(Unlawful::Unknown)?;
        let ground = named.find(|ground| ground.in_force(&date)).ok_or(Unlawful::NotInForce)?;
        let Direction { from, to, kind } = direction;
        if !ground.from.contains(&from) || !ground.to.contains(&to) || ground.kinds.as_ref().is_some_and(|kinds| !kinds.contains(&kind)) {
            return Err(Unlawful::OtherDirection);
        }
        if ground.categories.as_ref().is_some_and(|categories| !categories.contains(&category)) {
            return Err(Unlawful::OtherCategory);
        }
        match self.secrecies(from, category, interest).find(|secrecy| !ground.lifts.contains(&secrecy.code)) {
            Some(secrecy) => Err(Unlawful::DoesNotLift(secrecy.code.clone())),
            None => Ok(ground),
        }
    }
}
