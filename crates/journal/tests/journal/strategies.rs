//! Arbitrary events: every kind, every code, fields present and absent, texts of any script.

use brygga_domain::Time;
use brygga_domain::codes::Code;
use brygga_domain::event::*;
use brygga_domain::gate::{Released, ReleasedSection};
use brygga_domain::ids::*;
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;
use uuid::Uuid;

fn code<C: Code + std::fmt::Debug>() -> impl Strategy<Value = C> {
    select(C::ALL)
}

fn codes<C: Code + std::fmt::Debug>() -> impl Strategy<Value = Vec<C>> {
    vec(code(), 0..6)
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<[u8; 16]>().prop_map(Uuid::from_bytes)
}

fn referral() -> impl Strategy<Value = ReferralId> {
    uuid().prop_map(ReferralId)
}

fn person_id() -> impl Strategy<Value = PersonId> {
    uuid().prop_map(PersonId)
}

fn pseudonym() -> impl Strategy<Value = OfficerPseudonym> {
    any::<[u8; 16]>().prop_map(OfficerPseudonym)
}

fn hash() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

fn commitment() -> impl Strategy<Value = Commitment> {
    hash().prop_map(Commitment)
}

fn slug() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9-]{0,61}[a-z0-9]"
}

fn agency() -> impl Strategy<Value = AgencyId> {
    slug().prop_map(|text| text.parse().unwrap())
}

fn function() -> impl Strategy<Value = FunctionId> {
    slug().prop_map(|text| text.parse().unwrap())
}

fn position() -> impl Strategy<Value = Position> {
    any::<u64>().prop_map(Position)
}

fn time() -> impl Strategy<Value = Time> {
    any::<i64>().prop_map(Time::from_micros)
}

fn count() -> impl Strategy<Value = u32> {
    1..=u32::MAX
}

fn text() -> impl Strategy<Value = String> {
    any::<String>()
}

fn content() -> impl Strategy<Value = SectionContent> {
    (count(), count(), commitment()).prop_map(|(section, revision, commitment)| SectionContent { section, revision, commitment })
}

fn cell() -> impl Strategy<Value = CellName> {
    let interest = prop_oneof![person_id().prop_map(Interest::Person), Just(Interest::Investigation)];
    (count(), interest).prop_map(|(section, interest)| CellName { section, interest })
}

fn offer() -> impl Strategy<Value = Offer> {
    let result = prop_oneof![code().prop_map(OfferResult::Offered), code().prop_map(OfferResult::NotOffered)];
    let details = (option::of(text()), any::<bool>(), option::of(code()), option::of(text()));
    (uuid(), result, details, time()).prop_map(|(id, result, (language, interpreter, relationship, district), reported_at)| Offer {
        id: OfferId(id),
        result,
        language,
        interpreter,
        relationship,
        district,
        reported_at,
    })
}

fn person() -> impl Strategy<Value = Person> {
    (person_id(), code(), count(), code()).prop_map(|(id, role, number, protected_identity)| Person {
        id,
        name: PersonName { role, number },
        protected_identity,
    })
}

fn section() -> impl Strategy<Value = SubmittedSection> {
    (content(), code(), vec(person_id(), 0..4), any::<bool>()).prop_map(|(content, category, persons, investigation)| SubmittedSection {
        content,
        category,
        persons,
        investigation,
    })
}

fn submitted() -> impl Strategy<Value = Submitted> {
    let names = (referral(), any::<u64>(), uuid(), function(), agency(), agency());
    let codes = (code(), code(), code(), code());
    let times = (option::of(time()), option::of(time()), option::of(uuid().prop_map(OfferId)));
    let routes = (option::of(code()), option::of(referral()), option::of(commitment()));
    (names, codes, times, vec(person(), 0..4), vec(section(), 0..4), routes).prop_map(|(names, codes, times, persons, sections, routes)| Submitted {
        referral: names.0,
        reference: Reference::from_random(names.1),
        thread: ThreadId(names.2),
        kind: codes.0,
        from: codes.1,
        to: codes.2,
        recipient: names.3,
        host: names.4,
        leader: names.5,
        urgency: codes.3,
        reported_at: times.0,
        contact_due_at: times.1,
        offer: times.2,
        persons,
        sections,
        residence_basis: routes.0,
        forwarded_from: routes.1,
        excluded: routes.2,
    })
}

fn consent() -> impl Strategy<Value = ConsentGiven> {
    let names = (referral(), uuid(), person_id(), function());
    let details = (codes(), code(), code(), code(), option::of(text()), any::<bool>());
    let by = (code(), option::of(pseudonym()), option::of(commitment()));
    (names, details, by, time(), time()).prop_map(|(names, details, by, given_at, valid_until)| ConsentGiven {
        referral: names.0,
        consent: ConsentId(names.1),
        person: names.2,
        categories: details.0,
        recipient: names.3,
        purpose: details.1,
        given_at,
        valid_until,
        form: details.2,
        language: details.4,
        interpreter: details.5,
        gdpr_basis: details.3,
        given_by: by.0,
        asked_by: by.1,
        interpreter_reference: by.2,
    })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let release = ("[A-Z0-9_]{2,48}", option::of(position())).prop_map(|(ground, consent)| Outcome::Release { ground: ground.parse().unwrap(), consent });
    let withhold = (code(), any::<bool>()).prop_map(|(reason, nameable)| Outcome::Withhold { reason, nameable });
    prop_oneof![release, withhold]
}

