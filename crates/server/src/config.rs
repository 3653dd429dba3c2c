//! The broker's configuration: one TOML file.
//!
//! It is read once, at start. It must never hold a secret itself: secrets are files that it names. `serve` and `config check` load it;
//! every error names the key that is wrong.

mod check;
mod notices;
mod storage;
#[cfg(test)]
mod tests;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::layers::limits::Limits;
use crate::tls::{ListenerLimits, TlsFiles};

pub use check::{CheckError, Purpose};
pub(crate) use notices::webhook as webhook_url;
pub use notices::{NoticeSection, NoticesSection, SmtpSection, SmtpTls};
pub use storage::{Place, Storage};

/// What every origin of a development log begins with; `serve` refuses it, and development refuses every other.
pub const DEV_ORIGIN_PREFIX: &str = "dev.invalid/";
/// Longest origin of a log, in bytes.
const ORIGIN_BYTES_MAX: usize = 128;

/// The configuration, with every path made absolute to the file's folder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the broker listens.
    pub listen: Listen,
    /// What it stores.
    pub storage: Storage,
    /// The disclosure log.
    pub log: Log,
    /// What the door needs.
    pub door: Door,
    /// Mutual TLS.
    pub tls: TlsSection,
    /// Who takes part.
    pub directory: FileSection,
    /// The ground table; absent: the one that ships with the broker.
    #[serde(default)]
    pub grounds: Option<FileSection>,
    /// Logs, traces and metrics.
    #[serde(default)]
    pub telemetry: TelemetrySection,
    /// Limits that differ from the named ones.
    #[serde(default)]
    pub limits: LimitsSection,
    /// Who is told outside the broker that something waits.
    #[serde(default)]
    pub notices: NoticesSection,
}

/// Where the broker listens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// gRPC over mutual TLS.
    pub address: SocketAddr,
    /// The operator's listener, on loopback: liveness, readiness, metrics.
    pub operator: SocketAddr,
}

/// The disclosure log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// The log's name in every checkpoint, for example `brygga.example/disclosures`; never changed.
    pub origin: String,
    /// The seed of the key that signs checkpoints.
    pub signing_key: PathBuf,
}

/// What the door needs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Door {
    /// The secret under which officers, references and persons are hashed.
    pub secret: PathBuf,
}

/// Mutual TLS.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSection {
    /// The broker's certificate chain.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authorities that issue the agencies' certificates.
    pub client_ca: PathBuf,
    /// Revocation lists.
    #[serde(default)]
    pub crl: Vec<PathBuf>,
}

/// A section that names a file and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSection {
    /// The file.
    pub file: PathBuf,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// From which level on the broker's own lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Only what someone must act on.
    Error,
    /// What may need action.
    Warn,
    /// The ordinary course.
    #[default]
    Info,
    /// For finding faults.
    Debug,
}

/// Logs, traces and metrics.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetrySection {
    /// How log lines look.
    pub log_format: LogFormat,
    /// From which level on.
    pub log_level: LogLevel,
    /// Where the OTLP collector listens, over plain HTTP/2 on this machine.
    pub otlp_endpoint: Option<String>,
    /// Whether traces go to the collector.
    pub traces: bool,
    /// Whether metrics go to the collector.
    pub metrics: bool,
    /// Whether the operator's listener serves metrics.
    pub prometheus: bool,
}

impl Default for TelemetrySection {
    fn default() -> Self {
        Self { log_format: LogFormat::Json, log_level: LogLevel::Info, otlp_endpoint: None, traces: false, metrics: false, prometheus: true }
    }
}

/// Limits that differ from the named ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSection {
    /// Largest message, in bytes.
    pub message_bytes: Option<usize>,
    /// Streams of one connection.
    pub streams_per_connection: Option<u32>,
    /// Commands at once, but for those that take back, stop or answer.
    pub writes_at_once: Option<usize>,
    /// Reads at once.
    pub reads_at_once: Option<usize>,
    /// Open streams.
    pub streams_at_once: Option<usize>,
    /// Longest time of a request, in seconds.
    pub deadline_seconds: Option<u64>,
    /// Handshakes at once.
    pub handshakes: Option<usize>,
    /// Connections of one address.
    pub connections_per_address: Option<usize>,
    /// Connections of one agency.
    pub connections_per_agency: Option<usize>,
}

impl LimitsSection {
    /// The limits of the gRPC side.
    pub fn grpc(&self) -> Limits {
        let named = Limits::default();
        Limits {
            message_bytes: self.message_bytes.unwrap_or(named.message_bytes),
            streams_per_connection: self.streams_per_connection.unwrap_or(named.streams_per_connection),
            writes_at_once: self.writes_at_once.unwrap_or(named.writes_at_once),
            reads_at_once: self.reads_at_once.unwrap_or(named.reads_at_once),
            streams_at_once: self.streams_at_once.unwrap_or(named.streams_at_once),
            sorted_referrals: named.sorted_referrals,
            deadline: self.deadline_seconds.map_or(named.deadline, Duration::from_secs),
        }
    }

