//! The fields that a refusal names are fields of the request, as the contract spells them.

use prost_reflect::{DescriptorPool, Kind, MessageDescriptor};

/// How deep messages of the contract lie in one another.
const DEPTH_MAX: u32 = 6;

/// Whether the field that a refusal names is one of the request of that method.
pub fn has(method: &str, field: &str) -> bool {
    let pool = DescriptorPool::decode(brygga_wire::DESCRIPTORS).unwrap();
    let (service, name) = method.trim_start_matches('/').split_once('/').unwrap();
    let service = pool.get_service_by_name(service).unwrap();
    let request = service.methods().find(|method| method.name() == name).unwrap().input();
    let path: Vec<&str> = field.split('.').collect();
    leads(&request, &path)
}

/// Whether the path leads on from this message, or from one that it holds: what is wrong in content is named by its field alone.
fn is_below(message: &MessageDescriptor, path: &[&str], depth: u32) -> bool {
    let inner = || message.fields().filter_map(|field| field.kind().as_message().cloned()).any(|held| is_below(&held, path, depth - 1));
    leads(message, path) || (depth > 0 && inner())
}

fn leads(message: &MessageDescriptor, path: &[&str]) -> bool {
    let [first, rest @ ..] = path else { return true };
    let (name, is_indexed) = first.split_once('[').map_or((*first, false), |(name, _)| (name, true));
    if let Some(choice) = message.oneofs().find(|choice| choice.name() == name) {
        return rest.is_empty() || choice.fields().any(|field| field.kind().as_message().is_some_and(|held| leads(held, rest)));
    }
    let Some(field) = message.get_field_by_name(name) else { return false };
    if is_indexed && !field.is_list() {
        return false;
    }
    match field.kind() {
        Kind::Message(held) => leads(&held, rest),
        // Content travels as the bytes of a message of its own.
        Kind::Bytes if name == "content" => {
            let content = message.parent_pool().get_message_by_name("brygga.content.v1.Content");
            rest.is_empty() || content.is_some_and(|content| is_below(&content, rest, DEPTH_MAX))
        }
        _ => rest.is_empty(),
    }
}

/// A section that leaves on a duty must not tell where she is or how to reach her, so these stand where a clearance of their own is asked for.
#[test]
fn how_to_reach_somebody_stands_in_the_sections_on_that_only() {
    let pool = DescriptorPool::decode(brygga_wire::DESCRIPTORS).unwrap();
    let content = pool.all_messages().filter(|message| message.package_name() == "brygga.content.v1");
    let fields = content.flat_map(|message| message.fields().map(|field| (message.name().to_owned(), field.name().to_owned())).collect::<Vec<_>>());
    let mut telling: Vec<_> = fields.filter(|(_, field)| ["telephone", "email", "address"].iter().any(|word| field.contains(word))).collect();
    telling.sort();
    let own = [
        ("ContactData", "email"),
        ("ContactData", "postal_address"),
        ("ContactData", "telephone"),
        ("SafeContact", "email"),
        ("SafeContact", "telephone"),
        ("Whereabouts", "address"),
    ];
    assert_eq!(telling, own.map(|(message, field)| (message.to_owned(), field.to_owned())));
}

#[test]
fn a_name_that_the_contract_lacks_is_noticed() {
    let submit = "/brygga.v1.ReferralService/SubmitReferral";
    for field in
        ["sections[1].persons[0]", "offer.result", "decisions[0].answers.offence_on", "consents[0].given_at", "sections[0].content.victim_identity.identity"]
    {
        assert!(has(submit, field), "{field}");
    }
    for field in ["given_at", "give_time", "sections.persons.name", "kind[0]", "sections[0].content.nothing"] {
        assert!(!has(submit, field), "{field}");
    }
}
