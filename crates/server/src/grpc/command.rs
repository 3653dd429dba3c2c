//! The common path of every write, alone or on a stream: request, command, commit, receipt.
//!
//! It never answers before the commit. What comes before: the conversion at the door. What comes after: [`Served::show`], which says
//! how things stand.

use std::future::Future;
use std::sync::Arc;

use brygga_domain::{AgencyId, Digest, Event, Fact, GroundTable, Position, Reason, Referral, Time};
use brygga_engine::batch::Committed;
use brygga_engine::delivery::Delivery;
use brygga_engine::readers::AskError;
use brygga_engine::send_window::SendWindow;
use brygga_engine::store::{Corrupt, Reader, StoreError};
use brygga_merkle::InclusionProof;
use brygga_wire::contract::{WriteRequest, WriteResponse};
use brygga_wire::convert::{Asked, Malformed, Warning};
use brygga_wire::{Door, v1, view};
use http::Extensions;
use sha2::{Digest as _, Sha256};
use tonic::{Request, Response, Status};

use super::Rpc;
use super::status::Failed;
use crate::layers::departure::Departing;
use crate::layers::digest::RequestDigest;
use crate::tls::{Carried, Departures, PeerInfo};

/// A write as it is served: alone and on a stream alike.
pub(super) trait Served: WriteRequest<Response: 'static> + 'static {
    /// The command of a request.
    fn convert(self, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed>;
    /// What its answer shows beside the proof.
    fn show<R: Reader>(rpc: &Rpc<R>, done: &mut Done) -> impl Future<Output = Result<Self::Response, Failed>> + Send;
}

/// Serves requests whose answer is read off what was committed.
macro_rules! served {
    ($($request:ident $convert:ident => $show:expr;)*) => {$(
        impl $crate::grpc::command::Served for brygga_wire::v1::$request {
            fn convert(self, door: &brygga_wire::Door, agency: &brygga_domain::AgencyId) -> Result<brygga_wire::convert::Asked, brygga_wire::convert::Malformed> {
                brygga_wire::convert::$convert(self, door, agency)
            }

            async fn show<R: brygga_engine::store::Reader>(_: &$crate::grpc::Rpc<R>, done: &mut $crate::grpc::command::Done) -> Result<Self::Response, $crate::grpc::status::Failed> {
                let show: fn(&$crate::grpc::command::Done) -> Result<Self::Response, $crate::grpc::status::Failed> = $show;
                show(done)
            }
        }
    )*};
}
pub(super) use served;

/// A request that came, and from whom.
pub(super) struct Received<Q> {
    /// The agency of the connection.
    pub(super) agency: AgencyId,
    /// SHA-256 of the request as it came.
    pub(super) raw: Digest,
    /// The request.
    pub(super) message: Q,
    /// On which way.
    pub(super) came: Came,
    /// The connection that it is answered over.
    pub(super) departures: Departures,
}

/// On which way a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// By its own method: its answer goes on from the client's pin.
    Alone,
    /// On a stream, which knows what it sent before and proves what is between.
    OnStream,
}

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
    /// Size of the log that the client has pinned.
    pub(super) pinned_size: u64,
    /// What its sender should look at once more.
    pub(super) warnings: Vec<Warning>,
    /// The law that it was decided under.
    pub(super) table: Arc<GroundTable>,
    origin: String,
    window: Option<SendWindow>,
    departures: Departures,
}

impl Done {
    /// The referral as it stands after the command.
    pub(super) fn referral(&self) -> Result<&Referral, Failed> {
        self.committed.referral.as_deref().ok_or(Failed::Bug("a command about a referral was committed without one"))
    }

    /// How the referral stands for its sender.
    pub(super) fn sender_referral(&self) -> Result<v1::SenderReferral, Failed> {
        self.referral().map(|referral| view::sender_referral(referral, &self.table))
    }

    /// What was taken and may stand in the wrong place.
    pub(super) fn warnings(&self) -> Vec<v1::Warning> {
        view::warnings("", &self.warnings)
    }

