//! The verbs of clearance as they are typed, against a real broker: a template, a decision that stands, an emergency and its review.

use brygga_tests::hand::Hand;
use serde_json::{Value, json};

const KLARA: &str = "--as vasterort-polis --officer klara";
const OLOF: &str = "--as vasterort-polis --officer olof";
const PER: &str = "--as vasterort-aklagare --officer per";
const SARA: &str = "--as solna-soc --officer sara";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_decides_what_is_undecided_and_a_standing_decision_is_shown() {
    let hand = Hand::new().await;
    let request = hand.submitted("examples/contact-request.json", KLARA).await;
    hand.done(&format!("consent record {request} --from examples/consent.json {KLARA}")).await;
    let templated = format!("clearance decide {request} --from examples/template-contact-request-facts.json --template examples/template-contact-request.json");
    let decided = hand.done(&format!("{templated} {KLARA}")).await;
    assert!(decided["log"].as_array().unwrap().iter().any(|entry| entry["kind"] == "ReferralOffered"), "{decided}");
    assert_eq!(hand.run(&format!("{templated} {KLARA}")).await.0, 2, "nothing is undecided any more");
    let hearing = hand.submitted("examples/hearing.json", PER).await;
    assert_eq!(
        hand.run(&format!("clearance decide {hearing} --from examples/template-hearing-facts.json --template examples/template-contact-request.json {PER}"))
            .await
            .0,
        2
    );
    let line =
        format!("clearance decide {hearing} --from examples/template-hearing-facts.json --template examples/template-hearing.json --standing-until +90d {PER}");
    let decided = hand.done(&line).await;
    assert!(decided["referral"]["sections"][1]["cells"][0]["standing_until"].is_string(), "{decided}");
    hand.done(&format!("inbox open {hearing} {SARA}")).await;
    let moved = hand.done(&format!("referral amend {hearing} --from examples/hearing-moved.json {PER}")).await;
    let kinds: Vec<&str> = moved["log"].as_array().unwrap().iter().filter_map(|entry| entry["kind"].as_str()).collect();
    assert_eq!(kinds, ["ClearanceCarried", "ReferralAmended", "SectionsOffered"]);
    let opened = hand.done(&format!("inbox open {hearing} {SARA}")).await;
    assert!(opened.to_string().contains("ClearanceCarried"), "the receipt proves what it rests on");
    assert_eq!(hand.broker.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emergency_is_declared_listed_and_reviewed() {
    let hand = Hand::new().await;
    let referral = hand.submitted("examples/case-handover.json", KLARA).await;
    let shown = hand.done(&format!("referral show {referral} {KLARA}")).await;
    let sections = shown["referral"]["sections"].as_array().or_else(|| shown["sections"].as_array()).unwrap().clone();
    let mut cells = Vec::new();
    for section in &sections {
        for cell in section["cells"].as_array().unwrap() {
            let cell = json!({ "section": section["number"], "interest": cell["interest"] });
            cells.push(json!({ "cell": cell, "release": { "ground": "GENERAL_CLAUSE" } }));
        }
    }
    let answers = json!({ "asserted": ["balance_obvious", "not_contrary_to_statute"] });
    let decision = json!({ "decision": { "cells": cells, "answers": answers, "reasons": "made up" } });
    let decision = hand.file("decision.json", &decision.to_string());
    hand.done(&format!("clearance decide {referral} --from {} {KLARA}", decision.display())).await;
    let (_, why) = hand.say(&format!("referral why {referral} {KLARA}")).await;
    assert!(why.contains("brygga clearance emergency"), "{why}");
    let reasons = hand.file("why.txt", "he is released within the hour\n");
    let declared = hand.done(&format!("clearance emergency {referral} --hours 2 --reasons {} {KLARA}", reasons.display())).await;
    let emergency = &declared["referral"]["emergencies"][0];
    assert_eq!((emergency["agency"].as_str(), &emergency["review"]), (Some("vasterort-polis"), &Value::Null));
    hand.done(&format!("inbox open {referral} {PER}")).await;
    let (_, list) = hand.say(&format!("clearance list {OLOF}")).await;
    assert!(list.contains("TO REVIEW") && list.contains(&referral) && list.contains("12 cells") && list.contains("log "), "{list}");
    let review = format!("clearance review {referral} --verdict partly_justified --reasons {}", reasons.display());
    assert_eq!(hand.run(&format!("{review} {KLARA}")).await.0, 4, "not one's own");
    let reviewed = hand.done(&format!("{review} {OLOF}")).await;
    assert_eq!(reviewed["referral"]["emergencies"][0]["verdict"], "partly_justified");
    hand.done(&format!("clearance confirm {referral} --from {} {OLOF}", decision.display())).await;
    let told = format!("clearance emergency {referral} --hours 0 --telephoned -10m --reasons {} {OLOF}", reasons.display());
    let told = hand.done(&told).await;
    assert!(told["referral"]["emergencies"][1]["telephoned_at"].is_string(), "{told}");
    assert_eq!(hand.broker.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_passed_something_on_is_told_what_of_it_to_take_back() {
    let hand = Hand::new().await;
    let first = hand.submitted("examples/contact-request.json", KLARA).await;
    hand.done(&format!("consent record {first} --from examples/consent.json {KLARA}")).await;
    hand.done(&format!("clearance decide {first} --from examples/decision.json {KLARA}")).await;
    hand.done(&format!("inbox open {first} {SARA}")).await;
    let passed = hand.done(&format!("referral submit examples/handover.json --forwards {first} {SARA}")).await;
    let passed = passed["referral"]["reference"].as_str().unwrap().to_owned();
    let withdrawn = hand.done(&format!("consent withdraw {first} {KLARA}")).await;
    let notice = withdrawn["log"].as_array().unwrap().iter().find(|entry| entry["kind"] == "StopUseSent").unwrap()["position"].clone();
    let line = format!("brygga referral retract {passed}");
    let (exit, said) = hand.say(&format!("inbox stop-use {first} --notice {notice} --answer stopped {SARA}")).await;
    assert!(exit == 0 && said.contains(&line) && said.contains("sundbyberg-mottagning"), "{said}");
    hand.done(&format!("referral retract {first} --reason wrong {KLARA}")).await;
    hand.done(&format!("referral retract {passed} --reason wrong {SARA}")).await;
    let (exit, said) = hand.say(&format!("inbox recall {first} {SARA}")).await;
    assert!(exit == 0 && !said.contains(&line), "{said}");
    assert_eq!(hand.broker.stop().await, Some(0));
}
