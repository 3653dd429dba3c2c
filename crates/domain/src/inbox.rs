//! What a recipient may do with a referral that was offered to it.

use crate::codes::{ContactOutcome, DeclineReason, ReturnReason};
use crate::command::{Command, NewClosing, NewContact, NewReturn};
use crate::decide::{Draft, wrong_stage};
use crate::directory::Directory;
use crate::event::{Closing, Contact, Fact};
use crate::gate::{self, Cleared, Released};
use crate::ids::{FunctionId, Position, ReferralId};
use crate::referral::{Referral, Section, Stage};
use crate::refusal::{Reason, Refusal};
use crate::time::Time;

pub(crate) fn claim(to: &mut Draft<'_>, takeover: bool) -> Result<(), Refusal> {
    let officer = to.officer()?;
    let referral = to.for_recipient()?;
    if referral.stage.is_ended() {
        return Err(wrong_stage(referral));
    }
    let by_another = referral.is_claimed_by_another(Some(officer));
    if by_another && !takeover {
        return Err(Reason::ClaimedByAnother.into());
    }
    let referral = referral.id;
    to.push(Fact::ReferralClaimed { referral, takeover: by_another });
    Ok(())
}

/// The referral, for an officer of its recipient, while no other officer has taken it on.
pub(crate) fn for_officer<'b>(to: &'b Draft<'_>) -> Result<&'b Referral, Refusal> {
    let officer = to.officer()?;
    let referral = to.for_recipient()?;
    if referral.is_claimed_by_another(Some(officer)) { Err(Reason::ClaimedByAnother.into()) } else { Ok(referral) }
}

/// Whether content may go to the officer of this command at all, the first time or again. The gate is asked after it, section by section.
pub fn may_receive(command: &Command, referral: &Referral, directory: &Directory, now: Time) -> Result<(), Refusal> {
    if referral.is_hidden_from(&command.agency, command.officer) {
        return Err(Reason::NotFound.into());
    }
    let is_active = directory.agency(&command.agency).is_some_and(|agency| agency.is_active(now));
    if !is_active {
        Err(Reason::AgencyNotActive.into())
    } else if referral.is_claimed_by_another(command.officer.map(|officer| officer.pseudonym)) {
        Err(Reason::ClaimedByAnother.into())
    } else if referral.stage.is_ended() {
        Err(wrong_stage(referral))
    } else {
        Ok(())
    }
}

/// Asks the gate once more for every offered section. What passes is released by this event, before a byte leaves.
pub(crate) fn open(to: &mut Draft<'_>) -> Result<(), Refusal> {
    let officer = to.officer()?;
    let referral = to.for_recipient()?;
    may_receive(to.command, referral, to.facts.directory, to.facts.now)?;
    let unseen = |section: &Section| to.facts.table.is_a_name(section.category) && !section.checked_by.contains(&officer);
    if is_checked(to, referral) && passing(to, referral, unseen).is_ok() {
        return Err(Reason::ConflictStepDue.into());
    }
    let cleared = passing(to, referral, |_| true)?;
    release(to, cleared)
}

/// Shows who it is about, and nothing else, so that an officer who has to do with them can leave it to another.
pub(crate) fn reveal_names(to: &mut Draft<'_>) -> Result<(), Refusal> {
    to.officer()?;
    let referral = to.for_recipient()?;
    may_receive(to.command, referral, to.facts.directory, to.facts.now)?;
    let cleared = passing(to, referral, |section| to.facts.table.is_a_name(section.category))?;
    let mut sections: Vec<u32> = cleared.iter().map(Cleared::section).collect();
    sections.sort_unstable();
    let (referral, recipient) = (referral.id, referral.recipient.clone());
    to.push(Fact::NameRevealed { referral, recipient, sections });
    release(to, cleared)
}

