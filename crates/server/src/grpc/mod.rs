//! The gRPC services: one file each, thin. A method finds the caller, converts, asks the broker and shows.
//!
//! What comes before: TLS and the layers, which put [`crate::tls::PeerInfo`] and [`crate::layers::digest::RequestDigest`] into each
//! request. What comes after: the engine. Nothing here decides, writes SQL, or makes a status outside [`status`].
//!
//! The application calls [`router`] once with a [`Parts`]: the broker's handle, the door's keys, the limits, the tracker under which
//! stream tasks run, and the token that ends them. It gets a [`Grpc`]: the routes, to be served behind the layers
//! (`Limits::apply(Server::builder()).layer(..).add_routes(grpc.routes)`), and the health reporter, on which every service stands as
//! serving until the application says otherwise. Cancelling the token ends every stream with UNAVAILABLE; unary calls end by
//! themselves. Requests are counted by the layers and commands by the engine's observer, so there is nothing to count here.

mod caller;
mod clearance;
mod command;
mod consent;
mod directory;
mod disclosure_log;
mod envelopes;
mod inbox;
mod open;
mod proofs;
mod read;
mod referral;
mod search;
pub mod status;
pub mod stream;
#[cfg(test)]
mod tests;

use std::ops::Deref;
use std::sync::Arc;

use brygga_domain::Reason;
use brygga_engine::Broker;
use brygga_engine::store::Reader;
use brygga_wire::v1::clearance_service_server::ClearanceServiceServer;
use brygga_wire::v1::consent_service_server::ConsentServiceServer;
use brygga_wire::v1::directory_service_server::DirectoryServiceServer;
use brygga_wire::v1::disclosure_log_service_server::DisclosureLogServiceServer;
use brygga_wire::v1::inbox_service_server::InboxServiceServer;
use brygga_wire::v1::referral_service_server::ReferralServiceServer;
use brygga_wire::v1::stream_service_server::StreamServiceServer;
use brygga_wire::{DESCRIPTORS, Door};
use opentelemetry::trace::TraceContextExt;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::{Code, Response, Status};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use self::status::Failed;
use crate::layers::limits::Limits;

/// Largest answer of the inbox: every section of a referral at its limit, with a full receipt.
pub const RELEASE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Largest answer about clearance: every cell of the largest referral there is, each with all its lawful ways in two languages.
pub const ASSESSMENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What the services are made of.
pub struct Parts<R> {
    /// The broker's handle.
    pub broker: Arc<Broker<R>>,
    /// The keys of the door.
    pub door: Door,
    /// The limits in force.
    pub limits: Limits,
    /// Under which streams run.
    pub tasks: TaskTracker,
    /// Ends the streams.
    pub stop: CancellationToken,
    /// Whether the contract can be asked for by reflection: in development only.
    pub reflection: bool,
}

/// The services, ready to be served.
pub struct Grpc {
    /// Every service, with health and, where wanted, reflection.
    pub routes: Routes,
    /// Tells whether each service serves.
    pub health: Health,
}

/// What is told of the services to whoever asks for their health.
pub struct Health {
    reporter: HealthReporter,
    services: Vec<&'static str>,
}

impl Health {
    /// Says of every service, and of the broker as a whole, that it does not serve.
    pub async fn not_serving(&self) {
        for service in &self.services {
            self.reporter.set_service_status(service, ServingStatus::NotServing).await;
        }
    }
}

