//! Many commands over one stream: each what its own call would be, at a quarter of the cost.
//!
//! A task of its own drives each stream. It sends what callers hand in, gives every answer to who waits for it by the request's id,
//! and shows each new head of the log to be of one history with the pin, in the order in which answers come, before any caller
//! sees one. The caller's own task verifies the receipt, as for a call. When a stream breaks it is opened anew and what has no answer
//! is sent again, with the same ids and the same bytes; where the broker speaks no streams, or ends one for good, each command goes
//! on as a call of its own, which gets its own answer.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use brygga_domain::FunctionId;
use brygga_wire::contract::{CommandStream, InboxCommands, ReferralCommands, StreamedOn};
use brygga_wire::envelope::Enveloped;
use brygga_wire::v1;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use prost::Message as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tonic::codec::Streaming;
use tonic::{Code, Status};

use crate::call;
use crate::client::{Answer, Client};
use crate::error::{Answered, ClientError};
use crate::random;
use crate::retry::Backoff;
use crate::transport::MESSAGE_BYTES_MAX;
use crate::watch::{Inbox, Watch};
use crate::write::Write;

/// Commands of one stream that have no answer yet; whoever hands in more waits. The broker takes so many at a time.
pub const STREAM_COMMANDS_MAX: usize = 512;

/// A stream of commands. Cloning is cheap; clones share the stream, which ends with the last of them.
pub struct Commands<S: CommandStream> {
    client: Client,
    jobs: mpsc::Sender<Job<S>>,
    places: Arc<Semaphore>,
}

/// The commands of a sender.
pub type ReferralStream = Commands<ReferralCommands>;
/// The commands of a recipient.
pub type InboxStream = Commands<InboxCommands>;

impl<S: CommandStream> Clone for Commands<S> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), jobs: self.jobs.clone(), places: Arc::clone(&self.places) }
    }
}

/// What a caller is told.
enum Told<S: CommandStream> {
    /// The answer; its head is linked.
    Answer(S::Answer),
    /// Not on this stream: the command goes on as a call of its own.
    Alone,
    /// A no, or a head that was refused.
    Failed(ClientError),
}

/// A command on its way.
struct Job<S: CommandStream> {
    request_id: String,
    enveloped: Enveloped,
    told: oneshot::Sender<Told<S>>,
    end: Instant,
    backoff: Backoff,
    tries: u32,
    // Given back when the command is answered, or nobody waits for it any more.
    _place: OwnedSemaphorePermit,
}

impl Client {
    /// A stream of a sender's commands. Opened when the first of them is handed in. Needs a running Tokio runtime.
    pub fn stream_referrals(&self) -> ReferralStream {
        Commands::new(self)
    }

    /// A stream of a recipient's commands. Opened when the first of them is handed in. Needs a running Tokio runtime.
    pub fn stream_inbox(&self) -> InboxStream {
        Commands::new(self)
    }
}

impl InboxStream {
    /// What comes into a function's inbox, after a kept cursor. It comes on a stream of its own: who reads it slowly holds up no answer.
    pub fn watch(&self, function: &FunctionId, after: u64) -> Watch<Inbox> {
        self.client.watch_inbox(function, after)
    }
}

impl<S: CommandStream> Commands<S> {
    fn new(client: &Client) -> Self {
        let (jobs, queue) = mpsc::channel(STREAM_COMMANDS_MAX);
        let driver = Driver { client: client.clone(), jobs: queue, open: true, waiting: Waiting::default(), resend: FuturesUnordered::new() };
        #[expect(clippy::disallowed_methods, reason = "the driver ends with its last handle, and whoever waits on it is told")]
        tokio::spawn(driver.run());
        Self { client: client.clone(), jobs, places: Arc::new(Semaphore::new(STREAM_COMMANDS_MAX)) }
    }

    /// Carries a command out: one id over all tries, the receipt verified, the pin moved, and only then the answer is given.
    pub async fn call<W: Write + StreamedOn<S>>(&self, mut request: W) -> Result<Answer<W::Response>, ClientError> {
        self.client.prepare(&mut request)?;
        let enveloped = Enveloped::of(&request);
        if enveloped.encoded_len() > MESSAGE_BYTES_MAX {
            return Box::pin(self.client.write(request)).await;
        }
        let end = Instant::now() + self.client.deadlines().overall;
        match timeout_at(end, self.hand_in(&request, enveloped, end)).await {
            Err(_) => Err(too_late(request.request_id())),
            Ok(Told::Failed(error)) => Err(error),
            Ok(Told::Alone) => Box::pin(self.client.write(request)).await,
            Ok(Told::Answer(answer)) => {
                // Another kind of answer under this id proves nothing of what was asked; what is checked then is an empty one.
                let response = W::of_answer(answer).unwrap_or_default();
                let proof = self.client.accept(&request, &response).await?;
                Ok(Answer { response, proof, request_id: request.request_id().to_owned() })
            }
        }
    }

