//! Streams of commands: what a unary call does, over a stream.

use std::time::Duration;

use brygga_domain::{Code as _, InboxKind, Reason};
use brygga_merkle::{Checkpoint, ConsistencyProof, Hash};
use brygga_wire::contract::{CommandStream, InboxCommands, ReferralCommands, StreamedOn, WATCH_NUMBER, WriteResponse};
use brygga_wire::envelope::Enveloped;
use brygga_wire::v1::inbox_service_client::InboxServiceClient;
use brygga_wire::v1::referral_service_client::ReferralServiceClient;
use brygga_wire::v1::stream_service_client::StreamServiceClient;
use brygga_wire::v1::{self, stream_inbox_response, stream_referrals_response};
use bytes::Bytes;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;

use super::world::*;
use crate::grpc::stream::commands::STREAM_COMMANDS_MAX;

const WAIT_MAX: Duration = Duration::from_mins(1);

/// An open stream from a client's side.
struct Open<S: CommandStream> {
    commands: mpsc::Sender<Enveloped>,
    answers: Streaming<S::Response>,
}

impl<S: CommandStream> Open<S> {
    async fn send(&self, request: &impl StreamedOn<S>) {
        self.raw(Enveloped::of(request)).await;
    }

    async fn raw(&self, enveloped: Enveloped) {
        self.commands.send(enveloped).await.unwrap();
    }

    async fn next(&mut self) -> Result<Option<S::Response>, Status> {
        tokio::time::timeout(WAIT_MAX, self.answers.message()).await.unwrap()
    }

    async fn answer(&mut self) -> (String, Result<S::Answer, v1::CommandError>) {
        S::read(self.next().await.unwrap().unwrap()).unwrap()
    }
}

async fn referrals(world: &World, agency: &str) -> Open<ReferralCommands> {
    let (commands, queue) = mpsc::channel(1024);
    let answers = StreamServiceClient::new(world.wire(agency)).stream_referrals(ReceiverStream::new(queue)).await.unwrap().into_inner();
    Open { commands, answers }
}

async fn inbox(world: &World, agency: &str) -> Open<InboxCommands> {
    let (commands, queue) = mpsc::channel(1024);
    let answers = StreamServiceClient::new(world.wire(agency)).stream_inbox(ReceiverStream::new(queue)).await.unwrap().into_inner();
    Open { commands, answers }
}

fn open_request(number: u8, referral: &str) -> v1::OpenReferralRequest {
    v1::OpenReferralRequest { request_id: key(number), officer: String::from("maria"), referral: referral.to_owned(), ..Default::default() }
}

fn head(world: &World, receipt: Option<&v1::Receipt>) -> Checkpoint {
    brygga_merkle::open(&receipt.unwrap().checkpoint, world.broker.key()).unwrap()
}

/// Follows the heads of a stream as a client does that asks for no proof of its own.
fn follow(world: &World, known: &mut Vec<Checkpoint>, answer: &impl WriteResponse) {
    let new = head(world, answer.receipt());
    let proof = answer.consistency().unwrap();
    if let Some(last) = known.iter().max_by_key(|head| head.size) {
        if known.contains(&new) {
            return;
        }
        let (older, newer) = if new.size < last.size { (&new, last) } else { (last, &new) };
        assert_eq!((proof.from_size, proof.to_size), (older.size, newer.size));
        let hashes = proof.hashes.iter().map(|hash| Hash::from_slice(hash).unwrap()).collect();
        newer.verify_consistency(&ConsistencyProof { old: older.size, new: newer.size, hashes }, older).unwrap();
    }
    known.push(new);
}

