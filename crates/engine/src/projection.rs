//! Referrals to rows and back, and what inboxes and senders are told of an event (`told.rs`). Pure.
//!
//! Decisions read rows, never old event bytes; replaying the journal must give the same rows, and an operator command compares them.

mod emergency;
mod excluded;
mod told;

pub use told::{notices, passed_over, told_function};

use brygga_domain::clocks::{Duty, Mark};
use brygga_domain::codes::*;
use brygga_domain::content::Kept;
use brygga_domain::event::{ConsentGiven, Interest, Outcome, Person, PersonName};
use brygga_domain::grounds::GroundCode;
use brygga_domain::referral::{Carried, Cell, CellState, Consent, Decision, Referral, Section, SectionRelease, Stage, StopUseNotice};
use brygga_domain::*;

use crate::rows::*;
use crate::store::Corrupt;

/// A position as rows keep it. The journal ends long before the numbers do.
pub fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn flag(value: bool) -> i64 {
    i64::from(value)
}

fn joined<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(" ")
}

/// The rows of a referral, with the next look at its clocks from now on.
pub fn watched_rows(referral: &Referral, duty: Duty<'_>, now: Time) -> ReferralRows {
    let mut rows = rows(referral);
    rows.referral.next_due_at = duty.next_look(referral, now).map(Time::micros);
    rows
}

/// The rows of a referral as they follow from the journal alone.
pub fn rows(referral: &Referral) -> ReferralRows {
    let (stage_code, recall, confirmed) = stage_columns(referral.stage);
    ReferralRows {
        referral: ReferralRow {
            id: referral.id.as_bytes().into(),
            reference: referral.reference.to_string(),
            thread: referral.thread.as_bytes().into(),
            kind: referral.kind.to_string(),
            sender: referral.sender.to_string(),
            from_kind: referral.from.to_string(),
            to_kind: referral.to.to_string(),
            recipient: referral.recipient.to_string(),
            host: referral.host.to_string(),
            leader: referral.leader.to_string(),
            urgency: referral.urgency.to_string(),
            reported_at: referral.reported_at.map(Time::micros),
            contact_due_at: referral.contact_due_at.map(Time::micros),
            contacted_at: referral.contacted_at.map(Time::micros),
            submitted_at: referral.submitted_at.micros(),
            received_at: referral.received_at.map(Time::micros),
            stage_since: referral.stage_since.micros(),
            marks: joined(referral.marks.iter().map(|mark| format!("{}:{}", mark.clock, mark.level))),
            next_due_at: None,
            first_position: number(referral.first.0),
            last_position: number(referral.last.0),
            offered_at: referral.offered_at.map(|at| number(at.0)),
            stage: referral.stage.as_str().to_owned(),
            stage_code,
            recall,
            recall_confirmed: flag(confirmed),
            claimed_by: referral.claimed_by.map(|officer| officer.0.into()),
        },
        persons: referral.persons.iter().map(person_row).collect(),
        sections: referral.sections.iter().map(section_row).collect(),
        cells: referral.sections.iter().flat_map(|section| (0_i64..).zip(&section.cells).map(|(place, cell)| cell_row(section.number, place, cell))).collect(),
        consents: referral.consents.iter().map(consent_row).collect(),
        stop_uses: referral.notices.iter().map(stop_use_row).collect(),
        emergencies: referral.emergencies.iter().map(emergency::row).collect(),
        excluded: referral.excluded.iter().map(excluded::row).collect(),
        inherited: referral.inherited.iter().map(excluded::row).collect(),
        owed: referral.owed.iter().map(emergency::owed_row).collect(),
    }
}

fn stage_columns(stage: Stage) -> (Option<String>, Option<i64>, bool) {
    match stage {
        Stage::Held | Stage::Ready | Stage::Opened | Stage::Accepted => (None, None, false),
        Stage::Declined(reason) => (Some(reason.to_string()), None, false),
        Stage::Returned(reason) => (Some(reason.to_string()), None, false),
        Stage::Closed(outcome) => (Some(outcome.to_string()), None, false),
        Stage::Retracted { reason, recall, confirmed } => (Some(reason.to_string()), recall.map(|at| number(at.0)), confirmed),
    }
}

