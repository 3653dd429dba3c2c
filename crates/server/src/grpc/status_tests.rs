//! What each failure is answered with: codes, reasons, and bytes that must not differ.

use std::collections::BTreeSet;

use brygga_domain::ReferralKind;
use brygga_domain::codes::Category;

use super::*;

const INCIDENT: &str = "0af7651916cd43dd8448eb211c80319c";

fn refusal(reason: Reason) -> Status {
    Failed::from(reason).status(INCIDENT)
}

fn reason_of(status: &Status) -> String {
    status.get_details_error_info().unwrap().reason
}

fn corrupt() -> StoreError {
    StoreError::Corrupt(Corrupt { table: "cell", row: String::from("ab12"), column: "ground" })
}

fn unavailable() -> StoreError {
    StoreError::Unavailable { statement: "read_head", source: "disk: secret path".into() }
}

/// Codes by class, written down a second time on purpose: the contract with clients, not a copy of the code.
fn expected(class: Class) -> Code {
    match class {
        Class::Malformed => Code::InvalidArgument,
        Class::NotFound => Code::NotFound,
        Class::NotAllowed => Code::PermissionDenied,
        Class::Blocked => Code::FailedPrecondition,
        Class::Taken => Code::AlreadyExists,
        Class::Full => Code::ResourceExhausted,
        Class::Unavailable => Code::Unavailable,
        Class::TooLate => Code::DeadlineExceeded,
        Class::Broken => Code::Internal,
    }
}

#[test]
fn every_reason_has_the_code_of_its_class_and_its_own_reason() {
    let mut codes = BTreeSet::new();
    for reason in Reason::ALL {
        let status = refusal(*reason);
        let info = status.get_details_error_info().unwrap();
        assert_eq!(status.code(), expected(reason.class()), "{reason:?}");
        assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason.code(), "brygga.v1"));
        assert_eq!(status.message(), reason.english(), "{reason:?}");
        codes.insert(i32::from(status.code()));
    }
    // Nine classes, and a reason in each of them, so that each arm above was walked.
    assert_eq!(codes.len(), 9);
}

#[test]
fn a_refusal_says_what_it_is_about() {
    let about = |reason, detail| Failed::Refused(Refusal::about(reason, detail)).status(INCIDENT);
    let status = about(Reason::WrongStage, Detail::Stage("closed"));
    assert_eq!(status.get_details_error_info().unwrap().metadata, HashMap::from([(String::from("detail"), String::from("it is closed"))]));
    assert!(status.message().ends_with("(it is closed)"), "{}", status.message());

    let status = about(Reason::CategoryNotAllowed, Detail::Category(Category::Suspect, ReferralKind::ContactRequest));
    assert_eq!(status.get_details_error_info().unwrap().metadata["detail"], "suspect in contact_request");

    let status = about(Reason::TimeOutOfRange, Detail::Field("contact.at".into()));
    assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, "contact.at");
}

#[test]
fn not_found_is_the_same_bytes_whatever_the_cause() {
    let bytes = |failed: Failed, incident| {
        let response: http::Response<tonic::body::Body> = failed.status(incident).into_http();
        format!("{:?}", response.headers())
    };
    let plain = bytes(Reason::NotFound.into(), "one");
    for detail in [Detail::None, Detail::Section(3), Detail::Stage("held"), Detail::Field("referral".into())] {
        let refusal = Refusal::about(Reason::NotFound, detail.clone());
        assert_eq!(bytes(Failed::Refused(refusal.clone()), "two"), plain, "{detail:?}");
        assert_eq!(bytes(Failed::NoAnswer(NoAnswer::Failed(Failure::Refused(refusal))), "three"), plain, "{detail:?}");
    }
}

