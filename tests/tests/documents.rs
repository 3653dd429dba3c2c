//! What the architecture page lists is what the code has.

use std::path::Path;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// The words between backticks of the lines from one heading to the next.
fn listed(page: &str, from: &str, to: &str) -> Vec<String> {
    let section = page.split_once(from).unwrap().1.split_once(to).unwrap().0;
    section.split('`').skip(1).step_by(2).filter(|word| word.chars().all(|each| each.is_ascii_alphabetic())).map(str::to_owned).collect()
}

#[test]
fn the_page_names_every_event_in_the_order_of_the_code() {
    let code = read("crates/domain/src/event/naming.rs");
    let names = code.split_once("pub fn name(").unwrap().1;
    let names: Vec<String> = names.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(names.len() > 20, "the names of events are not where this test looks for them");
    assert_eq!(listed(&read("crates/README.md"), "a test holds this list equal to the code.", "Reserved in"), names);
}

#[test]
fn the_events_that_are_not_built_have_their_names_reserved() {
    let contract = read("proto/brygga/journal/v1/event.proto");
    let reserved = listed(&read("crates/README.md"), "for what is not built:", "## The log");
    assert!(!reserved.is_empty());
    for name in reserved {
        let field = name.chars().fold(String::new(), |field, each| {
            let gap = if each.is_uppercase() && !field.is_empty() { "_" } else { "" };
            format!("{field}{gap}{}", each.to_ascii_lowercase())
        });
        assert!(contract.contains(&format!("\"{field}\"")), "{field} is not reserved");
    }
}
