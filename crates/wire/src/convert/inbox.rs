//! What recipients write.

use brygga_domain::command::{Action, NewClosing, NewContact, NewReturn};
use brygga_domain::{AgencyId, DeclineReason, Position, ReturnReason};

use super::check::{Check, head};
use super::{Asked, Malformed};
use crate::door::Door;
use crate::v1;

/// `ClaimReferral`.
pub fn claim_referral(request: v1::ClaimReferralRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let head = head!(request, door, agency);
    let referral = check.referral("referral", &request.referral);
    check.asked(&head, referral.map(|referral| Action::ClaimReferral { referral, takeover: request.takeover }))
}

/// `OpenReferral`.
pub fn open_referral(request: v1::OpenReferralRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let head = head!(request, door, agency);
    let referral = check.referral("referral", &request.referral);
    let action = if request.names_only { Action::RevealNames } else { Action::OpenReferral };
    check.asked(&head, referral.map(action))
}

/// `AcknowledgeDelivery`.
pub fn acknowledge_delivery(request: v1::AcknowledgeDeliveryRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let head = head!(request, door, agency);
    let referral = check.referral("referral", &request.referral);
    let release = position(&mut check, "release", request.release);
    check.asked(&head, (|| Some(Action::AcknowledgeDelivery(referral?, release?)))())
}

/// `ConfirmImport`.
pub fn confirm_import(request: v1::ConfirmImportRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let head = head!(request, door, agency);
    let referral = check.referral("referral", &request.referral);
    let release = position(&mut check, "release", request.release);
    check.asked(&head, (|| Some(Action::ConfirmImport(referral?, release?)))())
}

/// A position that a write names: never 0, where the log's own beginning stands, and never more than a store can hold.
fn position(check: &mut Check, field: &str, position: u64) -> Option<Position> {
    if position == 0 || i64::try_from(position).is_err() {
        check.fault(field, "must be a position of the log");
        return None;
    }
    Some(Position(position))
}

/// `AcceptReferral`.
pub fn accept_referral(request: v1::AcceptReferralRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let head = head!(request, door, agency);
    let referral = check.referral("referral", &request.referral);
    check.asked(&head, referral.map(Action::AcceptReferral))
}

/// `DeclineReferral`.
pub fn decline_referral(request: v1::DeclineReferralRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let head = head!(request, door, agency);
    let referral = check.referral("referral", &request.referral);
    let reason = check.code("reason", request.reason);
    let earlier = if request.duplicate_of.is_empty() { Some(None) } else { check.referral("duplicate_of", &request.duplicate_of).map(Some) };
    if reason.is_some_and(|reason| (reason == DeclineReason::Duplicate) == request.duplicate_of.is_empty()) {
        check.fault("duplicate_of", "names the earlier referral where the reason is duplicate, and only there");
    }
    check.asked(&head, (|| Some(Action::DeclineReferral(referral?, reason?, earlier?)))())
}

/// `ReturnReferral`.
pub fn return_referral(request: v1::ReturnReferralRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let head = head!(request, door, agency);
    let referral = check.referral("referral", &request.referral);
    let reason = check.code("reason", request.reason);
    let missing = check.codes("missing", &request.missing);
    match reason {
        Some(ReturnReason::Incomplete) if request.missing.is_empty() => {
            check.fault("missing", "an incomplete referral is returned with the categories that it lacks");
        }
        Some(ReturnReason::WrongFunction | ReturnReason::WrongBoard) if !request.missing.is_empty() => {
            check.fault("missing", "belongs to an incomplete referral only");
        }
        Some(ReturnReason::Incomplete | ReturnReason::WrongFunction | ReturnReason::WrongBoard) | None => {}
    }
    let right = if request.right_function.is_empty() { Some(None) } else { check.slug("right_function", &request.right_function).map(Some) };
    let new = (|| Some(NewReturn { reason: reason?, missing: missing?, right_function: right? }))();
    check.asked(&head, (|| Some(Action::ReturnReferral(referral?, new?)))())
}

/// `RecordContact`.
pub fn record_contact(request: v1::RecordContactRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let head = head!(request, door, agency);
    let referral = check.referral("referral", &request.referral);
    let contact = check.message("contact", request.contact).and_then(|new| contact(&mut check, new));
    check.asked(&head, (|| Some(Action::RecordContact(referral?, contact?)))())
}

fn contact(check: &mut Check, contact: v1::Contact) -> Option<NewContact> {
    let outcome = check.code("contact.outcome", contact.outcome);
    let at = check.time("contact.at", contact.at.as_ref());
    let channel = check.optional_code("contact.channel", contact.channel);
    let next_try_at = check.optional_time("contact.next_try_at", contact.next_try_at.as_ref());
    if let (Some(at), Some(Some(next))) = (at, next_try_at)
        && next <= at
    {
        check.fault("contact.next_try_at", "must be after at");
    }
    Some(NewContact { outcome: outcome?, at: at?, channel: channel?, interpreter: contact.interpreter, next_try_at: next_try_at? })
}

/// `CloseReferral`.
pub fn close_referral(request: v1::CloseReferralRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let head = head!(request, door, agency);
    let referral = check.referral("referral", &request.referral);
    let closing = check.message("closing", request.closing.as_ref()).and_then(|new| closing(&mut check, new));
    check.asked(&head, (|| Some(Action::CloseReferral(referral?, closing?)))())
}

fn closing(check: &mut Check, closing: &v1::Closing) -> Option<NewClosing> {
    let outcome = check.code("closing.outcome", closing.outcome);
    let phases = check.codes("closing.phases", &closing.phases);
    let support = check.codes("closing.support", &closing.support);
    Some(NewClosing { outcome: outcome?, phases: phases?, support: support? })
}

/// `AcknowledgeStopUse`.
pub fn acknowledge_stop_use(request: v1::AcknowledgeStopUseRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let head = head!(request, door, agency);
    let referral = check.referral("referral", &request.referral);
    let notice = position(&mut check, "notice", request.notice);
    let answer = check.code("answer", request.answer);
    check.asked(&head, (|| Some(Action::AcknowledgeStopUse(referral?, notice?, answer?)))())
}

/// `AcknowledgeRecall`.
pub fn acknowledge_recall(request: v1::AcknowledgeRecallRequest, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
    let mut check = Check::default();
    let head = head!(request, door, agency);
    let referral = check.referral("referral", &request.referral);
    check.asked(&head, referral.map(Action::AcknowledgeRecall))
}
