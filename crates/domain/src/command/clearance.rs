//! What acts of clearance ask for.

use bytes::Bytes;

use crate::codes::{EmergencyVerdict, WithholdReason};
use crate::event::PersonName;
use crate::grounds::{Answers, GroundCode};
use crate::ids::{ConsentId, Digest, Position};
use crate::time::Time;

/// Decisions of one act.
#[derive(Clone, Default)]
pub struct NewDecision {
    /// The cells.
    pub cells: Vec<NewCell>,
    /// What the officer asserts.
    pub answers: Answers,
    /// The documented reasons: kept in an erasable opening, committed in the event.
    pub reasons: Bytes,
    /// Until when the releases stand for later revisions, too.
    pub standing_until: Option<Time>,
    /// The template that the cells were taken from.
    pub template: Option<Template>,
}

/// A template of decisions, which the agency keeps.
#[derive(Clone)]
pub struct Template {
    /// What the agency calls it: kept in the erasable opening of the reasons.
    pub name: String,
    /// SHA-256 of its file.
    pub digest: Digest,
}

impl std::fmt::Debug for NewDecision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewDecision({} cells)", self.cells.len())
    }
}

/// One cell to decide.
#[derive(Debug, Clone)]
pub struct NewCell {
    /// Which.
    pub cell: NamedCell,
    /// How.
    pub outcome: NewOutcome,
}

/// How a cell is to be decided.
#[derive(Debug, Clone)]
pub enum NewOutcome {
    /// It may pass.
    Release {
        /// The ground.
        ground: GroundCode,
        /// The consent; absent: the one on record that carries it.
        consent: Option<ConsentId>,
        /// The revision of the section that the officer looked at, from 1.
        revision: u32,
    },
    /// It stays.
    Withhold {
        /// Why.
        reason: WithholdReason,
        /// Whether the envelope may say so.
        nameable: bool,
    },
}

/// A cell as parties name it: `None` is the investigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedCell {
    /// Number of the section.
    pub section: u32,
    /// The person, or the investigation.
    pub person: Option<PersonName>,
}

/// An emergency to declare.
#[derive(Clone)]
pub struct NewEmergency {
    /// After how many hours it ends.
    pub hours: u32,
    /// When something was told by telephone.
    pub telephoned_at: Option<Time>,
    /// The documented reasons: kept in an erasable opening, committed in the event.
    pub reasons: Bytes,
}

impl std::fmt::Debug for NewEmergency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewEmergency({} hours)", self.hours)
    }
}

/// A review of an emergency.
#[derive(Clone)]
pub struct NewReview {
    /// Position of the declaration.
    pub emergency: Position,
    /// The verdict.
    pub verdict: EmergencyVerdict,
    /// The documented reasons: kept in an erasable opening, committed in the event.
    pub reasons: Bytes,
}

impl std::fmt::Debug for NewReview {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewReview({}, {})", self.emergency, self.verdict)
    }
}
