//! Committers on one store, in memory.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use brygga_domain::command::NewOffer;
use brygga_domain::event::{OfferResult, Officer};
use brygga_domain::{Action, Command, Digest, Entropy, Function, GroundTable, NotOfferedReason, OfficerProof, OfficerPseudonym, Reason, RequestId, Time};
use brygga_engine::batch::Law;
use brygga_engine::broker::NoAnswer;
use brygga_engine::committer::Failure;
use brygga_engine::lanes::LaneLimits;
use brygga_engine::observe::Unobserved;
use brygga_engine::rows::{CheckpointRow, HeadRow};
use brygga_engine::signer_state::{SignerState, SignerStateError};
use brygga_engine::store::{Batch, CommitError, Loaded, Reader as _, Store, StoreError, Wanted};
use brygga_engine::{Broker, ManualClock, Parts, SystemRandomness, assemble};
use brygga_store::{CommitFault, MemoryDatabase, MemoryReader, MemoryStore};
use brygga_tests::directory::{self, START_US};
use brygga_tests::fold::{self, Driver};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A store whose database can be put back under its committer.
struct PutBack(Arc<Mutex<MemoryStore>>);

/// A server that is lost while a commit waits at it: what became of the commit is asked at the next one.
struct Lost {
    store: MemoryStore,
    next: Option<MemoryStore>,
}

impl Store for Lost {
    async fn load(&mut self, wanted: &Wanted) -> Result<Loaded, StoreError> {
        self.store.load(wanted).await
    }
    async fn commit(&mut self, batch: &Batch) -> Result<(), CommitError> {
        let outcome = self.store.commit(batch).await;
        if let (Err(_), Some(next)) = (&outcome, self.next.take()) {
            self.store = next;
        }
        outcome
    }
    async fn settle(&mut self, prev_size: i64) -> Result<(HeadRow, Option<CheckpointRow>), StoreError> {
        self.store.settle(prev_size).await
    }
}

impl Store for PutBack {
    async fn load(&mut self, wanted: &Wanted) -> Result<Loaded, StoreError> {
        self.0.lock().await.load(wanted).await
    }
    async fn commit(&mut self, batch: &Batch) -> Result<(), CommitError> {
        self.0.lock().await.commit(batch).await
    }
    async fn settle(&mut self, prev_size: i64) -> Result<(HeadRow, Option<CheckpointRow>), StoreError> {
        self.0.lock().await.settle(prev_size).await
    }
}

pub async fn begun() -> MemoryDatabase {
    let database = MemoryDatabase::default();
    Driver::new(database.store()).begin().await;
    database
}

/// A broker on a store, with the directory of the tests.
pub async fn broker(store: impl Store, reader: MemoryReader, folder: &Path) -> Broker<MemoryReader> {
    broker_under(directory::table(), store, reader, folder).await
}

/// The same, with a ground table of its own.
async fn broker_under(table: GroundTable, store: impl Store, mut reader: MemoryReader, folder: &Path) -> Broker<MemoryReader> {
    let head = reader.head().await.unwrap();
    let parts = Parts {
        store,
        readers: vec![reader],
        law: Law { directory: Arc::new(directory::directory()), table: Arc::new(table) },
        signer: fold::signer(),
        state: Ok(SignerState::create(folder).unwrap()),
        head,
        clock: Arc::new(ManualClock::at(Time::from_micros(START_US))),
        randomness: Arc::new(SystemRandomness),
        observer: Arc::new(Unobserved),
        limits: LaneLimits::default(),
        tasks: TaskTracker::new(),
        stop: CancellationToken::new(),
    };
    let (broker, committer) = assemble(parts);
    let doubted = broker.clone();
    tokio::spawn(async move {
        if let brygga_engine::committer::Stopped::Doubt(why) = committer.unwrap().run().await {
            doubted.stop_forwarding(&why);
        }
    });
    broker
}

/// A registration; each number is another key, and none is one of those that the log began with.
pub fn registration(number: u8, function: Function) -> Command {
    let entropy = Entropy::new([128 + number; 32]);
    let action = Action::RegisterFunction(function, Digest([number; 32]));
    Command { agency: "brygga".parse().unwrap(), officer: None, request: RequestId(entropy.uuid("request", 0)), digest: Digest([number; 32]), entropy, action }
}

pub fn function(name: &str) -> Function {
    let known = directory::directory();
    Function { id: name.parse().unwrap(), ..known.functions().next().unwrap().clone() }
}

