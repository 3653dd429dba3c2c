//! Real brokers, processes of their own, on one PostgreSQL.
//!
//! `BROKER_KILLS` sets how often one of three is killed under load (nightly: 100), `KILLS_A_CRASH` every how many kills the database
//! crashes as well (nightly: 1), `SEED` repeats a run.

use std::path::PathBuf;
use std::time::Duration;

use brygga_client::watch::{Inbox, OwnReferrals, Watch};
use brygga_client::{Client, v1};
use brygga_domain::{Code as _, InboxKind, SenderStatus};
use brygga_pgtest::{Cluster, Setup};
use brygga_tests::brokers::{pairs, three};
use brygga_tests::harness::{Broker, bryggad, replayed};
use brygga_tests::load::{Players, Random, STUCK_MAX, judge, setting};
use brygga_tests::postgres::{self, join, section};
use brygga_tests::requests::{AUDITOR, BOARD, POLICE, RVC, VICTIM, consent, contents, decision, held_submission, offer, request_id, submission};
use brygga_tests::watchers::Watchers;
use brygga_tests::wire::within;
use brygga_wire::contract::WriteResponse as _;
use tokio::process::Command;

const BROKER_KILLS: u64 = 9;
/// Every so many kills the database goes as well.
const KILLS_A_CRASH: u64 = 4;
/// Shortest and longest load between two kills.
const LOAD_MILLIS: (u64, u64) = (100, 600);

/// Two brokers on a log of their own.
struct Two {
    home: tempfile::TempDir,
    one: Broker,
    other: Broker,
}

