//! What an explanation says, what it never suggests, and what another table would change.

use brygga_domain::change;
use brygga_domain::command::*;
use brygga_domain::event::PersonName;
use brygga_domain::explain::{self, Explanation, Question, Way};
use brygga_domain::gate;
use brygga_domain::grounds::{Answers, GroundTable, SHIPPED};
use brygga_domain::*;
use bytes::Bytes;

use crate::support::case::{Case, Consent, Emergency, ROLES, Second};
use crate::support::chance::Chance;
use crate::support::{law, world::World};

fn plain(from: AgencyKind, to: AgencyKind, kind: ReferralKind) -> Case {
    let (_, turning, ..) = law::turning_days().remove(0);
    Case { from, to, kind, day: "2026-11-23", consent: Consent::Absent, second: Second::Nobody, ..turning.case }
}

fn person(role: Role) -> PersonName {
    PersonName { role, number: 1 }
}

pub fn section(category: Category, roles: &[Role], investigation: bool) -> NewSection {
    NewSection { category, persons: roles.iter().copied().map(person).collect(), investigation, content: Bytes::from_static(b"made up") }
}

pub fn submission(case: &Case, sections: Vec<NewSection>) -> Submission {
    Submission {
        kind: case.kind,
        recipient: crate::support::world::function(case.to),
        urgency: Urgency::Routine,
        thread: None,
        leader: None,
        reported_at: Some(case.at(0)),
        offer: None,
        new_offer: None,
        sender_reference: None,
        assessments: Vec::new(),
        persons: ROLES.map(|role| NewPerson { name: person(role), lookup: None, protected_identity: case.protection }).to_vec(),
        sections,
        consents: Vec::new(),
        decisions: Vec::new(),
        routing: Routing::default(),
        forwards: None,
        excluded: Vec::new(),
    }
}

fn held(world: &World, case: &Case, sections: Vec<NewSection>) -> Referral {
    world.carried_out(case, None, Action::SubmitReferral(Box::new(submission(case, sections))), 0).unwrap()
}

fn explained<'t>(world: &'t World, case: &Case, referral: &Referral, known: &Answers) -> Vec<Explanation<'t>> {
    let question = Question { table: &world.table, now: case.opened(), known, barred: None };
    referral.sections.iter().filter_map(|section| explain::section(referral, section.number, question)).flatten().collect()
}

/// A way in one word: the ground, the kind of another referral, or what else it is.
fn word(way: &Way<'_>) -> String {
    match way {
        Way::Ground { ground, .. } => ground.code.to_string(),
        Way::OtherReferral { ground, kind, .. } => format!("{kind}:{}", ground.code),
        Way::SecondOfficer => String::from("second officer"),
        Way::BreakGlass(_) => String::from("break glass"),
        Way::Strip => String::from("strip"),
    }
}

fn words(explanation: &Explanation<'_>) -> Vec<String> {
    explanation.ways.iter().map(word).collect()
}

#[test]
fn a_blocked_child_section_names_the_duty_that_carries_it_as_a_referral_of_its_own() {
    let world = World::new();
    let case = plain(AgencyKind::Police, AgencyKind::SocialBoard, ReferralKind::ReportedOffence);
    let sections = vec![section(Category::Children, &[Role::Child], false), section(Category::Offence, &[Role::Victim], true)];
    let referral = held(&world, &case, sections);
    let found = explained(&world, &case, &referral, &Answers::default());
    let child = &found[0];
    assert_eq!(child.secrecies.iter().map(|secrecy| secrecy.code.as_str()).collect::<Vec<_>>(), ["OSL 35:1"]);
    let expected =
        ["CONSENT", "NO_HARM", "NECESSARY_OWN", "CRIME_PURPOSES", "GENERAL_CLAUSE", "DUTY_CHILD_INQUIRY", "child_concern:DUTY_CHILD_REPORT", "strip"];
    assert_eq!(words(child), expected);
    let Way::Ground { open, .. } = &child.ways[0] else { panic!("consent is a ground") };
    assert_eq!(open.len(), 3, "a child's consent is disposed of by the custodians: {open:?}");
    let investigation = found.last().unwrap();
    assert_eq!(words(investigation), ["NO_HARM", "NECESSARY_OWN", "GENERAL_CLAUSE", "DUTY_CHILD_INQUIRY", "strip"], "nobody consents for 18:1");
}

