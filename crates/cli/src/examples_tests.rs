//! The files of `deploy/examples`, held against the contract, the door and the table of kinds.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use brygga_domain::grounds::{GroundTable, SHIPPED};
use brygga_domain::{AgencyKind, Code, ReferralKind};
use brygga_wire::v1;
use serde_json::Value;

use crate::local::{self, Checked};
use crate::message::{self, Known};
use brygga_wire::contract::WriteRequest;

/// Each submission with the agency that would send it.
const SUBMISSIONS: &[(&str, ReferralKind, &str)] = &[
    ("contact-request.json", ReferralKind::ContactRequest, "vasterort-polis"),
    ("reported-offence.json", ReferralKind::ReportedOffence, "vasterort-polis"),
    ("children-supplement.json", ReferralKind::ReportedOffence, "vasterort-polis"),
    ("case-handover.json", ReferralKind::CaseHandover, "vasterort-polis"),
    ("prosecution-decision.json", ReferralKind::Decision, "vasterort-aklagare"),
    ("hearing.json", ReferralKind::Hearing, "vasterort-aklagare"),
    ("custody-or-ban.json", ReferralKind::CustodyOrBan, "vasterort-aklagare"),
    ("support.json", ReferralKind::Support, "solna-soc"),
    ("risk.json", ReferralKind::Risk, "solna-soc"),
    ("contact-reply.json", ReferralKind::ContactReply, "solna-soc"),
    ("child-concern.json", ReferralKind::ChildConcern, "vasterort-polis"),
    ("handover.json", ReferralKind::Handover, "solna-soc"),
];

/// Each template with the facts and reasons that go with it, and the submission whose cells it decides.
const TEMPLATES: &[(&str, &str, &str)] = &[
    ("template-contact-request.json", "template-contact-request-facts.json", "contact-request.json"),
    ("template-hearing.json", "template-hearing-facts.json", "hearing.json"),
];

/// A UUID, for what a command line would name.
const SOME_REFERRAL: &str = "5f0d7a52-93a4-4f0b-8a0e-2b6c1d9e7f31";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/examples")
}

fn text(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn example<M: Known>(name: &str) -> M {
    message::read(&text(name), jiff::Timestamp::now()).unwrap_or_else(|fault| panic!("{name}: {fault}"))
}

fn at_door<W: Checked + WriteRequest>(name: &str, mut request: W) {
    request.head(SOME_REFERRAL.to_owned(), String::from("klara"), 0);
    let passed = local::check(request, None);
    assert!(passed.is_ok(), "{name}: {passed:?}");
}

/// The cells of a submission.
fn cells(request: &v1::SubmitReferralRequest) -> BTreeSet<(u32, String)> {
    let of = |(number, section): (u32, &v1::Section)| {
        let investigation = section.investigation.then(|| String::from("investigation"));
        section.persons.iter().cloned().chain(investigation).map(move |interest| (number, interest)).collect::<Vec<_>>()
    };
    (1..).zip(&request.sections).flat_map(of).collect()
}

fn decided(name: &str) -> (v1::DecideClearanceRequest, BTreeSet<(u32, String)>) {
    // The file names no referral: the command line does.
    let request: v1::DecideClearanceRequest = example(name);
    let cells = request.decision.iter().flat_map(|decision| &decision.cells).filter_map(|cell| cell.cell.clone());
    let cells = cells.map(|cell| (cell.section, cell.interest)).collect();
    (v1::DecideClearanceRequest { referral: SOME_REFERRAL.to_owned(), ..request }, cells)
}

#[test]
fn every_file_is_known_here() {
    let mut known: BTreeSet<&str> = SUBMISSIONS.iter().map(|(name, ..)| *name).collect();
    known.extend(["offer-yes.json", "consent.json", "decision.json", "decision-child-concern.json", "hearing-moved.json", "exclusions.json", "directory.json"]);
    known.extend(TEMPLATES.iter().flat_map(|(template, facts, ..)| [*template, *facts]));
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(name.as_str()), "{name} has no test");
    }
    let kinds: BTreeSet<ReferralKind> = SUBMISSIONS.iter().map(|(_, kind, _)| *kind).collect();
    assert_eq!(kinds.len(), ReferralKind::ALL.len(), "one file for each kind");
}

