//! Content that is there, and when it is destroyed: a courier keeps what it has to hand over, and no archive.
//!
//! The state of a referral never ends by time, its content does. Days are the sender's, within the bounds of the table of clocks. What was
//! destroyed is not there for the gate either, so no release can name it.

use serde::{Deserialize, Serialize};

use crate::codes::{ClockName, DestructionCause};
use crate::decide::Draft;
use crate::directory::Directory;
use crate::event::{ContentName, Destruction, Fact};
use crate::grounds::GroundTable;
use crate::ids::Position;
use crate::inbox::for_officer;
use crate::referral::{Cell, Referral, Section, Stage};
use crate::refusal::{Reason, Refusal};
use crate::time::Time;

/// Minutes of a day: content is kept by the day, whatever the hour.
const DAY_MINUTES: u32 = 1440;

/// Content of one revision that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// The revision.
    pub revision: u32,
    /// From when its days are counted: its submission, its latest offer or one after it that was taken back, or its first release.
    pub since: Time,
    /// Whether it has left.
    pub left: bool,
}

/// How long content is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentDays {
    /// What has not left.
    pub held: DayRule,
    /// What has left.
    pub delivered: DayRule,
    /// Whether it was read in a statute when the table was made; else it is a policy of the agencies.
    pub verified: bool,
}

/// Days, and between what a sender may set them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayRule {
    /// Where the sender says nothing.
    pub days: u16,
    /// The fewest.
    pub days_min: u16,
    /// The most.
    pub days_max: u16,
}

/// What a sender has set for its own content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnDays {
    /// For what has not left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<u16>,
    /// For what has left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<u16>,
}

impl OwnDays {
    /// Whether the sender has set nothing.
    pub fn is_unset(&self) -> bool {
        *self == Self::default()
    }
}

impl DayRule {
    /// Whether the rule can be followed.
    pub(crate) fn is_sound(self) -> bool {
        1 <= self.days_min && self.days_min <= self.days && self.days <= self.days_max
    }

    /// The days that hold for a sender who has set these.
    fn of(self, own: Option<u16>) -> u16 {
        own.map_or(self.days, |days| days.clamp(self.days_min, self.days_max))
    }
}

fn after(since: Time, days: u16) -> Time {
    since.plus_minutes(u32::from(days).saturating_mul(DAY_MINUTES))
}

impl ContentDays {
    /// The first moment at which content may be destroyed by time, whatever its sender has set.
    pub fn earliest(&self, kept: Kept) -> Time {
        let rule = if kept.left { self.delivered } else { self.held };
        after(kept.since, rule.days_min)
    }

    /// When content of a sender is destroyed.
    pub fn due(&self, kept: Kept, own: OwnDays) -> Time {
        if kept.left { after(kept.since, self.delivered.of(own.delivered)) } else { after(kept.since, self.held.of(own.held)) }
    }
}

impl Kept {
    pub(crate) fn new(revision: u32, since: Time) -> Self {
        Self { revision, since, left: false }
    }

    /// Why it is destroyed when its days are over.
    pub fn cause(&self) -> DestructionCause {
        if self.left { DestructionCause::AfterDelivery } else { DestructionCause::HeldTooLong }
    }
}

impl Section {
    fn waits(&self) -> bool {
        self.kept.iter().any(|kept| kept.revision == self.revision && !kept.left)
    }

    /// Whether its content is there and neither offered nor to be withheld: it waits for the sender.
    pub(crate) fn is_held(&self) -> bool {
        self.waits() && !self.offered && !self.cells.iter().any(Cell::is_withheld)
    }

    /// Whether its content is there, offered and not opened, whatever was decided since.
    pub(crate) fn is_offered_unopened(&self) -> bool {
        self.waits() && self.offered
    }

    /// The same, and it was not withheld since.
    pub(crate) fn waits_unopened(&self) -> bool {
        self.is_offered_unopened() && !self.cells.iter().any(Cell::is_withheld)
    }

