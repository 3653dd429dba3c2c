//! Who has a conflict of interest in a referral: to an excluded officer it does not exist.
//!
//! The journal holds a commitment to the list and no more, so the list itself stands beside it, with the referral's row, and can be erased.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::command::Command;
use crate::decide::{Draft, Facts};
use crate::event::Officer;
use crate::ids::{AgencyId, Commitment, FunctionId, OfficerPseudonym};
use crate::referral::Referral;
use crate::refusal::{Reason, Refusal};

/// Somebody who has nothing to do with a referral.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Excluded {
    /// An officer of an agency.
    Officer(AgencyId, OfficerPseudonym),
    /// A unit.
    Function(FunctionId),
}

impl std::fmt::Display for Excluded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Officer(agency, officer) => write!(f, "officer {agency} {}", hex::encode(officer.0)),
            Self::Function(function) => write!(f, "function {function}"),
        }
    }
}

impl Referral {
    /// Whether the officer is excluded.
    pub fn excludes_officer(&self, agency: &AgencyId, officer: OfficerPseudonym) -> bool {
        self.excluded.iter().any(|one| matches!(one, Excluded::Officer(of, who) if of == agency && *who == officer))
    }

    /// Whether the unit is excluded.
    pub fn excludes_function(&self, function: &FunctionId) -> bool {
        self.excluded.iter().any(|one| matches!(one, Excluded::Function(unit) if unit == function))
    }

    /// Whether it does not exist to the officer of a command. The broker's own commands name none.
    pub fn is_hidden_from(&self, agency: &AgencyId, officer: Option<Officer>) -> bool {
        officer.is_some_and(|officer| self.excludes_officer(agency, officer.pseudonym))
    }

    /// Whether it does not exist to whoever reads. Who names no officer may be any of the agency's, also an excluded one.
    pub fn is_hidden_from_reader(&self, agency: &AgencyId, officer: Option<OfficerPseudonym>) -> bool {
        match officer {
            Some(officer) => self.excludes_officer(agency, officer),
            None => self.excluded.iter().any(|one| matches!(one, Excluded::Officer(of, _) if of == agency)),
        }
    }
}

/// Both lists, each one once, in an order that does not tell whose list it is from.
pub(crate) fn together(own: &[Excluded], inherited: &[Excluded]) -> Vec<Excluded> {
    own.iter().chain(inherited).collect::<BTreeSet<_>>().into_iter().cloned().collect()
}

impl Facts<'_> {
    /// What the officer of a command may know: a referral that excludes them is answered by the same path as one that does not exist.
    pub(crate) fn seen_by(self, command: &Command) -> Self {
        Self { referral: self.referral.filter(|referral| !referral.is_hidden_from(&command.agency, command.officer)), ..self }
    }
}

impl Draft<'_> {
    /// The referral that the command cites, if it exists to the officer.
    pub(crate) fn cited(&self) -> Option<&Referral> {
        self.facts.known.cited.as_deref().filter(|cited| !cited.is_hidden_from(&self.command.agency, self.command.officer))
    }

    /// Commits to who is excluded, for the next fact. Everybody named must take part, or a slip of the pen would exclude nobody.
    pub(crate) fn exclude(&mut self, excluded: &[Excluded], recipient: &FunctionId) -> Result<Commitment, Refusal> {
        let about = |reason| Refusal::field(reason, "excluded");
        let directory = self.facts.directory;
        for one in excluded {
            match one {
                Excluded::Officer(agency, _) => directory.agency(agency).map(|_| ()).ok_or_else(|| about(Reason::UnknownAgency))?,
                Excluded::Function(function) if function == recipient => return Err(Reason::RecipientExcluded.into()),
                Excluded::Function(function) => directory.function(function).map(|_| ()).ok_or_else(|| about(Reason::UnknownFunction))?,
            }
        }
        let lines: Vec<String> = excluded.iter().map(ToString::to_string).collect();
        Ok(self.commit_opening("excluded", Bytes::from(lines.join("\n"))))
    }

    /// Puts the list with the referral, once the event that commits to it is made.
    pub(crate) fn keep_excluded(&mut self, excluded: Vec<Excluded>, inherited: Vec<Excluded>) {
        if let Some(referral) = &mut self.decided.referral {
            (referral.excluded, referral.inherited) = (excluded, inherited);
        }
    }
}
