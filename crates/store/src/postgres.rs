//! The PostgreSQL store, for version 15 and later: one writer, a few readers, and a connection that hears of others' commits.
//!
//! Several brokers may serve one database: a batch locks the head row first, so their batches queue behind each other. A broker runs as
//! a role that can add and replace rows and nothing else; the schema is brought up to date by [`migrate`], never by a broker.

mod changes;
mod columns;
mod error;
mod hints;
mod link;
mod migrate;
mod reader;
mod rows;
mod statements;
mod tunnel;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

pub use hints::PostgresHints;
pub use link::ConnectError;
pub use migrate::{Migrated, SCHEMA_KNOWN, make_roles, migrate};
pub use reader::PostgresReader;
pub use writer::PostgresStore;

use link::{Link, Role};

/// How many readers there are at most.
pub const READERS_MAX: usize = 4;
/// The port that PostgreSQL listens on unless told otherwise.
pub const PORT: u16 = 5432;
/// The schema that everything lies in.
const SCHEMA: &str = "brygga";

/// Where the server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// On this machine: the folder of its Unix socket.
    Socket {
        /// The folder.
        folder: PathBuf,
    },
    /// Elsewhere, over TLS 1.3 with its name verified.
    Tcp {
        /// Its name, which its certificate must hold.
        host: String,
        /// The authority that issued its certificate. The library trusts the public ones as well, for this name only.
        root_certificate: PathBuf,
    },
}

/// How to reach a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresOptions {
    /// Where the server is.
    pub server: Server,
    /// Its port, which also names the socket.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The role to be.
    pub user: String,
    /// A file that holds the password and nothing else; read anew for every connection.
    pub password_file: Option<PathBuf>,
}

impl std::fmt::Display for PostgresOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.server {
            Server::Socket { folder } => write!(f, "{} at {}", self.database, folder.display()),
            Server::Tcp { host, .. } => write!(f, "{} at {host}:{}", self.database, self.port),
        }
    }
}

/// The connections beside the writer's.
#[derive(Debug)]
pub struct PostgresReaders {
    /// One for each task of the reader pool.
    pub readers: Vec<PostgresReader>,
    /// Hears of other brokers' commits.
    pub hints: PostgresHints,
}

/// Why a database does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It does not connect, or is not fit to keep a log.
    #[error("the database {place} does not open")]
    Connect {
        /// The database.
        place: String,
        /// Why.
        #[source]
        source: ConnectError,
    },
    /// A newer program has written the database, and this one may no longer work on it.
    #[error("the database {place} has schema {found} and needs a program that knows {needs}; this one knows {known}: use a newer one")]
    NewerSchema {
        /// The database.
        place: String,
        /// Its schema.
        found: i64,
        /// The schema that a program must know.
        needs: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// An older program has written the database.
    #[error("the database {place} has schema {found}, this program needs {known}; run: bryggad migrate")]
    OlderSchema {
        /// The database.
        place: String,
        /// Its schema; 0: it holds none.
        found: i64,
        /// The schema that this program needs.
        known: i64,
    },
    /// The roles cannot be made.
    #[error("the roles of the database {place} cannot be made; it takes a role that may create roles")]
    Roles {
        /// The database.
        place: String,
        /// Why.
        #[source]
        source: ConnectError,
    },
    /// The schema cannot be brought up to date.
    #[error("the schema of the database {place} cannot be brought up to date; its roles are made by: bryggad migrate --roles")]
    Migrate {
        /// The database.
        place: String,
        /// Why.
        #[source]
        source: ConnectError,
    },
}

