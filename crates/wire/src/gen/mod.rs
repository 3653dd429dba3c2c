//! The Rust code that `cargo xtask codegen` makes from `proto/brygga/v1` and `proto/brygga/content/v1`.
//!
//! Nobody writes here by hand, except this list of modules.

/// The public contract: services, requests and answers.
pub mod v1 {
    include!("brygga.v1.rs");
}

/// The typed content of sections.
pub mod content_v1 {
    include!("brygga.content.v1.rs");
}

/// Every file of `proto/` as descriptors, for server reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!("descriptor.bin");
