//! The disclosure log, as auditors and agencies read it.

use brygga_domain::Position;
use brygga_journal::decode;
use brygga_wire::v1;
use serde_json::{Value, json};

use crate::args::{LogCommand, Purpose};
use crate::desk::{Desk, List, whole};
use crate::failure::Failure;
use crate::message;
use crate::render::sections;
use crate::render::table::with_log;
use crate::verbs::inbox::time;
use crate::verbs::{log_verify, watch};
use crate::words;

/// `log`.
pub async fn run(desk: &mut Desk<'_>, verb: LogCommand) -> Result<(), Failure> {
    match verb {
        LogCommand::Info => info(desk).await,
        verb @ LogCommand::Search { .. } => Box::pin(search(desk, verb)).await,
        LogCommand::Show { position, why } => Box::pin(show(desk, position, why)).await,
        LogCommand::Verify { live: true, .. } => Box::pin(log_verify::live(desk)).await,
        LogCommand::Verify { live: false, bundle: Some(bundle) } => log_verify::bundle(desk, &bundle),
        LogCommand::Verify { live: false, bundle: None } => log_verify::against_pin(desk).await,
        LogCommand::Consistency { from, to } => consistency(desk, from, to).await,
        LogCommand::Export { out } => Box::pin(log_verify::export(desk, &out)).await,
        LogCommand::Tail { from, count } => tail(desk, from, count).await,
        LogCommand::Pin => pin(desk),
    }
}

async fn info(desk: &mut Desk<'_>) -> Result<(), Failure> {
    let (client, settings) = desk.client()?;
    let before = client.pin().map_or(0, |pin| pin.size);
    let head = client.checkpoint().await.map_err(|error| Failure::client(&error))?;
    let lines = [
        format!("log        {}", head.origin),
        format!("entries    {}", head.size),
        format!("root       {}", hex::encode(head.root.as_bytes())),
        format!("key        {}", settings.client.log_key.trim()),
        format!("pin        {before} before, {} now; the log only grew", head.size.max(before)),
    ];
    let whole = json!({ "origin": head.origin, "size": head.size, "root": hex::encode(head.root.as_bytes()), "pinned_before": before });
    desk.answer(&lines, whole)
}

fn pin(desk: &mut Desk<'_>) -> Result<(), Failure> {
    let (client, settings) = desk.client()?;
    let path = settings.client.pin.display().to_string();
    let (Some(pin), Some(note)) = (client.pin(), client.pinned_note()) else {
        return desk
            .answer(&[String::from("pin        none yet: the first head that is shown will be trusted")], json!({ "pinned": Value::Null, "path": path }));
    };
    let note = String::from_utf8_lossy(&note).into_owned();
    let mut lines = vec![format!("pin        {} entries of {}, in {path}", pin.size, pin.origin), String::new()];
    lines.extend(note.lines().map(str::to_owned));
    desk.answer(&lines, json!({ "pinned": { "origin": pin.origin, "size": pin.size, "root": hex::encode(pin.root.as_bytes()), "note": note }, "path": path }))
}

fn purpose(why: Purpose) -> v1::StatedPurpose {
    v1::StatedPurpose { purpose: why.purpose, case_number: why.case }
}

async fn search(desk: &mut Desk<'_>, verb: LogCommand) -> Result<(), Failure> {
    let LogCommand::Search { why, referral, caused_by, kinds, from, to, since, until, limit, page } = verb else { return Ok(()) };
    let filter = v1::EntryFilter {
        referral: referral.unwrap_or_default(),
        agency: caused_by.unwrap_or_default(),
        kinds,
        from_position: from,
        to_position: to,
        from_time: since.as_deref().map(|text| time(text, desk.now)).transpose()?,
        to_time: until.as_deref().map(|text| time(text, desk.now)).transpose()?,
    };
    let request = v1::SearchEntriesRequest { purpose: Some(purpose(why)), filter: Some(filter), page_size: limit, page_token: page, ..Default::default() };
    let Some(answer) = desk.ask(request).await? else { return Ok(()) };
    desk.list(List {
        heads: &["entry", "time", "kind", "agency", "referral"],
        rows: answer.response.entries.iter().map(row).collect(),
        items: answer.response.entries.iter().map(entry).collect(),
        empty: "no entry is found",
    })?;
    let asked: Vec<Position> = answer.proof.events().keys().copied().collect();
    desk.talk(&with_log("asked      the question is itself an entry", &asked))?;
    if !answer.response.next_page_token.is_empty() {
        desk.talk(&format!("more       --page {}", answer.response.next_page_token))?;
    }
    Ok(())
}

