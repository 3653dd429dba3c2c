//! Proofs in two steps: a plan names the hashes that it needs, the caller loads them, the plan
//! builds the proof.
//!
//! The readers of the log speak SQL and wait; this crate does neither. So a plan names tiles: at
//! most 256 neighbouring hashes of one stored level (0, 8, 16, 24, …), each one range scan over
//! `event.leaf_hash` or `tree`. Tiles of one size are the same for all plans, hence one scan serves
//! all proofs of a receipt, and a full tile never changes and may be cached.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::proof::{ConsistencyProof, InclusionProof, ProofError};
use crate::tree::{Frontier, Hash, TREE_LEAVES_MAX, fold_edge, node_hash};

/// Levels of the tree that one tile spans; only every eighth level is stored.
pub const TILE_LEVELS: u8 = 8;

/// Most hashes of a tile.
pub const TILE_HASHES_MAX: u64 = 1 << TILE_LEVELS;

/// The hashes `start..end` of one stored level: one range scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileRange {
    /// 0 for leaf hashes, else the level of the tile rows: 8, 16, 24, …
    pub level: u8,
    /// First position; a multiple of 256.
    pub start: u64,
    /// Position after the last; at most 256 above `start`.
    pub end: u64,
}

impl TileRange {
    /// Number of hashes.
    pub const fn len(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether it names no hash; no plan asks for such a range.
    pub const fn is_empty(&self) -> bool {
        self.end <= self.start
    }

    /// Whether it is a full tile, which never changes.
    pub const fn is_full(&self) -> bool {
        self.len() == TILE_HASHES_MAX
    }
}

/// Why the loaded hashes do not make the proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A scan gave more or fewer rows than its range has.
    #[error("level {level} from {start}: expected {expected} hashes, found {found}")]
    WrongCount {
        /// Stored level.
        level: u8,
        /// First position.
        start: u64,
        /// Length of the range.
        expected: u64,
        /// Number of hashes given.
        found: usize,
    },
    /// A hash that the plan needs was not loaded.
    #[error("level {level} from {start}: the tile was not loaded")]
    Missing {
        /// Stored level.
        level: u8,
        /// First position of the tile.
        start: u64,
    },
}

/// The first hashes of one tile, with the root of every complete subtree among them. It only ever grows, and what it holds never changes.
#[derive(Debug, Clone, Default)]
pub struct Tile {
    // The hashes themselves, then their parents, and so on. The root of a full tile is a hash of the next stored level.
    levels: [Vec<Hash>; 8],
}

impl Tile {
    /// The number of hashes.
    pub fn len(&self) -> usize {
        self.levels.first().map_or(0, Vec::len)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the next hash, unless the tile is full.
    pub fn push(&mut self, hash: Hash) {
        if u64::try_from(self.len()).is_ok_and(|count| count >= TILE_HASHES_MAX) {
            return;
        }
        let mut node = hash;
        for level in &mut self.levels {
            level.push(node);
            let (pairs, alone) = level.as_chunks::<2>();
            let (Some([left, right]), []) = (pairs.last(), alone) else { return };
            node = node_hash(left, right);
        }
    }

    fn node(&self, above: u8, index: u64) -> Option<Hash> {
        self.levels.get(usize::from(above))?.get(usize::try_from(index).ok()?).copied()
    }
}

impl Extend<Hash> for Tile {
    fn extend<I: IntoIterator<Item = Hash>>(&mut self, hashes: I) {
        hashes.into_iter().for_each(|hash| self.push(hash));
    }
}

/// The tiles that a caller has loaded for one or more plans.
#[derive(Debug, Clone, Default)]
pub struct LoadedTiles {
    // By level and first position; the longest wins, for tiles only grow.
    tiles: BTreeMap<(u8, u64), Arc<Tile>>,
}

impl LoadedTiles {
    /// Nothing loaded yet.
    pub const fn new() -> Self {
        Self { tiles: BTreeMap::new() }
    }

    /// Takes the answer to one range, in order of position.
    pub fn insert(&mut self, range: TileRange, hashes: Vec<Hash>) -> Result<(), BuildError> {
        if u64::try_from(hashes.len()) != Ok(range.len()) {
            return Err(BuildError::WrongCount { level: range.level, start: range.start, expected: range.len(), found: hashes.len() });
        }
        let mut tile = Tile::default();
        tile.extend(hashes);
        self.put(range.level, range.start, Arc::new(tile));
        Ok(())
    }

