//! From bytes to the domain's events. Called wherever the log is read: engine, client, offline auditor.
//!
//! The bytes may come from anybody, so nothing here panics, and nothing is forgiven: what is accepted encodes to exactly the
//! bytes that came. This is the only caller of `Released::read_back`.

use brygga_domain::event::{
    CarriedCell, CarriedClearances, CellName, ClearanceDecision, Closing, Confirmation, ConsentGiven, Contact, ContentName, DecidedCell, Destruction,
    EmergencyDeclaration, EmergencyReview, Escalation, Event, Fact, Interest, Offer, OfferResult, OfferedSections, Officer, Outcome, Person, PersonName,
    Reminder, SecondDecision, SectionContent, Submitted, SubmittedSection,
};
use brygga_domain::gate::{Released, ReleasedSection};
use brygga_domain::ids::{Commitment, ConsentId, Digest, EventId, OfferId, OfficerPseudonym, PersonId, Position, ReferralId, TableHash, ThreadId};
use brygga_domain::{FunctionId, Time};
use prost::Message;

use crate::field::{DecodeError, code, codes, count, counts, id, name, present};
use crate::v1::{self, event::Fact as Wire};
use crate::{EVENT_BYTES_MAX, encode};

type Decoded<T> = Result<T, DecodeError>;

/// The event that these bytes are the encoding of.
pub fn decode(bytes: &[u8]) -> Decoded<Event> {
    if bytes.len() > EVENT_BYTES_MAX {
        return Err(DecodeError::TooLong { bytes: bytes.len() });
    }
    let event = event(v1::Event::decode(bytes).map_err(DecodeError::Malformed)?)?;
    // The reader of protobuf passes over unknown fields and takes several spellings of one value. Writing the event again
    // is the whole check: whatever was passed over or spelt otherwise is not in the bytes that come out.
    if encode(&event) == bytes { Ok(event) } else { Err(DecodeError::NotCanonical) }
}

fn event(event: v1::Event) -> Decoded<Event> {
    let found = event.blinding.len();
    Ok(Event {
        blinding: event.blinding.as_ref().try_into().map_err(|_| DecodeError::Length { field: "blinding", wanted: 32, found })?,
        id: id("event_id", EventId::from_bytes(&event.event_id))?,
        time: Time::from_micros(event.time_us),
        agency: name("agency", &event.agency)?,
        officer: event.officer.as_ref().map(officer).transpose()?,
        previous: event.previous.map(Position),
        fact: fact(present("fact", event.fact)?)?,
    })
}

fn officer(officer: &v1::Officer) -> Decoded<Officer> {
    Ok(Officer { pseudonym: id("pseudonym", OfficerPseudonym::from_bytes(&officer.pseudonym))?, proof: code("proof", officer.proof)? })
}

