//! A recipient that reads when it is told to: by calls of their own or over a stream, on a connection of its own over a line.

use std::time::Duration;

use brygga_client::{Client, ClientConfig, v1};
use brygga_domain::{Event, Fact};
use brygga_tests::harness::Broker;
use brygga_tests::line::{Counter, Line, ROOM_BYTES};
use brygga_tests::load::Random;
use brygga_tests::requests::{BOARD, long_contents, submission};
use brygga_tests::wire::{begun, channel_over, frame, rest, within};
use brygga_wire::contract::{InboxCommands, WriteRequest as _};
use brygga_wire::envelope::Enveloped;
use brygga_wire::v1::stream_inbox_response::Answer;
use brygga_wire::v1::stream_service_client::StreamServiceClient;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

/// What a client lets come before it reads: a release is longer.
pub const WINDOW_BYTES: u32 = 16 * 1024;
/// More than a handshake or a refusal, and less than what comes of an answer that nobody reads: the content has begun to come.
pub const BEGUN_BYTES: u64 = 6 * 1024;
/// Content of each section of a referral that takes several windows.
pub const SECTION_BYTES: usize = 24 * 1024;

/// What became of an opening.
#[derive(Debug)]
pub enum Opened {
    /// The content came, whole.
    Released,
    /// The broker said no, for that reason.
    Refused(String),
    /// The connection ended first.
    Broken,
}

/// Waits until the content of a release has begun to come over a line.
pub async fn begun_to_come(line: &Counter, before: u64) {
    let coming = async {
        while line.written() < before + BEGUN_BYTES {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    within("the first of the content", coming).await;
}

/// A recipient.
pub struct Opener {
    /// Its line.
    pub line: Line,
    channel: Channel,
    streamed: bool,
    stream: Option<Stream>,
}

impl Opener {
    /// A recipient by calls of their own, or over a stream.
    pub async fn new(broker: &Broker, streamed: bool) -> Self {
        Self::with(broker, streamed, (ROOM_BYTES, WINDOW_BYTES)).await
    }

    /// One with another room in the system and another window.
    pub async fn with(broker: &Broker, streamed: bool, (room, window): (u32, u32)) -> Self {
        let line = Line::to(broker.ready()["grpc"].as_str().unwrap(), room).await;
        let config: ClientConfig = broker.config(BOARD);
        let channel = channel_over(&config, &line, window);
        Self { line, channel, streamed, stream: None }
    }

    /// Opens a referral, and reads the answer only when `held` is over.
    pub async fn open(&mut self, request: &v1::OpenReferralRequest, held: impl Future<Output = ()>) -> Opened {
        if !self.streamed {
            return called(&self.channel, request, held).await.unwrap_or_else(|status| refused(&status));
        }
        streamed(&self.channel, &mut self.stream, request, held).await.unwrap_or_else(|status| {
            // The next one goes over a new one.
            self.stream = None;
            refused(&status)
        })
    }

    /// Opens a referral by a call of its own, beside others, and reads at once.
    pub fn call(&self, request: v1::OpenReferralRequest) -> impl Future<Output = Opened> + use<> {
        let channel = self.channel.clone();
        async move { called(&channel, &request, async {}).await.unwrap_or_else(|status| refused(&status)) }
    }

    /// Opens a referral and reads at once.
    pub async fn open_now(&mut self, request: &v1::OpenReferralRequest) -> Opened {
        self.open(request, async {}).await
    }
}

async fn called(channel: &Channel, request: &v1::OpenReferralRequest, held: impl Future<Output = ()>) -> Result<Opened, Status> {
    let answer = begun(channel, v1::OpenReferralRequest::PATH, frame(&request.encode_to_vec())).await?;
    held.await;
    Ok(released(&v1::OpenReferralResponse::decode(rest(answer).await?).unwrap()))
}

type Stream = (mpsc::Sender<Enveloped>, Streaming<v1::StreamInboxResponse>);

async fn streamed(channel: &Channel, open: &mut Option<Stream>, request: &v1::OpenReferralRequest, held: impl Future<Output = ()>) -> Result<Opened, Status> {
    if open.is_none() {
        let (commands, queue) = mpsc::channel(16);
        let mut client = StreamServiceClient::new(channel.clone()).max_decoding_message_size(16 * 1024 * 1024);
        *open = Some((commands, client.stream_inbox(ReceiverStream::new(queue)).await?.into_inner()));
    }
    let (commands, answers) = open.as_mut().unwrap();
    commands.send(Enveloped::of::<InboxCommands, _>(request)).await.map_err(|_| Status::unavailable("the stream has ended"))?;
    held.await;
    let answer = within("an answer on the stream", answers.message()).await?.ok_or_else(|| Status::unavailable("the stream has ended"))?;
    assert_eq!(answer.request_id, request.request_id);
    match answer.answer {
        Some(Answer::Open(opened)) => Ok(released(&opened)),
        Some(Answer::Error(error)) => Ok(refused(&Status::with_details(Code::from(error.code), error.message, error.details))),
        other => panic!("another answer: {other:?}"),
    }
}

fn released(answer: &v1::OpenReferralResponse) -> Opened {
    assert_eq!(answer.sections.len(), 3);
    Opened::Released
}

/// The reason out of the broker's own status; without one it is the connection that has ended.
fn refused(status: &Status) -> Opened {
    status.get_details_error_info().map_or(Opened::Broken, |info| Opened::Refused(info.reason))
}

/// A referral that can be opened and withdrawn: its id, and the consent that it rests on.
pub struct Ready {
    /// The referral's id.
    pub referral: String,
    /// The consent's id.
    pub consent: String,
}

/// Submits a referral whose sections hold so many bytes each.
pub async fn ready(police: &Client, random: &mut Random, section_bytes: usize) -> Ready {
    let mut request = v1::SubmitReferralRequest { request_id: random.id(), ..submission() };
    request.sections.iter_mut().zip(long_contents(section_bytes)).for_each(|(section, content)| section.content = content);
    let answer = police.submit_referral(request).await.unwrap();
    let consent = answer.proof.events().values().find_map(consent_of).unwrap();
    Ready { referral: answer.response.referral.unwrap().id, consent }
}

fn consent_of(event: &Event) -> Option<String> {
    if let Fact::ConsentRecorded(given) = &event.fact { Some(given.consent.to_string()) } else { None }
}

impl Ready {
    /// Asks to open it.
    pub fn opening(&self, random: &mut Random) -> v1::OpenReferralRequest {
        v1::OpenReferralRequest { request_id: random.id(), officer: String::from("sara"), referral: self.referral.clone(), ..Default::default() }
    }

    /// Asks to withdraw the consent.
    pub fn withdrawal(&self, random: &mut Random) -> v1::WithdrawConsentRequest {
        v1::WithdrawConsentRequest { request_id: random.id(), referral: self.referral.clone(), consent_id: self.consent.clone(), ..Default::default() }
    }
}
