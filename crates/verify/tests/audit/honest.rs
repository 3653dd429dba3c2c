//! No false alarm: histories that `decide` made, whatever was asked of it, are verified.

use std::collections::BTreeMap;

use brygga_domain::command::{NewCell, NewContent, NewDecision, NewEmergency, NewOutcome, NewReturn, NewReview, Template, Told};
use brygga_domain::emergency::OwedWord;
use brygga_domain::event::{Confirmation, Event, Fact, Outcome};
use brygga_domain::referral::{CellState, Decision};
use brygga_domain::{
    Action, Category, ClosingOutcome, Code as _, DeclineReason, Digest, EmergencyVerdict, OfferAnswer, Position, Referral, ReferralId, ReferralKind,
    ReferralName, RetractReason, ReturnReason, Role, StopUseAnswer, Time,
};
use brygga_verify::Verdict;
use bytes::Bytes;

use crate::forge::audit_events;
use crate::story::{cell, closing, consent, contact, offer, question, release, section, submission};
use crate::world::{AGENCIES, World, agency};

/// Histories per run, unless `HISTORIES` says another number.
const HISTORIES: u64 = 300;

/// Commands per history.
const COMMANDS: usize = 140;

/// `SplitMix64`: a few lines, and the same numbers everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }

    fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// Mostly the victim, so that consents meet the cells that they are for.
const ROLES: [Role; 7] = [Role::Victim, Role::Victim, Role::Victim, Role::Victim, Role::Suspect, Role::Child, Role::Custodian];

const GROUNDS: [&str; 8] = ["CONSENT", "CONSENT", "CONSENT", "NO_HARM", "NECESSARY_OWN", "GENERAL_CLAUSE", "COMMITTED_CRIME_SERIOUS", "DUTY_CHILD_REPORT"];

/// A submission that has a fair chance of being taken.
fn a_submission(world: &World, random: &mut Random) -> (String, Action) {
    let table = brygga_domain::GroundTable::load(brygga_domain::grounds::SHIPPED).unwrap();
    let kind = random.one_of(ReferralKind::ALL);
    let rule = table.kind(kind).unwrap();
    let senders: Vec<&str> = AGENCIES.iter().filter(|(_, kind, _)| rule.from.contains(kind)).map(|(name, ..)| *name).collect();
    let recipients: Vec<&str> = AGENCIES.iter().filter(|(_, kind, _)| rule.to.contains(kind)).map(|(.., function)| *function).collect();
    let mut sections = Vec::new();
    for category in rule.categories.iter().take(1 + random.below(4)) {
        let mut roles = vec![random.one_of(&ROLES)];
        if random.chance(20) {
            roles.push(random.one_of(&ROLES));
        }
        sections.push(section(*category, &roles, random.chance(30)));
    }
    let mut submission = submission(world, kind, random.one_of(&recipients), sections);
    if random.chance(30) {
        submission.new_offer = Some(offer(world, random.one_of(OfferAnswer::ALL)));
    }
    if random.chance(30) {
        submission.leader = Some(agency("vasterort-aklagare"));
    }
    (random.one_of(&senders).to_owned(), Action::SubmitReferral(Box::new(submission)))
}

