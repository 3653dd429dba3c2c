//! Messages of the contract as JSON, both ways.
//!
//! Files are the canonical proto3 JSON of a request, with three conveniences: a code may be written short (`contact_request`), a
//! time may count from now (`-2h`), and a section's content is the typed object of its category. Output is written the same way.
//! Called by every command; never repeats a value of a file in an error, for a value may be personal.

pub mod moment;
mod read;
mod show;

use std::sync::OnceLock;

use prost_reflect::{DescriptorPool, EnumDescriptor, MessageDescriptor};

pub use read::{InputFault, read};
pub use show::{OUTPUT_VERSION, masked, masked_number, show, show_event};

/// A message that this tool reads or shows.
pub trait Known: prost::Message + Default {
    /// Its full name in the contract.
    const NAME: &'static str;
}

macro_rules! known {
    ($($message:ident)*) => {
        $(impl Known for brygga_wire::v1::$message {
            const NAME: &'static str = concat!("brygga.v1.", stringify!($message));
        })*

        /// The names, for the test that each is in the contract.
        #[cfg(test)]
        const KNOWN: &[&str] = &[$(concat!("brygga.v1.", stringify!($message)),)*];
    };
}

known! {
    AcceptReferralRequest AcceptReferralResponse AcknowledgeDeliveryRequest AcknowledgeDeliveryResponse ConfirmImportRequest ConfirmImportResponse AcknowledgeRecallRequest
    AcknowledgeRecallResponse AcknowledgeStopUseRequest AcknowledgeStopUseResponse AmendReferralRequest AmendReferralResponse Answers
    AssessReferralResponse ClaimReferralRequest ClaimReferralResponse ClearanceReferral CloseReferralRequest CloseReferralResponse
    ConfirmClearanceRequest ConfirmClearanceResponse Consent ConsistencyProof DecideClearanceRequest DecideClearanceResponse
    DeclareEmergencyRequest DeclareEmergencyResponse DeclineReferralRequest DeclineReferralResponse Envelope Function GetCheckpointResponse GetConsistencyProofResponse GetEntryResponse
    GetReferralResponse InboxEntry LogEntry OpenReferralRequest OpenReferralResponse RecordConsentRequest RecordConsentResponse SenderReferenceName
    RecordContactRequest RecordContactResponse RecordOfferRequest RecordOfferResponse ResolveRouteResponse RetractReferralRequest RetractReferralResponse
    ReturnReferralRequest ReturnReferralResponse ReviewEmergencyRequest ReviewEmergencyResponse RevokeClearanceRequest RevokeClearanceResponse SearchEntriesResponse SenderReferral
    StatusEntry SubmitReferralRequest SubmitReferralResponse WithdrawConsentRequest WithdrawConsentResponse
}

impl Known for brygga_wire::content_v1::Content {
    const NAME: &'static str = CONTENT;
}

/// The message that every section's content is.
pub(crate) const CONTENT: &str = "brygga.content.v1.Content";
/// The message that an entry of the log is.
pub(crate) const EVENT: &str = "brygga.journal.v1.Event";
/// The message that a time is.
pub(crate) const TIMESTAMP: &str = "google.protobuf.Timestamp";

/// The contract, as the descriptors that are committed beside the generated code.
pub(crate) fn pool() -> Option<&'static DescriptorPool> {
    static POOL: OnceLock<Option<DescriptorPool>> = OnceLock::new();
    POOL.get_or_init(|| DescriptorPool::decode(brygga_wire::DESCRIPTORS).ok()).as_ref()
}

/// A message of the contract.
pub(crate) fn descriptor(name: &str) -> Option<MessageDescriptor> {
    pool()?.get_message_by_name(name)
}

/// What all codes of an enumeration begin with: the name of code 0 without `UNSPECIFIED`.
fn prefix(list: &EnumDescriptor) -> String {
    let zero = list.get_value(0).map(|value| value.name().to_owned()).unwrap_or_default();
    zero.strip_suffix("UNSPECIFIED").unwrap_or_default().to_owned()
}

/// The short form of a code.
fn short(list: &EnumDescriptor, name: &str) -> String {
    name.strip_prefix(&prefix(list)).unwrap_or(name).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_message_is_in_the_contract() {
        for name in KNOWN.iter().chain([&CONTENT, &EVENT]) {
            assert!(descriptor(name).is_some(), "{name}");
        }
    }

    #[test]
    fn every_code_has_one_short_form() {
        for list in pool().unwrap().all_enums() {
            let names: Vec<String> = list.values().map(|value| short(&list, value.name())).collect();
            let mut once = names.clone();
            once.sort();
            once.dedup();
            assert_eq!(once.len(), names.len(), "{}", list.full_name());
            assert!(!prefix(&list).is_empty(), "{}", list.full_name());
        }
    }
}
