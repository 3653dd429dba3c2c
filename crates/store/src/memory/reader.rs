//! A reader of a database in memory.

use brygga_engine::rows::*;
use brygga_engine::store::{After, DuePage, Reader, ReferralKey, StoreError};

use super::{MemoryDatabase, Tables};
use crate::waiting::Waiting;

/// A reader of a database in memory.
#[derive(Debug, Clone)]
pub struct MemoryReader {
    database: MemoryDatabase,
}

impl MemoryReader {
    pub(super) fn new(database: MemoryDatabase) -> Self {
        Self { database }
    }

    #[expect(clippy::unnecessary_wraps, reason = "every question of a reader may fail")]
    fn ask<R>(&self, question: impl FnOnce(&Tables) -> R) -> Result<R, StoreError> {
        Ok(question(&self.database.lock()))
    }

    fn page(&self, after: After, belongs: impl Fn(&ReferralRows) -> bool) -> Result<Vec<ReferralRows>, StoreError> {
        self.ask(|tables| {
            let later = tables.referrals.range(after.after.saturating_add(1)..).map(|(_, rows)| rows);
            later.filter(|rows| belongs(rows)).take(most(after)).cloned().collect()
        })
    }
}

fn most(after: After) -> usize {
    usize::try_from(after.limit).unwrap_or(usize::MAX)
}

impl Reader for MemoryReader {
    async fn head(&mut self) -> Result<HeadRow, StoreError> {
        self.ask(|tables| tables.head.clone())
    }

    async fn events(&mut self, start: i64, end: i64) -> Result<Vec<EventRow>, StoreError> {
        self.ask(|tables| tables.events(start, end).to_vec())
    }

    async fn leaf_hashes(&mut self, start: i64, end: i64) -> Result<Vec<Blob>, StoreError> {
        self.ask(|tables| tables.events(start, end).iter().map(|event| event.leaf_hash.clone()).collect())
    }

    async fn tree_hashes(&mut self, level: i64, start: i64, end: i64) -> Result<Vec<Blob>, StoreError> {
        self.ask(|tables| {
            tables.tree.values().filter(|tile| tile.level == level && (start..end).contains(&tile.number)).map(|tile| tile.hash.clone()).collect()
        })
    }

    async fn checkpoint(&mut self, size: Option<i64>) -> Result<Option<CheckpointRow>, StoreError> {
        self.ask(|tables| match size {
            Some(size) => tables.checkpoints.get(&size).cloned(),
            None => tables.checkpoints.values().next_back().cloned(),
        })
    }

    async fn referral(&mut self, key: &ReferralKey) -> Result<Option<ReferralRows>, StoreError> {
        self.ask(|tables| {
            let found = match key {
                ReferralKey::Id(id) => tables.referral(id),
                ReferralKey::Reference(reference) => tables.by_reference(reference),
                ReferralKey::SenderReference(hash) => tables.sender_references.get(hash).and_then(|id| tables.referral(id)),
            };
            found.cloned()
        })
    }

    async fn referrals(&mut self, ids: &[Blob]) -> Result<Vec<ReferralRows>, StoreError> {
        self.ask(|tables| tables.referrals.values().filter(|rows| ids.contains(&rows.referral.id)).cloned().collect())
    }

    async fn sent_by(&mut self, agency: &str, after: After) -> Result<Vec<ReferralRows>, StoreError> {
        self.page(after, |rows| rows.referral.sender == agency)
    }

    async fn open_sent_by(&mut self, agency: &str, after: After) -> Result<Vec<ReferralRows>, StoreError> {
        let open = |rows: &ReferralRows| matches!(rows.referral.stage.as_str(), "held" | "ready" | "opened" | "accepted");
        self.page(after, |rows| rows.referral.sender == agency && open(rows))
    }

    async fn pending_clearances(&mut self, agency: &str, after: After) -> Result<Vec<ReferralRows>, StoreError> {
        self.page(after, |rows| Waiting::of(rows).is_for(agency, rows))
    }

    async fn all_referrals(&mut self, after: After) -> Result<Vec<ReferralRows>, StoreError> {
        self.page(after, |_| true)
    }

    async fn contents(&mut self, referral: &Blob, wanted: &[(i64, i64)]) -> Result<Vec<ContentRow>, StoreError> {
        self.ask(|tables| {
            let rows = tables.contents.values();
            rows.filter(|row| row.referral == *referral && wanted.contains(&(row.section, row.revision))).cloned().collect()
        })
    }

    async fn content_names(&mut self, after: i64, until: i64) -> Result<Vec<ContentNameRow>, StoreError> {
        self.ask(|tables| {
            let origin = |id: &Blob| tables.referral(id).map(|rows| rows.referral.first_position);
            let name = |row: &ContentRow| Some(ContentNameRow { origin: origin(&row.referral)?, section: row.section, revision: row.revision });
            let mut names: Vec<ContentNameRow> = tables.contents.values().filter_map(name).collect();
            names.retain(|name| name.origin > after && name.origin <= until);
            names.sort_unstable();
            names
        })
    }

    async fn inbox(&mut self, function: &str, after: After) -> Result<Vec<InboxRow>, StoreError> {
        self.ask(|tables| {
            let rows = tables.inbox.values().filter(|row| row.function == function && row.position > after.after);
            rows.take(most(after)).cloned().collect()
        })
    }

    async fn open_inbox(&mut self, function: &str, after: After) -> Result<Vec<ReferralRows>, StoreError> {
        self.page(after, |rows| rows.referral.recipient == function && Waiting::of(rows).recipient)
    }

    async fn statuses(&mut self, agency: &str, after: After) -> Result<Vec<StatusRow>, StoreError> {
        self.ask(|tables| {
            let rows = tables.statuses.values().filter(|row| row.agency == agency && row.position > after.after);
            rows.take(most(after)).cloned().collect()
        })
    }

    async fn in_flight(&mut self, origin: i64) -> Result<Vec<InFlightRow>, StoreError> {
        self.ask(|tables| tables.in_flight_of(origin))
    }

    async fn noticed(&mut self, function: &str) -> Result<Vec<NoticedRow>, StoreError> {
        self.ask(|tables| tables.noticed.values().filter(|row| row.function == function).cloned().collect())
    }

    async fn open_reviews(&mut self, agency: &str) -> Result<Vec<OpenReviewRow>, StoreError> {
        self.ask(|tables| tables.open_reviews(&[agency.to_owned()]))
    }

    async fn due(&mut self, page: DuePage) -> Result<Vec<DueRow>, StoreError> {
        self.ask(|tables| {
            let row = |rows: &ReferralRows| {
                let row = &rows.referral;
                row.next_due_at.map(|next_due_at| DueRow { next_due_at, first_position: row.first_position, id: row.id.clone() })
            };
            let mut rows: Vec<DueRow> = tables.referrals.values().filter_map(row).collect();
            rows.retain(|row| row.next_due_at <= page.until && (row.next_due_at, row.first_position) > (page.after, page.after_position));
            rows.sort_by_key(|row| (row.next_due_at, row.first_position));
            rows.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX));
            rows
        })
    }

    async fn openings(&mut self, position: i64) -> Result<Vec<OpeningRow>, StoreError> {
        self.ask(|tables| tables.openings.values().filter(|row| row.position == position).cloned().collect())
    }

    async fn directory(&mut self) -> Result<(Vec<AgencyRow>, Vec<FunctionRow>), StoreError> {
        self.ask(|tables| (tables.agencies.values().cloned().collect(), tables.functions.values().cloned().collect()))
    }
}
