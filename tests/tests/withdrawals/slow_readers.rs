//! Recipients that do not read: cut when their window ends, over calls, over streams, and where the socket itself is not read.

use std::time::{Duration, Instant};

use brygga_engine::send_window::RELEASE_SEND_MAX;
use brygga_tests::harness::Broker;
use brygga_tests::line::ROOM_BYTES;
use brygga_tests::load::Random;
use brygga_tests::otlp::get;
use brygga_tests::requests::POLICE;
use brygga_tests::wire::within;
use tokio::task::JoinSet;

use crate::opener::{Opened, Opener, Ready, SECTION_BYTES, begun_to_come, ready};

/// A withdrawal that must wait for the window answers within this; the figure itself is printed.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// It waits at least this long: the opening had its window a little before.
const WAITS_MIN: Duration = Duration::from_millis(1_000);
/// Content of which so many releases are more than the system takes from a broker for a socket that is not read.
const LARGE_SECTION_BYTES: usize = 250 * 1024;
const RELEASES: usize = 8;
/// So little that is not read holds a socket up.
const LITTLE_ROOM_BYTES: u32 = 4 * 1024;

async fn cuts(broker: &Broker) -> u64 {
    let text = get(broker.ready()["operator"].as_str().unwrap(), "/metrics").await;
    let line = text.lines().find(|line| line.starts_with("brygga_releases_cut_total"));
    line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

/// Withdraws while the opener does not read, and gives what became of the opening.
async fn withdrawn(broker: &Broker, opener: &mut Opener, ready: &Ready, random: &mut Random) -> Opened {
    let police = broker.client(POLICE, "klara");
    let (opening, withdrawal) = (ready.opening(random), ready.withdrawal(random));
    let answered = tokio::sync::Notify::new();
    let written = opener.line.counter();
    let before = written.written();
    let withdraw = async {
        // Once the first window of the answer has come, the rest waits for the reader.
        begun_to_come(&written, before).await;
        let began = Instant::now();
        police.withdraw_consent(withdrawal).await.unwrap();
        let took = began.elapsed();
        let by_then = written.written();
        answered.notify_one();
        println!("answered after {took:?}");
        assert!(took >= WAITS_MIN && took < ANSWER_MAX, "{took:?}");
        by_then
    };
    let (opened, by_then) = tokio::join!(opener.open(&opening, answered.notified()), within("the withdrawal", withdraw));
    assert_eq!(opener.line.written(), by_then, "bytes after the answer of the withdrawal");
    opened
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recipient_that_does_not_read_is_cut_and_the_withdrawal_answers() {
    let home = tempfile::tempdir().unwrap();
    let broker = Broker::start(&home.path().join("world"), "\n[telemetry]\nmetrics = false\ntraces = false\nprometheus = true\n").await;
    let (police, mut random) = (broker.client(POLICE, "klara"), Random(1));
    for (cut, streamed) in [(1, false), (2, true)] {
        let mut opener = Opener::new(&broker, streamed).await;
        // What leaves in its window is not cut, and its withdrawal does not wait.
        let read = ready(&police, &mut random, SECTION_BYTES).await;
        let opened = opener.open_now(&read.opening(&mut random)).await;
        assert!(matches!(&opened, Opened::Released), "{opened:?}");
        let began = Instant::now();
        police.withdraw_consent(read.withdrawal(&mut random)).await.unwrap();
        assert!(began.elapsed() < WAITS_MIN, "{:?} for what had left", began.elapsed());
        assert_eq!(cuts(&broker).await, cut - 1);
        let unread = ready(&police, &mut random, SECTION_BYTES).await;
        let opened = withdrawn(&broker, &mut opener, &unread, &mut random).await;
        assert!(matches!(opened, Opened::Broken), "{opened:?}");
        assert_eq!(cuts(&broker).await, cut);
        // The agency comes back, and what it comes back for is no longer there.
        let refused = opener.open_now(&unread.opening(&mut random)).await;
        assert!(matches!(&refused, Opened::Refused(reason) if reason == "NOT_CLEARED"), "{refused:?}");
    }
    assert_eq!(broker.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recipient_whose_socket_is_not_read_is_cut() {
    let home = tempfile::tempdir().unwrap();
    let broker = Broker::start(&home.path().join("world"), "").await;
    let (police, mut random) = (broker.client(POLICE, "klara"), Random(2));
    let mut opener = Opener::with(&broker, false, (LITTLE_ROOM_BYTES, ROOM_BYTES)).await;
    let first = ready(&police, &mut random, 0).await;
    assert!(matches!(opener.open_now(&first.opening(&mut random)).await, Opened::Released));
    let mut large = Vec::new();
    for _ in 0..RELEASES {
        large.push(ready(&police, &mut random, LARGE_SECTION_BYTES).await);
    }
    opener.line.take(false);
    let before = opener.line.received();
    let mut opening = JoinSet::new();
    for ready in &large {
        opening.spawn(opener.call(ready.opening(&mut random)));
        // One after the other: what comes last finds the socket full.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let last = large.last().unwrap().withdrawal(&mut random);
    let began = Instant::now();
    within("the withdrawal", police.withdraw_consent(last)).await.unwrap();
    let took = began.elapsed();
    println!("answered after {took:?}");
    assert!(took >= WAITS_MIN && took < ANSWER_MAX, "{took:?}");
    opener.line.take(true);
    let opened = within("the openings", opening.join_all()).await;
    assert!(matches!(opened.last(), Some(Opened::Broken)), "{opened:?}");
    let came = opener.line.written() - before;
    assert!(came < u64::try_from(RELEASES * 3 * LARGE_SECTION_BYTES).unwrap(), "all of it came: {came} bytes");
    assert_eq!(broker.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_on_its_way_when_a_broker_was_killed_holds_nothing_up_after_its_restart() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("world");
    let broker = Broker::start(&folder, "").await;
    let (police, mut random) = (broker.client(POLICE, "klara"), Random(3));
    let unread = ready(&police, &mut random, SECTION_BYTES).await;
    let mut opener = Opener::new(&broker, false).await;
    let (opening, written) = (unread.opening(&mut random), opener.line.counter());
    let kill = async {
        begun_to_come(&written, 0).await;
        broker.kill().await;
    };
    let (opened, ()) = tokio::join!(opener.open(&opening, tokio::time::sleep(RELEASE_SEND_MAX / 2)), within("the release", kill));
    assert!(matches!(opened, Opened::Broken), "{opened:?}");
    let broker = Broker::start(&folder, "").await;
    let began = Instant::now();
    broker.client(POLICE, "klara").withdraw_consent(unread.withdrawal(&mut random)).await.unwrap();
    println!("answered after {:?}", began.elapsed());
    assert!(began.elapsed() < WAITS_MIN, "{:?} for what a dead broker sent", began.elapsed());
    assert_eq!(broker.stop().await, Some(0));
}
