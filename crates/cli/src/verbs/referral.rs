//! A sender's own referrals.

use std::path::Path;

use brygga_client::{Client, Outbox, Outcome};
use brygga_domain::{Code, RetractReason, SenderStatus};
use brygga_wire::v1;
use serde_json::json;

use crate::args::{Lang, ReferralCommand};
use crate::desk::{Desk, List, logged, whole};
use crate::failure::Failure;
use crate::message;
use crate::render::blocks;
use crate::render::table::aligned;
use crate::verbs::{batch, route, submit, watch};
use crate::words;

/// Entries of one page.
const PAGE_ENTRIES: u32 = 100;

/// `referral`.
pub async fn run(desk: &mut Desk<'_>, verb: ReferralCommand) -> Result<(), Failure> {
    match verb {
        ReferralCommand::Submit { batch: Some(file), .. } => Box::pin(batch::submit(desk, &file)).await,
        ReferralCommand::Submit { files, batch: None, forwards } => Box::pin(submit::submit(desk, &files, forwards.as_deref())).await,
        ReferralCommand::Route(asked) => route::route(desk, asked).await,
        ReferralCommand::Validate { files } => Box::pin(submit::validate(desk, &files)).await,
        ReferralCommand::Amend { referral, from } => Box::pin(amend(desk, referral, &from)).await,
        ReferralCommand::Retract { referral, reason } => Box::pin(retract(desk, referral, reason)).await,
        ReferralCommand::Show { referral, named } => show(desk, referral, named.as_deref()).await,
        ReferralCommand::List { open, thread, limit } => list(desk, (open, thread), limit).await,
        ReferralCommand::Watch { after, count } => follow(desk, after, count).await,
        ReferralCommand::Why { referral, draft, known, lang } => Box::pin(why(desk, referral, (draft.as_deref(), known.as_deref()), lang)).await,
        ReferralCommand::Resync => Box::pin(resync(desk)).await,
    }
}

/// A name from the command line over one in the file; two different ones are a mistake.
pub fn one_name(given: String, in_file: &str) -> Result<String, Failure> {
    if in_file.is_empty() || in_file == given { Ok(given) } else { Err(Failure::usage("the file names another referral than the command")) }
}

async fn amend(desk: &mut Desk<'_>, referral: String, from: &Path) -> Result<(), Failure> {
    let mut request: v1::AmendReferralRequest = desk.request(from)?;
    request.referral = one_name(referral, &request.referral)?;
    let (officer, excluding) = (request.officer.clone(), request.excluded.is_some());
    let numbers: Vec<u32> = request.sections.iter().map(|section| section.number).collect();
    let subject = request.referral.clone();
    let Some(answer) = desk.write(request, &officer).await.map_err(|failure| failure.about(subject))? else { return Ok(()) };
    let referral = answer.response.referral.clone().unwrap_or_default();
    let amended = referral.sections.iter().filter(|section| numbers.contains(&section.number));
    let mut named: Vec<String> = amended.map(|section| format!("{} is revision {}", words::category(section.category), section.revision)).collect();
    let released = referral.sections.iter().any(|section| numbers.contains(&section.number) && section.released_revision > 0);
    if excluding {
        named.push(String::from("who is excluded is replaced"));
    }
    let after = if numbers.is_empty() {
        "to those officers it does not exist"
    } else if released {
        "a new release through the gate; the old one is superseded"
    } else {
        "it replaces what was not released"
    };
    desk.answer(&[logged(&format!("amended    {}; {after}", named.join(", ")), &answer)], whole(&answer))
}

async fn retract(desk: &mut Desk<'_>, referral: String, reason: RetractReason) -> Result<(), Failure> {
    let request = v1::RetractReferralRequest { referral: referral.clone(), reason: reason.number(), ..v1::RetractReferralRequest::default() };
    let Some(answer) = desk.write(request, "").await.map_err(|failure| failure.about(referral))? else { return Ok(()) };
    let shown = answer.response.referral.clone().unwrap_or_default();
    let recalled = shown.sections.iter().any(|section| section.released_revision > 0);
    let said = if recalled { "a recall: the holder is asked to confirm it" } else { "nothing of it had been released" };
    desk.answer(&[logged(&format!("retracted  {}; {said}", shown.reference), &answer)], whole(&answer))
}

