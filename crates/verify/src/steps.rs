//! Who may cause an event of a referral, with whose name on it, and in which stage.
//!
//! The table of design, written once more: nothing here asks what the broker's `decide` would have allowed.

use brygga_domain::referral::Stage;
use brygga_domain::{AgencyId, ContactOutcome, DeclineReason, Event, Fact, Referral, ReferralKind, ReturnReason};

use crate::finding::Code;
use crate::release::Lack;

/// The agencies that a referral knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Party {
    /// Who sent it.
    Sender,
    /// Who clears some cell of it: the sender, or the leader of the investigation.
    Clearer,
    /// Who answers for the recipient.
    Recipient,
    /// Sender or recipient.
    Either,
    /// Sender, leader or recipient.
    Any,
}

/// Which party may cause it, and whether an officer must stand behind it; `None` for what is about no existing referral.
fn party(fact: &Fact) -> Option<(Party, bool)> {
    match fact {
        Fact::LogStarted { .. }
        | Fact::AgencyRegistered { .. }
        | Fact::FunctionRegistered { .. }
        | Fact::GroundTableActivated { .. }
        | Fact::OfferRecorded(_)
        | Fact::ReferralSubmitted(_)
        // The broker's own: see `clocks`.
        | Fact::ReminderSent(_)
        | Fact::Escalated(_)
        // See `content`.
        | Fact::ContentDestroyed(_)
        | Fact::LogQueried { .. } => None,
        Fact::ReferralAmended { .. } | Fact::ClearanceCarried(_) | Fact::ReferralRetracted { .. } | Fact::ConsentRecorded(_) => Some((Party::Sender, false)),
        Fact::ClearanceDecided(_) | Fact::ClearanceConfirmed(_) | Fact::ClearanceRevoked { .. } | Fact::EmergencyDeclared(_) | Fact::EmergencyReviewed(_) => {
            Some((Party::Clearer, true))
        }
        Fact::ConsentWithdrawn { .. } => Some((Party::Either, false)),
        // What follows from a command carries the name of whoever gave that command.
        Fact::StopUseSent { .. } | Fact::ReferralOffered(_) | Fact::SectionsOffered(_) | Fact::OfferWithdrawn { .. } | Fact::DisclosureRefused { .. } => {
            Some((Party::Any, false))
        }
        Fact::RecallAcknowledged { .. } | Fact::StopUseAnswered { .. } | Fact::DeliveryAcknowledged { .. } => Some((Party::Recipient, false)),
        Fact::ReferralClaimed { .. }
        | Fact::NameRevealed { .. }
        | Fact::SectionsReleased { .. }
        | Fact::ReferralAccepted { .. }
        | Fact::ReferralDeclined { .. }
        | Fact::ReferralReturned { .. }
        | Fact::ContactRecorded(_)
        | Fact::ReferralClosed(_) => Some((Party::Recipient, true)),
    }
}

/// Everything that is wrong with who caused the event.
pub(crate) fn wrong_actor(referral: &Referral, event: &Event) -> Vec<Lack> {
    let Some((party, needs_officer)) = party(&event.fact) else { return Vec::new() };
    let Referral { sender, leader, host, .. } = referral;
    let may: Vec<&AgencyId> = match party {
        Party::Sender => vec![sender],
        Party::Clearer => vec![sender, leader],
        Party::Recipient => vec![host],
        Party::Either => vec![sender, host],
        Party::Any => vec![sender, leader, host],
    };
    let mut lacks = Vec::new();
    let name = event.fact.name();
    if !may.contains(&&event.agency) {
        lacks.push((Code::WrongAgency, format!("{name} belongs to {}, which may not cause it", event.agency)));
    }
    if needs_officer && event.officer.is_none() {
        lacks.push((Code::OfficerMissing, format!("{name} names no officer")));
    }
    let officer = event.officer.map(|officer| officer.pseudonym);
    let takes_on = matches!(event.fact, Fact::ReferralClaimed { takeover: true, .. });
    if party == Party::Recipient && needs_officer && !takes_on && referral.claimed_by.is_some() && referral.claimed_by != officer {
        lacks.push((Code::ClaimedByAnother, format!("{name} is not by the officer who had taken it on")));
    }
    lacks
}

