//! The command line as a whole: what it takes, what it says, and how it exits.

use clap::{CommandFactory as _, Parser as _};

use super::{Cli, command, run};

/// Runs a command; gives its exit code, data and talk.
fn ran(line: &str) -> (u8, String, String) {
    let args: Vec<String> = std::iter::once("brygga").chain(line.split_whitespace()).map(str::to_owned).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let exit = runtime.block_on(run(args, &mut out, &mut err));
    (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

/// Command lines, and whether they are taken.
const LINES: &[(&str, bool)] = &[
    ("offer record --from offer.json --as vasterort-polis", true),
    ("offer record offer.json", false),
    ("referral submit a.json b.json --as vasterort-polis", true),
    ("referral submit --as vasterort-polis", false),
    ("referral submit - --as vasterort-polis --dry-run --officer klara", true),
    ("referral submit --batch lines.ndjson --as vasterort-polis -o json", true),
    ("referral submit --batch lines.ndjson a.json", false),
    ("referral submit a.json --forwards BR-1 --officer sara", true),
    ("referral submit --batch lines.ndjson --forwards BR-1", false),
    ("referral route --kind contact_request --territory 0180/bromma --residence stated-by-person --age 17 --relationship former-partner", true),
    ("referral route --kind handover --territory 0184 --residence population_register --protected-identity none -o json", true),
    ("referral route --kind handover --territory 0184", false),
    ("referral validate a.json", true),
    ("referral amend BR-1 --from hearing-moved.json", true),
    ("referral amend BR-1 --from exclusions.json --officer klara -o json", true),
    ("referral retract BR-1 --reason wrong", true),
    ("referral retract BR-1 --reason report-withdrawn", true),
    ("referral retract BR-1 --reason nonsense", false),
    ("referral retract BR-1", false),
    ("referral show BR-1 -o json", true),
    ("referral show --named name.json", true),
    ("referral show", false),
    ("referral list --open --limit 5 -o csv", true),
    ("referral list -o yaml", false),
    ("referral watch --after 7 --count 1", true),
    ("referral why BR-1 --lang sv", true),
    ("referral why BR-1 --lang de", false),
    ("referral resync --outbox waiting", true),
    ("consent record BR-1 --from consent.json", true),
    ("consent show BR-1", true),
    ("consent withdraw BR-1", true),
    ("clearance list", true),
    ("clearance decide BR-1 --from decision.json --officer klara", true),
    ("clearance decide BR-1 --from facts.json --template contact.json --standing-until +90d", true),
    ("clearance decide BR-1 --template contact.json", false),
    ("clearance confirm BR-1 --from decision.json --officer nils", true),
    ("clearance confirm BR-1", false),
    ("clearance confirm BR-1 --agree 1:victim-1", false),
    ("clearance revoke BR-1 --cell 1:victim-1", true),
    ("clearance revoke BR-1", false),
    ("clearance revoke BR-1 --cell 0:victim-1", false),
    ("clearance emergency BR-1 --hours 2 --reasons why.txt", true),
    ("clearance emergency BR-1 --hours 0 --telephoned -30m --reasons why.txt", true),
    ("clearance emergency BR-1 --hours 2", false),
    ("clearance review BR-1 --verdict partly-justified --reasons why.txt --emergency 12", true),
    ("clearance review BR-1 --verdict perhaps --reasons why.txt", false),
    ("inbox list --function solna-rvc --all", true),
    ("inbox watch", true),
    ("inbox claim BR-1 --takeover", true),
    ("inbox open BR-1 --out copy.json --brief", true),
    ("inbox open BR-1 --out copy.json --confirm-import", true),
    ("inbox open BR-1 --confirm-import", false),
    ("register export --from 2026-11-01 --to 2026-11-30 --public -o csv", true),
    ("register export --from yesterday", false),
    ("inbox delivered BR-1 --release 6", true),
    ("inbox accept BR-1", true),
    ("inbox decline BR-1 --reason no_capacity", true),
    ("inbox decline BR-1 --reason duplicate --duplicate-of BR-2", true),
    ("inbox decline BR-1", false),
    ("inbox return BR-1 --reason incomplete --missing offence_heading --missing interpreter", true),
    ("inbox return BR-1 --reason wrong_board --right-function ekero-mottagning", true),
    ("inbox contact BR-1 --reached --safe-channel", true),
    ("inbox contact BR-1 --reached --safe-channel=email --at -30m", true),
    ("inbox contact BR-1 --attempted --next-try +4h", true),
    ("inbox contact BR-1 --reached", false),
    ("inbox contact BR-1 --reached --attempted", false),
    ("inbox contact BR-1", false),
    ("inbox close BR-1 --outcome supported --phase before_trial --support crisis_talks --support advice", true),
    ("inbox stop-use BR-1 --notice 9 --answer stopped", true),
    ("inbox recall BR-1", true),
    ("log info", true),
    ("log search --purpose audit --case 1-26 --kind SectionsReleased --agency solna-soc --since -30d --as imy", true),
    ("log search", false),
    ("log show 4 --purpose audit --case 1-26", true),
    ("log verify --live", true),
    ("log verify march.bundle", true),
    ("log verify march.bundle --live", false),
    ("log consistency 4 9", true),
    ("log export --out march.bundle", true),
    ("log tail --from 3", true),
    ("log pin", true),
    ("doctor", true),
    ("whoami --config client.toml", true),
    ("whoami --config client.toml --as vasterort-polis", false),
    ("explain CONSENT_MISSING", true),
    ("completion fish", true),
    ("completion word", false),
    ("whoami --request-id 5f0d7a52-93a4-4f0b-8a0e-2b6c1d9e7f31", true),
    ("whoami --request-id 7", false),
    ("whoami --now 2026-11-23T12:00:00Z --no-input", true),
    ("whoami --now yesterday", false),
    ("referral submit a.json --personal-number 19121212-1212", false),
    ("nonsense", false),
];

#[test]
fn command_lines_are_taken_or_refused() {
    Cli::command().debug_assert();
    for (line, taken) in LINES {
        let args = std::iter::once("brygga").chain(line.split_whitespace());
        assert_eq!(Cli::try_parse_from(args).is_ok(), *taken, "{line}");
    }
}

#[test]
fn every_command_and_every_option_says_what_it_is() {
    fn walk(command: &clap::Command, path: &str) -> usize {
        let path = format!("{path} {}", command.get_name());
        assert!(command.get_about().is_some_and(|about| !about.to_string().is_empty()), "{path} has no help");
        for arg in command.get_arguments().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())) {
            assert!(arg.get_help().is_some_and(|help| !help.to_string().is_empty()), "{path} {} has no help", arg.get_id());
        }
        1 + command.get_subcommands().filter(|sub| sub.get_name() != "help").map(|sub| walk(sub, &path)).sum::<usize>()
    }
    assert!(walk(&command(), "") > 45);
}

