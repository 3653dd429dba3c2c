//! Content is on its way as long as anybody holds the piece of the answer that it lies in, and no longer.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use brygga_engine::send_window::RELEASE_SEND_MAX;
use brygga_wire::content_v1::content::Section as Arm;
use brygga_wire::content_v1::{Identity, VictimIdentity};
use brygga_wire::contract::{CommandStream as _, InboxCommands, WriteRequest as _};
use brygga_wire::envelope::Enveloped;
use brygga_wire::v1;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;
use tonic::Status;
use tonic::body::Body;
use tower::ServiceExt as _;

use super::world::*;

const DEADLINE: Duration = Duration::from_secs(20);
/// Longer than rows of what has left stay, shorter than a window.
const WHILE: Duration = Duration::from_millis(400);
const LARGE_BYTES: usize = 100 * 1024;

/// A request whose messages come over a channel, and end with it.
struct Messages(mpsc::Receiver<Bytes>);

impl HttpBody for Messages {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.0.poll_recv(context).map(|message| message.map(|bytes| Ok(Frame::data(bytes))))
    }
}

fn framed(message: &[u8]) -> Bytes {
    [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), message].concat().into()
}

/// Calls a method and gives where its messages go in and the body of its answer.
fn called(world: &World, path: &str) -> (mpsc::Sender<Bytes>, tokio::task::JoinHandle<Body>) {
    let (messages, queue) = mpsc::channel(16);
    let request = http::Request::post(path).header("content-type", "application/grpc").header("te", "trailers").body(Body::new(Messages(queue))).unwrap();
    let wire = world.wire(BOARD);
    (messages, TaskTracker::new().spawn(async move { wire.oneshot(request).await.unwrap().into_body() }))
}

/// The next piece of an answer.
async fn piece(body: &mut Body) -> Bytes {
    let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context));
    timeout(DEADLINE, frame).await.unwrap().unwrap().unwrap().into_data().unwrap()
}

fn opening(number: u8, referral: &str) -> v1::OpenReferralRequest {
    v1::OpenReferralRequest { request_id: key(number), officer: String::from("maria"), referral: referral.to_owned(), ..Default::default() }
}

/// A referral whose content is longer than the encoder gathers before it ends a piece.
async fn large(world: &World) -> String {
    let mut request = submission(1);
    let identity = Identity { given_name: "Z".repeat(LARGE_BYTES), ..Default::default() };
    request.sections[0].content = content(Arm::VictimIdentity(VictimIdentity { identity: Some(identity), ..Default::default() }));
    let mut police = v1::referral_service_client::ReferralServiceClient::new(world.wire(POLICE));
    police.submit_referral(request).await.unwrap().into_inner().referral.unwrap().id
}

fn on_their_way(world: &World) -> usize {
    world.database.tables().in_flight.len()
}

async fn until_nothing_is_on_its_way(world: &World) {
    let gone = async {
        while on_their_way(world) > 0 {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(RELEASE_SEND_MAX, gone).await.expect("what has left counts as on its way");
}

#[tokio::test]
async fn the_answer_of_a_call_is_on_its_way_as_long_as_its_one_piece_is_held() {
    let world = World::begun().await;
    let referral = large(&world).await;
    let (messages, answer) = called(&world, v1::OpenReferralRequest::PATH);
    messages.send(framed(&opening(2, &referral).encode_to_vec())).await.unwrap();
    drop(messages);
    let mut body = answer.await.unwrap();
    let held = piece(&mut body).await;
    let length = u32::from_be_bytes(held[1..5].try_into().unwrap());
    assert_eq!(held.len(), 5 + usize::try_from(length).unwrap(), "a message in several pieces");
    assert!(held.len() > LARGE_BYTES);
    drop(body);
    sleep(WHILE).await;
    assert_eq!(on_their_way(&world), 1);
    // A part of it is all of it.
    let part = held.slice(7..9);
    drop(held);
    sleep(WHILE).await;
    assert_eq!(on_their_way(&world), 1);
    drop(part);
    until_nothing_is_on_its_way(&world).await;
}

#[tokio::test]
async fn on_a_stream_it_is_the_piece_with_the_content_that_counts() {
    let world = World::begun().await;
    let referral = large(&world).await;
    let (messages, answer) = called(&world, InboxCommands::PATH);
    let send = async |enveloped: Enveloped| messages.send(framed(&enveloped.encode_to_vec())).await.unwrap();
    let unknown = v1::AcceptReferralRequest { request_id: key(3), officer: String::from("maria"), referral: key(99), ..Default::default() };
    let mut body = timeout(DEADLINE, answer).await.unwrap().unwrap();
    send(Enveloped::of::<InboxCommands, _>(&unknown)).await;
    let before = piece(&mut body).await;
    send(Enveloped::of::<InboxCommands, _>(&opening(4, &referral))).await;
    let held = piece(&mut body).await;
    assert!(held.len() > LARGE_BYTES);
    send(Enveloped::of::<InboxCommands, _>(&unknown)).await;
    let after = piece(&mut body).await;
    drop((before, after));
    sleep(WHILE).await;
    assert_eq!(on_their_way(&world), 1);
    drop(held);
    until_nothing_is_on_its_way(&world).await;
    // What nobody takes any more is on its way no more.
    send(Enveloped::of::<InboxCommands, _>(&opening(5, &referral))).await;
    let waits = Instant::now();
    while on_their_way(&world) == 0 {
        assert!(waits.elapsed() < DEADLINE);
        sleep(Duration::from_millis(1)).await;
    }
    drop(body);
    until_nothing_is_on_its_way(&world).await;
}

#[tokio::test]
async fn a_withdrawal_waits_until_the_piece_is_gone() {
    let world = World::begun().await;
    let referral = large(&world).await;
    let (messages, answer) = called(&world, v1::OpenReferralRequest::PATH);
    messages.send(framed(&opening(2, &referral).encode_to_vec())).await.unwrap();
    drop(messages);
    let mut body = answer.await.unwrap();
    let held = piece(&mut body).await;
    let mut police = v1::consent_service_client::ConsentServiceClient::new(world.wire(POLICE));
    let listed = police.list_consents(v1::ListConsentsRequest { referral: referral.clone(), ..Default::default() }).await.unwrap().into_inner();
    let withdrawal = v1::WithdrawConsentRequest {
        request_id: key(6),
        officer: String::from("klara"),
        referral,
        consent_id: listed.consents[0].id.clone(),
        ..Default::default()
    };
    let withdrawing = TaskTracker::new().spawn(async move { police.withdraw_consent(withdrawal).await });
    sleep(WHILE).await;
    assert!(!withdrawing.is_finished());
    drop((body, held));
    timeout(RELEASE_SEND_MAX / 2, withdrawing).await.expect("it waits for what is gone").unwrap().unwrap();
}
