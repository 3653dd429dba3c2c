//! Exclusions to rows and back.

use brygga_domain::{Excluded, OfficerPseudonym};

use super::At;
use crate::rows::{ExcludedRow, ReferralRows};
use crate::store::Corrupt;

pub(super) fn row(excluded: &Excluded) -> ExcludedRow {
    match excluded {
        Excluded::Officer(agency, officer) => ExcludedRow { name: agency.to_string(), officer: Some(officer.0.into()) },
        Excluded::Function(function) => ExcludedRow { name: function.to_string(), officer: None },
    }
}

pub(super) fn read(row: &ExcludedRow, at: &At) -> Result<Excluded, Corrupt> {
    match &row.officer {
        Some(bytes) => {
            let officer = at.bytes("excluded", OfficerPseudonym::from_bytes(&bytes.0))?;
            Ok(Excluded::Officer(at.parse("excluded", &row.name)?, officer))
        }
        None => at.parse("excluded", &row.name).map(Excluded::Function),
    }
}

/// Everybody who is excluded. A broker of before that replaced the list did not know whom the first referral excludes.
pub(super) fn read_all(rows: &ReferralRows, at: &At) -> Result<Vec<Excluded>, Corrupt> {
    let lost = rows.inherited.iter().filter(|row| !rows.excluded.contains(row));
    rows.excluded.iter().chain(lost).map(|row| read(row, at)).collect()
}
