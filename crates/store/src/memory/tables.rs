//! The tables, with the constraints of the SQL schema that a batch of well-formed rows can break: positions, keys, references to
//! rows, the chain of checkpoints. The lists of codes and the lengths are the schema's alone.

use std::collections::{BTreeMap, BTreeSet};

use brygga_engine::rows::*;
use brygga_engine::store::{Batch, KEYS_FORGOTTEN_MAX, Loaded, Wanted};

/// A constraint that a batch breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("table {table}: {constraint}")]
pub struct Violation {
    /// The table.
    pub table: &'static str,
    /// The constraint.
    pub constraint: &'static str,
}

/// Everything that a database holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables {
    /// The head.
    pub head: HeadRow,
    /// Events: the index is the position.
    pub events: Vec<EventRow>,
    /// Tiles by level and number.
    pub tree: BTreeMap<(i64, i64), TreeRow>,
    /// Checkpoints by size.
    pub checkpoints: BTreeMap<i64, CheckpointRow>,
    /// Referrals by first position.
    pub referrals: BTreeMap<i64, ReferralRows>,
    by_id: BTreeMap<Blob, i64>,
    by_reference: BTreeMap<String, i64>,
    /// Inbox entries by function and position.
    pub inbox: BTreeMap<(String, i64), InboxRow>,
    /// Statuses by agency and position.
    pub statuses: BTreeMap<(String, i64), StatusRow>,
    /// Keys by agency and request.
    pub keys: BTreeMap<(String, Blob), KeyRow>,
    /// What is on its way, by the referral's first position, broker and number.
    pub in_flight: BTreeMap<(i64, Blob, i64), InFlightRow>,
    /// How far functions were told outside, by function and way.
    pub noticed: BTreeMap<(String, String), NoticedRow>,
    /// Contents by referral, section and revision.
    pub contents: BTreeMap<(Blob, i64, i64), ContentRow>,
    /// Openings by position and field.
    pub openings: BTreeMap<(i64, String), OpeningRow>,
    /// Keyed hashes of persons, with their pseudonyms.
    pub person_lookups: BTreeSet<(Blob, Blob)>,
    /// Referrals by keyed hash of the sender's reference.
    pub sender_references: BTreeMap<Blob, Blob>,
    /// Offers by id.
    pub offers: BTreeMap<Blob, OfferRow>,
    /// Agencies.
    pub agencies: BTreeMap<String, AgencyRow>,
    /// Functions.
    pub functions: BTreeMap<String, FunctionRow>,
}

/// Every key is new, to the table and within the batch.
fn fresh<K: Ord>(table: &'static str, keys: impl Iterator<Item = K>, taken: impl Fn(&K) -> bool) -> Result<(), Violation> {
    let mut seen = BTreeSet::new();
    for key in keys {
        if taken(&key) || !seen.insert(key) {
            return Err(Violation { table, constraint: "a key is there already" });
        }
    }
    Ok(())
}

fn must(holds: bool, table: &'static str, constraint: &'static str) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation { table, constraint }) }
}

