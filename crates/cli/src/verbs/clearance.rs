//! Clearance.

use std::path::Path;

use brygga_client::Answer;
use brygga_wire::v1;
use serde_json::Value;

use crate::args::ClearanceCommand;
use crate::desk::{Desk, List, logged, whole};
use crate::failure::Failure;
use crate::template::Template;
use crate::verbs::emergency;
use crate::verbs::inbox::time;
use crate::verbs::referral::one_name;
use crate::verbs::submit::{decided, ready};
use crate::{message, words};

/// Cells that a row names; of more it gives the number.
const CELLS_NAMED_MAX: usize = 5;

/// `clearance`.
pub async fn run(desk: &mut Desk<'_>, verb: ClearanceCommand) -> Result<(), Failure> {
    match verb {
        ClearanceCommand::List { limit } => list(desk, limit).await,
        ClearanceCommand::Decide { referral, from, template, standing_until } => {
            Box::pin(decide(desk, referral, Said { from: &from, template: template.as_deref(), standing_until: standing_until.as_deref() })).await
        }
        ClearanceCommand::Confirm { referral, from, owed } => Box::pin(confirm(desk, referral, (&from, owed))).await,
        ClearanceCommand::Revoke { referral, cells } => Box::pin(revoke(desk, referral, cells)).await,
        ClearanceCommand::Emergency(said) => Box::pin(emergency::declare(desk, said)).await,
        ClearanceCommand::Review { referral, emergency, verdict, reasons } => {
            Box::pin(emergency::review(desk, emergency::Review { referral, emergency, verdict, reasons })).await
        }
    }
}

async fn list(desk: &mut Desk<'_>, limit: u32) -> Result<(), Failure> {
    let (client, settings) = desk.client()?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut referrals: Vec<v1::ClearanceReferral> = Vec::new();
    let mut request = v1::ListPendingClearancesRequest { officer: desk.reader(&settings), ..Default::default() };
    loop {
        let page = client.list_pending_clearances(request.clone()).await.map_err(|error| Failure::client(&error))?;
        referrals.extend(page.referrals);
        if page.next_page_token.is_empty() || referrals.len() >= limit {
            break;
        }
        request.page_token = page.next_page_token;
    }
    referrals.truncate(limit);
    let now = desk.now;
    let row = |referral: &v1::ClearanceReferral| {
        let (decided, all) = decided(&referral.sections);
        vec![
            referral.reference.clone(),
            words::kind(referral.kind),
            referral.sender.clone(),
            referral.recipient.clone(),
            words::urgency(referral.urgency),
            words::due(referral.contact_due_at.as_ref(), now),
            format!("{decided} of {all}"),
            at_a_glance(cells_in(referral, v1::ClearanceState::Undecided)),
            at_a_glance(to_confirm(referral)),
            emergency::to_review(referral, now),
        ]
    };
    desk.list(List {
        heads: &["reference", "kind", "from", "to", "urgency", "contact due", "decided", "to decide", "to confirm", "to review"],
        rows: referrals.iter().map(row).collect(),
        items: referrals.iter().map(message::show).collect(),
        empty: "nothing waits",
    })
}

/// The cells in a state, as `clearance confirm` takes them.
fn cells_in(referral: &v1::ClearanceReferral, state: v1::ClearanceState) -> String {
    let of = |section: &v1::SectionClearance| {
        let cells = section.cells.iter().filter(|cell| cell.state() == state).map(|cell| format!("{}:{}", section.number, cell.interest));
        cells.collect::<Vec<_>>()
    };
    referral.sections.iter().flat_map(of).collect::<Vec<_>>().join(" ")
}

/// The cells that wait for a second officer, and what one owes a word on.
fn to_confirm(referral: &v1::ClearanceReferral) -> String {
    let waiting = cells_in(referral, v1::ClearanceState::AwaitsSecondOfficer);
    Some(waiting).into_iter().filter(|cells| !cells.is_empty()).chain(owed_words(referral)).collect::<Vec<_>>().join(" ")
}

/// Owed words, as `clearance list` names them.
fn owed_words(referral: &v1::ClearanceReferral) -> Vec<String> {
    referral.owed_words.iter().map(|word| format!("{}:{}@{}", word.section, word.interest, word.revision)).collect()
}

/// Cells as a column takes them: by name while they are few.
fn at_a_glance(cells: String) -> String {
    let count = cells.split_whitespace().count();
    if count > CELLS_NAMED_MAX { format!("{count} cells") } else { cells }
}

