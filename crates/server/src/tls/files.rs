//! Builds the TLS settings from files: certificate, key, client authorities and revocation lists.
//!
//! It must never build settings that allow TLS 1.2, a session ticket, or a client without a certificate. [`super::Tls`] calls it at
//! start and on each reload.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{RootCertStore, ServerConfig};

use super::peer::Issuers;

/// The protocol that clients must offer.
const ALPN_H2: &[u8] = b"h2";

/// Where the TLS settings come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate chain, PEM, leaf first.
    pub certificate: PathBuf,
    /// The server's private key, PEM.
    pub key: PathBuf,
    /// The authorities that issue the agencies' certificates, PEM.
    pub client_ca: PathBuf,
    /// Revocation lists, PEM; with one given, every authority of a chain needs one that is in force.
    pub crl: Vec<PathBuf>,
}

impl TlsFiles {
    /// Every file that a change is watched for.
    pub fn all(&self) -> impl Iterator<Item = &Path> {
        [&self.certificate, &self.key, &self.client_ca].into_iter().chain(&self.crl).map(PathBuf::as_path)
    }
}

/// Why TLS settings can't be built.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read.
    #[error("reading {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A file is not PEM, or a block of it is not what it says.
    #[error("{} is not a PEM file", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// A file holds nothing of what it is there for.
    #[error("{} holds no {wanted}", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
    },
    /// An authority's certificate can't be used.
    #[error("an authority in {} can't be used", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What the verifier says.
        #[source]
        source: rustls::Error,
    },
    /// An authority's certificate can't be parsed.
    #[error("an authority in {} is not an X.509 certificate", path.display())]
    AuthorityShape {
        /// The file.
        path: PathBuf,
    },
    /// The verifier refuses the authorities or the revocation lists.
    #[error("the client authorities or the revocation lists can't be used")]
    Verifier(#[source] VerifierBuilderError),
    /// The certificate and the key don't fit together, or the provider lacks TLS 1.3.
    #[error("the server's certificate and key can't be used")]
    Server(#[source] rustls::Error),
}

/// One set of settings, swapped as a whole.
pub(super) struct TlsState {
    pub(super) server: Arc<ServerConfig>,
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    pub(super) issuers: Issuers,
}

impl TlsState {
    /// Reads all files and builds the settings, or says which file is wrong.
    pub(super) fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let authorities = certificates(&files.client_ca, "certificate of an authority")?;
        let mut crls = Vec::new();
        for path in &files.crl {
            crls.extend(revocation_lists(path)?);
        }
        let verifier = verifier(&authorities, crls, &files.client_ca, &provider)?;
        let issuers = Issuers::new(&authorities, &provider).ok_or_else(|| TlsError::AuthorityShape { path: files.client_ca.clone() })?;

        let chain = certificates(&files.certificate, "certificate")?;
        let key = private_key(&files.key)?;
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(TlsError::Server)?
            .with_client_cert_verifier(Arc::clone(&verifier))
            .with_single_cert(chain, key)
            .map_err(TlsError::Server)?;
        server.alpn_protocols = vec![ALPN_H2.to_vec()];
        // A resumed session would skip the client's certificate and with it the revocation lists.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        server.max_early_data_size = 0;
        Ok(Self { server: Arc::new(server), verifier, issuers })
    }
}

fn verifier(
    authorities: &[CertificateDer<'static>],
    crls: Vec<CertificateRevocationListDer<'static>>,
    path: &Path,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority.clone()).map_err(|source| TlsError::Authority { path: path.to_owned(), source })?;
    }
    // An expired list would otherwise count as one in force.
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .with_crls(crls)
        .enforce_revocation_expiration()
        .build()
        .map_err(TlsError::Verifier)
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

fn all_of<T: PemObject>(path: &Path, wanted: &'static str) -> Result<Vec<T>, TlsError> {
    let bytes = read(path)?;
    let found: Result<Vec<T>, _> = T::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|source| TlsError::Pem { path: path.to_owned(), source })?;
    if found.is_empty() { Err(TlsError::Empty { path: path.to_owned(), wanted }) } else { Ok(found) }
}

fn certificates(path: &Path, wanted: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    all_of(path, wanted)
}

fn revocation_lists(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    // A file without a list would turn revocation off, so it is refused like a missing one.
    all_of(path, "revocation list")
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let bytes = zeroize::Zeroizing::new(read(path)?);
    match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(key) => Ok(key),
        Err(rustls::pki_types::pem::Error::NoItemsFound) => Err(TlsError::Empty { path: path.to_owned(), wanted: "private key" }),
        Err(source) => Err(TlsError::Pem { path: path.to_owned(), source }),
    }
}
