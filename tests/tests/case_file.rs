//! What an agency takes out of the broker as it is typed: the copy for the case file, and its own register.

use std::os::unix::fs::PermissionsExt as _;

use brygga_tests::hand::Hand;
use serde_json::Value;

const KLARA: &str = "--as vasterort-polis --officer klara";
const SARA: &str = "--as solna-soc --officer sara";

/// A contact request of another case than the example.
async fn submitted(hand: &Hand, number: &str) -> String {
    let example = include_str!("../../deploy/examples/contact-request.json");
    let mut request: Value = serde_json::from_str(example).unwrap();
    request["sender_reference"] = Value::from(number);
    let file = hand.file(&format!("{number}.json"), &request.to_string());
    hand.submitted(&file.display().to_string(), KLARA).await
}

/// A contact request that waits in the inbox of `solna-rvc`.
async fn ready(hand: &Hand, number: &str) -> String {
    let request = submitted(hand, number).await;
    hand.done(&format!("consent record {request} --from examples/consent.json {KLARA}")).await;
    hand.done(&format!("clearance decide {request} --from examples/decision.json {KLARA}")).await;
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_copy_is_two_files_for_their_owner_and_only_then_is_the_import_confirmed() {
    let hand = Hand::new().await;
    let request = ready(&hand, "one").await;
    let (json, pdf) = (hand.path("copy.json"), hand.path("copy.pdf"));
    std::fs::write(&pdf, "not to be lost").unwrap();
    let open = format!("inbox open {request} --out {} --confirm-import {SARA}", json.display());
    assert_eq!(hand.run(&open).await.0, 2, "no file is written over");
    assert_eq!((json.exists(), std::fs::read(&pdf).unwrap().as_slice()), (false, b"not to be lost".as_slice()));
    let listed = hand.done(&format!("inbox list --function solna-rvc {SARA}")).await;
    assert_eq!(listed["items"][0]["stage"], "ready", "nothing was opened for it: {listed}");
    std::fs::remove_file(&pdf).unwrap();

    let (exit, said) = hand.say(&open).await;
    assert!(exit == 0 && said.contains("imported"), "{said}");
    for path in [&json, &pdf] {
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let copy: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(copy["sections"].as_array().unwrap().len(), 4);
    let paper = std::fs::read(&pdf).unwrap();
    let paper = String::from_utf8_lossy(&paper);
    assert!(paper.contains("<pdfaid:part>2</pdfaid:part>") && paper.contains(&request), "an archive's PDF under its reference");
    assert_eq!(hand.run(&format!("inbox open {request} {SARA}")).await.0, 7, "the content is destroyed");
    assert_eq!(hand.broker.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_register_has_everything_of_both_sides_once_and_can_be_shown_without_whom_and_what() {
    let hand = Hand::new().await;
    let (first, second) = (ready(&hand, "one").await, ready(&hand, "two").await);
    let held = submitted(&hand, "three").await;
    let taken_back = ready(&hand, "four").await;
    hand.done(&format!("consent withdraw {taken_back} {KLARA}")).await;
    hand.done(&format!("inbox decline {first} --reason no_capacity {SARA}")).await;
    hand.done(&format!("inbox open {second} {SARA}")).await;
    hand.done(&format!("referral retract {second} --reason misdirected {KLARA}")).await;
    let column = |register: &Value, name: &str| -> Vec<String> {
        register["items"].as_array().unwrap().iter().map(|line| line[name].as_str().map_or_else(|| line[name].to_string(), String::from)).collect()
    };
    let sent = hand.done(&format!("register export {KLARA}")).await;
    let mut references = column(&sent, "reference");
    references.sort();
    let mut all = vec![first.clone(), second.clone(), held, taken_back.clone()];
    all.sort();
    assert_eq!((references, column(&sent, "number")), (all, ["1", "2", "3", "4"].map(String::from).to_vec()));
    assert!(column(&sent, "counterpart").iter().all(|to| to == "solna-rvc") && column(&sent, "direction").iter().all(|way| way == "out"));
    let received = hand.done(&format!("register export --function solna-rvc {SARA}")).await;
    let mut references = column(&received, "reference");
    references.sort();
    let mut of_inbox = vec![first, second, taken_back.clone()];
    of_inbox.sort();
    assert_eq!(references, of_inbox, "what ended stands in it, what was never offered does not");
    let stages = column(&received, "reference").into_iter().zip(column(&received, "stage"));
    assert_eq!(stages.filter(|(_, stage)| stage == "offer taken back").map(|(reference, _)| reference).collect::<Vec<_>>(), [taken_back]);
    assert!(column(&received, "subject").iter().all(|subject| subject.starts_with("contact request: ")), "{received}");
    let public = hand.done(&format!("register export --public {KLARA}")).await;
    assert!(!public.to_string().contains("solna-rvc") && !public.to_string().contains("contact request"), "{public}");
    let (exit, csv) = hand.say(&format!("register export --public -o csv {KLARA}")).await;
    assert!(exit == 0 && csv.starts_with("number,date,direction,reference,stage\n"), "{csv}");
    assert_eq!(hand.done(&format!("register export --to 2020-01-01 {KLARA}")).await["items"], Value::Array(Vec::new()));
    assert_eq!(hand.broker.stop().await, Some(0));
}
