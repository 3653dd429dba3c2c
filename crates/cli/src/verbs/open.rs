//! Opening: the one command that shows content, and only what its receipt proves.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use brygga_client::Answer;
use brygga_client::content;
use brygga_domain::{Category, Code, Position};
use brygga_wire::content_v1::content::Section;
use brygga_wire::v1;
use serde_json::Value;

use crate::desk::{Desk, whole};
use crate::failure::Failure;
use crate::render::table::with_log;
use crate::render::{blocks, sections};
use crate::{message, words};

/// `inbox open`.
pub async fn open(desk: &mut Desk<'_>, referral: String, (out, brief): (Option<PathBuf>, bool)) -> Result<(), Failure> {
    // The copy is made before the content is asked for, so that a release is never logged for a file that can't be written.
    let mut copy = out.as_deref().filter(|_| !desk.common.dry_run).map(new_file).transpose()?;
    let request = v1::OpenReferralRequest { referral: referral.clone(), ..v1::OpenReferralRequest::default() };
    let asked = desk.ask(request).await.map_err(|failure| failure.about(referral));
    let answer = match (asked, &out) {
        (Ok(Some(answer)), _) => answer,
        (other, Some(path)) if copy.is_some() => {
            // Nothing came, so the empty copy goes away again; that it may be gone already changes nothing.
            drop(std::fs::remove_file(path));
            return other.map(drop);
        }
        (other, _) => return other.map(drop),
    };
    let whole = whole(&answer);
    if let (Some(file), Some(path)) = (&mut copy, &out) {
        let text = format!("{whole:#}\n");
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| Failure::io(path.display(), &error))?;
    }
    let lines = lines(desk, &answer, brief);
    desk.answer(&lines, whole)?;
    if let Some(path) = &out {
        desk.talk(&format!("written    {}: the whole, for the case file; readable by its owner only", path.display()))?;
    }
    Ok(())
}

fn new_file(path: &Path) -> Result<std::fs::File, Failure> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|error| Failure::usage(format!("{} cannot be made: {error}", path.display())))
}

fn lines(desk: &Desk<'_>, answer: &Answer<v1::OpenReferralResponse>, brief: bool) -> Vec<String> {
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
    if !brief {
        lines.extend(response.sections.iter().flat_map(section_lines));
    }
    lines
}

fn section_lines(section: &v1::ReleasedSection) -> Vec<String> {
    let mut about = section.persons.clone();
    if section.investigation {
        about.push(String::from("investigation"));
    }
    let revision = if section.revision > 1 { format!(", revision {}", section.revision) } else { String::new() };
    let mut lines = vec![String::new(), format!("{}  {} ({}{revision})", section.number, words::category(section.category), about.join(", "))];
    let shown = message::masked(message::show(&v1::OpenReferralResponse { sections: vec![section.clone()], ..Default::default() }));
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
    let basis = [named("consent", "ConsentRecorded"), named("decision", "ClearanceDecided"), named("confirmation", "ClearanceConfirmed")];
    let basis: Vec<String> = basis.into_iter().flatten().collect();
    let basis = match basis.as_slice() {
        [] => String::from("nothing"),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    };
    format!("receipt verified: {basis} before release {}, one checkpoint", answer.response.release)
}
