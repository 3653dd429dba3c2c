//! Who may ask, and that what is not yours looks like what does not exist.

use brygga_domain::{Action, Agency, Command, Digest, Entropy, Function, RequestId, Time};
use brygga_journal::v1 as codes;
use brygga_wire::v1;
use brygga_wire::v1::clearance_service_client::ClearanceServiceClient;
use brygga_wire::v1::consent_service_client::ConsentServiceClient;
use brygga_wire::v1::directory_service_client::DirectoryServiceClient;
use brygga_wire::v1::disclosure_log_service_client::DisclosureLogServiceClient;
use brygga_wire::v1::inbox_service_client::InboxServiceClient;
use brygga_wire::v1::referral_service_client::ReferralServiceClient;
use tokio_stream::StreamExt as _;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::world::*;

/// Every byte of an answer that a client can see.
fn bytes(status: &Status) -> (Code, String, Vec<u8>) {
    (status.code(), status.message().to_owned(), status.details().to_vec())
}

async fn answers(world: &World, agency: &str, referral: &str, consent_id: &str) -> Vec<(Code, String, Vec<u8>)> {
    let wire = || world.wire(agency);
    let name = Some(v1::get_referral_request::Name::Referral(referral.to_owned()));
    let mut inbox = InboxServiceClient::new(wire());
    let (request_id, officer, referral) = (key(40), String::from("nils"), referral.to_owned());
    let open = v1::OpenReferralRequest { request_id: request_id.clone(), officer: officer.clone(), referral: referral.clone(), ..Default::default() };
    let accept = v1::AcceptReferralRequest { request_id: request_id.clone(), officer: officer.clone(), referral: referral.clone(), pinned_size: 0 };
    let retract = v1::RetractReferralRequest { request_id, officer, referral: referral.clone(), reason: codes::RetractReason::Wrong.into(), pinned_size: 0 };
    let consent = v1::GetConsentRequest { referral: referral.clone(), consent_id: consent_id.to_owned(), ..Default::default() };
    let consents = v1::ListConsentsRequest { referral: referral.clone(), ..Default::default() };
    let statuses = [
        ReferralServiceClient::new(wire()).get_referral(v1::GetReferralRequest { name, ..Default::default() }).await.unwrap_err(),
        ReferralServiceClient::new(wire()).retract_referral(retract).await.unwrap_err(),
        ClearanceServiceClient::new(wire()).assess_referral(v1::AssessReferralRequest { referral, ..Default::default() }).await.unwrap_err(),
        ConsentServiceClient::new(wire()).get_consent(consent).await.unwrap_err(),
        ConsentServiceClient::new(wire()).list_consents(consents).await.unwrap_err(),
        inbox.open_referral(open).await.unwrap_err(),
        inbox.accept_referral(accept).await.unwrap_err(),
    ];
    statuses.iter().map(bytes).collect()
}

#[tokio::test]
async fn not_yours_and_not_there_are_the_same_bytes() {
    let world = World::begun().await;
    let referral = world.submitted().await.referral.unwrap();
    let list = v1::ListConsentsRequest { referral: referral.id.clone(), ..Default::default() };
    let consent = ConsentServiceClient::new(world.wire(POLICE)).list_consents(list).await.unwrap().into_inner().consents.remove(0).id;
    let nowhere = key(99);
    for agency in [OTHER_BOARD, AUDITOR] {
        let there = answers(&world, agency, &referral.id, &consent).await;
        assert_eq!(there, answers(&world, agency, &nowhere, &nowhere).await, "{agency}");
        assert_eq!(there, answers(&world, agency, &referral.reference, &consent).await, "{agency}");
        assert!(there.iter().all(|answer| *answer == there[0] && answer.0 == Code::NotFound), "{agency}: {there:?}");
    }
    let mut inbox = InboxServiceClient::new(world.wire(OTHER_BOARD));
    let list = |function: &str| v1::ListInboxRequest { function: function.to_owned(), ..Default::default() };
    let (others, nobodys) = (inbox.list_inbox(list(RVC)).await.unwrap_err(), inbox.list_inbox(list("no-such")).await.unwrap_err());
    assert_eq!((bytes(&others), others.code()), (bytes(&nobodys), Code::NotFound));
    let watch = inbox.watch_inbox(v1::WatchInboxRequest { function: RVC.to_owned(), after: 0 }).await.unwrap_err();
    assert_eq!(bytes(&watch), bytes(&others));
}

