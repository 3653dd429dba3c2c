//! Another ground table: the broker does not start with it until two officers have put it into force, and the log names both.

use std::path::Path;

use brygga_client::v1;
use brygga_domain::grounds::SHIPPED;
use brygga_domain::{Fact, GroundTable};
use brygga_merkle::NoteKey;
use brygga_tests::harness::{Broker, bryggad};
use brygga_tests::requests::{AUDITOR, BOARD, POLICE, submission};
use brygga_tests::wire::{channel, within};
use brygga_verify::{Auditor, Expected, Trust, Verdict};
use tokio::process::Command;

/// Runs `bryggad` in a world: whether it ended well, and all that it said.
async fn run(world: &Path, args: &[&str]) -> (bool, String) {
    let ran = Command::new(bryggad()).args(args).arg("--config").arg(world.join("bryggad.toml")).output().await.unwrap();
    (ran.status.success(), format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr)))
}

async fn agrees(world: &Path, officer: &str) -> (bool, String) {
    run(world, &["grounds", "activate", "--officer", officer]).await
}

/// What a broker says that does not start; `more` is configuration for a new world.
async fn refused(world: &Path, more: &str) -> String {
    let ran = Command::new(bryggad()).args(["test-server", "--config", more, "--world"]).arg(world).output().await.unwrap();
    assert!(!ran.status.success());
    String::from_utf8_lossy(&ran.stderr).into_owned()
}

fn names(file: &Path) -> String {
    format!("\n[grounds]\nfile = \"{}\"\n", file.display())
}

/// Tables that say what the shipped ones say, under another version and so another hash.
fn other_tables() -> String {
    SHIPPED.replacen("\"version\": \"", "\"version\": \"tried-", 1)
}

