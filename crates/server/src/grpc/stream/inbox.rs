//! `WatchInbox`: what comes into one function's inbox. It says that something waits and nothing more.

use std::collections::VecDeque;

use brygga_domain::referral::Stage;
use brygga_domain::{AgencyId, Code, FunctionId, InboxKind, Position, Reference, Referral, ReferralId, Time};
use brygga_engine::projection::number;
use brygga_engine::rows::{Blob, InboxRow};
use brygga_engine::store::{After, Corrupt, Reader, StoreError};
use brygga_wire::{v1, view};
use tokio::sync::watch;

use super::{Found, STREAM_CHUNK_ROWS_MAX, Source, last_of};
use crate::grpc::Rpc;
use crate::grpc::open::event;
use crate::grpc::read;
use crate::grpc::status::Failed;

/// Entries of what waits that are read at once.
const BEGINNING_CHUNK_ROWS_MAX: usize = 100;

/// What waits for a function of one referral, and where the log says so.
type Waits = (Position, ReferralId, Reference, InboxKind);

/// One function's inbox from a position on.
pub(in crate::grpc) struct Inbox {
    function: FunctionId,
    after: u64,
    beginning: Beginning,
}

/// How a stream begins.
enum Beginning {
    /// With what still waits, for a client that has nothing: what is done is of no use to it, however long the log is.
    Unread,
    /// What waited when the log had that size and was not sent yet, by position.
    Waiting(VecDeque<Waits>, u64),
    /// It has begun.
    Over,
}

impl Inbox {
    /// The inbox after a position; 0: everything that still waits, then what comes.
    pub(in crate::grpc) fn new(function: FunctionId, after: u64) -> Self {
        Self { function, after, beginning: if after == 0 { Beginning::Unread } else { Beginning::Over } }
    }

    /// The next of what waited, and whether that was all.
    async fn begin<R: Reader>(&mut self, rpc: &Rpc<R>, head: u64) -> Result<Option<Vec<v1::WatchInboxResponse>>, Failed> {
        if matches!(self.beginning, Beginning::Unread) {
            let function = self.function.clone();
            let found = rpc.ask(move |reader| Box::pin(async move { all_that_waits(reader, &function, head).await })).await?;
            self.beginning = Beginning::Waiting(found.into(), head);
        }
        let Beginning::Waiting(waiting, size) = &mut self.beginning else { return Ok(None) };
        if waiting.is_empty() {
            self.after = last_of(*size);
            self.beginning = Beginning::Over;
            return Ok(None);
        }
        let count = waiting.len().min(BEGINNING_CHUNK_ROWS_MAX);
        let chunk: Vec<Waits> = waiting.drain(..count).collect();
        self.after = chunk.last().map_or(self.after, |(position, ..)| position.0);
        rpc.ask(move |reader| Box::pin(async move { dated(reader, chunk).await })).await.map(Some)
    }
}

impl<R: Reader> Source<R> for Inbox {
    type Item = v1::WatchInboxResponse;

    fn may_follow(&self, rpc: &Rpc<R>, agency: &AgencyId) -> Result<(), Failed> {
        rpc.answers_for(agency, &self.function)
    }

    async fn more(&mut self, rpc: &Rpc<R>, head: u64) -> Result<Found<v1::WatchInboxResponse>, Failed> {
        if let Some(items) = self.begin(rpc, head).await? {
            return Ok(Found { items, all: false });
        }
        let (function, after) = (self.function.clone(), After { after: number(self.after), limit: STREAM_CHUNK_ROWS_MAX });
        let (items, last, count) = rpc.ask(move |reader| Box::pin(async move { entries(reader, &function, after, head).await })).await?;
        let all = u32::try_from(count).is_ok_and(|count| count < STREAM_CHUNK_ROWS_MAX);
        self.after = self.after.max(last.unwrap_or(0));
        if all {
            self.after = self.after.max(last_of(head));
        }
        Ok(Found { items, all })
    }

