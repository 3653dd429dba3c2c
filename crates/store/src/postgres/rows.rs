//! Between rows and what PostgreSQL gives: plain columns where rows hold large bytes, packed ones where one answer holds rows of many
//! tables. The order of a packed row's columns is that of `statements`.

use std::collections::BTreeMap;

use brygga_engine::rows::*;
use brygga_engine::store::Loaded;
use sqlx::Row as _;
use sqlx::postgres::PgRow;

pub(super) fn head(row: &PgRow) -> Result<HeadRow, sqlx::Error> {
    Ok(HeadRow {
        size: row.try_get("size")?,
        root: blob(row, "root")?,
        frontier: blob(row, "frontier")?,
        last_time: row.try_get("last_time")?,
        grounds: blob(row, "grounds")?,
    })
}

pub(super) fn event(row: &PgRow) -> Result<EventRow, sqlx::Error> {
    Ok(EventRow { position: row.try_get(0)?, bytes: row.try_get(1).map(Blob)?, leaf_hash: row.try_get(2).map(Blob)? })
}

pub(super) fn checkpoint(row: &PgRow) -> Result<CheckpointRow, sqlx::Error> {
    Ok(CheckpointRow { size: row.try_get("size")?, prev_size: row.try_get("prev_size")?, root: blob(row, "root")?, note: blob(row, "note")? })
}

pub(super) fn content(row: &PgRow) -> Result<ContentRow, sqlx::Error> {
    Ok(ContentRow {
        referral: blob(row, "referral")?,
        section: row.try_get("section")?,
        revision: row.try_get("revision")?,
        key_id: row.try_get::<Option<Vec<u8>>, _>("key_id")?.map(Blob),
        salt: blob(row, "salt")?,
        bytes: blob(row, "bytes")?,
    })
}

pub(super) fn content_name(row: &PgRow) -> Result<ContentNameRow, sqlx::Error> {
    Ok(ContentNameRow { origin: row.try_get("origin")?, section: row.try_get("section")?, revision: row.try_get("revision")? })
}

pub(super) fn in_flight(row: &PgRow) -> Result<InFlightRow, sqlx::Error> {
    Ok(InFlightRow {
        origin: row.try_get("origin")?,
        broker: blob(row, "broker")?,
        number: row.try_get("number")?,
        released_at: row.try_get("released_at")?,
        until: row.try_get("until")?,
    })
}

pub(super) fn noticed(row: &PgRow) -> Result<NoticedRow, sqlx::Error> {
    Ok(NoticedRow { function: row.try_get("function")?, way: row.try_get("way")?, position: row.try_get("position")? })
}

pub(super) fn open_review(row: &PgRow) -> Result<OpenReviewRow, sqlx::Error> {
    Ok(OpenReviewRow { position: row.try_get("position")?, agency: row.try_get("agency")?, review_due_at: row.try_get("review_due_at")? })
}

pub(super) fn due(row: &PgRow) -> Result<DueRow, sqlx::Error> {
    Ok(DueRow { next_due_at: row.try_get("next_due_at")?, first_position: row.try_get("first_position")?, id: blob(row, "id")? })
}

pub(super) fn inbox(row: &PgRow) -> Result<InboxRow, sqlx::Error> {
    Ok(InboxRow { position: row.try_get("position")?, function: row.try_get("function")?, referral: blob(row, "referral")?, kind: row.try_get("kind")? })
}

pub(super) fn status(row: &PgRow) -> Result<StatusRow, sqlx::Error> {
    Ok(StatusRow {
        position: row.try_get("position")?,
        agency: row.try_get("agency")?,
        referral: blob(row, "referral")?,
        status: row.try_get("status")?,
        at: row.try_get("at")?,
    })
}

pub(super) fn opening(row: &PgRow) -> Result<OpeningRow, sqlx::Error> {
    Ok(OpeningRow { position: row.try_get("position")?, field: row.try_get("field")?, salt: blob(row, "salt")?, value: blob(row, "value")? })
}

/// An entry of the directory; the flag says whether it is an agency's.
pub(super) fn entry(row: &PgRow) -> Result<(bool, AgencyRow), sqlx::Error> {
    Ok((row.try_get("is_agency")?, AgencyRow { id: row.try_get("id")?, position: row.try_get("position")?, entry: row.try_get("entry")? }))
}

/// The only column of a row, bytes.
pub(super) fn hash(row: &PgRow) -> Result<Blob, sqlx::Error> {
    row.try_get(0).map(Blob)
}

fn blob(row: &PgRow, column: &str) -> Result<Blob, sqlx::Error> {
    row.try_get(column).map(Blob)
}

/// A packed row: what it is, and its values by kind, each taken in its order.
struct Packed<'r> {
    kind: &'r str,
    ints: std::vec::IntoIter<Option<i64>>,
    texts: std::vec::IntoIter<Option<String>>,
    blobs: std::vec::IntoIter<Option<Vec<u8>>>,
}

