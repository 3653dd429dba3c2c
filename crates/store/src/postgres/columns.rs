//! A batch as `statements::WRITE` takes it: one array a column, in the order of the statement's numbers.

use brygga_engine::rows::*;
use brygga_engine::store::{Batch, KEYS_FORGOTTEN_MAX};
use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgBindIterExt as _};
use sqlx::query::Query;

use super::changes::{Change, Changes};
use super::hints;
use super::statements::{WRITE, WRITE_RARE};

/// A statement with its arrays.
pub(super) type Filled = Query<'static, Postgres, PgArguments>;

/// A statement that is being filled, and the rows that its next columns come from.
struct Columns<'b, R> {
    query: Filled,
    rows: &'b [R],
}

impl<'b, R> Columns<'b, R> {
    fn over<S>(self, rows: &'b [S]) -> Columns<'b, S> {
        Columns { query: self.query, rows }
    }

    fn int(self, of: impl Fn(&'b R) -> i64) -> Self {
        Self { query: self.query.bind(self.rows.iter().map(of).bind_iter()), ..self }
    }

    fn maybe_int(self, of: impl Fn(&'b R) -> Option<i64>) -> Self {
        Self { query: self.query.bind(self.rows.iter().map(of).bind_iter()), ..self }
    }

    fn text(self, of: impl Fn(&'b R) -> &'b String) -> Self {
        Self { query: self.query.bind(self.rows.iter().map(|row| of(row).as_str()).bind_iter()), ..self }
    }

    fn maybe_text(self, of: impl Fn(&'b R) -> &'b Option<String>) -> Self {
        Self { query: self.query.bind(self.rows.iter().map(|row| of(row).as_deref()).bind_iter()), ..self }
    }

    fn blob(self, of: impl Fn(&'b R) -> &'b Blob) -> Self {
        Self { query: self.query.bind(self.rows.iter().map(|row| of(row).0.as_slice()).bind_iter()), ..self }
    }

    fn maybe_blob(self, of: impl Fn(&'b R) -> &'b Option<Blob>) -> Self {
        Self { query: self.query.bind(self.rows.iter().map(|row| of(row).as_ref().map(|blob| blob.0.as_slice())).bind_iter()), ..self }
    }
}

/// The tables of an ordinary batch; `None` when it writes none of them.
pub(super) fn ordinary(batch: &Batch, changes: &Changes<'_>) -> Option<Filled> {
    // Whatever is decided leaves its key, but for a look at clocks; the store still looks at each table.
    let told = batch.events.is_empty() && batch.checkpoint.is_none() && batch.head.is_none() && batch.inbox.is_empty() && batch.statuses.is_empty();
    let kept = batch.keys.is_empty() && batch.openings.is_empty() && batch.person_lookups.is_empty() && batch.sender_references.is_empty();
    let sent = batch.in_flight.is_empty() && batch.departed.is_empty();
    if told && kept && sent && batch.contents.is_empty() && batch.destroyed.is_empty() && batch.referrals.is_empty() {
        return None;
    }
    let columns = Columns { query: sqlx::query(WRITE), rows: &batch.events };
    let columns = columns.int(|row| row.position).blob(|row| &row.bytes).blob(|row| &row.leaf_hash);
    let columns = columns.over(batch.checkpoint.as_slice()).int(|row| row.size).int(|row| row.prev_size).blob(|row| &row.root).blob(|row| &row.note);
    let columns = keys(told_rows(referrals(columns, changes), batch, changes), &batch.keys);
    let columns = columns.over(&batch.in_flight).int(|row| row.origin).blob(|row| &row.broker).int(|row| row.number);
    let columns = columns.int(|row| row.released_at).int(|row| row.until);
    let columns = columns.over(&batch.departed).int(|row| row.origin).blob(|row| &row.broker).int(|row| row.number);
    let columns = columns.over(&batch.destroyed).int(|row| row.origin).int(|row| row.section).int(|row| row.revision);
    let columns = columns.over(batch.head.as_slice()).int(|row| row.size).blob(|row| &row.root).blob(|row| &row.frontier).int(|row| row.last_time);
    let columns = columns.blob(|row| &row.grounds);
    Some(columns.query.bind(hints::hint(batch)))
}

fn referrals<'b, R>(columns: Columns<'b, R>, changes: &'b Changes<'_>) -> Columns<'b, Change<'b>> {
    columns
        .over(&changes.referrals)
        .int(|change| change.row.first_position)
        .blob(|change| &change.row.id)
        .text(|change| &change.row.reference)
        .blob(|change| &change.row.thread)
        .text(|change| &change.row.kind)
        .text(|change| &change.row.sender)
        .text(|change| &change.row.from_kind)
        .text(|change| &change.row.to_kind)
        .text(|change| &change.row.recipient)
        .text(|change| &change.row.host)
        .text(|change| &change.row.leader)
        .text(|change| &change.row.urgency)
        .maybe_int(|change| change.row.reported_at)
        .maybe_int(|change| change.row.contact_due_at)
        .maybe_int(|change| change.row.contacted_at)
        .int(|change| change.row.submitted_at)
        .int(|change| change.row.last_position)
        .maybe_int(|change| change.row.offered_at)
        .text(|change| &change.row.stage)
        .maybe_text(|change| &change.row.stage_code)
        .maybe_int(|change| change.row.recall)
        .int(|change| change.row.recall_confirmed)
        .maybe_blob(|change| &change.row.claimed_by)
        .int(|change| i64::from(change.waiting.sender))
        .int(|change| i64::from(change.waiting.leader))
        .int(|change| i64::from(change.waiting.recipient))
        .maybe_int(|change| change.row.received_at)
        .int(|change| change.row.stage_since)
        .text(|change| &change.row.marks)
        .maybe_int(|change| change.row.next_due_at)
        .blob(|change| &change.parts)
        .maybe_blob(|change| &change.more_parts)
}

fn told_rows<'b, R>(columns: Columns<'b, R>, batch: &'b Batch, changes: &'b Changes<'_>) -> Columns<'b, SenderReferenceRow> {
    let columns = columns.over(&batch.inbox).text(|row| &row.function).int(|row| row.position).blob(|row| &row.referral).text(|row| &row.kind);
    let columns = columns.over(&batch.statuses).text(|row| &row.agency).int(|row| row.position).blob(|row| &row.referral);
    let columns = columns.text(|row| &row.status).int(|row| row.at);
    let columns = columns.over(&changes.contents).int(|(origin, _)| *origin).int(|(_, row)| row.section).int(|(_, row)| row.revision);
    let columns = columns.maybe_blob(|(_, row)| &row.key_id).blob(|(_, row)| &row.salt).blob(|(_, row)| &row.bytes);
    let columns = columns.over(&batch.openings).int(|row| row.position).text(|row| &row.field).blob(|row| &row.salt).blob(|row| &row.value);
    let columns = columns.over(&batch.person_lookups).blob(|row| &row.hash).blob(|row| &row.person);
    columns.over(&batch.sender_references).blob(|row| &row.hash).blob(|row| &row.referral)
}

fn keys<'b, R>(columns: Columns<'b, R>, rows: &'b [KeyRow]) -> Columns<'b, KeyRow> {
    columns
        .over(rows)
        .text(|row| &row.agency)
        .blob(|row| &row.request)
        .blob(|row| &row.digest)
        .int(|row| row.refused)
        .text(|row| &row.positions)
        .int(|row| row.size)
        .maybe_blob(|row| &row.referral)
        .text(|row| &row.released)
        .int(|row| row.at)
}

/// The tables that few batches write; `None` for the others.
pub(super) fn rare(batch: &Batch, changes: &Changes<'_>) -> Option<Filled> {
    let entries = batch.agencies.is_empty() && batch.functions.is_empty() && batch.offers.is_empty() && batch.noticed.is_empty();
    if changes.emergencies.is_empty() && batch.tree.is_empty() && entries && batch.keys_before.is_none() {
        return None;
    }
    let columns = Columns { query: sqlx::query(WRITE_RARE), rows: &batch.tree };
    let columns = columns.int(|row| row.level).int(|row| row.number).blob(|row| &row.hash);
    let columns = columns.over(&changes.emergencies).int(|row| row.position).text(|row| &row.agency).int(|row| row.review_due_at);
    let columns = columns.int(|row| i64::from(row.reviewed_at.is_some()));
    let columns = columns.over(&batch.offers).int(|row| row.position).blob(|row| &row.id).text(|row| &row.agency).maybe_text(|row| &row.answer);
    let columns = columns.over(&batch.agencies).text(|row| &row.id).int(|row| row.position).text(|row| &row.entry);
    let columns = columns.over(&batch.functions).text(|row| &row.id).int(|row| row.position).text(|row| &row.entry);
    let columns = columns.over(&batch.noticed).text(|row| &row.function).text(|row| &row.way).int(|row| row.position);
    Some(columns.query.bind(batch.keys_before.unwrap_or(i64::MIN)).bind(i64::from(KEYS_FORGOTTEN_MAX)))
}
