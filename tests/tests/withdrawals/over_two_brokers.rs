//! Two brokers on one PostgreSQL: a release on its way at one, the withdrawal at the other.

use std::time::{Duration, Instant};

use brygga_tests::harness::{Broker, bryggad};
use brygga_tests::load::Random;
use brygga_tests::postgres::{self, join, section};
use brygga_tests::requests::POLICE;
use brygga_tests::wire::within;

use crate::opener::{Opened, Opener, SECTION_BYTES, begun_to_come, ready};

const ANSWER_MAX: Duration = Duration::from_secs(5);
const WAITS_MIN: Duration = Duration::from_millis(1_000);
/// How long a broker that was stopped and goes on is watched.
const WATCHED: Duration = Duration::from_millis(500);

async fn two(home: &std::path::Path) -> (Broker, Broker) {
    let one = Broker::start(&home.join("one"), &section(&postgres::shared().await)).await;
    join(bryggad(), &home.join("one"), &home.join("other")).await;
    (one, Broker::start(&home.join("other"), "").await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_at_one_broker_waits_for_what_another_sends() {
    let home = tempfile::tempdir().unwrap();
    let (one, other) = two(home.path()).await;
    let (police, mut random) = (other.client(POLICE, "klara"), Random(4));
    let mut opener = Opener::new(&one, false).await;
    // What has left is waited for no longer than the word of it takes.
    let read = ready(&police, &mut random, SECTION_BYTES).await;
    assert!(matches!(opener.open_now(&read.opening(&mut random)).await, Opened::Released));
    let began = Instant::now();
    police.withdraw_consent(read.withdrawal(&mut random)).await.unwrap();
    println!("answered after {:?} for what had left", began.elapsed());
    assert!(began.elapsed() < WAITS_MIN, "{:?}", began.elapsed());
    // What does not leave is cut; what its broker would still send when it was stopped meanwhile is never sent.
    for stopped in [false, true] {
        let unread = ready(&police, &mut random, SECTION_BYTES).await;
        let (opening, withdrawal) = (unread.opening(&mut random), unread.withdrawal(&mut random));
        let answered = tokio::sync::Notify::new();
        let written = opener.line.counter();
        let before = written.written();
        let withdraw = async {
            begun_to_come(&written, before).await;
            if stopped {
                one.signal("STOP").await;
            }
            let began = Instant::now();
            police.withdraw_consent(withdrawal).await.unwrap();
            let took = began.elapsed();
            println!("answered after {took:?}, the other broker stopped: {stopped}");
            assert!(took >= WAITS_MIN && took < ANSWER_MAX, "{took:?}");
            let by_then = written.written();
            // From now on the recipient reads: whatever it is sent would come.
            answered.notify_one();
            if stopped {
                one.signal("CONT").await;
            }
            tokio::time::sleep(WATCHED).await;
            assert_eq!(written.written(), by_then, "bytes after the answer of the withdrawal");
        };
        let (opened, ()) = tokio::join!(opener.open(&opening, answered.notified()), within("the withdrawal", withdraw));
        assert!(matches!(opened, Opened::Broken), "{opened:?}");
    }
    assert_eq!((one.stop().await, other.stop().await), (Some(0), Some(0)));
}
