//! What makes a table refused at load. A table that passes has an answer for everything that can be asked of it.

use std::collections::BTreeSet;

use super::condition::Condition;
use super::name::{GroundCode, OffenceCode};
use super::rule::{Ground, GroundFile, Initiative, Offence, OffenceFile, Party, Protects, in_force};
use crate::codes::{AgencyKind, Category, Code as _, FactCode, ReferralKind};

/// Why a table is refused.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// It is not of the table's shape.
    #[error("the ground table is not of the expected shape")]
    Shape(#[source] serde_json::Error),
    /// The offences are not of their shape.
    #[error("the offence table, which follows the grounds, is not of the expected shape")]
    OffenceShape(#[source] serde_json::Error),
    /// The clocks are not of their shape.
    #[error("the table of clocks, which follows the offences, is not of the expected shape")]
    ClockShape(#[source] serde_json::Error),
    /// The clocks are refused.
    #[error("the table of clocks")]
    Clocks(#[source] crate::clocks::ClockError),
    /// A ground lifts nothing, or something that the table does not know.
    #[error("ground {0} lifts nothing that the table knows")]
    LiftsUnknown(GroundCode),
    /// A ground lifts and never lifts the same.
    #[error("ground {0} lifts {1} and never lifts it")]
    LiftsAndNot(GroundCode, String),
    /// A row stands twice for the same days and parties.
    #[error("ground {0} stands twice for the same days")]
    Overlap(GroundCode),
    /// An offence stands twice for the same days.
    #[error("offence {0} stands twice for the same days")]
    OffenceOverlap(OffenceCode),
    /// A secrecy stands twice for the same days.
    #[error("secrecy {0} stands twice for the same days")]
    SecrecyTwice(String),
    /// A kind of referral has no rule, or two.
    #[error("kind {0} must have exactly one rule")]
    Kind(ReferralKind),
    /// No consent could carry a cell of a kind of referral.
    #[error("consented_for of kind {0} is empty: no consent could carry anything")]
    ConsentedForNothing(ReferralKind),
    /// A kind of referral is said to tell what it has its own category for, or in a category that it lacks.
    #[error("kind {0} tells {1} in that very category, or in one that it lacks")]
    ToldAs(ReferralKind, Category),
    /// A date is not of the form `YYYY-MM-DD`, or a period is empty.
    #[error("{0} is not a date of the form YYYY-MM-DD, or a period ends before it begins")]
    Date(String),
    /// A ground that waits for a request does not ask whether there was one, or the reverse.
    #[error("ground {0}: a request is its initiative or its condition, but not both")]
    Request(GroundCode),
    /// A condition can never hold.
    #[error("ground {0} has a condition that nothing fulfils: {1}")]
    Condition(GroundCode, String),
    /// An offence has a minimum above its maximum.
    #[error("offence {0} has a minimum above its maximum")]
    Scale(OffenceCode),
    /// A barrier, or the policy of two officers, names a ground that the table does not have.
    #[error("{0} names ground {1}, which the table does not have")]
    OtherGround(&'static str, GroundCode),
    /// The policy asks for two officers on a ground, and for one.
    #[error("ground {0} wants two officers, and one suffices for it")]
    OneAndTwo(GroundCode),
    /// An emergency that ends before it begins, or whose review is due while it may last.
    #[error("an emergency must last an hour at least, and its review must not be due before it ends")]
    Emergency,
    /// No category says who somebody is, so nobody could check for a conflict of interest.
    #[error("names is empty: a function that checks for conflicts of interest would have nothing to look at")]
    Nameless,
    /// Nothing protects a cell, or nothing in force carries it and no barrier says so.
    #[error("{kind} from {from} to {to}: {category} of {interest} has no answer")]
    Unanswered {
        /// The kind.
        kind: ReferralKind,
        /// From whom.
        from: AgencyKind,
        /// To whom.
        to: AgencyKind,
        /// The category.
        category: Category,
        /// A person, or the investigation.
        interest: &'static str,
    },
}

/// Checks both files.
pub(super) fn check(file: &GroundFile, offences: &OffenceFile) -> Result<(), TableError> {
    periods(file, offences)?;
    secrecies(file)?;
    for ground in &file.grounds {
        self::ground(file, ground, &offences.offences)?;
    }
    overlaps(file, offences)?;
    named_grounds(file)?;
    if file.emergency.hours_max == 0 || file.emergency.review_due_hours < file.emergency.hours_max {
        return Err(TableError::Emergency);
    }
    if file.names.is_empty() {
        return Err(TableError::Nameless);
    }
    for kind in ReferralKind::ALL {
        if file.kinds.iter().filter(|rule| rule.kind == *kind).count() != 1 {
            return Err(TableError::Kind(*kind));
        }
    }
    for rule in &file.kinds {
        let amiss = |told: &(&Category, &Category)| rule.categories.contains(told.0) || !rule.categories.contains(told.1);
        if let Some((category, _)) = rule.also_told_as.iter().find(amiss) {
            return Err(TableError::ToldAs(rule.kind, *category));
        }
        if rule.consented_for.as_ref().is_some_and(BTreeSet::is_empty) {
            return Err(TableError::ConsentedForNothing(rule.kind));
        }
    }
    answered(file)
}

fn periods(file: &GroundFile, offences: &OffenceFile) -> Result<(), TableError> {
    let grounds = file.grounds.iter().map(|ground| (&ground.valid_from, &ground.valid_to));
    let secrecies = file.secrecies.iter().map(|secrecy| (&secrecy.valid_from, &secrecy.valid_to));
    let scales = offences.offences.iter().map(|offence| (&offence.valid_from, &offence.valid_to));
    for (from, to) in grounds.chain(secrecies).chain(scales) {
        for date in std::iter::once(from).chain(to) {
            let proper = date.len() == 10 && date.parse::<jiff::civil::Date>().is_ok();
            if !proper || to.as_ref().is_some_and(|end| end <= from) {
                return Err(TableError::Date(date.clone()));
            }
        }
    }
    Ok(())
}

fn named_grounds(file: &GroundFile) -> Result<(), TableError> {
    let codes: BTreeSet<&GroundCode> = file.grounds.iter().map(|ground| &ground.code).collect();
    let two = &file.two_officers;
    let by_barriers = file.barriers.iter().flat_map(|barrier| &barrier.except).map(|code| ("a barrier", code));
    let by_policy = two.grounds.iter().chain(&two.one_suffices).map(|code| ("the policy of two officers", code));
    if let Some((who, unknown)) = by_barriers.chain(by_policy).find(|(_, code)| !codes.contains(code)) {
        return Err(TableError::OtherGround(who, unknown.clone()));
    }
    two.grounds.intersection(&two.one_suffices).next().map_or(Ok(()), |code| Err(TableError::OneAndTwo(code.clone())))
}

fn secrecies(file: &GroundFile) -> Result<(), TableError> {
    for (index, secrecy) in file.secrecies.iter().enumerate() {
        let twice = |(place, other): (usize, &super::Secrecy)| {
            place != index && other.code == secrecy.code && in_force(&other.valid_from, other.valid_to.as_deref(), &secrecy.valid_from)
        };
        if file.elsewhere.contains(&secrecy.code) || file.secrecies.iter().enumerate().any(twice) {
            return Err(TableError::SecrecyTwice(secrecy.code.clone()));
        }
    }
    Ok(())
}

fn ground(file: &GroundFile, ground: &Ground, offences: &[Offence]) -> Result<(), TableError> {
    let code = || ground.code.clone();
    let known = |provision: &String| file.elsewhere.contains(provision) || file.secrecies.iter().any(|secrecy| secrecy.code == *provision);
    if (ground.lifts.is_empty() && ground.never_clears.is_none()) || !ground.lifts.iter().chain(&ground.never_lifts).all(known) {
        return Err(TableError::LiftsUnknown(code()));
    }
    if let Some(both) = ground.lifts.intersection(&ground.never_lifts).next() {
        return Err(TableError::LiftsAndNot(code(), both.clone()));
    }
    let asks = ground.conditions.contains(&Condition::Asserted(FactCode::Requested));
    if asks != (ground.initiative == Initiative::Request) {
        return Err(TableError::Request(code()));
    }
    let conditions = ground.conditions.iter().chain(if ground.needs_consent() { file.minors.conditions.as_slice() } else { &[] });
    match conditions.into_iter().find(|condition| !can_hold(condition, offences)) {
        Some(never) => Err(TableError::Condition(code(), never.to_string())),
        None => Ok(()),
    }
}

/// Whether some answer could fulfil the condition: a list with nothing in it, or offences that the table does not have, never are.
fn can_hold(condition: &Condition, offences: &[Offence]) -> bool {
    match condition {
        Condition::Asserted(_) | Condition::Excluded(_) => true,
        Condition::AnyOf(conditions) => !conditions.is_empty() && conditions.iter().all(|condition| can_hold(condition, offences)),
        Condition::OffenceMinimumMonths { completed, .. } => offences.iter().any(|offence| offence.min_months >= *completed),
        // Every chapter that a ground names must have an offence: a misspelt one would silently never match.
        Condition::OffenceChapters(chapters) => {
            !chapters.is_empty() && chapters.iter().all(|chapter| offences.iter().any(|offence| offence.chapter == *chapter))
        }
        Condition::ImprisonmentInScale => offences.iter().any(|offence| offence.max_months != Some(0)),
        Condition::SubjectAgeBelow(years) | Condition::VictimAgeBelow(years) | Condition::SuspectAgeBelow(years) => *years > 0,
        Condition::PurposeAny(purposes) => !purposes.is_empty(),
    }
}

const AGENCIES: [AgencyKind; 4] = [AgencyKind::Police, AgencyKind::Prosecution, AgencyKind::SocialBoard, AgencyKind::Supervisor];

fn overlaps(file: &GroundFile, offences: &OffenceFile) -> Result<(), TableError> {
    let meet = |one: &[Party], other: &[Party]| {
        one.iter().any(|party| other.contains(party))
            || AGENCIES.iter().any(|kind| one.iter().any(|party| party.covers(*kind)) && other.iter().any(|party| party.covers(*kind)))
    };
    for (index, ground) in file.grounds.iter().enumerate() {
        let twice =
            |other: &Ground| other.code == ground.code && other.in_force(&ground.valid_from) && meet(&other.from, &ground.from) && meet(&other.to, &ground.to);
        if file.grounds.iter().enumerate().any(|(place, other)| place != index && twice(other)) {
            return Err(TableError::Overlap(ground.code.clone()));
        }
    }
    for (index, offence) in offences.offences.iter().enumerate() {
        let twice = |other: &Offence| other.code == offence.code && other.in_force(&offence.valid_from);
        if offences.offences.iter().enumerate().any(|(place, other)| place != index && twice(other)) {
            return Err(TableError::OffenceOverlap(offence.code.clone()));
        }
        if offence.max_months.is_some_and(|most| most < offence.min_months) {
            return Err(TableError::Scale(offence.code.clone()));
        }
    }
    Ok(())
}

/// Every cell that a referral can have is protected by something, and something in force carries it or a barrier says that nothing does.
fn answered(file: &GroundFile) -> Result<(), TableError> {
    for rule in &file.kinds {
        for (from, to) in rule.from.iter().flat_map(|from| rule.to.iter().map(move |to| (*from, *to))) {
            for category in &rule.categories {
                for protects in [Protects::Person, Protects::Investigation] {
                    if !has_answer(file, (rule.kind, from, to), *category, protects) {
                        let interest = match protects {
                            Protects::Person => "a person",
                            Protects::Investigation => "the investigation",
                        };
                        return Err(TableError::Unanswered { kind: rule.kind, from, to, category: *category, interest });
                    }
                }
            }
        }
    }
    Ok(())
}

fn has_answer(file: &GroundFile, direction: (ReferralKind, AgencyKind, AgencyKind), category: Category, protects: Protects) -> bool {
    let (kind, from, to) = direction;
    let holds = |secrecy: &&super::Secrecy| {
        let about = secrecy.categories.as_ref().is_none_or(|categories| categories.contains(&category));
        secrecy.protects == protects && secrecy.at.iter().any(|party| party.covers(from)) && about && secrecy.valid_to.is_none()
    };
    let secrecies: Vec<_> = file.secrecies.iter().filter(holds).collect();
    let carries = |ground: &Ground| {
        let about = ground.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind))
            && ground.categories.as_ref().is_none_or(|categories| categories.contains(&category));
        let stands = ground.valid_to.is_none() && ground.never_clears.is_none();
        stands && about && ground.goes(from, to) && secrecies.iter().all(|secrecy| ground.lifts.contains(&secrecy.code))
    };
    let barred = file.barriers.iter().any(|barrier| barrier.categories.contains(&category) && barrier.to.iter().any(|party| party.covers(to)));
    !secrecies.is_empty() && (barred || file.grounds.iter().any(carries))
}
