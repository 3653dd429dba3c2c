//! What is asked in questions.

use brygga_domain::{Excluded, ResidenceBasis};

use super::*;

#[test]
fn each_fault_of_a_question_to_the_log_names_its_field() {
    let purpose = v1::StatedPurpose { purpose: "Tillsyn".into(), case_number: "IVO 8.5-1/2026".into() };
    let sound = headed(v1::SearchEntriesRequest { purpose: Some(purpose.clone()), ..v1::SearchEntriesRequest::default() });
    let convert = |request| faults(search_entries(request, &door(), &police()));
    table(
        &sound,
        convert,
        &[
            (|r| r.purpose = None, &["purpose"]),
            (|r| r.purpose.as_mut().unwrap().purpose.clear(), &["purpose.purpose"]),
            (|r| r.purpose.as_mut().unwrap().case_number = "x".repeat(65), &["purpose.case_number"]),
            (|r| r.purpose.as_mut().unwrap().case_number = "19821105-9954".into(), &["purpose.case_number"]),
            (|r| r.page_token = CANARY.into(), &["page_token"]),
            (|r| r.filter = Some(v1::EntryFilter { referral: CANARY.into(), agency: "A".into(), ..Default::default() }), &["filter.referral", "filter.agency"]),
            (|r| r.filter = Some(v1::EntryFilter { kinds: vec!["Sections'; --".into()], ..Default::default() }), &["filter.kinds[0]"]),
            (|r| r.filter = Some(v1::EntryFilter { from_time: at(-1), ..Default::default() }), &["filter.from_time"]),
        ],
    );
    let (asked, wanted, page) = search_entries(sound, &door(), &police()).unwrap();
    assert_eq!((wanted, page), (EntriesWanted::default(), read::Page { entries: PAGE_ENTRIES_DEFAULT, after: None }));
    let Action::QueryLog(query) = asked.action else { panic!("a search is a question") };
    assert_eq!(v1::StatedQuery::decode(query.purpose).unwrap().purpose, Some(purpose.clone()));

    let sound = headed(v1::GetEntryRequest { purpose: Some(purpose), position: 4, ..v1::GetEntryRequest::default() });
    table(&sound, |request| faults(get_entry(request, &door(), &police())), &[(|r| r.position = u64::MAX, &["position"])]);
}

#[test]
fn lists_and_names_are_checked() {
    let token = read::Cursor(vec![1, -5, i64::MAX]);
    assert_eq!(read::list_page(9_999, &token.to_string()), Ok(read::Page { entries: PAGE_ENTRIES_MAX, after: Some(token) }));
    for bad in ["x", "1..2", "1.2.3.4.5.6", &"1".repeat(PAGE_TOKEN_BYTES_MAX + 1)] {
        assert_eq!(faults(read::list_page(0, bad)), ["page_token"], "{bad}");
    }
    let route = |municipality: &str, district: &str, kind| {
        let basis = ResidenceBasis::KnownByAgency.number();
        let request =
            v1::ResolveRouteRequest { municipality: municipality.into(), district: district.into(), kind, residence_basis: basis, ..Default::default() };
        resolve_route(&request).map(|asked| asked.territory)
    };
    assert_eq!(route("0180", "bromma", 1).unwrap(), "0180/bromma");
    assert_eq!(route("0184", "", 1).unwrap(), "0184");
    assert_eq!(faults(route("", "", 0)), ["municipality", "kind"]);
    assert_eq!(faults(route("0180/bromma", "", 1)), ["municipality"]);
    assert_eq!(faults(route("0180", "Bromma", 1)), ["district"]);
    let bare = v1::ResolveRouteRequest { municipality: "0184".into(), kind: 1, age_years: Some(131), ..Default::default() };
    assert_eq!(faults(resolve_route(&bare).map(|asked| asked.territory)), ["residence_basis", "age_years"]);
    assert_eq!(
        faults(read::get_consent(&v1::GetConsentRequest { referral: "x".into(), consent_id: "y".into(), ..Default::default() })),
        ["referral", "consent_id"]
    );
    assert_eq!(faults(read::list_inbox(&v1::ListInboxRequest { function: "X".into(), ..Default::default() })), ["function"]);
    assert_eq!(faults(read::get_referral(&v1::GetReferralRequest::default(), &door(), &police())), ["name"]);
}

