//! The journal's encoding: golden bytes, laws over arbitrary events, refusals, and the contract in `proto/`.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod contract;
mod golden;
mod laws;
mod refusals;
mod samples;
mod strategies;