/// The reflection service refuses the descriptors that were built in.
#[derive(Debug, thiserror::Error)]
#[error("the built-in descriptors give no reflection service")]
pub struct ReflectionError(#[source] tonic_reflection::server::Error);

/// Builds the services.
pub async fn router<R: Reader>(parts: Parts<R>) -> Result<Grpc, ReflectionError> {
    let Parts { broker, door, limits, tasks, stop, reflection } = parts;
    let asks = Semaphore::new(stream::STREAM_ASKS_AT_ONCE_MAX);
    let rpc = Arc::new(Rpc(Arc::new(Shared {
        broker,
        door,
        tasks,
        stop,
        asks,
        sorted_referrals: limits.sorted_referrals,
        shares: stream::commands::Shares::default(),
    })));
    let (reporter, health_service) = tonic_health::server::health_reporter();
    // The empty name stands for the broker as a whole.
    let mut services = vec![""];
    let mut routes = Routes::builder();
    routes.add_service(health_service);
    macro_rules! serve {
        ($($server:ident, $answer_bytes:expr;)*) => {$(
            let service = $server::from_arc(Arc::clone(&rpc));
            routes.add_service(service.max_decoding_message_size(limits.message_bytes).max_encoding_message_size($answer_bytes));
            reporter.set_serving::<$server<Rpc<R>>>().await;
            services.push(<$server<Rpc<R>> as NamedService>::NAME);
        )*};
    }
    serve! {
        ReferralServiceServer, limits.message_bytes;
        ConsentServiceServer, limits.message_bytes;
        ClearanceServiceServer, ASSESSMENT_BYTES_MAX;
        InboxServiceServer, RELEASE_BYTES_MAX;
        DisclosureLogServiceServer, limits.message_bytes;
        DirectoryServiceServer, limits.message_bytes;
        StreamServiceServer, RELEASE_BYTES_MAX;
    }
    if reflection {
        let service = tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(DESCRIPTORS).build_v1();
        routes.add_service(service.map_err(ReflectionError)?);
    }
    Ok(Grpc { routes: routes.routes().prepare(), health: Health { reporter, services } })
}

/// What every service holds.
pub(crate) struct Shared<R> {
    broker: Arc<Broker<R>>,
    door: Door,
    tasks: TaskTracker,
    stop: CancellationToken,
    asks: Semaphore,
    sorted_referrals: usize,
    shares: stream::commands::Shares,
}

/// The one type behind all services.
pub(crate) struct Rpc<R>(Arc<Shared<R>>);

impl<R> Clone for Rpc<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R> Deref for Rpc<R> {
    type Target = Shared<R>;

    fn deref(&self) -> &Shared<R> {
        &self.0
    }
}

impl<R: Reader> Rpc<R> {
    /// The answer of a read.
    fn answered<T>(&self, result: Result<T, Failed>) -> Result<Response<T>, Status> {
        result.map(Response::new).map_err(|failed| self.status(&failed))
    }

    /// The status of a failure. Here, and only here, it is logged: ids and codes, and what is our fault as an error.
    fn status(&self, failed: &Failed) -> Status {
        if let Some(corrupt) = failed.corrupt() {
            self.broker.stop_forwarding(&corrupt.to_string());
        }
        let incident = self.incident();
        let status = failed.status(&incident);
        match status.code() {
            Code::Internal => tracing::error!(error = %Fault(failed), "an internal error was answered; trace {incident}"),
            // Every open stream ends with the broker; that it stops is said once, by whoever stops it.
            Code::Unavailable if !matches!(failed, Failed::Stopping) => tracing::warn!(reason = %Fault(failed), "a call could not be answered"),
            Code::Ok
            | Code::Cancelled
            | Code::Unknown
            | Code::InvalidArgument
            | Code::DeadlineExceeded
            | Code::Unavailable
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::ResourceExhausted
            | Code::FailedPrecondition
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::DataLoss
            | Code::Unauthenticated => tracing::debug!(reason = %Fault(failed), "a call was refused"),
        }
        status
    }

    /// Names what happened to the operator: the trace it is part of, or a random number where nothing is traced.
    fn incident(&self) -> String {
        let context = tracing::Span::current().context();
        let span = context.span().span_context().clone();
        if span.is_valid() {
            return span.trace_id().to_string();
        }
        self.broker.entropy().map_or_else(|_| String::from("none"), |entropy| hex::encode(entropy.uuid("incident", 0).as_bytes()))
    }
}

/// A failure as the log may show it: codes and ids, never a value of a request.
struct Fault<'a>(&'a Failed);

impl std::fmt::Display for Fault<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use brygga_engine::NoAnswer;
        match self.0 {
            Failed::Malformed(malformed) => write!(f, "{} with {} faults", Reason::MalformedMessage.code(), malformed.violations.len()),
            Failed::Refused(refusal) => f.write_str(refusal.reason.code()),
            Failed::UnknownCertificate => f.write_str(Reason::UnknownAgency.code()),
            Failed::NoAnswer(NoAnswer::Failed(failure)) => f.write_str(failure.reason().code()),
            Failed::NoAnswer(NoAnswer::Full) => f.write_str(Reason::OverCapacity.code()),
            Failed::NoAnswer(NoAnswer::Gone) => f.write_str("the committer has stopped"),
            // Statement names and row ids; the cause below them may quote values and is left to the store's own metrics.
            Failed::Read(error) => write!(f, "reading: {error}"),
            Failed::Delivery(error) => write!(f, "reading after the commit: {error}"),
            Failed::NoRandomness(none) => write!(f, "{none}"),
            Failed::Stopping => f.write_str("the broker is stopping"),
            Failed::Bug(what) => f.write_str(what),
        }
    }
}
