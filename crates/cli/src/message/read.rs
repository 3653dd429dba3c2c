//! From JSON to a message.
//!
//! The file is walked along the descriptors first, which resolves the conveniences and names every fault by its path; only then
//! the library makes the message of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use prost::Message as _;
use prost_reflect::{DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

use super::moment::{is_relative, moment};
use super::{CONTENT, Known, TIMESTAMP, descriptor, prefix, short};

/// Deepest nesting of a file; the contract needs seven levels.
const DEPTH_MAX: usize = 16;

/// What is wrong with a file, by the path of the field. Never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{what}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct InputFault {
    /// Where, for example `sections[2].content.channels[0]`; empty: the file as a whole.
    pub path: String,
    /// What.
    pub what: String,
}

/// Reads a message. Relative times count from `now`.
pub fn read<M: Known>(json: &str, now: Timestamp) -> Result<M, InputFault> {
    let value: Value = serde_json::from_str(json).map_err(|error| InputFault {
        path: String::new(),
        // The library's own text may repeat a value; the place is enough to find it.
        what: format!("not JSON, line {} column {}", error.line(), error.column()),
    })?;
    let bytes = Walk { now, path: Vec::new() }.message(M::NAME, value)?;
    M::decode(bytes.as_slice()).map_err(|_| InputFault { path: String::new(), what: format!("cannot be made a {}", M::NAME) })
}

struct Walk {
    now: Timestamp,
    path: Vec<String>,
}

impl Walk {
    fn fault<T>(&self, what: impl Into<String>) -> Result<T, InputFault> {
        Err(InputFault { path: self.path.join(""), what: what.into() })
    }

    /// Steps into a field or an item while `then` works on it.
    fn within<T>(&mut self, step: String, then: impl FnOnce(&mut Self) -> Result<T, InputFault>) -> Result<T, InputFault> {
        if self.path.len() >= 2 * DEPTH_MAX {
            return self.fault("nested too deep");
        }
        let step = if self.path.is_empty() { step.trim_start_matches('.').to_owned() } else { step };
        self.path.push(step);
        let outcome = then(self);
        self.path.pop();
        outcome
    }

    /// The encoded message of a JSON object.
    fn message(&mut self, name: &str, value: Value) -> Result<Vec<u8>, InputFault> {
        let Some(kind) = descriptor(name) else { return self.fault(format!("{name} is not in the contract")) };
        let value = self.object(&kind, value)?;
        match DynamicMessage::deserialize(kind, value) {
            Ok(message) => Ok(message.encode_to_vec()),
            Err(_) => self.fault(format!("does not fit {name}")),
        }
    }

    fn object(&mut self, kind: &MessageDescriptor, value: Value) -> Result<Value, InputFault> {
        let Value::Object(mut object) = value else { return self.fault(format!("must be an object ({})", kind.name())) };
        if takes_content(kind) {
            self.content(kind, &mut object)?;
        }
        let mut whole = Map::new();
        for (key, value) in object {
            let Some(field) = kind.get_field_by_name(&key).or_else(|| kind.get_field_by_json_name(&key)) else {
                let known: Vec<String> = kind.fields().map(|field| field.name().to_owned()).collect();
                return self.fault(format!("has a field that {} does not know; it knows {}", kind.name(), known.join(", ")));
            };
            if whole.contains_key(field.name()) {
                return self.fault(format!("names {} twice", field.name()));
            }
            if value.is_null() {
                continue;
            }
            let value = self.within(format!(".{}", field.name()), |walk| walk.field(&field, value))?;
            whole.insert(field.name().to_owned(), value);
        }
        Ok(Value::Object(whole))
    }

    fn field(&mut self, field: &FieldDescriptor, value: Value) -> Result<Value, InputFault> {
        if is_day(field) && value.as_str().is_some_and(is_relative) {
            return self.day(&value);
        }
        if !field.is_list() {
            return self.single(&field.kind(), value);
        }
        let Value::Array(items) = value else { return self.fault("must be a list") };
        let single = |walk: &mut Self, (index, item)| walk.within(format!("[{index}]"), |walk| walk.single(&field.kind(), item));
        items.into_iter().enumerate().map(|item| single(self, item)).collect::<Result<Vec<_>, _>>().map(Value::Array)
    }

