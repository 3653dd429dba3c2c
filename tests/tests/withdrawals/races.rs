//! Thousands of withdrawals against openings of the same referral, over real TLS against the real broker; one process runs all clients.
//!
//! After a withdrawal's answer the journal holds no release under it, the broker writes no byte of one below TLS, and neither the same
//! opening again nor another one gets any. `WITHDRAWAL_RACES` sets how many (nightly: 50,000), `SEED` repeats a run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use brygga_client::{Client, ReferralStream};
use brygga_domain::{ConsentId, Fact, ReferralId};
use brygga_tests::harness::Broker;
use brygga_tests::history::Log;
use brygga_tests::load::{Random, own_pin, setting, whole_log};
use brygga_tests::requests::{AUDITOR, POLICE};
use brygga_tests::wire::within;
use brygga_verify::{Auditor, Expected, Trust, Verdict};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::opener::{Opened, Opener, SECTION_BYTES, begun_to_come, ready};

const WITHDRAWAL_RACES: u64 = 5_000;
/// Recipients with a connection of their own, each in one race at a time.
const RACERS: u64 = 96;
/// Senders that share what the recipients leave of the places for connections.
const SENDERS: u64 = 4;
/// Longest time by which an opening starts before its withdrawal, which overtakes it on the way to the committer: at first, at least, at most.
const AHEAD_MICROS: u64 = 60_000;
const AHEAD_MICROS_MIN: u64 = 100;
const AHEAD_MICROS_MAX: u64 = 1_000_000;
/// Longest time for which a recipient does not read, where it reads at all.
const UNREAD_MILLIS_MAX: u64 = 60;
/// Of so many races, in one the recipient does not read before the withdrawal is answered: its connection is cut.
const RACES_A_CUT: u64 = 50;
/// How long what was written before an answer may take through the system to its reader.
const HAND_OVER: Duration = Duration::from_millis(20);
/// What HTTP/2 itself may have to say meanwhile: a PING, say.
const ASIDE_BYTES_MAX: u64 = 64;
/// A no with its reason, and what a new connection says first.
const REFUSAL_BYTES_MAX: u64 = 8 * 1024;

/// How the races went.
#[derive(Default)]
struct Told {
    released: usize,
    refused: usize,
    cut: usize,
    withdrawals: Vec<Duration>,
}

/// What a racer needs.
struct Racer {
    opener: Opener,
    police: Client,
    withdrawing: ReferralStream,
    random: Random,
    /// What came of each race moves it, so that on a machine of any speed about as many openings lose as win.
    ahead_micros: u64,
}

impl Racer {
    /// One race; `may_be_cut`: whether the recipient leaves its answer unread.
    async fn race(&mut self, told: &mut Told, may_be_cut: bool) {
        let ready = ready(&self.police, &mut self.random, SECTION_BYTES).await;
        let (opening, again) = (ready.opening(&mut self.random), ready.opening(&mut self.random));
        // Some withdrawals wait for the first of the content, so that it is in the middle of its way; the others race it to the log.
        let ahead = (!may_be_cut && self.random.within(0, 2) > 0).then(|| Duration::from_micros(self.random.within(0, self.ahead_micros)));
        let unread = Duration::from_millis(self.random.within(0, UNREAD_MILLIS_MAX));
        let (reads_at_once, over_stream) = (self.random.within(0, 1) == 0, self.random.within(0, 1) == 0);
        let withdrawal = ready.withdrawal(&mut self.random);
        let (answered, mut told_of) = watch::channel(false);
        let held = async move {
            match (may_be_cut, reads_at_once) {
                (true, _) => drop(told_of.wait_for(|answered| *answered).await),
                (false, true) => {}
                (false, false) => drop(tokio::time::timeout(unread, told_of.wait_for(|answered| *answered)).await),
            }
        };
        let Racer { opener, police, withdrawing, .. } = self;
        let written = opener.line.counter();
        let before = written.written();
        let withdraw = async {
            match ahead {
                Some(ahead) => sleep(ahead).await,
                None => begun_to_come(&written, before).await,
            }
            let began = Instant::now();
            if over_stream {
                withdrawing.call(withdrawal).await.unwrap();
            } else {
                police.withdraw_consent(withdrawal).await.unwrap();
            }
            let took = began.elapsed();
            sleep(HAND_OVER).await;
            let by_then = written.written();
            answered.send_replace(true);
            (took, by_then)
        };
        let (opened, (took, by_then)) = tokio::join!(opener.open(&opening, held), withdraw);
        told.withdrawals.push(took);
        let after = opener.line.written() - by_then;
        let may_come = if matches!(opened, Opened::Refused(_)) { REFUSAL_BYTES_MAX } else { ASIDE_BYTES_MAX };
        assert!(after <= may_come, "{after} bytes after the answer of a withdrawal; {opened:?}");
        match opened {
            Opened::Released => {
                told.released += 1;
                if ahead.is_some() {
                    self.ahead_micros = (self.ahead_micros * 4 / 5).max(AHEAD_MICROS_MIN);
                }
            }
            Opened::Refused(reason) => {
                assert_eq!(reason, "NOT_CLEARED");
                told.refused += 1;
                self.ahead_micros = (self.ahead_micros * 5 / 4).min(AHEAD_MICROS_MAX);
            }
            Opened::Broken => {
                assert!(may_be_cut, "a recipient that reads was cut");
                told.cut += 1;
            }
        }
        // The same opening once more, and another one: each a no, and no content with it.
        for request in [&opening, &again] {
            let before = opener.line.written();
            let refused = opener.open_now(request).await;
            assert!(matches!(&refused, Opened::Refused(reason) if reason == "NOT_CLEARED"), "{refused:?}");
            let came = opener.line.written() - before;
            assert!(came <= REFUSAL_BYTES_MAX, "{came} bytes with a refusal");
        }
    }
}

