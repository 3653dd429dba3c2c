//! Between rows and columns: what is bound into a statement and what is taken out of an answer, in the order of the lists of
//! `statements.rs`.

use brygga_engine::rows::*;
use rusqlite::types::Type;
use rusqlite::{CachedStatement, Error, Result, Row};

use super::statements::*;

/// The slots of a statement, filled in order.
pub(super) struct Slots<'s, 'c> {
    statement: &'s mut CachedStatement<'c>,
    filled: usize,
}

impl<'s, 'c> Slots<'s, 'c> {
    pub(super) fn new(statement: &'s mut CachedStatement<'c>) -> Self {
        Self { statement, filled: 0 }
    }

    /// Fills the next slot.
    pub(super) fn put(&mut self, value: &impl Value) -> Result<()> {
        self.filled += 1;
        value.put(self.statement, self.filled)
    }
}

/// The columns of an answer's row, taken in order.
pub(super) struct Taken<'r> {
    row: &'r Row<'r>,
    taken: usize,
}

impl<'r> Taken<'r> {
    pub(super) fn new(row: &'r Row<'r>) -> Self {
        Self { row, taken: 0 }
    }

    /// Takes a column out of its turn.
    #[cfg(test)]
    pub(super) fn nth<V: Value>(&self, column: usize) -> Result<V> {
        V::take(self.row, column)
    }

    /// Takes the next column.
    pub(super) fn take<V: Value>(&mut self) -> Result<V> {
        let at = self.taken;
        self.taken += 1;
        V::take(self.row, at)
    }
}

/// The only column of a row.
pub(super) fn only<V: Value>(row: &mut Taken<'_>) -> Result<V> {
    row.take()
}

