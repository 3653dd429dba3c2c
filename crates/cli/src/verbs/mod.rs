//! One function for each command: it makes the request, sends it, and says what came of it.

mod batch;
mod clearance;
mod consent;
mod doctor;
mod emergency;
mod explain;
mod inbox;
mod log;
mod log_verify;
mod open;
mod referral;
mod register;
mod route;
mod submit;
mod watch;

use crate::args::Command;
use crate::desk::Desk;
use crate::failure::Failure;

/// Runs a command.
pub async fn run(desk: &mut Desk<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::Doctor => Box::pin(doctor::doctor(desk)).await,
        Command::Whoami => Box::pin(doctor::whoami(desk)).await,
        Command::Explain { code, lang } => explain::explain(desk, code.as_deref(), lang),
        Command::Offer(verb) => Box::pin(submit::offer(desk, verb)).await,
        Command::Referral(verb) => Box::pin(referral::run(desk, verb)).await,
        Command::Consent(verb) => Box::pin(consent::run(desk, verb)).await,
        Command::Clearance(verb) => Box::pin(clearance::run(desk, verb)).await,
        Command::Inbox(verb) => Box::pin(inbox::run(desk, verb)).await,
        Command::Register(verb) => Box::pin(register::run(desk, verb)).await,
        Command::Log(verb) => Box::pin(log::run(desk, verb)).await,
        Command::Completion { shell } => completion(desk, shell),
    }
}

fn completion(desk: &mut Desk<'_>, shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut crate::args::command(), "brygga", &mut script);
    desk.out.write_all(&script).map_err(|_| Failure::closed())
}
