//! Questions to the log: first the question's own entry, then the entries before it that were asked for.

use brygga_domain::{Position, Reason, ReferralId, ReferralName};
use brygga_engine::delivery;
use brygga_engine::projection::number;
use brygga_engine::rows::EventRow;
use brygga_engine::store::{Corrupt, Reader, ReferralKey, StoreError};
use brygga_wire::convert::EntriesWanted;
use brygga_wire::convert::read::{Cursor, Page};
use brygga_wire::{convert, v1, view};
use bytes::Bytes;
use tonic::{Request, Response};

use super::Rpc;
use super::read::{self, CHUNK_ROWS_MAX};
use super::status::Failed;

/// Entries that one page of a search looks at.
pub const SEARCH_SCAN_EVENTS_MAX: u64 = 20_000;

/// An entry of the log, read back.
pub(super) struct Entry {
    pub(super) position: Position,
    pub(super) bytes: Bytes,
    pub(super) leaf_hash: brygga_merkle::Hash,
    pub(super) event: brygga_domain::Event,
}

impl Entry {
    /// The entry of a row, held against its hash: damaged bytes never leave.
    pub(super) fn read(row: EventRow) -> Result<Self, StoreError> {
        let corrupt = |column| StoreError::Corrupt(Corrupt { table: "event", row: row.position.to_string(), column });
        let position = u64::try_from(row.position).map(Position).map_err(|_| corrupt("position"))?;
        let leaf_hash = brygga_merkle::leaf_hash(&row.bytes.0);
        if leaf_hash.0.as_slice() != row.leaf_hash.0 {
            return Err(corrupt("bytes"));
        }
        let event = brygga_journal::decode(&row.bytes.0).map_err(|_| corrupt("bytes"))?;
        Ok(Self { position, leaf_hash, event, bytes: Bytes::from(row.bytes.0) })
    }

    /// What a supervisor sees of it.
    pub(super) fn shown(self) -> v1::LogEntry {
        view::log_entry(self.position, self.event.time, &self.leaf_hash, Some((self.bytes, self.event.fact.name())))
    }
}

impl<R: Reader> Rpc<R> {
    pub(super) async fn search(&self, request: Request<v1::SearchEntriesRequest>) -> Result<Response<v1::SearchEntriesResponse>, Failed> {
        let kept = |message, door: &_, agency: &_| convert::search_entries(message, door, agency).map(|(asked, wanted, page)| (asked, (wanted, page)));
        let (done, (wanted, page)) = self.carry_out(self.received(request)?, kept).await?;
        let asked_at = done.asked_at()?;
        let entries = page.entries;
        let found = self.broker.readers().ask(move |reader| Box::pin(async move { scan(reader, wanted, &page, asked_at).await }));
        let (found, rest) = found.await.map_err(Failed::Delivery)?;
        let (entries, token) = read::filled(found.into_iter().map(|entry| (Cursor(vec![number(entry.position.0)]), entry.shown())), entries);
        let next_page_token = if token.is_empty() { rest.map_or_else(String::new, |cursor| cursor.to_string()) } else { token };
        Ok(done.proven(v1::SearchEntriesResponse { entries, next_page_token, ..Default::default() }))
    }

    pub(super) async fn entry(&self, request: Request<v1::GetEntryRequest>) -> Result<Response<v1::GetEntryResponse>, Failed> {
        let (done, position) = self.carry_out(self.received(request)?, convert::get_entry).await?;
        // The answer holds what stood before the question, so that a repeated question is answered alike.
        if position >= done.asked_at()? {
            return Err(Reason::NotFound.into());
        }
        let (size, note) = (done.committed.size, done.delivery.receipt.checkpoint.clone());
        let question = self.broker.readers().ask(move |reader| Box::pin(async move { proved(reader, position, size, note).await }));
        let (entry, proof) = question.await.map_err(Failed::Delivery)?;
        Ok(done.proven(v1::GetEntryResponse { entry: Some(entry.shown()), proof, ..Default::default() }))
    }
}

async fn proved<R: Reader>(reader: &mut R, position: Position, size: u64, note: Bytes) -> Result<(Entry, Vec<Bytes>), StoreError> {
    let corrupt = || StoreError::Corrupt(Corrupt { table: "event", row: position.to_string(), column: "position" });
    let receipt = delivery::receipt(reader, &[position], size, Some(note)).await?;
    let leaf = receipt.leaves.into_iter().next().ok_or_else(corrupt)?;
    let row = reader.events(number(position.0), number(position.next().0)).await?.into_iter().next().ok_or_else(corrupt)?;
    let proof = leaf.proof.iter().map(|hash| Bytes::copy_from_slice(hash.as_bytes())).collect();
    Ok((Entry::read(row)?, proof))
}

/// Entries that match, before the question, and where to go on if the scan was ended before the log was.
async fn scan<R: Reader>(reader: &mut R, wanted: EntriesWanted, page: &Page, asked_at: Position) -> Result<(Vec<Entry>, Option<Cursor>), StoreError> {
    let Some(referral) = about(reader, wanted.referral).await? else { return Ok((Vec::new(), None)) };
    let after = page.after.as_ref().and_then(|cursor| cursor.0.first()).and_then(|at| u64::try_from(*at).ok());
    let mut at = wanted.from.map_or(0, |from| from.0).max(after.map_or(0, |after| after.saturating_add(1)));
    let end = wanted.to.map_or(asked_at.0, |to| to.0.min(asked_at.0));
    let scan_end = end.min(at.saturating_add(SEARCH_SCAN_EVENTS_MAX));
    let mut found = Vec::new();
    while at < scan_end {
        let chunk_end = scan_end.min(at.saturating_add(u64::from(CHUNK_ROWS_MAX)));
        for row in reader.events(number(at), number(chunk_end)).await? {
            let entry = Entry::read(row)?;
            let position = entry.position;
            if matches(&entry, &wanted, referral) {
                found.push(entry);
            }
            if u32::try_from(found.len()).is_ok_and(|count| count >= page.entries) {
                return Ok((found, (position.next().0 < end).then(|| Cursor(vec![number(position.0)]))));
            }
        }
        at = chunk_end;
    }
    Ok((found, (at < end).then(|| Cursor(vec![number(at.saturating_sub(1))]))))
}

/// The referral that a search is about: `Some(None)` for all of them, `None` where there is no such referral.
async fn about<R: Reader>(reader: &mut R, name: Option<ReferralName>) -> Result<Option<Option<ReferralId>>, StoreError> {
    match name {
        None => Ok(Some(None)),
        Some(ReferralName::Id(id)) => Ok(Some(Some(id))),
        Some(ReferralName::Reference(reference)) => {
            let rows = reader.referral(&ReferralKey::Reference(reference.to_string())).await?;
            rows.as_ref().map(|rows| read::read_back(rows).map(|referral| Some(referral.id))).transpose()
        }
    }
}

fn matches(entry: &Entry, wanted: &EntriesWanted, referral: Option<ReferralId>) -> bool {
    let event = &entry.event;
    referral.is_none_or(|id| event.fact.referral() == Some(id))
        && wanted.agency.as_ref().is_none_or(|agency| event.agency == *agency)
        && (wanted.kinds.is_empty() || wanted.kinds.iter().any(|kind| kind == event.fact.name()))
        && wanted.from_time.is_none_or(|from| event.time >= from)
        && wanted.to_time.is_none_or(|to| event.time < to)
}
