//! The one write path: takes what waits, decides it in order, writes it as one, then answers.
//!
//! It owns the store by value, so nobody else can write. It is started by the broker and fed through two bounded lanes; before it
//! comes the gRPC handler, after it the delivery of receipts and content. A committer that ends by itself ends the process.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use brygga_domain::{Command, Position, Reason, Refusal, Time};
use bytes::Bytes;
use tokio::sync::oneshot;

use crate::batch::{self, Committed, Folded, Law, Writer};
use crate::bells::{News, Told};
use crate::clock::Clock;
use crate::current::Current;
use crate::directory;
use crate::lanes::Lanes;
use crate::noticed::Noticed;
use crate::observe::{CommitOutcome, Observer};
use crate::rows::{EventRow, HeadRow};
use crate::send_window::{SendWindow, SendWindows};
use crate::signer::LogSigner;
use crate::signer_state::SignerState;
use crate::store::{Batch, CommitError, Loaded, Store, StoreError, Wanted};
use crate::tiles::HeldTiles;

/// How long the committer waits after a failed load before it asks again.
const LOAD_BACKOFF: Duration = Duration::from_millis(50);

/// How long keys of requests are kept, and how often the broker looks for older ones.
const KEYS_KEPT: Duration = Duration::from_hours(30 * 24);
const KEYS_LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How often, and how long at most, an unknown outcome is looked into before its batch is answered as unknown.
const SETTLE_TRIES_MAX: u32 = 100;
const SETTLE_MAX: Duration = Duration::from_secs(10);

/// A command that waits, and who waits for its answer.
#[derive(Debug)]
pub struct Pending {
    /// The command.
    pub command: Command,
    /// Where the answer goes; nobody may be there any more, which changes nothing.
    pub answer: oneshot::Sender<Answer>,
}

/// What a command is answered with, after the commit.
pub type Answer = Result<Receipted, Failure>;

/// A committed command, with the signed head above it.
#[derive(Debug)]
pub struct Receipted {
    /// What was committed.
    pub committed: Committed,
    /// The signed note of the head that the receipt is for; `None` for a replayed key, whose note the readers look up.
    pub note: Option<Bytes>,
    /// Leaves of the receipt that this commit wrote.
    pub fresh: Vec<(Position, Bytes)>,
    /// The window in which its content may leave, where it released some.
    pub window: Option<SendWindow>,
}

/// Why a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// An expected no.
    Refused(Refusal),
    /// Nothing was written.
    NotCommitted,
    /// It may have been written; the same key tells.
    OutcomeUnknown,
    /// The broker doubts its own log.
    Doubted,
}

impl Failure {
    /// The reason in the one table.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Refused(refusal) => refusal.reason,
            Self::NotCommitted => Reason::NotCommitted,
            Self::OutcomeUnknown => Reason::OutcomeUnknown,
            Self::Doubted => Reason::LogDoubted,
        }
    }
}

/// Why the committer stopped.
#[derive(Debug)]
pub enum Stopped {
    /// Nobody can send any more: an orderly stop.
    Drained,
    /// The log is not what this broker wrote.
    Doubt(String),
}

/// The write path's parts.
pub struct Committer<S, C> {
    pub(crate) store: S,
    pub(crate) lanes: Lanes,
    pub(crate) clock: C,
    pub(crate) law: Law,
    pub(crate) signer: LogSigner,
    pub(crate) state: SignerState,
    /// The latest head that is as durable as an answer: that of the start, or what a commit of this broker has gone on from or led to. What
    /// a load shows is not, before its own commit: the server may have lost its standby, and be lost with it.
    pub(crate) known: HeadRow,
    pub(crate) current: Current,
    /// Whether there may be events below the head that nobody was told of: those of a batch of which it stayed open what became of it, or
    /// of another broker whose hint was lost.
    pub(crate) untold: bool,
    /// When old keys were forgotten last.
    pub(crate) keys_looked: Time,
    pub(crate) tiles: HeldTiles,
    pub(crate) windows: SendWindows,
    pub(crate) noticed: Noticed,
    pub(crate) observer: Arc<dyn Observer>,
}

