//! What a client has to know: where the broker is, who it is itself, and which log it trusts.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use brygga_domain::{AgencyId, FunctionId};

/// Longest time for one call with all its retries, unless set otherwise.
pub const OVERALL_DEADLINE: Duration = Duration::from_secs(30);
/// Longest time for one try.
pub const TRY_DEADLINE: Duration = Duration::from_secs(10);
/// Longest time until a connection stands, TLS included.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// How often a broker says on a stream that it is alive.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);

/// How long the client waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// For one call with all its retries.
    pub overall: Duration,
    /// For one try.
    pub one_try: Duration,
    /// Until a connection stands.
    pub connect: Duration,
    /// Between two heartbeats of a stream, as the broker is set; after three without a word the stream is opened anew.
    pub heartbeat: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { overall: OVERALL_DEADLINE, one_try: TRY_DEADLINE, connect: CONNECT_DEADLINE, heartbeat: HEARTBEAT_INTERVAL }
    }
}

/// The settings of a client.
#[derive(Clone)]
pub struct ClientConfig {
    /// `https://host:port`.
    pub endpoint: String,
    /// The name that the broker's certificate must bear; `None`: the endpoint's host.
    pub server_name: Option<String>,
    /// The authorities that issue brokers' certificates, PEM.
    pub ca_pem: Vec<u8>,
    /// The agency's certificate chain, PEM, leaf first.
    pub cert_pem: Vec<u8>,
    /// Its private key, PEM.
    pub key_pem: Vec<u8>,
    /// The agency that the certificate names. Every receipt must say that this agency acted.
    pub agency: AgencyId,
    /// The functions that the agency answers for. With any given, content released to another function is refused.
    pub functions: Vec<FunctionId>,
    /// The log's verifier key (C2SP: `<origin>+<key id>+<base64>`): pins origin and key.
    pub log_key: String,
    /// Where the latest verified checkpoint is kept: one file for each agency and log.
    pub pin: PathBuf,
    /// How long to wait.
    pub deadlines: Deadlines,
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig")
            .field("endpoint", &self.endpoint)
            .field("agency", &self.agency)
            .field("log_key", &self.log_key)
            .field("pin", &self.pin)
            .finish_non_exhaustive()
    }
}
