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
        let outcome = if pin == linked.pin() {
            self.write(linked.note())?;
            self.current = Some(Pinned { checkpoint: linked.checkpoint().clone(), note: linked.note().clone() });
            Advance::Stored
        } else {
            Advance::Moved
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
        // What was verified once is not verified again.
        if let Some(same) = self.current.as_ref().filter(|current| current.note == note) {
            return Ok(Some(same.clone()));
        }
        let checkpoint = brygga_merkle::open(&note, &self.key).map_err(|source| PinError::Unreadable { path: self.path.clone(), source })?;
        Ok(Some(Pinned { checkpoint, note: note.into() }))
    }

    /// The folder is not synced: when the system dies, the file holds the new head or the one before, and an older pin still shows
    /// every rewind to before it.
    fn write(&self, note: &[u8]) -> Result<(), PinError> {
        replace_private(&self.path, note).map_err(|source| self.failed("writing", source))
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

/// Writes a file that only its owner can read, in one step, and its name is on the disk when this returns.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_private(path, bytes)?;
    sync_folder(path)
}

/// Writes a file that only its owner can read, in one step: after a crash it holds the old bytes or the new ones, never half.
fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = beside(path, ".new");
    match fs::remove_file(&fresh) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(&fresh, path)
}

/// Syncs the folder of a file: a name is on the disk only when its folder is.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::fixture::Log;
    use crate::verify::link;

    fn linked(log: &Log, size: u64, pin: Option<u64>) -> Linked {
        let pinned = pin.map(|pin| log.checkpoint(pin));
        let proof = pin.filter(|pin| *pin != size).map(|pin| log.consistency(pin.min(size), pin.max(size)));
        link((&log.checkpoint(size), &log.note(size)), pinned.as_ref(), proof.as_ref()).unwrap()
    }

    fn size(file: &PinFile) -> Option<u64> {
        file.pinned().map(|pinned| pinned.checkpoint.size)
    }

    #[test]
    fn the_pin_moves_forward_only_and_survives_a_restart() {
        let (folder, log) = (tempfile::tempdir().unwrap(), Log::of_size(7, 9));
        let path = folder.path().join("pins").join("solna-soc.pin");
        let mut file = PinFile::open(&path, &log.key()).unwrap();
        assert_eq!(size(&file), None);
        assert_eq!(file.advance(&linked(&log, 4, None)).unwrap(), Advance::Stored);
        assert_eq!(file.advance(&linked(&log, 7, Some(4))).unwrap(), Advance::Stored);
        assert_eq!(size(&PinFile::open(&path, &log.key()).unwrap()), Some(7));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_head_that_was_linked_with_an_older_pin_has_to_be_linked_again() {
        let (folder, log) = (tempfile::tempdir().unwrap(), Log::of_size(7, 9));
        let path = folder.path().join("pin");
        let (mut one, mut other) = (PinFile::open(&path, &log.key()).unwrap(), PinFile::open(&path, &log.key()).unwrap());
        assert_eq!(one.advance(&linked(&log, 6, None)).unwrap(), Advance::Stored);
        assert_eq!(other.advance(&linked(&log, 4, None)).unwrap(), Advance::Moved);
        assert_eq!(size(&other), Some(6));
        assert_eq!(other.advance(&linked(&log, 8, Some(6))).unwrap(), Advance::Stored);
        assert_eq!(one.advance(&linked(&log, 9, Some(6))).unwrap(), Advance::Moved);
        assert_eq!(size(&one), Some(8));
    }

    #[test]
    fn an_older_file_another_head_and_a_lost_file_are_noticed() {
        let (folder, log) = (tempfile::tempdir().unwrap(), Log::of_size(7, 9));
        let path = folder.path().join("pin");
        let mut file = PinFile::open(&path, &log.key()).unwrap();
        file.advance(&linked(&log, 6, None)).unwrap();
        let mut fork = Log::of_size(7, 4);
        for leaf in ["a", "b"] {
            fork.push_raw(leaf);
        }
        for planted in [Some(log.note(3)), Some(fork.note(6)), None] {
            match planted {
                Some(note) => fs::write(&path, note).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            let error = file.advance(&linked(&log, 8, Some(6))).unwrap_err();
            assert_eq!((error.name(), error.exit_code()), ("PIN_WENT_BACK", 20));
        }
    }

    #[test]
    fn what_the_key_has_not_signed_is_no_pin() {
        let (folder, log) = (tempfile::tempdir().unwrap(), Log::of_size(7, 3));
        let path = folder.path().join("pin");
        let mut cut = log.note(3).to_vec();
        cut.pop();
        for planted in [Log::of_size(8, 3).note(3).to_vec(), cut, Vec::new(), vec![b'x'; NOTE_BYTES_MAX + 2]] {
            fs::write(&path, planted).unwrap();
            assert_eq!(PinFile::open(&path, &log.key()).unwrap_err().name(), "PIN_UNREADABLE");
        }
    }

    #[test]
    fn what_a_crash_left_half_written_does_not_stand_in_the_way() {
        let (folder, log) = (tempfile::tempdir().unwrap(), Log::of_size(7, 3));
        let path = folder.path().join("pin");
        fs::write(beside(&path, ".new"), "half").unwrap();
        let mut file = PinFile::open(&path, &log.key()).unwrap();
        assert_eq!(file.advance(&linked(&log, 3, None)).unwrap(), Advance::Stored);
        assert_eq!(fs::read(&path).unwrap(), log.note(3));
        assert!(!beside(&path, ".new").exists());
    }
}
