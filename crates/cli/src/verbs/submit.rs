//! Offers and submissions.

use std::path::{Path, PathBuf};

use brygga_domain::{AgencyKind, Code, NotOfferedReason, OfferAnswer, Reason};
use brygga_wire::v1;

use crate::args::OfferCommand;
use crate::desk::{Desk, logged, whole};
use crate::failure::Failure;
use crate::verbs::referral::one_name;
use crate::{local, words};

/// `offer`.
pub async fn offer(desk: &mut Desk<'_>, verb: OfferCommand) -> Result<(), Failure> {
    let OfferCommand::Record { from } = verb;
    let request: v1::RecordOfferRequest = desk.request(&from)?;
    let officer = request.officer.clone();
    let said = request.offer.as_ref().map(offer_in_words).unwrap_or_default();
    let Some(answer) = desk.write(request, &officer).await? else { return Ok(()) };
    desk.answer(&[logged(&said, &answer)], whole(&answer))
}

fn offer_in_words(offer: &v1::Offer) -> String {
    let mut parts = Vec::new();
    match offer.result {
        Some(v1::offer::Result::Answer(answer)) => parts.extend([String::from("offered"), words::code::<OfferAnswer>(answer)]),
        Some(v1::offer::Result::NotOffered(reason)) => parts.extend([String::from("not offered"), words::code::<NotOfferedReason>(reason)]),
        None => {}
    }
    match (words::language(&offer.language), offer.interpreter) {
        ("", false) => {}
        ("", true) => parts.push(String::from("interpreter")),
        (language, true) => parts.push(format!("{language} interpreter")),
        (language, false) => parts.push(language.to_owned()),
    }
    parts.join(", ")
}

/// `referral submit`.
pub async fn submit(desk: &mut Desk<'_>, files: &[PathBuf], forwards: Option<&str>) -> Result<(), Failure> {
    let progress = crate::verbs::watch::progress(desk, files.len(), "submitting");
    for file in files {
        let submitted =
            submit_one(desk, file, forwards).await.map_err(|failure| if files.len() > 1 { failure.about(file.display().to_string()) } else { failure });
        progress.inc(1);
        submitted?;
    }
    progress.finish_and_clear();
    Ok(())
}

async fn submit_one(desk: &mut Desk<'_>, file: &Path, forwards: Option<&str>) -> Result<(), Failure> {
    let mut request: v1::SubmitReferralRequest = desk.request(file)?;
    if let Some(held) = forwards {
        request.forwarded_from = one_name(held.to_owned(), &request.forwarded_from)?;
    }
    let passed_on = request.forwarded_from.clone();
    let (officer, consents) = (request.officer.clone(), request.consents.len());
    if desk.common.dry_run {
        table_check(file, &request, None)?;
        residence_check(file, &request)?;
    }
    let Some(answer) = Box::pin(desk.write(request, &officer)).await? else { return Ok(()) };
    let referral = answer.response.referral.clone().unwrap_or_default();
    let mut lines = vec![logged(&stored(&referral), &answer)];
    if !passed_on.is_empty() {
        lines.push(format!("forwards   {passed_on}: a disclosure of its own; no consent and no decision of that one holds here"));
    }
    lines.push(after(&referral, consents));
    desk.answer(&lines, whole(&answer))
}

/// That a referral is stored, and until when she must be reached.
pub fn stored(referral: &v1::SenderReferral) -> String {
    let sections = words::many(referral.sections.len(), "section");
    format!("stored     {}   {sections}, to {}{}", referral.reference, referral.recipient, first_contact(referral))
}

fn first_contact(referral: &v1::SenderReferral) -> String {
    let (due, submitted) = (words::stamp(referral.contact_due_at.as_ref()), words::stamp(referral.submitted_at.as_ref()));
    let Some((due, submitted)) = due.zip(submitted) else { return String::new() };
    let from_report = words::stamp(referral.reported_at.as_ref()).map(|reported| words::minutes_between(reported, due));
    let from_report = from_report.map_or_else(String::new, |minutes| format!(" ({} from the report)", words::span(minutes)));
    let left = words::minutes_between(submitted, due);
    if left < 0 {
        return format!("; first contact is OVERDUE by {}{from_report}", words::span(left));
    }
    format!("; first contact due in {}{from_report}", words::span(left))
}

