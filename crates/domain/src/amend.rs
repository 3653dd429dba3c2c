//! What a sender may do with a referral of its own: amend it, or take it back.

use std::collections::BTreeSet;

use crate::clearance;
use crate::codes::{ProtectedIdentity, RetractReason};
use crate::command::NewContent;
use crate::decide::{Draft, wrong_stage};
use crate::event::Fact;
use crate::exclusion::Excluded;
use crate::grounds::Protected;
use crate::referral::{Cell, REVISIONS_MAX, Stage};
use crate::refusal::{Detail, Reason, Refusal};
use crate::submit::keep_content;

pub(crate) fn amend(to: &mut Draft<'_>, contents: &[NewContent], excluded: Option<&[Excluded]>) -> Result<(), Refusal> {
    to.active_agency()?;
    let referral = to.for_sender()?.clone();
    if referral.stage.is_ended() {
        return Err(wrong_stage(&referral));
    }
    let mut seen = BTreeSet::new();
    let mut sections = Vec::with_capacity(contents.len());
    for new in contents {
        let section = referral.section(new.section).ok_or(Refusal::about(Reason::CellUnknown, Detail::Section(new.section)))?;
        if !seen.insert(new.section) {
            return Err(Refusal::about(Reason::DuplicateSection, Detail::Section(new.section)));
        }
        if section.category != new.category {
            return Err(Refusal::about(Reason::CategoryNotAllowed, Detail::Category(new.category, referral.kind)));
        }
        // Where somebody with a protected identity lives has a section of its own.
        let is_protected = |cell: &Cell| matches!(referral.protected(cell.interest), Protected::Person(held) if held != ProtectedIdentity::NotProtected);
        if new.tells_residence && section.cells.iter().any(is_protected) {
            return Err(Refusal::field(Reason::MalformedMessage, "sections"));
        }
        if section.revision >= REVISIONS_MAX {
            return Err(Refusal::about(Reason::ReferralFull, Detail::Section(new.section)));
        }
        sections.push(keep_content(to, referral.id, (new.section, section.revision.saturating_add(1)), &new.content));
    }
    if sections.is_empty() && excluded.is_none() {
        return Err(Refusal::field(Reason::MalformedMessage, "sections"));
    }
    clearance::carry(to, &sections)?;
    let commitment = excluded.map(|list| to.exclude(list, &referral.recipient)).transpose()?;
    to.push(Fact::ReferralAmended { referral: referral.id, sections, excluded: commitment });
    if let Some(list) = excluded {
        to.keep_excluded(list);
    }
    to.offer_what_passes()
}

pub(crate) fn retract(to: &mut Draft<'_>, reason: RetractReason) -> Result<(), Refusal> {
    let referral = to.for_sender()?;
    let is_retracted = match referral.stage {
        Stage::Retracted { .. } => true,
        Stage::Held | Stage::Ready | Stage::Opened | Stage::Accepted | Stage::Declined(_) | Stage::Returned(_) | Stage::Closed(_) => false,
    };
    if is_retracted || (referral.stage.is_ended() && !referral.is_known_outside()) {
        return Err(wrong_stage(referral));
    }
    let referral = referral.id;
    to.push(Fact::ReferralRetracted { referral, reason });
    Ok(())
}

pub(crate) fn acknowledge_recall(to: &mut Draft<'_>) -> Result<(), Refusal> {
    let referral = to.for_recipient()?;
    let recall = match referral.stage {
        Stage::Retracted { recall: Some(recall), confirmed: false, .. } => recall,
        Stage::Retracted { .. } | Stage::Held | Stage::Ready | Stage::Opened | Stage::Accepted | Stage::Declined(_) | Stage::Returned(_) | Stage::Closed(_) => {
            return Err(wrong_stage(referral));
        }
    };
    let referral = referral.id;
    to.push(Fact::RecallAcknowledged { referral, recall });
    Ok(())
}
