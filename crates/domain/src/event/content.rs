//! What became of content.

use crate::codes::DestructionCause;
use crate::ids::ReferralId;

/// Content that is no longer there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destruction {
    /// The referral.
    pub referral: ReferralId,
    /// What was destroyed, by section and revision.
    pub contents: Vec<ContentName>,
    /// Why.
    pub cause: DestructionCause,
}

/// A section at one revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContentName {
    /// Number within the referral, from 1.
    pub section: u32,
    /// From 1.
    pub revision: u32,
}
