//! The common path of every write: request, command, commit, receipt.
//!
//! It never answers before the commit. What comes before: the conversion at the door. What comes after: the service that shows how
//! things stand.

use brygga_domain::{AgencyId, Digest, Event, Fact, Position, Referral, Time};
use brygga_engine::batch::Committed;
use brygga_engine::delivery::Delivery;
use brygga_engine::readers::AskError;
use brygga_engine::store::{Corrupt, Reader, StoreError};
use brygga_merkle::InclusionProof;
use brygga_wire::contract::{WriteRequest, WriteResponse};
use brygga_wire::convert::{Asked, Malformed};
use brygga_wire::{Door, v1, view};
use sha2::{Digest as _, Sha256};
use tonic::{Request, Response, Status};

use super::Rpc;
use super::status::Failed;
use crate::layers::digest::RequestDigest;

/// How a request becomes a command.
pub(super) type Convert<Q> = fn(Q, &Door, &AgencyId) -> Result<Asked, Malformed>;

/// A command that was carried out, with its receipt and what it released.
pub(super) struct Done {
    /// The agency that asked.
    pub(super) agency: AgencyId,
    /// The time of the answer.
    pub(super) now: Time,
    /// What was committed.
    pub(super) committed: Committed,
    /// Receipt and content.
    pub(super) delivery: Delivery,
    origin: String,
    pinned_size: u64,
}

impl Done {
    /// The referral as it stands after the command.
    pub(super) fn referral(&self) -> Result<&Referral, Failed> {
        self.committed.referral.as_deref().ok_or(Failed::Bug("a command about a referral was committed without one"))
    }

    /// How the referral stands for its sender.
    pub(super) fn sender_referral(&self) -> Result<v1::SenderReferral, Failed> {
        self.referral().map(view::sender_referral)
    }

    /// How the referral stands for its recipient.
    pub(super) fn envelope(&self) -> Result<v1::Envelope, Failed> {
        self.referral().map(view::envelope)
    }

    /// The last event of the receipt that is of the wanted kind, as it was stored.
    pub(super) fn event(&self, wanted: fn(&Fact) -> bool) -> Result<(Position, Event), Failed> {
        for leaf in self.delivery.receipt.leaves.iter().rev() {
            let corrupt =
                |_| Failed::Delivery(AskError::Store(StoreError::Corrupt(Corrupt { table: "event", row: leaf.position.to_string(), column: "bytes" })));
            let event = brygga_journal::decode(&leaf.bytes).map_err(corrupt)?;
            if wanted(&event.fact) {
                return Ok((leaf.position, event));
            }
        }
        Err(Failed::Bug("a receipt lacks the event that its command makes"))
    }

    fn receipt(&self) -> v1::Receipt {
        let receipt = &self.delivery.receipt;
        let size = self.committed.size;
        let proofs: Vec<InclusionProof> =
            receipt.leaves.iter().map(|leaf| InclusionProof { index: leaf.position.0, size, hashes: leaf.proof.clone() }).collect();
        view::receipt(&self.origin, receipt.leaves.iter().map(|leaf| leaf.bytes.clone()).zip(&proofs), receipt.checkpoint.clone())
    }

    fn consistency(&self) -> v1::ConsistencyProof {
        let none = v1::ConsistencyProof { from_size: self.pinned_size, to_size: self.committed.size, hashes: Vec::new() };
        self.delivery.consistency.as_ref().map_or(none, view::consistency)
    }

    /// The answer with its receipt.
    pub(super) fn proven<P: WriteResponse>(&self, mut answer: P) -> Response<P> {
        answer.prove(self.receipt(), self.consistency());
        Response::new(answer)
    }
}

impl<R: Reader> Rpc<R> {
    /// Carries a request out and shows what came of it.
    pub(super) async fn write<Q: WriteRequest + Send>(
        &self,
        request: Request<Q>,
        convert: Convert<Q>,
        show: fn(&Done) -> Result<Q::Response, Failed>,
    ) -> Result<Response<Q::Response>, Status> {
        let done = self.carry_out(request, |message, door, agency| convert(message, door, agency).map(|asked| (asked, ()))).await;
        let shown = done.and_then(|(done, ())| show(&done).map(|answer| done.proven(answer)));
        shown.map_err(|failed| self.status(&failed))
    }

    /// Carries a request out. `convert` may keep more of the request than the command does.
    pub(super) async fn carry_out<Q, T, C>(&self, request: Request<Q>, convert: C) -> Result<(Done, T), Failed>
    where
        Q: WriteRequest + Send,
        T: Send,
        C: FnOnce(Q, &Door, &AgencyId) -> Result<(Asked, T), Malformed> + Send,
    {
        let (_, extensions, message) = request.into_parts();
        let agency = self.caller(&extensions)?;
        let digest = digest::<Q>(extensions.get())?;
        let (asked, kept) = convert(message, &self.door, &agency)?;
        let pinned_size = asked.pinned_size;
        let receipted = self.broker.carry_out(asked.command(agency.clone(), digest, self.broker.entropy()?)).await?;
        let delivery = self.broker.deliver(&receipted, pinned_size).await.map_err(Failed::Delivery)?;
        let origin = self.broker.key().name().to_owned();
        Ok((Done { agency, now: self.broker.now(), committed: receipted.committed, delivery, origin, pinned_size }, kept))
    }
}

/// What the key is bound to. The method belongs to it because several requests have the same shape: accepting is not opening.
fn digest<Q: WriteRequest>(received: Option<&RequestDigest>) -> Result<Digest, Failed> {
    let received = received.and_then(RequestDigest::get).ok_or(Failed::Bug("a request came without its digest"))?;
    Ok(Digest(Sha256::new().chain_update(Q::PATH).chain_update([0]).chain_update(received.0).finalize().into()))
}
