//! Replays the journal and holds the rows against it: what an operator runs, and a test after every crash.

use std::collections::{BTreeMap, BTreeSet};

use brygga_domain::event::ContentName;
use brygga_domain::referral::{Referral, evolve};
use brygga_domain::{Position, ReferralId};
use brygga_merkle::Frontier;

use crate::projection::{self, number};
use crate::rows::{Blob, ContentNameRow, ReferralRows};
use crate::store::{After, Corrupt, Reader, ReferralKey, StoreError};

/// How many events or referrals are read at once.
pub const REPLAY_PAGE_MAX: u32 = 1000;

/// What a replay found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Events read.
    pub events: u64,
    /// Referrals compared.
    pub referrals: u64,
    /// Referrals whose rows are not what the journal gives, by id.
    pub differing: Vec<ReferralId>,
    /// Content that is there and should not be, or is missing although no event says that it was destroyed.
    pub content: Vec<ContentNameRow>,
    /// Whether the leaves give the head's root.
    pub root_matches: bool,
}

impl Replayed {
    /// Whether rows equal journal and the root is right.
    pub fn is_sound(&self) -> bool {
        self.root_matches && self.differing.is_empty() && self.content.is_empty()
    }
}

/// Replays the journal up to the head and compares every referral's rows; `progress` hears how many events are done.
pub async fn replay<R: Reader>(reader: &mut R, mut progress: impl FnMut(u64, u64) + Send) -> Result<Replayed, StoreError> {
    let head = reader.head().await?;
    let total = u64::try_from(head.size).unwrap_or_default();
    let mut referrals: BTreeMap<ReferralId, Referral> = BTreeMap::new();
    let mut frontier = Frontier::new();
    let mut completed = Vec::new();
    let mut at = 0;
    while at < head.size {
        let end = at.saturating_add(i64::from(REPLAY_PAGE_MAX)).min(head.size);
        let rows = reader.events(at, end).await?;
        if number(u64::try_from(rows.len()).unwrap_or_default()) != end.saturating_sub(at) {
            return Err(Corrupt { table: "event", row: at.to_string(), column: "position" }.into());
        }
        for row in rows {
            let position = Position(frontier.size());
            let event = brygga_journal::decode(&row.bytes.0).map_err(|_| Corrupt { table: "event", row: row.position.to_string(), column: "bytes" })?;
            completed.extend(frontier.append(brygga_merkle::leaf_hash(&row.bytes.0)));
            if let Some(id) = event.fact.referral()
                && let Some(after) = evolve(referrals.remove(&id), position, &event)
            {
                referrals.insert(id, after);
            }
        }
        for tile in completed.drain(..) {
            let stored = reader.tree_hashes(i64::from(tile.level), number(tile.index), number(tile.index.saturating_add(1))).await?;
            if stored != [Blob::from(tile.hash.0)] {
                return Err(Corrupt { table: "tree", row: tile.index.to_string(), column: "hash" }.into());
            }
        }
        at = end;
        progress(frontier.size(), total);
    }
    let mut found = Replayed { events: total, root_matches: total == 0 || frontier.root().0.as_slice() == head.root.0, ..Replayed::default() };
    compare(reader, referrals, &mut found, head.size).await?;
    Ok(found)
}

async fn compare<R: Reader>(reader: &mut R, mut referrals: BTreeMap<ReferralId, Referral>, found: &mut Replayed, size: i64) -> Result<(), StoreError> {
    let mut after = -1;
    loop {
        let page = reader.all_referrals(After { after, limit: REPLAY_PAGE_MAX }).await?;
        let Some(last) = page.last().map(|rows| rows.referral.first_position) else { break };
        // A running broker may have gone on; what changed after the head that was read is not compared.
        for rows in page.iter().filter(|rows| rows.referral.last_position < size) {
            let stored = projection::referral(rows)?;
            found.referrals = found.referrals.saturating_add(1);
            // The next look at it follows from the directory and the tables, too; that there is one does not. Who is excluded follows from
            // nothing in the journal.
            let watched = rows.referral.next_due_at.is_some() == (!stored.stage.is_ended() || stored.has_content());
            let same = referrals.remove(&stored.id).is_some_and(|replayed| watched && with_what_is_beside(projection::rows(&replayed), rows) == *rows);
            if !same {
                found.differing.push(stored.id);
            }
        }
        for rows in page.iter().filter(|rows| rows.referral.last_position >= size) {
            if let Ok(stored) = projection::referral(rows) {
                referrals.remove(&stored.id);
            }
        }
        found.content.extend(compare_contents(reader, &page, after, size).await?);
        after = last;
    }
    found.differing.extend(referrals.into_keys());
    Ok(())
}

/// Content that a page of referrals says is there, against what is. Where they differ the referral is read again: a broker may have destroyed
/// something meanwhile.
async fn compare_contents<R: Reader>(reader: &mut R, page: &[ReferralRows], after: i64, size: i64) -> Result<Vec<ContentNameRow>, StoreError> {
    let Some(last) = page.last().map(|rows| rows.referral.first_position) else { return Ok(Vec::new()) };
    let there: BTreeSet<ContentNameRow> = reader.content_names(after, last).await?.into_iter().collect();
    let mut differing = Vec::new();
    for rows in page.iter().filter(|rows| rows.referral.last_position < size) {
        let origin = rows.referral.first_position;
        let row = |name: ContentName| ContentNameRow { origin, section: i64::from(name.section), revision: i64::from(name.revision) };
        let named: BTreeSet<ContentNameRow> = projection::referral(rows)?.kept().map(|(name, _)| row(name)).collect();
        let of_it: BTreeSet<ContentNameRow> = there.iter().filter(|name| name.origin == origin).copied().collect();
        if named != of_it && reader.referral(&ReferralKey::Id(rows.referral.id.clone())).await?.as_ref() == Some(rows) {
            differing.extend(named.symmetric_difference(&of_it));
        }
    }
    Ok(differing)
}

fn with_what_is_beside(mut replayed: ReferralRows, stored: &ReferralRows) -> ReferralRows {
    replayed.referral.next_due_at = stored.referral.next_due_at;
    replayed.excluded.clone_from(&stored.excluded);
    replayed.inherited.clone_from(&stored.inherited);
    replayed
}
