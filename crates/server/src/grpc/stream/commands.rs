//! Streams of commands: each is what its unary method does, bound to the same key, and answered by itself.
//!
//! A stream takes so many commands at a time and reads no more until one of them is answered and the answer is on its way, so a
//! client that does not read stops itself and nobody else. What was taken is carried out whatever becomes of the stream. Answers leave
//! in the order of their tree size, as far as they are ready, and each goes on from the sizes that were sent before it. A refusal is an
//! answer; bytes that are no command end the stream. Before it: `proto/brygga/v1/stream.proto`; after it: `grpc::command`.

use std::collections::{BTreeSet, HashMap};
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use brygga_domain::{AgencyId, Digest, Reason, Time};
use brygga_engine::lanes::QUEUE_COMMANDS_MAX;
use brygga_engine::store::Reader;
use brygga_wire::codec::decode;
use brygga_wire::contract::{CommandStream, InboxCommands, ReferralCommands, StreamedOn, WATCH_NUMBER, WriteResponse};
use brygga_wire::envelope::Enveloped;
use brygga_wire::v1::stream_service_server::StreamService;
use brygga_wire::v1::{self, stream_inbox_response};
use brygga_wire::{convert, view};
use bytes::Bytes;
use http::Extensions;
use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tonic::{Code, Request, Response, Status, Streaming};

use super::inbox::Inbox;
use super::{Ended, FAREWELL_MAX, Found, Leaving, Outgoing, Running, Source};
use crate::grpc::command::{Came, Received, Served, asked, departures};
use crate::grpc::status::Failed;
use crate::grpc::{Rpc, caller};
use crate::layers::limits::AGENCY_SHARE;
use crate::tls::Carried;

/// Commands of one stream that are under way: taken, and their answers not yet on their way.
pub const STREAM_COMMANDS_MAX: usize = 512;
/// Commands that all streams of one agency have with the committer: its share of the lane, so that others find room there.
pub const STREAMED_BY_AGENCY_MAX: usize = QUEUE_COMMANDS_MAX / AGENCY_SHARE;
/// Sizes of the log that a stream remembers to have sent.
pub const SENT_SIZES_MAX: usize = 256;
/// How long a stream that ends waits for the answers that are under way.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// A command that was taken, to be carried out.
type Carrying<S> = Pin<Box<dyn Future<Output = Outcome<S>> + Send>>;
/// How a command is taken: decoded at once, carried out later.
type Take<R, S> = fn(&Rpc<R>, &Arc<Extensions>, Bytes) -> Result<Carrying<S>, Failed>;
/// An inbox that is followed beside the commands.
type Watching = Pin<Box<dyn Future<Output = Ended> + Send>>;
/// What leaves.
type Out<S> = mpsc::Sender<Leaving<<S as CommandStream>::Response>>;

/// What became of a command.
pub(in crate::grpc) enum Outcome<S: CommandStream> {
    /// It is committed; the answer lacks the way from the sizes that were sent before.
    Done { size: u64, pinned_size: u64, request_id: String, answer: Box<dyn FnOnce(v1::ConsistencyProof) -> S::Answer + Send>, carried: Option<Carried> },
    /// It is not, or its receipt could not be built.
    Failed { request_id: String, error: v1::CommandError },
}

impl<S: CommandStream> Outcome<S> {
    /// What the answers are ordered by.
    fn size(&self) -> u64 {
        match self {
            Self::Done { size, .. } => *size,
            Self::Failed { .. } => 0,
        }
    }
}

/// A stream of commands as it is served.
pub(in crate::grpc) trait Commands: CommandStream + Sized {
    /// How the command of this number is taken.
    fn command<R: Reader>(number: u32) -> Option<Take<R, Self>>;

    /// What the stream carries beside answers, once it is asked for it; `None`: that is not asked here.
    fn beside<R: Reader>(_rpc: &Rpc<R>, _from: &Extensions, _asked: (u32, &Bytes), _out: &Out<Self>) -> Option<Result<Watching, Failed>> {
        None
    }
}

macro_rules! commands {
    ($stream:ty: $($request:ident)*) => {
        fn command<R: Reader>(number: u32) -> Option<Take<R, Self>> {
            match number {
                $(<v1::$request as StreamedOn<$stream>>::NUMBER => Some(take::<R, $stream, v1::$request>),)*
                _ => None,
            }
        }
    };
}

impl Commands for ReferralCommands {
    commands! { ReferralCommands:
        SubmitReferralRequest AmendReferralRequest RetractReferralRequest RecordOfferRequest RecordConsentRequest WithdrawConsentRequest
        DecideClearanceRequest ConfirmClearanceRequest RevokeClearanceRequest DeclareEmergencyRequest ReviewEmergencyRequest
    }
}

