//! Checkpoints and proofs, for every known agency: they tell nothing but how the log grew.

use brygga_domain::Position;
use brygga_engine::delivery;
use brygga_engine::projection::number;
use brygga_engine::rows::CheckpointRow;
use brygga_engine::store::{Reader, StoreError};
use brygga_merkle::leaf_hash;
use brygga_wire::{v1, view};
use bytes::Bytes;
use tonic::Request;

use super::Rpc;
use super::status::Failed;

const NO_SUCH_SIZE: &str = "must be at most the size of the log";

impl<R: Reader> Rpc<R> {
    pub(super) async fn checkpoint(&self, request: &Request<v1::GetCheckpointRequest>) -> Result<v1::GetCheckpointResponse, Failed> {
        self.caller(request.extensions())?;
        let pinned = request.get_ref().pinned_size;
        // What is only seen may be lost with its server. A client that pins more was told of it by an answer.
        let durable = *self.broker.head().borrow();
        let wanted = (pinned <= durable && durable > 0).then_some(number(durable));
        let row = self.ask(move |reader| Box::pin(async move { latest(reader, wanted).await })).await?.ok_or(Failed::Bug("a log without a checkpoint"))?;
        let size = u64::try_from(row.size).map_err(|_| Failed::Bug("a checkpoint has a negative size"))?;
        let proof = if pinned == 0 { None } else { self.broker.consistency(pinned, size).await.map_err(Failed::Read)? };
        let none = v1::ConsistencyProof { from_size: pinned, to_size: size, hashes: Vec::new() };
        Ok(v1::GetCheckpointResponse { checkpoint: Bytes::from(row.note.0), consistency: Some(proof.as_ref().map_or(none, view::consistency)) })
    }

    pub(super) async fn inclusion(&self, request: &Request<v1::GetInclusionProofRequest>) -> Result<v1::GetInclusionProofResponse, Failed> {
        self.caller(request.extensions())?;
        let v1::GetInclusionProofRequest { position, tree_size } = *request.get_ref();
        let log_size = self.log_size(if tree_size == 0 { position.saturating_add(1) } else { tree_size }).await?;
        let size = if tree_size == 0 { log_size } else { tree_size };
        if size > log_size {
            return Err(Failed::field("tree_size", NO_SUCH_SIZE));
        }
        if position >= size {
            return Err(Failed::field("position", "must be below the size of the tree"));
        }
        // The note is not part of this answer, so an empty one keeps the receipt from looking it up.
        let receipt = self.ask(move |reader| Box::pin(async move { delivery::receipt(reader, &[Position(position)], size, Some(Bytes::new())).await })).await?;
        let leaf = receipt.leaves.into_iter().next().ok_or(Failed::Bug("a receipt of one position has no leaf"))?;
        let proof = leaf.proof.iter().map(|hash| Bytes::copy_from_slice(hash.as_bytes())).collect();
        let leaf_hash = Bytes::copy_from_slice(leaf_hash(&leaf.bytes).as_bytes());
        Ok(v1::GetInclusionProofResponse { position, tree_size: size, leaf_hash, proof })
    }

    pub(super) async fn consistency(&self, request: &Request<v1::GetConsistencyProofRequest>) -> Result<v1::GetConsistencyProofResponse, Failed> {
        self.caller(request.extensions())?;
        let v1::GetConsistencyProofRequest { from_size, to_size } = *request.get_ref();
        // Who is beyond what this broker knows was told so by another one.
        let log_size = self.log_size(if to_size == 0 { from_size } else { to_size }).await?;
        let to = if to_size == 0 { log_size } else { to_size };
        if to > log_size {
            return Err(Failed::field("to_size", NO_SUCH_SIZE));
        }
        if from_size == 0 || from_size > to {
            return Err(Failed::field("from_size", "must be at least 1 and at most to_size"));
        }
        let row = self.ask(move |reader| Box::pin(async move { reader.checkpoint(Some(number(to))).await })).await?;
        let proof = self.broker.consistency(from_size, to).await.map_err(Failed::Read)?;
        let proof = proof.ok_or(Failed::Bug("sizes within the log have no consistency proof"))?;
        Ok(v1::GetConsistencyProofResponse {
            consistency: Some(view::consistency(&proof)),
            checkpoint: row.map_or_else(Bytes::new, |row| Bytes::from(row.note.0)),
        })
    }

    /// The size of the log, as far as it matters: the store is asked when the wanted size is beyond what this broker knows to be durable,
    /// or when it doubts what it knows.
    async fn log_size(&self, wanted: u64) -> Result<u64, Failed> {
        let known = *self.broker.head().borrow();
        if known > 0 && wanted <= known && self.broker.doubt().is_none() {
            return Ok(known);
        }
        let head = self.ask(|reader| Box::pin(async move { reader.head().await })).await?;
        u64::try_from(head.size).map_err(|_| Failed::Bug("the head has a negative size"))
    }
}

/// The checkpoint of that size. A log that does not have it went back: then the latest.
async fn latest<R: Reader>(reader: &mut R, size: Option<i64>) -> Result<Option<CheckpointRow>, StoreError> {
    if size.is_some()
        && let Some(row) = reader.checkpoint(size).await?
    {
        return Ok(Some(row));
    }
    reader.checkpoint(None).await
}
