//! What the services read, and how lists become pages.
//!
//! A question runs in the reader pool, never in a handler. A referral that is not the caller's is answered as one that does not exist.

use brygga_domain::{AgencyId, OfficerPseudonym, Reason, Referral, ReferralName};
use brygga_engine::projection;
use brygga_engine::readers::Asking;
use brygga_engine::rows::{Blob, ReferralRows};
use brygga_engine::store::{After, Corrupt, Reader, ReferralKey, StoreError};
use brygga_wire::convert::read::{self as wanted, Cursor, Page};
use http::Extensions;
use prost::Message;

use super::Rpc;
use super::status::Failed;

/// Rows that one statement of a longer reading asks for.
pub(super) const CHUNK_ROWS_MAX: u32 = 500;
/// Referrals that one page of a filtered list looks at.
pub(super) const LIST_SCAN_REFERRALS_MAX: usize = 2_000;
/// A page's messages together; leaves room below the message limit for what stands beside them.
pub(super) const PAGE_BYTES_MAX: usize = 512 * 1024;
/// Where a list begins: before the first position.
pub(super) const BEGINNING: i64 = -1;

/// How a reader finds a referral of that name.
pub(super) fn key(name: ReferralName) -> ReferralKey {
    match name {
        ReferralName::Id(id) => ReferralKey::Id(id.as_bytes().into()),
        ReferralName::Reference(reference) => ReferralKey::Reference(reference.to_string()),
    }
}

/// Who reads: the agency that the certificate proves, and the officer whom it names.
pub(super) struct Reads {
    pub(super) agency: AgencyId,
    officer: Option<OfficerPseudonym>,
}

impl Reads {
    /// Whether the referral exists to them, as far as exclusions go.
    pub(super) fn sees(&self, referral: &Referral) -> bool {
        !referral.is_hidden_from_reader(&self.agency, self.officer)
    }

    /// The same for an envelope, which shows nothing of anybody: it is kept from excluded officers only.
    pub(super) fn sees_envelope(&self, referral: &Referral) -> bool {
        self.officer.is_none() || self.sees(referral)
    }
}

impl<R: Reader> Rpc<R> {
    /// Who reads. The caller is known before the request is looked at.
    pub(super) fn reads(&self, extensions: &Extensions, officer: &str) -> Result<Reads, Failed> {
        let agency = self.caller(extensions)?;
        let officer = wanted::reading_officer(officer, &self.door, &agency)?;
        Ok(Reads { agency, officer })
    }

    /// Asks a reader.
    pub(super) async fn ask<T, F>(&self, question: F) -> Result<T, Failed>
    where
        T: Send + 'static,
        F: for<'r> FnOnce(&'r mut R) -> Asking<'r, T> + Send + 'static,
    {
        self.broker.readers().ask(question).await.map_err(Failed::Read)
    }

    /// The referral, if it is there for who reads and the agency's relation to it allows that; else it does not exist.
    pub(super) async fn referral<V>(
        &self,
        key: ReferralKey,
        by: &Reads,
        relation: impl FnOnce(&Referral) -> Option<V> + Send,
    ) -> Result<(Referral, V), Failed> {
        let rows = self.ask(move |reader| Box::pin(async move { reader.referral(&key).await?.as_ref().map(read_back).transpose() })).await?;
        let referral = rows.filter(|referral| by.sees(referral)).ok_or(Failed::from(Reason::NotFound))?;
        let view = relation(&referral).ok_or(Failed::from(Reason::NotFound))?;
        Ok((referral, view))
    }
}

/// The referral of stored rows.
pub(super) fn read_back(rows: &ReferralRows) -> Result<Referral, StoreError> {
    projection::referral(rows).map_err(StoreError::Corrupt)
}

/// Whether the caller is the sender.
pub(super) fn is_sender(agency: &AgencyId, referral: &Referral) -> Option<()> {
    (referral.sender == *agency).then_some(())
}

/// Whether the caller answers for the recipient of a referral that was offered to it.
pub(super) fn is_recipient(agency: &AgencyId, referral: &Referral) -> bool {
    referral.host == *agency && referral.offered_at.is_some()
}

/// The referrals of those ids, in the order of the ids.
pub(super) async fn in_order<R: Reader>(reader: &mut R, ids: &[Blob]) -> Result<Vec<Referral>, StoreError> {
    let mut wanted = ids.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let found: Vec<Referral> = reader.referrals(&wanted).await?.iter().map(read_back).collect::<Result<_, _>>()?;
    let of = |id: &Blob| found.iter().find(|referral| referral.id.as_bytes().as_slice() == id.0).cloned();
    let corrupt = |id: &Blob| StoreError::Corrupt(Corrupt { table: "referral", row: hex::encode(&id.0), column: "id" });
    ids.iter().map(|id| of(id).ok_or_else(|| corrupt(id))).collect()
}

