//! Verifying and exporting the log: the auditor of the verify crate, fed by a broker or by a file.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{BufReader, BufWriter};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use brygga_client::{Client, ClientError, Refused, verify};
use brygga_domain::{Position, Reason};
use brygga_merkle::{Checkpoint, Hash};
use brygga_verify::{Auditor, BUNDLE_FORMAT, BundleReader, BundleWriter, Expected, Finding, Header, Options, Report, Trust, Verdict, audit_bundle};
use brygga_wire::v1;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::EXIT_INCONCLUSIVE;
use crate::desk::Desk;
use crate::failure::{Failure, in_full};
use crate::verbs::watch;
use crate::words;

/// Entries that are asked for one by one to find the one that is not as it was signed.
const LOCATE_ENTRIES_MAX: u64 = 2_000;
/// Findings that are printed; the others are counted.
const FINDINGS_SHOWN_MAX: usize = 20;
/// How long a tail may say nothing before the gap is looked at.
const TAIL_QUIET: Duration = Duration::from_millis(500);
/// How often it may say nothing after that.
const TAIL_QUIET_TIMES_MAX: u32 = 60;
/// Pages of own questions that are fetched.
const OWN_PAGES_MAX: usize = 1_000;

/// Why the whole log could not be read.
enum Broken {
    /// The log itself is not what was signed.
    Log(Vec<String>),
    /// It could not be read to its end; that says nothing about it.
    Reading(Failure),
    /// Entries outside the mandate came as hashes only.
    Mandate(u64),
}

/// The head that is verified against, with its note.
struct Head {
    checkpoint: Checkpoint,
    note: Bytes,
}

/// The latest head, linked with the pin, and the pin from before.
async fn head(client: &Client) -> Result<(Head, Option<Checkpoint>), ClientError> {
    let before = client.pin();
    let latest = client.checkpoint().await?;
    // Another command of the agency may have moved the pin further meanwhile; the note and the size must be of one head.
    let note = client.pinned_note().unwrap_or_default();
    let checkpoint = verify::open(&note, client.log_key()).unwrap_or(latest);
    Ok((Head { checkpoint, note }, before))
}

/// Whether an error says that the log is not what it must be.
fn convicts(error: &ClientError) -> bool {
    match error {
        ClientError::Refused { .. } => true,
        ClientError::Answered(_) | ClientError::Pin(_) | ClientError::Config(_) | ClientError::Random => error.exit_code() == verdict_exit(),
    }
}

fn verdict_exit() -> u8 {
    Verdict::Failed.exit_code()
}

/// `log verify --live`.
pub async fn live(desk: &mut Desk<'_>) -> Result<(), Failure> {
    let (client, _) = desk.client()?;
    let (head, before) = match head(&client).await {
        Ok(found) => found,
        Err(error) if convicts(&error) => return failed(desk, &[in_full(&error)]),
        Err(error) => return Err(Failure::client(&error)),
    };
    let expected = Expected { trust: Trust::Pinned(client.log_key().clone()), pin: before, tables: Vec::new() };
    let mut auditor = Auditor::new(expected);
    match Box::pin(read(desk, &client, &head.checkpoint, |leaf| {
        auditor.leaf(leaf);
        Ok(())
    }))
    .await
    {
        Ok(()) => {}
        Err(Broken::Log(findings)) => return failed(desk, &findings),
        Err(Broken::Reading(failure)) => return Err(failure),
        Err(Broken::Mandate(position)) => return inconclusive(desk, &format!("entry {position} is outside the mandate and came as a hash only")),
    }
    let report = auditor.report(&head.note);
    let root_differs = report.findings.iter().any(|finding| finding.code == brygga_verify::Code::RootDiffers);
    let mut located = Vec::new();
    if root_differs {
        located = locate(&client, &head.checkpoint, 0).await;
    }
    tell(desk, &report, &located)
}

