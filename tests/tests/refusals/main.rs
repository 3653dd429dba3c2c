//! Bad input over gRPC: a clear error, nothing written, nothing lost. One table, a row for each way to go wrong; then what takes
//! more than one request. At the end every reason of the domain was provoked, or stands in a list with why it can't be.

mod contents;
mod fields;
mod rows;
mod setting;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use brygga_client::Write;
use brygga_client::v1;
use brygga_domain::{Fact, Reason};
use brygga_tests::desk::Desk;
use brygga_tests::harness::Broker;
use brygga_tests::made_up::{CONCERN_OF_POLICE, CONTACT_REQUEST};
use brygga_tests::wire::{call, call_unfinished, channel, frame};
use brygga_wire::contract::WriteRequest;
use bytes::Bytes;
use prost::Message;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::setting::Setting;
use crate::table::{Row, rows};

/// Reasons that no request can provoke on a broker in order, each with why.
const UNPROVOKED: &[(Reason, &str)] = &[
    (Reason::ConflictStepDue, "a function that wants the check, in tests/story/conflict.rs"),
    (Reason::DuplicateSection, "the door refuses the section before the rules see it, as MALFORMED_MESSAGE with the section's path"),
    (Reason::GroundNotInForce, "every ground of the shipped table has a wording in force today"),
    (Reason::Internal, "a damaged store; the broker that is in order has none"),
    (Reason::LogDoubted, "a log that was changed under the broker"),
    (Reason::NotCommitted, "a store that fails before its commit"),
    (Reason::TableNotActive, "a broker with another ground table than the one in force, in tests/brokers"),
    (Reason::OfficerMissing, "the door refuses a request without an officer as MALFORMED_MESSAGE"),
    (Reason::OutcomeUnknown, "a store that fails during its commit"),
    (Reason::ReadFailed, "a store that cannot be read"),
    (Reason::ReferralFull, "as many consents, revisions or emergencies as one referral can hold; the rules are tried on their number"),
    (Reason::ReviewOverdue, "a review that is three days late; the rules are tried on a clock that is moved"),
    (Reason::Stopping, "a broker that is stopping"),
];

/// The reason of a status, as its ErrorInfo says.
fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// Everything that a status says to people.
fn said(status: &Status) -> String {
    let faults = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
    let faults: Vec<String> = faults.into_iter().map(|fault| format!("{}: {}", fault.field, fault.description)).collect();
    format!("{}\n{}", status.message(), faults.join("\n"))
}

