//! An agency's own register: a line for everything that it sent or received (OSL 5:1), with counterpart and subject apart from the rest,
//! so that what is left can be shown to anybody (OSL 5:2).
//!
//! It is made of what the agency may list anyway, and holds no content and no name.

use std::collections::BTreeSet;

use brygga_client::Client;
use brygga_wire::v1;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::json;

use crate::args::RegisterCommand;
use crate::desk::{Desk, List};
use crate::failure::Failure;
use crate::words;

/// Entries of one page.
const PAGE_ENTRIES: u32 = 500;

/// One line before it has its number.
struct Entry {
    at: Timestamp,
    direction: &'static str,
    reference: String,
    thread: String,
    stage: String,
    counterpart: String,
    subject: String,
}

/// `register`.
pub async fn run(desk: &mut Desk<'_>, verb: RegisterCommand) -> Result<(), Failure> {
    let RegisterCommand::Export { from, to, functions, public } = verb;
    let (client, settings) = desk.client()?;
    // Named, so that what excludes some officer is left out for that one only.
    let officer = desk.reader(&settings);
    let functions = if functions.is_empty() { client.functions().iter().map(ToString::to_string).collect() } else { functions };
    let mut entries = sent(&client, &officer).await?;
    for function in functions {
        entries.extend(received(&client, &function, &officer).await.map_err(|failure| failure.about(function))?);
    }
    entries.sort_by(|one, other| (one.at, &one.reference, one.direction).cmp(&(other.at, &other.reference, other.direction)));
    // Numbered before the time is chosen, so that a line has the same number in every export of the same functions.
    let mut numbered: Vec<(usize, Entry)> = (1..).zip(entries).collect();
    numbered.retain(|(_, entry)| is_within(words::day(entry.at), (from, to)));
    show(desk, &numbered, public)
}

fn is_within(day: Date, (from, to): (Option<Date>, Option<Date>)) -> bool {
    from.is_none_or(|from| day >= from) && to.is_none_or(|to| day <= to)
}

fn show(desk: &mut Desk<'_>, entries: &[(usize, Entry)], public: bool) -> Result<(), Failure> {
    let kept_apart = |entry: &Entry| if public { Vec::new() } else { vec![entry.counterpart.clone(), entry.subject.clone()] };
    let row = |(number, entry): &(usize, Entry)| {
        let open = [number.to_string(), words::day(entry.at).to_string(), entry.direction.to_owned(), entry.reference.clone(), entry.stage.clone()];
        open.into_iter().chain(kept_apart(entry)).collect()
    };
    let item = |(number, entry): &(usize, Entry)| {
        let mut item = json!({
            "number": number,
            "date": words::day(entry.at).to_string(),
            "direction": entry.direction,
            "reference": entry.reference,
            "stage": entry.stage,
        });
        // The thread, too: it would tell which lines of several agencies are about one person.
        if let (false, Some(fields)) = (public, item.as_object_mut()) {
            let apart = [("thread", &entry.thread), ("counterpart", &entry.counterpart), ("subject", &entry.subject)];
            fields.extend(apart.map(|(name, value)| (String::from(name), json!(value))));
        }
        item
    };
    desk.list(List {
        heads: if public { &HEADS[..PUBLIC_HEADS] } else { &HEADS },
        rows: entries.iter().map(row).collect(),
        items: entries.iter().map(item).collect(),
        empty: "nothing was sent or received in that time",
    })
}

/// The columns; those that are open to anybody come first.
const HEADS: [&str; 7] = ["number", "date", "direction", "reference", "stage", "counterpart", "subject"];
const PUBLIC_HEADS: usize = 5;

/// Everything that the agency submitted.
async fn sent(client: &Client, officer: &str) -> Result<Vec<Entry>, Failure> {
    let mut request = v1::ListReferralsRequest { page_size: PAGE_ENTRIES, officer: officer.to_owned(), ..v1::ListReferralsRequest::default() };
    let mut entries = Vec::new();
    loop {
        let page = client.list_referrals(request.clone()).await.map_err(|error| Failure::client(&error))?;
        entries.extend(page.referrals.into_iter().filter_map(|referral| {
            let categories: Vec<i32> = referral.sections.iter().map(|section| section.category).collect();
            Some(Entry {
                at: words::stamp(referral.submitted_at.as_ref())?,
                direction: "out",
                stage: words::status(referral.status),
                counterpart: referral.recipient,
                subject: subject(referral.kind, &categories),
                reference: referral.reference,
                thread: referral.thread_id,
            })
        }));
        if page.next_page_token.is_empty() {
            return Ok(entries);
        }
        request.page_token = page.next_page_token;
    }
}

/// Everything that came into an inbox. What ends while the pages are read may stand on two of them, and counts once.
async fn received(client: &Client, function: &str, officer: &str) -> Result<Vec<Entry>, Failure> {
    let mut request = v1::ListInboxRequest {
        function: function.to_owned(),
        page_size: PAGE_ENTRIES,
        include_ended: true,
        officer: officer.to_owned(),
        ..v1::ListInboxRequest::default()
    };
    let (mut entries, mut seen) = (Vec::new(), BTreeSet::new());
    loop {
        let page = client.list_inbox(request.clone()).await.map_err(|error| Failure::client(&error))?;
        entries.extend(page.envelopes.into_iter().filter(|envelope| seen.insert(envelope.id.clone())).filter_map(|envelope| {
            let categories: Vec<i32> = envelope.sections.iter().map(|section| section.category).collect();
            Some(Entry {
                at: words::stamp(envelope.received_at.as_ref())?,
                direction: "in",
                stage: if envelope.stage() == v1::Stage::Held { "offer taken back" } else { words::stage(envelope.stage()) }.to_owned(),
                counterpart: envelope.sender,
                subject: subject(envelope.kind, &categories),
                reference: envelope.reference,
                thread: envelope.thread_id,
            })
        }));
        if page.next_page_token.is_empty() {
            return Ok(entries);
        }
        request.page_token = page.next_page_token;
    }
}

fn subject(kind: i32, categories: &[i32]) -> String {
    format!("{}: {}", words::kind(kind), words::categories(categories))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_days_belong_to_the_time_that_is_asked_for() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let november = (Some(day("2026-11-01")), Some(day("2026-11-30")));
        for (text, within) in [("2026-10-31", false), ("2026-11-01", true), ("2026-11-30", true), ("2026-12-01", false)] {
            assert_eq!(is_within(day(text), november), within, "{text}");
        }
        assert!(is_within(day("1999-01-01"), (None, None)));
    }
}
