//! Lists that are longer than what is sorted at once reach everything by their page tokens.

use brygga_journal::v1 as codes;
use brygga_wire::v1;
use brygga_wire::v1::clearance_service_client::ClearanceServiceClient;
use brygga_wire::v1::inbox_service_client::InboxServiceClient;
use brygga_wire::v1::referral_service_client::ReferralServiceClient;

use super::world::*;
use crate::layers::limits::Limits;

/// How many referrals are there, how many are sorted at once, and how many are on a page.
const REFERRALS: usize = 7;
const SORTED: usize = 3;
const PAGE: u32 = 2;

/// The urgencies of the referrals, in the order of their submission.
fn urgency(number: usize) -> codes::Urgency {
    [codes::Urgency::Routine, codes::Urgency::Immediate, codes::Urgency::Urgent][number % 3]
}

#[tokio::test]
async fn what_lies_beyond_a_stretch_is_on_the_pages_after_it() {
    let world = World::begun_with(Limits { sorted_referrals: SORTED, ..Limits::default() }).await;
    let mut police = ReferralServiceClient::new(world.wire(POLICE));
    let mut ids = Vec::new();
    for number in 0..REFERRALS {
        let submission = v1::SubmitReferralRequest { urgency: urgency(number).into(), ..submission(u8::try_from(number + 1).unwrap()) };
        ids.push(police.submit_referral(submission).await.unwrap().into_inner().referral.unwrap().id);
    }
    // Within each stretch the most urgent comes first; the stretches follow one another in the order of the log.
    let in_order: Vec<String> = [1, 2, 0, 4, 5, 3, 6].map(|number: usize| ids[number].clone()).to_vec();
    let mut inbox = InboxServiceClient::new(world.wire(BOARD));
    let (mut seen, mut page_token) = (Vec::new(), String::new());
    loop {
        let wanted = v1::ListInboxRequest { function: RVC.to_owned(), page_size: PAGE, page_token, ..Default::default() };
        let page = inbox.list_inbox(wanted).await.unwrap().into_inner();
        seen.extend(page.envelopes.into_iter().map(|envelope| envelope.id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
        assert!(seen.len() <= REFERRALS, "{seen:?}");
    }
    assert_eq!(seen, in_order);

    // What was there when a stretch began is shown, though others have left the list meanwhile.
    let mut leader = ClearanceServiceClient::new(world.wire(PROSECUTION));
    let first = leader.list_pending_clearances(v1::ListPendingClearancesRequest { page_size: 1, ..Default::default() }).await.unwrap().into_inner();
    assert_eq!(first.referrals[0].id, ids[0]);
    let cell = v1::CellDecision {
        cell: Some(v1::Cell { section: 3, interest: String::from("investigation") }),
        outcome: Some(v1::cell_decision::Outcome::Withhold(v1::WithholdOutcome { reason: codes::WithholdReason::InvestigationAtRisk.into(), nameable: false })),
    };
    let decision = Some(v1::Decision { cells: vec![cell], reasons: String::from("it would be harmed"), ..Default::default() });
    let decide = v1::DecideClearanceRequest { request_id: key(90), officer: String::from("ake"), referral: ids[0].clone(), decision, pinned_size: 0 };
    leader.decide_clearance(decide).await.unwrap();
    let (mut pending, mut page_token) = (Vec::new(), first.next_page_token);
    while !page_token.is_empty() {
        let page =
            leader.list_pending_clearances(v1::ListPendingClearancesRequest { page_size: 1, page_token, ..Default::default() }).await.unwrap().into_inner();
        pending.extend(page.referrals.into_iter().map(|referral| referral.id));
        page_token = page.next_page_token;
        assert!(pending.len() < REFERRALS, "{pending:?}");
    }
    assert_eq!(pending, ids[1..]);
}
