//! `bryggad`: the broker, and what its operator needs.
//!
//! This file reads the command line and hands over; `app` puts the broker together, `dev` has the made-up worlds.

use std::process::ExitCode;

use brygga_server::commands;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(commands::run())
}
