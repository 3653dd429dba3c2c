//! Edges of the rules that generated histories seldom reach: long receipts, claims and agencies that change under a key, leaders, clocks.

use std::collections::BTreeSet;
use std::sync::Arc;

use brygga_domain::command::*;
use brygga_domain::event::{Officer, PersonName};
use brygga_domain::grounds::Answers;
use brygga_domain::*;
use brygga_engine::batch::{Committed, Reply};
use brygga_engine::projection;
use brygga_engine::rows::{Blob, ExcludedRow};
use brygga_engine::store::{After, Reader as _};
use brygga_store::{MemoryDatabase, MemoryStore};
use brygga_tests::directory::{self, START_US};
use brygga_tests::fold::Driver;
use brygga_wire::limits::{CONSENTS_MAX, DECISIONS_MAX};

const POLICE: &str = "vasterort-polis";
const BOARD: &str = "solna-soc";
const KLARA: u8 = 1;
const SARA: u8 = 2;
const MONA: u8 = 3;

/// A world whose commands are folded one by one.
struct World {
    database: MemoryDatabase,
    driver: Driver<MemoryStore>,
    drawn: u32,
}

impl World {
    async fn begin() -> Self {
        let database = MemoryDatabase::default();
        let mut driver = Driver::new(database.store());
        driver.begin().await;
        Self { database, driver, drawn: 0 }
    }

    fn command(&mut self, agency: &str, officer: u8, action: Action) -> Command {
        self.drawn += 1;
        // No draw of the log's beginning ends in these bytes.
        let mut drawn = [0xe5; 32];
        drawn[..4].copy_from_slice(&self.drawn.to_be_bytes());
        let entropy = Entropy::new(drawn);
        let officer = Officer { pseudonym: OfficerPseudonym([officer; 16]), proof: OfficerProof::Asserted };
        let request = RequestId(entropy.uuid("request", 0));
        Command { agency: agency.parse().unwrap(), officer: Some(officer), request, digest: Digest(drawn), entropy, action }
    }

    async fn ask(&mut self, command: &Command) -> Reply {
        self.driver.batch(std::slice::from_ref(command), now()).await.unwrap().remove(0)
    }

    async fn does(&mut self, agency: &str, officer: u8, action: Action) -> Committed {
        let command = self.command(agency, officer, action);
        self.ask(&command).await.unwrap()
    }

    async fn refuses(&mut self, agency: &str, officer: u8, action: Action) -> Reason {
        let command = self.command(agency, officer, action);
        self.ask(&command).await.unwrap_err().reason
    }

    /// A referral of so many sections, each cleared by an act of its own, and its name.
    async fn submitted(&mut self, sections: usize) -> ReferralName {
        let submission = cleared_one_by_one(sections);
        name(&self.does(POLICE, KLARA, Action::SubmitReferral(Box::new(submission))).await)
    }

    async fn size(&self) -> u64 {
        u64::try_from(self.database.reader().head().await.unwrap().size).unwrap()
    }
}

fn now() -> Time {
    Time::from_micros(START_US)
}

fn name(committed: &Committed) -> ReferralName {
    ReferralName::Id(committed.referral.as_ref().unwrap().id)
}

type Part = (Category, PersonName);

fn consent((category, person): &Part) -> NewConsent {
    let given_at = Time::from_micros(START_US - 1);
    NewConsent {
        person: *person,
        categories: vec![*category],
        recipient: "solna-rvc".parse().unwrap(),
        purpose: Purpose::Support,
        given_at,
        valid_until: given_at.plus_minutes(60),
        form: ConsentForm::Oral,
        language: None,
        interpreter: false,
        gdpr_basis: GdprBasis::PublicTask,
        given_by: if person.role == Role::Child { ConsentGiver::Custodian } else { ConsentGiver::Person },
        asked_by: None,
        interpreter_reference: None,
    }
}

fn act(section: u32, part: &Part) -> NewDecision {
    act_on((section, 1), part)
}

fn act_on((section, revision): (u32, u32), (_, person): &Part) -> NewDecision {
    let outcome = NewOutcome::Release { ground: "CONSENT".parse().unwrap(), consent: None, revision };
    let cell = NewCell { cell: NamedCell { section, person: Some(*person) }, outcome };
    NewDecision { cells: vec![cell], reasons: bytes::Bytes::from_static(b"made up"), ..NewDecision::default() }
}