/// The windows of a batch, by number.
type Opened = BTreeMap<i64, SendWindow>;

impl<S: Store, C: Clock> Committer<S, C> {
    /// Runs until nobody can send any more, or until the log is in doubt.
    pub async fn run(mut self) -> Stopped {
        while let Some(pending) = self.next().await {
            if let ControlFlow::Break(why) = self.round(pending).await {
                return Stopped::Doubt(why);
            }
        }
        // An orderly stop leaves nothing behind for others to wait for.
        if (self.windows.any_closed() || self.noticed.any())
            && let ControlFlow::Break(why) = self.round(Vec::new()).await
        {
            return Stopped::Doubt(why);
        }
        self.state.sync();
        Stopped::Drained
    }

    /// What waits; nothing, when only rows do that any batch takes along.
    async fn next(&mut self) -> Option<Vec<Pending>> {
        tokio::select! {
            biased;
            taken = self.lanes.take() => taken,
            () = self.windows.idle() => Some(Vec::new()),
            () = self.noticed.idle() => Some(Vec::new()),
            () = self.current.proof_wanted() => Some(Vec::new()),
        }
    }

    async fn round(&mut self, pending: Vec<Pending>) -> ControlFlow<String> {
        self.untold |= self.current.take_proof_wanted();
        let (commands, answers): (Vec<Command>, Vec<_>) = pending.into_iter().map(|pending| (pending.command, pending.answer)).unzip();
        let Some(loaded) = self.load(&commands, answers.len()).await else {
            refuse_all(answers, &Failure::NotCommitted);
            return ControlFlow::Continue(());
        };
        let law = match self.catch_up(&loaded) {
            Ok(law) => law,
            Err(why) => {
                self.state.doubt(&why);
                return doubt(answers, why);
            }
        };
        let before = loaded.head.clone();
        let writer = Writer { origin: self.signer.origin(), broker: self.windows.broker(), next_sent: self.windows.next() };
        let folded = match batch::fold(loaded, &commands, &law, self.clock.now(), writer) {
            Ok(folded) => folded,
            Err(corrupt) => return doubt(answers, corrupt.to_string()),
        };
        let Some((mut folded, note)) = self.sign(folded, before.size) else {
            return doubt(answers, String::from("the head could not be signed"));
        };
        let closed = self.windows.take_closed();
        folded.batch.departed.extend(closed.iter().cloned());
        folded.batch.noticed = self.noticed.take();
        folded.batch.keys_before = self.old_keys();
        // Order matters: a window begins before its release can be seen by anybody.
        let windows = self.windows.open(&folded.batch.in_flight);
        match self.commit(&folded.batch, answers.len(), before.size).await {
            Ok(outcome) => {
                if outcome == CommitOutcome::Committed {
                    // What the batch went on from is durable with it, and so is who took part.
                    (self.known, self.law) = (before, law);
                } else {
                    self.windows.put_back(closed);
                    tokio::time::sleep(LOAD_BACKOFF).await;
                }
                self.answer(answers, (folded, windows), note, outcome)
            }
            Err(why) => {
                self.state.doubt(&why);
                doubt(answers, why)
            }
        }
    }

    async fn load(&mut self, commands: &[Command], waiting: usize) -> Option<Loaded> {
        match self.store.load(&Wanted { known: self.known.size, ..batch::wanted(commands) }).await {
            Ok(loaded) => Some(loaded),
            Err(error) => {
                self.observer.load_failed(&error, waiting);
                tokio::time::sleep(LOAD_BACKOFF).await;
                None
            }
        }
    }

