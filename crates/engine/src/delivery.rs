//! After the commit: receipts and content, at exactly the size that the commit signed.
//!
//! A receipt is a pure function of (positions, size), so a replayed key gives the same bytes. What the committer has just written is
//! still in memory; a reader is asked only for what is not: older leaves, older tiles, and content.

use std::collections::{BTreeMap, BTreeSet};

use brygga_domain::Position;
use brygga_merkle::{ConsistencyPlan, ConsistencyProof, Hash, InclusionPlan, LoadedTiles, TileRange};
use bytes::Bytes;

use crate::committer::Receipted;
use crate::projection::number;
use crate::rows::{Blob, ContentRow};
use crate::store::{Corrupt, Reader, StoreError};
use crate::tiles::HeldTiles;

/// Leaves that are read in one question although a few between them are not wanted.
const LEAF_GAP_MAX: u64 = 8;

/// That given events are in the log, under one signed head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The leaves, by position.
    pub leaves: Vec<ReceiptLeaf>,
    /// The signed note.
    pub checkpoint: Bytes,
}

/// One event of a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptLeaf {
    /// Its position.
    pub position: Position,
    /// Its bytes as stored.
    pub bytes: Bytes,
    /// The inclusion proof, from the leaf up.
    pub proof: Vec<Hash>,
}

/// A receipt, the content that it is for, and the way from the client's pin to its head.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The receipt.
    pub receipt: Receipt,
    /// The content, where the command released some.
    pub contents: Vec<ContentRow>,
    /// From the client's pinned size to the receipt's, where it has a pin.
    pub consistency: Option<ConsistencyProof>,
}

fn corrupt(table: &'static str, row: impl ToString, column: &'static str) -> StoreError {
    StoreError::Corrupt(Corrupt { table, row: row.to_string(), column })
}

/// A delivery that is being put together.
pub struct Gathering {
    size: u64,
    note: Option<Bytes>,
    inclusion: Vec<(Position, InclusionPlan)>,
    consistency: Option<ConsistencyPlan>,
    leaves: BTreeMap<Position, Bytes>,
    tiles: LoadedTiles,
    missing: Vec<TileRange>,
    referral: Blob,
    released: Vec<(u32, u32)>,
    contents: Vec<ContentRow>,
}

impl Gathering {
    /// Begins with what is in memory. `pinned_size` 0: the client has no pin.
    pub fn new(receipted: &Receipted, pinned_size: u64, held: &HeldTiles) -> Result<Self, StoreError> {
        let committed = &receipted.committed;
        let size = committed.size;
        let referral = committed.referral.as_ref().map(|referral| Blob::from(referral.id.as_bytes())).unwrap_or_default();
        let consistency = if pinned_size == 0 { None } else { ConsistencyPlan::new(pinned_size, size).ok() };
        let mut gathering = Self::of(&committed.positions, size, receipted.note.clone())?;
        let needs = std::mem::take(&mut gathering.missing).into_iter().chain(consistency.iter().flat_map(ConsistencyPlan::needs));
        (gathering.tiles, gathering.missing) = held.find(needs);
        Ok(Self { consistency, leaves: receipted.fresh.iter().cloned().collect(), referral, released: committed.released.clone(), ..gathering })
    }

    fn of(positions: &[Position], size: u64, note: Option<Bytes>) -> Result<Self, StoreError> {
        let plan = |at: &Position| InclusionPlan::new(at.0, size).map(|plan| (*at, plan));
        let inclusion: Vec<_> = positions.iter().map(plan).collect::<Result<_, _>>().map_err(|_| corrupt("checkpoint", size, "size"))?;
        let mut missing: Vec<TileRange> = inclusion.iter().flat_map(|(_, plan)| plan.needs()).collect();
        missing.sort_unstable();
        missing.dedup();
        Ok(Self {
            size,
            note,
            inclusion,
            consistency: None,
            leaves: BTreeMap::new(),
            tiles: LoadedTiles::new(),
            missing,
            referral: Blob::default(),
            released: Vec::new(),
            contents: Vec::new(),
        })
    }

    fn missing_leaves(&self) -> Vec<u64> {
        self.inclusion.iter().map(|(at, _)| at).filter(|at| !self.leaves.contains_key(at)).map(|at| at.0).collect()
    }

    /// Whether a reader has to be asked for the rest.
    pub fn lacks_anything(&self) -> bool {
        self.note.is_none() || !self.missing.is_empty() || !self.released.is_empty() || !self.missing_leaves().is_empty()
    }

    /// Loads the rest; tiles that were loaded are held for the next receipts.
    pub async fn complete<R: Reader>(mut self, reader: &mut R, held: &HeldTiles) -> Result<Self, StoreError> {
        if self.note.is_none() {
            let row = reader.checkpoint(Some(number(self.size))).await?.ok_or_else(|| corrupt("checkpoint", self.size, "size"))?;
            self.note = Some(Bytes::from(row.note.0));
        }
        for range in std::mem::take(&mut self.missing) {
            load_tile(reader, &mut self.tiles, range).await?;
            if let Some(tile) = self.tiles.tile(range.level, range.start) {
                held.hold(range.level, range.start, tile);
            }
        }
        for (first, last) in runs(&self.missing_leaves()) {
            for row in reader.events(number(first), number(last.saturating_add(1))).await? {
                let position = Position(u64::try_from(row.position).map_err(|_| corrupt("event", row.position, "position"))?);
                let bytes = checked(position, row.bytes, &row.leaf_hash)?;
                self.leaves.insert(position, bytes);
            }
        }
        self.contents = contents(reader, &self.referral, &self.released).await?;
        Ok(self)
    }

