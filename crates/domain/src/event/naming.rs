//! Which referral an event is about, and what it is called.

use super::Fact;
use crate::ids::ReferralId;

impl Fact {
    /// The referral that the event is about, if any.
    pub fn referral(&self) -> Option<ReferralId> {
        match self {
            Self::LogStarted { .. }
            | Self::AgencyRegistered { .. }
            | Self::FunctionRegistered { .. }
            | Self::GroundTableActivated { .. }
            | Self::OfferRecorded(_)
            | Self::LogQueried { .. } => None,
            Self::ReferralSubmitted(submitted) => Some(submitted.referral),
            Self::ConsentRecorded(consent) => Some(consent.referral),
            Self::ClearanceDecided(decision) => Some(decision.referral),
            Self::ClearanceConfirmed(second) => Some(second.referral),
            Self::ClearanceCarried(carried) => Some(carried.referral),
            Self::EmergencyDeclared(declared) => Some(declared.referral),
            Self::EmergencyReviewed(review) => Some(review.referral),
            Self::ReferralOffered(offered) | Self::SectionsOffered(offered) => Some(offered.referral),
            Self::ContactRecorded(contact) => Some(contact.referral),
            Self::ReferralClosed(closing) => Some(closing.referral),
            Self::ReminderSent(reminder) => Some(reminder.referral),
            Self::Escalated(escalation) => Some(escalation.referral),
            Self::ContentDestroyed(destruction) => Some(destruction.referral),
            Self::ReferralAmended { referral, .. }
            | Self::ReferralRetracted { referral, .. }
            | Self::RecallAcknowledged { referral, .. }
            | Self::ConsentWithdrawn { referral, .. }
            | Self::StopUseSent { referral, .. }
            | Self::StopUseAnswered { referral, .. }
            | Self::ClearanceRevoked { referral, .. }
            | Self::OfferWithdrawn { referral, .. }
            | Self::ReferralClaimed { referral, .. }
            | Self::NameRevealed { referral, .. }
            | Self::SectionsReleased { referral, .. }
            | Self::DeliveryAcknowledged { referral, .. }
            | Self::ReferralAccepted { referral }
            | Self::ReferralDeclined { referral, .. }
            | Self::ReferralReturned { referral, .. }
            | Self::DisclosureRefused { referral, .. } => Some(*referral),
        }
    }

    /// The event's name, as logs, metrics and auditors see it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::LogStarted { .. } => "LogStarted",
            Self::AgencyRegistered { .. } => "AgencyRegistered",
            Self::FunctionRegistered { .. } => "FunctionRegistered",
            Self::GroundTableActivated { .. } => "GroundTableActivated",
            Self::OfferRecorded(_) => "OfferRecorded",
            Self::ReferralSubmitted(_) => "ReferralSubmitted",
            Self::ReferralAmended { .. } => "ReferralAmended",
            Self::ReferralRetracted { .. } => "ReferralRetracted",
            Self::RecallAcknowledged { .. } => "RecallAcknowledged",
            Self::ConsentRecorded(_) => "ConsentRecorded",
            Self::ConsentWithdrawn { .. } => "ConsentWithdrawn",
            Self::StopUseSent { .. } => "StopUseSent",
            Self::StopUseAnswered { .. } => "StopUseAnswered",
            Self::ClearanceDecided(_) => "ClearanceDecided",
            Self::ClearanceConfirmed(_) => "ClearanceConfirmed",
            Self::ClearanceRevoked { .. } => "ClearanceRevoked",
            Self::ClearanceCarried(_) => "ClearanceCarried",
            Self::EmergencyDeclared(_) => "EmergencyDeclared",
            Self::EmergencyReviewed(_) => "EmergencyReviewed",
            Self::ReferralOffered(_) => "ReferralOffered",
            Self::SectionsOffered(_) => "SectionsOffered",
            Self::OfferWithdrawn { .. } => "OfferWithdrawn",
            Self::ReferralClaimed { .. } => "ReferralClaimed",
            Self::NameRevealed { .. } => "NameRevealed",
            Self::SectionsReleased { .. } => "SectionsReleased",
            Self::DeliveryAcknowledged { .. } => "DeliveryAcknowledged",
            Self::ReferralAccepted { .. } => "ReferralAccepted",
            Self::ReferralDeclined { .. } => "ReferralDeclined",
            Self::ReferralReturned { .. } => "ReferralReturned",
            Self::ContactRecorded(_) => "ContactRecorded",
            Self::ReferralClosed(_) => "ReferralClosed",
            Self::ReminderSent(_) => "ReminderSent",
            Self::Escalated(_) => "Escalated",
            Self::ContentDestroyed(_) => "ContentDestroyed",
            Self::DisclosureRefused { .. } => "DisclosureRefused",
            Self::LogQueried { .. } => "LogQueried",
        }
    }
}
