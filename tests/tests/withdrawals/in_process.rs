//! What waits for a release on its way, and for how long: committers on one store in memory, whose clock goes as fast as it may.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use brygga_domain::command::*;
use brygga_domain::event::{Officer, PersonName};
use brygga_domain::*;
use brygga_engine::batch::Law;
use brygga_engine::broker::NoAnswer;
use brygga_engine::committer::{Failure, Receipted};
use brygga_engine::lanes::LaneLimits;
use brygga_engine::observe::Unobserved;
use brygga_engine::rows::InFlightRow;
use brygga_engine::send_window::{CLOCKS_APART_MAX, CUT_MAX, RELEASE_SEND_MAX};
use brygga_engine::signer_state::SignerState;
use brygga_engine::store::Reader as _;
use brygga_engine::{Broker, ManualClock, Parts, SystemRandomness, assemble};
use brygga_store::{MemoryDatabase, MemoryReader};
use brygga_tests::directory::{self, START_US};
use brygga_tests::fold::{self, Driver};
use bytes::Bytes;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const POLICE: &str = "vasterort-polis";
const BOARD: &str = "solna-soc";
const VICTIM: PersonName = PersonName { role: Role::Victim, number: 1 };
/// What happens without a wait for a window takes less.
const AT_ONCE: Duration = Duration::from_millis(200);

/// A log, and brokers on it.
struct World {
    database: MemoryDatabase,
    clock: ManualClock,
    folder: tempfile::TempDir,
    drawn: u8,
}

/// A referral that can be opened and withdrawn.
struct Ready {
    name: ReferralName,
    origin: i64,
    consent: ConsentId,
}

impl World {
    async fn begin() -> Self {
        let database = MemoryDatabase::default();
        Driver::new(database.store()).begin().await;
        let clock = ManualClock::at(Time::from_micros(START_US));
        // Below 100 lie the draws of the log's beginning.
        Self { database, clock, folder: tempfile::tempdir().unwrap(), drawn: 100 }
    }

