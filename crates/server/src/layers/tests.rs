//! The whole stack over real mutual TLS: listener, layers and the gRPC library, from a client's side.

use std::sync::Arc;
use std::time::Duration;

use brygga_domain::{AgencyId, Time};
use bytes::Bytes;
use http::uri::PathAndQuery;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Server};
use tonic::{Request, Response, Status};
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_types::StatusExt;

use super::deadline::DeadlineLayer;
use super::digest::{DigestLayer, RequestDigest};
use super::limits::{ConcurrencyLayer, Limits};
use super::malformed::MalformedLayer;
use super::observe::ObserveLayer;
use crate::config::TelemetrySection;
use crate::dev::ca::{Authority, Credentials, DevFiles};
use crate::lifecycle::{Ended, Lifecycle, Part};
use crate::telemetry::Telemetry;
use crate::tls::{Listener, ListenerLimits, PeerInfo, Tls, TlsFiles};

const DEADLINE: Duration = Duration::from_secs(20);
const CHECK: &str = "/grpc.health.v1.Health/Check";

/// Answers who asked and with which bytes, or never; then it tells that the request is there.
struct Mirror(Arc<Notify>);

#[tonic::async_trait]
impl Health for Mirror {
    type WatchStream = ReceiverStream<Result<HealthCheckResponse, Status>>;

    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        if request.get_ref().service == "never" {
            self.0.notify_one();
            std::future::pending::<()>().await;
        }
        let peer = request.extensions().get::<PeerInfo>().unwrap();
        let digest = request.extensions().get::<RequestDigest>().unwrap().get().unwrap();
        Err(Status::not_found(format!("{} {digest}", peer.certificate.san_uri)))
    }

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("not asked for here"))
    }
}

/// Sends bytes as they are, which no client made from the contract would.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = ();
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        use bytes::BufMut;
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = ();
    type Error = Status;

    fn decode(&mut self, _: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
        Ok(Some(()))
    }
}

struct World {
    _folder: tempfile::TempDir,
    lifecycle: Lifecycle,
    /// Told when a request that is never answered has reached its handler.
    held: Arc<Notify>,
    channel: Channel,
    port: u16,
    config: Arc<ClientConfig>,
}

impl World {
    async fn new(limits: Limits) -> Self {
        let now = Time::from_micros(i64::try_from(UnixTime::now().as_secs()).unwrap() * 1_000_000);
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("test authority", now).unwrap();
        let dev = DevFiles::in_folder(folder.path());
        dev.write(&authority, std::iter::empty()).unwrap();
        let files = TlsFiles { certificate: dev.server_certificate(), key: dev.server_key(), client_ca: dev.ca(), crl: Vec::new() };
        let lifecycle = Lifecycle::new();
        let tls = Arc::new(Tls::load(files, lifecycle.cut()).unwrap());
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let incoming = listener.accept(tls, ListenerLimits::default(), lifecycle.tracker(), lifecycle.stop_accepting());
        let (telemetry, _subscriber) = Telemetry::start(&TelemetrySection::default(), std::io::sink).unwrap();
        let held = Arc::new(Notify::new());
        let server = limits
            .apply(Server::builder())
            .layer(ObserveLayer::new(telemetry.metrics().clone(), &[CHECK]))
            .layer(MalformedLayer::new(limits.message_bytes))
            .layer(DeadlineLayer::new(limits.deadline))
            .layer(ConcurrencyLayer::new(&limits))
            .layer(DigestLayer)
            .add_service(HealthServer::new(Mirror(Arc::clone(&held))).max_decoding_message_size(limits.message_bytes))
            .serve_with_incoming_shutdown(incoming, lifecycle.stop_accepting().cancelled_owned());
        lifecycle.spawn(Part::Server, "grpc", async move { server.await.unwrap() });

        let agency: AgencyId = "vasterort-polis".parse().unwrap();
        let client = authority.client(&agency).unwrap();
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(authority.certificate()))
            .identity(Identity::from_pem(&client.certificate, client.key.as_bytes()))
            .domain_name("localhost");
        let endpoint = Endpoint::try_from(format!("https://localhost:{port}")).unwrap().tls_config(tls).unwrap();
        let channel = tokio::time::timeout(DEADLINE, endpoint.connect()).await.unwrap().unwrap();
        Self { _folder: folder, lifecycle, held, channel, port, config: plain_config(&authority, &client) }
    }

    async fn send(&self, message: Bytes) -> Status {
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        grpc.ready().await.unwrap();
        let asked = grpc.unary(Request::new(message), PathAndQuery::from_static(CHECK), Raw);
        tokio::time::timeout(DEADLINE, asked).await.unwrap().unwrap_err()
    }

    /// Asks without a gRPC library: that one has a timer of its own, and would answer for the server.
    async fn send_plain(&self, message: &[u8], timeout: &'static str) -> Status {
        let socket = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let stream = TlsConnector::from(Arc::clone(&self.config)).connect(ServerName::try_from("localhost").unwrap(), socket).await.unwrap();
        let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
        let driving = self.lifecycle.tracker().spawn(connection);
        let request = http::Request::post(format!("https://localhost{CHECK}")).header("content-type", "application/grpc").header("grpc-timeout", timeout);
        let (answer, mut body) = sender.send_request(request.body(()).unwrap(), false).unwrap();
        let prefix = u32::try_from(message.len()).unwrap().to_be_bytes();
        body.send_data([&[0], &prefix[..], message].concat().into(), true).unwrap();
        let answer = answer.await.unwrap();
        driving.abort();
        Status::from_header_map(answer.headers()).unwrap()
    }
}

