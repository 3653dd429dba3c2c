//! After the commit: receipts and content, built by readers at exactly the size that the commit signed.
//!
//! A receipt is a pure function of (positions, size), so a replayed key gives the same bytes.

use std::collections::BTreeSet;

use brygga_domain::Position;
use brygga_merkle::{ConsistencyPlan, ConsistencyProof, Hash, InclusionPlan, LoadedTiles, TileRange};
use bytes::Bytes;

use crate::projection::number;
use crate::rows::{Blob, ContentRow};
use crate::store::{Corrupt, Reader, StoreError};

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

/// Loads the ranges that plans need, each once.
pub async fn load_tiles<R: Reader>(reader: &mut R, needs: impl IntoIterator<Item = TileRange>) -> Result<LoadedTiles, StoreError> {
    let mut loaded = LoadedTiles::new();
    for range in needs.into_iter().collect::<BTreeSet<_>>() {
        let (start, end) = (number(range.start), number(range.end));
        let rows = if range.level == 0 { reader.leaf_hashes(start, end).await? } else { reader.tree_hashes(i64::from(range.level), start, end).await? };
        let table = if range.level == 0 { "event" } else { "tree" };
        let hashes = rows.iter().map(|row| Hash::from_slice(&row.0)).collect::<Result<Vec<_>, _>>().map_err(|_| corrupt(table, start, "hash"))?;
        loaded.insert(range, hashes).map_err(|_| corrupt(table, start, "hash"))?;
    }
    Ok(loaded)
}

/// Builds a receipt.
pub async fn receipt<R: Reader>(reader: &mut R, positions: &[Position], size: u64, note: Option<Bytes>) -> Result<Receipt, StoreError> {
    let checkpoint = if let Some(note) = note {
        note
    } else {
        let row = reader.checkpoint(Some(number(size))).await?.ok_or_else(|| corrupt("checkpoint", size, "size"))?;
        Bytes::from(row.note.0)
    };
    let plans = positions.iter().map(|at| InclusionPlan::new(at.0, size)).collect::<Result<Vec<_>, _>>().map_err(|_| corrupt("checkpoint", size, "size"))?;
    let loaded = load_tiles(reader, plans.iter().flat_map(InclusionPlan::needs)).await?;
    let mut leaves = Vec::with_capacity(positions.len());
    for (position, plan) in positions.iter().zip(&plans) {
        let proof = plan.build(&loaded).map_err(|_| corrupt("tree", position, "hash"))?;
        leaves.push(ReceiptLeaf { position: *position, bytes: leaf(reader, *position).await?, proof: proof.hashes });
    }
    Ok(Receipt { leaves, checkpoint })
}

/// The stored bytes of one event, held against their hash: damaged bytes never leave.
pub async fn leaf<R: Reader>(reader: &mut R, position: Position) -> Result<Bytes, StoreError> {
    let at = number(position.0);
    let rows = reader.events(at, at.saturating_add(1)).await?;
    let row = rows.into_iter().next().ok_or_else(|| corrupt("event", at, "position"))?;
    if brygga_merkle::leaf_hash(&row.bytes.0).0.as_slice() == row.leaf_hash.0 { Ok(Bytes::from(row.bytes.0)) } else { Err(corrupt("event", at, "bytes")) }
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
