//! Every way to lose the database's primary, under load: three nodes under Patroni in network namespaces, and three brokers on them.
//!
//! Needs root and the programs that `tests/ha/cluster` names where they are missing. `FAILOVER_CYCLES` says how often each fault comes
//! (nightly: 10), `SEED` repeats a run:
//! `FAILOVER_CYCLES=10 cargo test -p brygga-tests --profile ci --features nightly --test failover -- --nocapture`

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use brygga_client::{Client, ClientConfig, Deadlines, v1};
use brygga_domain::Fact;
use brygga_store::PostgresOptions;
use brygga_store::postgres::Server;
use brygga_tests::harness::{Broker, bryggad, replayed};
use brygga_tests::history::History;
use brygga_tests::load::{Pair, Players, Random, judge, own_pin, setting};
use brygga_tests::postgres::{join, section};
use brygga_tests::requests::{AUDITOR, BOARD, POLICE, submission};
use brygga_tests::watchers::Watchers;
use tokio::process::Command;

/// Each fault, whether another node must step up, and whether the old primary's server goes on meanwhile.
const FAULTS: [(&str, bool, bool); 5] =
    [("switchover", true, false), ("kill-postgres", false, false), ("kill-patroni", true, true), ("stop-patroni", true, true), ("isolate", true, false)];
/// Load before each fault.
const LOAD: Duration = Duration::from_secs(2);
/// How long another node may take to step up before the test gives up.
const MOVE_MAX: Duration = Duration::from_secs(120);
/// How long anybody may wait for an answer once there is a primary.
const ANSWERED_MAX: Duration = Duration::from_secs(30);
/// Longest outage of writes, as the 95th percentile.
const OUTAGE_P95_MAX: Duration = Duration::from_secs(30);
/// How long the clients of the broker at the stale primary try.
const STALE_TRIES: Duration = Duration::from_secs(15);
/// The address of HAProxy.
const FRONT: &str = "10.83.7.254";
/// How the nodes' addresses begin; their numbers follow.
const NODES: &str = "10.83.7.";

/// The nodes; they end with this value.
struct Nodes {
    folder: PathBuf,
}

impl Nodes {
    async fn up() -> Self {
        let nodes = Self { folder: tempfile::Builder::new().prefix("brygga-ha-").tempdir().unwrap().keep() };
        nodes.run("up").await;
        nodes.run("whole").await;
        nodes
    }