/// Where a decision comes from.
struct Said<'a> {
    from: &'a Path,
    template: Option<&'a Path>,
    standing_until: Option<&'a str>,
}

async fn decide(desk: &mut Desk<'_>, referral: String, said: Said<'_>) -> Result<(), Failure> {
    let mut request: v1::DecideClearanceRequest = desk.request(said.from)?;
    request.referral = one_name(referral, &request.referral)?;
    if let Some(until) = said.standing_until {
        request.decision.get_or_insert_default().standing_until = Some(time(until, desk.now)?);
    }
    if let Some(file) = said.template {
        let template = Template::read(file)?;
        let (client, settings) = desk.client()?;
        let officer = desk.reader(&settings);
        let asked = v1::AssessReferralRequest { referral: request.referral.clone(), officer, ..v1::AssessReferralRequest::default() };
        let stands = client.assess_referral(asked).await.map_err(|error| Failure::client(&error).about(request.referral.clone()))?;
        template.decide(&stands.referral.unwrap_or_default(), request.decision.get_or_insert_default())?;
    }
    let (officer, subject) = (request.officer.clone(), request.referral.clone());
    let blocked = |failure: Failure| failure.with_try(format!("brygga referral why {subject}")).about(subject.clone());
    let Some(answer) = desk.write(request, &officer).await.map_err(blocked)? else { return Ok(()) };
    let (referral, shown) = (answer.response.referral.clone().unwrap_or_default(), whole(&answer));
    tell(desk, &referral, &answer, shown)
}

async fn confirm(desk: &mut Desk<'_>, referral: String, (from, owed): (&Path, Option<u32>)) -> Result<(), Failure> {
    let mut request: v1::ConfirmClearanceRequest = desk.request(from)?;
    if let Some(revision) = owed {
        let decision = request.decision.take().or_else(|| request.owed.take()?.decision);
        request.owed = Some(v1::OwedDecision { revision, decision });
    }
    let is_owed = request.owed.is_some();
    request.referral = one_name(referral, &request.referral)?;
    let (officer, subject) = (request.officer.clone(), request.referral.clone());
    let Some(answer) = desk.write(request, &officer).await.map_err(|failure| failure.about(subject))? else { return Ok(()) };
    let (referral, shown) = (answer.response.referral.clone().unwrap_or_default(), whole(&answer));
    if !is_owed {
        return tell(desk, &referral, &answer, shown);
    }
    let mut lines = vec![logged("on record  the second officer's word on what left; nothing else changes", &answer)];
    let rest = owed_words(&referral);
    if !rest.is_empty() {
        lines.push(format!("still owed {}", rest.join(" ")));
    }
    desk.answer(&lines, shown)
}

async fn revoke(desk: &mut Desk<'_>, referral: String, cells: Vec<v1::Cell>) -> Result<(), Failure> {
    let request = v1::RevokeClearanceRequest { referral: referral.clone(), cells, ..v1::RevokeClearanceRequest::default() };
    let Some(answer) = desk.write(request, "").await.map_err(|failure| failure.about(referral))? else { return Ok(()) };
    let (referral, shown) = (answer.response.referral.clone().unwrap_or_default(), whole(&answer));
    tell(desk, &referral, &answer, shown)
}

/// How the referral stands after an act of clearance.
pub fn tell<R>(desk: &mut Desk<'_>, referral: &v1::ClearanceReferral, answer: &Answer<R>, shown: Value) -> Result<(), Failure> {
    let offered = referral.sections.iter().filter(|section| section.offered).count();
    let (decided, all) = decided(&referral.sections);
    let text = if offered > 0 {
        ready(offered, &referral.sections, &referral.recipient)
    } else {
        format!("held       clearance: {decided} of {all} cells decided; nothing has been forwarded")
    };
    let mut lines = vec![logged(&text, answer)];
    let waiting = cells_in(referral, v1::ClearanceState::AwaitsSecondOfficer);
    if !waiting.is_empty() {
        lines.push(format!("waits      for a second officer: {waiting}"));
    }
    lines.extend(emergency::standing(referral, desk.now));
    let undecided = cells_in(referral, v1::ClearanceState::Undecided);
    if !undecided.is_empty() && offered > 0 {
        lines.push(format!("held       not decided: {undecided}"));
    }
    desk.answer(&lines, shown)
}
