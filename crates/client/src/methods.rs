//! One typed method for each method of the services. Writes are verified; reads are repeated when that may help.

use brygga_wire::v1;

use crate::client::{Answer, Client};
use crate::error::ClientError;

macro_rules! writes {
    ($($(#[$doc:meta])* $name:ident($request:ident) -> $response:ident;)*) => {
        impl Client {
            $($(#[$doc])*
            pub async fn $name(&self, request: v1::$request) -> Result<Answer<v1::$response>, ClientError> {
                self.write(request).await
            })*
        }
    };
}

macro_rules! reads {
    ($($service:literal { $($(#[$doc:meta])* $name:ident = $method:literal $request:ident -> $response:ident;)* })*) => {
        impl Client {
            $($($(#[$doc])*
            pub async fn $name(&self, request: v1::$request) -> Result<v1::$response, ClientError> {
                self.read(concat!("/brygga.v1.", $service, "/", $method), request).await
            })*)*
        }

        /// The paths of all reads, for the test that holds them against the contract.
        #[cfg(test)]
        pub(crate) const READ_PATHS: &[&str] = &[$($(concat!("/brygga.v1.", $service, "/", $method),)*)*];
    };
}

writes! {
    /// Records an offer of support.
    record_offer(RecordOfferRequest) -> RecordOfferResponse;
    /// Submits a referral.
    submit_referral(SubmitReferralRequest) -> SubmitReferralResponse;
    /// Gives sections new content.
    amend_referral(AmendReferralRequest) -> AmendReferralResponse;
    /// Takes a referral back.
    retract_referral(RetractReferralRequest) -> RetractReferralResponse;
    /// Records a consent.
    record_consent(RecordConsentRequest) -> RecordConsentResponse;
    /// Ends a consent.
    withdraw_consent(WithdrawConsentRequest) -> WithdrawConsentResponse;
    /// Decides cells.
    decide_clearance(DecideClearanceRequest) -> DecideClearanceResponse;
    /// Agrees or not as the second officer.
    confirm_clearance(ConfirmClearanceRequest) -> ConfirmClearanceResponse;
    /// Takes decisions back before release.
    revoke_clearance(RevokeClearanceRequest) -> RevokeClearanceResponse;
    /// Lets what is decided leave before a second officer's word, for some hours.
    declare_emergency(DeclareEmergencyRequest) -> DeclareEmergencyResponse;
    /// Reviews an emergency, which ends it.
    review_emergency(ReviewEmergencyRequest) -> ReviewEmergencyResponse;
    /// Takes a referral on.
    claim_referral(ClaimReferralRequest) -> ClaimReferralResponse;
    /// Asks for the content. Nothing of it is given unless consent, decision and release are all proved.
    open_referral(OpenReferralRequest) -> OpenReferralResponse;
    /// Confirms that content arrived.
    acknowledge_delivery(AcknowledgeDeliveryRequest) -> AcknowledgeDeliveryResponse;
    /// Confirms that the own system has imported what a release delivered: the broker destroys it.
    confirm_import(ConfirmImportRequest) -> ConfirmImportResponse;
    /// Takes the referral.
    accept_referral(AcceptReferralRequest) -> AcceptReferralResponse;
    /// Does not take the referral.
    decline_referral(DeclineReferralRequest) -> DeclineReferralResponse;
    /// Sends the referral back.
    return_referral(ReturnReferralRequest) -> ReturnReferralResponse;
    /// Records contact with the victim.
    record_contact(RecordContactRequest) -> RecordContactResponse;
    /// Closes in coded answers.
    close_referral(CloseReferralRequest) -> CloseReferralResponse;
    /// Answers a stop-use notice.
    acknowledge_stop_use(AcknowledgeStopUseRequest) -> AcknowledgeStopUseResponse;
    /// Confirms a recall.
    acknowledge_recall(AcknowledgeRecallRequest) -> AcknowledgeRecallResponse;
    /// Searches the log. The question is itself an entry of it.
    search_entries(SearchEntriesRequest) -> SearchEntriesResponse;
    /// Reads one entry. The reading is itself an entry of the log.
    get_entry(GetEntryRequest) -> GetEntryResponse;
}

reads! {
    "ReferralService" {
        /// One of the agency's own referrals.
        get_referral = "GetReferral" GetReferralRequest -> GetReferralResponse;
        /// The agency's own referrals.
        list_referrals = "ListReferrals" ListReferralsRequest -> ListReferralsResponse;
    }
    "ConsentService" {
        /// One consent.
        get_consent = "GetConsent" GetConsentRequest -> GetConsentResponse;
        /// The consents of a referral.
        list_consents = "ListConsents" ListConsentsRequest -> ListConsentsResponse;
    }
    "ClearanceService" {
        /// What waits to be cleared.
        list_pending_clearances = "ListPendingClearances" ListPendingClearancesRequest -> ListPendingClearancesResponse;
        /// What passes, what blocks, and what would make it pass.
        assess_referral = "AssessReferral" AssessReferralRequest -> AssessReferralResponse;
    }
    "InboxService" {
        /// The envelopes of a function.
        list_inbox = "ListInbox" ListInboxRequest -> ListInboxResponse;
    }
    "DisclosureLogService" {
        /// The latest signed head, as it came: [`Client::checkpoint`] verifies it.
        get_checkpoint = "GetCheckpoint" GetCheckpointRequest -> GetCheckpointResponse;
        /// An inclusion proof, as it came.
        get_inclusion_proof = "GetInclusionProof" GetInclusionProofRequest -> GetInclusionProofResponse;
        /// A consistency proof, as it came.
        get_consistency_proof = "GetConsistencyProof" GetConsistencyProofRequest -> GetConsistencyProofResponse;
    }
    "DirectoryService" {
        /// The agencies.
        list_agencies = "ListAgencies" ListAgenciesRequest -> ListAgenciesResponse;
        /// One function.
        get_function = "GetFunction" GetFunctionRequest -> GetFunctionResponse;
        /// Where a referral has to go.
        resolve_route = "ResolveRoute" ResolveRouteRequest -> ResolveRouteResponse;
    }
}
