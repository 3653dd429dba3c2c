//! Measures the broker as its users meet it: life cycles over mutual TLS, with every receipt verified by the client.
//!
//! A life cycle is three calls: submit, carrying a consent and the decisions; open, whose receipt proves both; accept. The
//! broker is the release binary in a process of its own and a folder of its own, on the disk that holds the temporary files.

mod broker;
mod figures;
mod growth;
mod idle;
mod life;
mod place;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use broker::Broker;
use figures::{Costs, Round, median};
use idle::Idle;
use life::{Load, Way};
use place::{Place, Store};

/// Commands in flight while a log is filled.
const FILL_IN_FLIGHT: usize = 256;
/// Life cycles in flight at each size of a log.
const GROWTH_IN_FLIGHT: usize = 256;

/// What to measure.
#[derive(Debug, Args)]
pub struct Bench {
    /// Life cycles in flight; several are measured one after the other, each in a world of its own.
    #[arg(long, value_delimiter = ',', default_value = "1,64,256")]
    in_flight: Vec<usize>,
    /// How long each round lasts.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Rounds; the table shows the median of each figure.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Connections for each of the two agencies; never more than are in flight.
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Where the broker keeps its log.
    #[arg(long, value_enum, default_value = "sqlite")]
    store: Store,
    /// Life cycles a second that are due whatever the broker does; each is timed from when it was due. In place of so many in flight.
    #[arg(long)]
    rate: Option<u32>,
    /// Inbox streams that stay open beside the load and have nothing to tell.
    #[arg(long, default_value_t = 0)]
    idle_streams: usize,
    /// Send commands over streams, one for each connection, instead of a call for each.
    #[arg(long)]
    streamed: bool,
    /// Where to write the figures as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// A broker that is built already. Nothing is built then, and the client is measured as this program was built.
    #[arg(long)]
    broker: Option<PathBuf>,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Time from the start of the process to ready, on a database of many referrals, which clients submit beforehand.
    Start {
        /// How many referrals.
        #[arg(long, default_value_t = 100_000)]
        referrals: u64,
    },
    /// Submissions alone, as fast as they are taken.
    Bulk {
        /// How many.
        #[arg(long, default_value_t = 20_000)]
        referrals: u64,
    },
    /// What a long log costs: life cycles, proofs, inbox and start at several sizes of it. Each life cycle is closed.
    Growth {
        /// Sizes of the log, in events, ascending; it is filled to each.
        #[arg(long, value_delimiter = ',', default_value = "0,1000000,10000000")]
        events: Vec<u64>,
    },
}

impl Way {
    fn of(bench: &Bench) -> Self {
        if bench.streamed { Self::Streams } else { Self::Calls }
    }
}

