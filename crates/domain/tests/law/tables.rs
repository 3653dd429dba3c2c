//! The tables that ship, and what makes a table refused.

use std::collections::BTreeSet;

use brygga_domain::grounds::{Answers, GroundTable, Modality, SHIPPED, TableError, Whose};
use brygga_domain::{AgencyKind, Category, FactCode, ReferralKind, Role, Time};

fn shipped() -> GroundTable {
    GroundTable::load(SHIPPED).unwrap()
}

fn day(text: &str) -> Time {
    Time::of_day(text).unwrap()
}

/// Loads the shipped tables with a piece of text replaced; the piece must be there.
fn changed(piece: &str, by: &str) -> TableError {
    assert!(SHIPPED.contains(piece), "{piece}");
    GroundTable::load(&SHIPPED.replacen(piece, by, 1)).unwrap_err()
}

#[test]
fn all_twenty_two_grounds_are_there_and_what_was_not_read_is_marked() {
    let table = shipped();
    assert_eq!(table.codes().len(), 22);
    let never: BTreeSet<&str> = table.grounds().filter(|ground| ground.never_clears.is_some()).map(|ground| ground.code.as_str()).collect();
    let expected = ["CHILD_REPORT_FEEDBACK", "DUTY_MUNICIPALITY", "DUTY_POLICE_NOTIFY", "EMERGENCY", "SUPERVISION", "TECH_PROCESSOR"];
    assert_eq!(never, BTreeSet::from(expected));
    let unread: Vec<(&str, &str)> =
        table.grounds().filter(|ground| !ground.verified).map(|ground| (ground.code.as_str(), ground.valid_from.as_str())).collect();
    assert_eq!(unread, [("COMMITTED_CRIME_SERIOUS", "2009-06-30"), ("DUTY_CHILD_REPORT", "2025-07-01"), ("EMERGENCY", "2009-06-30")]);
    let open: BTreeSet<&str> = table.grounds().filter(|ground| ground.legal_question.is_some()).map(|ground| ground.code.as_str()).collect();
    assert_eq!(open, BTreeSet::from(["CRIME_PURPOSES", "DUTY_POLICE_NOTIFY"]));
    let read: BTreeSet<&str> = table.offences().filter(|offence| offence.verified).map(|offence| offence.code.as_str()).collect();
    assert_eq!(read, BTreeSet::from(["GROV_FRIDSKRANKNING", "GROV_KVINNOFRIDSKRANKNING"]));
    assert_eq!(table.grounds().filter(|ground| ground.modality == Modality::Defence).count(), 1);
    for text in table.grounds().flat_map(|ground| ground.document.iter().chain([&ground.text])) {
        assert!(!text.sv.is_empty() && !text.en.is_empty());
    }
}

#[test]
fn the_hash_is_of_all_files_one_after_the_other() {
    let other = GroundTable::load(&format!("{SHIPPED}\n")).unwrap();
    assert_ne!(other.hash(), shipped().hash());
    assert!(matches!(GroundTable::load(&format!("{SHIPPED}{{}}")), Err(TableError::ClockShape(_))));
    let grounds_alone = SHIPPED.split("\n}\n").next().unwrap().to_owned() + "\n}\n";
    assert!(matches!(GroundTable::load(&grounds_alone), Err(TableError::OffenceShape(_))));
}