/// Whether the recipient's officers check for conflicts of interest before they open.
fn is_checked(to: &Draft<'_>, referral: &Referral) -> bool {
    to.facts.directory.function(&referral.recipient).is_some_and(|function| function.duty.conflict_step)
}

/// The offered sections of those that pass now, as many as one receipt can prove.
fn passing(to: &Draft<'_>, referral: &Referral, wanted: impl Fn(&Section) -> bool) -> Result<Vec<Cleared>, Refusal> {
    // Revisions that have not left yet go first, so that a release which would need too long a receipt is finished by the next one.
    let mut offered: Vec<_> = referral.sections.iter().filter(|section| section.offered && wanted(section)).collect();
    offered.sort_by_key(|section| section.has_left());
    let (mut passing, mut destroyed) = (Vec::new(), false);
    for section in offered {
        match gate::pass(referral, section, to.facts.table, to.facts.now) {
            Ok(cleared) => passing.push(cleared),
            Err(blocks) => destroyed |= gate::only_destroyed(&blocks),
        }
    }
    let cleared = gate::within_receipt(passing.into_iter());
    if cleared.is_empty() {
        return Err(if destroyed { Reason::ContentDestroyed } else { Reason::NotCleared }.into());
    }
    Ok(cleared)
}

fn release(to: &mut Draft<'_>, cleared: Vec<Cleared>) -> Result<(), Refusal> {
    let referral = to.referral()?;
    let (referral, recipient) = (referral.id, referral.recipient.clone());
    to.push(Fact::SectionsReleased { referral, recipient, released: Released::new(cleared) });
    Ok(())
}

pub(crate) fn acknowledge_delivery(to: &mut Draft<'_>, release: Position) -> Result<(), Refusal> {
    let referral = to.for_recipient()?;
    if !referral.sections.iter().any(|section| section.released.is_some_and(|left| left.at == release)) {
        return Err(Reason::ReleaseUnknown.into());
    }
    let referral = referral.id;
    to.push(Fact::DeliveryAcknowledged { referral, release });
    Ok(())
}

pub(crate) fn accept(to: &mut Draft<'_>) -> Result<(), Refusal> {
    let referral = for_officer(to)?;
    match referral.stage {
        Stage::Opened => {}
        Stage::Held | Stage::Ready => return Err(Reason::NotOpened.into()),
        Stage::Accepted | Stage::Declined(_) | Stage::Returned(_) | Stage::Closed(_) | Stage::Retracted { .. } => return Err(wrong_stage(referral)),
    }
    let referral = referral.id;
    to.push(Fact::ReferralAccepted { referral });
    Ok(())
}

/// Whether the recipient has seen more than the envelope, while it may still decline or return.
fn has_seen_content(referral: &Referral) -> Result<bool, Refusal> {
    match referral.stage {
        Stage::Ready => Ok(false),
        Stage::Opened => Ok(true),
        Stage::Held | Stage::Accepted | Stage::Declined(_) | Stage::Returned(_) | Stage::Closed(_) | Stage::Retracted { .. } => Err(wrong_stage(referral)),
    }
}

/// The earlier referral that makes one a duplicate. It must be the same sender's: no answer tells one agency of another's referral.
fn duplicate_of(to: &Draft<'_>, referral: &Referral) -> Result<ReferralId, Refusal> {
    let earlier = to.cited().filter(|earlier| earlier.host == to.command.agency && earlier.offered_at.is_some());
    let of_sender = earlier.filter(|earlier| earlier.sender == referral.sender && earlier.id != referral.id);
    of_sender.map(|earlier| earlier.id).ok_or(Refusal::new(Reason::NotFound))
}

