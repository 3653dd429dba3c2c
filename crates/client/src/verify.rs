//! Whether an answer proves what it must. Pure: bytes in, a verdict out.
//!
//! Invariant: a [`Verified`] exists only for leaves whose inclusion under a checkpoint of the pinned key was checked, and a
//! [`Linked`] only for a checkpoint that was shown to be of one history with the pin. `client` hands nothing on without both.

use std::collections::BTreeMap;

use brygga_domain::{Event, Position};
use brygga_merkle::{Checkpoint, ConsistencyProof, Hash, InclusionProof, NoteKey, empty_root, leaf_hash};
use brygga_wire::v1;
use bytes::Bytes;

use crate::refused::Refused;

/// Most leaves of a receipt.
pub const RECEIPT_LEAVES_MAX: usize = 64;

/// What a receipt proves: these events stand in the log under this checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    checkpoint: Checkpoint,
    note: Bytes,
    events: BTreeMap<Position, Event>,
}

impl Verified {
    /// The head of the log above the events.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The signed note of the head.
    pub fn note(&self) -> &Bytes {
        &self.note
    }

    /// The events by position.
    pub fn events(&self) -> &BTreeMap<Position, Event> {
        &self.events
    }

    /// The event at a position.
    pub fn event(&self, position: Position) -> Option<&Event> {
        self.events.get(&position)
    }

    /// Positions of the events of one name, for example `ConsentRecorded`.
    pub fn positions_of(&self, name: &str) -> Vec<Position> {
        self.events.iter().filter(|(_, event)| event.fact.name() == name).map(|(position, _)| *position).collect()
    }
}

/// Checks a receipt under the pinned key: origin, signature, each leaf's inclusion, and that each leaf is an event.
pub fn receipt(receipt: Option<&v1::Receipt>, key: &NoteKey) -> Result<Verified, Refused> {
    receipt_under(receipt, key, |note| open(note, key))
}

/// The same, with notes opened under the key by `open`.
pub(crate) fn receipt_under(
    receipt: Option<&v1::Receipt>,
    key: &NoteKey,
    open: impl FnOnce(&Bytes) -> Result<Checkpoint, Refused>,
) -> Result<Verified, Refused> {
    let receipt = receipt.ok_or(Refused::NoReceipt)?;
    if receipt.origin != key.name() {
        return Err(Refused::OtherLog);
    }
    let found = receipt.leaves.len();
    if !(1..=RECEIPT_LEAVES_MAX).contains(&found) {
        return Err(Refused::LeafCount { found });
    }
    if !receipt.leaves.is_sorted_by(|before, after| before.position < after.position) {
        return Err(Refused::LeafOrder);
    }
    let checkpoint = open(&receipt.checkpoint)?;
    let events = receipt.leaves.iter().map(|leaf| event(leaf, &checkpoint)).collect::<Result<_, _>>()?;
    Ok(Verified { checkpoint, note: receipt.checkpoint.clone(), events })
}

/// Opens a signed note under the pinned key.
pub fn open(note: &[u8], key: &NoteKey) -> Result<Checkpoint, Refused> {
    brygga_merkle::open(note, key).map_err(|source| Refused::Note { source })
}

fn event(leaf: &v1::ReceiptLeaf, checkpoint: &Checkpoint) -> Result<(Position, Event), Refused> {
    let position = Position(leaf.position);
    included(position, &leaf_hash(&leaf.leaf), &leaf.proof, checkpoint)?;
    let event = brygga_journal::decode(&leaf.leaf).map_err(|source| Refused::Leaf { position, source })?;
    Ok((position, event))
}

/// Checks that a leaf stands at a position under a checkpoint.
pub fn included(position: Position, leaf: &Hash, proof: &[Bytes], checkpoint: &Checkpoint) -> Result<(), Refused> {
    let proof = InclusionProof { index: position.0, size: checkpoint.size, hashes: hashes(proof)? };
    checkpoint.verify_inclusion(&proof, leaf).map_err(|source| Refused::Inclusion { position, source })
}