    /// What other brokers did since the last batch: the log must go on from what this one knows, and who takes part may have changed. A log that
    /// went back, or went another way, is never continued.
    fn catch_up(&self, loaded: &Loaded) -> Result<Law, String> {
        let (known, head) = (&self.known, &loaded.head);
        if head.size < known.size {
            return Err(format!("the log went back from {} events to {}", known.size, head.size));
        }
        let root = if head.size > known.size { loaded.known_root.as_ref() } else { Some(&head.root) };
        if known.size > 0 && root != Some(&known.root) {
            return Err(format!("the log differs from what was committed at {} events", known.size));
        }
        let mut law = self.law.clone();
        if !loaded.agencies.is_empty() || !loaded.functions.is_empty() {
            directory::enter(Arc::make_mut(&mut law.directory), &loaded.agencies, &loaded.functions).map_err(|corrupt| corrupt.to_string())?;
        }
        Ok(law)
    }

    fn sign(&self, mut folded: Folded, prev_size: i64) -> Option<(Folded, Option<Bytes>)> {
        let Some(checkpoint) = &folded.checkpoint else { return Some((folded, None)) };
        let note = self.signer.sign(checkpoint).ok()?;
        folded.batch.checkpoint = Some(batch::checkpoint_row(checkpoint, prev_size, &note));
        Some((folded, Some(note)))
    }

    /// Before when keys are to be forgotten with this batch, if it is time to look.
    fn old_keys(&mut self) -> Option<i64> {
        let now = self.clock.now();
        if elapsed(self.keys_looked, now) < KEYS_LOOK_INTERVAL {
            return None;
        }
        self.keys_looked = now;
        Some(now.micros().saturating_sub(i64::try_from(KEYS_KEPT.as_micros()).unwrap_or(i64::MAX)))
    }

    async fn commit(&mut self, batch: &Batch, commands: usize, prev_size: i64) -> Result<CommitOutcome, String> {
        let started = self.clock.now();
        let outcome = match self.store.commit(batch).await {
            Ok(()) => CommitOutcome::Committed,
            Err(error @ CommitError::NotCommitted(_)) => {
                self.observer.commit_failed(&error);
                CommitOutcome::NotCommitted
            }
            Err(error @ CommitError::OutcomeUnknown(_)) => {
                self.observer.commit_failed(&error);
                self.settle(batch, prev_size).await?
            }
        };
        self.observer.settled(commands, outcome, elapsed(started, self.clock.now()));
        Ok(outcome)
    }

    /// Finds out what became of a batch whose commit was not answered.
    ///
    /// Our root at our size: written. Another root there: somebody else wrote, ours is not in. The head unchanged: not written.
    /// A smaller head than what is known to be durable means that the store was rewound; what was only loaded may be lost with its server, and
    /// the batch that was built on it with that.
    async fn settle(&mut self, batch: &Batch, prev_size: i64) -> Result<CommitOutcome, String> {
        let began = self.clock.now();
        for _ in 0..SETTLE_TRIES_MAX {
            if elapsed(began, self.clock.now()) > SETTLE_MAX {
                break;
            }
            match self.store.settle(prev_size).await {
                Ok((head, _)) if head.size < self.known.size => return Err(format!("the head went back from {} to {}", self.known.size, head.size)),
                Ok((_, Some(found))) => {
                    let ours = batch.checkpoint.as_ref().is_some_and(|ours| ours.root == found.root && ours.size == found.size);
                    return Ok(if ours { CommitOutcome::Committed } else { CommitOutcome::NotCommitted });
                }
                Ok((_, None)) => return Ok(CommitOutcome::NotCommitted),
                Err(error @ StoreError::Corrupt(_)) => return Err(error.to_string()),
                Err(error @ StoreError::Unavailable { .. }) => {
                    self.observer.load_failed(&error, 0);
                    tokio::time::sleep(LOAD_BACKOFF).await;
                }
            }
        }
        Ok(CommitOutcome::OutcomeUnknown)
    }

