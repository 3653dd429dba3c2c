//! What hangs on a referral, in one column of its row: persons, sections, cells, consents, notices, emergencies, exclusions.
//!
//! What later steps of the schema brought lies in a column of its own (`more_parts`), for most referrals none of it: a broker of before neither
//! reads nor writes it.
//!
//! They are read and written only together with their referral and under the log's lock, so that one value costs one write where
//! tables would cost one for each row. Nothing is found by them; the journal gives all but the exclusions anew, and a replay compares them
//! one by one.

use serde::{Deserialize, Serialize};

use crate::rows::{Blob, CellRow, ConsentRow, EmergencyRow, ExcludedRow, OwedWordRow, PersonRow, ReferralRow, ReferralRows, SectionRow, StopUseRow};
use crate::store::Corrupt;

/// How parts are laid out: the first byte. A broker that finds another refuses the row rather than guess at it.
const LAYOUT: u8 = 4;
/// The same of more parts.
const MORE_LAYOUT: u8 = 1;

/// The parts in the order in which they are laid out.
#[derive(Serialize)]
struct Parts<'r>(&'r [PersonRow], &'r [SectionRow], &'r [CellRow], &'r [ConsentRow], &'r [StopUseRow], &'r [EmergencyRow], &'r [ExcludedRow]);

#[derive(Deserialize)]
struct OwnParts(Vec<PersonRow>, Vec<SectionRow>, Vec<CellRow>, Vec<ConsentRow>, Vec<StopUseRow>, Vec<EmergencyRow>, Vec<ExcludedRow>);

#[derive(Serialize)]
struct MoreParts<'r>(&'r [ExcludedRow], &'r [OwedWordRow]);

#[derive(Deserialize, Default)]
struct OwnMoreParts(Vec<ExcludedRow>, Vec<OwedWordRow>);

fn corrupt(referral: &ReferralRow, column: &'static str) -> Corrupt {
    Corrupt { table: "referral", row: hex::encode(&referral.id.0), column }
}

fn laid_out(parts: &impl Serialize, layout: u8) -> Option<Blob> {
    postcard::to_extend(parts, vec![layout]).ok().map(Blob)
}

fn read<'p, P: Deserialize<'p>>(parts: &'p Blob, layout: u8) -> Option<P> {
    let laid_out = parts.0.split_first().filter(|(first, _)| **first == layout).map(|(_, laid_out)| laid_out)?;
    postcard::take_from_bytes(laid_out).ok().filter(|(_, rest)| rest.is_empty()).map(|(parts, _)| parts)
}

impl ReferralRows {
    /// The column that holds everything but the referral's own row; refused where a cell is of no section.
    pub fn parts(&self) -> Result<Blob, Corrupt> {
        let Self { referral, persons, sections, cells, consents, stop_uses, emergencies, excluded, inherited: _, owed: _ } = self;
        if cells.iter().any(|cell| !sections.iter().any(|section| section.number == cell.section)) {
            return Err(corrupt(referral, "parts"));
        }
        laid_out(&Parts(persons, sections, cells, consents, stop_uses, emergencies, excluded), LAYOUT).ok_or_else(|| corrupt(referral, "parts"))
    }

    /// The column that holds what few referrals have; `None`: this one has none of it.
    pub fn more_parts(&self) -> Result<Option<Blob>, Corrupt> {
        if self.inherited.is_empty() && self.owed.is_empty() {
            return Ok(None);
        }
        laid_out(&MoreParts(&self.inherited, &self.owed), MORE_LAYOUT).ok_or_else(|| corrupt(&self.referral, "more_parts")).map(Some)
    }

    /// A referral's own row and those columns, as rows again.
    pub fn whole(referral: ReferralRow, parts: &Blob, more_parts: Option<&Blob>) -> Result<Self, Corrupt> {
        let OwnParts(persons, sections, cells, consents, stop_uses, emergencies, excluded) = read(parts, LAYOUT).ok_or_else(|| corrupt(&referral, "parts"))?;
        let more = more_parts.map(|more| read(more, MORE_LAYOUT).ok_or_else(|| corrupt(&referral, "more_parts"))).transpose()?;
        let OwnMoreParts(inherited, owed) = more.unwrap_or_default();
        Ok(Self { referral, persons, sections, cells, consents, stop_uses, emergencies, excluded, inherited, owed })
    }
}
