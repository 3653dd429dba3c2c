//! Each malformed input names its field, and nothing received stands in any answer.

use brygga_domain::command::{Action, NewOutcome};
use brygga_domain::{AgencyId, Category, Code, Entropy, ProtectedIdentity};
use bytes::Bytes;
use prost::Message;
use prost_types::Timestamp;
use tonic::Status;
use tonic_types::StatusExt;
use zeroize::Zeroizing;

mod questions;
mod told;

use super::*;
use crate::content_v1::{Content, Identity, Interpreter, Suspect, VictimIdentity, Whereabouts, content::Section as Arm};
use crate::contract::WriteRequest;
use crate::door::Door;
use crate::limits::*;
use crate::v1;

const REQUEST: &str = "0b8f6f6e-8f0a-4d53-9d6c-2f8f4d1a7c11";
const OTHER: &str = "5b0a4c52-1de1-4f6c-bb3b-5f0d8c1f2e02";
/// A marker that no answer may repeat.
const CANARY: &str = "kanarie";

fn door() -> Door {
    Door::new(&Zeroizing::new([7; 32])).unwrap()
}

fn police() -> AgencyId {
    "vasterort-polis".parse().unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "messages hold times in an Option")]
fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

fn content(arm: Arm) -> Bytes {
    Bytes::from(Content { section: Some(arm) }.encode_to_vec())
}

fn interpreter() -> Bytes {
    content(Arm::Interpreter(Interpreter { language: "som".into(), needed: true, ..Interpreter::default() }))
}

fn whereabouts() -> Bytes {
    content(Arm::Whereabouts(Whereabouts { address: CANARY.into(), ..Whereabouts::default() }))
}

/// A section that says of her what the submission does not.
fn marked_victim() -> v1::Section {
    let identity = Identity { protected_identity: ProtectedIdentity::ConfidentialityMarked.number(), ..Identity::default() };
    section(Category::VictimIdentity, content(Arm::VictimIdentity(VictimIdentity { identity: Some(identity), ..VictimIdentity::default() })))
}

/// A section that says in which place she is settled.
fn settled_victim() -> v1::Section {
    let identity = Some(Identity { protected_identity: ProtectedIdentity::NotProtected.number(), ..Identity::default() });
    section(
        Category::VictimIdentity,
        content(Arm::VictimIdentity(VictimIdentity { identity, residence_municipality: "0184".into(), ..VictimIdentity::default() })),
    )
}

fn section(category: Category, content: Bytes) -> v1::Section {
    v1::Section { number: 0, category: category.number(), persons: vec!["victim-1".into()], investigation: false, content }
}

fn terms() -> v1::ConsentTerms {
    v1::ConsentTerms {
        person: "victim-1".into(),
        categories: vec![Category::Interpreter.number()],
        recipient: "solna-rvc".into(),
        purpose: 1,
        given_at: at(1_780_000_000),
        valid_until: at(1_790_000_000),
        form: 1,
        language: "som".into(),
        interpreter: true,
        gdpr_basis: 2,
        ..v1::ConsentTerms::default()
    }
}

fn cell(section: u32, interest: &str) -> v1::Cell {
    v1::Cell { section, interest: interest.into() }
}

fn release(section: u32, interest: &str) -> v1::CellDecision {
    let outcome = v1::ReleaseOutcome { ground: "NO_HARM".into(), consent_id: String::new(), revision: 0 };
    v1::CellDecision { cell: Some(cell(section, interest)), outcome: Some(v1::cell_decision::Outcome::Release(outcome)) }
}

fn decision() -> v1::Decision {
    v1::Decision { cells: vec![release(1, "victim-1")], answers: None, reasons: "Prövat i det enskilda fallet.".into(), ..Default::default() }
}

fn offer() -> v1::Offer {
    v1::Offer {
        result: Some(v1::offer::Result::Answer(1)),
        language: "som".into(),
        interpreter: true,
        relationship: 4,
        district: "0180/bromma".into(),
        reported_at: at(1_780_000_000),
    }
}

