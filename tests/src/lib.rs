//! What the tests share: a made-up world, generated histories, a driver of the pure fold, and the real binary in a world of its own.

pub mod brokers;
pub mod desk;
pub mod directory;
pub mod fold;
pub mod hand;
pub mod harness;
pub mod history;
pub mod line;
pub mod load;
pub mod made_up;
pub mod otlp;
pub mod postgres;
pub mod requests;
pub mod script;
pub mod watchers;
pub mod wire;
