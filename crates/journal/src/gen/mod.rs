//! The Rust code that `cargo xtask codegen` makes from `proto/brygga/journal/v1`: code lists and event messages.
//!
//! Nobody writes here by hand. The network interface refers to these code lists instead of having its own.

include!("brygga.journal.v1.rs");
