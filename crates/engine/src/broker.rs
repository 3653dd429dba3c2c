//! The broker's handle: what handlers hold. Commands go to the committer, questions to the readers.

use std::sync::{Arc, OnceLock};

use brygga_domain::{AgencyId, Command, Directory, Entropy, FunctionId, GroundTable, Refusal, Time};
use brygga_merkle::{ConsistencyProof, NoteKey};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::batch::Law;
use crate::bells::News;
use crate::clock::{Clock, NoRandomness, Randomness};
use crate::committer::{Answer, Committer, Failure, Pending, Receipted};
use crate::current::{Current, Head};
use crate::delivery::{self, Delivery, Gathering};
use crate::directory;
use crate::lanes::{LaneLimits, LaneSenders, NoRoom, QueueDepth, lanes};
use crate::noticed::Noticed;
use crate::observe::Observer;
use crate::readers::{AskError, ReaderPool};
use crate::rows::{Blob, HeadRow, NoticedRow};
use crate::send_window::SendWindows;
use crate::signer::LogSigner;
use crate::signer_state::SignerState;
use crate::store::{Reader, Store, StoreError};
use crate::tiles::HeldTiles;

/// What a broker is made of.
pub struct Parts<S, R> {
    /// The writer.
    pub store: S,
    /// The readers.
    pub readers: Vec<R>,
    /// The law and the directory.
    pub law: Law,
    /// The log's key.
    pub signer: LogSigner,
    /// The committed heads; or why the log is in doubt and nothing may be written.
    pub state: Result<SignerState, String>,
    /// The head of the log as it was checked.
    pub head: HeadRow,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub randomness: Arc<dyn Randomness>,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
    /// How long the lanes are.
    pub limits: LaneLimits,
    /// Under which reader tasks run.
    pub tasks: TaskTracker,
    /// Tells the committer to finish what waits and end.
    pub stop: CancellationToken,
}

/// The handle.
#[derive(Clone)]
pub struct Broker<R> {
    senders: LaneSenders,
    readers: ReaderPool<R>,
    tiles: HeldTiles,
    current: Current,
    table: Arc<GroundTable>,
    key: NoteKey,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    windows: SendWindows,
    noticed: Noticed,
    doubt: Arc<OnceLock<String>>,
    doubted: CancellationToken,
}

impl Clock for Arc<dyn Clock> {
    fn now(&self) -> Time {
        self.as_ref().now()
    }
}

/// The committer on the clock that the broker was given.
pub type WritePath<S> = Committer<S, Arc<dyn Clock>>;

/// Makes the handle and the committer that it feeds; the caller runs the committer in a task of its own.
///
/// A log in doubt has no committer: reads go on, every command is refused.
pub fn assemble<S: Store, R: Reader>(parts: Parts<S, R>) -> (Broker<R>, Option<WritePath<S>>) {
    let (senders, lanes) = lanes(parts.limits, parts.stop);
    let current = Current::new((parts.head.events(), parts.head.root.clone()), Arc::clone(&parts.law.directory));
    let tiles = HeldTiles::default();
    let name = parts.randomness.draw().map(Entropy::new);
    let id = name.as_ref().map(|entropy| Blob::from(entropy.uuid("broker", 0).as_bytes())).unwrap_or_default();
    let noticed = Noticed::default();
    let windows = SendWindows::new(id, Arc::clone(&parts.observer));
    let broker = Broker {
        senders,
        readers: ReaderPool::new(parts.readers, parts.tasks),
        tiles: tiles.clone(),
        current: current.clone(),
        table: Arc::clone(&parts.law.table),
        key: parts.signer.key().clone(),
        clock: Arc::clone(&parts.clock),
        randomness: parts.randomness,
        windows: windows.clone(),
        noticed: noticed.clone(),
        doubt: Arc::default(),
        doubted: CancellationToken::new(),
    };
    // Without a name of its own a broker cannot tell what it sends from what others send.
    let state = match parts.state.and_then(|state| name.map(|_| state).map_err(|none| none.to_string())) {
        Ok(state) => state,
        Err(why) => {
            broker.stop_forwarding(&why);
            return (broker, None);
        }
    };
    let committer = Committer {
        store: parts.store,
        lanes,
        clock: parts.clock,
        law: parts.law,
        signer: parts.signer,
        state,
        known: parts.head,
        current,
        untold: false,
        keys_looked: Time::from_micros(0),
        tiles,
        windows,
        noticed,
        observer: parts.observer,
    };
    (broker, Some(committer))
}

