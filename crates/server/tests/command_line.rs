//! The command line of `bryggad`: its texts and its exit codes.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::process::Command;

fn bryggad(args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_bryggad")).args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn help_names_every_command() {
    let (code, said, _) = bryggad(&["--help"]);
    assert_eq!(code, Some(0));
    for command in ["tour", "dev", "test-server", "init", "serve", "config", "grounds", "replay"] {
        assert!(said.contains(command), "{command} is not in the help");
    }
}

#[test]
fn what_cannot_be_used_ends_with_2_and_says_why() {
    for (args, why) in [
        (&["config", "check", "--config", "no-such-file.toml"][..], "no-such-file.toml"),
        (&["serve", "--config", "no-such-file.toml"], "no-such-file.toml"),
        (&["replay", "--config", "no-such-file.toml"], "no-such-file.toml"),
        (&["grounds", "check", "no-such-file.json"], "no-such-file.json"),
        (&["grounds", "show", "--on", "2026-13-01"], "YYYY-MM-DD"),
        (&["no-such-command"], "no-such-command"),
    ] {
        let (code, _, talk) = bryggad(args);
        assert_eq!(code, Some(2), "{args:?}: {talk}");
        assert!(talk.contains(why), "{args:?}: {talk}");
    }
}

#[test]
fn tables_of_law_are_checked_shown_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let shipped = brygga_domain::grounds::SHIPPED;
    let looser = file("looser.json", &shipped.replacen(r#""completed": 6, "attempted": 12"#, r#""completed": 3, "attempted": 6"#, 1));
    let closed = file("closed.json", &shipped.replacen(r#""valid_from": "2025-12-01""#, r#""valid_from": "2027-12-01""#, 1));
    let broken = file("broken.json", &shipped.replacen(r#""lifts": ["OSL 35:1""#, r#""lifts": ["OSL 35:9""#, 1));
    let ok = |args: &[&str]| {
        let (code, said, talk) = bryggad(&[&["grounds"], args].concat());
        assert_eq!(code, Some(0), "{args:?}: {talk}");
        said
    };
    assert!(ok(&["check", "shipped"]).contains("22 grounds"));
    // What is written is what is hashed, and nothing that is there is overwritten.
    let written = folder.path().join("law.json").display().to_string();
    let hash = ok(&["check", "shipped"]).lines().last().unwrap().to_owned();
    assert!(ok(&["write", &written]).contains(&hash) && ok(&["check", &written]).contains(&hash));
    assert_eq!(std::fs::read_to_string(&written).unwrap(), shipped);
    let (code, _, talk) = bryggad(&["grounds", "write", &written]);
    assert!(code == Some(2) && talk.contains(&written), "{code:?} {talk}");
    let (code, _, talk) = bryggad(&["grounds", "check", &broken]);
    assert_eq!(code, Some(2));
    assert!(talk.contains("CONSENT lifts nothing that the table knows"), "{talk}");

    let shown = ok(&["show"]);
    for text in ["NEVER", "GROV_KVINNOFRIDSKRANKNING", "40:7g", "FUK", "OPEN:"] {
        assert!(shown.contains(text), "{text} is not shown");
    }
    let whole: serde_json::Value = serde_json::from_str(&ok(&["show", "-o", "json"])).unwrap();
    assert_eq!(whole["grounds"].as_array().unwrap().len(), 25);
    let cells: serde_json::Value = serde_json::from_str(&ok(&["show", "--matrix", "-o", "json", "--on", "2025-11-30"])).unwrap();
    assert!(cells["cells"].as_array().unwrap().iter().all(|cell| cell["answers"]["CRIME_PURPOSES"] == "not in force"));

    assert!(ok(&["diff", "shipped", "shipped", "--on", "2026-11-23"]).contains("0 change"));
    let read_differently = ok(&["diff", "shipped", &looser, "--on", "2026-11-23"]);
    assert!(read_differently.contains("0 change") && read_differently.contains("COMMITTED_CRIME_SERIOUS"), "{read_differently}");
    let answers: serde_json::Value = serde_json::from_str(&ok(&["diff", "shipped", &closed, "--on", "2026-11-23", "-o", "json"])).unwrap();
    let changed = answers["answers"].as_array().unwrap();
    assert!(changed.iter().all(|change| change["ground"] == "CRIME_PURPOSES" && change["after"] != "passes"));
    assert!(changed.iter().any(|change| change["before"] == "passes"));
    assert!(answers["open_work"].is_null());
}