    /// Whether the content of this revision is there.
    pub fn has_content(&self) -> bool {
        self.kept.iter().any(|kept| kept.revision == self.revision)
    }

    /// Whoever is offered it has all the days to open it.
    pub(crate) fn offered_content(&mut self, now: Time) {
        let revision = self.revision;
        for kept in self.kept.iter_mut().filter(|kept| kept.revision == revision && !kept.left) {
            kept.since = now;
        }
    }

    /// Only the first release counts: who opens it again and again does not keep it.
    pub(crate) fn delivered_content(&mut self, revision: u32, now: Time) {
        for kept in self.kept.iter_mut().filter(|kept| kept.revision == revision && !kept.left) {
            (kept.since, kept.left) = (now, true);
        }
    }
}

/// The content of the sections' present revisions that has waited longest, of what has not left.
pub(crate) fn oldest<'r>(sections: impl Iterator<Item = &'r Section>) -> Option<Kept> {
    present(sections).min_by_key(|kept| kept.since).copied()
}

/// The same of what came last.
pub(crate) fn latest<'r>(sections: impl Iterator<Item = &'r Section>) -> Option<Kept> {
    present(sections).max_by_key(|kept| kept.since).copied()
}

fn present<'r>(sections: impl Iterator<Item = &'r Section>) -> impl Iterator<Item = &'r Kept> {
    sections.flat_map(|section| section.kept.iter().filter(|kept| kept.revision == section.revision && !kept.left))
}

impl Referral {
    /// Whether content of it is there.
    pub fn has_content(&self) -> bool {
        self.kept().next().is_some()
    }

    /// Everything of it that is there.
    pub fn kept(&self) -> impl Iterator<Item = (ContentName, Kept)> {
        self.sections.iter().flat_map(|section| section.kept.iter().map(|kept| (ContentName { section: section.number, revision: kept.revision }, *kept)))
    }

    /// From when the clocks run that count from content.
    pub(crate) fn counted_from(&self) -> [(ClockName, Option<Time>); 2] {
        let held = oldest(self.sections.iter().filter(|section| section.is_held()));
        let offered = latest(self.sections.iter().filter(|section| section.is_offered_unopened()));
        [(ClockName::Keep, held), (ClockName::Supplement, offered)].map(|(clock, kept)| (clock, kept.map(|kept| kept.since)))
    }

    /// A clock that counts from something later than before begins anew, and so do its marks. What an opening leaves unopened did not
    /// pass: its own round goes on, so that its sender hears of it.
    pub(crate) fn count_anew(&mut self, before: [(ClockName, Option<Time>); 2], opened: bool) {
        for ((clock, from), (_, before)) in self.counted_from().into_iter().zip(before) {
            if from > before {
                self.marks.retain(|mark| mark.clock != clock);
            } else if clock == ClockName::Supplement && from < before && !opened {
                self.keep_round(before);
            }
        }
    }

    /// A later offer began one clock anew for all that waits unopened. Where its sender takes that one back, the rest, with the days of its content,
    /// counts from there on: else the marks of the round before would be made a second time.
    fn keep_round(&mut self, begun: Option<Time>) {
        let Some(begun) = begun.filter(|_| matches!(self.stage, Stage::Opened | Stage::Accepted)) else { return };
        for section in self.sections.iter_mut().filter(|section| section.waits_unopened()) {
            section.offered_content(begun);
        }
    }

    pub(crate) fn destroy(&mut self, contents: &[ContentName]) {
        for name in contents {
            for section in self.sections.iter_mut().filter(|section| section.number == name.section) {
                section.kept.retain(|kept| kept.revision != name.revision);
            }
        }
    }
}

/// When content of the referral is destroyed next; `None` once none is there.
pub(crate) fn next_destruction(table: &GroundTable, directory: &Directory, referral: &Referral) -> Option<Time> {
    referral.kept().map(|(_, kept)| destruction(table, directory, referral, kept)).min()
}