fn fact(fact: Wire) -> Decoded<Fact> {
    match fact {
        Wire::LogStarted(started) => Ok(Fact::LogStarted { origin: started.origin }),
        Wire::AgencyRegistered(registered) => agency_registered(&registered),
        Wire::FunctionRegistered(registered) => function_registered(&registered),
        Wire::GroundTableActivated(activated) => {
            let officer = |bytes: &bytes::Bytes| id("proposed_by", OfficerPseudonym::from_bytes(bytes));
            Ok(Fact::GroundTableActivated { table: table(&activated.table)?, proposed_by: activated.proposed_by.as_ref().map(officer).transpose()? })
        }
        Wire::OfferRecorded(recorded) => Ok(Fact::OfferRecorded(offer(recorded)?)),
        Wire::ReferralSubmitted(referral) => Ok(Fact::ReferralSubmitted(submitted(&referral)?)),
        Wire::ReferralAmended(amended) => Ok(Fact::ReferralAmended {
            referral: referral(&amended.referral)?,
            sections: each(&amended.sections, content)?,
            excluded: amended.excluded.map(|bytes| commitment("excluded", &bytes)).transpose()?,
        }),
        Wire::ReferralRetracted(retracted) => {
            Ok(Fact::ReferralRetracted { referral: referral(&retracted.referral)?, reason: code("reason", retracted.reason)? })
        }
        Wire::RecallAcknowledged(answer) => Ok(Fact::RecallAcknowledged { referral: referral(&answer.referral)?, recall: Position(answer.recall) }),
        Wire::ConsentRecorded(recorded) => Ok(Fact::ConsentRecorded(consent(recorded)?)),
        Wire::ConsentWithdrawn(withdrawn) => consent_withdrawn(&withdrawn),
        Wire::StopUseSent(sent) => stop_use_sent(sent),
        Wire::StopUseAnswered(answered) => stop_use_answered(&answered),
        Wire::ClearanceDecided(decided) => Ok(Fact::ClearanceDecided(decision(&decided)?)),
        Wire::ClearanceConfirmed(confirmed) => clearance_confirmed(&confirmed),
        Wire::ClearanceRevoked(revoked) => {
            Ok(Fact::ClearanceRevoked { referral: referral(&revoked.referral)?, cells: each(&revoked.cells, cell)?, table: table(&revoked.table)? })
        }
        Wire::ClearanceCarried(carried) => Ok(Fact::ClearanceCarried(CarriedClearances {
            referral: referral(&carried.referral)?,
            cells: each(&carried.cells, carried_cell)?,
            table: table(&carried.table)?,
        })),
        Wire::EmergencyDeclared(declared) => Ok(Fact::EmergencyDeclared(emergency_declared(&declared)?)),
        Wire::EmergencyReviewed(review) => Ok(Fact::EmergencyReviewed(emergency_reviewed(&review)?)),
        Wire::ReferralOffered(offered) => Ok(Fact::ReferralOffered(offered_sections(&offered.referral, &offered.recipient, offered.sections)?)),
        Wire::SectionsOffered(offered) => Ok(Fact::SectionsOffered(offered_sections(&offered.referral, &offered.recipient, offered.sections)?)),
        Wire::OfferWithdrawn(withdrawn) => Ok(Fact::OfferWithdrawn { referral: referral(&withdrawn.referral)?, recipient: recipient(&withdrawn.recipient)? }),
        Wire::ReferralClaimed(claimed) => Ok(Fact::ReferralClaimed { referral: referral(&claimed.referral)?, takeover: claimed.takeover }),
        Wire::NameRevealed(revealed) => name_revealed(revealed),
        Wire::SectionsReleased(released) => sections_released(released),
        Wire::DeliveryAcknowledged(answer) => Ok(Fact::DeliveryAcknowledged { referral: referral(&answer.referral)?, release: Position(answer.release) }),
        Wire::ReferralAccepted(accepted) => Ok(Fact::ReferralAccepted { referral: referral(&accepted.referral)? }),
        Wire::ReferralDeclined(declined) => referral_declined(&declined),
        Wire::ReferralReturned(returned) => referral_returned(&returned),
        Wire::ContactRecorded(recorded) => Ok(Fact::ContactRecorded(contact(&recorded)?)),
        Wire::ReferralClosed(closed) => Ok(Fact::ReferralClosed(closing(&closed)?)),
        Wire::ReminderSent(reminder) => Ok(Fact::ReminderSent(reminder_sent(&reminder)?)),
        Wire::Escalated(escalation) => Ok(Fact::Escalated(escalated(&escalation)?)),
        Wire::ContentDestroyed(destroyed) => Ok(Fact::ContentDestroyed(content_destroyed(&destroyed)?)),
        Wire::DisclosureRefused(refused) => Ok(Fact::DisclosureRefused { referral: referral(&refused.referral)?, reason: refused.reason }),
        Wire::LogQueried(queried) => Ok(Fact::LogQueried { query: queried.query, purpose: commitment("purpose", &queried.purpose)? }),
    }
}

fn each<M, T>(messages: &[M], read: fn(&M) -> Decoded<T>) -> Decoded<Vec<T>> {
    messages.iter().map(read).collect()
}

fn referral(bytes: &[u8]) -> Decoded<ReferralId> {
    id("referral", ReferralId::from_bytes(bytes))
}

fn person_id(bytes: &[u8]) -> Decoded<PersonId> {
    id("person", PersonId::from_bytes(bytes))
}

fn recipient(text: &str) -> Decoded<FunctionId> {
    name("recipient", text)
}

fn commitment(field: &'static str, bytes: &[u8]) -> Decoded<Commitment> {
    id(field, Commitment::from_bytes(bytes))
}

fn table(bytes: &[u8]) -> Decoded<TableHash> {
    id("table", TableHash::from_bytes(bytes))
}

fn agency_registered(registered: &v1::AgencyRegistered) -> Decoded<Fact> {
    let entry = id("entry", Digest::from_bytes(&registered.entry))?;
    Ok(Fact::AgencyRegistered { agency: name("agency", &registered.agency)?, kind: code("kind", registered.kind)?, entry })
}

fn function_registered(registered: &v1::FunctionRegistered) -> Decoded<Fact> {
    let entry = id("entry", Digest::from_bytes(&registered.entry))?;
    Ok(Fact::FunctionRegistered { function: name("function", &registered.function)?, host: name("host", &registered.host)?, entry })
}

