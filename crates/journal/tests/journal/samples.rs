//! One fixed event of each kind and more where a field may be absent: what the golden bytes are made of.
//!
//! The agencies are the made-up ones of the development world; every id and hash is a repeated byte.

use brygga_domain::Time;
use brygga_domain::codes::*;
use brygga_domain::event::*;
use brygga_domain::gate::{Released, ReleasedSection};
use brygga_domain::ids::*;
use brygga_journal::v1;
use uuid::Uuid;

const REPORTED_US: i64 = 1_790_000_000_000_000;
const HOUR_US: i64 = 3_600_000_000;

fn hours(after_report: i64) -> Time {
    Time::from_micros(REPORTED_US + after_report * HOUR_US)
}

fn uuid(byte: u8) -> Uuid {
    Uuid::from_bytes([byte; 16])
}

fn referral() -> ReferralId {
    ReferralId(uuid(0x11))
}

fn police() -> AgencyId {
    "vasterort-polis".parse().unwrap()
}

fn board() -> AgencyId {
    "solna-soc".parse().unwrap()
}

fn rvc() -> FunctionId {
    "solna-rvc".parse().unwrap()
}

fn victim() -> PersonId {
    PersonId(uuid(0x21))
}

fn child() -> PersonId {
    PersonId(uuid(0x22))
}

fn content(section: u32, revision: u32) -> SectionContent {
    SectionContent { section, revision, commitment: Commitment([0x40; 32]) }
}

fn cell(section: u32, interest: Interest) -> CellName {
    CellName { section, interest }
}

/// An event with every field of the envelope set.
pub fn event(fact: Fact) -> Event {
    Event {
        blinding: [0xb1; 32],
        id: EventId(uuid(0xe1)),
        time: hours(1),
        agency: police(),
        officer: Some(Officer { pseudonym: OfficerPseudonym([0x0f; 16]), proof: OfficerProof::Asserted }),
        previous: Some(Position(300)),
        fact,
    }
}

/// An event with nothing in the envelope that may be absent.
fn bare(fact: Fact) -> Event {
    Event { officer: None, previous: None, ..event(fact) }
}

/// All samples, in the order of the list of events.
pub fn all() -> Vec<Event> {
    [directory(), sending(), consents(), clearances(), in_emergencies(), receiving(), ends()].concat()
}

fn directory() -> Vec<Event> {
    vec![
        bare(Fact::LogStarted { origin: "brygga.example/dev".into() }),
        bare(Fact::AgencyRegistered { agency: board(), kind: AgencyKind::SocialBoard, entry: Digest([0x51; 32]) }),
        bare(Fact::FunctionRegistered { function: rvc(), host: board(), entry: Digest([0x52; 32]) }),
        bare(Fact::GroundTableActivated { table: TableHash([0x53; 32]), proposed_by: Some(OfficerPseudonym([0x54; 16])) }),
    ]
}

fn sending() -> Vec<Event> {
    let offer = Offer {
        id: OfferId(uuid(0x31)),
        result: OfferResult::Offered(OfferAnswer::Yes),
        language: Some("som".into()),
        interpreter: true,
        relationship: Some(Relationship::FormerCohabitant),
        district: Some("0180/bromma".into()),
        reported_at: hours(0),
    };
    let unmade = Offer {
        result: OfferResult::NotOffered(NotOfferedReason::NotSafeToAsk),
        language: None,
        interpreter: false,
        relationship: None,
        district: None,
        ..offer.clone()
    };
    let submitted = Submitted {
        referral: referral(),
        reference: Reference::from_random(0x12_3456_789a),
        thread: ThreadId(uuid(0x12)),
        kind: ReferralKind::ReportedOffence,
        from: AgencyKind::Police,
        to: AgencyKind::SocialBoard,
        recipient: rvc(),
        host: board(),
        leader: police(),
        urgency: Urgency::Urgent,
        reported_at: Some(hours(0)),
        contact_due_at: Some(hours(48)),
        offer: Some(OfferId(uuid(0x31))),
        persons: vec![
            Person { id: victim(), name: PersonName { role: Role::Victim, number: 1 }, protected_identity: ProtectedIdentity::ConfidentialityMarked },
            Person { id: child(), name: PersonName { role: Role::Child, number: 2 }, protected_identity: ProtectedIdentity::Unknown },
        ],
        sections: vec![
            SubmittedSection { content: content(1, 1), category: Category::SafeContact, persons: vec![victim()], investigation: false },
            SubmittedSection { content: content(2, 1), category: Category::Children, persons: vec![victim(), child()], investigation: true },
        ],
        residence_basis: Some(ResidenceBasis::KnownByAgency),
        forwarded_from: Some(ReferralId(uuid(0x13))),
        excluded: Some(Commitment([0x43; 32])),
    };
    let plain = Submitted {
        reported_at: None,
        contact_due_at: None,
        offer: None,
        persons: vec![],
        sections: vec![],
        residence_basis: None,
        forwarded_from: None,
        excluded: None,
        ..submitted.clone()
    };
    vec![
        bare(Fact::OfferRecorded(offer)),
        bare(Fact::OfferRecorded(unmade)),
        event(Fact::ReferralSubmitted(submitted)),
        bare(Fact::ReferralSubmitted(plain)),
        event(Fact::ReferralAmended { referral: referral(), sections: vec![content(2, 2)], excluded: None }),
        event(Fact::ReferralAmended { referral: referral(), sections: Vec::new(), excluded: Some(Commitment([0x44; 32])) }),
        event(Fact::ReferralRetracted { referral: referral(), reason: RetractReason::Misdirected }),
        event(Fact::RecallAcknowledged { referral: referral(), recall: Position(301) }),
    ]
}