fn decided_cell() -> impl Strategy<Value = DecidedCell> {
    let parts = (cell(), outcome(), any::<bool>(), option::of(time()), option::of(position()));
    parts.prop_map(|(cell, outcome, second_officer, standing_until, withdrawal)| DecidedCell { cell, outcome, second_officer, standing_until, withdrawal })
}

fn decision() -> impl Strategy<Value = ClearanceDecision> {
    let parts = (referral(), function(), hash(), commitment(), vec(decided_cell(), 0..5), option::of(hash().prop_map(Digest)));
    parts.prop_map(|(referral, recipient, table, reasons, cells, template)| ClearanceDecision {
        referral,
        recipient,
        table: TableHash(table),
        reasons,
        cells,
        template,
    })
}

fn second_decision() -> impl Strategy<Value = SecondDecision> {
    let word = (cell(), position(), outcome(), option::of(time()));
    let confirmation = word.prop_map(|(cell, decision, outcome, standing_until)| Confirmation { cell, decision, outcome, standing_until });
    let parts = (referral(), hash(), commitment(), vec(confirmation, 0..4));
    parts.prop_map(|(referral, table, reasons, cells)| SecondDecision { referral, table: TableHash(table), reasons, cells })
}

fn carried() -> impl Strategy<Value = CarriedClearances> {
    let cell = (cell(), count(), position()).prop_map(|(cell, revision, decision)| CarriedCell { cell, revision, decision });
    (referral(), vec(cell, 0..4), hash()).prop_map(|(referral, cells, table)| CarriedClearances { referral, cells, table: TableHash(table) })
}

fn emergency() -> impl Strategy<Value = EmergencyDeclaration> {
    (referral(), function(), time(), time(), option::of(time()), commitment()).prop_map(
        |(referral, recipient, expires_at, review_due_at, telephoned_at, reasons)| EmergencyDeclaration {
            referral,
            recipient,
            expires_at,
            review_due_at,
            telephoned_at,
            reasons,
        },
    )
}

fn review() -> impl Strategy<Value = EmergencyReview> {
    let parts = (referral(), position(), code(), commitment());
    parts.prop_map(|(referral, emergency, verdict, reasons)| EmergencyReview { referral, emergency, verdict, reasons })
}

fn offered() -> impl Strategy<Value = OfferedSections> {
    (referral(), function(), vec(count(), 0..6)).prop_map(|(referral, recipient, sections)| OfferedSections { referral, recipient, sections })
}

fn released() -> impl Strategy<Value = Released> {
    let basis = btree_set(position(), 0..6).prop_map(|positions| positions.into_iter().collect());
    let section =
        (count(), count(), commitment(), basis).prop_map(|(section, revision, commitment, basis)| ReleasedSection { section, revision, commitment, basis });
    vec(section, 0..4).prop_map(Released::read_back)
}

fn contact() -> impl Strategy<Value = Contact> {
    (referral(), code(), time(), option::of(code()), any::<bool>(), option::of(time()))
        .prop_map(|(referral, outcome, at, channel, interpreter, next_try_at)| Contact { referral, outcome, at, channel, interpreter, next_try_at })
}

fn closing() -> impl Strategy<Value = Closing> {
    (referral(), code(), codes(), codes()).prop_map(|(referral, outcome, phases, support)| Closing { referral, outcome, phases, support })
}

fn of_the_directory() -> Vec<BoxedStrategy<Fact>> {
    vec![
        text().prop_map(|origin| Fact::LogStarted { origin }).boxed(),
        (agency(), code(), hash()).prop_map(|(agency, kind, entry)| Fact::AgencyRegistered { agency, kind, entry: Digest(entry) }).boxed(),
        (function(), agency(), hash()).prop_map(|(function, host, entry)| Fact::FunctionRegistered { function, host, entry: Digest(entry) }).boxed(),
        (hash(), proptest::option::of(proptest::array::uniform16(proptest::num::u8::ANY)))
            .prop_map(|(table, officer)| Fact::GroundTableActivated { table: TableHash(table), proposed_by: officer.map(OfficerPseudonym) })
            .boxed(),
        (text(), commitment()).prop_map(|(query, purpose)| Fact::LogQueried { query, purpose }).boxed(),
    ]
}

