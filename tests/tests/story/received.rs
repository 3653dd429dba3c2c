//! Random referrals over the wire: what a recipient receives is exactly the set of sections that the journal says were released, and
//! every one of them rests on a clearance of each of its own protected interests.

use std::collections::{BTreeMap, BTreeSet};

use brygga_client::v1;
use brygga_domain::codes::FactCode;
use brygga_domain::event::{CellName, Confirmation, DecidedCell, Event, Fact, Interest, Outcome, Submitted};
use brygga_domain::gate::ReleasedSection;
use brygga_domain::{Category, Code as _, Position, ReferralId, ReferralKind, WithholdReason};
use brygga_tests::desk::Desk;
use brygga_tests::load::{Random, setting};
use brygga_tests::made_up::{CASE_HANDOVER, CONTACT_REQUEST, Case, answers, consent, content_of, release, section, withhold};
use brygga_tests::requests::in_view;
use bytes::Bytes;

/// Random referrals of one run; `REFERRALS=` sets another number and `SEED=` repeats a run.
const REFERRALS: u64 = 300;
const SENDER: &str = "vasterort-polis/klara";
const SECOND: &str = "vasterort-polis/olof";
const PERSONS: [&str; 3] = ["victim-1", "child-1", "suspect-1"];
/// The ways that they go: from whom to whom, the kind, and what goes that way.
const WAYS: [(&Case, ReferralKind, &[Category]); 2] = [
    (
        &CONTACT_REQUEST,
        ReferralKind::ReportedOffence,
        &[Category::VictimIdentity, Category::SafeContact, Category::Interpreter, Category::OffenceHeading, Category::Suspect, Category::Offence],
    ),
    (&CASE_HANDOVER, ReferralKind::CaseHandover, &[Category::VictimIdentity, Category::Interpreter, Category::Suspect, Category::Offence]),
];
/// What every decision asserts: it fulfils each ground that is tried.
const ASSERTED: [FactCode; 3] = [FactCode::HarmExcluded, FactCode::BalanceObvious, FactCode::NotContraryToStatute];

/// What one recipient received: section, revision, and the bytes.
type Received = BTreeMap<(u32, u32), Bytes>;

