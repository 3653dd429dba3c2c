//! Signs heads with the log's key. The note is opened again before it is used, so that a damaged signature never leaves.

use brygga_merkle::{Checkpoint, NoteKey, Signer, sign_checkpoint};
use bytes::Bytes;

/// The log's origin and key.
pub struct LogSigner {
    key: NoteKey,
    signer: Box<dyn Signer>,
}

impl std::fmt::Debug for LogSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogSigner({})", self.key.name())
    }
}

/// The origin or the key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the log's origin or key cannot be used")]
pub struct SignerError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl LogSigner {
    /// A signer for an origin.
    pub fn new(origin: &str, signer: Box<dyn Signer>) -> Result<Self, SignerError> {
        let key = NoteKey::new(origin, signer.public()).map_err(|error| SignerError(error.into()))?;
        Ok(Self { key, signer })
    }

    /// The log's origin, which is the key's name.
    pub fn origin(&self) -> &str {
        self.key.name()
    }

    /// The key that verifies.
    pub fn key(&self) -> &NoteKey {
        &self.key
    }

    /// The signed note of a head.
    pub fn sign(&self, checkpoint: &Checkpoint) -> Result<Bytes, SignerError> {
        sign_checkpoint(checkpoint, self.key.name(), self.signer.as_ref()).map(Bytes::from).map_err(|error| SignerError(error.into()))
    }
}