#[test]
fn submissions_pass_the_door_and_the_table_and_go_where_they_are_taken() {
    let directory: Value = serde_json::from_str(&text("directory.json")).unwrap();
    let of = |list: &str, id: &str| directory[list].as_array().unwrap().iter().find(|entry| entry["id"] == id).cloned().unwrap_or(Value::Null);
    let table = GroundTable::load(SHIPPED).unwrap();
    for (name, kind, sender) in SUBMISSIONS {
        let request: v1::SubmitReferralRequest = example(name);
        let from = AgencyKind::from_text(of("agencies", sender)["kind"].as_str().unwrap()).unwrap();
        assert_eq!(ReferralKind::from_number(request.kind), Some(*kind), "{name}");
        assert_eq!(local::submission_faults(&request, Some(from)), Vec::<String>::new(), "{name}");
        let function = of("functions", &request.recipient);
        assert!(function["kinds"].as_array().is_none_or(|kinds| kinds.iter().any(|taken| taken == kind.as_str())), "{name}: {function}");
        let to = AgencyKind::from_text(of("agencies", function["host"].as_str().unwrap())["kind"].as_str().unwrap()).unwrap();
        assert!(table.kind(*kind).unwrap().to.contains(&to), "{name}");
        at_door(name, request);
    }
}

#[test]
fn the_contact_request_has_four_sections_and_five_cells_and_its_decision_decides_them_all() {
    let request: v1::SubmitReferralRequest = example("contact-request.json");
    assert_eq!((request.sections.len(), cells(&request).len()), (4, 5));
    let (decision, cells_decided) = decided("decision.json");
    assert_eq!(cells_decided, cells(&request));
    at_door("decision.json", decision);

    let consent = v1::RecordConsentRequest { referral: SOME_REFERRAL.to_owned(), ..example("consent.json") };
    let terms = consent.terms.clone().unwrap();
    assert_eq!(terms.recipient, request.recipient);
    assert!(request.sections.iter().all(|section| terms.categories.contains(&section.category)));
    at_door("consent.json", consent);
}

#[test]
fn the_child_concern_is_decided_cell_by_cell() {
    let (decision, cells_decided) = decided("decision-child-concern.json");
    assert_eq!(cells_decided, cells(&example("child-concern.json")));
    at_door("decision-child-concern.json", decision);
}

#[test]
fn templates_decide_every_cell_of_the_referrals_that_they_are_for() {
    for (template, facts, submission) in TEMPLATES {
        let request: v1::SubmitReferralRequest = example(submission);
        let all = cells(&request);
        let undecided = |interest: &String| v1::CellClearance { interest: interest.clone(), state: v1::ClearanceState::Undecided.into(), ..Default::default() };
        let section = |(number, section): (u32, &v1::Section)| v1::SectionClearance {
            number,
            category: section.category,
            cells: all.iter().filter(|(of, _)| *of == number).map(|(_, interest)| undecided(interest)).collect(),
            ..Default::default()
        };
        let referral = v1::ClearanceReferral { kind: request.kind, sections: (1..).zip(&request.sections).map(section).collect(), ..Default::default() };
        let mut decision: v1::DecideClearanceRequest = example(facts);
        SOME_REFERRAL.clone_into(&mut decision.referral);
        let template = crate::template::Template::of(&text(template)).unwrap_or_else(|fault| panic!("{template}: {fault}"));
        template.decide(&referral, decision.decision.as_mut().unwrap()).unwrap_or_else(|_| panic!("{submission} is not decided"));
        let decided: BTreeSet<(u32, String)> = decision
            .decision
            .iter()
            .flat_map(|decision| &decision.cells)
            .filter_map(|cell| cell.cell.clone())
            .map(|cell| (cell.section, cell.interest))
            .collect();
        assert_eq!(decided, all, "{submission}");
        at_door(facts, decision);
    }
}

#[test]
fn an_offer_and_a_moved_hearing_pass_the_door() {
    at_door("offer-yes.json", example::<v1::RecordOfferRequest>("offer-yes.json"));
    let mut moved: v1::AmendReferralRequest = example("hearing-moved.json");
    SOME_REFERRAL.clone_into(&mut moved.referral);
    let hearing: v1::SubmitReferralRequest = example("hearing.json");
    let (old, new) = (&hearing.sections[1].content, &moved.sections[0].content);
    assert_eq!(brygga_wire::category_of(old), brygga_wire::category_of(new));
    at_door("hearing-moved.json", moved);
    let mut excluding: v1::AmendReferralRequest = example("exclusions.json");
    SOME_REFERRAL.clone_into(&mut excluding.referral);
    at_door("exclusions.json", excluding);
}

#[test]
fn no_personal_number_but_the_published_test_number_stands_in_an_example() {
    fn numbers(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                let is_number = object.get("type").is_some_and(|kind| kind == "personal_number");
                found.extend(object.iter().filter(|(key, _)| *key == "personal_number" || (is_number && *key == "value")).map(|(_, value)| value.to_string()));
                object.values().for_each(|value| numbers(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| numbers(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    for (name, ..) in SUBMISSIONS {
        numbers(&serde_json::from_str(&text(name)).unwrap(), &mut found);
    }
    assert!(!found.is_empty() && found.iter().all(|number| number == "\"19121212-1212\""), "{found:?}");
}
