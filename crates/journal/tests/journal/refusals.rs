//! What the decoder refuses, one by one, and what it says.

use brygga_domain::event::Fact;
use brygga_domain::ids::IdError;
use brygga_journal::v1::{self, event::Fact as Wire};
use brygga_journal::{DecodeError, EVENT_BYTES_MAX, decode, encode};
use bytes::Bytes;
use prost::Message;

use crate::samples::{event, message};

fn refusal(bytes: &[u8]) -> DecodeError {
    decode(bytes).err().unwrap()
}

fn spoilt(spoil: impl FnOnce(&mut v1::Event)) -> DecodeError {
    let mut event = message();
    spoil(&mut event);
    refusal(&event.encode_to_vec())
}

fn with_fact(fact: Wire) -> DecodeError {
    spoilt(|event| event.fact = Some(fact))
}

/// The bytes of an event without its fact, followed by a field of the given number and bytes.
fn with_raw_fact(number: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = v1::Event { fact: None, ..message() }.encode_to_vec();
    prost::encoding::bytes::encode(number, &payload.to_vec(), &mut bytes);
    bytes
}

#[test]
fn unknown_fields_are_refused_at_every_depth() {
    const UNKNOWN_FIELD: [u8; 3] = [0xa0, 0x06, 0x01];
    let bytes = message().encode_to_vec();
    assert_eq!(refusal(&[&bytes[..], &UNKNOWN_FIELD[..]].concat()), DecodeError::NotCanonical);

    let Some(Wire::ReferralClaimed(claimed)) = message().fact else { panic!("another sample") };
    let known = claimed.encode_to_vec();
    assert!(decode(&with_raw_fact(38, &known)).is_ok());
    assert_eq!(refusal(&with_raw_fact(38, &[&known[..], &UNKNOWN_FIELD[..]].concat())), DecodeError::NotCanonical);
}

#[test]
fn a_kind_of_event_that_is_only_reserved_is_refused() {
    for number in [20, 52, 53] {
        assert_eq!(refusal(&with_raw_fact(number, &[])), DecodeError::Missing { field: "fact" }, "field {number}");
    }
}

#[test]
fn other_spellings_of_the_same_event_are_refused() {
    let referral = [&[0x0a, 16], &[0x11; 16][..]].concat();
    let spellings: [(&str, Vec<u8>); 5] = [
        ("takeover as 2", vec![0x10, 0x02]),
        ("takeover in two bytes", vec![0x10, 0x81, 0x00]),
        ("takeover twice", vec![0x10, 0x01, 0x10, 0x01]),
        ("referral twice", [&[0x10, 0x01], &referral[..]].concat()),
        ("takeover written out as false", vec![0x10, 0x00]),
    ];
    for (spelling, rest) in spellings {
        assert_eq!(refusal(&with_raw_fact(38, &[referral.clone(), rest].concat())), DecodeError::NotCanonical, "{spelling}");
    }
    let swapped = [&[0x10, 0x01], &referral[..]].concat();
    assert_eq!(refusal(&with_raw_fact(38, &swapped)), DecodeError::NotCanonical, "fields in another order");
    let plain = [&referral[..], &[0x12, 0x09], b"solna-rvc", &[0x18, 0x01, 0x18, 0x02]].concat();
    assert_eq!(refusal(&with_raw_fact(35, &plain)), DecodeError::NotCanonical, "numbers that are not packed");
    let two_facts = [&message().encode_to_vec()[..], &with_raw_fact(41, &referral)[v1::Event { fact: None, ..message() }.encoded_len()..]].concat();
    assert_eq!(refusal(&two_facts), DecodeError::NotCanonical, "two facts");
}

#[test]
fn codes_outside_their_list_are_refused() {
    for number in [0, 99, -1] {
        let wanted = DecodeError::Code { field: "proof", list: "OfficerProof", number };
        assert_eq!(spoilt(|event| event.officer = event.officer.take().map(|officer| v1::Officer { proof: number, ..officer })), wanted);
        let closed = v1::ReferralClosed { referral: Bytes::from_static(&[1; 16]), outcome: 1, phases: vec![1, number], support: vec![] };
        assert_eq!(with_fact(Wire::ReferralClosed(closed)), DecodeError::Code { field: "phases", list: "SupportPhase", number });
    }
}

#[test]
fn ids_and_hashes_have_their_length() {
    for length in [0, 15, 17, 32] {
        let id = || Bytes::from(vec![1; length]);
        let wanted = |field, kind| DecodeError::Id { field, source: IdError { kind } };
        assert_eq!(spoilt(|event| event.event_id = id()), wanted("event_id", "EventId"));
        assert_eq!(spoilt(|event| event.officer = Some(v1::Officer { pseudonym: id(), proof: 1 })), wanted("pseudonym", "OfficerPseudonym"));
        assert_eq!(with_fact(Wire::ReferralAccepted(v1::ReferralAccepted { referral: id() })), wanted("referral", "ReferralId"));
    }
    for length in [0, 16, 31, 33] {
        let bytes = || Bytes::from(vec![1; length]);
        assert_eq!(spoilt(|event| event.blinding = bytes()), DecodeError::Length { field: "blinding", wanted: 32, found: length });
        let queried = v1::LogQueried { query: "all".into(), purpose: bytes() };
        assert_eq!(with_fact(Wire::LogQueried(queried)), DecodeError::Id { field: "purpose", source: IdError { kind: "Commitment" } });
    }
}

