//! SIGKILL at random moments under load, by calls and over streams: what was acknowledged is in the journal exactly once, and nothing
//! else is.
//!
//! `KILL_CYCLES` sets how often (nightly: 500), `SEED` repeats a run.

use std::path::Path;
use std::time::{Duration, Instant};

use brygga_client::Client;
use brygga_tests::harness::{Broker, replayed, settle};
use brygga_tests::load::{Pair, Players, Random, STUCK_MAX, judge, own_pin, setting};
use brygga_tests::requests::{AUDITOR, BOARD, POLICE};

const KILL_CYCLES: usize = 50;
const CLIENTS: u64 = 4;
/// Players who share the streams of one client.
const PLAYERS_A_STREAM: usize = 16;
/// Shortest and longest load between a start and the kill.
const LOAD_MILLIS: (u64, u64) = (40, 600);
/// Every so many kills everybody must get an answer in time.
const KILLS_A_WAIT: usize = 5;
/// Latest kill of a broker that is still starting; one start in eight is not waited for.
const START_MILLIS_MAX: u64 = 150;

/// Ports of each test.
const PORTS_CALLS: (u64, u64) = (20_000, 25_999);
const PORTS_STREAMS: (u64, u64) = (26_000, 31_999);

/// Waits until nobody holds the database: a killed process may take a moment to be gone.
async fn until_free(folder: &Path) {
    let lock = std::fs::File::options().create(true).truncate(false).write(true).open(folder.join("brygga.db.lock")).unwrap();
    let free = async {
        while lock.try_lock().is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), free).await.expect("a killed broker still holds the database");
}

async fn start_timed(folder: &Path, times: &mut Vec<Duration>) -> Broker {
    until_free(folder).await;
    let began = Instant::now();
    let broker = Broker::start(folder, "").await;
    times.push(began.elapsed());
    assert!(broker.ready()["in_doubt"].is_null(), "a kill is no reason for doubt: {}", broker.ready());
    broker
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_every_kill_exactly_once() {
    survives(PORTS_CALLS, |pair| vec![pair]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_over_streams_survives_every_kill_exactly_once() {
    survives(PORTS_STREAMS, |pair| vec![pair.streamed(); PLAYERS_A_STREAM]).await;
}

/// `players` gives the players of one client of each agency.
async fn survives(ports: (u64, u64), players: impl Fn(Pair) -> Vec<Pair>) {
    let cycles = usize::try_from(setting("KILL_CYCLES", KILL_CYCLES.try_into().unwrap())).unwrap();
    let seed = setting("SEED", u64::from(std::process::id()));
    println!("SEED={seed} KILL_CYCLES={cycles}");
    let mut random = Random(seed);
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("world");
    assert_eq!(Broker::start(&folder, "").await.stop().await, Some(0));
    settle(&folder, ports, &mut random);
    let mut times = Vec::new();
    let mut broker = Some(start_timed(&folder, &mut times).await);
    let connect = |agency: &str, officer: &str, number: u64| {
        Client::connect(&own_pin(broker.as_ref().unwrap().config(agency), &format!("{number}.pin"))).unwrap().as_officer(officer)
    };
    let pairs = (0..CLIENTS).flat_map(|number| players(Pair::Calls(connect(POLICE, "klara", number), connect(BOARD, "sara", number))));
    let players = Players::start(pairs, &mut random);
    let mut waits = Vec::new();
    for cycle in 1..=cycles {
        if let Some(running) = broker.take() {
            tokio::time::sleep(Duration::from_millis(random.within(LOAD_MILLIS.0, LOAD_MILLIS.1))).await;
            running.kill().await;
        }
        if random.within(0, 7) == 0 {
            // Killed while it starts: dropping what waits for it sends SIGKILL.
            until_free(&folder).await;
            let early = Duration::from_millis(random.within(0, START_MILLIS_MAX));
            broker = tokio::time::timeout(early, Broker::start(&folder, "")).await.ok();
        } else {
            broker = Some(start_timed(&folder, &mut times).await);
            if cycle % KILLS_A_WAIT == 0 {
                waits.push(players.all_answered(STUCK_MAX).await);
            }
        }
    }
    let broker = if let Some(running) = broker { running } else { start_timed(&folder, &mut times).await };
    waits.push(players.all_answered(STUCK_MAX).await);
    let seen = players.end().await;
    let auditor = Client::connect(&broker.config(AUDITOR)).unwrap().as_officer("eva");
    let log = judge(&seen, &auditor).await;
    replayed(&folder).await;
    assert_eq!(broker.stop().await, Some(0));
    times.sort();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    let slowest = waits.iter().max().unwrap();
    println!(
        "{cycles} kills, {}, {} events; start to ready: median {median:?}, max {longest:?}; slowest answer after a recovery: {slowest:?}",
        seen.summary(),
        log.entries.len(),
    );
    assert!(seen.calls.len() > cycles, "the load was too small to show anything");
}
