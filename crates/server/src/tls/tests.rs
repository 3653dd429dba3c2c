//! Who is let in, who is not, and what a reload changes: real handshakes over loopback.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use brygga_domain::{AgencyId, Time};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind, RootCertStore, SupportedProtocolVersion};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::transport::server::Connected;

use super::*;
use crate::dev::ca::{Authority, Credentials, DevFiles, Validity, write_private};

const DEADLINE: Duration = Duration::from_secs(20);

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("nothing came within {DEADLINE:?}"))
}

fn now() -> Time {
    Time::from_micros(i64::try_from(UnixTime::now().as_secs()).unwrap() * 1_000_000)
}

fn polis() -> AgencyId {
    "vasterort-polis".parse().unwrap()
}

/// A listener with an authority of its own.
struct World {
    folder: tempfile::TempDir,
    authority: Authority,
    tls: Arc<Tls>,
    incoming: Incoming,
    address: SocketAddr,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl World {
    async fn new() -> Self {
        Self::with(ListenerLimits::default(), |_| None).await
    }

    /// `crl` makes the revocation list, where there is to be one.
    async fn with(limits: ListenerLimits, crl: impl FnOnce(&Authority) -> Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("test authority", now()).unwrap();
        let dev = DevFiles::in_folder(folder.path());
        dev.write(&authority, [polis()].iter()).unwrap();
        let mut files = TlsFiles { certificate: dev.server_certificate(), key: dev.server_key(), client_ca: dev.ca(), crl: Vec::new() };
        if let Some(list) = crl(&authority) {
            let path = folder.path().join("crl.pem");
            write_private(&path, list.as_bytes()).unwrap();
            files.crl.push(path);
        }
        let stop = CancellationToken::new();
        let tls = Arc::new(Tls::load(files, CancellationToken::new()).unwrap());
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let tracker = TaskTracker::new();
        let incoming = listener.accept(Arc::clone(&tls), limits, &tracker, stop.clone());
        Self { folder, authority, tls, incoming, address, tracker, stop }
    }

    fn client(&self) -> Credentials {
        self.authority.client(&polis()).unwrap()
    }

    fn config(&self, credentials: Option<&Credentials>, version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
        let chain = credentials.map(|one| (one.certificate.clone(), one.key.to_string()));
        client_config(&self.authority, chain, version)
    }

    async fn attempt(&mut self, config: &Arc<ClientConfig>) -> Result<(Client, Connection), ()> {
        let mut client = Client::connect(self.address, config).await?;
        tokio::select! {
            accepted = within(self.incoming.next()) => Ok((client, accepted.unwrap().unwrap())),
            () = client.ended() => Err(()),
        }
    }
}

fn client_config(authority: &Authority, credentials: Option<(String, String)>, version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.certificate().as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider())).with_protocol_versions(&[version]).unwrap();
    let builder = builder.with_root_certificates(roots);
    let mut config = match credentials {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<Vec<_>, _>>().unwrap();
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap()).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

struct Client(tokio_rustls::client::TlsStream<TcpStream>);

impl Client {
    async fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> Result<Self, ()> {
        let socket = within(TcpStream::connect(address)).await.map_err(drop)?;
        let name = ServerName::try_from("localhost").unwrap();
        within(TlsConnector::from(Arc::clone(config)).connect(name, socket)).await.map(Self).map_err(drop)
    }

    /// Waits until the server has ended the connection: nothing is ever sent on it.
    async fn ended(&mut self) {
        let read = within(self.0.read(&mut [0; 1])).await;
        assert!(!matches!(read, Ok(1)), "the server sent something");
    }

    fn server_certificate(&self) -> Vec<u8> {
        self.0.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    }
}

#[tokio::test]
async fn a_known_agency_is_let_in_and_named() {
    let mut world = World::new().await;
    let config = world.config(Some(&world.client()), &TLS13);
    let (_client, connection) = world.attempt(&config).await.unwrap();
    let info = connection.connect_info();
    assert_eq!(info.certificate.issuer_key_hash, world.authority.key_hash());
    assert_eq!(info.certificate.san_uri, "urn:brygga:agency:vasterort-polis");
    assert!(!info.certificate.is_expired(now()));
    assert!(info.certificate.is_expired(now().plus_minutes(31 * 24 * 60)));
    assert_eq!(world.tls.open_connections(), 1);
    drop(connection);
    assert_eq!(world.tls.open_connections(), 0);
}

