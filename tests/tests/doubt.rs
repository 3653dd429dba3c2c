//! A log that is not what its broker last wrote is served for reading and never continued.

use std::path::Path;
use std::time::Duration;

use brygga_client::{Client, ClientConfig, Deadlines, v1};
use brygga_domain::Reason;
use brygga_engine::lanes::LaneLimits;
use brygga_engine::rows::HeadRow;
use brygga_engine::store::Reader as _;
use brygga_server::app;
use brygga_server::config::TelemetrySection;
use brygga_server::dev::world::{Ports, World};
use brygga_server::telemetry::Telemetry;
use brygga_store::{SqliteOptions, SqliteReader, SqliteStore};
use brygga_tests::harness::{Broker, bryggad, client_config};
use brygga_tests::requests::{BOARD, POLICE, RVC, submission};
use tokio::process::Command;

/// Exit code of a broker that doubts its log.
const EXIT_DOUBT: i32 = 20;
/// How long a test waits until doubt is told.
const TOLD_WITHIN: Duration = Duration::from_secs(20);
/// How often a kill right after an answer is tried until the last commits are in the WAL only.
const WAL_TRIES_MAX: usize = 10;

/// A client that gives up soon: a doubted log is not mended by waiting.
fn impatient(broker: &Broker, agency: &str, officer: &str) -> Client {
    let deadlines = Deadlines { overall: Duration::from_secs(2), ..Deadlines::default() };
    Client::connect(&ClientConfig { deadlines, ..broker.config(agency) }).unwrap().as_officer(officer)
}

async fn submit(broker: &Broker) -> String {
    broker.client(POLICE, "klara").submit_referral(submission()).await.unwrap().response.referral.unwrap().id
}

/// Copies the database as it lies there; the broker must not run.
fn copy(from: &Path, to: &Path) {
    for name in ["brygga.db", "brygga.db-wal", "brygga.db-shm"] {
        let (source, target) = (from.join(name), to.join(name));
        if source.exists() {
            std::fs::copy(&source, &target).unwrap();
        } else if target.exists() {
            std::fs::remove_file(&target).unwrap();
        }
    }
}

async fn head(folder: &Path) -> HeadRow {
    SqliteReader::open_beside(&folder.join("brygga.db")).await.unwrap().head().await.unwrap()
}

async fn get(broker: &Broker, path: &str) -> String {
    brygga_tests::otlp::get(broker.ready()["operator"].as_str().unwrap(), path).await
}

