//! The shapes of the two tables. Data only: what they mean together is `GroundTable`'s business.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::kind::KindRule;
use super::name::{GroundCode, OffenceCode};
use crate::codes::{AgencyKind, Category, Code as _, ProtectedIdentity, ReferralKind, Role};

/// The file of grounds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroundFile {
    pub(super) version: String,
    pub(super) about: String,
    pub(super) kinds: Vec<KindRule>,
    /// Who leads investigations.
    pub(super) leads_investigations: Vec<Party>,
    /// Categories that are always about a person.
    pub(super) about_a_person: BTreeSet<Category>,
    /// Categories that say who somebody is: all that is shown for the check of conflicts of interest.
    pub(super) names: BTreeSet<Category>,
    pub(super) secrecies: Vec<Secrecy>,
    /// Provisions that rows may name and that protect nothing which is forwarded here.
    pub(super) elsewhere: BTreeSet<String>,
    pub(super) barriers: Vec<Barrier>,
    pub(super) minors: Minors,
    pub(super) emergency: EmergencyRule,
    pub(super) standing: StandingRule,
    pub(super) two_officers: TwoOfficers,
    pub(super) grounds: Vec<Ground>,
}

/// The file of offences.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OffenceFile {
    pub(super) version: String,
    pub(super) about: String,
    pub(super) offences: Vec<Offence>,
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

/// Days on which a row is in force, as `YYYY-MM-DD`: from the first, to the first on which it no longer is.
pub(crate) fn in_force(from: &str, to: Option<&str>, date: &str) -> bool {
    from <= date && to.is_none_or(|end| date < end)
}

/// Who a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// Police.
    Police,
    /// Prosecution.
    Prosecution,
    /// Social boards.
    SocialBoard,
    /// Supervisors, who read the log.
    Supervisor,
    /// Whoever runs the broker, as a pure technical processor.
    BrokerOperator,
    /// Every authority that sends and receives referrals.
    AnyAuthority,
}

impl Party {
    /// Whether agencies of that kind are meant.
    pub fn covers(self, kind: AgencyKind) -> bool {
        match self {
            Self::Police => kind == AgencyKind::Police,
            Self::Prosecution => kind == AgencyKind::Prosecution,
            Self::SocialBoard => kind == AgencyKind::SocialBoard,
            Self::Supervisor => kind == AgencyKind::Supervisor,
            Self::BrokerOperator => false,
            Self::AnyAuthority => kind != AgencyKind::Supervisor,
        }
    }
}

/// A secrecy that protects something.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrecy {
    /// The provision, for example `OSL 35:1`.
    pub code: String,
    /// Whether it protects a person or the investigation.
    pub protects: Protects,
    /// At whom it holds.
    pub at: Vec<Party>,
    /// For which categories; absent: all.
    #[serde(default)]
    pub categories: Option<BTreeSet<Category>>,
    /// For persons of which protection; absent: everybody.
    #[serde(default)]
    pub protected_identity: Option<BTreeSet<ProtectedIdentity>>,
    /// Which way its harm test goes.
    pub test: HarmTest,
    /// How many years it lasts at most; absent: no limit is known.
    #[serde(default)]
    pub years_max: Option<u16>,
    /// First day in force, `YYYY-MM-DD`.
    pub valid_from: String,
    /// First day no longer in force; absent: still in force.
    #[serde(default)]
    pub valid_to: Option<String>,
    /// Whether the provision's text was read when the table was made.
    pub verified: bool,
    /// The test in one line, in Swedish and English.
    pub text: Text,
}

impl Secrecy {
    /// Whether it protects that, in that category.
    pub fn covers(&self, category: Category, protected: Protected) -> bool {
        let protection = match protected {
            Protected::Person(protection) => self.protected_identity.as_ref().is_none_or(|held| held.contains(&protection)),
            Protected::Investigation => true,
        };
        self.protects == protected.protects() && protection && self.categories.as_ref().is_none_or(|categories| categories.contains(&category))
    }
}

/// What a secrecy protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protects {
    /// A person.
    Person,
    /// The investigation.
    Investigation,
}

/// Whom or what a cell protects, as far as the tables ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protected {
    /// A person, with this protection of personal data.
    Person(ProtectedIdentity),
    /// The investigation.
    Investigation,
}

