//! `WatchInbox`: what comes into one function's inbox. It says that something waits and nothing more.

use brygga_domain::referral::Stage;
use brygga_domain::{Code, FunctionId, InboxKind, Position, Referral, Time};
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

/// One function's inbox from a position on.
pub(in crate::grpc) struct Inbox {
    function: FunctionId,
    after: u64,
    /// Up to here only what still waits is sent: the client has nothing, and what is done is of no use to it.
    open_only_below: Option<u64>,
    from_nothing: bool,
}

impl Inbox {
    /// The inbox after a position; 0: everything that still waits, then what comes.
    pub(in crate::grpc) fn new(function: FunctionId, after: u64) -> Self {
        Self { function, after, open_only_below: None, from_nothing: after == 0 }
    }
}

impl<R: Reader> Source<R> for Inbox {
    type Item = v1::WatchInboxResponse;

    async fn more(&mut self, rpc: &Rpc<R>, head: u64) -> Result<Found<v1::WatchInboxResponse>, Failed> {
        if self.from_nothing && self.open_only_below.is_none() {
            self.open_only_below = Some(head);
        }
        let (function, after) = (self.function.clone(), After { after: number(self.after), limit: STREAM_CHUNK_ROWS_MAX });
        let open_only_below = self.open_only_below.unwrap_or(0);
        let (items, last, count) = rpc.ask(move |reader| Box::pin(async move { entries(reader, &function, after, open_only_below).await })).await?;
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

async fn entries<R: Reader>(reader: &mut R, function: &FunctionId, after: After, open_only_below: u64) -> Result<Entries, StoreError> {
    let rows = reader.inbox(function.as_str(), after).await?;
    let ids: Vec<Blob> = rows.iter().map(|row| row.referral.clone()).collect();
    let referrals = read::in_order(reader, &ids).await?;
    let (mut items, mut last) = (Vec::new(), None);
    for (row, referral) in rows.iter().zip(&referrals) {
        let (position, kind) = parsed(row)?;
        last = Some(position.0);
        if position.0 >= open_only_below || waits(kind, position, referral) {
            let at = event(reader, position).await?.time;
            items.push(view::inbox_entry((position, at), (referral.id, referral.reference), kind));
        }
    }
    Ok((items, last, rows.len()))
}

fn parsed(row: &InboxRow) -> Result<(Position, InboxKind), StoreError> {
    let corrupt = |column| StoreError::Corrupt(Corrupt { table: "inbox", row: row.position.to_string(), column });
    let position = u64::try_from(row.position).map(Position).map_err(|_| corrupt("position"))?;
    Ok((position, InboxKind::from_text(&row.kind).ok_or_else(|| corrupt("kind"))?))
}

/// Whether an entry of the past still asks for something.
fn waits(kind: InboxKind, at: Position, referral: &Referral) -> bool {
    match kind {
        InboxKind::Offered | InboxKind::SectionsOffered | InboxKind::Reminder => match referral.stage {
            Stage::Ready | Stage::Opened | Stage::Accepted => true,
            Stage::Held | Stage::Declined(_) | Stage::Returned(_) | Stage::Closed(_) | Stage::Retracted { .. } => false,
        },
        InboxKind::OfferWithdrawn => false,
        InboxKind::Retracted => match referral.stage {
            Stage::Retracted { recall, confirmed, .. } => recall.is_some() && !confirmed,
            Stage::Held | Stage::Ready | Stage::Opened | Stage::Accepted | Stage::Declined(_) | Stage::Returned(_) | Stage::Closed(_) => false,
        },
        InboxKind::StopUse => referral.notices.iter().any(|notice| notice.at == at && notice.answer.is_none()),
    }
}
