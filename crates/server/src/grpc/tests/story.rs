//! A referral's way through the services.

use brygga_domain::entropy::commit;
use brygga_domain::{Code as _, Fact, SenderStatus};
use brygga_engine::bells::News;
use brygga_journal::v1 as codes;
use brygga_merkle::{ConsistencyProof, Hash, InclusionProof};
use brygga_wire::v1::clearance_service_client::ClearanceServiceClient;
use brygga_wire::v1::consent_service_client::ConsentServiceClient;
use brygga_wire::v1::disclosure_log_service_client::DisclosureLogServiceClient;
use brygga_wire::v1::inbox_service_client::InboxServiceClient;
use brygga_wire::v1::referral_service_client::ReferralServiceClient;
use brygga_wire::{v1, view};
use tokio_stream::StreamExt;
use tonic::Code;
use tonic_types::StatusExt;

use super::world::*;

fn hashes(hashes: &[bytes::Bytes]) -> Vec<Hash> {
    hashes.iter().map(|hash| Hash::from_slice(hash).unwrap()).collect()
}

/// Checks a receipt as a client does, and gives its size.
fn verified(world: &World, receipt: Option<&v1::Receipt>) -> u64 {
    let receipt = receipt.unwrap();
    let checkpoint = brygga_merkle::open(&receipt.checkpoint, world.broker.key()).unwrap();
    assert_eq!(receipt.origin, checkpoint.origin);
    for leaf in &receipt.leaves {
        let proof = InclusionProof { index: leaf.position, size: checkpoint.size, hashes: hashes(&leaf.proof) };
        checkpoint.verify_inclusion(&proof, &brygga_merkle::leaf_hash(&leaf.leaf)).unwrap();
    }
    checkpoint.size
}