/// Something that a party of the referral might ask next.
fn a_command(world: &World, referral: &Referral, random: &mut Random) -> (String, Action) {
    let name = ReferralName::Id(referral.id);
    let (sender, leader, host) = (referral.sender.to_string(), referral.leader.to_string(), referral.host.to_string());
    let number = u32::try_from(1 + random.below(referral.sections.len() + 1)).unwrap();
    let role = random.chance(80).then(|| random.one_of(&ROLES));
    let unanswered = referral.notices.iter().find(|notice| notice.answer.is_none());
    if let Some(notice) = unanswered.filter(|_| random.chance(30)) {
        return (host, Action::AcknowledgeStopUse(name, notice.at, random.one_of(StopUseAnswer::ALL)));
    }
    match random.below(26) {
        0..=2 => {
            let categories: Vec<Category> = referral.sections.iter().filter(|_| random.chance(80)).map(|section| section.category).collect();
            let recipient = if random.chance(90) { referral.recipient.to_string() } else { String::from("solna-rvc") };
            let minutes = random.one_of(&[30, 600, 60 * 24 * 90]);
            (sender, Action::RecordConsent(name, consent(world, random.one_of(&ROLES), &categories, &recipient, minutes)))
        }
        3..=7 => decide(world, referral, random, name),
        8..=9 => confirm(world, referral, random, name),
        10 => (random.one_of(&[sender.as_str(), leader.as_str()]).to_owned(), Action::RevokeClearance(name, vec![cell(number, role)])),
        11 => amend(referral, random, name),
        12..=13 => (host, Action::ClaimReferral { referral: name, takeover: random.chance(50) }),
        14..=15 => (host, Action::OpenReferral(name)),
        16 => (host, if random.chance(50) { Action::OpenReferral(name) } else { Action::RevealNames(name) }),
        17 => {
            let release = referral.sections.iter().find_map(|section| section.released).map_or(Position(0), |release| release.at);
            if random.chance(25) { (host, Action::ConfirmImport(name, release)) } else { (host, Action::AcknowledgeDelivery(name, release)) }
        }
        18..=19 => (host, Action::AcceptReferral(name)),
        20 => answer(world, random, name, host),
        21 | 23 if random.chance(80) => withdraw(referral, random, name),
        22 => (host, Action::AcknowledgeRecall(name)),
        24..=25 => emergency(referral, random, name),
        _ if random.chance(20) => (sender, Action::RetractReferral(name, random.one_of(RetractReason::ALL))),
        _ => (host, Action::RecordContact(name, contact(world))),
    }
}

/// Until when a decision stands for later revisions, if it does.
fn standing(world: &World, random: &mut Random) -> Option<Time> {
    random.chance(50).then(|| world.now.plus_minutes(random.one_of(&[60, 60 * 24 * 90])))
}

/// Decides what is undecided, on whatever ground.
fn decide(world: &World, referral: &Referral, random: &mut Random, name: ReferralName) -> (String, Action) {
    let as_leader = random.chance(30);
    let by = if as_leader { &referral.leader } else { &referral.sender };
    let cells: Vec<(u32, Option<Role>)> = referral
        .cells()
        .map(|(cell, _)| match cell.interest {
            brygga_domain::event::Interest::Investigation => (cell.section, None),
            brygga_domain::event::Interest::Person(id) => (cell.section, referral.person_name(id).map(|name| name.role)),
        })
        .filter(|(_, role)| role.is_none() == as_leader || by == &referral.sender && referral.sender == referral.leader)
        .filter(|_| random.chance(60))
        .collect();
    let template = random.chance(20).then(|| Template { name: String::from("made up"), digest: Digest([9; 32]) });
    (
        by.to_string(),
        Action::DecideClearance(name, NewDecision { standing_until: standing(world, random), template, ..release(random.one_of(&GROUNDS), None, &cells) }),
    )
}

/// Gives a word that is owed on what left in an emergency, as a rule on the same ground.
fn owed(referral: &Referral, owed: &OwedWord, random: &mut Random, name: ReferralName) -> (String, Action) {
    let (by, role) = match owed.cell.interest {
        brygga_domain::event::Interest::Investigation => (&referral.leader, None),
        brygga_domain::event::Interest::Person(id) => (&referral.sender, referral.person_name(id).map(|name| name.role)),
    };
    let ground = if random.chance(85) { owed.ground.clone() } else { random.one_of(&GROUNDS).parse().unwrap() };
    let outcome = NewOutcome::Release { ground, consent: None, revision: owed.revision };
    let cells = vec![NewCell { cell: cell(owed.cell.section, role), outcome }];
    (by.to_string(), Action::ConfirmClearance(name, NewDecision { cells, ..release("NO_HARM", None, &[]) }, Some(owed.revision)))
}