fn person_row(person: &Person) -> PersonRow {
    PersonRow {
        id: person.id.as_bytes().into(),
        role: person.name.role.to_string(),
        number: i64::from(person.name.number),
        protected_identity: person.protected_identity.to_string(),
    }
}

fn section_row(section: &Section) -> SectionRow {
    SectionRow {
        number: i64::from(section.number),
        category: section.category.to_string(),
        revision: i64::from(section.revision),
        commitment: section.commitment.0.into(),
        offered: flag(section.offered),
        released_at: section.released.map(|release| number(release.at.0)),
        released_revision: section.released.map(|release| i64::from(release.revision)),
        revealed: flag(section.revealed),
        checked_by: section.checked_by.iter().map(|officer| officer.0.into()).collect(),
        acknowledged: i64::from(section.acknowledged),
        rested_on: joined(&section.rested_on),
        kept: joined(section.kept.iter().map(|kept| format!("{}:{}:{}", kept.revision, kept.since.micros(), if kept.left { "left" } else { "held" }))),
    }
}

fn interest_bytes(interest: Interest) -> Blob {
    match interest {
        Interest::Person(person) => person.as_bytes().into(),
        Interest::Investigation => Blob::default(),
    }
}

fn cell_row(section: u32, place: i64, cell: &Cell) -> CellRow {
    let undecided = CellRow {
        section: i64::from(section),
        interest: interest_bytes(cell.interest),
        place,
        decided_at: None,
        officer: None,
        ground: None,
        consent: None,
        withheld: None,
        nameable: 0,
        second_officer: 0,
        confirmed_at: None,
        standing_until: None,
        carried_at: None,
        carried_revision: None,
    };
    let CellState::Decided(decision) = &cell.state else { return undecided };
    let (ground, consent, withheld, nameable) = match &decision.outcome {
        Outcome::Release { ground, consent } => (Some(ground.to_string()), consent.map(|at| number(at.0)), None, false),
        Outcome::Withhold { reason, nameable } => (None, None, Some(reason.to_string()), *nameable),
    };
    CellRow {
        decided_at: Some(number(decision.at.0)),
        officer: decision.officer.map(|officer| officer.0.into()),
        ground,
        consent,
        withheld,
        nameable: flag(nameable),
        second_officer: flag(decision.second_officer),
        confirmed_at: decision.confirmed.map(|at| number(at.0)),
        standing_until: decision.standing_until.map(Time::micros),
        carried_at: decision.carried.map(|carried| number(carried.at.0)),
        carried_revision: decision.carried.map(|carried| i64::from(carried.revision)),
        ..undecided
    }
}

fn consent_row(consent: &Consent) -> ConsentRow {
    let given = &consent.given;
    ConsentRow {
        id: given.consent.as_bytes().into(),
        position: number(consent.at.0),
        person: given.person.as_bytes().into(),
        categories: joined(&given.categories),
        recipient: given.recipient.to_string(),
        purpose: given.purpose.to_string(),
        given_at: given.given_at.micros(),
        valid_until: given.valid_until.micros(),
        form: given.form.to_string(),
        language: given.language.clone(),
        interpreter: flag(given.interpreter),
        gdpr_basis: given.gdpr_basis.to_string(),
        given_by: given.given_by.to_string(),
        asked_by: given.asked_by.map(|officer| officer.0.into()),
        interpreter_reference: given.interpreter_reference.map(|commitment| commitment.0.into()),
        withdrawn_at: consent.withdrawn.map(|at| number(at.0)),
    }
}

fn stop_use_row(notice: &StopUseNotice) -> StopUseRow {
    StopUseRow { position: number(notice.at.0), sections: joined(&notice.sections), answer: notice.answer.map(|answer| answer.to_string()) }
}

