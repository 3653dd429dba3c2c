//! Consents.

use std::path::Path;

use brygga_wire::v1;

use crate::args::ConsentCommand;
use crate::desk::{Desk, List, logged, whole};
use crate::failure::Failure;
use crate::verbs::referral::one_name;
use crate::{message, words};

/// `consent`.
pub async fn run(desk: &mut Desk<'_>, verb: ConsentCommand) -> Result<(), Failure> {
    match verb {
        ConsentCommand::Record { referral, from } => Box::pin(record(desk, referral, &from)).await,
        ConsentCommand::Show { referral, consent } => show(desk, referral, consent.as_deref()).await,
        ConsentCommand::Withdraw { referral, consent } => Box::pin(withdraw(desk, referral, consent)).await,
    }
}

async fn record(desk: &mut Desk<'_>, referral: String, from: &Path) -> Result<(), Failure> {
    let mut request: v1::RecordConsentRequest = desk.request(from)?;
    request.referral = one_name(referral, &request.referral)?;
    let (officer, subject) = (request.officer.clone(), request.referral.clone());
    let Some(answer) = desk.write(request, &officer).await.map_err(|failure| failure.about(subject))? else { return Ok(()) };
    let terms = answer.response.consent.clone().and_then(|consent| consent.terms).unwrap_or_default();
    let text = format!("consent    {}: {}, to {}, until {}", terms.person, words::categories(&terms.categories), terms.recipient, day(&terms));
    desk.answer(&[logged(&text, &answer)], whole(&answer))
}

fn day(terms: &v1::ConsentTerms) -> String {
    words::stamp(terms.valid_until.as_ref()).map_or_else(String::new, |stamp| words::day(stamp).to_string())
}

async fn on_record(desk: &mut Desk<'_>, referral: &str) -> Result<Vec<v1::Consent>, Failure> {
    let (client, settings) = desk.client()?;
    let mut consents = Vec::new();
    let mut request = v1::ListConsentsRequest { referral: referral.to_owned(), officer: desk.reader(&settings), ..v1::ListConsentsRequest::default() };
    loop {
        let page = client.list_consents(request.clone()).await.map_err(|error| Failure::client(&error).about(referral))?;
        consents.extend(page.consents);
        if page.next_page_token.is_empty() {
            return Ok(consents);
        }
        request.page_token = page.next_page_token;
    }
}

fn state(consent: &v1::Consent) -> String {
    match (consent.withdrawal, consent.expired) {
        (Some(at), _) => format!("withdrawn, log {at}"),
        (None, true) => String::from("expired"),
        (None, false) => String::from("stands"),
    }
}

async fn show(desk: &mut Desk<'_>, referral: String, id: Option<&str>) -> Result<(), Failure> {
    let mut consents = on_record(desk, &referral).await?;
    if let Some(id) = id {
        consents.retain(|consent| consent.id == id);
        if consents.is_empty() {
            return Err(Failure::not_found("the referral has no such consent").about(referral));
        }
    }
    let row = |consent: &v1::Consent| {
        let terms = consent.terms.clone().unwrap_or_default();
        vec![
            consent.id.clone(),
            terms.person.clone(),
            words::categories(&terms.categories),
            terms.recipient.clone(),
            words::code::<brygga_domain::Purpose>(terms.purpose),
            day(&terms),
            state(consent),
            format!("log {}", consent.position),
        ]
    };
    desk.list(List {
        heads: &["consent", "person", "categories", "to", "purpose", "until", "state", "recorded"],
        rows: consents.iter().map(row).collect(),
        items: consents.iter().map(message::show).collect(),
        empty: "no consent is on record",
    })
}

async fn withdraw(desk: &mut Desk<'_>, referral: String, id: Option<String>) -> Result<(), Failure> {
    let consent_id = match id {
        Some(id) => id,
        None => only_standing(desk, &referral).await?,
    };
    let request = v1::WithdrawConsentRequest { referral: referral.clone(), consent_id, ..v1::WithdrawConsentRequest::default() };
    let Some(answer) = desk.write(request, "").await.map_err(|failure| failure.about(referral))? else { return Ok(()) };
    let response = &answer.response;
    let notice = if response.stop_use_sections.is_empty() { "nothing that rests on it had been released" } else { "stop-use notice sent, 1 holder" };
    let mut lines = vec![logged(&format!("withdrawn  {notice}"), &answer)];
    if !response.standing.is_empty() {
        let cells: Vec<String> = response.standing.iter().map(|cell| format!("{}:{}", cell.section, cell.interest)).collect();
        lines.push(format!("stands     on other grounds: {}", cells.join(", ")));
    }
    desk.answer(&lines, whole(&answer))
}

/// The one consent that stands; where there are several the person must be meant by id.
async fn only_standing(desk: &mut Desk<'_>, referral: &str) -> Result<String, Failure> {
    let mut standing: Vec<v1::Consent> = on_record(desk, referral).await?;
    standing.retain(|consent| consent.withdrawal.is_none());
    match standing.as_slice() {
        [consent] => Ok(consent.id.clone()),
        [] => Err(Failure::not_found("no consent stands").about(referral)),
        [..] => {
            let named = standing.iter().map(|consent| format!("--consent {}", consent.id));
            Err(named.fold(Failure::usage("several consents stand; say which").about(referral), Failure::with_try))
        }
    }
}