impl Two {
    async fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let (first, second) = (home.path().join("one"), home.path().join("other"));
        let one = Broker::start(&first, &section(&postgres::shared().await)).await;
        join(bryggad(), &first, &second).await;
        let other = Broker::start(&second, "").await;
        assert!(other.ready()["in_doubt"].is_null(), "{}", other.ready());
        Self { home, one, other }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_referral_goes_its_way_over_two_brokers_and_streams_at_one_see_what_the_other_did() {
    let Two { home, one, other } = Two::start().await;
    let (police, police_there) = (one.client(POLICE, "klara"), other.client(POLICE, "klara"));
    let mut statuses = police_there.watch_referrals(0);
    let mut inbox = other.client(BOARD, "sara").watch_inbox(&RVC.parse().unwrap(), 0);
    let submitted = police.submit_referral(held_submission()).await.unwrap();
    let referral = submitted.response.referral.unwrap().id;
    assert_eq!(within("a status from the other broker", statuses.next()).await.unwrap().status, SenderStatus::Stored.number());
    let terms = Some(consent(&contents().map(|(category, _)| category)));
    police_there.record_consent(v1::RecordConsentRequest { referral: referral.clone(), terms, ..Default::default() }).await.unwrap();
    let decided = v1::DecideClearanceRequest { referral: referral.clone(), decision: Some(decision(VICTIM)), ..Default::default() };
    police.decide_clearance(decided).await.unwrap();
    let offered = within("the offer from the other broker", inbox.next()).await.unwrap();
    assert_eq!((offered.referral.as_str(), offered.kind), (referral.as_str(), InboxKind::Offered.number()));
    let open = v1::OpenReferralRequest { request_id: request_id(7), referral: referral.clone(), ..Default::default() };
    let opened = one.client(BOARD, "sara").open_referral(open.clone()).await.unwrap();
    assert_eq!(opened.response.sections.len(), 3);
    // The same key at the other broker: the same receipt, byte for byte, and the content once more.
    let again = other.client(BOARD, "sara").open_referral(open).await.unwrap();
    assert_eq!(opened.response.receipt(), again.response.receipt());
    assert_eq!(opened.response.sections, again.response.sections);
    other.client(BOARD, "sara").accept_referral(v1::AcceptReferralRequest { referral, ..Default::default() }).await.unwrap();
    replayed(&home.path().join("one")).await;
    assert_eq!((one.stop().await, other.stop().await), (Some(0), Some(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_a_lost_broker_goes_on_at_another_from_its_cursor() {
    let Two { home: _home, one, other } = Two::start().await;
    let police = other.client(POLICE, "klara");
    let mut before = one.client(POLICE, "klara").watch_referrals(0);
    let mut seen = Vec::new();
    for _ in 0..2 {
        police.submit_referral(held_submission()).await.unwrap();
        seen.push(within("a status of the first broker", before.next()).await.unwrap());
    }
    one.kill().await;
    let mut after = police.watch_referrals(seen[1].position);
    for _ in 0..2 {
        police.submit_referral(held_submission()).await.unwrap();
        seen.push(within("a status of the second broker", after.next()).await.unwrap());
    }
    let mut whole = police.watch_referrals(0);
    for entry in seen {
        assert_eq!(entry, within("the status again", whole.next()).await.unwrap());
    }
    assert_eq!(other.stop().await, Some(0));
}

/// Long before the heartbeat of a stream, which would bring it too.
async fn soon<T>(what: &str, comes: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), comes).await.unwrap_or_else(|_| panic!("nothing comes {what}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_go_on_where_no_hint_comes() {
    let Two { home: _home, one, other } = Two::start().await;
    let police = one.client(POLICE, "klara");
    let mut statuses = other.client(POLICE, "klara").watch_referrals(0);
    let mut inbox = other.client(BOARD, "sara").watch_inbox(&RVC.parse().unwrap(), 0);
    let both = async |what, referral: &str, inbox: &mut Watch<Inbox>, statuses: &mut Watch<OwnReferrals>| {
        assert_eq!(soon(what, inbox.next()).await.unwrap().referral, referral);
        assert_eq!(soon(what, statuses.next()).await.unwrap().referral, referral);
        assert_eq!(soon(what, statuses.next()).await.unwrap().referral, referral);
    };
    let submit = async || police.submit_referral(submission()).await.unwrap().response.referral.unwrap().id;
    both("with hints", &submit().await, &mut inbox, &mut statuses).await;
    // From here on whatever listens is cut off as soon as it does.
    let end = postgres::ends_listeners(one.folder());
    for _ in 0..2 {
        both("without hints", &submit().await, &mut inbox, &mut statuses).await;
    }
    // Nor does it matter that the other broker commits for others all the time.
    let busy = other.client(POLICE, "klara");
    let busy = async {
        loop {
            busy.record_offer(offer(String::new())).await.unwrap();
        }
    };
    let told = async {
        for _ in 0..2 {
            both("beside commits of its own", &submit().await, &mut inbox, &mut statuses).await;
        }
    };
    tokio::select! { () = busy => {}, () = told => {} }
    drop(end);
    assert_eq!((one.stop().await, other.stop().await), (Some(0), Some(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_one_broker_enters_is_known_to_the_other() {
    let Two { home, one, other } = Two::start().await;
    assert_eq!(one.stop().await, Some(0));
    let folder = home.path().join("one");
    let file = folder.join("directory.json");
    let mut directory: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let functions = directory["functions"].as_array_mut().unwrap();
    functions.push(serde_json::json!({"id": "solna-ny", "host": BOARD, "name": "Ny mottagning", "territories": ["0187"], "kinds": ["contact_request"]}));
    std::fs::write(&file, directory.to_string()).unwrap();
    let police = other.client(POLICE, "klara");
    let ask = || police.get_function(v1::GetFunctionRequest { function: String::from("solna-ny") });
    ask().await.unwrap_err();
    let one = Broker::start(&folder, "").await;
    // The other has not been told anything, and knows within its poll.
    let known = async {
        while ask().await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    within("the function", known).await;
    let to_it = v1::SubmitReferralRequest { recipient: String::from("solna-ny"), ..held_submission() };
    police.submit_referral(to_it).await.unwrap();
    assert_eq!((one.stop().await, other.stop().await), (Some(0), Some(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_begun_once_and_joined_only_with_a_state_of_ones_own() {
    let Two { home, one, other } = Two::start().await;
    let run = |command: &'static str, folder: PathBuf| async move {
        let ran = Command::new(bryggad()).arg(command).arg("--config").arg(folder.join("bryggad.toml")).output().await.unwrap();
        (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned())
    };
    let (code, said) = run("join", home.path().join("other")).await;
    assert!(code == Some(1) && said.contains("signer.state"), "{code:?} {said}");
    // A broker that lost its state doubts the log, and does not join it again by itself.
    assert_eq!(other.stop().await, Some(0));
    std::fs::remove_file(home.path().join("other/signer.state")).unwrap();
    let other = Broker::start(&home.path().join("other"), "").await;
    assert!(other.ready()["in_doubt"].is_string());
    assert_eq!(other.stop().await, Some(20));
    // Another key is another log.
    let stranger = home.path().join("stranger");
    join(bryggad(), &home.path().join("one"), &stranger).await;
    std::fs::remove_file(stranger.join("signer.state")).unwrap();
    std::fs::write(stranger.join("log.seed"), "07".repeat(32)).unwrap();
    let (code, said) = run("join", stranger).await;
    assert!(code == Some(1) && said.contains("the last note"), "{code:?} {said}");
    one.client(POLICE, "klara").submit_referral(submission()).await.unwrap();
    assert_eq!(one.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kills_of_brokers_and_crashes_of_the_database_exactly_once() {
    let (kills, seed) = (setting("BROKER_KILLS", BROKER_KILLS), setting("SEED", u64::from(std::process::id())));
    let kills_a_crash = setting("KILLS_A_CRASH", KILLS_A_CRASH);
    println!("SEED={seed} BROKER_KILLS={kills} KILLS_A_CRASH={kills_a_crash}");
    let mut random = Random(seed);
    let cluster = Cluster::start(&Setup::default());
    let home = tempfile::tempdir().unwrap();
    let folders = ["one", "two", "three"].map(|name| home.path().join(name));
    let mut brokers = three(bryggad(), &folders, &section(&postgres::database(&cluster).await), &mut random).await;
    let players = Players::start(pairs(&brokers), &mut random);
    let watchers = Watchers::start(&brokers).await;
    let mut waits = Vec::new();
    for kill in 1..=kills {
        tokio::time::sleep(Duration::from_millis(random.within(LOAD_MILLIS.0, LOAD_MILLIS.1))).await;
        if kill % kills_a_crash == 0 {
            cluster.crash();
            cluster.resume();
        }
        let victim = usize::try_from(random.within(0, 2)).unwrap();
        brokers.remove(victim).kill().await;
        let back = Broker::start(&folders[victim], "").await;
        assert!(back.ready()["in_doubt"].is_null(), "a kill is no reason for doubt: {}", back.ready());
        brokers.insert(victim, back);
        // Both from the same moment: nobody is silent for longer than that.
        let (answered, moved) = tokio::join!(players.all_answered(STUCK_MAX), watchers.all_move(STUCK_MAX));
        waits.extend([answered, moved]);
    }
    let seen = players.end().await;
    let auditor = Client::connect(&brokers[1].config(AUDITOR)).unwrap().as_officer("eva");
    let log = judge(&seen, &auditor).await;
    let shown = watchers.end(&log, STUCK_MAX).await;
    replayed(&folders[2]).await;
    for broker in brokers {
        assert_eq!(broker.stop().await, Some(0));
    }
    let slowest = waits.iter().max().unwrap();
    println!("{kills} kills, {}, {} events, {shown} entries on streams; slowest after a recovery: {slowest:?}", seen.summary(), log.entries.len());
    assert!(u64::try_from(seen.calls.len()).unwrap() > kills, "the load was too small to show anything");
}