    async fn broker(&self, name: &str) -> Broker<MemoryReader> {
        let mut reader = self.database.reader();
        let parts = Parts {
            store: self.database.store(),
            head: reader.head().await.unwrap(),
            readers: vec![reader],
            law: Law { directory: Arc::new(directory::directory()), table: Arc::new(directory::table()) },
            signer: fold::signer(),
            state: Ok(SignerState::create(&path(&self.folder, name)).unwrap()),
            clock: Arc::new(self.clock.clone()),
            randomness: Arc::new(SystemRandomness),
            observer: Arc::new(Unobserved),
            limits: LaneLimits::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        let (broker, committer) = assemble(parts);
        tokio::spawn(committer.unwrap().run());
        broker
    }

    fn command(&mut self, agency: &str, action: Action) -> Command {
        self.drawn += 1;
        let entropy = Entropy::new([self.drawn; 32]);
        let officer = Officer { pseudonym: OfficerPseudonym([1; 16]), proof: OfficerProof::Asserted };
        let request = RequestId(entropy.uuid("request", 0));
        Command { agency: agency.parse().unwrap(), officer: Some(officer), request, digest: Digest([self.drawn; 32]), entropy, action }
    }

    async fn ready(&mut self, broker: &Broker<MemoryReader>) -> Ready {
        let command = self.command(POLICE, Action::SubmitReferral(Box::new(submission())));
        let referral = broker.carry_out(command).await.unwrap().committed.referral.unwrap();
        Ready { name: ReferralName::Id(referral.id), origin: i64::try_from(referral.first.0).unwrap(), consent: referral.consents[0].given.consent }
    }

    fn opening(&mut self, ready: &Ready) -> Command {
        self.command(BOARD, Action::OpenReferral(ready.name))
    }

    fn withdrawal(&mut self, ready: &Ready) -> Command {
        self.command(POLICE, Action::WithdrawConsent(ready.name, ready.consent))
    }

    async fn rows(&self, ready: &Ready) -> Vec<InFlightRow> {
        self.database.reader().in_flight(ready.origin).await.unwrap()
    }

    /// The rows of what has left are gone within this.
    async fn until_no_row_is_left(&self, ready: &Ready) {
        let gone = async {
            while !self.rows(ready).await.is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(AT_ONCE, gone).await.expect("the rows stay");
    }
}

fn path(folder: &tempfile::TempDir, name: &str) -> std::path::PathBuf {
    Path::new(folder.path()).join(name)
}

fn decision(sections: &[u32]) -> NewDecision {
    decision_on(sections, 1)
}

fn decision_on(sections: &[u32], revision: u32) -> NewDecision {
    let cell = |section: &u32| NewCell {
        cell: NamedCell { section: *section, person: Some(VICTIM) },
        outcome: NewOutcome::Release { ground: "CONSENT".parse().unwrap(), consent: None, revision },
    };
    NewDecision { cells: sections.iter().map(cell).collect(), reasons: Bytes::from_static(b"made up"), ..NewDecision::default() }
}

fn submission() -> Submission {
    let given_at = Time::from_micros(START_US - 1);
    let categories = vec![Category::VictimIdentity, Category::SafeContact];
    let consent = NewConsent {
        person: VICTIM,
        categories: categories.clone(),
        recipient: "solna-rvc".parse().unwrap(),
        purpose: Purpose::Support,
        given_at,
        valid_until: given_at.plus_minutes(60 * 24),
        form: ConsentForm::Oral,
        language: None,
        interpreter: false,
        gdpr_basis: GdprBasis::PublicTask,
        given_by: brygga_domain::ConsentGiver::Person,
        asked_by: None,
        interpreter_reference: None,
    };
    let section = |category| NewSection { category, persons: vec![VICTIM], investigation: false, content: Bytes::from_static(b"made up") };
    Submission {
        kind: ReferralKind::ContactRequest,
        recipient: "solna-rvc".parse().unwrap(),
        urgency: Urgency::Urgent,
        thread: None,
        leader: None,
        reported_at: Some(given_at),
        offer: None,
        new_offer: None,
        sender_reference: None,
        assessments: Vec::new(),
        persons: vec![NewPerson { name: VICTIM, lookup: None, protected_identity: ProtectedIdentity::NotProtected }],
        sections: categories.into_iter().map(section).collect(),
        consents: vec![consent],
        decisions: vec![decision(&[1, 2])],
        routing: Routing::default(),
        forwards: None,
        excluded: Vec::new(),
    }
}

/// Carries a command out and tells how long its answer took.
async fn timed(broker: &Broker<MemoryReader>, command: Command) -> (Result<Receipted, NoAnswer>, Duration) {
    let began = Instant::now();
    let answer = broker.carry_out(command).await;
    (answer, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_withdrawal_answers_when_the_window_closes() {
    let mut world = World::begin().await;
    let broker = world.broker("one").await;
    let ready = world.ready(&broker).await;
    let opened = broker.carry_out(world.opening(&ready)).await.unwrap();
    let window = opened.window.unwrap();
    assert_eq!((world.rows(&ready).await.len(), window.is_over()), (1, false));
    let withdrawal = world.withdrawal(&ready);
    let leaving = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        drop(window);
    };
    let ((answer, took), ()) = tokio::join!(timed(&broker, withdrawal.clone()), leaving);
    answer.unwrap();
    assert!(took >= Duration::from_millis(700) && took < Duration::from_millis(700) + AT_ONCE, "{took:?}");
    world.until_no_row_is_left(&ready).await;
    // The same withdrawal once more finds nothing on its way.
    let (answer, took) = timed(&broker, withdrawal).await;
    assert!(answer.unwrap().committed.replayed && took < AT_ONCE, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn no_withdrawal_waits_longer_than_a_window_lasts() {
    let mut world = World::begin().await;
    let broker = world.broker("one").await;
    let ready = world.ready(&broker).await;
    let opened = broker.carry_out(world.opening(&ready)).await.unwrap();
    let withdrawal = world.withdrawal(&ready);
    let (answer, took) = timed(&broker, withdrawal.clone()).await;
    answer.unwrap();
    let window = opened.window.unwrap();
    assert!(window.is_over() && took >= RELEASE_SEND_MAX && took < RELEASE_SEND_MAX + CUT_MAX + AT_ONCE, "{took:?}");
    // Repeated while the window is still held, it waits again, and no longer.
    let (answer, took) = timed(&broker, withdrawal).await;
    assert!(answer.unwrap().committed.replayed && took < RELEASE_SEND_MAX + CUT_MAX + AT_ONCE, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_release_under_way_at_another_broker_is_waited_for() {
    let mut world = World::begin().await;
    let (one, other) = (world.broker("one").await, world.broker("other").await);
    let ready = world.ready(&one).await;
    let window = one.carry_out(world.opening(&ready)).await.unwrap().window.unwrap();
    let withdrawal = world.withdrawal(&ready);
    let leaving = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        drop(window);
    };
    let ((answer, took), ()) = tokio::join!(timed(&other, withdrawal), leaving);
    answer.unwrap();
    assert!(took >= Duration::from_millis(700) && took < Duration::from_millis(700) + AT_ONCE, "{took:?}");
    // A window at a broker that has gone is waited for until it is over.
    let ready = world.ready(&one).await;
    std::mem::forget(one.carry_out(world.opening(&ready)).await.unwrap().window);
    let (answer, took) = timed(&other, world.withdrawal(&ready)).await;
    answer.unwrap();
    assert!(took >= RELEASE_SEND_MAX && took < RELEASE_SEND_MAX + CUT_MAX + AT_ONCE, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_broker_left_behind_is_waited_for_no_more_and_deleted() {
    let mut world = World::begin().await;
    let (one, other) = (world.broker("one").await, world.broker("other").await);
    let ready = world.ready(&one).await;
    std::mem::forget(one.carry_out(world.opening(&ready)).await.unwrap().window);
    let [row] = world.rows(&ready).await.try_into().unwrap();
    let window = i64::try_from(RELEASE_SEND_MAX.as_micros()).unwrap();
    assert_eq!(row.until, START_US + window);
    world.clock.set(Time::from_micros(row.until + i64::try_from(CLOCKS_APART_MAX.as_micros()).unwrap() + 1));
    let (answer, took) = timed(&other, world.withdrawal(&ready)).await;
    assert!(answer.unwrap().committed.covers.is_empty() && took < AT_ONCE, "{took:?}");
    assert_eq!(world.rows(&ready).await, []);
}

#[tokio::test(start_paused = true)]
async fn what_shuts_the_gate_waits_and_nothing_else_does() {
    let mut world = World::begin().await;
    let broker = world.broker("one").await;
    let cell = NamedCell { section: 1, person: Some(VICTIM) };
    let shuts =
        |ready: &Ready| [(POLICE, Action::WithdrawConsent(ready.name, ready.consent)), (POLICE, Action::RetractReferral(ready.name, RetractReason::Wrong))];
    let others = |ready: &Ready| {
        let content = NewContent { section: 1, category: Category::VictimIdentity, content: Bytes::from_static(b"better"), told: Told::default() };
        let amended = (POLICE, Action::AmendReferral(ready.name, vec![content], None));
        [(BOARD, Action::ClaimReferral { referral: ready.name, takeover: false }), (BOARD, Action::AcceptReferral(ready.name)), amended]
    };
    for which in 0..2 {
        let ready = world.ready(&broker).await;
        let window = broker.carry_out(world.opening(&ready)).await.unwrap().window;
        for (agency, action) in others(&ready) {
            let command = world.command(agency, action);
            let (answer, took) = timed(&broker, command).await;
            assert!(answer.is_ok() && took < AT_ONCE, "{answer:?} {took:?}");
        }
        let (agency, action) = shuts(&ready)[which].clone();
        let command = world.command(agency, action);
        let (answer, took) = timed(&broker, command).await;
        assert!(answer.is_ok() && took >= RELEASE_SEND_MAX, "{which}: {answer:?} {took:?}");
        drop(window);
    }
    // A clearance is taken back before its section has left; an earlier revision of it may still be on its way.
    let ready = world.ready(&broker).await;
    let window = broker.carry_out(world.opening(&ready)).await.unwrap().window;
    let content = NewContent { section: 1, category: Category::VictimIdentity, content: Bytes::from_static(b"better"), told: Told::default() };
    broker.carry_out(world.command(POLICE, Action::AmendReferral(ready.name, vec![content], None))).await.unwrap();
    broker.carry_out(world.command(POLICE, Action::DecideClearance(ready.name, decision_on(&[1], 2)))).await.unwrap();
    let (answer, took) = timed(&broker, world.command(POLICE, Action::RevokeClearance(ready.name, vec![cell]))).await;
    assert!(answer.is_ok() && took >= RELEASE_SEND_MAX, "{answer:?} {took:?}");
    drop(window);
}

#[tokio::test(start_paused = true)]
async fn content_of_a_repeated_opening_has_a_window_of_its_own() {
    let mut world = World::begin().await;
    let broker = world.broker("one").await;
    let ready = world.ready(&broker).await;
    let opening = world.opening(&ready);
    let first = broker.carry_out(opening.clone()).await.unwrap();
    let again = broker.carry_out(opening.clone()).await.unwrap();
    assert!(again.committed.replayed && again.window.is_some());
    let rows = world.rows(&ready).await;
    let numbers: BTreeSet<i64> = rows.iter().map(|row| row.number).collect();
    assert_eq!((numbers.len(), rows[0].released_at, &rows[0].broker), (2, rows[1].released_at, &rows[1].broker));
    drop(first);
    let withdrawal = world.withdrawal(&ready);
    let leaving = async {
        tokio::time::sleep(Duration::from_millis(900)).await;
        drop(again);
    };
    let ((answer, took), ()) = tokio::join!(timed(&broker, withdrawal), leaving);
    assert!(answer.is_ok() && took >= Duration::from_millis(900), "{took:?}");
    // Once it is withdrawn the same key opens nothing.
    let refused = broker.carry_out(opening).await.err();
    assert!(matches!(&refused, Some(NoAnswer::Failed(Failure::Refused(refusal))) if refusal.reason == Reason::NotCleared), "{refused:?}");
    world.until_no_row_is_left(&ready).await;
}