#[test]
fn a_duty_is_named_only_where_its_referral_could_carry_the_section() {
    let world = World::new();
    let duty = |from, kind, category, role| {
        let case = plain(from, AgencyKind::SocialBoard, kind);
        let referral = held(&world, &case, vec![section(category, &[role], false)]);
        let found = explained(&world, &case, &referral, &Answers::default());
        words(&found[0]).contains(&String::from("child_concern:DUTY_CHILD_REPORT"))
    };
    let reported = |category, role| duty(AgencyKind::Police, ReferralKind::ReportedOffence, category, role);
    let handed_over = |category, role| duty(AgencyKind::SocialBoard, ReferralKind::Handover, category, role);
    assert!(reported(Category::Children, Role::Child) && reported(Category::Suspect, Role::Child));
    assert!(!reported(Category::Children, Role::Victim), "the duty is about a child");
    for category in [Category::SafeContact, Category::SupportNeeds] {
        assert!(!reported(category, Role::Child), "{category} is no part of a report");
    }
    for category in [Category::VictimIdentity, Category::Measures] {
        assert!(reported(category, Role::Child) && !reported(category, Role::Victim), "{category}");
    }
    assert!(duty(AgencyKind::Prosecution, ReferralKind::Decision, Category::VictimIdentity, Role::Child), "a prosecutor must report, too");
    assert!(handed_over(Category::Children, Role::Child));
    assert!(!handed_over(Category::SafeContact, Role::Child));
    assert!(!handed_over(Category::Whereabouts, Role::Child));
}

#[test]
fn what_is_known_to_be_otherwise_is_never_suggested() {
    let world = World::new();
    let case = plain(AgencyKind::SocialBoard, AgencyKind::Police, ReferralKind::Risk);
    let referral = held(&world, &case, vec![section(Category::RiskNotice, &[Role::Suspect], false)]);
    let ways = |known: &Answers| words(&explained(&world, &case, &referral, known)[0]);
    let all = ways(&Answers::default());
    for ground in ["CRIME_PURPOSES", "RISK_UNDER21", "RISK_IPV", "IMMEDIATE_MINOR", "CRIME_AGAINST_CHILD", "COMMITTED_CRIME_SERIOUS"] {
        assert!(all.contains(&ground.to_owned()), "{all:?}");
    }
    assert!(!all.contains(&String::from("GENERAL_CLAUSE")) && !all.contains(&String::from("DUTY_POLICE_NOTIFY")) && !all.contains(&String::from("EMERGENCY")));
    let committed = Answers {
        asserted: [FactCode::CommittedCrime].into(),
        offence: "OFREDANDE".parse().ok(),
        subject_age_years: Some(44),
        victim_age_years: Some(44),
        ..Answers::default()
    };
    assert_eq!(ways(&committed), ["CONSENT", "NO_HARM", "NECESSARY_OWN"]);
    let to_prosecution = plain(AgencyKind::SocialBoard, AgencyKind::Prosecution, ReferralKind::Risk);
    let referral = held(&world, &to_prosecution, vec![section(Category::RiskNotice, &[Role::Suspect], false)]);
    let found = words(&explained(&world, &to_prosecution, &referral, &Answers::default())[0]);
    assert!(!found.iter().any(|ground| ground.starts_with("RISK_")), "those name the police: {found:?}");
}

#[test]
fn her_safe_contact_goes_to_the_police_on_her_own_word_only() {
    let world = World::new();
    let case = plain(AgencyKind::SocialBoard, AgencyKind::Police, ReferralKind::ContactReply);
    let sections = vec![section(Category::SafeContact, &[Role::Victim], false), section(Category::Whereabouts, &[Role::Victim], false)];
    let referral = held(&world, &case, sections);
    for explanation in explained(&world, &case, &referral, &Answers::default()) {
        assert_eq!(words(&explanation), ["CONSENT", "strip"]);
    }
}

#[test]
fn every_way_that_is_suggested_passes_once_it_is_taken_and_no_other_ground_does() {
    let world = World::new();
    let mut chance = Chance::new(20_261_123);
    let mut taken = 0;
    for _ in 0..20_000 {
        let with_consent = Case { consent: Consent::Carries, consented_for: Purpose::Protection, ..Case::draw(&mut chance) };
        let case = Case { second: Second::Another, emergency: Emergency::Undeclared, ..with_consent };
        let Ok(mut referral) = world.submitted(&case) else { continue };
        referral = world.carried_out(&case, Some(&referral), world.consent(&case).unwrap(), 1).unwrap();
        let known = case.answers();
        let found = explained(&world, &case, &referral, &known);
        // With everything said, what is suggested with nothing left open passes, and nothing that is not suggested does.
        let open = |way: &Way<'_>| matches!(way, Way::Ground { ground, open, .. } if ground.code.as_str() == case.ground && open.is_empty());
        let suggested = found.iter().any(|explanation| explanation.ways.iter().any(&open));
        assert_eq!(suggested, law::passes(&case), "{case:#?}");
        taken += usize::from(suggested);
    }
    assert!(taken > 1_000, "{taken} were suggested");
}

