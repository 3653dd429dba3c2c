//! The law stated a second time, by hand and without the tables, held against the gate on random cases.
//!
//! A case is a referral with one section, one protected interest and one decision. Both sides are asked twice: whether the decision
//! may be made, and whether the section leaves afterwards. What the statement says here comes from the sources, not from the JSON.

use std::collections::BTreeMap;

use brygga_domain::gate;
use brygga_domain::grounds::SHIPPED;
use brygga_domain::{Code as _, FactCode};

use crate::support::case::{Case, Consent, Emergency, Second};
use crate::support::chance::Chance;
use crate::support::{law, world};

const CASES: usize = 100_000;

/// The seed of the run: `SEED=` repeats one.
fn seed() -> u64 {
    std::env::var("SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_123)
}

#[test]
fn the_gate_and_the_second_statement_agree_on_random_cases() {
    let seed = seed();
    println!("SEED={seed}");
    let world = world::World::new();
    let mut chance = Chance::new(seed);
    let mut passed: BTreeMap<&str, usize> = BTreeMap::new();
    let mut refused: BTreeMap<&str, usize> = BTreeMap::new();
    for number in 0..CASES {
        let case = Case::draw(&mut chance);
        let said = law::passes(&case);
        let found = asked(&world, &case);
        assert_eq!(found, said, "case {number} of SEED={seed}: {case:#?}");
        *if said { &mut passed } else { &mut refused }.entry(case.ground).or_default() += 1;
    }
    println!("passed {passed:?}\nrefused {refused:?}");
    // A statement that nothing passes would agree with a gate that lets nothing pass.
    for ground in law::CLEARING {
        assert!(passed.get(ground).is_some_and(|count| *count >= 60), "{ground} passed too rarely to be held against anything: {passed:?}");
        assert!(refused.get(ground).is_some_and(|count| *count >= 100), "{ground} was refused too rarely: {refused:?}");
    }
    assert_eq!(passed.keys().copied().collect::<Vec<_>>(), law::CLEARING);
}

/// Tables that say something else than the law; each must be found out.
const WRONG: [(&str, &str); 11] = [
    (r#"{"completed": 6, "attempted": 12}"#, r#"{"completed": 6, "attempted": 9}"#),
    (r#""lifts": ["OSL 35:1", "OSL 26:1", "OSL 21:3", "OSL 21:3a", "OSL 40:7g"]"#, r#""lifts": ["OSL 35:1", "OSL 26:1", "OSL 21:3", "OSL 40:7g"]"#),
    (r#"{"purpose_any": ["prevent_crime"]}"#, r#"{"purpose_any": ["prevent_crime", "investigate_crime"]}"#),
    (r#"{"asserted": "individual_assessment"}"#, r#"{"excluded": "danger_to_life"}"#),
    (r#"{"subject_age_below": 21}"#, r#"{"subject_age_below": 22}"#),
    (r#"{"asserted": "no_detriment_to_child"}"#, r#"{"excluded": "danger_to_life"}"#),
    (r#""except": ["CONSENT"]"#, r#""except": ["CONSENT", "NO_HARM"]"#),
    (r#""grounds": ["GENERAL_CLAUSE"]"#, r#""grounds": []"#),
    (r#"["confidentiality_marked", "protected_population_registration"]"#, r#"["protected_population_registration"]"#),
    (r#""break_glass": true"#, r#""break_glass": false"#),
    (r#""one_suffices": ["DUTY_CHILD_REPORT"]"#, r#""one_suffices": ["DUTY_CHILD_REPORT", "NO_HARM"]"#),
];

#[test]
fn a_table_that_says_something_else_is_found_out() {
    for (right, wrong) in WRONG {
        assert!(SHIPPED.contains(right), "{right}");
        let world = world::World::under(&SHIPPED.replacen(right, wrong, 1));
        let mut chance = Chance::new(seed());
        let differs = (0..CASES).map(|_| Case::draw(&mut chance)).any(|case| asked(&world, &case) != law::passes(&case));
        assert!(differs, "{wrong} went unnoticed");
    }
}

/// Whether the section leaves, as the product answers: decided by command, confirmed where that is due, and asked of the gate.
fn asked(world: &world::World, case: &Case) -> bool {
    let Ok(mut referral) = world.submitted(case) else { return false };
    if let Some(consent) = world.consent(case) {
        referral = world.carried_out(case, Some(&referral), consent, 1).expect("a consent is recorded");
    }
    if case.emergency != Emergency::Undeclared {
        referral = world.carried_out(case, Some(&referral), world.emergency(), 5).expect("an emergency is declared");
    }
    let Ok(decided) = world.carried_out(case, Some(&referral), world.decision(case), 2) else { return false };
    referral = decided;
    match case.second {
        Second::Nobody => {}
        Second::Another | Second::Differs => {
            if let Ok(confirmed) = world.carried_out(case, Some(&referral), world.confirmation(case), 3) {
                referral = confirmed;
            }
        }
    }
    if case.consent == Consent::Withdrawn {
        let withdrawal = world.withdrawal(&referral);
        referral = world.carried_out(case, Some(&referral), withdrawal, 4).expect("a consent is withdrawn");
    }
    if case.emergency == Emergency::Reviewed {
        referral = world.carried_out(case, Some(&referral), world.review(&referral), 6).expect("an emergency is reviewed");
    }
    gate::pass(&referral, &referral.sections[0], &world.table, case.opened()).is_ok()
}

/// Break-glass is no ground: whatever leaves in an emergency would have left with two officers, and on the same facts.
#[test]
fn no_emergency_lets_out_what_two_officers_would_not() {
    let world = world::World::new();
    let mut chance = Chance::new(seed());
    let (mut left, mut stayed) = (0, 0);
    for number in 0..CASES {
        let hurried = Case { emergency: Emergency::Stands, second: Second::Nobody, ..Case::draw(&mut chance) };
        let with_two = Case { emergency: Emergency::Undeclared, second: Second::Another, ..hurried.clone() };
        let leaves = asked(&world, &hurried);
        assert_eq!(leaves, asked(&world, &with_two), "case {number} of SEED={}: {hurried:#?}", seed());
        *if leaves { &mut left } else { &mut stayed } += 1;
        // Nothing that the officer leaves unsaid is made good by the hurry.
        let silent = Case { asserted: std::collections::BTreeSet::new(), denied: std::collections::BTreeSet::new(), ..hurried };
        // An adult's consent asks for no facts beside itself.
        assert!(silent.ground == "CONSENT" || !asked(&world, &silent), "{silent:#?}");
    }
    assert!(left > 1_000 && stayed > 1_000, "{left} left, {stayed} stayed");
}

#[test]
fn emergency_alone_never_clears() {
    let world = world::World::new();
    let mut chance = Chance::new(seed());
    for _ in 0..1_000 {
        let case = Case { ground: "EMERGENCY", emergency: Emergency::Stands, asserted: FactCode::ALL.iter().copied().collect(), ..Case::draw(&mut chance) };
        assert!(!asked(&world, &case), "{case:#?}");
        let Ok(referral) = world.submitted(&case) else { continue };
        let declared = world.carried_out(&case, Some(&referral), world.emergency(), 5).unwrap();
        assert!(gate::pass(&declared, &declared.sections[0], &world.table, case.opened()).is_err(), "nothing is decided");
    }
}

#[test]
fn the_same_facts_get_the_answer_of_their_day() {
    let world = world::World::new();
    for (change, case, before, after) in law::turning_days() {
        for (day, wanted) in [(before, case.passes_before), (after, case.passes_after)] {
            let case = Case { day, ..case.case.clone() };
            assert_eq!(asked(&world, &case), wanted, "{change} on {day}");
            assert_eq!(law::passes(&case), wanted, "{change} on {day}, as stated a second time");
        }
    }
}
