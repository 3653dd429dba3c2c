//! Where the log lies: the embedded database, or PostgreSQL; exactly one of them.

use std::path::PathBuf;

use brygga_store::PostgresOptions;
use brygga_store::postgres::{PORT, Server};
use serde::Deserialize;

/// What the broker stores.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Section")]
pub struct Storage {
    /// The log, with all that decisions and answers need.
    pub place: Place,
    /// The heads that this broker has committed, outside the database.
    pub signer_state: PathBuf,
}

/// Where the log lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The embedded database, for one broker.
    Embedded(PathBuf),
    /// PostgreSQL, for one or more brokers.
    Postgres(PostgresOptions),
}

impl Place {
    /// The paths that it names, to be made absolute.
    pub(super) fn paths_mut(&mut self) -> Vec<&mut PathBuf> {
        match self {
            Self::Embedded(database) => vec![database],
            Self::Postgres(options) => {
                let server = match &mut options.server {
                    Server::Socket { folder } => folder,
                    Server::Tcp { root_certificate, .. } => root_certificate,
                };
                std::iter::once(server).chain(&mut options.password_file).collect()
            }
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Embedded(database) => database.display().fmt(f),
            Self::Postgres(options) => options.fmt(f),
        }
    }
}

/// The section as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    database: Option<PathBuf>,
    postgres: Option<Postgres>,
    signer_state: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Postgres {
    socket: Option<PathBuf>,
    host: Option<String>,
    root_certificate: Option<PathBuf>,
    #[serde(default = "port")]
    port: u16,
    database: String,
    user: String,
    password_file: Option<PathBuf>,
}

fn port() -> u16 {
    PORT
}

impl TryFrom<Section> for Storage {
    type Error = &'static str;

    fn try_from(section: Section) -> Result<Self, &'static str> {
        let place = match (section.database, section.postgres) {
            (Some(database), None) => Place::Embedded(database),
            (None, Some(postgres)) => Place::Postgres(postgres.try_into()?),
            (Some(_), Some(_)) => return Err("storage.database and storage.postgres exclude each other: the log lies in one place"),
            (None, None) => return Err("storage.database or storage.postgres is missing: the log lies in one of them"),
        };
        Ok(Self { place, signer_state: section.signer_state })
    }
}

impl TryFrom<Postgres> for PostgresOptions {
    type Error = &'static str;

    fn try_from(section: Postgres) -> Result<Self, &'static str> {
        let server = match (section.socket, section.host, section.root_certificate) {
            (Some(folder), None, None) => Server::Socket { folder },
            (None, Some(host), Some(root_certificate)) => Server::Tcp { host, root_certificate },
            (None, Some(_), None) => return Err("storage.postgres.root_certificate is missing: over the network the server is always verified"),
            (Some(_), Some(_), _) => return Err("storage.postgres.socket and storage.postgres.host exclude each other"),
            (Some(_), None, Some(_)) => return Err("storage.postgres.root_certificate goes with host, not with socket"),
            (None, None, _) => return Err("storage.postgres.socket or storage.postgres.host is missing"),
        };
        let Postgres { port, database, user, password_file, .. } = section;
        Ok(Self { server, port, database, user, password_file })
    }
}