    /// The delivery, once nothing is missing.
    pub fn build(self) -> Result<Delivery, StoreError> {
        let mut leaves = Vec::with_capacity(self.inclusion.len());
        for (position, plan) in &self.inclusion {
            let proof = plan.build(&self.tiles).map_err(|_| corrupt("tree", position, "hash"))?;
            let bytes = self.leaves.get(position).cloned().ok_or_else(|| corrupt("event", position, "position"))?;
            leaves.push(ReceiptLeaf { position: *position, bytes, proof: proof.hashes });
        }
        let consistency = self.consistency.map(|plan| plan.build(&self.tiles)).transpose().map_err(|_| corrupt("tree", self.size, "hash"))?;
        let checkpoint = self.note.ok_or_else(|| corrupt("checkpoint", self.size, "note"))?;
        Ok(Delivery { receipt: Receipt { leaves, checkpoint }, contents: self.contents, consistency })
    }
}

/// First and last position of each run of neighbours, positions ascending.
fn runs(positions: &[u64]) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for at in positions {
        match runs.last_mut() {
            Some((_, last)) if *at <= last.saturating_add(LEAF_GAP_MAX) => *last = *at,
            Some(_) | None => runs.push((*at, *at)),
        }
    }
    runs
}

async fn load_tile<R: Reader>(reader: &mut R, loaded: &mut LoadedTiles, range: TileRange) -> Result<(), StoreError> {
    let (start, end) = (number(range.start), number(range.end));
    let (table, rows) = match range.level {
        0 => ("event", reader.leaf_hashes(start, end).await?),
        level => ("tree", reader.tree_hashes(i64::from(level), start, end).await?),
    };
    let hashes = rows.iter().map(|row| Hash::from_slice(&row.0)).collect::<Result<Vec<_>, _>>().map_err(|_| corrupt(table, start, "hash"))?;
    loaded.insert(range, hashes).map_err(|_| corrupt(table, start, "hash"))
}

/// Loads the ranges that plans need, each once.
pub async fn load_tiles<R: Reader>(reader: &mut R, needs: impl IntoIterator<Item = TileRange>) -> Result<LoadedTiles, StoreError> {
    let mut loaded = LoadedTiles::new();
    for range in needs.into_iter().collect::<BTreeSet<_>>() {
        load_tile(reader, &mut loaded, range).await?;
    }
    Ok(loaded)
}

/// Builds a receipt from what is stored; `None`: its note is looked up.
pub async fn receipt<R: Reader>(reader: &mut R, positions: &[Position], size: u64, note: Option<Bytes>) -> Result<Receipt, StoreError> {
    let gathering = Gathering::of(positions, size, note)?;
    gathering.complete(reader, &HeldTiles::default()).await?.build().map(|delivery| delivery.receipt)
}

/// The stored bytes of one event, held against their hash: damaged bytes never leave.
pub async fn leaf<R: Reader>(reader: &mut R, position: Position) -> Result<Bytes, StoreError> {
    let at = number(position.0);
    let rows = reader.events(at, at.saturating_add(1)).await?;
    let row = rows.into_iter().next().ok_or_else(|| corrupt("event", at, "position"))?;
    checked(position, row.bytes, &row.leaf_hash)
}

fn checked(position: Position, bytes: Blob, leaf_hash: &Blob) -> Result<Bytes, StoreError> {
    if brygga_merkle::leaf_hash(&bytes.0).0.as_slice() == leaf_hash.0 { Ok(Bytes::from(bytes.0)) } else { Err(corrupt("event", position, "bytes")) }
}

/// The consistency proof between two sizes, if what is in memory is enough for it.
pub fn consistency_in_memory(held: &HeldTiles, old: u64, new: u64) -> Option<ConsistencyProof> {
    let plan = ConsistencyPlan::new(old, new).ok()?;
    let (tiles, missing) = held.find(plan.needs());
    if missing.is_empty() { plan.build(&tiles).ok() } else { None }
}

/// The consistency proof between two sizes.
pub async fn consistency<R: Reader>(reader: &mut R, old: u64, new: u64) -> Result<Option<ConsistencyProof>, StoreError> {
    let Ok(plan) = ConsistencyPlan::new(old, new) else { return Ok(None) };
    let loaded = load_tiles(reader, plan.needs()).await?;
    plan.build(&loaded).map(Some).map_err(|_| corrupt("tree", new, "hash"))
}

/// The content of a release.
pub async fn contents<R: Reader>(reader: &mut R, referral: &Blob, released: &[(u32, u32)]) -> Result<Vec<ContentRow>, StoreError> {
    if released.is_empty() {
        return Ok(Vec::new());
    }
    let wanted: Vec<(i64, i64)> = released.iter().map(|(section, revision)| (i64::from(*section), i64::from(*revision))).collect();
    reader.contents(referral, &wanted).await
}
