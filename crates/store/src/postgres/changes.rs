//! What of a batch's referrals is new or differs from what was loaded: one that stands already as it is given costs no write.

use std::collections::BTreeMap;

use brygga_engine::rows::*;
use brygga_engine::store::{Batch, Corrupt};

use crate::waiting::Waiting;

/// A referral as it was loaded, by its first position.
pub(super) type Held = BTreeMap<i64, ReferralRows>;

/// Why what belongs to a referral cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stray {
    /// Something of a batch belongs to a referral which is neither loaded nor written with it.
    #[error("table {table}: its referral is neither loaded nor in the batch")]
    NoReferral { table: &'static str },
    /// Its parts cannot be laid out.
    #[error(transparent)]
    Parts(#[from] Corrupt),
}

/// A referral's row to write, with its parts.
pub(super) struct Change<'b> {
    pub(super) row: &'b ReferralRow,
    pub(super) parts: Blob,
    pub(super) more_parts: Option<Blob>,
    pub(super) waiting: Waiting,
}

/// The rows to write.
#[derive(Default)]
pub(super) struct Changes<'b> {
    pub(super) referrals: Vec<Change<'b>>,
    pub(super) emergencies: Vec<&'b EmergencyRow>,
    /// With the position that they hang on.
    pub(super) contents: Vec<(i64, &'b ContentRow)>,
}

impl<'b> Changes<'b> {
    /// The changes of a batch against what was loaded under the same lock.
    pub(super) fn of(batch: &'b Batch, held: &Held) -> Result<Self, Stray> {
        let mut changes = Self::default();
        for rows in &batch.referrals {
            changes.add(rows, held.get(&rows.referral.first_position))?;
        }
        let origins: BTreeMap<&Blob, i64> = held.values().chain(&batch.referrals).map(|rows| (&rows.referral.id, rows.referral.first_position)).collect();
        for row in &batch.contents {
            let origin = origins.get(&row.referral).ok_or(Stray::NoReferral { table: "section_content" })?;
            changes.contents.push((*origin, row));
        }
        Ok(changes)
    }

    fn add(&mut self, rows: &'b ReferralRows, held: Option<&ReferralRows>) -> Result<(), Stray> {
        if held == Some(rows) {
            return Ok(());
        }
        self.referrals.push(Change { row: &rows.referral, parts: rows.parts()?, more_parts: rows.more_parts()?, waiting: Waiting::of(rows) });
        // None is ever deleted, so the one that was held in the same place is the same one.
        let own = rows.emergencies.iter().enumerate();
        self.emergencies.extend(own.filter(|(place, row)| held.and_then(|held| held.emergencies.get(*place)) != Some(*row)).map(|(_, row)| row));
        Ok(())
    }
}