fn hashes(hashes: &[Bytes]) -> Result<Vec<Hash>, Refused> {
    hashes.iter().map(|hash| Hash::from_slice(hash).map_err(|_| Refused::HashLength)).collect()
}

/// A signed checkpoint that was shown to be of one history with a pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linked {
    checkpoint: Checkpoint,
    note: Bytes,
    pin: Option<Checkpoint>,
}

impl Linked {
    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Its signed note.
    pub fn note(&self) -> &Bytes {
        &self.note
    }

    /// The pin that it was held against; `None`: there was none yet.
    pub fn pin(&self) -> Option<&Checkpoint> {
        self.pin.as_ref()
    }

    /// What follows from this link and one that goes on from it: the later head and this one's pin are of one history.
    pub(crate) fn then(self, next: Self) -> Self {
        Self { pin: self.pin, ..next }
    }
}

/// The sizes between which a consistency proof is needed to link a checkpoint with a pin; `None`: none is.
pub fn wanted_proof(new: &Checkpoint, pin: Option<&Checkpoint>) -> Option<(u64, u64)> {
    let pin = pin?;
    let (from, to) = (new.size.min(pin.size), new.size.max(pin.size));
    (from != to && from != 0).then_some((from, to))
}

/// Shows that a checkpoint and the pin belong to one history, whichever is larger.
///
/// A smaller checkpoint is that of an old receipt, given again for a repeated request. It is taken only when the pinned log
/// is proved to begin with it; a log that was rolled back can't prove that.
pub fn link(new: (&Checkpoint, &Bytes), pin: Option<&Checkpoint>, proof: Option<&v1::ConsistencyProof>) -> Result<Linked, Refused> {
    let (checkpoint, note) = new;
    let linked = Linked { checkpoint: checkpoint.clone(), note: note.clone(), pin: pin.cloned() };
    let Some(pin) = pin else { return Ok(linked) };
    if checkpoint.origin != pin.origin {
        return Err(Refused::OtherLog);
    }
    if checkpoint.size == pin.size {
        return if checkpoint.root == pin.root { Ok(linked) } else { Err(Refused::Fork { size: pin.size }) };
    }
    let (older, newer) = if checkpoint.size < pin.size { (checkpoint, pin) } else { (pin, checkpoint) };
    if older.size == 0 {
        // The checkpoint's own form says that the root of size 0 is that of the empty tree, with which every tree begins.
        return if older.root == empty_root() { Ok(linked) } else { Err(Refused::Fork { size: 0 }) };
    }
    let fits = |proof: &&v1::ConsistencyProof| (proof.from_size, proof.to_size) == (older.size, newer.size);
    let proof = proof.filter(fits).ok_or_else(|| missing(checkpoint, pin))?;
    let proof = ConsistencyProof { old: older.size, new: newer.size, hashes: hashes(&proof.hashes)? };
    newer.verify_consistency(&proof, older).map_err(|source| Refused::Consistency { source })?;
    Ok(linked)
}

/// What it means that no proof links a checkpoint with the pin.
pub(crate) fn missing(checkpoint: &Checkpoint, pin: &Checkpoint) -> Refused {
    if checkpoint.size < pin.size {
        Refused::RolledBack { shown: checkpoint.size, pinned: pin.size }
    } else {
        Refused::ConsistencyMissing { from: pin.size, to: checkpoint.size }
    }
}

/// Checks a receipt and that its checkpoint is of one history with the pin.
pub fn verify_receipt(
    receipt: Option<&v1::Receipt>,
    consistency: Option<&v1::ConsistencyProof>,
    key: &NoteKey,
    pin: Option<&Checkpoint>,
) -> Result<(Verified, Linked), Refused> {
    let verified = self::receipt(receipt, key)?;
    let linked = link((&verified.checkpoint, &verified.note), pin, consistency)?;
    Ok((verified, linked))
}
