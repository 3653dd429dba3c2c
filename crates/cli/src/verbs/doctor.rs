//! `doctor` and `whoami`: what this client is, and whether it works.

use std::path::Path;

use brygga_client::{Client, Outbox};
use brygga_domain::AgencyKind;
use brygga_wire::v1;
use serde_json::{Value, json};

use crate::EXIT_DOCTOR;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::words;

/// Pages of the directory that are looked through for the agency's own entry.
const DIRECTORY_PAGES_MAX: usize = 100;

/// What one check found.
struct Check {
    name: &'static str,
    /// What is well, or what is not and what to do about it.
    found: Result<String, (String, String)>,
}

/// `doctor`.
pub async fn doctor(desk: &mut Desk<'_>) -> Result<(), Failure> {
    let mut checks = Vec::new();
    if let Some((client, settings)) = settings_and_client(desk, &mut checks) {
        local(desk, &settings, &mut checks);
        Box::pin(remote(&client, &mut checks)).await;
    }
    let failed = checks.iter().filter(|check| check.found.is_err()).count();
    let mut lines = Vec::new();
    for check in &checks {
        match &check.found {
            Ok(text) => lines.push(format!("ok         {:<12}{text}", check.name)),
            Err((text, fix)) => {
                lines.push(format!("FAILED     {:<12}{text}", check.name));
                lines.push(format!("{:<11}{:<12}{fix}", "  try", ""));
            }
        }
    }
    let shown: Vec<Value> = checks
        .iter()
        .map(|check| match &check.found {
            Ok(text) => json!({ "check": check.name, "ok": true, "text": text }),
            Err((text, fix)) => json!({ "check": check.name, "ok": false, "text": text, "try": fix }),
        })
        .collect();
    desk.answer(&lines, json!({ "checks": shown, "failed": failed }))?;
    if failed == 0 { Ok(()) } else { Err(Failure::said(EXIT_DOCTOR)) }
}

fn settings_and_client(desk: &Desk<'_>, checks: &mut Vec<Check>) -> Option<(Client, Settings)> {
    let mut note = |name, found| checks.push(Check { name, found });
    let settings = match desk.settings() {
        Ok(settings) => settings,
        Err(failure) => {
            note("settings", Err((failure.happened().to_owned(), failure.first_try().to_owned())));
            return None;
        }
    };
    note("settings", Ok(format!("{} as {}", settings.path.display(), settings.client.agency)));
    match Client::connect(&settings.client) {
        Ok(client) => {
            note("keys", Ok(String::from("certificate, key, authority and the log's key can be used")));
            Some((client, settings))
        }
        Err(error) => {
            let failure = Failure::client(&error);
            note("keys", Err((failure.happened().to_owned(), String::from("correct the file that is named, or have the operator issue new ones"))));
            None
        }
    }
}

fn local(desk: &Desk<'_>, settings: &Settings, checks: &mut Vec<Check>) {
    let officer = desk.common.officer.as_ref().or(settings.officer.as_ref());
    let found = match officer {
        Some(officer) => Ok(format!("{officer} acts where a command names nobody else")),
        None => Ok(String::from("each write must name one: --officer")),
    };
    checks.push(Check { name: "officer", found });
    if let Some(folder) = &settings.outbox {
        checks.push(Check { name: "outbox", found: waiting(folder) });
    }
}

fn waiting(folder: &Path) -> Result<String, (String, String)> {
    let outbox = Outbox::open(folder).map_err(|error| (error.to_string(), String::from("make the folder writable")))?;
    match outbox.waiting() {
        Ok(waiting) if waiting.is_empty() => Ok(format!("{}: nothing waits", folder.display())),
        Ok(waiting) => Err((format!("{}: {} not delivered", folder.display(), words::many(waiting.len(), "command")), String::from("brygga referral resync"))),
        Err(error) => Err((error.to_string(), String::from("make the folder readable"))),
    }
}

async fn remote(client: &Client, checks: &mut Vec<Check>) {
    let failed = |error: &brygga_client::ClientError, fix: &str| {
        let failure = Failure::client(error);
        Err((format!("{} [{}]", failure.happened(), failure.code()), fix.to_owned()))
    };
    let serving = match client.is_serving("").await {
        Ok(true) => Ok(String::from("reached over mutual TLS, and serves")),
        Ok(false) => Err((String::from("it is reached, and says that it does not serve"), String::from("ask its operator: bryggad status"))),
        Err(error) => failed(&error, "check the endpoint, the network, and that the broker runs"),
    };
    let reached = serving.is_ok();
    checks.push(Check { name: "broker", found: serving });
    if !reached {
        return;
    }
    let before = client.pin().map_or(0, |pin| pin.size);
    let log = match client.checkpoint().await {
        Ok(head) => Ok(format!("{}: {} entries, signed, and goes on from the pin of {before}", head.origin, head.size)),
        Err(error) => failed(&error, "trust nothing that this broker says; tell its operator and the supervisor"),
    };
    checks.push(Check { name: "log", found: log });
    let directory = match own_entry(client).await {
        Ok(Some(agency)) if agency.active => Ok(format!("{} is active", agency.display_name)),
        Ok(Some(agency)) => Err((format!("{} is not active", agency.display_name), String::from("the operator registers agreement and assessment"))),
        Ok(None) => Err((String::from("the agency is not in the directory"), String::from("the operator registers it"))),
        Err(failure) => Err((failure.happened().to_owned(), failure.first_try().to_owned())),
    };
    checks.push(Check { name: "directory", found: directory });
}

/// The directory's entry of the agency that acts.
pub async fn own_entry(client: &Client) -> Result<Option<v1::Agency>, Failure> {
    let mut request = v1::ListAgenciesRequest::default();
    for _ in 0..DIRECTORY_PAGES_MAX {
        let page = client.list_agencies(request.clone()).await.map_err(|error| Failure::client(&error))?;
        let found = page.agencies.into_iter().find(|agency| agency.id == client.agency().as_str());
        if found.is_some() || page.next_page_token.is_empty() {
            return Ok(found);
        }
        request.page_token = page.next_page_token;
    }
    Ok(None)
}

/// `whoami`.
pub async fn whoami(desk: &mut Desk<'_>) -> Result<(), Failure> {
    let (client, settings) = desk.client()?;
    let entry = own_entry(&client).await?.unwrap_or_default();
    let functions: Vec<String> = client.functions().iter().map(ToString::to_string).collect();
    let officer = desk.common.officer.clone().or(settings.officer.clone()).unwrap_or_default();
    let kind = words::code::<AgencyKind>(entry.kind);
    let key = settings.client.log_key.trim().to_owned();
    let mut lines = vec![
        format!("agency     {}   {kind}, {}", client.agency(), entry.display_name),
        format!("functions  {}", if functions.is_empty() { String::from("none") } else { functions.join(", ") }),
        format!("officer    {}", if officer.is_empty() { "named with each command" } else { &officer }),
        format!("broker     {}", settings.client.endpoint),
        format!("log        {key}"),
    ];
    lines.push(match client.pin() {
        Some(pin) => format!("pin        {} entries", pin.size),
        None => String::from("pin        none yet: the first head that is shown will be trusted"),
    });
    lines.push(format!("settings   {}", settings.path.display()));
    let whole = json!({
        "agency": client.agency().as_str(), "kind": kind, "active": entry.active, "functions": functions, "officer": officer,
        "endpoint": settings.client.endpoint, "log_key": key, "pinned_size": client.pin().map_or(0, |pin| pin.size),
    });
    desk.answer(&lines, whole)
}
