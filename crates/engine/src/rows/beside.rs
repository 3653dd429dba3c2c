//! What stands beside the ordinary course of a referral: emergencies, what a second officer owes, and exclusions.

use serde::{Deserialize, Serialize};

use super::Blob;

/// An emergency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmergencyRow {
    /// Position of the declaration.
    pub position: i64,
    /// The agency whose decisions it is about.
    pub agency: String,
    /// Who declared it, 16 bytes.
    pub officer: Option<Blob>,
    /// When it ends by itself.
    pub expires_at: i64,
    /// Until when it is to be reviewed.
    pub review_due_at: i64,
    /// When something was told by telephone.
    pub telephoned_at: Option<i64>,
    /// Position of the review.
    pub reviewed_at: Option<i64>,
    /// The verdict.
    pub verdict: Option<String>,
}

/// An emergency of any referral that waits for its review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenReviewRow {
    /// Position of the declaration.
    pub position: i64,
    /// The agency that reviews it.
    pub agency: String,
    /// Until when.
    pub review_due_at: i64,
}

/// Somebody who is excluded: an officer of an agency, or a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExcludedRow {
    /// The agency, or the function.
    pub name: String,
    /// The officer, 16 bytes; `None`: a function.
    pub officer: Option<Blob>,
}

/// A second officer's word that is owed on a decision which stands no more, and on which something left in an emergency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwedWordRow {
    /// Position of the decision.
    pub position: i64,
    /// Number of the section.
    pub section: i64,
    /// The person, 16 bytes; empty for the investigation.
    pub interest: Blob,
    /// The revision that left.
    pub revision: i64,
    /// Who decided, 16 bytes.
    pub officer: Option<Blob>,
    /// The ground.
    pub ground: String,
    /// Position of the consent that it rests on.
    pub consent: Option<i64>,
}
