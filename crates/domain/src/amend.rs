//! What a sender may do with a referral of its own: amend it, or take it back.

use std::collections::BTreeSet;

use crate::clearance;
use crate::codes::{ProtectedIdentity, RetractReason};
use crate::command::{NewContent, OnRecord, Told};
use crate::decide::{Draft, wrong_stage};
use crate::event::{Fact, Interest};
use crate::exclusion::{self, Excluded};
use crate::grounds::Protected;
use crate::referral::{Cell, REVISIONS_MAX, Referral, Section, Stage};
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
        hold_against(&referral, section, &new.told)?;
        if section.revision >= REVISIONS_MAX {
            return Err(Refusal::about(Reason::ReferralFull, Detail::Section(new.section)));
        }
        sections.push(keep_content(to, referral.id, (new.section, section.revision.saturating_add(1)), &new.content));
    }
    if sections.is_empty() && excluded.is_none() {
        return Err(Refusal::field(Reason::MalformedMessage, "sections"));
    }
    clearance::carry(to, &sections)?;
    let excluded = excluded.map(|list| exclusion::together(list, &referral.inherited));
    let commitment = excluded.as_ref().map(|list| to.exclude(list, &referral.recipient)).transpose()?;
    to.push(Fact::ReferralAmended { referral: referral.id, sections, excluded: commitment });
    if let Some(list) = excluded {
        to.keep_excluded(list, referral.inherited);
    }
    to.offer_what_passes()
}

/// What the new content tells of persons must be what the referral was submitted with.
fn hold_against(referral: &Referral, section: &Section, told: &Told) -> Result<(), Refusal> {
    let about = |cell: &Cell| match (cell.interest, referral.protected(cell.interest)) {
        (Interest::Person(id), Protected::Person(held)) => referral.person_name(id).map(|name| (name, held)),
        (Interest::Person(_) | Interest::Investigation, _) => None,
    };
    let persons: Vec<OnRecord> = section.cells.iter().filter_map(about).collect();
    let refuse = |reason| Err(Refusal::about(reason, Detail::Section(section.number)));
    if !told.is_about(&persons) {
        return refuse(Reason::ContentIdentifiesOthers);
    }
    if !told.agrees_with(&persons) {
        return refuse(Reason::ContentProtectionDiffers);
    }
    // Where somebody with a protected identity lives has a section of its own.
    if told.residence && persons.iter().any(|(_, held)| *held != ProtectedIdentity::NotProtected) {
        return refuse(Reason::ContentTellsResidence);
    }
    Ok(())
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
