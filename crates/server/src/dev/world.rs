//! A world of made-up people in one folder: authority, certificates, keys, directory, configuration, and each agency's client.
//!
//! The tour, `bryggad dev` and the tests make it; nothing in it is good for real data, and `serve` refuses its log.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use brygga_domain::{AgencyId, AgencyKind, Directory};
use brygga_engine::lanes::LaneLimits;
use brygga_engine::{Clock, Randomness, SystemClock, SystemRandomness};

use super::ca::{Authority, CaError, DevFiles, write_private};
use crate::app::{self, Running, Start, StartError};
use crate::config::{Config, ConfigError, Purpose};
use crate::directory_file::{DirectoryError, DirectoryFile};
use crate::open;
use crate::telemetry::Telemetry;

/// The origin of every development log.
pub const DEV_ORIGIN: &str = "dev.invalid/disclosures";
/// The agencies and functions of Västerort.
const DIRECTORY: &str = include_str!("../../../../deploy/examples/directory.json");

/// A development world.
#[derive(Debug, Clone)]
pub struct World {
    folder: PathBuf,
    config: Config,
}

/// Where a world's broker listens.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// gRPC; 0 takes a free one.
    pub grpc: u16,
    /// The operator's listener; 0 takes a free one.
    pub operator: u16,
}

/// Why there is no world.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// Certificates.
    #[error("making the certificates")]
    Certificates(#[from] CaError),
    /// A file.
    #[error("writing {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The directory.
    #[error("the directory")]
    Directory(#[from] DirectoryError),
    /// The configuration.
    #[error("the configuration")]
    Config(#[from] ConfigError),
    /// The broker.
    #[error(transparent)]
    Start(#[from] StartError),
    /// No randomness.
    #[error(transparent)]
    Randomness(#[from] brygga_engine::clock::NoRandomness),
}

impl World {
    /// Opens the world in a folder, or makes it if it is not there.
    pub async fn open_or_make(folder: &Path, ports: Ports, more: &str) -> Result<Self, WorldError> {
        let file = folder.join("bryggad.toml");
        if file.exists() {
            return Ok(Self { folder: folder.to_owned(), config: Config::load(&file)? });
        }
        Self::make(folder, ports, more).await
    }

    /// Makes a world; `more` is configuration to add, in TOML. The embedded database gives way to a PostgreSQL that it names.
    async fn make(folder: &Path, ports: Ports, more: &str) -> Result<Self, WorldError> {
        fs::create_dir_all(folder).map_err(|source| WorldError::File { path: folder.to_owned(), source })?;
        let now = SystemClock.now();
        let authority = Authority::new("Brygga development CA", now)?;
        let file: DirectoryFile = serde_json::from_str(DIRECTORY).map_err(|source| DirectoryError::Json { path: PathBuf::from("directory.json"), source })?;
        let directory = file.into_directory(Some(authority.key_hash()))?;
        DevFiles::in_folder(folder).write(&authority, directory.agencies().map(|agency| &agency.id))?;
        write_private(&folder.join("directory.json"), with_issuer(&authority)?.as_bytes())?;
        for secret in ["log.seed", "door.secret"] {
            write_private(&folder.join(secret), format!("{}\n", hex::encode(SystemRandomness.draw()?)).as_bytes())?;
        }
        let config_file = folder.join("bryggad.toml");
        write_private(&config_file, format!("{}{more}", config(ports, !more.contains("[storage.postgres]"))).as_bytes())?;
        let world = Self { folder: folder.to_owned(), config: Config::load(&config_file)? };
        app::init(world.start_with(Arc::new(SystemClock), LaneLimits::default())).await?;
        Ok(world)
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Mutable, for ports that another start needs.
    pub fn set_ports(&mut self, ports: Ports) {
        self.config.listen.address.set_port(ports.grpc);
        self.config.listen.operator.set_port(ports.operator);
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn start_with(&self, clock: Arc<dyn Clock>, lanes: LaneLimits) -> Start {
        Start { config: self.config.clone(), purpose: Purpose::Development, clock, lanes }
    }

    /// Starts the broker and writes each agency's client settings for the port that it got.
    pub async fn start(&self, telemetry: &Telemetry, lanes: LaneLimits) -> Result<Running, WorldError> {
        let running = app::start(self.start_with(Arc::new(SystemClock), lanes), telemetry).await?;
        self.write_clients(running.grpc, &running.broker.directory())?;
        Ok(running)
    }

    /// The log's verifier key.
    pub fn log_key(&self) -> Result<String, WorldError> {
        Ok(open::signer(&self.config).map_err(StartError::from)?.key().encode())
    }

    /// SHA-256 of the authority's certificate file, for people to compare.
    pub fn ca_fingerprint(&self) -> Result<String, WorldError> {
        use sha2::Digest as _;
        let path = DevFiles::in_folder(&self.folder).ca();
        let pem = fs::read(&path).map_err(|source| WorldError::File { path, source })?;
        Ok(hex::encode(sha2::Sha256::digest(pem)))
    }

    fn write_clients(&self, address: SocketAddr, directory: &Directory) -> Result<(), WorldError> {
        let log_key = self.log_key()?;
        for agency in directory.agencies() {
            let folder = self.folder.join("agencies").join(agency.id.as_str());
            fs::create_dir_all(&folder).map_err(|source| WorldError::File { path: folder.clone(), source })?;
            let mut text = client(&agency.id, address, &log_key, directory);
            // Every question of a supervisor names an officer; this one stands in for whoever asks.
            if agency.kind == AgencyKind::Supervisor {
                text.push_str("officer = \"revisor\"\n");
            }
            write_private(&folder.join("client.toml"), text.as_bytes())?;
        }
        Ok(())
    }
}

/// The directory file with the world's own authority as issuer.
fn with_issuer(authority: &Authority) -> Result<String, WorldError> {
    let shape = |source| DirectoryError::Json { path: PathBuf::from("directory.json"), source };
    let mut file: serde_json::Value = serde_json::from_str(DIRECTORY).map_err(shape)?;
    if let Some(fields) = file.as_object_mut() {
        fields.insert(String::from("issuer_key_sha256"), hex::encode(authority.key_hash()).into());
    }
    serde_json::to_string_pretty(&file).map_err(|source| shape(source).into())
}

fn config(ports: Ports, embedded: bool) -> String {
    let database = if embedded { "database = \"brygga.db\"" } else { "" };
    let Ports { grpc, operator } = ports;
    format!(
        r#"# A development world: made-up people only, never real data.
[listen]
address = "127.0.0.1:{grpc}"
operator = "127.0.0.1:{operator}"

[storage]
{database}
signer_state = "signer.state"

[log]
origin = "{DEV_ORIGIN}"
signing_key = "log.seed"

[door]
secret = "door.secret"

[tls]
certificate = "server.pem"
key = "server.key"
client_ca = "ca.pem"

[directory]
file = "directory.json"
"#
    )
}

fn client(agency: &AgencyId, address: SocketAddr, log_key: &str, directory: &Directory) -> String {
    let functions: Vec<String> = directory.functions().filter(|function| function.host == *agency).map(|function| format!("\"{}\"", function.id)).collect();
    format!(
        r#"# Client settings of {agency} in a development world.
endpoint = "https://localhost:{port}"
agency = "{agency}"
functions = [{functions}]
ca = "../../ca.pem"
certificate = "../{agency}.pem"
key = "../{agency}.key"
log_key = "{log_key}"
pin = "pin"
outbox = "outbox"
"#,
        port = address.port(),
        functions = functions.join(", "),
    )
}
