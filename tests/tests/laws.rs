//! The laws, on generated histories: release rests on clearance and consent, batching is invisible, rows follow from the journal,
//! a key has one effect under any fault.
//!
//! `PROPTEST_CASES` sets another number of cases; a failure prints its seed.

use std::sync::Arc;

use brygga_domain::command::NewOffer;
use brygga_domain::event::{OfferResult, Officer};
use brygga_domain::{Action, Command, Digest, Entropy, OfferAnswer, OfficerProof, OfficerPseudonym, RequestId, Time};
use brygga_engine::batch::Law;
use brygga_engine::broker::NoAnswer;
use brygga_engine::committer::Failure;
use brygga_engine::lanes::LaneLimits;
use brygga_engine::observe::Unobserved;
use brygga_engine::rows::{EventRow, HeadRow, ReferralRows};
use brygga_engine::signer_state::SignerState;
use brygga_engine::{Broker, ManualClock, Parts, SystemRandomness, assemble, replay};
use brygga_store::{CommitFault, MemoryDatabase, MemoryReader, PostgresStore, SqliteOptions, SqliteStore};
use brygga_tests::directory::{self, START_US};
use brygga_tests::fold::{self, Driver};
use brygga_tests::postgres;
use brygga_tests::script::{self, Step};
use brygga_verify::Verdict;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const CASES: u32 = 2500;
/// So many that chance does not leave too few releases among them.
const RELEASING_CASES: u32 = 5000;
const SQLITE_CASES: u32 = 100;
/// Each takes a database of its own.
const POSTGRES_CASES: u32 = 20;
const STEPS_MAX: usize = 40;