async fn show(desk: &mut Desk<'_>, referral: Option<String>, named: Option<&Path>) -> Result<(), Failure> {
    let name = match (referral, named) {
        (_, Some(file)) => v1::get_referral_request::Name::SenderReference(desk.request(file)?),
        (Some(referral), None) => v1::get_referral_request::Name::Referral(referral),
        (None, None) => return Err(Failure::usage("no referral is named")),
    };
    let (client, settings) = desk.client()?;
    let officer = desk.reader(&settings);
    let answer = client.get_referral(v1::GetReferralRequest { name: Some(name), officer }).await.map_err(|error| Failure::client(&error))?;
    let referral = answer.referral.clone().unwrap_or_default();
    let mut lines = vec![
        format!("{:<11}{}   {}, {}", words::status(referral.status), referral.reference, words::kind(referral.kind), words::urgency(referral.urgency)),
        format!("{:<11}{}", "to", referral.recipient),
        format!("{:<11}{}", "leader", referral.leader),
        format!("{:<11}{}", "submitted", words::time(referral.submitted_at.as_ref())),
    ];
    lines.extend(alarm(&client, &referral).await);
    if referral.contact_due_at.is_some() {
        let due = words::due(referral.contact_due_at.as_ref(), desk.now);
        lines.push(format!("{:<11}{} ({due})", "due", words::time(referral.contact_due_at.as_ref())));
    }
    lines.push(format!("{:<11}{}", "thread", referral.thread_id));
    lines.push(String::new());
    lines.extend(aligned(&["section", "category", "revision", "released", "interest", "clearance", "ground", "decided"], &cells(&referral.sections)));
    for notice in &referral.notices {
        let state = if notice.confirmed { "confirmed" } else { "not confirmed yet" };
        lines.push(format!("stop-use   notice at {}: {state}", notice.position));
    }
    desk.answer(&lines, message::show(&answer))
}

/// That time has run out; where the sender must telephone, with the number of the recipient's function.
async fn alarm(client: &Client, referral: &v1::SenderReferral) -> Option<String> {
    if SenderStatus::from_number(referral.alarm)? != SenderStatus::Telephone {
        return Some(format!("{:<11}time has run out", "OVERDUE"));
    }
    let known = client.get_function(v1::GetFunctionRequest { function: referral.recipient.clone() }).await.ok();
    let telephone = known.and_then(|answer| answer.function).map(|function| function.telephone).filter(|telephone| !telephone.is_empty());
    let telephone = telephone.unwrap_or_else(|| String::from("the directory has no number"));
    Some(format!("{:<11}it has not left in time; {}: {telephone}", "TELEPHONE", referral.recipient))
}

/// A row for each cell.
pub fn cells(sections: &[v1::SectionClearance]) -> Vec<Vec<String>> {
    let row = |section: &v1::SectionClearance, cell: &v1::CellClearance| {
        let released = if section.released_revision > 0 { section.released_revision.to_string() } else { String::from("-") };
        let at = [cell.decision, cell.confirmation].into_iter().flatten().map(|at| at.to_string()).collect::<Vec<_>>().join(", ");
        vec![
            section.number.to_string(),
            words::category(section.category),
            section.revision.to_string(),
            released,
            cell.interest.clone(),
            words::clearance(cell.state()).to_owned(),
            cell.ground.clone(),
            if at.is_empty() { at } else { format!("log {at}") },
        ]
    };
    sections.iter().flat_map(|section| section.cells.iter().map(move |cell| row(section, cell))).collect()
}

async fn list(desk: &mut Desk<'_>, (open_only, thread): (bool, Option<String>), limit: u32) -> Result<(), Failure> {
    let (client, settings) = desk.client()?;
    let officer = desk.reader(&settings);
    let mut referrals: Vec<v1::SenderReferral> = Vec::new();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut request = v1::ListReferralsRequest { page_size: PAGE_ENTRIES, thread_id: thread.unwrap_or_default(), open_only, officer, ..Default::default() };
    loop {
        let page = client.list_referrals(request.clone()).await.map_err(|error| Failure::client(&error))?;
        referrals.extend(page.referrals);
        if page.next_page_token.is_empty() || referrals.len() >= limit {
            break;
        }
        request.page_token = page.next_page_token;
    }
    referrals.truncate(limit);
    let now = desk.now;
    let row = |referral: &v1::SenderReferral| {
        vec![
            referral.reference.clone(),
            words::kind(referral.kind),
            referral.recipient.clone(),
            words::urgency(referral.urgency),
            told(referral),
            words::time(referral.submitted_at.as_ref()),
            words::due(referral.contact_due_at.as_ref(), now),
        ]
    };
    desk.list(List {
        heads: &["reference", "kind", "to", "urgency", "status", "submitted", "contact due"],
        rows: referrals.iter().map(row).collect(),
        items: referrals.iter().map(message::show).collect(),
        empty: "no referrals",
    })
}