/// Decides what waits for a second officer, as a rule on the same ground.
fn confirm(world: &World, referral: &Referral, random: &mut Random, name: ReferralName) -> (String, Action) {
    let first = |state: &CellState| match state {
        CellState::Decided(Decision { outcome: Outcome::Release { ground, .. }, second_officer: true, confirmed: None, .. }) => Some(ground.clone()),
        CellState::Undecided | CellState::Decided(_) => None,
    };
    if let Some(word) = referral.owed.first().filter(|_| random.chance(50)) {
        return owed(referral, word, random, name);
    }
    let mut by = &referral.sender;
    let mut cells = Vec::new();
    for (waiting, ground) in referral.cells().filter_map(|(waiting, cell)| Some((waiting, first(&cell.state)?))) {
        let role = match waiting.interest {
            brygga_domain::event::Interest::Investigation => None,
            brygga_domain::event::Interest::Person(id) => referral.person_name(id).map(|name| name.role),
        };
        if role.is_none() {
            by = &referral.leader;
        }
        let ground = if random.chance(85) { ground } else { random.one_of(&GROUNDS).parse().unwrap() };
        cells.push(NewCell { cell: cell(waiting.section, role), outcome: NewOutcome::Release { ground, consent: None, revision: 1 } });
    }
    (by.to_string(), Action::ConfirmClearance(name, NewDecision { cells, standing_until: standing(world, random), ..release("NO_HARM", None, &[]) }, None))
}

/// Breaks the glass, or reviews that it was broken.
fn emergency(referral: &Referral, random: &mut Random, name: ReferralName) -> (String, Action) {
    let unreviewed = referral.emergencies.iter().find(|emergency| emergency.review.is_none());
    let reasons = Bytes::from_static(b"made up");
    if let Some(emergency) = unreviewed.filter(|_| random.chance(60)) {
        let review = NewReview { emergency: emergency.at, verdict: random.one_of(EmergencyVerdict::ALL), reasons };
        return (emergency.agency.to_string(), Action::ReviewEmergency(name, review));
    }
    let by = random.one_of(&[&referral.sender, &referral.sender, &referral.leader]).to_string();
    let telephoned_at = random.chance(20).then_some(referral.submitted_at);
    (by, Action::DeclareEmergency(name, NewEmergency { hours: u32::try_from(random.below(26)).unwrap(), telephoned_at, reasons }))
}

fn amend(referral: &Referral, random: &mut Random, name: ReferralName) -> (String, Action) {
    let section = &referral.sections[random.below(referral.sections.len())];
    let content = NewContent { section: section.number, category: section.category, content: Bytes::from_static(b"other"), told: Told::default() };
    (referral.sender.to_string(), Action::AmendReferral(name, vec![content], None))
}

fn answer(world: &World, random: &mut Random, name: ReferralName, host: String) -> (String, Action) {
    let action = match random.below(8) {
        0 => Action::DeclineReferral(name, random.one_of(DeclineReason::ALL), None),
        1 => Action::ReturnReferral(name, NewReturn { reason: random.one_of(ReturnReason::ALL), missing: Vec::new(), right_function: None }),
        2..=4 => Action::CloseReferral(name, closing(random.one_of(ClosingOutcome::ALL))),
        _ => Action::RecordContact(name, contact(world)),
    };
    (host, action)
}

fn withdraw(referral: &Referral, random: &mut Random, name: ReferralName) -> (String, Action) {
    let by = random.one_of(&[&referral.sender, &referral.host]).to_string();
    let used = referral.cells().find_map(|(_, cell)| match &cell.state {
        CellState::Decided(Decision { outcome: Outcome::Release { consent, .. }, .. }) => *consent,
        CellState::Decided(_) | CellState::Undecided => None,
    });
    let used = used.filter(|_| referral.has_released() && random.chance(70));
    let any = referral.consents.get(random.below(referral.consents.len().max(1)));
    match referral.consents.iter().find(|consent| Some(consent.at) == used).or(any) {
        Some(consent) => (by, Action::WithdrawConsent(name, consent.given.consent)),
        None => (by, Action::OpenReferral(name)),
    }
}

