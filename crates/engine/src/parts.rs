//! What hangs on a referral, in one column of its row: persons, sections, cells, consents, notices, emergencies, exclusions.
//!
//! They are read and written only together with their referral and under the log's lock, so that one value costs one write where
//! tables would cost one for each row. Nothing is found by them; the journal gives all but the exclusions anew, and a replay compares them
//! one by one.

use serde::{Deserialize, Serialize};

use crate::rows::{Blob, CellRow, ConsentRow, EmergencyRow, ExcludedRow, PersonRow, ReferralRow, ReferralRows, SectionRow, StopUseRow};
use crate::store::Corrupt;

/// How parts are laid out: the first byte. A broker that finds another refuses the row rather than guess at it.
const LAYOUT: u8 = 4;

/// The parts in the order in which they are laid out.
#[derive(Serialize)]
struct Parts<'r>(&'r [PersonRow], &'r [SectionRow], &'r [CellRow], &'r [ConsentRow], &'r [StopUseRow], &'r [EmergencyRow], &'r [ExcludedRow]);

#[derive(Deserialize)]
struct OwnParts(Vec<PersonRow>, Vec<SectionRow>, Vec<CellRow>, Vec<ConsentRow>, Vec<StopUseRow>, Vec<EmergencyRow>, Vec<ExcludedRow>);

fn corrupt(referral: &ReferralRow) -> Corrupt {
    Corrupt { table: "referral", row: hex::encode(&referral.id.0), column: "parts" }
}

impl ReferralRows {
    /// The column that holds everything but the referral's own row; refused where a cell is of no section.
    pub fn parts(&self) -> Result<Blob, Corrupt> {
        let Self { referral, persons, sections, cells, consents, stop_uses, emergencies, excluded } = self;
        if cells.iter().any(|cell| !sections.iter().any(|section| section.number == cell.section)) {
            return Err(corrupt(referral));
        }
        let parts = Parts(persons, sections, cells, consents, stop_uses, emergencies, excluded);
        postcard::to_extend(&parts, vec![LAYOUT]).map(Blob).map_err(|_| corrupt(referral))
    }

    /// A referral's own row and that column, as rows again.
    pub fn whole(referral: ReferralRow, parts: &[u8]) -> Result<Self, Corrupt> {
        let laid_out = parts.split_first().filter(|(layout, _)| **layout == LAYOUT).map(|(_, laid_out)| laid_out);
        let read = laid_out.and_then(|laid_out| postcard::take_from_bytes(laid_out).ok()).filter(|(_, rest)| rest.is_empty());
        let (OwnParts(persons, sections, cells, consents, stop_uses, emergencies, excluded), _) = read.ok_or_else(|| corrupt(&referral))?;
        Ok(Self { referral, persons, sections, cells, consents, stop_uses, emergencies, excluded })
    }
}