impl Protects {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Person, Self::Investigation];

    /// Everything that it can be: of a person the protection of personal data counts.
    pub(crate) fn every(self) -> Vec<Protected> {
        match self {
            Self::Person => ProtectedIdentity::ALL.iter().map(|held| Protected::Person(*held)).collect(),
            Self::Investigation => vec![Protected::Investigation],
        }
    }

    /// What is answered, those who get the same answer together.
    pub fn alike<A: PartialEq>(self, answer: impl Fn(Protected) -> A) -> Vec<(Vec<Protected>, A)> {
        let mut groups: Vec<(Vec<Protected>, A)> = Vec::new();
        for protected in self.every() {
            let found = answer(protected);
            match groups.iter_mut().find(|(_, answer)| *answer == found) {
                Some((about, _)) => about.push(protected),
                None => groups.push((vec![protected], found)),
            }
        }
        groups
    }
}

impl Protected {
    /// Whether it is a person or the investigation.
    pub fn protects(self) -> Protects {
        match self {
            Self::Person(_) => Protects::Person,
            Self::Investigation => Protects::Investigation,
        }
    }
}

/// Which way a harm test goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HarmTest {
    /// Secret only where harm can be assumed (rakt skaderekvisit).
    Straight,
    /// Secret unless it is clear that no harm follows (omvänt skaderekvisit).
    Reverse,
    /// Secret whatever follows.
    Absolute,
}

/// Categories that do not go to some parties but on the grounds that it names.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Barrier {
    /// The categories.
    pub categories: BTreeSet<Category>,
    /// To whom they do not go.
    pub to: Vec<Party>,
    /// The grounds that carry them all the same.
    pub except: BTreeSet<GroundCode>,
    /// The provision behind it.
    pub provision: String,
    /// What it says, in one line.
    pub text: Text,
}

/// Who disposes of a child's secrecy (OSL 12:3).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Minors {
    /// The provision.
    pub provision: String,
    /// Somebody is a minor below this age, in years.
    pub age_below: u8,
    /// Roles that are taken for minors whatever age is said.
    pub roles: BTreeSet<Role>,
    /// What must be asserted before a consent for a minor carries anything.
    pub conditions: Vec<Condition>,
    /// Whether the provision's text was read when the table was made.
    pub verified: bool,
    /// What it says, in one line.
    pub text: Text,
}

/// When a second officer must come to the same result before a release counts. A policy, not a statute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwoOfficers {
    /// On these grounds.
    pub grounds: BTreeSet<GroundCode>,
    /// For persons of these protections, on whatever ground.
    pub protected_identity: BTreeSet<ProtectedIdentity>,
    /// Grounds on which one officer suffices, whomever it is about.
    pub one_suffices: BTreeSet<GroundCode>,
    /// Whether what is decided in an emergency wants a second officer afterwards, on whatever other ground.
    pub break_glass: bool,
    /// What it says, in one line.
    pub text: Text,
}

impl TwoOfficers {
    /// Whether two officers are due for a release on a ground.
    pub fn are_due(&self, ground: &GroundCode, protected: Protected) -> bool {
        let about = match protected {
            Protected::Person(protection) => self.protected_identity.contains(&protection),
            Protected::Investigation => false,
        };
        !self.one_suffices.contains(ground) && (about || self.grounds.contains(ground))
    }

    /// Whether two officers are due because the release is decided in an emergency.
    pub fn are_due_in_emergency(&self, ground: &GroundCode) -> bool {
        self.break_glass && !self.one_suffices.contains(ground)
    }
}

/// How long an emergency shortens the procedure, and until when it is reviewed. A policy, not a statute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmergencyRule {
    /// For how many hours at most.
    pub hours_max: u16,
    /// How many hours after its declaration the review is due.
    pub review_due_hours: u16,
    /// What it says, in one line.
    pub text: Text,
}

/// How long a decision may stand for later revisions. A policy, not a statute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandingRule {
    /// For how many days at most.
    pub days_max: u16,
    /// What it says, in one line.
    pub text: Text,
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
    /// It excuses what was done, and allows nothing beforehand.
    Defence,
}

/// On whose initiative a disclosure rests on the ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initiative {
    /// The discloser's own.
    Own,
    /// The recipient's request, which is then among the conditions.
    Request,
    /// Either.
    Either,
}