/// As many sections, each with a consent and an act of its own.
fn cleared_one_by_one(sections: usize) -> Submission {
    let persons: Vec<PersonName> = (1..=4).map(|number| PersonName { role: Role::Victim, number }).collect();
    let categories = directory::table().kind(ReferralKind::ReportedOffence).unwrap().categories.clone();
    let parts: Vec<Part> = persons.iter().flat_map(|person| categories.iter().map(|category| (*category, *person))).take(sections).collect();
    assert_eq!(parts.len(), sections);
    let section = |(category, person): &Part| NewSection { category: *category, persons: vec![*person], investigation: false, content: bytes::Bytes::new() };
    Submission {
        kind: ReferralKind::ReportedOffence,
        recipient: "solna-rvc".parse().unwrap(),
        urgency: Urgency::Routine,
        thread: None,
        leader: None,
        reported_at: Some(Time::from_micros(START_US - 1)),
        offer: None,
        new_offer: None,
        sender_reference: None,
        assessments: Vec::new(),
        persons: persons.iter().map(|name| NewPerson { name: *name, lookup: None, protected_identity: ProtectedIdentity::NotProtected }).collect(),
        sections: parts.iter().map(section).collect(),
        consents: parts.iter().map(consent).collect(),
        decisions: (1..).zip(&parts).map(|(number, part)| act(number, part)).collect(),
        routing: Routing::default(),
        forwards: None,
        excluded: Vec::new(),
    }
}

#[tokio::test]
async fn the_receipt_of_the_longest_submission_proves_all_of_it() {
    let mut world = World::begin().await;
    let before = world.size().await;
    let mut submission = cleared_one_by_one(CONSENTS_MAX);
    // Each act releases one section and keeps another back, which makes two events.
    let mut acts = std::mem::take(&mut submission.decisions).into_iter();
    while let (Some(mut act), Some(other)) = (acts.next(), acts.next()) {
        let outcome = NewOutcome::Withhold { reason: WithholdReason::NotNeeded, nameable: false };
        act.cells.extend(other.cells.into_iter().map(|cell| NewCell { outcome: outcome.clone(), ..cell }));
        submission.decisions.push(act);
    }
    assert_eq!((submission.consents.len(), submission.decisions.len()), (CONSENTS_MAX, DECISIONS_MAX));
    let committed = world.does(POLICE, KLARA, Action::SubmitReferral(Box::new(submission))).await;
    let written: Vec<u64> = (before..world.size().await).collect();
    assert_eq!(committed.positions.iter().map(|at| at.0).collect::<Vec<_>>(), written);
}

#[tokio::test]
async fn a_new_revision_leaves_before_what_has_left_already() {
    let mut world = World::begin().await;
    // Each section rests on two events of its own, so no receipt proves them all.
    let last = 35;
    let name = world.submitted(last).await;
    let first = world.does(BOARD, SARA, Action::OpenReferral(name)).await.released;
    let rest = world.does(BOARD, SARA, Action::OpenReferral(name)).await.released;
    let number = u32::try_from(last).unwrap();
    assert!(first.len() < last && !first.contains(&(number, 1)) && rest.contains(&(number, 1)));
    let (category, person) = (*directory::table().kind(ReferralKind::ReportedOffence).unwrap().categories.get(4).unwrap(), victim(4));
    let content = NewContent { section: number, category, content: bytes::Bytes::from_static(b"other"), told: Told::default() };
    world.does(POLICE, KLARA, Action::AmendReferral(name, vec![content], None)).await;
    world.does(POLICE, KLARA, Action::DecideClearance(name, act_on((number, 2), &(category, person)))).await;
    let renewed = world.does(BOARD, SARA, Action::OpenReferral(name)).await.released;
    assert!(renewed.contains(&(number, 2)), "{renewed:?}");
}

fn victim(number: u8) -> PersonName {
    PersonName { role: Role::Victim, number: number.into() }
}

#[tokio::test]
async fn an_agency_that_takes_part_no_longer_gets_nothing_new_and_nothing_again() {
    let mut world = World::begin().await;
    let name = world.submitted(1).await;
    let opening = world.command(BOARD, SARA, Action::OpenReferral(name));
    world.ask(&opening).await.unwrap();
    let board = world.driver.law.directory.agency(&BOARD.parse().unwrap()).unwrap().clone();
    let without = Agency { agreement_at: None, ..board };
    world.does("brygga", KLARA, Action::RegisterAgency(without, Digest([1; 32]))).await;
    assert_eq!(world.refuses(BOARD, SARA, Action::OpenReferral(name)).await, Reason::AgencyNotActive);
    assert_eq!(world.ask(&opening).await.unwrap_err().reason, Reason::AgencyNotActive);
}

