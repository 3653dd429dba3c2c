//! A connection with its settings, which is opened again after it was given up.
//!
//! It is the broker's own and never out of a pool: nobody else can leave a transaction open in it. What a new connection finds out
//! about its server is asked on every connect, so that a server that was demoted or weakened meanwhile is turned away.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow, PgSslMode};
use sqlx::{ConnectOptions as _, Row as _};

use super::error::Trouble;
use super::statements::READ_SERVER;
use super::{PostgresOptions, SCHEMA, Server, tunnel};

/// The oldest server.
const SERVER_VERSION_MIN: i32 = 150_000;
/// How long a connection may take to come about.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long a statement may take before the connection is given up: longer than the server's own limit, so that it speaks first.
const ANSWER_MAX: Duration = Duration::from_secs(12);

/// What every session is started with. The server's limits end what hangs, so that a broker that stands still does not hold the
/// head's lock; the planner never reads through a table that an index is there for, nor does it depend on how large tables were
/// when it looked.
const SETTINGS: [(&str, &str); 17] = [
    ("search_path", SCHEMA),
    ("synchronous_commit", "on"),
    ("statement_timeout", "10s"),
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "10s"),
    ("client_connection_check_interval", "1s"),
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "1"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "10s"),
    ("work_mem", "64MB"),
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
    ("max_parallel_workers_per_gather", "0"),
];

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Writes; a broker has one.
    Writer,
    /// Reads for a broker: from the primary, as fresh as its writer.
    Reader,
    /// Reads beside brokers, for audit and comparison; a replica will do.
    Beside,
    /// Changes the schema.
    Migration,
}

/// Why a connection is not there, or not what it must be.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// It does not open or does not answer.
    #[error("PostgreSQL cannot be asked")]
    Trouble(#[from] Trouble),
    /// A setting does not hold.
    #[error("the server's setting {name} is {found}, and must be {wanted}: an acknowledged commit would not survive a crash")]
    Setting {
        /// The setting.
        name: &'static str,
        /// As it is.
        found: String,
        /// As it must be.
        wanted: &'static str,
    },
    /// The server is too old.
    #[error("the server is version {found}; 15 or newer is needed")]
    OldServer {
        /// Its version number.
        found: i32,
    },
    /// The server is a replica, or refuses writes.
    #[error("the server is a replica or read-only; a broker works on the primary only")]
    Standby,
    /// The server was primary once, and another has stepped up since.
    #[error("the server is on timeline {found}, and this broker has worked on {known}: it is not primary any more")]
    Stale {
        /// Its timeline.
        found: i32,
        /// The latest that this broker knows.
        known: i32,
    },
    /// The connection is not what it must be.
    #[error("the connection is not protected by TLS 1.3 (it has: {found})")]
    Unprotected {
        /// What protects it.
        found: String,
    },
    /// The password file cannot be read.
    #[error("reading the password file")]
    Password(#[source] std::io::Error),
}

/// What a broker's connections know of its writer's.
#[derive(Debug, Default)]
pub(super) struct Writing {
    /// How many connections it has had: a reader does not outlive the writer's, which may have moved to another server.
    connections: AtomicU64,
    /// The server's process behind it.
    process: AtomicI32,
    /// The latest timeline that it worked on. Each time that a server steps up it begins a later one, so one of before shows itself.
    timeline: AtomicI32,
}

impl Writing {
    /// Whether that process of the server works for this broker's writer.
    pub(super) fn is_own(&self, process: u32) -> bool {
        u32::try_from(self.process.load(Ordering::Acquire)) == Ok(process)
    }
}

/// One connection.
pub(super) struct Link {
    options: PostgresOptions,
    role: Role,
    connection: Option<(PgConnection, u64)>,
    writing: Arc<Writing>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("role", &self.role).field("open", &self.connection.is_some()).finish_non_exhaustive()
    }
}

impl Link {
    pub(super) fn new(options: &PostgresOptions, role: Role, writing: Arc<Writing>) -> Self {
        Self { options: options.clone(), role, connection: None, writing }
    }

