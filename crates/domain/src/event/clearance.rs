//! What an act of clearance says: cells, what was decided of each, and the word of a second officer.

use crate::codes::*;
use crate::grounds::GroundCode;
use crate::ids::*;
use crate::time::Time;

/// Decisions of one officer in one act; every cell is its own decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearanceDecision {
    /// The referral.
    pub referral: ReferralId,
    /// The recipient.
    pub recipient: FunctionId,
    /// The ground table that was in force.
    pub table: TableHash,
    /// Commitment to the answers and the documented reasons.
    pub reasons: Commitment,
    /// The cells.
    pub cells: Vec<DecidedCell>,
    /// SHA-256 of the template that the cells were taken from.
    pub template: Option<Digest>,
}

/// One cell's decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidedCell {
    /// Which.
    pub cell: CellName,
    /// Released on a ground, or withheld.
    pub outcome: Outcome,
    /// Whether a second officer must agree before it counts.
    pub second_officer: bool,
    /// Until when it stands for later revisions of the section, too.
    pub standing_until: Option<Time>,
    /// The withdrawal after which it is released: the latest of a consent that carried the cell.
    pub withdrawal: Option<Position>,
}

/// A section and a protected interest; the recipient is the referral's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellName {
    /// Number of the section.
    pub section: u32,
    /// Whom or what the secrecy protects.
    pub interest: Interest,
}

/// What a secrecy protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interest {
    /// A person.
    Person(PersonId),
    /// The investigation (OSL 18:1).
    Investigation,
}

/// How a cell was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It may pass.
    Release {
        /// The ground.
        ground: GroundCode,
        /// Position of the consent it rests on.
        consent: Option<Position>,
    },
    /// It stays.
    Withhold {
        /// Why.
        reason: WithholdReason,
        /// Whether the envelope may say that it is withheld.
        nameable: bool,
    },
}

impl Outcome {
    /// Whether two officers have come to the same result: both release, on the same ground and the same consent.
    pub fn agrees_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Release { .. }, Self::Release { .. }) => self == other,
            (Self::Withhold { .. }, _) | (_, Self::Withhold { .. }) => false,
        }
    }

    /// The consent that it rests on.
    pub fn consent(&self) -> Option<Position> {
        match self {
            Self::Release { consent, .. } => *consent,
            Self::Withhold { .. } => None,
        }
    }

    /// Whether it stays.
    pub fn is_withheld(&self) -> bool {
        match self {
            Self::Release { .. } => false,
            Self::Withhold { .. } => true,
        }
    }
}

/// Decisions of a second officer in one act, made without knowing those of the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondDecision {
    /// The referral.
    pub referral: ReferralId,
    /// The ground table that was in force.
    pub table: TableHash,
    /// Commitment to the answers and the documented reasons.
    pub reasons: Commitment,
    /// The cells.
    pub cells: Vec<Confirmation>,
}

/// A second officer's word about one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// Which cell.
    pub cell: CellName,
    /// Position of the first decision.
    pub decision: Position,
    /// What the second officer comes to.
    pub outcome: Outcome,
    /// Until when the second officer lets it stand for later revisions, too.
    pub standing_until: Option<Time>,
}

/// Standing decisions that go on for the revision which the next event of the referral brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedClearances {
    /// The referral.
    pub referral: ReferralId,
    /// The cells.
    pub cells: Vec<CarriedCell>,
    /// The ground table that was in force.
    pub table: TableHash,
}

/// One cell whose decision goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CarriedCell {
    /// Which.
    pub cell: CellName,
    /// The revision of its section that it goes on for.
    pub revision: u32,
    /// Position of the decision.
    pub decision: Position,
}