fn offer(recorded: v1::OfferRecorded) -> Decoded<Offer> {
    let result = match present("result", recorded.result)? {
        v1::offer_recorded::Result::Offered(answer) => OfferResult::Offered(code("offered", answer)?),
        v1::offer_recorded::Result::NotOffered(reason) => OfferResult::NotOffered(code("not_offered", reason)?),
    };
    Ok(Offer {
        id: id("offer", OfferId::from_bytes(&recorded.offer))?,
        result,
        language: recorded.language,
        interpreter: recorded.interpreter,
        relationship: recorded.relationship.map(|number| code("relationship", number)).transpose()?,
        district: recorded.district,
        reported_at: Time::from_micros(recorded.reported_at_us),
    })
}

fn submitted(submitted: &v1::ReferralSubmitted) -> Decoded<Submitted> {
    Ok(Submitted {
        referral: referral(&submitted.referral)?,
        reference: name("reference", &submitted.reference)?,
        thread: id("thread", ThreadId::from_bytes(&submitted.thread))?,
        kind: code("kind", submitted.kind)?,
        from: code("from", submitted.from)?,
        to: code("to", submitted.to)?,
        recipient: recipient(&submitted.recipient)?,
        host: name("host", &submitted.host)?,
        leader: name("leader", &submitted.leader)?,
        urgency: code("urgency", submitted.urgency)?,
        reported_at: submitted.reported_at_us.map(Time::from_micros),
        contact_due_at: submitted.contact_due_at_us.map(Time::from_micros),
        offer: submitted.offer.as_ref().map(|bytes| id("offer", OfferId::from_bytes(bytes))).transpose()?,
        persons: each(&submitted.persons, person)?,
        sections: each(&submitted.sections, submitted_section)?,
        residence_basis: submitted.residence_basis.map(|number| code("residence_basis", number)).transpose()?,
        forwarded_from: submitted.forwarded_from.as_ref().map(|bytes| id("forwarded_from", ReferralId::from_bytes(bytes))).transpose()?,
        excluded: submitted.excluded.as_ref().map(|bytes| commitment("excluded", bytes)).transpose()?,
    })
}

fn person(person: &v1::Person) -> Decoded<Person> {
    Ok(Person {
        id: id("id", PersonId::from_bytes(&person.id))?,
        name: PersonName { role: code("role", person.role)?, number: count("number", person.number)? },
        protected_identity: code("protected_identity", person.protected_identity)?,
    })
}

fn submitted_section(section: &v1::SubmittedSection) -> Decoded<SubmittedSection> {
    Ok(SubmittedSection {
        content: content(present("content", section.content.as_ref())?)?,
        category: code("category", section.category)?,
        persons: section.persons.iter().map(|bytes| person_id(bytes)).collect::<Decoded<_>>()?,
        investigation: section.investigation,
    })
}

fn content(content: &v1::SectionContent) -> Decoded<SectionContent> {
    Ok(SectionContent {
        section: count("section", content.section)?,
        revision: count("revision", content.revision)?,
        commitment: commitment("commitment", &content.commitment)?,
    })
}

fn consent(recorded: v1::ConsentRecorded) -> Decoded<ConsentGiven> {
    Ok(ConsentGiven {
        referral: referral(&recorded.referral)?,
        consent: id("consent", ConsentId::from_bytes(&recorded.consent))?,
        person: person_id(&recorded.person)?,
        categories: codes("categories", &recorded.categories)?,
        recipient: recipient(&recorded.recipient)?,
        purpose: code("purpose", recorded.purpose)?,
        given_at: Time::from_micros(recorded.given_at_us),
        valid_until: Time::from_micros(recorded.valid_until_us),
        form: code("form", recorded.form)?,
        language: recorded.language,
        interpreter: recorded.interpreter,
        gdpr_basis: code("gdpr_basis", recorded.gdpr_basis)?,
        given_by: code("given_by", recorded.given_by)?,
        asked_by: recorded.asked_by.map(|bytes| id("asked_by", OfficerPseudonym::from_bytes(&bytes))).transpose()?,
        interpreter_reference: recorded.interpreter_reference.map(|bytes| commitment("interpreter_reference", &bytes)).transpose()?,
    })
}

fn consent_withdrawn(withdrawn: &v1::ConsentWithdrawn) -> Decoded<Fact> {
    Ok(Fact::ConsentWithdrawn { referral: referral(&withdrawn.referral)?, consent: id("consent", ConsentId::from_bytes(&withdrawn.consent))? })
}

