//! From a message to JSON: codes short, content typed, personal numbers masked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost_reflect::{DynamicMessage, EnumDescriptor, Kind, MessageDescriptor, SerializeOptions};
use serde_json::{Map, Value};

use super::read::takes_content;
use super::{CONTENT, EVENT, Known, descriptor, short};

/// The version of the output; it grows only when something that was there goes away.
pub const OUTPUT_VERSION: u64 = 1;

/// A message as JSON, whole.
pub fn show<M: Known>(message: &M) -> Value {
    match descriptor(M::NAME) {
        Some(kind) => decoded(&kind, &message.encode_to_vec(), &options()),
        None => Value::Null,
    }
}

/// The same with every personal number masked, which is how it goes to a terminal or a pipe.
pub fn masked(mut value: Value) -> Value {
    mask(&mut value);
    value
}

/// The stored bytes of an entry as JSON: ids as UUIDs, everything else in bytes as hex. There is nothing personal in it.
pub fn show_event(leaf: &[u8]) -> Value {
    match descriptor(EVENT) {
        Some(kind) => {
            let mut whole = decoded(&kind, leaf, &options());
            readable_bytes(&Kind::Message(kind), &mut whole);
            whole
        }
        None => Value::Null,
    }
}

fn readable_bytes(kind: &Kind, value: &mut Value) {
    match (kind, value) {
        (kind, Value::Array(items)) => items.iter_mut().for_each(|item| readable_bytes(kind, item)),
        (Kind::Message(message), Value::Object(object)) => {
            for (name, value) in object.iter_mut() {
                if let Some(field) = message.get_field_by_name(name) {
                    readable_bytes(&field.kind(), value);
                }
            }
        }
        (Kind::Bytes, Value::String(text)) => {
            if let Ok(bytes) = STANDARD.decode(&*text) {
                *text = uuid::Uuid::from_slice(&bytes).map_or_else(|_| hex::encode(&bytes), |id| id.as_hyphenated().to_string());
            }
        }
        (_, _) => {}
    }
}

fn options() -> SerializeOptions {
    SerializeOptions::new().stringify_64_bit_integers(false).use_proto_field_name(true)
}

fn decoded(kind: &MessageDescriptor, bytes: &[u8], options: &SerializeOptions) -> Value {
    let Ok(message) = DynamicMessage::decode(kind.clone(), bytes) else { return Value::Null };
    let whole = message.serialize_with_options(serde_json::value::Serializer, options).unwrap_or(Value::Null);
    shortened(kind, whole)
}

fn shortened(kind: &MessageDescriptor, value: Value) -> Value {
    let Value::Object(object) = value else { return value };
    let mut whole = Map::new();
    for (key, value) in object {
        let Some(field) = kind.get_field_by_name(&key) else { continue };
        let value = if key == "content" && takes_content(kind) { typed_content(value) } else { by_kind(&field.kind(), value) };
        whole.insert(key, value);
    }
    Value::Object(whole)
}

fn by_kind(kind: &Kind, value: Value) -> Value {
    match (kind, value) {
        (kind, Value::Array(items)) => Value::Array(items.into_iter().map(|item| by_kind(kind, item)).collect()),
        (Kind::Message(message), value @ Value::Object(_)) => shortened(message, value),
        (Kind::Enum(list), Value::String(name)) => Value::String(short_code(list, &name)),
        (_, value) => value,
    }
}

fn short_code(list: &EnumDescriptor, name: &str) -> String {
    short(list, name)
}

/// The typed object of encoded content: the one arm that is set. Bytes that are none stay as they are.
fn typed_content(value: Value) -> Value {
    let bytes = value.as_str().and_then(|text| STANDARD.decode(text).ok());
    // A no must be seen as a no: whether a message may be left is never left out.
    let whole = bytes.zip(descriptor(CONTENT)).map(|(bytes, kind)| decoded(&kind, &bytes, &options().skip_default_fields(false)));
    match whole {
        Some(Value::Object(arms)) if arms.len() == 1 => arms.into_iter().next().map_or(value, |(_, typed)| without_empty(typed)),
        Some(_) | None => value,
    }
}

