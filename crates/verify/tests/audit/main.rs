//! The auditor against honest logs and against every forgery that it must name.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod attacks;
mod bundles;
mod clocks;
mod conflict;
mod content;
mod emergencies;
mod forge;
mod forwarding;
mod honest;
mod order;
mod program;
mod standing;
mod story;
mod world;
