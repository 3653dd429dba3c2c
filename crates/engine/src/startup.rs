//! The check at start: is this the log that this broker last wrote?
//!
//! Verifies the last note, the frontier, the right edge and the last event, then holds the head against the signer state. A
//! rewound, forked or damaged log is never continued.

use brygga_merkle::{Checkpoint, Frontier, FrontierPlan, Hash, NoteKey};

use crate::delivery;
use crate::rows::HeadRow;
use crate::store::{Reader, Store, StoreError};

/// Why the log is in doubt.
#[derive(Debug, thiserror::Error)]
pub enum Doubt {
    /// The log is shorter than what this broker committed.
    #[error("the log has {found} events, but {recorded} were committed: it was rewound")]
    Rewound {
        /// Events that are there.
        found: u64,
        /// Events that were committed.
        recorded: u64,
    },
    /// The log is another one than what this broker committed.
    #[error("the log differs from what was committed at {size} events")]
    Forked {
        /// The size at which they differ.
        size: u64,
    },
    /// A part of the stored log does not fit the signed head.
    #[error("{part} does not fit the signed head of {size} events")]
    Damaged {
        /// Which part.
        part: &'static str,
        /// The head's size.
        size: u64,
    },
    /// The store could not be read.
    #[error("reading the log")]
    Store(#[from] StoreError),
}

/// Checks the log; gives its head.
pub async fn check<R: Reader>(reader: &mut R, key: &NoteKey, recorded: Option<&Checkpoint>) -> Result<HeadRow, Doubt> {
    let head = reader.head().await?;
    let size = u64::try_from(head.size).unwrap_or_default();
    if let Some(recorded) = recorded.filter(|recorded| recorded.size > size) {
        return Err(Doubt::Rewound { found: size, recorded: recorded.size });
    }
    if size == 0 {
        return Ok(head);
    }
    let damaged = |part| Doubt::Damaged { part, size };
    let root = Hash::from_slice(&head.root.0).map_err(|_| damaged("the root"))?;
    let row = reader.checkpoint(Some(head.size)).await?.ok_or_else(|| damaged("the last note"))?;
    let checkpoint = brygga_merkle::open(&row.note.0, key).map_err(|_| damaged("the last note"))?;
    if checkpoint.size != size || checkpoint.root != root || row.size != head.size {
        return Err(damaged("the last note"));
    }
    let frontier = Frontier::from_bytes(&head.frontier.0).map_err(|_| damaged("the frontier"))?;
    if frontier.size() != size || frontier.root() != root {
        return Err(damaged("the frontier"));
    }
    let plan = FrontierPlan::new(size).map_err(|_| damaged("the right edge"))?;
    let loaded = delivery::load_tiles(reader, plan.needs()).await.map_err(|_| damaged("the right edge"))?;
    if plan.build(&loaded).map_err(|_| damaged("the right edge"))? != frontier {
        return Err(damaged("the right edge"));
    }
    last_event(reader, size).await?;
    nothing_beyond(reader, &head).await?;
    if let Some(recorded) = recorded {
        continues(reader, recorded, &checkpoint).await?;
    }
    Ok(head)
}

/// Whether what a reader saw of a log is as durable as an answer: the head's lock is a commit of its own, waits for the same replicas, and must
/// show as much of the same log. The reader must read where the store writes.
pub async fn is_durable<S: Store, R: Reader>(store: &mut S, reader: &mut R, seen: &HeadRow) -> Result<bool, StoreError> {
    let (locked, _) = store.settle(seen.size).await?;
    if locked.size <= seen.size {
        return Ok((locked.size, &locked.root) == (seen.size, &seen.root));
    }
    Ok(seen.size == 0 || reader.checkpoint(Some(seen.size)).await?.is_some_and(|then| then.root == seen.root))
}

async fn last_event<R: Reader>(reader: &mut R, size: u64) -> Result<(), Doubt> {
    let damaged = || Doubt::Damaged { part: "the last event", size };
    let bytes = delivery::leaf(reader, brygga_domain::Position(size.saturating_sub(1))).await.map_err(|_| damaged())?;
    brygga_journal::decode(&bytes).map(|_| ()).map_err(|_| damaged())
}

/// No event and no note goes beyond the head, unless another broker has moved it meanwhile.
async fn nothing_beyond<R: Reader>(reader: &mut R, head: &HeadRow) -> Result<(), Doubt> {
    let latest = reader.checkpoint(None).await?.map_or(0, |checkpoint| checkpoint.size);
    let beyond = reader.events(head.size, head.size.saturating_add(1)).await?;
    if (latest == head.size && beyond.is_empty()) || reader.head().await?.size >= latest.max(head.size.saturating_add(1)) {
        return Ok(());
    }
    Err(Doubt::Damaged { part: if beyond.is_empty() { "the last note" } else { "the last event" }, size: u64::try_from(head.size).unwrap_or_default() })
}

async fn continues<R: Reader>(reader: &mut R, recorded: &Checkpoint, head: &Checkpoint) -> Result<(), Doubt> {
    let forked = || Doubt::Forked { size: recorded.size };
    if recorded.size == head.size {
        return if recorded.root == head.root { Ok(()) } else { Err(forked()) };
    }
    let proof = delivery::consistency(reader, recorded.size, head.size).await.map_err(|_| forked())?.ok_or_else(forked)?;
    head.verify_consistency(&proof, recorded).map_err(|_| forked())
}