fn plain_config(authority: &Authority, client: &Credentials) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.certificate().as_bytes()).unwrap()).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(client.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(client.key.as_bytes()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider())).with_protocol_versions(&[&TLS13]).unwrap();
    let mut config = builder.with_root_certificates(roots).with_client_auth_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

/// The message of a health check for a service of that name.
fn check(service: &[u8]) -> Bytes {
    [&[0x0a, u8::try_from(service.len()).unwrap()][..], service].concat().into()
}

fn reason(status: &Status) -> Option<(String, String)> {
    status.get_details_error_info().map(|info| (info.reason, info.domain))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_learns_who_asks_and_the_digest_of_what_was_sent() {
    let world = World::new(Limits::default()).await;
    // An unknown field: decoded and encoded again it would be gone, and the digest another.
    let message: Bytes = [check(b"x"), Bytes::from_static(&[0x7a, 1, b'u'])].concat().into();
    let status = world.send(message.clone()).await;
    let wanted = format!("urn:brygga:agency:vasterort-polis {}", hex::encode(Sha256::digest(&message)));
    assert_eq!((status.code(), status.message()), (tonic::Code::NotFound, wanted.as_str()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_read_is_answered_with_a_reason() {
    let world = World::new(Limits { message_bytes: 256, ..Limits::default() }).await;
    let cases = [
        (Bytes::from(vec![0; 257]), tonic::Code::InvalidArgument, "MESSAGE_TOO_LARGE"),
        (Bytes::from_static(&[0xff, 0xff]), tonic::Code::InvalidArgument, "MALFORMED_MESSAGE"),
        (check(&[0xff, 0xfe]), tonic::Code::InvalidArgument, "MALFORMED_MESSAGE"),
    ];
    for (message, code, wanted) in cases {
        let status = world.send(message).await;
        assert_eq!((status.code(), reason(&status)), (code, Some((wanted.to_owned(), "brygga.v1".to_owned()))));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deadline_is_answered_before_the_library_cancels() {
    let world = World::new(Limits::default()).await;
    for timeout in ["50m", "200m", "3000u"] {
        let status = tokio::time::timeout(DEADLINE, world.send_plain(&check(b"never"), timeout)).await.unwrap();
        let wanted = ("DEADLINE_EXCEEDED".to_owned(), "brygga.v1".to_owned());
        assert_eq!((status.code(), reason(&status)), (tonic::Code::DeadlineExceeded, Some(wanted)), "{timeout}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_class_is_refused_and_a_stop_finishes_what_has_begun() {
    let world = World::new(Limits { reads_at_once: 1, deadline: Duration::from_secs(1), ..Limits::default() }).await;
    let (ask, asked) = tokio::sync::mpsc::channel(2);
    let slow = world.send(check(b"never"));
    let refused_then_stop = async {
        world.held.notified().await;
        let refused = world.send(check(b"x")).await;
        ask.send(()).await.unwrap();
        refused
    };
    let all = async { tokio::join!(slow, refused_then_stop, world.lifecycle.run(asked)) };
    let (slow, refused, ended) = tokio::time::timeout(DEADLINE, all).await.unwrap();
    assert_eq!(reason(&refused).unwrap().0, "OVER_CAPACITY");
    assert_eq!(reason(&slow).unwrap().0, "DEADLINE_EXCEEDED", "the stop waited for its answer: {slow:?}");
    assert_eq!(ended, Ended::Stopped);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hard_stop_cuts_what_never_ends() {
    let world = World::new(Limits { deadline: Duration::from_hours(1), ..Limits::default() }).await;
    let (ask, asked) = tokio::sync::mpsc::channel(2);
    let token: CancellationToken = world.lifecycle.not_serving();
    let never = world.send(check(b"never"));
    let stop = async {
        world.held.notified().await;
        ask.send(()).await.unwrap();
        token.cancelled().await;
        ask.send(()).await.unwrap();
    };
    let run = async { tokio::time::timeout(DEADLINE, world.lifecycle.run(asked)).await.unwrap() };
    let (never, (), ended) = tokio::join!(never, stop, run);
    assert_ne!(never.code(), tonic::Code::NotFound);
    assert_eq!(ended, Ended::Cut);
}