/// Names the row that a damaged column stands in.
struct At {
    table: &'static str,
    row: String,
}

impl At {
    fn new(table: &'static str, row: impl ToString) -> Self {
        Self { table, row: row.to_string() }
    }

    fn corrupt(&self, column: &'static str) -> Corrupt {
        Corrupt { table: self.table, row: self.row.clone(), column }
    }

    fn code<C: Code>(&self, column: &'static str, text: &str) -> Result<C, Corrupt> {
        C::from_text(text).ok_or_else(|| self.corrupt(column))
    }

    fn parse<T: std::str::FromStr>(&self, column: &'static str, text: &str) -> Result<T, Corrupt> {
        text.parse().map_err(|_| self.corrupt(column))
    }

    fn position(&self, column: &'static str, value: i64) -> Result<Position, Corrupt> {
        u64::try_from(value).map(Position).map_err(|_| self.corrupt(column))
    }

    fn positions(&self, column: &'static str, value: Option<i64>) -> Result<Option<Position>, Corrupt> {
        value.map(|value| self.position(column, value)).transpose()
    }

    fn small(&self, column: &'static str, value: i64) -> Result<u32, Corrupt> {
        u32::try_from(value).map_err(|_| self.corrupt(column))
    }

    fn bytes<T, E>(&self, column: &'static str, read: Result<T, E>) -> Result<T, Corrupt> {
        read.map_err(|_| self.corrupt(column))
    }

    fn is(&self, column: &'static str, value: i64) -> Result<bool, Corrupt> {
        match value {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.corrupt(column)),
        }
    }
}

/// The referral of rows.
pub fn referral(rows: &ReferralRows) -> Result<Referral, Corrupt> {
    let row = &rows.referral;
    let at = At::new("referral", hex::encode(&row.id.0));
    let persons = rows.persons.iter().map(person).collect::<Result<Vec<_>, _>>()?;
    let mut sections = rows.sections.iter().map(|part| section(part, &at)).collect::<Result<Vec<_>, _>>()?;
    for row in &rows.cells {
        let at = At::new("cell", format!("{} of section {}", at.row, row.section));
        let number = at.small("section", row.section)?;
        let section = sections.iter_mut().find(|section| section.number == number).ok_or_else(|| at.corrupt("section"))?;
        section.cells.push(cell(&at, row)?);
    }
    Ok(Referral {
        id: at.bytes("id", ReferralId::from_bytes(&row.id.0))?,
        reference: at.parse("reference", &row.reference)?,
        thread: at.bytes("thread", ThreadId::from_bytes(&row.thread.0))?,
        kind: at.code("kind", &row.kind)?,
        sender: at.parse("sender", &row.sender)?,
        from: at.code("from_kind", &row.from_kind)?,
        to: at.code("to_kind", &row.to_kind)?,
        recipient: at.parse("recipient", &row.recipient)?,
        host: at.parse("host", &row.host)?,
        leader: at.parse("leader", &row.leader)?,
        urgency: at.code("urgency", &row.urgency)?,
        reported_at: row.reported_at.map(Time::from_micros),
        contact_due_at: row.contact_due_at.map(Time::from_micros),
        contacted_at: row.contacted_at.map(Time::from_micros),
        submitted_at: Time::from_micros(row.submitted_at),
        received_at: row.received_at.map(Time::from_micros),
        stage_since: Time::from_micros(row.stage_since),
        marks: row.marks.split_whitespace().map(|text| mark(&at, text)).collect::<Result<_, _>>()?,
        first: at.position("first_position", row.first_position)?,
        last: at.position("last_position", row.last_position)?,
        offered_at: at.positions("offered_at", row.offered_at)?,
        stage: stage(&at, row)?,
        claimed_by: row.claimed_by.as_ref().map(|bytes| at.bytes("claimed_by", OfficerPseudonym::from_bytes(&bytes.0))).transpose()?,
        persons,
        sections,
        consents: rows.consents.iter().map(|part| consent(part, &row.id)).collect::<Result<_, _>>()?,
        notices: rows.stop_uses.iter().map(stop_use).collect::<Result<_, _>>()?,
        emergencies: rows.emergencies.iter().map(emergency::read).collect::<Result<_, _>>()?,
        revealing: None,
        excluded: excluded::read_all(rows, &at)?,
        inherited: rows.inherited.iter().map(|row| excluded::read(row, &at)).collect::<Result<_, _>>()?,
        owed: rows.owed.iter().map(emergency::read_owed).collect::<Result<_, _>>()?,
    })
}