/// What a column holds.
pub(super) trait Value: Sized {
    /// Into a slot; slots count from 1.
    fn put(&self, statement: &mut CachedStatement<'_>, slot: usize) -> Result<()>;
    /// Out of a column; columns count from 0.
    fn take(row: &Row<'_>, column: usize) -> Result<Self>;
}

impl Value for i64 {
    fn put(&self, statement: &mut CachedStatement<'_>, slot: usize) -> Result<()> {
        statement.raw_bind_parameter(slot, *self)
    }
    fn take(row: &Row<'_>, column: usize) -> Result<Self> {
        row.get(column)
    }
}

impl Value for String {
    fn put(&self, statement: &mut CachedStatement<'_>, slot: usize) -> Result<()> {
        statement.raw_bind_parameter(slot, self.as_str())
    }
    fn take(row: &Row<'_>, column: usize) -> Result<Self> {
        row.get(column)
    }
}

impl Value for Blob {
    fn put(&self, statement: &mut CachedStatement<'_>, slot: usize) -> Result<()> {
        statement.raw_bind_parameter(slot, self.0.as_slice())
    }
    fn take(row: &Row<'_>, column: usize) -> Result<Self> {
        row.get(column).map(Self)
    }
}

impl Value for Option<i64> {
    fn put(&self, statement: &mut CachedStatement<'_>, slot: usize) -> Result<()> {
        statement.raw_bind_parameter(slot, *self)
    }
    fn take(row: &Row<'_>, column: usize) -> Result<Self> {
        row.get(column)
    }
}

impl Value for Option<String> {
    fn put(&self, statement: &mut CachedStatement<'_>, slot: usize) -> Result<()> {
        statement.raw_bind_parameter(slot, self.as_deref())
    }
    fn take(row: &Row<'_>, column: usize) -> Result<Self> {
        row.get(column)
    }
}

impl Value for Option<Blob> {
    fn put(&self, statement: &mut CachedStatement<'_>, slot: usize) -> Result<()> {
        statement.raw_bind_parameter(slot, self.as_ref().map(|blob| blob.0.as_slice()))
    }
    fn take(row: &Row<'_>, column: usize) -> Result<Self> {
        row.get::<_, Option<Vec<u8>>>(column).map(|bytes| bytes.map(Blob))
    }
}

/// A row that lies in its table as it is.
pub(super) trait Whole: Sized {
    /// Puts every column.
    fn put(&self, slots: &mut Slots<'_, '_>) -> Result<()>;
    /// Takes every column.
    fn take(from: &mut Taken<'_>) -> Result<Self>;
}

macro_rules! put {
    ($row:ident, $slots:ident, $($column:ident),+) => { $( $slots.put(&$row.$column)?; )+ };
}
macro_rules! take {
    ($Row:ident { $($given:tt)* }, $from:ident, $($column:ident),+) => { $Row { $($given)* $( $column: $from.take()? ),+ } };
}
macro_rules! same {
    ($one:ident, $other:ident, $($column:ident),+) => { $( $one.$column == $other.$column )&&+ };
}
macro_rules! whole {
    ($Row:ident, $columns:ident, [$($key:ident),*]) => {
        impl Whole for $Row {
            fn put(&self, slots: &mut Slots<'_, '_>) -> Result<()> {
                let row = self;
                $( slots.put(&row.$key)?; )*
                $columns!(put row, slots,);
                Ok(())
            }
            fn take(from: &mut Taken<'_>) -> Result<Self> {
                Ok($columns!(take $Row { $( $key: from.take()?, )* }, from,))
            }
        }
    };
}
whole!(HeadRow, head_columns, []);
whole!(EventRow, event_columns, []);
whole!(TreeRow, tree_columns, []);
whole!(CheckpointRow, checkpoint_columns, []);
whole!(DueRow, due_columns, []);
whole!(InboxRow, inbox_columns, []);
whole!(StatusRow, status_columns, []);
whole!(KeyRow, key_columns, [agency, request]);
whole!(OpenReviewRow, open_review_columns, []);
whole!(InFlightRow, in_flight_columns, []);
whole!(NoticedRow, noticed_columns, [function, way]);
whole!(ContentNameRow, content_name_columns, []);
whole!(OpeningRow, opening_columns, []);
whole!(PersonLookupRow, person_lookup_columns, []);
whole!(SenderReferenceRow, sender_reference_columns, []);
whole!(OfferRow, offer_columns, []);
whole!(AgencyRow, entry_columns, [id]);
whole!(FunctionRow, entry_columns, [id]);

/// Puts what makes a referral this one.
pub(super) fn put_identity(row: &ReferralRow, slots: &mut Slots<'_, '_>) -> Result<()> {
    identity_columns!(put row, slots,);
    Ok(())
}

/// Whether two rows differ at most in how far the referral has come.
pub(super) fn same_identity(one: &ReferralRow, other: &ReferralRow) -> bool {
    one.first_position == other.first_position && identity_columns!(same one, other,)
}

/// Puts how far the referral has come.
pub(super) fn put_progress(row: &ReferralRow, slots: &mut Slots<'_, '_>) -> Result<()> {
    progress_columns!(put row, slots,);
    Ok(())
}

/// Takes a referral with its parts.
pub(super) fn referral(from: &mut Taken<'_>) -> Result<ReferralRows> {
    let (first_position, next_due_at, parts, more): (_, _, Blob, Option<Blob>) = (from.take()?, from.take()?, from.take()?, from.take()?);
    let own = referral_columns!(take ReferralRow { first_position, next_due_at, }, from,);
    ReferralRows::whole(own, &parts, more.as_ref()).map_err(|corrupt| Error::FromSqlConversionFailure(0, Type::Blob, corrupt.into()))
}

/// Puts what tells whether an emergency waits for its review.
pub(super) fn put_emergency(row: &EmergencyRow, slots: &mut Slots<'_, '_>) -> Result<()> {
    slots.put(&row.position)?;
    slots.put(&row.agency)?;
    slots.put(&row.review_due_at)?;
    slots.put(&i64::from(row.reviewed_at.is_some()))
}

/// Puts content, but for the referral's id: its table holds the first position instead.
pub(super) fn put_content(row: &ContentRow, slots: &mut Slots<'_, '_>) -> Result<()> {
    content_columns!(put row, slots,);
    Ok(())
}

/// Takes content of the referral of that id.
pub(super) fn content(referral: &Blob, from: &mut Taken<'_>) -> Result<ContentRow> {
    Ok(content_columns!(take ContentRow { referral: referral.clone(), }, from,))
}