/// Why a command has no answer from the committer, or none yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAnswer {
    /// The committer's own answer.
    Failed(Failure),
    /// The lane is full.
    Full,
    /// The committer has stopped.
    Gone,
}

impl From<Refusal> for NoAnswer {
    fn from(refusal: Refusal) -> Self {
        Self::Failed(Failure::Refused(refusal))
    }
}

impl From<NoRoom> for NoAnswer {
    fn from(room: NoRoom) -> Self {
        match room {
            NoRoom::Full => Self::Full,
            NoRoom::Gone => Self::Gone,
        }
    }
}

impl<R: Reader> Broker<R> {
    /// Carries a command out: answered after the commit, never before, and what shuts the gate only when nothing that it covers is on
    /// its way any more. A caller that goes away changes nothing.
    pub async fn carry_out(&self, command: Command) -> Result<Receipted, NoAnswer> {
        let answered = self.hand_over(command)?;
        // The lane was left without an answer: the committer ended while it held the batch, which may or may not be written.
        let receipted = answered.await.unwrap_or(Err(Failure::OutcomeUnknown)).map_err(NoAnswer::Failed)?;
        self.windows.closed(&receipted.committed.covers, &self.readers).await;
        Ok(receipted)
    }

    /// Hands a command to the committer, and gives where its answer will come.
    fn hand_over(&self, command: Command) -> Result<oneshot::Receiver<Answer>, NoAnswer> {
        let (pending, answered) = self.pending(command)?;
        self.senders.put(pending)?;
        Ok(answered)
    }

    /// Does the same for a command of the broker's own, once there is room for it.
    pub(crate) async fn hand_over_in_turn(&self, command: Command) -> Result<oneshot::Receiver<Answer>, NoAnswer> {
        let (pending, answered) = self.pending(command)?;
        self.senders.put_in_turn(pending).await?;
        Ok(answered)
    }

    fn pending(&self, command: Command) -> Result<(Pending, oneshot::Receiver<Answer>), NoAnswer> {
        if self.doubt.get().is_some() {
            return Err(NoAnswer::Failed(Failure::Doubted));
        }
        let (answer, answered) = oneshot::channel();
        Ok((Pending { command, answer }, answered))
    }

    /// Builds the receipt of a committed command, and loads what it released.
    pub async fn deliver(&self, receipted: &Receipted, pinned_size: u64) -> Result<Delivery, AskError> {
        let mut gathering = Gathering::new(receipted, pinned_size, &self.tiles)?;
        if gathering.lacks_anything() {
            let tiles = self.tiles.clone();
            gathering = self.readers.ask(move |reader| Box::pin(async move { gathering.complete(reader, &tiles).await })).await?;
        }
        Ok(gathering.build()?)
    }

    /// The consistency proof between two sizes of the log; `None` where there is none.
    pub async fn consistency(&self, old: u64, new: u64) -> Result<Option<ConsistencyProof>, AskError> {
        if let Some(proof) = delivery::consistency_in_memory(&self.tiles, old, new) {
            return Ok(Some(proof));
        }
        self.readers.ask(move |reader| Box::pin(async move { delivery::consistency(reader, old, new).await })).await
    }

    /// The readers.
    pub fn readers(&self) -> &ReaderPool<R> {
        &self.readers
    }

    /// The size of the log, for whoever waits for it to grow.
    pub fn head(&self) -> watch::Receiver<u64> {
        self.current.watch()
    }