    /// How the referral stands for its recipient.
    pub(super) fn envelope(&self) -> Result<v1::Envelope, Failed> {
        self.referral().map(|referral| view::envelope(referral, &self.table, self.now))
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

    /// Its receipt.
    pub(super) fn receipt(&self) -> v1::Receipt {
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

    /// Sets what was released on its way, as long as it may leave.
    pub(super) fn depart(&mut self) -> Result<Option<Carried>, Failed> {
        let Some(window) = self.window.take() else { return Ok(None) };
        self.departures.carry(window).map(Some).ok_or_else(|| Reason::DeadlineExceeded.into())
    }

    /// The answer with its receipt.
    pub(super) fn proven<P: WriteResponse>(&self, mut answer: P) -> Response<P> {
        answer.prove(self.receipt(), self.consistency());
        Response::new(answer)
    }
}

impl<R: Reader> Rpc<R> {
    /// Carries a request out and shows what came of it.
    pub(super) async fn write<Q: Served>(&self, request: Request<Q>) -> Result<Response<Q::Response>, Status> {
        let answered = async {
            let (mut done, ()) = self.carry_out(self.received(request)?, asked).await?;
            let answer = Q::show(self, &mut done).await?;
            let carried = done.depart()?;
            let mut response = done.proven(answer);
            if let Some(carried) = carried {
                response.extensions_mut().insert(Departing::of(carried));
            }
            Ok(response)
        };
        answered.await.map_err(|failed: Failed| self.status(&failed))
    }

    /// A request by its own method, with the digest that the layer took of it.
    pub(super) fn received<Q>(&self, request: Request<Q>) -> Result<Received<Q>, Failed> {
        let (_, extensions, message) = request.into_parts();
        let agency = self.caller(&extensions)?;
        let raw = extensions.get().and_then(RequestDigest::get).ok_or(Failed::Bug("a request came without its digest"))?;
        let departures = departures(&extensions);
        Ok(Received { agency, raw, message, came: Came::Alone, departures })
    }

    /// Carries a request out. `convert` may keep more of the request than the command does.
    pub(super) async fn carry_out<Q, T, C>(&self, received: Received<Q>, convert: C) -> Result<(Done, T), Failed>
    where
        Q: WriteRequest + Send,
        T: Send,
        C: FnOnce(Q, &Door, &AgencyId) -> Result<(Asked, T), Malformed> + Send,
    {
        let Received { agency, raw, message, came, departures } = received;
        let digest = digest::<Q>(raw);
        let (mut asked, kept) = convert(message, &self.door, &agency)?;
        let (pinned_size, warnings) = (asked.pinned_size, std::mem::take(&mut asked.warnings));
        let mut receipted = self.broker.carry_out(asked.command(agency.clone(), digest, self.broker.entropy()?)).await?;
        let from = match came {
            Came::Alone => pinned_size,
            Came::OnStream => 0,
        };
        let delivery = self.broker.deliver(&receipted, from).await.map_err(Failed::Delivery)?;
        let origin = self.broker.key().name().to_owned();
        let (now, table, window) = (self.broker.now(), Arc::clone(self.broker.table()), receipted.window.take());
        Ok((Done { agency, now, committed: receipted.committed, delivery, pinned_size, warnings, table, origin, window, departures }, kept))
    }
}

/// The connection that a request came over.
pub(super) fn departures(extensions: &Extensions) -> Departures {
    extensions.get::<PeerInfo>().map(|peer| peer.departures.clone()).unwrap_or_default()
}

/// The conversion of a request of which nothing is kept.
pub(super) fn asked<Q: Served>(message: Q, door: &Door, agency: &AgencyId) -> Result<(Asked, ()), Malformed> {
    message.convert(door, agency).map(|asked| (asked, ()))
}

/// What the key is bound to. The method belongs to it because several requests have the same shape: accepting is not opening.
fn digest<Q: WriteRequest>(raw: Digest) -> Digest {
    Digest(Sha256::new().chain_update(Q::PATH).chain_update([0]).chain_update(raw.0).finalize().into())
}