/// A referral of random sections about random persons, with random consent and random decisions about some of its cells.
fn referral(random: &mut Random, (case, kind, categories): (&Case, ReferralKind, &[Category])) -> v1::SubmitReferralRequest {
    let mut chance = |of: u64| random.within(1, of) == 1;
    let mut parts: Vec<(Category, Vec<&'static str>, bool)> = Vec::new();
    for category in categories.iter().copied() {
        if chance(4) {
            continue;
        }
        let mut persons: Vec<&'static str> = PERSONS.into_iter().filter(|_| chance(3)).collect();
        // What a section tells of somebody by its form has that person among its own.
        let told = match category {
            Category::Suspect => "suspect-1",
            _ if persons.is_empty() || category == Category::VictimIdentity => PERSONS[0],
            _ => persons[0],
        };
        if !persons.contains(&told) {
            persons.push(told);
        }
        parts.push((category, persons, chance(3)));
    }
    if parts.is_empty() {
        parts.push((categories[0], vec![PERSONS[0]], false));
    }
    let waived: Vec<Category> = categories.iter().copied().filter(|_| !chance(4)).collect();
    let mut cells = Vec::new();
    for (number, (category, persons, investigation)) in (1_u32..).zip(&parts) {
        for interest in persons.iter().copied().chain(investigation.then_some("investigation")) {
            match (chance(8), chance(8)) {
                (true, _) => {}
                (false, true) => cells.push(withhold(number, interest, WithholdReason::HarmNotExcluded)),
                (false, false) if interest == PERSONS[0] && waived.contains(category) => cells.push(release(number, interest, "CONSENT")),
                (false, false) if chance(6) => cells.push(release(number, interest, "GENERAL_CLAUSE")),
                (false, false) => cells.push(release(number, interest, "NO_HARM")),
            }
        }
    }
    let decision = decision(cells);
    let sections = parts.iter().map(|(category, persons, investigation)| v1::Section {
        persons: persons.iter().map(|name| (*name).to_owned()).collect(),
        ..section((*category, &[], *investigation))
    });
    v1::SubmitReferralRequest {
        kind: kind.number(),
        persons: PERSONS.map(|name| v1::Person { name: name.to_owned(), ..Default::default() }).to_vec(),
        sections: sections.collect(),
        consents: if waived.is_empty() { Vec::new() } else { vec![consent(PERSONS[0], &waived, case.function)] },
        decisions: if decision.cells.is_empty() { Vec::new() } else { vec![decision] },
        ..case.submission()
    }
}

fn decision(cells: Vec<v1::CellDecision>) -> v1::Decision {
    v1::Decision { cells, answers: Some(answers(&ASSERTED)), reasons: String::from("made-up reasons"), ..Default::default() }
}

/// The second officer's word on some of what waits for it: the same, or that it stays.
async fn second_word(desk: &Desk, id: &str, request: &v1::SubmitReferralRequest, random: &mut Random) {
    let decided = request.decisions.iter().flat_map(|decision| &decision.cells);
    let waits = |cell: &&v1::CellDecision| matches!(&cell.outcome, Some(v1::cell_decision::Outcome::Release(release)) if release.ground == "GENERAL_CLAUSE");
    let mut cells: Vec<v1::CellDecision> = decided.filter(waits).cloned().collect();
    cells.retain(|_| random.within(1, 4) > 1);
    for decided in &mut cells {
        let of = decided.cell.clone().unwrap();
        if random.within(1, 3) == 1 {
            *decided = withhold(of.section, &of.interest, WithholdReason::HarmNotExcluded);
        }
    }
    if !cells.is_empty() {
        desk.write(SECOND, v1::ConfirmClearanceRequest { referral: id.to_owned(), decision: Some(decision(cells)), ..Default::default() }).await;
    }
}

/// Opens, and takes down what came.
async fn open(desk: &Desk, recipient: &str, id: &str, received: &mut Received) {
    let request = v1::OpenReferralRequest { referral: id.to_owned(), ..Default::default() };
    let Ok(answer) = desk.try_write(recipient, request).await else { return };
    for section in answer.response.sections {
        received.insert((section.number, section.revision), section.content);
    }
}

/// Withdraws her consent, if there is one.
async fn withdraw(desk: &Desk, id: &str) {
    let asked = v1::ListConsentsRequest { referral: id.to_owned(), officer: String::from("klara"), ..Default::default() };
    for consent in desk.client(SENDER).list_consents(asked).await.unwrap().consents {
        desk.write(SENDER, v1::WithdrawConsentRequest { referral: id.to_owned(), consent_id: consent.id, ..Default::default() }).await;
    }
}

/// Decides on an amended section anew, for everybody whom it is about, because no harm follows.
async fn decide_anew(desk: &Desk, id: &str, number: u32, section: &v1::Section) {
    let interests = section.persons.iter().map(String::as_str).chain(section.investigation.then_some("investigation"));
    let cells = interests.map(|interest| release(number, interest, "NO_HARM")).collect();
    let decision = in_view(decision(cells), &desk.referral(SENDER, id).await.sections);
    desk.write(SENDER, v1::DecideClearanceRequest { referral: id.to_owned(), decision: Some(decision), ..Default::default() }).await;
}

/// Where the revision of a section came into the log.
fn brought(events: &[Event], referral: ReferralId, section: &ReleasedSection) -> Option<usize> {
    events.iter().position(|event| match &event.fact {
        Fact::ReferralSubmitted(submitted) => submitted.referral == referral && section.revision == 1,
        Fact::ReferralAmended { referral: of, sections, .. } => {
            *of == referral && sections.iter().any(|content| (content.section, content.revision) == (section.section, section.revision))
        }
        _ => false,
    })
}

/// Whether the consent at a position was withdrawn before another one.
fn was_withdrawn(events: &[Event], given: Position, before: usize) -> bool {
    let Fact::ConsentRecorded(given) = &events[usize::try_from(given.0).unwrap()].fact else { return true };
    events[..before].iter().any(|event| matches!(&event.fact, Fact::ConsentWithdrawn { consent, .. } if *consent == given.consent))
}

/// Whether an event is a second officer's word that agrees with a decision about a cell.
fn confirms(event: &Event, decision: Position, decided: &DecidedCell) -> bool {
    let Fact::ClearanceConfirmed(second) = &event.fact else { return false };
    let agrees = |word: &Confirmation| (word.decision, word.cell) == (decision, decided.cell) && word.outcome == decided.outcome;
    second.cells.iter().any(agrees)
}

/// Whether every protected interest of a section was cleared by a decision about that revision which the release names, on no consent that had
/// ended, and by a second officer, whose word the release names too, where one was due.
fn rests_on_its_own(events: &[Event], at: usize, submitted: &Submitted, released: &ReleasedSection) -> bool {
    let Some(since) = brought(&events[..at], submitted.referral, released) else { return false };
    let Some(section) = submitted.sections.iter().find(|section| section.content.section == released.section) else { return false };
    let interests = section.persons.iter().map(|person| Interest::Person(*person)).chain(section.investigation.then_some(Interest::Investigation));
    let clears = |decision: &Position, interest: Interest| match &events[usize::try_from(decision.0).unwrap()].fact {
        Fact::ClearanceDecided(said) if decision.0 > u64::try_from(since).unwrap() => said.cells.iter().any(|decided| {
            let Outcome::Release { consent, .. } = &decided.outcome else { return false };
            let confirmed = || released.basis.iter().any(|word| confirms(&events[usize::try_from(word.0).unwrap()], *decision, decided));
            consent.is_none_or(|given| !was_withdrawn(events, given, at))
                && decided.cell == CellName { section: released.section, interest }
                && (!decided.second_officer || confirmed())
        }),
        _ => false,
    };
    interests.into_iter().all(|interest| released.basis.iter().any(|at| clears(at, interest)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_received_is_what_the_journal_released_and_each_section_rests_on_its_own_clearance() {
    let seed = setting("SEED", 20_261_126);
    let referrals = setting("REFERRALS", REFERRALS);
    eprintln!("SEED={seed} REFERRALS={referrals}");
    let mut random = Random(seed);
    let desk = Desk::start().await;
    let mut all: BTreeMap<ReferralId, (v1::SubmitReferralRequest, Received)> = BTreeMap::new();
    for number in 0..referrals {
        let way = WAYS[usize::from(number % 2 == 1)];
        let (request, recipient) = (referral(&mut random, way), way.0.recipient);
        let id = desk.write(SENDER, request.clone()).await.referral.unwrap().id;
        let mut received = Received::new();
        if random.within(1, 4) == 1 {
            withdraw(&desk, &id).await;
        }
        second_word(&desk, &id, &request, &mut random).await;
        open(&desk, recipient, &id, &mut received).await;
        if random.within(1, 3) == 1 {
            let number = u32::try_from(random.within(1, u64::try_from(request.sections.len()).unwrap())).unwrap();
            let category = Category::from_number(request.sections[usize::try_from(number).unwrap() - 1].category).unwrap();
            let sections = vec![v1::AmendedSection { number, content: content_of(category, "second") }];
            desk.write(SENDER, v1::AmendReferralRequest { referral: id.clone(), sections, ..Default::default() }).await;
            if random.within(1, 2) == 1 {
                decide_anew(&desk, &id, number, &request.sections[usize::try_from(number).unwrap() - 1]).await;
            }
            open(&desk, recipient, &id, &mut received).await;
        }
        all.insert(id.parse().unwrap(), (request, received));
    }
    let events = desk.audited().await;
    let (mut held_back, mut let_go, mut anew, mut by_two) = (0_usize, 0_usize, 0_usize, 0_usize);
    let is_second_word = |at: &Position| matches!(events[usize::try_from(at.0).unwrap()].fact, Fact::ClearanceConfirmed(_));
    for (id, (request, received)) in &all {
        let submitted = events.iter().find_map(|event| match &event.fact {
            Fact::ReferralSubmitted(submitted) if submitted.referral == *id => Some(submitted),
            _ => None,
        });
        let mut released = BTreeSet::new();
        for (at, event) in events.iter().enumerate() {
            let Fact::SectionsReleased { referral, released: sections, .. } = &event.fact else { continue };
            for section in sections.sections().iter().filter(|_| referral == id) {
                assert!(rests_on_its_own(&events, at, submitted.unwrap(), section), "section {} of {id} rests on another's clearance", section.section);
                released.insert((section.section, section.revision));
                by_two += usize::from(section.basis.iter().any(is_second_word));
            }
        }
        assert_eq!(received.keys().copied().collect::<BTreeSet<_>>(), released, "{id}");
        for ((number, revision), content) in received.iter().filter(|((_, revision), _)| *revision == 1) {
            assert_eq!(*content, request.sections[usize::try_from(*number).unwrap() - 1].content, "section {number}, revision {revision} of {id}");
        }
        let_go += received.len();
        anew += received.keys().filter(|(_, revision)| *revision > 1).count();
        held_back += request.sections.len().saturating_sub(received.len());
    }
    assert!(by_two > 0, "nothing left on two officers' word");
    assert!(let_go > 0 && held_back > 0 && anew > 0, "{let_go} sections were received, {anew} of them anew, and {held_back} were not: the run tries nothing");
    desk.finish().await;
}
