//! An agency's client of a Brygga broker.
//!
//! [`Client`] sends commands over mutual TLS, repeats them under one request id, and verifies every receipt against the log's
//! pinned key and the pinned head before anything of an answer is handed on. What comes before: the agency's case system, the
//! `brygga` tool, the tour. What comes after: the broker's gRPC services, by the contract of `brygga-wire`.
//!
//! It must never hand on content whose release, decisions and consents are not proved, never let the pin go back, and never
//! write content into a log, an error or a file name.

#[cfg(test)]
mod attacks;
mod call;
mod chain;
mod client;
mod codec;
mod config;
pub mod content;
mod error;
#[cfg(test)]
mod fixture;
mod methods;
mod notes;
pub mod outbox;
#[cfg(test)]
mod over_tls;
#[cfg(test)]
mod peer;
pub mod pin;
mod random;
mod refused;
mod release;
mod retry;
#[cfg(test)]
mod story;
mod stream;
mod transport;
pub mod verify;
pub mod watch;
mod write;

pub use brygga_wire::{content_v1, v1};
pub use client::{Answer, Client};
pub use config::{CONNECT_DEADLINE, ClientConfig, Deadlines, HEARTBEAT_INTERVAL, OVERALL_DEADLINE, TRY_DEADLINE};
pub use error::{Answered, ClientError, ConfigError, EXIT_UNAVAILABLE, EXIT_UNEXPECTED, EXIT_USAGE, EXIT_VERIFICATION_FAILED, Violation};
pub use outbox::{Delivery, Outbox, OutboxError, Outcome};
pub use random::request_id;
pub use refused::Refused;
pub use stream::{Commands, InboxStream, ReferralStream, STREAM_COMMANDS_MAX};
pub use transport::MESSAGE_BYTES_MAX;
pub use watch::Watch;
pub use write::{Caller, Head, Write, hashes_as_said};
