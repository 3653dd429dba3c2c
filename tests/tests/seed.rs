//! The seeded world, through the real binary: the spread, the log that proves it, and a second run that adds nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use brygga_domain::{Code as _, OfferAnswer, ReferralKind, Urgency};
use brygga_merkle::NoteKey;
use brygga_tests::harness::{Broker, bryggad};
use brygga_verify::{Auditor, Expected, Trust, Verdict};
use serde_json::Value;
use tokio::process::Command;

const REPORTS: u64 = 150;
/// Longest time that a seed may take before the test gives up.
const SEED_DEADLINE: Duration = Duration::from_secs(180);

async fn seed(world: &Path, seed: u64) -> Value {
    let mut command = Command::new(bryggad());
    command.args(["dev", "seed", "--world"]).arg(world).args(["--reports", &REPORTS.to_string(), "--seed", &seed.to_string(), "-o", "json"]);
    let output = tokio::time::timeout(SEED_DEADLINE, command.output()).await.expect("the seed does not end").unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "talk off a terminal: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn counts(summary: &Value, field: &str) -> BTreeMap<String, u64> {
    serde_json::from_value(summary[field].clone()).unwrap()
}

fn sum(summary: &Value, field: &str) -> u64 {
    counts(summary, field).values().sum()
}

fn check_spread(summary: &Value) {
    for field in ["offers", "districts", "languages", "relationships", "urgencies"] {
        assert_eq!(sum(summary, field), REPORTS, "{field} do not add up to the reports");
    }
    assert_eq!(sum(summary, "referrals"), sum(summary, "stages"), "every referral stands somewhere");
    let offers = counts(summary, "offers");
    for answer in OfferAnswer::ALL {
        assert!(offers.contains_key(answer.as_str()), "nobody answered {answer}");
    }
    assert_eq!(offers.keys().filter(|answer| answer.starts_with("not offered")).count(), 4, "{offers:?}");
    let kinds = counts(summary, "referrals");
    for kind in ReferralKind::ALL {
        assert!(kinds.contains_key(kind.as_str()), "no {kind} was sent");
    }
    assert!(kinds["contact_request"] < offers["yes"] && offers["yes"] < REPORTS, "only part of the reports becomes a referral");
    assert_eq!(counts(summary, "districts").len(), 7);
    assert_eq!(counts(summary, "urgencies").len(), Urgency::ALL.len());
    let stages = counts(summary, "stages");
    for stage in ["held", "ready", "opened", "accepted", "declined", "returned", "closed", "retracted"] {
        assert!(stages.contains_key(stage), "nothing is {stage}: {stages:?}");
    }
    let answers = counts(summary, "answers");
    for answer in [
        "contact attempted",
        "reached within 48 h",
        "reached later",
        "declined no_capacity",
        "declined conflict_of_interest",
        "returned wrong_function",
        "returned incomplete",
        "returned wrong_board",
        "closed supported",
        "closed declined_by_her",
        "closed not_reached_safely",
        "closed inquiry_opened",
        "closed inquiry_not_opened",
        "closed inquiry_already_running",
        "consent withdrawn",
        "stop-use stopped",
        "recall confirmed",
        "supplement blocked: investigation undecided",
        "supplement withheld",
        "hearing moved",
    ] {
        assert!(answers.contains_key(answer), "never {answer}: {answers:?}");
    }
}

/// Takes every leaf from the broker's own database and the head that it signs.
async fn audit(broker: &Broker) -> brygga_verify::Report {
    let key = NoteKey::parse(broker.ready()["log_key"].as_str().unwrap()).unwrap();
    let police = broker.client("vasterort-polis", "klara");
    let head = police.checkpoint().await.unwrap();
    let note = police.pinned_note().unwrap();
    let mut reader = brygga_store::SqliteReader::open_beside(&broker.folder().join("brygga.db")).await.unwrap();
    let mut auditor = Auditor::new(Expected { trust: Trust::Pinned(key), pin: None, tables: Vec::new() });
    for position in 0..head.size {
        auditor.leaf(&brygga_engine::delivery::leaf(&mut reader, brygga_domain::Position(position)).await.unwrap());
    }
    auditor.report(&note)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seeded_month_has_its_spread_is_verified_and_a_second_run_adds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::start(&folder.path().join("world"), "").await;
    let began = Instant::now();
    let first = seed(broker.folder(), 1).await;
    println!("seeded {REPORTS} reports in {:.1} s: {first:#}", began.elapsed().as_secs_f64());
    check_spread(&first);
    assert_eq!(first["found"], 0);
    assert!(first["refused"].as_u64().unwrap() > 0, "nothing was refused");

    let report = audit(&broker).await;
    assert_eq!(report.verdict, Verdict::Verified, "{:?} {:?}", report.findings, report.doubts);
    assert!(report.releases > 0);

    let again = seed(broker.folder(), 1).await;
    assert_eq!((&again["written"], &again["entries_added"]), (&Value::from(0), &Value::from(0)), "{again:#}");
    assert_eq!(again["found"], first["written"]);
    for field in ["offers", "districts", "languages", "relationships", "urgencies", "referrals", "stages", "answers", "refused"] {
        assert_eq!(again[field], first[field], "{field}");
    }
    assert_eq!(broker.stop().await, Some(0));
}