/// What stands after a submission: what is held, or what the recipient can see already.
fn after(referral: &v1::SenderReferral, consents: usize) -> String {
    let offered = referral.sections.iter().filter(|section| section.offered).count();
    let (decided, cells) = decided(&referral.sections);
    let consents = if consents == 0 { String::from("none on record") } else { format!("{consents} on record") };
    if offered > 0 {
        return ready(offered, &referral.sections, &referral.recipient);
    }
    format!("held       consent: {consents}; clearance: {decided} of {cells} cells decided; nothing has been forwarded")
}

/// How many cells are decided, and how many there are.
pub fn decided(sections: &[v1::SectionClearance]) -> (usize, usize) {
    let cells = || sections.iter().flat_map(|section| &section.cells);
    let undecided = cells().filter(|cell| matches!(cell.state(), v1::ClearanceState::Undecided | v1::ClearanceState::Unspecified)).count();
    let all = cells().count();
    (all.saturating_sub(undecided), all)
}

/// That an envelope is in the recipient's inbox.
pub fn ready(offered: usize, sections: &[v1::SectionClearance], recipient: &str) -> String {
    format!("ready      {offered} of {}; the envelope is in {recipient}'s inbox", words::many(sections.len(), "section"))
}

/// `referral validate`.
pub async fn validate(desk: &mut Desk<'_>, files: &[PathBuf]) -> Result<(), Failure> {
    // Who would send it is known only with settings; without them the direction stays unchecked, and that is said.
    let client = desk.client().ok().map(|(client, _)| client);
    for file in files {
        let mut request: v1::SubmitReferralRequest = desk.request(file)?;
        let mut recipient = None;
        if let Some(client) = &client {
            let asked = v1::GetFunctionRequest { function: request.recipient.clone() };
            recipient = client.get_function(asked).await.map_err(|error| Failure::client(&error).about(file.display().to_string()))?.function;
        }
        let from = match &client {
            Some(client) => crate::verbs::doctor::own_entry(client).await?.and_then(|agency| AgencyKind::from_number(agency.kind)),
            None => None,
        };
        table_check(file, &request, from)?;
        residence_check(file, &request)?;
        takes(file, &request, recipient.as_ref())?;
        if request.request_id.is_empty() {
            request.request_id = String::from("00000000-0000-4000-8000-000000000001");
        }
        if request.officer.is_empty() {
            request.officer = String::from("unnamed");
        }
        let sections = words::many(request.sections.len(), "section");
        let known = if client.is_some() { "the directory was asked" } else { "checked here only: the directory was not asked" };
        let (kind, to) = (words::kind(request.kind), request.recipient.clone());
        let warnings = local::check(request, None)?;
        desk.warn("", &warnings)?;
        desk.line(&format!("valid      {}   {kind}, {sections}, to {to}; {known}; nothing was sent", file.display()))?;
    }
    Ok(())
}

fn table_check(file: &Path, request: &v1::SubmitReferralRequest, from: Option<AgencyKind>) -> Result<(), Failure> {
    let faults = local::submission_faults(request, from);
    if faults.is_empty() { Ok(()) } else { Err(Failure::malformed(&file.display().to_string(), faults)) }
}

/// The guard that the broker has, too: where a registration is protected, the register sends nothing anywhere.
fn residence_check(file: &Path, request: &v1::SubmitReferralRequest) -> Result<(), Failure> {
    let Some(person) = local::misled_by_register(request) else { return Ok(()) };
    Err(Failure::refused_here(Reason::ResidenceFromRegister, [file.display().to_string(), person.to_string()]))
}

/// Whether the recipient takes this kind, where the directory was asked.
fn takes(file: &Path, request: &v1::SubmitReferralRequest, recipient: Option<&v1::Function>) -> Result<(), Failure> {
    let Some(function) = recipient else { return Ok(()) };
    if function.kinds.is_empty() || function.kinds.contains(&request.kind) {
        return Ok(());
    }
    let fault = format!("recipient: {} does not take a {}", function.id, words::kind(request.kind));
    Err(Failure::malformed(&file.display().to_string(), [fault]))
}
