//! The README shows the tour as it is: ids and times aside, the two are equal.
//!
//! `UPDATE_README=1` writes what the tour prints into the README.

use std::path::Path;
use std::process::{Command, Stdio};

use brygga_tests::harness::bryggad;

const BEGIN: &str = "<!-- the tour, kept equal by a test -->\n```console\n";
const END: &str = "```\n<!-- end of the tour -->";

/// Ids, ports, dates and spans of time are what differs from run to run; columns move with them.
fn normalised(text: &str) -> Vec<String> {
    let word = |word: &str| {
        let bare = word.trim_end_matches(|end: char| ".,;:)".contains(end));
        let is_uuid = bare.len() == 36 && bare.matches('-').count() == 4;
        let is_address = bare.contains(':') && bare.chars().all(|each| each.is_ascii_digit() || ".:".contains(each));
        let is_date = bare.len() == 10 && bare.chars().all(|each| each.is_ascii_digit() || each == '-');
        if is_uuid || is_address || is_date || bare.starts_with("BR-") || bare.parse::<u32>().is_ok() { word.replace(bare, "~") } else { word.to_owned() }
    };
    let line = |line: &str| line.split_whitespace().map(word).collect::<Vec<_>>().join(" ").replace("~ h ~ min", "~ h");
    text.lines().map(line).collect()
}

#[test]
fn the_readme_shows_the_tour_as_it_is() {
    let tour = Command::new(bryggad()).arg("tour").stderr(Stdio::null()).output().unwrap();
    let text = String::from_utf8(tour.stdout).unwrap();
    assert!(tour.status.success(), "the tour ended with {}:\n{text}", tour.status);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = readme.split_once(BEGIN).expect("the README has a place for the tour");
    let (shown, tail) = rest.split_once(END).expect("the README's tour ends");
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, format!("{head}{BEGIN}{text}{END}{tail}")).unwrap();
        return;
    }
    for (number, (shown, printed)) in normalised(shown).iter().zip(&normalised(&text)).enumerate() {
        assert_eq!(shown, printed, "line {} of the tour; UPDATE_README=1 writes it anew", number + 1);
    }
    assert_eq!(shown.lines().count(), text.lines().count(), "the README's tour has another length");
}
