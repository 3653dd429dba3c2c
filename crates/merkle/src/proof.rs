//! Inclusion and consistency proofs, and the only code that may say that one holds.
//!
//! Verification walks the tree by the bits of index and size (RFC 9162 sections 2.1.3.2 and
//! 2.1.4.2), while proofs are planned from RFC 6962's recursion in `tile`, so that a slip in one is
//! not repeated in the other. A proof does not bind its sizes: compare them with signed checkpoints
//! (see [`crate::Checkpoint::verify_inclusion`] and [`crate::Checkpoint::verify_consistency`]).

use crate::tree::{Hash, TREE_LEAVES_MAX, empty_root, node_hash};

/// Most hashes of a proof: one for each level of the largest tree.
pub const PROOF_HASHES_MAX: usize = 63;

/// Shows that a leaf stands at a position of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// Position of the leaf, from 0.
    pub index: u64,
    /// Number of leaves of the tree.
    pub size: u64,
    /// Siblings from the leaf up to the root.
    pub hashes: Vec<Hash>,
}

/// Shows that a tree begins with all leaves of an older one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// Number of leaves of the older tree.
    pub old: u64,
    /// Number of leaves of the newer tree.
    pub new: u64,
    /// Nodes in the order of RFC 6962 section 2.1.2.
    pub hashes: Vec<Hash>,
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// No such leaf in a tree of that size.
    #[error("position {index} is not in a tree of {size} leaves")]
    IndexOutOfRange {
        /// Position of the leaf.
        index: u64,
        /// Number of leaves.
        size: u64,
    },
    /// The older tree is the larger one.
    #[error("a tree of {new} leaves does not begin with one of {old}")]
    OldAboveNew {
        /// Size of the older tree.
        old: u64,
        /// Size of the newer tree.
        new: u64,
    },
    /// More leaves than `TREE_LEAVES_MAX`.
    #[error("a tree has at most {TREE_LEAVES_MAX} leaves, found {size}")]
    TooManyLeaves {
        /// Number of leaves.
        size: u64,
    },
    /// More hashes than any proof has.
    #[error("a proof has at most {PROOF_HASHES_MAX} hashes, found {found}")]
    TooManyHashes {
        /// Number of hashes.
        found: usize,
    },
    /// Fewer or more hashes than sizes and index ask for.
    #[error("a proof of {found} hashes does not fit its sizes")]
    WrongLength {
        /// Number of hashes.
        found: usize,
    },
    /// The proof leads to another tree.
    #[error("the proof does not lead to the root of the tree")]
    WrongRoot,
    /// The proof does not start from the older tree.
    #[error("the proof does not start from the root of the older tree")]
    WrongOldRoot,
    /// The proof speaks of a tree of another size than the checkpoint.
    #[error("the checkpoint has {checkpoint} leaves, the proof speaks of {proof}")]
    OtherSize {
        /// Size of the checkpoint.
        checkpoint: u64,
        /// Size in the proof.
        proof: u64,
    },
    /// Two checkpoints of different logs.
    #[error("the checkpoints belong to different logs")]
    OtherLog,
}

/// Accepts a proof that `leaf` stands at its index of the tree with this root.
pub fn verify_inclusion(proof: &InclusionProof, leaf: &Hash, root: &Hash) -> Result<(), ProofError> {
    check_limits(proof.size, &proof.hashes)?;
    if proof.index >= proof.size {
        return Err(ProofError::IndexOutOfRange { index: proof.index, size: proof.size });
    }
    let mut path = Path::new(proof.index, proof.size - 1);
    let mut hash = *leaf;
    for sibling in &proof.hashes {
        hash = match path.climb() {
            Some(Side::Left) => node_hash(sibling, &hash),
            Some(Side::Right) => node_hash(&hash, sibling),
            None => return Err(wrong_length(&proof.hashes)),
        };
    }
    if !path.is_at_root() {
        return Err(wrong_length(&proof.hashes));
    }
    if hash == *root { Ok(()) } else { Err(ProofError::WrongRoot) }
}

