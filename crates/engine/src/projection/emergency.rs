//! Emergencies, and the words of second officers that are owed on them, to rows and back.

use brygga_domain::emergency::{Emergency, OwedWord, Review};
use brygga_domain::event::CellName;
use brygga_domain::{OfficerPseudonym, Time};

use super::{At, interest, interest_bytes, number};
use crate::rows::{EmergencyRow, OwedWordRow};
use crate::store::Corrupt;

pub(super) fn row(emergency: &Emergency) -> EmergencyRow {
    EmergencyRow {
        position: number(emergency.at.0),
        agency: emergency.agency.to_string(),
        officer: emergency.officer.map(|officer| officer.0.into()),
        expires_at: emergency.expires_at.micros(),
        review_due_at: emergency.review_due_at.micros(),
        telephoned_at: emergency.telephoned_at.map(Time::micros),
        reviewed_at: emergency.review.map(|review| number(review.at.0)),
        verdict: emergency.review.map(|review| review.verdict.to_string()),
    }
}

pub(super) fn read(row: &EmergencyRow) -> Result<Emergency, Corrupt> {
    let at = At::new("emergency", row.position);
    let review = match (row.reviewed_at, &row.verdict) {
        (Some(reviewed_at), Some(verdict)) => Some(Review { at: at.position("reviewed_at", reviewed_at)?, verdict: at.code("verdict", verdict)? }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err(at.corrupt("verdict")),
    };
    Ok(Emergency {
        at: at.position("position", row.position)?,
        agency: at.parse("agency", &row.agency)?,
        officer: row.officer.as_ref().map(|bytes| at.bytes("officer", OfficerPseudonym::from_bytes(&bytes.0))).transpose()?,
        expires_at: Time::from_micros(row.expires_at),
        review_due_at: Time::from_micros(row.review_due_at),
        telephoned_at: row.telephoned_at.map(Time::from_micros),
        review,
    })
}

pub(super) fn owed_row(owed: &OwedWord) -> OwedWordRow {
    OwedWordRow {
        position: number(owed.at.0),
        section: i64::from(owed.cell.section),
        interest: interest_bytes(owed.cell.interest),
        revision: i64::from(owed.revision),
        officer: owed.officer.map(|officer| officer.0.into()),
        ground: owed.ground.to_string(),
        consent: owed.consent.map(|at| number(at.0)),
    }
}

pub(super) fn read_owed(row: &OwedWordRow) -> Result<OwedWord, Corrupt> {
    let at = At::new("owed_word", row.position);
    Ok(OwedWord {
        cell: CellName { section: at.small("section", row.section)?, interest: interest(&at, &row.interest)? },
        revision: at.small("revision", row.revision)?,
        at: at.position("position", row.position)?,
        officer: row.officer.as_ref().map(|bytes| at.bytes("officer", OfficerPseudonym::from_bytes(&bytes.0))).transpose()?,
        ground: at.parse("ground", &row.ground)?,
        consent: at.positions("consent", row.consent)?,
    })
}
