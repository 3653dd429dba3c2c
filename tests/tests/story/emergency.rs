//! Break-glass: what waits for a second officer leaves in an emergency, who was passed over hears of it, and it is reviewed.

use brygga_client::v1;
use brygga_domain::codes::{EmergencyVerdict, FactCode, InboxKind, RetractReason};
use brygga_domain::{Code as _, Reason, SenderStatus, WithholdReason};
use brygga_tests::desk::Desk;
use brygga_tests::made_up::{CASE_HANDOVER, CONTACT_REQUEST, Case, cell, content_of, withhold};

use crate::steps::{consented, decided, delivered, held, opened, told, unknown_to_the_recipient};

const KLARA: &str = "vasterort-polis/klara";
const OLOF: &str = "vasterort-polis/olof";

/// Decided by one officer on a ground that wants two.
fn general_clause() -> Case {
    Case { ground: "GENERAL_CLAUSE", asserted: &[FactCode::BalanceObvious, FactCode::NotContraryToStatute, FactCode::HarmExcluded], ..CASE_HANDOVER }
}

fn declare(id: &str, hours: u32) -> v1::DeclareEmergencyRequest {
    v1::DeclareEmergencyRequest { referral: id.to_owned(), hours, reasons: String::from("he was seen at her door"), ..Default::default() }
}

fn review(id: &str, emergency: u64, verdict: EmergencyVerdict) -> v1::ReviewEmergencyRequest {
    v1::ReviewEmergencyRequest { referral: id.to_owned(), emergency, verdict: verdict.number(), reasons: String::from("he was"), ..Default::default() }
}