fn consents() -> Vec<Event> {
    let given = ConsentGiven {
        referral: referral(),
        consent: ConsentId(uuid(0x61)),
        person: victim(),
        categories: vec![Category::VictimIdentity, Category::SafeContact],
        recipient: rvc(),
        purpose: Purpose::Support,
        given_at: hours(1),
        valid_until: hours(2_000),
        form: ConsentForm::Oral,
        language: Some("swe".into()),
        interpreter: true,
        gdpr_basis: GdprBasis::CrimeData,
        given_by: ConsentGiver::CustodianAndChild,
        asked_by: Some(OfficerPseudonym([0x41; 16])),
        interpreter_reference: Some(Commitment([0x42; 32])),
    };
    let sparse = ConsentGiven { given_by: ConsentGiver::Person, asked_by: None, interpreter_reference: None, ..given.clone() };
    let short = ConsentGiven { categories: vec![], language: None, interpreter: false, ..sparse };
    vec![
        event(Fact::ConsentRecorded(given)),
        event(Fact::ConsentRecorded(short)),
        event(Fact::ConsentWithdrawn { referral: referral(), consent: ConsentId(uuid(0x61)) }),
        bare(Fact::StopUseSent { referral: referral(), recipient: rvc(), sections: vec![1, 2], withdrawal: Position(305) }),
        event(Fact::StopUseAnswered { referral: referral(), notice: Position(306), answer: StopUseAnswer::Stopped }),
    ]
}

fn clearances() -> Vec<Event> {
    let on_consent = DecidedCell {
        cell: cell(1, Interest::Person(victim())),
        outcome: Outcome::Release { ground: "CONSENT".parse().unwrap(), consent: Some(Position(303)) },
        second_officer: false,
        standing_until: None,
        withdrawal: None,
    };
    let on_ground = DecidedCell {
        cell: cell(2, Interest::Investigation),
        outcome: Outcome::Release { ground: "GENERAL_CLAUSE".parse().unwrap(), consent: None },
        second_officer: true,
        standing_until: None,
        withdrawal: None,
    };
    let withheld = DecidedCell {
        cell: cell(2, Interest::Person(child())),
        outcome: Outcome::Withhold { reason: WithholdReason::HarmNotExcluded, nameable: true },
        second_officer: false,
        standing_until: None,
        withdrawal: None,
    };
    let decision = ClearanceDecision {
        referral: referral(),
        recipient: rvc(),
        table: TableHash([0x53; 32]),
        reasons: Commitment([0x41; 32]),
        cells: vec![on_consent, on_ground, withheld],
        template: None,
    };
    let mut templated = ClearanceDecision { template: Some(Digest([0x54; 32])), ..decision.clone() };
    templated.cells[0].standing_until = Some(hours(720));
    templated.cells[1].withdrawal = Some(Position(305));
    let released = Outcome::Release { ground: "GENERAL_CLAUSE".parse().unwrap(), consent: Some(Position(303)) };
    let agreed = Confirmation { cell: cell(2, Interest::Investigation), decision: Position(304), outcome: released, standing_until: None };
    let stays = Outcome::Withhold { reason: WithholdReason::NotNeeded, nameable: false };
    let differs = Confirmation { cell: cell(2, Interest::Person(child())), decision: Position(304), outcome: stays, standing_until: None };
    let second = SecondDecision { referral: referral(), table: TableHash([0x53; 32]), reasons: Commitment([0x44; 32]), cells: vec![agreed, differs] };
    let mut standing = second.clone();
    standing.cells[0].standing_until = Some(hours(700));
    let carried = CarriedCell { cell: cell(1, Interest::Person(victim())), revision: 2, decision: Position(304) };
    let carried = CarriedClearances {
        referral: referral(),
        cells: vec![carried, CarriedCell { cell: cell(2, Interest::Investigation), ..carried }],
        table: TableHash([0x43; 32]),
    };
    vec![
        event(Fact::ClearanceDecided(decision)),
        event(Fact::ClearanceDecided(templated)),
        event(Fact::ClearanceConfirmed(second)),
        event(Fact::ClearanceConfirmed(standing)),
        event(Fact::ClearanceCarried(carried)),
        event(Fact::ClearanceRevoked {
            referral: referral(),
            cells: vec![cell(1, Interest::Person(victim())), cell(2, Interest::Investigation)],
            table: TableHash([0x43; 32]),
        }),
    ]
}

