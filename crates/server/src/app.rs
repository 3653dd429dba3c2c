//! Puts the broker together and runs it: the log, the committer, the services behind their layers, the operator's listener.
//!
//! `serve`, `dev`, the tour and the tests all start a broker here, and nowhere else.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use brygga_domain::event::Officer;
use brygga_domain::{Action, AgencyId, Command, Digest, Directory, OfficerProof, RequestId, TableHash};
use brygga_engine::committer::Stopped;
use brygga_engine::lanes::{LaneLimits, QueueDepth};
use brygga_engine::{Broker, Clock, Parts, SystemRandomness, assemble, directory};
use brygga_store::{AnyReader, SqliteCheckpointer};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use crate::clocks;
use crate::config::{Config, Purpose};
use crate::directory_file::{DirectoryError, DirectoryFile};
use crate::follow::follow;
use crate::grounds;
use crate::grpc;
use crate::layers::deadline::DeadlineLayer;
use crate::layers::departure::DepartureLayer;
use crate::layers::digest::DigestLayer;
use crate::layers::limits::ConcurrencyLayer;
use crate::layers::malformed::MalformedLayer;
use crate::layers::methods::METHODS;
use crate::layers::observe::ObserveLayer;
use crate::lifecycle::{Ended, Lifecycle, Part};
use crate::notices::{Brokers, NoticeError, Notices, Stops};
use crate::observer::CommitObserver;
use crate::open::{self, Opened, Upkeep};
use crate::operator::{self, Operator, Readiness};
use crate::telemetry::Telemetry;
use crate::tls::{Listener, Tls, watch_files};

/// The broker's own name in events that nobody else causes.
pub const BROKER_NAME: &str = "brygga";
/// How often the WAL is moved into the database file.
const WAL_INTERVAL: Duration = Duration::from_secs(1);

/// What a broker is started with.
pub struct Start {
    /// The configuration.
    pub config: Config,
    /// Real data, or made-up people only.
    pub purpose: Purpose,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// How long the committer's lanes are.
    pub lanes: LaneLimits,
}

/// A broker that runs.
pub struct Running {
    /// Where gRPC is served.
    pub grpc: SocketAddr,
    /// Where the operator's listener is.
    pub operator: SocketAddr,
    /// The handle.
    pub broker: Arc<Broker<AnyReader>>,
    /// The tasks.
    pub lifecycle: Lifecycle,
}