fn child_report(world: &World, case: &Case) -> Referral {
    let everybody = [Role::Child, Role::Custodian, Role::Suspect];
    let sections = vec![
        section(Category::Child, &[Role::Child], false),
        section(Category::Custodians, &[Role::Custodian], false),
        section(Category::Concern, &everybody, true),
        section(Category::SafeContact, &[Role::Custodian], false),
    ];
    held(world, case, sections)
}

/// A decision about every cell of the first sections, on the duty to report.
fn on_duty(referral: &Referral, sections: u32, asserted: &[FactCode]) -> Action {
    let name = |cell: event::CellName| NamedCell {
        section: cell.section,
        person: match cell.interest {
            event::Interest::Person(id) => referral.person_name(id),
            event::Interest::Investigation => None,
        },
    };
    let release = NewOutcome::Release { ground: "DUTY_CHILD_REPORT".parse().unwrap(), consent: None, revision: 1 };
    let cells = referral.cells().filter(|(cell, _)| cell.section <= sections);
    let decision = NewDecision {
        cells: cells.map(|(cell, _)| NewCell { cell: name(cell), outcome: release.clone() }).collect(),
        answers: Answers { asserted: asserted.iter().copied().collect(), subject_age_years: Some(9), ..Answers::default() },
        reasons: Bytes::from_static(b"made up"),
        ..NewDecision::default()
    };
    Action::DecideClearance(ReferralName::Id(referral.id), decision)
}

const ASSESSED: &[FactCode] = &[FactCode::ChildMayFareBadly, FactCode::IndividualAssessment];

#[test]
fn the_child_report_passes_for_a_suspect_father_and_a_mother_who_does_not_consent() {
    let world = World::new();
    let case = plain(AgencyKind::Police, AgencyKind::SocialBoard, ReferralKind::ChildConcern);
    let referral = child_report(&world, &case);
    let passing = |referral: &Referral| -> Vec<u32> {
        let sections = referral.sections.iter().filter(|section| gate::pass(referral, section, &world.table, case.opened()).is_ok());
        sections.map(|section| section.number).collect()
    };
    assert!(world.carried_out(&case, Some(&referral), on_duty(&referral, 3, &ASSESSED[..1]), 1).is_err(), "never as a routine");
    assert!(world.carried_out(&case, Some(&referral), on_duty(&referral, 4, ASSESSED), 1).is_err(), "her safe contact is outside the duty");
    let decided = world.carried_out(&case, Some(&referral), on_duty(&referral, 3, ASSESSED), 1).expect("one officer suffices");
    assert_eq!(passing(&decided), [1, 2, 3]);
    // She consents to something, and takes it back: the duty stands whatever she wants.
    let hers = Case { role: Some(Role::Custodian), category: Category::Custodians, consent: Consent::Carries, ..case.clone() };
    let consented = world.carried_out(&case, Some(&decided), world.consent(&hers).unwrap(), 2).unwrap();
    let withdrawn = world.carried_out(&case, Some(&consented), world.withdrawal(&consented), 4).unwrap();
    assert!(withdrawn.consents[0].withdrawn.is_some());
    assert_eq!(passing(&withdrawn), [1, 2, 3]);
}

