//! The heads of the log that were shown to be of one history, the latest of them pinned in a file.
//!
//! Many calls run at once and several of them get the same head, so each head is linked once, and one write of the file serves all
//! that were linked while the write before it ran. What comes before: an answer whose receipt was verified. What comes after: the
//! answer is handed on.

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
    heads: tokio::sync::Mutex<Heads>,
    // Held while the file is written: whoever waits then often finds that the write has covered its head too.
    storing: tokio::sync::Mutex<()>,
}

/// Heads of one history.
#[derive(Default)]
struct Heads {
    known: BTreeMap<u64, Hash>,
    /// From the file's pin to the latest head, each step from the head before it.
    ahead: Vec<Linked>,
}

impl Heads {
    /// Whether the head is known; another head of its size is a fork.
    fn knows(&self, head: &Checkpoint) -> Result<bool, Refused> {
        match self.known.get(&head.size) {
            Some(root) if *root == head.root => Ok(true),
            Some(_) => Err(Refused::Fork { size: head.size }),
            None => Ok(false),
        }
    }

    fn keep(&mut self, linked: Linked) {
        self.known.insert(linked.checkpoint().size, linked.checkpoint().root);
        while self.known.len() > KNOWN_HEADS_MAX {
            self.known.pop_first();
        }
        if linked.pin().is_none_or(|pin| linked.checkpoint().size > pin.size) {
            self.ahead.push(linked);
        }
    }
}

impl Chain {
    pub(crate) fn new(file: PinFile) -> Self {
        let known = file.pinned().map(|pinned| (pinned.checkpoint.size, pinned.checkpoint.root)).into_iter().collect();
        let heads = Heads { known, ahead: Vec::new() };
        Self { file: Arc::new(Mutex::new(file)), heads: tokio::sync::Mutex::new(heads), storing: tokio::sync::Mutex::default() }
    }

    /// The latest head that was linked, or the pin where that is not known at once: what answers are asked to go on from.
    pub(crate) fn latest(&self) -> Option<Checkpoint> {
        let ahead = self.heads.try_lock().ok().and_then(|heads| heads.ahead.last().map(|linked| linked.checkpoint().clone()));
        ahead.or_else(|| self.pin())
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
        self.link_head(head, offered, &fetch, request_id).await?;
        self.store(&fetch).await?.map_err(|refused| ClientError::refused(refused, request_id))
    }

    /// Links a head with the pin, which stays where it is.
    pub(crate) async fn link_head<F, W>(
        &self,
        head: (&Checkpoint, &Bytes),
        offered: Option<&v1::ConsistencyProof>,
        fetch: &F,
        request_id: &str,
    ) -> Result<(), ClientError>
    where
        F: Fn(u64, u64) -> W + Send + Sync,
        W: Future<Output = Result<Option<v1::ConsistencyProof>, ClientError>> + Send,
    {
        let refused = |refused| ClientError::refused(refused, request_id);
        let mut heads = self.heads.lock().await;
        if !heads.knows(head.0).map_err(refused)? {
            let tip = heads.ahead.last().map(|ahead| ahead.checkpoint().clone()).or_else(|| self.pin());
            let linked = linked(head, tip.as_ref(), offered, fetch).await?;
            heads.keep(linked.map_err(refused)?);
        }
        Ok(())
    }

    /// Writes the latest head to the file, unless a write that has begun since covers it.
    async fn store<F, W>(&self, fetch: &F) -> Result<Result<(), Refused>, ClientError>
    where
        F: Fn(u64, u64) -> W + Send + Sync,
        W: Future<Output = Result<Option<v1::ConsistencyProof>, ClientError>> + Send,
    {
        let _storing = self.storing.lock().await;
        for _ in 0..LINK_TRIES_MAX {
            // Linking goes on while the disk is waited for; what is linked meanwhile goes on from the last of these steps.
            let steps = self.heads.lock().await.ahead.clone();
            let count = steps.len();
            let Some(to_latest) = steps.into_iter().reduce(Linked::then) else { return Ok(Ok(())) };
            let advanced = self.advance(to_latest).await?;
            let mut heads = self.heads.lock().await;
            match advanced {
                Advance::Stored => {
                    heads.ahead.drain(..count);
                    return Ok(Ok(()));
                }
                Advance::Moved => {
                    // Another process has pinned another head: both must be of one history.
                    let Some(latest) = heads.ahead.last() else { return Ok(Ok(())) };
                    let pin = self.pin();
                    let linked = linked((latest.checkpoint(), latest.note()), pin.as_ref(), None, fetch).await?;
                    *heads = Heads::default();
                    match linked {
                        Ok(linked) => heads.keep(linked),
                        Err(refused) => return Ok(Err(refused)),
                    }
                }
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

/// Links a head with another, by the offered proof if it is between the two, else by one that is asked for.
async fn linked<F, W>(
    head: (&Checkpoint, &Bytes),
    pin: Option<&Checkpoint>,
    offered: Option<&v1::ConsistencyProof>,
    fetch: &F,
) -> Result<Result<Linked, Refused>, ClientError>
where
    F: Fn(u64, u64) -> W + Send + Sync,
    W: Future<Output = Result<Option<v1::ConsistencyProof>, ClientError>> + Send,
{
    match verify::wanted_proof(head.0, pin) {
        Some((from, to)) if offered.is_none_or(|proof| (proof.from_size, proof.to_size) != (from, to)) => {
            let proof = fetch(from, to).await?;
            Ok(verify::link(head, pin, proof.as_ref()))
        }
        Some(_) | None => Ok(verify::link(head, pin, offered)),
    }
}
