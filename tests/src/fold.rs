//! Drives the pure fold over a store, without the committer: load, fold, sign, commit.

use std::sync::Arc;

use brygga_domain::{Action, Command, Digest, Entropy, Event, RequestId, Time};
use brygga_engine::batch::{self, Law, Reply, Writer};
use brygga_engine::rows::{Blob, EventRow, ReferralRows};
use brygga_engine::signer::LogSigner;
use brygga_engine::store::{After, CommitError, Reader, Store};
use brygga_merkle::Ed25519Signer;
use brygga_verify::{Auditor, Expected, Report, Trust};

use crate::directory;

/// Origin of the test log.
pub const ORIGIN: &str = "test.invalid/disclosures";

/// A signer with a fixed key.
///
/// # Panics
/// When the origin is refused.
pub fn signer() -> LogSigner {
    LogSigner::new(ORIGIN, Box::new(Ed25519Signer::from_seed([3; 32]))).unwrap()
}

/// A store with the law that it is driven under.
pub struct Driver<S> {
    /// The store.
    pub store: S,
    /// The law.
    pub law: Law,
    signer: LogSigner,
    sent: i64,
}

impl<S: Store> Driver<S> {
    /// A driver of a store.
    pub fn new(store: S) -> Self {
        let law = Law { directory: Arc::new(directory::directory()), table: Arc::new(directory::table()) };
        Self { store, law, signer: signer(), sent: 0 }
    }

    /// Begins the log: every history has its first events.
    ///
    /// # Panics
    /// When the store fails.
    pub async fn begin(&mut self) {
        let action = Action::StartLog { origin: ORIGIN.to_owned(), table: self.law.table.hash() };
        let entropy = Entropy::new([255; 32]);
        let command = Command {
            agency: "brygga".parse().unwrap(),
            officer: None,
            request: RequestId(entropy.uuid("request", 0)),
            digest: Digest([0; 32]),
            entropy,
            action,
        };
        let mut commands = vec![command.clone()];
        let entries = self.law.directory.agencies().map(|agency| Action::RegisterAgency(agency.clone(), Digest([1; 32])));
        let entries = entries.chain(self.law.directory.functions().map(|function| Action::RegisterFunction(function.clone(), Digest([1; 32]))));
        for (number, action) in (0_u8..).zip(entries) {
            let entropy = Entropy::new([number; 32]);
            commands.push(Command { request: RequestId(entropy.uuid("entry", 0)), entropy, action, ..command.clone() });
        }
        for reply in self.batch(&commands, Time::from_micros(directory::START_US)).await.unwrap() {
            reply.unwrap();
        }
    }

    /// Folds commands into one batch and commits it.
    ///
    /// # Panics
    /// When the store cannot be loaded or its rows are damaged.
    pub async fn batch(&mut self, commands: &[Command], now: Time) -> Result<Vec<Reply>, CommitError> {
        let loaded = self.store.load(&batch::wanted(commands)).await.unwrap();
        let prev_size = loaded.head.size;
        let mut folded = batch::fold(loaded, commands, &self.law, now, Writer { origin: ORIGIN, broker: &Blob::from([9; 16]), next_sent: self.sent }).unwrap();
        self.sent += i64::try_from(folded.batch.in_flight.len()).unwrap();
        if let Some(checkpoint) = &folded.checkpoint {
            let note = self.signer.sign(checkpoint).unwrap();
            folded.batch.checkpoint = Some(batch::checkpoint_row(checkpoint, prev_size, &note));
        }
        if let Some(directory) = folded.directory {
            self.law.directory = directory;
        }
        self.store.commit(&folded.batch).await?;
        Ok(folded.replies)
    }
}

/// Every event of a log.
///
/// # Panics
/// When the store cannot be read.
pub async fn events<R: Reader>(reader: &mut R) -> Vec<EventRow> {
    let size = reader.head().await.unwrap().size;
    reader.events(0, size).await.unwrap()
}

/// The same, decoded.
///
/// # Panics
/// When the store cannot be read or holds no event.
pub async fn journal<R: Reader>(reader: &mut R) -> Vec<Event> {
    events(reader).await.iter().map(|row| brygga_journal::decode(&row.bytes.0).unwrap()).collect()
}

/// Every referral's rows.
///
/// # Panics
/// When the store cannot be read.
pub async fn referrals<R: Reader>(reader: &mut R) -> Vec<ReferralRows> {
    reader.all_referrals(After { after: -1, limit: 10_000 }).await.unwrap()
}

/// Audits a log with the independent rules of the offline auditor.
///
/// # Panics
/// When the store cannot be read.
pub async fn audit<R: Reader>(reader: &mut R) -> Report {
    let mut auditor = Auditor::new(Expected { trust: Trust::Pinned(signer().key().clone()), pin: None, tables: Vec::new() });
    for row in events(reader).await {
        auditor.leaf(&row.bytes.0);
    }
    auditor.report(&reader.checkpoint(None).await.unwrap().unwrap().note.0)
}
