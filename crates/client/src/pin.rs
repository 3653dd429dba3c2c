//! The pin: the latest head of the log that this agency has verified, kept in a file.
//!
//! It only moves forward, and only to a head that was shown to go on from it. Losing it means trusting the next head that is
//! shown, so the file is written in one step and synced before anything that it vouches for is handed on. Several processes of
//! one agency may share the file: a lock beside it makes each see what the others have pinned.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use brygga_merkle::{Checkpoint, NOTE_BYTES_MAX, NoteError, NoteKey};
use bytes::Bytes;

use crate::verify::Linked;

/// Why the pin can't be used or moved.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// The file can't be read or written.
    #[error("{doing} {}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The file holds no checkpoint that the pinned key signed.
    #[error("{} holds no checkpoint of the log that is trusted here", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: NoteError,
    },
    /// Somebody put an older or another head where the pin was.
    #[error("the pin at {} went back from {had} to {found} entries, or to another head", path.display())]
    WentBack {
        /// The file.
        path: PathBuf,
        /// The size that was pinned.
        had: u64,
        /// The size that is in the file now.
        found: u64,
    },
    /// The task that keeps the file ended.
    #[error("the pin's writer stopped")]
    Stopped,
    /// Other processes moved the pin again and again meanwhile.
    #[error("the pin moved too often while it was being followed")]
    Busy,
}

impl PinError {
    /// Stable name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Io { .. } | Self::Stopped => "PIN_NOT_KEPT",
            Self::Unreadable { .. } => "PIN_UNREADABLE",
            Self::WentBack { .. } => "PIN_WENT_BACK",
            Self::Busy => "PIN_BUSY",
        }
    }

    /// Exit code of the command-line tools.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Unreadable { .. } | Self::WentBack { .. } => crate::error::EXIT_VERIFICATION_FAILED,
            Self::Io { .. } | Self::Stopped => crate::error::EXIT_UNEXPECTED,
            Self::Busy => crate::error::EXIT_UNAVAILABLE,
        }
    }
}

/// A pinned head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The head.
    pub checkpoint: Checkpoint,
    /// Its signed note.
    pub note: Bytes,
}

/// What became of the pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// It has moved to the new head, and the file is synced.
    Stored,
    /// It stays: the new head is the pinned one or an older one.
    Kept,
    /// Another process has moved it since it was read; link with the new pin and try again.
    Moved,
}

/// The file.
#[derive(Debug)]
pub struct PinFile {
    path: PathBuf,
    key: NoteKey,
    current: Option<Pinned>,
}

impl PinFile {
    /// Reads the file, if there is one; what the key has not signed is refused.
    pub fn open(path: &Path, key: &NoteKey) -> Result<Self, PinError> {
        let mut file = Self { path: path.to_owned(), key: key.clone(), current: None };
        file.current = file.read()?;
        Ok(file)
    }

    /// The pin.
    pub fn pinned(&self) -> Option<&Pinned> {
        self.current.as_ref()
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves the pin to a head that was linked with it.
    pub fn advance(&mut self, linked: &Linked) -> Result<Advance, PinError> {
        self.make_folder()?;
        let lock = self.lock()?;
        let found = self.read()?;
        self.check_forward(found.as_ref())?;
        self.current = found;
        let pin = self.current.as_ref().map(|pinned| &pinned.checkpoint);
        let outcome = if pin != linked.pin() {
            Advance::Moved
        } else if pin.is_some_and(|pin| linked.checkpoint().size <= pin.size) {
            Advance::Kept
        } else {
            self.write(linked.note())?;
            self.current = Some(Pinned { checkpoint: linked.checkpoint().clone(), note: linked.note().clone() });
            Advance::Stored
        };
        drop(lock);
        Ok(outcome)
    }

    /// Invariant: what this process has seen pinned is never replaced by less, by nothing, or by another head of that size.
    fn check_forward(&self, found: Option<&Pinned>) -> Result<(), PinError> {
        let Some(had) = self.current.as_ref().map(|pinned| &pinned.checkpoint) else { return Ok(()) };
        let forward = found.is_some_and(|found| found.checkpoint == *had || found.checkpoint.size > had.size);
        let size = found.map_or(0, |found| found.checkpoint.size);
        if forward { Ok(()) } else { Err(PinError::WentBack { path: self.path.clone(), had: had.size, found: size }) }
    }

    fn read(&self) -> Result<Option<Pinned>, PinError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.failed("reading", source)),
        };
        let limit = u64::try_from(NOTE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
        let mut note = Vec::new();
        file.take(limit).read_to_end(&mut note).map_err(|source| self.failed("reading", source))?;
        let checkpoint = brygga_merkle::open(&note, &self.key).map_err(|source| PinError::Unreadable { path: self.path.clone(), source })?;
        Ok(Some(Pinned { checkpoint, note: note.into() }))
    }

    fn write(&self, note: &[u8]) -> Result<(), PinError> {
        write_private(&self.path, note).map_err(|source| self.failed("writing", source))
    }

    fn lock(&self) -> Result<File, PinError> {
        let failed = |source| self.failed("locking", source);
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(beside(&self.path, ".lock")).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(file)
    }

    fn make_folder(&self) -> Result<(), PinError> {
        let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
        make_private_folder(folder).map_err(|source| self.failed("making the folder of", source))
    }

    fn failed(&self, doing: &'static str, source: io::Error) -> PinError {
        PinError::Io { doing, path: self.path.clone(), source }
    }
}

/// The path with something added to its name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes a folder that only its owner can enter; one that exists is left as it is.
pub(crate) fn make_private_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Writes a file that only its owner can read, in one step: after a crash it holds the old bytes or the new ones, never half.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = beside(path, ".new");
    match fs::remove_file(&fresh) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    sync_folder(path)
}

/// A name is on the disk only when its folder is.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