#[tokio::test]
async fn a_repeated_opening_is_refused_once_another_officer_has_taken_over() {
    let mut world = World::begin().await;
    let name = world.submitted(1).await;
    let opening = world.command(BOARD, SARA, Action::OpenReferral(name));
    world.ask(&opening).await.unwrap();
    assert!(world.ask(&opening).await.unwrap().replayed);
    world.does(BOARD, MONA, Action::ClaimReferral { referral: name, takeover: false }).await;
    assert_eq!(world.ask(&opening).await.unwrap_err().reason, Reason::ClaimedByAnother);
    world.does(BOARD, SARA, Action::ClaimReferral { referral: name, takeover: true }).await;
    assert!(world.ask(&opening).await.unwrap().replayed);
}

#[tokio::test]
async fn a_consent_says_who_gave_it_who_asked_and_keeps_the_interpreter_sealed() {
    let mut world = World::begin().await;
    let victim = PersonName { role: Role::Victim, number: 1 };
    let given = |by| NewConsent {
        given_by: by,
        asked_by: Some(OfficerPseudonym([MONA; 16])),
        interpreter: true,
        interpreter_reference: Some(bytes::Bytes::from_static(b"tolk-7")),
        ..consent(&(Category::VictimIdentity, victim))
    };
    let name = world.submitted(1).await;
    let committed = world.does(POLICE, KLARA, Action::RecordConsent(name, given(ConsentGiver::Person))).await;
    let at = i64::try_from(committed.positions[0].0).unwrap();
    let mut reader = world.database.reader();
    let event = brygga_journal::decode(&reader.events(at, at + 1).await.unwrap()[0].bytes.0).unwrap();
    let Fact::ConsentRecorded(recorded) = event.fact else { panic!("a consent") };
    assert_eq!((recorded.given_by, recorded.asked_by), (ConsentGiver::Person, Some(OfficerPseudonym([MONA; 16]))));
    let sealed = &reader.openings(at).await.unwrap()[0];
    assert_eq!((sealed.field.as_str(), sealed.value.0.as_slice()), ("interpreter", b"tolk-7".as_slice()));
    let salt = sealed.salt.0.as_slice().try_into().unwrap();
    assert_eq!(recorded.interpreter_reference, Some(entropy::commit(&salt, &sealed.value.0)));

    let child = PersonName { role: Role::Child, number: 1 };
    let mut submission = cleared_one_by_one(1);
    submission.persons.push(NewPerson { name: child, lookup: None, protected_identity: ProtectedIdentity::NotProtected });
    let with_child = self::name(&world.does(POLICE, KLARA, Action::SubmitReferral(Box::new(submission))).await);
    let of_child = |by| Action::RecordConsent(with_child, NewConsent { person: child, ..given(by) });
    assert_eq!(world.refuses(POLICE, KLARA, of_child(ConsentGiver::Person)).await, Reason::CustodianMissing);
    world.does(POLICE, KLARA, of_child(ConsentGiver::CustodianAndChild)).await;
}

#[tokio::test]
async fn what_was_assessed_for_one_child_carries_no_other_concern() {
    let mut world = World::begin().await;
    let assessed = |byte| Action::SubmitReferral(Box::new(Submission { assessments: vec![LookupHash([byte; 32])], ..cleared_one_by_one(1) }));
    world.does(POLICE, KLARA, assessed(1)).await;
    assert_eq!(world.refuses(POLICE, KLARA, assessed(1)).await, Reason::RoutineConcern);
    world.does(POLICE, KLARA, assessed(2)).await;
    // Nor another child's of the same report.
    let twice = Submission { assessments: vec![LookupHash([3; 32]); 2], ..cleared_one_by_one(1) };
    assert_eq!(world.refuses(POLICE, KLARA, Action::SubmitReferral(Box::new(twice))).await, Reason::RoutineConcern);
}