async fn waits(desk: &Desk, id: &str) -> Option<v1::ClearanceReferral> {
    desk.pending(KLARA).await.into_iter().find(|referral| referral.id == id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_an_emergency_it_leaves_before_the_second_officer_who_comes_afterwards_as_does_a_review() {
    let desk = Desk::start().await;
    let case = &general_clause();
    let referral = held(&desk, &CASE_HANDOVER).await;
    let id = &referral.id;
    decided(&desk, case, id, case.decision()).await;
    unknown_to_the_recipient(&desk, case, &referral).await;
    // Whoever asks why is told what an emergency would change.
    let blocked = desk.assess(KLARA, id).await.blocked;
    let way = |block: &v1::Explanation| block.ways.iter().find(|way| way.kind() == v1::WayKind::BreakGlass).cloned();
    assert!(blocked.iter().all(|block| block.code == "SECOND_OFFICER_MISSING" && way(block).is_some_and(|way| way.text.is_some())));

    let answer = desk.try_write(KLARA, declare(id, 1)).await.unwrap();
    assert_eq!(answer.proof.positions_of("EmergencyDeclared").len(), 1);
    let declared = answer.response.referral.unwrap();
    let emergency = &declared.emergencies[0];
    assert_eq!((emergency.agency.as_str(), emergency.review), ("vasterort-polis", None));
    assert!(declared.sections.iter().all(|section| section.offered));
    delivered(&desk, case, id).await;
    let said = [SenderStatus::Stored, SenderStatus::EmergencyDeclared, SenderStatus::Offered, SenderStatus::Opened, SenderStatus::Delivered];
    assert_eq!(told(&desk, case, id).await, said, "the agency hears of it on its stream");

    // Who was passed over sees both what to confirm and what to review; how the first decided stays hidden.
    let listed = waits(&desk, id).await.unwrap();
    assert_eq!(listed.emergencies, declared.emergencies);
    let cells = || listed.sections.iter().flat_map(|section| &section.cells).filter(|cell| cell.interest != "investigation");
    assert!(cells().all(|cell| cell.state() == v1::ClearanceState::AwaitsSecondOfficer && cell.ground.is_empty()));
    assert_eq!(desk.refused(KLARA, review(id, emergency.position, EmergencyVerdict::Justified)).await, Reason::OwnEmergency);
    let reviewed = desk.write(OLOF, review(id, emergency.position, EmergencyVerdict::PartlyJustified)).await.referral.unwrap();
    assert_eq!(reviewed.emergencies[0].verdict, EmergencyVerdict::PartlyJustified.number());
    // The review has ended it: what has left is not read again before the second officer has decided.
    let open = v1::OpenReferralRequest { referral: id.clone(), ..Default::default() };
    assert_eq!(desk.refused(case.recipient, open).await, Reason::NotCleared);
    assert!(waits(&desk, id).await.is_some(), "a second officer still has to decide");
    // The investigation was released because no harm follows, before the emergency: for that one officer suffices.
    let mut second = case.decision();
    second.cells.retain(|decided| decided.cell.as_ref().is_some_and(|cell| cell.interest != "investigation"));
    let request = v1::ConfirmClearanceRequest { referral: id.clone(), decision: Some(second), ..Default::default() };
    desk.write(OLOF, request).await;
    assert!(waits(&desk, id).await.is_none());
    opened(&desk, case, id).await;
    desk.finish().await;
}

/// A second officer's word on a section's persons as they stand.
fn word(id: &str, case: &Case, (section, revision): (u32, u32)) -> v1::ConfirmClearanceRequest {
    let mut decision = case.decision();
    decision.cells.retain(|decided| decided.cell.as_ref().is_some_and(|cell| cell.section == section && cell.interest != "investigation"));
    for decided in &mut decision.cells {
        let Some(v1::cell_decision::Outcome::Release(release)) = &mut decided.outcome else { continue };
        release.revision = revision;
    }
    v1::ConfirmClearanceRequest { referral: id.to_owned(), decision: Some(decision), ..Default::default() }
}

/// The same of what left of the first section at a revision, and stands no more.
fn owed(id: &str, case: &Case, revision: u32) -> v1::ConfirmClearanceRequest {
    let decision = word(id, case, (1, revision)).decision;
    v1::ConfirmClearanceRequest { referral: id.to_owned(), owed: Some(v1::OwedDecision { revision, decision }), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_left_in_an_emergency_is_decided_a_second_time_also_when_it_was_amended_since() {
    let desk = Desk::start().await;
    let case = &general_clause();
    let id = &held(&desk, &CASE_HANDOVER).await.id;
    decided(&desk, case, id, case.decision()).await;
    let emergency = desk.write(KLARA, declare(id, 1)).await.referral.unwrap().emergencies[0].position;
    delivered(&desk, case, id).await;
    let amend = |word: &str| {
        let sections = vec![v1::AmendedSection { number: 1, content: content_of(case.parts[0].0, word) }];
        v1::AmendReferralRequest { referral: id.clone(), sections, ..Default::default() }
    };
    desk.write(KLARA, amend("second")).await;
    let words = |revisions: &[u32]| -> Vec<v1::OwedWord> {
        revisions.iter().map(|revision| v1::OwedWord { section: 1, interest: String::from("victim-1"), revision: *revision }).collect()
    };
    assert_eq!(waits(&desk, id).await.unwrap().owed_words, words(&[1]));
    assert_eq!(desk.refused(KLARA, owed(id, case, 1)).await, Reason::OwnDecision);
    assert_eq!(desk.refused(OLOF, owed(id, case, 2)).await, Reason::NothingToConfirm);
    assert_eq!(desk.refused(OLOF, word(id, case, (1, 1))).await, Reason::NothingToConfirm, "a word on what stands is none on what is owed");

    // The second revision leaves in the same way, and is amended, too; the third waits, and nothing of it has left.
    decided(&desk, case, id, case.decision_about(1)).await;
    opened(&desk, case, id).await;
    desk.write(KLARA, amend("third")).await;
    assert_eq!(waits(&desk, id).await.unwrap().owed_words, words(&[1, 2]));
    decided(&desk, case, id, case.decision_about(1)).await;
    desk.write(KLARA, amend("fourth")).await;
    decided(&desk, case, id, case.decision_about(1)).await;
    assert_eq!(waits(&desk, id).await.unwrap().owed_words, words(&[1, 2]), "on a decision on which nothing left nothing is owed");
    let mut other_revision = owed(id, case, 1);
    other_revision.owed.as_mut().unwrap().revision = 2;
    assert_eq!(desk.refused(OLOF, other_revision).await, Reason::RevisionChanged);
    let mut unsaid = owed(id, case, 2);
    unsaid.owed.as_mut().unwrap().decision.as_mut().unwrap().answers = None;
    assert_eq!(desk.refused(OLOF, unsaid).await, Reason::ConditionUnmet, "it is a decision of its own");
    assert_eq!(desk.write(OLOF, owed(id, case, 2)).await.referral.unwrap().owed_words, words(&[1]));
    desk.write(OLOF, review(id, emergency, EmergencyVerdict::Justified)).await;
    desk.write(OLOF, word(id, case, (2, 1))).await;
    desk.write(OLOF, word(id, case, (3, 1))).await;
    // It is owed even when all is over; what never left is not.
    desk.write(KLARA, v1::RetractReferralRequest { referral: id.clone(), reason: RetractReason::Wrong.number(), ..Default::default() }).await;
    assert_eq!(desk.refused(OLOF, word(id, case, (1, 4))).await, Reason::WrongStage);
    assert_eq!(waits(&desk, id).await.unwrap().owed_words, words(&[1]));
    let mut differs = owed(id, case, 1);
    differs.owed.as_mut().unwrap().decision.as_mut().unwrap().cells = vec![withhold(1, "victim-1", WithholdReason::HarmNotExcluded)];
    assert_eq!(desk.write(OLOF, differs).await.referral.unwrap().owed_words, []);
    assert!(waits(&desk, id).await.is_none());
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consent_that_was_withdrawn_since_does_not_make_wrong_what_left_before() {
    let desk = Desk::start().await;
    let case = &CONTACT_REQUEST;
    let id = &held(&desk, case).await.id;
    let emergency = desk.write(KLARA, declare(id, 1)).await.referral.unwrap().emergencies[0].position;
    let consent_id = consented(&desk, case, id).await.unwrap().id;
    decided(&desk, case, id, case.decision()).await;
    delivered(&desk, case, id).await;
    desk.write(KLARA, v1::WithdrawConsentRequest { referral: id.clone(), consent_id, ..Default::default() }).await;
    desk.write(KLARA, v1::RetractReferralRequest { referral: id.clone(), reason: RetractReason::Wrong.number(), ..Default::default() }).await;
    let confirm = |decision| v1::ConfirmClearanceRequest { referral: id.clone(), decision: Some(decision), ..Default::default() };
    let stands = desk.write(OLOF, confirm(case.decision())).await.referral.unwrap();
    let cells = || stands.sections.iter().flat_map(|section| &section.cells);
    assert!(cells().all(|cell| cell.state() == v1::ClearanceState::Release && cell.confirmation.is_some()), "the two agree: {stands:?}");
    desk.write(OLOF, review(id, emergency, EmergencyVerdict::Justified)).await;
    assert!(waits(&desk, id).await.is_none());
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emergency_is_no_ground_and_what_is_revoked_or_undecided_stays() {
    let desk = Desk::start().await;
    let case = &general_clause();
    let referral = held(&desk, &CASE_HANDOVER).await;
    let id = &referral.id;
    let declared = desk.write(KLARA, declare(id, 1)).await.referral.unwrap();
    unknown_to_the_recipient(&desk, case, &referral).await;
    assert!(declared.sections.iter().all(|section| !section.offered), "nothing is decided");
    let emergency = v1::Decision {
        cells: vec![brygga_tests::made_up::release(1, "victim-1", "EMERGENCY")],
        answers: Some(brygga_tests::made_up::answers(&[FactCode::DangerToLife])),
        reasons: String::from("danger"),
        ..Default::default()
    };
    let request = v1::DecideClearanceRequest { referral: id.clone(), decision: Some(emergency), ..Default::default() };
    assert_eq!(desk.refused(KLARA, request).await, Reason::GroundNeverClears);
    decided(&desk, case, id, case.decision()).await;
    let interest = declared.sections[0].cells[0].interest.clone();
    desk.write(KLARA, v1::RevokeClearanceRequest { referral: id.clone(), cells: vec![cell(1, &interest)], ..Default::default() }).await;
    let left = desk.write(case.recipient, v1::OpenReferralRequest { referral: id.clone(), ..Default::default() }).await.sections;
    let rest: Vec<u32> = (2..).take(case.parts.len() - 1).collect();
    assert_eq!(left.iter().map(|section| section.number).collect::<Vec<_>>(), rest, "section by section");
    desk.write(OLOF, review(id, declared.emergencies[0].position, EmergencyVerdict::NotJustified)).await;
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_who_breaks_the_glass_calls_its_own_clearance_function() {
    let desk = Desk::start().await;
    let submission = v1::SubmitReferralRequest { leader: String::from("vasterort-aklagare"), ..CONTACT_REQUEST.submission() };
    let id = desk.write(CONTACT_REQUEST.sender, submission).await.referral.unwrap().id;
    desk.write(KLARA, declare(&id, 1)).await;
    assert_eq!(desk.inbox("vasterort-aklagare", "vasterort-aklagare-kammare", 1).await, [], "the sender's emergency is not the leader's to know");
    let answer = desk.try_write("vasterort-aklagare/per", declare(&id, 1)).await.unwrap();
    let heard = desk.inbox("vasterort-aklagare", "vasterort-aklagare-kammare", 1).await;
    assert_eq!(heard.iter().map(|entry| (entry.kind, entry.referral.as_str())).collect::<Vec<_>>(), [(InboxKind::Reminder.number(), id.as_str())]);
    assert_eq!(answer.proof.positions_of("EmergencyDeclared").iter().map(|at| at.0).collect::<Vec<_>>(), [heard[0].position]);
    desk.finish().await;
}
