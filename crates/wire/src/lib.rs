//! The public contract of Brygga, and its conversion at the door.
//!
//! What comes before: `proto/brygga/v1`, from which `gen` is made. What comes after: the server's services, which hand each
//! request to one function of [`convert`] and get a command of the domain or every fault of the request. This crate decides
//! nothing, keeps nothing and never repeats a received value in an error. Clients use its messages and [`contract`].

pub mod codec;
#[cfg(test)]
mod codec_tests;
pub mod content;
pub mod contract;
pub mod convert;
pub mod door;
pub mod envelope;
mod identifier;
pub mod limits;
pub mod lint;
pub mod shape;
pub mod view;

#[expect(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::as_conversions,
    clippy::clone_on_ref_ptr,
    clippy::doc_markdown,
    clippy::default_trait_access,
    clippy::missing_const_for_fn,
    clippy::too_many_lines,
    reason = "generated code follows its generator's style"
)]
mod r#gen;

pub use content::category_of;
pub use door::Door;
pub use r#gen::{DESCRIPTORS, content_v1, v1};