#[tokio::test]
async fn commands_are_answered_by_their_keys_and_a_refusal_does_not_end_the_stream() {
    let world = World::begun().await;
    let mut stream = referrals(&world, POLICE).await;
    for number in 1..=40 {
        stream.send(&submission(number)).await;
        let retract = v1::RetractReferralRequest { request_id: key(number + 100), officer: String::from("klara"), referral: key(number), ..Default::default() };
        stream.send(&v1::RetractReferralRequest { reason: 1, ..retract }).await;
    }
    stream.send(&v1::SubmitReferralRequest { recipient: String::new(), ..submission(90) }).await;
    let (mut known, mut submitted, mut missing, mut malformed) = (Vec::new(), Vec::new(), 0, 0);
    for _ in 0..81 {
        match stream.answer().await {
            (id, Ok(stream_referrals_response::Answer::Submit(answer))) => {
                follow(&world, &mut known, &answer);
                submitted.push((id, answer));
            }
            (_, Err(error)) if error.code == i32::from(Code::NotFound) => missing += 1,
            (id, Err(error)) => {
                let status = Status::with_details(Code::from_i32(error.code), error.message, error.details);
                assert_eq!((id, status.code()), (key(90), Code::InvalidArgument));
                assert_eq!(status.get_details_error_info().unwrap().reason, Reason::MalformedMessage.code());
                malformed += 1;
            }
            (id, Ok(_)) => panic!("another answer for {id}"),
        }
    }
    assert_eq!((submitted.len(), missing, malformed), (40, 40, 1));

    // The same key with the same bytes over the unary method, and over another stream.
    let (id, answer) = submitted.swap_remove(7);
    let number = (1..=40).find(|number| key(*number) == id).unwrap();
    let again = ReferralServiceClient::new(world.wire(POLICE)).submit_referral(submission(number)).await.unwrap().into_inner();
    assert_eq!((&again.receipt, &again.referral), (&answer.receipt, &answer.referral));
    let mut other = referrals(&world, POLICE).await;
    other.send(&submission(number)).await;
    let (_, Ok(stream_referrals_response::Answer::Submit(third))) = other.answer().await else { panic!("no answer") };
    assert_eq!(third.receipt, answer.receipt);
    // Another body under the same key is refused, with what was unary as with what was not.
    other.send(&v1::SubmitReferralRequest { sender_reference: String::from("other"), ..submission(number) }).await;
    assert_eq!(other.answer().await.1.unwrap_err().code, i32::from(Code::AlreadyExists));

    drop(stream.commands);
    assert!(tokio::time::timeout(WAIT_MAX, stream.answers.message()).await.unwrap().unwrap().is_none(), "the stream ends well");
}

#[tokio::test]
async fn what_is_not_yours_is_not_found_byte_for_byte() {
    let world = World::begun().await;
    let submitted = world.submitted().await.referral.unwrap();
    let mut stream = inbox(&world, OTHER_BOARD).await;
    let nobodys = uuid::Uuid::from_bytes([0x4f; 16]).to_string();
    let mut errors = Vec::new();
    for (number, referral) in [(1, submitted.id.as_str()), (2, submitted.reference.as_str()), (3, nobodys.as_str())] {
        stream.send(&open_request(number, referral)).await;
        errors.push(stream.answer().await.1.unwrap_err());
    }
    let status = InboxServiceClient::new(world.wire(OTHER_BOARD)).open_referral(open_request(9, &submitted.id)).await.unwrap_err();
    let unary = v1::CommandError { code: status.code().into(), message: status.message().to_owned(), details: Bytes::copy_from_slice(status.details()) };
    assert_eq!(unary.code, i32::from(Code::NotFound));
    assert!(errors.iter().all(|error| error.encode_to_vec() == unary.encode_to_vec()), "{errors:?}");
}

#[tokio::test]
async fn what_is_no_command_ends_the_stream_after_what_was_taken_is_answered() {
    let world = World::begun().await;
    let cases = [
        ("no command", Enveloped::default()),
        ("an unknown command", Enveloped::raw(99, Bytes::new())),
        ("bytes that are no request", Enveloped::raw(1, Bytes::from_static(&[0xff, 0xff]))),
        ("another stream's", Enveloped::raw(WATCH_NUMBER, Bytes::new())),
    ];
    for (number, (what, enveloped)) in (10..).zip(cases) {
        let mut stream = referrals(&world, POLICE).await;
        stream.send(&submission(number)).await;
        stream.raw(enveloped).await;
        let (id, answer) = stream.answer().await;
        assert!(answer.is_ok(), "{what}");
        assert_eq!(id, key(number), "{what}");
        let status = stream.next().await.unwrap_err();
        assert_eq!(
            (status.code(), status.get_details_error_info().unwrap().reason.as_str()),
            (Code::InvalidArgument, Reason::MalformedMessage.code()),
            "{what}"
        );
    }
}

