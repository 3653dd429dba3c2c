//! Every answer of the gate as text for lawyers: cells with equal answers stand together.

use std::collections::BTreeMap;

use brygga_domain::grounds::{Condition, Direction, Ground, GroundCode, GroundTable, Protected, Protects, Unlawful};
use brygga_domain::matrix::{self, Row};
use brygga_domain::{Category, Code as _, ProtectedIdentity, Purpose, ReferralKind, Time};
use serde_json::{Value, json};

use super::show::listed;
use super::table;

/// The format of the JSON; fields are only ever added.
const FORMAT: &str = "brygga-matrix/1";

/// Everything that the tables say on a day, as text.
pub fn text(law: &GroundTable, now: Time) -> String {
    let (grounds, offences) = law.versions();
    let cells = matrix::cells(law, now);
    let head = format!(
        "Every answer of the gate on {}: grounds {grounds}, offences {offences}\n\
         A cell is a category and whom its secrecy protects. \"Passes on\" presumes that the ground's facts are said, as listed below,\n\
         and that its consent and second officer are there: * rests on the person's own consent, + wants a second officer\n\
         about everybody of the row (the policy below says about whom else), ! is a duty.\n\
         Where the answers depend on the grade of a person's protected identity (none, ..., unknown), a row names the grades that it is about.\n\
         A ground that a row does not name is not for that way or kind of referral.\n\
         Two officers: {}",
        now.date(),
        law.two_officers().text.en
    );
    let never: Vec<String> = law.grounds().filter_map(|ground| Some(format!("  {}: {}", ground.code, ground.never_clears.as_ref()?.en))).collect();
    let blocks = grouped(&cells).into_iter().map(|(direction, rows)| {
        let way = format!("{}: {} > {}{}", direction.kind, direction.from, direction.to, consented_for(law, direction.kind));
        let heads = ["categories", "protects", "passes on", "blocked"];
        format!("{way}\n{}", table(&heads, rows.into_iter().map(|(row, categories)| line(law, row, &categories, now))))
    });
    let mut parts = vec![head, format!("Never clear a section:\n{}", never.join("\n"))];
    parts.extend(blocks);
    parts.push(format!("What each ground asks for, as of {}\n{}", now.date(), facts(law, now)));
    parts.join("\n\n")
}

/// For what a consent must have been given.
fn consented_for(law: &GroundTable, kind: ReferralKind) -> String {
    let purposes = Purpose::ALL.iter().filter(|purpose| law.kind(kind).is_some_and(|rule| rule.serves(**purpose)));
    format!(" (on a consent for {})", purposes.map(|purpose| purpose.as_str()).collect::<Vec<_>>().join(" or "))
}

type Group<'r> = (Direction, Vec<(&'r Row, Vec<Category>)>);

/// Rows with equal answers in one direction, with their categories.
fn grouped(cells: &[Row]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for row in cells {
        if groups.last().is_none_or(|(direction, _)| *direction != row.direction) {
            groups.push((row.direction, Vec::new()));
        }
        let Some((_, rows)) = groups.last_mut() else { continue };
        let same = |known: &Row| known.about == row.about && known.secrecies == row.secrecies && known.answers == row.answers;
        match rows.iter_mut().find(|(known, _)| same(known)) {
            Some((_, categories)) => categories.push(row.category),
            None => rows.push((row, vec![row.category])),
        }
    }
    groups
}

fn line(law: &GroundTable, row: &Row, categories: &[Category], now: Time) -> Vec<String> {
    let passing = row.answers.iter().filter(|(_, answer)| answer.is_ok()).map(|(code, _)| marked(law, code, row, now));
    let mut blocked: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (code, answer) in &row.answers {
        match answer {
            // Said once, above the rows and at the head of the text.
            Ok(()) | Err(Unlawful::OtherDirection | Unlawful::NeverClears) => {}
            Err(unlawful) => blocked.entry(why(unlawful)).or_default().push(code.as_str()),
        }
    }
    let blocked = blocked.into_iter().map(|(why, codes)| format!("{why}: {}", codes.join(", ")));
    vec![
        listed(categories.iter().map(|category| category.as_str())),
        format!("{} ({}){}", protects(row.protects), row.secrecies.join(", "), only(row.about.as_slice(), "\n  ")),
        passing.collect::<Vec<_>>().join("\n"),
        blocked.collect::<Vec<_>>().join("\n"),
    ]
}

