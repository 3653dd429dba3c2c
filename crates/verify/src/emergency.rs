//! Break-glass, stated a second time: how long an emergency lasts, who reviews it, and that it puts off the second officer only.

use std::collections::BTreeMap;

use brygga_domain::event::{DecidedCell, EmergencyDeclaration, EmergencyReview, Event, Outcome};
use brygga_domain::{AgencyId, Fact, OfficerPseudonym, Position, Time};

use crate::facts::{other_recipient, unfounded};
use crate::finding::Code;
use crate::release::{Lack, Moment};

/// An emergency of a referral.
#[derive(Debug)]
pub(crate) struct Emergency {
    pub(crate) at: Position,
    pub(crate) agency: AgencyId,
    officer: Option<OfficerPseudonym>,
    pub(crate) ends: Time,
    reviewed: bool,
}

/// What a referral's emergencies come to.
#[derive(Debug, Default)]
pub(crate) struct Emergencies(Vec<Emergency>);

impl Emergencies {
    pub(crate) fn declare(&mut self, at: Position, event: &Event, declared: &EmergencyDeclaration) {
        let officer = event.officer.map(|officer| officer.pseudonym);
        self.0.push(Emergency { at, agency: event.agency.clone(), officer, ends: declared.expires_at, reviewed: false });
    }

    pub(crate) fn review(&mut self, review: &EmergencyReview) {
        for emergency in self.0.iter_mut().filter(|emergency| emergency.at == review.emergency) {
            emergency.reviewed = true;
        }
    }

    /// The one of an agency that has neither ended nor been reviewed.
    pub(crate) fn running(&self, agency: &AgencyId, time: Time) -> Option<&Emergency> {
        self.0.iter().find(|emergency| emergency.agency == *agency && !emergency.reviewed && time < emergency.ends)
    }
}

/// The reviews that agencies owe, of whatever referral, by when.
#[derive(Debug, Default)]
pub(crate) struct Reviews(BTreeMap<(AgencyId, Position), Time>);

impl Reviews {
    /// Takes note of an event; gives the declaration that ought to have been reviewed before it.
    pub(crate) fn note(&mut self, at: Position, event: &Event) -> Option<Position> {
        if let Fact::EmergencyDeclared(declared) = &event.fact {
            // What was told by telephone is on record whatever is late.
            let shortens = declared.expires_at > event.time;
            let owed = self.0.iter().filter(|_| shortens).find(|((agency, _), due)| *agency == event.agency && **due <= event.time).map(|((_, at), _)| *at);
            self.0.insert((event.agency.clone(), at), declared.review_due_at);
            return owed;
        }
        if let Fact::EmergencyReviewed(review) = &event.fact {
            self.0.remove(&(event.agency.clone(), review.emergency));
        }
        None
    }
}

pub(crate) fn declared(moment: Moment<'_>, event: &Event, declared: &EmergencyDeclaration) -> Vec<Lack> {
    let mut lacks: Vec<Lack> = other_recipient(moment, &declared.recipient).into_iter().collect();
    let mut malformed = |text: String| lacks.push((Code::EmergencyMalformed, text));
    let shortens = declared.expires_at > moment.time;
    if let Some(running) = moment.book.emergencies.running(&event.agency, moment.time).filter(|_| shortens) {
        malformed(format!("the emergency in entry {} has not ended", running.at));
    }
    let hours = |count: u16| moment.time.plus_minutes(u32::from(count).saturating_mul(60));
    if let Some(rule) = moment.table.map(brygga_domain::GroundTable::emergency) {
        if declared.expires_at > hours(rule.hours_max) {
            malformed(format!("it lasts until {}, which is more than {} hours", declared.expires_at, rule.hours_max));
        }
        if declared.review_due_at != hours(rule.review_due_hours) {
            malformed(format!("its review is due at {}, and not after {} hours", declared.review_due_at, rule.review_due_hours));
        }
    }
    if !shortens && declared.telephoned_at.is_none() {
        malformed(String::from("it shortens nothing and records nothing"));
    }
    if declared.telephoned_at.is_some_and(|told| told > moment.time) {
        malformed(String::from("something was told by telephone later than that was recorded"));
    }
    lacks
}

pub(crate) fn reviewed(moment: Moment<'_>, event: &Event, review: &EmergencyReview) -> Vec<Lack> {
    let named = moment.book.emergencies.0.iter().find(|emergency| emergency.at == review.emergency);
    let Some(emergency) = named.filter(|emergency| emergency.agency == event.agency && !emergency.reviewed) else {
        return unfounded(false, || format!("entry {} is no emergency of {} that waits for a review", review.emergency, event.agency));
    };
    let officer = event.officer.map(|officer| officer.pseudonym);
    if officer.is_none() || officer == emergency.officer {
        return vec![(Code::ReviewSame, format!("entry {} is by the same officer", emergency.at))];
    }
    Vec::new()
}

/// What is decided in an emergency wants a second officer afterwards, where the policy says so, and the decision must say it.
pub(crate) fn one_officer(moment: Moment<'_>, event: &Event, decided: &DecidedCell) -> Option<Lack> {
    let Outcome::Release { ground, .. } = &decided.outcome else { return None };
    let policy = moment.table?.two_officers();
    let emergency = moment.book.emergencies.running(&event.agency, moment.time)?;
    let lacks = policy.break_glass && !policy.one_suffices.contains(ground) && !decided.second_officer;
    lacks.then(|| (Code::SecondOfficerMissing, format!("it is decided in the emergency of entry {} and asks for no second officer", emergency.at)))
}
