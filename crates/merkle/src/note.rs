//! C2SP signed notes: a text, an empty line, and lines of signatures.
//!
//! A note is read strictly: it must be byte for byte what [`SignedNote::to_bytes`] writes. Lines of
//! unknown keys are kept and say nothing; a line of a known key that does not verify condemns the
//! whole note, whatever stands beside it. The store signs with it, everyone else opens with it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::key::{KeyError, NoteKey, Signer, is_key_name};

/// Longest note: a checkpoint and the cosignatures of all witnesses.
pub const NOTE_BYTES_MAX: usize = 16_384;

/// Most signatures of a note.
pub const NOTE_SIGNATURES_MAX: usize = 64;

/// Every signature line begins with an em dash and a space.
const SIGNATURE_PREFIX: &str = "\u{2014} ";

/// The key id stands before the signature.
const KEY_ID_BYTES: usize = 4;

/// Why a note is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than `NOTE_BYTES_MAX`.
    #[error("a note has at most {NOTE_BYTES_MAX} bytes, found {found}")]
    TooLong {
        /// Length of the note.
        found: usize,
    },
    /// Not UTF-8.
    #[error("a note is UTF-8 text")]
    NotUtf8,
    /// A control character other than newline.
    #[error("a note has no control characters but newlines")]
    ControlCharacter,
    /// The text or the note does not end with a newline.
    #[error("the text of a note and the note end with a newline")]
    FinalNewline,
    /// No empty line before the signatures.
    #[error("a note has an empty line between its text and its signatures")]
    NoSignatures,
    /// Not an em dash, a name and canonical base64 of a key id and a signature.
    #[error("signature line {line} is malformed")]
    SignatureLine {
        /// Number of the line within the signatures, from 1.
        line: usize,
    },
    /// A signature of no bytes.
    #[error("a signature has at least one byte")]
    EmptySignature,
    /// More lines than `NOTE_SIGNATURES_MAX`.
    #[error("a note has at most {NOTE_SIGNATURES_MAX} signatures")]
    TooManySignatures,
    /// Two lines of one key.
    #[error("the note has two signatures of one key")]
    DuplicateSignature,
    /// No known key signed.
    #[error("the note is not signed by a known key")]
    NotSigned,
    /// A known key's line does not verify.
    #[error("the note has a wrong signature of a known key")]
    WrongSignature,
    /// The text is no checkpoint.
    #[error("the text of the note is not a checkpoint")]
    Checkpoint(#[source] CheckpointError),
    /// The checkpoint belongs to another log than the key.
    #[error("the checkpoint's origin is not the name of the key")]
    OtherOrigin,
    /// The signer's name or public key is not acceptable.
    #[error("the signer's key is not acceptable")]
    Key(#[source] KeyError),
}

/// One line of signature; only [`SignedNote::verified_by`] says whether it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    key_id: [u8; KEY_ID_BYTES],
    bytes: Vec<u8>,
}

impl NoteSignature {
    /// A line of a key of any type, as witnesses add it.
    pub fn new(name: &str, key_id: [u8; 4], bytes: Vec<u8>) -> Result<Self, NoteError> {
        if !is_key_name(name) {
            return Err(NoteError::Key(KeyError::Name));
        }
        if bytes.is_empty() {
            return Err(NoteError::EmptySignature);
        }
        Ok(Self { name: name.to_owned(), key_id, bytes })
    }

    /// Name of the key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Id of the key.
    pub const fn key_id(&self) -> [u8; 4] {
        self.key_id
    }

    /// The signature without the key id.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(SIGNATURE_PREFIX)?.split_once(' ')?;
        let decoded = STANDARD.decode(encoded).ok()?;
        let (key_id, bytes) = decoded.split_first_chunk::<KEY_ID_BYTES>()?;
        Self::new(name, *key_id, bytes.to_vec()).ok()
    }

    fn write(&self, out: &mut String) {
        let bytes = [self.key_id.as_slice(), &self.bytes].concat();
        out.push_str(SIGNATURE_PREFIX);
        out.push_str(&self.name);
        out.push(' ');
        STANDARD.encode_string(bytes, out);
        out.push('\n');
    }

    fn is_of(&self, name: &str, key_id: [u8; 4]) -> bool {
        self.name == name && self.key_id == key_id
    }
}

/// A text with signatures that nobody has verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    // Invariant: ends with a newline; no control characters but newlines.
    text: String,
    // Invariant: at least one, at most `NOTE_SIGNATURES_MAX`, each of another key.
    signatures: Vec<NoteSignature>,
}