/// How soon the ground wants the disclosure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadline {
    /// Which kind of deadline.
    pub kind: DeadlineKind,
    /// How many days, where it is counted in days.
    #[serde(default)]
    pub days: Option<u16>,
    /// What it is counted from, in words.
    pub text: Text,
}

/// Which kind of deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadlineKind {
    /// Genast.
    AtOnce,
    /// Snarast.
    Promptly,
    /// Within some days.
    WithinDays,
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
    pub from: Vec<Party>,
    /// To whom.
    pub to: Vec<Party>,
    /// For which kinds of referral; absent: all.
    #[serde(default)]
    pub kinds: Option<BTreeSet<ReferralKind>>,
    /// For which categories; absent: all.
    #[serde(default)]
    pub categories: Option<BTreeSet<Category>>,
    /// Allows or commands.
    pub modality: Modality,
    /// On whose initiative.
    pub initiative: Initiative,
    /// Whether consent matters.
    pub consent: ConsentNeed,
    /// Why it never clears a section of a referral; absent: it can.
    #[serde(default)]
    pub never_clears: Option<Text>,
    /// The secrecies that it lifts, by provision. A ground that can clear and lifts none is refused at load.
    pub lifts: BTreeSet<String>,
    /// The secrecies of which the source says that it never lifts them. What is in neither list is not lifted either.
    #[serde(default)]
    pub never_lifts: BTreeSet<String>,
    /// What must be asserted.
    pub conditions: Vec<Condition>,
    /// How soon.
    #[serde(default)]
    pub deadline: Option<Deadline>,
    /// Roles of persons whose sections, found in another kind of referral, the duty could carry as a referral of its own.
    #[serde(default)]
    pub own_referral_for: BTreeSet<Role>,
    /// What must be documented.
    pub document: Vec<Text>,
    /// First day in force, `YYYY-MM-DD`.
    pub valid_from: String,
    /// First day no longer in force; absent: still in force.
    #[serde(default)]
    pub valid_to: Option<String>,
    /// Whether the provision's text was read when the table was made.
    pub verified: bool,
    /// What the text of the law leaves open.
    #[serde(default)]
    pub legal_question: Option<Text>,
    /// What it says, in one line.
    pub text: Text,
}

impl Ground {
    /// Whether it rests on the protected person's consent.
    pub fn needs_consent(&self) -> bool {
        self.consent == ConsentNeed::Required
    }

    /// Whether it is a duty.
    pub fn is_duty(&self) -> bool {
        self.modality == Modality::Must
    }

    /// Whether it is in force on a day, `YYYY-MM-DD`.
    pub fn in_force(&self, date: &str) -> bool {
        in_force(&self.valid_from, self.valid_to.as_deref(), date)
    }

    /// Whether it is in force on a day or was before.
    pub(crate) fn has_begun(&self, date: &str) -> bool {
        self.valid_from.as_str() <= date
    }

    /// Whether it goes from one kind of agency to another.
    pub fn goes(&self, from: AgencyKind, to: AgencyKind) -> bool {
        self.from.iter().any(|party| party.covers(from)) && self.to.iter().any(|party| party.covers(to))
    }
}

/// An offence with its penalty scale.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offence {
    /// Its name.
    pub code: OffenceCode,
    /// The provision, for example `BrB 4:4a`.
    pub provision: String,
    /// The chapter or act, as conditions name it: `BrB 4`.
    pub chapter: String,
    /// What people call it.
    pub name: Text,
    /// Least penalty, in whole months of imprisonment; less than a month, fines included, is 0.
    pub min_months: u16,
    /// Most penalty, in months of imprisonment; 0: fines only; absent: for life.
    #[serde(default)]
    pub max_months: Option<u16>,
    /// First day of this scale, `YYYY-MM-DD`.
    pub valid_from: String,
    /// First day of another scale; absent: still in force.
    #[serde(default)]
    pub valid_to: Option<String>,
    /// Whether the scale was read in a source when the table was made.
    pub verified: bool,
}

impl Offence {
    /// Whether this scale is in force on a day, `YYYY-MM-DD`.
    pub fn in_force(&self, date: &str) -> bool {
        in_force(&self.valid_from, self.valid_to.as_deref(), date)
    }
}
