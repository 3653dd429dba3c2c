//! Keys of signed notes: names, verifier keys, and the signer that a key file holds.
//!
//! Only Ed25519 (C2SP signature type 01). A verifier key is checked when it is made, so that no
//! weak or oddly spelled key ever reaches a verification. The secret half never leaves its signer
//! and is wiped when that is dropped.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// Longest name of a key.
pub const KEY_NAME_BYTES_MAX: usize = 255;

/// C2SP signature type of plain Ed25519.
const ED25519_TYPE: u8 = 1;

/// Length of an Ed25519 public key.
const PUBLIC_KEY_BYTES: usize = 32;

/// Whether C2SP allows it as the name of a key, and thus as an origin.
pub(crate) fn is_key_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= KEY_NAME_BYTES_MAX && !name.chars().any(|c| c == '+' || c.is_whitespace() || c.is_control())
}

/// Signs with a key that this crate need not know.
///
/// Called for every checkpoint, inside the transaction that writes the events below it.
pub trait Signer: Send + Sync {
    /// The public key that verifies its signatures.
    fn public(&self) -> [u8; 32];

    /// An Ed25519 signature of the message.
    fn sign(&self, message: &[u8]) -> [u8; 64];
}

/// Why something is no verifier key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a name that C2SP allows.
    #[error("the key's name is empty, too long, or has a space, a plus or a control character")]
    Name,
    /// Not `<name>+<key id>+<base64>`.
    #[error("a verifier key is a name, eight hexadecimal digits and base64, joined by plus signs")]
    Format,
    /// Another type than Ed25519.
    #[error("the key's type is {found:#04x}, not Ed25519")]
    Type {
        /// The type byte.
        found: u8,
    },
    /// The id is not that of this name and key.
    #[error("the key's id belongs to another name or key")]
    Id,
    /// No point of the curve, an unusual encoding, or of small order.
    #[error("the public key is not a canonical Ed25519 key, or is of small order")]
    Public,
}

/// A verifier key: a name and an Ed25519 public key that was checked.
#[derive(Clone, PartialEq, Eq)]
pub struct NoteKey {
    name: String,
    key: VerifyingKey,
    id: [u8; 4],
}

impl NoteKey {
    /// Checks name and key; a key of small order, which anyone can sign for, is refused.
    pub fn new(name: &str, public: [u8; 32]) -> Result<Self, KeyError> {
        if !is_key_name(name) {
            return Err(KeyError::Name);
        }
        let key = VerifyingKey::from_bytes(&public).map_err(|_no_point| KeyError::Public)?;
        let canonical = key.to_edwards().compress().to_bytes() == public;
        if key.is_weak() || !canonical {
            return Err(KeyError::Public);
        }
        let id = key_id(name, &public);
        Ok(Self { name: name.to_owned(), key, id })
    }

    /// Reads a C2SP verifier key in its one canonical spelling.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        // A name has no plus sign, base64 may have some: only the first two separate.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Format);
        };
        let bytes = STANDARD.decode(encoded).map_err(|_not_base64| KeyError::Format)?;
        let (kind, public) = bytes.split_first().ok_or(KeyError::Format)?;
        if *kind != ED25519_TYPE {
            return Err(KeyError::Type { found: *kind });
        }
        let public = <[u8; PUBLIC_KEY_BYTES]>::try_from(public).map_err(|_wrong_length| KeyError::Public)?;
        let key = Self::new(name, public)?;
        if id != hex_id(key.id) {
            return Err(KeyError::Id);
        }
        Ok(key)
    }

    /// `<name>+<key id>+<base64(0x01 ‖ public key)>`.
    pub fn encode(&self) -> String {
        let encoded = STANDARD.encode(typed(&self.public()));
        format!("{}+{}+{encoded}", self.name, hex_id(self.id))
    }

    /// Name of the key; for a log's key its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// First four bytes of SHA-256(name ‖ newline ‖ 0x01 ‖ public key).
    pub const fn id(&self) -> [u8; 4] {
        self.id
    }

    /// Strict verification: canonical R and S, no point of small order.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).and_then(|signature| self.key.verify_strict(message, &signature)).is_ok()
    }
}

impl fmt::Display for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.encode())
    }
}

impl fmt::Debug for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteKey({self})")
    }
}

fn typed(public: &[u8; PUBLIC_KEY_BYTES]) -> Vec<u8> {
    [&[ED25519_TYPE], public.as_slice()].concat()
}

fn key_id(name: &str, public: &[u8; PUBLIC_KEY_BYTES]) -> [u8; 4] {
    let mut hasher = Sha256::new();
    hasher.update(name);
    hasher.update(b"\n");
    hasher.update(typed(public));
    let digest: [u8; 32] = hasher.finalize().into();
    let [a, b, c, d, ..] = digest;
    [a, b, c, d]
}

fn hex_id(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

/// A signer from a 32-byte seed, as key files and tests hold it. Same seed, same signatures.
pub struct Ed25519Signer {
    // Wiped by its own drop.
    key: SigningKey,
}

impl Ed25519Signer {
    /// Derives the key pair of RFC 8032 from the seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self { key: SigningKey::from_bytes(&seed) }
    }

    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// The verifier key under this name.
    pub fn note_key(&self, name: &str) -> Result<NoteKey, KeyError> {
        NoteKey::new(name, self.public())
    }
}

impl Signer for Ed25519Signer {
    fn public(&self) -> [u8; 32] {
        Self::public(self)
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for Ed25519Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ed25519Signer(..)")
    }
}
