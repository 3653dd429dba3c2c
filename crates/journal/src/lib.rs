//! Events as bytes: what is stored, hashed and proved, and how it is read back.
//!
//! `encode` gives the one encoding of an event, `decode` refuses every other. The engine encodes what `decide` made; whoever
//! reads the log (engine, client, offline auditor) decodes. This crate must never link a network, and stored bytes must never
//! be encoded anew: the leaf hash is over the bytes as they are.

mod decode;
mod encode;
mod field;
#[expect(clippy::doc_markdown, reason = "generated comments follow their generator's style")]
#[path = "gen/mod.rs"]
pub mod v1;

pub use brygga_merkle::leaf_hash;
pub use decode::decode;
pub use encode::encode;
pub use field::DecodeError;

/// Longest event in bytes: a tile entry's length has 16 bits (C2SP tlog-tiles).
pub const EVENT_BYTES_MAX: usize = 65_535;