#[tokio::test]
async fn a_leader_cannot_tell_which_persons_a_section_protects() {
    let world = World::begun().await;
    let referral = world.submitted().await.referral.unwrap();
    let mut prosecution = ClearanceServiceClient::new(world.wire(PROSECUTION));
    let mut told = Vec::new();
    for (number, section) in [1, 3, 9].into_iter().enumerate() {
        let cell = v1::CellDecision {
            cell: Some(v1::Cell { section, interest: String::from("victim-1") }),
            outcome: Some(v1::cell_decision::Outcome::Withhold(v1::WithholdOutcome { reason: codes::WithholdReason::HarmNotExcluded.into(), nameable: false })),
        };
        let decision = Some(v1::Decision { cells: vec![cell], reasons: String::from("none"), ..Default::default() });
        let request_id = key(60 + u8::try_from(number).unwrap());
        let decide = v1::DecideClearanceRequest { request_id, officer: String::from("ake"), referral: referral.id.clone(), decision, pinned_size: 0 };
        let refused = prosecution.decide_clearance(decide).await.unwrap_err();
        assert_eq!(refused.get_details_error_info().unwrap().reason, "CELL_UNKNOWN");
        let (code, text, _) = bytes(&refused);
        told.push((code, text.replace(&format!("section {section}"), "section")));
    }
    assert!(told.iter().all(|answer| *answer == told[0]), "{told:?}");

    // Nor does a referral exist to the leader of an investigation that none of its sections touches.
    let mut untouched = submission(2);
    untouched.sections.truncate(2);
    untouched.decisions[0].cells.truncate(2);
    untouched.consents[0].categories.truncate(2);
    let untouched = ReferralServiceClient::new(world.wire(POLICE)).submit_referral(untouched).await.unwrap().into_inner().referral.unwrap();
    let decide = |referral: &str, number| v1::RevokeClearanceRequest {
        request_id: key(number),
        officer: String::from("ake"),
        referral: referral.to_owned(),
        cells: vec![v1::Cell { section: 1, interest: String::from("victim-1") }],
        pinned_size: 0,
    };
    let there = prosecution.revoke_clearance(decide(&untouched.id, 70)).await.unwrap_err();
    let nowhere = prosecution.revoke_clearance(decide(&key(99), 71)).await.unwrap_err();
    assert_eq!((bytes(&there), there.code()), (bytes(&nowhere), Code::NotFound));
}

