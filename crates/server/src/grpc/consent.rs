//! `ConsentService`: a person's waiver of their own secrecy, and its end.
//!
//! The sender sees the consents that it recorded; a recipient only those that a section it has received is covered by.

use brygga_domain::event::Interest;
use brygga_domain::referral::Consent;
use brygga_domain::{AgencyId, Fact, Position, Reason, Referral, ReferralName, Time};
use brygga_engine::projection::number;
use brygga_engine::store::Reader;
use brygga_wire::convert::read::{self as wanted, Cursor};
use brygga_wire::v1::consent_service_server::ConsentService;
use brygga_wire::{v1, view};
use tonic::{Request, Response, Status};

use super::Rpc;
use super::command::{Done, served};
use super::read::{self, Reads};
use super::status::Failed;

#[tonic::async_trait]
impl<R: Reader> ConsentService for Rpc<R> {
    async fn record_consent(&self, request: Request<v1::RecordConsentRequest>) -> Result<Response<v1::RecordConsentResponse>, Status> {
        self.write(request).await
    }

    async fn withdraw_consent(&self, request: Request<v1::WithdrawConsentRequest>) -> Result<Response<v1::WithdrawConsentResponse>, Status> {
        self.write(request).await
    }

    async fn get_consent(&self, request: Request<v1::GetConsentRequest>) -> Result<Response<v1::GetConsentResponse>, Status> {
        self.answered(self.one_consent(&request).await)
    }

    async fn list_consents(&self, request: Request<v1::ListConsentsRequest>) -> Result<Response<v1::ListConsentsResponse>, Status> {
        self.answered(self.consents(&request).await)
    }
}

impl<R: Reader> Rpc<R> {
    async fn one_consent(&self, request: &Request<v1::GetConsentRequest>) -> Result<v1::GetConsentResponse, Failed> {
        let by = self.reads(request.extensions(), &request.get_ref().officer)?;
        let (name, id) = wanted::get_consent(request.get_ref())?;
        let referral = self.with_consents(name, &by).await?;
        let consent = referral.consent(id).filter(|consent| sees(&by.agency, &referral, consent)).ok_or(Failed::from(Reason::NotFound))?;
        Ok(v1::GetConsentResponse { consent: Some(view::consent(&referral, consent, self.broker.now())) })
    }

    async fn consents(&self, request: &Request<v1::ListConsentsRequest>) -> Result<v1::ListConsentsResponse, Failed> {
        let by = self.reads(request.extensions(), &request.get_ref().officer)?;
        let (name, page) = wanted::list_consents(request.get_ref())?;
        let (referral, now) = (self.with_consents(name, &by).await?, self.broker.now());
        let after = page.after.and_then(|cursor| cursor.0.first().copied()).unwrap_or(read::BEGINNING);
        let rest = referral.consents.iter().filter(|consent| sees(&by.agency, &referral, consent) && number(consent.at.0) > after);
        let (consents, next_page_token) = read::filled(rest.map(|consent| shown(&referral, consent, now)), page.entries);
        Ok(v1::ListConsentsResponse { consents, next_page_token })
    }

    async fn with_consents(&self, name: ReferralName, by: &Reads) -> Result<Referral, Failed> {
        let relation = |referral: &Referral| (referral.sender == by.agency || read::is_recipient(&by.agency, referral)).then_some(());
        self.referral(read::key(name), by, relation).await.map(|(referral, ())| referral)
    }
}

fn shown(referral: &Referral, consent: &Consent, now: Time) -> (Cursor, v1::Consent) {
    (Cursor(vec![number(consent.at.0)]), view::consent(referral, consent, now))
}

/// Whether the agency holds the consent, or has received something that it covers.
fn sees(agency: &AgencyId, referral: &Referral, consent: &Consent) -> bool {
    let covers = |section: &&brygga_domain::referral::Section| {
        let of_person = section.cells.iter().any(|cell| cell.interest == Interest::Person(consent.given.person));
        (section.released.is_some() || section.revealed) && of_person && consent.given.categories.contains(&section.category)
    };
    let received = || consent.given.recipient == referral.recipient && referral.sections.iter().any(|section| covers(&section));
    referral.sender == *agency || (read::is_recipient(agency, referral) && received())
}

fn consent(done: &Done, wanted: impl Fn(&Consent) -> bool) -> Result<(&Referral, &Consent), Failed> {
    let referral = done.referral()?;
    let consent = referral.consents.iter().find(|consent| wanted(consent));
    consent.map(|consent| (referral, consent)).ok_or(Failed::Bug("a consent was committed and is not on record"))
}

served! {
    RecordConsentRequest record_consent => recorded;
    WithdrawConsentRequest withdraw_consent => withdrawn;
}

fn recorded(done: &Done) -> Result<v1::RecordConsentResponse, Failed> {
    let (at, _) = done.event(|fact| matches!(fact, Fact::ConsentRecorded(_)))?;
    let (referral, consent) = consent(done, |consent| consent.at == at)?;
    Ok(v1::RecordConsentResponse { consent: Some(view::consent(referral, consent, done.now)), warnings: done.warnings(), ..Default::default() })
}

fn withdrawn(done: &Done) -> Result<v1::WithdrawConsentResponse, Failed> {
    let (at, _) = done.event(|fact| matches!(fact, Fact::ConsentWithdrawn { .. }))?;
    let (referral, consent) = consent(done, |consent| consent.withdrawn == Some(at))?;
    Ok(v1::WithdrawConsentResponse {
        consent: Some(view::consent(referral, consent, done.now)),
        stop_use_sections: stopped(referral, at),
        standing: view::standing(referral, consent),
        ..Default::default()
    })
}

/// Sections that the notice of a withdrawal names. The notice is the event after the withdrawal, in the same commit.
fn stopped(referral: &Referral, withdrawal: Position) -> Vec<u32> {
    referral.notices.iter().find(|notice| notice.at == withdrawal.next()).map_or_else(Vec::new, |notice| notice.sections.clone())
}