fn stage(at: &At, row: &ReferralRow) -> Result<Stage, Corrupt> {
    let code = row.stage_code.as_deref().unwrap_or_default();
    match row.stage.as_str() {
        "held" => Ok(Stage::Held),
        "ready" => Ok(Stage::Ready),
        "opened" => Ok(Stage::Opened),
        "accepted" => Ok(Stage::Accepted),
        "declined" => at.code("stage_code", code).map(Stage::Declined),
        "returned" => at.code("stage_code", code).map(Stage::Returned),
        "closed" => at.code("stage_code", code).map(Stage::Closed),
        "retracted" => Ok(Stage::Retracted {
            reason: at.code("stage_code", code)?,
            recall: at.positions("recall", row.recall)?,
            confirmed: at.is("recall_confirmed", row.recall_confirmed)?,
        }),
        _ => Err(at.corrupt("stage")),
    }
}

fn mark(at: &At, text: &str) -> Result<Mark, Corrupt> {
    let (clock, level) = text.split_once(':').ok_or_else(|| at.corrupt("marks"))?;
    Ok(Mark { clock: at.code("marks", clock)?, level: at.code("marks", level)? })
}

fn person(row: &PersonRow) -> Result<Person, Corrupt> {
    let at = At::new("person", hex::encode(&row.id.0));
    Ok(Person {
        id: at.bytes("id", PersonId::from_bytes(&row.id.0))?,
        name: PersonName { role: at.code("role", &row.role)?, number: at.small("number", row.number)? },
        protected_identity: at.code("protected_identity", &row.protected_identity)?,
    })
}

fn section(row: &SectionRow, referral: &At) -> Result<Section, Corrupt> {
    let at = At::new("section", format!("{} of {}", row.number, referral.row));
    let release = match (row.released_at, row.released_revision) {
        (Some(position), Some(revision)) => {
            Some(SectionRelease { at: at.position("released_at", position)?, revision: at.small("released_revision", revision)? })
        }
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err(at.corrupt("released_revision")),
    };
    Ok(Section {
        number: at.small("number", row.number)?,
        category: at.code("category", &row.category)?,
        revision: at.small("revision", row.revision)?,
        commitment: at.bytes("commitment", Commitment::from_bytes(&row.commitment.0))?,
        cells: Vec::new(),
        offered: at.is("offered", row.offered)?,
        released: release,
        revealed: at.is("revealed", row.revealed)?,
        checked_by: row.checked_by.iter().map(|bytes| at.bytes("checked_by", OfficerPseudonym::from_bytes(&bytes.0))).collect::<Result<_, _>>()?,
        acknowledged: at.small("acknowledged", row.acknowledged)?,
        rested_on: row.rested_on.split_whitespace().map(|text| at.parse("rested_on", text).map(Position)).collect::<Result<_, _>>()?,
        kept: row.kept.split_whitespace().map(|text| kept(&at, text)).collect::<Result<_, _>>()?,
    })
}

fn kept(at: &At, text: &str) -> Result<Kept, Corrupt> {
    let mut parts = text.split(':');
    let mut next = || parts.next().ok_or_else(|| at.corrupt("kept"));
    let (revision, since, left) = (next()?, next()?, next()?);
    let left = match left {
        "left" => true,
        "held" => false,
        _ => return Err(at.corrupt("kept")),
    };
    Ok(Kept { revision: at.parse("kept", revision)?, since: Time::from_micros(at.parse("kept", since)?), left })
}