fn stop_use_sent(sent: v1::StopUseSent) -> Decoded<Fact> {
    Ok(Fact::StopUseSent {
        referral: referral(&sent.referral)?,
        recipient: recipient(&sent.recipient)?,
        sections: counts("sections", sent.sections)?,
        withdrawal: Position(sent.withdrawal),
    })
}

fn stop_use_answered(answered: &v1::StopUseAnswered) -> Decoded<Fact> {
    Ok(Fact::StopUseAnswered { referral: referral(&answered.referral)?, notice: Position(answered.notice), answer: code("answer", answered.answer)? })
}

fn decision(decided: &v1::ClearanceDecided) -> Decoded<ClearanceDecision> {
    Ok(ClearanceDecision {
        referral: referral(&decided.referral)?,
        recipient: recipient(&decided.recipient)?,
        table: table(&decided.table)?,
        reasons: commitment("reasons", &decided.reasons)?,
        cells: each(&decided.cells, decided_cell)?,
        template: decided.template.as_ref().map(|bytes| id("template", Digest::from_bytes(bytes))).transpose()?,
    })
}

fn decided_cell(decided: &v1::DecidedCell) -> Decoded<DecidedCell> {
    let outcome = match present("outcome", decided.outcome.as_ref())? {
        v1::decided_cell::Outcome::Release(release) => released(release)?,
        v1::decided_cell::Outcome::Withhold(withhold) => withheld(*withhold)?,
    };
    let standing_until = decided.standing_until_us.map(Time::from_micros);
    let withdrawal = decided.withdrawal.map(Position);
    Ok(DecidedCell { cell: named_cell(decided.cell.as_ref())?, outcome, second_officer: decided.second_officer, standing_until, withdrawal })
}

fn released(release: &v1::Release) -> Decoded<Outcome> {
    Ok(Outcome::Release { ground: name("ground", &release.ground)?, consent: release.consent.map(Position) })
}

fn withheld(withhold: v1::Withhold) -> Decoded<Outcome> {
    Ok(Outcome::Withhold { reason: code("reason", withhold.reason)?, nameable: withhold.nameable })
}

fn named_cell(named: Option<&v1::CellName>) -> Decoded<CellName> {
    cell(present("cell", named)?)
}

fn cell(named: &v1::CellName) -> Decoded<CellName> {
    let interest = match present("interest", named.interest.as_ref())? {
        v1::cell_name::Interest::Person(bytes) => Interest::Person(person_id(bytes)?),
        v1::cell_name::Interest::Investigation(v1::Investigation {}) => Interest::Investigation,
    };
    Ok(CellName { section: count("section", named.section)?, interest })
}

fn clearance_confirmed(confirmed: &v1::ClearanceConfirmed) -> Decoded<Fact> {
    Ok(Fact::ClearanceConfirmed(SecondDecision {
        referral: referral(&confirmed.referral)?,
        table: table(&confirmed.table)?,
        reasons: commitment("reasons", &confirmed.reasons)?,
        cells: each(&confirmed.cells, confirmation)?,
    }))
}

fn confirmation(word: &v1::Confirmation) -> Decoded<Confirmation> {
    let outcome = match present("outcome", word.outcome.as_ref())? {
        v1::confirmation::Outcome::Release(release) => released(release)?,
        v1::confirmation::Outcome::Withhold(withhold) => withheld(*withhold)?,
    };
    let standing_until = word.standing_until_us.map(Time::from_micros);
    Ok(Confirmation { cell: named_cell(word.cell.as_ref())?, decision: Position(word.decision), outcome, standing_until })
}

fn carried_cell(carried: &v1::CarriedCell) -> Decoded<CarriedCell> {
    Ok(CarriedCell { cell: named_cell(carried.cell.as_ref())?, revision: count("revision", carried.revision)?, decision: Position(carried.decision) })
}

fn emergency_declared(declared: &v1::EmergencyDeclared) -> Decoded<EmergencyDeclaration> {
    Ok(EmergencyDeclaration {
        referral: referral(&declared.referral)?,
        recipient: recipient(&declared.recipient)?,
        expires_at: Time::from_micros(declared.expires_at_us),
        review_due_at: Time::from_micros(declared.review_due_at_us),
        telephoned_at: declared.telephoned_at_us.map(Time::from_micros),
        reasons: commitment("reasons", &declared.reasons)?,
    })
}

fn emergency_reviewed(review: &v1::EmergencyReviewed) -> Decoded<EmergencyReview> {
    Ok(EmergencyReview {
        referral: referral(&review.referral)?,
        emergency: Position(review.emergency),
        verdict: code("verdict", review.verdict)?,
        reasons: commitment("reasons", &review.reasons)?,
    })
}

