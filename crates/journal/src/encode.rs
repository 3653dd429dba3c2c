//! From the domain's events to bytes. Called by the engine once for each event, before it is hashed and stored.
//!
//! Nothing is decided here, and nothing can fail: every event of the domain has exactly one encoding.

use brygga_domain::Time;
use brygga_domain::codes::{AgencyKind, Code, StopUseAnswer};
use brygga_domain::event::{
    CarriedCell, CarriedClearances, CellName, ClearanceDecision, Closing, Confirmation, ConsentGiven, Contact, ContentName, DecidedCell, Destruction,
    EmergencyDeclaration, EmergencyReview, Escalation, Event, Fact, Interest, Offer, OfferResult, OfferedSections, Officer, Outcome, Person, Reminder,
    SecondDecision, SectionContent, Submitted, SubmittedSection,
};
use brygga_domain::gate::{Released, ReleasedSection};
use brygga_domain::grounds::GroundCode;
use brygga_domain::ids::{AgencyId, Commitment, ConsentId, Digest, FunctionId, Position, ReferralId, TableHash};
use bytes::Bytes;
use prost::Message;

use crate::v1::{self, event::Fact as Wire};

/// The bytes of an event, as they are hashed and stored.
///
/// The domain's limits keep an event far below `EVENT_BYTES_MAX`; `decode` refuses a longer one.
pub fn encode(event: &Event) -> Bytes {
    Bytes::from(message(event).encode_to_vec())
}

fn message(event: &Event) -> v1::Event {
    v1::Event {
        blinding: copied(&event.blinding),
        event_id: copied(event.id.as_bytes()),
        time_us: event.time.micros(),
        agency: event.agency.to_string(),
        officer: event.officer.map(officer),
        previous: event.previous.map(|at| at.0),
        fact: Some(fact(&event.fact)),
    }
}

