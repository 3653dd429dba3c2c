//! The second officer: the one who decided never confirms, another one does, and where the two differ it stays.

use brygga_client::v1;
use brygga_domain::codes::FactCode;
use brygga_domain::{Code as _, Reason, SenderStatus, WithholdReason};
use brygga_tests::desk::Desk;
use brygga_tests::made_up::{CASE_HANDOVER, CONTACT_REQUEST, Case, cell, release};

use crate::steps::{decided, delivered, held, told, unknown_to_the_recipient};

/// Released on the general clause, which needs a second officer, the investigation as well.
fn general_clause(case: &Case) -> v1::Decision {
    let case = Case { ground: "GENERAL_CLAUSE", asserted: &[FactCode::BalanceObvious, FactCode::NotContraryToStatute, FactCode::HarmExcluded], ..*case };
    case.decision()
}

/// The second officer's own decision: on the same ground as the first, or on another that would carry it as well.
fn confirm(id: &str, decision: &v1::Decision, agrees: bool) -> v1::ConfirmClearanceRequest {
    let mut decision = decision.clone();
    // What is released because no harm follows needs no second officer.
    decision.cells.retain(|decided| decided.cell.as_ref().is_some_and(|cell| cell.interest != "investigation"));
    for decided in decision.cells.iter_mut().filter(|_| !agrees) {
        let of = decided.cell.clone().unwrap();
        *decided = release(of.section, &of.interest, "NO_HARM");
    }
    v1::ConfirmClearanceRequest { referral: id.to_owned(), decision: Some(decision), ..Default::default() }
}

/// Until the second officer has decided, nothing that the agency can ask for tells how the first did.
async fn blind(desk: &Desk, case: &Case, id: &str) {
    let shown = desk.referral(case.sender, id).await.sections;
    let pending = desk.pending(case.sender).await.into_iter().find(|referral| referral.id == id).unwrap().sections;
    let assessed = desk.assess(case.sender, id).await;
    assert!(assessed.blocked.iter().all(|block| block.ways.iter().all(|way| way.ground.is_empty())), "{}", case.name);
    for section in [shown, pending, assessed.referral.unwrap().sections].iter().flatten() {
        for cell in section.cells.iter().filter(|cell| cell.interest != "investigation") {
            let hidden = v1::CellClearance { interest: cell.interest.clone(), state: v1::ClearanceState::AwaitsSecondOfficer.into(), ..Default::default() };
            assert_eq!(*cell, hidden, "{}", case.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_does_not_confirm_oneself_and_another_officer_does() {
    let desk = Desk::start().await;
    for case in [&CONTACT_REQUEST, &CASE_HANDOVER] {
        let referral = held(&desk, case).await;
        let id = &referral.id;
        let decision = general_clause(case);
        decided(&desk, case, id, decision.clone()).await;
        unknown_to_the_recipient(&desk, case, &referral).await;
        let assessed = desk.assess(case.sender, id).await;
        assert!(assessed.passing.is_empty() && assessed.blocked.iter().all(|block| block.code == "SECOND_OFFICER_MISSING"), "{}", case.name);
        blind(&desk, case, id).await;
        assert_eq!(desk.refused(case.sender, confirm(id, &decision, true)).await, Reason::OwnDecision, "{}", case.name);
        assert_eq!(desk.refused(case.sender, confirm(id, &decision, false)).await, Reason::OwnDecision, "{}", case.name);
        unknown_to_the_recipient(&desk, case, &referral).await;
        assert_eq!(desk.refused("solna-soc/olof", confirm(id, &decision, true)).await, Reason::NotFound, "{}", case.name);
        let mut unasserted = confirm(id, &decision, true);
        unasserted.decision.as_mut().unwrap().answers = None;
        assert_eq!(desk.refused("vasterort-polis/olof", unasserted).await, Reason::ConditionUnmet, "{}: the second asserts, too", case.name);
        let after = desk.write("vasterort-polis/olof", confirm(id, &decision, true)).await.referral.unwrap();
        assert!(after.sections.iter().flat_map(|section| &section.cells).all(|cell| cell.decision.is_some() && !cell.ground.is_empty()), "{}", case.name);
        assert_eq!(desk.refused("vasterort-polis/olof", confirm(id, &decision, true)).await, Reason::NothingToConfirm, "{}", case.name);
        let without_consent = Case { ground: "GENERAL_CLAUSE", ..*case };
        delivered(&desk, &without_consent, id).await;
        assert_eq!(told(&desk, case, id).await, [SenderStatus::Stored, SenderStatus::Offered, SenderStatus::Opened, SenderStatus::Delivered]);
    }
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_two_officers_differ_it_stays_until_it_is_decided_anew() {
    let desk = Desk::start().await;
    let case = &CASE_HANDOVER;
    let referral = held(&desk, case).await;
    let id = &referral.id;
    let decision = general_clause(case);
    decided(&desk, case, id, decision.clone()).await;
    let request = confirm(id, &decision, false);
    let after = desk.write("vasterort-polis/olof", request).await.referral.unwrap();
    for section in &after.sections {
        for shown in section.cells.iter().filter(|shown| shown.interest != "investigation") {
            assert_eq!((shown.state(), shown.withheld), (v1::ClearanceState::Withhold, WithholdReason::OfficersDiffer.number()));
        }
    }
    unknown_to_the_recipient(&desk, case, &referral).await;
    assert_eq!(told(&desk, case, id).await, [SenderStatus::Stored, SenderStatus::NothingPasses]);
    // Decided anew, on a ground that needs one officer; only what differed is open.
    let mut anew = case.decision();
    anew.cells.retain(|decided| decided.cell != Some(cell(2, "investigation")));
    decided(&desk, case, id, anew).await;
    delivered(&desk, case, id).await;
    desk.finish().await;
}
