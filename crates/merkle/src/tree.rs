//! Hashes and the frontier: what an append needs to know of the whole tree.
//!
//! The frontier holds one hash for each complete subtree on the right edge, at most 63 of them, so
//! that the log's head is one small row whatever its size. It must never accept hashes that do not
//! fit its size. The store calls it for every event that it appends.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::tile::TILE_LEVELS;

/// Length of a hash.
pub const HASH_BYTES: usize = 32;

/// Most leaves that a tree may have: positions are signed 64-bit integers in every database.
pub const TREE_LEAVES_MAX: u64 = (1 << 63) - 1;

/// RFC 6962 section 2.1 keeps leaves and nodes apart by their first byte.
const LEAF_PREFIX: [u8; 1] = [0];
const NODE_PREFIX: [u8; 1] = [1];

/// A SHA-256 hash of a leaf, a node or a whole tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; HASH_BYTES]);

/// A slice that is not as long as a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a hash has {HASH_BYTES} bytes, found {found}")]
pub struct HashLengthError {
    /// Length of the slice.
    pub found: usize,
}

impl Hash {
    /// Takes a hash from exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, HashLengthError> {
        <[u8; HASH_BYTES]>::try_from(bytes).map(Self).map_err(|_wrong_length| HashLengthError { found: bytes.len() })
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Hash of a leaf: SHA-256(0x00 ‖ bytes).
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    let mut hasher = Sha256::new_with_prefix(LEAF_PREFIX);
    hasher.update(bytes);
    Hash(hasher.finalize().into())
}

/// Hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut hasher = Sha256::new_with_prefix(NODE_PREFIX);
    hasher.update(left.0);
    hasher.update(right.0);
    Hash(hasher.finalize().into())
}

/// Root of the tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    Hash(Sha256::digest([]).into())
}

/// The root of a complete subtree of 2^level leaves, which the store keeps as one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TileHash {
    /// 8, 16, 24, …: the subtree has 2^level leaves.
    pub level: u8,
    /// Its number among the subtrees of that level, from the left.
    pub index: u64,
    /// Its root.
    pub hash: Hash,
}

/// Stored bytes or hashes that are no frontier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrontierError {
    /// The bytes are not a size and whole hashes.
    #[error("a frontier is 8 bytes of size and then whole hashes, found {found} bytes")]
    Length {
        /// Length of the bytes.
        found: usize,
    },
    /// More or fewer hashes than the size has complete subtrees.
    #[error("a frontier of {size} leaves has {expected} hashes, found {found}")]
    HashCount {
        /// Number of leaves.
        size: u64,
        /// One for each bit set in the size.
        expected: u32,
        /// Number of hashes.
        found: usize,
    },
    /// More leaves than `TREE_LEAVES_MAX`.
    #[error("a tree has at most {TREE_LEAVES_MAX} leaves, found {size}")]
    TooManyLeaves {
        /// Number of leaves.
        size: u64,
    },
}

/// The right edge of the tree: the roots of its complete subtrees, the largest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    // Invariant: one hash for each bit set in `size`.
    edge: Vec<Hash>,
}

impl Frontier {
    /// The frontier of the tree without leaves.
    pub const fn new() -> Self {
        Self { size: 0, edge: Vec::new() }
    }

    /// Takes a size and the hashes of its complete subtrees, the largest first.
    pub fn from_parts(size: u64, hashes: Vec<Hash>) -> Result<Self, FrontierError> {
        if size > TREE_LEAVES_MAX {
            return Err(FrontierError::TooManyLeaves { size });
        }
        let expected = size.count_ones();
        if u32::try_from(hashes.len()) != Ok(expected) {
            return Err(FrontierError::HashCount { size, expected, found: hashes.len() });
        }
        Ok(Self { size, edge: hashes })
    }

    /// Reads what [`Frontier::to_bytes`] wrote, and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrontierError> {
        let wrong_length = FrontierError::Length { found: bytes.len() };
        let (size, rest) = bytes.split_first_chunk::<8>().ok_or(wrong_length)?;
        let (hashes, remainder) = rest.as_chunks::<HASH_BYTES>();
        if !remainder.is_empty() {
            return Err(wrong_length);
        }
        let hashes = hashes.iter().copied().map(Hash).collect();
        Self::from_parts(u64::from_be_bytes(*size), hashes)
    }

    /// The size as 8 bytes, most significant first, then the hashes, the largest subtree first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + self.edge.len() * HASH_BYTES);
        bytes.extend_from_slice(&self.size.to_be_bytes());
        for hash in &self.edge {
            bytes.extend_from_slice(&hash.0);
        }
        bytes
    }

    /// Number of leaves.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, the largest first.
    pub fn hashes(&self) -> &[Hash] {
        &self.edge
    }

    /// Adds a leaf on the right and names the tiles that it completed, the smallest first.
    ///
    /// Of 256 appends 255 complete none, so the answer allocates nothing then.
    #[must_use = "the completed tiles must be stored, or later proofs cannot be built"]
    pub fn append(&mut self, leaf: Hash) -> Vec<TileHash> {
        let mut completed = Vec::new();
        let mut hash = leaf;
        let mut index = self.size;
        let mut level: u8 = 0;
        // Each trailing one of the old size is a complete subtree that the new one joins.
        while index & 1 == 1
            && let Some(left) = self.edge.pop()
        {
            hash = node_hash(&left, &hash);
            index >>= 1;
            level += 1;
            if level.is_multiple_of(TILE_LEVELS) {
                completed.push(TileHash { level, index, hash });
            }
        }
        self.edge.push(hash);
        self.size += 1;
        completed
    }

    /// Root of the tree.
    pub fn root(&self) -> Hash {
        fold_edge(&self.edge).unwrap_or_else(empty_root)
    }
}