impl Commands for InboxCommands {
    commands! { InboxCommands:
        ClaimReferralRequest OpenReferralRequest AcknowledgeDeliveryRequest AcceptReferralRequest DeclineReferralRequest
        ReturnReferralRequest RecordContactRequest CloseReferralRequest AcknowledgeStopUseRequest AcknowledgeRecallRequest
        ConfirmImportRequest
    }

    fn beside<R: Reader>(rpc: &Rpc<R>, from: &Extensions, (number, raw): (u32, &Bytes), out: &Out<Self>) -> Option<Result<Watching, Failed>> {
        if number != WATCH_NUMBER {
            return None;
        }
        let Ok(wanted) = decode::<v1::WatchInboxRequest>(raw.clone()) else { return Some(Err(Reason::MalformedMessage.into())) };
        let function = rpc.own_function(from, || convert::read::function_name(&wanted.function));
        let peer = caller::peer(from);
        Some(function.and_then(|function| {
            let mut running = Running { rpc: rpc.clone(), peer: peer?, source: OnStream(Inbox::new(function, wanted.after)), out: out.clone() };
            let followed: Watching = Box::pin(async move { running.follow().await });
            Ok(followed)
        }))
    }
}

/// An inbox on a stream of commands.
struct OnStream(Inbox);

fn watched(item: v1::WatchInboxResponse) -> v1::StreamInboxResponse {
    InboxCommands::answered(String::new(), stream_inbox_response::Answer::Watched(item))
}

impl<R: Reader> Source<R> for OnStream {
    type Item = v1::StreamInboxResponse;

    fn may_follow(&self, rpc: &Rpc<R>, agency: &AgencyId) -> Result<(), Failed> {
        self.0.may_follow(rpc, agency)
    }

    async fn more(&mut self, rpc: &Rpc<R>, head: u64) -> Result<Found<v1::StreamInboxResponse>, Failed> {
        let found = self.0.more(rpc, head).await?;
        Ok(Found { items: found.items.into_iter().map(watched).collect(), all: found.all })
    }

    fn bell(&self, rpc: &Rpc<R>) -> watch::Receiver<u64> {
        Source::<R>::bell(&self.0, rpc)
    }

    fn heartbeat(&self, now: Time) -> v1::StreamInboxResponse {
        watched(Source::<R>::heartbeat(&self.0, now))
    }
}

#[tonic::async_trait]
impl<R: Reader> StreamService for Rpc<R> {
    type StreamReferralsStream = Outgoing<v1::StreamReferralsResponse>;

    async fn stream_referrals(&self, request: Request<Streaming<Enveloped>>) -> Result<Response<Self::StreamReferralsStream>, Status> {
        self.answered(self.commands::<ReferralCommands>(request))
    }

    type StreamInboxStream = Outgoing<v1::StreamInboxResponse>;

    async fn stream_inbox(&self, request: Request<Streaming<Enveloped>>) -> Result<Response<Self::StreamInboxStream>, Status> {
        let outgoing = self.commands::<InboxCommands>(request);
        let departing = outgoing.as_ref().map(|outgoing| outgoing.departing.clone()).unwrap_or_default();
        let mut response = self.answered(outgoing)?;
        response.extensions_mut().insert(departing);
        Ok(response)
    }
}

/// Takes a command of a known kind.
fn take<R, S, Q>(rpc: &Rpc<R>, from: &Arc<Extensions>, raw: Bytes) -> Result<Carrying<S>, Failed>
where
    R: Reader,
    S: CommandStream,
    Q: Served + StreamedOn<S>,
{
    let digest = Digest(Sha256::digest(&raw).into());
    let message: Q = decode(raw).map_err(|_| Failed::from(Reason::MalformedMessage))?;
    let (rpc, from) = (rpc.clone(), Arc::clone(from));
    Ok(Box::pin(async move {
        let request_id = message.request_id().to_owned();
        let carried = async {
            // Who calls is asked each time: what the directory says may change while a stream is open.
            let agency = rpc.caller(&from)?;
            let (mut done, ()) = rpc.carry_out(Received { agency, raw: digest, message, came: Came::OnStream, departures: departures(&from) }, asked).await?;
            let response = Q::show(&rpc, &mut done).await?;
            Ok((response, done.receipt(), (done.committed.size, done.pinned_size), done.depart()?))
        };
        match carried.await {
            Ok((mut response, receipt, (size, pinned_size), carried)) => {
                let answer = Box::new(move |consistency| {
                    response.prove(receipt, consistency);
                    Q::to_answer(response)
                });
                Outcome::Done { size, pinned_size, request_id, answer, carried }
            }
            Err(failed) => Outcome::Failed { request_id, error: error(&rpc.status(&failed)) },
        }
    }))
}