fn of_the_sender() -> Vec<BoxedStrategy<Fact>> {
    vec![
        offer().prop_map(Fact::OfferRecorded).boxed(),
        submitted().prop_map(Fact::ReferralSubmitted).boxed(),
        (referral(), vec(content(), 0..4), option::of(commitment()))
            .prop_map(|(referral, sections, excluded)| Fact::ReferralAmended { referral, sections, excluded })
            .boxed(),
        (referral(), code()).prop_map(|(referral, reason)| Fact::ReferralRetracted { referral, reason }).boxed(),
        (referral(), position()).prop_map(|(referral, recall)| Fact::RecallAcknowledged { referral, recall }).boxed(),
        consent().prop_map(Fact::ConsentRecorded).boxed(),
        (referral(), uuid()).prop_map(|(referral, consent)| Fact::ConsentWithdrawn { referral, consent: ConsentId(consent) }).boxed(),
        (referral(), function(), vec(count(), 0..6), position())
            .prop_map(|(referral, recipient, sections, withdrawal)| Fact::StopUseSent { referral, recipient, sections, withdrawal })
            .boxed(),
        decision().prop_map(Fact::ClearanceDecided).boxed(),
        second_decision().prop_map(Fact::ClearanceConfirmed).boxed(),
        (referral(), vec(cell(), 0..4), hash())
            .prop_map(|(referral, cells, table)| Fact::ClearanceRevoked { referral, cells, table: TableHash(table) })
            .boxed(),
        carried().prop_map(Fact::ClearanceCarried).boxed(),
        emergency().prop_map(Fact::EmergencyDeclared).boxed(),
        review().prop_map(Fact::EmergencyReviewed).boxed(),
        offered().prop_map(Fact::ReferralOffered).boxed(),
        offered().prop_map(Fact::SectionsOffered).boxed(),
        (referral(), function()).prop_map(|(referral, recipient)| Fact::OfferWithdrawn { referral, recipient }).boxed(),
    ]
}

fn of_the_recipient() -> Vec<BoxedStrategy<Fact>> {
    vec![
        (referral(), position(), code()).prop_map(|(referral, notice, answer)| Fact::StopUseAnswered { referral, notice, answer }).boxed(),
        (referral(), any::<bool>()).prop_map(|(referral, takeover)| Fact::ReferralClaimed { referral, takeover }).boxed(),
        (referral(), function(), btree_set(count(), 0..6))
            .prop_map(|(referral, recipient, sections)| Fact::NameRevealed { referral, recipient, sections: sections.into_iter().collect() })
            .boxed(),
        (referral(), function(), released()).prop_map(|(referral, recipient, released)| Fact::SectionsReleased { referral, recipient, released }).boxed(),
        (referral(), position()).prop_map(|(referral, release)| Fact::DeliveryAcknowledged { referral, release }).boxed(),
        referral().prop_map(|referral| Fact::ReferralAccepted { referral }).boxed(),
        (referral(), code(), option::of(referral()))
            .prop_map(|(referral, reason, duplicate_of)| Fact::ReferralDeclined { referral, reason, duplicate_of })
            .boxed(),
        (referral(), code(), codes(), option::of(function()))
            .prop_map(|(referral, reason, missing, right_function)| Fact::ReferralReturned { referral, reason, missing, right_function })
            .boxed(),
        contact().prop_map(Fact::ContactRecorded).boxed(),
        closing().prop_map(Fact::ReferralClosed).boxed(),
        (referral(), code(), code(), function(), time(), time())
            .prop_map(|(referral, clock, level, function, due_at, deadline)| {
                Fact::ReminderSent(Reminder { referral, clock, level, function, due_at, deadline })
            })
            .boxed(),
        (referral(), code(), option::of(function()), time(), option::of(code()))
            .prop_map(|(referral, clock, function, deadline, told)| Fact::Escalated(Escalation { referral, clock, function, deadline, told }))
            .boxed(),
        (referral(), btree_set((count(), count()), 1..5), code())
            .prop_map(|(referral, names, cause)| {
                let contents = names.into_iter().map(|(section, revision)| ContentName { section, revision }).collect();
                Fact::ContentDestroyed(Destruction { referral, contents, cause })
            })
            .boxed(),
        (referral(), text()).prop_map(|(referral, reason)| Fact::DisclosureRefused { referral, reason }).boxed(),
    ]
}

/// One strategy for each kind of event.
pub fn facts() -> Vec<BoxedStrategy<Fact>> {
    [of_the_directory(), of_the_sender(), of_the_recipient()].concat()
}

/// Any event.
pub fn event() -> impl Strategy<Value = Event> {
    let officer = (any::<[u8; 16]>(), code()).prop_map(|(pseudonym, proof)| Officer { pseudonym: OfficerPseudonym(pseudonym), proof });
    (hash(), uuid(), time(), agency(), option::of(officer), option::of(position()), Union::new(facts()))
        .prop_map(|(blinding, id, time, agency, officer, previous, fact)| Event { blinding, id: EventId(id), time, agency, officer, previous, fact })
}
