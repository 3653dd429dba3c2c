//! `brygga`: the command line of agencies, officers and auditors.
//!
//! A thin hand on the client crate: a command becomes one request, its verified answer a line or two of plain text or JSON. It
//! must never print what was not verified, never take a personal number as an argument, and never print one unmasked. The binary
//! calls [`run`] with the process's own streams; the tour of the broker runs the same commands in process through it.

mod args;
mod case_file;
mod desk;
mod failure;
mod local;
pub mod message;
mod remedy;
mod render;
mod settings;
mod template;
mod verbs;
mod words;

use std::io::Write;

use clap::Parser;

pub use args::{Cli, command};
pub use settings::ClientFile;

use desk::Desk;
use failure::Failure;

/// Exit code of a wrong command line or setting.
pub const EXIT_USAGE: u8 = 2;
/// Exit code of a check of the log that could not be finished.
pub const EXIT_INCONCLUSIVE: u8 = 21;
/// Exit code of `doctor` when it found something.
pub const EXIT_DOCTOR: u8 = 30;
/// Exit code after an interrupt.
pub const EXIT_INTERRUPTED: u8 = 130;

/// Runs one command and gives its exit code. Data goes to `out`, everything else to `err`.
///
/// `args` is what a shell would give, the program's name first. Relative times in files count from the system's clock, unless
/// `--now` names another moment.
pub async fn run(args: Vec<String>, out: &mut (dyn Write + Send), err: &mut (dyn Write + Send)) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return explain_usage(&error, out, err),
    };
    let now = cli.common.now.unwrap_or_else(jiff::Timestamp::now);
    let mut desk = Desk { out, err, common: cli.common, now };
    match Box::pin(verbs::run(&mut desk, cli.command)).await {
        Ok(()) => 0,
        Err(failure) => failure.tell(&mut desk),
    }
}

/// Help and version are answers; everything else that the parser says is a fault of the command line.
fn explain_usage(error: &clap::Error, out: &mut (dyn Write + Send), err: &mut (dyn Write + Send)) -> u8 {
    let text = error.render().to_string();
    let is_fault = error.use_stderr();
    let written = if is_fault { err.write_all(text.as_bytes()).and_then(|()| err.flush()) } else { out.write_all(text.as_bytes()).and_then(|()| out.flush()) };
    match written {
        Ok(()) if is_fault => EXIT_USAGE,
        Ok(()) => 0,
        Err(_) => Failure::closed().exit(),
    }
}

#[cfg(test)]
mod examples_tests;
#[cfg(test)]
mod tests;
