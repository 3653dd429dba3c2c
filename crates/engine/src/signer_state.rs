//! The signer state: the last committed head, kept outside the database, so that a rewound database is seen.
//!
//! Written after COMMIT and before any answer; synced at most once a second, for losing its tail only makes it behind. Behind the
//! database is normal and caught up by a consistency proof; ahead of it, or different, means that the log must not be continued.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use brygga_merkle::{Checkpoint, NoteKey};
use sha2::Digest as _;

use crate::rows::HeadRow;

/// Room for one signed note with its length and checksum; two slots alternate, so that a torn write leaves the other whole.
const SLOT_BYTES: usize = 4096;
const SLOT_HEAD_BYTES: usize = 36;
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// The signer state file, open.
#[derive(Debug)]
pub struct SignerState {
    file: File,
    path: PathBuf,
    next_slot: u64,
    synced_at: Option<Instant>,
}

/// Why the signer state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SignerStateError {
    /// It cannot be read or written.
    #[error("the signer state {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Neither slot holds a whole note, though the file is there.
    #[error("the signer state {path} holds no whole note")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The broker doubted the log while it ran, and nobody has looked.
    #[error("the broker doubted the log before; delete {mark}, which says why, once that is settled")]
    Doubted {
        /// The file that says so.
        mark: PathBuf,
    },
    /// Its note is not signed by the log's key.
    #[error("the signer state {path} is of another log or key")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
}

impl SignerState {
    /// Creates the file for a new log; an existing one is never overwritten.
    pub fn create(path: &Path) -> Result<Self, SignerStateError> {
        let error = |source| SignerStateError::Io { path: path.to_owned(), source };
        undoubted(path)?;
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path).map_err(error)?;
        Ok(Self { file, path: path.to_owned(), next_slot: 0, synced_at: None })
    }

    /// Opens the file and reads the latest head that it holds; `None` while the log is empty.
    pub fn open(path: &Path, key: &NoteKey) -> Result<(Self, Option<Checkpoint>), SignerStateError> {
        let error = |source| SignerStateError::Io { path: path.to_owned(), source };
        undoubted(path)?;
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(error)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(error)?;
        let mut latest: Option<(u64, Checkpoint)> = None;
        for (index, slot) in (0_u64..).zip(bytes.chunks(SLOT_BYTES)) {
            let Some(note) = whole_note(slot) else { continue };
            let checkpoint = brygga_merkle::open(note, key).map_err(|_| SignerStateError::Foreign { path: path.to_owned() })?;
            if latest.as_ref().is_none_or(|(_, held)| held.size < checkpoint.size) {
                latest = Some((index, checkpoint));
            }
        }
        if latest.is_none() && !bytes.is_empty() {
            return Err(SignerStateError::Damaged { path: path.to_owned() });
        }
        let next_slot = latest.as_ref().map_or(0, |(index, _)| 1 - index.min(&1));
        Ok((Self { file, path: path.to_owned(), next_slot, synced_at: None }, latest.map(|(_, checkpoint)| checkpoint)))
    }

    /// Records a committed head.
    pub fn record(&mut self, head: &HeadRow, note: &[u8]) -> io::Result<()> {
        let length = u32::try_from(note.len()).map_err(io::Error::other)?;
        if note.len().saturating_add(SLOT_HEAD_BYTES) > SLOT_BYTES {
            return Err(io::Error::other(format!("the note of head {} is too long", head.size)));
        }
        let mut slot = Vec::with_capacity(SLOT_BYTES);
        slot.extend_from_slice(&length.to_be_bytes());
        slot.extend_from_slice(&sha2::Sha256::digest(note));
        slot.extend_from_slice(note);
        slot.resize(SLOT_BYTES, 0);
        let offset = self.next_slot.saturating_mul(u64::try_from(SLOT_BYTES).unwrap_or_default());
        self.file.write_all_at(&slot, offset)?;
        self.next_slot = 1 - self.next_slot.min(1);
        if self.synced_at.is_none_or(|at| at.elapsed() >= SYNC_EVERY) {
            self.file.sync_data()?;
            self.synced_at = Some(Instant::now());
        }
        Ok(())
    }

    /// Remembers that the log went back or another way. What other brokers wrote is in no slot of this file, so a later start would not see it.
    pub fn doubt(&self, why: &str) {
        let mark = mark_beside(&self.path);
        let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&mark);
        let written = written.and_then(|mut file| file.write_all(format!("{why}\n").as_bytes()).and_then(|()| file.sync_all()));
        // A name is on the disk only when its folder is.
        let folder = mark.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let written = written.and_then(|()| File::open(folder)?.sync_all());
        if let Err(error) = written {
            tracing::error!(error = %error, "the doubt could not be written to {}", mark.display());
        }
    }

    /// Syncs what was recorded; an orderly stop ends with it.
    pub fn sync(&self) {
        if let Err(error) = self.file.sync_data() {
            tracing::warn!(error = %error, "the signer state {} could not be synced", self.path.display());
        }
    }
}

fn mark_beside(path: &Path) -> PathBuf {
    let mut mark = path.as_os_str().to_owned();
    mark.push(".doubted");
    mark.into()
}

fn undoubted(path: &Path) -> Result<(), SignerStateError> {
    let mark = mark_beside(path);
    match mark.try_exists() {
        Ok(false) => Ok(()),
        Ok(true) => Err(SignerStateError::Doubted { mark }),
        Err(source) => Err(SignerStateError::Io { path: mark, source }),
    }
}

/// The note of a slot, if its checksum holds.
fn whole_note(slot: &[u8]) -> Option<&[u8]> {
    let (length, rest) = slot.split_at_checked(4)?;
    let (sum, rest) = rest.split_at_checked(32)?;
    let length = usize::try_from(u32::from_be_bytes(length.try_into().ok()?)).ok()?;
    let note = rest.get(..length).filter(|note| !note.is_empty())?;
    (sha2::Sha256::digest(note).as_slice() == sum).then_some(note)
}
