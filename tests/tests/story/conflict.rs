//! A small unit checks for conflicts of interest before it opens: names first, and nothing else.

use brygga_client::v1;
use brygga_domain::{Code as _, DeclineReason, Fact, Reason, SenderStatus};
use brygga_tests::desk::Desk;
use brygga_tests::made_up::{CONTACT_REQUEST, Case, content_of};

use crate::steps;

/// To a unit that wants the check.
const CASE: Case = Case { recipient: BO, function: "stockholm-bromma-mottagning", ..CONTACT_REQUEST };
const BO: &str = "stockholm-bromma-soc/bo";
const EVA: &str = "stockholm-bromma-soc/eva";

fn open(id: &str) -> v1::OpenReferralRequest {
    v1::OpenReferralRequest { referral: id.to_owned(), ..Default::default() }
}

fn reveal(id: &str) -> v1::OpenReferralRequest {
    v1::OpenReferralRequest { names_only: true, ..open(id) }
}

/// Reveals: the name came, nothing else did, and the referral is as closed as before.
async fn revealed(desk: &Desk, who: &str, id: &str) -> u64 {
    let answer = desk.try_write(who, reveal(id)).await.unwrap();
    let sections: Vec<i32> = answer.response.sections.iter().map(|section| section.category).collect();
    assert_eq!(sections, [brygga_domain::Category::VictimIdentity.number()]);
    assert_eq!(answer.response.sections[0].content, content_of(brygga_domain::Category::VictimIdentity, "first"));
    assert_eq!(answer.proof.positions_of("NameRevealed").len(), 1);
    assert_eq!(answer.response.envelope.as_ref().unwrap().stage(), v1::Stage::Ready);
    let accept = v1::AcceptReferralRequest { referral: id.to_owned(), ..Default::default() };
    assert_eq!(desk.refused(who, accept).await, Reason::NotOpened);
    answer.response.release
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_unit_sees_names_before_it_opens() {
    let desk = Desk::start().await;
    let id = steps::offered(&desk, &CASE).await.id;
    assert_eq!(desk.refused(BO, open(&id)).await, Reason::ConflictStepDue);
    revealed(&desk, BO, &id).await;
    assert_eq!(desk.referral(CASE.sender, &id).await.status, SenderStatus::Offered.number(), "nothing is opened yet");
    // Each officer looks for themselves.
    assert_eq!(desk.refused(EVA, open(&id)).await, Reason::ConflictStepDue);
    let decline = v1::DeclineReferralRequest { referral: id.clone(), reason: DeclineReason::ConflictOfInterest.number(), ..Default::default() };
    desk.write(BO, decline).await;
    assert_eq!(desk.referral(CASE.sender, &id).await.status, SenderStatus::ConflictOfInterest.number());

    let id = steps::offered(&desk, &CASE).await.id;
    revealed(&desk, EVA, &id).await;
    let opened = desk.write(EVA, open(&id)).await;
    assert_eq!(opened.sections.len(), CASE.parts.len());
    assert_eq!(desk.referral(CASE.sender, &id).await.status, SenderStatus::Opened.number());
    desk.write(EVA, v1::AcceptReferralRequest { referral: id.clone(), ..Default::default() }).await;

    // What was revealed was disclosed: a withdrawal stops it like all else, and the same key brings no byte of it again.
    let id = steps::offered(&desk, &CASE).await.id;
    let request_id = String::from("6f0d7a52-93a4-4f0b-8a0e-2b6c1d9e7f55");
    let asked = v1::OpenReferralRequest { request_id, ..reveal(&id) };
    assert_eq!(desk.write(BO, asked.clone()).await.sections.len(), 1);
    let list = v1::ListConsentsRequest { referral: id.clone(), ..Default::default() };
    let consent_id = desk.client(CASE.sender).list_consents(list).await.unwrap().consents[0].id.clone();
    desk.write(CASE.sender, v1::WithdrawConsentRequest { referral: id.clone(), consent_id, ..Default::default() }).await;
    assert_eq!(desk.refused(BO, asked).await, Reason::NotCleared);
    let events = desk.audited().await;
    let about = |event: &&brygga_domain::Event| event.fact.referral().is_some_and(|referral| referral.to_string() == id);
    let stopped = events.iter().filter(about).any(|event| matches!(&event.fact, Fact::StopUseSent { sections, .. } if *sections == [1]));
    assert!(stopped, "who has seen the name is told to stop");
    assert!(events.iter().filter(about).any(|event| matches!(&event.fact, Fact::OfferWithdrawn { .. })), "nothing is left to open");
    // The sender who takes it back reaches whoever has seen the name.
    let retract = v1::RetractReferralRequest { referral: id.clone(), reason: brygga_domain::RetractReason::Wrong.number(), ..Default::default() };
    desk.write(CASE.sender, retract).await;
    assert!(desk.envelope(BO, CASE.function, &id).await.unwrap().recall.is_some());
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_change_are_looked_at_again() {
    let desk = Desk::start().await;
    let id = steps::offered(&desk, &CASE).await.id;
    revealed(&desk, BO, &id).await;
    let content = content_of(brygga_domain::Category::VictimIdentity, "second");
    let sections = vec![v1::AmendedSection { number: 1, content: content.clone() }];
    desk.write(CASE.sender, v1::AmendReferralRequest { referral: id.clone(), sections, ..Default::default() }).await;
    steps::decided(&desk, &CASE, &id, CASE.decision_about(1)).await;
    assert_eq!(desk.refused(BO, open(&id)).await, Reason::ConflictStepDue);
    assert_eq!(desk.write(BO, reveal(&id)).await.sections[0].content, content);
    assert_eq!(desk.write(BO, open(&id)).await.sections.len(), CASE.parts.len());
    desk.finish().await;
}
