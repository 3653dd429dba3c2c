//! The real binary in a world of its own, and a client for each agency: what every test over the wire starts with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use brygga_client::{Client, ClientConfig, Deadlines};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::load::Random;
use crate::postgres;

/// How long a broker may take to be ready before a test gives up.
pub const READY_DEADLINE: Duration = Duration::from_secs(60);
/// Lines of a broker's log that a failure shows.
const LAST_LINES: usize = 20;

/// The broker's binary of the profile that the tests were built with. `cargo test --workspace` has built it by now; it is built here
/// only where it is missing or older than a source file, as after `cargo test -p brygga-tests`.
///
/// # Panics
/// When it does not build.
pub fn bryggad() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        // A test binary lies in `<target>/<profile>/deps`; the broker lies one folder above it.
        let folder = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
        let binary = folder.join("bryggad");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let built = std::fs::metadata(&binary).and_then(|found| found.modified()).ok();
        if built.is_none_or(|built| newest(&root.join("crates")) > built) {
            let profile = folder.file_name().unwrap().to_string_lossy().replace("debug", "dev");
            let mut build = std::process::Command::new("cargo");
            build.current_dir(root).args(["build", "--quiet", "--profile", &profile, "-p", "brygga-server", "--bin", "bryggad"]);
            build.arg("--target-dir").arg(folder.parent().unwrap());
            assert!(build.status().unwrap().success(), "bryggad does not build");
        }
        binary
    })
}

/// When the newest source of the crates was changed.
fn newest(folder: &Path) -> std::time::SystemTime {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let sources = entries.filter(|entry| entry.file_name() != "tests" && entry.path().extension().is_none_or(|kind| kind != "md"));
    let times = sources.map(|entry| {
        let found = entry.metadata().unwrap();
        if found.is_dir() { newest(&entry.path()) } else { found.modified().unwrap() }
    });
    times.max().unwrap_or(std::time::SystemTime::UNIX_EPOCH)
}

/// What a broker said last, for the message of a test that fails.
fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}

/// Whether new worlds keep their log in PostgreSQL: `BRYGGA_TEST_STORE=postgres`.
///
/// # Panics
/// When it names a store that is not there.
pub fn on_postgres() -> bool {
    match std::env::var("BRYGGA_TEST_STORE").as_deref() {
        Ok("postgres") => true,
        Ok("sqlite") | Err(_) => false,
        Ok(other) => panic!("BRYGGA_TEST_STORE is {other}: neither sqlite nor postgres"),
    }
}

/// Gives the broker of a world an address at which it comes back. Ports below the range that the system gives to outgoing connections
/// stay free while it is dead; tests that run at once take theirs from ranges of their own.
///
/// # Panics
/// When the world is not there.
pub fn settle(folder: &Path, ports: (u64, u64), random: &mut Random) {
    let port = loop {
        let port = u16::try_from(random.within(ports.0, ports.1)).unwrap();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            break port;
        }
    };
    let file = folder.join("bryggad.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("address = \"127.0.0.1:0\"", &format!("address = \"127.0.0.1:{port}\""), 1)).unwrap();
}