pub(crate) fn decline(to: &mut Draft<'_>, reason: DeclineReason, names_earlier: bool) -> Result<(), Refusal> {
    let referral = for_officer(to)?;
    if never_declined(to, referral) {
        return Err(Reason::ReceivedNeverDeclined.into());
    }
    if reason.is_personal() {
        return Err(Reason::PersonalAnswer.into());
    }
    if !has_seen_content(referral)? && reason.needs_opening() {
        return Err(Reason::NeedsOpening.into());
    }
    if names_earlier != (reason == DeclineReason::Duplicate) {
        return Err(Refusal::field(Reason::MalformedMessage, "duplicate_of"));
    }
    let duplicate_of = names_earlier.then(|| duplicate_of(to, referral)).transpose()?;
    let referral = referral.id;
    to.push(Fact::ReferralDeclined { referral, reason, duplicate_of });
    Ok(())
}

fn never_declined(to: &Draft<'_>, referral: &Referral) -> bool {
    to.facts.table.kind(referral.kind).is_some_and(|rule| rule.received_never_declined)
}

/// The function that a child concern should have gone to. Of an adult it would be an answer about the person (OSL 26:1).
fn right_function(to: &Draft<'_>, referral: &Referral, new: &NewReturn) -> Result<Option<FunctionId>, Refusal> {
    let Some(named) = &new.right_function else { return Ok(None) };
    if new.reason != ReturnReason::WrongBoard {
        return Err(Reason::ReasonNotForKind.into());
    }
    let function = to.facts.directory.function(named).ok_or(Refusal::new(Reason::UnknownFunction))?;
    let rule = to.facts.table.kind(referral.kind);
    let host = to.facts.directory.agency(&function.host).filter(|host| rule.is_some_and(|rule| rule.to.contains(&host.kind)));
    let takes = host.is_some() && function.takes(referral.kind) && *named != referral.recipient;
    if takes { Ok(Some(named.clone())) } else { Err(Reason::FunctionDoesNotTake.into()) }
}

pub(crate) fn send_back(to: &mut Draft<'_>, new: &NewReturn) -> Result<(), Refusal> {
    let NewReturn { reason, missing, .. } = new;
    let (reason, referral) = (*reason, for_officer(to)?);
    if never_declined(to, referral) != (reason == ReturnReason::WrongBoard) {
        return Err(Reason::ReasonNotForKind.into());
    }
    if !has_seen_content(referral)? && reason == ReturnReason::Incomplete {
        return Err(Reason::NeedsOpening.into());
    }
    let right_function = right_function(to, referral, new)?;
    let referral = referral.id;
    to.push(Fact::ReferralReturned { referral, reason, missing: missing.clone(), right_function });
    Ok(())
}

pub(crate) fn record_contact(to: &mut Draft<'_>, new: &NewContact) -> Result<(), Refusal> {
    let referral = for_officer(to)?;
    if referral.stage != Stage::Accepted {
        return Err(wrong_stage(referral));
    }
    if new.at > to.facts.now || new.at < referral.submitted_at.min(referral.reported_at.unwrap_or(referral.submitted_at)) {
        return Err(Refusal::field(Reason::TimeOutOfRange, "contact.at"));
    }
    if new.outcome == ContactOutcome::Reached && new.channel.is_none() {
        return Err(Refusal::field(Reason::MalformedMessage, "contact.channel"));
    }
    let referral = referral.id;
    to.push(Fact::ContactRecorded(Contact {
        referral,
        outcome: new.outcome,
        at: new.at,
        channel: new.channel,
        interpreter: new.interpreter,
        next_try_at: new.next_try_at,
    }));
    Ok(())
}

pub(crate) fn close(to: &mut Draft<'_>, new: &NewClosing) -> Result<(), Refusal> {
    let referral = for_officer(to)?;
    if referral.stage != Stage::Accepted {
        return Err(wrong_stage(referral));
    }
    if never_declined(to, referral) != new.outcome.is_inquiry_answer() {
        return Err(Reason::ReasonNotForKind.into());
    }
    let referral = referral.id;
    to.push(Fact::ReferralClosed(Closing { referral, outcome: new.outcome, phases: new.phases.clone(), support: new.support.clone() }));
    Ok(())
}
