//! The tour: a throw-away world, a real broker over mutual TLS, and the main job played with the real command line.
//!
//! Every command is the one that a person types in a `bryggad dev` world; each must end with the exit code that stands beside it.

use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, bail};
use brygga_engine::lanes::LaneLimits;

use super::world::{Ports, World};
use crate::app;
use crate::config::TelemetrySection;
use crate::telemetry::Telemetry;

/// The example files that the tour's commands name, as they stand in the repository.
const EXAMPLES: &[(&str, &str)] = &[
    ("offer-yes.json", include_str!("../../../../deploy/examples/offer-yes.json")),
    ("contact-request.json", include_str!("../../../../deploy/examples/contact-request.json")),
    ("consent.json", include_str!("../../../../deploy/examples/consent.json")),
    ("decision.json", include_str!("../../../../deploy/examples/decision.json")),
    ("children-supplement.json", include_str!("../../../../deploy/examples/children-supplement.json")),
    ("child-concern.json", include_str!("../../../../deploy/examples/child-concern.json")),
    ("decision-child-concern.json", include_str!("../../../../deploy/examples/decision-child-concern.json")),
];

/// What a command line is expected to end with.
const OK: u8 = 0;
const BLOCKED: u8 = 7;
const NOT_FOUND: u8 = 5;
const VERIFICATION_FAILED: u8 = 20;

/// One step: what it shows, and the command with its exit code. `{n}` stands for the n-th referral's reference.
struct Step {
    says: &'static str,
    command: &'static str,
    exit: u8,
}

const fn step(says: &'static str, command: &'static str, exit: u8) -> Step {
    Step { says, command, exit }
}

const STEPS: &[Step] = &[
    step(
        "The police record that support was offered, and that she said yes. Codes only.",
        "brygga offer record --from deploy/examples/offer-yes.json --as vasterort-polis --officer klara",
        OK,
    ),
    step(
        "They submit the ordinary referral: her own data, to the RVC. Nothing is forwarded yet.",
        "brygga referral submit deploy/examples/contact-request.json --as vasterort-polis --officer klara",
        OK,
    ),
    step("To the RVC the referral does not exist yet.", "brygga inbox open {1} --as solna-soc --officer sara", NOT_FOUND),
    step(
        "Her consent is recorded: for her own data, for this recipient, until a date.",
        "brygga consent record {1} --from deploy/examples/consent.json --as vasterort-polis --officer klara",
        OK,
    ),
    step(
        "The clearance officer decides every cell. What passes is offered in the same commit.",
        "brygga clearance decide {1} --from deploy/examples/decision.json --as vasterort-polis --officer klara",
        OK,
    ),
    step("The RVC sees an envelope: no name in it.", "brygga inbox list --as solna-soc --function solna-rvc", OK),
    step("It cannot be accepted unread.", "brygga inbox accept {1} --as solna-soc --officer sara", BLOCKED),
    step(
        "Opened: the release is in the log before a byte leaves, and the receipt is checked before it is shown.",
        "brygga inbox open {1} --brief --as solna-soc --officer sara",
        OK,
    ),
    step("Accepted, and she is reached in time.", "brygga inbox accept {1} --as solna-soc --officer sara", OK),
    step("", "brygga inbox contact {1} --reached --safe-channel --as solna-soc --officer sara", OK),
    step(
        "A supplement about the children is blocked: her consent is not theirs. Why, and what would make it pass?",
        "brygga referral submit deploy/examples/children-supplement.json --as vasterort-polis --officer klara",
        OK,
    ),
    step("", "brygga referral why {2} --as vasterort-polis", OK),
    step(
        "The lawful way for the child is the duty to report, to the board of residence.",
        "brygga referral submit deploy/examples/child-concern.json --as vasterort-polis --officer klara",
        OK,
    ),
    step("", "brygga clearance decide {3} --from deploy/examples/decision-child-concern.json --as vasterort-polis --officer klara", OK),
    step("", "brygga inbox open {3} --brief --as solna-soc --officer mona", OK),
    step("She withdraws her consent. The holder gets a stop-use notice in the same commit.", "brygga consent withdraw {1} --as solna-soc --officer sara", OK),
    step("From now on not even the recipient gets the content again.", "brygga inbox open {1} --as solna-soc --officer sara", BLOCKED),
    step("The police see transport answers only: nothing of what she said.", "brygga referral show {1} --as vasterort-polis", OK),
    step("An auditor checks the whole log: signatures, tree, and that every release rests on consent and clearance.", "brygga log verify --live --as imy", OK),
    step("A dishonest administrator changes one bit of a stored entry.", "bryggad dev tamper --entry {tampered}", OK),
    step("", "brygga log verify --live --as imy", VERIFICATION_FAILED),
];