fn headed<R: WriteRequest>(mut request: R) -> R {
    request.head(REQUEST.into(), "klara".into(), 0);
    request
}

fn submission() -> v1::SubmitReferralRequest {
    let identifier = v1::Identifier { r#type: 1, value: "19901211-9948".into() };
    headed(v1::SubmitReferralRequest {
        kind: 1,
        recipient: "solna-rvc".into(),
        urgency: 1,
        reported_at: at(1_780_000_000),
        offer: Some(offer()),
        sender_reference: "5000-K1-26".into(),
        persons: vec![v1::Person { name: "victim-1".into(), identifier: Some(identifier), ..Default::default() }],
        sections: vec![section(Category::Interpreter, interpreter())],
        consents: vec![terms()],
        decisions: vec![decision()],
        ..v1::SubmitReferralRequest::default()
    })
}

/// The fields of the faults, after a look at the answer as a client gets it.
fn faults<T>(result: Result<T, Malformed>) -> Vec<String> {
    let Err(malformed) = result else { return Vec::new() };
    let status = Status::from(malformed.clone());
    assert!(status.details().len() < 12_000, "the answer must fit into headers: {}", status.details().len());
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, MALFORMED_MESSAGE);
    assert_eq!(details.bad_request().unwrap().field_violations.len(), malformed.violations.len());
    assert!(!format!("{status:?} {malformed:?} {malformed}").contains(CANARY));
    malformed.violations.into_iter().map(|fault| fault.field).collect()
}

/// What is done to a sound request, and the fields that must be named.
type Row<R> = (fn(&mut R), &'static [&'static str]);

/// Runs a table of (what is done to a sound request, the fields that must be named).
fn table<R: Clone>(sound: &R, convert: impl Fn(R) -> Vec<String>, rows: &[Row<R>]) {
    assert_eq!(convert(sound.clone()), Vec::<String>::new(), "the sound request");
    for (number, (spoil, wanted)) in rows.iter().enumerate() {
        let mut request = sound.clone();
        spoil(&mut request);
        assert_eq!(convert(request), *wanted, "row {number}");
    }
}