    fn bell(&self, rpc: &Rpc<R>) -> watch::Receiver<u64> {
        rpc.broker.inbox_bell(&self.function)
    }

    fn heartbeat(&self, now: Time) -> v1::WatchInboxResponse {
        view::inbox_heartbeat(Position(self.after), now)
    }
}

type Entries = (Vec<v1::WatchInboxResponse>, Option<u64>, usize);

async fn entries<R: Reader>(reader: &mut R, function: &FunctionId, after: After, head: u64) -> Result<Entries, StoreError> {
    let mut rows = reader.inbox(function.as_str(), after).await?;
    rows.retain(|row| row.position < number(head));
    let ids: Vec<Blob> = rows.iter().map(|row| row.referral.clone()).collect();
    let referrals = read::in_order(reader, &ids).await?;
    let (mut items, mut last) = (Vec::new(), None);
    for (row, referral) in rows.iter().zip(&referrals) {
        let (position, kind) = parsed(row)?;
        last = Some(position.0);
        let at = event(reader, position).await?.time;
        items.push(view::inbox_entry((position, at), (referral.id, referral.reference), kind));
    }
    Ok((items, last, rows.len()))
}

/// With the times of the events.
async fn dated<R: Reader>(reader: &mut R, waiting: Vec<Waits>) -> Result<Vec<v1::WatchInboxResponse>, StoreError> {
    let mut items = Vec::with_capacity(waiting.len());
    for (position, id, reference, kind) in waiting {
        let at = event(reader, position).await?.time;
        items.push(view::inbox_entry((position, at), (id, reference), kind));
    }
    Ok(items)
}

/// All that waits and was told of below that size of the log, by position: as much as people have left undone, a few bytes each. What was told
/// later comes when the log is read on from there.
async fn all_that_waits<R: Reader>(reader: &mut R, function: &FunctionId, size: u64) -> Result<Vec<Waits>, StoreError> {
    let mut found = Vec::new();
    let mut after = read::BEGINNING;
    loop {
        let rows = reader.open_inbox(function.as_str(), After { after, limit: STREAM_CHUNK_ROWS_MAX }).await?;
        for row in &rows {
            let referral = read::read_back(row)?;
            found.extend(waits(&referral).filter(|(position, ..)| position.0 < size));
            after = row.referral.first_position;
        }
        if !u32::try_from(rows.len()).is_ok_and(|count| count >= STREAM_CHUNK_ROWS_MAX) {
            break;
        }
    }
    found.sort_unstable_by_key(|(position, ..)| *position);
    Ok(found)
}

fn parsed(row: &InboxRow) -> Result<(Position, InboxKind), StoreError> {
    let corrupt = |column| StoreError::Corrupt(Corrupt { table: "inbox", row: row.position.to_string(), column });
    let position = u64::try_from(row.position).map(Position).map_err(|_| corrupt("position"))?;
    Ok((position, InboxKind::from_text(&row.kind).ok_or_else(|| corrupt("kind"))?))
}

/// What a referral asks of its recipient, as its inbox said it.
fn waits(referral: &Referral) -> impl Iterator<Item = Waits> {
    let told = match referral.stage {
        Stage::Ready | Stage::Opened | Stage::Accepted => referral.offered_at.map(|at| (at, InboxKind::Offered)),
        Stage::Retracted { recall, confirmed, .. } => recall.filter(|_| !confirmed).map(|at| (at, InboxKind::Retracted)),
        Stage::Held | Stage::Declined(_) | Stage::Returned(_) | Stage::Closed(_) => None,
    };
    let notices = referral.notices.iter().filter(|notice| notice.answer.is_none()).map(|notice| (notice.at, InboxKind::StopUse));
    told.into_iter().chain(notices).map(|(at, kind)| (at, referral.id, referral.reference, kind))
}
