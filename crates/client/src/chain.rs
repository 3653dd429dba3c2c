//! The heads of the log that were shown to be of one history, the latest of them pinned in a file.
//!
//! Many calls run at once and several of them get the same head, so each head is linked once. What comes before: an answer
//! whose receipt was verified. What comes after: the answer is handed on.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use brygga_merkle::{Checkpoint, Hash};
use brygga_wire::v1;
use bytes::Bytes;

use crate::error::ClientError;
use crate::pin::{Advance, PinError, PinFile};
use crate::refused::Refused;
use crate::verify::{self, Linked};

/// Heads that are remembered as linked.
const KNOWN_HEADS_MAX: usize = 256;
/// How often another process may move the pin while one head is linked.
const LINK_TRIES_MAX: usize = 8;

pub(crate) struct Chain {
    file: Arc<Mutex<PinFile>>,
    // Held while a head is linked: whoever waits then finds it linked and asks for no proof of its own.
    known: tokio::sync::Mutex<BTreeMap<u64, Hash>>,
}

impl Chain {
    pub(crate) fn new(file: PinFile) -> Self {
        let known = file.pinned().map(|pinned| (pinned.checkpoint.size, pinned.checkpoint.root)).into_iter().collect();
        Self { file: Arc::new(Mutex::new(file)), known: tokio::sync::Mutex::new(known) }
    }

    /// The pin as this process last saw it.
    pub(crate) fn pin(&self) -> Option<Checkpoint> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).pinned().map(|pinned| pinned.checkpoint.clone())
    }

    /// Its signed note.
    pub(crate) fn note(&self) -> Option<Bytes> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).pinned().map(|pinned| pinned.note.clone())
    }

    /// Links a head with the pin and moves the pin there. `fetch` asks for a proof between two sizes; `None`: there is none.
    pub(crate) async fn link<F, W>(
        &self,
        head: (&Checkpoint, &Bytes),
        offered: Option<&v1::ConsistencyProof>,
        fetch: F,
        request_id: &str,
    ) -> Result<(), ClientError>
    where
        F: Fn(u64, u64) -> W + Send + Sync,
        W: Future<Output = Result<Option<v1::ConsistencyProof>, ClientError>> + Send,
    {
        let refused = |refused| ClientError::refused(refused, request_id);
        let (checkpoint, _) = head;
        let mut known = self.known.lock().await;
        match known.get(&checkpoint.size) {
            Some(root) if *root == checkpoint.root => return Ok(()),
            Some(_) => return Err(refused(Refused::Fork { size: checkpoint.size })),
            None => {}
        }
        for _ in 0..LINK_TRIES_MAX {
            let pin = self.pin();
            let linked = match verify::wanted_proof(checkpoint, pin.as_ref()) {
                Some((from, to)) if offered.is_none_or(|proof| (proof.from_size, proof.to_size) != (from, to)) => {
                    let proof = fetch(from, to).await?;
                    verify::link(head, pin.as_ref(), proof.as_ref())
                }
                Some(_) | None => verify::link(head, pin.as_ref(), offered),
            };
            match self.advance(linked.map_err(refused)?).await? {
                Advance::Stored | Advance::Kept => {
                    known.insert(checkpoint.size, checkpoint.root);
                    while known.len() > KNOWN_HEADS_MAX {
                        known.pop_first();
                    }
                    return Ok(());
                }
                Advance::Moved => {}
            }
        }
        Err(ClientError::Pin(PinError::Busy))
    }

    /// Off the runtime's own threads, for it waits for the disk.
    async fn advance(&self, linked: Linked) -> Result<Advance, ClientError> {
        let file = Arc::clone(&self.file);
        let task = move || file.lock().unwrap_or_else(PoisonError::into_inner).advance(&linked);
        tokio::task::spawn_blocking(task).await.map_err(|_| ClientError::Pin(PinError::Stopped))?.map_err(ClientError::Pin)
    }
}
