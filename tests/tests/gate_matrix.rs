//! The gate as one table: every kind and direction, category, protected interest, ground and state of consent.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use brygga_domain::event::{ConsentGiven, Interest, Outcome, Person, PersonName};
use brygga_domain::gate::{self, ConsentLack, Why};
use brygga_domain::grounds::{Direction, GroundCode, GroundTable, Unlawful};
use brygga_domain::referral::{Cell, CellState, Consent, Decision, Referral, Section, Stage};
use brygga_domain::*;
use brygga_tests::directory::{START_US, table};

const AUTHORITIES: [AgencyKind; 3] = [AgencyKind::Police, AgencyKind::Prosecution, AgencyKind::SocialBoard];
const CONSENTS: [ConsentState; 7] = [
    ConsentState::Carries,
    ConsentState::Lacks(ConsentLack::Missing),
    ConsentState::Lacks(ConsentLack::OtherPerson),
    ConsentState::Lacks(ConsentLack::OtherRecipient),
    ConsentState::Lacks(ConsentLack::OtherCategory),
    ConsentState::Lacks(ConsentLack::Expired),
    ConsentState::Lacks(ConsentLack::Withdrawn),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum ConsentState {
    Carries,
    Lacks(ConsentLack),
}

fn id(byte: u8) -> uuid::Uuid {
    uuid::Uuid::from_bytes([byte; 16])
}

fn consent(state: ConsentState, category: Category) -> Option<Consent> {
    let now = Time::from_micros(START_US);
    let other_category = Category::ALL.iter().copied().find(|other| *other != category).unwrap();
    let mut consent = Consent {
        at: Position(3),
        given: ConsentGiven {
            referral: ReferralId(id(1)),
            consent: ConsentId(id(2)),
            person: PersonId(id(3)),
            categories: vec![category],
            recipient: "solna-rvc".parse().unwrap(),
            purpose: Purpose::Support,
            given_at: Time::from_micros(START_US - 10),
            valid_until: now.plus_minutes(10),
            form: ConsentForm::Oral,
            language: None,
            interpreter: false,
            gdpr_basis: GdprBasis::PublicTask,
        },
        withdrawn: None,
    };
    match state {
        ConsentState::Carries => {}
        ConsentState::Lacks(ConsentLack::Missing) => return None,
        ConsentState::Lacks(ConsentLack::OtherPerson) => consent.given.person = PersonId(id(9)),
        ConsentState::Lacks(ConsentLack::OtherRecipient) => consent.given.recipient = "ekero-mottagning".parse().unwrap(),
        ConsentState::Lacks(ConsentLack::OtherCategory) => consent.given.categories = vec![other_category],
        ConsentState::Lacks(ConsentLack::Expired) => consent.given.valid_until = now,
        ConsentState::Lacks(ConsentLack::Withdrawn) => consent.withdrawn = Some(Position(4)),
    }
    Some(consent)
}

/// A referral of one section and one cell, released on a ground.
fn referral(direction: Direction, cell: (Category, Interest), ground: &GroundCode, state: ConsentState) -> Referral {
    let (category, interest) = cell;
    let decision = Decision {
        at: Position(5),
        officer: Some(OfficerPseudonym([1; 16])),
        outcome: Outcome::Release { ground: ground.clone(), consent: Some(Position(3)) },
        second_officer: false,
        confirmed: None,
    };
    let section = Section {
        number: 1,
        category,
        revision: 1,
        commitment: Commitment([0; 32]),
        cells: vec![Cell { interest, state: CellState::Decided(decision) }],
        offered: true,
        released: None,
        rested_on: Vec::new(),
    };
    Referral {
        id: ReferralId(id(1)),
        reference: Reference::from_random(1),
        thread: ThreadId(id(4)),
        kind: direction.kind,
        sender: "sender".parse().unwrap(),
        from: direction.from,
        to: direction.to,
        recipient: "solna-rvc".parse().unwrap(),
        host: "host".parse().unwrap(),
        leader: "sender".parse().unwrap(),
        urgency: Urgency::Routine,
        reported_at: None,
        contact_due_at: None,
        contacted_at: None,
        submitted_at: Time::from_micros(START_US),
        first: Position(2),
        last: Position(6),
        offered_at: Some(Position(6)),
        stage: Stage::Ready,
        claimed_by: None,
        persons: vec![Person { id: PersonId(id(3)), name: PersonName { role: Role::Victim, number: 1 } }],
        sections: vec![section],
        consents: consent(state, category).into_iter().collect(),
        notices: Vec::new(),
    }
}

fn letter(result: Result<gate::Cleared, Vec<gate::Block>>) -> char {
    let Err(blocks) = result else { return 'P' };
    match &blocks[0].why {
        Why::Consent(_) => '-',
        Why::Ground(Unlawful::OtherDirection) => 'd',
        Why::Ground(Unlawful::OtherCategory) => 'k',
        Why::Ground(Unlawful::DoesNotLift(_)) => 'l',
        Why::Ground(Unlawful::NotInForce) => 't',
        Why::Ground(Unlawful::Unknown) => '?',
        Why::NoProtectedInterest | Why::Undecided | Why::SecondOfficerMissing | Why::Withheld(_) => '!',
    }
}

fn grounds(table: &GroundTable) -> Vec<GroundCode> {
    let distinct: BTreeSet<&str> = table.grounds().map(|ground| ground.code.as_str()).collect();
    distinct.into_iter().map(|code| code.parse().unwrap()).collect()
}

fn row(table: &GroundTable, direction: Direction, cell: (Category, Interest)) -> String {
    let now = Time::from_micros(START_US);
    let mut line = String::new();
    for ground in grounds(table) {
        let letters: String = CONSENTS
            .iter()
            .map(|state| {
                let referral = referral(direction, cell, &ground, *state);
                letter(gate::pass(&referral, &referral.sections[0], table, now))
            })
            .collect();
        // A ground that does not rest on consent answers the same in every state of it, and is printed once.
        let same = letters.chars().all(|each| letters.starts_with(each));
        write!(line, " {:<24}", if same { &letters[..1] } else { letters.as_str() }).unwrap();
    }
    line.trim_end().to_owned()
}

#[test]
fn every_direction_category_ground_and_consent_state_has_its_answer() {
    let table = table();
    let mut text = String::from(
        "P passes; d not in this direction or kind; k not for this category; l does not lift the secrecy; t not in force.\n\
         Seven letters, where consent matters: carries, missing, other person, other recipient, other category, expired, withdrawn.\n\n",
    );
    let header: String = grounds(&table).iter().map(|ground| format!(" {ground:<24}")).collect();
    writeln!(text, "{:<78}{}", "kind: from > to: category: interest", header.trim_end()).unwrap();
    let (mut categories, mut directions, mut used) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for kind in ReferralKind::ALL {
        let rule = table.kind(*kind).unwrap_or_else(|| panic!("{kind} has no rule"));
        for (from, to) in rule.from.iter().flat_map(|from| rule.to.iter().map(move |to| (*from, *to))) {
            directions.insert((from, to));
            let direction = Direction { from, to, kind: *kind };
            for category in &rule.categories {
                categories.insert(*category);
                for (name, interest) in [("person", Interest::Person(PersonId(id(3)))), ("investigation", Interest::Investigation)] {
                    let letters = row(&table, direction, (*category, interest));
                    used.extend(grounds(&table).into_iter().zip(letters.split_whitespace()).filter(|(_, cell)| cell.contains('P')).map(|(ground, _)| ground));
                    writeln!(text, "{:<78}{letters}", format!("{kind}: {from} > {to}: {category}: {name}")).unwrap();
                }
            }
        }
    }
    for (from, to) in AUTHORITIES.iter().flat_map(|from| AUTHORITIES.iter().map(move |to| (*from, *to))).filter(|way| !directions.contains(way)) {
        writeln!(text, "{from} > {to}: no kind of referral goes this way").unwrap();
    }
    assert_eq!(categories.len(), Category::ALL.len(), "every category stands in some kind of referral");
    assert_eq!(used.len(), grounds(&table).len(), "every ground carries something");
    insta::assert_snapshot!(text);
}

#[test]
fn her_safe_contact_never_rides_on_a_child_report() {
    let table = table();
    let ground: GroundCode = "DUTY_CHILD_REPORT".parse().unwrap();
    let direction = Direction { from: AgencyKind::Police, to: AgencyKind::SocialBoard, kind: ReferralKind::ChildConcern };
    for interest in [Interest::Person(PersonId(id(3))), Interest::Investigation] {
        let referral = referral(direction, (Category::SafeContact, interest), &ground, ConsentState::Carries);
        assert!(gate::pass(&referral, &referral.sections[0], &table, Time::from_micros(START_US)).is_err());
    }
}

#[test]
fn the_same_facts_get_the_answer_of_their_day() {
    let table = table();
    let ground: GroundCode = "DUTY_CHILD_REPORT".parse().unwrap();
    let direction = Direction { from: AgencyKind::Police, to: AgencyKind::SocialBoard, kind: ReferralKind::ChildConcern };
    let cell = (Category::Concern, Interest::Investigation);
    let before = Time::from_micros(1_768_348_800_000_000); // 2026-01-14
    let after = Time::from_micros(1_768_435_200_000_000); // 2026-01-15
    assert_eq!((before.date().as_str(), after.date().as_str()), ("2026-01-14", "2026-01-15"));
    assert_eq!(table.lawful(&ground, direction, cell, before).err(), Some(Unlawful::NotInForce));
    assert!(table.lawful(&ground, direction, cell, after).is_ok());
}