    fn command(&self, verb: &str) -> std::process::Command {
        let mut command = std::process::Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("ha/cluster"));
        command.arg(verb).arg(&self.folder).stdin(std::process::Stdio::null());
        command
    }

    async fn run(&self, verb: &str) -> String {
        // What the script starts holds its output open; a file does not wait for that.
        let said = self.folder.join("said");
        let out = std::fs::File::create(&said).unwrap();
        let mut command = Command::from(self.command(verb));
        let ran = command.stdout(out.try_clone().unwrap()).stderr(out).status().await.unwrap();
        let said = std::fs::read_to_string(said).unwrap().trim().to_owned();
        assert!(ran.success(), "{verb}: {said}; see {}", self.folder.display());
        said
    }

    /// Waits until another node than this one is primary.
    async fn moved_from(&self, old: &str) {
        let moved = async {
            loop {
                let said = self.command("primary").output().unwrap();
                let said = String::from_utf8_lossy(&said.stdout).trim().to_owned();
                if !said.is_empty() && said != old {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        };
        tokio::time::timeout(MOVE_MAX, moved).await.unwrap_or_else(|_| panic!("no other node steps up; see {}", self.folder.display()));
    }

    /// Runs SQL as the superuser at an address, `host` and `port`, and gives what it prints.
    async fn sql(&self, address: &str, text: &str) -> String {
        let place = format!("{address} user=postgres dbname=postgres sslmode=verify-full sslrootcert={}/ca.crt", self.folder.display());
        let password = std::fs::read_to_string(self.folder.join("password")).unwrap();
        let mut psql = Command::new("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &place, "-c", text]).env("PGPASSWORD", password.trim());
        let ran = psql.output().await.unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap().trim().to_owned()
    }

    /// Makes the database as an operator does, and says how brokers reach it.
    async fn database(&self) -> PostgresOptions {
        let front = format!("host={FRONT} port=5000");
        let password_file = self.folder.join("password");
        let server = Server::Tcp { host: FRONT.to_owned(), root_certificate: self.folder.join("ca.crt") };
        let database = String::from("brygga");
        let options = PostgresOptions { server, port: 5000, database, user: String::from("brygga_run"), password_file: Some(password_file.clone()) };
        let config = self.folder.join("migrate.toml");
        std::fs::write(&config, format!("{MIGRATE_CONFIG}{}", section(&options))).unwrap();
        self.sql(&front, "CREATE DATABASE brygga TEMPLATE template0").await;
        for (args, then) in [(&["--roles", "--user", "postgres"][..], true), (&["--user", "brygga_migrate"], false)] {
            let mut migrate = Command::new(bryggad());
            migrate.arg("migrate").args(args).arg("--config").arg(&config).arg("--password-file").arg(&password_file);
            let ran = migrate.output().await.unwrap();
            assert!(ran.status.success(), "migrate {args:?}: {}", String::from_utf8_lossy(&ran.stderr));
            if then {
                let password = std::fs::read_to_string(&password_file).unwrap();
                for role in ["brygga_migrate", "brygga_run"] {
                    self.sql(&front, &format!("ALTER ROLE {role} PASSWORD '{}'", password.trim())).await;
                }
            }
        }
        options
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        drop(self.command("down").status());
        if !std::thread::panicking() {
            drop(std::fs::remove_dir_all(&self.folder));
        }
    }
}

/// What `bryggad migrate` asks for beside the database; it reads none of these files.
const MIGRATE_CONFIG: &str = r#"
[listen]
address = "127.0.0.1:0"
operator = "127.0.0.1:0"
[storage]
signer_state = "signer.state"
[log]
origin = "dev.invalid/disclosures"
signing_key = "log.seed"
[door]
secret = "door.secret"
[tls]
certificate = "server.pem"
key = "server.key"
client_ca = "ca.pem"
[directory]
file = "directory.json"
"#;

/// A broker that knows the old primary by its own address, as one does whose network still leads there, and what it is asked.
struct Stale {
    broker: Broker,
    board: Client,
    /// Opened there while all was well, and to be opened there again under the same key.
    opened: v1::OpenReferralRequest,
    /// Opened there for the first time when it is stale.
    unopened: v1::OpenReferralRequest,
    withdrawals: Vec<v1::WithdrawConsentRequest>,
}

impl Stale {
    async fn start(folder: &Path, primary: &str, police: &Client, random: &mut Random, seen: &mut History) -> Self {
        let file = folder.join("bryggad.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let lines = text.lines().map(|line| match line.split(" = ").next() {
            Some("host") => format!("host = \"{NODES}{primary}\""),
            Some("port") => String::from("port = 5432"),
            Some(_) | None => line.to_owned(),
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        std::fs::write(&file, text).unwrap();
        let broker = Broker::start(folder, "").await;
        let deadlines = Deadlines { overall: STALE_TRIES, ..Deadlines::default() };
        let board = Client::connect(&ClientConfig { deadlines, ..own_pin(broker.config(BOARD), "stale.pin") }).unwrap().as_officer("sara");
        let (mut opens, mut withdrawals) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            let submit = v1::SubmitReferralRequest { request_id: random.id(), ..submission() };
            let submitted = seen.ask((POLICE, "ReferralSubmitted"), &submit, police.write(submit.clone())).await.unwrap();
            let referral = submitted.response.referral.unwrap().id;
            let consent = submitted.proof.events().values().find_map(|event| match &event.fact {
                Fact::ConsentRecorded(given) => Some(given.consent.to_string()),
                _ => None,
            });
            opens.push(v1::OpenReferralRequest { request_id: random.id(), referral: referral.clone(), ..Default::default() });
            withdrawals.push(v1::WithdrawConsentRequest { request_id: random.id(), referral, consent_id: consent.unwrap(), ..Default::default() });
        }
        let (unopened, opened) = (opens.remove(0), opens.remove(0));
        let first = seen.ask((BOARD, "SectionsReleased"), &opened, board.write(opened.clone())).await.unwrap();
        assert_eq!(first.response.sections.len(), 3);
        Self { broker, board, opened, unopened, withdrawals }
    }

    /// The consents are withdrawn at the new primary; at the old one nobody gets anything any more, by a new key or by a known one.
    async fn discloses_nothing(self, police: &Client, seen: &mut History) {
        for withdrawal in self.withdrawals {
            seen.ask((POLICE, "ConsentWithdrawn"), &withdrawal, police.write(withdrawal.clone())).await.unwrap();
        }
        for open in [self.unopened, self.opened] {
            let answer = seen.ask((BOARD, "SectionsReleased"), &open, self.board.write(open.clone())).await;
            println!("    at the stale primary: {}", answer.err().expect("a stale primary has disclosed").name());
        }
        self.broker.kill().await;
    }
}

fn median(sorted: &[Duration]) -> Duration {
    sorted[sorted.len() / 2]
}

fn p95(sorted: &[Duration]) -> Duration {
    sorted[(sorted.len() * 95).div_ceil(100) - 1]
}

/// Brokers that reach the database by HAProxy, and one more world for the one that does not.
async fn brokers(home: &Path, options: &PostgresOptions) -> (Vec<Broker>, PathBuf) {
    std::fs::create_dir(home).unwrap();
    let folders = ["one", "two", "three", "stale"].map(|name| home.join(name));
    let mut brokers = vec![Broker::start(&folders[0], &section(options)).await];
    for folder in &folders[1..] {
        join(bryggad(), &folders[0], folder).await;
    }
    for folder in &folders[1..3] {
        brokers.push(Broker::start(folder, "").await);
    }
    let [.., stale] = folders;
    (brokers, stale)
}

/// A pair for each broker: the police at one, the board at the next, by calls and over a stream that two share.
fn pairs(brokers: &[Broker]) -> Vec<Pair> {
    let connect = |at: usize, agency: &str, officer: &str| {
        let config = own_pin(brokers[at % brokers.len()].config(agency), &format!("load{at}.pin"));
        Client::connect(&config).unwrap().as_officer(officer)
    };
    let pairs = (0..brokers.len()).map(|at| Pair::Calls(connect(at, POLICE, "klara"), connect(at + 1, BOARD, "sara")));
    pairs
        .flat_map(|pair| {
            let streamed = pair.clone().streamed();
            [pair, streamed.clone(), streamed]
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_no_stale_primary_discloses() {
    let cycles = setting("FAILOVER_CYCLES", 1);
    let seed = setting("SEED", u64::from(std::process::id()));
    println!("SEED={seed} FAILOVER_CYCLES={cycles}");
    let mut random = Random(seed);
    let nodes = Nodes::up().await;
    let options = nodes.database().await;
    let (brokers, stale_folder) = brokers(&nodes.folder.join("brokers"), &options).await;
    let police = Client::connect(&own_pin(brokers[0].config(POLICE), "withdraws.pin")).unwrap().as_officer("klara");
    let players = Players::start(pairs(&brokers), &mut random);
    let watchers = Watchers::start(&brokers).await;
    let (mut seen, mut windows) = (History::default(), Vec::new());
    for cycle in 1..=cycles {
        for (fault, moves, goes_on) in FAULTS {
            tokio::time::sleep(LOAD).await;
            let old = nodes.run("primary").await;
            let stale = if goes_on { Some(Stale::start(&stale_folder, &old, &police, &mut random, &mut seen).await) } else { None };
            let from = Instant::now();
            nodes.run(fault).await;
            if moves {
                nodes.moved_from(&old).await;
            }
            let moved = from.elapsed();
            let waited = players.all_answered(ANSWERED_MAX + if moves { Duration::ZERO } else { MOVE_MAX }).await;
            windows.push((fault, from, Instant::now()));
            println!("{cycle}: {fault} of node {old}: a primary after {moved:.1?}, everybody answered {waited:.1?} later");
            if let Some(stale) = stale {
                let replica = nodes.sql(&format!("host={NODES}{old} port=5432"), "SELECT pg_is_in_recovery()").await;
                assert_eq!(replica, "f", "the old primary does not go on, so nothing is shown of a stale one");
                stale.discloses_nothing(&police, &mut seen).await;
            }
            nodes.run("heal").await;
            nodes.run("whole").await;
        }
    }
    seen.join(players.end().await);
    let auditor = Client::connect(&brokers[1].config(AUDITOR)).unwrap().as_officer("eva");
    let log = judge(&seen, &auditor).await;
    let shown = watchers.end(&log, ANSWERED_MAX).await;
    replayed(brokers[2].folder()).await;
    for broker in brokers {
        assert_eq!(broker.stop().await, Some(0));
    }
    println!("{}, {} events, {shown} entries on streams", seen.summary(), log.entries.len());
    outages(&seen, &windows);
}

/// How long writes were out, as clients saw it.
fn outages(seen: &History, windows: &[(&str, Instant, Instant)]) {
    let of = |wanted: Option<&str>| {
        let windows = windows.iter().filter(|(fault, ..)| wanted.is_none_or(|wanted| wanted == *fault));
        let mut outages: Vec<Duration> = windows.map(|(_, from, to)| seen.longest_silence(*from, *to)).collect();
        outages.sort_unstable();
        outages
    };
    for (fault, ..) in FAULTS {
        let outages = of(Some(fault));
        println!("write outage, {fault}: median {:.1?}, p95 {:.1?} of {}", median(&outages), p95(&outages), outages.len());
    }
    let all = of(None);
    println!("write outage, all: median {:.1?}, p95 {:.1?} of {}", median(&all), p95(&all), all.len());
    assert!(p95(&all) <= OUTAGE_P95_MAX, "writes were out for too long: {all:.1?}");
}
