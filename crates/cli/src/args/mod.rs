//! The command line: noun, then verb; the same verb means the same everywhere.

mod inbox;
mod log;
mod referral;
mod register;

use std::path::PathBuf;

use brygga_domain::Code;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use uuid::Uuid;

pub use inbox::{ContactArgs, InboxCommand};
pub use log::{LogCommand, Purpose};
pub use referral::{ClearanceCommand, ConsentCommand, EmergencyArgs, OfferCommand, ReferralCommand, RouteArgs};
pub use register::RegisterCommand;

const EXIT_CODES: &str = "\
Exit codes: 0 ok, 1 unexpected, 2 usage or not valid, 4 not allowed, 5 not found, 6 taken or changed meanwhile,
7 blocked (consent, clearance or an earlier step missing), 8 unavailable and safe to run again,
20 verification FAILED, 21 INCONCLUSIVE, 30 doctor found failures, 130 interrupted.";

/// Referrals about victims of violence between police, prosecution and social services: nothing passes uncleared.
#[derive(Debug, Parser)]
#[command(name = "brygga", version, after_help = EXIT_CODES, arg_required_else_help = true, max_term_width = 120)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Default, Args)]
pub struct Common {
    /// The agency to act as, in a development world
    #[arg(long = "as", global = true, value_name = "AGENCY", help_heading = "Who acts")]
    pub agency: Option<String>,
    /// The client's settings; instead of --as
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "agency", help_heading = "Who acts")]
    pub config: Option<PathBuf>,
    /// The folder of the development world [default: .brygga-dev]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Who acts")]
    pub world: Option<PathBuf>,
    /// The officer who acts, by the agency's own name for the person
    #[arg(long, global = true, value_name = "ID", help_heading = "Who acts")]
    pub officer: Option<String>,
    /// How answers look; json and ndjson only ever gain fields
    #[arg(short, long, global = true, value_enum, default_value_t, value_name = "FORMAT", help_heading = "How")]
    pub output: Format,
    /// The key of this write, a UUID: give it again to repeat a write
    #[arg(long, global = true, value_name = "UUID", value_parser = crate::desk::request_id, help_heading = "How")]
    pub request_id: Option<Uuid>,
    /// The moment from which relative times (-2h, +90d) count, RFC 3339 [default: now]
    #[arg(long, global = true, value_name = "TIME", value_parser = now, help_heading = "How")]
    pub now: Option<Timestamp>,
    /// Check a write here, and send nothing
    #[arg(long, global = true, help_heading = "How")]
    pub dry_run: bool,
    /// Keep writes in this folder until they are delivered
    #[arg(long, global = true, value_name = "DIR", help_heading = "How")]
    pub outbox: Option<PathBuf>,
    /// Never ask anything; every command runs without asking today, so scripts may set it now
    #[arg(long, global = true, help_heading = "How")]
    pub no_input: bool,
}

/// How answers look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned text for people
    #[default]
    Table,
    /// One JSON document
    Json,
    /// One JSON object on each line
    Ndjson,
    /// Lists as comma-separated values
    Csv,
}

/// The nouns.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check settings, connection, broker and pin; each failure with what to do about it
    Doctor,
    /// Say who this client is, and what it trusts
    Whoami,
    /// Explain a code: what it means, and what would make the command pass
    Explain {
        /// The code, for example CONSENT_MISSING; without one, all are listed
        code: Option<String>,
        /// The language
        #[arg(long, value_enum, default_value_t)]
        lang: Lang,
    },
    /// Offers of support
    #[command(subcommand)]
    Offer(OfferCommand),
    /// Referrals, as their sender
    #[command(subcommand)]
    Referral(ReferralCommand),
    /// Consents
    #[command(subcommand)]
    Consent(ConsentCommand),
    /// Clearance: the sending agency's own review of secrecy
    #[command(subcommand)]
    Clearance(ClearanceCommand),
    /// The inbox of a function
    #[command(subcommand)]
    Inbox(InboxCommand),
    /// The agency's own register of what it sent and received
    #[command(subcommand)]
    Register(RegisterCommand),
    /// The disclosure log
    #[command(subcommand)]
    Log(LogCommand),
    /// Print a completion script for a shell
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// A language of explanations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// English
    #[default]
    En,
    /// Swedish
    Sv,
}

/// The command line as data, for completion, documents and tests.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Reads a code of a closed list.
pub(crate) fn code<C: Code>(text: &str) -> Result<C, String> {
    let known = || C::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>().join(", ");
    C::from_text(&text.replace('-', "_").to_lowercase()).ok_or_else(|| format!("must be one of {}", known()))
}

fn now(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| String::from("must be a time as in RFC 3339"))
}

/// Reads a cell, `SECTION:INTEREST`.
pub(crate) fn cell(text: &str) -> Result<brygga_wire::v1::Cell, String> {
    let shape = || String::from("must be SECTION:INTEREST, for example 1:victim-1 or 4:investigation");
    let (section, interest) = text.split_once(':').ok_or_else(shape)?;
    let section = section.parse().ok().filter(|section| *section > 0).ok_or_else(shape)?;
    if interest.is_empty() { Err(shape()) } else { Ok(brygga_wire::v1::Cell { section, interest: interest.to_owned() }) }
}
