//! Everything random in a command, derived from 32 bytes that were drawn once, at the door.
//!
//! So the same command gives the same ids, salts and blinding however commands are batched, and the rules stay pure.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::ids::Commitment;

/// What 32 random bytes, drawn for one command, were extracted to: the key that everything random in it is expanded from.
#[derive(Clone, zeroize::ZeroizeOnDrop)]
pub struct Entropy([u8; 32]);

impl std::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entropy(..)")
    }
}

impl Entropy {
    /// Wraps bytes drawn from the operating system, or made from a seed in a test.
    pub fn new(bytes: [u8; 32]) -> Self {
        let (key, _) = Hkdf::<Sha256>::extract(None, &bytes);
        Self(key.into())
    }

    /// 32 bytes for one use; each (label, index) gives other bytes (HKDF-SHA256, RFC 5869).
    pub fn bytes(&self, label: &str, index: usize) -> [u8; 32] {
        let mut out = [0; 32];
        let info = format!("brygga {label} {index}");
        // The key is long enough and 32 bytes are always within what HKDF can give, so no error can happen; zeros would be caught by the unique
        // event id.
        if Hkdf::<Sha256>::from_prk(&self.0).is_ok_and(|key| key.expand(info.as_bytes(), &mut out).is_ok()) {
            return out;
        }
        [0; 32]
    }

    /// A random (version 4) identifier for one use.
    pub fn uuid(&self, label: &str, index: usize) -> Uuid {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = self.bytes(label, index);
        uuid::Builder::from_random_bytes([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]).into_uuid()
    }

    /// 64 random bits for one use.
    pub fn bits(&self, label: &str, index: usize) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.bytes(label, index);
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// HMAC-SHA256 of `bytes` under `salt`: hides them from whoever lacks the salt, and binds them for whoever has it.
pub fn commit(salt: &[u8; 32], bytes: &[u8]) -> Commitment {
    // HMAC takes keys of any length, so the other arm is unreachable; it must still not stop the broker.
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(salt) else { return Commitment([0; 32]) };
    mac.update(bytes);
    Commitment(mac.finalize().into_bytes().into())
}
