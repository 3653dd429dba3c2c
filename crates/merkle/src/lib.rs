//! The disclosure log's mathematics: an RFC 6962 tree over a frontier, C2SP signed notes and
//! checkpoints, inclusion and consistency proofs.
//!
//! This crate does no I/O, keeps no storage, reads no clock and draws nothing random: whoever calls
//! it brings the bytes and takes the answer. The store appends and plans proofs with it, the client
//! and the offline auditor verify with it, so that all of them agree on every bit.
//!
//! Everything is refused unless it is the one canonical form: a proof of another length, a note
//! with another spelling of the same value, a key or a signature that only lenient verifiers take.

mod checkpoint;
mod key;
mod note;
mod proof;
mod tile;
mod tree;

pub use checkpoint::{CHECKPOINT_BYTES_MAX, Checkpoint, CheckpointError};
pub use key::{Ed25519Signer, KEY_NAME_BYTES_MAX, KeyError, NoteKey, Signer};
pub use note::{NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX, NoteError, NoteSignature, SignedNote, open, sign_checkpoint};
pub use proof::{ConsistencyProof, InclusionProof, PROOF_HASHES_MAX, ProofError, verify_consistency, verify_inclusion};
pub use tile::{BuildError, ConsistencyPlan, FrontierPlan, InclusionPlan, LoadedTiles, TILE_HASHES_MAX, TILE_LEVELS, Tile, TileRange};
pub use tree::{Frontier, FrontierError, HASH_BYTES, Hash, HashLengthError, TREE_LEAVES_MAX, TileHash, empty_root, leaf_hash, node_hash};