fn row(entry: &v1::LogEntry) -> Vec<String> {
    let event = decode(&entry.leaf).ok();
    let agency = event.as_ref().map_or_else(String::new, |event| event.agency.to_string());
    let referral = event.as_ref().and_then(|event| event.fact.referral()).map_or_else(String::new, |id| id.to_string());
    let kind = if entry.leaf.is_empty() { String::from("outside the mandate") } else { entry.kind.clone() };
    vec![entry.position.to_string(), words::time(entry.time.as_ref()), kind, agency, referral]
}

/// An entry as JSON, with what its leaf says beside the leaf.
pub fn entry(entry: &v1::LogEntry) -> Value {
    let mut whole = message::show(entry);
    if let (Value::Object(object), Ok(event)) = (&mut whole, decode(&entry.leaf)) {
        object.insert(String::from("agency"), Value::String(event.agency.to_string()));
        object.insert(String::from("event"), message::show_event(&entry.leaf));
        if let Some(referral) = event.fact.referral() {
            object.insert(String::from("referral"), Value::String(referral.to_string()));
        }
    }
    whole
}

async fn show(desk: &mut Desk<'_>, position: u64, why: Purpose) -> Result<(), Failure> {
    let request = v1::GetEntryRequest { purpose: Some(purpose(why)), position, ..v1::GetEntryRequest::default() };
    let Some(answer) = desk.ask(request).await? else { return Ok(()) };
    let found = answer.response.entry.clone().unwrap_or_default();
    let mut lines = vec![format!("entry {:<5}{}, {}", found.position, found.kind, words::time(found.time.as_ref()))];
    match decode(&found.leaf) {
        Ok(_) => lines.extend(sections::event(&message::show_event(&found.leaf))),
        Err(_) => lines.push(String::from("           its content is outside the mandate; its hash is proved")),
    }
    let asked: Vec<Position> = answer.proof.events().keys().copied().collect();
    lines.push(with_log(&format!("proved     in the log of {} entries", answer.proof.checkpoint().size), &asked));
    let mut shown = whole(&answer);
    if let Value::Object(object) = &mut shown {
        object.insert(String::from("entry"), entry(&found));
    }
    desk.answer(&lines, shown)
}

async fn consistency(desk: &mut Desk<'_>, from: u64, to: u64) -> Result<(), Failure> {
    let (client, _) = desk.client()?;
    let request = v1::GetConsistencyProofRequest { from_size: from, to_size: to };
    let answer = client.get_consistency_proof(request).await.map_err(|error| Failure::client(&error))?;
    let hashes = answer.consistency.as_ref().map_or(0, |proof| proof.hashes.len());
    // What the proof proves depends on a root that the caller trusts for the smaller size; the pin is one.
    let pinned = client.pin().filter(|pin| pin.size == from);
    let verified = match &pinned {
        Some(pin) => {
            let head = brygga_client::verify::open(&answer.checkpoint, client.log_key()).map_err(|refused| log_verify::refused(desk, &refused))?;
            brygga_client::verify::link((&head, &answer.checkpoint), Some(pin), answer.consistency.as_ref())
                .map_err(|refused| log_verify::refused(desk, &refused))?;
            true
        }
        None => false,
    };
    let text = if verified { "verified against the pin" } else { "as the broker gives it; no pin of the smaller size is kept here to verify it against" };
    desk.answer(
        &[format!("consistency {from} to {to}: {}; {text}", if hashes == 1 { String::from("1 hash") } else { format!("{hashes} hashes") })],
        message::show(&answer),
    )
}

async fn tail(desk: &mut Desk<'_>, from: u64, count: Option<u64>) -> Result<(), Failure> {
    let (client, _) = desk.client()?;
    let each = |found: v1::LogEntry| {
        let [position, time, kind, agency, referral] = <[String; 5]>::try_from(row(&found)).unwrap_or_default();
        desk.item(format!("{position:<8}{time}  {kind:<22}{agency:<24}{referral}").trim_end(), entry(&found))
    };
    watch::follow(client.tail(from), count, each).await
}