fn a_history(seed: u64) -> World {
    let mut world = World::new(seed);
    let mut random = Random(seed);
    for _ in 0..COMMANDS {
        world.pass(u32::try_from(random.below(30)).unwrap());
        let ids: Vec<ReferralId> = world.referrals.keys().copied().collect();
        let officer = random.chance(95).then(|| 1 + u8::try_from(random.below(3)).unwrap());
        let (by, action, about) = match random.below(20) {
            0 => (String::from("vasterort-polis"), Action::RecordOffer(offer(&world, random.one_of(OfferAnswer::ALL))), None),
            1 => (String::from("ivo"), question(), None),
            _ if ids.is_empty() || (ids.len() < 5 && random.chance(6)) => {
                let (by, action) = a_submission(&world, &mut random);
                (by, action, None)
            }
            _ => {
                let id = random.one_of(&ids);
                let (by, action) = a_command(&world, &world.referrals[&id], &mut random);
                // Now and then somebody who has no part in it asks.
                let by = if random.chance(3) { random.one_of(&AGENCIES).0.to_owned() } else { by };
                (by, action, Some(id))
            }
        };
        // A refusal is as honest as an event.
        let _taken = world.give(&by, officer, action, about).is_ok();
    }
    world
}

#[test]
fn honest_histories_raise_no_alarm() {
    let number = |name: &str, otherwise: u64| std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"));
    let (first, histories) = (number("SEED", 20_261_123), number("HISTORIES", HISTORIES));
    eprintln!("SEED={first}");
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in first..first + histories {
        let world = a_history(seed);
        world.events.iter().for_each(|event| *seen.entry(event.fact.name()).or_default() += 1);
        *seen.entry("owed words").or_default() += owed_words(&world.events);
        let report = audit_events(&world.events);
        assert_eq!((report.verdict, &report.findings), (Verdict::Verified, &Vec::new()), "SEED={seed}");
    }
    // A history in which nothing happens raises no alarm either; these must not be such.
    eprintln!("{seen:?}");
    for name in EVERY_EVENT {
        assert!(seen.contains_key(name), "{name} never happened: {seen:?}");
    }
    assert!(seen["SectionsReleased"] >= histories, "{seen:?}");
    assert!(seen["owed words"] > 0, "{seen:?}");
}

/// Second words on sections that were amended between the decision and the word.
fn owed_words(events: &[Event]) -> u64 {
    let amended = |at: usize, word: &&Confirmation| {
        let between = &events[usize::try_from(word.decision.0).unwrap()..at];
        between.iter().any(|event| matches!(&event.fact, Fact::ReferralAmended { sections, .. } if sections.iter().any(|new| new.section == word.cell.section)))
    };
    let words = events.iter().enumerate().map(|(at, event)| {
        let Fact::ClearanceConfirmed(second) = &event.fact else { return 0 };
        second.cells.iter().filter(|word| amended(at, word)).count()
    });
    u64::try_from(words.sum::<usize>()).unwrap()
}

const EVERY_EVENT: [&str; 33] = [
    "LogStarted",
    "AgencyRegistered",
    "FunctionRegistered",
    "GroundTableActivated",
    "OfferRecorded",
    "ReferralSubmitted",
    "ReferralAmended",
    "ReferralRetracted",
    "RecallAcknowledged",
    "ConsentRecorded",
    "ConsentWithdrawn",
    "StopUseSent",
    "StopUseAnswered",
    "ClearanceDecided",
    "ClearanceConfirmed",
    "ClearanceRevoked",
    "ClearanceCarried",
    "EmergencyDeclared",
    "EmergencyReviewed",
    "ReferralOffered",
    "SectionsOffered",
    "OfferWithdrawn",
    "ReferralClaimed",
    "NameRevealed",
    "SectionsReleased",
    "DeliveryAcknowledged",
    "ReferralAccepted",
    "ReferralDeclined",
    "ReferralReturned",
    "ContactRecorded",
    "ReferralClosed",
    "ContentDestroyed",
    "LogQueried",
];
