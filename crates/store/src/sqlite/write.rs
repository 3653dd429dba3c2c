//! Writes a batch, row by row through prepared statements. Called by the writer's thread, after `load.rs`.
//!
//! The batch brings every referral whole; one that equals what this transaction loaded is passed over.

use std::collections::HashMap;

use brygga_engine::rows::*;
use brygga_engine::store::{Batch, Corrupt, KEYS_FORGOTTEN_MAX};
use rusqlite::Error;

use super::columns::{self, Slots, Whole};
use super::link::{Connection, Failed};
use super::rows;
use super::statements::*;
use crate::waiting::Waiting;

/// Referrals as they stand in the database, by first position.
pub(super) type Standing = HashMap<i64, ReferralRows>;

/// A referral as it is to stand, and as this transaction loaded it.
struct Change<'b> {
    now: &'b ReferralRows,
    before: Option<ReferralRows>,
}

/// Every table once, the head last.
pub(super) fn write(connection: &Connection, batch: &Batch, standing: Standing) -> Result<(), Failed> {
    append(connection, APPEND_EVENT, &batch.events)?;
    append(connection, APPEND_TREE, &batch.tree)?;
    append(connection, APPEND_CHECKPOINT, batch.checkpoint.as_slice())?;
    referrals(connection, &batch.referrals, standing)?;
    append(connection, APPEND_INBOX, &batch.inbox)?;
    append(connection, APPEND_STATUS, &batch.statuses)?;
    forget_keys(connection, batch.keys_before)?;
    keys(connection, &batch.keys)?;
    append(connection, INSERT_IN_FLIGHT, &batch.in_flight)?;
    departed(connection, &batch.departed)?;
    append(connection, WRITE_NOTICED, &batch.noticed)?;
    contents(connection, batch)?;
    append(connection, DELETE_CONTENT, &batch.destroyed)?;
    append(connection, INSERT_OPENING, &batch.openings)?;
    append(connection, INSERT_PERSON_LOOKUP, &batch.person_lookups)?;
    append(connection, INSERT_SENDER_REFERENCE, &batch.sender_references)?;
    append(connection, INSERT_OFFER, &batch.offers)?;
    append(connection, WRITE_AGENCY, &batch.agencies)?;
    append(connection, WRITE_FUNCTION, &batch.functions)?;
    append(connection, MOVE_HEAD, batch.head.as_slice())
}

fn append<R: Whole>(connection: &Connection, statement: &'static str, rows: &[R]) -> Result<(), Failed> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut prepared = connection.prepare(statement)?;
    rows.iter().try_for_each(|row| prepared.run(|slots| row.put(slots)))
}

/// Nearly every key is a new one.
fn keys(connection: &Connection, rows: &[KeyRow]) -> Result<(), Failed> {
    let mut enter = connection.prepare(ENTER_KEY)?;
    for row in rows {
        if !enter.changed(|slots| row.put(slots))? {
            connection.prepare(WRITE_KEY)?.run(|slots| row.put(slots))?;
        }
    }
    Ok(())
}

fn forget_keys(connection: &Connection, before: Option<i64>) -> Result<(), Failed> {
    let Some(before) = before else { return Ok(()) };
    connection.prepare(FORGET_KEYS)?.run(|slots| {
        slots.put(&before)?;
        slots.put(&i64::from(KEYS_FORGOTTEN_MAX))
    })
}

fn departed(connection: &Connection, rows: &[InFlightRow]) -> Result<(), Failed> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut prepared = connection.prepare(DELETE_IN_FLIGHT)?;
    rows.iter().try_for_each(|row| {
        prepared.run(|slots| {
            slots.put(&row.origin)?;
            slots.put(&row.broker)?;
            slots.put(&row.number)
        })
    })
}

