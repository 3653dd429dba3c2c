//! The list of a function's inbox: envelopes that wait for it, the most urgent and nearest due first, then, where asked for, what has
//! ended and asks for nothing more.

use brygga_domain::referral::Stage;
use brygga_domain::{Code, FunctionId, InboxKind, Referral, Time};
use brygga_engine::projection::number;
use brygga_engine::rows::Blob;
use brygga_engine::store::{After, Reader, StoreError};
use brygga_wire::convert::Malformed;
use brygga_wire::convert::read::{self as wanted, Cursor, Page};
use brygga_wire::{v1, view};
use http::Extensions;
use tonic::Request;

use super::Rpc;
use super::read::{self, CHUNK_ROWS_MAX, List, Reads, Sorted};
use super::status::Failed;

/// Inbox entries that one page of ended referrals looks at.
const ENDED_SCAN_ENTRIES_MAX: usize = 5_000;
/// A cursor of ended envelopes has one key, the entry's position; one of open envelopes has more.
const ENDED_CURSOR_KEYS: usize = 1;

impl<R: Reader> Rpc<R> {
    /// The function of a request, if the caller's agency answers for it; else it does not exist.
    pub(super) fn own_function(&self, extensions: &Extensions, named: impl FnOnce() -> Result<FunctionId, Malformed>) -> Result<FunctionId, Failed> {
        let agency = self.caller(extensions)?;
        let name = named()?;
        self.answers_for(&agency, &name)?;
        Ok(name)
    }

    pub(super) async fn envelopes(&self, request: &Request<v1::ListInboxRequest>) -> Result<v1::ListInboxResponse, Failed> {
        // The caller is known before the request is looked at, and both before the store is asked.
        let by = self.reads(request.extensions(), &request.get_ref().officer)?;
        let (name, page) = wanted::list_inbox(request.get_ref())?;
        let function = self.own_function(request.extensions(), || Ok(name))?;
        let with_ended = request.get_ref().include_ended;
        if with_ended && page.after.as_ref().is_some_and(|cursor| cursor.0.len() == ENDED_CURSOR_KEYS) {
            return self.ended(function, page, by).await;
        }
        let shows = |referral: &Referral| {
            let theirs = by.sees_envelope(referral) && read::is_recipient(&by.agency, referral);
            theirs.then(|| view::envelope(referral, self.broker.table(), self.broker.now()))
        };
        let whose = function.as_str().to_owned();
        let (envelopes, mut next_page_token) = self.sorted(Sorted { list: List::OpenInbox, whose, page, key: urgent_first, shows }).await?;
        if next_page_token.is_empty() && with_ended {
            next_page_token = Cursor(vec![read::BEGINNING]).to_string();
        }
        Ok(v1::ListInboxResponse { envelopes, next_page_token })
    }

    async fn ended(&self, function: FunctionId, page: Page, by: Reads) -> Result<v1::ListInboxResponse, Failed> {
        let entries = page.entries;
        let (found, rest) = self.ask(move |reader| Box::pin(async move { ended(reader, function.as_str(), (&page, &by)).await })).await?;
        let (envelopes, token) =
            read::filled(found.iter().map(|(at, referral)| (Cursor(vec![*at]), view::envelope(referral, self.broker.table(), self.broker.now()))), entries);
        let next_page_token = if token.is_empty() { rest.map_or_else(String::new, |at| Cursor(vec![at]).to_string()) } else { token };
        Ok(v1::ListInboxResponse { envelopes, next_page_token })
    }
}

fn urgent_first(referral: &Referral) -> Cursor {
    let due = referral.contact_due_at.map_or(i64::MAX, Time::micros);
    Cursor(vec![-i64::from(referral.urgency.number()), due, number(referral.first.0)])
}

/// Ended referrals of a function by the position of their first offer, and where to go on if the scan was ended before the inbox was.
async fn ended<R: Reader>(reader: &mut R, function: &str, (page, by): (&Page, &Reads)) -> Result<(Vec<(i64, Referral)>, Option<i64>), StoreError> {
    let mut after = page.after.as_ref().and_then(|cursor| cursor.0.first().copied()).unwrap_or(read::BEGINNING);
    let (mut found, mut scanned) = (Vec::new(), 0_usize);
    while scanned < ENDED_SCAN_ENTRIES_MAX {
        let rows = reader.inbox(function, After { after, limit: CHUNK_ROWS_MAX }).await?;
        let last_chunk = u32::try_from(rows.len()).is_ok_and(|count| count < CHUNK_ROWS_MAX);
        scanned = scanned.saturating_add(rows.len());
        let offers: Vec<_> = rows.iter().filter(|row| row.kind == InboxKind::Offered.as_str()).collect();
        let ids: Vec<Blob> = offers.iter().map(|row| row.referral.clone()).collect();
        for (row, referral) in offers.iter().zip(read::in_order(reader, &ids).await?) {
            after = row.position;
            // A referral may be offered again after its offer was taken back: it is listed at its first offer.
            let first = referral.offered_at.is_some_and(|at| number(at.0) == row.position);
            if first && by.sees_envelope(&referral) && is_over(&referral) {
                found.push((row.position, referral));
            }
            if u32::try_from(found.len()).is_ok_and(|count| count >= page.entries) {
                return Ok((found, Some(after)));
            }
        }
        after = rows.last().map_or(after, |row| row.position);
        if last_chunk {
            return Ok((found, None));
        }
    }
    Ok((found, Some(after)))
}

/// Whether there is nothing for the recipient to do: it has ended, or its offer was taken back.
fn is_over(referral: &Referral) -> bool {
    (referral.stage.is_ended() || referral.stage == Stage::Held) && !referral.waits_for_recipient()
}
