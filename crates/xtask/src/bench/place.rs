//! Where the broker keeps its log, and what that costs beside the broker itself.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use brygga_pgtest::{Cluster, SUPERUSER, Setup};
use brygga_store::PostgresOptions;
use brygga_store::postgres::{Server, make_roles, migrate};
use clap::ValueEnum;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};

use super::broker::{Broker, TICKS_PER_SECOND};

/// Which store is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Store {
    /// The embedded database.
    Sqlite,
    /// A PostgreSQL server of the benchmark's own, made with initdb, on a Unix socket, with fsync on.
    Postgres,
    /// The same over TCP and TLS 1.3, as brokers reach a server on another machine.
    PostgresTls,
}

impl Store {
    /// Its name in a table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::PostgresTls => "PostgreSQL over TLS",
        }
    }
}

/// What runs beside the broker for its log.
pub enum Place {
    /// Nothing: the database is in the broker's process.
    Embedded,
    /// A server, which ends with this value.
    Server(Box<Cluster>, PostgresOptions),
}

/// What the database's own processes have used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Used {
    /// Seconds of processor time since they began.
    pub cpu_seconds: f64,
    /// Memory, shared pages counted once, KiB.
    pub resident_kib: u64,
}

impl Place {
    /// A new, empty one.
    pub async fn make(store: Store) -> anyhow::Result<Self> {
        let (cluster, server) = match store {
            Store::Sqlite => return Ok(Self::Embedded),
            Store::Postgres => {
                let cluster = Cluster::start(&Setup::default());
                let server = Server::Socket { folder: cluster.socket_folder().to_owned() };
                (cluster, server)
            }
            Store::PostgresTls => over_tls()?,
        };
        let database = cluster.database(None);
        let as_user = |user: &str| PostgresOptions {
            server: server.clone(),
            port: cluster.port(),
            database: database.clone(),
            user: user.to_owned(),
            password_file: None,
        };
        make_roles(&as_user(SUPERUSER)).await?;
        migrate(&as_user("brygga_migrate")).await?;
        let options = as_user("brygga_run");
        Ok(Self::Server(Box::new(cluster), options))
    }

    /// The configuration of a broker that keeps its log there.
    pub fn config(&self) -> String {
        match self {
            Self::Embedded => String::new(),
            Self::Server(_, PostgresOptions { server, port, database, user, .. }) => {
                let server = match server {
                    Server::Socket { folder } => format!("socket = \"{}\"", folder.display()),
                    Server::Tcp { host, root_certificate } => format!("host = \"{host}\"\nroot_certificate = \"{}\"", root_certificate.display()),
                };
                format!("\n[storage.postgres]\n{server}\nport = {port}\ndatabase = \"{database}\"\nuser = \"{user}\"\n")
            }
        }
    }

    /// What its processes have used so far.
    pub fn used(&self) -> anyhow::Result<Used> {
        let Self::Server(cluster, _) = self else { return Ok(Used::default()) };
        let file = std::fs::read_to_string(cluster.data().join("postmaster.pid"))?;
        let first: u32 = file.lines().next().context("no process in postmaster.pid")?.parse()?;
        let mut used = Used::default();
        for entry in std::fs::read_dir("/proc")? {
            let Some(process) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            // A process may end while it is looked at; what it used is then its parent's.
            let Ok(stat) = std::fs::read_to_string(format!("/proc/{process}/stat")) else { continue };
            let Some(stat) = Stat::parse(&stat) else { continue };
            if process != first && stat.parent != first {
                continue;
            }
            used.cpu_seconds += (stat.own + if process == first { stat.of_the_ended } else { 0.0 }) / TICKS_PER_SECOND;
            used.resident_kib += std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok().and_then(|text| pss(&text)).unwrap_or_default();
        }
        Ok(used)
    }

    /// How much of the disk the log takes, bytes.
    pub fn disk_bytes(&self, broker: &Broker) -> anyhow::Result<u64> {
        match self {
            Self::Embedded => size_of(&broker.folder().join("brygga.db")),
            Self::Server(cluster, options) => Ok(cluster.sql("postgres", &format!("SELECT pg_database_size('{}')", options.database)).trim().parse()?),
        }
    }
}

/// A server on loopback that speaks TLS only, and trusts whoever does.
fn over_tls() -> anyhow::Result<(Cluster, Server)> {
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let (authority, key) = (CertifiedIssuer::self_signed(params, KeyPair::generate()?)?, KeyPair::generate()?);
    let certificate = CertificateParams::new(vec![String::from("localhost")])?.signed_by(&key, &authority)?;
    let settings = ["listen_addresses = '127.0.0.1'", "ssl = on", "ssl_cert_file = 'bench.pem'", "ssl_key_file = 'bench.key'"].map(String::from);
    let (certificate, key, authority) = (certificate.pem(), key.serialize_pem(), authority.pem());
    let files: &[(&str, &[u8])] =
        &[("bench.pem", certificate.as_bytes()), ("bench.key", key.as_bytes()), ("pg_hba.conf", b"local all all trust\nhostssl all all 127.0.0.1/32 trust\n")];
    let cluster = Cluster::start(&Setup { settings: &settings, files, port: Some(port) });
    // What a client trusts lies where every user may read it.
    let root_certificate = cluster.socket_folder().join("root.pem");
    std::fs::write(&root_certificate, &authority)?;
    Ok((cluster, Server::Tcp { host: String::from("localhost"), root_certificate }))
}

/// The database and what lies beside it.
fn size_of(database: &Path) -> anyhow::Result<u64> {
    let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", database.display()));
    let wal = std::fs::metadata(beside("-wal")).map_or(0, |found| found.len());
    Ok(std::fs::metadata(database)?.len() + wal)
}

/// What `/proc` says of a process.
#[derive(Debug, PartialEq)]
struct Stat {
    parent: u32,
    /// Ticks of its own, user and system.
    own: f64,
    /// Ticks of children that have ended.
    of_the_ended: f64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The name may hold anything, so the fields are counted from its closing bracket.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
        Some(Self { parent: fields.get(1)?.parse().ok()?, own: ticks(11)? + ticks(12)?, of_the_ended: ticks(13)? + ticks(14)? })
    }
}

fn pss(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("Pss:"))?.trim().trim_end_matches("kB").trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_used_is_read_from_the_system() {
        let stat = "812 (postgres: (odd) name) S 700 812 812 0 -1 4194560 1 2 3 4 150 50 7 3 20 0 1 0 100 1 1";
        assert_eq!(Stat::parse(stat), Some(Stat { parent: 700, own: 200.0, of_the_ended: 10.0 }));
        assert_eq!(pss("Rss:   900 kB\nPss:      412 kB\nPss_Dirty: 1 kB\n"), Some(412));
    }
}
