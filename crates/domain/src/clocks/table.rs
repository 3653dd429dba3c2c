//! The shape of the table of clocks, and what makes one refused at load.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::calendar::{Holiday, Opening};
use crate::codes::{ClockLevel, ClockName, Code as _, ReferralKind, SenderStatus, Urgency};
use crate::content::ContentDays;
use crate::grounds::{DeadlineKind, Text};
use crate::referral::Stage;

/// The table of clocks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockTable {
    /// The table's own name for its version.
    pub version: String,
    /// What it says about itself.
    pub about: String,
    /// When a function is there that says nothing of it.
    pub office_hours: Opening,
    /// Who is told when, by name.
    pub ladders: BTreeMap<String, Vec<MarkRule>>,
    /// How long content is kept.
    pub content_days: ContentDays,
    /// The clocks; of those that fit a referral, the first of each name runs.
    pub clocks: Vec<ClockRule>,
    /// Days on which offices are closed.
    pub holidays: Vec<Holiday>,
}

/// One clock.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockRule {
    /// Its name.
    pub clock: ClockName,
    /// For which kinds of referral; absent: all.
    #[serde(default)]
    pub kinds: Option<BTreeSet<ReferralKind>>,
    /// For which urgencies; absent: all.
    #[serde(default)]
    pub urgencies: Option<BTreeSet<Urgency>>,
    /// Only where a cell was decided on a ground with such a deadline.
    #[serde(default)]
    pub ground_deadline: Option<DeadlineKind>,
    /// In which stages it runs.
    pub stages: BTreeSet<OpenStage>,
    /// What it is counted from.
    pub starts: Start,
    /// How long it lasts.
    pub lasts: Period,
    /// Who is told when: the name of a ladder.
    pub ladder: String,
    /// Whether it was read in a statute when the table was made; else it is a policy of the agencies.
    pub verified: bool,
    /// What it says, in one line.
    pub text: Text,
}

/// A stage in which a clock can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenStage {
    /// The sender's clearance function owns it.
    Held,
    /// The recipient opens.
    Ready,
    /// The recipient decides.
    Opened,
    /// The recipient works.
    Accepted,
}

impl OpenStage {
    /// The stage of a referral that has not ended.
    pub fn of(stage: Stage) -> Option<Self> {
        match stage {
            Stage::Held => Some(Self::Held),
            Stage::Ready => Some(Self::Ready),
            Stage::Opened => Some(Self::Opened),
            Stage::Accepted => Some(Self::Accepted),
            Stage::Declined(_) | Stage::Returned(_) | Stage::Closed(_) | Stage::Retracted { .. } => None,
        }
    }
}

/// What a clock is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// The report of the offence.
    Report,
    /// The submission.
    Submission,
    /// The first offer to the recipient.
    Receipt,
    /// The beginning of the stage that it is in.
    Stage,
    /// When the content came that it waits for: of what is held the oldest, of what is offered the latest.
    Content,
}

/// How long a clock lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Period {
    /// So many minutes, day and night.
    Minutes(u32),
    /// So many minutes of the owner's opening hours.
    OfficeMinutes(u32),
    /// So many days, each number counted from where the one before it ended.
    Days(Vec<u16>),
    /// A share of what is left until contact is due.
    Share {
        /// Of a hundred.
        percent: u8,
        /// But never shorter than this.
        minutes_min: u32,
    },
    /// Until contact is due.
    ContactDue,
    /// The days of the ground.
    GroundDays,
    /// Until the first content that is held without a decision is destroyed.
    ContentDays,
}

/// One mark of a clock.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkRule {
    /// Which.
    pub level: ClockLevel,
    /// After how much of the time, of a hundred.
    pub percent: u8,
    /// Who is told.
    pub to: Addressee,
    /// What the sender is told; absent: nothing.
    #[serde(default)]
    pub tells: Option<SenderStatus>,
}

/// Who is told of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Addressee {
    /// The function that owns the stage.
    Owner,
    /// Its deputy; the function itself, where it has none.
    Deputy,
}

/// Why a table of clocks is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClockError {
    /// Opening hours never open, or end before they begin.
    #[error("the office hours never open, or end before they begin")]
    Hours,
    /// Content would be kept for no time, or for less or more than may be.
    #[error("content days: each is at least one, and lies between the fewest and the most")]
    ContentDays,
    /// A clock names a ladder that is not there, or one that is empty.
    #[error("clock {0} names ladder {1}, which is not there or is empty")]
    Ladder(ClockName, String),
    /// Marks are out of order, or the last is not at the end.
    #[error("ladder {0}: marks rise in level and percent, and the last one is overdue at 100")]
    Marks(String),
    /// The sender would be told what is not its to know.
    #[error("clock {0} may tell the sender nothing: whether she was reached and what a board does are the recipient's")]
    Tells(ClockName),
    /// The sender would be told something else than that time has run out.
    #[error("ladder {0}: a sender is told overdue or telephone, at the last mark")]
    Status(String),
    /// A time is nothing.
    #[error("clock {0} lasts no time")]
    Lasts(ClockName),
    /// A clock counts from what its stages do not have.
    #[error("clock {0} is counted from what it does not have: from the receipt before it, or from content that it does not wait for")]
    Start(ClockName),
    /// A stage of a kind has no clock.
    #[error("{0} has no clock while it is {1}")]
    Unwatched(ReferralKind, &'static str),
}

