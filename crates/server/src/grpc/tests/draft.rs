//! A draft is assessed by the rules of a submission, and nothing of it is written.

use brygga_domain::Time;
use brygga_journal::v1 as codes;
use brygga_wire::v1;
use brygga_wire::v1::clearance_service_client::ClearanceServiceClient;
use brygga_wire::v1::referral_service_client::ReferralServiceClient;
use prost::Message as _;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::world::*;
use crate::grpc::ASSESSMENT_BYTES_MAX;

fn ways(explanation: &v1::Explanation) -> Vec<&str> {
    explanation.ways.iter().map(|way| way.ground.as_str()).filter(|ground| !ground.is_empty()).collect()
}

#[tokio::test]
async fn a_draft_is_explained_and_leaves_nothing_behind() {
    let world = World::begun().await;
    let mut police = ClearanceServiceClient::new(world.wire(POLICE));
    let draft = v1::SubmitReferralRequest { request_id: String::new(), officer: String::new(), ..submission(1) };
    let ask = v1::AssessReferralRequest { draft: Some(draft.clone()), ..Default::default() };
    let found = police.assess_referral(ask.clone()).await.unwrap().into_inner();
    let stands = found.referral.unwrap();
    assert_eq!((stands.id.as_str(), stands.reference.as_str(), stands.sections.len()), ("", "", 3));
    assert_eq!(found.passing, [1, 2], "her own sections rest on the consent and the decision that the draft carries");
    let [blocked] = found.blocked.as_slice() else { panic!("one cell is blocked") };
    assert_eq!((blocked.section, blocked.interest.as_str(), blocked.code.as_str()), (3, "investigation", "UNDECIDED"));
    assert_eq!(blocked.provisions.len(), blocked.protections.len());
    assert_eq!(ways(blocked), ["NO_HARM", "NECESSARY_OWN", "GENERAL_CLAUSE"]);
    assert_eq!(blocked.ways.last().map(v1::Way::kind), Some(v1::WayKind::Strip));

    // What is known rules a way out, and what it fulfils is not asked for again.
    let known =
        v1::Answers { asserted: vec![codes::FactCode::HarmExcluded.into()], denied: vec![codes::FactCode::NecessaryForOwnTask.into()], ..Default::default() };
    let asked = v1::AssessReferralRequest { known: Some(known), ..ask };
    let told = police.assess_referral(asked).await.unwrap().into_inner();
    assert_eq!(ways(&told.blocked[0]), ["NO_HARM", "GENERAL_CLAUSE"]);
    assert!(told.blocked[0].ways[0].conditions.is_empty() && told.blocked[0].ways[0].verified);

    let listed = ReferralServiceClient::new(world.wire(POLICE)).list_referrals(v1::ListReferralsRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.referrals, []);
    let wrong = v1::SubmitReferralRequest { kind: codes::ReferralKind::Support.into(), ..draft };
    let refused = police.assess_referral(v1::AssessReferralRequest { draft: Some(wrong), ..Default::default() }).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let nowhere = v1::SubmitReferralRequest { recipient: String::new(), ..submission(1) };
    let nonsense = v1::Answers { asserted: vec![9999], ..Default::default() };
    let asks = [
        (v1::AssessReferralRequest { draft: Some(nowhere), ..Default::default() }, "draft.recipient"),
        (v1::AssessReferralRequest { draft: Some(submission(1)), known: Some(nonsense), ..Default::default() }, "known.asserted[0]"),
    ];
    for (ask, field) in asks {
        let faults = police.assess_referral(ask).await.unwrap_err().get_details_bad_request().unwrap().field_violations;
        assert_eq!(faults[0].field, field);
    }
}

#[tokio::test]
async fn the_largest_draft_there_is_gets_its_answer() {
    const PERSONS: usize = 32;
    let world = World::begun().await;
    let mut police = ClearanceServiceClient::new(world.wire(POLICE)).max_decoding_message_size(ASSESSMENT_BYTES_MAX);
    let names: Vec<String> = std::iter::once(String::from("victim-1")).chain((1..PERSONS).map(|number| format!("victim-{}", number + 1))).collect();
    let heading = submission(1).sections.remove(2);
    // Every section protects all but another one, so that no two are the same.
    let section = |without: &String| v1::Section { persons: names.iter().filter(|name| *name != without).cloned().collect(), ..heading.clone() };
    let draft = v1::SubmitReferralRequest {
        persons: names.iter().map(|name| v1::Person { name: name.clone(), ..Default::default() }).collect(),
        sections: names.iter().map(section).collect(),
        consents: vec![],
        decisions: vec![],
        ..submission(1)
    };
    let found = police.assess_referral(v1::AssessReferralRequest { draft: Some(draft), ..Default::default() }).await.unwrap().into_inner();
    assert_eq!(found.blocked.len(), PERSONS * PERSONS, "each section: every person but one, and the investigation");
    let bytes = found.encoded_len();
    assert!(bytes > 1024 * 1024 && bytes < ASSESSMENT_BYTES_MAX / 2, "{bytes}");
}

#[tokio::test]
async fn an_emergency_is_no_way_for_an_agency_that_has_not_reviewed_its_last() {
    let world = World::begun().await;
    let later = Time::from_micros(START_US).plus_minutes(60 * 24 * 30);
    let mut police = ClearanceServiceClient::new(world.wire_of("urn:brygga:agency:vasterort-polis", later));
    let (referral, officer) = (world.submitted().await.referral.unwrap().reference, String::from("klara"));
    let declared = v1::DeclareEmergencyRequest { request_id: key(2), officer, referral, hours: 1, reasons: String::from("danger"), ..Default::default() };
    police.declare_emergency(declared).await.unwrap();
    let clause = |section| v1::CellDecision {
        cell: Some(v1::Cell { section, interest: String::from("victim-1") }),
        outcome: Some(v1::cell_decision::Outcome::Release(v1::ReleaseOutcome {
            ground: String::from("GENERAL_CLAUSE"),
            consent_id: String::new(),
            revision: 0,
        })),
    };
    let asserted = vec![codes::FactCode::BalanceObvious.into(), codes::FactCode::NotContraryToStatute.into()];
    let answers = Some(v1::Answers { asserted, ..Default::default() });
    let decisions = vec![v1::Decision { cells: vec![clause(1)], answers, reasons: String::from("obvious"), ..Default::default() }];
    let draft = v1::SubmitReferralRequest { consents: Vec::new(), decisions, ..submission(3) };
    let ask = v1::AssessReferralRequest { draft: Some(draft), ..Default::default() };
    for (days, breaks_glass) in [(0, true), (4, false)] {
        world.clock.advance_minutes(60 * 24 * days);
        let found = police.assess_referral(ask.clone()).await.unwrap().into_inner();
        let waits = found.blocked.iter().find(|block| block.code == "SECOND_OFFICER_MISSING").unwrap();
        assert_eq!(waits.ways.iter().any(|way| way.kind() == v1::WayKind::BreakGlass), breaks_glass, "after {days} days");
    }
}