/// Plays the tour; the exit code is 0 only if every step ended as it must.
pub async fn run(out: &mut (impl Write + Send)) -> anyhow::Result<u8> {
    let folder = tempfile::Builder::new().prefix("brygga-tour-").tempdir().context("making a folder for the world")?;
    let world = World::open_or_make(folder.path(), Ports { grpc: 0, operator: 0 }, "\n[telemetry]\nlog_level = \"error\"\nlog_format = \"text\"\n").await?;
    for (name, text) in EXAMPLES {
        std::fs::write(folder.path().join(name), text).context("writing an example")?;
    }
    let telemetry = Telemetry::install(&TelemetrySection { ..world.config().telemetry.clone() })?;
    let running = world.start(&telemetry, LaneLimits::default()).await?;
    writeln!(out, "A throw-away world: made-up people only. The broker serves gRPC over mutual TLS 1.3 on {}.", running.grpc)?;
    let played = play(folder.path(), out).await;
    app::stop_now(&running.lifecycle).await;
    telemetry.shutdown().await;
    played?;
    writeln!(out, "\nEvery step ended as it must. To go on: bryggad dev")?;
    Ok(0)
}

async fn play(world: &Path, out: &mut (impl Write + Send)) -> anyhow::Result<()> {
    let mut references: Vec<String> = Vec::new();
    for step in STEPS {
        let mut command = step.command.replace("{tampered}", &TAMPERED_ENTRY.to_string());
        for (index, reference) in references.iter().enumerate() {
            command = command.replace(&format!("{{{}}}", index + 1), reference);
        }
        if !step.says.is_empty() {
            writeln!(out, "\n# {}", step.says)?;
        }
        writeln!(out, "$ {command}")?;
        let (exit, text) = carry_out(world, &command).await?;
        write!(out, "{text}")?;
        if exit != OK {
            writeln!(out, "exit {exit}")?;
        }
        if exit != step.exit {
            bail!("`{command}` ended with {exit}, and must end with {}", step.exit);
        }
        if command.starts_with("brygga referral submit") {
            references.push(reference_in(&text).context("the submission names no reference")?);
        }
    }
    Ok(())
}

/// The entry that is tampered with: the clearance decision that the first release rests on.
const TAMPERED_ENTRY: u64 = 26;

async fn carry_out(world: &Path, command: &str) -> anyhow::Result<(u8, String)> {
    let words: Vec<&str> = command.split(' ').collect();
    if let ["bryggad", "dev", "tamper", "--entry", entry] = words.as_slice() {
        brygga_store::tamper(&world.join("brygga.db"), entry.parse()?).await?;
        return Ok((0, format!("flipped one bit of entry {entry}\n")));
    }
    let file = |word: &str| word.strip_prefix("deploy/examples/").map(|name| world.join(name).display().to_string());
    let mut args: Vec<String> = words.iter().map(|word| file(word).unwrap_or_else(|| (*word).to_owned())).collect();
    args.extend([String::from("--world"), world.display().to_string(), String::from("--no-input")]);
    let (mut said, mut talked) = (Vec::new(), Vec::new());
    let exit = brygga_cli::run(args, &mut said, &mut talked).await;
    said.extend(talked);
    Ok((exit, String::from_utf8_lossy(&said).into_owned()))
}

fn reference_in(text: &str) -> Option<String> {
    text.split_whitespace().find(|word| word.starts_with("BR-")).map(|word| word.trim_end_matches([',', '.', ':']).to_owned())
}
