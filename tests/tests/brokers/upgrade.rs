//! A rolling upgrade under load: a later step of the schema comes, then one broker after the other stops in order and starts again, and
//! programs that know too little are refused only when something that they need is taken away.

use std::time::Duration;

use brygga_client::Client;
use brygga_pgtest::{Cluster, Setup};
use brygga_tests::brokers::{pairs, three};
use brygga_tests::harness::{Broker, bryggad, replayed};
use brygga_tests::load::{Players, Random, STUCK_MAX, judge, setting};
use brygga_tests::postgres::{self, section};
use brygga_tests::requests::AUDITOR;
use tokio::process::Command;

/// Load before and between the steps.
const LOAD: Duration = Duration::from_millis(500);
/// What a later program's migration does first: it only adds.
const EXPAND: &str = "SET ROLE brygga_owner; SET search_path = brygga; SET lock_timeout = '2s';
ALTER TABLE referral ADD COLUMN later text;
INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9, 'later', true, '', 0)";
/// What it does once no older program is at work: it takes away.
const CONTRACT: &str = "SET ROLE brygga_owner; UPDATE brygga.schema_need SET needs = 9";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn brokers_change_over_one_by_one_and_nothing_acknowledged_is_lost() {
    // Another one than the test beside it takes, or both would settle on the same ports.
    let seed = setting("SEED", u64::from(std::process::id()) + 1);
    println!("SEED={seed}");
    let mut random = Random(seed);
    let cluster = Cluster::start(&Setup::default());
    let home = tempfile::tempdir().unwrap();
    let folders = ["one", "two", "three"].map(|name| home.path().join(name));
    let options = postgres::database(&cluster).await;
    let mut brokers = three(bryggad(), &folders, &section(&options), &mut random).await;
    let players = Players::start(pairs(&brokers), &mut random);
    tokio::time::sleep(LOAD).await;
    // A lock that a broker holds is waited for, as the migration does that ships.
    let mut tries = (0..30).map(|_| cluster.try_sql("postgres", &options.database, EXPAND));
    assert!(tries.any(|tried| tried.is_ok()), "the step never got its lock");
    players.all_answered(STUCK_MAX).await;
    for (place, folder) in folders.iter().enumerate() {
        tokio::time::sleep(LOAD).await;
        assert_eq!(brokers.remove(place).stop().await, Some(0), "a stop in order");
        let back = Broker::start(folder, "").await;
        assert!(back.ready()["in_doubt"].is_null(), "{}", back.ready());
        brokers.insert(place, back);
        players.all_answered(STUCK_MAX).await;
    }
    let seen = players.end().await;
    let auditor = Client::connect(&brokers[1].config(AUDITOR)).unwrap().as_officer("eva");
    let log = judge(&seen, &auditor).await;
    replayed(&folders[2]).await;
    println!("{}, {} events", seen.summary(), log.entries.len());
    assert!(!seen.calls.is_empty());

    cluster.sql(&options.database, CONTRACT);
    assert_eq!(brokers.pop().unwrap().stop().await, Some(0));
    let ran = Command::new(bryggad()).arg("test-server").arg("--world").arg(&folders[2]).output().await.unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(!ran.status.success() && said.contains("needs a program that knows 9"), "{said}");
    for broker in brokers {
        assert_eq!(broker.stop().await, Some(0));
    }
}
