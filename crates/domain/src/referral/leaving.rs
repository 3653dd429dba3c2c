//! What leaves, what arrives, and who has looked at names before.

use super::{CHECKED_MAX, Referral, SectionRelease, Stage};
use crate::gate::Released;
use crate::ids::{OfficerPseudonym, Position};
use crate::time::Time;

impl Referral {
    pub(super) fn check(&mut self, at: Position, sections: &[u32], officer: Option<OfficerPseudonym>) {
        self.revealing = Some(at);
        for section in self.sections.iter_mut().filter(|section| sections.contains(&section.number)) {
            section.revealed = true;
            section.checked_by.retain(|checked| Some(*checked) != officer);
            section.checked_by.extend(officer);
            let beyond = section.checked_by.len().saturating_sub(CHECKED_MAX);
            section.checked_by.drain(..beyond);
        }
    }

    pub(super) fn acknowledge(&mut self, release: Position) {
        for section in &mut self.sections {
            if let Some(left) = section.released.filter(|left| left.at == release) {
                section.acknowledged = section.acknowledged.max(left.revision);
            }
        }
    }

    pub(super) fn release(&mut self, (at, now): (Position, Time), released: &Released) {
        // What is shown for the check of conflicts only opens nothing, and its holder may still decline from the envelope.
        let for_check = self.revealing.take().is_some_and(|revealed| revealed.0.saturating_add(1) == at.0);
        for leaving in released.sections() {
            for section in self.sections.iter_mut().filter(|section| section.number == leaving.section) {
                let consents = leaving.basis.iter().filter(|basis| self.consents.iter().any(|consent| consent.at == **basis));
                section.rested_on.extend(consents);
                section.rested_on.sort_unstable();
                section.rested_on.dedup();
                if !for_check {
                    section.released = Some(SectionRelease { at, revision: leaving.revision });
                    section.delivered_content(leaving.revision, now);
                }
            }
        }
        if self.stage == Stage::Ready && !for_check {
            self.stage = Stage::Opened;
        }
    }
}
