//! The grounds, secrecies and offences as they stand in the tables.

use brygga_domain::grounds::{Condition, ConsentNeed, Ground, GroundTable, Modality, Party};
use brygga_domain::{Code as _, Time};
use serde_json::{Value, json};

use super::table;

/// The format of the JSON; fields are only ever added.
const FORMAT: &str = "brygga-grounds/1";

/// As tables for people. Rows that are not in force on the day say so.
pub(super) fn text(law: &GroundTable, now: Time) -> String {
    let ((grounds, offences), (about_grounds, about_offences)) = (law.versions(), law.about());
    let head = format!("Grounds {grounds}, offences {offences}, hash {}, as of {}\n{about_grounds}\n{about_offences}", law.hash(), now.date());
    let heads = ["ground", "provision", "from > to", "modality", "lifts", "asks for", "in force", "text read"];
    let rows = law.grounds().map(|ground| {
        vec![
            ground.code.to_string(),
            ground.provision.clone(),
            format!("{} > {}", parties(&ground.from), parties(&ground.to)),
            modality(ground),
            lifts(ground),
            asks(law, ground),
            format!("{} - {}{}", ground.valid_from, ground.valid_to.as_deref().unwrap_or(""), if ground.in_force(&now.date()) { "" } else { " (not now)" }),
            read(ground),
        ]
    });
    let secrecies = law.all_secrecies().map(|secrecy| {
        let about = secrecy.categories.as_ref().map_or_else(|| String::from("all"), |categories| listed(categories.iter().map(|category| category.as_str())));
        let text = secrecy.text.en.clone();
        vec![secrecy.code.clone(), parties(&secrecy.at), about, secrecy.valid_from.clone(), text]
    });
    let barriers = law.barriers().iter().map(|barrier| {
        let except = listed(barrier.except.iter().map(brygga_domain::grounds::GroundCode::as_str));
        vec![
            listed(barrier.categories.iter().map(|category| category.as_str())),
            parties(&barrier.to),
            except,
            barrier.provision.clone(),
            barrier.text.en.clone(),
        ]
    });
    let scales = law.offences().map(|offence| {
        let most = offence.max_months.map_or_else(|| String::from("life"), |months| months.to_string());
        let to = offence.valid_to.clone().unwrap_or_default();
        let read = if offence.verified { "yes" } else { "NO" };
        let names = format!("{} ({})", offence.name.sv, offence.name.en);
        vec![
            offence.code.to_string(),
            names,
            offence.provision.clone(),
            format!("{} - {most}", offence.min_months),
            format!("{} - {to}", offence.valid_from),
            read.to_owned(),
        ]
    });
    [
        head,
        table(&heads, rows),
        table(&["secrecy", "at", "categories", "since", "what it says"], secrecies),
        table(&["categories", "not to", "but on", "provision", "why"], barriers),
        format!("Two officers: {}", law.two_officers().text.en),
        format!("Emergencies: {}", law.emergency().text.en),
        format!("Standing decisions: {}", law.standing().text.en),
        table(&["offence", "name", "provision", "months", "in force", "scale read"], scales),
    ]
    .join("\n\n")
}

/// As the tables' own rows.
pub(super) fn json(law: &GroundTable) -> Value {
    let ((grounds, offences), (about_grounds, about_offences)) = (law.versions(), law.about());
    json!({
        "format": FORMAT,
        "hash": law.hash().to_string(),
        "grounds_version": grounds,
        "offences_version": offences,
        "about": [about_grounds, about_offences],
        "grounds": law.grounds().collect::<Vec<_>>(),
        "secrecies": law.all_secrecies().collect::<Vec<_>>(),
        "barriers": law.barriers(),
        "minors": law.minors(),
        "two_officers": law.two_officers(),
        "emergency": law.emergency(),
        "standing": law.standing(),
        "offences": law.offences().collect::<Vec<_>>(),
    })
}

pub(super) fn listed<'a>(items: impl Iterator<Item = &'a str>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

fn parties(parties: &[Party]) -> String {
    let name = |party: &Party| match party {
        Party::Police => "police",
        Party::Prosecution => "prosecution",
        Party::SocialBoard => "social board",
        Party::Supervisor => "supervisor",
        Party::BrokerOperator => "broker's operator",
        Party::AnyAuthority => "any authority",
    };
    listed(parties.iter().map(name))
}

fn modality(ground: &Ground) -> String {
    let may = match ground.modality {
        Modality::May => "may",
        Modality::Must => "must",
        Modality::Defence => "defence",
    };
    let consent = match ground.consent {
        ConsentNeed::Required => ", on consent",
        ConsentNeed::NotRequired => "",
        ConsentNeed::Irrelevant => ", whatever she wants",
    };
    let soon = ground.deadline.as_ref().map_or_else(String::new, |deadline| format!(", {}", deadline.text.en));
    format!("{may}{consent}{soon}")
}

fn lifts(ground: &Ground) -> String {
    match &ground.never_clears {
        Some(why) => format!("NEVER CLEARS: {}", why.en),
        None => listed(ground.lifts.iter().map(String::as_str)),
    }
}

fn asks(law: &GroundTable, ground: &Ground) -> String {
    let mut asked: Vec<String> = ground.conditions.iter().map(|condition: &Condition| condition.text().en).collect();
    if law.two_officers().grounds.contains(&ground.code) {
        asked.push(String::from("a second officer"));
    }
    asked.join("; ")
}

fn read(ground: &Ground) -> String {
    let question = ground.legal_question.as_ref().map_or_else(String::new, |question| format!("; OPEN: {}", question.en));
    format!("{}{question}", if ground.verified { "yes" } else { "NO" })
}
