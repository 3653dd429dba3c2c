//! `WatchReferrals`: what a sender is told of its referrals, from the closed list of transport answers.

use brygga_domain::{AgencyId, Category, Code, Directory, Fact, FunctionId, Position, ReturnReason, SenderStatus, Time};
use brygga_engine::projection::number;
use brygga_engine::rows::Blob;
use brygga_engine::store::{After, Corrupt, Reader, StoreError};
use brygga_wire::view::ReturnedWith;
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

    fn may_follow(&self, _: &Rpc<R>, agency: &AgencyId) -> Result<(), Failed> {
        if *agency == self.agency { Ok(()) } else { Err(Failed::UnknownCertificate) }
    }

    async fn more(&mut self, rpc: &Rpc<R>, head: u64) -> Result<Found<v1::WatchReferralsResponse>, Failed> {
        let (agency, after) = (self.agency.clone(), After { after: number(self.after), limit: STREAM_CHUNK_ROWS_MAX });
        let directory = rpc.broker.directory();
        let (items, last) = rpc.ask(move |reader| Box::pin(async move { entries(reader, &agency, (after, head), &directory).await })).await?;
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

type Entries = Result<(Vec<v1::WatchReferralsResponse>, Option<u64>), StoreError>;

async fn entries<R: Reader>(reader: &mut R, agency: &AgencyId, (after, head): (After, u64), directory: &Directory) -> Entries {
    let mut rows = reader.statuses(agency.as_str(), after).await?;
    rows.retain(|row| row.position < number(head));
    let ids: Vec<Blob> = rows.iter().map(|row| row.referral.clone()).collect();
    let referrals = read::in_order(reader, &ids).await?;
    let (mut items, mut last) = (Vec::with_capacity(rows.len()), None);
    for (row, referral) in rows.iter().zip(&referrals) {
        let corrupt = |column| StoreError::Corrupt(Corrupt { table: "status", row: row.position.to_string(), column });
        let position = u64::try_from(row.position).map(Position).map_err(|_| corrupt("position"))?;
        let status = SenderStatus::from_text(&row.status).ok_or_else(|| corrupt("status"))?;
        let with = returned_with(reader, position, status).await?.map(|returned| returned.read(&referral.recipient, directory)).unwrap_or_default();
        items.push(view::status_entry((position, Time::from_micros(row.at)), (referral.id, referral.reference), status, with));
        last = Some(position.0);
    }
    Ok((items, last))
}

/// What a return says besides its reason.
struct Returned {
    reason: ReturnReason,
    missing: Vec<Category>,
    right_function: Option<FunctionId>,
}

impl Returned {
    /// For a child concern there is always somebody to telephone: the function that is right, or the one that has returned it.
    fn read(self, returned_by: &FunctionId, directory: &Directory) -> ReturnedWith {
        let of_child = match self.reason {
            ReturnReason::WrongBoard => true,
            ReturnReason::WrongFunction | ReturnReason::Incomplete => false,
        };
        let telephoned = self.right_function.as_ref().unwrap_or(returned_by);
        let telephone = directory.function(telephoned).filter(|_| of_child).and_then(|function| function.telephone.clone());
        ReturnedWith { missing: self.missing, right_function: self.right_function, telephone }
    }
}

/// Transport answers that the sender needs, and that stand in the event alone.
async fn returned_with<R: Reader>(reader: &mut R, at: Position, status: SenderStatus) -> Result<Option<Returned>, StoreError> {
    if !matches!(status, SenderStatus::ReturnedIncomplete | SenderStatus::WrongFunction) {
        return Ok(None);
    }
    let event = event(reader, at).await?;
    let Fact::ReferralReturned { reason, missing, right_function, .. } = event.fact else { return Ok(None) };
    Ok(Some(Returned { reason, missing, right_function }))
}
