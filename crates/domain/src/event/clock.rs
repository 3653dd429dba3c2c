//! What a clock says: a reminder, and that time has run out.

use crate::codes::{ClockLevel, ClockName, SenderStatus};
use crate::ids::{FunctionId, ReferralId};
use crate::time::Time;

/// A reminder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reminder {
    /// The referral.
    pub referral: ReferralId,
    /// Which clock.
    pub clock: ClockName,
    /// Which mark of it.
    pub level: ClockLevel,
    /// Who was reminded.
    pub function: FunctionId,
    /// When the mark was due.
    pub due_at: Time,
    /// When the clock runs out.
    pub deadline: Time,
}

/// A clock that has run out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    /// The referral.
    pub referral: ReferralId,
    /// Which clock.
    pub clock: ClockName,
    /// Who was told; absent where nobody is there for it.
    pub function: Option<FunctionId>,
    /// When it ran out.
    pub deadline: Time,
    /// What the sender is told of it; absent: nothing.
    pub told: Option<SenderStatus>,
}
