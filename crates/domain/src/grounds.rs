//! The law as data: grounds, secrecies, kinds of referral and offences, read from dated tables.
//!
//! No threshold, date or direction stands in code; this module only knows how to ask the tables. Grounds are asked for the day of
//! the disclosure, a penalty scale for the day of the offence where that is said.

mod check;
mod condition;
mod kind;
mod name;
mod rule;

use std::collections::BTreeSet;

use serde::Deserialize as _;
use sha2::{Digest as _, Sha256};

use crate::clocks::{self, ClockTable};
use crate::codes::{AgencyKind, Category, Code as _, ReferralKind, Role};
use crate::ids::TableHash;
use crate::time::Time;

pub use check::TableError;
pub use condition::{Answers, Condition, Holds};
pub use kind::{KindRule, Templates};
pub use name::{GROUND_CODE_BYTES_MAX, GroundCode, OffenceCode};
pub(crate) use rule::in_force;
pub use rule::{
    Barrier, ConsentNeed, Deadline, DeadlineKind, EmergencyRule, Ground, HarmTest, Initiative, Minors, Modality, Offence, Party, Protected, Protects, Secrecy,
    StandingRule, Text, TwoOfficers,
};
use rule::{GroundFile, OffenceFile};

/// The tables that ship with Brygga: the grounds, after them the offences, and then the clocks.
pub const SHIPPED: &str = concat!(include_str!("../data/grounds.json"), include_str!("../data/offences.json"), include_str!("../data/clocks.json"));

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

/// Whose cell a ground is to carry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Whose {
    /// The person's role; none for the investigation.
    pub role: Option<Role>,
    /// Whether a custodian has consented for the person.
    pub by_custodian: bool,
}

/// Why a ground cannot carry a cell, whatever the officer asserts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unlawful {
    /// The table knows no such ground.
    Unknown,
    /// It is not in force on that day.
    NotInForce,
    /// It never clears a section of a referral.
    NeverClears,
    /// It is not for this direction or kind of referral.
    OtherDirection,
    /// It is not for this category.
    OtherCategory,
    /// The category does not go to this recipient on it; the provision says why.
    Barred(String),
    /// It does not lift this secrecy.
    DoesNotLift(String),
}

/// The tables, checked.
#[derive(Debug, Clone)]
pub struct GroundTable {
    file: GroundFile,
    offences: OffenceFile,
    clocks: ClockTable,
    hash: TableHash,
}

impl GroundTable {
    /// Reads and checks the tables in one text: the JSON of the grounds, after it the JSON of the offences, and then, where it is not to be the
    /// one that ships, the JSON of the clocks.
    ///
    /// The hash is SHA-256 of that text, so that `cat grounds.json offences.json clocks.json | sha256sum` gives it.
    pub fn load(json: &str) -> Result<Self, TableError> {
        let mut documents = serde_json::Deserializer::from_str(json);
        let file = GroundFile::deserialize(&mut documents).map_err(TableError::Shape)?;
        let offences = OffenceFile::deserialize(&mut documents).map_err(TableError::OffenceShape)?;
        let clocks = if documents.end().is_ok() {
            serde_json::from_str(clocks::SHIPPED).map_err(TableError::ClockShape)?
        } else {
            ClockTable::deserialize(&mut documents).map_err(TableError::ClockShape)?
        };
        documents.end().map_err(TableError::ClockShape)?;
        check::check(&file, &offences)?;
        clocks.check().map_err(TableError::Clocks)?;
        Ok(Self { file, offences, clocks, hash: TableHash(Sha256::digest(json.as_bytes()).into()) })
    }

    /// The clocks.
    pub fn clocks(&self) -> &ClockTable {
        &self.clocks
    }

    /// SHA-256 of the tables' bytes.
    pub fn hash(&self) -> TableHash {
        self.hash
    }

    /// The tables' own names for their versions: of the grounds and of the offences.
    pub fn versions(&self) -> (&str, &str) {
        (&self.file.version, &self.offences.version)
    }

    /// What the tables say about themselves: the grounds and the offences.
    pub fn about(&self) -> (&str, &str) {
        (&self.file.about, &self.offences.about)
    }

    /// Every ground, in the table's order; a name stands more than once where its wording changed or differs by sender.
    pub fn grounds(&self) -> impl Iterator<Item = &Ground> {
        self.file.grounds.iter()
    }

    /// The names of the grounds, each once, by name.
    pub fn codes(&self) -> BTreeSet<&GroundCode> {
        self.file.grounds.iter().map(|ground| &ground.code).collect()
    }

    /// Every offence, in the table's order.
    pub fn offences(&self) -> impl Iterator<Item = &Offence> {
        self.offences.offences.iter()
    }

    /// Every secrecy, in the table's order.
    pub fn all_secrecies(&self) -> impl Iterator<Item = &Secrecy> {
        self.file.secrecies.iter()
    }

    /// Whether content of the category is always about a person, whose secrecy must be cleared.
    pub fn is_about_a_person(&self, category: Category) -> bool {
        self.file.about_a_person.contains(&category)
    }

    /// Whether content of the category says who somebody is, which is what a check of conflicts of interest looks at.
    pub fn is_a_name(&self, category: Category) -> bool {
        self.file.names.contains(&category)
    }

    /// Whether agencies of that kind lead investigations, and so clear 18:1 for others.
    pub fn may_lead(&self, kind: AgencyKind) -> bool {
        self.file.leads_investigations.iter().any(|party| party.covers(kind))
    }

    /// The barriers.
    pub fn barriers(&self) -> &[Barrier] {
        &self.file.barriers
    }

