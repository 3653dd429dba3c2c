//! Content of every category with the mark in every text, made from the contract's own description, so that no field is forgotten.

use std::collections::BTreeSet;
use std::path::Path;

use brygga_client::content_v1::Content;
use brygga_client::content_v1::content::Section as Arm;
use brygga_client::{Client, v1};
use brygga_domain::ReferralId;
use brygga_engine::store::Reader as _;
use brygga_journal::v1 as codes;
use brygga_store::SqliteReader;
use brygga_tests::requests::held_submission;
use bytes::Bytes;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use super::{MARK, NUMBER, hits, marked};

/// Kinds of referral that carry every category between them: who sends it, to which function.
const WAYS: [(codes::ReferralKind, &str, &str, &[codes::Category]); 9] = {
    use codes::Category::*;
    use codes::ReferralKind as Kind;
    [
        (
            Kind::ReportedOffence,
            "vasterort-polis",
            "solna-rvc",
            &[Offence, OffenceHeading, VictimIdentity, SafeContact, RiskAssessment, Children, Suspect, Measures, SupportNeeds, Interpreter],
        ),
        (Kind::CaseHandover, "vasterort-polis", "vasterort-aklagare-kammare", &[CaseParties, ContactBanRequest, InformationWish]),
        (Kind::Decision, "vasterort-aklagare", "solna-rvc", &[CourtDecision]),
        (Kind::Hearing, "vasterort-aklagare", "solna-rvc", &[HearingNotice]),
        (Kind::CustodyOrBan, "vasterort-aklagare", "solna-rvc", &[CustodyNotice]),
        (Kind::Support, "solna-soc", "vasterort-polis-brottsoffer", &[SupportStatus]),
        (Kind::Risk, "solna-soc", "vasterort-polis-brottsoffer", &[RiskNotice]),
        (Kind::ContactReply, "solna-soc", "vasterort-polis-brottsoffer", &[ContactData, Whereabouts]),
        (Kind::ChildConcern, "vasterort-polis", "solna-mottagning", &[Child, Custodians, Concern, ImmediateDanger]),
    ]
};

/// A referral of each kind that is needed, with the agency that sends it.
pub fn submissions() -> Vec<(&'static str, v1::SubmitReferralRequest)> {
    let all: Vec<_> = WAYS.into_iter().map(|(kind, sender, recipient, categories)| (sender, submission(kind, recipient, categories))).collect();
    let carried: BTreeSet<i32> = all.iter().flat_map(|(_, submission)| submission.sections.iter().map(|section| section.category)).collect();
    let every = arms().filter_map(|arm| codes::Category::from_str_name(&format!("CATEGORY_{}", arm.name().to_uppercase()))).map(i32::from).collect();
    assert_eq!(carried, every, "a category carries no mark");
    all
}

/// Submits them, and gives each referral's id with the number of its sections.
pub async fn submitted(clients: &[(&str, &Client)]) -> Vec<(String, usize)> {
    let mut made = Vec::new();
    for (sender, submission) in submissions() {
        let client = clients.iter().find(|(agency, _)| *agency == sender).unwrap().1;
        let sections = submission.sections.len();
        made.push((client.submit_referral(submission).await.unwrap().response.referral.unwrap().id, sections));
    }
    made
}

/// Every section holds its mark where it belongs: without that a scan elsewhere would show nothing.
pub async fn arrived(folder: &Path, submitted: &[(String, usize)]) {
    let mut reader = SqliteReader::open_beside(&folder.join("brygga.db")).await.unwrap();
    for (id, sections) in submitted {
        let id: ReferralId = id.parse().unwrap();
        let wanted: Vec<(i64, i64)> = (1..=i64::try_from(*sections).unwrap()).map(|number| (number, 1)).collect();
        let rows = reader.contents(&id.as_bytes().into(), &wanted).await.unwrap();
        assert_eq!(rows.len(), *sections);
        for row in rows {
            let held = Content::decode(row.bytes.0.as_slice()).unwrap();
            let named_only = matches!(held.section, Some(Arm::InformationWish(_)));
            assert!(named_only || !hits(&row.bytes.0).is_empty(), "{held:?} holds no mark");
        }
    }
}

