//! Passing on what was received: a disclosure of its own, by the agency that holds the first referral and answers for the second.
//!
//! Called by `submit`. Nothing of the first carries over: no consent, no decision, no content and no person's pseudonym. Only its conflicts of
//! interest do, for whoever passes it on never saw them.

use crate::codes::StopUseAnswer;
use crate::command::Submission;
use crate::decide::{Draft, wrong_stage};
use crate::exclusion::Excluded;
use crate::ids::{ReferralId, ThreadId};
use crate::referral::{Referral, Stage};
use crate::refusal::{Reason, Refusal};

/// The referral that a submission passes on.
#[derive(Debug)]
pub(crate) struct PassedOn {
    pub(crate) referral: ReferralId,
    /// The thread that the submission joins.
    pub(crate) thread: ThreadId,
    /// Who is excluded from it.
    pub(crate) excluded: Vec<Excluded>,
}

/// The referral that a submission passes on, if it names one.
pub(crate) fn passed_on(to: &Draft<'_>, submission: &Submission) -> Result<Option<PassedOn>, Refusal> {
    if submission.forwards.is_none() {
        return Ok(None);
    }
    let held = to.cited().filter(|held| held.host == to.command.agency && held.offered_at.is_some());
    let held = held.ok_or(Refusal::new(Reason::NotFound))?;
    // A board that is not the right one sends a child concern back, so that whoever is bound to report reports to the right one.
    if to.facts.table.kind(held.kind).is_some_and(|rule| rule.received_never_declined) {
        return Err(Reason::ReceivedNeverDeclined.into());
    }
    if held.is_claimed_by_another(to.command.officer.map(|officer| officer.pseudonym)) {
        return Err(Reason::ClaimedByAnother.into());
    }
    match held.stage {
        Stage::Opened | Stage::Accepted => {}
        Stage::Held | Stage::Ready => return Err(Reason::NotOpened.into()),
        Stage::Declined(_) | Stage::Returned(_) | Stage::Closed(_) | Stage::Retracted { .. } => return Err(wrong_stage(held)),
    }
    if stopped(held) {
        return Err(Reason::StopUseStands.into());
    }
    if submission.thread.is_some_and(|thread| thread != held.thread) {
        return Err(Refusal::field(Reason::MalformedMessage, "thread_id"));
    }
    if submission.recipient == held.recipient {
        return Err(Refusal::field(Reason::MalformedMessage, "recipient"));
    }
    // The first sender's exclusion binds who holds it, or passing on would get around it.
    if held.excludes_function(&submission.recipient) {
        return Err(Reason::RecipientExcluded.into());
    }
    Ok(Some(PassedOn { referral: held.id, thread: held.thread, excluded: held.excluded.clone() }))
}

/// Whether the holder was told to stop, and does not go on under a provision of its own.
fn stopped(held: &Referral) -> bool {
    held.notices.iter().any(|notice| match notice.answer {
        None | Some(StopUseAnswer::NotYetUsed | StopUseAnswer::Stopped) => true,
        Some(StopUseAnswer::ContinuesOnOwnProvision) => false,
    })
}