/// When this content of the referral is destroyed.
pub(crate) fn destruction(table: &GroundTable, directory: &Directory, referral: &Referral, kept: Kept) -> Time {
    table.clocks().content_days.due(kept, own_days(directory, referral))
}

fn own_days(directory: &Directory, referral: &Referral) -> OwnDays {
    directory.agency(&referral.sender).map(|agency| agency.content_days).unwrap_or_default()
}

/// Destroys what is due: the broker's own, with an event for each cause.
pub(crate) fn destroy_due(to: &mut Draft<'_>) -> Result<(), Refusal> {
    let facts = to.facts;
    let (days, referral) = (&facts.table.clocks().content_days, to.referral()?);
    let (id, own) = (referral.id, own_days(facts.directory, referral));
    let due: Vec<(ContentName, Kept)> = referral.kept().filter(|(_, kept)| days.due(*kept, own) <= facts.now).collect();
    for cause in [DestructionCause::HeldTooLong, DestructionCause::AfterDelivery] {
        let contents: Vec<ContentName> = due.iter().filter(|(_, kept)| kept.cause() == cause).map(|(name, _)| *name).collect();
        if !contents.is_empty() {
            to.push(Fact::ContentDestroyed(Destruction { referral: id, contents, cause }));
        }
    }
    Ok(())
}

/// The recipient's own system holds what a release delivered: it is destroyed here, with the revisions that it replaced.
pub(crate) fn confirm_import(to: &mut Draft<'_>, release: Position) -> Result<(), Refusal> {
    let referral = for_officer(to)?;
    let delivered = |section: &Section| section.released.filter(|left| left.at == release).map(|left| left.revision);
    if !referral.sections.iter().any(|section| delivered(section).is_some()) {
        return Err(Reason::ReleaseUnknown.into());
    }
    let in_release = |name: &ContentName| referral.section(name.section).and_then(delivered).is_some_and(|revision| name.revision <= revision);
    let contents: Vec<ContentName> = referral.kept().map(|(name, _)| name).filter(in_release).collect();
    if contents.is_empty() {
        return Err(Reason::ContentDestroyed.into());
    }
    let referral = referral.id;
    to.push(Fact::ContentDestroyed(Destruction { referral, contents, cause: DestructionCause::ImportConfirmed }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAYS: ContentDays =
        ContentDays { held: DayRule { days: 30, days_min: 7, days_max: 90 }, delivered: DayRule { days: 14, days_min: 1, days_max: 60 }, verified: false };

    fn kept(left: bool) -> Kept {
        Kept { revision: 1, since: Time::from_micros(1_800_000_000_000_000), left }
    }

    fn days(time: Time) -> i64 {
        time.minutes_since(kept(false).since) / i64::from(DAY_MINUTES)
    }

    #[test]
    fn a_sender_sets_its_days_within_the_bounds_of_the_table() {
        let of = |held, delivered| {
            let own = OwnDays { held, delivered };
            (days(DAYS.due(kept(false), own)), days(DAYS.due(kept(true), own)))
        };
        assert_eq!(of(None, None), (30, 14));
        assert_eq!(of(Some(10), Some(2)), (10, 2));
        assert_eq!(of(Some(1), Some(0)), (7, 1), "no fewer than the fewest");
        assert_eq!(of(Some(900), Some(61)), (90, 60), "no more than the most");
        assert_eq!((days(DAYS.earliest(kept(false))), days(DAYS.earliest(kept(true)))), (7, 1));
    }

    #[test]
    fn days_that_cannot_be_kept_are_refused() {
        let rule = DAYS.held;
        assert!(rule.is_sound() && DAYS.delivered.is_sound());
        for wrong in [DayRule { days_min: 0, ..rule }, DayRule { days: 6, ..rule }, DayRule { days: 91, ..rule }, DayRule { days_max: 20, ..rule }] {
            assert!(!wrong.is_sound(), "{wrong:?}");
        }
    }
}
