//! Receipts and proofs as messages.

use brygga_domain::{Position, Time};
use brygga_merkle::{ConsistencyProof, Hash, InclusionProof};
use bytes::Bytes;

use super::timestamp;
use crate::v1;

/// All of them share what they lie in: a receipt has a hundred, and each is handed on more than once on its way out.
fn hashes(hashes: &[Hash]) -> Vec<Bytes> {
    let mut all: Bytes = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
    hashes.iter().map(|hash| all.split_to(hash.as_bytes().len())).collect()
}

/// A receipt: each leaf's stored bytes with its proof, under one checkpoint.
pub fn receipt<'a>(origin: &str, leaves: impl IntoIterator<Item = (Bytes, &'a InclusionProof)>, checkpoint: Bytes) -> v1::Receipt {
    let leaves = leaves.into_iter().map(|(leaf, proof)| v1::ReceiptLeaf { position: proof.index, leaf, proof: hashes(&proof.hashes) });
    v1::Receipt { origin: origin.to_owned(), leaves: leaves.collect(), checkpoint }
}

/// A consistency proof.
pub fn consistency(proof: &ConsistencyProof) -> v1::ConsistencyProof {
    v1::ConsistencyProof { from_size: proof.old, to_size: proof.new, hashes: hashes(&proof.hashes) }
}

/// An entry of the log. `within` is what the reader's mandate lets it see: the stored bytes and the kind, or nothing but the hash.
pub fn log_entry(position: Position, time: Time, leaf_hash: &Hash, within: Option<(Bytes, &str)>) -> v1::LogEntry {
    let (leaf, kind) = within.map_or_else(Default::default, |(leaf, kind)| (leaf, kind.to_owned()));
    v1::LogEntry { position: position.0, leaf, time: Some(timestamp(time)), kind, leaf_hash: Bytes::copy_from_slice(leaf_hash.as_bytes()) }
}