impl ClockName {
    /// Whether a stage waits for it, and not some part of the referral only.
    fn is_of_a_stage(self) -> bool {
        match self {
            Self::Clear | Self::Open | Self::Decide | Self::Contact | Self::Board | Self::Feedback => true,
            Self::Leave | Self::Keep | Self::Supplement => false,
        }
    }

    /// Whether the sender may be told that its time ran out. Contact is a personal answer, and a board's clocks are its own.
    pub fn may_tell(self) -> bool {
        match self {
            Self::Clear | Self::Open | Self::Decide | Self::Leave | Self::Keep | Self::Supplement => true,
            Self::Contact | Self::Board | Self::Feedback => false,
        }
    }
}

impl ClockTable {
    /// Checks it.
    pub(crate) fn check(&self) -> Result<(), ClockError> {
        if !self.office_hours.is_sound() {
            return Err(ClockError::Hours);
        }
        if !self.content_days.held.is_sound() || !self.content_days.delivered.is_sound() {
            return Err(ClockError::ContentDays);
        }
        for (name, marks) in &self.ladders {
            check_ladder(name, marks)?;
        }
        for rule in &self.clocks {
            self.check_rule(rule)?;
        }
        for kind in ReferralKind::ALL {
            for (stage, name) in [(OpenStage::Held, "held"), (OpenStage::Ready, "ready"), (OpenStage::Opened, "opened")] {
                let watches = |rule: &ClockRule| {
                    let everybody = rule.urgencies.is_none() && rule.ground_deadline.is_none() && rule.clock.is_of_a_stage();
                    everybody && rule.stages.contains(&stage) && rule.kinds.as_ref().is_none_or(|kinds| kinds.contains(kind))
                };
                if !self.clocks.iter().any(watches) {
                    return Err(ClockError::Unwatched(*kind, name));
                }
            }
        }
        Ok(())
    }

    fn check_rule(&self, rule: &ClockRule) -> Result<(), ClockError> {
        let marks = self.ladder(rule);
        if marks.is_empty() {
            return Err(ClockError::Ladder(rule.clock, rule.ladder.clone()));
        }
        if !rule.clock.may_tell() && marks.iter().any(|mark| mark.tells.is_some()) {
            return Err(ClockError::Tells(rule.clock));
        }
        let lasts = match &rule.lasts {
            Period::Minutes(minutes) | Period::OfficeMinutes(minutes) => *minutes > 0,
            Period::Days(days) => days.iter().any(|days| *days > 0),
            Period::Share { percent, minutes_min } => (1..=100).contains(percent) && *minutes_min > 0,
            Period::ContactDue => rule.starts == Start::Report,
            Period::GroundDays => rule.ground_deadline == Some(DeadlineKind::WithinDays),
            Period::ContentDays => rule.clock == ClockName::Keep,
        };
        if !lasts {
            return Err(ClockError::Lasts(rule.clock));
        }
        // What counts from content begins anew with it, so nothing else may.
        let counted = match rule.clock {
            ClockName::Keep | ClockName::Supplement => rule.starts == Start::Content,
            ClockName::Leave | ClockName::Clear | ClockName::Open | ClockName::Decide | ClockName::Contact | ClockName::Board | ClockName::Feedback => {
                rule.starts != Start::Content
            }
        };
        let received = rule.starts != Start::Receipt || !rule.stages.contains(&OpenStage::Held);
        if counted && received { Ok(()) } else { Err(ClockError::Start(rule.clock)) }
    }

    /// The marks of a clock.
    pub fn ladder(&self, rule: &ClockRule) -> &[MarkRule] {
        self.ladders.get(&rule.ladder).map_or(&[], Vec::as_slice)
    }
}

fn check_ladder(name: &str, marks: &[MarkRule]) -> Result<(), ClockError> {
    let rise = marks.windows(2).all(|pair| matches!(pair, [one, other] if one.level < other.level && one.percent < other.percent));
    let ends = marks.last().is_some_and(|last| last.level == ClockLevel::Overdue && last.percent == 100);
    if !rise || !ends || marks.iter().any(|mark| mark.percent == 0) {
        return Err(ClockError::Marks(name.to_owned()));
    }
    let told = |mark: &&MarkRule| mark.tells.is_some_and(|status| mark.level != ClockLevel::Overdue || !is_alarm(status));
    if marks.iter().any(|mark| told(&mark)) { Err(ClockError::Status(name.to_owned())) } else { Ok(()) }
}

/// Whether a status says that time has run out, and nothing else.
pub fn is_alarm(status: SenderStatus) -> bool {
    status == SenderStatus::Overdue || status == SenderStatus::Telephone
}
