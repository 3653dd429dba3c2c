//! What was decided and no longer holds: nobody is sent for what could not help, and no consent is counted that has ended.

use brygga_domain::command::*;
use brygga_domain::event::PersonName;
use brygga_domain::explain::{self, Question, Way};
use brygga_domain::gate::{ConsentLack, Why};
use brygga_domain::grounds::{Answers, GroundTable, SHIPPED};
use brygga_domain::referral::{CellState, EMERGENCIES_MAX};
use brygga_domain::*;
use bytes::Bytes;

use crate::explanations::{section, submission};
use crate::support::case::{Case, Consent, Emergency, Second};
use crate::support::{law, world::World};

/// A victim with a protected identity, of whom two officers decide on her consent.
fn protected() -> Case {
    let (_, turning, ..) = law::turning_days().remove(0);
    Case {
        from: AgencyKind::Police,
        to: AgencyKind::SocialBoard,
        kind: ReferralKind::ContactRequest,
        category: Category::VictimIdentity,
        role: Some(Role::Victim),
        ground: "CONSENT",
        protection: ProtectedIdentity::ConfidentialityMarked,
        day: "2026-11-23",
        victim_age: Some(44),
        consent: Consent::Carries,
        consented_for: Purpose::Support,
        second: Second::Another,
        emergency: Emergency::Undeclared,
        ..turning.case
    }
}

fn decided(world: &World, case: &Case) -> Referral {
    let held = world.submitted(case).unwrap();
    let consented = world.carried_out(case, Some(&held), world.consent(case).unwrap(), 1).unwrap();
    world.carried_out(case, Some(&consented), world.decision(case), 2).unwrap()
}

fn blocked(world: &World, case: &Case, referral: &Referral) -> (Why, Vec<&'static str>) {
    asked_by(None, world, case, referral)
}

fn asked_by(barred: Option<&AgencyId>, world: &World, case: &Case, referral: &Referral) -> (Why, Vec<&'static str>) {
    let known = Answers::default();
    let explained = explain::section(referral, 1, Question { table: &world.table, now: case.opened(), known: &known, barred }).unwrap().remove(0);
    let named = |way: &Way<'_>| match way {
        Way::SecondOfficer => Some("second officer"),
        Way::BreakGlass(_) => Some("break glass"),
        _ => None,
    };
    (explained.block.why, explained.ways.iter().filter_map(named).collect())
}

