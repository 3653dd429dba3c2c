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
        "DeclareEmergency" DeclareEmergencyRequest DeclareEmergencyResponse;
        "ReviewEmergency" ReviewEmergencyRequest ReviewEmergencyResponse;
    }
    "InboxService" {
        "ClaimReferral" ClaimReferralRequest ClaimReferralResponse;
        "OpenReferral" OpenReferralRequest OpenReferralResponse;
        "AcknowledgeDelivery" AcknowledgeDeliveryRequest AcknowledgeDeliveryResponse;
        "ConfirmImport" ConfirmImportRequest ConfirmImportResponse;
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

/// A stream that carries commands.
pub trait CommandStream: Send + Sync + 'static {
    /// The answers to them.
    type Answer: Send + Sync + 'static;
    /// What the stream brings.
    type Response: prost::Message + Default + 'static;
    /// The method's path, as gRPC names it.
    const PATH: &'static str;

    /// The answer to a command.
    fn answered(request_id: String, answer: Self::Answer) -> Self::Response;
    /// Why a command was not carried out.
    fn failed(request_id: String, error: v1::CommandError) -> Self::Response;
    /// The receipt of an answer, and the proof that the log only grew.
    fn proofs(answer: &Self::Answer) -> (Option<&v1::Receipt>, Option<&v1::ConsistencyProof>);
    /// The key of a command and what became of it; `None`: this is no answer to a command.
    fn read(response: Self::Response) -> Option<(String, Result<Self::Answer, v1::CommandError>)>;
}

/// A write that a stream carries.
pub trait StreamedOn<S: CommandStream>: WriteRequest {
    /// Its number on the stream, which is its answer's too.
    const NUMBER: u32;

    /// Its answer as the stream carries it.
    fn to_answer(response: Self::Response) -> S::Answer;
    /// Its answer, if this is one.
    fn of_answer(answer: S::Answer) -> Option<Self::Response>;
}

macro_rules! streams {
    ($($(#[$doc:meta])* $stream:ident $path:literal $module:ident $response:ident [$($other:ident)*] {
        $($number:literal $variant:ident $request:ident;)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $stream;

        impl $stream {
            /// The number and the request of each command.
            pub const COMMANDS: &'static [(u32, &'static str)] = &[$(($number, stringify!($request)),)*];
        }

        impl CommandStream for $stream {
            type Answer = v1::$module::Answer;
            type Response = v1::$response;
            const PATH: &'static str = concat!("/brygga.v1.", $path);

            fn answered(request_id: String, answer: Self::Answer) -> Self::Response {
                v1::$response { request_id, answer: Some(answer) }
            }

            fn failed(request_id: String, error: v1::CommandError) -> Self::Response {
                Self::answered(request_id, v1::$module::Answer::Error(error))
            }

            fn proofs(answer: &Self::Answer) -> (Option<&v1::Receipt>, Option<&v1::ConsistencyProof>) {
                use v1::$module::Answer;
                match answer {
                    $(Answer::$variant(answer) => (answer.receipt(), answer.consistency()),)*
                    $(Answer::$other(_) => (None, None),)*
                    Answer::Error(_) => (None, None),
                }
            }

            fn read(response: Self::Response) -> Option<(String, Result<Self::Answer, v1::CommandError>)> {
                use v1::$module::Answer;
                match response.answer {
                    Some(Answer::Error(error)) => Some((response.request_id, Err(error))),
                    Some(answer @ ($(Answer::$variant(_))|*)) => Some((response.request_id, Ok(answer))),
                    $(Some(Answer::$other(_)) => None,)*
                    None => None,
                }
            }
        }

        $(impl StreamedOn<$stream> for v1::$request {
            const NUMBER: u32 = $number;

            fn to_answer(response: Self::Response) -> v1::$module::Answer {
                v1::$module::Answer::$variant(response)
            }

            fn of_answer(answer: v1::$module::Answer) -> Option<Self::Response> {
                if let v1::$module::Answer::$variant(response) = answer { Some(response) } else { None }
            }
        })*
    )*};
}

streams! {
    /// The commands of a sender.
    ReferralCommands "StreamService/StreamReferrals" stream_referrals_response StreamReferralsResponse [] {
        1 Submit SubmitReferralRequest;
        2 Amend AmendReferralRequest;
        3 Retract RetractReferralRequest;
        4 RecordOffer RecordOfferRequest;
        5 RecordConsent RecordConsentRequest;
        6 WithdrawConsent WithdrawConsentRequest;
        7 DecideClearance DecideClearanceRequest;
        8 ConfirmClearance ConfirmClearanceRequest;
        9 RevokeClearance RevokeClearanceRequest;
        10 DeclareEmergency DeclareEmergencyRequest;
        11 ReviewEmergency ReviewEmergencyRequest;
    }
    /// The commands of a recipient.
    InboxCommands "StreamService/StreamInbox" stream_inbox_response StreamInboxResponse [Watched] {
        1 Claim ClaimReferralRequest;
        2 Open OpenReferralRequest;
        3 AcknowledgeDelivery AcknowledgeDeliveryRequest;
        4 Accept AcceptReferralRequest;
        5 Decline DeclineReferralRequest;
        6 Return ReturnReferralRequest;
        7 RecordContact RecordContactRequest;
        8 Close CloseReferralRequest;
        9 AcknowledgeStopUse AcknowledgeStopUseRequest;
        10 AcknowledgeRecall AcknowledgeRecallRequest;
        11 ConfirmImport ConfirmImportRequest;
    }
}

/// The number under which a stream of an inbox is asked to be watched.
pub const WATCH_NUMBER: u32 = 14;
