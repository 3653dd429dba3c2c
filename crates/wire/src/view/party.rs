//! A referral as its sender, those who clear it, and its recipient see it.

use brygga_domain::clocks::Duty;
use brygga_domain::emergency::{Emergency, OwedWord};
use brygga_domain::event::{Interest, Outcome};
use brygga_domain::gate;
use brygga_domain::grounds::GroundTable;
use brygga_domain::referral::{Cell, CellState, Consent, Referral, Section, Stage};
use brygga_domain::{Category, Code, Position, SenderStatus, Time, WithholdReason};
use bytes::Bytes;

use super::{interest, timestamp};
use crate::v1;

/// What a sender is told now: the transport answer of the stage. A stage that would tell about a person says closed, no more.
pub fn sender_status(referral: &Referral, table: &GroundTable) -> SenderStatus {
    match referral.stage {
        Stage::Held if referral.cells().all(|(_, cell)| is_settled(state(referral, cell, table))) => SenderStatus::NothingPasses,
        Stage::Held => SenderStatus::Stored,
        Stage::Ready => SenderStatus::Offered,
        Stage::Opened => SenderStatus::Opened,
        Stage::Accepted => SenderStatus::Answered,
        Stage::Declined(reason) => reason.sender_status().unwrap_or(SenderStatus::Closed),
        Stage::Returned(reason) => reason.sender_status(),
        Stage::Closed(outcome) => outcome.sender_status(),
        Stage::Retracted { confirmed: true, .. } => SenderStatus::RecallConfirmed,
        Stage::Retracted { confirmed: false, .. } => SenderStatus::Retracted,
    }
}

/// Whether a cell is decided and waits for no second officer.
fn is_settled(state: v1::ClearanceState) -> bool {
    match state {
        v1::ClearanceState::Release | v1::ClearanceState::Withhold => true,
        v1::ClearanceState::Undecided | v1::ClearanceState::AwaitsSecondOfficer | v1::ClearanceState::Unspecified => false,
    }
}

fn state(referral: &Referral, cell: &Cell, table: &GroundTable) -> v1::ClearanceState {
    match &cell.state {
        CellState::Undecided => v1::ClearanceState::Undecided,
        CellState::Decided(decision) if gate::awaits_second_officer(referral, cell.interest, decision, table) => v1::ClearanceState::AwaitsSecondOfficer,
        CellState::Decided(decision) if decision.outcome.is_withheld() => v1::ClearanceState::Withhold,
        CellState::Decided(_) => v1::ClearanceState::Release,
    }
}

/// A referral as its sender may see it.
pub fn sender_referral(referral: &Referral, table: &GroundTable) -> v1::SenderReferral {
    let notices = referral.notices.iter().map(|notice| v1::SentNotice {
        position: notice.at.0,
        sections: notice.sections.clone(),
        // How it was answered is the holder's: the sender learns that it was.
        confirmed: notice.answer.is_some(),
    });
    v1::SenderReferral {
        id: referral.id.to_string(),
        reference: referral.reference.to_string(),
        thread_id: referral.thread.to_string(),
        kind: referral.kind.number(),
        recipient: referral.recipient.to_string(),
        urgency: referral.urgency.number(),
        leader: referral.leader.to_string(),
        reported_at: referral.reported_at.map(timestamp),
        contact_due_at: referral.contact_due_at.map(timestamp),
        submitted_at: Some(timestamp(referral.submitted_at)),
        status: sender_status(referral, table).number(),
        sections: sections(referral, Clearing::Sender, table),
        notices: notices.collect(),
        first_position: referral.first.0,
        persons: referral.persons.iter().map(|person| person.name.to_string()).collect(),
        alarm: Duty::alarm(table, referral).map_or(0, Code::number),
    }
}

/// For whom cells are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clearing {
    /// The sender, who clears the persons, and the investigation where it leads it.
    Sender,
    /// The leader of the investigation at another agency: its cells and nothing else.
    Leader,
}

impl Clearing {
    fn hears_of(self, referral: &Referral, emergency: &Emergency) -> bool {
        match self {
            Self::Sender => true,
            Self::Leader => emergency.agency == referral.leader,
        }
    }

    fn sees(self, interest: Interest) -> bool {
        match (self, interest) {
            (Self::Sender, Interest::Person(_) | Interest::Investigation) | (Self::Leader, Interest::Investigation) => true,
            (Self::Leader, Interest::Person(_)) => false,
        }
    }
}

fn sections(referral: &Referral, clearing: Clearing, table: &GroundTable) -> Vec<v1::SectionClearance> {
    let seen = |section: &&Section| section.cells.iter().any(|cell| clearing.sees(cell.interest));
    let shown = |section: &Section| v1::SectionClearance {
        number: section.number,
        category: section.category.number(),
        revision: section.revision,
        // Whether it was offered or has left depends on the persons' cells too, which are not the leader's to know.
        offered: section.offered && clearing == Clearing::Sender,
        released_revision: section.released.filter(|_| clearing == Clearing::Sender).map_or(0, |release| release.revision),
        cells: section.cells.iter().filter(|cell| clearing.sees(cell.interest)).map(|cell| cell_clearance(referral, cell, table)).collect(),
        content_destroyed: clearing == Clearing::Sender && !section.has_content(),
    };
    referral.sections.iter().filter(seen).map(shown).collect()
}