#[tokio::test]
async fn only_an_agency_that_can_hold_an_investigation_leads_it() {
    let mut world = World::begin().await;
    let led_by = |leader: &str| {
        let submission = Submission { leader: Some(leader.parse().unwrap()), ..cleared_one_by_one(1) };
        Action::SubmitReferral(Box::new(submission))
    };
    for leader in [BOARD, "ekero-soc", "ivo"] {
        assert_eq!(world.refuses(POLICE, KLARA, led_by(leader)).await, Reason::WrongRole, "{leader}");
    }
    let prosecution = world.driver.law.directory.agency(&"vasterort-aklagare".parse().unwrap()).unwrap().clone();
    world.does(POLICE, KLARA, led_by("vasterort-aklagare")).await;
    world.does("brygga", KLARA, Action::RegisterAgency(Agency { agreement_at: None, ..prosecution }, Digest([1; 32]))).await;
    assert_eq!(world.refuses(POLICE, KLARA, led_by("vasterort-aklagare")).await, Reason::AgencyNotActive);
}

#[tokio::test]
async fn the_first_contact_stops_the_clock_and_a_later_one_does_not_move_it() {
    let mut world = World::begin().await;
    let name = world.submitted(1).await;
    world.does(BOARD, SARA, Action::OpenReferral(name)).await;
    world.does(BOARD, SARA, Action::AcceptReferral(name)).await;
    let first = Time::from_micros(START_US - 1);
    let reached = |at| NewContact { outcome: ContactOutcome::Reached, at, channel: Some(SafeChannel::Meeting), interpreter: false, next_try_at: None };
    for at in [first, now()] {
        let committed = world.does(BOARD, SARA, Action::RecordContact(name, reached(at))).await;
        assert_eq!(committed.referral.as_ref().map(Arc::as_ref).and_then(|referral| referral.contacted_at), Some(first));
    }
}

/// The sections that the decisions of a receipt speak of, and those that its confirmations do.
async fn told(world: &World, receipt: &Committed) -> (BTreeSet<u32>, BTreeSet<u32>) {
    let (mut decided, mut confirmed) = (BTreeSet::new(), BTreeSet::new());
    for position in &receipt.positions {
        let at = i64::try_from(position.0).unwrap();
        let row = world.database.reader().events(at, at + 1).await.unwrap().remove(0);
        match brygga_journal::decode(&row.bytes.0).unwrap().fact {
            Fact::ClearanceDecided(decision) => decided.extend(decision.cells.iter().map(|decided| decided.cell.section)),
            Fact::ClearanceConfirmed(second) => confirmed.extend(second.cells.iter().map(|word| word.cell.section)),
            _ => {}
        }
    }
    (decided, confirmed)
}

#[tokio::test]
async fn no_receipt_of_a_recipient_tells_of_what_was_kept_back() {
    let mut world = World::begin().await;
    let submission = Submission { decisions: Vec::new(), ..cleared_one_by_one(3) };
    let parts: Vec<NamedCell> = (1..).zip(&submission.sections).map(|(section, new)| NamedCell { section, person: Some(new.persons[0]) }).collect();
    let withheld = NewOutcome::Withhold { reason: WithholdReason::HarmNotExcluded, nameable: false };
    let clause = || NewOutcome::Release { ground: "GENERAL_CLAUSE".parse().unwrap(), consent: None, revision: 1 };
    let of = |outcomes: Vec<(usize, NewOutcome)>| outcomes.into_iter().map(|(part, outcome)| NewCell { cell: parts[part], outcome }).collect();
    let cells = of(vec![(0, clause()), (1, withheld.clone()), (2, clause())]);
    let asserted = [FactCode::BalanceObvious, FactCode::NotContraryToStatute].into();
    let answers = Answers { asserted, ..Answers::default() };
    let decision = NewDecision { cells, answers, reasons: bytes::Bytes::from_static(b"made up"), ..NewDecision::default() };
    let name = name(&world.does(POLICE, KLARA, Action::SubmitReferral(Box::new(submission))).await);
    let second = NewDecision { cells: of(vec![(0, clause()), (2, withheld)]), ..decision.clone() };
    world.does(POLICE, KLARA, Action::DecideClearance(name, decision)).await;
    world.does(POLICE, MONA, Action::ConfirmClearance(name, second, None)).await;
    let opened = world.does(BOARD, SARA, Action::OpenReferral(name)).await;
    assert_eq!(opened.released, [(1, 1)]);
    let (decided, confirmed) = told(&world, &opened).await;
    // Section 3 might still have left when it was decided; that the second officer differed is not told.
    assert_eq!((decided, confirmed), ([1, 3].into(), [1].into()));
}

