//! Opening: the one command that shows content, and only what its receipt proves.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use brygga_client::Answer;
use brygga_client::content;
use brygga_client::pin::sync_folder;
use brygga_domain::{Category, Code, Position};
use brygga_wire::content_v1::content::Section;
use brygga_wire::lint::{Act, findings_in_label};
use brygga_wire::v1;
use jiff::Timestamp;
use serde_json::Value;

use crate::desk::{Desk, whole};
use crate::failure::Failure;
use crate::render::table::with_log;
use crate::render::{blocks, sections};
use crate::{case_file, message, words};

/// How an opening is shown, and where its copy goes.
pub struct Opening {
    /// The JSON of the copy; its PDF lies beside it.
    pub out: Option<PathBuf>,
    /// Whether the broker may destroy what was delivered, once both files are on the disk.
    pub confirm_import: bool,
    /// Whether only the safe contact and the receipt are shown.
    pub brief: bool,
}

/// `inbox open`.
pub async fn open(desk: &mut Desk<'_>, referral: String, how: Opening) -> Result<(), Failure> {
    // The copy is made before the content is asked for, so that a release is never logged for a file that can't be written.
    let copy = how.out.as_deref().filter(|_| !desk.common.dry_run).map(CaseFile::new).transpose()?;
    let request = v1::OpenReferralRequest { referral: referral.clone(), ..v1::OpenReferralRequest::default() };
    let asked = desk.ask(request).await.map_err(|failure| failure.about(referral.clone()));
    let answer = match (asked, &copy) {
        (Ok(Some(answer)), _) => answer,
        (other, Some(copy)) => {
            copy.take_away();
            return other.map(drop);
        }
        (other, None) => return other.map(drop),
    };
    let whole = whole(&answer);
    let written = match copy {
        Some(copy) => Some(copy.write(&whole, &paper(desk, &answer), desk.now)?),
        None => None,
    };
    let shown: Option<Shown> = if how.brief { None } else { Some(on_screen) };
    let lines = lines(desk, &answer, shown);
    desk.answer(&lines, whole)?;
    let Some((json, pdf)) = written else { return Ok(()) };
    desk.talk(&format!("written    {} and {}: the whole, for the case file; readable by their owner only", json.display(), pdf.display()))?;
    if !how.confirm_import {
        return Ok(());
    }
    let import = v1::ConfirmImportRequest { referral: referral.clone(), release: answer.response.release, ..v1::ConfirmImportRequest::default() };
    if desk.write(import, "").await.map_err(|failure| failure.about(referral))?.is_some() {
        desk.talk("imported   the content is destroyed at the broker, and the sender learns that it is")?;
    }
    Ok(())
}

/// `inbox reveal`.
pub async fn reveal(desk: &mut Desk<'_>, referral: String) -> Result<(), Failure> {
    let request = v1::OpenReferralRequest { referral: referral.clone(), names_only: true, ..v1::OpenReferralRequest::default() };
    let Some(answer) = desk.ask(request).await.map_err(|failure| failure.about(referral))? else { return Ok(()) };
    let mut lines: Vec<String> = answer.response.sections.iter().flat_map(on_screen).skip(1).collect();
    let count = words::many(answer.response.sections.len(), "section");
    lines.push(with_log(&format!("revealed   {count} that say who it is about; {}", receipt(&answer)), &[Position(answer.response.release)]));
    let whole = whole(&answer);
    desk.answer(&lines, whole)?;
    desk.talk(
        "next       brygga inbox open; if you have to do with any of them, leave it to a colleague, or brygga inbox decline --reason conflict_of_interest",
    )
}

/// The two files of a copy for the case file, made and still empty.
struct CaseFile {
    json: (PathBuf, File),
    pdf: (PathBuf, File),
}

impl CaseFile {
    fn new(json: &Path) -> Result<Self, Failure> {
        let pdf = json.with_extension("pdf");
        if pdf == json {
            return Err(Failure::usage("--out names the JSON; its PDF gets the same name with .pdf"));
        }
        // The name is shown in places where the file is not: lists, backups, what is printed.
        let name = json.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        if let Some(finding) = findings_in_label(&name).into_iter().find(|finding| finding.act == Act::Refuse) {
            return Err(Failure::usage(format!("the name of the file: {}", finding.words.en)));
        }
        let first = new_file(json)?;
        let second = new_file(&pdf).inspect_err(|_| drop(std::fs::remove_file(json)))?;
        Ok(Self { json: (json.to_owned(), first), pdf: (pdf, second) })
    }

    /// Nothing came, so the empty files go away again; that one may be gone already changes nothing.
    fn take_away(&self) {
        for (path, _) in [&self.json, &self.pdf] {
            drop(std::fs::remove_file(path));
        }
    }