impl PostgresStore {
    /// Opens a database whose schema is up to date.
    pub async fn open(options: &PostgresOptions, readers: usize) -> Result<(Self, PostgresReaders), OpenError> {
        let refused = |source| OpenError::Connect { place: options.to_string(), source };
        let writing = Arc::default();
        let mut writer = Link::new(options, Role::Writer, Arc::clone(&writing));
        migrate::check(options, writer.connection().await.map_err(refused)?).await?;
        let mut opened = Vec::new();
        for _ in 0..readers.clamp(1, READERS_MAX) {
            let mut link = Link::new(options, Role::Reader, Arc::clone(&writing));
            link.connection().await.map_err(refused)?;
            opened.push(PostgresReader::new(link));
        }
        Ok((Self::new(writer), PostgresReaders { readers: opened, hints: PostgresHints::new(options, writing) }))
    }
}

impl PostgresReader {
    /// Opens the database for reading only, beside brokers or without one, also on a replica.
    pub async fn open_beside(options: &PostgresOptions) -> Result<Self, OpenError> {
        let mut link = Link::new(options, Role::Beside, Arc::default());
        let connection = link.connection().await.map_err(|source| OpenError::Connect { place: options.to_string(), source })?;
        migrate::check(options, connection).await?;
        Ok(Self::new(link))
    }
}

#[cfg(test)]
mod tests {
    use brygga_pgtest::{Cluster, SUPERUSER};
    use sqlx::{AssertSqlSafe, Executor as _, Row as _};

    use super::*;

    const REFERRALS: &[&str] = &["referral_pkey"];

    /// Each question that is asked again and again, the types of what it is asked with, and the indexes that it must use.
    const PLANS: [(&str, &str, &[&str]); 29] = [
        (
            statements::LOAD,
            "text[], bytea[], bytea[], text[], bytea[], bytea[], bigint, text[]",
            &["request_key_pkey", "referral_id_key", "referral_reference_key", "sender_reference_pkey", "offer_id_key", "emergency_unreviewed"],
        ),
        (statements::LOAD, "text[], bytea[], bytea[], text[], bytea[], bytea[], bigint, text[]", REFERRALS),
        (
            statements::WRITE_RARE,
            "bigint[], bigint[], bytea[], bigint[], text[], bigint[], bigint[], bigint[], bytea[], text[], text[], text[], bigint[], text[], text[], bigint[], text[], text[], text[], bigint[], bigint, bigint",
            &["request_key_by_age"],
        ),
        (
            statements::WRITE,
            "bigint[], bytea[], bytea[], bigint[], bigint[], bytea[], bytea[], bigint[], bytea[], text[], bytea[], text[], text[], text[], text[], text[], text[], text[], text[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], text[], text[], bigint[], bigint[], bytea[], bigint[], bigint[], bigint[], bigint[], bigint[], text[], bigint[], bytea[], bytea[], text[], bigint[], bytea[], text[], text[], bigint[], bytea[], text[], bigint[], bigint[], bigint[], bigint[], bytea[], bytea[], bytea[], bigint[], text[], bytea[], bytea[], bytea[], bytea[], bytea[], bytea[], text[], bytea[], bytea[], bigint[], text[], bigint[], bytea[], text[], bigint[], bigint[], bytea[], bigint[], bigint[], bigint[], bigint[], bytea[], bigint[], bigint[], bigint[], bigint[], bigint[], bytea[], bytea[], bigint[], bytea[], text",
            &["in_flight_pkey", "section_content_pkey", "log_head_pkey"],
        ),
        (statements::READ_PENDING, "text, bigint, bigint", &["referral_sender_clears", "referral_leader_clears"]),
        (statements::READ_OPEN_INBOX, "text, bigint, bigint", &["referral_in_inbox"]),
        (statements::READ_DUE, "bigint, bigint, bigint, bigint", &["referral_due"]),
        (statements::READ_SENT, "text, bigint, bigint", &["referral_by_sender"]),
        (statements::READ_OPEN_SENT, "text, bigint, bigint", &["referral_open_sent"]),
        (statements::READ_ALL, "bigint, bigint", REFERRALS),
        (statements::READ_REFERRALS, "bytea[]", &["referral_id_key"]),
        (statements::READ_BY_REFERENCE, "text", &["referral_reference_key"]),
        (statements::READ_BY_SENDER_REFERENCE, "bytea", &["sender_reference_pkey", "referral_id_key"]),
        (statements::READ_CONTENTS, "bytea, bigint[], bigint[]", &["referral_id_key", "section_content_pkey"]),
        (statements::READ_CONTENT_NAMES, "bigint, bigint", &["section_content_pkey"]),
        (statements::READ_IN_FLIGHT, "bigint", &["in_flight_pkey"]),
        (statements::READ_OPEN_REVIEWS, "text", &["emergency_unreviewed"]),
        (statements::READ_NOTICED, "text", &["noticed_pkey"]),
        (statements::READ_INBOX, "text, bigint, bigint", &["inbox_pkey"]),
        (statements::READ_STATUSES, "text, bigint, bigint", &["status_pkey"]),
        (statements::READ_OPENINGS, "bigint", &["opening_pkey"]),
        (statements::READ_EVENTS, "bigint, bigint", &["event_pkey"]),
        (statements::READ_LEAF_HASHES, "bigint, bigint", &["event_pkey"]),
        (statements::READ_TREE_HASHES, "bigint, bigint, bigint", &["tree_pkey"]),
        (statements::READ_CHECKPOINT, "bigint", &["checkpoint_pkey"]),
        (statements::READ_LATEST_CHECKPOINT, "", &["checkpoint_pkey"]),
        (statements::READ_FOLLOWING_CHECKPOINT, "bigint", &["checkpoint_prev_size_key"]),
        (statements::READ_HEAD, "", &["log_head_pkey"]),
        (statements::READ_HEAD_LOCKED, "", &["log_head_pkey"]),
    ];

