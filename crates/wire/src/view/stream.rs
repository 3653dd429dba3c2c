//! Items of the streams: an entry, or a heartbeat when there is nothing to say.

use brygga_domain::{Category, Code, InboxKind, Position, Reference, ReferralId, SenderStatus, Time};

use super::timestamp;
use crate::v1;

fn heartbeat(position: Position, time: Time) -> v1::Heartbeat {
    v1::Heartbeat { position: position.0, time: Some(timestamp(time)) }
}

/// A transport answer to the sender. `missing` is for a return as incomplete.
pub fn status_entry(at: (Position, Time), referral: (ReferralId, Reference), status: SenderStatus, missing: &[Category]) -> v1::WatchReferralsResponse {
    let entry = v1::StatusEntry {
        position: at.0.0,
        referral: referral.0.to_string(),
        status: status.number(),
        time: Some(timestamp(at.1)),
        reference: referral.1.to_string(),
        missing: missing.iter().map(|category| category.number()).collect(),
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