impl SignedNote {
    /// Puts a first signature under a text.
    pub fn new(text: &str, signature: NoteSignature) -> Result<Self, NoteError> {
        check_characters(text)?;
        if !text.ends_with('\n') {
            return Err(NoteError::FinalNewline);
        }
        let note = Self { text: text.to_owned(), signatures: vec![signature] };
        note.check_length()?;
        Ok(note)
    }

    /// Reads exactly what [`SignedNote::to_bytes`] writes.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong { found: bytes.len() });
        }
        let note = str::from_utf8(bytes).map_err(|_invalid| NoteError::NotUtf8)?;
        check_characters(note)?;
        // The text may have empty lines; the last one separates.
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::NoSignatures)?;
        if lines.is_empty() {
            return Err(NoteError::NoSignatures);
        }
        let lines = lines.strip_suffix('\n').ok_or(NoteError::FinalNewline)?;
        let mut signatures: Vec<NoteSignature> = Vec::new();
        for (number, line) in lines.split('\n').enumerate() {
            let signature = NoteSignature::parse(line).ok_or(NoteError::SignatureLine { line: number + 1 })?;
            push_signature(&mut signatures, signature)?;
        }
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    /// The note as it is stored and sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = format!("{}\n", self.text);
        for signature in &self.signatures {
            signature.write(&mut out);
        }
        out.into_bytes()
    }

    /// The text, with its final newline. Unverified.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The lines of signature. Unverified.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a line, as of a witness; a second one of the same key is refused.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        let mut longer = self.clone();
        push_signature(&mut longer.signatures, signature)?;
        longer.check_length()?;
        *self = longer;
        Ok(())
    }

    /// The known keys that signed, at least one; a wrong line of any known key refuses the note.
    ///
    /// One public key counts once, under however many names it is known.
    pub fn verified_by<'k>(&self, known: &'k [NoteKey]) -> Result<Vec<&'k NoteKey>, NoteError> {
        let mut verified: Vec<&NoteKey> = Vec::new();
        for key in known {
            let mut lines = self.signatures.iter();
            let Some(line) = lines.find(|line| line.is_of(key.name(), key.id())) else {
                continue;
            };
            if !key.verifies(self.text.as_bytes(), &line.bytes) {
                return Err(NoteError::WrongSignature);
            }
            if verified.iter().all(|other| other.public() != key.public()) {
                verified.push(key);
            }
        }
        if verified.is_empty() {
            return Err(NoteError::NotSigned);
        }
        Ok(verified)
    }

    fn check_length(&self) -> Result<(), NoteError> {
        let found = self.to_bytes().len();
        if found > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong { found });
        }
        Ok(())
    }
}

fn push_signature(signatures: &mut Vec<NoteSignature>, signature: NoteSignature) -> Result<(), NoteError> {
    if signatures.len() == NOTE_SIGNATURES_MAX {
        return Err(NoteError::TooManySignatures);
    }
    if signatures.iter().any(|other| other.is_of(&signature.name, signature.key_id)) {
        return Err(NoteError::DuplicateSignature);
    }
    signatures.push(signature);
    Ok(())
}

fn check_characters(text: &str) -> Result<(), NoteError> {
    if text.chars().any(|c| c < ' ' && c != '\n') {
        return Err(NoteError::ControlCharacter);
    }
    Ok(())
}

/// Signs a checkpoint with the key named `key_name`, which must be its origin.
///
/// The note is opened again before it is handed out: a signer that holds another key than it says,
/// or that failed, is caught before anything leaves.
pub fn sign_checkpoint(checkpoint: &Checkpoint, key_name: &str, signer: &dyn Signer) -> Result<Vec<u8>, NoteError> {
    let key = NoteKey::new(key_name, signer.public()).map_err(NoteError::Key)?;
    let text = checkpoint.to_text();
    // The fields are public, so the text may be one that nobody would read.
    Checkpoint::parse(&text).map_err(NoteError::Checkpoint)?;
    let bytes = signer.sign(text.as_bytes()).to_vec();
    let line = NoteSignature::new(key_name, key.id(), bytes)?;
    let note = SignedNote::new(&text, line)?.to_bytes();
    open(&note, &key)?;
    Ok(note)
}

/// The checkpoint of a note that the pinned key signed, of the log that the key is named after.
pub fn open(note: &[u8], key: &NoteKey) -> Result<Checkpoint, NoteError> {
    let note = SignedNote::parse(note)?;
    note.verified_by(std::slice::from_ref(key))?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(NoteError::Checkpoint)?;
    if checkpoint.origin != key.name() {
        return Err(NoteError::OtherOrigin);
    }
    Ok(checkpoint)
}
