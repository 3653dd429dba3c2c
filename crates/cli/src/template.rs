//! Templates of decisions: what an agency decides alike, category by category and role by role, kept by the agency in a file of its own.
//!
//! A template asserts no fact and gives no reason: those are of the case. It only names, for each undecided cell that it knows, the
//! ground or the reason to withhold, so that many cells are decided in one act; in the log each is a decision of its own, and the act
//! is marked with the digest of the file.

use std::path::Path;

use brygga_domain::{Category, Code as _, ReferralKind, WithholdReason};
use brygga_wire::v1;
use brygga_wire::view::INVESTIGATION;
use bytes::Bytes;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::desk::Desk;
use crate::failure::Failure;

/// A template as its file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// What the agency calls it.
    name: String,
    /// For which kinds of referral; absent: for all.
    #[serde(default)]
    kinds: Vec<ReferralKind>,
    /// What it is for: for the people who read the file.
    #[serde(default, rename = "about")]
    _about: Option<String>,
    cells: Vec<Row>,
}

/// How the cells of a category and a role are decided.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    category: Category,
    /// A role, or `investigation`.
    role: String,
    /// The ground that they are released on.
    #[serde(default)]
    release: Option<String>,
    /// Why they are withheld.
    #[serde(default)]
    withhold: Option<WithholdReason>,
    /// Whether the envelope may say that they are.
    #[serde(default)]
    nameable: bool,
}

/// A template with the digest of its file.
#[derive(Debug)]
pub struct Template {
    file: File,
    digest: [u8; 32],
}

impl Template {
    /// Reads a template.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = Desk::file(path)?;
        Self::of(&text).map_err(|fault| Failure::usage(format!("{} is no template: {fault}", path.display())))
    }

    /// The template of a text.
    pub fn of(text: &str) -> Result<Self, String> {
        let file: File = serde_json::from_str(text).map_err(|error| error.to_string())?;
        for (index, row) in file.cells.iter().enumerate() {
            if row.release.is_some() == row.withhold.is_some() {
                return Err(format!("cells[{index}] must either release or withhold"));
            }
            if row.role != INVESTIGATION && brygga_domain::Role::from_text(&row.role).is_none() {
                return Err(format!("cells[{index}].role is none"));
            }
            if file.cells.iter().take(index).any(|other| (other.category, &other.role) == (row.category, &row.role)) {
                return Err(format!("cells[{index}] decides what another one decides"));
            }
        }
        Ok(Self { digest: Sha256::digest(text.as_bytes()).into(), file })
    }

    /// Decides the cells of a referral that nobody has decided and that the template knows.
    pub fn decide(&self, referral: &v1::ClearanceReferral, decision: &mut v1::Decision) -> Result<(), Failure> {
        if !decision.cells.is_empty() {
            return Err(Failure::usage("with --template the file of --from gives facts and reasons, and names no cells"));
        }
        let is_meant = self.file.kinds.is_empty() || self.file.kinds.iter().any(|kind| kind.number() == referral.kind);
        if !is_meant {
            return Err(Failure::usage(format!("{} is not for this kind of referral", self.file.name)));
        }
        for section in &referral.sections {
            for cell in section.cells.iter().filter(|cell| cell.state() == v1::ClearanceState::Undecided) {
                let role = cell.interest.split_once('-').map_or(cell.interest.as_str(), |(role, _)| role);
                let row = self.file.cells.iter().find(|row| row.category.number() == section.category && row.role == role);
                let named = v1::Cell { section: section.number, interest: cell.interest.clone() };
                decision.cells.extend(row.map(|row| v1::CellDecision { cell: Some(named), outcome: Some(row.outcome(section.revision)) }));
            }
        }
        if decision.cells.is_empty() {
            return Err(Failure::usage(format!("{} knows none of the cells that are undecided", self.file.name)));
        }
        decision.template = Some(v1::Template { name: self.file.name.clone(), digest: Bytes::copy_from_slice(&self.digest) });
        Ok(())
    }
}

impl Row {
    fn outcome(&self, revision: u32) -> v1::cell_decision::Outcome {
        match (&self.release, self.withhold) {
            (Some(ground), _) => v1::cell_decision::Outcome::Release(v1::ReleaseOutcome { ground: ground.clone(), consent_id: String::new(), revision }),
            (None, reason) => {
                let reason = reason.map_or(0, WithholdReason::number);
                v1::cell_decision::Outcome::Withhold(v1::WithholdOutcome { reason, nameable: self.nameable })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(interest: &str, state: v1::ClearanceState) -> v1::CellClearance {
        v1::CellClearance { interest: interest.to_owned(), state: state.into(), ..Default::default() }
    }

    fn section(number: u32, category: Category, cells: Vec<v1::CellClearance>) -> v1::SectionClearance {
        v1::SectionClearance { number, category: category.number(), cells, ..Default::default() }
    }

    const TEMPLATE: &str = r#"{"name": "contact request", "kinds": ["contact_request"], "cells": [
        {"category": "victim_identity", "role": "victim", "release": "CONSENT"},
        {"category": "offence_heading", "role": "victim", "withhold": "not_needed", "nameable": true},
        {"category": "offence_heading", "role": "investigation", "release": "NO_HARM"}]}"#;

    #[test]
    fn a_template_decides_each_undecided_cell_that_it_knows_and_says_so() {
        let undecided = v1::ClearanceState::Undecided;
        let referral = v1::ClearanceReferral {
            kind: ReferralKind::ContactRequest.number(),
            sections: vec![
                section(1, Category::VictimIdentity, vec![cell("victim-1", undecided), cell("suspect-1", undecided)]),
                section(2, Category::OffenceHeading, vec![cell("victim-2", undecided), cell("investigation", undecided)]),
                section(3, Category::VictimIdentity, vec![cell("victim-2", v1::ClearanceState::Withhold)]),
                section(4, Category::SafeContact, vec![cell("victim-1", undecided)]),
            ],
            ..Default::default()
        };
        let mut decision = v1::Decision::default();
        Template::of(TEMPLATE).unwrap().decide(&referral, &mut decision).unwrap();
        let decided: Vec<(u32, &str)> =
            decision.cells.iter().filter_map(|cell| cell.cell.as_ref()).map(|cell| (cell.section, cell.interest.as_str())).collect();
        assert_eq!(decided, [(1, "victim-1"), (2, "victim-2"), (2, "investigation")]);
        assert_eq!(decision.template.as_ref().unwrap().digest, Bytes::copy_from_slice(&Sha256::digest(TEMPLATE)));
        assert!(Template::of(TEMPLATE).unwrap().decide(&referral, &mut decision).is_err(), "it names no cells beside others");
        let other = v1::ClearanceReferral { kind: ReferralKind::Hearing.number(), ..referral };
        assert!(Template::of(TEMPLATE).unwrap().decide(&other, &mut v1::Decision::default()).is_err(), "another kind");
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for (piece, by) in [
            (r#""release": "NO_HARM""#, r#""release": "NO_HARM", "withhold": "not_needed""#),
            (r#""release": "NO_HARM""#, r#""nameable": true"#),
            (r#""role": "investigation""#, r#""role": "victim""#),
            (r#""role": "investigation""#, r#""role": "everybody""#),
            (r#""category": "victim_identity""#, r#""category": "everything""#),
            (r#""name""#, r#""asserted": [], "name""#),
        ] {
            assert!(TEMPLATE.contains(piece), "{piece}");
            assert!(Template::of(&TEMPLATE.replacen(piece, by, 1)).is_err(), "{by}");
        }
    }
}