#[tokio::test]
async fn nobody_else_is_let_in() {
    let mut world = World::new().await;
    let foreign = Authority::new("test authority", now()).unwrap();
    let past = Validity { from: Time::from_micros(now().micros() - 7_200_000_000), until: Time::from_micros(now().micros() - 60_000_000) };
    let future = Validity { from: now().plus_minutes(60), until: now().plus_minutes(120) };
    let holds = Validity::starting(now());
    let uri = agency_uri(&polis());
    let made = |uris: &[String], validity| world.authority.client_with("x", uris, validity).unwrap();
    let cases = [
        ("no certificate", world.config(None, &TLS13)),
        ("an older TLS", world.config(Some(&world.client()), &TLS12)),
        ("an authority of the same name", world.config(Some(&foreign.client(&polis()).unwrap()), &TLS13)),
        ("an expired certificate", world.config(Some(&made(std::slice::from_ref(&uri), past)), &TLS13)),
        ("a certificate that does not hold yet", world.config(Some(&made(std::slice::from_ref(&uri), future)), &TLS13)),
        ("a certificate without a URI", world.config(Some(&made(&[], holds)), &TLS13)),
        ("a certificate with two URIs", world.config(Some(&made(&[uri.clone(), format!("{uri}-2")], holds)), &TLS13)),
        ("a server's certificate", world.config(Some(&world.authority.server().unwrap()), &TLS13)),
        ("no HTTP/2", {
            let mut config = (*world.config(Some(&world.client()), &TLS13)).clone();
            config.alpn_protocols.clear();
            Arc::new(config)
        }),
    ];
    for (name, config) in cases {
        assert!(world.attempt(&config).await.is_err(), "{name} was let in");
    }
    let good = world.config(Some(&world.client()), &TLS13);
    assert!(world.attempt(&good).await.is_ok(), "the refusals above must be for their own reasons");
}

#[tokio::test]
async fn a_revoked_certificate_and_a_list_out_of_date_let_nobody_in() {
    let mut revoked = None;
    let mut world = World::with(ListenerLimits::default(), |authority| {
        let credentials = authority.client(&polis()).unwrap();
        let list = authority.revocation_list(&[&credentials], Validity::starting(now()).from).unwrap();
        revoked = Some(credentials);
        Some(list)
    })
    .await;
    let config = world.config(revoked.as_ref(), &TLS13);
    assert!(world.attempt(&config).await.is_err(), "revoked");
    let config = world.config(Some(&world.client()), &TLS13);
    assert!(world.attempt(&config).await.is_ok(), "not revoked");

    let month_ago = Time::from_micros(now().micros() - 30 * 24 * 3_600_000_000);
    let mut stale = World::with(ListenerLimits::default(), |authority| Some(authority.revocation_list(&[], month_ago).unwrap())).await;
    let config = stale.config(Some(&stale.client()), &TLS13);
    assert!(stale.attempt(&config).await.is_err(), "the list is out of date");
}

