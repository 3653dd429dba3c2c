//! A log in memory, for tests: it signs whatever it is told to, as a broker built without the gate would.

use brygga_domain::event::{Event, Officer};
use brygga_domain::{EventId, Fact, OfficerProof, OfficerPseudonym, Position, Time};
use brygga_merkle::{Checkpoint, ConsistencyPlan, Ed25519Signer, Frontier, Hash, InclusionPlan, LoadedTiles, NoteKey, TileRange, leaf_hash, sign_checkpoint};
use brygga_wire::{v1, view};
use bytes::Bytes;

pub(crate) const ORIGIN: &str = "dev.invalid/disclosures";
/// 2026-03-01T08:00:00Z.
pub(crate) const START_US: i64 = 1_772_352_000_000_000;

/// Minutes after the beginning of the log.
pub(crate) fn minute(minutes: u32) -> Time {
    Time::from_micros(START_US).plus_minutes(minutes)
}

pub(crate) fn event(agency: &str, officer: u8, at: u32, fact: Fact) -> Event {
    let unique = u8::try_from(at % 251).unwrap();
    let officer = (officer > 0).then_some(Officer { pseudonym: OfficerPseudonym([officer; 16]), proof: OfficerProof::Asserted });
    Event {
        blinding: [unique; 32],
        id: EventId(uuid::Builder::from_random_bytes([unique; 16]).into_uuid()),
        time: minute(at),
        agency: agency.parse().unwrap(),
        officer,
        previous: None,
        fact,
    }
}

pub(crate) struct Log {
    signer: Ed25519Signer,
    origin: &'static str,
    leaves: Vec<Bytes>,
}

impl Log {
    pub(crate) fn new(seed: u8, origin: &'static str) -> Self {
        Self { signer: Ed25519Signer::from_seed([seed; 32]), origin, leaves: Vec::new() }
    }

    /// A log whose entries have nothing to do with any referral.
    pub(crate) fn of_size(seed: u8, size: u8) -> Self {
        let mut log = Self::new(seed, ORIGIN);
        for number in 0..size {
            log.push(&event("dev-broker", 0, u32::from(number), Fact::LogStarted { origin: format!("{ORIGIN}/{number}") }));
        }
        log
    }

    pub(crate) fn key(&self) -> NoteKey {
        self.signer.note_key(self.origin).unwrap()
    }

    pub(crate) fn push(&mut self, event: &Event) -> Position {
        self.push_raw(brygga_journal::encode(event))
    }

    pub(crate) fn push_raw(&mut self, leaf: impl Into<Bytes>) -> Position {
        self.leaves.push(leaf.into());
        Position(self.size() - 1)
    }

    pub(crate) fn size(&self) -> u64 {
        u64::try_from(self.leaves.len()).unwrap()
    }

    fn load(&self, needs: Vec<TileRange>) -> LoadedTiles {
        let mut loaded = LoadedTiles::new();
        for range in needs {
            assert_eq!(range.level, 0, "a test's log has less than one tile");
            let (start, end) = (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
            loaded.insert(range, self.leaves[start..end].iter().map(|leaf| leaf_hash(leaf)).collect()).unwrap();
        }
        loaded
    }

    pub(crate) fn checkpoint(&self, size: u64) -> Checkpoint {
        let mut frontier = Frontier::new();
        for leaf in &self.leaves[..usize::try_from(size).unwrap()] {
            drop(frontier.append(leaf_hash(leaf)));
        }
        Checkpoint { origin: self.origin.to_owned(), size, root: frontier.root() }
    }

    pub(crate) fn note(&self, size: u64) -> Bytes {
        sign_checkpoint(&self.checkpoint(size), self.origin, &self.signer).unwrap().into()
    }

    pub(crate) fn proof(&self, position: Position, size: u64) -> Vec<Hash> {
        let plan = InclusionPlan::new(position.0, size).unwrap();
        plan.build(&self.load(plan.needs())).unwrap().hashes
    }

    pub(crate) fn receipt(&self, positions: &[Position], size: u64) -> v1::Receipt {
        let leaf = |position: &Position| v1::ReceiptLeaf {
            position: position.0,
            leaf: self.leaves[usize::try_from(position.0).unwrap()].clone(),
            proof: self.proof(*position, size).iter().map(|hash| Bytes::copy_from_slice(&hash.0)).collect(),
        };
        v1::Receipt { origin: self.origin.to_owned(), leaves: positions.iter().map(leaf).collect(), checkpoint: self.note(size) }
    }

    pub(crate) fn consistency(&self, from: u64, to: u64) -> v1::ConsistencyProof {
        let plan = ConsistencyPlan::new(from, to).unwrap();
        view::consistency(&plan.build(&self.load(plan.needs())).unwrap())
    }
}
