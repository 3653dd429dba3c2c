//! Signed notes that were verified: many answers bear the same one, and verifying a signature is the dearest part of an answer.
//!
//! A note is known by all of its bytes. Nothing is kept of a note that did not verify.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use brygga_merkle::{Checkpoint, NoteKey};
use bytes::Bytes;

use crate::refused::Refused;
use crate::verify;

/// Verified notes that are remembered.
const NOTES_MAX: usize = 64;

pub(crate) struct Notes {
    key: NoteKey,
    known: Mutex<VecDeque<(Bytes, Checkpoint)>>,
}

impl Notes {
    pub(crate) fn new(key: NoteKey) -> Self {
        Self { key, known: Mutex::default() }
    }

    pub(crate) fn key(&self) -> &NoteKey {
        &self.key
    }

    /// Opens a note under the key, once.
    pub(crate) fn open(&self, note: &Bytes) -> Result<Checkpoint, Refused> {
        if let Some((_, checkpoint)) = self.known.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().find(|(known, _)| known == note) {
            return Ok(checkpoint.clone());
        }
        // Not under the lock: who brings another note need not wait. The copy lets go of the answer that the note came in.
        let checkpoint = verify::open(note, &self.key)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.push_back((Bytes::copy_from_slice(note), checkpoint.clone()));
        if known.len() > NOTES_MAX {
            known.pop_front();
        }
        Ok(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Log, ORIGIN};

    #[test]
    fn a_note_is_known_by_every_byte_and_a_bad_one_never() {
        let log = Log::of_size(1, 9);
        let notes = Notes::new(log.key());
        assert_eq!(notes.open(&log.note(9)).unwrap(), log.checkpoint(9));
        assert_eq!(notes.open(&log.note(9)).unwrap(), log.checkpoint(9));
        assert_eq!(notes.known.lock().unwrap().len(), 1);
        let mut forged = log.note(9).to_vec();
        let place = forged.len() - 5;
        forged[place] ^= 1;
        let others = Log::new(2, ORIGIN).note(0);
        for note in [Bytes::from(forged), others] {
            assert!(notes.open(&note).is_err());
            assert!(notes.open(&note).is_err());
        }
        assert_eq!(notes.known.lock().unwrap().len(), 1);
    }
}
