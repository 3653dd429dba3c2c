//! The binary: its verdicts, exit codes and output.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::story::story;
use crate::world::{bundle, header, key, leaves, note};

struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn put(&self, name: &str, bytes: &[u8]) -> String {
        let path: PathBuf = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_brygga-verify"))
}

fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn honest() -> (Vec<u8>, Vec<u8>) {
    let leaves = leaves(&story().events);
    let note = note(&leaves);
    (bundle(&header(leaves.len()), &leaves, &note), note)
}

#[test]
fn the_exit_code_is_the_verdict() {
    let files = Files::new();
    let (bundle, note) = honest();
    let cut = files.put("cut", &bundle[..bundle.len() / 2]);
    let (bundle, pin) = (files.put("bundle", &bundle), files.put("pin", &note));
    let vkey = key().encode();

    let output = run(&[&bundle, "--key", &vkey]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        out(&output).starts_with("VERIFIED      35 entries, 1 release: every release rests on consent and clearance\nlog           dev.invalid/disclosures\n"),
        "{}",
        out(&output)
    );
    assert!(output.stderr.is_empty());

    assert_eq!(run(&[&bundle, "--pin", &pin]).status.code(), Some(0));
    assert_eq!(run(&[&bundle, "--trust-bundle-key"]).status.code(), Some(0));
    let output = run(&[&bundle]);
    assert_eq!(output.status.code(), Some(21));
    assert!(out(&output).starts_with("INCONCLUSIVE  "), "{}", out(&output));
    assert!(out(&output).contains("not checked   nothing but the bundle vouches for its key"), "{}", out(&output));
    let output = run(&[&cut, "--key", &vkey]);
    assert_eq!(output.status.code(), Some(20));
    assert!(out(&output).contains("log           BUNDLE_TRUNCATED        the bundle ends in line "), "{}", out(&output));
}

#[test]
fn wrong_usage_is_2() {
    let files = Files::new();
    let (bundle, _) = honest();
    let (bundle, garbage) = (files.put("bundle", &bundle), files.put("garbage", b"garbage"));
    let folder = files.folder.path().to_str().unwrap().to_owned();
    let table: [&[&str]; 8] = [
        &[],
        &["--nonsense"],
        &["/nowhere/at/all"],
        &[&folder],
        &[&bundle, "--key", "garbage"],
        &[&bundle, "--pin", &garbage],
        &[&bundle, "--grounds", &garbage],
        &[&bundle, "-o", "xml"],
    ];
    for arguments in table {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn programs_get_json() {
    let files = Files::new();
    let mut story = story();
    let decided = story.at("ClearanceDecided");
    story.blank(decided);
    let leaves = leaves(&story.events);
    let forged = files.put("bundle", &bundle(&header(leaves.len()), &leaves, &note(&leaves)));
    let output = run(&[&forged, "--key", &key().encode(), "-o", "json"]);
    assert_eq!(output.status.code(), Some(20));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["format"], "brygga-audit/1");
    assert_eq!(report["verdict"], "FAILED");
    assert_eq!(report["key_trusted"], true);
    let release = story.at("SectionsReleased");
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["code"] == "CLEARANCE_MISSING" && finding["position"] == release), "{report:#}");
}

#[test]
fn a_bundle_may_come_by_stdin() {
    let mut child = program().args(["-", "--trust-bundle-key"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), &honest().0).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
}

#[test]
fn help_shows_verdicts_and_examples() {
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    for wanted in ["VERIFIED", "exit 20", "exit 21", "Examples:", "--pin february.note"] {
        assert!(out(&output).contains(wanted), "{wanted}");
    }
}
