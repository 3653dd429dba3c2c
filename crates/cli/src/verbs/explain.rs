//! `explain`: a code in words, and what would make the command pass.

use brygga_domain::Reason;
use brygga_domain::refusal::Class;
use serde_json::json;

use crate::args::Lang;
use crate::desk::{Desk, List};
use crate::failure::Failure;
use crate::remedy;

/// `explain`.
pub fn explain(desk: &mut Desk<'_>, code: Option<&str>, lang: Lang) -> Result<(), Failure> {
    let Some(code) = code else { return all(desk, lang) };
    let code = code.to_uppercase();
    if let Some(reason) = Reason::from_code(&code) {
        return one(desk, reason, lang);
    }
    if let Some((code, text, remedy)) = remedy::STATES.iter().find(|(known, ..)| *known == code) {
        let lines =
            [format!("{code:<26}state of a cell that blocks it"), format!("  {}", pick(lang, text)), format!("  {:<11}{}", lead(lang), pick(lang, remedy))];
        return desk.answer(&lines, json!({ "code": code, "en": text[0], "sv": text[1], "remedy": { "en": remedy[0], "sv": remedy[1] } }));
    }
    if let Some(finding) = remedy::audit_code(&code) {
        let lines = [format!("{:<26}finding of an audit, exit code 20", finding.as_str()), format!("  {}", finding.about())];
        return desk.answer(&lines, json!({ "code": finding.as_str(), "en": finding.about(), "exit_code": 20 }));
    }
    Err(Failure::not_found("no such code is known").with_try("brygga explain (lists all)"))
}

fn pick<'a>(lang: Lang, [en, sv]: &[&'a str; 2]) -> &'a str {
    match lang {
        Lang::En => en,
        Lang::Sv => sv,
    }
}

fn lead(lang: Lang) -> &'static str {
    pick(lang, &["passes if", "går om"])
}

/// What a class is called, and the gRPC code that answers it.
fn class(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::Malformed => ("not valid", "INVALID_ARGUMENT"),
        Class::NotFound => ("not found", "NOT_FOUND"),
        Class::NotAllowed => ("not allowed", "PERMISSION_DENIED"),
        Class::Blocked => ("blocked", "FAILED_PRECONDITION"),
        Class::Taken => ("taken", "ALREADY_EXISTS"),
        Class::Full => ("full", "RESOURCE_EXHAUSTED"),
        Class::Unavailable => ("unavailable", "UNAVAILABLE"),
        Class::TooLate => ("too late", "DEADLINE_EXCEEDED"),
        Class::Broken => ("failed", "INTERNAL"),
    }
}

fn texts(reason: Reason) -> ([&'static str; 2], [&'static str; 2]) {
    ([reason.english(), reason.swedish()], [remedy::english(reason), remedy::swedish(reason)])
}

fn one(desk: &mut Desk<'_>, reason: Reason, lang: Lang) -> Result<(), Failure> {
    let (label, grpc) = class(reason.class());
    let (text, remedy) = texts(reason);
    let lines = [
        format!("{:<26}{label}, exit code {}, gRPC {grpc}", reason.code(), reason.exit_code()),
        format!("  {}", pick(lang, &text)),
        format!("  {:<11}{}", lead(lang), pick(lang, &remedy)),
    ];
    let whole = json!({
        "code": reason.code(), "class": label, "grpc": grpc, "exit_code": reason.exit_code(),
        "en": text[0], "sv": text[1], "remedy": { "en": remedy[0], "sv": remedy[1] }
    });
    desk.answer(&lines, whole)
}

fn all(desk: &mut Desk<'_>, lang: Lang) -> Result<(), Failure> {
    let row = |reason: &Reason| {
        let (text, _) = texts(*reason);
        vec![reason.code().to_owned(), class(reason.class()).0.to_owned(), reason.exit_code().to_string(), pick(lang, &text).to_owned()]
    };
    let item = |reason: &Reason| json!({ "code": reason.code(), "exit_code": reason.exit_code(), "en": reason.english(), "sv": reason.swedish() });
    desk.list(List {
        heads: &["code", "class", "exit", "text"],
        rows: Reason::ALL.iter().map(row).collect(),
        items: Reason::ALL.iter().map(item).collect(),
        empty: "",
    })
}
