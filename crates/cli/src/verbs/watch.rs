//! What streams and long work have in common.

use brygga_client::Watch;
use brygga_client::watch::Watched;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;

use crate::args::Format;
use crate::desk::Desk;
use crate::failure::Failure;

/// Gives each entry of a stream to `each`, until so many have come.
pub async fn follow<W: Watched>(mut watch: Watch<W>, count: Option<u64>, mut each: impl FnMut(W::Entry) -> Result<(), Failure> + Send) -> Result<(), Failure> {
    let mut left = count;
    while left != Some(0) {
        let entry = watch.next().await.map_err(|error| Failure::client(&error))?;
        each(entry)?;
        left = left.map(|left| left.saturating_sub(1));
    }
    Ok(())
}

/// A progress bar for long work: only for people, and only where the process's own error stream is a terminal.
pub fn progress(desk: &Desk<'_>, length: usize, doing: &'static str) -> ProgressBar {
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    let wanted = length > 1 && desk.format() == Format::Table && std::io::stderr().is_terminal();
    let target = if wanted { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(length), target).with_message(doing);
    match ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
