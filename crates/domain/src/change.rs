//! What another table of law would change: answers, wordings, and the open clearances and consents that they touch.
//!
//! For whoever is about to put a table into force. Nothing is decided here.

use std::collections::BTreeSet;

use crate::codes::{AgencyKind, Category, Code as _, Purpose, ReferralKind};
use crate::event::{CellName, Interest, Outcome};
use crate::gate;
use crate::grounds::{Condition, Direction, Ground, GroundCode, GroundTable, Offence, OffenceCode, Protected, Protects, Unlawful};
use crate::ids::ConsentId;
use crate::referral::{CellState, Consent, Referral};
use crate::time::Time;

/// What differs between two tables on a day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Cells that get another answer.
    pub answers: Vec<Difference>,
    /// Grounds whose rows in force on that day read differently in anything.
    pub grounds: BTreeSet<GroundCode>,
    /// Offences whose scales differ on that day.
    pub offences: BTreeSet<OffenceCode>,
    /// Grounds, and whom they are about, on which one officer suffices by one table only.
    pub officers: Vec<(GroundCode, Protected)>,
    /// Kinds of referral, and purposes of a consent that carries what they tell by one table only.
    pub purposes: BTreeSet<(ReferralKind, Purpose)>,
    /// Policies that read differently: of emergencies, of standing decisions, of templates, of kinds and who leads, of what says who somebody is, of minors, of clocks.
    pub policies: Vec<&'static str>,
    rest_on_consent: BTreeSet<GroundCode>,
    rest_on_offence: BTreeSet<GroundCode>,
}

/// One cell and ground with another answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Direction and kind.
    pub direction: Direction,
    /// The category.
    pub category: Category,
    /// A person, or the investigation.
    pub protects: Protects,
    /// Of a person: about whom the answer differs.
    pub about: Vec<Protected>,
    /// The ground.
    pub ground: GroundCode,
    /// The answer of the one table.
    pub before: Result<(), Unlawful>,
    /// The answer of the other.
    pub after: Result<(), Unlawful>,
}

/// What of a referral a change touches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// Cells that are decided for release on such a ground, or on one that asks for an offence whose scale differs, and have not left or stand for
    /// later revisions.
    pub clearances: Vec<(CellName, GroundCode)>,
    /// Consents that stand and that such a ground rests on.
    pub consents: Vec<ConsentId>,
}

impl Touched {
    /// Whether it is nothing.
    pub fn is_empty(&self) -> bool {
        self.clearances.is_empty() && self.consents.is_empty()
    }
}

/// What differs between two tables on the day of `now`.
pub fn between(before: &GroundTable, after: &GroundTable, now: Time) -> Change {
    let codes: BTreeSet<&GroundCode> = before.codes().into_iter().chain(after.codes()).collect();
    let mut cells: Vec<(Direction, Category)> = before.cells().collect();
    cells.extend(after.cells().filter(|cell| !before.cells().any(|known| known == *cell)));
    let mut answers = Vec::new();
    for (direction, category) in cells {
        for protects in Protects::ALL {
            for ground in &codes {
                let asked = |table: &GroundTable, whom| table.lawful(ground, direction, (category, whom), now).map(|_| ());
                let both = protects.alike(|whom| (asked(before, whom), asked(after, whom)));
                for (about, (before, after)) in both.into_iter().filter(|(_, (before, after))| before != after) {
                    answers.push(Difference { direction, category, protects, about, ground: (*ground).clone(), before, after });
                }
            }
        }
    }
    let date = now.date();
    let those = |rest: fn(&Ground) -> bool| -> BTreeSet<GroundCode> {
        before.grounds().chain(after.grounds()).filter(|ground| rest(ground)).map(|ground| ground.code.clone()).collect()
    };
    let rest_on_consent = those(Ground::needs_consent);
    let rest_on_offence = those(|ground| ground.conditions.iter().any(Condition::asks_for_offence));
    // What a minor's consent needs belongs to every ground that rests on consent.
    let minors_differ = minors(before) != minors(after);
    let reworded = |code: &&GroundCode| rows(before, code, &date) != rows(after, code, &date) || (minors_differ && rest_on_consent.contains(*code));
    let grounds = codes.iter().copied().filter(reworded).cloned().collect();
    let due = |table: &GroundTable, code: &GroundCode, protected| table.two_officers().are_due(code, protected);
    let cases = codes.iter().flat_map(|code| Protects::ALL.into_iter().flat_map(Protects::every).map(|whom| ((*code).clone(), whom)));
    let officers = cases.filter(|(code, whom)| due(before, code, *whom) != due(after, code, *whom)).collect();
    let (purposes, policies) = (purposes(before, after), policies(before, after));
    Change { answers, grounds, offences: offences(before, after, &date), officers, purposes, policies, rest_on_consent, rest_on_offence }
}

/// A ground's rows in force on a day, as they stand in the table.
fn rows(table: &GroundTable, code: &GroundCode, date: &str) -> Vec<Option<serde_json::Value>> {
    let own = |ground: &&Ground| ground.code == *code && ground.in_force(date);
    table.grounds().filter(own).map(|ground| serde_json::to_value(ground).ok()).collect()
}

