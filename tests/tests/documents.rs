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

/// Targets of the links of a page that lie in the project.
fn links(page: &str) -> impl Iterator<Item = &str> {
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
    targets.filter(|target| !target.starts_with("http") && !target.starts_with('#'))
}

#[test]
fn every_link_of_a_page_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut followed = 0;
    for (page, folder) in [("README.md", ""), ("crates/README.md", "crates"), ("deploy/README.md", "deploy"), ("deploy/ha/README.md", "deploy/ha")] {
        for target in links(&read(page)) {
            assert!(root.join(folder).join(target).exists(), "{page}: {target}");
            followed += 1;
        }
    }
    assert!(followed > 5, "the links are not where this test looks for them");
}
