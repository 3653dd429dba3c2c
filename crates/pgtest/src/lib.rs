//! A PostgreSQL cluster for tests: made with `initdb` in a folder of its own, on a Unix socket, and gone with the process that made it.
//!
//! fsync is on, as in a real one, so that crash tests show something. Only tests and the benchmark use it.

#![expect(clippy::expect_used, clippy::panic, reason = "only tests use it, and a test may fail loudly")]

use std::ffi::OsStr;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The oldest version that the store works with.
const VERSION_MIN: u32 = 15;
/// Where Debian keeps the server's programs, in a folder for each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Longest path of a Unix socket, without the NUL.
const SOCKET_BYTES_MAX: usize = 107;
/// Who owns a new cluster.
pub const SUPERUSER: &str = "postgres";

/// A cluster that runs.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    owner: Option<(u32, u32)>,
    folder: PathBuf,
    port: u16,
    databases: AtomicU32,
    keeper: Child,
}

/// What a cluster is made with beyond the ordinary.
#[derive(Debug, Clone, Default)]
pub struct Setup<'a> {
    /// Lines for its configuration.
    pub settings: &'a [String],
    /// Files that its configuration names, private to it.
    pub files: &'a [(&'a str, &'a [u8])],
    /// Its port, which names the socket; 5432 unless said otherwise.
    pub port: Option<u16>,
}

impl Cluster {
    /// The cluster that all tests of a process share, each in databases of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&Setup::default()))
    }

    /// A cluster of one's own.
    ///
    /// # Panics
    /// When there is no server, or it does not start.
    pub fn start(setup: &Setup<'_>) -> Self {
        let programs = programs().unwrap_or_else(|| panic!("no PostgreSQL {VERSION_MIN} or newer: apt-get install postgresql"));
        let owner = unprivileged();
        let folder = tempfile::Builder::new().prefix("brygga-pg-").tempdir_in(home()).expect("a folder for the cluster").keep();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o711)).expect("the folder's mode");
        if let Some((user, group)) = owner {
            chown(&folder, Some(user), Some(group)).expect("giving the folder to the server's user");
        }
        let port = setup.port.unwrap_or(5432);
        let keeper = keeper(&programs, owner, &folder);
        let cluster = Self { programs, owner, folder, port, databases: AtomicU32::new(0), keeper };
        let data = cluster.data();
        cluster.run(
            "initdb",
            &[
                "--pgdata".as_ref(),
                data.as_ref(),
                "--username=postgres".as_ref(),
                "--auth=trust".as_ref(),
                "--no-sync".as_ref(),
                "--encoding=UTF8".as_ref(),
                "--locale=C".as_ref(),
            ],
        );
        let mut text = format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\nport = {port}\nfsync = on\nmax_connections = 300\nshared_buffers = 128MB\n",
            cluster.socket_folder().display()
        );
        setup.settings.iter().for_each(|line| text.extend([line.as_str(), "\n"]));
        cluster.put("test.conf", text.as_bytes());
        for (name, bytes) in setup.files {
            cluster.put(name, bytes);
        }
        let conf = data.join("postgresql.conf");
        let whole = std::fs::read_to_string(&conf).expect("the new configuration");
        cluster.put("postgresql.conf", format!("{whole}include = 'test.conf'\n").as_bytes());
        cluster.resume();
        cluster
    }

    /// Starts the server again after it was stopped.
    ///
    /// # Panics
    /// When it does not start.
    pub fn resume(&self) {
        let (data, log) = (self.data(), self.folder.join("log"));
        self.run("pg_ctl", &["start".as_ref(), "-w".as_ref(), "-s".as_ref(), "-D".as_ref(), data.as_ref(), "-l".as_ref(), log.as_ref()]);
    }

    /// Stops the server as a crash would: nothing is written any more, every connection breaks.
    ///
    /// # Panics
    /// When it does not stop.
    pub fn crash(&self) {
        let data = self.data();
        self.run("pg_ctl", &["stop".as_ref(), "-w".as_ref(), "-s".as_ref(), "-m".as_ref(), "immediate".as_ref(), "-D".as_ref(), data.as_ref()]);
    }

    /// The folder of the Unix socket.
    pub fn socket_folder(&self) -> &Path {
        &self.folder
    }

    /// The port, which also names the socket.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of the server's data.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A new database, empty or a copy of one that nobody is connected to; gives its name.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn database(&self, template: Option<&str>) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {}", template.unwrap_or("template0")));
        name
    }

    /// Runs SQL as the superuser and gives what it prints, values apart by `|`.
    ///
    /// # Panics
    /// When a statement fails.
    pub fn sql(&self, database: &str, text: &str) -> String {
        self.try_sql(SUPERUSER, database, text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// Runs SQL as somebody; an error is what the server says.
    ///
    /// # Errors
    /// What psql says.
    ///
    /// # Panics
    /// When psql cannot be run.
    pub fn try_sql(&self, user: &str, database: &str, text: &str) -> Result<String, String> {
        let mut psql = self.program("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-U", user, "-d", database, "-c", text]);
        psql.arg("-h").arg(self.socket_folder()).arg("-p").arg(self.port.to_string());
        let ran = psql.output().expect("psql runs");
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if ran.status.success() { Ok(said(&ran.stdout)) } else { Err(said(&ran.stderr)) }
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.data().join(name);
        std::fs::write(&path, bytes).expect("a file of the cluster");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("the file's mode");
        if let Some((user, group)) = self.owner {
            chown(&path, Some(user), Some(group)).expect("giving the file to the server's user");
        }
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        as_user(&mut command, self.owner).current_dir(&self.folder).stdin(Stdio::null());
        command
    }

    /// Runs a program to its end. Its output goes to a file, for the server that it starts keeps it open.
    fn run(&self, name: &str, args: &[&OsStr]) {
        let said = self.folder.join("said");
        let out = std::fs::File::create(&said).expect("a file for what it says");
        let again = out.try_clone().expect("a second handle");
        let ran = self.program(name).args(args).stdout(out).stderr(again).status().unwrap_or_else(|error| panic!("{name}: {error}"));
        let log = || [said, self.folder.join("log")].map(|path| std::fs::read_to_string(path).unwrap_or_default()).concat();
        assert!(ran.success(), "{name} ends with {ran}: {}", log());
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        drop(self.keeper.wait());
    }
}

