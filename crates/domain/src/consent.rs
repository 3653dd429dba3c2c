//! Consent: a person's waiver of their own secrecy, and its end.

use crate::codes::{ConsentGiver, StopUseAnswer};
use crate::command::NewConsent;
use crate::decide::{Draft, wrong_stage};
use crate::event::{CellName, ConsentGiven, Fact};
use crate::gate::{self, ConsentLack};
use crate::ids::{ConsentId, Position};
use crate::referral::{CONSENTS_MAX, Consent, Referral};
use crate::refusal::{Detail, Reason, Refusal};

pub(crate) fn record(to: &mut Draft<'_>, new: &NewConsent) -> Result<(), Refusal> {
    to.active_agency()?;
    let referral = to.for_sender()?;
    if referral.stage.is_ended() {
        return Err(wrong_stage(referral));
    }
    if referral.consents.len() >= CONSENTS_MAX {
        return Err(Refusal::new(Reason::ReferralFull));
    }
    let person = referral.person(new.person).ok_or(Refusal::about(Reason::PersonUnknown, Detail::Person(new.person)))?;
    let (referral, index) = (referral.id, referral.consents.len());
    to.facts.directory.function(&new.recipient).ok_or(Refusal::new(Reason::UnknownFunction))?;
    if new.given_at > to.facts.now {
        return Err(Refusal::field(Reason::TimeOutOfRange, "given_at"));
    }
    if new.valid_until <= new.given_at {
        return Err(Refusal::field(Reason::TimeOutOfRange, "valid_until"));
    }
    if new.given_by == ConsentGiver::Person && to.facts.table.minors().roles.contains(&new.person.role) {
        return Err(Refusal::about(Reason::CustodianMissing, Detail::Person(new.person)));
    }
    let interpreter_reference = new.interpreter_reference.clone().map(|reference| to.commit_opening("interpreter", reference));
    let mut categories = new.categories.clone();
    categories.sort_unstable();
    categories.dedup();
    let given = ConsentGiven {
        referral,
        consent: ConsentId(to.command.entropy.uuid("consent", index)),
        person,
        categories,
        recipient: new.recipient.clone(),
        purpose: new.purpose,
        given_at: new.given_at,
        valid_until: new.valid_until,
        form: new.form,
        language: new.language.clone(),
        interpreter: new.interpreter,
        gdpr_basis: new.gdpr_basis,
        given_by: new.given_by,
        asked_by: new.asked_by,
        interpreter_reference,
    };
    to.push(Fact::ConsentRecorded(given));
    Ok(())
}

/// Withdraws a consent: in the same commit everything unreleased that rests on it stops, and holders are told.
pub(crate) fn withdraw(to: &mut Draft<'_>, id: ConsentId) -> Result<(), Refusal> {
    let referral = to.for_sender().or_else(|_| to.for_recipient())?;
    let consent = referral.consent(id).ok_or(Refusal::new(Reason::NotFound))?;
    // A recipient holds only what was given for it; another function's consent does not exist for it.
    if referral.sender != to.command.agency && consent.given.recipient != referral.recipient {
        return Err(Reason::NotFound.into());
    }
    if consent.withdrawn.is_some() {
        return Err(Reason::AlreadyWithdrawn.into());
    }
    let sections = released_on(referral, consent.at);
    let (referral, recipient) = (referral.id, referral.recipient.clone());
    let withdrawal = to.push(Fact::ConsentWithdrawn { referral, consent: id });
    if !sections.is_empty() {
        to.push(Fact::StopUseSent { referral, recipient, sections, withdrawal });
    }
    to.offer_what_passes()
}

/// Numbers of the sections that were released on the consent at that position, also at an earlier revision.
fn released_on(referral: &Referral, consent: Position) -> Vec<u32> {
    referral.sections.iter().filter(|section| section.rested_on.contains(&consent)).map(|section| section.number).collect()
}

pub(crate) fn answer_stop_use(to: &mut Draft<'_>, notice: Position, answer: StopUseAnswer) -> Result<(), Refusal> {
    let referral = to.for_recipient()?;
    if !referral.notices.iter().any(|sent| sent.at == notice && sent.answer.is_none()) {
        return Err(Reason::StopUseAnswered.into());
    }
    let referral = referral.id;
    to.push(Fact::StopUseAnswered { referral, notice, answer });
    Ok(())
}

/// The consent named for a cell, whatever became of it since; where none is named the likely one, else the latest that was given for it.
pub(crate) fn once_given(to: &Draft<'_>, name: CellName, (named, likely): (Option<ConsentId>, Option<Position>)) -> Result<Position, Refusal> {
    let referral = to.referral()?;
    let section = referral.section(name.section).ok_or(Refusal::about(Reason::CellUnknown, Detail::Section(name.section)))?;
    let lack = |consent: &Consent| {
        if likely == Some(consent.at) {
            return None;
        }
        let lack = gate::carries(consent, referral, (section.category, name.interest), (to.facts.table, to.facts.now)).err()?;
        (!matches!(lack, ConsentLack::Withdrawn | ConsentLack::Expired)).then_some(lack)
    };
    let refuse = |lack| Refusal::consent(lack, name.section, referral.person_of(name.interest));
    if let Some(id) = named {
        let consent = referral.consent(id).ok_or_else(|| refuse(ConsentLack::Missing))?;
        return lack(consent).map_or(Ok(consent.at), |lack| Err(refuse(lack)));
    }
    let latest = || referral.consents.iter().rev().find(|consent| lack(consent).is_none()).map(|consent| consent.at);
    likely.or_else(latest).ok_or_else(|| refuse(ConsentLack::Missing))
}

/// The consent that a decision of this cell rests on: the one that it names, else the likely one if it carries the cell, else the latest that does.
pub(crate) fn resting_on(to: &Draft<'_>, name: CellName, named: Option<ConsentId>, likely: Option<Position>) -> Result<Position, Refusal> {
    let referral = to.referral()?;
    let section = referral.section(name.section).ok_or(Refusal::about(Reason::CellUnknown, Detail::Section(name.section)))?;
    let refuse = |lack| Refusal::consent(lack, name.section, referral.person_of(name.interest));
    let (cell, law) = ((section.category, name.interest), (to.facts.table, to.facts.now));
    let consent = if let Some(id) = named {
        let consent = referral.consent(id).ok_or_else(|| refuse(ConsentLack::Missing))?;
        gate::carries(consent, referral, cell, law).map_err(refuse)?;
        consent
    } else {
        let carries = |consent: &&Consent| gate::carries(consent, referral, cell, law).is_ok();
        let likely = referral.consents.iter().find(|consent| Some(consent.at) == likely).filter(carries);
        likely.map_or_else(|| gate::consent_for(referral, cell, law).map_err(refuse), Ok)?
    };
    Ok(consent.at)
}