/// A status as a stream carries it.
fn error(status: &Status) -> v1::CommandError {
    v1::CommandError { code: status.code().into(), message: status.message().to_owned(), details: Bytes::copy_from_slice(status.details()) }
}

impl<R: Reader> Rpc<R> {
    /// Opens a stream of commands.
    pub(in crate::grpc) fn commands<S: Commands>(&self, request: Request<Streaming<Enveloped>>) -> Result<Outgoing<S::Response>, Failed> {
        let (_, extensions, received) = request.into_parts();
        let share = self.shares.of(&self.caller(&extensions)?);
        let (out, outgoing) = Outgoing::new();
        let places = Arc::new(Semaphore::new(STREAM_COMMANDS_MAX));
        let taking = Taking::<R, S> { rpc: self.clone(), from: Arc::new(extensions), received, out, places, share, watching: None };
        self.tasks.spawn(taking.run());
        Ok(outgoing)
    }
}

/// An answer, and the place that its command holds until it is on its way.
type Ready<S> = (Outcome<S>, OwnedSemaphorePermit);

/// The end of a stream that takes commands.
struct Taking<R: Reader, S: Commands> {
    rpc: Rpc<R>,
    from: Arc<Extensions>,
    received: Streaming<Enveloped>,
    out: Out<S>,
    places: Arc<Semaphore>,
    share: Arc<Semaphore>,
    watching: Option<Watching>,
}

/// The share of each agency that has streams open.
#[derive(Default)]
pub(in crate::grpc) struct Shares(Mutex<HashMap<AgencyId, Weak<Semaphore>>>);

impl Shares {
    fn of(&self, agency: &AgencyId) -> Arc<Semaphore> {
        let mut shares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(agency).and_then(Weak::upgrade) {
            return share;
        }
        shares.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(STREAMED_BY_AGENCY_MAX));
        shares.insert(agency.clone(), Arc::downgrade(&share));
        share
    }
}

/// What a command holds: a place of its stream until its answer is on its way, one of its agency's share until it is carried out.
struct Place {
    of_stream: OwnedSemaphorePermit,
    of_agency: OwnedSemaphorePermit,
}

/// The next command, once there is a place for it; `None` after the last one.
///
/// A place on the stream first, the agency's share last: a stream whose answers are not read, or that sends nothing, holds none of it.
async fn next_command((places, share): (Arc<Semaphore>, Arc<Semaphore>), received: &mut Streaming<Enveloped>) -> Result<Option<(Enveloped, Place)>, Failed> {
    let closed = |_| Failed::Bug("the places of a stream were closed");
    let of_stream = places.acquire_owned().await.map_err(closed)?;
    let Some(enveloped) = received.message().await.map_err(|status| unreadable(&status))? else { return Ok(None) };
    let of_agency = share.acquire_owned().await.map_err(closed)?;
    Ok(Some((enveloped, Place { of_stream, of_agency })))
}

/// Why no more commands are taken.
enum Over {
    /// The client has sent all of them.
    Finished,
    /// The client has gone.
    ClientGone,
    /// The broker is stopping, reading failed, or the client sent what is no command.
    Failed(Failed),
}

impl<R: Reader, S: Commands> Taking<R, S> {
    async fn run(mut self) {
        let (done, ready) = mpsc::channel(STREAM_COMMANDS_MAX);
        let answering = self.rpc.tasks.spawn(Answering::<R, S>::new(self.rpc.clone(), self.out.clone()).run(ready));
        match self.take_all(done).await {
            Over::Finished | Over::ClientGone => {}
            Over::Failed(failed) => {
                let abort = answering.abort_handle();
                if tokio::time::timeout(DRAIN_MAX, answering).await.is_err() {
                    abort.abort();
                }
                let farewell = self.out.send(Err(self.rpc.status(&failed)).into());
                drop(tokio::time::timeout(FAREWELL_MAX, farewell).await);
            }
        }
    }