fn copied(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

fn id(referral: &ReferralId) -> Bytes {
    copied(referral.as_bytes())
}

fn codes<C: Code>(codes: &[C]) -> Vec<i32> {
    codes.iter().map(|code| code.number()).collect()
}

fn officer(officer: Officer) -> v1::Officer {
    v1::Officer { pseudonym: copied(&officer.pseudonym.0), proof: officer.proof.number() }
}

fn fact(fact: &Fact) -> Wire {
    match fact {
        Fact::LogStarted { origin } => Wire::LogStarted(v1::LogStarted { origin: origin.clone() }),
        Fact::AgencyRegistered { agency, kind, entry } => Wire::AgencyRegistered(agency_registered(agency, *kind, entry)),
        Fact::FunctionRegistered { function, host, entry } => Wire::FunctionRegistered(function_registered(function, host, entry)),
        Fact::GroundTableActivated { table, proposed_by } => {
            let proposed_by = proposed_by.map(|officer| copied(&officer.0));
            Wire::GroundTableActivated(v1::GroundTableActivated { table: copied(&table.0), proposed_by })
        }
        Fact::OfferRecorded(offer) => Wire::OfferRecorded(offer_recorded(offer)),
        Fact::ReferralSubmitted(submitted) => Wire::ReferralSubmitted(referral_submitted(submitted)),
        Fact::ReferralAmended { referral, sections, excluded } => Wire::ReferralAmended(referral_amended(referral, sections, *excluded)),
        Fact::ReferralRetracted { referral, reason } => Wire::ReferralRetracted(v1::ReferralRetracted { referral: id(referral), reason: reason.number() }),
        Fact::RecallAcknowledged { referral, recall } => Wire::RecallAcknowledged(v1::RecallAcknowledged { referral: id(referral), recall: recall.0 }),
        Fact::ConsentRecorded(given) => Wire::ConsentRecorded(consent_recorded(given)),
        Fact::ConsentWithdrawn { referral, consent } => Wire::ConsentWithdrawn(consent_withdrawn(referral, consent)),
        Fact::StopUseSent { referral, recipient, sections, withdrawal } => Wire::StopUseSent(stop_use_sent(referral, recipient, sections, *withdrawal)),
        Fact::StopUseAnswered { referral, notice, answer } => Wire::StopUseAnswered(stop_use_answered(referral, *notice, *answer)),
        Fact::ClearanceDecided(decision) => Wire::ClearanceDecided(clearance_decided(decision)),
        Fact::ClearanceConfirmed(second) => Wire::ClearanceConfirmed(clearance_confirmed(second)),
        Fact::ClearanceRevoked { referral, cells, table } => Wire::ClearanceRevoked(clearance_revoked(referral, cells, table)),
        Fact::ClearanceCarried(carried) => Wire::ClearanceCarried(clearance_carried(carried)),
        Fact::EmergencyDeclared(declared) => Wire::EmergencyDeclared(emergency_declared(declared)),
        Fact::EmergencyReviewed(review) => Wire::EmergencyReviewed(emergency_reviewed(review)),
        Fact::ReferralOffered(offered) => Wire::ReferralOffered(referral_offered(offered)),
        Fact::SectionsOffered(offered) => Wire::SectionsOffered(sections_offered(offered)),
        Fact::OfferWithdrawn { referral, recipient } => Wire::OfferWithdrawn(offer_withdrawn(referral, recipient)),
        Fact::ReferralClaimed { referral, takeover } => Wire::ReferralClaimed(v1::ReferralClaimed { referral: id(referral), takeover: *takeover }),
        Fact::NameRevealed { referral, recipient, sections } => {
            Wire::NameRevealed(v1::NameRevealed { referral: id(referral), recipient: recipient.to_string(), sections: sections.clone() })
        }
        Fact::SectionsReleased { referral, recipient, released } => Wire::SectionsReleased(sections_released(referral, recipient, released)),
        Fact::DeliveryAcknowledged { referral, release } => Wire::DeliveryAcknowledged(v1::DeliveryAcknowledged { referral: id(referral), release: release.0 }),
        Fact::ReferralAccepted { referral } => Wire::ReferralAccepted(v1::ReferralAccepted { referral: id(referral) }),
        Fact::ReferralDeclined { referral, reason, duplicate_of } => {
            Wire::ReferralDeclined(v1::ReferralDeclined { referral: id(referral), reason: reason.number(), duplicate_of: duplicate_of.as_ref().map(id) })
        }
        Fact::ReferralReturned { referral, reason, missing, right_function } => Wire::ReferralReturned(v1::ReferralReturned {
            referral: id(referral),
            reason: reason.number(),
            missing: codes(missing),
            right_function: right_function.as_ref().map(ToString::to_string),
        }),
        Fact::ContactRecorded(contact) => Wire::ContactRecorded(contact_recorded(contact)),
        Fact::ReferralClosed(closing) => Wire::ReferralClosed(referral_closed(closing)),
        Fact::ReminderSent(reminder) => Wire::ReminderSent(reminder_sent(reminder)),
        Fact::Escalated(escalation) => Wire::Escalated(escalated(escalation)),
        Fact::ContentDestroyed(destruction) => Wire::ContentDestroyed(content_destroyed(destruction)),
        Fact::DisclosureRefused { referral, reason } => Wire::DisclosureRefused(v1::DisclosureRefused { referral: id(referral), reason: reason.clone() }),
        Fact::LogQueried { query, purpose } => Wire::LogQueried(v1::LogQueried { query: query.clone(), purpose: copied(&purpose.0) }),
    }
}

fn agency_registered(agency: &AgencyId, kind: AgencyKind, entry: &Digest) -> v1::AgencyRegistered {
    v1::AgencyRegistered { agency: agency.to_string(), kind: kind.number(), entry: copied(&entry.0) }
}

fn function_registered(function: &FunctionId, host: &AgencyId, entry: &Digest) -> v1::FunctionRegistered {
    v1::FunctionRegistered { function: function.to_string(), host: host.to_string(), entry: copied(&entry.0) }
}

fn offer_recorded(offer: &Offer) -> v1::OfferRecorded {
    v1::OfferRecorded {
        offer: copied(offer.id.as_bytes()),
        result: Some(match offer.result {
            OfferResult::Offered(answer) => v1::offer_recorded::Result::Offered(answer.number()),
            OfferResult::NotOffered(reason) => v1::offer_recorded::Result::NotOffered(reason.number()),
        }),
        language: offer.language.clone(),
        interpreter: offer.interpreter,
        relationship: offer.relationship.map(Code::number),
        district: offer.district.clone(),
        reported_at_us: offer.reported_at.micros(),
    }
}

fn referral_submitted(submitted: &Submitted) -> v1::ReferralSubmitted {
    v1::ReferralSubmitted {
        referral: id(&submitted.referral),
        reference: submitted.reference.to_string(),
        thread: copied(submitted.thread.as_bytes()),
        kind: submitted.kind.number(),
        from: submitted.from.number(),
        to: submitted.to.number(),
        recipient: submitted.recipient.to_string(),
        host: submitted.host.to_string(),
        leader: submitted.leader.to_string(),
        urgency: submitted.urgency.number(),
        reported_at_us: submitted.reported_at.map(Time::micros),
        contact_due_at_us: submitted.contact_due_at.map(Time::micros),
        offer: submitted.offer.map(|offer| copied(offer.as_bytes())),
        persons: submitted.persons.iter().map(person).collect(),
        sections: submitted.sections.iter().map(submitted_section).collect(),
        residence_basis: submitted.residence_basis.map(Code::number),
        forwarded_from: submitted.forwarded_from.as_ref().map(id),
        excluded: submitted.excluded.map(|commitment| copied(&commitment.0)),
    }
}

fn person(person: &Person) -> v1::Person {
    v1::Person {
        id: copied(person.id.as_bytes()),
        role: person.name.role.number(),
        number: person.name.number,
        protected_identity: person.protected_identity.number(),
    }
}

fn submitted_section(section: &SubmittedSection) -> v1::SubmittedSection {
    v1::SubmittedSection {
        content: Some(section_content(&section.content)),
        category: section.category.number(),
        persons: section.persons.iter().map(|person| copied(person.as_bytes())).collect(),
        investigation: section.investigation,
    }
}

fn section_content(content: &SectionContent) -> v1::SectionContent {
    v1::SectionContent { section: content.section, revision: content.revision, commitment: copied(&content.commitment.0) }
}

fn referral_amended(referral: &ReferralId, sections: &[SectionContent], excluded: Option<Commitment>) -> v1::ReferralAmended {
    v1::ReferralAmended {
        referral: id(referral),
        sections: sections.iter().map(section_content).collect(),
        excluded: excluded.map(|commitment| copied(&commitment.0)),
    }
}

fn consent_recorded(given: &ConsentGiven) -> v1::ConsentRecorded {
    v1::ConsentRecorded {
        referral: id(&given.referral),
        consent: copied(given.consent.as_bytes()),
        person: copied(given.person.as_bytes()),
        categories: codes(&given.categories),
        recipient: given.recipient.to_string(),
        purpose: given.purpose.number(),
        given_at_us: given.given_at.micros(),
        valid_until_us: given.valid_until.micros(),
        form: given.form.number(),
        language: given.language.clone(),
        interpreter: given.interpreter,
        gdpr_basis: given.gdpr_basis.number(),
        given_by: given.given_by.number(),
        asked_by: given.asked_by.map(|officer| copied(&officer.0)),
        interpreter_reference: given.interpreter_reference.map(|commitment| copied(&commitment.0)),
    }
}

fn consent_withdrawn(referral: &ReferralId, consent: &ConsentId) -> v1::ConsentWithdrawn {
    v1::ConsentWithdrawn { referral: id(referral), consent: copied(consent.as_bytes()) }
}

fn stop_use_sent(referral: &ReferralId, recipient: &FunctionId, sections: &[u32], withdrawal: Position) -> v1::StopUseSent {
    v1::StopUseSent { referral: id(referral), recipient: recipient.to_string(), sections: sections.to_vec(), withdrawal: withdrawal.0 }
}

fn stop_use_answered(referral: &ReferralId, notice: Position, answer: StopUseAnswer) -> v1::StopUseAnswered {
    v1::StopUseAnswered { referral: id(referral), notice: notice.0, answer: answer.number() }
}

fn clearance_decided(decision: &ClearanceDecision) -> v1::ClearanceDecided {
    v1::ClearanceDecided {
        referral: id(&decision.referral),
        recipient: decision.recipient.to_string(),
        table: copied(&decision.table.0),
        reasons: copied(&decision.reasons.0),
        cells: decision.cells.iter().map(decided_cell).collect(),
        template: decision.template.map(|digest| copied(&digest.0)),
    }
}

fn decided_cell(decided: &DecidedCell) -> v1::DecidedCell {
    let outcome = match &decided.outcome {
        Outcome::Release { ground, consent } => v1::decided_cell::Outcome::Release(release(ground, *consent)),
        Outcome::Withhold { reason, nameable } => v1::decided_cell::Outcome::Withhold(v1::Withhold { reason: reason.number(), nameable: *nameable }),
    };
    v1::DecidedCell {
        cell: Some(cell_name(&decided.cell)),
        outcome: Some(outcome),
        second_officer: decided.second_officer,
        standing_until_us: decided.standing_until.map(Time::micros),
        withdrawal: decided.withdrawal.map(|at| at.0),
    }
}

fn cell_name(cell: &CellName) -> v1::CellName {
    let interest = match cell.interest {
        Interest::Person(person) => v1::cell_name::Interest::Person(copied(person.as_bytes())),
        Interest::Investigation => v1::cell_name::Interest::Investigation(v1::Investigation {}),
    };
    v1::CellName { section: cell.section, interest: Some(interest) }
}

fn clearance_confirmed(second: &SecondDecision) -> v1::ClearanceConfirmed {
    v1::ClearanceConfirmed {
        referral: id(&second.referral),
        table: copied(&second.table.0),
        reasons: copied(&second.reasons.0),
        cells: second.cells.iter().map(confirmation).collect(),
    }
}

fn confirmation(word: &Confirmation) -> v1::Confirmation {
    let outcome = match &word.outcome {
        Outcome::Release { ground, consent } => v1::confirmation::Outcome::Release(release(ground, *consent)),
        Outcome::Withhold { reason, nameable } => v1::confirmation::Outcome::Withhold(v1::Withhold { reason: reason.number(), nameable: *nameable }),
    };
    let standing_until_us = word.standing_until.map(Time::micros);
    v1::Confirmation { cell: Some(cell_name(&word.cell)), decision: word.decision.0, outcome: Some(outcome), standing_until_us }
}

fn release(ground: &GroundCode, consent: Option<Position>) -> v1::Release {
    v1::Release { ground: ground.to_string(), consent: consent.map(|at| at.0) }
}

fn clearance_revoked(referral: &ReferralId, cells: &[CellName], table: &TableHash) -> v1::ClearanceRevoked {
    v1::ClearanceRevoked { referral: id(referral), cells: cells.iter().map(cell_name).collect(), table: copied(&table.0) }
}

fn clearance_carried(carried: &CarriedClearances) -> v1::ClearanceCarried {
    let cell = |carried: &CarriedCell| v1::CarriedCell { cell: Some(cell_name(&carried.cell)), revision: carried.revision, decision: carried.decision.0 };
    v1::ClearanceCarried { referral: id(&carried.referral), cells: carried.cells.iter().map(cell).collect(), table: copied(&carried.table.0) }
}

fn emergency_declared(declared: &EmergencyDeclaration) -> v1::EmergencyDeclared {
    v1::EmergencyDeclared {
        referral: id(&declared.referral),
        recipient: declared.recipient.to_string(),
        expires_at_us: declared.expires_at.micros(),
        review_due_at_us: declared.review_due_at.micros(),
        telephoned_at_us: declared.telephoned_at.map(Time::micros),
        reasons: copied(&declared.reasons.0),
    }
}

fn emergency_reviewed(review: &EmergencyReview) -> v1::EmergencyReviewed {
    v1::EmergencyReviewed {
        referral: id(&review.referral),
        emergency: review.emergency.0,
        verdict: review.verdict.number(),
        reasons: copied(&review.reasons.0),
    }
}

fn referral_offered(offered: &OfferedSections) -> v1::ReferralOffered {
    v1::ReferralOffered { referral: id(&offered.referral), recipient: offered.recipient.to_string(), sections: offered.sections.clone() }
}

fn sections_offered(offered: &OfferedSections) -> v1::SectionsOffered {
    v1::SectionsOffered { referral: id(&offered.referral), recipient: offered.recipient.to_string(), sections: offered.sections.clone() }
}

fn offer_withdrawn(referral: &ReferralId, recipient: &FunctionId) -> v1::OfferWithdrawn {
    v1::OfferWithdrawn { referral: id(referral), recipient: recipient.to_string() }
}

fn sections_released(referral: &ReferralId, recipient: &FunctionId, released: &Released) -> v1::SectionsReleased {
    let section = |section: &ReleasedSection| v1::ReleasedSection {
        section: section.section,
        revision: section.revision,
        commitment: copied(&section.commitment.0),
        basis: section.basis.iter().map(|at| at.0).collect(),
    };
    v1::SectionsReleased { referral: id(referral), recipient: recipient.to_string(), released: released.sections().iter().map(section).collect() }
}

fn contact_recorded(contact: &Contact) -> v1::ContactRecorded {
    v1::ContactRecorded {
        referral: id(&contact.referral),
        outcome: contact.outcome.number(),
        at_us: contact.at.micros(),
        channel: contact.channel.map(Code::number),
        interpreter: contact.interpreter,
        next_try_at_us: contact.next_try_at.map(Time::micros),
    }
}

fn referral_closed(closing: &Closing) -> v1::ReferralClosed {
    v1::ReferralClosed { referral: id(&closing.referral), outcome: closing.outcome.number(), phases: codes(&closing.phases), support: codes(&closing.support) }
}

fn reminder_sent(reminder: &Reminder) -> v1::ReminderSent {
    v1::ReminderSent {
        referral: id(&reminder.referral),
        clock: reminder.clock.number(),
        level: reminder.level.number(),
        function: reminder.function.to_string(),
        due_at_us: reminder.due_at.micros(),
        deadline_us: reminder.deadline.micros(),
    }
}

fn escalated(escalation: &Escalation) -> v1::Escalated {
    v1::Escalated {
        referral: id(&escalation.referral),
        clock: escalation.clock.number(),
        function: escalation.function.as_ref().map(ToString::to_string),
        deadline_us: escalation.deadline.micros(),
        told: escalation.told.map(Code::number),
    }
}

fn content_destroyed(destruction: &Destruction) -> v1::ContentDestroyed {
    let name = |name: &ContentName| v1::ContentName { section: name.section, revision: name.revision };
    v1::ContentDestroyed { referral: id(&destruction.referral), contents: destruction.contents.iter().map(name).collect(), cause: destruction.cause.number() }
}