#[tokio::test]
async fn a_committer_decides_under_the_directory_that_another_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let database = begun().await;
    let one = broker(database.store(), database.reader(), &folder.path().join("one")).await;
    let other = broker(database.store(), database.reader(), &folder.path().join("other")).await;
    one.carry_out(registration(1, function("ny-ett"))).await.unwrap();
    assert!(other.directory().function(&"ny-ett".parse().unwrap()).is_none());
    other.carry_out(registration(2, function("ny-tva"))).await.unwrap();
    one.carry_out(registration(3, function("ny-tre"))).await.unwrap();
    let names = |broker: &Broker<MemoryReader>| ["ny-ett", "ny-tva", "ny-tre"].map(|name| broker.directory().function(&name.parse().unwrap()).is_some());
    assert_eq!((names(&one), names(&other)), ([true, true, true], [true, true, false]));
    // Without a command of its own it follows what is stored.
    let size = *one.head().borrow();
    assert!(*other.head().borrow() < size);
    let mut woken = other.head();
    woken.mark_unchanged();
    assert_eq!(other.look().await.unwrap(), size);
    assert_eq!(names(&other), [true, true, true]);
    assert!(!woken.has_changed().unwrap(), "what is only seen may still be lost");
    other.prove();
    tokio::time::timeout(Duration::from_secs(10), woken.changed()).await.unwrap().unwrap();
    assert_eq!(*woken.borrow_and_update(), size);
    assert_eq!(other.look().await.unwrap(), size);
    assert!(!woken.has_changed().unwrap(), "nothing new wakes nobody");
}

/// The server of a log may show what its replicas do not have yet, and be lost: the next one goes on from before it.
#[tokio::test]
async fn what_was_only_seen_and_is_lost_is_no_reason_for_doubt() {
    for fault in [CommitFault::NotCommitted, CommitFault::UnknownNotWritten, CommitFault::UnknownWritten] {
        let folder = tempfile::tempdir().unwrap();
        let database = begun().await;
        let replica = MemoryDatabase::from_tables(database.tables());
        let store = Lost { store: database.store(), next: Some(replica.store()) };
        let broker = broker(store, database.reader(), &folder.path().join("state")).await;
        let before = *broker.head().borrow();
        Driver::new(database.store()).batch(&[registration(100, function("annan"))], Time::from_micros(START_US)).await.unwrap();
        database.faults().script_commits([Some(fault)]);
        let annan = || broker.directory().function(&"annan".parse().unwrap()).is_some();
        assert_eq!((broker.look().await.unwrap(), annan()), (before + 1, true), "who takes part is seen at once");
        let command = registration(1, function("ny-ett"));
        assert_eq!(broker.carry_out(command.clone()).await.err(), Some(NoAnswer::Failed(Failure::NotCommitted)), "{fault:?}");
        assert_eq!(*broker.head().borrow(), before, "no stream goes beyond what is durable");
        let answer = broker.carry_out(command).await.unwrap();
        assert_eq!((answer.committed.replayed, answer.committed.size), (false, before + 1), "{fault:?}");
        assert!(!annan(), "who takes part is lost with it");
    }
}

#[tokio::test]
async fn a_key_has_one_effect_at_whatever_broker_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let database = begun().await;
    let one = broker(database.store(), database.reader(), &folder.path().join("one")).await;
    let other = broker(database.store(), database.reader(), &folder.path().join("other")).await;
    let command = registration(1, function("ny-ett"));
    let first = one.carry_out(command.clone()).await.unwrap();
    let second = other.carry_out(command).await.unwrap();
    assert!(second.committed.replayed && !first.committed.replayed);
    let (first, second) = (one.deliver(&first, 0).await.unwrap(), other.deliver(&second, 0).await.unwrap());
    assert_eq!(first.receipt, second.receipt);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_stays_unknown_holds_up_its_own_batch_only() {
    for fault in [CommitFault::UnknownWritten, CommitFault::UnknownNotWritten] {
        let folder = tempfile::tempdir().unwrap();
        let database = begun().await;
        let broker = broker(database.store(), database.reader(), &folder.path().join("state")).await;
        database.faults().script_commits([Some(fault)]);
        database.faults().fail_settles(usize::MAX);
        let command = registration(1, function("ny-ett"));
        assert_eq!(broker.carry_out(command.clone()).await.err(), Some(NoAnswer::Failed(Failure::OutcomeUnknown)));
        let answer = broker.carry_out(command).await.unwrap();
        assert_eq!(answer.committed.replayed, fault == CommitFault::UnknownWritten);
        assert!(broker.directory().function(&"ny-ett".parse().unwrap()).is_some(), "what was written is in force");
        broker.deliver(&answer, 0).await.unwrap();
        broker.carry_out(registration(2, function("ny-tva"))).await.unwrap();
    }
}