#[tokio::test]
async fn a_leader_sees_the_investigation_and_none_of_the_persons() {
    let world = World::begun().await;
    let referral = world.submitted().await.referral.unwrap();
    let mut prosecution = ClearanceServiceClient::new(world.wire(PROSECUTION));
    let pending = prosecution.list_pending_clearances(v1::ListPendingClearancesRequest::default()).await.unwrap().into_inner().referrals;
    let cells = |referral: &v1::ClearanceReferral| -> Vec<(u32, String)> {
        referral.sections.iter().flat_map(|section| section.cells.iter().map(|cell| (section.number, cell.interest.clone()))).collect()
    };
    assert_eq!(pending.iter().map(cells).collect::<Vec<_>>(), [vec![(3, String::from("investigation"))]]);

    let assess = v1::AssessReferralRequest { referral: referral.id.clone(), ..Default::default() };
    let led = prosecution.assess_referral(assess.clone()).await.unwrap().into_inner();
    assert_eq!((cells(led.referral.as_ref().unwrap()), led.passing), (vec![(3, String::from("investigation"))], vec![]));
    let block = &led.blocked[0];
    assert_eq!((block.section, block.interest.as_str(), block.provisions.as_slice()), (3, "investigation", [String::from("OSL 18:1")].as_slice()));
    let no_harm = block.ways.iter().find(|way| way.ground == "NO_HARM").unwrap();
    assert!(!no_harm.provision.is_empty() && !no_harm.needs_consent && no_harm.text.as_ref().is_some_and(|text| !text.sv.is_empty() && !text.en.is_empty()));

    let sent = ClearanceServiceClient::new(world.wire(POLICE)).assess_referral(assess).await.unwrap().into_inner();
    assert_eq!((sent.passing, cells(&sent.referral.unwrap()).len(), sent.blocked.len()), (vec![1, 2], 4, 1));

    let cell = Some(v1::Cell { section: 3, interest: String::from("investigation") });
    let outcome = v1::cell_decision::Outcome::Release(v1::ReleaseOutcome { ground: String::from("NO_HARM"), consent_id: String::new(), revision: 0 });
    let answers = Some(v1::Answers { asserted: vec![codes::FactCode::HarmExcluded.into()], ..Default::default() });
    let decision =
        v1::Decision { cells: vec![v1::CellDecision { cell, outcome: Some(outcome) }], answers, reasons: String::from("no harm"), ..Default::default() };
    let decide = v1::DecideClearanceRequest {
        request_id: key(50),
        officer: String::from("alva"),
        referral: referral.id.clone(),
        decision: Some(decision),
        pinned_size: 0,
    };
    let decided = prosecution.decide_clearance(decide).await.unwrap().into_inner();
    assert_eq!(decided.referral.unwrap().sections[0].cells[0].ground, "NO_HARM");
    // The section is offered by this decision, which depended on the persons' cells: the leader's receipt proves its own decision only.
    let leaves = decided.receipt.unwrap().leaves;
    let kinds: Vec<&str> = leaves.iter().map(|leaf| brygga_journal::decode(&leaf.leaf).unwrap().fact.name()).collect();
    assert_eq!(kinds, ["ClearanceDecided"]);
    assert!(prosecution.list_pending_clearances(v1::ListPendingClearancesRequest::default()).await.unwrap().into_inner().referrals.is_empty());
}

#[tokio::test]
async fn a_certificate_that_the_directory_lacks_gets_in_nowhere() {
    let world = World::begun().await;
    let later = Time::from_micros(START_US).plus_minutes(1);
    let earlier = Time::from_micros(START_US - 1);
    for (uri, not_after) in [("urn:brygga:agency:nobody", later), ("urn:brygga:agency:vasterort-polis", earlier)] {
        let mut police = ReferralServiceClient::new(world.wire_of(uri, not_after));
        let mut directory = DirectoryServiceClient::new(world.wire_of(uri, not_after));
        for refused in [
            police.list_referrals(v1::ListReferralsRequest::default()).await.unwrap_err(),
            police.submit_referral(submission(1)).await.unwrap_err(),
            directory.list_agencies(v1::ListAgenciesRequest::default()).await.unwrap_err(),
        ] {
            assert_eq!((refused.code(), refused.get_details_error_info().unwrap().reason.as_str()), (Code::PermissionDenied, "UNKNOWN_AGENCY"), "{uri}");
        }
    }
}

#[tokio::test]
async fn a_key_is_bound_to_its_method_and_its_body() {
    let world = World::begun().await;
    let referral = world.submitted().await.referral.unwrap();
    let mut inbox = InboxServiceClient::new(world.wire(BOARD));
    let open = v1::OpenReferralRequest { request_id: key(2), officer: String::from("maria"), referral: referral.id.clone(), ..Default::default() };
    inbox.open_referral(open.clone()).await.unwrap();
    let same_bytes = v1::AcceptReferralRequest { request_id: key(2), officer: String::from("maria"), referral: referral.id, pinned_size: 0 };
    let other_method = inbox.accept_referral(same_bytes).await.unwrap_err();
    let other_body = inbox.open_referral(v1::OpenReferralRequest { pinned_size: 1, ..open }).await.unwrap_err();
    for refused in [other_method, other_body] {
        assert_eq!((refused.code(), refused.get_details_error_info().unwrap().reason.as_str()), (Code::AlreadyExists, "KEY_REUSED"));
    }
}