    /// Who disposes of a child's secrecy.
    pub fn minors(&self) -> &Minors {
        &self.file.minors
    }

    /// When a second officer must come to the same result.
    pub fn two_officers(&self) -> &TwoOfficers {
        &self.file.two_officers
    }

    /// How long an emergency shortens the procedure.
    pub fn emergency(&self) -> &EmergencyRule {
        &self.file.emergency
    }

    /// How long a decision may stand for later revisions.
    pub fn standing(&self) -> &StandingRule {
        &self.file.standing
    }

    /// The rule of a kind of referral.
    pub fn kind(&self, kind: ReferralKind) -> Option<&KindRule> {
        self.file.kinds.iter().find(|rule| rule.kind == kind)
    }

    /// Whether every referral of a kind, and every revision of it, is assessed on its own.
    pub fn assesses_each(&self, kind: ReferralKind) -> bool {
        self.kind(kind).is_some_and(|rule| rule.templates == Templates::Never)
    }

    /// The offence with the scale that it has on a day.
    pub fn offence(&self, code: &OffenceCode, on: Time) -> Option<&Offence> {
        let date = on.date();
        self.offences.offences.iter().find(|offence| offence.code == *code && offence.in_force(&date))
    }

    /// The secrecies that protect somebody or the investigation in a category at a kind of agency on a day.
    pub fn secrecies(&self, at: AgencyKind, category: Category, protected: Protected, now: Time) -> impl Iterator<Item = &Secrecy> {
        let date = now.date();
        self.file.secrecies.iter().filter(move |secrecy| {
            secrecy.covers(category, protected)
                && secrecy.at.iter().any(|party| party.covers(at))
                && in_force(&secrecy.valid_from, secrecy.valid_to.as_deref(), &date)
        })
    }

    /// The barrier that keeps a category from a kind of recipient on a ground.
    pub fn barrier(&self, code: &GroundCode, to: AgencyKind, category: Category) -> Option<&Barrier> {
        self.file
            .barriers
            .iter()
            .find(|barrier| barrier.categories.contains(&category) && barrier.to.iter().any(|party| party.covers(to)) && !barrier.except.contains(code))
    }

    /// The ground, if it can carry a cell in this direction on this day.
    pub fn lawful(&self, code: &GroundCode, direction: Direction, cell: (Category, Protected), now: Time) -> Result<&Ground, Unlawful> {
        let (category, protected) = cell;
        let Direction { from, to, kind } = direction;
        let date = now.date();
        let mut named = self.file.grounds.iter().filter(|ground| ground.code == *code).peekable();
        named.peek().ok_or(Unlawful::Unknown)?;
        let mut standing = named.filter(|ground| ground.in_force(&date)).peekable();
        if standing.peek().ok_or(Unlawful::NotInForce)?.never_clears.is_some() {
            return Err(Unlawful::NeverClears);
        }
        let ground = standing.find(|ground| ground.goes(from, to)).ok_or(Unlawful::OtherDirection)?;
        if ground.kinds.as_ref().is_some_and(|kinds| !kinds.contains(&kind)) {
            return Err(Unlawful::OtherDirection);
        }
        if ground.categories.as_ref().is_some_and(|categories| !categories.contains(&category)) {
            return Err(Unlawful::OtherCategory);
        }
        if let Some(barrier) = self.barrier(code, to, category) {
            return Err(Unlawful::Barred(barrier.provision.clone()));
        }
        match self.secrecies(from, category, protected, now).find(|secrecy| !ground.lifts.contains(&secrecy.code)) {
            Some(secrecy) => Err(Unlawful::DoesNotLift(secrecy.code.clone())),
            None => Ok(ground),
        }
    }

    /// Everything that must be said before the ground carries somebody's cell: its own conditions, and those of a minor's consent.
    pub fn conditions<'a>(&'a self, ground: &'a Ground, whose: Whose, answers: &Answers) -> impl Iterator<Item = &'a Condition> {
        let minor = ground.needs_consent() && self.is_minor(whose, answers);
        ground.conditions.iter().chain(if minor { self.file.minors.conditions.as_slice() } else { &[] })
    }

    /// Whether it is a minor's, as far as is said: by the role, by an age, or because a custodian has consented.
    fn is_minor(&self, whose: Whose, answers: &Answers) -> bool {
        let young = |age: Option<u8>| age.is_some_and(|age| age < self.file.minors.age_below);
        let Some(role) = whose.role else { return false };
        self.file.minors.roles.contains(&role)
            || whose.by_custodian
            || match role {
                Role::Victim => young(answers.victim_age_years),
                Role::Suspect => young(answers.suspect_age_years),
                Role::Child => young(answers.subject_age_years),
                Role::Custodian | Role::Reporter | Role::Witness => false,
            }
    }

    /// The conditions that do not hold yet.
    pub fn unmet(&self, ground: &Ground, whose: Whose, answers: &Answers, now: Time) -> Vec<Condition> {
        self.conditions(ground, whose, answers).filter(|condition| condition.holds(answers, self, now) != Holds::Yes).cloned().collect()
    }
}

impl GroundTable {
    /// The cells that referrals can have, kind by kind: direction and category.
    pub fn cells(&self) -> impl Iterator<Item = (Direction, Category)> {
        let of = |rule: &'_ KindRule| {
            let ways = rule.from.iter().flat_map(|from| rule.to.iter().map(move |to| Direction { from: *from, to: *to, kind: rule.kind }));
            ways.flat_map(|way| rule.categories.iter().map(move |category| (way, *category))).collect::<Vec<_>>()
        };
        ReferralKind::ALL.iter().filter_map(|kind| self.kind(*kind)).flat_map(of)
    }
}
