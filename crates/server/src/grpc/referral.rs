//! `ReferralService`: what senders do and follow. Before it: `proto/brygga/v1/referral.proto`; after it: `domain::decide`.
//!
//! A sender sees transport answers and its own clearance, never what the recipient learned about a person.

use brygga_domain::{Fact, Referral};
use brygga_engine::store::{After, Reader, ReferralKey, StoreError};
use brygga_wire::convert::read::{self as wanted, Cursor, Named, ReferralsWanted};
use brygga_wire::v1::referral_service_server::ReferralService;
use brygga_wire::{v1, view};
use tonic::{Request, Response, Status};

use super::Rpc;
use super::command::{Done, served};
use super::read::{self, Reads};
use super::status::Failed;
use super::stream::Outgoing;
use super::stream::statuses::Statuses;

#[tonic::async_trait]
impl<R: Reader> ReferralService for Rpc<R> {
    async fn record_offer(&self, request: Request<v1::RecordOfferRequest>) -> Result<Response<v1::RecordOfferResponse>, Status> {
        self.write(request).await
    }

    async fn submit_referral(&self, request: Request<v1::SubmitReferralRequest>) -> Result<Response<v1::SubmitReferralResponse>, Status> {
        self.write(request).await
    }

    async fn amend_referral(&self, request: Request<v1::AmendReferralRequest>) -> Result<Response<v1::AmendReferralResponse>, Status> {
        self.write(request).await
    }

    async fn retract_referral(&self, request: Request<v1::RetractReferralRequest>) -> Result<Response<v1::RetractReferralResponse>, Status> {
        self.write(request).await
    }

    async fn get_referral(&self, request: Request<v1::GetReferralRequest>) -> Result<Response<v1::GetReferralResponse>, Status> {
        let found = self.own_referral(&request).await;
        self.answered(found.map(|referral| v1::GetReferralResponse { referral: Some(view::sender_referral(&referral, self.broker.table())) }))
    }

    async fn list_referrals(&self, request: Request<v1::ListReferralsRequest>) -> Result<Response<v1::ListReferralsResponse>, Status> {
        self.answered(self.own_referrals(&request).await)
    }

    type WatchReferralsStream = Outgoing<v1::WatchReferralsResponse>;

    async fn watch_referrals(&self, request: Request<v1::WatchReferralsRequest>) -> Result<Response<Self::WatchReferralsStream>, Status> {
        let source = self.caller(request.extensions()).map(|agency| Statuses::new(agency, request.get_ref().after));
        self.answered(source.and_then(|source| self.stream(source, request.extensions())))
    }
}

served! {
    RecordOfferRequest record_offer => offered;
    SubmitReferralRequest submit_referral => |done| Ok(v1::SubmitReferralResponse { referral: Some(done.sender_referral()?), warnings: done.warnings(), ..Default::default() });
    AmendReferralRequest amend_referral => |done| Ok(v1::AmendReferralResponse { referral: Some(done.sender_referral()?), warnings: done.warnings(), ..Default::default() });
    RetractReferralRequest retract_referral => |done| Ok(v1::RetractReferralResponse { referral: Some(done.sender_referral()?), ..Default::default() });
}

fn offered(done: &Done) -> Result<v1::RecordOfferResponse, Failed> {
    let (_, event) = done.event(|fact| matches!(fact, Fact::OfferRecorded(_)))?;
    let Fact::OfferRecorded(offer) = event.fact else { return Err(Failed::Bug("an event changed its kind")) };
    Ok(v1::RecordOfferResponse { offer_id: offer.id.to_string(), ..Default::default() })
}

impl<R: Reader> Rpc<R> {
    async fn own_referral(&self, request: &Request<v1::GetReferralRequest>) -> Result<Referral, Failed> {
        let by = self.reads(request.extensions(), &request.get_ref().officer)?;
        let key = match wanted::get_referral(request.get_ref(), &self.door, &by.agency)? {
            Named::Referral(name) => read::key(name),
            Named::SenderReference(hash) => ReferralKey::SenderReference(hash.0.into()),
        };
        let (referral, ()) = self.referral(key, &by, |referral| read::is_sender(&by.agency, referral)).await?;
        Ok(referral)
    }

    async fn own_referrals(&self, request: &Request<v1::ListReferralsRequest>) -> Result<v1::ListReferralsResponse, Failed> {
        let by = self.reads(request.extensions(), &request.get_ref().officer)?;
        let wanted = wanted::list_referrals(request.get_ref())?;
        let entries = wanted.page.entries;
        let (found, rest) = self.ask(move |reader| Box::pin(async move { sent(reader, &by, &wanted).await })).await?;
        let shown = found.iter().map(|referral| (cursor(referral), view::sender_referral(referral, self.broker.table())));
        let (referrals, token) = read::filled(shown, entries);
        // The page may be full before everything that was found is on it; else it goes on where the scan ended.
        let next_page_token = if token.is_empty() { rest.map_or_else(String::new, |cursor| cursor.to_string()) } else { token };
        Ok(v1::ListReferralsResponse { referrals, next_page_token })
    }
}

fn cursor(referral: &Referral) -> Cursor {
    Cursor(vec![brygga_engine::projection::number(referral.first.0)])
}

/// Referrals of a sender that match, and where to go on if the scan was ended before the list was.
async fn sent<R: Reader>(reader: &mut R, by: &Reads, wanted: &ReferralsWanted) -> Result<(Vec<Referral>, Option<Cursor>), StoreError> {
    let matches = |referral: &Referral| by.sees(referral) && wanted.thread.is_none_or(|thread| referral.thread == thread);
    let mut after = wanted.page.after.as_ref().and_then(|cursor| cursor.0.first().copied()).unwrap_or(read::BEGINNING);
    let (mut found, mut scanned) = (Vec::new(), 0_usize);
    while scanned < read::LIST_SCAN_REFERRALS_MAX {
        let page = After { after, limit: wanted.page.entries };
        let rows = if wanted.open_only { reader.open_sent_by(by.agency.as_str(), page).await? } else { reader.sent_by(by.agency.as_str(), page).await? };
        let last_chunk = u32::try_from(rows.len()).is_ok_and(|count| count < wanted.page.entries);
        scanned = scanned.saturating_add(rows.len());
        for row in &rows {
            let referral = read::read_back(row)?;
            after = row.referral.first_position;
            if matches(&referral) {
                found.push(referral);
            }
            if u32::try_from(found.len()).is_ok_and(|count| count >= wanted.page.entries) {
                return Ok((found, Some(Cursor(vec![after]))));
            }
        }
        if last_chunk {
            return Ok((found, None));
        }
    }
    Ok((found, Some(Cursor(vec![after]))))
}