async fn racers(broker: &Broker, seed: u64, races: u64) -> Told {
    let left = Arc::new(AtomicU64::new(races));
    let mut racing = JoinSet::new();
    let connect = |number| {
        let police = Client::connect(&own_pin(broker.config(POLICE), &format!("race-{number}.pin"))).unwrap().as_officer("klara");
        (police.stream_referrals(), police)
    };
    let senders: Vec<(ReferralStream, Client)> = (0..SENDERS).map(connect).collect();
    for (number, (withdrawing, police)) in (0..RACERS).zip(senders.iter().cycle().cloned()) {
        let opener = Opener::new(broker, number % 3 == 0).await;
        let mut racer = Racer { opener, police, withdrawing, random: Random(seed.wrapping_add(number)), ahead_micros: AHEAD_MICROS };
        let left = Arc::clone(&left);
        racing.spawn(async move {
            let mut told = Told::default();
            while let Ok(race) = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)) {
                racer.race(&mut told, race % RACES_A_CUT == 0).await;
            }
            told
        });
    }
    let mut all = Told::default();
    while let Some(told) = racing.join_next().await {
        let told = told.unwrap();
        all.released += told.released;
        all.refused += told.refused;
        all.cut += told.cut;
        all.withdrawals.extend(told.withdrawals);
    }
    all
}

/// No release of a referral stands after the withdrawal of its consent, and the auditor finds nothing else.
fn check(log: &Log, auditor: &Client) -> usize {
    let mut withdrawn: BTreeMap<ReferralId, ConsentId> = BTreeMap::new();
    let mut audited = Auditor::new(Expected { trust: Trust::Pinned(auditor.log_key().clone()), pin: None, tables: Vec::new() });
    for (position, leaf) in &log.entries {
        audited.leaf(leaf);
        match brygga_journal::decode(leaf).unwrap().fact {
            Fact::ConsentWithdrawn { referral, consent } => drop(withdrawn.insert(referral, consent)),
            Fact::SectionsReleased { referral, .. } => assert!(!withdrawn.contains_key(&referral), "a release at {position} after the withdrawal"),
            _ => {}
        }
    }
    let report = audited.report(&log.note);
    assert_eq!(report.verdict, Verdict::Verified, "{:?} {:?}", report.findings, report.doubts);
    withdrawn.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_byte_leaves_after_the_answer_of_a_withdrawal() {
    let (races, seed) = (setting("WITHDRAWAL_RACES", WITHDRAWAL_RACES), setting("SEED", u64::from(std::process::id())));
    println!("SEED={seed} WITHDRAWAL_RACES={races}");
    let home = tempfile::tempdir().unwrap();
    let broker = Broker::start(&home.path().join("world"), "").await;
    let began = Instant::now();
    let mut told = racers(&broker, seed, races).await;
    told.withdrawals.sort_unstable();
    let at = |share: usize| told.withdrawals[(told.withdrawals.len() - 1) * share / 100];
    println!(
        "{races} races in {:?}: {} released, {} refused, {} cut; withdrawals took {:?} (half), {:?} (99 of 100), {:?} at most",
        began.elapsed(),
        told.released,
        told.refused,
        told.cut,
        at(50),
        at(99),
        at(100)
    );
    let tenth = usize::try_from(races / 10).unwrap();
    assert!(told.released > tenth && told.refused > tenth, "these were no races");
    assert!(told.cut > 0 || races < 20 * RACES_A_CUT, "nobody was cut");
    let auditor = broker.client(AUDITOR, "eva");
    assert_eq!(check(&whole_log(&auditor).await, &auditor), usize::try_from(races).unwrap());
    assert_eq!(within("the stop", broker.stop()).await, Some(0));
}
