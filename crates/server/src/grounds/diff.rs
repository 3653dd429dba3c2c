//! What another table changes: answers, and what of a broker's open work it touches.

use std::path::Path;

use brygga_domain::change::{self, Change, Difference, Touched};
use brygga_domain::event::Interest;
use brygga_domain::grounds::{GroundTable, Protected};
use brygga_domain::{Code as _, Referral, Time};
use brygga_engine::projection;
use brygga_engine::store::{After, Reader, StoreError};
use serde_json::{Value, json};

use super::matrix::{only, protection, protects, why};
use super::table;
use crate::config::Config;
use crate::open;

/// The format of the JSON; fields are only ever added.
const FORMAT: &str = "brygga-grounds-diff/1";
/// Referrals that are read at once.
const PAGE_REFERRALS: u32 = 500;

/// A comparison.
pub(super) struct Compared {
    change: Change,
    now: Time,
    /// What is touched, by reference; absent where no broker was named.
    touched: Option<Vec<(Referral, Touched)>>,
}

/// Compares two tables, and finds what the difference touches in the broker's database.
pub(super) async fn compare(before: &GroundTable, after: &GroundTable, config: Option<&Path>, now: Time) -> anyhow::Result<Compared> {
    let change = change::between(before, after, now);
    let touched = match config {
        None => None,
        Some(path) => {
            let config = Config::load(path)?;
            let mut reader = open::beside(&config.storage.place).await?;
            Some(open_work(&mut reader, &change, now).await?)
        }
    };
    Ok(Compared { change, now, touched })
}

async fn open_work<R: Reader>(reader: &mut R, change: &Change, now: Time) -> Result<Vec<(Referral, Touched)>, StoreError> {
    let mut found = Vec::new();
    let mut after = -1;
    loop {
        let page = reader.all_referrals(After { after, limit: PAGE_REFERRALS }).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = last.referral.first_position;
        for rows in &page {
            let referral = projection::referral(rows)?;
            let touched = change::touched(&referral, change, now);
            if !touched.is_empty() {
                found.push((referral, touched));
            }
        }
    }
}

fn about(protected: Protected) -> &'static str {
    protection(protected).unwrap_or("investigation")
}

fn answer(answer: &Result<(), brygga_domain::grounds::Unlawful>) -> String {
    answer.as_ref().err().map_or_else(|| String::from("passes"), why)
}

/// A cell as parties name it: `3:investigation`.
fn cell(referral: &Referral, name: brygga_domain::event::CellName) -> String {
    let interest = match name.interest {
        Interest::Investigation => String::from("investigation"),
        Interest::Person(id) => referral.person_name(id).map_or_else(String::new, |name| name.to_string()),
    };
    format!("{}:{interest}", name.section)
}

impl Compared {
    /// For people.
    pub(super) fn text(&self) -> String {
        let Change { answers, grounds, offences, officers, purposes, policies, .. } = &self.change;
        let names = |count: usize, list: Vec<String>| if count == 0 { String::from("none") } else { list.join(", ") };
        let mut parts = vec![format!(
            "on         {}\nanswers    {} change\ngrounds    that read differently: {}\noffences   that read differently: {}\nofficers   two or one otherwise: {}\nconsents   for a purpose that carries otherwise: {}\npolicies   that read differently: {}",
            self.now.date(),
            answers.len(),
            names(grounds.len(), grounds.iter().map(ToString::to_string).collect()),
            names(offences.len(), offences.iter().map(ToString::to_string).collect()),
            names(officers.len(), officers.iter().map(|(ground, whom)| format!("{ground} ({})", about(*whom))).collect()),
            names(purposes.len(), purposes.iter().map(|(kind, purpose)| format!("{kind} ({purpose})")).collect()),
            names(policies.len(), policies.iter().map(|name| String::from(*name)).collect()),
        )];
        if !answers.is_empty() {
            parts.push(table(&["kind", "from > to", "category", "protects", "ground", "before", "after"], answers.iter().map(row)));
        }
        match &self.touched {
            None => parts.push(String::from("open work  not looked at; name a broker with --config")),
            Some(touched) if touched.is_empty() => parts.push(String::from("open work  none is touched")),
            Some(touched) => {
                let rows = touched.iter().map(|(referral, touched)| {
                    let clearances = touched.clearances.iter().map(|(name, ground)| format!("{} {ground}", cell(referral, *name)));
                    let consents = touched.consents.iter().map(ToString::to_string);
                    vec![
                        referral.reference.to_string(),
                        referral.kind.to_string(),
                        clearances.collect::<Vec<_>>().join("\n"),
                        consents.collect::<Vec<_>>().join("\n"),
                    ]
                });
                parts.push(table(&["referral", "kind", "open clearances", "consents"], rows));
            }
        }
        parts.join("\n\n")
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let Change { answers, grounds, offences, officers, purposes, policies, .. } = &self.change;
        let differs = |differs: &Difference| {
            json!({
                "kind": differs.direction.kind.as_str(),
                "from": differs.direction.from.as_str(),
                "to": differs.direction.to.as_str(),
                "category": differs.category.as_str(),
                "protects": differs.protects,
                "about": differs.about.iter().copied().filter_map(protection).collect::<Vec<_>>(),
                "ground": differs.ground,
                "before": answer(&differs.before),
                "after": answer(&differs.after),
            })
        };
        let referral = |(referral, touched): &(Referral, Touched)| {
            let clearances = touched.clearances.iter().map(|(name, ground)| json!({ "cell": cell(referral, *name), "ground": ground }));
            json!({
                "referral": referral.reference.to_string(),
                "clearances": clearances.collect::<Vec<_>>(),
                "consents": touched.consents.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        };
        json!({
            "format": FORMAT,
            "on": self.now.date(),
            "answers": answers.iter().map(differs).collect::<Vec<_>>(),
            "grounds": grounds,
            "offences": offences,
            "officers": officers.iter().map(|(ground, whom)| json!({ "ground": ground, "about": about(*whom) })).collect::<Vec<_>>(),
            "purposes": purposes.iter().map(|(kind, purpose)| json!({ "kind": kind.as_str(), "purpose": purpose.as_str() })).collect::<Vec<_>>(),
            "policies": policies,
            "open_work": self.touched.as_ref().map(|touched| touched.iter().map(referral).collect::<Vec<_>>()),
        })
    }
}

fn row(differs: &Difference) -> Vec<String> {
    vec![
        differs.direction.kind.to_string(),
        format!("{} > {}", differs.direction.from, differs.direction.to),
        differs.category.to_string(),
        format!("{}{}", protects(differs.protects), only(&differs.about, "\n  ")),
        differs.ground.to_string(),
        answer(&differs.before),
        answer(&differs.after),
    ]
}