#[test]
fn who_consented_for_the_proceedings_has_not_consented_to_be_offered_support() {
    let world = World::new();
    let case = Case { consented_for: Purpose::Proceedings, ..protected() };
    let held = world.submitted(&case).unwrap();
    let consented = world.carried_out(&case, Some(&held), world.consent(&case).unwrap(), 1).unwrap();
    let refused = world.carried_out(&case, Some(&consented), world.decision(&case), 2).unwrap_err();
    assert_eq!(refused.reason, Reason::ConsentOtherPurpose);
    let question = Question { table: &world.table, now: case.opened(), known: &case.answers(), barred: None };
    let explained = explain::section(&consented, 1, question).unwrap();
    let lacks = explained[0].ways.iter().filter_map(|way| if let Way::Ground { consent, .. } = way { *consent } else { None });
    assert_eq!(lacks.collect::<Vec<_>>(), [Err(ConsentLack::OtherPurpose)]);

    // Where the table does not say, any purpose carries; the gate asks the table that is in force when the section is to leave.
    let mut silent = World::new();
    silent.table = GroundTable::load(&SHIPPED.replacen(r#""consented_for": ["support", "protection"],"#, "", 1)).unwrap();
    let decided = decided(&silent, &case);
    assert_eq!(blocked(&silent, &case, &decided).0, Why::SecondOfficerMissing);
    assert_eq!(blocked(&world, &case, &decided), (Why::Consent(ConsentLack::OtherPurpose), vec![]));
}

#[test]
fn no_second_officer_is_sent_for_where_the_consent_has_ended() {
    let (world, case) = (World::new(), protected());
    let waits = decided(&world, &case);
    assert_eq!(blocked(&world, &case, &waits), (Why::SecondOfficerMissing, vec!["second officer", "break glass"]));
    let withdrawn = world.carried_out(&case, Some(&waits), world.withdrawal(&waits), 4).unwrap();
    assert_eq!(blocked(&world, &case, &withdrawn), (Why::Consent(ConsentLack::Withdrawn), vec![]));
    // And it can be decided anew at once, on another consent.
    let consented = world.carried_out(&case, Some(&withdrawn), world.consent(&case).unwrap(), 5).unwrap();
    let anew = world.carried_out(&case, Some(&consented), world.decision(&case), 7).unwrap();
    assert_eq!(blocked(&world, &case, &anew).0, Why::SecondOfficerMissing);
}

#[test]
fn an_older_consent_is_not_fallen_back_on_when_a_later_one_is_withdrawn() {
    let (world, case) = (World::new(), protected());
    let held = world.submitted(&case).unwrap();
    let once = world.carried_out(&case, Some(&held), world.consent(&case).unwrap(), 1).unwrap();
    let mut twice = world.carried_out(&case, Some(&once), world.consent(&case).unwrap(), 3).unwrap();
    twice.consents.reverse();
    let mut no = world.carried_out(&case, Some(&twice), world.withdrawal(&twice), 4).unwrap();
    no.consents.reverse();
    assert_eq!(world.carried_out(&case, Some(&no), world.decision(&case), 5).unwrap_err().reason, Reason::ConsentWithdrawn);
    // Whoever relies on the older one all the same names it.
    let Action::DecideClearance(name, mut decision) = world.decision(&case) else { panic!("a decision") };
    let NewOutcome::Release { consent, .. } = &mut decision.cells[0].outcome else { panic!("a release") };
    *consent = Some(once.consents[0].given.consent);
    assert!(world.carried_out(&case, Some(&no), Action::DecideClearance(name, decision), 5).is_ok());
    let anew = world.carried_out(&case, Some(&no), world.consent(&case).unwrap(), 6).unwrap();
    assert!(world.carried_out(&case, Some(&anew), world.decision(&case), 7).is_ok());
}

#[test]
fn an_emergency_is_not_suggested_while_the_review_of_another_is_overdue() {
    let (world, case) = (World::new(), protected());
    let held = world.submitted(&case).unwrap();
    let declared = world.carried_out(&case, Some(&held), world.emergency(), 1).unwrap();
    let mut waits = decided(&world, &case);
    waits.emergencies = declared.emergencies;
    waits.emergencies[0].expires_at = case.at(1);
    assert_eq!(blocked(&world, &case, &waits).1, ["second officer", "break glass"]);
    let mut full = waits.clone();
    full.emergencies = vec![waits.emergencies[0].clone(); EMERGENCIES_MAX];
    assert_eq!(blocked(&world, &case, &full).1, ["second officer"], "the referral holds no more");
    waits.emergencies[0].review_due_at = case.opened();
    assert_eq!(blocked(&world, &case, &waits).1, ["second officer"]);
    // Nor where the other one is about another referral: who asks is told what the act would answer.
    let elsewhere = decided(&world, &case);
    assert_eq!(asked_by(Some(&elsewhere.sender), &world, &case, &elsewhere).1, ["second officer"]);
}

/// The second officer's word on one of two consents, by its place, or on none in particular.
fn confirmed(world: &World, case: &Case, on: Option<usize>) -> Referral {
    let waits = decided(world, case);
    let both = world.carried_out(case, Some(&waits), world.consent(case).unwrap(), 4).unwrap();
    let consent = on.map(|place| both.consents[place].given.consent);
    let cell = NamedCell { section: 1, person: Some(PersonName { role: Role::Victim, number: 1 }) };
    let said = NewDecision {
        cells: vec![NewCell { cell, outcome: NewOutcome::Release { ground: case.ground.parse().unwrap(), consent, revision: 1 } }],
        answers: case.answers(),
        reasons: Bytes::from_static(b"made up"),
        ..NewDecision::default()
    };
    world.carried_out(case, Some(&both), Action::ConfirmClearance(ReferralName::Id(both.id), said, None), 6).unwrap()
}

#[test]
fn two_officers_agree_on_one_consent_or_the_section_stays() {
    let (world, case) = (World::new(), protected());
    let state = |on| match confirmed(&world, &case, on).sections[0].cells[0].state.clone() {
        CellState::Decided(decision) => decision.outcome.is_withheld(),
        CellState::Undecided => panic!("it was decided"),
    };
    assert_eq!((state(None), state(Some(0)), state(Some(1))), (false, false, true));
}

#[test]
fn what_was_attempted_only_never_opens_a_ground_that_wants_it_completed() {
    let world = World::new();
    let case = Case { from: AgencyKind::SocialBoard, to: AgencyKind::Police, kind: ReferralKind::Risk, category: Category::RiskNotice, ..protected() };
    let referral = world.submitted(&Case { role: Some(Role::Suspect), ..case.clone() }).unwrap();
    let suggests = |attempted| {
        let known = Answers { attempted, ..Answers::default() };
        let explained = explain::section(&referral, 1, Question { table: &world.table, now: case.opened(), known: &known, barred: None }).unwrap();
        explained[0].ways.iter().any(|way| matches!(way, Way::Ground { ground, .. } if ground.code.to_string() == "RISK_IPV"))
    };
    assert!(suggests(false) && !suggests(true));
}

#[test]
fn an_age_that_the_route_states_is_held_against_the_decision() {
    let (world, case) = (World::new(), protected());
    let asked = |age_years, change: fn(&mut NewDecision)| {
        let mut asked = submission(&case, vec![section(case.category, &[Role::Victim], false)]);
        let (Some(Action::RecordConsent(_, terms)), Action::DecideClearance(_, mut decision)) = (world.consent(&case), world.decision(&case)) else { panic!() };
        change(&mut decision);
        asked.persons.retain(|person| person.name.role == Role::Victim);
        (asked.consents, asked.decisions, asked.routing.whom.age_years) = (vec![terms], vec![decision], age_years);
        world.carried_out(&case, None, Action::SubmitReferral(Box::new(asked)), 0).is_ok()
    };
    let as_it_is = |_: &mut NewDecision| {};
    assert!(asked(None, as_it_is) && asked(Some(18), as_it_is));
    assert!(!asked(Some(17), as_it_is), "the decision says that she is 44");
    // A minor's consent is the custodians', with her; and who releases on something else need not say how old she is.
    let with_custodians = |decision: &mut NewDecision| {
        decision.answers.victim_age_years = Some(17);
        decision.answers.asserted.extend(FactCode::ALL);
        decision.answers.denied.clear();
    };
    let on_no_harm = |decision: &mut NewDecision| {
        decision.answers.asserted.insert(FactCode::HarmExcluded);
        decision.cells[0].outcome = NewOutcome::Release { ground: "NO_HARM".parse().unwrap(), consent: None, revision: 1 };
    };
    let withheld = |decision: &mut NewDecision| decision.cells[0].outcome = NewOutcome::Withhold { reason: WithholdReason::NotNeeded, nameable: false };
    assert!(asked(Some(17), with_custodians) && asked(Some(17), on_no_harm) && asked(Some(17), withheld));
}

/// Why an amendment of the one section, on the victim, that tells this is refused.
fn refused(protection: ProtectedIdentity, told: Told) -> Option<Reason> {
    let (world, case) = (World::new(), Case { protection, ..protected() });
    let referral = world.submitted(&case).unwrap();
    let content = NewContent { section: 1, category: case.category, content: Bytes::from_static(b"moved"), told };
    world.carried_out(&case, Some(&referral), Action::AmendReferral(ReferralName::Id(referral.id), vec![content], None), 1).err().map(|refusal| refusal.reason)
}

#[test]
fn where_somebody_protected_lives_is_not_told_by_an_amendment_either() {
    let told = |residence| Told { residence, ..Told::default() };
    let taken = |protection, residence| refused(protection, told(residence)).is_none();
    assert!(taken(ProtectedIdentity::NotProtected, true) && taken(ProtectedIdentity::ProtectedPopulationRegistration, false));
    for protection in [ProtectedIdentity::ConfidentialityMarked, ProtectedIdentity::ProtectedPopulationRegistration, ProtectedIdentity::Unknown] {
        assert_eq!(refused(protection, told(true)), Some(Reason::ContentTellsResidence), "{protection}");
    }
}

#[test]
fn an_amendment_identifies_whom_the_section_is_about_and_with_the_protection_that_is_on_record() {
    let of = |name: &str, protected_identity| {
        let may_be = &[Role::Victim, Role::Child];
        Told { identified: vec![Identified { name: name.parse().ok(), may_be, protected_identity }], ..Told::default() }
    };
    let (marked, open) = (ProtectedIdentity::ConfidentialityMarked, ProtectedIdentity::NotProtected);
    assert!(refused(open, of("victim-1", open)).is_none() && refused(open, of("", open)).is_none() && refused(marked, of("victim-1", marked)).is_none());
    assert_eq!(refused(open, of("suspect-1", open)), Some(Reason::ContentIdentifiesOthers), "nobody would be asked about him");
    for name in ["victim-1", ""] {
        assert_eq!(refused(open, of(name, marked)), Some(Reason::ContentProtectionDiffers), "her protection would not be asked about");
        assert_eq!(refused(marked, of(name, open)), Some(Reason::ContentProtectionDiffers), "she would be taken for unprotected");
    }
    let both = Told { identified: [of("", open), of("", open)].into_iter().flat_map(|told| told.identified).collect(), ..Told::default() };
    assert_eq!(refused(open, both), Some(Reason::ContentIdentifiesOthers));
}