/// A log that was put back under a running broker, which had written before or had not: `later` appends that many events of others to
/// the older copy.
async fn is_doubted(later: u8, wrote: bool) {
    let folder = tempfile::tempdir().unwrap();
    let database = begun().await;
    let older = MemoryDatabase::from_tables(database.tables());
    let first = registration(1, function("ny-ett"));
    if !wrote {
        Driver::new(database.store()).batch(std::slice::from_ref(&first), Time::from_micros(START_US)).await.unwrap();
    }
    let store = Arc::new(Mutex::new(database.store()));
    let broker = broker(PutBack(Arc::clone(&store)), database.reader(), &folder.path().join("state")).await;
    if wrote {
        broker.carry_out(first).await.unwrap();
    }
    let mut driver = Driver::new(older.store());
    for number in 0..later {
        driver.batch(&[registration(100 + number, function("annan"))], Time::from_micros(START_US)).await.unwrap();
    }
    *store.lock().await = older.store();
    let before = older.tables();
    let answer = broker.carry_out(registration(2, function("ny-tva"))).await;
    assert_eq!(answer.err(), Some(NoAnswer::Failed(Failure::Doubted)), "{later} {wrote}");
    assert!(older.tables() == before, "a log in doubt was written to");
    assert_eq!(broker.carry_out(registration(3, function("ny-tre"))).await.err(), Some(NoAnswer::Failed(Failure::Doubted)));
    // Nor after a restart, though the file of committed heads knows nothing of what others wrote.
    let again = SignerState::open(&folder.path().join("state"), fold::signer().key());
    assert!(matches!(again, Err(SignerStateError::Doubted { .. })), "{later} {wrote}");
}

#[tokio::test]
async fn a_log_that_went_back_under_a_running_broker_is_never_continued() {
    // Shorter than what was committed; as long, but another; longer, but another.
    for later in 0..3 {
        is_doubted(later, true).await;
        is_doubted(later, false).await;
    }
}

/// An offer that was not made: the smallest command that is decided by law.
fn offer(number: u8) -> Command {
    let new = NewOffer {
        result: OfferResult::NotOffered(NotOfferedReason::OtherReason),
        language: None,
        interpreter: false,
        relationship: None,
        district: None,
        reported_at: Time::from_micros(START_US),
    };
    Command { agency: "vasterort-polis".parse().unwrap(), action: Action::RecordOffer(new), ..registration(number, function("ny-ett")) }
}

fn activation(number: u8, officers: [u8; 2]) -> Command {
    let [first, second] = officers.map(|officer| OfficerPseudonym([officer; 16]));
    let officer = Some(Officer { pseudonym: second, proof: OfficerProof::Asserted });
    Command { officer, action: Action::ActivateGroundTable { proposed_by: first }, ..registration(number, function("ny-ett")) }
}

fn refusal(answer: Result<brygga_engine::committer::Receipted, NoAnswer>) -> Option<Reason> {
    match answer {
        Ok(_) => None,
        Err(NoAnswer::Failed(failure)) => Some(failure.reason()),
        Err(NoAnswer::Full | NoAnswer::Gone) => panic!("no answer"),
    }
}

#[tokio::test]
async fn only_the_table_in_force_decides_and_two_officers_change_it() {
    let folder = tempfile::tempdir().unwrap();
    let database = begun().await;
    let other_table = GroundTable::load(&format!("{}\n", brygga_domain::grounds::SHIPPED)).unwrap();
    let before = broker(database.store(), database.reader(), &folder.path().join("before")).await;
    let after = broker_under(other_table, database.store(), database.reader(), &folder.path().join("after")).await;
    assert_eq!(refusal(before.carry_out(offer(1)).await), None);
    assert_eq!(refusal(after.carry_out(offer(2)).await), Some(Reason::TableNotActive));
    assert_eq!(refusal(after.carry_out(activation(3, [7, 7])).await), Some(Reason::OwnDecision));
    assert_eq!(refusal(after.carry_out(activation(4, [7, 8])).await), None);
    assert_eq!(refusal(after.carry_out(offer(2)).await), None, "a refusal uses up no key");
    assert_eq!(refusal(before.carry_out(offer(1)).await), Some(Reason::TableNotActive), "not even what was answered before is repeated");
    assert_eq!(refusal(before.carry_out(registration(5, function("ny-tva"))).await), None, "who takes part is no question of law");
}