/// Joins neighbouring complete subtrees, the largest first, into the root above them.
pub(crate) fn fold_edge(subtrees: &[Hash]) -> Option<Hash> {
    subtrees.iter().rev().copied().reduce(|right, left| node_hash(&left, &right))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grown(size: u64) -> Frontier {
        let mut frontier = Frontier::new();
        for position in 0..size {
            let _tiles = frontier.append(leaf_hash(&position.to_be_bytes()));
        }
        frontier
    }

    /// RFC 6962 section 2.1, written as it stands there.
    fn reference_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [leaf] => *leaf,
            [_, _, ..] => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node_hash(&reference_root(left), &reference_root(right))
            }
        }
    }

    #[test]
    fn hashes_are_the_published_ones() {
        let table = [
            (empty_root(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (leaf_hash(b""), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (node_hash(&leaf_hash(b""), &leaf_hash(&[0])), "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        ];
        for (hash, hex) in table {
            assert_eq!(hash.to_string(), hex);
            assert_eq!(format!("{hash:?}"), hex);
        }
    }

    #[test]
    fn a_hash_is_exactly_32_bytes() {
        for length in [0, 31, 33, 64] {
            assert_eq!(Hash::from_slice(&vec![7; length]), Err(HashLengthError { found: length }));
        }
        assert_eq!(Hash::from_slice(&[7; 32]), Ok(Hash([7; 32])));
    }

    #[test]
    fn the_root_is_the_definition() {
        let leaves: Vec<Hash> = (0..1100_u64).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let mut frontier = Frontier::new();
        for (n, leaf) in leaves.iter().enumerate() {
            assert_eq!(frontier.root(), reference_root(&leaves[..n]), "size {n}");
            let _tiles = frontier.append(*leaf);
        }
    }

    #[test]
    fn an_append_names_each_completed_tile_once() {
        let leaves: Vec<Hash> = (0..1_u64 << 17).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let mut frontier = Frontier::new();
        let tiles: Vec<TileHash> = leaves.iter().flat_map(|l| frontier.append(*l)).collect();
        let at = |level| tiles.iter().filter(move |tile| tile.level == level);
        assert!(at(8).map(|tile| tile.index).eq(0..512));
        assert!(at(16).map(|tile| tile.index).eq(0..2));
        assert_eq!(tiles.len(), 514);
        for (tile, below) in at(8).zip(leaves.chunks(256)) {
            assert_eq!(tile.hash, reference_root(below));
        }
        for (tile, below) in at(16).zip(leaves.chunks(1 << 16)) {
            assert_eq!(tile.hash, reference_root(below));
        }
    }

    #[test]
    fn a_frontier_survives_its_bytes() {
        for size in [0, 1, 2, 3, 255, 256, 257, 600] {
            let frontier = grown(size);
            assert_eq!(Frontier::from_bytes(&frontier.to_bytes()).as_ref(), Ok(&frontier));
            assert_eq!(Frontier::from_parts(size, frontier.hashes().to_vec()), Ok(frontier));
        }
    }

    #[test]
    fn bytes_that_do_not_fit_the_size_are_refused() {
        let good = grown(5).to_bytes();
        let size = |size: u64| {
            let mut bytes = good.clone();
            bytes[..8].copy_from_slice(&size.to_be_bytes());
            bytes
        };
        let table = [
            Vec::new(),
            vec![0; 7],
            good[..good.len() - 1].to_vec(),
            good[..good.len() - HASH_BYTES].to_vec(),
            [good.clone(), vec![0]].concat(),
            [good.clone(), vec![0; HASH_BYTES]].concat(),
            size(4),
            size(7),
            size((1 << 63) | 1),
        ];
        for (row, bytes) in table.iter().enumerate() {
            assert!(Frontier::from_bytes(bytes).is_err(), "row {row}");
        }
        assert!(Frontier::from_bytes(&size(6)).is_ok());
    }
}