fn without(agency: &str, officer: u8) -> Excluded {
    Excluded::Officer(agency.parse().unwrap(), OfficerPseudonym([officer; 16]))
}

#[tokio::test]
async fn to_an_excluded_officer_a_referral_is_not_there_and_the_log_holds_a_commitment_only() {
    let mut world = World::begin().await;
    let unit = Excluded::Function("solna-mottagning".parse().unwrap());
    let submission = Submission { excluded: vec![without(BOARD, SARA), without(POLICE, MONA), unit.clone()], ..cleared_one_by_one(1) };
    let first = world.size().await;
    let name = name(&world.does(POLICE, KLARA, Action::SubmitReferral(Box::new(submission.clone()))).await);
    let at = i64::try_from(first).unwrap();
    let mut reader = world.database.reader();
    let event = brygga_journal::decode(&reader.events(at, at + 1).await.unwrap()[0].bytes.0).unwrap();
    let Fact::ReferralSubmitted(recorded) = event.fact else { panic!("a submission") };
    let sealed = &reader.openings(at).await.unwrap()[0];
    assert_eq!(sealed.field, "excluded");
    assert_eq!(recorded.excluded, Some(entropy::commit(&sealed.salt.0.as_slice().try_into().unwrap(), &sealed.value.0)));
    let text = format!("officer solna-soc {}\nofficer vasterort-polis {}\nfunction solna-mottagning", "02".repeat(16), "03".repeat(16));
    assert_eq!(String::from_utf8(sealed.value.0.clone()).unwrap(), text);

    let size = world.size().await;
    let claim = || Action::ClaimReferral { referral: name, takeover: false };
    for action in [Action::OpenReferral(name), claim(), Action::AcceptReferral(name), Action::AcknowledgeDelivery(name, Position(1))] {
        assert_eq!(world.refuses(BOARD, SARA, action).await, Reason::NotFound);
    }
    let part = (Category::VictimIdentity, victim(1));
    for action in [
        Action::RecordConsent(name, consent(&part)),
        Action::DecideClearance(name, act(1, &part)),
        Action::RetractReferral(name, RetractReason::Wrong),
        Action::AmendReferral(name, Vec::new(), Some(Vec::new())),
    ] {
        assert_eq!(world.refuses(POLICE, MONA, action).await, Reason::NotFound);
    }
    assert_eq!(world.size().await, size, "not even a refusal is logged of what is not there");
    // The same pseudonym at another agency is somebody else.
    world.does(POLICE, SARA, Action::RecordConsent(name, consent(&part))).await;

    // An opening that was answered is not repeated to whoever is excluded since.
    let opening = world.command(BOARD, MONA, Action::OpenReferral(name));
    world.ask(&opening).await.unwrap();
    assert!(world.ask(&opening).await.unwrap().replayed);
    world.does(POLICE, KLARA, Action::AmendReferral(name, Vec::new(), Some(vec![without(BOARD, MONA)]))).await;
    assert_eq!(world.ask(&opening).await.unwrap_err().reason, Reason::NotFound);
    assert_eq!(world.refuses(BOARD, MONA, Action::OpenReferral(name)).await, Reason::NotFound);
    world.does(BOARD, SARA, Action::OpenReferral(name)).await;
    world.does(POLICE, KLARA, Action::AmendReferral(name, Vec::new(), Some(Vec::new()))).await;
    assert!(world.ask(&opening).await.unwrap().replayed);

    // Whom the first referral excludes is excluded, whatever a broker that knows of no such list has made of the other one.
    let mut rows = reader.all_referrals(After { after: -1, limit: 1 }).await.unwrap().remove(0);
    assert!(rows.excluded.is_empty());
    rows.inherited.push(ExcludedRow { name: BOARD.into(), officer: Some(Blob::from([MONA; 16])) });
    assert!(projection::referral(&rows).unwrap().excludes_officer(&BOARD.parse().unwrap(), OfficerPseudonym([MONA; 16])));
}

