//! A month of made-up reports, pushed through the client into a broker that runs in a world.
//!
//! Which report becomes what follows from the seed alone, and so do the ids of all writes: a second run finds what the first one
//! sent and adds nothing. `bryggad dev seed` calls it; it must never be pointed at anything but a development world.

mod cast;
mod chance;
mod letter;
mod others;
mod paper;
mod people;
mod plan;
mod play;
mod summary;

use std::io::{IsTerminal as _, Write};
use std::path::Path;

use anyhow::{Context as _, bail};
use brygga_domain::Time;
use brygga_engine::{Clock as _, SystemClock};
use futures_util::{StreamExt as _, TryStreamExt as _};

use cast::Cast;
pub use summary::Summary;

use super::world::DEV_ORIGIN;

/// Reports of an ordinary month.
pub const REPORTS_PER_MONTH: usize = 150;
/// Most reports of one run.
pub const REPORTS_MAX: usize = 10_000;
/// Reports that are played at the same time.
const REPORTS_IN_FLIGHT: usize = 8;

/// What to seed.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How many reports.
    pub reports: usize,
    /// What everything follows from.
    pub seed: u64,
}

/// Seeds the world in a folder, whose broker must be running.
pub async fn run(world: &Path, options: Options) -> anyhow::Result<Summary> {
    if options.reports == 0 || options.reports > REPORTS_MAX {
        bail!("between 1 and {REPORTS_MAX} reports can be seeded");
    }
    let cast = Cast::assemble(world, options.seed).await?;
    if cast.client(cast::POLICE)?.log_key().name() != DEV_ORIGIN {
        bail!("the log is not a development world's; made-up reports must never enter a real one");
    }
    let anchor = anchor(world, options.seed)?;
    let cases: Vec<plan::Case> = (0..options.reports).map(|number| plan::case(options.seed, number)).collect();
    let plays = cases.iter().cloned().map(|case| Box::pin(play::report(&cast, options.seed, anchor, case)));
    let mut playing = futures_util::stream::iter(plays).buffer_unordered(REPORTS_IN_FLIGHT);
    let mut done = 0;
    while playing.try_next().await?.is_some() {
        done += 1;
        progress(done, options.reports);
    }
    drop(playing);
    summary::read(&cast, options, &cases).await
}

/// The moment that the month ends at: when this seed was first sent into this world, so that a rerun says the same times.
fn anchor(world: &Path, seed: u64) -> anyhow::Result<Time> {
    let path = world.join(format!("seed-{seed}.anchor"));
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let micros = text.trim().parse().with_context(|| format!("{} holds no time", path.display()))?;
            Ok(Time::from_micros(micros))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let now = SystemClock.now();
            std::fs::write(&path, format!("{}\n", now.micros())).with_context(|| path.display().to_string())?;
            Ok(now)
        }
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// One line that grows on a terminal, and nothing elsewhere.
fn progress(done: usize, of: usize) {
    let mut err = std::io::stderr();
    if err.is_terminal() {
        let end = if done == of { "\n" } else { "" };
        // Progress is a courtesy; a closed terminal does not end the seed.
        drop(write!(err, "\rreport {done} of {of}{end}").and_then(|()| err.flush()));
    }
}