    async fn hand_in<W: Write + StreamedOn<S>>(&self, request: &W, enveloped: Enveloped, end: Instant) -> Told<S> {
        let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return Told::Alone };
        let (told, answer) = oneshot::channel();
        let request_id = request.request_id().to_owned();
        let job = Job { request_id, enveloped, told, end, backoff: Backoff::new(), tries: 0, _place: place };
        if self.jobs.send(job).await.is_err() {
            return Told::Alone;
        }
        answer.await.unwrap_or(Told::Alone)
    }
}

fn too_late(request_id: &str) -> ClientError {
    let status = Status::new(Code::DeadlineExceeded, "no answer came in time");
    ClientError::Answered(Box::new(Answered::read(&status, request_id)))
}

/// Commands without an answer, by their ids. Of those that bear the same id one is under way at a time.
struct Waiting<S: CommandStream>(BTreeMap<String, VecDeque<Job<S>>>);

impl<S: CommandStream> Default for Waiting<S> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<S: CommandStream> Waiting<S> {
    /// Keeps a command, and says whether it is to be sent now.
    fn keep(&mut self, job: Job<S>) -> bool {
        let jobs = self.0.entry(job.request_id.clone()).or_default();
        jobs.push_back(job);
        jobs.len() == 1
    }

    fn first(&mut self, request_id: &str) -> Option<&mut Job<S>> {
        self.0.get_mut(request_id)?.front_mut()
    }

    /// Takes the command that is under way, and says whether another of its id is to be sent.
    fn take(&mut self, request_id: &str) -> Option<(Job<S>, bool)> {
        let jobs = self.0.get_mut(request_id)?;
        let job = jobs.pop_front()?;
        let more = !jobs.is_empty();
        if !more {
            self.0.remove(request_id);
        }
        Some((job, more))
    }

    /// Forgets those for whom nobody waits any more.
    fn tidy(&mut self) {
        self.0.retain(|_, jobs| {
            jobs.retain(|job| !job.told.is_closed());
            !jobs.is_empty()
        });
    }

    fn ids(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    fn all(&mut self) -> impl Iterator<Item = Job<S>> + use<S> {
        std::mem::take(&mut self.0).into_values().flatten()
    }
}

/// An open stream.
struct Link<S: CommandStream> {
    out: mpsc::Sender<Enveloped>,
    answers: Streaming<S::Response>,
}

struct Driver<S: CommandStream> {
    client: Client,
    jobs: mpsc::Receiver<Job<S>>,
    open: bool,
    waiting: Waiting<S>,
    /// Commands that the broker asked to send again later.
    resend: FuturesUnordered<BoxFuture<'static, String>>,
}

/// Why a stream is not gone on with.
enum Broken {
    /// It ended, or was silent for too long.
    Ended,
    /// The broker, or the way to it, said why.
    Said(Status),
    /// There are no callers left, and nothing waits.
    Done,
}

impl<S: CommandStream> Driver<S> {
    async fn run(mut self) {
        let mut backoff = Backoff::new();
        loop {
            self.waiting.tidy();
            if self.waiting.0.is_empty() {
                match self.jobs.recv().await {
                    Some(job) => {
                        let _sent_once_open = self.waiting.keep(job);
                    }
                    None => return,
                }
            }
            let broken = match connect(&self.client).await {
                Ok(link) => Box::pin(self.serve(link, &mut backoff)).await,
                Err(status) => Broken::Said(status),
            };
            let why = match broken {
                Broken::Done => return,
                Broken::Ended => Status::unavailable("the stream ended"),
                Broken::Said(status) => status,
            };
            self.pause(&Answered::read(&why, ""), &mut backoff).await;
        }
    }

