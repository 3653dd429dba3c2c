//! What stands beside the ordinary course of a referral: emergencies and exclusions.

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
