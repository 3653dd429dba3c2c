//! What the declaration of an emergency says, and its review.

use crate::codes::EmergencyVerdict;
use crate::ids::*;
use crate::time::Time;

/// The declaration of an emergency: about one referral and one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmergencyDeclaration {
    /// The referral.
    pub referral: ReferralId,
    /// The recipient.
    pub recipient: FunctionId,
    /// When it ends; the time of the event where it only records what was told by telephone.
    pub expires_at: Time,
    /// Until when it is to be reviewed.
    pub review_due_at: Time,
    /// When something was told by telephone, recorded afterwards.
    pub telephoned_at: Option<Time>,
    /// Commitment to the documented reasons.
    pub reasons: Commitment,
}

/// The review of an emergency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmergencyReview {
    /// The referral.
    pub referral: ReferralId,
    /// Position of the declaration.
    pub emergency: Position,
    /// The verdict.
    pub verdict: EmergencyVerdict,
    /// Commitment to the documented reasons.
    pub reasons: Commitment,
}