pub(super) fn protects(protects: Protects) -> &'static str {
    match protects {
        Protects::Person => "person",
        Protects::Investigation => "investigation",
    }
}

/// The protections of personal data that are meant, where it is not everybody.
pub(super) fn only(whom: &[Protected], before_each: &str) -> String {
    let held: Vec<&str> = whom.iter().filter_map(|protected| protection(*protected)).collect();
    if held.len() == ProtectedIdentity::ALL.len() { String::new() } else { held.iter().flat_map(|held| [before_each, held]).collect() }
}

pub(super) fn protection(protected: Protected) -> Option<&'static str> {
    match protected {
        Protected::Person(held) => Some(held.as_str()),
        Protected::Investigation => None,
    }
}

fn marked(law: &GroundTable, code: &GroundCode, row: &Row, now: Time) -> String {
    let ground = row.about.first().and_then(|protected| law.lawful(code, row.direction, (row.category, *protected), now).ok());
    let two_officers = row.about.iter().all(|protected| law.two_officers().are_due(code, *protected));
    let mark = |ground: &Ground| {
        let marks = [(ground.needs_consent(), "*"), (two_officers, "+"), (ground.is_duty(), "!")];
        marks.into_iter().filter(|(is, _)| *is).map(|(_, mark)| mark).collect::<String>()
    };
    format!("{code}{}", ground.map(mark).unwrap_or_default())
}

pub(super) fn why(unlawful: &Unlawful) -> String {
    match unlawful {
        Unlawful::Unknown => String::from("unknown"),
        Unlawful::NotInForce => String::from("not in force"),
        Unlawful::NeverClears => String::from("never clears"),
        Unlawful::OtherDirection => String::from("not this way or kind"),
        Unlawful::OtherCategory => String::from("not this category"),
        Unlawful::Barred(provision) => format!("barred by {provision}"),
        Unlawful::DoesNotLift(secrecy) => format!("does not lift {secrecy}"),
    }
}

/// The facts of every row that clears something: with all of them it holds; without one it does not.
fn facts(law: &GroundTable, now: Time) -> String {
    let rows = law.grounds().filter(|ground| ground.never_clears.is_none() && ground.in_force(&now.date())).map(|ground| {
        let found = matrix::facts(law, ground, now);
        let all = if found.fulfilled.is_some() { "holds" } else { "NEVER HOLDS" };
        let facts = found.without.iter().map(|(condition, ..)| condition.text().en);
        let without = |stands: fn(&(Condition, bool, bool)) -> bool| {
            let holds: Vec<String> = found.without.iter().filter(|fact| stands(fact)).map(|(condition, ..)| condition.to_string()).collect();
            if holds.is_empty() { String::from("blocked") } else { format!("HOLDS without {}", holds.join(", ")) }
        };
        let own = [ground.code.to_string(), ground.provision.clone(), facts.collect::<Vec<_>>().join("\n"), all.to_owned()];
        let falls = if found.without.is_empty() { [String::new(), String::new()] } else { [without(|fact| fact.1), without(|fact| fact.2)] };
        own.into_iter().chain(falls).collect()
    });
    table(&["ground", "provision", "facts", "all said", "one not said", "one not so"], rows)
}

/// The same for programs.
pub(super) fn json(law: &GroundTable, now: Time) -> Value {
    let cell = |row: &Row| {
        let answers: BTreeMap<&str, String> =
            row.answers.iter().map(|(code, answer)| (code.as_str(), answer.as_ref().err().map_or_else(|| String::from("passes"), why))).collect();
        json!({
            "kind": row.direction.kind.as_str(),
            "from": row.direction.from.as_str(),
            "to": row.direction.to.as_str(),
            "category": row.category.as_str(),
            "protects": row.protects,
            "about": row.about.iter().copied().filter_map(protection).collect::<Vec<_>>(),
            "secrecies": row.secrecies,
            "answers": answers,
        })
    };
    json!({ "format": FORMAT, "on": now.date(), "hash": law.hash().to_string(), "cells": matrix::cells(law, now).iter().map(cell).collect::<Vec<_>>() })
}