async fn opened(broker: &Broker) {
    let referral = broker.client(POLICE, "klara").submit_referral(submission()).await.unwrap().response.referral.unwrap().id;
    broker.client(BOARD, "sara").open_referral(v1::OpenReferralRequest { referral, ..Default::default() }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_starts_with_another_table_only_once_two_officers_agreed() {
    let home = tempfile::tempdir().unwrap();
    let world = home.path().join("world");
    let broker = Broker::start(&world, "").await;
    opened(&broker).await;
    assert_eq!(broker.stop().await, Some(0));
    assert!(agrees(&world, "anna").await.1.contains("there is nothing to do"));

    let text = other_tables();
    let table = GroundTable::load(&text).unwrap();
    let file = world.join("grounds.json");
    std::fs::write(&file, &text).unwrap();
    let config = std::fs::read_to_string(world.join("bryggad.toml")).unwrap();
    std::fs::write(world.join("bryggad.toml"), config + &names(&file)).unwrap();
    let said = refused(&world, "").await;
    assert!(said.contains("is not in force") && said.contains("bryggad grounds activate"), "{said}");

    assert!(!agrees(&world, "Anna Andersson").await.0);
    let (first, said) = agrees(&world, "anna").await;
    assert!(first && said.contains("1 of 2"), "{said}");
    assert!(refused(&world, "").await.contains("is not in force"), "one officer is not enough");
    let (again, said) = agrees(&world, "anna").await;
    assert!(!again && said.contains("another officer must agree"), "{said}");
    let (second, said) = agrees(&world, "bo").await;
    assert!(second && said.contains("2 of 2"), "{said}");

    let broker = Broker::start(&world, "").await;
    opened(&broker).await;
    let key = NoteKey::parse(broker.ready()["log_key"].as_str().unwrap()).unwrap();
    let note = broker.client(AUDITOR, "nobody").get_checkpoint(v1::GetCheckpointRequest::default()).await.unwrap().checkpoint;
    let size = brygga_merkle::open(&note, &key).unwrap().size;
    let mut auditor = Auditor::new(Expected { trust: Trust::Pinned(key), pin: None, tables: vec![table.clone()] });
    let mut log = v1::disclosure_log_service_client::DisclosureLogServiceClient::new(channel(&broker.config(AUDITOR)));
    let mut entries = log.tail_entries(v1::TailEntriesRequest::default()).await.unwrap().into_inner();
    let mut activations = Vec::new();
    while auditor.size() < size {
        let message = within("an entry of the log", entries.message()).await.unwrap().unwrap();
        let Some(v1::tail_entries_response::Item::Entry(entry)) = message.item else { continue };
        auditor.leaf(&entry.leaf);
        let event = brygga_journal::decode(&entry.leaf).unwrap();
        if let Fact::GroundTableActivated { table, proposed_by } = event.fact {
            activations.push((table, proposed_by.is_some(), event.officer.is_some()));
        }
    }
    assert_eq!(auditor.report(&note).verdict, Verdict::Verified);
    let [_, (activated, true, true)] = activations.as_slice() else { panic!("{activations:?}") };
    assert_eq!(*activated, table.hash());
    assert_eq!(broker.stop().await, Some(0));
    assert!(agrees(&world, "anna").await.1.contains("there is nothing to do"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_log_begins_with_the_tables_that_ship_and_own_ones_take_two_officers_there_too() {
    let home = tempfile::tempdir().unwrap();
    let (world, file) = (home.path().join("world"), home.path().join("law.json"));
    std::fs::write(&file, other_tables()).unwrap();
    assert!(refused(&world, &names(&file)).await.contains("is not in force"));
    for officer in ["anna", "bo"] {
        assert!(refused(&world, "").await.contains("is not in force"));
        let (agreed, said) = agrees(&world, officer).await;
        assert!(agreed, "{said}");
    }
    let broker = Broker::start(&world, "").await;
    opened(&broker).await;
    assert_eq!(broker.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_comparison_names_the_open_work_of_a_running_broker_that_another_table_touches() {
    let home = tempfile::tempdir().unwrap();
    let world = home.path().join("world");
    let broker = Broker::start(&world, "").await;
    let police = broker.client(POLICE, "klara");
    let submitted = async || police.submit_referral(submission()).await.unwrap().response.referral.unwrap();
    let (open, left) = (submitted().await, submitted().await);
    broker.client(BOARD, "sara").open_referral(v1::OpenReferralRequest { referral: left.id.clone(), ..Default::default() }).await.unwrap();
    // Consent no longer lifts what protects a person at the police: nothing that rests on it can be released.
    let file = home.path().join("grounds.json");
    let (from, to) = (r#""lifts": ["OSL 35:1", "#, r#""lifts": ["#);
    assert!(SHIPPED.contains(from));
    std::fs::write(&file, SHIPPED.replacen(from, to, 1)).unwrap();
    let compare = async |more: &[&str]| run(&world, &[&["grounds", "diff", "shipped", file.to_str().unwrap()], more].concat()).await;
    let (well, said) = compare(&["-o", "json"]).await;
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    let answers = said["answers"].as_array().unwrap();
    assert!(well && answers.iter().all(|answer| answer["ground"] == "CONSENT" && answer["about"].is_array()) && !answers.is_empty(), "{said}");
    let touched = said["open_work"].as_array().unwrap();
    let of = |reference: &str| touched.iter().find(|work| work["referral"] == reference).unwrap();
    assert_eq!(touched.len(), 2);
    let (waiting, gone) = (of(&open.reference), of(&left.reference));
    assert!(waiting["clearances"].as_array().unwrap().iter().all(|cleared| cleared["ground"] == "CONSENT"), "{waiting}");
    // What has left is no open work; the consent that it rested on still stands.
    assert!(!waiting["clearances"].as_array().unwrap().is_empty() && gone["clearances"].as_array().unwrap().is_empty(), "{said}");
    assert!([waiting, gone].iter().all(|work| work["consents"].as_array().is_some_and(|consents| consents.len() == 1)), "{said}");
    let (well, said) = compare(&[]).await;
    assert!(well && said.contains(&open.reference) && said.contains("CONSENT"), "{said}");
    assert_eq!(broker.stop().await, Some(0));
}