#[test]
fn a_change_of_the_table_names_the_answers_and_the_open_clearances_that_it_touches() {
    let world = World::new();
    let case = plain(AgencyKind::Police, AgencyKind::SocialBoard, ReferralKind::ChildConcern);
    let referral = child_report(&world, &case);
    let decided = world.carried_out(&case, Some(&referral), on_duty(&referral, 3, ASSESSED), 1).unwrap();
    let now = case.opened();
    let other = |from: &str, to: &str| {
        assert!(SHIPPED.contains(from));
        change::between(&world.table, &GroundTable::load(&SHIPPED.replacen(from, to, 1)).unwrap(), now)
    };
    let nothing = change::between(&world.table, &world.table, now);
    assert!(nothing.answers.is_empty() && nothing.grounds.is_empty() && nothing.offences.is_empty());
    assert!(change::touched(&decided, &nothing, now).is_empty());

    let never = other(r#""OSL 40:7g"]"#, r#""OSL 21:1"]"#);
    assert!(never.answers.iter().all(|differs| differs.before.is_ok() && differs.after.is_err()) && !never.answers.is_empty());
    let scale = other(r#""GROVT_OLAGA_HOT", "#, r#""GROVT_OLAGA_HOT_2", "#);
    assert_eq!((scale.answers.len(), scale.offences.len()), (0, 2));
    let asks_more = other(r#"{"asserted": "child_may_fare_badly"}"#, r#"{"asserted": "child_may_fare_badly"}, {"asserted": "concrete_risk"}"#);
    assert_eq!(asks_more.grounds.iter().map(ToString::to_string).collect::<Vec<_>>(), ["DUTY_CHILD_REPORT"]);
    let touched = change::touched(&decided, &asks_more, now);
    assert_eq!((touched.clearances.len(), touched.consents.len()), (6, 0));
    assert!(change::touched(&referral, &asks_more, now).is_empty(), "nothing is decided on it yet");
    for (from, to, policy) in [
        (r#""hours_max": 24"#, r#""hours_max": 23"#, "emergency"),
        (r#""days_max": 366"#, r#""days_max": 365"#, "standing"),
        (r#""templates": "never""#, r#""templates": "allowed""#, "templates"),
        (r#""age_below": 18"#, r#""age_below": 17"#, "minors"),
        (r#""received_never_declined": true"#, r#""received_never_declined": false"#, "kinds"),
        (r#""names": ["victim_identity", "#, r#""names": ["#, "persons"),
    ] {
        assert_eq!(other(from, to).policies, [policy]);
    }
    assert!(nothing.policies.is_empty());

    // A scale that reads differently touches what was decided on a ground that asks for it, and what has left only where it stands for more.
    let crime = Case {
        role: Some(Role::Suspect),
        category: Category::RiskNotice,
        ground: "COMMITTED_CRIME_SERIOUS",
        ..plain(AgencyKind::SocialBoard, AgencyKind::Police, ReferralKind::Risk)
    };
    let held = world.submitted(&crime).unwrap();
    let mut told = world.carried_out(&crime, Some(&held), world.decision(&crime), 1).unwrap();
    assert_eq!(change::touched(&told, &scale, now).clearances.len(), 1);
    assert!(change::touched(&decided, &scale, now).is_empty(), "the duty asks for no offence");
    told.sections[0].released = Some(brygga_domain::referral::SectionRelease { at: Position(9), revision: 1 });
    assert!(change::touched(&told, &scale, now).is_empty());
    let brygga_domain::referral::CellState::Decided(stands) = &mut told.sections[0].cells[0].state else { panic!("decided") };
    stands.standing_until = Some(now.plus_minutes(1));
    assert_eq!(change::touched(&told, &scale, now).clearances.len(), 1);

    // What is asked of a minor's consent is asked of every consent that stands, and of what was decided on one.
    let hers = Case {
        role: Some(Role::Victim),
        category: Category::VictimIdentity,
        ground: "CONSENT",
        consent: Consent::Carries,
        victim_age: Some(44),
        ..plain(AgencyKind::Police, AgencyKind::SocialBoard, ReferralKind::ContactRequest)
    };
    let held = world.submitted(&hers).unwrap();
    let consented = world.carried_out(&hers, Some(&held), world.consent(&hers).unwrap(), 1).unwrap();
    let decided = world.carried_out(&hers, Some(&consented), world.decision(&hers), 2).unwrap();
    let older = other(r#""age_below": 18"#, r#""age_below": 17"#);
    let touched = change::touched(&decided, &older, now);
    assert_eq!((touched.clearances.len(), touched.consents.as_slice()), (1, &[decided.consents[0].given.consent][..]));
    let withdrawn = world.carried_out(&hers, Some(&decided), world.withdrawal(&decided), 4).unwrap();
    assert!(change::touched(&withdrawn, &older, now).consents.is_empty());

    // So is what a consent must have been given for.
    let narrower = other(r#""consented_for": ["support", "protection"]"#, r#""consented_for": ["support"]"#);
    assert_eq!(narrower.purposes.iter().copied().collect::<Vec<_>>(), [(ReferralKind::ContactRequest, Purpose::Protection)]);
    let touched = change::touched(&decided, &narrower, now);
    assert_eq!((touched.clearances.len(), touched.consents.as_slice()), (1, &[decided.consents[0].given.consent][..]));
    assert!(nothing.purposes.is_empty());
    // A table that does not say takes a consent for any purpose.
    let silent = other(r#""consented_for": ["support", "protection"],"#, "");
    assert_eq!(silent.purposes.iter().copied().collect::<Vec<_>>(), [(ReferralKind::ContactRequest, Purpose::Proceedings)]);
}
