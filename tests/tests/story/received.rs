//! Random referrals over the wire: what a recipient receives is exactly the set of sections that the journal says were released, and
//! every one of them rests on a clearance of each of its own protected interests.

use std::collections::{BTreeMap, BTreeSet};

use brygga_client::v1;
use brygga_domain::codes::FactCode;
use brygga_domain::event::{Event, Fact, Interest, Outcome, Submitted};
use brygga_domain::gate::ReleasedSection;
use brygga_domain::{Category, Code as _, Position, ReferralId, ReferralKind, WithholdReason};
use brygga_tests::desk::Desk;
use brygga_tests::load::{Random, setting};
use brygga_tests::made_up::{CONTACT_REQUEST, answers, consent, content_of, release, section, withhold};
use bytes::Bytes;

/// Random referrals of one run; `REFERRALS=` sets another number and `SEED=` repeats a run.
const REFERRALS: u64 = 300;
const SENDER: &str = "vasterort-polis/klara";
const RECIPIENT: &str = "solna-soc/sara";
const PERSONS: [&str; 3] = ["victim-1", "child-1", "suspect-1"];
const CATEGORIES: [Category; 6] =
    [Category::VictimIdentity, Category::SafeContact, Category::Interpreter, Category::OffenceHeading, Category::Suspect, Category::Offence];

/// What one recipient received: section, revision, and the bytes.
type Received = BTreeMap<(u32, u32), Bytes>;

/// A referral of random sections about random persons, with random consent and random decisions about some of its cells.
fn referral(random: &mut Random) -> v1::SubmitReferralRequest {
    let mut chance = |of: u64| random.within(1, of) == 1;
    let mut parts: Vec<(Category, Vec<&'static str>, bool)> = Vec::new();
    for category in CATEGORIES {
        if chance(4) {
            continue;
        }
        let mut persons: Vec<&'static str> = PERSONS.into_iter().filter(|_| chance(3)).collect();
        if persons.is_empty() {
            persons.push(PERSONS[0]);
        }
        parts.push((category, persons, chance(3)));
    }
    if parts.is_empty() {
        parts.push((CATEGORIES[0], vec![PERSONS[0]], false));
    }
    let waived: Vec<Category> = CATEGORIES.into_iter().filter(|_| !chance(4)).collect();
    let mut cells = Vec::new();
    for (number, (category, persons, investigation)) in (1_u32..).zip(&parts) {
        for interest in persons.iter().copied().chain(investigation.then_some("investigation")) {
            match (chance(8), chance(8)) {
                (true, _) => {}
                (false, true) => cells.push(withhold(number, interest, WithholdReason::HarmNotExcluded)),
                (false, false) if interest == PERSONS[0] && waived.contains(category) => cells.push(release(number, interest, "CONSENT")),
                (false, false) => cells.push(release(number, interest, "NO_HARM")),
            }
        }
    }
    let decision = v1::Decision { cells, answers: Some(answers(&[FactCode::HarmExcluded])), reasons: String::from("made-up reasons"), ..Default::default() };
    let sections = parts.iter().map(|(category, persons, investigation)| v1::Section {
        persons: persons.iter().map(|name| (*name).to_owned()).collect(),
        ..section((*category, &[], *investigation))
    });
    v1::SubmitReferralRequest {
        kind: ReferralKind::ReportedOffence.number(),
        persons: PERSONS.map(|name| v1::Person { name: name.to_owned(), ..Default::default() }).to_vec(),
        sections: sections.collect(),
        consents: if waived.is_empty() { Vec::new() } else { vec![consent(PERSONS[0], &waived, CONTACT_REQUEST.function)] },
        decisions: if decision.cells.is_empty() { Vec::new() } else { vec![decision] },
        ..CONTACT_REQUEST.submission()
    }
}

/// Opens, and takes down what came.
async fn open(desk: &Desk, id: &str, received: &mut Received) {
    let request = v1::OpenReferralRequest { referral: id.to_owned(), ..Default::default() };
    let Ok(answer) = desk.try_write(RECIPIENT, request).await else { return };
    for section in answer.response.sections {
        received.insert((section.number, section.revision), section.content);
    }
}

/// Whether every protected interest of a section was cleared by a decision that the release names.
fn rests_on_its_own(events: &[Event], submitted: &Submitted, released: &ReleasedSection) -> bool {
    let Some(section) = submitted.sections.iter().find(|section| section.content.section == released.section) else { return false };
    let interests = section.persons.iter().map(|person| Interest::Person(*person)).chain(section.investigation.then_some(Interest::Investigation));
    let clears = |at: &Position, interest: Interest| match &events[usize::try_from(at.0).unwrap()].fact {
        Fact::ClearanceDecided(decision) => decision.cells.iter().any(|decided| {
            let releases = matches!(decided.outcome, Outcome::Release { .. });
            releases && decided.cell.section == released.section && decided.cell.interest == interest
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
    for _ in 0..referrals {
        let request = referral(&mut random);
        let id = desk.write(SENDER, request.clone()).await.referral.unwrap().id;
        let mut received = Received::new();
        open(&desk, &id, &mut received).await;
        if random.within(1, 3) == 1 {
            let number = u32::try_from(random.within(1, u64::try_from(request.sections.len()).unwrap())).unwrap();
            let category = Category::from_number(request.sections[usize::try_from(number).unwrap() - 1].category).unwrap();
            let sections = vec![v1::AmendedSection { number, content: content_of(category, "second") }];
            desk.write(SENDER, v1::AmendReferralRequest { referral: id.clone(), sections, ..Default::default() }).await;
            open(&desk, &id, &mut received).await;
        }
        all.insert(id.parse().unwrap(), (request, received));
    }
    let events = desk.audited().await;
    let (mut held_back, mut let_go) = (0_usize, 0_usize);
    for (id, (request, received)) in &all {
        let submitted = events.iter().find_map(|event| match &event.fact {
            Fact::ReferralSubmitted(submitted) if submitted.referral == *id => Some(submitted),
            _ => None,
        });
        let mut released = BTreeSet::new();
        for event in &events {
            let Fact::SectionsReleased { referral, released: sections, .. } = &event.fact else { continue };
            for section in sections.sections().iter().filter(|_| referral == id) {
                assert!(rests_on_its_own(&events, submitted.unwrap(), section), "section {} of {id} rests on another's clearance", section.section);
                released.insert((section.section, section.revision));
            }
        }
        assert_eq!(received.keys().copied().collect::<BTreeSet<_>>(), released, "{id}");
        for ((number, revision), content) in received.iter().filter(|((_, revision), _)| *revision == 1) {
            assert_eq!(*content, request.sections[usize::try_from(*number).unwrap() - 1].content, "section {number}, revision {revision} of {id}");
        }
        let_go += received.len();
        held_back += request.sections.len().saturating_sub(received.len());
    }
    assert!(let_go > 0 && held_back > 0, "{let_go} sections were received and {held_back} were not: the run tries nothing");
    desk.finish().await;
}