    /// Answers, and only here: the outcome is in hand.
    fn answer(&mut self, answers: Vec<oneshot::Sender<Answer>>, of: (Folded, Opened), note: Option<Bytes>, outcome: CommitOutcome) -> ControlFlow<String> {
        let (folded, mut windows) = of;
        match outcome {
            CommitOutcome::Committed => {}
            CommitOutcome::NotCommitted => {
                self.noticed.put_back(folded.batch.noticed);
                refuse_all(answers, &Failure::NotCommitted);
                return ControlFlow::Continue(());
            }
            CommitOutcome::OutcomeUnknown => {
                // What became of it is in the head that the next batch loads.
                self.untold = true;
                self.noticed.put_back(folded.batch.noticed);
                refuse_all(answers, &Failure::OutcomeUnknown);
                return ControlFlow::Continue(());
            }
        }
        if let (Some(head), Some(note)) = (&folded.batch.head, &note)
            && let Err(error) = self.state.record(head, note)
        {
            // Without a record of committed heads a rewind could not be seen, so nothing more is signed.
            refuse_all(answers, &Failure::OutcomeUnknown);
            return ControlFlow::Break(format!("the signer state cannot be written: {error}"));
        }
        let from = self.known.events();
        if let Some(head) = &folded.batch.head {
            self.known = head.clone();
            if let Some(directory) = folded.directory {
                self.law.directory = directory;
            }
        }
        // After an empty batch as well: a directory that was only seen, and is lost, gives way to this one.
        self.current.entered((self.known.events(), self.known.root.clone()), Arc::clone(&self.law.directory));
        for fact in &folded.facts {
            self.observer.fact(fact);
        }
        self.tiles.committed(&folded.batch);
        let written = Written::new(folded.batch.events);
        for (answer, reply) in answers.into_iter().zip(folded.replies) {
            if let Err(refusal) = &reply {
                self.observer.refused(refusal);
            }
            if let Ok(committed) = &reply
                && !committed.replayed
            {
                self.observer.released(committed.released.len());
            }
            let reply = reply.map_err(Failure::Refused).map(|committed| Receipted {
                note: if committed.replayed { None } else { note.clone() },
                fresh: written.leaves(&committed.positions),
                window: committed.in_flight.and_then(|number| windows.remove(&number)),
                committed,
            });
            // The caller may be gone; what is committed is committed.
            drop(answer.send(reply));
        }
        self.current.grown(self.known.events());
        if let Some(head) = &folded.batch.head {
            let told = Told::of(&folded.batch.inbox, &folded.batch.statuses);
            self.observer.told(&folded.batch.inbox);
            self.current.heard(&News { from, size: head.events(), told: Some(told) });
        }
        if std::mem::take(&mut self.untold) {
            self.current.caught_up();
        }
        ControlFlow::Continue(())
    }
}

/// The events that a commit wrote.
struct Written {
    first: u64,
    leaves: Vec<Bytes>,
}

impl Written {
    fn new(events: Vec<EventRow>) -> Self {
        let first = events.first().and_then(|event| u64::try_from(event.position).ok()).unwrap_or(u64::MAX);
        Self { first, leaves: events.into_iter().map(|event| Bytes::from(event.bytes.0)).collect() }
    }

    /// Those of the positions that are among them.
    fn leaves(&self, positions: &[Position]) -> Vec<(Position, Bytes)> {
        let leaf = |at: &Position| Some((*at, self.leaves.get(usize::try_from(at.0.checked_sub(self.first)?).ok()?)?.clone()));
        positions.iter().filter_map(leaf).collect()
    }
}

fn doubt(answers: Vec<oneshot::Sender<Answer>>, why: String) -> ControlFlow<String> {
    refuse_all(answers, &Failure::Doubted);
    ControlFlow::Break(why)
}

fn refuse_all(answers: Vec<oneshot::Sender<Answer>>, failure: &Failure) {
    for answer in answers {
        drop(answer.send(Err(failure.clone())));
    }
}

fn elapsed(started: Time, ended: Time) -> Duration {
    Duration::from_micros(u64::try_from(ended.micros().saturating_sub(started.micros())).unwrap_or_default())
}