    /// The limits of the accept loop.
    pub fn listener(&self) -> ListenerLimits {
        let named = ListenerLimits::default();
        ListenerLimits {
            handshakes: self.handshakes.unwrap_or(named.handshakes),
            handshake_timeout: named.handshake_timeout,
            per_address: self.connections_per_address.unwrap_or(named.per_address),
            per_agency: self.connections_per_agency.unwrap_or(named.per_agency),
        }
    }
}

/// Why a configuration can't be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("reading {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The file is not the TOML that is wanted; the source names the key and its line.
    #[error("{} is not a configuration of bryggad", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A value can't be used.
    #[error("{key}: {why}")]
    Value {
        /// The key, as `section.key`.
        key: &'static str,
        /// What is wrong with its value.
        why: &'static str,
    },
}

impl Config {
    /// Reads a file. Relative paths in it are relative to its folder.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let mut config: Self = toml::from_str(&text).map_err(|source| ConfigError::Shape { path: path.to_owned(), source: Box::new(source) })?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        for named in config.paths_mut() {
            *named = folder.join(&named);
        }
        config.values()?;
        Ok(config)
    }

    /// The files of the TLS settings.
    pub fn tls_files(&self) -> TlsFiles {
        TlsFiles { certificate: self.tls.certificate.clone(), key: self.tls.key.clone(), client_ca: self.tls.client_ca.clone(), crl: self.tls.crl.clone() }
    }

    fn paths_mut(&mut self) -> Vec<&mut PathBuf> {
        let mut paths = vec![
            &mut self.storage.signer_state,
            &mut self.log.signing_key,
            &mut self.door.secret,
            &mut self.tls.certificate,
            &mut self.tls.key,
            &mut self.tls.client_ca,
            &mut self.directory.file,
        ];
        paths.extend(self.storage.place.paths_mut());
        paths.extend(&mut self.tls.crl);
        paths.extend(self.notices.paths_mut());
        paths.extend(self.grounds.as_mut().map(|grounds| &mut grounds.file));
        paths
    }

    /// What the types can't say.
    fn values(&self) -> Result<(), ConfigError> {
        let wrong = |key, why| Err(ConfigError::Value { key, why });
        if !self.listen.operator.ip().is_loopback() {
            return wrong("listen.operator", "the operator's listener has no TLS and must be on loopback, for example 127.0.0.1:9464");
        }
        if !is_origin(&self.log.origin) {
            return wrong(
                "log.origin",
                "must look like `brygga.example/disclosures`: printable ASCII without blanks or plus signs, no scheme, at most 128 bytes",
            );
        }
        if self.storage.place == Place::Embedded(self.storage.signer_state.clone()) {
            return wrong("storage.signer_state", "must be another file than storage.database: it is there to notice a database that was put back");
        }
        self.telemetry.values()?;
        self.notices.values()?;
        self.limits.values()
    }
}

/// A log's name as the checkpoint format wants it: a URL without its scheme.
fn is_origin(origin: &str) -> bool {
    let plain = origin.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'+');
    !origin.is_empty() && origin.len() <= ORIGIN_BYTES_MAX && plain && !origin.contains("://") && origin.contains('/')
}

impl TelemetrySection {
    fn values(&self) -> Result<(), ConfigError> {
        let wrong = |why| Err(ConfigError::Value { key: "telemetry.otlp_endpoint", why });
        match &self.otlp_endpoint {
            None if self.traces => wrong("is missing, but telemetry.traces is on"),
            None if self.metrics => wrong("is missing, but telemetry.metrics is on"),
            Some(endpoint) if !endpoint.starts_with("http://") => {
                wrong("must begin with http://; to reach a collector elsewhere, run an agent on this machine")
            }
            Some(endpoint) if endpoint.parse::<http::Uri>().is_err() => wrong("is not a URL"),
            None | Some(_) => Ok(()),
        }
    }
}

impl LimitsSection {
    fn values(&self) -> Result<(), ConfigError> {
        let is_zero = |value: Option<usize>| value == Some(0);
        let zeros = [
            ("limits.message_bytes", is_zero(self.message_bytes)),
            ("limits.streams_per_connection", self.streams_per_connection == Some(0)),
            ("limits.writes_at_once", is_zero(self.writes_at_once)),
            ("limits.reads_at_once", is_zero(self.reads_at_once)),
            ("limits.streams_at_once", is_zero(self.streams_at_once)),
            ("limits.deadline_seconds", self.deadline_seconds == Some(0)),
            ("limits.handshakes", is_zero(self.handshakes)),
            ("limits.connections_per_address", is_zero(self.connections_per_address)),
            ("limits.connections_per_agency", is_zero(self.connections_per_agency)),
        ];
        match zeros.iter().find(|(_, zero)| *zero) {
            Some((key, _)) => Err(ConfigError::Value { key, why: "must be more than 0" }),
            None => Ok(()),
        }
    }
}
