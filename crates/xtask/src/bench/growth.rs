//! What a long log costs: the same life cycles and questions at several sizes of it.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use brygga_client::{Client, v1};
use brygga_domain::FunctionId;
use serde::Serialize;
use tokio::time::Instant;

use super::broker::Broker;
use super::figures::{Round, mib, percentile_ms};
use super::life::{BOARD, Load, RVC, Way};
use super::place::Place;
use super::{Bench, costs, say};

const SUPERVISOR: &str = "imy";
/// Life cycles in flight while the log is filled, and between two looks at how far it has come.
const FILL_IN_FLIGHT: usize = 512;
const FILL_CHUNK: u64 = 20_000;
/// How often each question is asked.
const QUESTIONS: usize = 200;
/// How often an inbox stream is opened from the beginning.
const STREAMS: usize = 20;

const HEADING: &str = "    events   life cycles/s   life p50 / p99 ms   broker + database CPU µs   proof p50 / p99 ms   inbox p50 / p99 ms   \
                       stream p50 ms   ready s   resident broker + database MiB   disk MiB";

/// The figures of one size.
#[derive(Debug, Serialize)]
struct Row {
    events: u64,
    round: Round,
    proof_p50_ms: f64,
    proof_p99_ms: f64,
    inbox_p50_ms: f64,
    inbox_p99_ms: f64,
    stream_p50_ms: f64,
    ready_seconds: f64,
}

impl Row {
    fn line(&self) -> String {
        let round = &self.round;
        format!(
            "{:>10}   {:>13.0}   {:>8.2} / {:>6.2}   {:>12.0} + {:>9.0}   {:>9.2} / {:>6.2}   {:>9.2} / {:>6.2}   {:>13.2}   {:>7.3}   {:>15.0} + {:>12.0}   {:>8.0}",
            self.events,
            round.per_second,
            round.life_p50_ms,
            round.life_p99_ms,
            round.cpu_us,
            round.database_cpu_us,
            self.proof_p50_ms,
            self.proof_p99_ms,
            self.inbox_p50_ms,
            self.inbox_p99_ms,
            self.stream_p50_ms,
            self.ready_seconds,
            round.after_mib,
            round.database_mib,
            round.disk_mib
        )
    }
}

/// Fills a log to each of the sizes and measures there. Every life cycle is closed, so that what waits stays short.
pub async fn growth(binary: &Path, bench: &Bench, events: &[u64], in_flight: usize) -> anyhow::Result<Vec<serde_json::Value>> {
    let folder = tempfile::tempdir()?;
    let place = Place::make(bench.store).await?;
    let mut broker = Broker::start(binary, folder.path(), &place.config()).await?;
    let mut rows = Vec::new();
    for target in events.iter().copied() {
        fill(&broker, bench, target).await?;
        // A start of its own: what the system and the broker still hold of the filling is not what is asked about.
        broker.stop().await?;
        broker = Broker::start(binary, folder.path(), &place.config()).await?;
        rows.push(at_size(&broker, &place, bench, in_flight).await?);
    }
    broker.stop().await?;
    say(HEADING)?;
    rows.iter().try_for_each(|row| say(&row.line()))?;
    rows.iter().map(|row| Ok(serde_json::to_value(row)?)).collect()
}

async fn fill(broker: &Broker, bench: &Bench, target: u64) -> anyhow::Result<()> {
    let load = Load::connect(broker, bench.connections, Way::Streams)?.closing();
    let witness = client(broker, SUPERVISOR, &[])?;
    let (began, first) = (Instant::now(), witness.checkpoint().await?.size);
    let mut size = first;
    while size < target {
        let chunk = Instant::now();
        let lives = FILL_CHUNK.min((target - size).div_ceil(load.events_of_a_life()));
        load.fill(FILL_IN_FLIGHT, lives, true).await?;
        size = witness.checkpoint().await?.size;
        let per_second = f64::from(u32::try_from(lives)?) / chunk.elapsed().as_secs_f64();
        say(&format!("{size} of {target} events, {per_second:.0} life cycles/s, {} s to go", left(began.elapsed(), (first, size, target)).as_secs()))?;
    }
    Ok(())
}