#[test]
fn a_table_that_could_be_misread_is_refused() {
    assert!(matches!(changed(r#""hours_max": 24"#, r#""hours_max": 0"#), TableError::Emergency));
    assert!(matches!(changed(r#""review_due_hours": 72"#, r#""review_due_hours": 23"#), TableError::Emergency));
    assert!(matches!(
        changed(r#""names": ["victim_identity", "suspect", "children", "case_parties", "child", "custodians"]"#, r#""names": []"#),
        TableError::Nameless
    ));
    assert!(matches!(changed(r#""version": "#, r#""surprise": 1, "version": "#), TableError::Shape(_)));
    assert!(matches!(changed(r#""asserted": "harm_excluded""#, r#""asserted": "no_such_fact""#), TableError::Shape(_)));
    assert!(matches!(changed(r#""lifts": ["OSL 35:1", "OSL 26:1", "OSL 21:3", "OSL 21:3a", "OSL 40:7g"]"#, r#""lifts": []"#), TableError::LiftsUnknown(_)));
    assert!(matches!(changed(r#""lifts": ["OSL 35:1", "OSL 26:1""#, r#""lifts": ["OSL 35:1", "OSL 26:99""#), TableError::LiftsUnknown(_)));
    assert!(matches!(changed(r#""lifts": ["OSL 35:1", "OSL 26:1""#, r#""lifts": ["OSL 18:1", "OSL 26:1""#), TableError::LiftsAndNot(..)));
    assert!(matches!(changed(r#""valid_to": "2025-04-01""#, r#""valid_to": "2025-04-02""#), TableError::Overlap(_)));
    assert!(matches!(changed(r#""valid_to": "2013-07-01""#, r#""valid_to": "2013-07-02""#), TableError::OffenceOverlap(_)));
    assert!(matches!(changed(r#""valid_to": "2025-04-01""#, r#""valid_to": "2009-06-30""#), TableError::Date(_)));
    assert!(matches!(changed(r#""valid_from": "2026-01-15""#, r#""valid_from": "2026-1-15""#), TableError::Date(_)));
    assert!(matches!(changed(r#""kind": "handover""#, r#""kind": "hearing""#), TableError::Kind(_)));
    assert!(matches!(changed(r#""children": "child","#, r#""children": "whereabouts","#), TableError::ToldAs(ReferralKind::ChildConcern, Category::Children)));
    assert!(matches!(changed(r#""children": "child","#, r#""suspect": "child","#), TableError::ToldAs(ReferralKind::ChildConcern, Category::Suspect)));
    let nothing = changed(r#""consented_for": ["support", "protection"]"#, r#""consented_for": []"#);
    assert!(matches!(nothing, TableError::ConsentedForNothing(ReferralKind::ContactRequest)));
    assert!(matches!(changed(r#"{"asserted": "requested"}, "#, ""), TableError::Request(_)));
    assert!(matches!(changed(r#"["BrB 3", "BrB 4", "BrB 6"]"#, r#"["BrB 3", "BrB 44"]"#), TableError::Condition(..)));
    assert!(matches!(changed(r#""except": ["CONSENT"]"#, r#""except": ["CONSENTS"]"#), TableError::OtherGround("a barrier", _)));
    assert!(matches!(changed(r#""grounds": ["GENERAL_CLAUSE"]"#, r#""grounds": ["GENERAL_CLAUS"]"#), TableError::OtherGround(..)));
    assert!(matches!(changed(r#""grounds": ["GENERAL_CLAUSE"]"#, r#""grounds": ["DUTY_CHILD_REPORT"]"#), TableError::OneAndTwo(_)));
    assert!(matches!(changed(r#""min_months": 120, "valid_from""#, r#""min_months": 120, "max_months": 12, "valid_from""#), TableError::Scale(_)));
}

#[test]
fn every_pair_of_kinds_and_category_has_an_answer() {
    // Without the secrecy of social services nothing protects what a board sends.
    let unprotected = changed(r#""at": ["social_board"],"#, r#""at": ["broker_operator"],"#);
    assert!(matches!(unprotected, TableError::Unanswered { from: AgencyKind::SocialBoard, .. }), "{unprotected}");
    assert!(shipped().cells().count() > 80);
}

#[test]
fn a_scale_is_that_of_its_day() {
    let table = shipped();
    let minimum = |date| table.offence(&"GROV_KVINNOFRIDSKRANKNING".parse().unwrap(), day(date)).unwrap().min_months;
    assert_eq!(["2013-06-30", "2013-07-01", "2021-12-31", "2022-01-01", "2026-11-23"].map(minimum), [6, 9, 9, 12, 12]);
    assert!(table.offence(&"HEDERSFORTRYCK".parse().unwrap(), day("2022-05-31")).is_none());
    assert!(table.offence(&"NO_SUCH_OFFENCE".parse().unwrap(), day("2026-11-23")).is_none());
}

#[test]
fn the_day_of_the_offence_counts_where_it_is_said() {
    let table = shipped();
    let ground = table.grounds().find(|ground| ground.code.as_str() == "COMMITTED_CRIME_SERIOUS").unwrap();
    let said = Answers { asserted: BTreeSet::from([FactCode::ImportantForInvestigation]), offence: "SEXUELLT_OVERGREPP".parse().ok(), ..Answers::default() };
    let now = day("2026-11-23");
    assert_eq!(table.unmet(ground, Whose::default(), &said, now), []);
    let earlier = Answers { offence_on: Time::of_day("2022-07-31"), ..said.clone() };
    assert_eq!(table.unmet(ground, Whose::default(), &earlier, now).len(), 1);
    let attempt = Answers { attempted: true, ..said };
    assert_eq!(table.unmet(ground, Whose::default(), &attempt, now).len(), 1);
}

#[test]
fn a_childs_secrecy_is_disposed_of_by_the_custodians_with_the_child_as_it_grows() {
    use FactCode::*;
    let table = shipped();
    let consent = table.grounds().find(|ground| ground.code.as_str() == "CONSENT").unwrap();
    let now = day("2026-11-23");
    let facts = |asserted: &[FactCode], denied: &[FactCode]| Answers {
        asserted: asserted.iter().copied().collect(),
        denied: denied.iter().copied().collect(),
        ..Answers::default()
    };
    let met = |role, answers: &Answers| table.unmet(consent, Whose { role, by_custodian: false }, answers, now).is_empty();
    assert!(met(Some(Role::Victim), &facts(&[], &[])), "an adult disposes herself");
    let child = Some(Role::Child);
    assert!(!met(child, &facts(&[], &[])));
    assert!(met(child, &facts(&[CustodiansConsent, NoDetrimentToChild], &[ChildMature])));
    assert!(!met(child, &facts(&[CustodiansConsent, NoDetrimentToChild], &[])), "whether the child is mature must be said");
    assert!(!met(child, &facts(&[CustodiansConsent, NoDetrimentToChild, ChildMature], &[])));
    assert!(met(child, &facts(&[CustodiansConsent, NoDetrimentToChild, ChildMature, ChildAgrees], &[])));
    assert!(!met(child, &facts(&[ChildMature, ChildAgrees, NoDetrimentToChild], &[])));
    assert!(!met(child, &facts(&[CustodiansConsent], &[ChildMature, NoDetrimentToChild])));
    let young = |years| Answers { victim_age_years: Some(years), ..facts(&[], &[]) };
    assert!(!met(Some(Role::Victim), &young(17)) && met(Some(Role::Victim), &young(18)));
    // Nobody said her age, and a custodian has consented: then she is a minor.
    let hers = Whose { role: Some(Role::Victim), by_custodian: true };
    assert!(!table.unmet(consent, hers, &facts(&[], &[]), now).is_empty());
    assert!(table.unmet(consent, hers, &facts(&[CustodiansConsent, NoDetrimentToChild], &[ChildMature]), now).is_empty());
}