#[test]
fn each_fault_of_a_submission_names_its_field() {
    let convert = |request| faults(submit_referral(request, &door(), &police()));
    table(
        &submission(),
        convert,
        &[
            (|r| r.request_id.clear(), &["request_id"]),
            (|r| r.request_id = "0b8f6f6e8f0a4d539d6c2f8f4d1a7c11".into(), &["request_id"]),
            (|r| r.request_id = "00000000-0000-0000-0000-000000000000".into(), &["request_id"]),
            (|r| r.officer.clear(), &["officer"]),
            (|r| r.officer = "Klara".into(), &["officer"]),
            (|r| r.officer = "x".repeat(OFFICER_BYTES_MAX + 1), &["officer"]),
            (|r| r.kind = 0, &["kind"]),
            (|r| r.kind = 99, &["kind"]),
            (|r| r.recipient = "Solna RVC".into(), &["recipient"]),
            (|r| r.urgency = -1, &["urgency"]),
            (|r| r.thread_id = CANARY.into(), &["thread_id"]),
            (|r| r.leader = "Åklagare".into(), &["leader"]),
            (|r| r.reported_at = at(946_684_799), &["reported_at"]),
            (|r| r.reported_at = at(4_102_444_800), &["reported_at"]),
            (|r| r.reported_at = at(i64::MAX), &["reported_at"]),
            (|r| r.reported_at = Some(Timestamp { seconds: 1_780_000_000, nanos: 1 }), &["reported_at"]),
            (|r| r.reported_at = Some(Timestamp { seconds: 1_780_000_000, nanos: 1_000_000_000 }), &["reported_at"]),
            (|r| r.reported_at = Some(Timestamp { seconds: 1_780_000_000, nanos: -1000 }), &["reported_at"]),
            (|r| r.offer_id = OTHER.into(), &["offer"]),
            (|r| r.sender_reference = format!("{CANARY}\0"), &["sender_reference"]),
            (|r| r.sender_reference = "x".repeat(SENDER_REFERENCE_BYTES_MAX + 1), &["sender_reference"]),
            (
                |r| r.decisions[0].template = Some(v1::Template { name: "as for 821105-9954".into(), digest: vec![7; 32].into() }),
                &["decisions[0].template.name"],
            ),
            (|r| (r.consents[0].interpreter, r.consents[0].interpreter_reference) = (true, "amal@example.org".into()), &["consents[0].interpreter_reference"]),
            (|r| r.persons[0].name = "victim-01".into(), &["persons[0].name"]),
            (|r| r.persons[0].name = CANARY.into(), &["persons[0].name"]),
            (|r| r.persons.push(v1::Person { name: "victim-1".into(), identifier: None, ..Default::default() }), &["persons[1].name"]),
            (|r| r.persons[0].identifier = Some(v1::Identifier { r#type: 0, value: CANARY.into() }), &["persons[0].identifier.type"]),
            (|r| r.persons[0].identifier = Some(v1::Identifier { r#type: 9, value: CANARY.into() }), &["persons[0].identifier.type"]),
            (|r| r.persons[0].identifier = Some(v1::Identifier { r#type: 1, value: CANARY.into() }), &["persons[0].identifier.value"]),
            (|r| r.persons = vec![v1::Person::default(); PERSONS_MAX + 1], &["persons"]),
            (|r| r.sections.clear(), &["sections"]),
            // A child concern that says nothing of what was assessed.
            (|r| r.kind = brygga_domain::Code::number(brygga_domain::ReferralKind::ChildConcern), &["sections"]),
            (|r| r.sections = vec![r.sections[0].clone(); SECTIONS_MAX + 1], &["sections"]),
            (|r| r.sections.push(r.sections[0].clone()), &["sections[1]"]),
            (|r| r.sections[0].number = 2, &["sections[0].number"]),
            (|r| r.sections[0].category = 77, &["sections[0].category"]),
            (|r| r.sections[0].persons.clear(), &["sections[0].persons"]),
            (|r| r.sections[0].persons.push("victim-1".into()), &["sections[0].persons[1]"]),
            (|r| r.sections[0].persons.push(CANARY.into()), &["sections[0].persons[1]"]),
            (|r| r.sections[0].content = Bytes::new(), &["sections[0].content"]),
            (|r| r.sections[0].content = Bytes::from_static(b"\xff\xff"), &["sections[0].content"]),
            (|r| r.sections[0].content = whereabouts(), &["sections[0].content"]),
            (|r| r.sections[0] = marked_victim(), &["sections[0].content"]),
            (|r| r.sections[0] = settled_victim(), &["sections[0].content", "sections[0].content"]),
            (|r| (r.sections[0], r.persons[0].protected_identity) = (settled_victim(), 3), &["sections[0].content", "sections[0].content"]),
            (|r| r.persons[0].protected_identity = 9, &["persons[0].protected_identity"]),
            (|r| r.sections[0].content = Bytes::from(vec![0; SECTION_BYTES_MAX + 1]), &["sections[0].content"]),
            (|r| r.consents[0].valid_until = r.consents[0].given_at, &["consents[0].valid_until"]),
            (|r| r.consents = vec![terms(); CONSENTS_MAX + 1], &["consents"]),
            (|r| r.decisions[0].reasons.clear(), &["decisions[0].reasons"]),
            (|r| r.decisions = vec![decision(); DECISIONS_MAX + 1], &["decisions"]),
        ],
    );
}

#[test]
fn a_section_of_the_investigation_alone_names_no_person() {
    let mut request = submission();
    request.sections[0].persons.clear();
    request.sections[0].investigation = true;
    assert!(submit_referral(request, &door(), &police()).is_ok());
}

#[test]
fn all_faults_are_named_at_once_and_never_too_many() {
    let mut request = submission();
    request.officer.clear();
    request.kind = 0;
    request.recipient.clear();
    request.sections[0].category = 0;
    request.sections[0].persons.clear();
    request.consents[0].purpose = 0;
    request.decisions[0].cells[0].outcome = None;
    let named = faults(submit_referral(request, &door(), &police()));
    let wanted = ["officer", "kind", "recipient", "sections[0].category", "sections[0].persons", "consents[0].purpose", "decisions[0].cells[0].outcome"];
    assert_eq!(named, wanted);

    let mut request = submission();
    request.decisions[0].cells = vec![v1::CellDecision::default(); CELLS_MAX];
    assert_eq!(faults(submit_referral(request, &door(), &police())).len(), VIOLATIONS_MAX);
}

#[test]
fn each_fault_of_an_offer_names_its_field() {
    let convert = |request| faults(record_offer(request, &door(), &police()));
    let sound = headed(v1::RecordOfferRequest { offer: Some(offer()), ..v1::RecordOfferRequest::default() });
    table(
        &sound,
        convert,
        &[
            (|r| r.offer = None, &["offer"]),
            (|r| r.offer.as_mut().unwrap().result = None, &["offer.result"]),
            (|r| r.offer.as_mut().unwrap().result = Some(v1::offer::Result::Answer(0)), &["offer.answer"]),
            (|r| r.offer.as_mut().unwrap().result = Some(v1::offer::Result::NotOffered(50)), &["offer.not_offered"]),
            (|r| r.offer.as_mut().unwrap().language = "Somali".into(), &["offer.language"]),
            (|r| r.offer.as_mut().unwrap().relationship = 50, &["offer.relationship"]),
            (|r| r.offer.as_mut().unwrap().district = "Bromma".into(), &["offer.district"]),
            (|r| r.offer.as_mut().unwrap().reported_at = None, &["offer.reported_at"]),
        ],
    );
}

#[test]
fn each_fault_of_a_consent_names_its_field() {
    let convert = |request| faults(record_consent(request, &door(), &police()));
    let sound = headed(v1::RecordConsentRequest { referral: OTHER.into(), terms: Some(terms()), ..v1::RecordConsentRequest::default() });
    table(
        &sound,
        convert,
        &[
            (|r| r.referral = "BR-7Q3K-M2XW-5".into(), &["referral"]),
            (|r| r.referral = format!("{{{OTHER}}}"), &["referral"]),
            (|r| r.terms = None, &["terms"]),
            (|r| r.terms.as_mut().unwrap().person = "mother".into(), &["terms.person"]),
            (|r| r.terms.as_mut().unwrap().categories.clear(), &["terms.categories"]),
            (|r| r.terms.as_mut().unwrap().categories.push(3), &["terms.categories[1]"]),
            (|r| r.terms.as_mut().unwrap().categories = vec![3; 10_000], &["terms.categories[1]"]),
            (|r| r.terms.as_mut().unwrap().categories.push(300), &["terms.categories[1]"]),
            (|r| r.terms.as_mut().unwrap().recipient.clear(), &["terms.recipient"]),
            (|r| r.terms.as_mut().unwrap().purpose = 0, &["terms.purpose"]),
            (|r| r.terms.as_mut().unwrap().given_at = None, &["terms.given_at"]),
            (|r| r.terms.as_mut().unwrap().valid_until = None, &["terms.valid_until"]),
            (|r| r.terms.as_mut().unwrap().form = 9, &["terms.form"]),
            (|r| r.terms.as_mut().unwrap().language = "so".into(), &["terms.language"]),
            (|r| r.terms.as_mut().unwrap().gdpr_basis = 0, &["terms.gdpr_basis"]),
        ],
    );
    let sound = headed(v1::WithdrawConsentRequest { referral: OTHER.into(), consent_id: OTHER.into(), ..v1::WithdrawConsentRequest::default() });
    let convert = |request| faults(withdraw_consent(request, &door(), &police()));
    table(&sound, convert, &[(|r| r.consent_id = "1".into(), &["consent_id"]), (|r| r.referral.clear(), &["referral"])]);
}

#[test]
fn each_fault_of_a_decision_names_its_field() {
    use v1::cell_decision::Outcome;
    let convert = |request| faults(decide_clearance(request, &door(), &police()));
    let sound = headed(v1::DecideClearanceRequest { referral: OTHER.into(), decision: Some(decision()), ..v1::DecideClearanceRequest::default() });
    table(
        &sound,
        convert,
        &[
            (|r| r.decision = None, &["decision"]),
            (|r| r.decision.as_mut().unwrap().cells.clear(), &["decision.cells"]),
            (|r| r.decision.as_mut().unwrap().cells = vec![release(1, "victim-1"); CELLS_MAX + 1], &["decision.cells"]),
            (|r| r.decision.as_mut().unwrap().cells.push(release(1, "victim-1")), &["decision.cells[1]"]),
            (|r| r.decision.as_mut().unwrap().cells[0].cell = None, &["decision.cells[0].cell"]),
            (|r| r.decision.as_mut().unwrap().cells[0].cell = Some(cell(0, "victim-1")), &["decision.cells[0].cell.section"]),
            (|r| r.decision.as_mut().unwrap().cells[0].cell = Some(cell(1, "everybody")), &["decision.cells[0].cell.interest"]),
            (|r| r.decision.as_mut().unwrap().cells[0].outcome = None, &["decision.cells[0].outcome"]),
            (
                |r| {
                    r.decision.as_mut().unwrap().cells[0].outcome =
                        Some(Outcome::Release(v1::ReleaseOutcome { ground: "no harm".into(), consent_id: "x".into(), revision: 0 }));
                },
                &["decision.cells[0].release.ground", "decision.cells[0].release.consent_id"],
            ),
            (
                |r| r.decision.as_mut().unwrap().cells[0].outcome = Some(Outcome::Withhold(v1::WithholdOutcome { reason: 0, nameable: true })),
                &["decision.cells[0].withhold.reason"],
            ),
            (
                |r| r.decision.as_mut().unwrap().answers = Some(v1::Answers { asserted: vec![1, 1], ..v1::Answers::default() }),
                &["decision.answers.asserted[1]"],
            ),
            (
                |r| {
                    r.decision.as_mut().unwrap().answers =
                        Some(v1::Answers { offence: "mord".into(), offence_on: "2026-13-01".into(), subject_age_years: Some(300), ..v1::Answers::default() });
                },
                &["decision.answers.offence", "decision.answers.offence_on", "decision.answers.subject_age_years"],
            ),
            (
                |r| r.decision.as_mut().unwrap().answers = Some(v1::Answers { asserted: vec![1], denied: vec![2, 1], ..v1::Answers::default() }),
                &["decision.answers.denied[1]"],
            ),
            (|r| r.decision.as_mut().unwrap().reasons = "  ".into(), &["decision.reasons"]),
            (|r| r.decision.as_mut().unwrap().reasons = "x".repeat(REASONS_BYTES_MAX + 1), &["decision.reasons"]),
        ],
    );
    let sound = headed(v1::ConfirmClearanceRequest { referral: OTHER.into(), decision: Some(decision()), ..v1::ConfirmClearanceRequest::default() });
    let convert = |request| faults(confirm_clearance(request, &door(), &police()));
    let no_cells: Row<v1::ConfirmClearanceRequest> = (|r| r.decision.as_mut().unwrap().cells.clear(), &["decision.cells"]);
    table(&sound, convert, &[(|r| r.decision = None, &["decision"]), no_cells]);
    let sound = headed(v1::RevokeClearanceRequest { referral: OTHER.into(), cells: vec![cell(2, "child-1")], ..v1::RevokeClearanceRequest::default() });
    let convert = |request| faults(revoke_clearance(request, &door(), &police()));
    table(&sound, convert, &[(|r| r.cells.push(cell(2, "child-1")), &["cells[1]"]), (|r| r.cells[0].section = 0, &["cells[0].section"])]);
}

#[test]
fn each_fault_of_an_amendment_or_retraction_names_its_field() {
    let amended = v1::AmendedSection { number: 1, content: interpreter() };
    let sound = headed(v1::AmendReferralRequest { referral: OTHER.into(), sections: vec![amended], ..v1::AmendReferralRequest::default() });
    let convert = |request| faults(amend_referral(request, &door(), &police()));
    table(
        &sound,
        convert,
        &[
            (|r| r.sections.clear(), &["sections"]),
            (|r| r.sections[0].number = 0, &["sections[0].number"]),
            (|r| r.sections.push(r.sections[0].clone()), &["sections[1].number"]),
            (|r| r.sections[0].content = Bytes::new(), &["sections[0].content"]),
        ],
    );
    let sound = headed(v1::RetractReferralRequest { referral: OTHER.into(), reason: 1, ..v1::RetractReferralRequest::default() });
    let convert = |request| faults(retract_referral(request, &door(), &police()));
    table(&sound, convert, &[(|r| r.reason = 0, &["reason"]), (|r| r.referral = CANARY.into(), &["referral"])]);
}

#[test]
fn each_fault_of_a_recipients_answer_names_its_field() {
    let sound = headed(v1::DeclineReferralRequest { referral: OTHER.into(), reason: 1, ..v1::DeclineReferralRequest::default() });
    table(&sound, |request| faults(decline_referral(request, &door(), &police())), &[(|r| r.reason = 70, &["reason"])]);

    let sound = headed(v1::ReturnReferralRequest { referral: OTHER.into(), reason: 2, missing: vec![1], ..v1::ReturnReferralRequest::default() });
    let convert = |request| faults(return_referral(request, &door(), &police()));
    table(
        &sound,
        convert,
        &[
            (|r| r.reason = 1, &["missing"]),
            (|r| r.missing.clear(), &["missing"]),
            (|r| r.missing = vec![1, 1], &["missing[1]"]),
            (|r| r.missing = vec![-4], &["missing[0]"]),
        ],
    );

    let contact = v1::Contact { outcome: 1, at: at(1_780_000_000), channel: 0, interpreter: false, next_try_at: at(1_780_003_600) };
    let sound = headed(v1::RecordContactRequest { referral: OTHER.into(), contact: Some(contact), ..v1::RecordContactRequest::default() });
    let convert = |request| faults(record_contact(request, &door(), &police()));
    table(
        &sound,
        convert,
        &[
            (|r| r.contact = None, &["contact"]),
            (|r| r.contact.as_mut().unwrap().outcome = 0, &["contact.outcome"]),
            (|r| r.contact.as_mut().unwrap().channel = 60, &["contact.channel"]),
            (|r| r.contact.as_mut().unwrap().at = None, &["contact.at"]),
            (|r| r.contact.as_mut().unwrap().next_try_at = at(1_780_000_000), &["contact.next_try_at"]),
        ],
    );
    let closing = v1::Closing { outcome: 1, phases: vec![1, 2], support: vec![1] };
    let sound = headed(v1::CloseReferralRequest { referral: OTHER.into(), closing: Some(closing), ..v1::CloseReferralRequest::default() });
    let convert = |request| faults(close_referral(request, &door(), &police()));
    table(
        &sound,
        convert,
        &[
            (|r| r.closing = None, &["closing"]),
            (|r| r.closing.as_mut().unwrap().outcome = 44, &["closing.outcome"]),
            (|r| r.closing.as_mut().unwrap().phases.push(9), &["closing.phases[2]"]),
            (|r| r.closing.as_mut().unwrap().support.push(1), &["closing.support[1]"]),
        ],
    );
    let sound = headed(v1::AcknowledgeStopUseRequest { referral: OTHER.into(), notice: 9, answer: 2, ..v1::AcknowledgeStopUseRequest::default() });
    let convert = |request| faults(acknowledge_stop_use(request, &door(), &police()));
    table(&sound, convert, &[(|r| r.answer = 0, &["answer"]), (|r| r.notice = 0, &["notice"])]);
    let sound = headed(v1::AcknowledgeDeliveryRequest { referral: OTHER.into(), release: 9, ..v1::AcknowledgeDeliveryRequest::default() });
    let convert = |request| faults(acknowledge_delivery(request, &door(), &police()));
    table(&sound, convert, &[(|r| r.release = u64::MAX, &["release"])]);
    let sound = headed(v1::ConfirmImportRequest { referral: OTHER.into(), release: 9, ..v1::ConfirmImportRequest::default() });
    let convert = |request| faults(confirm_import(request, &door(), &police()));
    table(&sound, convert, &[(|r| r.release = 0, &["release"]), (|r| r.referral.clear(), &["referral"])]);
}

#[test]
fn writes_that_only_name_a_referral_check_that_name() {
    let (door, agency) = (door(), police());
    let wrong = || "BR-7Q3K".to_owned();
    let named = [
        faults(claim_referral(headed(v1::ClaimReferralRequest { referral: wrong(), ..Default::default() }), &door, &agency)),
        faults(open_referral(headed(v1::OpenReferralRequest { referral: wrong(), ..Default::default() }), &door, &agency)),
        faults(accept_referral(headed(v1::AcceptReferralRequest { referral: wrong(), ..Default::default() }), &door, &agency)),
        faults(acknowledge_recall(headed(v1::AcknowledgeRecallRequest { referral: wrong(), ..Default::default() }), &door, &agency)),
        faults(read::referral_name(&wrong())),
    ];
    assert_eq!(named, [["referral"]; 5]);
    assert_eq!(faults(open_referral(v1::OpenReferralRequest::default(), &door, &agency)), ["request_id", "officer", "referral"]);
}

#[test]
fn a_sound_submission_becomes_a_command_with_the_same_bytes() {
    let request = submission();
    let asked = submit_referral(request.clone(), &door(), &police()).unwrap();
    assert_eq!(asked.request.to_string(), REQUEST);
    assert_eq!(asked.officer.pseudonym, door().officer(&police(), "klara"));
    let command = asked.command(police(), Digest([1; 32]), Entropy::new([2; 32]));
    let Action::SubmitReferral(submission) = command.action else { panic!("a submission") };
    assert_eq!(submission.sections[0].content, request.sections[0].content);
    assert_eq!(submission.decisions[0].reasons, request.decisions[0].reasons.as_bytes());
    assert!(matches!(submission.decisions[0].cells[0].outcome, NewOutcome::Release { .. }));
    assert_eq!(submission.new_offer.as_ref().unwrap().district.as_deref(), Some("0180/bromma"));
    assert!(submission.persons[0].lookup.is_some());
}

#[test]
fn debug_of_a_request_shows_nothing_of_it() {
    let mut request = submission();
    request.sections[0].content = whereabouts();
    request.persons[0].identifier.as_mut().unwrap().value = CANARY.into();
    request.decisions[0].reasons = CANARY.into();
    for shown in [format!("{request:?}"), format!("{:?}", request.persons), format!("{:?}", request.sections), format!("{:?}", request.decisions)] {
        assert!(!shown.contains(CANARY) && !shown.contains("klara"), "{shown}");
    }
}