fn cell_clearance(referral: &Referral, cell: &Cell, table: &GroundTable) -> v1::CellClearance {
    let mut shown = v1::CellClearance { interest: interest(referral, cell.interest), ..v1::CellClearance::default() };
    let state = state(referral, cell, table);
    shown.set_state(state);
    if let CellState::Decided(decision) = &cell.state
        // The second officer is one of the agency's, and decides without knowing how the first did.
        && state != v1::ClearanceState::AwaitsSecondOfficer
    {
        shown.decision = Some(decision.at.0);
        shown.confirmation = decision.confirmed.map(|at| at.0);
        shown.standing_until = decision.standing_until.map(timestamp);
        shown.carried = decision.carried.map(|carried| carried.at.0);
        match &decision.outcome {
            Outcome::Release { ground, consent } => {
                shown.ground = ground.to_string();
                let consent = consent.and_then(|at| referral.consents.iter().find(|consent| consent.at == at));
                shown.consent_id = consent.map_or_else(String::new, |consent| consent.given.consent.to_string());
            }
            Outcome::Withhold { reason, nameable: _ } => shown.withheld = reason.number(),
        }
    }
    shown
}

/// A referral as those who clear it see it.
pub fn clearance_referral(referral: &Referral, clearing: Clearing, table: &GroundTable) -> v1::ClearanceReferral {
    v1::ClearanceReferral {
        id: referral.id.to_string(),
        reference: referral.reference.to_string(),
        kind: referral.kind.number(),
        sender: referral.sender.to_string(),
        recipient: referral.recipient.to_string(),
        urgency: referral.urgency.number(),
        submitted_at: Some(timestamp(referral.submitted_at)),
        contact_due_at: referral.contact_due_at.map(timestamp),
        sections: sections(referral, clearing, table),
        reminded: if clearing == Clearing::Sender { Duty::senders_level(table, referral).map_or(0, Code::number) } else { 0 },
        emergencies: referral.emergencies.iter().filter(|emergency| clearing.hears_of(referral, emergency)).map(emergency).collect(),
        owed_words: referral.owed.iter().filter(|owed| clearing.sees(owed.cell.interest)).map(|owed| owed_word(referral, owed)).collect(),
    }
}

fn owed_word(referral: &Referral, owed: &OwedWord) -> v1::OwedWord {
    v1::OwedWord { section: owed.cell.section, interest: interest(referral, owed.cell.interest), revision: owed.revision }
}

fn emergency(emergency: &Emergency) -> v1::Emergency {
    v1::Emergency {
        position: emergency.at.0,
        agency: emergency.agency.to_string(),
        expires_at: Some(timestamp(emergency.expires_at)),
        review_due_at: Some(timestamp(emergency.review_due_at)),
        telephoned_at: emergency.telephoned_at.map(timestamp),
        review: emergency.review.map(|review| review.at.0),
        verdict: emergency.review.map_or(0, |review| review.verdict.number()),
    }
}

/// A consent on record.
pub fn consent(referral: &Referral, consent: &Consent, now: Time) -> v1::Consent {
    let given = &consent.given;
    let terms = v1::ConsentTerms {
        person: interest(referral, Interest::Person(given.person)),
        categories: given.categories.iter().map(|category| category.number()).collect(),
        recipient: given.recipient.to_string(),
        purpose: given.purpose.number(),
        given_at: Some(timestamp(given.given_at)),
        valid_until: Some(timestamp(given.valid_until)),
        form: given.form.number(),
        language: given.language.clone().unwrap_or_default(),
        interpreter: given.interpreter,
        gdpr_basis: given.gdpr_basis.number(),
        given_by: given.given_by.number(),
        asked_by: String::new(),
        interpreter_reference: String::new(),
    };
    v1::Consent {
        id: given.consent.to_string(),
        referral: given.referral.to_string(),
        terms: Some(terms),
        position: consent.at.0,
        withdrawal: consent.withdrawn.map(|at| at.0),
        expired: now >= given.valid_until,
    }
}

/// Cells of the consent's person that have left and stand without it: they left on another ground, or on a consent that stands.
pub fn standing(referral: &Referral, consent: &Consent) -> Vec<v1::Cell> {
    let person = Interest::Person(consent.given.person);
    let withdrawn = |at: &Position| *at == consent.at || referral.consents.iter().any(|other| other.at == *at && other.withdrawn.is_some());
    let stands = |section: &&Section| {
        let about_her = section.cells.iter().any(|cell| cell.interest == person);
        about_her && section.released.is_some() && !section.rested_on.iter().any(withdrawn)
    };
    let sections = referral.sections.iter().filter(stands);
    sections.map(|section| v1::Cell { section: section.number, interest: interest(referral, person) }).collect()
}