/// Why a broker does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log does not open.
    #[error(transparent)]
    Open(#[from] open::OpenLogError),
    /// The log has not begun.
    #[error("{place} holds no log yet; run: bryggad init")]
    NotBegun {
        /// The database.
        place: String,
    },
    /// The log was begun under another origin.
    #[error("a directory entry or the first event was refused: {0}")]
    Begin(String),
    /// The configured ground table is not the one in force.
    #[error("ground table {0} is not in force; two officers put it into force, each with: bryggad grounds activate")]
    TableNotActive(TableHash),
    /// Who agreed to a ground table can't be read.
    #[error("{0}")]
    Approval(String),
    /// The directory file.
    #[error("the directory")]
    Directory(#[from] DirectoryError),
    /// Notices.
    #[error("notices")]
    Notices(#[from] NoticeError),
    /// TLS.
    #[error("TLS")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A socket.
    #[error("listening on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Reflection.
    #[error(transparent)]
    Reflection(#[from] grpc::ReflectionError),
}

/// Begins a new log and enters the directory: what `bryggad init` does. A log begins with the tables that ship; others come into force as they always do.
pub async fn init(mut start: Start) -> Result<(), StartError> {
    start.config.grounds = None;
    open::begin(&start.config).await?;
    let lifecycle = Lifecycle::new();
    let opened = open::open(&start.config).await?;
    let (broker, _) = run_log(opened, &start, &lifecycle, Arc::new(brygga_engine::observe::Unobserved));
    let table = broker.table().hash();
    let began = carry_out(&broker, "log", None, Action::StartLog { origin: start.config.log.origin.clone(), table }).await;
    let entered = match began {
        Ok(()) => enter_directory(&broker, &start.config.directory.file).await,
        Err(error) => Err(error),
    };
    stop_now(&lifecycle).await;
    entered
}

/// Ends a broker in order, without waiting for a signal.
pub async fn stop_now(lifecycle: &Lifecycle) -> Ended {
    // The only sender is dropped at once, which asks as well as a signal does.
    let (_, asked) = mpsc::channel(1);
    lifecycle.run(asked).await
}

/// Starts a broker; it is ready when this returns.
pub async fn start(start: Start, telemetry: &Telemetry) -> Result<Running, StartError> {
    let config = &start.config;
    let lifecycle = Lifecycle::new();
    let opened = open::open(config).await?;
    if opened.head.size == 0 {
        return Err(StartError::NotBegun { place: config.storage.place.to_string() });
    }
    let tls = Tls::load(config.tls_files(), lifecycle.cut()).map_err(|error| StartError::Tls(Box::new(error)))?;
    let listening = |address| move |source| StartError::Listen { address, source };
    let operator_socket = operator::bind(config.listen.operator).await.map_err(listening(config.listen.operator))?;
    let listener = Listener::bind(config.listen.address).await.map_err(listening(config.listen.address))?;
    let activation = if opened.state.is_ok() { awaited(config, &opened)? } else { None };
    let (notices, outside) = Notices::new(&config.notices)?;
    let observer = Arc::new(CommitObserver::new(telemetry.metrics().clone(), notices));
    let (broker, upkeep) = run_log(opened, &start, &lifecycle, observer);
    // Before anything can be committed that concerns a function: what was never told of before is told of from here on.
    let begins = *broker.head().borrow();
    let brokers = if matches!(upkeep, Upkeep::Wal(_)) { Brokers::One } else { Brokers::Several };
    for told in outside {
        let stops = Stops { stop: lifecycle.stop_accepting(), cut: lifecycle.cut() };
        lifecycle.spawn(Part::Server, "notices", told.run(Arc::clone(&broker), (begins, brokers), stops));
    }
    match upkeep {
        Upkeep::Wal(wal) => lifecycle.spawn(Part::Worker, "wal", move_wal(wal, lifecycle.drain())),
        Upkeep::Others(hints) => lifecycle.spawn(Part::Worker, "follower", follow(Arc::clone(&broker), *hints, lifecycle.drain())),
    }
    if let Some((second, action)) = activation {
        carry_out(&broker, "ground table", Some(second), action).await?;
        grounds::spent(config);
    }
    if broker.doubt().is_none() {
        enter_directory(&broker, &config.directory.file).await?;
    }
    let name = BROKER_NAME.parse().map_err(|error: brygga_domain::IdError| StartError::Begin(error.to_string()))?;
    lifecycle.spawn(Part::Server, "clocks", clocks::watch(Arc::clone(&broker), name, lifecycle.stop_accepting()));
    let (grpc, operator) = (local(listener.local_addr(), config.listen.address)?, local(operator_socket.local_addr(), config.listen.operator)?);
    let (ready, readiness) = watch::channel(Readiness::Starting);
    let serves = Operator { readiness, registry: telemetry.registry() };
    let stop = lifecycle.drain();
    lifecycle.spawn(Part::Worker, "operator", async move {
        if let Err(error) = operator::serve(operator_socket, serves, stop).await {
            tracing::error!(error = %error, "the operator's listener ended");
        }
    });
    let health = serve_grpc(&start, &broker, &lifecycle, (listener, Arc::new(tls)), telemetry).await?;
    ready.send_replace(if broker.doubt().is_none() { Readiness::Ready } else { Readiness::Doubted });
    lifecycle.tracker().spawn(tell_when_over(Arc::clone(&broker), lifecycle.not_serving(), ready, health));
    Ok(Running { grpc, operator, broker, lifecycle })
}

/// Whoever leads callers to this broker is told when it serves no more: it stops, or it doubts its log.
async fn tell_when_over(broker: Arc<Broker<AnyReader>>, stopping: CancellationToken, ready: watch::Sender<Readiness>, health: grpc::Health) {
    let over = tokio::select! {
        () = stopping.cancelled() => Readiness::Stopping,
        () = broker.doubted() => Readiness::Doubted,
    };
    ready.send_replace(over);
    health.not_serving().await;
    // A doubted log is read until the broker stops; the state stays what the operator needs to know.
    stopping.cancelled().await;
}

fn local(bound: std::io::Result<SocketAddr>, address: SocketAddr) -> Result<SocketAddr, StartError> {
    bound.map_err(|source| StartError::Listen { address, source })
}

/// What puts the configured ground table into force, where another one is: two officers have agreed to it, or the broker does not start.
fn awaited(config: &Config, opened: &Opened) -> Result<Option<(Officer, Action)>, StartError> {
    let table = opened.law.table.hash();
    if opened.head.grounds.0 == table.0 {
        return Ok(None);
    }
    let agreed = grounds::approved(config, table).map_err(|error| StartError::Approval(format!("{error:#}")))?;
    let (first, second) = agreed.ok_or(StartError::TableNotActive(table))?;
    let (door, own) = (open::door(config)?, own_name()?);
    let officer = |name: &str| door.officer(&own, name);
    let second = Officer { pseudonym: officer(&second), proof: OfficerProof::Asserted };
    Ok(Some((second, Action::ActivateGroundTable { proposed_by: officer(&first) })))
}

fn own_name() -> Result<AgencyId, StartError> {
    BROKER_NAME.parse().map_err(|error: brygga_domain::IdError| StartError::Begin(error.to_string()))
}

/// Runs the committer, unless the log is in doubt.
fn run_log(opened: Opened, start: &Start, lifecycle: &Lifecycle, observer: Arc<dyn brygga_engine::observe::Observer>) -> (Arc<Broker<AnyReader>>, Upkeep) {
    let parts = Parts {
        store: opened.store,
        readers: opened.readers,
        law: opened.law,
        signer: opened.signer,
        state: opened.state,
        head: opened.head,
        clock: Arc::clone(&start.clock),
        randomness: Arc::new(SystemRandomness),
        observer,
        limits: start.lanes,
        tasks: lifecycle.tracker().clone(),
        stop: lifecycle.drain(),
    };
    let (broker, committer) = assemble(parts);
    let broker = Arc::new(broker);
    if let Some(committer) = committer {
        let doubted = Arc::clone(&broker);
        lifecycle.spawn(Part::Worker, "committer", async move {
            if let Stopped::Doubt(why) = committer.run().await {
                doubted.stop_forwarding(&why);
            }
        });
    }
    (broker, opened.upkeep)
}

async fn move_wal(mut wal: SqliteCheckpointer, stop: CancellationToken) {
    loop {
        if let Err(error) = wal.checkpoint().await {
            tracing::warn!(error = %error, "the WAL could not be moved into the database file");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(WAL_INTERVAL) => {}
        }
    }
}

async fn serve_grpc(
    start: &Start,
    broker: &Arc<Broker<AnyReader>>,
    lifecycle: &Lifecycle,
    socket: (Listener, Arc<Tls>),
    telemetry: &Telemetry,
) -> Result<grpc::Health, StartError> {
    let (listener, tls) = socket;
    let limits = start.config.limits.grpc();
    let (queued, connected) = (Arc::downgrade(broker), Arc::downgrade(&tls));
    telemetry.metrics().watch_queue(move || queued.upgrade().map_or(QueueDepth { prompt: 0, ordinary: 0 }, |broker| broker.waiting()));
    telemetry.metrics().watch_connections(move || connected.upgrade().map_or(0, |tls| tls.open_connections()));
    let parts = grpc::Parts {
        broker: Arc::clone(broker),
        door: open::door(&start.config)?,
        limits,
        tasks: lifecycle.tracker().clone(),
        stop: lifecycle.end_streams(),
        reflection: start.purpose == Purpose::Development,
    };
    let services = grpc::router(parts).await?;
    let incoming = listener.accept(Arc::clone(&tls), start.config.limits.listener(), lifecycle.tracker(), lifecycle.stop_accepting());
    let server = limits
        .apply(Server::builder())
        .layer(ObserveLayer::new(telemetry.metrics().clone(), METHODS))
        .layer(MalformedLayer::new(limits.message_bytes))
        .layer(DeadlineLayer::new(limits.deadline))
        .layer(ConcurrencyLayer::new(&limits))
        .layer(DigestLayer)
        .layer(DepartureLayer)
        .add_routes(services.routes);
    let stop = lifecycle.stop_accepting();
    lifecycle.spawn(Part::Server, "grpc", async move {
        if let Err(error) = server.serve_with_incoming_shutdown(incoming, stop.cancelled_owned()).await {
            tracing::error!(error = %error, "the gRPC server ended");
        }
    });
    let watched = watch_files(tls, lifecycle.drain());
    lifecycle.spawn(Part::Worker, "certificates", async move {
        if let Err(error) = watched.await {
            tracing::error!(error = %error, "certificate files are no longer watched");
        }
    });
    Ok(services.health)
}

/// Enters agencies and functions whose entries differ from what the log knows.
async fn enter_directory(broker: &Broker<AnyReader>, file: &Path) -> Result<(), StartError> {
    let wanted = DirectoryFile::load(file)?.into_directory(None)?;
    let known = broker.directory();
    for agency in wanted.agencies().filter(|agency| known.agency(&agency.id) != Some(agency)) {
        let entry = directory::entry_digest(&directory::agency_entry(agency));
        carry_out(broker, agency.id.as_str(), None, Action::RegisterAgency(agency.clone(), entry)).await?;
    }
    for function in wanted.functions().filter(|function| known.function(&function.id) != Some(function)) {
        let entry = directory::entry_digest(&directory::function_entry(function));
        carry_out(broker, function.id.as_str(), None, Action::RegisterFunction(function.clone(), entry)).await?;
    }
    tell_of_missing(&known, &wanted);
    Ok(())
}

/// An entry that is gone from the file stays in the log's directory: what it did is on record.
fn tell_of_missing(known: &Directory, wanted: &Directory) {
    for agency in known.agencies().filter(|agency| wanted.agency(&agency.id).is_none()) {
        tracing::warn!(agency = %agency.id, "the agency is no longer in the directory file; it stays in the directory of the log");
    }
}

async fn carry_out(broker: &Broker<AnyReader>, what: &str, officer: Option<Officer>, action: Action) -> Result<(), StartError> {
    let failed = |why: String| StartError::Begin(format!("{what}: {why}"));
    let agency = own_name()?;
    let entropy = broker.entropy().map_err(|error| failed(error.to_string()))?;
    let request = RequestId(entropy.uuid("request", 0));
    let digest = Digest(entropy.bytes("request", 0));
    let command = Command { agency, officer, request, digest, entropy, action };
    broker.carry_out(command).await.map(drop).map_err(|error| failed(format!("{error:?}")))
}