impl<'r> Packed<'r> {
    fn of(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            kind: row.try_get(0)?,
            ints: row.try_get::<Option<Vec<_>>, _>(1)?.unwrap_or_default().into_iter(),
            texts: row.try_get::<Option<Vec<_>>, _>(2)?.unwrap_or_default().into_iter(),
            blobs: row.try_get::<Option<Vec<_>>, _>(3)?.unwrap_or_default().into_iter(),
        })
    }

    fn missing(&self) -> sqlx::Error {
        sqlx::Error::ColumnNotFound(self.kind.to_owned())
    }

    fn maybe_int(&mut self) -> Result<Option<i64>, sqlx::Error> {
        self.ints.next().ok_or_else(|| self.missing())
    }

    fn int(&mut self) -> Result<i64, sqlx::Error> {
        self.ints.next().flatten().ok_or_else(|| self.missing())
    }

    fn maybe_text(&mut self) -> Result<Option<String>, sqlx::Error> {
        self.texts.next().ok_or_else(|| self.missing())
    }

    fn text(&mut self) -> Result<String, sqlx::Error> {
        self.texts.next().flatten().ok_or_else(|| self.missing())
    }

    fn maybe_blob(&mut self) -> Result<Option<Blob>, sqlx::Error> {
        self.blobs.next().ok_or_else(|| self.missing()).map(|blob| blob.map(Blob))
    }

    fn blob(&mut self) -> Result<Blob, sqlx::Error> {
        self.blobs.next().flatten().map(Blob).ok_or_else(|| self.missing())
    }
}

/// Rows of many tables, sorted out.
#[derive(Default)]
pub(super) struct Sorted {
    loaded: Loaded,
    referrals: BTreeMap<i64, ReferralRows>,
}

impl Sorted {
    /// Sorts the rows of an answer out; they come in no order.
    pub(super) fn of(found: &[PgRow]) -> Result<Self, sqlx::Error> {
        let mut sorted = Self::default();
        for row in found {
            sorted.add(Packed::of(row)?)?;
        }
        sorted.loaded.open_reviews.sort_by_key(|row| row.position);
        sorted.loaded.in_flight.sort_by(|one, other| (one.origin, &one.broker, one.number).cmp(&(other.origin, &other.broker, other.number)));
        sorted.loaded.agencies.sort_by(|one, other| one.id.cmp(&other.id));
        sorted.loaded.functions.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(sorted)
    }

    /// The referrals by first position.
    pub(super) fn referrals(self) -> Vec<ReferralRows> {
        self.referrals.into_values().collect()
    }

    /// Everything that a batch asked for.
    pub(super) fn loaded(self) -> Loaded {
        Loaded { referrals: self.referrals.into_values().collect(), ..self.loaded }
    }

    fn add(&mut self, mut row: Packed<'_>) -> Result<(), sqlx::Error> {
        match row.kind {
            "head" => self.loaded.head = HeadRow { size: row.int()?, last_time: row.int()?, root: row.blob()?, frontier: row.blob()?, grounds: row.blob()? },
            "key" => self.loaded.keys.push(key(row)?),
            "referral" => {
                let rows = referral(row)?;
                self.referrals.insert(rows.referral.first_position, rows);
            }
            "open_review" => {
                self.loaded.open_reviews.push(OpenReviewRow { position: row.int()?, review_due_at: row.int()?, agency: row.text()? });
            }
            "in_flight" => self.loaded.in_flight.push(InFlightRow {
                origin: row.int()?,
                number: row.int()?,
                released_at: row.int()?,
                until: row.int()?,
                broker: row.blob()?,
            }),
            "sender_reference" => self.loaded.sender_references.push(row.blob()?),
            "offer" => self.loaded.offers.push(OfferRow { position: row.int()?, agency: row.text()?, answer: row.maybe_text()?, id: row.blob()? }),
            "known_root" => self.loaded.known_root = Some(row.blob()?),
            "agency" => self.loaded.agencies.push(AgencyRow { position: row.int()?, id: row.text()?, entry: row.text()? }),
            "function" => self.loaded.functions.push(FunctionRow { position: row.int()?, id: row.text()?, entry: row.text()? }),
            other => return Err(sqlx::Error::ColumnNotFound(other.to_owned())),
        }
        Ok(())
    }
}

// Fields are read in the order of the packed columns; a field may stand anywhere in its struct, for each kind has a list of its own.

fn key(mut row: Packed<'_>) -> Result<KeyRow, sqlx::Error> {
    Ok(KeyRow {
        refused: row.int()?,
        size: row.int()?,
        at: row.int()?,
        agency: row.text()?,
        positions: row.text()?,
        released: row.text()?,
        request: row.blob()?,
        digest: row.blob()?,
        referral: row.maybe_blob()?,
    })
}

fn referral(mut row: Packed<'_>) -> Result<ReferralRows, sqlx::Error> {
    let own = ReferralRow {
        first_position: row.int()?,
        reported_at: row.maybe_int()?,
        contact_due_at: row.maybe_int()?,
        contacted_at: row.maybe_int()?,
        received_at: row.maybe_int()?,
        stage_since: row.int()?,
        next_due_at: row.maybe_int()?,
        submitted_at: row.int()?,
        last_position: row.int()?,
        offered_at: row.maybe_int()?,
        recall: row.maybe_int()?,
        recall_confirmed: row.int()?,
        reference: row.text()?,
        kind: row.text()?,
        sender: row.text()?,
        from_kind: row.text()?,
        to_kind: row.text()?,
        recipient: row.text()?,
        host: row.text()?,
        leader: row.text()?,
        urgency: row.text()?,
        marks: row.text()?,
        stage: row.text()?,
        stage_code: row.maybe_text()?,
        id: row.blob()?,
        thread: row.blob()?,
        claimed_by: row.maybe_blob()?,
    };
    let (parts, more) = (row.blob()?, row.maybe_blob()?);
    ReferralRows::whole(own, &parts, more.as_ref()).map_err(|corrupt| sqlx::Error::Decode(corrupt.into()))
}
