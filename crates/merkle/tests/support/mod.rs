//! A log in memory that answers ranges as the store's tables do, and seeded random numbers.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use brygga_merkle::{Frontier, Hash, LoadedTiles, TILE_HASHES_MAX, TileRange, leaf_hash};

/// Rows by level: 0 as `event.leaf_hash`, the others as `tree`.
#[derive(Default)]
pub struct MemoryLog {
    rows: BTreeMap<u8, Vec<Hash>>,
    frontier: Frontier,
    /// Root of every size so far, by size.
    pub roots: Vec<Hash>,
}

impl MemoryLog {
    pub fn of(leaves: u64) -> Self {
        let mut log = Self { roots: vec![Frontier::new().root()], ..Self::default() };
        for position in 0..leaves {
            log.append(&leaf_bytes(position));
        }
        log
    }

    fn append(&mut self, bytes: &[u8]) {
        let leaf = leaf_hash(bytes);
        self.rows.entry(0).or_default().push(leaf);
        for tile in self.frontier.append(leaf) {
            let rows = self.rows.entry(tile.level).or_default();
            assert_eq!(tile.index, u64::try_from(rows.len()).unwrap());
            rows.push(tile.hash);
        }
        self.roots.push(self.frontier.root());
    }

    pub fn root(&self, size: u64) -> Hash {
        self.roots[usize::try_from(size).unwrap()]
    }

    /// Answers each range, which must be one scan of at most 256 rows.
    pub fn load(&self, ranges: &[TileRange]) -> LoadedTiles {
        let mut loaded = LoadedTiles::new();
        for range in ranges {
            assert!(!range.is_empty() && range.len() <= TILE_HASHES_MAX);
            assert_eq!(range.start % TILE_HASHES_MAX, 0);
            let rows = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
            let hashes = self.rows[&range.level][rows].to_vec();
            loaded.insert(*range, hashes).unwrap();
        }
        loaded
    }
}

pub fn leaf_bytes(position: u64) -> Vec<u8> {
    format!("event {position}").into_bytes()
}

/// `SplitMix64`: small, and the same on every machine.
pub struct Random(u64);

impl Random {
    /// Takes `SEED=` or draws a seed, and prints it, so that a failure can be repeated.
    pub fn printed(test: &str) -> Self {
        let seed = std::env::var_os("SEED").map_or_else(|| RandomState::new().build_hasher().finish(), |given| given.to_str().unwrap().parse().unwrap());
        eprintln!("{test}: SEED={seed}");
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