#[test]
fn names_are_written_one_way() {
    assert_eq!(spoilt(|event| event.agency = "Solna".into()), DecodeError::Id { field: "agency", source: IdError { kind: "AgencyId" } });
    let submitted = crate::samples::all().into_iter().find(|event| event.fact.name() == "ReferralSubmitted").unwrap();
    let mut message = v1::Event::decode(encode(&submitted)).unwrap();
    let Some(Wire::ReferralSubmitted(referral)) = &mut message.fact else { panic!("another sample") };
    referral.reference = referral.reference.to_lowercase();
    assert_eq!(refusal(&message.encode_to_vec()), DecodeError::NotCanonical);
}

#[test]
fn what_is_always_set_may_not_be_absent() {
    assert_eq!(spoilt(|event| event.fact = None), DecodeError::Missing { field: "fact" });
    let referral = || Bytes::from_static(&[1; 16]);
    let revoked = |cell| Wire::ClearanceRevoked(v1::ClearanceRevoked { referral: referral(), cells: vec![cell], table: vec![7; 32].into() });
    assert_eq!(with_fact(revoked(v1::CellName { section: 1, interest: None })), DecodeError::Missing { field: "interest" });
    let investigation = Some(v1::cell_name::Interest::Investigation(v1::Investigation {}));
    assert_eq!(with_fact(revoked(v1::CellName { section: 0, interest: investigation })), DecodeError::Missing { field: "section" });
    let withheld = || Some(v1::confirmation::Outcome::Withhold(v1::Withhold { reason: 1, nameable: false }));
    let hash = || Bytes::from_static(&[1; 32]);
    let confirmed = |word| Wire::ClearanceConfirmed(v1::ClearanceConfirmed { referral: referral(), table: hash(), reasons: hash(), cells: vec![word] });
    assert_eq!(
        with_fact(confirmed(v1::Confirmation { cell: None, decision: 1, outcome: withheld(), standing_until_us: None })),
        DecodeError::Missing { field: "cell" }
    );
    assert_eq!(
        with_fact(confirmed(v1::Confirmation { cell: None, decision: 1, outcome: None, standing_until_us: None })),
        DecodeError::Missing { field: "outcome" }
    );
    let offered = v1::ReferralOffered { referral: referral(), recipient: "solna-rvc".into(), sections: vec![1, 0] };
    assert_eq!(with_fact(Wire::ReferralOffered(offered)), DecodeError::Missing { field: "sections" });
}

#[test]
fn a_release_rests_on_positions_in_order() {
    for basis in [vec![2, 1], vec![1, 1]] {
        let section = v1::ReleasedSection { section: 1, revision: 1, commitment: Bytes::from_static(&[1; 32]), basis };
        let released = v1::SectionsReleased { referral: Bytes::from_static(&[1; 16]), recipient: "solna-rvc".into(), released: vec![section] };
        assert_eq!(with_fact(Wire::SectionsReleased(released)), DecodeError::Order { field: "basis" });
    }
}

#[test]
fn names_are_of_sections_in_order() {
    for sections in [vec![2, 1], vec![1, 1]] {
        let revealed = v1::NameRevealed { referral: Bytes::from_static(&[1; 16]), recipient: "solna-rvc".into(), sections };
        assert_eq!(with_fact(Wire::NameRevealed(revealed)), DecodeError::Order { field: "sections" });
    }
}

#[test]
fn an_event_is_as_long_as_a_tile_entry_may_be() {
    let overhead = encode(&event(Fact::LogStarted { origin: "x".repeat(EVENT_BYTES_MAX - 1_000) })).len() - (EVENT_BYTES_MAX - 1_000);
    let longest = encode(&event(Fact::LogStarted { origin: "x".repeat(EVENT_BYTES_MAX - overhead) }));
    assert_eq!(longest.len(), EVENT_BYTES_MAX);
    assert!(decode(&longest).is_ok());
    let longer = encode(&event(Fact::LogStarted { origin: "x".repeat(EVENT_BYTES_MAX - overhead + 1) }));
    assert_eq!(refusal(&longer), DecodeError::TooLong { bytes: EVENT_BYTES_MAX + 1 });
}

#[test]
fn what_is_not_protobuf_is_refused() {
    for bytes in [&[0xff][..], &[0x0a, 0x05, 0x01], &[0x22, 0x01, 0xff]] {
        assert!(matches!(refusal(bytes), DecodeError::Malformed(_)), "{bytes:?}");
    }
    assert!(decode(&[]).is_err());
}

#[test]
fn destroyed_content_is_named_in_order_and_once() {
    let destroyed = |names: &[(u32, u32)]| {
        let contents = names.iter().map(|(section, revision)| v1::ContentName { section: *section, revision: *revision }).collect();
        let fact = Wire::ContentDestroyed(v1::ContentDestroyed { referral: vec![0x11; 16].into(), contents, cause: 1 });
        decode(&v1::Event { fact: Some(fact), ..message() }.encode_to_vec())
    };
    assert!(destroyed(&[(1, 1), (1, 2), (2, 1)]).is_ok());
    for names in [&[][..], &[(1, 1), (1, 1)], &[(2, 1), (1, 1)]] {
        assert_eq!(destroyed(names).unwrap_err(), DecodeError::Order { field: "contents" }, "{names:?}");
    }
}
