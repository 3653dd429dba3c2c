//! What a batch must see, read under the writer's lock. Called by the writer's thread, before `write.rs`.

use std::collections::BTreeSet;

use brygga_engine::rows::{AgencyRow, Blob, CheckpointRow, FunctionRow, HeadRow, InFlightRow, KeyRow, OfferRow, OpenReviewRow};
use brygga_engine::store::{Loaded, Wanted};

use super::columns::{Whole as _, only};
use super::link::{Connection, Failed};
use super::statements::*;

/// Everything that is wanted and there.
pub(super) fn load(connection: &Connection, wanted: &Wanted) -> Result<Loaded, Failed> {
    let keys = keys(connection, wanted)?;
    let mut referral = connection.prepare(READ_REFERRAL)?;
    let positions = positions(connection, wanted, &keys)?;
    let in_flight = in_flight(connection, &positions)?;
    let read = |position| referral.one([position], super::columns::referral);
    let mut loaded = Loaded {
        head: head(connection)?,
        referrals: positions.into_iter().map(read).collect::<Result<_, _>>()?,
        sender_references: sender_references(connection, wanted)?,
        offers: offers(connection, wanted)?,
        open_reviews: open_reviews(connection, wanted)?,
        in_flight,
        keys,
        ..Loaded::default()
    };
    if loaded.head.size > wanted.known {
        news(connection, wanted.known, &mut loaded)?;
    }
    Ok(loaded)
}

/// What lies beyond the size that the committer knows. Nobody else writes here, so it is a batch whose outcome stayed unknown: rare
/// enough to look through the whole directory.
fn news(connection: &Connection, known: i64, loaded: &mut Loaded) -> Result<(), Failed> {
    let checkpoint = connection.prepare(READ_CHECKPOINT)?.first([known], CheckpointRow::take)?;
    loaded.known_root = checkpoint.map(|checkpoint| checkpoint.root);
    let agencies: Vec<AgencyRow> = connection.prepare(READ_AGENCIES)?.rows([], AgencyRow::take)?;
    let functions: Vec<FunctionRow> = connection.prepare(READ_FUNCTIONS)?.rows([], FunctionRow::take)?;
    loaded.agencies = agencies.into_iter().filter(|row| row.position >= known).collect();
    loaded.functions = functions.into_iter().filter(|row| row.position >= known).collect();
    Ok(())
}

/// The head.
pub(super) fn head(connection: &Connection) -> Result<HeadRow, Failed> {
    connection.prepare(READ_HEAD)?.one([], HeadRow::take)
}

fn keys(connection: &Connection, wanted: &Wanted) -> Result<Vec<KeyRow>, Failed> {
    let mut key = connection.prepare(READ_KEY)?;
    let read = |(agency, request): &(String, _)| key.first((agency.as_str(), blob(request)), KeyRow::take).transpose();
    wanted.keys.iter().filter_map(read).collect()
}

/// Where the referrals begin that are wanted by id or by reference, or that a key was used for: a repeated submission cannot name
/// the one that it made.
fn positions(connection: &Connection, wanted: &Wanted, keys: &[KeyRow]) -> Result<BTreeSet<i64>, Failed> {
    let (mut by_id, mut by_reference) = (connection.prepare(FIND_BY_ID)?, connection.prepare(FIND_BY_REFERENCE)?);
    let mut found: BTreeSet<i64> = BTreeSet::new();
    for id in wanted.referrals.iter().chain(keys.iter().filter_map(|key| key.referral.as_ref())) {
        found.extend(by_id.first([blob(id)], only::<i64>)?);
    }
    for reference in &wanted.references {
        found.extend(by_reference.first([reference.as_str()], only::<i64>)?);
    }
    Ok(found)
}

fn in_flight(connection: &Connection, positions: &BTreeSet<i64>) -> Result<Vec<InFlightRow>, Failed> {
    let mut prepared = connection.prepare(READ_IN_FLIGHT)?;
    let mut found = Vec::new();
    for position in positions {
        found.extend(prepared.rows([*position], InFlightRow::take)?);
    }
    Ok(found)
}

fn sender_references(connection: &Connection, wanted: &Wanted) -> Result<Vec<Blob>, Failed> {
    let mut taken = connection.prepare(READ_TAKEN_REFERENCE)?;
    wanted.sender_references.iter().filter_map(|hash| taken.first([blob(hash)], only).transpose()).collect()
}

fn offers(connection: &Connection, wanted: &Wanted) -> Result<Vec<OfferRow>, Failed> {
    let mut offer = connection.prepare(READ_OFFER)?;
    wanted.offers.iter().filter_map(|id| offer.first([blob(id)], OfferRow::take).transpose()).collect()
}

fn open_reviews(connection: &Connection, wanted: &Wanted) -> Result<Vec<OpenReviewRow>, Failed> {
    let mut found = Vec::new();
    if !wanted.reviewers.is_empty() {
        let mut open = connection.prepare(READ_OPEN_REVIEWS)?;
        for agency in &wanted.reviewers {
            found.extend(open.rows([agency.as_str()], OpenReviewRow::take)?);
        }
        found.sort_by_key(|row| row.position);
    }
    Ok(found)
}

fn blob(blob: &Blob) -> &[u8] {
    blob.0.as_slice()
}