#[tokio::test]
async fn no_session_is_ever_resumed() {
    let mut world = World::new().await;
    let config = world.config(Some(&world.client()), &TLS13);
    for _ in 0..2 {
        let (client, connection) = world.attempt(&config).await.unwrap();
        assert_eq!(client.0.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
        drop(connection);
    }
}

#[tokio::test]
async fn a_reload_swaps_the_certificate_and_broken_files_change_nothing() {
    let mut world = World::new().await;
    let config = world.config(Some(&world.client()), &TLS13);
    let (client, _first) = world.attempt(&config).await.unwrap();
    let before = client.server_certificate();

    let dev = DevFiles::in_folder(world.folder.path());
    write_private(&dev.server_certificate(), b"not a certificate").unwrap();
    assert!(world.tls.reload().is_err());
    let (client, _second) = world.attempt(&config).await.unwrap();
    assert_eq!(client.server_certificate(), before, "the old settings stay in force");

    dev.write(&world.authority, [polis()].iter()).unwrap();
    assert_eq!(world.tls.reload().unwrap(), Reloaded { cut: 0 });
    let (client, _third) = world.attempt(&config).await.unwrap();
    assert_ne!(client.server_certificate(), before);
    assert_eq!(world.tls.open_connections(), 3, "who was let in before stays");
}

#[tokio::test]
async fn a_changed_file_is_noticed() {
    let world = World::new().await;
    let mut reloads = world.tls.reloads();
    let watching = world.tracker.spawn(watch_files(Arc::clone(&world.tls), world.stop.clone()));
    tokio::task::yield_now().await;
    let dev = DevFiles::in_folder(world.folder.path());
    let mut seen = 0;
    while seen == 0 {
        // Written again until it is seen: the first time may come before the watch has taken its first look.
        dev.write(&world.authority, [polis()].iter()).unwrap();
        if let Ok(changed) = tokio::time::timeout(Duration::from_secs(5), reloads.changed()).await {
            changed.unwrap();
            seen = *reloads.borrow();
        }
    }
    world.stop.cancel();
    within(watching).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_reload_cuts_the_connections_that_it_would_not_let_in() {
    let mut world = World::with(ListenerLimits::default(), |authority| Some(authority.revocation_list(&[], Validity::starting(now()).from).unwrap())).await;
    let (bad, good) = (world.client(), world.client());
    let (mut bad_client, mut cut) = world.attempt(&world.config(Some(&bad), &TLS13)).await.unwrap();
    let (_good_client, _kept) = world.attempt(&world.config(Some(&good), &TLS13)).await.unwrap();
    let list = world.authority.revocation_list(&[&bad], Validity::starting(now()).from).unwrap();
    write_private(&world.folder.path().join("crl.pem"), list.as_bytes()).unwrap();
    assert_eq!(world.tls.reload().unwrap(), Reloaded { cut: 1 });
    let error = within(cut.read(&mut [0; 1])).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionAborted);
    drop(cut);
    bad_client.ended().await;
}

#[tokio::test]
async fn a_connection_ends_with_its_certificate() {
    let mut world = World::new().await;
    let validity = Validity { from: Validity::starting(now()).from, until: Time::from_micros(now().micros() + 2_000_000) };
    let short = world.authority.client_with("x", &[agency_uri(&polis())], validity).unwrap();
    let config = world.config(Some(&short), &TLS13);
    let (_client, mut connection) = world.attempt(&config).await.unwrap();
    let error = within(connection.read(&mut [0; 1])).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionAborted);
}

#[tokio::test]
async fn one_address_and_one_agency_take_no_more_than_their_places() {
    for limits in [ListenerLimits { per_address: 1, ..ListenerLimits::default() }, ListenerLimits { per_agency: 1, ..ListenerLimits::default() }] {
        let mut world = World::with(limits, |_| None).await;
        let config = world.config(Some(&world.client()), &TLS13);
        let (_client, first) = world.attempt(&config).await.unwrap();
        assert!(world.attempt(&config).await.is_err(), "{limits:?}");
        drop(first);
        assert!(world.attempt(&config).await.is_ok(), "{limits:?}");
    }
}

#[tokio::test]
async fn a_silent_peer_is_dropped_and_the_loop_ends_when_told() {
    let limits = ListenerLimits { handshake_timeout: Duration::from_millis(50), ..ListenerLimits::default() };
    let mut world = World::with(limits, |_| None).await;
    let mut silent = within(TcpStream::connect(world.address)).await.unwrap();
    assert!(!matches!(within(silent.read(&mut [0; 1])).await, Ok(1)));
    world.stop.cancel();
    assert!(within(world.incoming.next()).await.is_none());
    world.tracker.close();
    within(world.tracker.wait()).await;
}

/// A chain whose intermediate authority has a namesake of the peer's own making.
#[tokio::test]
async fn the_issuer_is_the_one_that_really_signed() {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, PublicKeyData, SanType};
    use sha2::{Digest, Sha256};
    let authority_params = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    };
    let root = CertifiedIssuer::self_signed(authority_params("root"), KeyPair::generate().unwrap()).unwrap();
    let real = CertifiedIssuer::signed_by(authority_params("middle"), KeyPair::generate().unwrap(), &root).unwrap();
    let fake = CertifiedIssuer::self_signed(authority_params("middle"), KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::default();
    leaf.subject_alt_names = vec![SanType::URI(agency_uri(&polis()).as_str().try_into().unwrap())];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let leaf = leaf.signed_by(&key, &real).unwrap();
    let chain = [leaf.pem(), fake.pem(), real.pem()].concat();

    let mut world = World::new().await;
    write_private(&DevFiles::in_folder(world.folder.path()).ca(), root.pem().as_bytes()).unwrap();
    world.tls.reload().unwrap();
    let config = client_config(&world.authority, Some((chain, key.serialize_pem())), &TLS13);
    let (_client, connection) = world.attempt(&config).await.unwrap();
    let wanted: [u8; 32] = Sha256::digest(real.key().subject_public_key_info()).into();
    assert_eq!(connection.connect_info().certificate.issuer_key_hash, wanted);
}
