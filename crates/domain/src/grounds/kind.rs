//! What a kind of referral is, as the table says.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::codes::{AgencyKind, Category, Purpose, ReferralKind};

/// What a kind of referral is: who may send it to whom, with which sections, and its clock.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindRule {
    /// The kind.
    pub kind: ReferralKind,
    /// Who may send it.
    pub from: Vec<AgencyKind>,
    /// Who may receive it.
    pub to: Vec<AgencyKind>,
    /// The categories it may carry.
    pub categories: Vec<Category>,
    /// The purposes of consents that carry its cells: who waives for one purpose has not waived for another (OSL 12:2). A table that does not say
    /// takes a consent for any.
    #[serde(default)]
    pub consented_for: Option<BTreeSet<Purpose>>,
    /// What other kinds of referral tell in a category that it lacks, and in which of its own it tells the same.
    #[serde(default)]
    pub also_told_as: BTreeMap<Category, Category>,
    /// Whether it is received and never declined.
    #[serde(default)]
    pub received_never_declined: bool,
    /// Minutes from the report until contact is due.
    #[serde(default)]
    pub contact_due_minutes: Option<u32>,
    /// Whether its cells may be decided from a template.
    #[serde(default)]
    pub templates: Templates,
}

impl KindRule {
    /// Whether a consent given for that purpose may carry its cells.
    pub fn serves(&self, purpose: Purpose) -> bool {
        self.consented_for.as_ref().is_none_or(|purposes| purposes.contains(&purpose))
    }

    /// In which category a referral of this kind tells what another tells in that one; `None`: in none.
    pub fn carries_as(&self, category: Category) -> Option<Category> {
        let own = self.categories.contains(&category).then_some(category);
        own.or_else(|| self.also_told_as.get(&category).copied())
    }
}

/// Whether cells may be decided from a template.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Templates {
    /// They may; every cell is its own decision all the same.
    #[default]
    Allowed,
    /// Each case is assessed on its own.
    Never,
}