    /// Rings when something may have come into a function's inbox.
    pub fn inbox_bell(&self, function: &FunctionId) -> watch::Receiver<u64> {
        self.current.bells().inbox(function.as_str())
    }

    /// Rings when an agency may have been answered as a sender.
    pub fn answers_bell(&self, agency: &AgencyId) -> watch::Receiver<u64> {
        self.current.bells().answers(agency.as_str())
    }

    /// The directory as of the latest that this broker has seen of the log.
    pub fn directory(&self) -> Arc<Directory> {
        self.current.directory()
    }

    /// Looks whether another broker has appended, and takes in who takes part since; gives the size that the log is seen to have. What is only
    /// seen may still be lost with its server, so nothing else follows from it.
    pub async fn look(&self) -> Result<u64, AskError> {
        let known = self.current.directory_head();
        let (head, directory) = self.readers.ask(move |reader| Box::pin(async move { look(reader, known).await })).await?;
        let size = head.0;
        if let Some(directory) = directory {
            self.current.entered(head, Arc::new(directory));
        }
        Ok(size)
    }

    /// Another broker has said that it committed: takes in who takes part since, and wakes those whom it concerns. What no reader sees yet is
    /// left to whoever looks what nobody was told of.
    pub async fn heard(&self, news: &News) -> Result<(), AskError> {
        if news.size > self.current.size() {
            // Order matters: whoever is woken by the size finds what there is to read, and the directory that goes with it.
            if self.look().await? < news.size {
                return Ok(());
            }
            self.current.grown(news.size);
        }
        self.current.heard(news);
        Ok(())
    }

    /// The size of the log of which all below was told of: to those whom it concerns, or to everybody.
    pub fn told(&self) -> u64 {
        self.current.bells().told()
    }

    /// Has the committer find out what of the log is durable, by a commit of its own, and wakes everybody if some of it was told of by nobody: a
    /// hint of another broker may be lost.
    pub fn prove(&self) {
        self.current.want_proof();
    }

    /// A function was told outside of everything before a position; kept with the next batch.
    pub fn noticed(&self, function: &FunctionId, way: &str, position: u64) {
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        self.noticed.add(NoticedRow { function: function.to_string(), way: way.to_owned(), position });
    }

    /// The ground table in force.
    pub fn table(&self) -> &Arc<GroundTable> {
        &self.table
    }

    /// The key that verifies the log.
    pub fn key(&self) -> &NoteKey {
        &self.key
    }

    /// The time now.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// Randomness for one command.
    pub fn entropy(&self) -> Result<Entropy, NoRandomness> {
        self.randomness.draw().map(Entropy::new)
    }

    /// How many commands wait in each lane.
    pub fn waiting(&self) -> QueueDepth {
        self.senders.waiting()
    }

    /// Stops forwarding: from now on every command is refused. Reads go on.
    pub fn stop_forwarding(&self, why: &str) {
        // The first reason is the one that counts.
        if self.doubt.set(why.to_owned()).is_ok() {
            tracing::error!("the broker doubts its log and forwards nothing: {why}");
            self.doubted.cancel();
        }
    }

    /// Ends when the broker begins to doubt its log; at once, if it does already.
    pub async fn doubted(&self) {
        self.doubted.cancelled().await;
    }

    /// Why the broker forwards nothing, if so.
    pub fn doubt(&self) -> Option<&str> {
        self.doubt.get().map(String::as_str)
    }
}

/// The head of a log, and its directory where the one that is known is of another. The head first: the directory is at least as fresh.
async fn look<R: Reader>(reader: &mut R, known: Head) -> Result<(Head, Option<Directory>), StoreError> {
    let head = reader.head().await?;
    let head = (head.events(), head.root);
    if head == known {
        return Ok((head, None));
    }
    let (agencies, functions) = reader.directory().await?;
    Ok((head, Some(directory::read(&agencies, &functions)?)))
}