/// A position as a count; none is negative.
fn index(position: i64) -> usize {
    usize::try_from(position).unwrap_or_default()
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

impl Tables {
    pub(super) fn load(&self, wanted: &Wanted) -> Loaded {
        let ids = wanted.referrals.iter().filter_map(|id| self.by_id.get(id));
        let references = wanted.references.iter().filter_map(|reference| self.by_reference.get(reference));
        let used = wanted.keys.iter().filter_map(|key| self.by_id.get(self.keys.get(key)?.referral.as_ref()?));
        let positions: BTreeSet<i64> = ids.chain(references).chain(used).copied().collect();
        Loaded {
            head: self.head.clone(),
            keys: wanted.keys.iter().filter_map(|key| self.keys.get(key).cloned()).collect(),
            referrals: positions.iter().filter_map(|position| self.referrals.get(position).cloned()).collect(),
            sender_references: wanted.sender_references.iter().filter(|hash| self.sender_references.contains_key(*hash)).cloned().collect(),
            offers: wanted.offers.iter().filter_map(|id| self.offers.get(id).cloned()).collect(),
            open_reviews: self.open_reviews(&wanted.reviewers),
            in_flight: positions.iter().flat_map(|position| self.in_flight_of(*position)).collect(),
            known_root: self.checkpoints.get(&wanted.known).filter(|_| wanted.known < self.head.size).map(|checkpoint| checkpoint.root.clone()),
            agencies: self.agencies.values().filter(|row| row.position >= wanted.known).cloned().collect(),
            functions: self.functions.values().filter(|row| row.position >= wanted.known).cloned().collect(),
        }
    }

    pub(super) fn open_reviews(&self, agencies: &[String]) -> Vec<OpenReviewRow> {
        let emergencies = self.referrals.values().flat_map(|rows| &rows.emergencies);
        let open = emergencies.filter(|row| row.reviewed_at.is_none() && agencies.contains(&row.agency));
        let mut open: Vec<OpenReviewRow> =
            open.map(|row| OpenReviewRow { position: row.position, agency: row.agency.clone(), review_due_at: row.review_due_at }).collect();
        open.sort_by_key(|row| row.position);
        open
    }

    pub(super) fn in_flight_of(&self, origin: i64) -> Vec<InFlightRow> {
        self.in_flight.values().filter(|row| row.origin == origin).cloned().collect()
    }

    pub(super) fn settle(&self, prev_size: i64) -> (HeadRow, Option<CheckpointRow>) {
        (self.head.clone(), self.checkpoints.values().find(|checkpoint| checkpoint.prev_size == prev_size).cloned())
    }

    /// The referral of that id.
    pub fn referral(&self, id: &Blob) -> Option<&ReferralRows> {
        self.referrals.get(self.by_id.get(id)?)
    }

    pub(super) fn by_reference(&self, reference: &str) -> Option<&ReferralRows> {
        self.referrals.get(self.by_reference.get(reference)?)
    }

    /// Whether the batch can be written.
    pub(super) fn check(&self, batch: &Batch) -> Result<(), Violation> {
        self.check_log(batch)?;
        self.check_referrals(batch)?;
        let there: BTreeSet<&Blob> = batch.referrals.iter().map(|rows| &rows.referral.id).collect();
        let known = |id: &Blob| there.contains(id) || self.by_id.contains_key(id);
        self.check_told(batch, known)?;
        fresh("in_flight", batch.in_flight.iter().map(in_flight_key), |key| self.in_flight.contains_key(key))?;
        fresh("section_content", batch.contents.iter().map(content_key), |key| self.contents.contains_key(key))?;
        must(batch.contents.iter().all(|row| known(&row.referral)), "section_content", "its referral is there")?;
        fresh("opening", batch.openings.iter().map(|row| (row.position, row.field.clone())), |key| self.openings.contains_key(key))?;
        let lookups = batch.person_lookups.iter().map(|row| (row.hash.clone(), row.person.clone()));
        fresh("person_lookup", lookups, |key| self.person_lookups.contains(key))?;
        fresh("sender_reference", batch.sender_references.iter().map(|row| &row.hash), |hash| self.sender_references.contains_key(*hash))?;
        must(batch.sender_references.iter().all(|row| known(&row.referral)), "sender_reference", "its referral is there")?;
        fresh("offer", batch.offers.iter().map(|row| &row.id), |id| self.offers.contains_key(*id))?;
        fresh("offer", batch.offers.iter().map(|row| row.position), |at| self.offers.values().any(|row| row.position == *at))
    }

    fn check_log(&self, batch: &Batch) -> Result<(), Violation> {
        let end = count(self.events.len());
        must(batch.events.iter().map(|event| event.position).eq(end..end + count(batch.events.len())), "event", "appended at its end only")?;
        fresh("tree", batch.tree.iter().map(|tile| (tile.level, tile.number)), |key| self.tree.contains_key(key))?;
        if let Some(checkpoint) = &batch.checkpoint {
            let latest = self.checkpoints.last_key_value().map_or(0, |(size, _)| *size);
            must(checkpoint.prev_size == latest && checkpoint.size > latest, "checkpoint", "follows the latest one only")?;
        }
        let Some(head) = &batch.head else { return Ok(()) };
        must(head.size == end + count(batch.events.len()) && head.last_time >= self.head.last_time, "log_head", "follows the events, never goes back")
    }

    fn check_referrals(&self, batch: &Batch) -> Result<(), Violation> {
        // A referral that comes twice in a batch stands as the last one says, as the statements run row by row.
        let mut ids = BTreeMap::new();
        let mut references = BTreeMap::new();
        for rows in &batch.referrals {
            let (at, row) = (rows.referral.first_position, &rows.referral);
            let held = self.referrals.get(&at).is_none_or(|held| held.referral.id == row.id && held.referral.reference == row.reference);
            let id = self.by_id.get(&row.id).or(ids.get(&row.id)).is_none_or(|taken| *taken == at);
            let reference = self.by_reference.get(&row.reference).or(references.get(&row.reference)).is_none_or(|taken| *taken == at);
            must(held && id && reference, "referral", "id, reference and first position are one referral's")?;
            ids.insert(row.id.clone(), at);
            references.insert(row.reference.clone(), at);
            let sections: BTreeSet<i64> = rows.sections.iter().map(|section| section.number).collect();
            must(rows.cells.iter().all(|cell| sections.contains(&cell.section)), "cell", "its section is there")?;
        }
        Ok(())
    }

    fn check_told(&self, batch: &Batch, known: impl Fn(&Blob) -> bool) -> Result<(), Violation> {
        fresh("inbox", batch.inbox.iter().map(|row| (row.function.clone(), row.position)), |key| self.inbox.contains_key(key))?;
        must(batch.inbox.iter().all(|row| known(&row.referral)), "inbox", "its referral is there")?;
        fresh("status", batch.statuses.iter().map(|row| (row.agency.clone(), row.position)), |key| self.statuses.contains_key(key))?;
        must(batch.statuses.iter().all(|row| known(&row.referral)), "status", "its referral is there")?;
        let mut written = BTreeMap::new();
        for row in &batch.keys {
            let key = (row.agency.clone(), row.request.clone());
            let held = written.get(&key).copied().or(self.keys.get(&key));
            must(held.is_none_or(|held| held.refused == 1 || held == row), "request_key", "used once")?;
            written.insert(key, row);
        }
        Ok(())
    }

    /// Writes a batch that was checked.
    pub(super) fn apply(&mut self, batch: &Batch) {
        self.events.extend(batch.events.iter().cloned());
        self.tree.extend(batch.tree.iter().map(|tile| ((tile.level, tile.number), tile.clone())));
        self.checkpoints.extend(batch.checkpoint.iter().map(|checkpoint| (checkpoint.size, checkpoint.clone())));
        for rows in &batch.referrals {
            let at = rows.referral.first_position;
            self.by_id.insert(rows.referral.id.clone(), at);
            self.by_reference.insert(rows.referral.reference.clone(), at);
            self.referrals.insert(at, rows.clone());
        }
        self.inbox.extend(batch.inbox.iter().map(|row| ((row.function.clone(), row.position), row.clone())));
        self.statuses.extend(batch.statuses.iter().map(|row| ((row.agency.clone(), row.position), row.clone())));
        if let Some(before) = batch.keys_before {
            let mut old: Vec<_> = self.keys.iter().filter(|(_, row)| row.at < before).map(|(key, row)| (row.at, key.clone())).collect();
            old.sort_unstable();
            old.truncate(usize::try_from(KEYS_FORGOTTEN_MAX).unwrap_or(usize::MAX));
            for (_, key) in &old {
                self.keys.remove(key);
            }
        }
        self.keys.extend(batch.keys.iter().map(|row| ((row.agency.clone(), row.request.clone()), row.clone())));
        self.in_flight.extend(batch.in_flight.iter().map(|row| (in_flight_key(row), row.clone())));
        for row in &batch.departed {
            self.in_flight.remove(&in_flight_key(row));
        }
        for row in &batch.noticed {
            let held = self.noticed.entry((row.function.clone(), row.way.clone())).or_insert_with(|| row.clone());
            held.position = held.position.max(row.position);
        }
        self.contents.extend(batch.contents.iter().map(|row| (content_key(row), row.clone())));
        for row in &batch.destroyed {
            if let Some(rows) = self.referrals.get(&row.origin) {
                self.contents.remove(&(rows.referral.id.clone(), row.section, row.revision));
            }
        }
        self.openings.extend(batch.openings.iter().map(|row| ((row.position, row.field.clone()), row.clone())));
        self.person_lookups.extend(batch.person_lookups.iter().map(|row| (row.hash.clone(), row.person.clone())));
        self.sender_references.extend(batch.sender_references.iter().map(|row| (row.hash.clone(), row.referral.clone())));
        self.offers.extend(batch.offers.iter().map(|row| (row.id.clone(), row.clone())));
        self.agencies.extend(batch.agencies.iter().map(|row| (row.id.clone(), row.clone())));
        self.functions.extend(batch.functions.iter().map(|row| (row.id.clone(), row.clone())));
        if let Some(head) = &batch.head {
            self.head = head.clone();
        }
    }

    pub(super) fn events(&self, start: i64, end: i64) -> &[EventRow] {
        let end = index(end).min(self.events.len());
        self.events.get(index(start)..end).unwrap_or_default()
    }
}

fn in_flight_key(row: &InFlightRow) -> (i64, Blob, i64) {
    (row.origin, row.broker.clone(), row.number)
}

fn content_key(row: &ContentRow) -> (Blob, i64, i64) {
    (row.referral.clone(), row.section, row.revision)
}
