//! The files of `proto/brygga/journal/v1` against the domain's lists, and the rules that keep one encoding for each event.

use std::collections::BTreeSet;
use std::path::Path;

use brygga_domain::codes::all_lists;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FileDescriptorProto};

use crate::{samples, strategies};

/// Kinds of event that the design lists and nobody writes yet.
const RESERVED: [(i32, &str); 2] = [(20, "key_rotated"), (52, "erased")];

fn file(name: &str) -> FileDescriptorProto {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let name = format!("brygga/journal/v1/{name}");
    let files = protox::compile([&name], [proto]).unwrap().file;
    files.into_iter().find(|file| file.name() == name).unwrap()
}

fn event_message(file: &FileDescriptorProto) -> &DescriptorProto {
    file.message_type.iter().find(|message| message.name() == "Event").unwrap()
}

/// `AgencyKind` as buf wants it before each value: `AGENCY_KIND`.
fn upper_snake(name: &str) -> String {
    let mut text = String::new();
    for (index, character) in name.chars().enumerate() {
        if character.is_ascii_uppercase() && index > 0 {
            text.push('_');
        }
        text.push(character.to_ascii_uppercase());
    }
    text
}

/// The kinds of event as the oneof has them, checked to be named like their messages.
fn kinds() -> BTreeSet<String> {
    let file = file("event.proto");
    let facts = event_message(&file).field.iter().filter(|field| field.number() >= 16);
    let kinds = facts.map(|field| {
        let name = field.type_name().rsplit('.').next().unwrap();
        assert_eq!(upper_snake(name).to_lowercase(), field.name());
        name.to_owned()
    });
    kinds.collect()
}

#[test]
fn the_enumerations_are_the_domains_lists() {
    let proto: Vec<(String, Vec<(i32, String)>)> = file("codes.proto")
        .enum_type
        .iter()
        .map(|list| (list.name().to_owned(), list.value.iter().map(|value| (value.number(), value.name().to_owned())).collect()))
        .collect();
    let domain: Vec<(String, Vec<(i32, String)>)> = all_lists()
        .into_iter()
        .map(|(list, codes)| {
            let prefix = upper_snake(list);
            let unspecified = (0, format!("{prefix}_UNSPECIFIED"));
            let codes = codes.into_iter().map(|(number, text)| (number, format!("{prefix}_{}", text.to_ascii_uppercase())));
            (list.to_owned(), std::iter::once(unspecified).chain(codes).collect())
        })
        .collect();
    assert_eq!(proto, domain);
}

#[test]
fn every_kind_of_event_has_golden_bytes() {
    let samples: BTreeSet<String> = samples::all().iter().map(|event| event.fact.name().to_owned()).collect();
    assert_eq!(samples, kinds());
}

#[test]
fn every_kind_of_event_has_a_strategy() {
    let mut runner = TestRunner::deterministic();
    let names: BTreeSet<String> = strategies::facts().iter().map(|facts| facts.new_tree(&mut runner).unwrap().current().name().to_owned()).collect();
    assert_eq!(names, kinds());
}

#[test]
fn later_kinds_of_event_have_their_place() {
    let file = file("event.proto");
    let event = event_message(&file);
    let numbers: Vec<i32> = event.reserved_range.iter().flat_map(|range| range.start()..range.end()).collect();
    assert_eq!(numbers, RESERVED.map(|(number, _)| number));
    assert_eq!(event.reserved_name, RESERVED.map(|(_, name)| name));
}

#[test]
fn one_event_has_one_encoding() {
    let file = file("event.proto");
    assert_eq!(file.dependency, ["brygga/journal/v1/codes.proto"]);
    for message in &file.message_type {
        assert!(message.nested_type.is_empty(), "{}: maps have no order, and parts stand beside the whole", message.name());
        let numbers: Vec<i32> = message.field.iter().map(prost_types::FieldDescriptorProto::number).collect();
        assert!(numbers.is_sorted(), "{}: fields stand in the order of their numbers", message.name());
        for field in &message.field {
            let place = format!("{}.{}", message.name(), field.name());
            assert!(![Type::Float, Type::Double, Type::Group].contains(&field.r#type()), "{place}: floating point has several spellings");
            let message_type = [Type::Message, Type::Enum].contains(&field.r#type());
            assert!(!message_type || field.type_name().starts_with(".brygga.journal.v1."), "{place}: a type of another package");
            assert!(field.label() != Label::Required, "{place}");
        }
    }
}

#[test]
fn everything_in_the_contract_is_commented() {
    for file in [file("codes.proto"), file("event.proto")] {
        let comments: Vec<&[i32]> = file
            .source_code_info
            .iter()
            .flat_map(|info| &info.location)
            .filter(|location| !location.leading_comments().trim().is_empty())
            .map(|location| location.path.as_slice())
            .collect();
        let mut things: Vec<(String, Vec<i32>)> = Vec::new();
        for (message, at) in file.message_type.iter().zip(0_i32..) {
            things.push((message.name().to_owned(), vec![4, at]));
            things.extend(message.field.iter().zip(0_i32..).map(|(field, index)| (format!("{}.{}", message.name(), field.name()), vec![4, at, 2, index])));
        }
        for (list, at) in file.enum_type.iter().zip(0_i32..) {
            things.push((list.name().to_owned(), vec![5, at]));
            things.extend(list.value.iter().zip(0_i32..).map(|(value, index)| (value.name().to_owned(), vec![5, at, 2, index])));
        }
        let silent: Vec<&str> = things.iter().filter(|(_, path)| !comments.contains(&path.as_slice())).map(|(name, _)| name.as_str()).collect();
        assert!(!things.is_empty() && silent.is_empty(), "without a comment: {silent:?}");
    }
}