/// Where it stands, and that time has run out.
fn told(referral: &v1::SenderReferral) -> String {
    let status = words::status(referral.status);
    if referral.alarm == 0 { status } else { format!("{status}, {}", words::status(referral.alarm).to_uppercase()) }
}

/// Whom to telephone about a child concern that came to the wrong board.
fn telephone(entry: &v1::StatusEntry) -> String {
    match (entry.right_function.as_str(), entry.telephone.as_str()) {
        ("", "") => String::new(),
        ("", number) => format!("; telephone whoever returned it: {number}"),
        (right, "") => format!("; it goes to {right}, of which the directory has no number"),
        (right, number) => format!("; it goes to {right}; telephone {number}"),
    }
}

async fn follow(desk: &mut Desk<'_>, after: u64, count: Option<u64>) -> Result<(), Failure> {
    let (client, _) = desk.client()?;
    let each = |entry: v1::StatusEntry| {
        let missing = if entry.missing.is_empty() { String::new() } else { format!("; missing: {}", words::categories(&entry.missing)) };
        let call = telephone(&entry);
        let line = format!("{:<8}{}  {}  {}{missing}{call}", entry.position, words::time(entry.time.as_ref()), entry.reference, words::status(entry.status));
        desk.item(&line, message::show(&entry))
    };
    watch::follow(client.watch_referrals(after), count, each).await
}

async fn why(desk: &mut Desk<'_>, referral: Option<String>, (draft, known): (Option<&Path>, Option<&Path>), lang: Lang) -> Result<(), Failure> {
    let (client, settings) = desk.client()?;
    let (referral, officer) = (referral.unwrap_or_default(), desk.reader(&settings));
    let draft = draft.map(|path| desk.request(path)).transpose()?;
    let known = known.map(|path| desk.request(path)).transpose()?;
    let request = v1::AssessReferralRequest { referral: referral.clone(), draft, known, officer };
    let answer = client.assess_referral(request).await.map_err(|error| Failure::client(&error).about(referral))?;
    desk.warn("", &answer.warnings)?;
    let mut lines = Vec::new();
    for explanation in &answer.blocked {
        lines.extend(blocks::explanation(explanation, lang));
    }
    if !answer.passing.is_empty() {
        let sections = answer.referral.iter().flat_map(|referral| &referral.sections);
        let passing = sections.filter(|section| answer.passing.contains(&section.number)).map(|section| words::category(section.category));
        let lead = match lang {
            Lang::En => "passes",
            Lang::Sv => "passerar",
        };
        lines.push(format!("{lead:<11}{}", passing.collect::<Vec<_>>().join(", ")));
    }
    if lines.is_empty() {
        lines.push(String::from(match lang {
            Lang::En => "ended      nothing of it passes any more",
            Lang::Sv => "avslutad   inget av den lämnas längre",
        }));
    }
    desk.answer(&lines, message::show(&answer))
}

async fn resync(desk: &mut Desk<'_>) -> Result<(), Failure> {
    let (client, settings) = desk.client()?;
    let folder = settings.outbox.ok_or_else(|| Failure::usage("no outbox is set").with_try("--outbox DIR, or outbox = \"…\" in client.toml"))?;
    let outbox = Outbox::open(&folder).map_err(|error| Failure::outbox(&error))?;
    let deliveries = Box::pin(outbox.deliver_all(&client)).await.map_err(|error| Failure::outbox(&error))?;
    let mut rows = Vec::new();
    let mut items = Vec::new();
    let mut exit = 0;
    for delivery in &deliveries {
        let (outcome, detail) = match &delivery.outcome {
            Outcome::Delivered(proof) => ("delivered", proof.events().keys().map(|at| format!("log {}", at.0)).collect::<Vec<_>>().join(", ")),
            Outcome::Refused(error) => {
                exit = exit.max(error.exit_code());
                ("refused", format!("[{}] moved to {}", error.name(), outbox.refused_folder().display()))
            }
            Outcome::Waiting(error) => {
                exit = exit.max(error.exit_code());
                ("waits", format!("[{}]", error.name()))
            }
            Outcome::NotTried => ("waits", String::from("not tried")),
            Outcome::Damaged => {
                exit = exit.max(1);
                ("damaged", String::from("it stays where it is"))
            }
        };
        let method = delivery.method.rsplit('/').next().unwrap_or_default().to_owned();
        items.push(json!({ "request_id": delivery.request_id, "method": method, "outcome": outcome, "detail": detail }));
        rows.push(vec![delivery.request_id.clone(), method, outcome.to_owned(), detail]);
    }
    desk.list(List { heads: &["request", "command", "outcome", "detail"], rows, items, empty: "nothing waits" })?;
    if exit == 0 { Ok(()) } else { Err(Failure::said(exit)) }
}
