//! Each direction: cleared and carried out to every end, and refused where consent or clearance lacks.

use brygga_client::v1;
use brygga_domain::codes::{ClosingOutcome, ContactOutcome, DeclineReason, ReturnReason, SafeChannel, SupportKind, SupportPhase};
use brygga_domain::{Code as _, Reason, SenderStatus, WithholdReason};
use brygga_tests::desk::Desk;
use brygga_tests::made_up::{CASES, CONTACT_REQUEST, Case, withhold};

use crate::steps::{delivered, held, offered, opened, told, unknown_to_the_recipient};

/// A contact at the earliest moment that it may have been.
fn contact(referral: &v1::SenderReferral, outcome: ContactOutcome) -> v1::Contact {
    v1::Contact { outcome: outcome.number(), at: referral.submitted_at, channel: SafeChannel::Telephone.number(), interpreter: true, next_try_at: None }
}

fn closing(outcome: ClosingOutcome) -> v1::Closing {
    v1::Closing { outcome: outcome.number(), phases: vec![SupportPhase::BeforeTrial.number()], support: vec![SupportKind::CrisisTalks.number()] }
}

/// How a case may be closed, with what its sender is told.
fn closings(case: &Case) -> Vec<(ClosingOutcome, SenderStatus)> {
    if case.is_child_concern() {
        return vec![
            (ClosingOutcome::InquiryOpened, SenderStatus::InquiryOpened),
            (ClosingOutcome::InquiryNotOpened, SenderStatus::InquiryNotOpened),
            (ClosingOutcome::InquiryAlreadyRunning, SenderStatus::InquiryAlreadyRunning),
        ];
    }
    let all = ClosingOutcome::ALL.iter().filter(|outcome| !outcome.is_inquiry_answer());
    // Every outcome once where she is contacted; elsewhere one is enough.
    let taken = if case.name == CONTACT_REQUEST.name { ClosingOutcome::ALL.len() } else { 1 };
    all.take(taken).map(|outcome| (*outcome, SenderStatus::Closed)).collect()
}