#[test]
fn no_command_hides_what_every_command_takes() {
    fn walk(command: &clap::Command, common: &[String]) {
        for sub in command.get_subcommands() {
            let own = sub.get_arguments().filter(|arg| !arg.is_global_set() && common.contains(&arg.get_id().to_string()));
            assert_eq!(own.count(), 0, "{}", sub.get_name());
            walk(sub, common);
        }
    }
    let command = command();
    let common: Vec<String> = command.get_arguments().filter(|arg| arg.is_global_set()).map(|arg| arg.get_id().to_string()).collect();
    assert!(common.len() >= 10);
    walk(&command, &common);
}

#[test]
fn help_is_an_answer_and_a_wrong_line_is_not() {
    let (exit, out, err) = ran("inbox open --help");
    assert_eq!((exit, err.as_str()), (0, ""));
    assert!(out.contains("--brief"), "{out}");
    let (exit, out, err) = ran("inbox open");
    assert_eq!((exit, out.as_str()), (2, ""));
    assert!(err.contains("<REFERRAL>"), "{err}");
    assert_eq!(ran("--version").0, 0);
}

#[test]
fn completion_is_made_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (exit, out, _) = ran(&format!("completion {shell}"));
        assert_eq!(exit, 0, "{shell}");
        assert!(out.contains("stop-use"), "{shell}");
    }
}

