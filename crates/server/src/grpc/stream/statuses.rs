//! `WatchReferrals`: what a sender is told of its referrals, from the closed list of transport answers.

use brygga_domain::{AgencyId, Category, Code, Fact, Position, SenderStatus, Time};
use brygga_engine::projection::number;
use brygga_engine::rows::Blob;
use brygga_engine::store::{After, Corrupt, Reader, StoreError};
use brygga_wire::{v1, view};
use tokio::sync::watch;

use super::{Found, STREAM_CHUNK_ROWS_MAX, Source, last_of};
use crate::grpc::Rpc;
use crate::grpc::open::event;
use crate::grpc::read;
use crate::grpc::status::Failed;

/// One agency's answers from a position on.
pub(in crate::grpc) struct Statuses {
    agency: AgencyId,
    after: u64,
}

impl Statuses {
    /// The answers after a position; 0: from the beginning.
    pub(in crate::grpc) fn new(agency: AgencyId, after: u64) -> Self {
        Self { agency, after }
    }
}

impl<R: Reader> Source<R> for Statuses {
    type Item = v1::WatchReferralsResponse;

    async fn more(&mut self, rpc: &Rpc<R>, head: u64) -> Result<Found<v1::WatchReferralsResponse>, Failed> {
        let (agency, after) = (self.agency.clone(), After { after: number(self.after), limit: STREAM_CHUNK_ROWS_MAX });
        let (items, last) = rpc.ask(move |reader| Box::pin(async move { entries(reader, &agency, after).await })).await?;
        let all = u32::try_from(items.len()).is_ok_and(|count| count < STREAM_CHUNK_ROWS_MAX);
        self.after = self.after.max(last.unwrap_or(0));
        if all {
            self.after = self.after.max(last_of(head));
        }
        Ok(Found { items, all })
    }

    fn bell(&self, rpc: &Rpc<R>) -> watch::Receiver<u64> {
        rpc.broker.answers_bell(&self.agency)
    }

    fn heartbeat(&self, now: Time) -> v1::WatchReferralsResponse {
        view::referrals_heartbeat(Position(self.after), now)
    }
}

async fn entries<R: Reader>(reader: &mut R, agency: &AgencyId, after: After) -> Result<(Vec<v1::WatchReferralsResponse>, Option<u64>), StoreError> {
    let rows = reader.statuses(agency.as_str(), after).await?;
    let ids: Vec<Blob> = rows.iter().map(|row| row.referral.clone()).collect();
    let referrals = read::in_order(reader, &ids).await?;
    let (mut items, mut last) = (Vec::with_capacity(rows.len()), None);
    for (row, referral) in rows.iter().zip(&referrals) {
        let corrupt = |column| StoreError::Corrupt(Corrupt { table: "status", row: row.position.to_string(), column });
        let position = u64::try_from(row.position).map(Position).map_err(|_| corrupt("position"))?;
        let status = SenderStatus::from_text(&row.status).ok_or_else(|| corrupt("status"))?;
        let missing = missing(reader, position, status).await?;
        items.push(view::status_entry((position, Time::from_micros(row.at)), (referral.id, referral.reference), status, &missing));
        last = Some(position.0);
    }
    Ok((items, last))
}

/// What an incomplete referral lacks: a transport answer that the sender needs, and that stands in the event alone.
async fn missing<R: Reader>(reader: &mut R, at: Position, status: SenderStatus) -> Result<Vec<Category>, StoreError> {
    if status != SenderStatus::ReturnedIncomplete {
        return Ok(Vec::new());
    }
    let event = event(reader, at).await?;
    if let Fact::ReferralReturned { missing, .. } = event.fact { Ok(missing) } else { Ok(Vec::new()) }
}