/// The rows of a world's database are what its journal gives: `bryggad replay`.
///
/// # Panics
/// When they are not.
pub async fn replayed(folder: &Path) {
    let ran = Command::new(bryggad()).arg("replay").arg("--config").arg(folder.join("bryggad.toml")).output().await.unwrap();
    assert!(ran.status.success(), "{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
}

/// A broker that runs as a process of its own.
pub struct Broker {
    process: Child,
    // The broker ends when this closes, so that no test leaves one behind.
    input: Option<ChildStdin>,
    folder: PathBuf,
    ready: Value,
}

impl Broker {
    /// Starts a broker in a world; the world is made if it is not there. `more` is configuration to add to a world that is made.
    ///
    /// # Panics
    /// When it is not ready in time.
    pub async fn start(folder: &Path, more: &str) -> Self {
        let new = !folder.join("bryggad.toml").exists() && !more.contains("[storage");
        let more = if new && on_postgres() { format!("{more}{}", postgres::section(&postgres::shared().await)) } else { more.to_owned() };
        Self::start_with(folder, &["--config", &more]).await
    }

    /// Starts a broker with further arguments of `test-server`.
    ///
    /// # Panics
    /// When it is not ready in time.
    pub async fn start_with(folder: &Path, args: &[&str]) -> Self {
        Self::start_program(bryggad(), folder, args).await
    }

    /// The same with a program of another version.
    ///
    /// # Panics
    /// When it is not ready in time.
    pub async fn start_program(program: &Path, folder: &Path, args: &[&str]) -> Self {
        let log = std::fs::File::options().create(true).append(true).open(folder.with_extension("log")).unwrap();
        let mut command = Command::new(program);
        command.arg("test-server").arg("--world").arg(folder).args(args);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(READY_DEADLINE, lines.next_line()).await.expect("the broker is not ready in time").unwrap();
        let ready = line.unwrap_or_else(|| panic!("the broker ended before it was ready:\n{}", last_lines(&folder.with_extension("log"))));
        let ready = serde_json::from_str(&ready).unwrap();
        let input = process.stdin.take();
        Self { process, input, folder: folder.to_owned(), ready }
    }

    /// The folder of its world.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it said when it was ready.
    pub fn ready(&self) -> &Value {
        &self.ready
    }

    /// Everything that it wrote to standard error.
    ///
    /// # Panics
    /// When the file cannot be read.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.with_extension("log")).unwrap()
    }

    /// Kills it as a power cut would: SIGKILL.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }

    /// Sends it a signal by name.
    ///
    /// # Panics
    /// When it cannot be sent.
    pub async fn signal(&self, name: &str) {
        let process = self.process.id().expect("the broker has ended").to_string();
        assert!(Command::new("kill").args(["-s", name, &process]).status().await.unwrap().success());
    }

    /// Stops it in order and gives its exit code.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn stop(mut self) -> Option<i32> {
        drop(self.input.take());
        tokio::time::timeout(READY_DEADLINE, self.process.wait()).await.expect("the broker does not stop").unwrap().code()
    }

    /// The settings of an agency's client.
    ///
    /// # Panics
    /// When the world's files are not there.
    pub fn config(&self, agency: &str) -> ClientConfig {
        client_config(&self.folder, self.ready["grpc"].as_str().unwrap(), self.ready["log_key"].as_str().unwrap(), agency)
    }

    /// A client of an agency, acting as an officer.
    ///
    /// # Panics
    /// When the settings are refused.
    pub fn client(&self, agency: &str, officer: &str) -> Client {
        Client::connect(&self.config(agency)).unwrap().as_officer(officer)
    }
}

/// The settings of an agency's client for a broker of the world in that folder.
///
/// # Panics
/// When the world's files are not there.
pub fn client_config(folder: &Path, address: &str, log_key: &str, agency: &str) -> ClientConfig {
    let agencies = folder.join("agencies");
    let read = |path: PathBuf| std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let functions: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("vasterort-polis", &["vasterort-polis-brottsoffer"][..]),
        ("vasterort-aklagare", &["vasterort-aklagare-kammare"][..]),
        ("solna-soc", &["solna-rvc", "solna-mottagning"][..]),
    ]);
    ClientConfig {
        endpoint: format!("https://{address}"),
        server_name: Some(String::from("localhost")),
        ca_pem: read(folder.join("ca.pem")),
        cert_pem: read(agencies.join(format!("{agency}.pem"))),
        key_pem: read(agencies.join(format!("{agency}.key"))),
        agency: agency.parse().unwrap(),
        functions: functions.get(agency).copied().unwrap_or_default().iter().map(|name| name.parse().unwrap()).collect(),
        log_key: log_key.to_owned(),
        pin: agencies.join(agency).join("test.pin"),
        deadlines: Deadlines::default(),
    }
}
