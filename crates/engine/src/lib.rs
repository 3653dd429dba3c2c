//! The engine: one write path, readers, receipts.
//!
//! A gRPC handler hands a command to `Broker::carry_out`; the committer decides it in a batch, commits, answers; `Broker::deliver`
//! builds the receipt and loads the content. The engine knows neither protobuf's public contract nor SQL.

pub mod batch;
pub mod bells;
pub mod broker;
pub mod clock;
pub mod committer;
mod current;
pub mod delivery;
pub mod directory;
pub mod lanes;
mod noticed;
pub mod observe;
mod parts;
pub mod projection;
pub mod readers;
pub mod replay;
pub mod rows;
pub mod send_window;
pub mod signer;
pub mod signer_state;
pub mod startup;
pub mod store;
pub mod tiles;
pub mod timer;

pub use broker::{Broker, NoAnswer, Parts, assemble};
pub use clock::{Clock, ManualClock, Randomness, SystemClock, SystemRandomness};
pub use timer::Timer;
