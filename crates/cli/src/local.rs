//! What can be said about a request without the broker: the same check that stands at its door, and the table of kinds.
//!
//! A request that passes here may still be refused: consents, clearances and stages are the broker's to know.

use std::collections::BTreeSet;

use brygga_domain::event::PersonName;
use brygga_domain::grounds::{GroundTable, SHIPPED};
use brygga_domain::routing::register_misleads;
use brygga_domain::{AgencyId, AgencyKind, Category, Code, ProtectedIdentity, ReferralKind, ResidenceBasis};
use brygga_wire::contract::WriteRequest;
use brygga_wire::convert::{self, Asked, Malformed, Warning};
use brygga_wire::{Door, v1, view};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Stands for the agency where none is known: nothing that is checked here depends on which it is.
const SOME_AGENCY: &str = "some-agency";

/// A write that can be checked as at the broker's door.
pub trait Checked: WriteRequest {
    /// The check, and what it warns of.
    fn at_door(self, door: &Door, agency: &AgencyId) -> Result<Vec<Warning>, Malformed>;
}

macro_rules! checked {
    ($($request:ident $convert:ident;)*) => {
        $(impl Checked for v1::$request {
            fn at_door(self, door: &Door, agency: &AgencyId) -> Result<Vec<Warning>, Malformed> {
                convert::$convert(self, door, agency).map(Outcome::warnings)
            }
        })*
    };
}

/// What the check made is not needed: only whether it passed, and with which warnings.
trait Outcome {
    fn warnings(self) -> Vec<Warning>;
}

impl Outcome for Asked {
    fn warnings(self) -> Vec<Warning> {
        self.warnings
    }
}

impl<T> Outcome for (Asked, T) {
    fn warnings(self) -> Vec<Warning> {
        self.0.warnings
    }
}

impl<T, U> Outcome for (Asked, T, U) {
    fn warnings(self) -> Vec<Warning> {
        self.0.warnings
    }
}

checked! {
    RecordOfferRequest record_offer;
    SubmitReferralRequest submit_referral;
    AmendReferralRequest amend_referral;
    RetractReferralRequest retract_referral;
    RecordConsentRequest record_consent;
    WithdrawConsentRequest withdraw_consent;
    DecideClearanceRequest decide_clearance;
    ConfirmClearanceRequest confirm_clearance;
    RevokeClearanceRequest revoke_clearance;
    DeclareEmergencyRequest declare_emergency;
    ReviewEmergencyRequest review_emergency;
    ClaimReferralRequest claim_referral;
    OpenReferralRequest open_referral;
    AcknowledgeDeliveryRequest acknowledge_delivery;
    ConfirmImportRequest confirm_import;
    AcceptReferralRequest accept_referral;
    DeclineReferralRequest decline_referral;
    ReturnReferralRequest return_referral;
    RecordContactRequest record_contact;
    CloseReferralRequest close_referral;
    AcknowledgeStopUseRequest acknowledge_stop_use;
    AcknowledgeRecallRequest acknowledge_recall;
    SearchEntriesRequest search_entries;
    GetEntryRequest get_entry;
}

/// Checks a write as at the door; what it warns of.
pub fn check<W: Checked>(request: W, agency: Option<&AgencyId>) -> Result<Vec<v1::Warning>, Failure> {
    let nowhere = || Failure::usage("the check cannot be made here");
    // The keyed hashes that the door makes are thrown away, so that the secret may be anything.
    let door = Door::new(&Zeroizing::new([0; brygga_wire::door::SECRET_BYTES])).map_err(|_| nowhere())?;
    let agency = match agency {
        Some(agency) => agency.clone(),
        None => SOME_AGENCY.parse().map_err(|_| nowhere())?,
    };
    request
        .at_door(&door, &agency)
        .map(|warnings| view::warnings("", &warnings))
        .map_err(|malformed| Failure::malformed(W::PATH, malformed.violations.into_iter().map(|fault| format!("{} {}", fault.field, fault.description))))
}

/// Whether each of that kind is assessed on its own, so that none is sent in bulk.
pub fn is_assessed_each(kind: i32) -> bool {
    let each = |kind| GroundTable::load(SHIPPED).is_ok_and(|table| table.assesses_each(kind));
    ReferralKind::from_number(kind).is_some_and(each)
}

/// What the table of kinds and the sections themselves say against a submission. `from` is known where the agency is.
pub fn submission_faults(request: &v1::SubmitReferralRequest, from: Option<AgencyKind>) -> Vec<String> {
    let Some(kind) = ReferralKind::from_number(request.kind) else { return vec![String::from("kind is not known")] };
    let Ok(table) = GroundTable::load(SHIPPED) else { return vec![String::from("the table of kinds cannot be read")] };
    let Some(rule) = table.kind(kind) else { return vec![format!("the table has no rule for {kind}")] };
    let mut faults = Vec::new();
    if from.is_some_and(|from| !rule.from.contains(&from)) {
        faults.push(format!("a {kind} is not sent by this kind of agency"));
    }
    let named: BTreeSet<&str> = request.persons.iter().map(|person| person.name.as_str()).collect();
    let mut seen = BTreeSet::new();
    for (index, section) in request.sections.iter().enumerate() {
        let Some(category) = Category::from_number(section.category) else { continue };
        if !rule.categories.contains(&category) {
            faults.push(format!("sections[{index}]: a {kind} does not carry {category}"));
        }
        let persons: BTreeSet<&str> = section.persons.iter().map(String::as_str).collect();
        faults.extend(persons.difference(&named).map(|person| format!("sections[{index}]: persons does not name {person}")));
        if persons.is_empty() && !section.investigation {
            faults.push(format!("sections[{index}]: names nobody whose secrecy it touches"));
        }
        if !seen.insert((category.number(), persons)) {
            faults.push(format!("sections[{index}]: the same category and persons stand twice"));
        }
        if brygga_wire::category_of(&section.content) != Some(category) {
            faults.push(format!("sections[{index}]: the content is not of the category {category}"));
        }
    }
    faults
}

/// The person for whom the register that a submission rests on cannot say where it goes.
pub fn misled_by_register(request: &v1::SubmitReferralRequest) -> Option<PersonName> {
    let basis = ResidenceBasis::from_number(request.routing.as_ref()?.residence_basis);
    let held = |person: &v1::Person| ProtectedIdentity::from_number(person.protected_identity).unwrap_or(ProtectedIdentity::Unknown);
    register_misleads(basis, request.persons.iter().filter_map(|person| Some((person.name.parse().ok()?, held(person)))))
}
