//! What a recipient's answer tells the sender: transport answers, and nothing about a person.

use super::{ClosingOutcome, DeclineReason, ReturnReason, SenderStatus};

impl DeclineReason {
    /// Answers about a person are social-services data (OSL 26:1) and never go to a sender.
    pub fn is_personal(self) -> bool {
        match self {
            Self::SubjectDeclined | Self::CannotReachSafely => true,
            Self::NoCapacity | Self::OutsideTargetGroup | Self::ConflictOfInterest | Self::Under18 | Self::Duplicate | Self::ClearanceDisputed => false,
        }
    }

    /// What the envelope does not show cannot be a reason to decline from it.
    pub fn needs_opening(self) -> bool {
        match self {
            Self::Under18 | Self::Duplicate | Self::ClearanceDisputed => true,
            Self::NoCapacity | Self::OutsideTargetGroup | Self::ConflictOfInterest | Self::SubjectDeclined | Self::CannotReachSafely => false,
        }
    }

    /// What the sender is told; `None` for personal answers.
    pub fn sender_status(self) -> Option<SenderStatus> {
        match self {
            Self::NoCapacity => Some(SenderStatus::NoCapacity),
            Self::OutsideTargetGroup | Self::Under18 => Some(SenderStatus::OutsideTargetGroup),
            Self::ConflictOfInterest => Some(SenderStatus::ConflictOfInterest),
            Self::Duplicate => Some(SenderStatus::Duplicate),
            Self::ClearanceDisputed => Some(SenderStatus::ClearanceDisputed),
            Self::SubjectDeclined | Self::CannotReachSafely => None,
        }
    }
}

impl ReturnReason {
    /// What the sender is told.
    pub fn sender_status(self) -> SenderStatus {
        match self {
            Self::WrongFunction | Self::WrongBoard => SenderStatus::WrongFunction,
            Self::Incomplete => SenderStatus::ReturnedIncomplete,
        }
    }
}

impl ClosingOutcome {
    /// What the sender is told: for a child concern one of three answers, else that it is closed and nothing more.
    pub fn sender_status(self) -> SenderStatus {
        match self {
            Self::InquiryOpened => SenderStatus::InquiryOpened,
            Self::InquiryNotOpened => SenderStatus::InquiryNotOpened,
            Self::InquiryAlreadyRunning => SenderStatus::InquiryAlreadyRunning,
            Self::Supported | Self::DeclinedByHer | Self::NotReachedSafely | Self::HandedOver | Self::OtherOutcome | Self::Noted => SenderStatus::Closed,
        }
    }

    /// The three answers that a child concern may have, and that nothing else has.
    pub fn is_inquiry_answer(self) -> bool {
        self.sender_status() != SenderStatus::Closed
    }
}