    /// Sends and receives until the stream is broken.
    async fn serve(&mut self, mut link: Link<S>, backoff: &mut Backoff) -> Broken {
        self.resend.clear();
        for id in self.waiting.ids() {
            self.send(&link, &id);
        }
        let patience: Duration = self.client.deadlines().one_try;
        let mut silent_since = Instant::now();
        loop {
            if self.waiting.0.is_empty() && !self.open {
                return Broken::Done;
            }
            tokio::select! {
                job = self.jobs.recv(), if self.open => match job {
                    Some(job) => {
                        if self.waiting.0.is_empty() {
                            silent_since = Instant::now();
                        }
                        let id = job.request_id.clone();
                        if self.waiting.keep(job) {
                            self.send(&link, &id);
                        }
                    }
                    None => self.open = false,
                },
                received = link.answers.message() => match received {
                    Ok(Some(response)) => {
                        silent_since = Instant::now();
                        *backoff = Backoff::new();
                        if let Some((id, answer)) = S::read(response)
                            && self.answered(&link, &id, answer).await.is_err()
                        {
                            return Broken::Ended;
                        }
                    }
                    Ok(None) => return Broken::Ended,
                    Err(status) => return Broken::Said(status),
                },
                Some(id) = self.resend.next(), if !self.resend.is_empty() => {
                    silent_since = Instant::now();
                    self.send(&link, &id);
                }
                // What is to be sent later is no silence of the broker.
                () = sleep_until(silent_since + patience), if !self.waiting.0.is_empty() && self.resend.is_empty() => {
                    self.waiting.tidy();
                    if !self.waiting.0.is_empty() {
                        return Broken::Ended;
                    }
                }
            }
        }
    }

    /// Sends the command of an id that is first in its row.
    fn send(&mut self, link: &Link<S>, id: &str) {
        let Some(job) = self.waiting.first(id) else { return };
        job.tries = job.tries.saturating_add(1);
        // There is a place in this queue for each that is handed out, and a stream that is gone shows on its other side.
        drop(link.out.try_send(job.enveloped.clone()));
    }

    /// Hands an answer on. An error: the stream cannot be gone on with, and the command is sent again.
    async fn answered(&mut self, link: &Link<S>, id: &str, answer: Result<S::Answer, v1::CommandError>) -> Result<(), ()> {
        let told = match answer {
            Ok(answer) => {
                let Some(linked) = link_head::<S>(&self.client, id, &answer).await else { return Err(()) };
                linked.map_or_else(Told::Failed, |()| Told::Answer(answer))
            }
            Err(error) => {
                let status = Status::with_details(Code::from_i32(error.code), error.message, error.details);
                let mut answered = Answered::read(&status, id);
                let Some(job) = self.waiting.first(id) else { return Ok(()) };
                answered.tries = job.tries;
                let wait = job.backoff.wait(answered.retry_after, random::jitter());
                if answered.is_passing() && Instant::now() + wait < job.end {
                    let id = id.to_owned();
                    self.resend.push(Box::pin(async move {
                        sleep(wait).await;
                        id
                    }));
                    return Ok(());
                }
                Told::Failed(ClientError::Answered(Box::new(answered)))
            }
        };
        if let Some((job, more)) = self.waiting.take(id) {
            // Whoever has stopped waiting may ask again under the same id.
            drop(job.told.send(told));
            if more {
                self.send(link, id);
            }
        }
        Ok(())
    }

    /// Waits before the stream is opened anew, or sends callers on their way.
    async fn pause(&mut self, why: &Answered, backoff: &mut Backoff) {
        if !why.is_passing() {
            self.waiting.all().for_each(|job| drop(job.told.send(Told::Alone)));
            return;
        }
        let wait = backoff.wait(why.retry_after, random::jitter());
        let until = Instant::now() + wait;
        for job in self.waiting.all() {
            if until < job.end {
                let _sent_once_open = self.waiting.keep(job);
            } else {
                let answered = Answered { request_id: job.request_id.clone(), tries: job.tries.max(1), ..why.clone() };
                drop(job.told.send(Told::Failed(ClientError::Answered(Box::new(answered)))));
            }
        }
        if !self.waiting.0.is_empty() {
            sleep_until(until).await;
        }
    }
}

async fn connect<S: CommandStream>(client: &Client) -> Result<Link<S>, Status> {
    let (out, mut queue) = mpsc::channel(STREAM_COMMANDS_MAX);
    let commands = futures_util::stream::poll_fn(move |context| queue.poll_recv(context));
    let answers = call::commands(client.channel(), client.deadlines(), S::PATH, commands).await?;
    Ok(Link { out, answers })
}

/// Shows the head of an answer to be of one history with the pin; `None`: the log could not be asked, which may pass.
async fn link_head<S: CommandStream>(client: &Client, id: &str, answer: &S::Answer) -> Option<Result<(), ClientError>> {
    let (receipt, consistency) = S::proofs(answer);
    // Without a receipt there is no head; the caller's own check refuses the answer.
    let Some(receipt) = receipt else { return Some(Ok(())) };
    let checkpoint = match client.open_note(&receipt.checkpoint) {
        Ok(checkpoint) => checkpoint,
        Err(refused) => return Some(Err(ClientError::refused(refused, id))),
    };
    match client.link_head((&checkpoint, &receipt.checkpoint), consistency, id).await {
        Err(ClientError::Answered(answered)) if answered.is_passing() => None,
        linked => Some(linked),
    }
}
