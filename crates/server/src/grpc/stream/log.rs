//! `TailEntries`: the log as it grows, for supervisors.
//!
//! A tail leaves out the entries that its own agency's reading made: else whoever reads in answer to the tail would read forever.

use brygga_domain::{AgencyId, Fact, Position, Time};
use brygga_engine::projection::number;
use brygga_engine::store::{Reader, StoreError};
use brygga_wire::{v1, view};
use tokio::sync::watch;

use super::{Found, STREAM_CHUNK_ROWS_MAX, Source};
use crate::grpc::Rpc;
use crate::grpc::search::Entry;
use crate::grpc::status::Failed;

/// The log from a position on.
pub(in crate::grpc) struct Tail {
    agency: AgencyId,
    /// The first position that was not read yet.
    next: u64,
}

impl Tail {
    /// The log from a position on, as that supervisor sees it.
    pub(in crate::grpc) fn new(agency: AgencyId, from: u64) -> Self {
        Self { agency, next: from }
    }
}

impl<R: Reader> Source<R> for Tail {
    type Item = v1::TailEntriesResponse;

    fn may_follow(&self, rpc: &Rpc<R>, agency: &AgencyId) -> Result<(), Failed> {
        rpc.supervises(agency)
    }

    async fn more(&mut self, rpc: &Rpc<R>, head: u64) -> Result<Found<v1::TailEntriesResponse>, Failed> {
        let (agency, start) = (self.agency.clone(), self.next);
        let end = head.min(start.saturating_add(u64::from(STREAM_CHUNK_ROWS_MAX)));
        if start >= end {
            return Ok(Found { items: Vec::new(), all: true });
        }
        let items = rpc.ask(move |reader| Box::pin(async move { entries(reader, &agency, start, end).await })).await?;
        self.next = end;
        Ok(Found { items, all: end == head })
    }

    fn bell(&self, rpc: &Rpc<R>) -> watch::Receiver<u64> {
        rpc.broker.head()
    }

    fn heartbeat(&self, now: Time) -> v1::TailEntriesResponse {
        view::log_heartbeat(Position(self.next.saturating_sub(1)), now)
    }
}

async fn entries<R: Reader>(reader: &mut R, agency: &AgencyId, start: u64, end: u64) -> Result<Vec<v1::TailEntriesResponse>, StoreError> {
    let rows = reader.events(number(start), number(end)).await?;
    let read: Vec<Entry> = rows.into_iter().map(Entry::read).collect::<Result<_, _>>()?;
    let own_question = |entry: &Entry| entry.event.agency == *agency && matches!(entry.event.fact, Fact::LogQueried { .. });
    Ok(read.into_iter().filter(|entry| !own_question(entry)).map(|entry| view::log_item(entry.shown())).collect())
}
