//! Reads who the peer is from its certificate, once a connection.
//!
//! It must never trust a name that no configured authority vouches for, and never look at the common name. The accept loop calls it
//! after the handshake; the gRPC services look the result up in the directory.

use std::sync::Arc;

use brygga_domain::directory::CertificateName;
use brygga_domain::{AgencyId, Time};
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use sha2::{Digest, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Longest SAN URI that names an agency, in bytes.
pub(super) const SAN_URI_BYTES_MAX: usize = 255;
/// Most certificates of a presented chain that are tried as the issuer.
const CHAIN_CERTIFICATES_MAX: usize = 8;

/// The URI by which certificates name an agency, where the directory says nothing else.
pub fn agency_uri(agency: &AgencyId) -> String {
    format!("urn:brygga:agency:{agency}")
}

/// What the peer's certificate says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificate {
    /// SHA-256 of the issuer's SubjectPublicKeyInfo.
    pub issuer_key_hash: [u8; 32],
    /// The one URI among the subject's alternative names.
    pub san_uri: String,
    /// The last moment at which the certificate holds.
    pub not_after: Time,
}

impl PeerCertificate {
    /// What the directory knows the agency by.
    pub fn name(&self) -> CertificateName {
        CertificateName { issuer_key_hash: self.issuer_key_hash, san_uri: self.san_uri.clone() }
    }

    /// Whether the certificate no longer holds; a request on an old connection asks this again.
    pub fn is_expired(&self, now: Time) -> bool {
        now > self.not_after
    }
}

/// Why a verified certificate names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// No certificate was presented.
    #[error("the peer presented no certificate")]
    Missing,
    /// It is not an X.509 certificate that can be read.
    #[error("the peer's certificate can't be read")]
    Shape,
    /// There must be exactly one URI: with two, which one names the agency would be a guess.
    #[error("the peer's certificate does not hold exactly one SAN URI")]
    NotOneUri,
    /// The issuer's own certificate is neither configured nor in the presented chain.
    #[error("the issuer of the peer's certificate was not found")]
    UnknownIssuer,
}

struct Issuer {
    subject: Vec<u8>,
    key_hash: [u8; 32],
    verifier: Arc<dyn ClientCertVerifier>,
}

impl Issuer {
    /// Takes one certificate as the only authority, so that "verifies" means "signed by this key".
    fn new(certificate: &CertificateDer<'_>, provider: &Arc<CryptoProvider>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let subject = parsed.subject().as_raw().to_vec();
        let key_hash = Sha256::digest(parsed.public_key().raw).into();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone().into_owned()).ok()?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build().ok()?;
        Some(Self { subject, key_hash, verifier })
    }

    fn signed(&self, issuer_name: &[u8], leaf: &CertificateDer<'_>, now: UnixTime) -> bool {
        self.subject == issuer_name && self.verifier.verify_client_cert(leaf, &[], now).is_ok()
    }
}

/// The configured authorities, ready to be asked which of them signed a certificate.
pub(super) struct Issuers {
    configured: Vec<Issuer>,
    provider: Arc<CryptoProvider>,
}

impl Issuers {
    /// `None` when one of the certificates can't be read.
    pub(super) fn new(authorities: &[CertificateDer<'static>], provider: &Arc<CryptoProvider>) -> Option<Self> {
        let configured: Option<Vec<Issuer>> = authorities.iter().map(|certificate| Issuer::new(certificate, provider)).collect();
        Some(Self { configured: configured?, provider: Arc::clone(provider) })
    }

    /// Reads a chain that the handshake has already verified.
    ///
    /// The handshake does not say which way it went up the chain, and a peer may put certificates of its own making into it. So the
    /// issuer is the one whose key really signed the leaf, whatever name others bear.
    pub(super) fn identify(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<PeerCertificate, PeerError> {
        let (leaf, presented) = chain.split_first().ok_or(PeerError::Missing)?;
        let (_, parsed) = X509Certificate::from_der(leaf).map_err(|_| PeerError::Shape)?;
        let san_uri = one_uri(&parsed)?;
        let seconds = parsed.validity().not_after.timestamp();
        let not_after = Time::from_micros(seconds.saturating_mul(1_000_000));
        let issuer_name = parsed.issuer().as_raw();
        let configured = self.configured.iter().find(|issuer| issuer.signed(issuer_name, leaf, now)).map(|issuer| issuer.key_hash);
        let issuer_key_hash = configured
            .or_else(|| {
                let mut candidates = presented.iter().take(CHAIN_CERTIFICATES_MAX).filter_map(|certificate| Issuer::new(certificate, &self.provider));
                candidates.find(|issuer| issuer.signed(issuer_name, leaf, now)).map(|issuer| issuer.key_hash)
            })
            .ok_or(PeerError::UnknownIssuer)?;
        Ok(PeerCertificate { issuer_key_hash, san_uri, not_after })
    }
}

fn one_uri(certificate: &X509Certificate<'_>) -> Result<String, PeerError> {
    let names = certificate.subject_alternative_name().map_err(|_| PeerError::Shape)?.ok_or(PeerError::NotOneUri)?;
    let mut uris = names.value.general_names.iter().filter_map(|name| if let GeneralName::URI(uri) = name { Some(*uri) } else { None });
    match (uris.next(), uris.next()) {
        (Some(uri), None) if !uri.is_empty() && uri.len() <= SAN_URI_BYTES_MAX => Ok(uri.to_owned()),
        _ => Err(PeerError::NotOneUri),
    }
}