/// Sends a row and holds the answer and the journal against it.
async fn check(desk: &Desk, channels: &BTreeMap<String, Channel>, row: &Row) -> Status {
    let before = desk.size().await;
    let status = call(&channels[row.agency], row.path, row.body.clone()).await.expect_err(row.name);
    let after = desk.size().await;
    assert_eq!((status.code(), reason(&status).as_str()), (row.code, row.reason), "{}: {}", row.name, said(&status));
    assert!(said(&status).contains(row.text), "{}: {}", row.name, said(&status));
    for fault in status.get_details_bad_request().into_iter().flat_map(|bad| bad.field_violations) {
        assert!(fields::has(row.path, &fault.field), "{}: the request has no field {}", row.name, fault.field);
    }
    if let (Some(known), false) = (Reason::from_code(row.reason), row.code == Code::InvalidArgument || row.code == Code::ResourceExhausted) {
        assert!(status.message().starts_with(known.english()), "{}: {}", row.name, status.message());
    }
    assert_eq!(after - before, u64::from(row.logged), "{}: the journal grew", row.name);
    status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_to_go_wrong_has_a_clear_answer_and_writes_nothing_but_the_refusal() {
    let setting = Setting::make().await;
    let desk = &setting.desk;
    let mut provoked = BTreeSet::new();
    let mut logged = Vec::new();
    for row in rows(&setting) {
        let status = check(desk, &setting.channels, &row).await;
        provoked.insert(reason(&status));
        logged.extend(row.logged.then_some(row.reason));
    }
    provoked.insert(not_yours_and_not_there_are_the_same_bytes(&setting).await);
    provoked.insert(the_same_id_gives_the_same_receipt_and_another_body_is_refused(&setting).await);
    provoked.insert(a_sender_reference_is_taken_once(&setting).await);
    provoked.insert(what_was_assessed_for_one_child_carries_no_other_concern(&setting).await);
    provoked.insert(an_answer_that_is_too_late_says_so().await);
    provoked.insert(Reason::OverCapacity.code().to_owned());

    // The refusals of disclosures, in their order, are all that the table has left in the log.
    let refused: Vec<String> = desk
        .audited()
        .await
        .into_iter()
        .filter_map(|event| match event.fact {
            Fact::DisclosureRefused { reason, .. } => Some(reason),
            _ => None,
        })
        .collect();
    assert_eq!(refused[setting.refused_before..], logged);
    for reason in Reason::ALL {
        let excused = UNPROVOKED.iter().any(|(unprovoked, why)| unprovoked == reason && !why.is_empty());
        assert_eq!(provoked.contains(reason.code()), !excused, "{}: provoke it by a row, or say why it can't be", reason.code());
    }
    setting.desk.finish().await;
}

async fn not_yours_and_not_there_are_the_same_bytes(setting: &Setting) -> String {
    let mut answers = Vec::new();
    for name in [setting.ready.as_str(), "5f0d7a52-93a4-4f0b-8a0e-2b6c1d9e7f31"] {
        let request = v1::OpenReferralRequest { referral: name.to_owned(), ..Default::default() };
        let row = Row::new("open", "ekero-soc/eva", request, (Code::NotFound, Reason::NotFound, ""));
        answers.push(check(&setting.desk, &setting.channels, &row).await);
        let name = Some(v1::get_referral_request::Name::Referral(name.to_owned()));
        let body = frame(&v1::GetReferralRequest { name, ..Default::default() }.encode_to_vec());
        let read = call(&setting.channels["ekero-soc"], "/brygga.v1.ReferralService/GetReferral", body).await;
        answers.push(read.expect_err("it is not theirs"));
    }
    for answer in &answers[1..] {
        assert_eq!((answer.code(), answer.message(), answer.details()), (answers[0].code(), answers[0].message(), answers[0].details()));
    }
    reason(&answers[0])
}

fn prepared<W: Write>(desk: &Desk, who: &str, mut request: W) -> W {
    desk.client(who).prepare(&mut request).unwrap();
    request
}

async fn the_same_id_gives_the_same_receipt_and_another_body_is_refused(setting: &Setting) -> String {
    let path = v1::SubmitReferralRequest::PATH;
    let police = &setting.channels["vasterort-polis"];
    let request = prepared(&setting.desk, CONTACT_REQUEST.sender, CONTACT_REQUEST.submission());
    let body = frame(&request.encode_to_vec());
    let first = v1::SubmitReferralResponse::decode(call(police, path, body.clone()).await.unwrap()).unwrap();
    let size = setting.desk.size().await;
    let again = v1::SubmitReferralResponse::decode(call(police, path, body).await.unwrap()).unwrap();
    assert_eq!(first.receipt.unwrap().encode_to_vec(), again.receipt.unwrap().encode_to_vec(), "the same receipt, byte for byte");
    assert_eq!(first.referral.unwrap().id, again.referral.unwrap().id);
    assert_eq!(setting.desk.size().await, size, "a repeat writes nothing");
    let mut other = request;
    other.sections.truncate(1);
    let status = call(police, path, frame(&other.encode_to_vec())).await.expect_err("another body");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::AlreadyExists, Reason::KeyReused.code()));
    assert_eq!(setting.desk.size().await, size);
    reason(&status)
}

