//! A message as aligned lines, in the order of its fields; personal numbers are masked before this sees them, but for the copy for the case file.

use prost_reflect::{Kind, MessageDescriptor};
use serde_json::Value;

use crate::message::{CONTENT, EVENT, descriptor};
use crate::words;

/// Where a field's value begins.
const VALUE_COLUMN: usize = 28;

/// The lines of one section's content, by the name of its category.
pub fn content(category: &str, content: &Value) -> Vec<String> {
    let field = descriptor(CONTENT).and_then(|kind| kind.get_field_by_name(category));
    lines(field.and_then(|field| field.kind().as_message().cloned()), content)
}

/// The lines of an entry of the log.
pub fn event(event: &Value) -> Vec<String> {
    lines(descriptor(EVENT), event)
}

fn lines(kind: Option<MessageDescriptor>, value: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(kind) = kind {
        fields(&kind, value, 2, &mut lines);
    }
    lines
}

fn fields(kind: &MessageDescriptor, value: &Value, indent: usize, lines: &mut Vec<String>) {
    for field in kind.fields() {
        let Some(value) = value.get(field.name()) else { continue };
        let name = words::words(field.name());
        let field_kind = field.kind();
        match (field_kind.as_message(), value) {
            (Some(inner), Value::Object(_)) => {
                lines.push(format!("{:indent$}{name}", ""));
                fields(inner, value, indent + 2, lines);
            }
            (Some(inner), Value::Array(items)) => {
                for (number, item) in (1..).zip(items) {
                    lines.push(format!("{:indent$}{name} {number}", ""));
                    fields(inner, item, indent + 2, lines);
                }
            }
            (Some(_) | None, _) => {
                let label = format!("{:indent$}{name}", "");
                lines.push(format!("{label:<VALUE_COLUMN$}{}", plain(&field_kind, value)));
            }
        }
    }
}

fn plain(kind: &Kind, value: &Value) -> String {
    match value {
        Value::Null | Value::Object(_) => String::new(),
        Value::Bool(true) => String::from("yes"),
        Value::Bool(false) => String::from("no"),
        Value::Number(number) => number.to_string(),
        Value::String(code) if kind.as_enum().is_some() => words::words(code),
        // What a sender wrote must not move the cursor or hide a line of a terminal.
        Value::String(text) => text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect(),
        Value::Array(items) => items.iter().map(|item| plain(kind, item)).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn content_is_lines_in_the_order_of_its_fields_and_never_controls_the_terminal() {
        let identity = json!({"family_name": "Exempelsson", "given_name": "Amal\u{1b}[2J", "protected_identity": "confidentiality_marked"});
        let lines = super::content("children", &json!({"children": [{"identity": identity, "now": "at school", "impact": "witnessed"}]}));
        let wanted = [
            "  children 1",
            "    identity",
            "      given name            Amal [2J",
            "      family name           Exempelsson",
            "      protected identity    confidentiality marked",
            "    impact                  witnessed",
            "    now                     at school",
        ];
        assert_eq!(lines, wanted);
        assert_eq!(super::content("safe_contact", &json!({"may_leave_message": false})), ["  may leave message         no"]);
        assert!(super::content("no_such_category", &json!({"a": 1})).is_empty());
    }
}