async fn accepted_contacted_and_closed(desk: &Desk, case: &Case, outcome: ClosingOutcome, said: SenderStatus) {
    let referral = offered(desk, case).await;
    let id = &referral.id;
    let accept = v1::AcceptReferralRequest { referral: id.clone(), ..Default::default() };
    assert_eq!(desk.refused(case.recipient, accept.clone()).await, Reason::NotOpened, "{}", case.name);
    delivered(desk, case, id).await;
    desk.write(case.recipient, accept).await;
    for outcome in [ContactOutcome::Attempted, ContactOutcome::Reached] {
        let record = v1::RecordContactRequest { referral: id.clone(), contact: Some(contact(&referral, outcome)), ..Default::default() };
        desk.write(case.recipient, record).await;
        assert_eq!(desk.referral(case.sender, id).await.status, SenderStatus::Answered.number(), "{}", case.name);
    }
    let close = v1::CloseReferralRequest { referral: id.clone(), closing: Some(closing(outcome)), ..Default::default() };
    let envelope = desk.write(case.recipient, close).await.envelope.unwrap();
    assert!(envelope.contacted_at.is_some() && envelope.stage() == v1::Stage::Closed, "{}", case.name);
    assert_eq!(desk.referral(case.sender, id).await.status, said.number(), "{}", case.name);
    let way = [SenderStatus::Stored, SenderStatus::Offered, SenderStatus::Opened, SenderStatus::Delivered, SenderStatus::Answered, said];
    assert_eq!(told(desk, case, id).await, way, "{}", case.name);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_direction_is_held_cleared_offered_opened_accepted_contacted_and_closed() {
    let desk = Desk::start().await;
    for case in &CASES {
        for (outcome, said) in closings(case) {
            accepted_contacted_and_closed(&desk, case, outcome, said).await;
        }
    }
    desk.finish().await;
}

fn decline(id: &str, reason: DeclineReason) -> v1::DeclineReferralRequest {
    let duplicate_of = if reason == DeclineReason::Duplicate { id.to_owned() } else { String::new() };
    v1::DeclineReferralRequest { referral: id.to_owned(), reason: reason.number(), duplicate_of, ..Default::default() }
}

fn send_back(id: &str, reason: ReturnReason) -> v1::ReturnReferralRequest {
    v1::ReturnReferralRequest { referral: id.to_owned(), reason: reason.number(), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_direction_is_declined_or_returned_from_the_envelope_and_a_child_concern_is_not_declined() {
    let desk = Desk::start().await;
    for case in &CASES {
        let first = offered(&desk, case).await.id;
        if case.is_child_concern() {
            for reason in DeclineReason::ALL {
                assert_eq!(desk.refused(case.recipient, decline(&first, *reason)).await, Reason::ReceivedNeverDeclined, "{}", case.name);
            }
            assert_eq!(desk.refused(case.recipient, send_back(&first, ReturnReason::WrongFunction)).await, Reason::ReasonNotForKind);
            desk.write(case.recipient, send_back(&first, ReturnReason::WrongBoard)).await;
            assert_eq!(told(&desk, case, &first).await, [SenderStatus::Stored, SenderStatus::Offered, SenderStatus::WrongFunction], "{}", case.name);
        } else {
            for reason in DeclineReason::ALL.iter().filter(|reason| reason.is_personal()) {
                assert_eq!(desk.refused(case.recipient, decline(&first, *reason)).await, Reason::PersonalAnswer, "{}", case.name);
            }
            assert_eq!(desk.refused(case.recipient, decline(&first, DeclineReason::Under18)).await, Reason::NeedsOpening, "{}", case.name);
            desk.write(case.recipient, decline(&first, DeclineReason::NoCapacity)).await;
            assert_eq!(told(&desk, case, &first).await, [SenderStatus::Stored, SenderStatus::Offered, SenderStatus::NoCapacity], "{}", case.name);
            let second = offered(&desk, case).await.id;
            assert_eq!(desk.refused(case.recipient, send_back(&second, ReturnReason::WrongBoard)).await, Reason::ReasonNotForKind, "{}", case.name);
            desk.write(case.recipient, send_back(&second, ReturnReason::WrongFunction)).await;
            assert_eq!(told(&desk, case, &second).await, [SenderStatus::Stored, SenderStatus::Offered, SenderStatus::WrongFunction], "{}", case.name);
        }
        let open = v1::OpenReferralRequest { referral: first.clone(), ..Default::default() };
        assert_eq!(desk.refused(case.recipient, open).await, Reason::WrongStage, "{}: what ended from the envelope was never read", case.name);
    }
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_content_showed_may_be_a_reason_to_decline_or_return_afterwards() {
    let desk = Desk::start().await;
    let case = &CONTACT_REQUEST;
    let young = offered(&desk, case).await.id;
    opened(&desk, case, &young).await;
    desk.write(case.recipient, decline(&young, DeclineReason::Under18)).await;
    assert_eq!(told(&desk, case, &young).await.last(), Some(&SenderStatus::OutsideTargetGroup));

    let incomplete = offered(&desk, case).await.id;
    let missing = vec![brygga_domain::Category::SupportNeeds.number()];
    let request = v1::ReturnReferralRequest { missing: missing.clone(), ..send_back(&incomplete, ReturnReason::Incomplete) };
    assert_eq!(desk.refused(case.recipient, request.clone()).await, Reason::NeedsOpening);
    opened(&desk, case, &incomplete).await;
    desk.write(case.recipient, request).await;
    let last = desk.statuses_of(case.sender, &incomplete).await.pop().unwrap();
    assert_eq!((last.status, last.missing), (SenderStatus::ReturnedIncomplete.number(), missing));
    desk.finish().await;
}

/// The decision without what it asserts.
fn unasserted(case: &Case) -> v1::Decision {
    v1::Decision { answers: Some(v1::Answers::default()), ..case.decision() }
}

fn decide(id: &str, decision: v1::Decision) -> v1::DecideClearanceRequest {
    v1::DecideClearanceRequest { referral: id.to_owned(), decision: Some(decision), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_direction_is_refused_when_consent_or_clearance_lacks() {
    let desk = Desk::start().await;
    for case in &CASES {
        let referral = held(&desk, case).await;
        let id = &referral.id;
        // What lacks: the consent that the ground needs, or what the ground asks to be asserted.
        let lacks = if case.needs_consent() { Reason::ConsentMissing } else { Reason::ConditionUnmet };
        let request = decide(id, if case.needs_consent() { case.decision() } else { unasserted(case) });
        assert_eq!(desk.refused(case.sender, request).await, lacks, "{}", case.name);
        unknown_to_the_recipient(&desk, case, &referral).await;
        // A decision that every cell stays: nothing passes, and nothing is said to the recipient.
        let mut stays = case.decision();
        for cell in &mut stays.cells {
            let name = cell.cell.clone().unwrap();
            *cell = withhold(name.section, &name.interest, WithholdReason::HarmNotExcluded);
        }
        desk.write(case.sender, decide(id, stays)).await;
        unknown_to_the_recipient(&desk, case, &referral).await;
        assert_eq!(told(&desk, case, id).await, [SenderStatus::Stored, SenderStatus::NothingPasses], "{}", case.name);
        assert_eq!(desk.referral(case.sender, id).await.status, SenderStatus::NothingPasses.number(), "{}", case.name);
    }
    desk.finish().await;
}