async fn a_sender_reference_is_taken_once(setting: &Setting) -> String {
    let mut request = CONTACT_REQUEST.submission();
    request.sender_reference = String::from("5000-K100077-26");
    request.persons[0].identifier = Some(v1::Identifier { r#type: i32::from(v1::IdentifierType::PersonalNumber), value: String::from("19121212-1212") });
    let existing = setting.desk.write(CONTACT_REQUEST.sender, request.clone()).await.referral.unwrap().reference;
    // A nightly rerun on a machine that has forgotten what it sent: the same persons, the same case, another key.
    let row = Row::new("the same sender reference", CONTACT_REQUEST.sender, request.clone(), (Code::AlreadyExists, Reason::SenderReferenceTaken, ""));
    let status = check(&setting.desk, &setting.channels, &row).await;
    let info = status.get_details_error_info().unwrap();
    // The one that exists may exclude whoever asks, so it is not named; the officer who may know finds it by the same number.
    assert!(info.metadata.is_empty() && !status.message().contains(&existing), "{status:?}");
    // Another person of the same case is another referral.
    request.persons[0].identifier = Some(v1::Identifier { r#type: i32::from(v1::IdentifierType::PersonalNumber), value: String::from("19821105-9954") });
    setting.desk.write(CONTACT_REQUEST.sender, request).await;
    info.reason
}

async fn what_was_assessed_for_one_child_carries_no_other_concern(setting: &Setting) -> String {
    let concern = rows::changed_concern(|_| {});
    setting.desk.write(CONCERN_OF_POLICE.sender, concern.clone()).await;
    let no = (Code::FailedPrecondition, Reason::RoutineConcern, "each child is assessed on its own");
    let row = Row::new("the same assessment for another child", CONCERN_OF_POLICE.sender, concern, no);
    reason(&check(&setting.desk, &setting.channels, &row).await)
}

/// A broker of its own, which waits a second for a request that is begun and never ended.
async fn an_answer_that_is_too_late_says_so() -> String {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::start(&folder.path().join("world"), "\n[limits]\ndeadline_seconds = 1\n").await;
    let client = broker.client("vasterort-polis", "klara");
    let before = client.checkpoint().await.unwrap().size;
    let mut request = CONTACT_REQUEST.submission();
    client.prepare(&mut request).unwrap();
    let body = frame(&request.encode_to_vec());
    let police = channel(&broker.config("vasterort-polis"));
    let status = call_unfinished(&police, v1::SubmitReferralRequest::PATH, body.slice(..body.len() - 1)).await.expect_err("it never came whole");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::DeadlineExceeded, Reason::DeadlineExceeded.code()));
    assert!(status.message().contains("ask again with the same request id"));
    assert_eq!(client.checkpoint().await.unwrap().size, before);
    assert_eq!(broker.stop().await, Some(0));
    reason(&status)
}

/// Requests that are sent at once, and how often that is done until one found the queue full.
const BURST: usize = 64;
const BURSTS_MAX: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_sends_away_and_nothing_is_lost_on_a_repeat() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::start_with(&folder.path().join("world"), &["--config", "\n[telemetry]\nlog_level = \"error\"\n", "--queue", "1"]).await;
    let client = broker.client("vasterort-polis", "klara");
    let police = channel(&broker.config("vasterort-polis"));
    let path = v1::SubmitReferralRequest::PATH;
    let (mut sent, mut turned_away) = (0_u64, 0);
    let before = client.checkpoint().await.unwrap().size;
    for _ in 0..BURSTS_MAX {
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..BURST {
            let mut request = CONTACT_REQUEST.submission();
            client.prepare(&mut request).unwrap();
            let (police, body) = (police.clone(), frame(&request.encode_to_vec()));
            calls.spawn(async move { (call(&police, path, body.clone()).await, body) });
        }
        let mut refused: Vec<Bytes> = Vec::new();
        for (answer, body) in calls.join_all().await {
            sent += 1;
            let Err(status) = answer else { continue };
            assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, Reason::OverCapacity.code()), "{}", status.message());
            assert!(status.get_details_retry_info().unwrap().retry_delay.is_some_and(|delay| !delay.is_zero()));
            assert!(status.message().starts_with(Reason::OverCapacity.english()));
            refused.push(body);
        }
        turned_away += refused.len();
        for body in refused {
            // One at a time there is room: the same bytes pass, and are written once.
            call(&police, path, body).await.unwrap();
        }
        if turned_away > 0 {
            break;
        }
    }
    assert!(turned_away > 0, "a queue of one was never full");
    assert_eq!(client.checkpoint().await.unwrap().size - before, sent, "each submission is one event, each is there once");
    assert_eq!(broker.stop().await, Some(0));
}