fn submission(kind: codes::ReferralKind, recipient: &str, categories: &[codes::Category]) -> v1::SubmitReferralRequest {
    let persons: BTreeSet<&str> = categories.iter().map(|category| person(*category)).collect();
    let sections = categories.iter().map(|category| v1::Section {
        category: (*category).into(),
        persons: vec![person(*category).to_owned()],
        content: content(*category),
        ..Default::default()
    });
    let identifier = || Some(v1::Identifier { r#type: v1::IdentifierType::PersonalNumber.into(), value: NUMBER.to_owned() });
    v1::SubmitReferralRequest {
        kind: kind.into(),
        recipient: recipient.to_owned(),
        sender_reference: format!("{}-{MARK}", kind.as_str_name().to_lowercase()),
        persons: persons
            .into_iter()
            .map(|name| v1::Person { name: name.to_owned(), identifier: identifier(), protected_identity: codes::ProtectedIdentity::None.into() })
            .collect(),
        sections: sections.collect(),
        ..held_submission()
    }
}

/// Whom a section of the category is about.
fn person(category: codes::Category) -> &'static str {
    match category {
        codes::Category::Children | codes::Category::Child | codes::Category::Concern | codes::Category::ImmediateDanger => "child-1",
        codes::Category::Suspect | codes::Category::CustodyNotice | codes::Category::ContactBanRequest => "suspect-1",
        codes::Category::Custodians => "custodian-1",
        _ => "victim-1",
    }
}

/// The fields of the message of content: one for each category.
fn arms() -> impl Iterator<Item = FieldDescriptor> {
    let pool = DescriptorPool::decode(brygga_wire::DESCRIPTORS).unwrap();
    pool.get_message_by_name("brygga.content.v1.Content").unwrap().fields().collect::<Vec<_>>().into_iter()
}

/// Content of a category with the mark in each text.
pub fn content(category: codes::Category) -> Bytes {
    let name = category.as_str_name().trim_start_matches("CATEGORY_").to_lowercase();
    let arm = arms().find(|arm| arm.name() == name).unwrap_or_else(|| panic!("{name} has no content"));
    let mut whole = DynamicMessage::new(arm.parent_message().clone());
    whole.set_field(&arm, Value::Message(filled(arm.kind().as_message().unwrap().clone(), person(category))));
    whole.encode_to_vec().into()
}

fn filled(message: MessageDescriptor, person: &str) -> DynamicMessage {
    let mut made = DynamicMessage::new(message.clone());
    for field in message.fields() {
        let value = match field.kind() {
            Kind::String => Value::String(text(field.name(), person)),
            Kind::Message(held) if held.full_name() != "google.protobuf.Timestamp" => Value::Message(filled(held, person)),
            _ => continue,
        };
        made.set_field(&field, if field.is_list() { Value::List(vec![value]) } else { value });
    }
    made
}

/// What stands in a text: its own shape, where it has one, with what a scan would find wherever that can hold it.
fn text(field: &str, person: &str) -> String {
    match field {
        "person" => person.to_owned(),
        "personal_number" => NUMBER.to_owned(),
        "birth_date" => String::from("1912-12-12"),
        "reported_on" | "confirmed_on" | "valid_until" | "assessed_on" | "applied_on" | "decided_on" => String::from("2026-11-23"),
        "hearing_id" => String::from("5f0d7a52-93a4-4f0b-8a0e-2b6c1d9e7f31"),
        "residence_municipality" => String::from("0184"),
        "language" => String::from("som"),
        "from" => String::from("09:00"),
        "until" => String::from("11:00"),
        "email" => format!("{MARK}@example.invalid"),
        _ => marked(field),
    }
}