/// Reads every entry below the head, in order, and gives each to `each`.
async fn read<F>(desk: &mut Desk<'_>, client: &Client, head: &Checkpoint, mut each: F) -> Result<(), Broken>
where
    F: FnMut(&[u8]) -> Result<(), Failure> + Send,
{
    let progress = watch::progress(desk, usize::try_from(head.size).unwrap_or(usize::MAX), "reading the log");
    let mut tail = client.tail(0);
    // A tail leaves out the questions that this agency asked itself; they are fetched when a gap shows.
    let mut own: Option<BTreeMap<u64, Bytes>> = None;
    let mut waiting: Option<v1::LogEntry> = None;
    let mut next = 0;
    let mut quiet = 0;
    while next < head.size {
        let leaf = match (own.as_mut().and_then(|own| own.remove(&next)), waiting.as_ref().map(|entry| entry.position)) {
            (Some(leaf), _) => leaf,
            (None, Some(position)) if position == next => waiting.take().map(|entry| entry.leaf).unwrap_or_default(),
            (None, Some(position)) if position < next => {
                waiting = None;
                continue;
            }
            (None, Some(_)) if own.is_some() => return Err(Broken::Log(vec![format!("entry {next} is left out by the broker")])),
            (None, Some(_)) => {
                own = Some(own_questions(desk, head.size).await.map_err(Broken::Reading)?);
                continue;
            }
            (None, None) => {
                match timeout(TAIL_QUIET, tail.next()).await {
                    Ok(Ok(entry)) => waiting = Some(entry),
                    Ok(Err(error)) => return Err(broken(client, head, (next, &error)).await),
                    Err(_) if own.is_none() => own = Some(own_questions(desk, head.size).await.map_err(Broken::Reading)?),
                    Err(_) if quiet < TAIL_QUIET_TIMES_MAX => quiet += 1,
                    Err(_) => return Err(Broken::Log(vec![format!("entry {next} does not come, though the signed head is over {}", head.size)])),
                }
                continue;
            }
        };
        if leaf.is_empty() {
            return Err(Broken::Mandate(next));
        }
        each(&leaf).map_err(Broken::Reading)?;
        (next, quiet) = (next + 1, 0);
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(())
}

/// What it means that the tail broke before an entry.
async fn broken(client: &Client, head: &Checkpoint, (next, error): (u64, &ClientError)) -> Broken {
    if let ClientError::Refused { refused, .. } = error {
        let said = if let Refused::EntryDiffers { position } = refused.as_ref() { not_in_tree(position.0) } else { in_full(error) };
        return Broken::Log(vec![said]);
    }
    if error.reason() != Some(Reason::Internal) {
        return Broken::Reading(Failure::client(error));
    }
    // The broker does not hand out what it finds damaged; which entry that is shows when each is asked for by itself.
    let found = locate(client, head, next).await;
    if found.is_empty() { Broken::Reading(Failure::client(error)) } else { Broken::Log(found) }
}

fn not_in_tree(position: u64) -> String {
    format!("entry {position} does not hash to the signed tree")
}

/// Asks for the inclusion of one entry after the other and names those that can't be proved, if they are few: where many can't,
/// one that was changed spoils the proofs of its neighbours, and none of them can be blamed.
async fn locate(client: &Client, head: &Checkpoint, from: u64) -> Vec<String> {
    let (mut damaged, mut unproved) = (Vec::new(), Vec::new());
    for position in from..head.size.min(from.saturating_add(LOCATE_ENTRIES_MAX)) {
        let request = v1::GetInclusionProofRequest { position, tree_size: head.size };
        match client.get_inclusion_proof(request).await {
            Ok(proof) => {
                let hash = Hash::from_slice(&proof.leaf_hash).ok();
                let proved = hash.is_some_and(|hash| verify::included(Position(position), &hash, &proof.proof, head).is_ok());
                if !proved {
                    unproved.push(position);
                }
            }
            Err(error) if error.reason() == Some(Reason::Internal) => damaged.push(position),
            Err(_) => break,
        }
    }
    let named = if damaged.len() == 1 {
        damaged
    } else if unproved.len() == 1 {
        unproved
    } else {
        Vec::new()
    };
    named.into_iter().map(not_in_tree).collect()
}

/// The questions that this agency asked itself. Asking for them is one more.
async fn own_questions(desk: &mut Desk<'_>, size: u64) -> Result<BTreeMap<u64, Bytes>, Failure> {
    let agency = desk.settings()?.client.agency.to_string();
    let filter = v1::EntryFilter { agency, kinds: vec![String::from("LogQueried")], to_position: size, ..v1::EntryFilter::default() };
    let purpose = v1::StatedPurpose { purpose: String::from("verification of the whole log"), case_number: String::from("log-verify") };
    let mut found = BTreeMap::new();
    let mut page_token = String::new();
    for _ in 0..OWN_PAGES_MAX {
        let request = v1::SearchEntriesRequest {
            purpose: Some(purpose.clone()),
            filter: Some(filter.clone()),
            page_size: brygga_wire::limits::PAGE_ENTRIES_MAX,
            page_token,
            ..v1::SearchEntriesRequest::default()
        };
        let why = "this agency asked the log itself before; to read those entries is one more question, which names its officer";
        let asked = desk.ask(request).await.map_err(|failure| failure.about(why))?.ok_or_else(|| Failure::usage("--dry-run is for writes"))?;
        found.extend(asked.response.entries.into_iter().map(|entry| (entry.position, entry.leaf)));
        page_token = asked.response.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    Ok(found)
}

/// `log verify BUNDLE`.
pub fn bundle(desk: &mut Desk<'_>, path: &Path) -> Result<(), Failure> {
    let file = std::fs::File::open(path).map_err(|error| Failure::usage(format!("{} cannot be read: {error}", path.display())))?;
    // With settings the pinned key and head count; without, the bundle vouches for itself and the verdict says so.
    let client = desk.client().ok().map(|(client, _)| client);
    // A bundle from before the pin says nothing about it, and is no worse for that.
    let size = bundle_size(path);
    let pinned = client.as_ref().filter(|client| client.pin().is_some_and(|pin| size.is_none_or(|size| pin.size <= size)));
    let options = Options {
        key: client.as_ref().map(|client| client.log_key().clone()),
        pin: pinned.and_then(Client::pinned_note).map(|note| note.to_vec()),
        ..Options::default()
    };
    let progress = watch::progress(desk, 2, "verifying");
    let report = audit_bundle(BufReader::new(file), options, &mut |read, size| {
        progress.set_length(size);
        progress.set_position(read);
    });
    progress.finish_and_clear();
    tell(desk, &report, &[])
}

/// How many entries a bundle says that it has; `None` when it can't be read, which the audit tells.
fn bundle_size(path: &Path) -> Option<u64> {
    let file = std::fs::File::open(path).ok()?;
    BundleReader::open(BufReader::new(file)).ok().map(|reader| reader.header().size)
}

/// `log verify`: the latest head against the pin.
pub async fn against_pin(desk: &mut Desk<'_>) -> Result<(), Failure> {
    let (client, _) = desk.client()?;
    match head(&client).await {
        Ok((head, Some(before))) => {
            let text = format!("CONSISTENT {} entries, signed; the first {} are those that are pinned here", head.checkpoint.size, before.size);
            desk.answer(&[text], json!({ "verdict": "CONSISTENT", "entries": head.checkpoint.size, "pinned": before.size }))
        }
        Ok((head, None)) => inconclusive(desk, &format!("nothing was pinned here before; the head of {} entries is pinned now", head.checkpoint.size)),
        Err(error) if convicts(&error) => failed(desk, &[in_full(&error)]),
        Err(error) => Err(Failure::client(&error)),
    }
}

/// `log export`.
pub async fn export(desk: &mut Desk<'_>, path: &Path) -> Result<(), Failure> {
    let (client, settings) = desk.client()?;
    let (head, _) = head(&client).await.map_err(|error| Failure::client(&error))?;
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let file = made.map_err(|error| Failure::usage(format!("{} cannot be made: {error}", path.display())))?;
    let written = Box::pin(write_bundle(desk, &client, (&head, settings.client.log_key.trim()), file)).await;
    if let Err(failure) = written {
        // Half a bundle would only be taken for a damaged one; that it may be gone already changes nothing.
        drop(std::fs::remove_file(path));
        return Err(failure);
    }
    let size = head.checkpoint.size;
    let text = format!("exported   {size} entries to {}; verify it with: brygga-verify {}", path.display(), path.display());
    desk.answer(&[text], json!({ "entries": size, "origin": head.checkpoint.origin }))
}

async fn write_bundle(desk: &mut Desk<'_>, client: &Client, (head, vkey): (&Head, &str), file: std::fs::File) -> Result<(), Failure> {
    let io = |error: brygga_verify::BundleError| Failure::io("the bundle", &std::io::Error::other(error));
    let header = Header {
        format: BUNDLE_FORMAT.to_owned(),
        origin: head.checkpoint.origin.clone(),
        vkey: vkey.to_owned(),
        exported_at: desk.now.to_string(),
        size: head.checkpoint.size,
    };
    let mut bundle = BundleWriter::start(BufWriter::new(file), &header).map_err(io)?;
    match Box::pin(read(desk, client, &head.checkpoint, |leaf| bundle.leaf(leaf).map_err(io))).await {
        Ok(()) => {}
        Err(Broken::Log(findings)) => return failed(desk, &findings),
        Err(Broken::Reading(failure)) => return Err(failure),
        Err(Broken::Mandate(position)) => return inconclusive(desk, &format!("entry {position} is outside the mandate; a bundle needs every entry")),
    }
    let buffered = bundle.finish(&head.note).map_err(io)?;
    let file = buffered.into_inner().map_err(|error| Failure::io("the bundle", error.error()))?;
    file.sync_all().map_err(|error| Failure::io("the bundle", &error))
}

/// Prints a verdict of FAILED.
fn failed(desk: &mut Desk<'_>, findings: &[String]) -> Result<(), Failure> {
    let lines: Vec<String> = findings.iter().map(|finding| format!("FAILED     {finding}")).collect();
    desk.answer(&lines, json!({ "verdict": "FAILED", "findings": findings }))?;
    Err(Failure::said(Verdict::Failed.exit_code()))
}

/// A proof that does not hold, told as a verdict.
pub fn refused(desk: &mut Desk<'_>, refused: &Refused) -> Failure {
    match failed(desk, &[in_full(refused)]) {
        Ok(()) => Failure::said(Verdict::Failed.exit_code()),
        Err(failure) => failure,
    }
}

fn inconclusive(desk: &mut Desk<'_>, why: &str) -> Result<(), Failure> {
    desk.answer(&[format!("INCONCLUSIVE  {why}")], json!({ "verdict": "INCONCLUSIVE", "doubts": [why] }))?;
    Err(Failure::said(EXIT_INCONCLUSIVE))
}

/// Prints a report; `located` names what the findings about the log as a whole come from.
fn tell(desk: &mut Desk<'_>, report: &Report, located: &[String]) -> Result<(), Failure> {
    let lines = match report.verdict {
        Verdict::Verified => vec![format!("VERIFIED  {} entries, every release rests on consent and clearance", report.entries)],
        Verdict::Inconclusive => report.doubts.iter().map(|doubt| format!("INCONCLUSIVE  {doubt}")).collect(),
        Verdict::Failed => finding_lines(report, located),
    };
    let mut whole = serde_json::to_value(report).unwrap_or(Value::Null);
    if let Value::Object(object) = &mut whole {
        object.insert(String::from("located"), json!(located));
    }
    desk.answer(&lines, whole)?;
    if report.verdict == Verdict::Verified { Ok(()) } else { Err(Failure::said(report.verdict.exit_code())) }
}

fn finding_lines(report: &Report, located: &[String]) -> Vec<String> {
    let line = |finding: &Finding| {
        let at = finding.position.map_or_else(String::new, |position| format!("entry {position}: "));
        format!("FAILED     {at}{} [{}]", finding.text, finding.code)
    };
    let mut lines: Vec<String> = located.iter().map(|text| format!("FAILED     {text}")).collect();
    lines.extend(report.findings.iter().take(FINDINGS_SHOWN_MAX).map(line));
    let shown = u64::try_from(report.findings.len().min(FINDINGS_SHOWN_MAX)).unwrap_or(u64::MAX);
    let all = u64::try_from(report.findings.len()).unwrap_or(u64::MAX).saturating_add(report.findings_left_out);
    if all > shown {
        lines.push(format!("FAILED     and {} more", words::many(usize::try_from(all - shown).unwrap_or(usize::MAX), "finding")));
    }
    lines
}
