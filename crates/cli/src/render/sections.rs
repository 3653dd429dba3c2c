//! The content of sections as aligned lines; personal numbers are masked before this sees them.

use serde_json::Value;

use crate::words;

/// Where a field's value begins.
const VALUE_COLUMN: usize = 28;

/// The lines of one section's content.
pub fn lines(content: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    fields(content, 2, &mut lines);
    lines
}

fn fields(value: &Value, indent: usize, lines: &mut Vec<String>) {
    let Value::Object(object) = value else { return };
    for (name, value) in object {
        let name = words::words(name);
        match value {
            Value::Object(_) => {
                lines.push(format!("{:indent$}{name}", ""));
                fields(value, indent + 2, lines);
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                for (number, item) in (1..).zip(items) {
                    lines.push(format!("{:indent$}{name} {number}", ""));
                    fields(item, indent + 2, lines);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                let label = format!("{:indent$}{name}", "");
                lines.push(format!("{label:<VALUE_COLUMN$}{}", plain(value)));
            }
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Bool(true) => String::from("yes"),
        Value::Bool(false) => String::from("no"),
        Value::Number(number) => number.to_string(),
        // What a sender wrote must not move the cursor or hide a line of a terminal.
        Value::String(text) => text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Null | Value::Object(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn content_is_lines_and_never_controls_the_terminal() {
        let content =
            json!({"identity": {"given_name": "Amal\u{1b}[2J"}, "children": [{"now": "at school"}], "channels": ["telephone", "email"], "weapons_known": true});
        let lines = lines(&content);
        assert!(lines.iter().any(|line| line == "  channels                  telephone, email"), "{lines:?}");
        assert!(lines.iter().any(|line| line == "  children 1"));
        assert!(lines.iter().any(|line| line == "    now                     at school"));
        assert!(lines.iter().any(|line| line == "  weapons known             yes"));
        assert!(lines.iter().all(|line| !line.contains('\u{1b}')));
    }
}
