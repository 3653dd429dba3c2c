//! The verdict and what led to it.

use serde::{Serialize, Serializer};

use crate::finding::Finding;

/// Name and version of the report as JSON; fields are only ever added to it.
pub const REPORT_FORMAT: &str = "brygga-audit/1";

/// What became of the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Everything holds.
    Verified,
    /// Something does not.
    Failed,
    /// Nothing was found, but not everything could be checked.
    Inconclusive,
}

impl Verdict {
    /// The word that people and scripts read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "VERIFIED",
            Self::Failed => "FAILED",
            Self::Inconclusive => "INCONCLUSIVE",
        }
    }

    /// Exit code of the command-line tools.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Verified => 0,
            Self::Failed => 20,
            Self::Inconclusive => 21,
        }
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What an audit came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// `brygga-audit/1`.
    pub format: &'static str,
    /// The verdict.
    pub verdict: Verdict,
    /// Origin of the log, as the key names it.
    pub origin: String,
    /// Entries read.
    pub entries: u64,
    /// Releases among them.
    pub releases: u64,
    /// Root of the tree over the entries read, base64.
    pub root: String,
    /// The key that the checkpoint was checked with.
    pub key: String,
    /// Whether something other than the bundle vouches for the key.
    pub key_trusted: bool,
    /// What is not as it must be, by position; what is about the log as a whole comes first.
    pub findings: Vec<Finding>,
    /// Findings beyond those listed.
    pub findings_left_out: u64,
    /// What could not be checked.
    pub doubts: Vec<String>,
}