/// Whether the referral's stage allows the event.
fn in_stage(referral: &Referral, fact: &Fact) -> bool {
    let stage = referral.stage;
    let open = !stage.is_ended();
    match fact {
        Fact::ReferralAmended { .. } | Fact::ClearanceCarried(_) | Fact::ConsentRecorded(_) | Fact::ClearanceDecided(_) | Fact::EmergencyDeclared(_) => open,
        // What left in an emergency is decided a second time even when all is over.
        Fact::ClearanceConfirmed(second) => {
            let left = |number: u32| referral.section(number).is_some_and(brygga_domain::referral::Section::has_left);
            open || second.cells.iter().all(|word| left(word.cell.section) || referral.owed.iter().any(|owed| owed.is_given_by(word)))
        }
        Fact::ReferralRetracted { .. } => !matches!(stage, Stage::Retracted { .. }) && (open || referral.is_known_outside()),
        Fact::RecallAcknowledged { recall: named, .. } => matches!(stage, Stage::Retracted { recall: Some(recall), confirmed: false, .. } if recall == *named),
        Fact::ReferralOffered(_) => stage == Stage::Held,
        Fact::SectionsOffered(_) | Fact::NameRevealed { .. } | Fact::SectionsReleased { .. } => matches!(stage, Stage::Ready | Stage::Opened | Stage::Accepted),
        Fact::OfferWithdrawn { .. } => stage == Stage::Ready && !referral.has_released(),
        Fact::ReferralClaimed { .. } => open && referral.offered_at.is_some(),
        Fact::ReferralAccepted { .. } => stage == Stage::Opened,
        Fact::ReferralDeclined { .. } | Fact::ReferralReturned { .. } => matches!(stage, Stage::Ready | Stage::Opened),
        Fact::ContactRecorded(_) | Fact::ReferralClosed(_) => stage == Stage::Accepted,
        // A withdrawal and a review are never too late, an answer to a notice may follow the end, and what names no referral has no stage.
        Fact::ConsentWithdrawn { .. }
        | Fact::StopUseSent { .. }
        | Fact::StopUseAnswered { .. }
        | Fact::ClearanceRevoked { .. }
        | Fact::EmergencyReviewed(_)
        | Fact::DeliveryAcknowledged { .. }
        | Fact::ReminderSent(_)
        | Fact::Escalated(_)
        | Fact::ContentDestroyed(_)
        | Fact::DisclosureRefused { .. }
        | Fact::LogStarted { .. }
        | Fact::AgencyRegistered { .. }
        | Fact::FunctionRegistered { .. }
        | Fact::GroundTableActivated { .. }
        | Fact::OfferRecorded(_)
        | Fact::ReferralSubmitted(_)
        | Fact::LogQueried { .. } => true,
    }
}

/// What is wrong with when the event comes.
pub(crate) fn wrong_stage(referral: &Referral, fact: &Fact) -> Option<Lack> {
    let text = || format!("{} cannot come while the referral is {}", fact.name(), referral.stage.as_str());
    (!in_stage(referral, fact)).then(|| (Code::StageWrong, text()))
}

/// What is wrong with an answer of the recipient, whatever the stage.
pub(crate) fn wrong_answer(referral: &Referral, fact: &Fact) -> Option<Lack> {
    let child_concern = referral.kind == ReferralKind::ChildConcern;
    let unopened = referral.stage == Stage::Ready;
    let not_allowed = |text: String| Some((Code::AnswerNotAllowed, text));
    match fact {
        Fact::ReferralDeclined { .. } if child_concern => Some((Code::ChildConcernDeclined, String::from("a child concern was declined"))),
        Fact::ReferralDeclined { reason: reason @ (DeclineReason::SubjectDeclined | DeclineReason::CannotReachSafely), .. } => {
            not_allowed(format!("{reason} is an answer about a person and never goes to the sender"))
        }
        Fact::ReferralDeclined { reason: reason @ (DeclineReason::Under18 | DeclineReason::Duplicate | DeclineReason::ClearanceDisputed), .. } if unopened => {
            not_allowed(format!("the envelope does not show {reason}"))
        }
        Fact::ReferralReturned { reason: ReturnReason::WrongFunction | ReturnReason::Incomplete, right_function: Some(_), .. } => {
            not_allowed(String::from("where an adult should go is an answer about the person"))
        }
        Fact::ReferralReturned { reason, .. } if child_concern != (*reason == ReturnReason::WrongBoard) => {
            not_allowed(format!("{reason} is no answer to a {}", referral.kind))
        }
        Fact::ReferralReturned { reason: ReturnReason::Incomplete, .. } if unopened => {
            not_allowed(String::from("the envelope does not show that something is missing"))
        }
        Fact::ReferralClosed(closing) if child_concern != closing.outcome.is_inquiry_answer() => {
            not_allowed(format!("{} is no answer to a {}", closing.outcome, referral.kind))
        }
        Fact::ContactRecorded(contact) if contact.outcome == ContactOutcome::Reached && contact.channel.is_none() => {
            not_allowed(String::from("contact was reached and no channel is named"))
        }
        Fact::ReferralDeclined { .. }
        | Fact::ReferralReturned { .. }
        | Fact::ReferralClosed(_)
        | Fact::ContactRecorded(_)
        | Fact::LogStarted { .. }
        | Fact::AgencyRegistered { .. }
        | Fact::FunctionRegistered { .. }
        | Fact::GroundTableActivated { .. }
        | Fact::OfferRecorded(_)
        | Fact::ReferralSubmitted(_)
        | Fact::ReferralAmended { .. }
        | Fact::ReferralRetracted { .. }
        | Fact::RecallAcknowledged { .. }
        | Fact::ConsentRecorded(_)
        | Fact::ConsentWithdrawn { .. }
        | Fact::StopUseSent { .. }
        | Fact::StopUseAnswered { .. }
        | Fact::ClearanceDecided(_)
        | Fact::ClearanceConfirmed(_)
        | Fact::ClearanceRevoked { .. }
        | Fact::ClearanceCarried(_)
        | Fact::EmergencyDeclared(_)
        | Fact::EmergencyReviewed(_)
        | Fact::ReferralOffered(_)
        | Fact::SectionsOffered(_)
        | Fact::OfferWithdrawn { .. }
        | Fact::ReferralClaimed { .. }
        | Fact::NameRevealed { .. }
        | Fact::SectionsReleased { .. }
        | Fact::DeliveryAcknowledged { .. }
        | Fact::ReferralAccepted { .. }
        | Fact::ReminderSent(_)
        | Fact::Escalated(_)
        | Fact::ContentDestroyed(_)
        | Fact::DisclosureRefused { .. }
        | Fact::LogQueried { .. } => None,
    }
}
