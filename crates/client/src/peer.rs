//! For tests: a peer on real mutual TLS that answers what it is told to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use prost::Message;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{Client, ClientConfig, Deadlines};

pub(crate) const DOMAIN: &str = "brygga.v1";

#[derive(Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
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
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

/// Answers the call of that number (from 0): for a stream as many items as wanted, else one.
type Script = Box<dyn Fn(usize, &str, &Bytes) -> Vec<Result<Bytes, Status>> + Send + Sync>;

pub(crate) struct Peer {
    script: Script,
    seen: Mutex<Vec<(String, Bytes)>>,
}

impl Peer {
    pub(crate) fn of(script: impl Fn(usize, &str, &Bytes) -> Vec<Result<Bytes, Status>> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { script: Box::new(script), seen: Mutex::default() })
    }

    pub(crate) fn seen(&self) -> Vec<(String, Bytes)> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.seen().into_iter().map(|(path, _)| path.rsplit('/').next().unwrap().to_owned()).collect()
    }

    fn answer(&self, path: &str, body: Bytes) -> Vec<Result<Bytes, Status>> {
        let number = {
            let mut seen = self.seen.lock().unwrap();
            seen.push((path.to_owned(), body.clone()));
            seen.len() - 1
        };
        (self.script)(number, path, &body)
    }
}

/// One gRPC service by its name; all of them hand their calls to the peer.
macro_rules! services {
    ($($name:ident = $service:literal;)*) => {$(
        #[derive(Clone)]
        struct $name(Arc<Peer>);

        impl tonic::server::NamedService for $name {
            const NAME: &'static str = $service;
        }

        impl tower::Service<http::Request<tonic::body::Body>> for $name {
            type Response = http::Response<tonic::body::Body>;
            type Error = std::convert::Infallible;
            type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

            fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
                std::task::Poll::Ready(Ok(()))
            }

            fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
                let peer = Arc::clone(&self.0);
                Box::pin(async move { Ok(served(peer, request).await) })
            }
        }
    )*};
}

services! {
    Referrals = "brygga.v1.ReferralService";
    Consents = "brygga.v1.ConsentService";
    InboxOf = "brygga.v1.InboxService";
    LogOf = "brygga.v1.DisclosureLogService";
}

async fn served(peer: Arc<Peer>, request: http::Request<tonic::body::Body>) -> http::Response<tonic::body::Body> {
    let path = request.uri().path().to_owned();
    let mut grpc = tonic::server::Grpc::new(Raw);
    if path.contains("/Watch") || path.contains("/Tail") {
        let handler = tower::service_fn(move |request: Request<Bytes>| {
            let answers = peer.answer(&path, request.into_inner());
            async move {
                // The stream stays open and silent unless its last item ends it.
                let (out, items) = tokio::sync::mpsc::channel(64);
                let ends = answers.last().is_some_and(Result::is_err);
                for answer in answers {
                    out.try_send(answer).unwrap();
                }
                if !ends {
                    std::mem::forget(out);
                }
                Ok::<_, Status>(Response::new(ReceiverStream::new(items)))
            }
        });
        grpc.server_streaming(handler, request).await
    } else {
        let handler = tower::service_fn(move |request: Request<Bytes>| {
            let answer = peer.answer(&path, request.into_inner()).remove(0);
            async move { answer.map(Response::new) }
        });
        grpc.unary(handler, request).await
    }
}

pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) config: ClientConfig,
    tls: Arc<rustls::ServerConfig>,
    listener: Option<TcpListener>,
}

pub(crate) fn world(log_key: String) -> World {
    let folder = tempfile::tempdir().unwrap();
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate().unwrap();
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let issuer = Issuer::new(ca, ca_key);
    let issue = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        (certificate, key)
    };
    let ((server, server_key), (client, client_key)) = (issue("localhost"), issue("solna-soc"));
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    for authority in crate::transport::certificates(ca_pem.as_bytes(), "authority").unwrap() {
        roots.add(authority).unwrap();
    }
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let key = PrivateKeyDer::try_from(server_key.serialize_der()).unwrap();
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![server.der().clone()], key)
        .unwrap();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let config = ClientConfig {
        endpoint: format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port()),
        server_name: Some(String::from("localhost")),
        ca_pem: ca_pem.into_bytes(),
        cert_pem: client.pem().into_bytes(),
        key_pem: client_key.serialize_pem().into_bytes(),
        agency: "solna-soc".parse().unwrap(),
        functions: vec!["solna-rvc".parse().unwrap()],
        log_key,
        pin: folder.path().join("solna-soc.pin"),
        deadlines: Deadlines {
            overall: Duration::from_secs(20),
            one_try: Duration::from_secs(5),
            connect: Duration::from_secs(5),
            heartbeat: Duration::from_millis(100),
        },
    };
    World { folder, config, tls: Arc::new(tls), listener: Some(TcpListener::from_std(listener).unwrap()) }
}

impl World {
    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.config).unwrap().as_officer("sara")
    }

    /// Serves until the test ends.
    pub(crate) fn serve(&mut self, peer: &Arc<Peer>) {
        let (listener, acceptor) = (self.listener.take().unwrap(), TlsAcceptor::from(Arc::clone(&self.tls)));
        let incoming = futures_util::stream::unfold((listener, acceptor), |(listener, acceptor)| async move {
            loop {
                let (stream, _) = listener.accept().await.ok()?;
                if let Ok(stream) = acceptor.accept(stream).await {
                    return Some((Ok::<_, std::io::Error>(stream), (listener, acceptor)));
                }
            }
        });
        let server = tonic::transport::Server::builder()
            .add_service(Referrals(Arc::clone(peer)))
            .add_service(Consents(Arc::clone(peer)))
            .add_service(InboxOf(Arc::clone(peer)))
            .add_service(LogOf(Arc::clone(peer)));
        let serving = server.serve_with_incoming(incoming);
        std::thread::spawn({
            let runtime = tokio::runtime::Handle::current();
            move || runtime.block_on(serving)
        });
    }
}

pub(crate) fn one(message: &impl Message) -> Vec<Result<Bytes, Status>> {
    vec![Ok(message.encode_to_vec().into())]
}

pub(crate) fn no(code: Code, reason: &str, retry: Option<Duration>) -> Vec<Result<Bytes, Status>> {
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, []);
    if retry.is_some() {
        details.set_retry_info(retry);
    }
    vec![Err(Status::with_error_details(code, "no", details))]
}