    /// The connection, opened if it is not.
    pub(super) async fn connection(&mut self) -> Result<&mut PgConnection, ConnectError> {
        let count = self.writing.connections.load(Ordering::Acquire);
        let open = match self.connection.take() {
            Some((open, of)) if of == count || self.role == Role::Writer => (open, of),
            Some(_) | None => (self.open().await?, count),
        };
        let (connection, _) = self.connection.insert(open);
        Ok(connection)
    }

    /// Drops the connection; the server rolls back what it had begun.
    pub(super) fn give_up(&mut self) {
        self.connection = None;
    }

    async fn open(&self) -> Result<PgConnection, ConnectError> {
        let options = connect_options(&self.options)?;
        let mut connection = match tokio::time::timeout(CONNECT_MAX, self.connect(options)).await {
            Ok(connected) => connected?,
            Err(_) => return Err(Trouble::Silent(CONNECT_MAX).into()),
        };
        let server = answered(sqlx::query(READ_SERVER).fetch_one(&mut connection)).await?;
        self.check(&server)?;
        if self.role == Role::Writer {
            self.writing.process.store(server.try_get("process").map_err(Trouble::from)?, Ordering::Release);
            self.writing.connections.fetch_add(1, Ordering::AcqRel);
        }
        Ok(connection)
    }

    async fn connect(&self, options: PgConnectOptions) -> Result<PgConnection, Trouble> {
        let options = match &self.options.server {
            Server::Tcp { host, .. } => options.socket(tunnel::open(host, self.options.port).await.map_err(Trouble::Broken)?),
            Server::Socket { .. } => options,
        };
        Ok(options.connect().await?)
    }

    /// Whether the server is fit for what the connection is for.
    fn check(&self, server: &PgRow) -> Result<(), ConnectError> {
        let version: i32 = server.try_get("version").map_err(Trouble::from)?;
        if version < SERVER_VERSION_MIN {
            return Err(ConnectError::OldServer { found: version });
        }
        let read_only: bool = server.try_get("read_only").map_err(Trouble::from)?;
        if read_only && self.role != Role::Beside {
            return Err(ConnectError::Standby);
        }
        if let Some(found) = server.try_get::<Option<i32>, _>("timeline").map_err(Trouble::from)? {
            let known = self.writing.timeline.fetch_max(found, Ordering::AcqRel);
            if found < known {
                return Err(ConnectError::Stale { found, known });
            }
        }
        for name in ["fsync", "synchronous_commit"] {
            let found: String = server.try_get(name).map_err(Trouble::from)?;
            if found != "on" {
                return Err(ConnectError::Setting { name, found, wanted: "on" });
            }
        }
        let tls: Option<String> = server.try_get("tls").map_err(Trouble::from)?;
        match &self.options.server {
            Server::Tcp { .. } if tls.as_deref() != Some("TLSv1.3") => Err(ConnectError::Unprotected { found: tls.unwrap_or_else(|| String::from("nothing")) }),
            Server::Tcp { .. } | Server::Socket { .. } => Ok(()),
        }
    }
}

/// How to connect. Nothing comes from the environment: whatever a variable may set is set here.
pub(super) fn connect_options(options: &PostgresOptions) -> Result<PgConnectOptions, ConnectError> {
    let password = match &options.password_file {
        Some(file) => std::fs::read_to_string(file).map_err(ConnectError::Password)?,
        None => String::new(),
    };
    let connect = PgConnectOptions::new_without_pgpass()
        .port(options.port)
        .database(&options.database)
        .username(&options.user)
        .password(password.trim_end_matches(['\r', '\n']))
        .application_name("bryggad")
        .options(SETTINGS)
        .disable_statement_logging();
    Ok(match &options.server {
        Server::Socket { folder } => connect.socket(folder).ssl_mode(PgSslMode::Disable),
        Server::Tcp { host, root_certificate } => connect.host(host).ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(root_certificate),
    })
}

/// An answer of the server, if it comes in time: a server behind a cut network says nothing at all.
pub(super) async fn answered<T>(asked: impl Future<Output = Result<T, sqlx::Error>> + Send) -> Result<T, Trouble> {
    match tokio::time::timeout(ANSWER_MAX, asked).await {
        Ok(answer) => answer.map_err(Trouble::from),
        Err(_) => Err(Trouble::Silent(ANSWER_MAX)),
    }
}