/// Accepts a proof that the tree with `new_root` begins with the tree with `old_root`.
pub fn verify_consistency(proof: &ConsistencyProof, old_root: &Hash, new_root: &Hash) -> Result<(), ProofError> {
    let (old, new) = (proof.old, proof.new);
    check_limits(new, &proof.hashes)?;
    if old > new {
        return Err(ProofError::OldAboveNew { old, new });
    }
    // Only the tree without leaves has this root, and it has no other.
    if (old == 0) != (*old_root == empty_root()) {
        return Err(ProofError::WrongOldRoot);
    }
    if (new == 0) != (*new_root == empty_root()) {
        return Err(ProofError::WrongRoot);
    }
    if old == 0 || old == new {
        return verify_trivial(proof, old_root, new_root);
    }
    // A complete older tree is itself the first node, so the proof leaves it out.
    let (first, rest) =
        if old.is_power_of_two() { (old_root, proof.hashes.as_slice()) } else { proof.hashes.split_first().ok_or_else(|| wrong_length(&proof.hashes))? };
    let mut path = Path::new(old - 1, new - 1);
    path.skip_right_children();
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        match path.climb() {
            Some(Side::Left) => {
                old_hash = node_hash(sibling, &old_hash);
                new_hash = node_hash(sibling, &new_hash);
            }
            Some(Side::Right) => new_hash = node_hash(&new_hash, sibling),
            None => return Err(wrong_length(&proof.hashes)),
        }
    }
    if !path.is_at_root() {
        return Err(wrong_length(&proof.hashes));
    }
    if old_hash != *old_root {
        return Err(ProofError::WrongOldRoot);
    }
    if new_hash != *new_root {
        return Err(ProofError::WrongRoot);
    }
    Ok(())
}

/// The empty tree begins every tree, and each tree itself; neither needs a hash.
fn verify_trivial(proof: &ConsistencyProof, old_root: &Hash, new_root: &Hash) -> Result<(), ProofError> {
    if !proof.hashes.is_empty() {
        return Err(wrong_length(&proof.hashes));
    }
    if proof.old == proof.new && old_root != new_root {
        return Err(ProofError::WrongRoot);
    }
    Ok(())
}

fn check_limits(size: u64, hashes: &[Hash]) -> Result<(), ProofError> {
    if size > TREE_LEAVES_MAX {
        return Err(ProofError::TooManyLeaves { size });
    }
    if hashes.len() > PROOF_HASHES_MAX {
        return Err(ProofError::TooManyHashes { found: hashes.len() });
    }
    Ok(())
}

const fn wrong_length(hashes: &[Hash]) -> ProofError {
    ProofError::WrongLength { found: hashes.len() }
}

/// On which side of the path the next sibling stands.
enum Side {
    Left,
    Right,
}

/// The way from a node up to the root, beside the way of the tree's last node.
struct Path {
    node: u64,
    last: u64,
}

impl Path {
    const fn new(node: u64, last: u64) -> Self {
        Self { node, last }
    }

    const fn is_at_root(&self) -> bool {
        self.last == 0
    }

    /// Goes up while the node is a right child: its parent is complete in the older tree too.
    const fn skip_right_children(&mut self) {
        let levels = self.node.trailing_ones();
        self.node >>= levels;
        self.last >>= levels;
    }

    /// Goes up to the next node that has a sibling; `None` at the root.
    fn climb(&mut self) -> Option<Side> {
        if self.last == 0 {
            return None;
        }
        let side = if self.node & 1 == 1 {
            Side::Left
        } else if self.node == self.last {
            // A last node without a right sibling is moved up unchanged until it is a right child.
            while self.node & 1 == 0 && self.node != 0 {
                self.node >>= 1;
                self.last >>= 1;
            }
            Side::Left
        } else {
            Side::Right
        };
        self.node >>= 1;
        self.last >>= 1;
        Some(side)
    }
}
