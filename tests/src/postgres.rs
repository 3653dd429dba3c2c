//! PostgreSQL for tests over the wire: databases of their own on a real server.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use brygga_pgtest::{Cluster, SUPERUSER};
use brygga_store::PostgresOptions;
use brygga_store::postgres::{Server, make_roles, migrate};
use tokio::process::Command;
use tokio::sync::OnceCell;

/// How long a session may stand in a transaction: shorter than the server's own limit, which would hide it.
const IN_TRANSACTION_MAX: Duration = Duration::from_secs(5);
/// How often the database is looked at.
const POLL: Duration = Duration::from_millis(100);

/// How to reach a database as somebody.
pub fn options(cluster: &Cluster, database: &str, user: &str) -> PostgresOptions {
    let server = Server::Socket { folder: cluster.socket_folder().to_owned() };
    PostgresOptions { server, port: cluster.port(), database: database.to_owned(), user: user.to_owned(), password_file: None }
}

/// A new database with roles and schema, as brokers reach it.
///
/// # Panics
/// When it cannot be made.
pub async fn database(cluster: &Cluster) -> PostgresOptions {
    let database = cluster.database(None);
    make_roles(&options(cluster, &database, SUPERUSER)).await.unwrap();
    migrate(&options(cluster, &database, "brygga_migrate")).await.unwrap();
    options(cluster, &database, "brygga_run")
}

/// A new database on the server that all tests of a process share.
///
/// # Panics
/// When it cannot be made.
pub async fn shared() -> PostgresOptions {
    static PREPARED: OnceCell<PostgresOptions> = OnceCell::const_new();
    let cluster = Cluster::shared();
    let prepared = PREPARED.get_or_init(|| database(cluster)).await;
    options(cluster, &cluster.database(Some(&prepared.database)), "brygga_run")
}

/// The database as configuration, to be added to a world that is made.
pub fn section(options: &PostgresOptions) -> String {
    let server = match &options.server {
        Server::Socket { folder } => format!("socket = \"{}\"", folder.display()),
        Server::Tcp { host, root_certificate } => format!("host = \"{host}\"\nroot_certificate = \"{}\"", root_certificate.display()),
    };
    let password = options.password_file.iter().map(|file| format!("password_file = \"{}\"\n", file.display()));
    let PostgresOptions { port, database, user, .. } = options;
    format!("\n[storage.postgres]\n{server}\nport = {port}\ndatabase = \"{database}\"\nuser = \"{user}\"\n{}", password.collect::<String>())
}

/// Waits until no session of the broker of a world stands in a transaction.
///
/// # Panics
/// When one goes on to: whoever began it is gone, and its connection would be handed to the next.
pub async fn no_session_in_transaction(world: &Path) {
    let database = database_of(world);
    let question =
        format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND application_name = 'bryggad' AND state LIKE 'idle in transaction%'");
    let idle = until_none(&database, &question);
    tokio::time::timeout(IN_TRANSACTION_MAX, idle).await.expect("a session of the broker stands in a transaction");
}

/// Waits until the database of a world says of nothing that it is on its way.
pub async fn nothing_on_its_way(world: &Path) {
    until_none(&database_of(world), "SELECT count(*) FROM brygga.in_flight").await;
}

/// Ends whatever listens at the database of a world as soon as it does, until the value is dropped.
pub fn ends_listeners(world: &Path) -> impl Drop {
    struct Ends(Arc<AtomicBool>, Option<std::thread::JoinHandle<()>>);
    impl Drop for Ends {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
            drop(self.1.take().map(std::thread::JoinHandle::join));
        }
    }
    let (database, stop) = (database_of(world), Arc::<AtomicBool>::default());
    let stopped = Arc::clone(&stop);
    let end = format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{database}' AND query LIKE 'LISTEN%'");
    let ending = std::thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            Cluster::shared().sql("postgres", &end);
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    Ends(stop, Some(ending))
}

fn database_of(world: &Path) -> String {
    let text = std::fs::read_to_string(world.join("bryggad.toml")).unwrap();
    text.lines().find_map(|line| line.strip_prefix("database = \"")).unwrap().trim_end_matches('"').to_owned()
}

async fn until_none(database: &str, question: &str) {
    while Cluster::shared().sql(database, question) != "0" {
        tokio::time::sleep(POLL).await;
    }
}

/// Makes a world for one more broker on the log of another world: the same keys and authority, a signer state of its own.
///
/// # Panics
/// When it cannot join.
pub async fn join(program: &Path, first: &Path, second: &Path) {
    copy(first, second);
    std::fs::remove_file(second.join("signer.state")).unwrap();
    let ran = Command::new(program).arg("join").arg("--config").arg(second.join("bryggad.toml")).output().await.unwrap();
    assert!(ran.status.success(), "{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
}

/// A folder with all that is in it, but for the pins of clients.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.path().extension().is_none_or(|kind| kind != "pin") {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