#[test]
fn internal_tells_an_incident_and_nothing_else() {
    let first = Failed::Bug("a request came without its digest").status(INCIDENT);
    for failed in [Failed::Read(AskError::Store(corrupt())), Failed::Delivery(AskError::Store(corrupt())), Reason::Internal.into()] {
        let status = failed.status(INCIDENT);
        assert_eq!(status.code(), Code::Internal);
        assert_eq!((status.message(), status.details()), (first.message(), first.details()), "{failed:?}");
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.metadata, HashMap::from([(String::from("trace_id"), String::from(INCIDENT))]));
        for secret in ["cell", "ab12", "ground", "digest"] {
            assert!(!String::from_utf8_lossy(status.details()).contains(secret) && !status.message().contains(secret), "{secret}");
        }
    }
}

#[test]
fn only_a_damaged_row_is_corrupt() {
    assert_eq!(Failed::Read(AskError::Store(corrupt())).corrupt().unwrap().table, "cell");
    assert_eq!(Failed::Delivery(AskError::Store(corrupt())).corrupt().unwrap().row, "ab12");
    for failed in [Failed::Read(AskError::Store(unavailable())), Failed::Delivery(AskError::Closed), Failed::Bug("x"), Reason::Internal.into()] {
        assert_eq!(failed.corrupt(), None, "{failed:?}");
    }
}

#[test]
fn failures_besides_refusals_have_their_code_and_reason() {
    let answered = |failure| Failed::NoAnswer(NoAnswer::Failed(failure));
    let table = [
        (Failed::UnknownCertificate, Code::PermissionDenied, "UNKNOWN_AGENCY", false),
        (Failed::NoAnswer(NoAnswer::Full), Code::ResourceExhausted, "OVER_CAPACITY", true),
        (Failed::NoAnswer(NoAnswer::Gone), Code::Unavailable, "STOPPING", true),
        (answered(Failure::NotCommitted), Code::Unavailable, "NOT_COMMITTED", true),
        (answered(Failure::OutcomeUnknown), Code::Unavailable, "OUTCOME_UNKNOWN", true),
        (answered(Failure::Doubted), Code::Unavailable, "LOG_DOUBTED", false),
        (answered(Failure::Refused(Reason::NotCleared.into())), Code::FailedPrecondition, "NOT_CLEARED", false),
        (Failed::NoRandomness(NoRandomness), Code::Unavailable, "NOT_COMMITTED", true),
        (Failed::Stopping, Code::Unavailable, "STOPPING", true),
        (Failed::Read(AskError::Store(unavailable())), Code::Unavailable, "READ_FAILED", true),
        (Failed::Read(AskError::Closed), Code::Unavailable, "READ_FAILED", true),
        // The command is written: only the key tells.
        (Failed::Delivery(AskError::Store(unavailable())), Code::Unavailable, "OUTCOME_UNKNOWN", true),
        (Failed::Delivery(AskError::Closed), Code::Unavailable, "OUTCOME_UNKNOWN", true),
    ];
    for (failed, code, reason, retried) in table {
        let status = failed.status(INCIDENT);
        assert_eq!((status.code(), reason_of(&status).as_str()), (code, reason), "{failed:?}");
        let retry = status.get_details_retry_info().and_then(|info| info.retry_delay);
        assert_eq!(retry, retried.then_some(RETRY_AFTER), "{failed:?}");
        assert!(!String::from_utf8_lossy(status.details()).contains("secret"), "{failed:?}");
    }
}

#[test]
fn every_fault_of_a_request_is_a_field_violation() {
    let violations = ["officer", "cells[1].cell.interest"].map(|field| FieldViolation { field: field.to_owned(), description: "is wrong" });
    let status = Failed::from(Malformed { violations: violations.to_vec() }).status(INCIDENT);
    assert_eq!((status.code(), reason_of(&status).as_str()), (Code::InvalidArgument, Reason::MalformedMessage.code()));
    let named: Vec<String> = status.get_details_bad_request().unwrap().field_violations.into_iter().map(|violation| violation.field).collect();
    assert_eq!(named, ["officer", "cells[1].cell.interest"]);
    let one = Failed::field("tree_size", "must be at most the size of the log").status(INCIDENT);
    assert_eq!(one.get_details_bad_request().unwrap().field_violations[0].field, "tree_size");
}
