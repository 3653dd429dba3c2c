//! The verbs of the disclosure log.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Why an auditor asks: kept, and committed to in the log.
#[derive(Debug, Clone, Args)]
pub struct Purpose {
    /// Why the log is read
    #[arg(long, value_name = "TEXT")]
    pub purpose: String,
    /// The auditor's case number
    #[arg(long, value_name = "NUMBER")]
    pub case: String,
}

/// Verbs of the log.
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Show the latest signed head, verified against the pin
    Info,
    /// Search entries; the question is itself an entry
    Search {
        /// Why
        #[command(flatten)]
        why: Purpose,
        /// Of this referral, by id
        #[arg(long, value_name = "ID")]
        referral: Option<String>,
        /// Caused by this agency
        #[arg(long = "agency", value_name = "AGENCY")]
        caused_by: Option<String>,
        /// Of this kind, for example SectionsReleased
        #[arg(long = "kind", value_name = "KIND")]
        kinds: Vec<String>,
        /// From this position
        #[arg(long, default_value_t = 0, value_name = "POSITION")]
        from: u64,
        /// Before this position
        #[arg(long, default_value_t = 0, value_name = "POSITION", hide_default_value = true)]
        to: u64,
        /// Not earlier, RFC 3339 or counted from now (-30d)
        #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
        since: Option<String>,
        /// Earlier than, RFC 3339 or counted from now
        #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
        until: Option<String>,
        /// At most so many on one page
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: u32,
        /// Go on where the page before ended
        #[arg(long, default_value = "", value_name = "TOKEN")]
        page: String,
    },
    /// Show one entry, its inclusion verified; the question is itself an entry
    Show {
        /// Its position
        position: u64,
        /// Why
        #[command(flatten)]
        why: Purpose,
    },
    /// Verify: the pin against the latest head, the whole live log, or an exported bundle
    Verify {
        /// Read every entry from the broker and replay the rules over the whole log
        #[arg(long, conflicts_with = "bundle")]
        live: bool,
        /// An exported bundle, verified here without a network
        #[arg(value_name = "BUNDLE")]
        bundle: Option<PathBuf>,
    },
    /// Prove that the log of one size is the beginning of the log of another
    Consistency {
        /// The smaller size
        from: u64,
        /// The larger size
        to: u64,
    },
    /// Write the whole log into a bundle that brygga-verify reads
    Export {
        /// The new file
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Follow the entries of the log
    Tail {
        /// From this position
        #[arg(long, default_value_t = 0, value_name = "POSITION")]
        from: u64,
        /// End after so many
        #[arg(long, value_name = "N")]
        count: Option<u64>,
    },
    /// Show the pin: the latest head that this agency has verified
    Pin,
}