    fn single(&mut self, kind: &Kind, value: Value) -> Result<Value, InputFault> {
        match kind {
            Kind::Message(message) if message.full_name() == TIMESTAMP => self.time(value),
            Kind::Message(message) => self.object(message, value),
            Kind::Enum(list) => self.code(list, value),
            Kind::String | Kind::Bytes => {
                if value.is_string() {
                    Ok(value)
                } else {
                    self.fault("must be text")
                }
            }
            Kind::Bool => {
                if value.is_boolean() {
                    Ok(value)
                } else {
                    self.fault("must be true or false")
                }
            }
            Kind::Uint32 | Kind::Uint64 | Kind::Fixed32 | Kind::Fixed64 => match whole_number(&value) {
                Some(number) if number <= bound(kind) => Ok(Value::from(number)),
                Some(_) | None => self.fault("must be a whole number from 0"),
            },
            Kind::Int32 | Kind::Int64 | Kind::Sint32 | Kind::Sint64 | Kind::Sfixed32 | Kind::Sfixed64 | Kind::Float | Kind::Double => {
                if value.is_number() {
                    Ok(value)
                } else {
                    self.fault("must be a number")
                }
            }
        }
    }

    fn time(&mut self, value: Value) -> Result<Value, InputFault> {
        let stamp = value.as_str().and_then(|text| moment(text, self.now));
        match stamp {
            Some(stamp) => Ok(Value::String(stamp.to_string())),
            None if value.as_str().is_some_and(is_relative) => self.fault("must be a sign, a number and s, m, h or d, for example -2h"),
            None => self.fault("must be a time as in RFC 3339, or counted from now, for example -2h"),
        }
    }

    /// A day that counts from today, for example `-1d`.
    fn day(&mut self, value: &Value) -> Result<Value, InputFault> {
        match value.as_str().and_then(|text| moment(text, self.now)) {
            Some(stamp) => Ok(Value::String(crate::words::day(stamp).to_string())),
            None => self.fault("must be a day as YYYY-MM-DD, or counted from today, for example -1d"),
        }
    }

    fn code(&mut self, list: &EnumDescriptor, value: Value) -> Result<Value, InputFault> {
        let Some(text) = value.as_str() else { return self.fault("must be a code, as text") };
        let long = format!("{}{}", prefix(list), text.to_uppercase());
        let known = list.get_value_by_name(text).or_else(|| list.get_value_by_name(&long)).filter(|value| value.number() != 0);
        if let Some(value) = known {
            return Ok(Value::String(value.name().to_owned()));
        }
        let codes: Vec<String> = list.values().filter(|value| value.number() != 0).map(|value| short(list, value.name())).collect();
        self.fault(format!("must be one of {}", codes.join(", ")))
    }

    /// Encodes the typed content of a section and puts the bytes in its place.
    fn content(&mut self, kind: &MessageDescriptor, section: &mut Map<String, Value>) -> Result<(), InputFault> {
        // An amended section names its category for the content's sake only; the contract has no such field.
        let category = match kind.get_field_by_name("category") {
            Some(_) => section.get("category").cloned(),
            None => section.remove("category"),
        };
        if !section.get("content").is_some_and(Value::is_object) {
            return Ok(());
        }
        let category = category.as_ref().and_then(Value::as_str).map(|text| text.trim_start_matches("CATEGORY_").to_lowercase());
        let known = descriptor(CONTENT).zip(category.clone()).is_some_and(|(content, category)| content.get_field_by_name(&category).is_some());
        let (Some(category), true, Some(typed)) = (category, known, section.remove("content")) else {
            return self.within(String::from(".category"), |walk| walk.fault("must name the category of the content beside it"));
        };
        let mut whole = Map::new();
        whole.insert(category.clone(), typed);
        let bytes = self.within(String::from(".content"), |walk| walk.message(CONTENT, Value::Object(whole)))?;
        section.insert(String::from("content"), Value::String(STANDARD.encode(bytes)));
        Ok(())
    }
}

/// The messages whose `content` is the encoded content of a section.
pub(super) fn takes_content(kind: &MessageDescriptor) -> bool {
    matches!(kind.full_name(), "brygga.v1.Section" | "brygga.v1.AmendedSection" | "brygga.v1.ReleasedSection")
}

/// The fields of content that hold a day as text.
fn is_day(field: &FieldDescriptor) -> bool {
    let is_content = field.parent_message().package_name() == "brygga.content.v1";
    is_content && matches!(field.kind(), Kind::String) && !field.is_list() && (field.name().ends_with("_on") || field.name() == "valid_until")
}

fn whole_number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

fn bound(kind: &Kind) -> u64 {
    if matches!(kind, Kind::Uint32 | Kind::Fixed32) { u64::from(u32::MAX) } else { u64::MAX }
}