    fn options(user: &str, database: &str) -> PostgresOptions {
        let cluster = Cluster::shared();
        let server = Server::Socket { folder: cluster.socket_folder().to_owned() };
        PostgresOptions { server, port: cluster.port(), database: database.to_owned(), user: user.to_owned(), password_file: None }
    }

    /// What reads through a whole table, or through a whole index. Emergencies that nobody has reviewed are never many, and of an index's end one
    /// row is taken.
    fn scans(plan: &str) -> Vec<&str> {
        let lines: Vec<&str> = plan.lines().collect();
        let next = |at: usize| lines.get(at + 1).is_some_and(|line| line.contains("Index Cond"));
        let whole = |at: usize, line: &str| {
            let index = line.contains("Index Scan") || line.contains("Index Only Scan");
            let little = ["on emergency_unreviewed", "Backward using checkpoint_pkey"].iter().any(|scanned| line.contains(scanned));
            (line.contains("Seq Scan") || index && !next(at)) && !little
        };
        lines.iter().enumerate().filter(|(at, line)| whole(*at, line)).map(|(_, line)| *line).collect()
    }

    #[tokio::test]
    async fn questions_use_their_index_and_scan_no_table() {
        let database = Cluster::shared().database(None);
        make_roles(&options(SUPERUSER, &database)).await.unwrap();
        migrate(&options("brygga_migrate", &database)).await.unwrap();
        let mut link = Link::new(&options("brygga_run", &database), Role::Reader, Arc::default());
        let connection = link.connection().await.unwrap();
        for (number, (statement, types, wanted)) in PLANS.into_iter().enumerate() {
            let bracketed = |inner: String| if types.is_empty() { String::new() } else { format!("({inner})") };
            let nulls = bracketed(types.split(", ").map(|_| "NULL").collect::<Vec<_>>().join(", "));
            connection.execute(AssertSqlSafe(format!("PREPARE q{number} {} AS {statement}", bracketed(types.to_owned())))).await.unwrap();
            let rows = connection.fetch_all(AssertSqlSafe(format!("EXPLAIN EXECUTE q{number} {nulls}"))).await.unwrap();
            let plan = rows.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>().join("\n");
            for index in wanted {
                assert!(plan.contains(index), "{index} is not in the plan of\n{statement}\n{plan}");
            }
            assert_eq!(scans(&plan), Vec::<&str>::new(), "{statement}\n{plan}");
        }
    }
}