fn offered_sections(bytes: &[u8], to: &str, sections: Vec<u32>) -> Decoded<OfferedSections> {
    Ok(OfferedSections { referral: referral(bytes)?, recipient: recipient(to)?, sections: counts("sections", sections)? })
}

fn name_revealed(revealed: v1::NameRevealed) -> Decoded<Fact> {
    if !revealed.sections.is_sorted_by(|before, after| before < after) {
        return Err(DecodeError::Order { field: "sections" });
    }
    let sections = counts("sections", revealed.sections)?;
    Ok(Fact::NameRevealed { referral: referral(&revealed.referral)?, recipient: recipient(&revealed.recipient)?, sections })
}

fn sections_released(released: v1::SectionsReleased) -> Decoded<Fact> {
    let sections = released.released.into_iter().map(released_section).collect::<Decoded<_>>()?;
    Ok(Fact::SectionsReleased { referral: referral(&released.referral)?, recipient: recipient(&released.recipient)?, released: Released::read_back(sections) })
}

fn released_section(section: v1::ReleasedSection) -> Decoded<ReleasedSection> {
    if !section.basis.is_sorted_by(|before, after| before < after) {
        return Err(DecodeError::Order { field: "basis" });
    }
    Ok(ReleasedSection {
        section: count("section", section.section)?,
        revision: count("revision", section.revision)?,
        commitment: commitment("commitment", &section.commitment)?,
        basis: section.basis.into_iter().map(Position).collect(),
    })
}

fn referral_declined(declined: &v1::ReferralDeclined) -> Decoded<Fact> {
    Ok(Fact::ReferralDeclined {
        referral: referral(&declined.referral)?,
        reason: code("reason", declined.reason)?,
        duplicate_of: declined.duplicate_of.as_ref().map(|bytes| id("duplicate_of", ReferralId::from_bytes(bytes))).transpose()?,
    })
}

fn referral_returned(returned: &v1::ReferralReturned) -> Decoded<Fact> {
    Ok(Fact::ReferralReturned {
        referral: referral(&returned.referral)?,
        reason: code("reason", returned.reason)?,
        missing: codes("missing", &returned.missing)?,
        right_function: returned.right_function.as_ref().map(|text| name("right_function", text)).transpose()?,
    })
}

fn contact(recorded: &v1::ContactRecorded) -> Decoded<Contact> {
    Ok(Contact {
        referral: referral(&recorded.referral)?,
        outcome: code("outcome", recorded.outcome)?,
        at: Time::from_micros(recorded.at_us),
        channel: recorded.channel.map(|number| code("channel", number)).transpose()?,
        interpreter: recorded.interpreter,
        next_try_at: recorded.next_try_at_us.map(Time::from_micros),
    })
}

fn closing(closed: &v1::ReferralClosed) -> Decoded<Closing> {
    Ok(Closing {
        referral: referral(&closed.referral)?,
        outcome: code("outcome", closed.outcome)?,
        phases: codes("phases", &closed.phases)?,
        support: codes("support", &closed.support)?,
    })
}

fn reminder_sent(reminder: &v1::ReminderSent) -> Decoded<Reminder> {
    Ok(Reminder {
        referral: referral(&reminder.referral)?,
        clock: code("clock", reminder.clock)?,
        level: code("level", reminder.level)?,
        function: name("function", &reminder.function)?,
        due_at: Time::from_micros(reminder.due_at_us),
        deadline: Time::from_micros(reminder.deadline_us),
    })
}

fn escalated(escalation: &v1::Escalated) -> Decoded<Escalation> {
    Ok(Escalation {
        referral: referral(&escalation.referral)?,
        clock: code("clock", escalation.clock)?,
        function: escalation.function.as_deref().map(|text| name("function", text)).transpose()?,
        deadline: Time::from_micros(escalation.deadline_us),
        told: escalation.told.map(|number| code("told", number)).transpose()?,
    })
}

fn content_destroyed(destroyed: &v1::ContentDestroyed) -> Decoded<Destruction> {
    let name = |name: &v1::ContentName| Ok(ContentName { section: count("section", name.section)?, revision: count("revision", name.revision)? });
    let contents: Vec<ContentName> = each(&destroyed.contents, name)?;
    if contents.is_empty() || !contents.is_sorted_by(|one, other| one < other) {
        return Err(DecodeError::Order { field: "contents" });
    }
    Ok(Destruction { referral: referral(&destroyed.referral)?, contents, cause: code("cause", destroyed.cause)? })
}
