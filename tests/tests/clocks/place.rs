//! Brokers that come and go on a store that stays.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use brygga_domain::AgencyId;
use brygga_engine::batch::Law;
use brygga_engine::lanes::LaneLimits;
use brygga_engine::observe::Unobserved;
use brygga_engine::signer_state::SignerState;
use brygga_engine::store::{Reader, Store};
use brygga_engine::{Broker, ManualClock, Parts, SystemRandomness, Timer, assemble};
use brygga_store::{MemoryDatabase, MemoryReader, MemoryStore, PostgresOptions, PostgresReader, PostgresStore, SqliteOptions, SqliteReader, SqliteStore};
use brygga_tests::{directory, fold};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A store that brokers open.
pub trait Place {
    type Store: Store;
    type Reader: Reader;
    async fn open(&self) -> (Self::Store, Self::Reader);
}

impl Place for MemoryDatabase {
    type Store = MemoryStore;
    type Reader = MemoryReader;
    async fn open(&self) -> (MemoryStore, MemoryReader) {
        (self.store(), self.reader())
    }
}

impl Place for PathBuf {
    type Store = SqliteStore;
    type Reader = SqliteReader;
    async fn open(&self) -> (SqliteStore, SqliteReader) {
        let (store, beside) = SqliteStore::open(self, &SqliteOptions::default()).await.unwrap();
        (store, beside.readers.into_iter().next().unwrap())
    }
}

impl Place for PostgresOptions {
    type Store = PostgresStore;
    type Reader = PostgresReader;
    async fn open(&self) -> (PostgresStore, PostgresReader) {
        let (store, beside) = PostgresStore::open(self, 1).await.unwrap();
        (store, beside.readers.into_iter().next().unwrap())
    }
}

/// A broker that runs.
pub struct Running<R> {
    pub broker: Broker<R>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    tasks: TaskTracker,
}

impl<R: Reader> Running<R> {
    /// Starts a broker on what the store holds; its signer state is kept in the file.
    pub async fn start<P: Place<Reader = R>>(place: &P, clock: &ManualClock, state: &Path) -> Self {
        let (store, mut reader) = place.open().await;
        let head = reader.head().await.unwrap();
        let signer = fold::signer();
        let held = if state.exists() { SignerState::open(state, signer.key()).unwrap().0 } else { SignerState::create(state).unwrap() };
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let parts = Parts {
            store,
            readers: vec![reader],
            law: Law { directory: Arc::new(directory::directory()), table: Arc::new(directory::table()) },
            signer,
            state: Ok(held),
            head,
            clock: Arc::new(clock.clone()),
            randomness: Arc::new(SystemRandomness),
            observer: Arc::new(Unobserved),
            limits: LaneLimits::default(),
            tasks: tasks.clone(),
            stop: stop.clone(),
        };
        let (broker, committer) = assemble(parts);
        let task = tokio::spawn(async move {
            committer.unwrap().run().await;
        });
        Self { broker, stop, task, tasks }
    }

    /// Ends it in order.
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Looks at the clocks; how many referrals it looked at.
    pub async fn tick(&self) -> u64 {
        let name: AgencyId = "brygga".parse().unwrap();
        Timer::new(&self.broker, &name).tick().await.unwrap()
    }

    /// Looks at all open referrals.
    pub async fn sweep(&self) -> u64 {
        let name: AgencyId = "brygga".parse().unwrap();
        Timer::new(&self.broker, &name).sweep().await.unwrap()
    }
}
