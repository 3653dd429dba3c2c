//! A throw-away certificate authority.
//!
//! It makes an authority, a certificate for the broker on this machine, and one for each agency. It must never be trusted by a broker
//! that holds real data. `bryggad dev`, the tour and tests call it; keys exist in memory and in files that only their owner reads.

use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use brygga_domain::{AgencyId, Time};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::tls::agency_uri;

/// How long the authority and its certificates hold, in days.
pub const VALID_DAYS: u32 = 30;
/// A certificate holds from a little before it is made, for clocks that go behind.
const BACKDATED_MINUTES: u32 = 60;
const MINUTES_A_DAY: u32 = 24 * 60;
/// How long a revocation list of the authority is in force, in days.
const CRL_DAYS: u32 = 7;

/// Why a certificate could not be made or written.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// The certificate library refuses.
    #[error("making a certificate")]
    Make(#[source] rcgen::Error),
    /// A file can't be written.
    #[error("writing {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
}

impl From<rcgen::Error> for CaError {
    fn from(error: rcgen::Error) -> Self {
        Self::Make(error)
    }
}

/// A certificate with its key, as PEM.
pub struct Credentials {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: Zeroizing<String>,
    /// The certificate's serial number, by which it can be revoked.
    pub serial: Vec<u8>,
}

/// When a certificate holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub from: Time,
    /// The last moment.
    pub until: Time,
}

impl Validity {
    /// From a little before now, for [`VALID_DAYS`].
    pub fn starting(now: Time) -> Self {
        let from = Time::from_micros(now.micros().saturating_sub(i64::from(BACKDATED_MINUTES) * 60_000_000));
        Self { from, until: now.plus_minutes(VALID_DAYS * MINUTES_A_DAY) }
    }
}

/// An authority whose key lives as long as this value.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    validity: Validity,
}

impl Authority {
    /// Makes an authority of that name.
    pub fn new(name: &str, now: Time) -> Result<Self, CaError> {
        let validity = Validity::starting(now);
        let mut params = CertificateParams::default();
        params.distinguished_name = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (params.not_before, params.not_after) = (date(validity.from), date(validity.until));
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)?, validity })
    }

    /// The authority's certificate, as PEM.
    pub fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// SHA-256 of the authority's SubjectPublicKeyInfo: half of an agency's name in the directory.
    pub fn key_hash(&self) -> [u8; 32] {
        use rcgen::PublicKeyData;
        Sha256::digest(self.issuer.key().subject_public_key_info()).into()
    }

    /// SHA-256 of the authority's certificate, for people to compare.
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(self.issuer.der()).into()
    }

    /// A certificate for a broker on this machine.
    pub fn server(&self) -> Result<Credentials, CaError> {
        let localhost = "localhost".try_into()?;
        let names = vec![SanType::DnsName(localhost), SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)), SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST))];
        self.issue("bryggad", names, ExtendedKeyUsagePurpose::ServerAuth, self.validity)
    }

    /// A certificate for an agency's system.
    pub fn client(&self, agency: &AgencyId) -> Result<Credentials, CaError> {
        self.client_with(agency.as_str(), &[agency_uri(agency)], self.validity)
    }

    /// A client certificate with any URIs and validity: what a test needs to see it refused.
    pub fn client_with(&self, name: &str, uris: &[String], validity: Validity) -> Result<Credentials, CaError> {
        let mut names = Vec::with_capacity(uris.len());
        for uri in uris {
            names.push(SanType::URI(uri.as_str().try_into()?));
        }
        self.issue(name, names, ExtendedKeyUsagePurpose::ClientAuth, validity)
    }

    /// A revocation list of the authority, in force from `from`, as PEM.
    pub fn revocation_list(&self, revoked: &[&Credentials], from: Time) -> Result<String, CaError> {
        let revoked_certs = revoked.iter().map(|credentials| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&credentials.serial),
            revocation_time: date(from),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date(from),
            next_update: date(from.plus_minutes(CRL_DAYS * MINUTES_A_DAY)),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked_certs.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(params.signed_by(&self.issuer)?.pem()?)
    }

    fn issue(&self, name: &str, names: Vec<SanType>, usage: ExtendedKeyUsagePurpose, validity: Validity) -> Result<Credentials, CaError> {
        let key = KeyPair::generate()?;
        // Drawn from the fresh public key: unique without another source of randomness. The first bit stays 0, for serials are positive.
        let mut serial: Vec<u8> = Sha256::digest(key.public_key_raw()).iter().copied().take(16).collect();
        if let Some(first) = serial.first_mut() {
            *first = (*first & 0x7f) | 0x40;
        }
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.distinguished_name = named(name);
        params.subject_alt_names = names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) = (date(validity.from), date(validity.until));
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Credentials { certificate: certificate.pem(), key: Zeroizing::new(key.serialize_pem()), serial })
    }
}

/// Where the files of a development world lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevFiles {
    folder: PathBuf,
}

impl DevFiles {
    /// The files in a folder, whether or not they exist.
    pub fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The authority's certificate.
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The broker's certificate.
    pub fn server_certificate(&self) -> PathBuf {
        self.folder.join("server.pem")
    }

    /// The broker's key.
    pub fn server_key(&self) -> PathBuf {
        self.folder.join("server.key")
    }

    /// An agency's certificate.
    pub fn agency_certificate(&self, agency: &AgencyId) -> PathBuf {
        self.folder.join("agencies").join(format!("{agency}.pem"))
    }

    /// An agency's key.
    pub fn agency_key(&self, agency: &AgencyId) -> PathBuf {
        self.folder.join("agencies").join(format!("{agency}.key"))
    }

    /// Makes certificates for the broker and every agency and writes them; existing files are replaced.
    pub fn write<'a>(&self, authority: &Authority, agencies: impl Iterator<Item = &'a AgencyId>) -> Result<(), CaError> {
        make_folder(&self.folder.join("agencies"))?;
        write_private(&self.ca(), authority.certificate().as_bytes())?;
        let server = authority.server()?;
        write_private(&self.server_certificate(), server.certificate.as_bytes())?;
        write_private(&self.server_key(), server.key.as_bytes())?;
        for agency in agencies {
            let client = authority.client(agency)?;
            write_private(&self.agency_certificate(agency), client.certificate.as_bytes())?;
            write_private(&self.agency_key(agency), client.key.as_bytes())?;
        }
        Ok(())
    }
}

fn make_folder(path: &Path) -> Result<(), CaError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|source| CaError::Write { path: path.to_owned(), source })
}

/// Writes a file that only its owner can read, in one step: a reader sees the old bytes or the new ones.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), CaError> {
    let failed = |source| CaError::Write { path: path.to_owned(), source };
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let fresh = PathBuf::from(name);
    match fs::remove_file(&fresh) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&fresh, path).map_err(failed)
}

fn named(name: &str) -> rcgen::DistinguishedName {
    let mut distinguished = rcgen::DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished.push(DnType::OrganizationName, "Brygga development, never real data");
    distinguished
}

/// A time in the form that the certificate library takes, whole seconds; before 1970 counts as 1970.
fn date(time: Time) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(time.micros().max(0) / 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
