//! Random and broken bytes never stop a decoder, and are answered as the client's fault.

use brygga_domain::AgencyId;
use bytes::Bytes;
use proptest::prelude::*;
use prost::Message;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use zeroize::Zeroizing;

use crate::codec::decode;
use crate::convert;
use crate::door::Door;
use crate::envelope::Enveloped;
use crate::v1;

/// Cases of each property; with all request types together well above 2,000 decodings.
const CASES: u32 = 2_000;

fn answered<T>(decoded: Result<T, Status>) {
    if let Err(status) = decoded {
        assert_eq!(status.code(), Code::InvalidArgument);
        let info = status.get_error_details().error_info().cloned().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("MALFORMED_MESSAGE", "brygga.v1"));
    }
}

macro_rules! every_request {
    ($bytes:expr; $($request:ident)*) => { $(answered(decode::<v1::$request>($bytes.clone()));)* };
}

fn decode_as_every_request(bytes: &Bytes) {
    answered(decode::<Enveloped>(bytes.clone()));
    every_request! { bytes;
        RecordOfferRequest SubmitReferralRequest AmendReferralRequest RetractReferralRequest GetReferralRequest ListReferralsRequest WatchReferralsRequest
        RecordConsentRequest WithdrawConsentRequest GetConsentRequest ListConsentsRequest
        ListPendingClearancesRequest AssessReferralRequest DecideClearanceRequest ConfirmClearanceRequest RevokeClearanceRequest
        DeclareEmergencyRequest ReviewEmergencyRequest
        ListInboxRequest WatchInboxRequest ClaimReferralRequest OpenReferralRequest AcknowledgeDeliveryRequest AcceptReferralRequest DeclineReferralRequest
        ReturnReferralRequest RecordContactRequest CloseReferralRequest AcknowledgeStopUseRequest AcknowledgeRecallRequest ConfirmImportRequest
        SearchEntriesRequest GetEntryRequest TailEntriesRequest GetCheckpointRequest GetInclusionProofRequest GetConsistencyProofRequest
        ListAgenciesRequest GetFunctionRequest ResolveRouteRequest
    }
}

/// Whatever can be decoded is converted too: at worst it is malformed.
fn convert_as_writes(bytes: &Bytes, door: &Door, agency: &AgencyId) {
    if let Ok(request) = decode::<v1::SubmitReferralRequest>(bytes.clone()) {
        drop(convert::submit_referral(request, door, agency));
    }
    if let Ok(request) = decode::<v1::DecideClearanceRequest>(bytes.clone()) {
        drop(convert::decide_clearance(request, door, agency));
    }
    if let Ok(request) = decode::<v1::RecordConsentRequest>(bytes.clone()) {
        drop(convert::record_consent(request, door, agency));
    }
    if let Ok(request) = decode::<v1::SearchEntriesRequest>(bytes.clone()) {
        drop(convert::search_entries(request, door, agency));
    }
}

fn submission() -> Vec<u8> {
    let request = v1::SubmitReferralRequest {
        request_id: "0b8f6f6e-8f0a-4d53-9d6c-2f8f4d1a7c11".into(),
        officer: "klara".into(),
        persons: vec![v1::Person {
            name: "victim-1".into(),
            identifier: Some(v1::Identifier { r#type: 1, value: "19901211-9948".into() }),
            ..Default::default()
        }],
        sections: vec![v1::Section { number: 1, category: 3, persons: vec!["victim-1".into()], investigation: true, content: Bytes::from_static(&[26, 0]) }],
        consents: vec![v1::ConsentTerms::default()],
        decisions: vec![v1::Decision { cells: vec![v1::CellDecision::default()], answers: None, reasons: "x".into(), ..Default::default() }],
        ..v1::SubmitReferralRequest::default()
    };
    request.encode_to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_stop_a_decoder(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let bytes = Bytes::from(bytes);
        decode_as_every_request(&bytes);
    }

    #[test]
    fn broken_messages_never_stop_a_decoder_or_the_door(spoils in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut: prop::sample::Index) {
        let mut bytes = submission();
        for (place, value) in spoils {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        let bytes = Bytes::from(bytes);
        let door = Door::new(&Zeroizing::new([1; 32])).unwrap();
        decode_as_every_request(&bytes);
        convert_as_writes(&bytes, &door, &"vasterort-polis".parse().unwrap());
    }
}

#[test]
fn text_that_is_not_utf_8_is_the_clients_fault() {
    let bytes = Bytes::from_static(b"\x0a\x02\xff\xfe");
    let status = decode::<v1::OpenReferralRequest>(bytes).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    answered::<()>(Err(status));
}

#[test]
fn deep_nesting_is_the_clients_fault_and_no_overflow() {
    let mut bytes = Vec::new();
    for _ in 0..200 {
        let mut outer = vec![0x0b];
        outer.append(&mut bytes);
        outer.push(0x0c);
        bytes = outer;
    }
    answered(decode::<v1::OpenReferralRequest>(Bytes::from(bytes)));
}
