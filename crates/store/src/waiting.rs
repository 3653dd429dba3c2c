//! Which referrals wait for a clearance, and whose: the one thing that a store derives from rows, so that its indexes hold what
//! waits and nothing that is ended. Both back ends use it.

use brygga_engine::rows::{CellRow, ReferralRows};

/// Stages in which a function works with a referral.
pub(crate) const INBOX_STAGES: [&str; 3] = ["ready", "opened", "accepted"];

/// Whose officers a referral waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// The sender's, for a person's cell.
    pub(crate) sender: bool,
    /// The leader's, for the investigation's.
    pub(crate) leader: bool,
}

impl Waiting {
    /// Whom the referral waits for; nobody once it is ended, for nothing can be cleared then.
    pub(crate) fn of(rows: &ReferralRows) -> Self {
        let live = is_live(&rows.referral.stage);
        let waits = |investigation: bool| live && rows.cells.iter().any(|cell| cell.interest.0.is_empty() == investigation && is_open(cell));
        Self { sender: waits(false), leader: waits(true) }
    }

    /// Whether the agency has something to clear in the referral.
    pub(crate) fn is_for(self, agency: &str, rows: &ReferralRows) -> bool {
        (self.sender && rows.referral.sender == agency) || (self.leader && rows.referral.leader == agency)
    }
}

fn is_live(stage: &str) -> bool {
    stage == "held" || INBOX_STAGES.contains(&stage)
}

fn is_open(cell: &CellRow) -> bool {
    cell.decided_at.is_none() || (cell.second_officer == 1 && cell.confirmed_at.is_none())
}