/// Leaves out what is not known: empty text, empty lists, unspecified codes and numbers that are 0.
fn without_empty(value: Value) -> Value {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Bool(_) => false,
        Value::Number(number) => number.as_u64() == Some(0),
        Value::String(text) => text.is_empty() || text == "unspecified",
        Value::Array(items) => items.is_empty(),
        Value::Object(object) => object.is_empty(),
    };
    match value {
        Value::Object(object) => object.into_iter().map(|(key, value)| (key, without_empty(value))).filter(|(_, value)| !is_empty(value)).collect(),
        Value::Array(items) => Value::Array(items.into_iter().map(without_empty).collect()),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, value) in object.iter_mut() {
                match value {
                    Value::String(text) if key == "personal_number" => *text = masked_number(text),
                    other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => mask(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A personal number with its last four characters hidden.
pub fn masked_number(number: &str) -> String {
    let kept = number.chars().count().saturating_sub(4);
    number.chars().take(kept).chain("****".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;
    use brygga_wire::v1;
    use serde_json::json;

    fn now() -> jiff::Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_referral_comes_back_as_it_was_written() {
        let written = json!({
            "kind": "contact_request", "recipient": "solna-rvc", "urgency": "urgent", "reported_at": "2026-11-23T10:00:00Z",
            "persons": [{"name": "victim-1", "identifier": {"type": "personal_number", "value": "19121212-1212"}}],
            "sections": [{"number": 1, "category": "safe_contact", "persons": ["victim-1"],
                "content": {"channels": ["telephone", "text_message"], "may_leave_message": false, "may_send_message": true, "windows": [{"days": [1, 2], "from": "09:00", "until": "11:00"}]}}],
            "decisions": [{"cells": [{"cell": {"section": 1, "interest": "victim-1"}, "release": {"ground": "CONSENT"}}], "reasons": "documented"}]
        });
        let message: v1::SubmitReferralRequest = read(&written.to_string(), now()).unwrap();
        assert_eq!(message.kind(), brygga_domain_kind());
        assert_eq!(brygga_wire::category_of(&message.sections[0].content), Some(brygga_domain::Category::SafeContact));
        assert_eq!(show(&message), written);
        let again: v1::SubmitReferralRequest = read(&show(&message).to_string(), now()).unwrap();
        assert_eq!(again, message);
    }

    fn brygga_domain_kind() -> brygga_journal::v1::ReferralKind {
        brygga_journal::v1::ReferralKind::ContactRequest
    }

    #[test]
    fn canonical_json_is_read_too() {
        let long = r#"{"kind":"REFERRAL_KIND_HEARING","reportedAt":"2026-11-23T10:00:00.5Z","pinnedSize":"7","sections":[{"category":"CATEGORY_INTERPRETER","content":"GgA="}]}"#;
        let message: v1::SubmitReferralRequest = read(long, now()).unwrap();
        assert_eq!((message.pinned_size, message.sections[0].content.len()), (7, 2));
        assert_eq!(message.reported_at.unwrap().nanos, 500_000_000);
    }

    #[test]
    fn a_relative_time_counts_from_now() {
        let message: v1::RecordOfferRequest = read(r#"{"offer":{"answer":"yes","reported_at":"-2h"}}"#, now()).unwrap();
        assert_eq!(message.offer.unwrap().reported_at.unwrap().seconds, now().as_second() - 7_200);
    }

    #[test]
    fn an_amended_section_names_its_category_for_the_content() {
        let file = r#"{"sections":[{"number":2,"category":"interpreter","content":{"language":"som","needed":true}}]}"#;
        let message: v1::AmendReferralRequest = read(file, now()).unwrap();
        assert_eq!(brygga_wire::category_of(&message.sections[0].content), Some(brygga_domain::Category::Interpreter));
    }

    #[test]
    fn faults_name_the_place_and_never_the_value() {
        let secret = "Anna Andersson";
        for (file, path, what) in [
            ("{", "", "not JSON, line 1 column 1"),
            ("[]", "", "must be an object (SubmitReferralRequest)"),
            (r#"{"kind":"Anna Andersson"}"#, "kind", "must be one of contact_request, reported_offence, "),
            (r#"{"kind":"unspecified"}"#, "kind", "must be one of"),
            (r#"{"recipient":7}"#, "recipient", "must be text"),
            (r#"{"Anna Andersson":7}"#, "", "has a field that SubmitReferralRequest does not know"),
            (r#"{"reported_at":"Anna Andersson"}"#, "reported_at", "must be a time"),
            (r#"{"reported_at":"-2w"}"#, "reported_at", "must be a sign"),
            (r#"{"persons":{}}"#, "persons", "must be a list"),
            (r#"{"sections":[{"number":-1}]}"#, "sections[0].number", "must be a whole number"),
            (r#"{"sections":[{"investigation":"Anna Andersson"}]}"#, "sections[0].investigation", "must be true or false"),
            (r#"{"sections":[{"content":{}}]}"#, "sections[0].category", "must name the category"),
            (r#"{"sections":[{"category":"no_such","content":{}}]}"#, "sections[0].category", "must name the category"),
            (r#"{"sections":[{"category":"child","content":{"identity":"Anna Andersson"}}]}"#, "sections[0].content.child.identity", "must be an object"),
            (r#"{"sections":[{"category":"child","content":"Anna Andersson"}]}"#, "", "does not fit"),
            (r#"{"reported_at":"-2h","reportedAt":"-2h"}"#, "", "names reported_at twice"),
        ] {
            let fault = read::<v1::SubmitReferralRequest>(file, now()).unwrap_err();
            assert_eq!(fault.path, path, "{file}");
            assert!(fault.what.starts_with(what), "{file}: {}", fault.what);
            assert!(!fault.to_string().contains(secret), "{file}");
        }
    }

    #[test]
    fn personal_numbers_are_masked_wherever_they_stand() {
        let value = json!({"sections": [{"content": {"identity": {"personal_number": "19121212-1212", "given_name": "Amal"}}}]});
        let shown = masked(value);
        assert_eq!(shown["sections"][0]["content"]["identity"]["personal_number"], "19121212-****");
        assert_eq!(shown["sections"][0]["content"]["identity"]["given_name"], "Amal");
        assert_eq!(masked_number("12"), "****");
    }
}
