//! Items of the streams: an entry, or a heartbeat when there is nothing to say.

use brygga_domain::{Category, Code, FunctionId, InboxKind, Position, Reference, ReferralId, SenderStatus, Time};

use super::timestamp;
use crate::v1;

fn heartbeat(position: Position, time: Time) -> v1::Heartbeat {
    v1::Heartbeat { position: position.0, time: Some(timestamp(time)) }
}

/// What a return tells the sender besides its reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReturnedWith {
    /// What an incomplete referral lacks.
    pub missing: Vec<Category>,
    /// Where a child concern should have gone.
    pub right_function: Option<FunctionId>,
    /// Whom to telephone about a child concern.
    pub telephone: Option<String>,
}

/// A transport answer to the sender.
pub fn status_entry(at: (Position, Time), referral: (ReferralId, Reference), status: SenderStatus, with: ReturnedWith) -> v1::WatchReferralsResponse {
    let entry = v1::StatusEntry {
        position: at.0.0,
        referral: referral.0.to_string(),
        status: status.number(),
        time: Some(timestamp(at.1)),
        reference: referral.1.to_string(),
        missing: with.missing.iter().map(|category| category.number()).collect(),
        right_function: with.right_function.map(|function| function.to_string()).unwrap_or_default(),
        telephone: with.telephone.unwrap_or_default(),
    };
    v1::WatchReferralsResponse { item: Some(v1::watch_referrals_response::Item::Entry(entry)) }
}

/// Nothing new for the sender.
pub fn referrals_heartbeat(position: Position, time: Time) -> v1::WatchReferralsResponse {
    v1::WatchReferralsResponse { item: Some(v1::watch_referrals_response::Item::Heartbeat(heartbeat(position, time))) }
}

/// Something came into an inbox.
pub fn inbox_entry(at: (Position, Time), referral: (ReferralId, Reference), kind: InboxKind) -> v1::WatchInboxResponse {
    let entry = v1::InboxEntry {
        position: at.0.0,
        referral: referral.0.to_string(),
        kind: kind.number(),
        reference: referral.1.to_string(),
        time: Some(timestamp(at.1)),
    };
    v1::WatchInboxResponse { item: Some(v1::watch_inbox_response::Item::Entry(entry)) }
}

/// Nothing new for the inbox.
pub fn inbox_heartbeat(position: Position, time: Time) -> v1::WatchInboxResponse {
    v1::WatchInboxResponse { item: Some(v1::watch_inbox_response::Item::Heartbeat(heartbeat(position, time))) }
}

/// An entry of the log.
pub fn log_item(entry: v1::LogEntry) -> v1::TailEntriesResponse {
    v1::TailEntriesResponse { item: Some(v1::tail_entries_response::Item::Entry(entry)) }
}

/// Nothing new in the log.
pub fn log_heartbeat(position: Position, time: Time) -> v1::TailEntriesResponse {
    v1::TailEntriesResponse { item: Some(v1::tail_entries_response::Item::Heartbeat(heartbeat(position, time))) }
}