/// A process that stops the server and clears its folder away when its input ends, which it does however the test ends.
fn keeper(programs: &Path, owner: Option<(u32, u32)>, folder: &Path) -> Child {
    let script = "cat >/dev/null; \"$1/pg_ctl\" stop -w -s -m immediate -D \"$2/data\"; rm -rf \"$2\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, "keeper"]).arg(programs).arg(folder);
    // A group of its own: whoever interrupts the test from the keyboard does not interrupt the clearing away.
    as_user(&mut command, owner).process_group(0).current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("a shell")
}

fn as_user(command: &mut Command, owner: Option<(u32, u32)>) -> &mut Command {
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
    command
}

/// The server refuses to run as root: root lends it to another user.
fn unprivileged() -> Option<(u32, u32)> {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    if String::from_utf8_lossy(&id.stdout).trim() != "0" {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("the users of this machine");
    let find = |wanted: &str| {
        let fields: Vec<&str> = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields[0] == wanted)?;
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    Some(find("postgres").or_else(|| find("nobody")).expect("a user to run PostgreSQL as, which refuses to run as root: postgres or nobody"))
}

/// Where clusters lie: the folder for temporary files, unless its path leaves no room for a socket's name.
fn home() -> PathBuf {
    let usual = std::env::temp_dir();
    let socket = usual.join("brygga-pg-123456/.s.PGSQL.65535");
    if socket.as_os_str().len() <= SOCKET_BYTES_MAX { usual } else { PathBuf::from("/tmp") }
}

/// The folder of the newest server's programs: on the path, else where Debian keeps them.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut on_path = std::env::split_paths(&path).filter_map(|folder| folder.join("initdb").canonicalize().ok()?.parent().map(Path::to_owned));
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let usable = |folder: PathBuf| version(&folder).filter(|version| *version >= VERSION_MIN).map(|version| (version, folder));
    on_path.find_map(usable).or_else(|| versions.filter_map(usable).max()).map(|(_, folder)| folder)
}

fn version(programs: &Path) -> Option<u32> {
    let needed = ["initdb", "pg_ctl", "postgres", "psql"];
    if needed.iter().any(|name| !programs.join(name).exists()) {
        return None;
    }
    let said = Command::new(programs.join("postgres")).arg("--version").output().ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    let number: String = said.chars().skip_while(|letter| !letter.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    number.parse().ok()
}