    /// Writes both and waits until they are on the disk.
    fn write(self, whole: &Value, paper: &[String], now: Timestamp) -> Result<(PathBuf, PathBuf), Failure> {
        let title = whole.pointer("/envelope/reference").and_then(Value::as_str).unwrap_or("referral").to_owned();
        // The JSON first: it is the whole, and is there even if the other cannot be made.
        let text = format!("{whole:#}\n");
        let (json, pdf) = (self.json, self.pdf);
        synced(json.1, text.as_bytes()).map_err(|error| Failure::io(json.0.display(), &error))?;
        let bytes = case_file::pdf(&title, paper, now)?;
        synced(pdf.1, &bytes).map_err(|error| Failure::io(pdf.0.display(), &error))?;
        // What is confirmed is destroyed at the broker.
        for path in [&json.0, &pdf.0] {
            sync_folder(path).map_err(|error| Failure::io(path.display(), &error))?;
        }
        Ok((json.0, pdf.0))
    }
}

fn synced(mut file: File, bytes: &[u8]) -> std::io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

fn new_file(path: &Path) -> Result<File, Failure> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|error| Failure::usage(format!("{} cannot be made: {error}", path.display())))
}

/// What stands on the paper: whose copy it is, the envelope, and everything that was delivered.
fn paper(desk: &Desk<'_>, answer: &Answer<v1::OpenReferralResponse>) -> Vec<String> {
    let envelope = answer.response.envelope.clone().unwrap_or_default();
    let officer = desk.common.officer.as_deref().unwrap_or("the officer of the settings");
    let mut lines = vec![
        String::from("COPY FOR THE CASE FILE. Secrecy applies; the recipient marks it (OSL 5:5)."),
        format!("made       {} by {officer}", words::local(desk.now)),
        format!("referral   {}, {}, {}", envelope.reference, words::kind(envelope.kind), words::urgency(envelope.urgency)),
        format!("from       {}", envelope.sender),
        format!("to         {}", envelope.recipient),
        String::new(),
    ];
    lines.extend(self::lines(desk, answer, Some(on_paper)));
    lines
}

/// How a section is shown.
type Shown = fn(&v1::ReleasedSection) -> Vec<String>;

/// The answer in lines, with each section as it is to be shown; `None`: without them.
fn lines(desk: &Desk<'_>, answer: &Answer<v1::OpenReferralResponse>, section: Option<Shown>) -> Vec<String> {
    let response = &answer.response;
    let today = words::day(desk.now);
    let mut lines: Vec<String> = Vec::new();
    for section in &response.sections {
        if let Ok(Section::SafeContact(contact)) = content::decode(&section.content) {
            lines.push(blocks::safe_contact(&contact, today));
        }
    }
    let count = words::many(response.sections.len(), "section");
    lines.push(with_log(&format!("opened     {count}; {}", receipt(answer)), &[Position(response.release)]));
    for earlier in &response.supersedes {
        lines.push(format!("supersedes section {}, revision {}, released at {}", earlier.section, earlier.revision, earlier.position));
    }
    if let Some(section) = section {
        lines.extend(response.sections.iter().flat_map(section));
    }
    lines
}

/// A section as it is printed: no personal number stands whole on a screen.
fn on_screen(section: &v1::ReleasedSection) -> Vec<String> {
    section_lines(section, message::masked)
}

/// A section as the case file needs it.
fn on_paper(section: &v1::ReleasedSection) -> Vec<String> {
    section_lines(section, |whole| whole)
}

fn section_lines(section: &v1::ReleasedSection, as_shown: fn(Value) -> Value) -> Vec<String> {
    let mut about = section.persons.clone();
    if section.investigation {
        about.push(String::from("investigation"));
    }
    let revision = if section.revision > 1 { format!(", revision {}", section.revision) } else { String::new() };
    let mut lines = vec![String::new(), format!("{}  {} ({}{revision})", section.number, words::category(section.category), about.join(", "))];
    let shown = as_shown(message::show(&v1::OpenReferralResponse { sections: vec![section.clone()], ..Default::default() }));
    let typed = shown.pointer("/sections/0/content").cloned().unwrap_or(Value::Null);
    let category = Category::from_number(section.category).map_or("", Code::as_str);
    lines.extend(sections::content(category, &typed));
    lines
}

/// What the receipt proves, by position: everything that the release rests on stands before it.
pub fn receipt(answer: &Answer<v1::OpenReferralResponse>) -> String {
    let named = |singular: &str, kind: &str| {
        let positions = answer.proof.positions_of(kind);
        let listed: Vec<String> = positions.iter().map(|at| at.0.to_string()).collect();
        match listed.as_slice() {
            [] => None,
            [one] => Some(format!("{singular} {one}")),
            [..] => Some(format!("{singular}s {}", listed.join(", "))),
        }
    };
    let basis = [
        named("consent", "ConsentRecorded"),
        named("decision", "ClearanceDecided"),
        named("carried decision", "ClearanceCarried"),
        named("confirmation", "ClearanceConfirmed"),
        named("emergency", "EmergencyDeclared"),
    ];
    let basis: Vec<String> = basis.into_iter().flatten().collect();
    let basis = match basis.as_slice() {
        [] => String::from("nothing"),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    };
    format!("receipt verified: {basis} before release {}, one checkpoint", answer.response.release)
}
