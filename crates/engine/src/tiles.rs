//! Tiles of the tree kept in memory, so that a receipt near the end of the log reads no hash from the store.
//!
//! The committer adds what it has committed, readers add what they had to load. Invariant: only committed hashes come in, and a committed
//! hash never changes, so a tile that is held is right as far as it goes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use brygga_merkle::{Hash, LoadedTiles, TILE_HASHES_MAX, Tile, TileRange};

use crate::rows::{Blob, TreeRow};
use crate::store::Batch;

/// How many tiles are held; each is at most 16 KiB.
pub const TILES_HELD_MAX: usize = 512;

/// Tiles by level and first position.
type Tiles = BTreeMap<(u8, u64), Arc<Tile>>;

/// The tiles that are held.
#[derive(Debug, Clone, Default)]
pub struct HeldTiles(Arc<Mutex<Tiles>>);

impl HeldTiles {
    /// What is held of the wanted ranges, and the ranges that have to be loaded.
    pub fn find(&self, wanted: impl IntoIterator<Item = TileRange>) -> (LoadedTiles, Vec<TileRange>) {
        let (mut found, mut missing) = (LoadedTiles::new(), Vec::new());
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for range in wanted {
            match held.get(&(range.level, range.start)).filter(|tile| u64::try_from(tile.len()).is_ok_and(|count| count >= range.len())) {
                Some(tile) => found.put(range.level, range.start, Arc::clone(tile)),
                None => missing.push(range),
            }
        }
        missing.sort_unstable();
        missing.dedup();
        (found, missing)
    }

    /// Holds a tile that was loaded.
    pub fn hold(&self, level: u8, start: u64, tile: &Arc<Tile>) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = held.entry((level, start)).or_default();
        if known.len() < tile.len() {
            *known = Arc::clone(tile);
        }
        drop_oldest(&mut held);
    }

    /// Adds the hashes of a committed batch.
    pub fn committed(&self, batch: &Batch) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for event in &batch.events {
            append(&mut held, (0, event.position), &event.leaf_hash);
        }
        for TreeRow { level, number, hash } in &batch.tree {
            if let Ok(level) = u8::try_from(*level) {
                append(&mut held, (level, *number), hash);
            }
        }
        drop_oldest(&mut held);
    }
}

/// A hash that does not follow what is held is left out: a reader loads its tile when it is needed.
fn append(held: &mut Tiles, (level, position): (u8, i64), hash: &Blob) {
    let (Ok(position), Ok(hash)) = (u64::try_from(position), Hash::from_slice(&hash.0)) else { return };
    let start = position - position % TILE_HASHES_MAX;
    let follows = |tile: &Tile| u64::try_from(tile.len()) == Ok(position - start);
    if position == start {
        held.insert((level, start), Arc::default());
    }
    if let Some(tile) = held.get_mut(&(level, start)).filter(|tile| follows(tile)) {
        Arc::make_mut(tile).push(hash);
    }
}

/// Lets go of leaf tiles from the oldest on: tiles above them are few, and most receipts are about what is new.
fn drop_oldest(held: &mut Tiles) {
    while held.len() > TILES_HELD_MAX {
        held.pop_first();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::EventRow;

    fn hash(number: u8) -> Hash {
        brygga_merkle::leaf_hash(&[number])
    }

    fn batch(positions: std::ops::Range<u8>) -> Batch {
        let event = |at: u8| EventRow { position: at.into(), bytes: Blob::default(), leaf_hash: hash(at).0.into() };
        Batch { events: positions.map(event).collect(), ..Batch::default() }
    }

    const FIRST: TileRange = TileRange { level: 0, start: 0, end: 4 };

    #[test]
    fn what_was_committed_in_order_is_found_and_a_gap_is_not_bridged() {
        let tiles = HeldTiles::default();
        tiles.committed(&batch(0..2));
        assert_eq!(tiles.find([FIRST]).1, [FIRST], "two of four");
        tiles.committed(&batch(3..4));
        assert_eq!(tiles.find([FIRST]).1, [FIRST], "another broker wrote the third");
        let mut tile = Tile::default();
        tile.extend((0..3).map(hash));
        tiles.hold(0, 0, &Arc::new(tile));
        tiles.committed(&batch(3..4));
        let (found, missing) = tiles.find([FIRST]);
        assert!(missing.is_empty() && found.covers(&FIRST));
    }

    #[test]
    fn the_number_of_tiles_is_bounded_and_the_newest_stay() {
        let tiles = HeldTiles::default();
        let mut tile = Tile::default();
        tile.push(hash(1));
        let tile = Arc::new(tile);
        let last = u64::try_from(TILES_HELD_MAX).unwrap() + 7;
        for number in 0..last {
            tiles.hold(0, number * TILE_HASHES_MAX, &tile);
        }
        let range = |number: u64| TileRange { level: 0, start: number * TILE_HASHES_MAX, end: number * TILE_HASHES_MAX + 1 };
        assert_eq!(tiles.find([range(6), range(7), range(last - 1)]).1, [range(6)]);
    }
}
