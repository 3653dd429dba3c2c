//! One case: a cell, a ground, what the officer says, the consent on record and the second officer.

use std::collections::BTreeSet;

use brygga_domain::grounds::Answers;
use brygga_domain::*;

use super::chance::Chance;
use super::law;

/// What consent is on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    Absent,
    Carries,
    OtherPerson,
    OtherRecipient,
    OtherCategory,
    /// Runs out between decision and opening.
    RunsOut,
    /// Withdrawn between decision and opening.
    Withdrawn,
}

/// What the second officer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Second {
    Nobody,
    Another,
    Differs,
}

/// What becomes of the procedure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emergency {
    /// Nothing: it takes its course.
    Undeclared,
    /// An emergency was declared before anything was decided, and stands when the section is opened.
    Stands,
    /// The same, and it was reviewed before the section is opened.
    Reviewed,
}

/// A case.
#[derive(Debug, Clone)]
pub struct Case {
    pub ground: &'static str,
    pub from: AgencyKind,
    pub to: AgencyKind,
    pub kind: ReferralKind,
    pub category: Category,
    /// The protected person; none is the investigation.
    pub role: Option<Role>,
    /// Which protection of personal data the person has.
    pub protection: ProtectedIdentity,
    pub day: &'static str,
    pub asserted: BTreeSet<FactCode>,
    pub denied: BTreeSet<FactCode>,
    pub offence: Option<&'static str>,
    pub offence_on: Option<&'static str>,
    pub attempted: bool,
    pub purpose: Option<DisclosurePurpose>,
    pub subject_age: Option<u8>,
    pub victim_age: Option<u8>,
    pub suspect_age: Option<u8>,
    pub consent: Consent,
    /// What the consent was given for.
    pub consented_for: Purpose,
    pub second: Second,
    pub emergency: Emergency,
}

/// The persons of every case.
pub const ROLES: [Role; 5] = [Role::Victim, Role::Suspect, Role::Child, Role::Custodian, Role::Witness];
/// The days of the cases: the law changed between some of them.
pub const DAYS: [&str; 9] = ["2025-03-31", "2025-04-01", "2025-06-30", "2025-07-01", "2025-11-30", "2025-12-01", "2026-01-14", "2026-01-15", "2026-11-23"];
const AUTHORITIES: [AgencyKind; 3] = [AgencyKind::Police, AgencyKind::Prosecution, AgencyKind::SocialBoard];
const CONSENTS: [Consent; 7] =
    [Consent::Absent, Consent::Carries, Consent::OtherPerson, Consent::OtherRecipient, Consent::OtherCategory, Consent::RunsOut, Consent::Withdrawn];

impl Case {
    /// Draws a case. Most lie near something that passes, because most of what is drawn blindly is refused at once.
    pub fn draw(chance: &mut Chance) -> Self {
        let ground = chance.of(&law::GROUNDS);
        let (kind, from, to, category) = Self::cell(chance, ground);
        let near = chance.percent(85);
        let mut asserted: BTreeSet<FactCode> =
            if near { law::facts_of(ground).collect() } else { FactCode::ALL.iter().copied().filter(|_| chance.percent(50)).collect() };
        let mut denied: BTreeSet<FactCode> = if near { law::denials_of(ground).collect() } else { BTreeSet::new() };
        if chance.percent(30) {
            let fact = chance.of(FactCode::ALL);
            if !asserted.remove(&fact) && !denied.remove(&fact) {
                let which = chance.percent(50);
                if which { &mut asserted } else { &mut denied }.insert(fact);
            }
        }
        let age = |chance: &mut Chance| if chance.percent(25) { None } else { Some(chance.of(&[7, 17, 18, 20, 21, 44])) };
        let offences = law::OFFENCES.map(|(name, ..)| name);
        Self {
            ground,
            from,
            to,
            kind,
            category,
            role: if chance.percent(25) { None } else { Some(chance.of(&ROLES)) },
            protection: chance.of(ProtectedIdentity::ALL),
            day: chance.of(&DAYS),
            asserted,
            denied,
            offence: if chance.percent(15) { None } else { Some(chance.of(&offences)) },
            offence_on: if chance.percent(15) { Some("2015-01-01") } else { None },
            attempted: chance.percent(25),
            purpose: if chance.percent(15) { None } else { Some(chance.of(DisclosurePurpose::ALL)) },
            subject_age: age(chance),
            victim_age: age(chance),
            suspect_age: age(chance),
            consent: if chance.percent(50) { Consent::Carries } else { chance.of(&CONSENTS) },
            consented_for: chance.of(Purpose::ALL),
            second: if chance.percent(60) { Second::Another } else { chance.of(&[Second::Nobody, Second::Differs]) },
            emergency: if chance.percent(60) { Emergency::Undeclared } else { chance.of(&[Emergency::Stands, Emergency::Reviewed]) },
        }
    }

    fn cell(chance: &mut Chance, ground: &str) -> (ReferralKind, AgencyKind, AgencyKind, Category) {
        if chance.percent(5) {
            return (chance.of(ReferralKind::ALL), chance.of(&AUTHORITIES), chance.of(&AUTHORITIES), chance.of(Category::ALL));
        }
        let at_home = law::KINDS.into_iter().find(|(kind, ..)| Some(*kind) == law::home(ground)).filter(|_| chance.percent(70));
        let (kind, from, to, categories) = at_home.unwrap_or_else(|| chance.of(&law::KINDS));
        (kind, chance.of(from), chance.of(to), chance.of(categories))
    }

    /// What the officer says.
    pub fn answers(&self) -> Answers {
        Answers {
            asserted: self.asserted.clone(),
            denied: self.denied.clone(),
            offence: self.offence.map(|name| name.parse().unwrap()),
            offence_on: self.offence_on.map(|day| Time::of_day(day).unwrap()),
            attempted: self.attempted,
            purpose: self.purpose,
            subject_age_years: self.subject_age,
            victim_age_years: self.victim_age,
            suspect_age_years: self.suspect_age,
        }
    }

    /// The time of a step; nothing takes a case over midnight.
    pub fn at(&self, minute: u32) -> Time {
        Time::of_day(self.day).unwrap().plus_minutes(12 * 60 + minute)
    }

    /// When the section is opened.
    pub fn opened(&self) -> Time {
        self.at(10)
    }
}