fn stage(stage: Stage) -> v1::Stage {
    match stage {
        Stage::Held => v1::Stage::Held,
        Stage::Ready => v1::Stage::Ready,
        Stage::Opened => v1::Stage::Opened,
        Stage::Accepted => v1::Stage::Accepted,
        Stage::Declined(_) => v1::Stage::Declined,
        Stage::Returned(_) => v1::Stage::Returned,
        Stage::Closed(_) => v1::Stage::Closed,
        Stage::Retracted { .. } => v1::Stage::Retracted,
    }
}

/// What a recipient sees before opening: what has left, and what is offered and passes now.
pub fn envelope(referral: &Referral, table: &GroundTable, now: Time) -> v1::Envelope {
    let shown = referral.sections.iter().filter_map(|section| Some((section, shown_revision(referral, section, (table, now))?)));
    let sections: Vec<v1::EnvelopeSection> = shown
        .map(|(section, revision)| v1::EnvelopeSection {
            number: section.number,
            category: section.category.number(),
            revision,
            opened_revision: section.released.map_or(0, |release| release.revision),
            content_destroyed: !section.kept.iter().any(|kept| kept.revision == revision),
        })
        .collect();
    let shown = |category: Category| sections.iter().any(|section| section.category == category.number());
    // What is decided after an offer was taken back is nobody's to follow.
    let knows = referral.sections.iter().any(|section| section.offered || section.released.is_some());
    let withheld = if knows { named_as_withheld(referral, shown) } else { Vec::new() };
    let notices = referral.notices.iter().map(|notice| v1::HeldNotice {
        position: notice.at.0,
        sections: notice.sections.clone(),
        answer: notice.answer.map_or(0, Code::number),
    });
    let (recall, recall_confirmed) = match referral.stage {
        Stage::Retracted { recall, confirmed, .. } => (recall.map(|at| at.0), confirmed),
        Stage::Held | Stage::Ready | Stage::Opened | Stage::Accepted | Stage::Declined(_) | Stage::Returned(_) | Stage::Closed(_) => (None, false),
    };
    v1::Envelope {
        id: referral.id.to_string(),
        reference: referral.reference.to_string(),
        thread_id: referral.thread.to_string(),
        sender: referral.sender.to_string(),
        recipient: referral.recipient.to_string(),
        kind: referral.kind.number(),
        urgency: referral.urgency.number(),
        contact_due_at: referral.contact_due_at.map(timestamp),
        contacted_at: referral.contacted_at.map(timestamp),
        withheld: withheld.into_iter().map(Code::number).collect(),
        sections,
        stage: i32::from(stage(referral.stage)),
        claimed: referral.claimed_by.is_some(),
        notices: notices.collect(),
        recall,
        recall_confirmed,
        reminded: Duty::recipients_level(table, referral).map_or(0, Code::number),
        received_at: referral.received_at.map(timestamp),
    }
}

/// The revision of a section that its recipient may know of: what is offered and passes now, else what has left.
fn shown_revision(referral: &Referral, section: &Section, law: (&GroundTable, Time)) -> Option<u32> {
    let passes = || match gate::pass(referral, section, law.0, law.1) {
        Ok(_) => true,
        // That content is gone is told of the section itself.
        Err(blocks) => gate::only_destroyed(&blocks),
    };
    if section.offered && passes() { Some(section.revision) } else { section.released.map(|release| release.revision) }
}

/// Categories of which a decision says that the envelope may name them as withheld, and none says that it may not.
fn named_as_withheld(referral: &Referral, shown: impl Fn(Category) -> bool) -> Vec<Category> {
    let mut named: Vec<Category> = Vec::new();
    for section in &referral.sections {
        let withheld: Vec<bool> = section.cells.iter().filter_map(withheld).map(|(_, nameable)| nameable).collect();
        if !withheld.is_empty() && withheld.iter().all(|nameable| *nameable) && !shown(section.category) && !named.contains(&section.category) {
            named.push(section.category);
        }
    }
    let hidden = |category: Category| {
        let cells = referral.sections.iter().filter(|section| section.category == category).flat_map(|section| &section.cells);
        cells.filter_map(withheld).any(|(_, nameable)| !nameable)
    };
    named.retain(|category| !hidden(*category));
    named
}

fn withheld(cell: &Cell) -> Option<(WithholdReason, bool)> {
    match &cell.state {
        CellState::Undecided => None,
        CellState::Decided(decision) => match decision.outcome {
            Outcome::Release { .. } => None,
            Outcome::Withhold { reason, nameable } => Some((reason, nameable)),
        },
    }
}

/// A section that leaves, with the bytes and the salt that binds them to the log.
pub fn released(referral: &Referral, section: &Section, revision: u32, content: Bytes, salt: &[u8; 32]) -> v1::ReleasedSection {
    let persons = section.cells.iter().filter(|cell| cell.interest != Interest::Investigation);
    v1::ReleasedSection {
        number: section.number,
        category: section.category.number(),
        persons: persons.map(|cell| interest(referral, cell.interest)).collect(),
        revision,
        content,
        salt: Bytes::copy_from_slice(salt),
        investigation: section.cells.iter().any(|cell| cell.interest == Interest::Investigation),
    }
}
