//! A batch as `statements::WRITE` takes it: one array a column, in the order of the statement's numbers.

use brygga_engine::rows::*;
use brygga_engine::store::Batch;
use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgBindIterExt as _};
use sqlx::query::Query;

use super::changes::Changes;
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
    let columns = columns.int(|row| row.position).blob(|row| &row.event_id).blob(|row| &row.bytes).blob(|row| &row.leaf_hash);
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

fn referrals<'b, R>(columns: Columns<'b, R>, changes: &'b Changes<'_>) -> Columns<'b, (i64, &'b ConsentRow)> {
    let columns = columns
        .over(&changes.referrals)
        .int(|(row, _)| row.first_position)
        .blob(|(row, _)| &row.id)
        .text(|(row, _)| &row.reference)
        .blob(|(row, _)| &row.thread)
        .text(|(row, _)| &row.kind)
        .text(|(row, _)| &row.sender)
        .text(|(row, _)| &row.from_kind)
        .text(|(row, _)| &row.to_kind)
        .text(|(row, _)| &row.recipient)
        .text(|(row, _)| &row.host)
        .text(|(row, _)| &row.leader)
        .text(|(row, _)| &row.urgency)
        .maybe_int(|(row, _)| row.reported_at)
        .maybe_int(|(row, _)| row.contact_due_at)
        .maybe_int(|(row, _)| row.contacted_at)
        .int(|(row, _)| row.submitted_at)
        .int(|(row, _)| row.last_position)
        .maybe_int(|(row, _)| row.offered_at)
        .text(|(row, _)| &row.stage)
        .maybe_text(|(row, _)| &row.stage_code)
        .maybe_int(|(row, _)| row.recall)
        .int(|(row, _)| row.recall_confirmed)
        .maybe_blob(|(row, _)| &row.claimed_by)
        .int(|(_, waiting)| i64::from(waiting.sender))
        .int(|(_, waiting)| i64::from(waiting.leader))
        .int(|(_, waiting)| i64::from(waiting.recipient))
        .maybe_int(|(row, _)| row.received_at)
        .int(|(row, _)| row.stage_since)
        .text(|(row, _)| &row.marks)
        .maybe_int(|(row, _)| row.next_due_at);
    let columns = columns.over(&changes.persons).int(|row| row.0).int(|row| row.1).blob(|row| &row.2.id).text(|row| &row.2.role);
    let columns = columns.int(|row| row.2.number).text(|row| &row.2.protected_identity);
    let columns = columns
        .over(&changes.sections)
        .int(|(origin, _)| *origin)
        .int(|(_, row)| row.number)
        .text(|(_, row)| &row.category)
        .int(|(_, row)| row.revision)
        .blob(|(_, row)| &row.commitment)
        .int(|(_, row)| row.offered)
        .maybe_int(|(_, row)| row.released_at)
        .maybe_int(|(_, row)| row.released_revision)
        .text(|(_, row)| &row.rested_on)
        .text(|(_, row)| &row.kept);
    consents(cells(columns, &changes.cells), &changes.consents)
}

fn cells<'b, R>(columns: Columns<'b, R>, rows: &'b [(i64, &'b CellRow)]) -> Columns<'b, (i64, &'b CellRow)> {
    columns
        .over(rows)
        .int(|(origin, _)| *origin)
        .int(|(_, row)| row.section)
        .int(|(_, row)| row.place)
        .blob(|(_, row)| &row.interest)
        .maybe_int(|(_, row)| row.decided_at)
        .maybe_blob(|(_, row)| &row.officer)
        .maybe_text(|(_, row)| &row.ground)
        .maybe_int(|(_, row)| row.consent)
        .maybe_text(|(_, row)| &row.withheld)
        .int(|(_, row)| row.nameable)
        .int(|(_, row)| row.second_officer)
        .maybe_int(|(_, row)| row.confirmed_at)
}

fn consents<'b, R>(columns: Columns<'b, R>, rows: &'b [(i64, &'b ConsentRow)]) -> Columns<'b, (i64, &'b ConsentRow)> {
    columns
        .over(rows)
        .int(|(origin, _)| *origin)
        .int(|(_, row)| row.position)
        .blob(|(_, row)| &row.id)
        .blob(|(_, row)| &row.person)
        .text(|(_, row)| &row.categories)
        .text(|(_, row)| &row.recipient)
        .text(|(_, row)| &row.purpose)
        .int(|(_, row)| row.given_at)
        .int(|(_, row)| row.valid_until)
        .text(|(_, row)| &row.form)
        .maybe_text(|(_, row)| &row.language)
        .int(|(_, row)| row.interpreter)
        .text(|(_, row)| &row.gdpr_basis)
        .maybe_int(|(_, row)| row.withdrawn_at)
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
    let empty = batch.tree.is_empty() && changes.stop_uses.is_empty() && batch.offers.is_empty() && batch.agencies.is_empty() && batch.functions.is_empty();
    if empty {
        return None;
    }
    let columns = Columns { query: sqlx::query(WRITE_RARE), rows: &batch.tree };
    let columns = columns.int(|row| row.level).int(|row| row.number).blob(|row| &row.hash);
    let columns = columns.over(&changes.stop_uses).int(|(origin, _)| *origin).int(|(_, row)| row.position);
    let columns = columns.text(|(_, row)| &row.sections).maybe_text(|(_, row)| &row.answer);
    let columns = columns.over(&batch.offers).int(|row| row.position).blob(|row| &row.id).text(|row| &row.agency).maybe_text(|row| &row.answer);
    let columns = columns.over(&batch.agencies).text(|row| &row.id).int(|row| row.position).text(|row| &row.entry);
    let columns = columns.over(&batch.functions).text(|row| &row.id).int(|row| row.position).text(|row| &row.entry);
    Some(columns.query)
}
