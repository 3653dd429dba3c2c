//! What all writes have in common, for the code that treats them alike: the client's retries, its pin and its checks.

use crate::v1;

/// A request that writes.
pub trait WriteRequest: prost::Message + Default + Clone {
    /// The answer to it.
    type Response: WriteResponse;
    /// The method's path, as gRPC names it.
    const PATH: &'static str;

    /// The key.
    fn request_id(&self) -> &str;
    /// Names the key, the officer and the pin.
    fn head(&mut self, request_id: String, officer: String, pinned_size: u64);
}

/// An answer that proves a write.
pub trait WriteResponse: prost::Message + Default {
    /// Proof that it is in the log.
    fn receipt(&self) -> Option<&v1::Receipt>;
    /// Proof that the log only grew.
    fn consistency(&self) -> Option<&v1::ConsistencyProof>;
    /// Puts both in.
    fn prove(&mut self, receipt: v1::Receipt, consistency: v1::ConsistencyProof);
}

macro_rules! writes {
    ($($service:literal { $($method:literal $request:ident $response:ident;)* })*) => {$($(
        impl WriteRequest for v1::$request {
            type Response = v1::$response;
            const PATH: &'static str = concat!("/brygga.v1.", $service, "/", $method);

            fn request_id(&self) -> &str {
                &self.request_id
            }

            fn head(&mut self, request_id: String, officer: String, pinned_size: u64) {
                self.request_id = request_id;
                self.officer = officer;
                self.pinned_size = pinned_size;
            }
        }

        impl WriteResponse for v1::$response {
            fn receipt(&self) -> Option<&v1::Receipt> {
                self.receipt.as_ref()
            }

            fn consistency(&self) -> Option<&v1::ConsistencyProof> {
                self.consistency.as_ref()
            }

            fn prove(&mut self, receipt: v1::Receipt, consistency: v1::ConsistencyProof) {
                self.receipt = Some(receipt);
                self.consistency = Some(consistency);
            }
        }
    )*)*};
}

writes! {
    "ReferralService" {
        "RecordOffer" RecordOfferRequest RecordOfferResponse;
        "SubmitReferral" SubmitReferralRequest SubmitReferralResponse;
        "AmendReferral" AmendReferralRequest AmendReferralResponse;
        "RetractReferral" RetractReferralRequest RetractReferralResponse;
    }
    "ConsentService" {
        "RecordConsent" RecordConsentRequest RecordConsentResponse;
        "WithdrawConsent" WithdrawConsentRequest WithdrawConsentResponse;
    }
    "ClearanceService" {
        "DecideClearance" DecideClearanceRequest DecideClearanceResponse;
        "ConfirmClearance" ConfirmClearanceRequest ConfirmClearanceResponse;
        "RevokeClearance" RevokeClearanceRequest RevokeClearanceResponse;
    }
    "InboxService" {
        "ClaimReferral" ClaimReferralRequest ClaimReferralResponse;
        "OpenReferral" OpenReferralRequest OpenReferralResponse;
        "AcknowledgeDelivery" AcknowledgeDeliveryRequest AcknowledgeDeliveryResponse;
        "AcceptReferral" AcceptReferralRequest AcceptReferralResponse;
        "DeclineReferral" DeclineReferralRequest DeclineReferralResponse;
        "ReturnReferral" ReturnReferralRequest ReturnReferralResponse;
        "RecordContact" RecordContactRequest RecordContactResponse;
        "CloseReferral" CloseReferralRequest CloseReferralResponse;
        "AcknowledgeStopUse" AcknowledgeStopUseRequest AcknowledgeStopUseResponse;
        "AcknowledgeRecall" AcknowledgeRecallRequest AcknowledgeRecallResponse;
    }
    "DisclosureLogService" {
        "SearchEntries" SearchEntriesRequest SearchEntriesResponse;
        "GetEntry" GetEntryRequest GetEntryResponse;
    }
}
