//! Requests become commands here, or every fault that they have.
//!
//! One function for each write method, and [`read`] for what is only read. What comes before: the codec, which has made a
//! message of the bytes. What comes after: the engine, which decides. A fault names its field and never repeats a value.

mod check;
mod clearance;
mod consent;
mod exclusion;
mod inbox;
mod log;
pub mod read;
mod referral;
mod routing;
#[cfg(test)]
mod tests;

use brygga_domain::command::Action;
use brygga_domain::event::Officer;
use brygga_domain::{AgencyId, Command, Digest, Entropy, RequestId};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::lint::Words;

pub use clearance::{confirm_clearance, decide_clearance, declare_emergency, known, review_emergency, revoke_clearance};
pub use consent::{record_consent, withdraw_consent};
pub use inbox::{
    accept_referral, acknowledge_delivery, acknowledge_recall, acknowledge_stop_use, claim_referral, close_referral, confirm_import, decline_referral,
    open_referral, record_contact, return_referral,
};
pub use log::{EntriesWanted, get_entry, search_entries};
pub use referral::{amend_referral, draft, record_offer, retract_referral, submit_referral};
pub use routing::{Asked as RouteAsked, resolve_route};

/// Domain of every `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "brygga.v1";
/// Reason of a request that cannot be read or has faults in fields.
pub const MALFORMED_MESSAGE: &str = "MALFORMED_MESSAGE";

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldViolation {
    /// Path of the field, for example `sections[2].persons[0]`.
    pub field: String,
    /// What is wrong with it; never its value.
    pub description: &'static str,
}

/// Every fault of a request, in the order of its fields.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the request has faults in {} fields", violations.len())]
pub struct Malformed {
    /// The faults, at most [`crate::limits::VIOLATIONS_MAX`].
    pub violations: Vec<FieldViolation>,
}

impl Malformed {
    /// The same faults of a message that stands in a field of another one.
    #[must_use]
    pub fn within(mut self, field: &str) -> Self {
        for violation in &mut self.violations {
            violation.field = format!("{field}.{}", violation.field);
        }
        self
    }
}

impl From<Malformed> for Status {
    fn from(malformed: Malformed) -> Self {
        let message = malformed.to_string();
        let violations: Vec<tonic_types::FieldViolation> =
            malformed.violations.into_iter().map(|fault| tonic_types::FieldViolation::new(fault.field, fault.description)).collect();
        let mut details = ErrorDetails::with_bad_request(violations);
        details.set_error_info(MALFORMED_MESSAGE, DOMAIN, []);
        Self::with_error_details(Code::InvalidArgument, message, details)
    }
}

/// Something in a request that may stand in the wrong place. It is no fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Path of the field.
    pub field: String,
    /// Why.
    pub words: &'static Words,
}

/// A write, parsed: what a [`Command`] is made of, but for what only the server knows.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The key.
    pub request: RequestId,
    /// The officer.
    pub officer: Officer,
    /// Size of the log that the client has pinned; 0: none.
    pub pinned_size: u64,
    /// What is asked.
    pub action: Action,
    /// What its sender should look at once more, at most [`crate::limits::VIOLATIONS_MAX`].
    pub warnings: Vec<Warning>,
}

impl Asked {
    /// The command of an agency.
    pub fn command(self, agency: AgencyId, digest: Digest, entropy: Entropy) -> Command {
        Command { agency, officer: Some(self.officer), request: self.request, digest, entropy, action: self.action }
    }
}