#[tokio::test]
async fn an_inbox_is_watched_beside_its_commands_and_both_end_when_the_broker_stops() {
    let world = World::begun().await;
    let mut stream = inbox(&world, BOARD).await;
    let watch = v1::WatchInboxRequest { function: RVC.to_owned(), after: 0 };
    stream.raw(Enveloped::raw(WATCH_NUMBER, watch.encode_to_vec().into())).await;
    let referral = world.submitted().await.referral.unwrap();
    let (mut entries, mut opened) = (Vec::new(), None);
    while entries.is_empty() || opened.is_none() {
        let response = stream.next().await.unwrap().unwrap();
        let answer = response.answer.unwrap();
        if let stream_inbox_response::Answer::Watched(watched) = answer {
            let Some(v1::watch_inbox_response::Item::Entry(entry)) = watched.item else { continue };
            assert_eq!((entry.kind, &entry.referral), (InboxKind::Offered.number(), &referral.id));
            stream.send(&open_request(3, &entry.referral)).await;
            entries.push(entry);
        } else if let stream_inbox_response::Answer::Open(answer) = answer {
            opened = Some(answer);
        } else {
            panic!("{answer:?}");
        }
    }
    let opened = opened.unwrap();
    assert_eq!((entries.len(), opened.sections[0].content.clone()), (1, identity()));
    let unary = InboxServiceClient::new(world.wire(BOARD)).open_referral(open_request(3, &referral.id)).await.unwrap().into_inner();
    assert_eq!((unary.receipt, unary.sections), (opened.receipt, opened.sections));
    world.stop.cancel();
    let status = loop {
        match stream.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a farewell says why"),
            Err(status) => break status,
        }
    };
    assert_eq!((status.code(), status.get_details_error_info().unwrap().reason.as_str()), (Code::Unavailable, Reason::Stopping.code()));
}

#[tokio::test]
async fn an_inbox_of_another_agency_is_not_watched() {
    let world = World::begun().await;
    let mut stream = inbox(&world, OTHER_BOARD).await;
    let watch = v1::WatchInboxRequest { function: RVC.to_owned(), after: 0 };
    stream.raw(Enveloped::raw(WATCH_NUMBER, watch.encode_to_vec().into())).await;
    assert_eq!(stream.next().await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_not_read_and_stalls_nobody_else() {
    let world = World::begun().await;
    let silent = referrals(&world, POLICE).await;
    let offer = |number: u16| {
        let answer = v1::offer::Result::Answer(1);
        let offer = v1::Offer { result: Some(answer), reported_at: Some(brygga_wire::view::timestamp(world.broker.now())), ..Default::default() };
        let request_id = uuid::Uuid::from_u128(0x4000_8000_0000_0000_0000 + u128::from(number)).to_string();
        v1::RecordOfferRequest { request_id, officer: String::from("klara"), offer: Some(offer), ..Default::default() }
    };
    let mut taken = 0_u16;
    // So many fit: those under way, those in the queue of answers, and what the ways between hold.
    while let Ok(sent) = tokio::time::timeout(Duration::from_millis(500), silent.commands.send(Enveloped::of::<ReferralCommands, _>(&offer(taken)))).await {
        sent.unwrap();
        taken += 1;
        assert!(usize::from(taken) < 8 * STREAM_COMMANDS_MAX, "a stream whose answers nobody reads is read on and on");
    }
    let mut other = referrals(&world, POLICE).await;
    other.send(&submission(1)).await;
    assert!(other.answer().await.1.is_ok());
    // What was taken is carried out though the stream is dropped.
    let before = world.database.tables().head.size;
    drop(silent);
    let again = ReferralServiceClient::new(world.wire(POLICE)).record_offer(offer(0)).await.unwrap().into_inner();
    assert!(again.receipt.unwrap().leaves[0].position < u64::try_from(before).unwrap());
}