/// Runs the measurement, in a release build of this program.
pub fn run(root: &Path, bench: &Bench) -> anyhow::Result<()> {
    let binary = match &bench.broker {
        Some(binary) => binary.clone(),
        // The client is measured with the broker, so it must be built as an agency would build it.
        None if cfg!(debug_assertions) => return again_in_release(root),
        None => build(root)?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let figures = match &bench.what {
        None => runtime.block_on(life_cycles(&binary, bench)),
        Some(What::Start { referrals }) => runtime.block_on(start(&binary, bench, *referrals)),
        Some(What::Bulk { referrals }) => runtime.block_on(bulk(&binary, bench, *referrals)),
        Some(What::Growth { events }) => runtime.block_on(growth::growth(&binary, bench, events, GROWTH_IN_FLIGHT)),
    }?;
    if let Some(path) = &bench.json {
        std::fs::write(path, serde_json::to_string_pretty(&figures)?).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn again_in_release(root: &Path) -> anyhow::Result<()> {
    let status = cargo(root, &["run", "--quiet", "--release", "-p", "xtask", "--"]).args(std::env::args_os().skip(1)).status()?;
    if status.success() { Ok(()) } else { bail!("the release build of the benchmark failed") }
}

fn build(root: &Path) -> anyhow::Result<PathBuf> {
    let status = cargo(root, &["build", "--quiet", "--release", "-p", "brygga-server", "--bin", "bryggad"]).status()?;
    if !status.success() {
        bail!("bryggad does not build");
    }
    Ok(std::env::current_exe()?.parent().context("a program without a folder")?.join("bryggad"))
}

fn cargo(root: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).args(args);
    command
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

async fn life_cycles(binary: &Path, bench: &Bench) -> anyhow::Result<Vec<serde_json::Value>> {
    let way = match Way::of(bench) {
        Way::Calls => "a call for each command",
        Way::Streams => "commands over streams",
    };
    say(&format!("{}, {way}", bench.store.name()))?;
    say(figures::HEADING)?;
    let mut all = Vec::new();
    for in_flight in bench.in_flight.iter().copied() {
        let mut rounds = Vec::new();
        for _ in 0..bench.rounds.max(1) {
            rounds.push(round(binary, bench, in_flight).await?);
        }
        let row = median(&rounds).context("no round was measured")?;
        say(&row.line())?;
        let setting = (bench.store.name(), bench.streamed, bench.rate, bench.idle_streams);
        all.push(serde_json::json!({ "store, streamed, rate, idle streams": setting, "median": row, "rounds": rounds }));
    }
    Ok(all)
}

async fn round(binary: &Path, bench: &Bench, in_flight: usize) -> anyhow::Result<Round> {
    let folder = tempfile::tempdir()?;
    let place = Place::make(bench.store).await?;
    let broker = Broker::start(binary, folder.path(), &format!("{}{}", idle::limits(bench.idle_streams), place.config())).await?;
    let idle_kib = broker.resident_kib()?;
    let mut idle = Idle::open(&broker, bench.idle_streams).await?;
    let load = Load::connect(&broker, bench.connections.min(in_flight), Way::of(bench))?;
    load.warm_up().await?;
    let (before, lasts) = (costs(&broker, &place)?, Duration::from_secs(bench.seconds));
    let measured = match bench.rate {
        Some(rate) => load.run_at(rate, lasts).await?,
        None => load.run(in_flight, lasts).await?,
    };
    let used = (before, costs(&broker, &place)?);
    let round = Round::new(in_flight, measured, used, (idle_kib, broker.resident_kib()?), figures::mib(place.disk_bytes(&broker)? / 1024)?)?;
    anyhow::ensure!(idle.count() == bench.idle_streams, "{} of {} idle streams have ended", bench.idle_streams - idle.count(), bench.idle_streams);
    drop(idle);
    broker.stop().await?;
    Ok(round)
}

/// What broker and database have used so far.
fn costs(broker: &Broker, place: &Place) -> anyhow::Result<Costs> {
    Ok(Costs { broker_seconds: broker.cpu_seconds()?, database: place.used()? })
}

async fn bulk(binary: &Path, bench: &Bench, referrals: u64) -> anyhow::Result<Vec<serde_json::Value>> {
    say(&format!("{}, {referrals} submissions alone, over streams: each is a life cycle of its own", bench.store.name()))?;
    say(figures::HEADING)?;
    let mut rounds = Vec::new();
    for _ in 0..bench.rounds.max(1) {
        let (folder, place) = (tempfile::tempdir()?, Place::make(bench.store).await?);
        let broker = Broker::start(binary, folder.path(), &place.config()).await?;
        let idle_kib = broker.resident_kib()?;
        let load = Load::connect(&broker, bench.connections, Way::Streams)?;
        load.warm_up().await?;
        let before = costs(&broker, &place)?;
        let measured = load.fill(FILL_IN_FLIGHT, referrals, false).await?;
        let (used, disk) = ((before, costs(&broker, &place)?), figures::mib(place.disk_bytes(&broker)? / 1024)?);
        rounds.push(Round::new(FILL_IN_FLIGHT, measured, used, (idle_kib, broker.resident_kib()?), disk)?);
        drop(load);
        broker.stop().await?;
    }
    let row = median(&rounds).context("no round was measured")?;
    say(&row.line())?;
    Ok(vec![serde_json::json!({ "store": bench.store.name(), "bulk": referrals, "median": row, "rounds": rounds })])
}

async fn start(binary: &Path, bench: &Bench, referrals: u64) -> anyhow::Result<Vec<serde_json::Value>> {
    let (folder, place) = (tempfile::tempdir()?, Place::make(bench.store).await?);
    let broker = Broker::start(binary, folder.path(), &place.config()).await?;
    let load = Load::connect(&broker, bench.connections, Way::of(bench))?;
    let began = tokio::time::Instant::now();
    load.fill(FILL_IN_FLIGHT, referrals, false).await?;
    say(&format!("{referrals} referrals submitted through clients in {:.1} s", began.elapsed().as_secs_f64()))?;
    drop(load);
    broker.stop().await?;
    let mut all = Vec::new();
    for _ in 0..bench.rounds.max(1) {
        let broker = Broker::start(binary, folder.path(), &place.config()).await?;
        all.push(serde_json::json!({ "store": bench.store.name(), "referrals": referrals, "ready_seconds": broker.took().as_secs_f64() }));
        say(&format!(
            "start to ready {:.3} s on {referrals} referrals, resident {:.1} MiB",
            broker.took().as_secs_f64(),
            figures::mib(broker.resident_kib()?)?
        ))?;
        broker.stop().await?;
    }
    Ok(all)
}
