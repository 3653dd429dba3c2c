//! What each party may see of what stands: the domain's state as messages.
//!
//! A view only ever leaves things out. What comes before: the server, which has found the referral and the caller's relation to
//! it. A view for a sender never shows what a recipient learns about a person, and no view shows content but [`released`].

mod explanation;
mod party;
mod proof;
mod stream;
#[cfg(test)]
mod tests;

use brygga_domain::event::Interest;
use brygga_domain::referral::Referral;
use brygga_domain::{Agency, AgencyKind, Code, Function, Time};
use prost_types::Timestamp;

pub use explanation::{block_reason, explanation, explanations};
pub use party::{Clearing, clearance_referral, consent, envelope, released, sender_referral, sender_status, standing};
pub use proof::{consistency, log_entry, receipt};
pub use stream::{ReturnedWith, inbox_entry, inbox_heartbeat, log_heartbeat, log_item, referrals_heartbeat, status_entry};

use crate::convert::Warning;
use crate::v1;

/// How a cell names the investigation.
pub const INVESTIGATION: &str = "investigation";

/// A time as a message.
pub fn timestamp(time: Time) -> Timestamp {
    let micros = time.micros();
    // The remainder lies between 0 and 999,999, so a thousand times it fits.
    let nanos = i32::try_from(micros.rem_euclid(1_000_000)).unwrap_or(0) * 1000;
    Timestamp { seconds: micros.div_euclid(1_000_000), nanos }
}

/// A protected interest as parties name it. A person whom the referral does not name gets no name.
pub(crate) fn interest(referral: &Referral, interest: Interest) -> String {
    match interest {
        Interest::Investigation => INVESTIGATION.to_owned(),
        Interest::Person(id) => referral.person_name(id).map_or_else(String::new, |name| name.to_string()),
    }
}

/// What was taken and may stand in the wrong place; `within` is the field that the message stands in, with a dot, or nothing.
pub fn warnings(within: &str, found: &[Warning]) -> Vec<v1::Warning> {
    let warning =
        |one: &Warning| v1::Warning { field: format!("{within}{}", one.field), text: Some(v1::Text { sv: one.words.sv.clone(), en: one.words.en.clone() }) };
    found.iter().map(warning).collect()
}

/// An agency of the directory.
pub fn agency(agency: &Agency, now: Time) -> v1::Agency {
    v1::Agency {
        id: agency.id.to_string(),
        kind: agency.kind.number(),
        display_name: agency.name.clone(),
        organisation_number: agency.organisation_number.clone().unwrap_or_default(),
        active: agency.is_active(now),
    }
}

/// A function of the directory.
pub fn function(function: &Function, host: AgencyKind) -> v1::Function {
    v1::Function {
        id: function.id.to_string(),
        host: function.host.to_string(),
        display_name: function.name.clone(),
        territories: function.territories.clone(),
        kinds: function.kinds.iter().map(|kind| kind.number()).collect(),
        telephone: function.telephone.clone().unwrap_or_default(),
        host_kind: host.number(),
        conflict_step: function.duty.conflict_step,
        target_group: (!function.target.is_everybody()).then(|| v1::TargetGroup {
            age_from: function.target.age_from,
            age_to: function.target.age_to,
            relationships: function.target.relationships.iter().map(|relationship| relationship.number()).collect(),
        }),
    }
}