/// Which rows a longer reading asks for, one chunk after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    /// What an agency has to clear.
    Pending,
    /// What waits for a function.
    OpenInbox,
}

/// The part of a list that is sorted by itself: what began after one position, up to another.
///
/// Pages of it stay within it, whatever comes in meanwhile, so that nothing is passed over that was there when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    after: i64,
    until: i64,
}

impl Stretch {
    /// The stretch of a page, which the first two keys of its cursor name, and the sort keys after which it goes on.
    fn of(page: &Page) -> (Self, Option<Cursor>) {
        match page.after.as_ref().map(|cursor| cursor.0.as_slice()) {
            Some([after, until]) => (Self { after: *after, until: *until }, None),
            Some([after, until, keys @ ..]) => (Self { after: *after, until: *until }, Some(Cursor(keys.to_vec()))),
            Some([] | [_]) | None => (Self { after: BEGINNING, until: i64::MAX }, None),
        }
    }

    /// Where a page goes on within it.
    fn cursor(self, keys: &[i64]) -> Cursor {
        Cursor([&[self.after, self.until], keys].concat())
    }

    /// The referrals of the stretch, at most so many; where there are more it ends with the last one.
    async fn read<R: Reader>(mut self, reader: &mut R, (which, whose): (List, &str), most: usize) -> Result<(Self, Vec<Referral>), StoreError> {
        let mut found: Vec<Referral> = Vec::new();
        let mut after = self.after;
        loop {
            let limit = u32::try_from(most.saturating_sub(found.len())).unwrap_or(CHUNK_ROWS_MAX).min(CHUNK_ROWS_MAX);
            let chunk = After { after, limit };
            let rows = match which {
                List::Pending => reader.pending_clearances(whose, chunk).await?,
                List::OpenInbox => reader.open_inbox(whose, chunk).await?,
            };
            let all = u32::try_from(rows.len()).is_ok_and(|count| count < limit);
            for rows in rows.iter().filter(|rows| rows.referral.first_position <= self.until) {
                after = rows.referral.first_position;
                found.push(read_back(rows)?);
            }
            if all || rows.last().is_some_and(|rows| rows.referral.first_position >= self.until) {
                return Ok((self, found));
            }
            if found.len() >= most {
                self.until = after;
                return Ok((self, found));
            }
        }
    }

    /// The stretch behind this one; none, if this one has no end.
    fn next(self) -> Option<Cursor> {
        (self.until < i64::MAX).then(|| Self { after: self.until, until: i64::MAX }.cursor(&[]))
    }
}

/// Fills a page from items in their order, each with its cursor; gives the token of the next page, empty after the last.
///
/// A page ends at its number of entries or at [`PAGE_BYTES_MAX`], and holds one entry at least.
pub(super) fn filled<T: Message>(items: impl IntoIterator<Item = (Cursor, T)>, entries: u32) -> (Vec<T>, String) {
    let mut page: Vec<T> = Vec::new();
    let (mut bytes, mut last) = (0, None);
    for (cursor, item) in items {
        bytes += item.encoded_len();
        let full = u32::try_from(page.len()).map_or(true, |count| count >= entries) || bytes > PAGE_BYTES_MAX;
        if full && !page.is_empty() {
            return (page, last.map_or_else(String::new, |cursor: Cursor| cursor.to_string()));
        }
        page.push(item);
        last = Some(cursor);
    }
    (page, String::new())
}

/// A list that is read whole and sorted before it is shown.
pub(super) struct Sorted<F> {
    pub(super) list: List,
    pub(super) whose: String,
    pub(super) page: Page,
    pub(super) key: fn(&Referral) -> Cursor,
    pub(super) shows: F,
}

impl<R: Reader> Rpc<R> {
    /// A page of a sorted list: what `shows` gives something for, the token of the next page, empty after the last.
    pub(super) async fn sorted<T: Message>(&self, wanted: Sorted<impl Fn(&Referral) -> Option<T>>) -> Result<(Vec<T>, String), Failed> {
        let Sorted { list, whose, page, key, shows } = wanted;
        let ((stretch, after), most) = (Stretch::of(&page), self.sorted_referrals);
        let (stretch, found) = self.ask(move |reader| Box::pin(async move { stretch.read(reader, (list, &whose), most).await })).await?;
        let mut keyed: Vec<(Cursor, &Referral)> = found.iter().map(|referral| (key(referral), referral)).collect();
        keyed.sort_by(|one, other| one.0.0.cmp(&other.0.0));
        let rest = keyed.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key.0 > after.0));
        let (items, token) = filled(rest.filter_map(|(key, referral)| Some((stretch.cursor(&key.0), shows(referral)?))), page.entries);
        let token = if token.is_empty() { stretch.next().map_or(token, |next| next.to_string()) } else { token };
        Ok((items, token))
    }
}
