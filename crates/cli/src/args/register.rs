//! The verbs of an agency's own register.

use clap::Subcommand;
use jiff::civil::Date;

/// Verbs of the register.
#[derive(Debug, Subcommand)]
pub enum RegisterCommand {
    /// Export what the agency sent and received, a line each (OSL 5:1-2): csv or ndjson with --output
    Export {
        /// From this day on, in local time [default: the first]
        #[arg(long, value_name = "DATE")]
        from: Option<Date>,
        /// Up to and with this day [default: today]
        #[arg(long, value_name = "DATE")]
        to: Option<Date>,
        /// Only this function's inbox beside what was sent; may be given several times [default: every function of the settings]
        #[arg(long = "function", value_name = "FUNCTION")]
        functions: Vec<String>,
        /// Leave out counterpart, subject and thread, so that the rest can be shown to anybody (OSL 5:2)
        #[arg(long)]
        public: bool,
    },
}
