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
    for command in ["tour", "dev", "test-server", "init", "serve", "config", "replay"] {
        assert!(said.contains(command), "{command} is not in the help");
    }
}

#[test]
fn what_cannot_be_used_ends_with_2_and_says_why() {
    for (args, why) in [
        (&["config", "check", "--config", "no-such-file.toml"][..], "no-such-file.toml"),
        (&["serve", "--config", "no-such-file.toml"], "no-such-file.toml"),
        (&["replay", "--config", "no-such-file.toml"], "no-such-file.toml"),
        (&["no-such-command"], "no-such-command"),
    ] {
        let (code, _, talk) = bryggad(args);
        assert_eq!(code, Some(2), "{args:?}: {talk}");
        assert!(talk.contains(why), "{args:?}: {talk}");
    }
}