fn referrals(connection: &Connection, referrals: &[ReferralRows], mut standing: Standing) -> Result<(), Failed> {
    // Taken out, so that a referral that came twice would be written twice and stand as the last one says.
    let changes = referrals.iter().map(|now| Change { now, before: standing.remove(&now.referral.first_position) });
    let changes: Vec<Change<'_>> = changes.collect();
    for change in &changes {
        own(connection, change)?;
    }
    emergencies(connection, &changes)
}

/// The referral's row with its parts: whole, or as little as has changed.
fn own(connection: &Connection, change: &Change<'_>) -> Result<(), Failed> {
    if change.before.as_ref() == Some(change.now) {
        return Ok(());
    }
    let (row, waiting) = (&change.now.referral, Waiting::of(change.now));
    let parts = |statement| {
        let laid_out = change.now.parts().and_then(|parts| Ok((parts, change.now.more_parts()?)));
        laid_out.map_err(|corrupt: Corrupt| Failed { statement, source: Error::ToSqlConversionFailure(corrupt.into()) })
    };
    let Some(before) = change.before.as_ref().filter(|before| columns::same_identity(&before.referral, row)) else {
        let (parts, more) = parts(ENTER_REFERRAL)?;
        let whole = |slots: &mut Slots<'_, '_>| {
            slots.put(&row.first_position)?;
            slots.put(&parts)?;
            slots.put(&more)?;
            put_waiting(waiting, row, slots)?;
            columns::put_identity(row, slots)?;
            columns::put_progress(row, slots)
        };
        let entered = connection.prepare(ENTER_REFERRAL)?.changed(whole)?;
        return if entered { Ok(()) } else { connection.prepare(WRITE_REFERRAL)?.run(whole) };
    };
    let waits_as_before = Waiting::of(before) == waiting && before.referral.next_due_at == row.next_due_at;
    let statement = if waits_as_before { MOVE_REFERRAL } else { PASS_REFERRAL_ON };
    let (parts, more) = parts(statement)?;
    connection.prepare(statement)?.run(|slots| {
        slots.put(&parts)?;
        slots.put(&more)?;
        if !waits_as_before {
            put_waiting(waiting, row, slots)?;
        }
        columns::put_progress(row, slots)?;
        slots.put(&row.first_position)
    })
}

fn put_waiting(waiting: Waiting, row: &ReferralRow, slots: &mut Slots<'_, '_>) -> Result<(), Error> {
    let Waiting { sender, leader, recipient } = waiting;
    [sender, leader, recipient].into_iter().try_for_each(|waits| slots.put(&i64::from(waits)))?;
    slots.put(&row.next_due_at)
}

/// What finds emergencies without a review. None is ever deleted, so the one that stands in the same place is the same one.
fn emergencies(connection: &Connection, changes: &[Change<'_>]) -> Result<(), Failed> {
    let stands = |change: &Change<'_>, place: usize| change.before.as_ref().and_then(|before| before.emergencies.get(place)).cloned();
    let fresh = changes.iter().flat_map(|change| {
        let own = change.now.emergencies.iter().enumerate();
        own.filter(|(place, row)| stands(change, *place).as_ref() != Some(*row)).map(|(_, row)| row)
    });
    fresh.into_iter().try_for_each(|row| connection.prepare(WRITE_EMERGENCY)?.run(|slots| columns::put_emergency(row, slots)))
}

fn contents(connection: &Connection, batch: &Batch) -> Result<(), Failed> {
    if batch.contents.is_empty() {
        return Ok(());
    }
    let begin: HashMap<&Blob, i64> = batch.referrals.iter().map(|rows| (&rows.referral.id, rows.referral.first_position)).collect();
    let mut prepared = connection.prepare(INSERT_CONTENT)?;
    for row in &batch.contents {
        let origin = match begin.get(&row.referral) {
            Some(origin) => Some(*origin),
            None => rows::origin_of(connection, &row.referral)?,
        };
        prepared.run(|slots| {
            // Without its referral the row breaks NOT NULL, as it must.
            slots.put(&origin)?;
            columns::put_content(row, slots)
        })?;
    }
    Ok(())
}
