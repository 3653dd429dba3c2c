//! Whom a referral waits for: the one thing that a store derives from rows, so that its indexes hold what waits and nothing that
//! is done. Every back end uses it.

use brygga_engine::rows::{CellRow, ReferralRows};

/// Stages in which a function works with a referral.
const INBOX_STAGES: [&str; 3] = ["ready", "opened", "accepted"];

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// The sender's officers, for a person's cell, or because of an emergency.
    pub(crate) sender: bool,
    /// The leader's, for the investigation's, or because of its own emergency.
    pub(crate) leader: bool,
    /// The recipient: it works with the referral, or has a recall to confirm or a stop-use notice to answer.
    pub(crate) recipient: bool,
}

impl Waiting {
    /// Whom the referral waits for. Once it is ended nothing can be cleared, but what left in an emergency still wants a second officer and
    /// the emergency its review, a recall or a notice its answer.
    pub(crate) fn of(rows: &ReferralRows) -> Self {
        let live = is_live(&rows.referral.stage);
        let row = &rows.referral;
        let has_left =
            |cell: &CellRow| rows.sections.iter().any(|section| section.number == cell.section && section.released_revision == Some(section.revision));
        let waits_for = |cell: &CellRow| (live && is_open(cell)) || (awaits_second_officer(cell) && has_left(cell));
        let waits = |investigation: bool| {
            rows.cells.iter().any(|cell| cell.interest.0.is_empty() == investigation && waits_for(cell))
                || rows.owed.iter().any(|word| word.interest.0.is_empty() == investigation)
        };
        // The sender hears of the leader's emergencies, too.
        let mut unreviewed = rows.emergencies.iter().filter(|emergency| emergency.reviewed_at.is_none()).peekable();
        let in_emergency = unreviewed.peek().is_some();
        let leaders = unreviewed.any(|emergency| emergency.agency == row.leader);
        let recalled = row.recall.is_some() && row.recall_confirmed == 0;
        let told_to_stop = rows.stop_uses.iter().any(|notice| notice.answer.is_none());
        Self {
            sender: waits(false) || in_emergency,
            leader: waits(true) || leaders,
            recipient: INBOX_STAGES.contains(&row.stage.as_str()) || recalled || told_to_stop,
        }
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
    cell.decided_at.is_none() || awaits_second_officer(cell)
}

fn awaits_second_officer(cell: &CellRow) -> bool {
    cell.second_officer == 1 && cell.confirmed_at.is_none()
}
