//! The verbs of a recipient.

use std::path::PathBuf;

use brygga_domain::{Category, ClosingOutcome, DeclineReason, ReturnReason, SafeChannel, StopUseAnswer, SupportKind, SupportPhase};
use clap::{ArgGroup, Args, Subcommand};

use super::code;

/// The referral that a verb is about.
#[derive(Debug, Clone, Args)]
pub struct WithinReferral {
    /// The referral, by reference or id
    pub referral: String,
}

/// Verbs of an inbox.
#[derive(Debug, Subcommand)]
pub enum InboxCommand {
    /// List the envelopes of a function: no personal data
    List {
        /// The function [default: the agency's only one]
        #[arg(long, value_name = "FUNCTION")]
        function: Option<String>,
        /// Those that are ended too
        #[arg(long)]
        all: bool,
        /// At most so many
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: u32,
    },
    /// Follow what comes into an inbox
    Watch {
        /// The function [default: the agency's only one]
        #[arg(long, value_name = "FUNCTION")]
        function: Option<String>,
        /// Only what came after this position of the log; 0: all open items first
        #[arg(long, default_value_t = 0, value_name = "POSITION")]
        after: u64,
        /// End after so many
        #[arg(long, value_name = "N")]
        count: Option<u64>,
    },
    /// Take a referral on, as the officer who acts
    Claim {
        /// Which
        #[command(flatten)]
        of: WithinReferral,
        /// Take it over from another officer
        #[arg(long)]
        takeover: bool,
    },
    /// See only the sections that say whom a referral is about, for the check of conflicts of interest; you may still decline it afterwards
    Reveal {
        /// Which
        #[command(flatten)]
        of: WithinReferral,
    },
    /// Open a referral: the gate is asked again, the release logged, its receipt verified, and only then the content shown
    Open {
        /// Which
        #[command(flatten)]
        of: WithinReferral,
        /// Write the copy for the case file: the whole as JSON to this new file, and beside it as PDF/A; only their owner can read them
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Once both files are on the disk, confirm the import: the broker destroys that content for good
        #[arg(long, requires = "out")]
        confirm_import: bool,
        /// Show the safe contact and the receipt only
        #[arg(long)]
        brief: bool,
    },
    /// Confirm that the content of a release arrived
    Delivered {
        /// Which
        #[command(flatten)]
        of: WithinReferral,
        /// Position of the release in the log
        #[arg(long, value_name = "POSITION")]
        release: u64,
    },
    /// Confirm that your own system has imported what a release delivered: the broker destroys that content for good
    Import {
        /// Which
        #[command(flatten)]
        of: WithinReferral,
        /// Position of the release in the log
        #[arg(long, value_name = "POSITION")]
        release: u64,
    },
    /// Accept a referral
    Accept {
        /// Which
        #[command(flatten)]
        of: WithinReferral,
    },
    /// Decline a referral, best from its envelope
    Decline {
        /// Which
        #[command(flatten)]
        of: WithinReferral,
        /// Why; never an answer about the person
        #[arg(long, value_parser = code::<DeclineReason>, value_name = "no_capacity|outside_target_group|conflict_of_interest|under_18|duplicate|clearance_disputed")]
        reason: DeclineReason,
        /// For a duplicate: the earlier referral of the same sender
        #[arg(long, value_name = "REFERRAL")]
        duplicate_of: Option<String>,
    },
    /// Return a referral to its sender
    Return {
        /// Which
        #[command(flatten)]
        of: WithinReferral,
        /// Why
        #[arg(long, value_parser = code::<ReturnReason>, value_name = "wrong_function|incomplete|wrong_board")]
        reason: ReturnReason,
        /// A category that is missing
        #[arg(long, value_parser = code::<Category>, value_name = "CATEGORY")]
        missing: Vec<Category>,
        /// For a child concern that came to the wrong board: the function that is right, for the sender to telephone
        #[arg(long, value_name = "FUNCTION")]
        right_function: Option<String>,
    },
    /// Record contact with the victim; reaching her stops the clock
    Contact(ContactArgs),
    /// Close a referral in coded answers; the sender learns that it is closed, no more
    Close {
        /// Which
        #[command(flatten)]
        of: WithinReferral,
        /// The outcome
        #[arg(long, value_parser = code::<ClosingOutcome>, value_name = "OUTCOME")]
        outcome: ClosingOutcome,
        /// A phase in which support was given
        #[arg(long = "phase", value_parser = code::<SupportPhase>, value_name = "PHASE")]
        phases: Vec<SupportPhase>,
        /// A kind of support that was given
        #[arg(long, value_parser = code::<SupportKind>, value_name = "KIND")]
        support: Vec<SupportKind>,
    },
    /// Answer a stop-use notice; the sender sees that it is confirmed, no more
    StopUse {
        /// Which
        #[command(flatten)]
        of: WithinReferral,
        /// Position of the notice in the log
        #[arg(long, value_name = "POSITION")]
        notice: u64,
        /// The answer
        #[arg(long, value_parser = code::<StopUseAnswer>, value_name = "not_yet_used|stopped|continues_on_own_provision")]
        answer: StopUseAnswer,
    },
    /// Confirm a recall
    Recall {
        /// Which
        #[command(flatten)]
        of: WithinReferral,
    },
}

/// How contact went.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line; the group lets one outcome through")]
#[command(group = ArgGroup::new("outcome").required(true).args(["reached", "attempted", "declined", "unsafe_to_reach"]))]
pub struct ContactArgs {
    /// Which
    #[command(flatten)]
    pub of: WithinReferral,
    /// She was reached; the channel is then to be said
    #[arg(long, requires = "safe_channel")]
    pub reached: bool,
    /// It was tried, and she was not reached
    #[arg(long)]
    pub attempted: bool,
    /// She was reached and declines: ends the clock, and is never told to the sender
    #[arg(long)]
    pub declined: bool,
    /// She cannot be reached safely: ends the clock, and is never told to the sender
    #[arg(long)]
    pub unsafe_to_reach: bool,
    /// The safe channel that was used
    #[arg(long, value_parser = code::<SafeChannel>, num_args = 0..=1, require_equals = true, default_missing_value = "telephone",
          value_name = "telephone|text_message|email|meeting|third_person")]
    pub safe_channel: Option<SafeChannel>,
    /// An interpreter took part
    #[arg(long)]
    pub interpreter: bool,
    /// When, RFC 3339 or counted from now (-30m) [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub at: Option<String>,
    /// When it is tried next, RFC 3339 or counted from now (+4h)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub next_try: Option<String>,
}