#[test]
fn a_sender_finds_by_its_own_number_what_it_submitted() {
    let Action::SubmitReferral(submitted) = submit_referral(submission(), &door(), &police()).unwrap().action else { panic!("a submission") };
    let name = |value: &str| {
        let identifier = Some(v1::Identifier { r#type: 1, value: value.into() });
        let name = v1::SenderReferenceName { kind: 1, recipient: "solna-rvc".into(), identifier, sender_reference: "5000-K1-26".into() };
        let request = v1::GetReferralRequest { name: Some(v1::get_referral_request::Name::SenderReference(name)), ..Default::default() };
        read::get_referral(&request, &door(), &police()).unwrap()
    };
    let hash = submitted.sender_reference.unwrap();
    // Another spelling of the same number is the same person; another person's is not.
    assert_eq!(name("199012119948"), read::Named::SenderReference(hash));
    assert_ne!(name("198211059954"), read::Named::SenderReference(hash));
}

#[test]
fn each_fault_of_an_exclusion_names_its_field() {
    let officer = |agency: &str, officer: &str| v1::Exclusion { agency: agency.into(), officer: officer.into(), ..Default::default() };
    let unit = |function: &str| v1::Exclusion { function: function.into(), ..Default::default() };
    let asked = |exclusions: Vec<v1::Exclusion>| {
        let excluded = Some(v1::ExclusionList { exclusions });
        headed(v1::AmendReferralRequest { referral: OTHER.into(), excluded, ..v1::AmendReferralRequest::default() })
    };
    let faults = |exclusions| faults(amend_referral(asked(exclusions), &door(), &police()));
    let path = |part: &str| vec![format!("excluded.exclusions[0]{part}")];
    assert_eq!(faults(vec![v1::Exclusion::default()]), path(""));
    assert_eq!(faults(vec![v1::Exclusion { function: "solna-jour".into(), ..officer("solna-soc", "sara") }]), path(""));
    assert_eq!(faults(vec![officer("Solna", "sara")]), path(".agency"));
    assert_eq!(faults(vec![officer("solna-soc", "Sara Ek")]), path(".officer"));
    assert_eq!(faults(vec![officer("solna-soc", "")]), path(".officer"));
    assert_eq!(faults(vec![unit("S")]), path(".function"));
    assert_eq!(faults(vec![officer("vasterort-polis", "klara")]), path(".officer"), "whoever acts stays able to repeat what was lost");
    assert_eq!(faults(vec![unit("solna-jour"), unit("solna-jour")]), ["excluded.exclusions[1]"]);
    assert_eq!(faults((0..33).map(|number| officer("solna-soc", &format!("o{number}"))).collect()), ["excluded.exclusions"]);

    let sara = || vec![officer("solna-soc", "sara"), unit("solna-jour")];
    let of = |exclusions| {
        let Action::AmendReferral(_, _, excluded) = amend_referral(asked(exclusions), &door(), &police()).unwrap().action else { panic!("an amendment") };
        excluded.unwrap()
    };
    assert_eq!(of(sara()), of(sara().into_iter().rev().collect()), "one order, whatever the sender's");
    assert_eq!(of(sara())[0], Excluded::Officer("solna-soc".parse().unwrap(), door().officer(&"solna-soc".parse().unwrap(), "sara")));
    assert_eq!(of(Vec::new()), []);
    let nothing = headed(v1::AmendReferralRequest { referral: OTHER.into(), ..v1::AmendReferralRequest::default() });
    assert_eq!(super::faults(amend_referral(nothing, &door(), &police())), ["sections"]);
}