#[test]
fn explain_knows_every_reason_in_both_languages() {
    for reason in brygga_domain::Reason::ALL {
        for (lang, text, remedy) in [("en", reason.english(), crate::remedy::english(*reason)), ("sv", reason.swedish(), crate::remedy::swedish(*reason))] {
            let (exit, out, _) = ran(&format!("explain {} --lang {lang}", reason.code()));
            assert_eq!(exit, 0);
            assert!(out.contains(text) && out.contains(remedy) && out.contains(&format!("exit code {}", reason.exit_code())), "{out}");
        }
    }
    assert!(ran("explain undecided").1.contains("Nobody has decided yet."));
    assert!(ran("explain ROOT_DIFFERS").1.contains("exit code 20"));
    assert_eq!(ran("explain").1.lines().count(), brygga_domain::Reason::ALL.len() + 1);
    let (exit, out, err) = ran("explain NO_SUCH_CODE");
    assert_eq!((exit, out.as_str()), (5, ""));
    assert!(err.contains("[NOT_FOUND]"), "{err}");
}

#[test]
fn what_the_register_must_not_send_is_refused_here_in_both_languages_and_names_no_place() {
    let folder = tempfile::tempdir().unwrap();
    let handover: serde_json::Value = serde_json::from_str(include_str!("../../../deploy/examples/handover.json")).unwrap();
    let file = folder.path().join("handover.json");
    for (basis, grade, exit) in [
        ("stated_by_person", "none", 0),
        ("population_register", "none", 0),
        ("population_register", "unknown", 7),
        ("population_register", "protected_population_registration", 7),
        ("known_by_agency", "unknown", 0),
    ] {
        let mut changed = handover.clone();
        changed["routing"]["residence_basis"] = basis.into();
        changed["persons"][0]["protected_identity"] = grade.into();
        changed["sections"][0]["content"]["identity"]["protected_identity"] = grade.into();
        if grade != "none" {
            let content = changed["sections"][0]["content"].as_object_mut().unwrap();
            content.retain(|field, _| !field.starts_with("residence"));
        }
        std::fs::write(&file, changed.to_string()).unwrap();
        let (found, out, err) = ran(&format!("referral validate {} --world {}", file.display(), folder.path().join("none").display()));
        assert_eq!(found, exit, "{basis} {grade}: {out}{err}");
        if exit == 7 {
            let reason = brygga_domain::Reason::ResidenceFromRegister;
            let (remedy, swedish) = (crate::remedy::english(reason), crate::remedy::swedish(reason));
            assert!([reason.code(), reason.english(), reason.swedish(), remedy, swedish].iter().all(|text| err.contains(text)), "{err}");
            assert!(!err.contains("0183") && !err.contains("sundbyberg"), "{err}");
        }
    }
}

#[test]
fn explain_is_json_with_a_version() {
    let (_, out, _) = ran("explain CONSENT_MISSING -o json");
    let whole: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((whole["output_version"].as_u64(), whole["exit_code"].as_u64()), (Some(1), Some(7)));
    let (_, out, _) = ran("explain -o ndjson");
    assert!(out.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["output_version"] == 1));
    let (exit, _, err) = ran("explain CONSENT_MISSING -o csv");
    assert_eq!(exit, 2, "{err}");
}

#[test]
fn what_is_missing_before_anything_is_sent_exits_2_and_says_what_to_do() {
    for (line, said) in [
        ("whoami", "--as AGENCY"),
        ("whoami --as ../somewhere", "name of an agency"),
        ("whoami --as vasterort-polis --world no-such-world", "bryggad dev"),
        ("referral submit --batch no-such-file.ndjson --dry-run", "no-such-file.ndjson cannot be read"),
        ("referral submit no-such-file.json --as vasterort-polis", "no-such-file.json cannot be read"),
    ] {
        let (exit, out, err) = ran(line);
        assert_eq!((exit, out.as_str()), (2, ""), "{line}");
        assert!(err.contains(said), "{line}: {err}");
    }
    let (exit, out, _) = ran("doctor --as vasterort-polis --world no-such-world");
    assert_eq!(exit, 30);
    assert!(out.starts_with("FAILED     settings"), "{out}");
}