/// What holds of every doubted log: it says so, reads go on, nothing is written or forwarded, and the exit code tells.
async fn is_doubted(broker: Broker, held: &str) {
    assert!(broker.ready()["in_doubt"].is_string(), "{}", broker.ready());
    assert!(get(&broker, "/ready").await.starts_with("HTTP/1.1 503"));
    assert!(get(&broker, "/live").await.starts_with("HTTP/1.1 200"));
    let (police, board) = (impatient(&broker, POLICE, "klara"), impatient(&broker, BOARD, "sara"));
    let read = police
        .get_referral(v1::GetReferralRequest { name: Some(v1::get_referral_request::Name::Referral(held.to_owned())), ..Default::default() })
        .await
        .unwrap();
    assert_eq!(read.referral.unwrap().id, held);
    let inbox = board.list_inbox(v1::ListInboxRequest { function: RVC.to_owned(), ..Default::default() }).await.unwrap();
    assert!(inbox.envelopes.iter().any(|envelope| envelope.id == held));
    let refused = [
        police.submit_referral(submission()).await.err().unwrap(),
        board.open_referral(v1::OpenReferralRequest { referral: held.to_owned(), ..Default::default() }).await.err().unwrap(),
    ];
    for error in refused {
        assert_eq!(error.reason(), Some(Reason::LogDoubted), "{error}");
    }
    assert_eq!(broker.stop().await, Some(EXIT_DOUBT));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_copy_of_the_database_is_read_and_never_written() {
    let home = tempfile::tempdir().unwrap();
    let (folder, aside) = (home.path().join("world"), home.path().join("aside"));
    std::fs::create_dir(&aside).unwrap();
    let broker = Broker::start(&folder, "").await;
    let held = submit(&broker).await;
    assert_eq!(broker.stop().await, Some(0));
    copy(&folder, &aside);
    let broker = Broker::start(&folder, "").await;
    submit(&broker).await;
    assert_eq!(broker.stop().await, Some(0));
    copy(&aside, &folder);
    let before = head(&folder).await;
    let broker = Broker::start(&folder, "").await;
    assert!(broker.ready()["in_doubt"].as_str().unwrap().contains("rewound"), "{}", broker.ready());
    // A client that has seen the later head convicts the broker by itself.
    let witness = impatient(&broker, POLICE, "klara").checkpoint().await.err().unwrap();
    assert_eq!((witness.name(), witness.exit_code()), ("LOG_ROLLED_BACK", 20));
    is_doubted(broker, &held).await;
    assert_eq!(head(&folder).await, before, "a doubted log was written to");
    // The newer copy is not there any more; only the right one ends the doubt, and a restart does not.
    let broker = Broker::start(&folder, "").await;
    is_doubted(broker, &held).await;
}

/// Every service, by the name that its health is asked for; the empty one is the broker as a whole.
const SERVICES: [&str; 8] = [
    "",
    "brygga.v1.ReferralService",
    "brygga.v1.ConsentService",
    "brygga.v1.ClearanceService",
    "brygga.v1.InboxService",
    "brygga.v1.DisclosureLogService",
    "brygga.v1.DirectoryService",
    "brygga.v1.StreamService",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doubt_while_it_runs_is_told_to_whoever_leads_callers_to_it() {
    let home = tempfile::tempdir().unwrap();
    let world = World::open_or_make(home.path(), Ports { grpc: 0, operator: 0 }, "").await.unwrap();
    let (telemetry, _subscriber) = Telemetry::start(&TelemetrySection::default(), std::io::sink).unwrap();
    let running = world.start(&telemetry, LaneLimits::default()).await.unwrap();
    let client = Client::connect(&client_config(home.path(), &running.grpc.to_string(), &world.log_key().unwrap(), POLICE)).unwrap();
    let operator = running.operator.to_string();
    for service in SERVICES {
        assert!(client.is_serving(service).await.unwrap(), "{service}");
    }
    assert!(brygga_tests::otlp::get(&operator, "/ready").await.starts_with("HTTP/1.1 200"));

    running.broker.stop_forwarding("a row cannot be read");

    let told = async {
        loop {
            let answer = brygga_tests::otlp::get(&operator, "/ready").await;
            if answer.starts_with("HTTP/1.1 503") && !client.is_serving(SERVICES[SERVICES.len() - 1]).await.unwrap() {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let answer = tokio::time::timeout(TOLD_WITHIN, told).await.expect("nobody is told of the doubt");
    assert!(answer.ends_with("log doubted\n"), "{answer}");
    for service in SERVICES {
        assert!(!client.is_serving(service).await.unwrap(), "{service}");
    }
    // Reading goes on.
    client.checkpoint().await.unwrap();
    app::stop_now(&running.lifecycle).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_beginning_that_was_cut_short_is_begun_again_and_a_log_never_is() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("world");
    let init = || Command::new(bryggad()).args(["init", "--config", "bryggad.toml"]).current_dir(&folder).output();
    assert_eq!(Broker::start(&folder, "").await.stop().await, Some(0));
    // What begins in earnest has a name of its own.
    let (file, text) = (folder.join("bryggad.toml"), std::fs::read_to_string(folder.join("bryggad.toml")).unwrap());
    std::fs::write(file, text.replace("dev.invalid/", "logg.exempel.se/")).unwrap();
    let begun = init().await.unwrap();
    assert!(!begun.status.success() && String::from_utf8_lossy(&begun.stderr).contains("never begun again"), "{begun:?}");
    // As a kill leaves them: first the file, then the file and an empty database.
    for name in ["brygga.db", "brygga.db-wal", "brygga.db-shm", "signer.state"] {
        drop(std::fs::remove_file(folder.join(name)));
    }
    std::fs::write(folder.join("signer.state"), []).unwrap();
    drop(SqliteStore::open(&folder.join("brygga.db"), &SqliteOptions::default()).await.unwrap());
    for again in [true, false] {
        let said = init().await.unwrap();
        assert_eq!(said.status.success(), again, "{said:?}");
    }
    std::fs::remove_file(folder.join("signer.state")).unwrap();
    assert!(!init().await.unwrap().status.success(), "a log that lost its signer state");
    assert!(!folder.join("signer.state").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_signer_state_a_log_is_not_continued() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("world");
    let broker = Broker::start(&folder, "").await;
    let held = submit(&broker).await;
    assert_eq!(broker.stop().await, Some(0));
    let state = folder.join("signer.state");
    let kept = std::fs::read(&state).unwrap();
    std::fs::remove_file(&state).unwrap();
    is_doubted(Broker::start(&folder, "").await, &held).await;
    assert!(!state.exists(), "a lost signer state must not be made anew in silence");
    std::fs::write(&state, []).unwrap();
    is_doubted(Broker::start(&folder, "").await, &held).await;
    // Less than one whole note; a whole older one is only behind, which is normal.
    std::fs::write(&state, &kept[..20]).unwrap();
    is_doubted(Broker::start(&folder, "").await, &held).await;
    std::fs::write(&state, &kept).unwrap();
    let broker = Broker::start(&folder, "").await;
    assert!(broker.ready()["in_doubt"].is_null());
    submit(&broker).await;
    assert_eq!(broker.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wal_that_is_gone_after_a_kill_is_noticed_when_commits_are_lost_with_it() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("world");
    let first = Broker::start(&folder, "").await;
    let held = submit(&first).await;
    assert_eq!(first.stop().await, Some(0));
    for tried in 1..=WAL_TRIES_MAX {
        let broker = Broker::start(&folder, "").await;
        let last = submit(&broker).await;
        broker.kill().await;
        for name in ["brygga.db-wal", "brygga.db-shm"] {
            std::fs::remove_file(folder.join(name)).unwrap();
        }
        let world = folder.clone();
        // A kill in the middle of moving the WAL leaves half of it in the file: then the broker may refuse to start at all.
        let Ok(broker) = tokio::spawn(async move { Broker::start(&world, "").await }).await else { return };
        if broker.ready()["in_doubt"].is_string() {
            println!("the lost commits were noticed at try {tried}");
            return is_doubted(broker, &held).await;
        }
        let police = broker.client(POLICE, "klara");
        let found =
            police.get_referral(v1::GetReferralRequest { name: Some(v1::get_referral_request::Name::Referral(last.clone())), ..Default::default() }).await;
        assert_eq!(found.unwrap().referral.unwrap().id, last, "an acknowledged command is lost and nobody doubts");
        assert_eq!(broker.stop().await, Some(0));
    }
    panic!("the last commits were never in the WAL only");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_broker_on_the_same_database_is_refused_and_the_first_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("world");
    let first = Broker::start(&folder, "").await;
    let second = Command::new(bryggad()).args(["test-server", "--world"]).arg(&folder).kill_on_drop(true).output();
    let second = tokio::time::timeout(Duration::from_secs(60), second).await.expect("the second broker does not end").unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(second.stdout.is_empty() && said.contains("brygga.db.lock"), "{said}");
    submit(&first).await;
    // Reading beside it is allowed.
    let replayed = Command::new(bryggad()).arg("replay").arg("--config").arg(folder.join("bryggad.toml")).output().await.unwrap();
    assert_eq!(replayed.status.code(), Some(0), "{}", String::from_utf8_lossy(&replayed.stderr));
    assert_eq!(first.stop().await, Some(0));
}