fn open_request(number: u8, referral: &str, pinned_size: u64) -> v1::OpenReferralRequest {
    v1::OpenReferralRequest { request_id: key(number), officer: String::from("maria"), pinned_size, referral: referral.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn what_passed_the_gate_leaves_as_it_came_and_the_sender_sees_transport_answers_only() {
    let world = World::begun().await;
    let submitted = world.submitted().await;
    let pin = brygga_merkle::open(&submitted.receipt.as_ref().unwrap().checkpoint, world.broker.key()).unwrap();
    verified(&world, submitted.receipt.as_ref());
    let referral = submitted.referral.unwrap();
    assert_eq!(referral.status, SenderStatus::Offered.number());

    let mut inbox = InboxServiceClient::new(world.wire(BOARD));
    let listed = inbox.list_inbox(v1::ListInboxRequest { function: RVC.to_owned(), ..Default::default() }).await.unwrap().into_inner();
    let offered: Vec<u32> = listed.envelopes[0].sections.iter().map(|section| section.number).collect();
    assert_eq!((listed.envelopes.len(), offered), (1, vec![1, 2]), "the section that waits for the prosecution is not even named");

    let opened = inbox.open_referral(open_request(2, &referral.reference, pin.size)).await.unwrap().into_inner();
    let size = verified(&world, opened.receipt.as_ref());
    let consistency = opened.consistency.as_ref().unwrap();
    let proof = ConsistencyProof { old: consistency.from_size, new: consistency.to_size, hashes: hashes(&consistency.hashes) };
    brygga_merkle::open(&opened.receipt.as_ref().unwrap().checkpoint, world.broker.key()).unwrap().verify_consistency(&proof, &pin).unwrap();
    assert_eq!((opened.sections[0].content.clone(), opened.sections.len()), (identity(), 2));
    let leaves = &opened.receipt.as_ref().unwrap().leaves;
    let release = leaves.iter().find(|leaf| leaf.position == opened.release).unwrap();
    let Fact::SectionsReleased { released, .. } = brygga_journal::decode(&release.leaf).unwrap().fact else { panic!("not a release") };
    for (section, left) in opened.sections.iter().zip(released.sections()) {
        let salt: [u8; 32] = section.salt.as_ref().try_into().unwrap();
        assert_eq!((commit(&salt, &section.content), section.number), (left.commitment, left.section));
    }
    let again = inbox.open_referral(open_request(2, &referral.reference, pin.size)).await.unwrap().into_inner();
    assert_eq!(again, opened, "a repeated key gives the same receipt and, the gate permitting, the same bytes");
    assert!(size > pin.size);

    let accept = v1::AcceptReferralRequest { request_id: key(3), officer: String::from("maria"), referral: referral.id.clone(), pinned_size: 0 };
    inbox.accept_referral(accept).await.unwrap();
    let contact = v1::Contact {
        outcome: codes::ContactOutcome::Reached.into(),
        at: Some(view::timestamp(world.broker.now())),
        channel: codes::SafeChannel::Telephone.into(),
        ..Default::default()
    };
    let reached =
        v1::RecordContactRequest { request_id: key(4), officer: String::from("maria"), referral: referral.id.clone(), contact: Some(contact), pinned_size: 0 };
    assert!(inbox.record_contact(reached).await.unwrap().into_inner().envelope.unwrap().contacted_at.is_some());
    let closing = v1::Closing { outcome: codes::ClosingOutcome::DeclinedByHer.into(), ..Default::default() };
    let close =
        v1::CloseReferralRequest { request_id: key(5), officer: String::from("maria"), referral: referral.id.clone(), closing: Some(closing), pinned_size: 0 };
    inbox.close_referral(close).await.unwrap();

    let mut police = ReferralServiceClient::new(world.wire(POLICE));
    let name = v1::get_referral_request::Name::Referral(referral.id.clone());
    let seen = police.get_referral(v1::GetReferralRequest { name: Some(name), ..Default::default() }).await.unwrap().into_inner().referral.unwrap();
    assert_eq!(seen.status, SenderStatus::Closed.number(), "closed, and not how");
    let by_number = v1::SenderReferenceName { kind: seen.kind, recipient: RVC.to_owned(), identifier: None, sender_reference: String::from("5000-K1-26") };
    let name = v1::get_referral_request::Name::SenderReference(by_number);
    assert_eq!(police.get_referral(v1::GetReferralRequest { name: Some(name), ..Default::default() }).await.unwrap().into_inner().referral.unwrap(), seen);
    let list = |open_only| v1::ListReferralsRequest { open_only, ..Default::default() };
    assert_eq!(police.list_referrals(list(false)).await.unwrap().into_inner().referrals, vec![seen]);
    assert!(police.list_referrals(list(true)).await.unwrap().into_inner().referrals.is_empty());

    let listed = |include_ended, page_token| v1::ListInboxRequest { function: RVC.to_owned(), include_ended, page_token, ..Default::default() };
    assert!(inbox.list_inbox(listed(false, String::new())).await.unwrap().into_inner().envelopes.is_empty());
    let first = inbox.list_inbox(listed(true, String::new())).await.unwrap().into_inner();
    let second = inbox.list_inbox(listed(true, first.next_page_token)).await.unwrap().into_inner();
    assert_eq!((second.envelopes.len(), second.envelopes[0].stage(), second.next_page_token.as_str()), (1, v1::Stage::Closed, ""));

    let mut watch = police.watch_referrals(v1::WatchReferralsRequest { after: 0 }).await.unwrap().into_inner();
    let mut told = Vec::new();
    while let Some(v1::watch_referrals_response::Item::Entry(entry)) = tokio::time::timeout(STREAM_WAIT, watch.next()).await.unwrap().unwrap().unwrap().item {
        told.push(SenderStatus::from_number(entry.status).unwrap());
    }
    assert_eq!(told, [SenderStatus::Stored, SenderStatus::Offered, SenderStatus::Opened, SenderStatus::Answered, SenderStatus::Closed]);
}

#[tokio::test]
async fn a_stream_goes_no_further_than_what_is_known_to_be_durable() {
    let world = World::begun().await;
    let other = world.beside().await;
    let mut watch =
        InboxServiceClient::new(other.wire(BOARD)).watch_inbox(v1::WatchInboxRequest { function: RVC.to_owned(), after: 0 }).await.unwrap().into_inner();
    let mut next = async |wait| tokio::time::timeout(wait, watch.next()).await.map(|item| item.unwrap().unwrap().item);
    let Ok(Some(v1::watch_inbox_response::Item::Heartbeat(beat))) = next(STREAM_WAIT).await else { panic!("no heartbeat") };
    let size = beat.position + 1;
    let referral = world.submitted().await.referral.unwrap();
    other.broker.heard(&News { from: size, size, told: None }).await.unwrap();
    assert!(next(std::time::Duration::from_millis(300)).await.is_err(), "what is only seen may be lost, and something else stand there");
    other.broker.prove();
    let Ok(Some(v1::watch_inbox_response::Item::Entry(entry))) = next(STREAM_WAIT).await else { panic!("no entry") };
    assert_eq!(entry.referral, referral.id);
}

#[tokio::test]
async fn a_stream_brings_what_waits_then_what_comes_and_ends_with_the_broker() {
    let world = World::begun().await;
    let referral = world.submitted().await.referral.unwrap();
    let mut inbox = InboxServiceClient::new(world.wire(BOARD));
    let mut watch = inbox.watch_inbox(v1::WatchInboxRequest { function: RVC.to_owned(), after: 0 }).await.unwrap().into_inner();
    let mut next = async || tokio::time::timeout(STREAM_WAIT, watch.next()).await.unwrap().unwrap();
    let Some(v1::watch_inbox_response::Item::Entry(first)) = next().await.unwrap().item else { panic!("no entry") };
    assert_eq!(
        (first.referral.as_str(), first.kind(), first.reference.as_str()),
        (referral.id.as_str(), codes::InboxKind::Offered, referral.reference.as_str())
    );
    assert!(first.time.is_some());
    let Some(v1::watch_inbox_response::Item::Heartbeat(beat)) = next().await.unwrap().item else { panic!("no heartbeat") };
    assert_eq!(beat.position + 1, *world.broker.head().borrow(), "everything that is there was looked at");

    let retract = v1::RetractReferralRequest {
        request_id: key(7),
        officer: String::from("klara"),
        referral: referral.id,
        reason: codes::RetractReason::Wrong.into(),
        pinned_size: 0,
    };
    ReferralServiceClient::new(world.wire(POLICE)).retract_referral(retract).await.unwrap();
    let Some(v1::watch_inbox_response::Item::Entry(second)) = next().await.unwrap().item else { panic!("no entry") };
    assert_eq!(second.kind(), codes::InboxKind::Retracted);

    world.stop.cancel();
    let farewell = next().await.unwrap_err();
    assert_eq!(farewell.code(), Code::Unavailable);
    assert!(farewell.get_details_retry_info().unwrap().retry_delay.is_some());
    // Nothing was released, so nothing of the past waits for an inbox that begins anew.
    let fresh = World::with_tables(world.database.tables()).await;
    let mut watch =
        InboxServiceClient::new(fresh.wire(BOARD)).watch_inbox(v1::WatchInboxRequest { function: RVC.to_owned(), after: 0 }).await.unwrap().into_inner();
    let item = tokio::time::timeout(STREAM_WAIT, watch.next()).await.unwrap().unwrap().unwrap().item;
    assert!(matches!(item, Some(v1::watch_inbox_response::Item::Heartbeat(_))), "{item:?}");
}

#[tokio::test]
async fn content_that_is_gone_stops_the_whole_release() {
    let world = World::begun().await;
    let referral = world.submitted().await.referral.unwrap();
    let mut tables = world.database.tables();
    tables.contents.retain(|(_, section, _), _| *section != 2);
    let world = World::with_tables(tables).await;
    let refused = InboxServiceClient::new(world.wire(BOARD)).open_referral(open_request(2, &referral.id, 0)).await.unwrap_err();
    assert_eq!((refused.code(), refused.get_details_error_info().unwrap().reason.as_str()), (Code::FailedPrecondition, "CONTENT_DESTROYED"));
}

#[tokio::test]
async fn a_new_revision_names_the_release_that_it_supersedes() {
    let world = World::begun().await;
    let referral = world.submitted().await.referral.unwrap();
    let mut inbox = InboxServiceClient::new(world.wire(BOARD));
    let first = inbox.open_referral(open_request(2, &referral.id, 0)).await.unwrap().into_inner();
    let mut police = ReferralServiceClient::new(world.wire(POLICE));
    let section = v1::AmendedSection { number: 1, content: identity() };
    let amend = v1::AmendReferralRequest {
        request_id: key(3),
        officer: String::from("klara"),
        referral: referral.id.clone(),
        sections: vec![section],
        ..Default::default()
    };
    police.amend_referral(amend).await.unwrap();
    let mut decision = submission(1).decisions.remove(0);
    decision.cells.truncate(1);
    if let Some(v1::cell_decision::Outcome::Release(release)) = &mut decision.cells[0].outcome {
        release.revision = 2;
    }
    let decide = v1::DecideClearanceRequest {
        request_id: key(4),
        officer: String::from("klara"),
        referral: referral.id.clone(),
        decision: Some(decision),
        pinned_size: 0,
    };
    ClearanceServiceClient::new(world.wire(POLICE)).decide_clearance(decide).await.unwrap();
    let second = inbox.open_referral(open_request(5, &referral.id, 0)).await.unwrap().into_inner();
    assert_eq!(second.supersedes, [v1::EarlierRelease { section: 1, revision: 1, position: first.release }]);
    assert_eq!(second.sections.iter().find(|section| section.number == 1).unwrap().revision, 2);
}

#[tokio::test]
async fn a_withdrawal_names_what_must_stop_and_its_consent_is_shown_to_who_received_under_it() {
    let world = World::begun().await;
    let referral = world.submitted().await.referral.unwrap();
    let mut board = ConsentServiceClient::new(world.wire(BOARD));
    let list = v1::ListConsentsRequest { referral: referral.id.clone(), ..Default::default() };
    assert!(board.list_consents(list.clone()).await.unwrap().into_inner().consents.is_empty(), "nothing was received yet");
    InboxServiceClient::new(world.wire(BOARD)).open_referral(open_request(2, &referral.id, 0)).await.unwrap();
    let held = board.list_consents(list).await.unwrap().into_inner().consents;
    let withdraw = v1::WithdrawConsentRequest {
        request_id: key(3),
        officer: String::from("klara"),
        referral: referral.id,
        consent_id: held[0].id.clone(),
        pinned_size: 0,
    };
    let mut police = ConsentServiceClient::new(world.wire(POLICE));
    let withdrawn = police.withdraw_consent(withdraw).await.unwrap().into_inner();
    assert_eq!((withdrawn.stop_use_sections, withdrawn.standing.len()), (vec![1, 2], 0));
    assert!(withdrawn.consent.unwrap().withdrawal.is_some());
    let replay = InboxServiceClient::new(world.wire(BOARD)).open_referral(open_request(2, &held[0].referral, 0)).await.unwrap_err();
    assert_eq!(replay.code(), Code::FailedPrecondition, "a repeated key asks the gate again");
}

#[tokio::test]
async fn an_auditor_reads_what_stood_before_the_question_and_a_tail_leaves_the_question_out() {
    let world = World::begun().await;
    let referral = world.submitted().await.referral.unwrap();
    let mut log = DisclosureLogServiceClient::new(world.wire(AUDITOR));
    let purpose = Some(v1::StatedPurpose { purpose: String::from("supervision"), case_number: String::from("2026-1") });
    let search = |number, filter, page_size, page_token| v1::SearchEntriesRequest {
        request_id: key(number),
        officer: String::from("siv"),
        purpose: purpose.clone(),
        filter,
        page_size,
        page_token,
        pinned_size: 0,
    };
    let all = log.search_entries(search(10, None, 0, String::new())).await.unwrap().into_inner();
    let kinds: Vec<&str> = all.entries.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(kinds, ["LogStarted", "GroundTableActivated", "ReferralSubmitted", "ConsentRecorded", "ClearanceDecided", "ReferralOffered"]);
    assert_eq!((all.next_page_token.as_str(), all.receipt.unwrap().leaves[0].position), ("", 6), "the question stands behind its answer");

    let filter =
        v1::EntryFilter { referral: referral.reference, kinds: vec![String::from("ClearanceDecided"), String::from("ReferralOffered")], ..Default::default() };
    let page = log.search_entries(search(11, Some(filter.clone()), 1, String::new())).await.unwrap().into_inner();
    let rest = log.search_entries(search(12, Some(filter), 1, page.next_page_token)).await.unwrap().into_inner();
    assert_eq!([page.entries[0].position, rest.entries[0].position], [4, 5]);

    let get =
        |number, position| v1::GetEntryRequest { request_id: key(number), officer: String::from("siv"), purpose: purpose.clone(), position, pinned_size: 0 };
    let one = log.get_entry(get(13, 2)).await.unwrap().into_inner();
    let checkpoint = brygga_merkle::open(&one.receipt.unwrap().checkpoint, world.broker.key()).unwrap();
    let proof = InclusionProof { index: 2, size: checkpoint.size, hashes: hashes(&one.proof) };
    checkpoint.verify_inclusion(&proof, &brygga_merkle::leaf_hash(&one.entry.unwrap().leaf)).unwrap();
    assert_eq!(log.get_entry(get(14, 1000)).await.unwrap_err().code(), Code::NotFound);

    let mut tail = log.tail_entries(v1::TailEntriesRequest { from_position: 0 }).await.unwrap().into_inner();
    let mut positions = Vec::new();
    let last = loop {
        match tokio::time::timeout(STREAM_WAIT, tail.next()).await.unwrap().unwrap().unwrap().item.unwrap() {
            v1::tail_entries_response::Item::Entry(entry) => positions.push(entry.position),
            v1::tail_entries_response::Item::Heartbeat(beat) => break beat.position,
        }
    };
    assert_eq!((positions, last), (vec![0, 1, 2, 3, 4, 5], 10));

    let mut police = DisclosureLogServiceClient::new(world.wire(POLICE));
    let refused = police.tail_entries(v1::TailEntriesRequest { from_position: 0 }).await.unwrap_err();
    assert_eq!((refused.code(), refused.get_details_error_info().unwrap().reason.as_str()), (Code::PermissionDenied, "WRONG_ROLE"));
    let refused = police.search_entries(search(15, None, 0, String::new())).await.unwrap_err();
    assert_eq!(refused.get_details_error_info().unwrap().reason, "WRONG_ROLE");
    let latest = police.get_checkpoint(v1::GetCheckpointRequest { pinned_size: 3 }).await.unwrap().into_inner();
    let newest = brygga_merkle::open(&latest.checkpoint, world.broker.key()).unwrap();
    assert_eq!((newest.size, latest.consistency.unwrap().from_size), (11, 3));
    let asked = v1::GetInclusionProofRequest { position: 4, tree_size: 7 };
    assert_eq!(police.get_inclusion_proof(asked).await.unwrap().into_inner().tree_size, 7);
    let beyond = v1::GetInclusionProofRequest { position: 4, tree_size: 700 };
    assert_eq!(police.get_inclusion_proof(beyond).await.unwrap_err().get_details_bad_request().unwrap().field_violations[0].field, "tree_size");
    let sizes = v1::GetConsistencyProofRequest { from_size: 2, to_size: 7 };
    assert!(!police.get_consistency_proof(sizes).await.unwrap().into_inner().checkpoint.is_empty());
}
