//! The signed statement of the log's head, as C2SP tlog-checkpoint without extension lines.
//!
//! Three lines: origin, decimal size, base64 root. Only the one canonical spelling is read, so that
//! a checkpoint and its text are the same thing. It must never be trusted before the note around it
//! was opened with the pinned key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::key::is_key_name;
use crate::proof::{ConsistencyProof, InclusionProof, ProofError, verify_consistency, verify_inclusion};
use crate::tree::{Hash, TREE_LEAVES_MAX, empty_root};

/// Longest text of a checkpoint: an origin, 19 digits, 44 characters and three newlines.
pub const CHECKPOINT_BYTES_MAX: usize = crate::key::KEY_NAME_BYTES_MAX + 19 + 44 + 3;

/// A head of the log: whose, how many leaves, which root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Unique name of the log, which is also the name of its key.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
}

/// Why a text is no checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Longer than any checkpoint.
    #[error("a checkpoint has at most {CHECKPOINT_BYTES_MAX} bytes, found {found}")]
    TooLong {
        /// Length of the text.
        found: usize,
    },
    /// Not exactly three lines that end with a newline each.
    #[error("a checkpoint has exactly three lines")]
    Lines,
    /// The origin cannot be the name of a key.
    #[error("the origin is empty, too long, or has a space, a plus or a control character")]
    Origin,
    /// Not a decimal number in its shortest form, or too large.
    #[error("the size is not a decimal number in its shortest form")]
    Size,
    /// Not 32 bytes in canonical base64.
    #[error("the root is not 32 bytes in canonical base64")]
    Root,
    /// Size 0 with another root than that of the empty tree, or the reverse.
    #[error("the root of the empty tree and size 0 go together")]
    EmptyTree,
}

impl Checkpoint {
    /// The three lines that are signed.
    pub fn to_text(&self) -> String {
        let root = STANDARD.encode(self.root.0);
        format!("{}\n{}\n{}\n", self.origin, self.size, root)
    }

    /// Reads exactly what [`Checkpoint::to_text`] writes.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        if text.len() > CHECKPOINT_BYTES_MAX {
            return Err(CheckpointError::TooLong { found: text.len() });
        }
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root), Some(""), None) = (lines.next(), lines.next(), lines.next(), lines.next(), lines.next()) else {
            return Err(CheckpointError::Lines);
        };
        if !is_key_name(origin) {
            return Err(CheckpointError::Origin);
        }
        let checkpoint = Self { origin: origin.to_owned(), size: parse_size(size)?, root: parse_root(root)? };
        if (checkpoint.size == 0) != (checkpoint.root == empty_root()) {
            return Err(CheckpointError::EmptyTree);
        }
        Ok(checkpoint)
    }

    /// Accepts a proof that `leaf` is in this tree; a proof for another size is refused.
    pub fn verify_inclusion(&self, proof: &InclusionProof, leaf: &Hash) -> Result<(), ProofError> {
        check_same_size(self.size, proof.size)?;
        verify_inclusion(proof, leaf, &self.root)
    }

    /// Accepts a proof that this tree begins with that of `older`, a checkpoint of the same log.
    pub fn verify_consistency(&self, proof: &ConsistencyProof, older: &Self) -> Result<(), ProofError> {
        if self.origin != older.origin {
            return Err(ProofError::OtherLog);
        }
        check_same_size(older.size, proof.old)?;
        check_same_size(self.size, proof.new)?;
        verify_consistency(proof, &older.root, &self.root)
    }
}

const fn check_same_size(checkpoint: u64, proof: u64) -> Result<(), ProofError> {
    if checkpoint == proof { Ok(()) } else { Err(ProofError::OtherSize { checkpoint, proof }) }
}

fn parse_size(text: &str) -> Result<u64, CheckpointError> {
    // Rust also reads "+1" and "01"; only the spelling that is written back equal is canonical.
    text.parse::<u64>().ok().filter(|size| *size <= TREE_LEAVES_MAX && size.to_string() == text).ok_or(CheckpointError::Size)
}

fn parse_root(text: &str) -> Result<Hash, CheckpointError> {
    let bytes = STANDARD.decode(text).map_err(|_not_base64| CheckpointError::Root)?;
    Hash::from_slice(&bytes).map_err(|_wrong_length| CheckpointError::Root)
}