#[tokio::test]
async fn an_excluded_unit_is_no_recipient_and_whoever_is_named_takes_part() {
    let mut world = World::begin().await;
    let excluding = |one: Excluded| Action::SubmitReferral(Box::new(Submission { excluded: vec![one], ..cleared_one_by_one(1) }));
    let unit = |id: &str| Excluded::Function(id.parse().unwrap());
    assert_eq!(world.refuses(POLICE, KLARA, excluding(unit("solna-rvc"))).await, Reason::RecipientExcluded);
    assert_eq!(world.refuses(POLICE, KLARA, excluding(unit("ingen-funktion"))).await, Reason::UnknownFunction);
    assert_eq!(world.refuses(POLICE, KLARA, excluding(without("ingen-myndighet", SARA))).await, Reason::UnknownAgency);
    let name = world.submitted(1).await;
    let amend = |one: Excluded| Action::AmendReferral(name, Vec::new(), Some(vec![one]));
    assert_eq!(world.refuses(POLICE, KLARA, amend(unit("solna-rvc"))).await, Reason::RecipientExcluded);
    world.does(POLICE, KLARA, amend(unit("solna-mottagning"))).await;
}

#[tokio::test]
async fn a_referral_holds_no_more_than_its_maxima() {
    let mut world = World::begin().await;
    let part = (Category::VictimIdentity, PersonName { role: Role::Victim, number: 1 });
    let held = {
        let submission = Submission { consents: Vec::new(), decisions: Vec::new(), ..cleared_one_by_one(1) };
        name(&world.does(POLICE, KLARA, Action::SubmitReferral(Box::new(submission))).await)
    };
    let category = cleared_one_by_one(1).sections[0].category;
    for _ in 0..referral::CONSENTS_MAX {
        world.does(POLICE, KLARA, Action::RecordConsent(held, consent(&part))).await;
    }
    assert_eq!(world.refuses(POLICE, KLARA, Action::RecordConsent(held, consent(&part))).await, Reason::ReferralFull);
    let amend = || Action::AmendReferral(held, vec![NewContent { section: 1, category, content: bytes::Bytes::new(), told: Told::default() }], None);
    for _ in 1..referral::REVISIONS_MAX {
        world.does(POLICE, KLARA, amend()).await;
    }
    assert_eq!(world.refuses(POLICE, KLARA, amend()).await, Reason::ReferralFull);
    // One of no hours is over at once, and so the next may follow.
    let told = || Action::DeclareEmergency(held, NewEmergency { hours: 0, telephoned_at: Some(now()), reasons: bytes::Bytes::from_static(b"made up") });
    let mut consents = Vec::new();
    for _ in 0..referral::TELEPHONE_NOTES_MAX {
        consents = world.does(POLICE, KLARA, told()).await.referral.unwrap().consents.clone();
    }
    assert_eq!(world.refuses(POLICE, KLARA, told()).await, Reason::ReferralFull);
    // Notes never stand in the way of what is at stake.
    let glass = NewEmergency { hours: 4, telephoned_at: None, reasons: bytes::Bytes::from_static(b"made up") };
    world.does(POLICE, KLARA, Action::DeclareEmergency(held, glass)).await;
    // What protects her has no such bound: every consent can still be withdrawn.
    assert_eq!(consents.len(), referral::CONSENTS_MAX);
    for consent in consents {
        world.does(POLICE, KLARA, Action::WithdrawConsent(held, consent.given.consent)).await;
    }
}

#[tokio::test]
async fn a_sender_is_told_of_an_arrival_once_for_each_revision() {
    let mut world = World::begin().await;
    let held = world.submitted(1).await;
    let category = cleared_one_by_one(1).sections[0].category;
    let arrived = async |world: &mut World| {
        let open = world.does(BOARD, SARA, Action::OpenReferral(held)).await;
        let release = open.referral.unwrap().sections[0].released.unwrap().at;
        world.does(BOARD, SARA, Action::AcknowledgeDelivery(held, release)).await;
        world.does(BOARD, SARA, Action::AcknowledgeDelivery(held, release)).await;
        let told = world.database.reader().statuses(POLICE, After { after: -1, limit: 100 }).await.unwrap();
        told.iter().filter(|row| row.status == SenderStatus::Delivered.as_str()).count()
    };
    assert_eq!(arrived(&mut world).await, 1);
    assert_eq!(arrived(&mut world).await, 1, "how often the recipient reads is not the sender's to know");
    let part = (category, PersonName { role: Role::Victim, number: 1 });
    world
        .does(POLICE, KLARA, Action::AmendReferral(held, vec![NewContent { section: 1, category, content: bytes::Bytes::new(), told: Told::default() }], None))
        .await;
    world.does(POLICE, KLARA, Action::DecideClearance(held, act_on((1, 2), &part))).await;
    assert_eq!(arrived(&mut world).await, 2);
}