    /// Takes a tile that was made before: the hashes of `level` from `start` on.
    pub fn put(&mut self, level: u8, start: u64, tile: Arc<Tile>) {
        let held = self.tiles.entry((level, start)).or_default();
        if held.len() < tile.len() {
            *held = tile;
        }
    }

    /// The tile of that level and first position.
    pub fn tile(&self, level: u8, start: u64) -> Option<&Arc<Tile>> {
        self.tiles.get(&(level, start))
    }

    /// Whether the range needs no scan any more.
    pub fn covers(&self, range: &TileRange) -> bool {
        self.tiles.get(&(range.level, range.start)).is_some_and(|held| u64::try_from(held.len()).is_ok_and(|count| count >= range.len()))
    }

    /// The root of a complete subtree.
    fn subtree(&self, subtree: Subtree) -> Result<Hash, BuildError> {
        let (level, above, start) = subtree.stored();
        let tile_start = start - start % TILE_HASHES_MAX;
        let tile = self.tiles.get(&(level, tile_start));
        tile.and_then(|tile| tile.node(above, (start - tile_start) >> above)).ok_or(BuildError::Missing { level, start: tile_start })
    }
}

/// A complete subtree of 2^level leaves, the `index`th of its level.
#[derive(Debug, Clone, Copy)]
struct Subtree {
    level: u8,
    index: u64,
}

impl Subtree {
    /// The stored level at or below it, how far above that it is, and the first position there that lies under it.
    const fn stored(self) -> (u8, u8, u64) {
        let above = self.level % TILE_LEVELS;
        (self.level - above, above, self.index << above)
    }

    /// The tile of a tree of `size` leaves that holds those positions.
    fn tile(self, size: u64) -> TileRange {
        let (level, _above, start) = self.stored();
        let start = start - start % TILE_HASHES_MAX;
        TileRange { level, start, end: (start + TILE_HASHES_MAX).min(size >> level) }
    }
}

/// The leaves `start..end`, whose root is one hash of a proof.
///
/// Invariant: `start` is a multiple of the largest power of two within the length.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u64,
    end: u64,
}

impl Span {
    /// The complete subtrees that make it up, the largest first.
    fn subtrees(self) -> impl Iterator<Item = Subtree> {
        let mut next = self.start;
        std::iter::from_fn(move || {
            let length = self.end.checked_sub(next).filter(|length| *length > 0)?;
            // A length has at most 63 bits, as many as a tree has levels.
            let level = u8::try_from(length.ilog2()).ok()?;
            let index = next >> level;
            next += 1 << level;
            Some(Subtree { level, index })
        })
    }

    /// Splits it as RFC 6962 does: the left part is the largest complete tree that leaves a rest.
    const fn split(self) -> (Self, Self) {
        let below = self.end - self.start - 1;
        let middle = self.start + (1 << below.ilog2());
        (Self { start: self.start, end: middle }, Self { start: middle, end: self.end })
    }
}

/// The nodes of a tree that a proof consists of, in its order.
#[derive(Debug, Clone)]
struct Spans {
    size: u64,
    spans: Vec<Span>,
}

impl Spans {
    fn needs(&self) -> Vec<TileRange> {
        let mut ranges: Vec<TileRange> = Vec::new();
        for range in self.spans.iter().flat_map(|span| span.subtrees()).map(|subtree| subtree.tile(self.size)) {
            // Neighbouring spans lie in the same tile.
            if ranges.last() != Some(&range) {
                ranges.push(range);
            }
        }
        ranges.sort_unstable();
        ranges.dedup();
        ranges
    }

    fn build(&self, loaded: &LoadedTiles) -> Result<Vec<Hash>, BuildError> {
        self.spans
            .iter()
            .filter_map(|span| {
                let mut subtrees = span.subtrees();
                // Most spans are one complete subtree.
                let (first, second) = (subtrees.next()?, subtrees.next());
                let Some(second) = second else { return Some(loaded.subtree(first)) };
                let hashes: Result<Vec<Hash>, BuildError> = [first, second].into_iter().chain(subtrees).map(|s| loaded.subtree(s)).collect();
                hashes.map(|hashes| fold_edge(&hashes)).transpose()
            })
            .collect()
    }
}