/// How long the rest takes if it goes on as it went.
fn left(took: Duration, (first, size, target): (u64, u64, u64)) -> Duration {
    let done = u32::try_from(size.saturating_sub(first)).unwrap_or(u32::MAX).max(1);
    let rest = u32::try_from(target.saturating_sub(size)).unwrap_or(u32::MAX);
    took.mul_f64(f64::from(rest) / f64::from(done))
}

async fn at_size(broker: &Broker, place: &Place, bench: &Bench, in_flight: usize) -> anyhow::Result<Row> {
    let ready_seconds = broker.took().as_secs_f64();
    let (supervisor, board) = (client(broker, SUPERVISOR, &[])?, client(broker, BOARD, &[RVC])?);
    let events = supervisor.checkpoint().await?.size;
    let (proofs, lists, streams) = (proofs(&supervisor, events).await?, lists(&board).await?, streams(&board).await?);
    let load = Load::connect(broker, bench.connections, Way::Streams)?.closing();
    load.warm_up().await?;
    let (before, idle) = (costs(broker, place)?, broker.resident_kib()?);
    let measured = load.run(in_flight, Duration::from_secs(bench.seconds)).await?;
    let round = Round::new(in_flight, measured, (before, costs(broker, place)?), (idle, broker.resident_kib()?), mib(place.disk_bytes(broker)? / 1024)?)?;
    Ok(Row {
        events,
        round,
        proof_p50_ms: percentile_ms(&proofs, 50)?,
        proof_p99_ms: percentile_ms(&proofs, 99)?,
        inbox_p50_ms: percentile_ms(&lists, 50)?,
        inbox_p99_ms: percentile_ms(&lists, 99)?,
        stream_p50_ms: percentile_ms(&streams, 50)?,
        ready_seconds,
    })
}

fn client(broker: &Broker, agency: &str, functions: &[&str]) -> anyhow::Result<Client> {
    Ok(Client::connect(&broker.config(agency, functions, usize::MAX)?)?.as_officer("growth"))
}

/// Proofs of positions all over the log, sorted.
async fn proofs(supervisor: &Client, events: u64) -> anyhow::Result<Vec<Duration>> {
    // The golden ratio's multiples spread evenly however long the log is.
    let spread = |number: u64| number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % events.max(1);
    let mut took = Vec::with_capacity(QUESTIONS);
    for position in (0..).map(spread).take(QUESTIONS) {
        let began = Instant::now();
        supervisor.get_inclusion_proof(v1::GetInclusionProofRequest { position, tree_size: events }).await?;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    Ok(took)
}

/// What waits for a function, sorted by how long the answer took.
async fn lists(board: &Client) -> anyhow::Result<Vec<Duration>> {
    let mut took = Vec::with_capacity(QUESTIONS);
    for _ in 0..QUESTIONS {
        let began = Instant::now();
        board.list_inbox(v1::ListInboxRequest { function: RVC.to_owned(), ..Default::default() }).await?;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    Ok(took)
}

/// From the opening of a stream by a client that has nothing until it has caught up, sorted.
async fn streams(board: &Client) -> anyhow::Result<Vec<Duration>> {
    let function: FunctionId = RVC.parse().ok().context("no name of a function")?;
    let mut took = Vec::with_capacity(STREAMS);
    for _ in 0..STREAMS {
        let began = Instant::now();
        super::idle::caught_up(board.watch_inbox(&function, 0)).await?;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    Ok(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_from_what_is_done() {
        assert_eq!(left(Duration::from_secs(10), (100, 200, 400)), Duration::from_secs(20));
        assert_eq!(left(Duration::from_secs(10), (100, 100, 100)), Duration::ZERO);
    }
}
