//! The law as tables for people: every cell that a referral can have, every ground, and every fact that a ground asks for.
//!
//! For operators and lawyers who read or change a ground table. The answers are those that the gate asks for; nothing is decided here.

use std::collections::{BTreeMap, BTreeSet};

use crate::codes::{Category, FactCode};
use crate::grounds::{Answers, Condition, Direction, Ground, GroundCode, GroundTable, Holds, Protected, Protects, Unlawful};
use crate::time::Time;

/// One cell that a referral can have, with the answer of each ground: whether it could carry the cell, its conditions fulfilled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Direction and kind.
    pub direction: Direction,
    /// The category.
    pub category: Category,
    /// A person, or the investigation.
    pub protects: Protects,
    /// Of a person: with which protection of personal data the answers are these.
    pub about: Vec<Protected>,
    /// The provisions that protect it.
    pub secrecies: Vec<String>,
    /// The answer of each ground.
    pub answers: BTreeMap<GroundCode, Result<(), Unlawful>>,
}

/// Every cell, in the order of kinds.
pub fn cells(table: &GroundTable, now: Time) -> Vec<Row> {
    let both = table.cells().flat_map(|(direction, category)| Protects::ALL.map(|protects| (direction, category, protects)));
    let rows = |(direction, category, protects): (Direction, Category, Protects)| {
        let answered = protects.alike(|protected| {
            let answer = |code: &GroundCode| (code.clone(), table.lawful(code, direction, (category, protected), now).map(|_| ()));
            let secrecies: Vec<String> = table.secrecies(direction.from, category, protected, now).map(|secrecy| secrecy.code.clone()).collect();
            (secrecies, table.codes().into_iter().map(answer).collect::<BTreeMap<_, _>>())
        });
        answered.into_iter().map(move |(about, (secrecies, answers))| Row { direction, category, protects, about, secrecies, answers })
    };
    both.flat_map(rows).collect()
}

/// What a ground answers when everything that it asks for is said, and when one thing is not so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Answers that fulfil it; absent: nothing does on that day.
    pub fulfilled: Option<Answers>,
    /// For each condition: whether the ground still holds when it is not said, and when it is said to be otherwise.
    pub without: Vec<(Condition, bool, bool)>,
}

/// The facts of one row of grounds on a day.
pub fn facts(table: &GroundTable, ground: &Ground, now: Time) -> Facts {
    let fulfilled = fulfilling(table, &ground.conditions, now);
    let stands = |answers: &Answers| ground.conditions.iter().all(|condition| condition.holds(answers, table, now) == Holds::Yes);
    let without = |condition: &Condition| {
        let answers = fulfilled.clone().unwrap_or_default();
        (condition.clone(), stands(&changed(&answers, condition, false)), stands(&changed(&answers, condition, true)))
    };
    Facts { without: ground.conditions.iter().map(without).collect(), fulfilled: fulfilled.filter(stands) }
}

/// Answers that fulfil every condition, if the tables have an offence that does.
fn fulfilling(table: &GroundTable, conditions: &[Condition], now: Time) -> Option<Answers> {
    let mut answers = Answers::default();
    let date = now.date();
    for condition in conditions {
        fulfil(&mut answers, condition);
    }
    let of_offence = |condition: &&Condition| match condition {
        Condition::OffenceMinimumMonths { .. } | Condition::OffenceChapters(_) | Condition::ImprisonmentInScale => true,
        Condition::Asserted(_)
        | Condition::Excluded(_)
        | Condition::AnyOf(_)
        | Condition::SubjectAgeBelow(_)
        | Condition::VictimAgeBelow(_)
        | Condition::SuspectAgeBelow(_)
        | Condition::PurposeAny(_) => false,
    };
    let about: Vec<&Condition> = conditions.iter().filter(of_offence).collect();
    if about.is_empty() {
        return Some(answers);
    }
    let named = table.offences().filter(|offence| offence.in_force(&date)).map(|offence| Answers { offence: Some(offence.code.clone()), ..answers.clone() });
    named.into_iter().find(|answers| about.iter().all(|condition| condition.holds(answers, table, now) == Holds::Yes))
}

fn fulfil(answers: &mut Answers, condition: &Condition) {
    let younger = |years: u8| Some(years.saturating_sub(1));
    match condition {
        Condition::Asserted(fact) => drop(answers.asserted.insert(*fact)),
        Condition::Excluded(fact) => drop(answers.denied.insert(*fact)),
        Condition::AnyOf(conditions) => conditions.iter().take(1).for_each(|condition| fulfil(answers, condition)),
        Condition::SubjectAgeBelow(years) => answers.subject_age_years = younger(*years),
        Condition::VictimAgeBelow(years) => answers.victim_age_years = younger(*years),
        Condition::SuspectAgeBelow(years) => answers.suspect_age_years = younger(*years),
        Condition::PurposeAny(purposes) => answers.purpose = purposes.first().copied(),
        Condition::OffenceMinimumMonths { .. } | Condition::OffenceChapters(_) | Condition::ImprisonmentInScale => {}
    }
}

/// The answers with one condition not said, or said to be otherwise.
fn changed(answers: &Answers, condition: &Condition, otherwise: bool) -> Answers {
    let mut answers = answers.clone();
    let say = |facts: &mut BTreeSet<FactCode>, fact: FactCode| {
        if otherwise {
            facts.insert(fact);
        }
    };
    let older = |years: u8| otherwise.then_some(years);
    match condition {
        Condition::Asserted(fact) => {
            answers.asserted.remove(fact);
            say(&mut answers.denied, *fact);
        }
        Condition::Excluded(fact) => {
            answers.denied.remove(fact);
            say(&mut answers.asserted, *fact);
        }
        Condition::AnyOf(conditions) => {
            for condition in conditions {
                answers = changed(&answers, condition, otherwise);
            }
        }
        // No offence has a scale that would suffice where the table does not have it.
        Condition::OffenceMinimumMonths { .. } | Condition::OffenceChapters(_) | Condition::ImprisonmentInScale => {
            answers.offence = if otherwise { "OTHER_THAN_LISTED".parse().ok() } else { None };
        }
        Condition::SubjectAgeBelow(years) => answers.subject_age_years = older(*years),
        Condition::VictimAgeBelow(years) => answers.victim_age_years = older(*years),
        Condition::SuspectAgeBelow(years) => answers.suspect_age_years = older(*years),
        Condition::PurposeAny(purposes) => {
            use crate::codes::Code as _;
            let other = || crate::codes::DisclosurePurpose::ALL.iter().copied().find(|purpose| !purposes.contains(purpose));
            answers.purpose = if otherwise { other() } else { None };
        }
    }
    answers
}
