//! Which commands rest on another referral than the one that they are about.

use super::Action;
use crate::ids::ReferralName;

impl Action {
    /// Another referral that the command rests on: the one that is passed on, or that makes this one a duplicate.
    pub fn cites(&self) -> Option<ReferralName> {
        match self {
            Self::SubmitReferral(submission) => submission.forwards,
            Self::DeclineReferral(_, _, duplicate_of) => *duplicate_of,
            Self::StartLog { .. }
            | Self::ActivateGroundTable { .. }
            | Self::RegisterAgency(..)
            | Self::RegisterFunction(..)
            | Self::RecordOffer(_)
            | Self::AmendReferral(..)
            | Self::RetractReferral(..)
            | Self::AcknowledgeRecall(_)
            | Self::RecordConsent(..)
            | Self::WithdrawConsent(..)
            | Self::DecideClearance(..)
            | Self::ConfirmClearance(..)
            | Self::RevokeClearance(..)
            | Self::DeclareEmergency(..)
            | Self::ReviewEmergency(..)
            | Self::ClaimReferral { .. }
            | Self::OpenReferral(_)
            | Self::RevealNames(_)
            | Self::AcknowledgeDelivery(..)
            | Self::AcceptReferral(_)
            | Self::ReturnReferral(..)
            | Self::RecordContact(..)
            | Self::CloseReferral(..)
            | Self::AcknowledgeStopUse(..)
            | Self::ConfirmImport(..)
            | Self::MakeMarks(_)
            | Self::QueryLog(_) => None,
        }
    }
}
