//! What of a batch's referrals is new or differs from what was loaded: rows that stand already as they are given cost no write.

use std::collections::BTreeMap;

use brygga_engine::rows::*;
use brygga_engine::store::Batch;

use crate::waiting::Waiting;

/// A referral as it was loaded, by its first position.
pub(super) type Held = BTreeMap<i64, ReferralRows>;

/// Something of a batch that belongs to a referral which is neither loaded nor written with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("table {table}: its referral is neither loaded nor in the batch")]
pub(super) struct Stray {
    table: &'static str,
}

/// The rows to write. Children come with the position that they hang on.
#[derive(Default)]
pub(super) struct Changes<'b> {
    pub(super) referrals: Vec<(&'b ReferralRow, Waiting)>,
    /// With their place.
    pub(super) persons: Vec<(i64, i64, &'b PersonRow)>,
    pub(super) sections: Vec<(i64, &'b SectionRow)>,
    pub(super) cells: Vec<(i64, &'b CellRow)>,
    pub(super) consents: Vec<(i64, &'b ConsentRow)>,
    pub(super) stop_uses: Vec<(i64, &'b StopUseRow)>,
    pub(super) emergencies: Vec<(i64, &'b EmergencyRow)>,
    pub(super) contents: Vec<(i64, &'b ContentRow)>,
}

impl<'b> Changes<'b> {
    /// The changes of a batch against what was loaded under the same lock.
    pub(super) fn of(batch: &'b Batch, held: &Held) -> Result<Self, Stray> {
        let mut changes = Self::default();
        for rows in &batch.referrals {
            changes.add(rows, held.get(&rows.referral.first_position));
        }
        let origins: BTreeMap<&Blob, i64> = held.values().chain(&batch.referrals).map(|rows| (&rows.referral.id, rows.referral.first_position)).collect();
        for row in &batch.contents {
            let origin = origins.get(&row.referral).ok_or(Stray { table: "section_content" })?;
            changes.contents.push((*origin, row));
        }
        Ok(changes)
    }

    fn add(&mut self, rows: &'b ReferralRows, held: Option<&ReferralRows>) {
        let origin = rows.referral.first_position;
        let waiting = Waiting::of(rows);
        if held.is_none_or(|held| held.referral != rows.referral || Waiting::of(held) != waiting) {
            self.referrals.push((&rows.referral, waiting));
        }
        let persons = (0..).zip(&rows.persons).zip(differs(&rows.persons, held.map(|held| &held.persons)));
        self.persons.extend(persons.filter(|(_, differs)| *differs).map(|((place, row), _)| (origin, place, row)));
        self.sections.extend(changed(&rows.sections, held.map(|held| &held.sections)).into_iter().map(|row| (origin, row)));
        self.cells.extend(changed(&rows.cells, held.map(|held| &held.cells)).into_iter().map(|row| (origin, row)));
        self.consents.extend(changed(&rows.consents, held.map(|held| &held.consents)).into_iter().map(|row| (origin, row)));
        self.stop_uses.extend(changed(&rows.stop_uses, held.map(|held| &held.stop_uses)).into_iter().map(|row| (origin, row)));
        self.emergencies.extend(changed(&rows.emergencies, held.map(|held| &held.emergencies)).into_iter().map(|row| (origin, row)));
    }
}

/// Whether each row differs from the one that was held in its place. Lists keep their order from load to write, so rows of the same
/// key stand at the same place unless something came in between; then a row is written once more than it must be.
fn differs<R: PartialEq>(rows: &[R], held: Option<&Vec<R>>) -> impl Iterator<Item = bool> {
    rows.iter().enumerate().map(move |(place, row)| held.and_then(|held| held.get(place)) != Some(row))
}

fn changed<'b, R: PartialEq>(rows: &'b [R], held: Option<&Vec<R>>) -> Vec<&'b R> {
    rows.iter().zip(differs(rows, held)).filter(|(_, differs)| *differs).map(|(row, _)| row).collect()
}