fn interest(at: &At, bytes: &Blob) -> Result<Interest, Corrupt> {
    if bytes.0.is_empty() { Ok(Interest::Investigation) } else { at.bytes("interest", PersonId::from_bytes(&bytes.0)).map(Interest::Person) }
}

fn cell(at: &At, row: &CellRow) -> Result<Cell, Corrupt> {
    let interest = interest(at, &row.interest)?;
    let Some(decided_at) = row.decided_at else { return Ok(Cell { interest, state: CellState::Undecided }) };
    let outcome = match (&row.ground, &row.withheld) {
        (Some(ground), None) => Outcome::Release { ground: at.parse::<GroundCode>("ground", ground)?, consent: at.positions("consent", row.consent)? },
        (None, Some(reason)) => Outcome::Withhold { reason: at.code("withheld", reason)?, nameable: at.is("nameable", row.nameable)? },
        (Some(_), Some(_)) | (None, None) => return Err(at.corrupt("ground")),
    };
    let decision = Decision {
        at: at.position("decided_at", decided_at)?,
        officer: row.officer.as_ref().map(|bytes| at.bytes("officer", OfficerPseudonym::from_bytes(&bytes.0))).transpose()?,
        outcome,
        second_officer: at.is("second_officer", row.second_officer)?,
        confirmed: at.positions("confirmed_at", row.confirmed_at)?,
        standing_until: row.standing_until.map(Time::from_micros),
        carried: carried(at, row)?,
    };
    Ok(Cell { interest, state: CellState::Decided(decision) })
}

fn carried(at: &At, row: &CellRow) -> Result<Option<Carried>, Corrupt> {
    match (row.carried_at, row.carried_revision) {
        (Some(position), Some(revision)) => Ok(Some(Carried { at: at.position("carried_at", position)?, revision: at.small("carried_revision", revision)? })),
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => Err(at.corrupt("carried_revision")),
    }
}

fn consent(row: &ConsentRow, referral: &Blob) -> Result<Consent, Corrupt> {
    let at = At::new("consent", hex::encode(&row.id.0));
    Ok(Consent {
        at: at.position("position", row.position)?,
        given: ConsentGiven {
            referral: at.bytes("referral", ReferralId::from_bytes(&referral.0))?,
            consent: at.bytes("id", ConsentId::from_bytes(&row.id.0))?,
            person: at.bytes("person", PersonId::from_bytes(&row.person.0))?,
            categories: row.categories.split_whitespace().map(|text| at.code("categories", text)).collect::<Result<_, _>>()?,
            recipient: at.parse("recipient", &row.recipient)?,
            purpose: at.code("purpose", &row.purpose)?,
            given_at: Time::from_micros(row.given_at),
            valid_until: Time::from_micros(row.valid_until),
            form: at.code("form", &row.form)?,
            language: row.language.clone(),
            interpreter: at.is("interpreter", row.interpreter)?,
            gdpr_basis: at.code("gdpr_basis", &row.gdpr_basis)?,
            given_by: at.code("given_by", &row.given_by)?,
            asked_by: row.asked_by.as_ref().map(|bytes| at.bytes("asked_by", OfficerPseudonym::from_bytes(&bytes.0))).transpose()?,
            interpreter_reference: {
                let read = |bytes: &Blob| at.bytes("interpreter_reference", Commitment::from_bytes(&bytes.0));
                row.interpreter_reference.as_ref().map(read).transpose()?
            },
        },
        withdrawn: at.positions("withdrawn_at", row.withdrawn_at)?,
    })
}

fn stop_use(row: &StopUseRow) -> Result<StopUseNotice, Corrupt> {
    let at = At::new("stop_use", row.position);
    Ok(StopUseNotice {
        at: at.position("position", row.position)?,
        sections: row.sections.split_whitespace().map(|text| at.parse("sections", text)).collect::<Result<_, _>>()?,
        answer: row.answer.as_deref().map(|text| at.code("answer", text)).transpose()?,
    })
}
