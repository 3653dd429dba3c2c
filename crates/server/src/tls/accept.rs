//! The accept loop: from a listening socket to a stream of known peers.
//!
//! It must never let a slow, broken or greedy peer hold up the others: handshakes are bounded in number and in time, connections in
//! number for each address and each agency. The loop and every handshake run in the caller's task tracker.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use brygga_domain::directory::CertificateName;
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{Connection, PeerInfo, Places};
use super::reload::Tls;
use super::slots::{Slot, Slots};

/// Handshakes that may run at once; further connections wait in the system's queue.
pub const HANDSHAKES_MAX: usize = 128;
/// How long a handshake may take.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections of one address, and of one IPv6 network of 64 bits.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 128;
/// Connections of one agency.
pub const CONNECTIONS_PER_AGENCY_MAX: usize = 128;
/// Accepted connections that wait for the gRPC server.
const ACCEPTED_QUEUE_MAX: usize = 64;
/// First and longest wait after the system refuses another connection.
const BACK_OFF_MIN: Duration = Duration::from_millis(10);
const BACK_OFF_MAX: Duration = Duration::from_secs(1);

/// The limits of the accept loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenerLimits {
    /// Handshakes at once.
    pub handshakes: usize,
    /// How long one may take.
    pub handshake_timeout: Duration,
    /// Connections of one address.
    pub per_address: usize,
    /// Connections of one agency.
    pub per_agency: usize,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            handshakes: HANDSHAKES_MAX,
            handshake_timeout: HANDSHAKE_TIMEOUT,
            per_address: CONNECTIONS_PER_ADDRESS_MAX,
            per_agency: CONNECTIONS_PER_AGENCY_MAX,
        }
    }
}

/// A bound socket that does not accept yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
}

impl Listener {
    /// Binds the address; port 0 takes a free one.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { socket: TcpListener::bind(address).await? })
    }

    /// The address that was really bound.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Starts the accept loop in `tracker`. It ends when `stop` is cancelled or the stream is dropped; the stream then ends too.
    pub fn accept(self, tls: Arc<Tls>, limits: ListenerLimits, tracker: &TaskTracker, stop: CancellationToken) -> Incoming {
        let (accepted, incoming) = mpsc::channel(ACCEPTED_QUEUE_MAX);
        let door = Arc::new(Door {
            tls,
            handshake_timeout: limits.handshake_timeout,
            addresses: Slots::new(limits.per_address),
            agencies: Slots::new(limits.per_agency),
        });
        let accepting =
            AcceptLoop { socket: self.socket, door, handshakes: Arc::new(Semaphore::new(limits.handshakes)), accepted, tracker: tracker.clone(), stop };
        tracker.spawn(accepting.run());
        Incoming { incoming }
    }
}

/// Connections of known peers, for `serve_with_incoming_shutdown`.
pub struct Incoming {
    incoming: mpsc::Receiver<Connection>,
}

impl Stream for Incoming {
    type Item = io::Result<Connection>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.incoming.poll_recv(context).map(|connection| connection.map(Ok))
    }
}

struct AcceptLoop {
    socket: TcpListener,
    door: Arc<Door>,
    handshakes: Arc<Semaphore>,
    accepted: mpsc::Sender<Connection>,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl AcceptLoop {
    async fn run(self) {
        let stop = self.stop.clone();
        let closed = self.accepted.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            () = closed.closed() => {}
            () = self.accept_all() => {}
        }
    }

    async fn accept_all(&self) {
        let mut back_off = BACK_OFF_MIN;
        loop {
            // Taken before the connection: who finds no place waits in the system's queue and costs nothing.
            let Ok(permit) = Arc::clone(&self.handshakes).acquire_owned().await else { return };
            match self.socket.accept().await {
                Ok((stream, address)) => {
                    back_off = BACK_OFF_MIN;
                    self.admit(stream, address, permit);
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    // Out of file descriptors or memory: trying again at once would only burn the processor.
                    tracing::warn!(error = %error, "accepting connections fails, backing off");
                    tokio::time::sleep(back_off).await;
                    back_off = back_off.saturating_mul(2).min(BACK_OFF_MAX);
                }
            }
        }
    }

    /// Starts a handshake; without a free place for its address the connection is dropped.
    fn admit(&self, stream: TcpStream, address: SocketAddr, permit: OwnedSemaphorePermit) {
        let Some(place) = self.door.addresses.take(counted_as(address.ip())) else {
            tracing::debug!(reason = "too_many_of_one_address", "connection refused");
            return;
        };
        let (door, accepted, stop) = (Arc::clone(&self.door), self.accepted.clone(), self.stop.clone());
        self.tracker.spawn(async move {
            let opened = tokio::select! {
                () = stop.cancelled() => return,
                opened = door.open(stream, address, place) => opened,
            };
            drop(permit);
            match opened {
                // A send that fails means that the server has stopped; the connection goes with it.
                Ok(connection) => drop(accepted.send(connection).await),
                Err(refused) => tracing::debug!(reason = %refused, "connection refused"),
            }
        });
    }
}

/// Errors of the one connection that was about to be accepted; the next one may be fine.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused | io::ErrorKind::Interrupted)
}

/// One IPv6 host owns a network of 64 bits at least, so the network is what is counted.
fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

/// Why a connection was not let in; text for the log, without anything about the peer.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("handshake_too_slow")]
    TooSlow,
    #[error("handshake_failed")]
    Handshake,
    #[error("no_http2")]
    NoHttp2,
    #[error("no_agency")]
    NoAgency,
    #[error("too_many_of_one_agency")]
    TooManyOfOneAgency,
    #[error("no_longer_valid")]
    NoLongerValid,
}

/// What decides who comes in.
struct Door {
    tls: Arc<Tls>,
    handshake_timeout: Duration,
    addresses: Slots<IpAddr>,
    agencies: Slots<CertificateName>,
}

impl Door {
    async fn open(&self, stream: TcpStream, address: SocketAddr, place: Slot<IpAddr>) -> Result<Connection, Refused> {
        // Small answers must not wait for more to come; a socket that refuses the option still works.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(error = %error, "TCP_NODELAY could not be set");
        }
        let state = self.tls.state();
        let acceptor = TlsAcceptor::from(Arc::clone(&state.server));
        let stream: TlsStream<TcpStream> =
            tokio::time::timeout(self.handshake_timeout, acceptor.accept(stream)).await.map_err(|_| Refused::TooSlow)?.map_err(|_| Refused::Handshake)?;
        let (_, session) = stream.get_ref();
        if session.alpn_protocol() != Some(b"h2") {
            return Err(Refused::NoHttp2);
        }
        let chain: Vec<CertificateDer<'static>> = session.peer_certificates().unwrap_or_default().iter().map(|one| one.clone().into_owned()).collect();
        let now = state.server.time_provider.current_time().ok_or(Refused::NoLongerValid)?;
        let certificate = state.issuers.identify(&chain, now).map_err(|_| Refused::NoAgency)?;
        let agency = self.agencies.take(certificate.name()).ok_or(Refused::TooManyOfOneAgency)?;
        let registered = self.tls.register(chain).ok_or(Refused::NoLongerValid)?;
        let not_after_us = u64::try_from(certificate.not_after.micros()).unwrap_or(0);
        let lives_for = Duration::from_micros(not_after_us).saturating_sub(Duration::from_secs(now.as_secs()));
        let places = Places { _address: place, _agency: agency, registered };
        Ok(Connection::new(stream, PeerInfo::new(address, Arc::new(certificate)), lives_for, places))
    }
}
