//! Messages that hold personal data print as `Name(..)`: a log line that prints a whole request shows shapes, never content.
//!
//! The generator is told to leave their `Debug` out, and this module writes one that shows nothing. A message is hidden whole:
//! a field that is added later is hidden with it.

use anyhow::ensure;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};

/// Packages of which every message is hidden.
const HIDDEN_PACKAGES: [&str; 1] = ["brygga.content.v1"];
/// Packages in which a message with one of `HIDDEN_FIELDS` is hidden.
const SEARCHED_PACKAGES: [&str; 1] = ["brygga.v1"];
/// Names of text and bytes fields that hold content, or what can lead to a person or an officer.
const HIDDEN_FIELDS: [&str; 8] = ["case_number", "content", "officer", "purpose", "reasons", "salt", "sender_reference", "value"];

/// A message whose `Debug` shows nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hidden {
    /// Its protobuf package.
    pub package: String,
    message: String,
    oneofs: Vec<String>,
}

impl Hidden {
    /// The path as the generator wants it.
    pub fn path(&self) -> String {
        format!(".{}.{}", self.package, self.message)
    }

    /// Rust code that prints the name and nothing of what is inside, for the message and its oneofs.
    pub fn debug_impl(&self) -> String {
        let module = snake(&self.message);
        let oneofs = self.oneofs.iter().map(|oneof| format!("{module}::{}", camel(oneof)));
        std::iter::once(self.message.clone()).chain(oneofs).map(|path| debug_impl(&path)).collect()
    }
}

/// The hidden messages that the descriptors declare.
pub fn hidden(descriptors: &FileDescriptorSet) -> anyhow::Result<Vec<Hidden>> {
    let mut found = Vec::new();
    for file in &descriptors.file {
        for message in &file.message_type {
            let whole = HIDDEN_PACKAGES.contains(&file.package());
            let named = SEARCHED_PACKAGES.contains(&file.package()) && message.field.iter().any(holds_personal_data);
            if !whole && !named {
                continue;
            }
            // A nested message needs a Rust path of its own; one that was forgotten would not compile, and here it says why.
            ensure!(message.nested_type.is_empty(), "{}: a message with personal data declares its parts beside it, not inside", message.name());
            found.push(Hidden { package: file.package().to_owned(), message: message.name().to_owned(), oneofs: oneofs(message) });
        }
    }
    Ok(found)
}

fn holds_personal_data(field: &prost_types::FieldDescriptorProto) -> bool {
    [Type::String, Type::Bytes].contains(&field.r#type()) && HIDDEN_FIELDS.contains(&field.name())
}

/// The oneofs that were written as such; an `optional` field makes one too, which no Rust type stands for.
fn oneofs(message: &DescriptorProto) -> Vec<String> {
    let written =
        |index: usize| message.field.iter().any(|field| !field.proto3_optional() && field.oneof_index.and_then(|of| usize::try_from(of).ok()) == Some(index));
    message.oneof_decl.iter().enumerate().filter(|(index, _)| written(*index)).map(|(_, oneof)| oneof.name().to_owned()).collect()
}

fn debug_impl(path: &str) -> String {
    let name = path.rsplit("::").next().unwrap_or(path);
    format!(
        "impl ::core::fmt::Debug for {path} {{\n    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {{\n        f.write_str(\"{name}(..)\")\n    }}\n}}\n"
    )
}

/// `SafeContact` as the generator names its module: `safe_contact`.
fn snake(name: &str) -> String {
    let mut text = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(character.to_ascii_lowercase());
    }
    text
}

/// `sender_reference` as the generator names its type: `SenderReference`.
fn camel(name: &str) -> String {
    let mut text = String::new();
    for word in name.split('_') {
        let mut characters = word.chars();
        text.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        text.extend(characters);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_generator() {
        assert_eq!(snake("SafeContact"), "safe_contact");
        assert_eq!(camel("sender_reference"), "SenderReference");
    }

    #[test]
    fn what_is_printed_is_the_name_alone() {
        let hidden = Hidden { package: "brygga.v1".into(), message: "SafeContact".into(), oneofs: vec!["way".into()] };
        assert_eq!(hidden.path(), ".brygga.v1.SafeContact");
        let code = hidden.debug_impl();
        assert!(code.contains("Debug for SafeContact {") && code.contains("f.write_str(\"SafeContact(..)\")"), "{code}");
        assert!(code.contains("Debug for safe_contact::Way {") && code.contains("f.write_str(\"Way(..)\")"), "{code}");
    }
}