fn purposes(before: &GroundTable, after: &GroundTable) -> BTreeSet<(ReferralKind, Purpose)> {
    let serves = |table: &GroundTable, (kind, purpose)| table.kind(kind).is_some_and(|rule| rule.serves(purpose));
    let every = ReferralKind::ALL.iter().flat_map(|kind| Purpose::ALL.iter().map(|purpose| (*kind, *purpose)));
    every.filter(|pair| serves(before, *pair) != serves(after, *pair)).collect()
}

/// What the tables say beside answers, grounds and offences.
fn policies(before: &GroundTable, after: &GroundTable) -> Vec<&'static str> {
    type Said = fn(&GroundTable) -> Option<serde_json::Value>;
    let said: [(&str, Said); 7] = [
        ("emergency", |table| serde_json::to_value((table.emergency(), table.two_officers().break_glass)).ok()),
        ("standing", |table| serde_json::to_value(table.standing()).ok()),
        ("templates", |table| {
            let kinds = ReferralKind::ALL.iter().filter_map(|kind| table.kind(*kind).map(|rule| (kind.as_str(), rule.templates)));
            serde_json::to_value(kinds.collect::<Vec<_>>()).ok()
        }),
        ("kinds", |table| {
            let kinds = ReferralKind::ALL.iter().filter_map(|kind| table.kind(*kind));
            let rules = kinds.map(|rule| (rule.received_never_declined, rule.contact_due_minutes, &rule.also_told_as)).collect::<Vec<_>>();
            let leaders = AgencyKind::ALL.iter().map(|kind| table.may_lead(*kind)).collect::<Vec<_>>();
            serde_json::to_value((rules, leaders)).ok()
        }),
        ("persons", |table| {
            let categories = Category::ALL.iter().map(|category| (table.is_about_a_person(*category), table.is_a_name(*category)));
            serde_json::to_value(categories.collect::<Vec<_>>()).ok()
        }),
        ("minors", minors),
        ("clocks", |table| serde_json::to_value(table.clocks()).ok()),
    ];
    said.into_iter().filter(|(_, said)| said(before) != said(after)).map(|(name, _)| name).collect()
}

fn minors(table: &GroundTable) -> Option<serde_json::Value> {
    serde_json::to_value(table.minors()).ok()
}

fn offences(before: &GroundTable, after: &GroundTable, date: &str) -> BTreeSet<OffenceCode> {
    let scales = |table: &GroundTable| -> Vec<(OffenceCode, Option<serde_json::Value>)> {
        let standing = table.offences().filter(|offence: &&Offence| offence.in_force(date));
        standing.map(|offence| (offence.code.clone(), serde_json::to_value(offence).ok())).collect()
    };
    let (one, other) = (scales(before), scales(after));
    let differing = one.iter().filter(|scale| !other.contains(scale)).chain(other.iter().filter(|scale| !one.contains(scale)));
    differing.map(|(code, _)| code.clone()).collect()
}

/// What of a referral the change touches. A referral that has ended is touched by nothing.
pub fn touched(referral: &Referral, change: &Change, now: Time) -> Touched {
    if referral.stage.is_ended() {
        return Touched::default();
    }
    let direction = gate::direction(referral);
    let other_answer = |category: Category, protected: Protected, ground: &GroundCode| {
        let same = |differs: &Difference| (differs.direction, differs.category, &differs.ground) == (direction, category, ground);
        change.answers.iter().any(|differs| same(differs) && differs.about.contains(&protected))
    };
    let other_purpose = |consent: &Consent| change.purposes.contains(&(referral.kind, consent.given.purpose));
    let mut clearances = Vec::new();
    for section in &referral.sections {
        for cell in &section.cells {
            let protected = referral.protected(cell.interest);
            let CellState::Decided(decision) = &cell.state else { continue };
            if section.has_left() && decision.standing_until.is_none_or(|until| until <= now) {
                continue;
            }
            let Outcome::Release { ground, consent } = &decision.outcome else { continue };
            let other_officers = change.officers.iter().any(|(code, whom)| code == ground && *whom == protected);
            let other_purpose = referral.consents.iter().any(|given| Some(given.at) == *consent && other_purpose(given));
            let other_scale = !change.offences.is_empty() && change.rest_on_offence.contains(ground);
            if other_scale || change.grounds.contains(ground) || other_answer(section.category, protected, ground) || other_officers || other_purpose {
                clearances.push((CellName { section: section.number, interest: cell.interest }, ground.clone()));
            }
        }
    }
    let standing = referral.consents.iter().filter(|consent| consent.withdrawn.is_none() && now < consent.given.valid_until);
    let consents = standing.filter(|consent| {
        let hers = referral.protected(Interest::Person(consent.given.person));
        let rests = |ground: &GroundCode| consent.given.categories.iter().any(|category| other_answer(*category, hers, ground));
        other_purpose(consent) || change.rest_on_consent.iter().any(|ground| change.grounds.contains(ground) || rests(ground))
    });
    Touched { clearances, consents: consents.map(|consent| consent.given.consent).collect() }
}