#[tokio::test]
async fn everybody_finds_agencies_functions_and_routes() {
    let world = World::begun().await;
    let mut directory = DirectoryServiceClient::new(world.wire(OTHER_BOARD));
    let mut found = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = directory.list_agencies(v1::ListAgenciesRequest { page_size: 2, page_token }).await.unwrap().into_inner();
        assert!(page.agencies.len() <= 2);
        found.extend(page.agencies.into_iter().map(|agency| agency.id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(found, [OTHER_BOARD, AUDITOR, BOARD, PROSECUTION, POLICE]);
    let route = |municipality: &str, district: &str| v1::ResolveRouteRequest {
        municipality: municipality.to_owned(),
        district: district.to_owned(),
        kind: codes::ReferralKind::ContactRequest.into(),
        residence_basis: codes::ResidenceBasis::StatedByPerson.into(),
        ..Default::default()
    };
    for district in ["", "huvudsta"] {
        let function = directory.resolve_route(route("0184", district)).await.unwrap().into_inner().function.unwrap();
        assert_eq!((function.id.as_str(), function.host.as_str()), (RVC, BOARD));
    }
    assert_eq!(directory.resolve_route(route("0114", "")).await.unwrap_err().code(), Code::NotFound);
    let name = v1::GetFunctionRequest { function: RVC.to_owned() };
    assert_eq!(directory.get_function(name).await.unwrap().into_inner().function.unwrap().host_kind(), codes::AgencyKind::SocialBoard);
}

/// What the operator enters, as a broker does at its start.
async fn entered(world: &World, number: u8, action: Action) {
    let entropy = Entropy::new([number; 32]);
    let request = RequestId(entropy.uuid("r", 0));
    let command = Command { agency: "brygga".parse().unwrap(), officer: None, request, digest: Digest([number; 32]), entropy, action };
    world.broker.carry_out(command).await.unwrap();
}

/// The reason with which a stream ends, after what was under way when it came to that.
async fn ends<T>(mut stream: tonic::Streaming<T>) -> (Code, String) {
    let ended = async {
        loop {
            match stream.next().await {
                Some(Ok(_)) => {}
                Some(Err(status)) => return status,
                None => panic!("the stream ended without a word"),
            }
        }
    };
    let status = tokio::time::timeout(STREAM_WAIT, ended).await.expect("the stream goes on");
    (status.code(), status.get_details_error_info().unwrap().reason)
}

#[tokio::test]
async fn a_watch_ends_when_what_it_rests_on_does() {
    let world = World::begun().await;
    let directory = world.broker.directory();
    let inbox = InboxServiceClient::new(world.wire(BOARD)).watch_inbox(v1::WatchInboxRequest { function: RVC.to_owned(), after: 0 }).await.unwrap();
    let tail = DisclosureLogServiceClient::new(world.wire(AUDITOR)).tail_entries(v1::TailEntriesRequest { from_position: 0 }).await.unwrap();
    let question = v1::SearchEntriesRequest {
        request_id: key(81),
        officer: String::from("ida"),
        purpose: Some(v1::StatedPurpose { purpose: String::from("supervision"), case_number: String::from("2026-1") }),
        ..Default::default()
    };
    let mut log = DisclosureLogServiceClient::new(world.wire(AUDITOR));
    log.search_entries(question.clone()).await.unwrap();

    // The function goes to another board, and the supervisor's assignment ends.
    let moved = Function { host: OTHER_BOARD.parse().unwrap(), ..directory.function(&RVC.parse().unwrap()).unwrap().clone() };
    entered(&world, 82, Action::RegisterFunction(moved, Digest([1; 32]))).await;
    let ended = Agency { agreement_at: None, ..directory.agency(&AUDITOR.parse().unwrap()).unwrap().clone() };
    entered(&world, 83, Action::RegisterAgency(ended, Digest([2; 32]))).await;
    world.submitted().await;

    assert_eq!(ends(inbox.into_inner()).await, (Code::NotFound, String::from("NOT_FOUND")));
    let inactive = (Code::PermissionDenied, String::from("AGENCY_NOT_ACTIVE"));
    assert_eq!(ends(tail.into_inner()).await, inactive);
    // Nor does the key of an earlier question give its answer again.
    let again = log.search_entries(question).await.unwrap_err();
    assert_eq!((again.code(), again.get_details_error_info().unwrap().reason), inactive);
}
