//! Where a referral stands.

use crate::codes::{ClosingOutcome, DeclineReason, RetractReason, ReturnReason};
use crate::ids::Position;

/// Where a referral stands, with what belongs to that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing passes yet.
    Held,
    /// Offered: the envelope is in the inbox.
    Ready,
    /// Opened by the recipient.
    Opened,
    /// Taken by the recipient.
    Accepted,
    /// Not taken.
    Declined(DeclineReason),
    /// Sent back.
    Returned(ReturnReason),
    /// Closed in coded answers.
    Closed(ClosingOutcome),
    /// Taken back by the sender; `recall` is its position once something had been released.
    Retracted {
        /// Why.
        reason: RetractReason,
        /// Position of the recall, if something had been released.
        recall: Option<Position>,
        /// Whether the holder has confirmed the recall.
        confirmed: bool,
    },
}

impl Stage {
    /// The stage's name in rows and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Ready => "ready",
            Self::Opened => "opened",
            Self::Accepted => "accepted",
            Self::Declined(_) => "declined",
            Self::Returned(_) => "returned",
            Self::Closed(_) => "closed",
            Self::Retracted { .. } => "retracted",
        }
    }

    /// Whether nothing more is released or done in this stage.
    pub fn is_ended(self) -> bool {
        match self {
            Self::Held | Self::Ready | Self::Opened | Self::Accepted => false,
            Self::Declined(_) | Self::Returned(_) | Self::Closed(_) | Self::Retracted { .. } => true,
        }
    }
}
