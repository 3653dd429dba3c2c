//! Streams that stay open: an entry when there is one, a heartbeat when there is none, at least once, in the order of the log.
//!
//! A stream reads by position from where the client stopped, so nothing is lost between a look and a wake-up. It never holds a
//! reader while it waits, and its queue is bounded: a slow client makes its own stream slow and nothing else. Tasks run under the
//! tracker and end with the stop token, the client, or the first failure.

pub mod commands;
pub mod inbox;
pub mod log;
pub mod statuses;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use brygga_domain::{AgencyId, Time};
use brygga_engine::store::Reader;
use http::Extensions;
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;
use tokio_stream::Stream;
use tonic::Status;

use super::status::Failed;
use super::{Rpc, caller};
use crate::layers::departure::Departing;
use crate::tls::{Carried, PeerInfo};

/// How often a quiet stream tells that it is alive.
pub const HEARTBEAT_SECONDS: u64 = 15;
/// Entries that wait for one client.
pub const STREAM_ENTRIES_MAX: usize = 64;
/// Entries that a stream reads at once.
pub const STREAM_CHUNK_ROWS_MAX: u32 = 100;
/// Streams that ask a reader at the same time: many may be woken at once, and others must still find a reader.
pub const STREAM_ASKS_AT_ONCE_MAX: usize = 2;
/// How long a stream waits to say farewell to a client that does not read.
const FAREWELL_MAX: Duration = Duration::from_secs(1);

/// What a stream read in one go.
pub(super) struct Found<T> {
    /// The entries, in order.
    pub(super) items: Vec<T>,
    /// Whether there was nothing more up to the head that was asked for.
    pub(super) all: bool,
}

/// What a stream reads from; keeps the cursor.
pub(super) trait Source<R: Reader>: Send + Sync + 'static {
    /// What is sent.
    type Item: Send + 'static;

    /// Whether the agency may follow it still. Asked before every look: what the directory says may change while a stream is open.
    fn may_follow(&self, rpc: &Rpc<R>, agency: &AgencyId) -> Result<(), Failed>;

    /// Reads on from the cursor and moves it, below `head`, the size of a log that is durable and whose entries the reader is known to see: what
    /// is beyond may be lost with its server, and another log may have something else there.
    fn more(&mut self, rpc: &Rpc<R>, head: u64) -> impl Future<Output = Result<Found<Self::Item>, Failed>> + Send;

    /// Rings when a look is worth it.
    fn bell(&self, rpc: &Rpc<R>) -> watch::Receiver<u64>;

    /// Says that there is nothing new.
    fn heartbeat(&self, now: Time) -> Self::Item;
}

/// What goes out on a stream, with the window of what it releases.
pub(in crate::grpc) struct Leaving<T> {
    item: Result<T, Status>,
    carried: Option<Carried>,
}

impl<T> From<Result<T, Status>> for Leaving<T> {
    fn from(item: Result<T, Status>) -> Self {
        Self { item, carried: None }
    }
}

/// A stream as it is sent: tells what the messages carry as they are taken.
pub struct Outgoing<T> {
    leaving: mpsc::Receiver<Leaving<T>>,
    departing: Departing,
}

impl<T> Outgoing<T> {
    fn new() -> (mpsc::Sender<Leaving<T>>, Self) {
        let (out, leaving) = mpsc::channel(STREAM_ENTRIES_MAX);
        (out, Self { leaving, departing: Departing::default() })
    }
}

impl<T> Stream for Outgoing<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<T, Status>>> {
        let Some(Leaving { item, carried }) = ready!(self.leaving.poll_recv(context)) else { return Poll::Ready(None) };
        if let Some(carried) = carried {
            self.departing.taken(carried);
        }
        Poll::Ready(Some(item))
    }
}

impl<R: Reader> Rpc<R> {
    /// Opens a stream for whoever is at the other end of a request's connection.
    pub(super) fn stream<S: Source<R>>(&self, source: S, from: &Extensions) -> Result<Outgoing<S::Item>, Failed> {
        let (out, outgoing) = Outgoing::new();
        let running = Running { rpc: self.clone(), peer: caller::peer(from)?, source, out };
        self.tasks.spawn(running.run());
        Ok(outgoing)
    }
}

/// One open stream.
struct Running<R, S>
where
    R: Reader,
    S: Source<R>,
{
    rpc: Rpc<R>,
    peer: PeerInfo,
    source: S,
    out: mpsc::Sender<Leaving<S::Item>>,
}

/// Why a stream ends.
pub(super) enum Ended {
    /// The client has gone.
    ClientGone,
    /// The broker is stopping, or reading failed.
    Failed(Failed),
}

impl<R: Reader, S: Source<R>> Running<R, S> {
    async fn run(mut self) {
        let stop = self.rpc.stop.clone();
        let ended = tokio::select! {
            ended = self.follow() => ended,
            () = stop.cancelled() => Ended::Failed(Failed::Stopping),
        };
        match ended {
            Ended::ClientGone => {}
            Ended::Failed(failed) => {
                let farewell = self.out.send(Err(self.rpc.status(&failed)).into());
                // A client that does not read gets no farewell; it sees that the stream has ended and resumes.
                drop(tokio::time::timeout(FAREWELL_MAX, farewell).await);
            }
        }
    }

    async fn follow(&mut self) -> Ended {
        let mut bell = self.source.bell(&self.rpc);
        let mut heartbeat = tokio::time::interval(Duration::from_secs(HEARTBEAT_SECONDS));
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let client = self.out.clone();
        loop {
            // Order matters: what comes after this look rings again.
            bell.mark_unchanged();
            let head = *self.rpc.broker.head().borrow();
            if let Err(ended) = self.catch_up(head).await {
                return ended;
            }
            tokio::select! {
                changed = bell.changed() => if changed.is_err() { return Ended::Failed(Failed::Stopping) },
                () = client.closed() => return Ended::ClientGone,
                // The first tick comes at once: whoever has caught up learns it without waiting.
                _ = heartbeat.tick() => if let Err(ended) = self.send(self.source.heartbeat(self.rpc.broker.now())).await { return ended },
            }
        }
    }

    /// Sends everything up to the head.
    async fn catch_up(&mut self, head: u64) -> Result<(), Ended> {
        loop {
            let found = {
                let turn = self.rpc.asks.acquire().await;
                self.still_allowed().map_err(Ended::Failed)?;
                let found = self.source.more(&self.rpc, head).await.map_err(Ended::Failed)?;
                drop(turn);
                found
            };
            for item in found.items {
                self.send(item).await?;
            }
            if found.all {
                return Ok(());
            }
        }
    }

    fn still_allowed(&self) -> Result<(), Failed> {
        self.source.may_follow(&self.rpc, &self.rpc.agency_behind(&self.peer)?)
    }

    async fn send(&self, item: S::Item) -> Result<(), Ended> {
        self.out.send(Ok(item).into()).await.map_err(|_| Ended::ClientGone)
    }
}

/// The last position of a log of that size.
pub(super) fn last_of(head: u64) -> u64 {
    head.saturating_sub(1)
}
