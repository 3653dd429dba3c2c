//! Every text of every request that the contract knows, marked one at a time and all at once; and the writes that keep a text, carried out.

use brygga_client::{Client, v1};
use brygga_journal::v1 as codes;
use brygga_tests::requests::{VICTIM, consent, decision, minutes_ago, release};
use brygga_tests::wire;
use brygga_wire::view::timestamp;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use tonic::transport::Channel;

use super::{MARK, Said, contents, every_category, marked, submission};

/// How deep messages of requests lie in one another.
const DEPTH_MAX: usize = 6;

/// A way to a text: through these fields, from the request on.
type Way = Vec<FieldDescriptor>;

/// Sends every request with the mark in each of its texts, and keeps what is said of it.
pub async fn asked(channels: &[Channel], said: &mut Said) {
    let pool = DescriptorPool::decode(brygga_wire::DESCRIPTORS).unwrap();
    let methods: Vec<_> =
        pool.services().filter(|service| service.package_name() == "brygga.v1").flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
    assert!(methods.len() > 40, "{}", methods.len());
    let mut sent = 0;
    for method in &methods {
        let mut texts = texts(&method.input(), DEPTH_MAX);
        // An answer on a stream names the command by the key that its sender gave it.
        texts.retain(|way| !method.is_client_streaming() || way.last().is_none_or(|field| field.name() != "request_id"));
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let one_by_one = texts.iter().map(std::slice::from_ref);
        for texts in one_by_one.chain([texts.as_slice()]).filter(|texts| !texts.is_empty()) {
            let mut request = DynamicMessage::new(method.input());
            texts.iter().for_each(|way| put(&mut request, way));
            for channel in channels {
                // What is answered holds what the client may know; what is refused may hold none of it, nor may a refusal among the answers of a stream.
                match wire::call(channel, &path, wire::frame(&request.encode_to_vec())).await {
                    Err(status) => said.status(&path, &status),
                    Ok(answers) if method.is_client_streaming() => said.0.push(format!("{path}: {}", String::from_utf8_lossy(&answers))),
                    Ok(_) => {}
                }
                sent += 1;
            }
        }
    }
    assert!(sent > 500, "{sent}");
}

/// The ways to every text of a message.
fn texts(message: &MessageDescriptor, depth: usize) -> Vec<Way> {
    let mut found = Vec::new();
    for field in message.fields() {
        match field.kind() {
            Kind::String | Kind::Bytes => found.push(vec![field]),
            Kind::Message(held) if depth > 0 => {
                found.extend(texts(&held, depth - 1).into_iter().map(|way| [vec![field.clone()], way].concat()));
            }
            _ => {}
        }
    }
    found
}

fn put(message: &mut DynamicMessage, way: &[FieldDescriptor]) {
    let [field, rest @ ..] = way else { return };
    let value = match field.kind() {
        Kind::Message(held) => {
            let standing = message.get_field(field).into_owned();
            let mut inner = match standing {
                Value::Message(inner) => inner,
                Value::List(mut list) => list.pop().and_then(|value| value.as_message().cloned()).unwrap_or_else(|| DynamicMessage::new(held)),
                _ => DynamicMessage::new(held),
            };
            put(&mut inner, rest);
            Value::Message(inner)
        }
        Kind::Bytes => Value::Bytes(marked(field.name()).into()),
        _ => Value::String(marked(field.name())),
    };
    message.set_field(field, if field.is_list() { Value::List(vec![value]) } else { value });
}

/// The writes that keep a text of their own beside content, each carried out with the mark in it.
pub async fn carried_out(police: &Client, other: &Client) {
    let referral = police.submit_referral(submission("E")).await.unwrap().response.referral.unwrap().id;
    let terms = v1::ConsentTerms { interpreter: true, interpreter_reference: format!("{MARK}-tolk"), ..consent(&contents().map(|(category, _)| category)) };
    police.record_consent(v1::RecordConsentRequest { referral: referral.clone(), terms: Some(terms), ..Default::default() }).await.unwrap();
    let told = v1::DeclareEmergencyRequest {
        referral: referral.clone(),
        telephoned_at: Some(timestamp(minutes_ago(1))),
        reasons: marked("emergency"),
        ..Default::default()
    };
    let emergency = police.declare_emergency(told).await.unwrap().response.referral.unwrap().emergencies[0].position;
    let reviewed = v1::ReviewEmergencyRequest {
        referral: referral.clone(),
        emergency,
        verdict: codes::EmergencyVerdict::Justified.into(),
        reasons: marked("review"),
        ..Default::default()
    };
    other.review_emergency(reviewed).await.unwrap();
    let content = every_category::content(codes::Category::SafeContact);
    let amended = v1::AmendedSection { number: 2, content };
    police.amend_referral(v1::AmendReferralRequest { referral: referral.clone(), sections: vec![amended], ..Default::default() }).await.unwrap();
    let template = Some(v1::Template { name: format!("{MARK}-mall"), digest: vec![7; 32].into() });
    let decided = v1::Decision { template, cells: vec![release(1, VICTIM, "CONSENT")], ..decision(&marked("template")) };
    police.decide_clearance(v1::DecideClearanceRequest { referral: referral.clone(), decision: Some(decided), ..Default::default() }).await.unwrap();
}