fn in_emergencies() -> Vec<Event> {
    let declared = EmergencyDeclaration {
        referral: referral(),
        recipient: rvc(),
        expires_at: hours(24),
        review_due_at: hours(72),
        telephoned_at: None,
        reasons: Commitment([0x45; 32]),
    };
    let told = EmergencyDeclaration { expires_at: hours(3), telephoned_at: Some(hours(2)), ..declared.clone() };
    let review =
        EmergencyReview { referral: referral(), emergency: Position(305), verdict: EmergencyVerdict::PartlyJustified, reasons: Commitment([0x46; 32]) };
    vec![event(Fact::EmergencyDeclared(declared)), event(Fact::EmergencyDeclared(told)), event(Fact::EmergencyReviewed(review))]
}

fn receiving() -> Vec<Event> {
    let offered = |sections| OfferedSections { referral: referral(), recipient: rvc(), sections };
    let released = Released::read_back(vec![
        ReleasedSection { section: 1, revision: 1, commitment: Commitment([0x40; 32]), basis: vec![Position(303), Position(304)] },
        ReleasedSection { section: 2, revision: 2, commitment: Commitment([0x42; 32]), basis: vec![] },
    ]);
    vec![
        bare(Fact::ReferralOffered(offered(vec![1]))),
        bare(Fact::SectionsOffered(offered(vec![2, 300]))),
        bare(Fact::OfferWithdrawn { referral: referral(), recipient: rvc() }),
        event(Fact::ReferralClaimed { referral: referral(), takeover: true }),
        event(Fact::NameRevealed { referral: referral(), recipient: rvc(), sections: vec![1, 8] }),
        event(Fact::SectionsReleased { referral: referral(), recipient: rvc(), released }),
        event(Fact::DeliveryAcknowledged { referral: referral(), release: Position(310) }),
        event(Fact::ReferralAccepted { referral: referral() }),
        event(Fact::ReferralDeclined { referral: referral(), reason: DeclineReason::NoCapacity, duplicate_of: None }),
        event(Fact::ReferralDeclined { referral: referral(), reason: DeclineReason::Duplicate, duplicate_of: Some(ReferralId(uuid(0x14))) }),
        event(Fact::ReferralReturned { referral: referral(), reason: ReturnReason::Incomplete, missing: vec![Category::SafeContact], right_function: None }),
        event(Fact::ReferralReturned { referral: referral(), reason: ReturnReason::WrongBoard, missing: vec![], right_function: Some(rvc()) }),
    ]
}

fn ends() -> Vec<Event> {
    let reached = Contact {
        referral: referral(),
        outcome: ContactOutcome::Reached,
        at: hours(20),
        channel: Some(SafeChannel::Telephone),
        interpreter: true,
        next_try_at: None,
    };
    let tried = Contact { outcome: ContactOutcome::Attempted, channel: None, interpreter: false, next_try_at: Some(hours(24)), ..reached.clone() };
    let closing = Closing {
        referral: referral(),
        outcome: ClosingOutcome::Supported,
        phases: vec![SupportPhase::BeforeTrial, SupportPhase::AfterTrial],
        support: SupportKind::ALL.to_vec(),
    };
    let reminder =
        Reminder { referral: referral(), clock: ClockName::Contact, level: ClockLevel::Second, function: rvc(), due_at: hours(38), deadline: hours(48) };
    let told = Escalation { referral: referral(), clock: ClockName::Leave, function: Some(rvc()), deadline: hours(1), told: Some(SenderStatus::Telephone) };
    let alone = Escalation { clock: ClockName::Board, function: None, told: None, ..told.clone() };
    let name = |section, revision| ContentName { section, revision };
    let imported = Destruction { referral: referral(), contents: vec![name(1, 1), name(1, 2), name(3, 1)], cause: DestructionCause::ImportConfirmed };
    vec![
        event(Fact::ContactRecorded(reached)),
        event(Fact::ContactRecorded(tried)),
        event(Fact::ReferralClosed(closing)),
        bare(Fact::ReminderSent(reminder)),
        bare(Fact::Escalated(told)),
        bare(Fact::Escalated(alone)),
        event(Fact::ContentDestroyed(imported)),
        event(Fact::DisclosureRefused { referral: referral(), reason: "CONSENT_MISSING".into() }),
        event(Fact::LogQueried { query: "by_referral".into(), purpose: Commitment([0x43; 32]) }),
    ]
}

/// A short event as a message, for tests that spoil one thing of it.
pub fn message() -> v1::Event {
    let fact = Fact::ReferralClaimed { referral: referral(), takeover: true };
    prost::Message::decode(brygga_journal::encode(&event(fact))).unwrap()
}
