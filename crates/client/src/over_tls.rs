//! The client over real TLS against a peer that answers what a test tells it to: tries, pins, refusals, streams, the outbox.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use brygga_domain::event::{Offer, OfferResult};
use brygga_domain::{Code as _, ConsentId, Fact, OfferAnswer, OfferId, Reason, ReferralId, RetractReason};
use brygga_wire::contract::{CommandStream as _, WriteRequest};
use brygga_wire::v1;
use bytes::Bytes;
use prost::Message;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use uuid::Uuid;

use crate::fixture::{Log, event, minute};
use crate::peer::{DOMAIN, Peer, no, one, world};
use crate::story::opening;
use crate::{Client, Deadlines, Outbox, Outcome};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_id_over_all_tries_then_the_content_and_the_pin() {
    let (request, response, log) = opening(false);
    let mut world = world(log.key().encode());
    let wait = Duration::from_millis(300);
    let peer = Peer::of(move |number, _, _| match number {
        0 => no(Code::Unavailable, "NOT_COMMITTED", None),
        1 => no(Code::ResourceExhausted, "OVER_CAPACITY", Some(wait)),
        2 => no(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", None),
        _ => one(&response),
    });
    world.serve(&peer);
    let client = world.client();
    let begun = Instant::now();
    let answer = client.open_referral(request).await.unwrap();
    assert!(begun.elapsed() >= wait);
    assert_eq!(answer.response.sections.len(), 2);
    assert_eq!(answer.proof.positions_of("SectionsReleased").len(), 1);
    let seen = peer.seen();
    assert_eq!(seen.len(), 4);
    assert!(seen.iter().all(|(_, body)| body == &seen[0].1), "every try has the same bytes");
    let sent = v1::OpenReferralRequest::decode(seen[0].1.clone()).unwrap();
    assert_eq!((sent.request_id.as_str(), sent.officer.as_str(), sent.pinned_size), (answer.request_id.as_str(), "sara", 0));
    assert_eq!(client.pin().unwrap(), log.checkpoint(log.size()));
    assert_eq!(std::fs::read(&world.config.pin).unwrap(), log.note(log.size()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_an_answer_that_does_not_verify_is_handed_on() {
    let (request, response, log) = opening(true);
    let mut world = world(log.key().encode());
    let peer = Peer::of(move |_, _, _| one(&response));
    world.serve(&peer);
    let error = world.client().open_referral(request).await.err().unwrap();
    assert_eq!((error.name(), error.exit_code(), error.safe_to_repeat()), ("CONTENT_DIFFERS", 20, false));
    assert_eq!(peer.seen().len(), 1, "a proof that fails is not asked for again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definite_no_is_told_at_once_with_all_that_it_says() {
    let (request, _, log) = opening(false);
    let mut world = world(log.key().encode());
    let mut details = ErrorDetails::with_error_info("MALFORMED_MESSAGE", DOMAIN, []);
    details.add_bad_request_violation("referral", "must be an id or a reference");
    let malformed = Status::with_error_details(Code::InvalidArgument, "the request has faults in 1 fields", details);
    let peer = Peer::of(move |number, _, _| if number == 0 { no(Code::FailedPrecondition, "CONSENT_MISSING", None) } else { vec![Err(malformed.clone())] });
    world.serve(&peer);
    let client = world.client();
    let blocked = client.open_referral(request.clone()).await.err().unwrap();
    assert_eq!((blocked.reason(), blocked.exit_code(), blocked.safe_to_repeat()), (Some(Reason::ConsentMissing), 7, false));
    assert!(!blocked.request_id().is_empty());
    let malformed = client.open_referral(request).await.err().unwrap();
    assert_eq!((malformed.violations()[0].field.as_str(), malformed.exit_code()), ("referral", 2));
    assert_eq!(peer.seen().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_without_the_right_authority_is_never_spoken_to() {
    let (request, response, log) = opening(false);
    let mut world = world(log.key().encode());
    let peer = Peer::of(move |_, _, _| one(&response));
    world.serve(&peer);
    world.config.server_name = Some(String::from("another.invalid"));
    world.config.deadlines.overall = Duration::from_millis(300);
    let error = world.client().open_referral(request).await.err().unwrap();
    assert_eq!((error.answered().unwrap().code, error.exit_code(), error.safe_to_repeat()), (Code::Unavailable, 8, true));
    assert!(peer.seen().is_empty());
}

/// A log with one offer of ours at the end of `size` entries, and the answer to it.
fn offered(log: &mut Log, number: u8) -> v1::RecordOfferResponse {
    let id = OfferId(Uuid::from_u128(u128::from(number)));
    let result = OfferResult::Offered(OfferAnswer::Yes);
    let offer = Offer { id, result, language: None, interpreter: false, relationship: None, district: None, reported_at: minute(0) };
    let position = log.push(&event("solna-soc", 1, 60 + u32::from(number), Fact::OfferRecorded(offer)));
    v1::RecordOfferResponse { receipt: Some(log.receipt(&[position], log.size())), consistency: None, offer_id: id.to_string() }
}

fn offer_request() -> v1::RecordOfferRequest {
    v1::RecordOfferRequest { offer: Some(v1::Offer::default()), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_receipt_is_linked_with_a_later_pin_and_a_rollback_is_refused() {
    let mut log = Log::of_size(7, 5);
    let old = offered(&mut log, 1);
    let new = offered(&mut log, 2);
    let mut world = world(log.key().encode());
    let proof = log.consistency(6, 7);
    let peer = Peer::of(move |number, path, _| match (number, path.rsplit('/').next().unwrap()) {
        (0, _) => one(&new),
        (_, "RecordOffer") => one(&old),
        (2, _) => one(&v1::GetConsistencyProofResponse { consistency: Some(proof.clone()), checkpoint: Bytes::new() }),
        _ => no(Code::InvalidArgument, "MALFORMED_MESSAGE", None),
    });
    world.serve(&peer);
    let client = world.client();
    client.record_offer(offer_request()).await.unwrap();
    let repeat = v1::RecordOfferRequest { request_id: Uuid::from_u128(5).to_string(), officer: String::from("sara"), ..offer_request() };
    client.record_offer(repeat.clone()).await.unwrap();
    assert_eq!(client.pin().unwrap().size, 7, "the pin does not go back");
    assert_eq!(peer.paths(), ["RecordOffer", "RecordOffer", "GetConsistencyProof"]);
    assert_eq!(peer.seen()[1].1, repeat.encode_to_vec(), "a repeat is sent as it is");
    let error = world.client().record_offer(repeat).await.err().unwrap();
    assert_eq!((error.name(), error.exit_code()), ("LOG_ROLLED_BACK", 20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_resumes_at_its_cursor_and_gives_each_entry_once() {
    let log = Log::of_size(7, 1);
    let mut world = world(log.key().encode());
    let entry = |position| {
        let entry = v1::InboxEntry { position, ..Default::default() };
        Ok(v1::WatchInboxResponse { item: Some(v1::watch_inbox_response::Item::Entry(entry)) }.encode_to_vec().into())
    };
    let peer = Peer::of(move |number, _, _| match number {
        0 => vec![entry(3), entry(8), Err(Status::unavailable("the broker stops"))],
        1 => vec![entry(8), entry(9)],
        2 => vec![entry(12)],
        _ => no(Code::NotFound, "NOT_FOUND", None),
    });
    world.serve(&peer);
    let mut watch = world.client().watch_inbox(&"solna-rvc".parse().unwrap(), 0);
    let mut given = Vec::new();
    for _ in 0..4 {
        given.push(watch.next().await.unwrap().position);
    }
    // The third stream falls silent after its entry, and the fourth is refused for good.
    let error = watch.next().await.err().unwrap();
    assert_eq!((given.as_slice(), error.reason(), watch.cursor()), ([3, 8, 9, 12].as_slice(), Some(Reason::NotFound), 12));
    let after: Vec<u64> = peer.seen().into_iter().map(|(_, body)| v1::WatchInboxRequest::decode(body).unwrap().after).collect();
    assert_eq!(after, [0, 8, 9, 12]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_outbox_keeps_what_the_broker_has_not_proved_and_sends_withdrawals_first() {
    let mut log = Log::of_size(7, 5);
    let offer = offered(&mut log, 1);
    let (referral, consent) = (ReferralId(Uuid::from_u128(1)), ConsentId(Uuid::from_u128(0xc)));
    let position = log.push(&event("solna-soc", 1, 70, Fact::ConsentWithdrawn { referral, consent }));
    let view = v1::Consent { id: consent.to_string(), referral: referral.to_string(), ..Default::default() };
    let withdrawn = v1::WithdrawConsentResponse { receipt: Some(log.receipt(&[position], log.size())), consent: Some(view), ..Default::default() };
    let mut world = world(log.key().encode());
    let link = log.consistency(6, 7);
    let outbox = Outbox::open(&world.folder.path().join("outbox")).unwrap();
    // Nobody listens yet: the listener is bound, and nothing answers on it.
    world.config.deadlines = Deadlines { overall: Duration::from_millis(200), connect: Duration::from_millis(100), ..world.config.deadlines };
    let lonely = outbox.deliver(&world.client(), offer_request()).await.err().unwrap();
    assert!(matches!(&lonely, crate::OutboxError::Client(error) if error.safe_to_repeat()), "{lonely:?}");
    let retract = v1::RetractReferralRequest { referral: referral.to_string(), reason: RetractReason::Wrong.number(), ..Default::default() };
    let withdraw = v1::WithdrawConsentRequest { referral: referral.to_string(), consent_id: consent.to_string(), ..Default::default() };
    outbox.keep(&world.client(), &mut retract.clone()).unwrap();
    outbox.keep(&world.client(), &mut withdraw.clone()).unwrap();
    let kept = outbox.waiting().unwrap();
    assert_eq!(kept.len(), 3);
    world.config.deadlines = Deadlines { overall: Duration::from_secs(20), connect: Duration::from_secs(5), ..world.config.deadlines };
    let peer = Peer::of(move |_, path, _| match path.rsplit('/').next().unwrap() {
        "RetractReferral" => no(Code::NotFound, "NOT_FOUND", None),
        "WithdrawConsent" => one(&withdrawn),
        "RecordOffer" => one(&offer),
        _ => one(&v1::GetConsistencyProofResponse { consistency: Some(link.clone()), checkpoint: Bytes::new() }),
    });
    world.serve(&peer);
    // Another process, after a crash: only the folder is left.
    let outbox = Outbox::open(&world.folder.path().join("outbox")).unwrap();
    let deliveries = outbox.deliver_all(&world.client()).await.unwrap();
    let outcomes: Vec<&str> = deliveries.iter().map(|delivery| described(&delivery.outcome)).collect();
    assert_eq!(outcomes, ["refused", "delivered", "delivered"]);
    assert_eq!(peer.paths(), ["RetractReferral", "WithdrawConsent", "RecordOffer", "GetConsistencyProof"]);
    assert!(outbox.waiting().unwrap().is_empty());
    let sent = v1::RecordOfferRequest::decode(peer.seen()[2].1.clone()).unwrap();
    assert_eq!(sent.request_id, kept[0].request_id, "the id is that of the first try");
    let refused: Vec<_> = std::fs::read_dir(outbox.refused_folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(refused.len(), 2);
    let reason = refused.iter().find(|path| path.extension().is_some_and(|suffix| suffix == "json")).unwrap();
    assert!(std::fs::read_to_string(reason).unwrap().contains("NOT_FOUND"));
}

fn described(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Delivered(_) => "delivered",
        Outcome::Refused(_) => "refused",
        Outcome::Waiting(error) => error.name(),
        Outcome::NotTried => "not tried",
        Outcome::Damaged => "damaged",
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_outbox_loses_nothing_to_damage_to_another_agency_or_to_an_unproved_answer() {
    let mut log = Log::of_size(7, 5);
    let mut forged = offered(&mut log, 1);
    forged.offer_id = OfferId(Uuid::from_u128(99)).to_string();
    let mut world = world(log.key().encode());
    let folder = world.folder.path().join("outbox");
    let outbox = Outbox::open(&folder).unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut other = world.config.clone();
    other.agency = "ekero-soc".parse().unwrap();
    outbox.keep(&Client::connect(&other).unwrap(), &mut offer_request()).unwrap();
    for _ in 0..3 {
        outbox.keep(&world.client(), &mut offer_request()).unwrap();
    }
    let mut again = v1::RecordOfferRequest { request_id: outbox.waiting().unwrap()[3].request_id.clone(), ..offer_request() };
    outbox.keep(&world.client(), &mut again).unwrap();
    let mut unnamed = v1::RecordOfferRequest { request_id: String::from("../7"), ..offer_request() };
    assert!(matches!(outbox.keep(&world.client(), &mut unnamed), Err(crate::OutboxError::RequestId)));
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    files.sort();
    let commands: Vec<_> = files.iter().filter(|path| path.extension().is_some_and(|suffix| suffix == "command")).collect();
    assert_eq!((commands.len(), mode(&folder)), (4, 0o700));
    assert!(files.iter().all(|path| mode(path) == 0o600));
    let mut damaged = std::fs::read(commands[1]).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    std::fs::write(commands[1], damaged).unwrap();
    std::fs::write(folder.join("half.new"), "half").unwrap();
    let peer = Peer::of(move |_, _, _| one(&forged));
    world.serve(&peer);
    let outbox = Outbox::open(&folder).unwrap();
    assert!(!folder.join("half.new").exists());
    let deliveries = outbox.deliver_all(&world.client()).await.unwrap();
    let outcomes: Vec<&str> = deliveries.iter().map(|delivery| described(&delivery.outcome)).collect();
    assert_eq!(outcomes, ["damaged", "damaged", "EVENT_DIFFERS", "not tried"]);
    assert_eq!(peer.seen().len(), 1, "an answer that does not verify stops the delivery");
    assert_eq!(outbox.waiting().unwrap().len(), 4);
}

#[test]
fn every_path_is_one_of_the_contract() {
    let files = prost_types::FileDescriptorSet::decode(brygga_wire::DESCRIPTORS).unwrap();
    let mut known = Vec::new();
    for service in files.file.iter().filter(|file| file.package() == "brygga.v1").flat_map(|file| &file.service) {
        known.extend(service.method.iter().map(|method| format!("/brygga.v1.{}/{}", service.name(), method.name())));
    }
    for path in crate::methods::READ_PATHS {
        assert!(known.iter().any(|known| known == path), "{path}");
    }
    assert!(known.iter().any(|known| known == v1::OpenReferralRequest::PATH));
    let streams = [brygga_wire::contract::ReferralCommands::PATH, brygga_wire::contract::InboxCommands::PATH];
    assert!(streams.iter().all(|path| known.iter().any(|known| known == path)));
    // 24 writes, 3 streams that are watched and these are the rest: a method that is added to the contract has to be added here.
    assert_eq!(known.len(), crate::methods::READ_PATHS.len() + 24 + 3 + streams.len());
}