fn check<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(S::Value))
where
    S::Value: Clone,
{
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(cases);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    if let Err(error) = runner.run(strategy, |value| {
        test(value);
        Ok(())
    }) {
        panic!("{error}");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

async fn in_memory(steps: &[Step]) -> (script::Played, MemoryReader) {
    let database = MemoryDatabase::default();
    let mut driver = Driver::new(database.store());
    driver.begin().await;
    let played = script::play(&mut driver, steps).await;
    (played, database.reader())
}

async fn stored(reader: &mut MemoryReader) -> (Vec<EventRow>, Vec<ReferralRows>) {
    (fold::events(reader).await, fold::referrals(reader).await)
}

#[test]
fn every_release_rests_on_clearance_and_consent_that_stand_before_it() {
    let runtime = runtime();
    let releases = std::cell::Cell::new(0_u64);
    check(RELEASING_CASES, &script::steps(STEPS_MAX), |steps| {
        runtime.block_on(async {
            let (_, mut reader) = in_memory(&steps).await;
            let report = fold::audit(&mut reader).await;
            assert_eq!(report.verdict, Verdict::Verified, "{:#?}", report.findings);
            releases.set(releases.get() + report.releases);
        });
    });
    assert!(releases.get() > 500, "the histories are too tame: {} releases", releases.get());
}

#[test]
fn replaying_the_journal_gives_the_rows() {
    let runtime = runtime();
    check(CASES, &script::steps(STEPS_MAX), |steps| {
        runtime.block_on(async {
            let (_, mut reader) = in_memory(&steps).await;
            let replayed = replay::replay(&mut reader, |_, _| {}).await.unwrap();
            assert!(replayed.is_sound(), "{replayed:?}");
        });
    });
}

#[test]
fn any_split_into_batches_gives_the_same_journal() {
    let runtime = runtime();
    check(CASES, &(script::steps(STEPS_MAX), proptest::collection::vec(1_usize..7, STEPS_MAX)), |(mut steps, sizes)| {
        steps.iter_mut().for_each(|step| step.minutes = 0);
        runtime.block_on(async {
            let (played, mut reader) = in_memory(&steps).await;
            let commands: Vec<Command> = played.commands.into_iter().map(|(command, _)| command).collect();
            let database = MemoryDatabase::default();
            let mut driver = Driver::new(database.store());
            driver.begin().await;
            let mut rest = commands.as_slice();
            for size in sizes.iter().cycle() {
                let (batch, after) = rest.split_at((*size).min(rest.len()));
                driver.batch(batch, Time::from_micros(START_US)).await.unwrap();
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            assert_eq!(stored(&mut reader).await, stored(&mut database.reader()).await);
        });
    });
}

#[test]
fn sqlite_keeps_the_same_journal_and_rows_as_memory() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    check(SQLITE_CASES, &script::steps(STEPS_MAX), |steps| {
        runtime.block_on(async {
            let (played, mut expected) = in_memory(&steps).await;
            let folder = tempfile::tempdir().unwrap();
            let (store, mut readers) = SqliteStore::open(&folder.path().join("brygga.db"), &SqliteOptions::default()).await.unwrap();
            let mut driver = Driver::new(store);
            driver.begin().await;
            for (command, now) in &played.commands {
                driver.batch(std::slice::from_ref(command), *now).await.unwrap();
            }
            let reader = &mut readers.readers[0];
            assert_eq!(stored(&mut expected).await, (fold::events(reader).await, fold::referrals(reader).await));
            assert!(replay::replay(reader, |_, _| {}).await.unwrap().is_sound());
            assert_eq!(fold::audit(reader).await.verdict, Verdict::Verified);
        });
    });
}

#[test]
fn postgres_keeps_the_same_journal_and_rows_as_memory() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    check(POSTGRES_CASES, &script::steps(STEPS_MAX), |steps| {
        runtime.block_on(async {
            let (played, mut expected) = in_memory(&steps).await;
            let (store, mut readers) = PostgresStore::open(&postgres::shared().await, 1).await.unwrap();
            let mut driver = Driver::new(store);
            driver.begin().await;
            for (command, now) in &played.commands {
                driver.batch(std::slice::from_ref(command), *now).await.unwrap();
            }
            let reader = &mut readers.readers[0];
            assert_eq!(stored(&mut expected).await, (fold::events(reader).await, fold::referrals(reader).await));
            assert!(replay::replay(reader, |_, _| {}).await.unwrap().is_sound());
            assert_eq!(fold::audit(reader).await.verdict, Verdict::Verified);
        });
    });
}

/// A real committer over a memory store that fails as ordered.
async fn committer(database: &MemoryDatabase, folder: &std::path::Path) -> (Broker<MemoryReader>, CancellationToken, tokio::task::JoinHandle<()>) {
    let stop = CancellationToken::new();
    let parts = Parts {
        store: database.store(),
        readers: vec![database.reader()],
        law: Law { directory: Arc::new(directory::directory()), table: Arc::new(directory::table()) },
        signer: fold::signer(),
        state: Ok(SignerState::create(&folder.join("state")).unwrap()),
        head: HeadRow::default(),
        clock: Arc::new(ManualClock::at(Time::from_micros(START_US))),
        randomness: Arc::new(SystemRandomness),
        observer: Arc::new(Unobserved),
        limits: LaneLimits::default(),
        tasks: TaskTracker::new(),
        stop: stop.clone(),
    };
    let (broker, committer) = assemble(parts);
    let task = tokio::task::spawn(async move {
        committer.unwrap().run().await;
    });
    (broker, stop, task)
}

fn faults() -> impl Strategy<Value = Vec<Option<CommitFault>>> {
    let fault = prop_oneof![
        3 => Just(None),
        1 => Just(Some(CommitFault::NotCommitted)),
        1 => Just(Some(CommitFault::UnknownNotWritten)),
        1 => Just(Some(CommitFault::UnknownWritten)),
    ];
    proptest::collection::vec(fault, 0..60)
}

#[test]
fn a_key_has_one_effect_under_any_fault_before_and_after_the_commit() {
    let runtime = runtime();
    let folder = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0_u32);
    check(CASES, &(script::steps(STEPS_MAX / 2), faults(), 0_usize..4), |(mut steps, faults, failing_loads)| {
        steps.iter_mut().for_each(|step| step.minutes = 0);
        number.set(number.get() + 1);
        let folder = folder.path().join(number.get().to_string());
        std::fs::create_dir(&folder).unwrap();
        runtime.block_on(async {
            let (played, mut expected) = in_memory(&steps).await;
            let database = MemoryDatabase::default();
            Driver::new(database.store()).begin().await;
            let (broker, stop, task) = committer(&database, &folder).await;
            database.faults().script_commits(faults);
            database.faults().fail_loads(failing_loads);
            database.faults().fail_settles(failing_loads);
            for (command, _) in &played.commands {
                // The client's rule: the same key until there is a definite answer.
                loop {
                    match broker.carry_out(command.clone()).await {
                        Ok(_) | Err(NoAnswer::Failed(Failure::Refused(_))) => break,
                        Err(NoAnswer::Failed(Failure::NotCommitted | Failure::OutcomeUnknown)) => {}
                        Err(other) => panic!("{other:?}"),
                    }
                }
            }
            assert_eq!(stored(&mut expected).await, stored(&mut database.reader()).await);
            stop.cancel();
            task.await.unwrap();
        });
        std::fs::remove_dir_all(&folder).unwrap();
    });
}

fn police(number: u8, action: Action) -> Command {
    let entropy = Entropy::new([number; 32]);
    let officer = Officer { pseudonym: OfficerPseudonym([1; 16]), proof: OfficerProof::Asserted };
    let request = RequestId(entropy.uuid("request", 0));
    Command { agency: "vasterort-polis".parse().unwrap(), officer: Some(officer), request, digest: Digest([number; 32]), entropy, action }
}

#[test]
fn a_key_that_comes_twice_in_one_batch_is_answered_with_one_receipt() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let database = MemoryDatabase::default();
        Driver::new(database.store()).begin().await;
        let (broker, stop, task) = committer(&database, folder.path()).await;
        let reported_at = Time::from_micros(START_US - 1);
        let result = OfferResult::Offered(OfferAnswer::Yes);
        let offer = NewOffer { result, language: None, interpreter: false, relationship: None, district: None, reported_at };
        let (first, second) = (police(101, Action::RecordOffer(offer.clone())), police(102, Action::RecordOffer(offer)));
        // All three wait before the committer runs, so that one batch holds them.
        let (one, twice, other) = tokio::join!(broker.carry_out(first.clone()), broker.carry_out(first), broker.carry_out(second));
        let mut receipts = Vec::new();
        for answer in [one, twice, other] {
            receipts.push(broker.deliver(&answer.unwrap(), 0).await.unwrap().receipt);
        }
        assert_eq!(receipts[0], receipts[1]);
        assert_eq!(receipts[0].checkpoint, receipts[2].checkpoint, "they were not in one batch");
        stop.cancel();
        task.await.unwrap();
    });
}