/// What an inclusion proof needs: the leaf's tile on each stored level and the tree's right edge.
///
/// At 10^8 leaves that is at most seven tiles, four for a leaf near the end.
#[derive(Debug, Clone)]
pub struct InclusionPlan {
    index: u64,
    spans: Spans,
}

impl InclusionPlan {
    /// Plans the proof that leaf `index` is in the tree of `size` leaves.
    pub fn new(index: u64, size: u64) -> Result<Self, ProofError> {
        check_size(size)?;
        if index >= size {
            return Err(ProofError::IndexOutOfRange { index, size });
        }
        let mut spans = Vec::new();
        let mut around = Span { start: 0, end: size };
        while around.end - around.start > 1 {
            let (left, right) = around.split();
            let sibling;
            (around, sibling) = if index < left.end { (left, right) } else { (right, left) };
            spans.push(sibling);
        }
        // The walk goes down from the root, the proof up from the leaf.
        spans.reverse();
        Ok(Self { index, spans: Spans { size, spans } })
    }

    /// The ranges to load, in order and without repetition.
    pub fn needs(&self) -> Vec<TileRange> {
        self.spans.needs()
    }

    /// The proof, from at least the ranges of [`InclusionPlan::needs`].
    pub fn build(&self, loaded: &LoadedTiles) -> Result<InclusionProof, BuildError> {
        Ok(InclusionProof { index: self.index, size: self.spans.size, hashes: self.spans.build(loaded)? })
    }
}

/// What a consistency proof needs: the older tree's edge within the newer tree, and the newer edge.
#[derive(Debug, Clone)]
pub struct ConsistencyPlan {
    old: u64,
    spans: Spans,
}

impl ConsistencyPlan {
    /// Plans the proof that the tree of `new` leaves begins with that of `old` leaves.
    pub fn new(old: u64, new: u64) -> Result<Self, ProofError> {
        check_size(new)?;
        if old > new {
            return Err(ProofError::OldAboveNew { old, new });
        }
        let mut spans = Vec::new();
        if old > 0 {
            let mut around = Span { start: 0, end: new };
            while around.end != old {
                let (left, right) = around.split();
                let sibling;
                (around, sibling) = if old <= left.end { (left, right) } else { (right, left) };
                spans.push(sibling);
            }
            // The verifier knows the older root, so a walk along the left edge sends nothing more.
            if around.start > 0 {
                spans.push(around);
            }
        }
        spans.reverse();
        Ok(Self { old, spans: Spans { size: new, spans } })
    }

    /// The ranges to load, in order and without repetition.
    pub fn needs(&self) -> Vec<TileRange> {
        self.spans.needs()
    }

    /// The proof, from at least the ranges of [`ConsistencyPlan::needs`].
    pub fn build(&self, loaded: &LoadedTiles) -> Result<ConsistencyProof, BuildError> {
        Ok(ConsistencyProof { old: self.old, new: self.spans.size, hashes: self.spans.build(loaded)? })
    }
}

/// What the frontier of a tree needs: at start the store compares it with the head row.
#[derive(Debug, Clone)]
pub struct FrontierPlan {
    edge: Spans,
}

impl FrontierPlan {
    /// Plans the frontier of the tree of `size` leaves.
    pub fn new(size: u64) -> Result<Self, ProofError> {
        check_size(size)?;
        let whole = Span { start: 0, end: size };
        let spans = whole.subtrees().map(|Subtree { level, index }| Span { start: index << level, end: (index + 1) << level }).collect();
        Ok(Self { edge: Spans { size, spans } })
    }

    /// The ranges to load, in order and without repetition.
    pub fn needs(&self) -> Vec<TileRange> {
        self.edge.needs()
    }

    /// The frontier, from at least the ranges of [`FrontierPlan::needs`].
    pub fn build(&self, loaded: &LoadedTiles) -> Result<Frontier, BuildError> {
        let hashes = self.edge.build(loaded)?;
        let found = hashes.len();
        // One subtree for each bit of the size, so the parts always fit together.
        Frontier::from_parts(self.edge.size, hashes).map_err(|_misfit| BuildError::WrongCount {
            level: 0,
            start: 0,
            expected: self.edge.size.count_ones().into(),
            found,
        })
    }
}

const fn check_size(size: u64) -> Result<(), ProofError> {
    if size > TREE_LEAVES_MAX {
        return Err(ProofError::TooManyLeaves { size });
    }
    Ok(())
}
