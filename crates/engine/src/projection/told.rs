//! What inboxes and senders are told of an event.

use brygga_domain::clocks::Duty;
use brygga_domain::codes::{InboxKind, SenderStatus};
use brygga_domain::event::{ContentName, Event, Fact};
use brygga_domain::gate::ReleasedSection;
use brygga_domain::referral::{Cell, CellState, Referral, Section, Stage};
use brygga_domain::{FunctionId, Position};

/// What the recipient's inbox and the sender are told of the event at a position, given the referral before and after its command.
pub fn notices(at: Position, event: &Event, before: Option<&Referral>, after: &Referral) -> (Option<InboxKind>, Option<SenderStatus>) {
    match &event.fact {
        Fact::ReferralSubmitted(_) => (None, Some(SenderStatus::Stored)),
        Fact::ReferralOffered(_) => (Some(InboxKind::Offered), Some(SenderStatus::Offered)),
        Fact::SectionsOffered(_) => (Some(InboxKind::SectionsOffered), Some(SenderStatus::Offered)),
        Fact::OfferWithdrawn { .. } => (Some(InboxKind::OfferWithdrawn), Some(SenderStatus::OfferWithdrawn)),
        Fact::ReferralRetracted { .. } => (after.offered_at.map(|_| InboxKind::Retracted), Some(SenderStatus::Retracted)),
        Fact::RecallAcknowledged { .. } => (None, Some(SenderStatus::RecallConfirmed)),
        Fact::StopUseSent { .. } => (Some(InboxKind::StopUse), None),
        Fact::StopUseAnswered { .. } => (None, Some(SenderStatus::StopUseConfirmed)),
        // How often the recipient reads what it has is not the sender's to know.
        Fact::SectionsReleased { released, .. } => {
            (None, released.sections().iter().any(|section| is_new(section, before, after)).then_some(SenderStatus::Opened))
        }
        Fact::DeliveryAcknowledged { release, .. } => (None, arrives(*release, before).then_some(SenderStatus::Delivered)),
        Fact::ReferralAccepted { .. } => (None, Some(SenderStatus::Answered)),
        Fact::ReferralDeclined { reason, .. } => (None, reason.sender_status()),
        Fact::ReferralReturned { reason, .. } => (None, Some(reason.sender_status())),
        Fact::ReferralClosed(closing) => (None, Some(closing.outcome.sender_status())),
        Fact::ReminderSent(_) => (Some(InboxKind::Reminder), None),
        Fact::Escalated(escalation) => (escalation.function.as_ref().map(|_| InboxKind::Reminder), escalation.told),
        Fact::ContentDestroyed(gone) => (is_shown(&gone.contents, after).then_some(InboxKind::ContentDestroyed), Some(SenderStatus::ContentDestroyed)),
        // One act may make several events; its last one tells.
        Fact::ClearanceDecided(_) | Fact::ClearanceConfirmed(_) => {
            let stays = nothing_passes(after) || (after.stage == Stage::Held && all_decided(after) && !after.waits_for_clearance());
            (None, (last_decided(after) == Some(at) && stays).then_some(SenderStatus::NothingPasses))
        }
        Fact::EmergencyDeclared(_) => (None, Some(SenderStatus::EmergencyDeclared)),
        Fact::LogStarted { .. }
        | Fact::AgencyRegistered { .. }
        | Fact::FunctionRegistered { .. }
        | Fact::GroundTableActivated { .. }
        | Fact::OfferRecorded(_)
        | Fact::ReferralAmended { .. }
        | Fact::ConsentRecorded(_)
        | Fact::ConsentWithdrawn { .. }
        | Fact::ClearanceRevoked { .. }
        | Fact::ClearanceCarried(_)
        | Fact::EmergencyReviewed(_)
        | Fact::ReferralClaimed { .. }
        | Fact::NameRevealed { .. }
        | Fact::ContactRecorded(_)
        | Fact::DisclosureRefused { .. }
        | Fact::LogQueried { .. } => (None, None),
    }
}

/// The clearance function of a leader at another agency that broke the glass: its other officers are to decide and to review, and it follows no
/// statuses of a referral that is not its own.
pub fn passed_over(event: &Event, referral: &Referral, duty: Duty<'_>) -> Option<FunctionId> {
    let by_leader = matches!(event.fact, Fact::EmergencyDeclared(_)) && event.agency != referral.sender;
    if by_leader { duty.clearer(referral, &event.agency, event.time) } else { None }
}

/// The function whose inbox is told of an event: the recipient, or whoever a clock reminds.
pub fn told_function<'a>(event: &'a Event, referral: &'a Referral) -> &'a FunctionId {
    match &event.fact {
        Fact::ReminderSent(reminder) => &reminder.function,
        Fact::Escalated(escalation) => escalation.function.as_ref().unwrap_or(&referral.recipient),
        Fact::LogStarted { .. }
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
        | Fact::ReferralDeclined { .. }
        | Fact::ReferralReturned { .. }
        | Fact::ContactRecorded(_)
        | Fact::ReferralClosed(_)
        | Fact::ContentDestroyed(_)
        | Fact::DisclosureRefused { .. }
        | Fact::LogQueried { .. } => &referral.recipient,
    }
}

/// Whether the recipient knows of something that is gone: it is offered, or has left before.
fn is_shown(gone: &[ContentName], after: &Referral) -> bool {
    let known = |name: &ContentName| {
        after.section(name.section).is_some_and(|section| {
            (section.offered && section.revision == name.revision) || section.released.is_some_and(|left| name.revision <= left.revision)
        })
    };
    gone.iter().any(known)
}

/// Whether this revision of the section leaves for the first time; what is shown for the check of conflicts does not.
fn is_new(released: &ReleasedSection, before: Option<&Referral>, after: &Referral) -> bool {
    let left = |referral: &Referral| referral.section(released.section).and_then(|section| section.released).map_or(0, |left| left.revision);
    before.map_or(0, left) < released.revision && left(after) == released.revision
}

/// Whether something of that release is confirmed for the first time: that the recipient has it again is not the sender's to know.
fn arrives(release: Position, before: Option<&Referral>) -> bool {
    let new = |section: &Section| section.released.is_some_and(|left| left.at == release && left.revision > section.acknowledged);
    before.is_some_and(|referral| referral.sections.iter().any(new))
}

/// Where somebody has decided last.
fn last_decided(referral: &Referral) -> Option<Position> {
    let decided = |cell: &Cell| match &cell.state {
        CellState::Undecided => None,
        CellState::Decided(decision) => decision.confirmed.max(Some(decision.at)),
    };
    referral.cells().filter_map(|(_, cell)| decided(cell)).max()
}

/// Everything is decided, and every section has a cell that is withheld.
fn nothing_passes(referral: &Referral) -> bool {
    all_decided(referral) && referral.sections.iter().all(|section| section.cells.iter().any(Cell::is_withheld))
}

fn all_decided(referral: &Referral) -> bool {
    referral.cells().all(|(_, cell)| cell.state != CellState::Undecided)
}