    /// Takes commands until there are no more. `done` is dropped then, so that the answers end after the last of them.
    async fn take_all(&mut self, done: mpsc::Sender<Ready<S>>) -> Over {
        let (stop, client) = (self.rpc.stop.clone(), self.out.clone());
        let mut receiving = true;
        while receiving || self.watching.is_some() {
            let (room, watching) = ((Arc::clone(&self.places), Arc::clone(&self.share)), &mut self.watching);
            // Every other branch ends the stream, so a wait that is dropped loses no command of one that goes on.
            let next = next_command(room, &mut self.received);
            tokio::select! {
                biased;
                () = stop.cancelled() => return Over::Failed(Failed::Stopping),
                () = client.closed() => return Over::ClientGone,
                ended = followed(watching) => return match ended {
                    Ended::ClientGone => Over::ClientGone,
                    Ended::Failed(failed) => Over::Failed(failed),
                },
                next = next, if receiving => {
                    let taken = match next {
                        Ok(Some((enveloped, place))) => self.take(enveloped, place, &done),
                        Ok(None) => {
                            receiving = false;
                            Ok(())
                        }
                        Err(failed) => Err(failed),
                    };
                    if let Err(failed) = taken {
                        return Over::Failed(failed);
                    }
                }
            }
        }
        Over::Finished
    }

    fn take(&mut self, enveloped: Enveloped, place: Place, done: &mpsc::Sender<Ready<S>>) -> Result<(), Failed> {
        let (number, raw) = enveloped.open().ok_or(Failed::from(Reason::MalformedMessage))?;
        if let Some(command) = S::command::<R>(number) {
            let carried = command(&self.rpc, &self.from, raw)?;
            let done = done.clone();
            self.rpc.tasks.spawn(async move {
                let outcome = carried.await;
                drop(place.of_agency);
                // Nobody may be there to be answered; the command is carried out all the same.
                drop(done.send((outcome, place.of_stream)).await);
            });
            return Ok(());
        }
        match S::beside(&self.rpc, &self.from, (number, &raw), &self.out) {
            Some(watching) if self.watching.is_none() => self.watching = Some(watching?),
            Some(_) | None => return Err(Reason::MalformedMessage.into()),
        }
        Ok(())
    }
}

async fn followed(watching: &mut Option<Watching>) -> Ended {
    match watching {
        Some(watching) => watching.await,
        None => pending().await,
    }
}

/// What the gRPC library could not read. Its own text is dropped: it may tell what was found.
fn unreadable(status: &Status) -> Failed {
    if status.code() == Code::OutOfRange { Reason::MessageTooLarge.into() } else { Reason::MalformedMessage.into() }
}

/// The end of a stream that answers.
struct Answering<R: Reader, S: CommandStream> {
    rpc: Rpc<R>,
    out: Out<S>,
    sent: BTreeSet<u64>,
}

impl<R: Reader, S: CommandStream> Answering<R, S> {
    fn new(rpc: Rpc<R>, out: Out<S>) -> Self {
        Self { rpc, out, sent: BTreeSet::new() }
    }

    async fn run(mut self, mut ready: mpsc::Receiver<Ready<S>>) {
        while let Some(first) = ready.recv().await {
            let mut all = vec![first];
            while let Ok(next) = ready.try_recv() {
                all.push(next);
            }
            all.sort_by_key(|(outcome, _)| outcome.size());
            for (outcome, place) in all {
                let leaving = self.leaving(outcome).await;
                if self.out.send(leaving).await.is_err() {
                    return;
                }
                drop(place);
            }
        }
    }

    async fn leaving(&mut self, outcome: Outcome<S>) -> Leaving<S::Response> {
        match outcome {
            Outcome::Failed { request_id, error } => Ok(S::failed(request_id, error)).into(),
            Outcome::Done { size, pinned_size, request_id, answer, carried } => match self.way_to(size, pinned_size).await {
                Ok(consistency) => Leaving { item: Ok(S::answered(request_id, answer(consistency))), carried },
                Err(failed) => Ok(S::failed(request_id, error(&self.rpc.status(&failed)))).into(),
            },
        }
    }

    /// The proof that links a size with those that were sent. A smaller size, that of a repeated command, is linked with the largest.
    async fn way_to(&mut self, size: u64, pinned_size: u64) -> Result<v1::ConsistencyProof, Failed> {
        let none = |from_size, to_size| v1::ConsistencyProof { from_size, to_size, hashes: Vec::new() };
        if self.sent.contains(&size) {
            return Ok(none(size, size));
        }
        let (from, to) = match self.sent.last() {
            Some(last) => (size.min(*last), size.max(*last)),
            None => (pinned_size, size),
        };
        // A pin is the client's word: one that is ahead of the answer gets no proof from here, and the client asks for it.
        let proof = if from == 0 || from > to { None } else { self.rpc.broker.consistency(from, to).await.map_err(Failed::Delivery)? };
        self.sent.insert(size);
        if self.sent.len() > SENT_SIZES_MAX {
            self.sent.pop_first();
        }
        Ok(proof.as_ref().map_or_else(|| none(from, to), view::consistency))
    }
}
