//! Measures the write path of the SQLite store: commits a second for batches of 1 and of 256 submissions (five events of 400 bytes,
//! four sections with 2 KiB each, five cells), while another task moves the WAL.
//!
//! `cargo run --release -p brygga-store --example commits [folder]`

#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]

#[path = "../tests/conformance/samples.rs"]
mod samples;

use std::path::Path;
use std::time::{Duration, Instant};

use brygga_engine::store::{Batch, Store as _, Wanted};
use brygga_store::{SqliteCheckpointer, SqliteOptions, SqliteStore};

use samples::Log;

const CONTENT_BYTES: usize = 2048;
const ROUNDS: usize = 5;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// How long the parts of one batch took.
#[derive(Default)]
struct Parts {
    load: Duration,
    commit: Duration,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let folder = std::env::args().nth(1).map_or_else(tempfile::tempdir, tempfile::tempdir_in)?;
    for (submissions, batches) in [(1_usize, 2000_usize), (16, 400), (256, 40)] {
        let mut rates = Vec::new();
        for round in 0..ROUNDS {
            rates.push(measure(&folder.path().join(format!("{submissions}-{round}.db")), submissions, batches).await?);
        }
        rates.sort_by(f64::total_cmp);
        println!("{submissions:>4} a batch: {:>9.0} submissions/s (median), {:.0} to {:.0}", rates[ROUNDS / 2], rates[0], rates[ROUNDS - 1]);
    }
    Ok(())
}

async fn measure(path: &Path, submissions: usize, batches: usize) -> Outcome<f64> {
    let (mut store, readers) = SqliteStore::open(path, &SqliteOptions::default()).await?;
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let mut upkeep = tokio::task::JoinSet::new();
    upkeep.spawn(checkpoints(readers.checkpointer, stopped));
    let mut log = Log::default();
    let mut parts = Parts::default();
    let mut times = Vec::new();
    for _ in 0..batches {
        let mut batch = Batch::default();
        let mut wanted = Wanted::default();
        for _ in 0..submissions {
            let rows = log.submit(&mut batch, CONTENT_BYTES);
            wanted.references.push(rows.referral.reference);
        }
        wanted.keys = batch.keys.iter().map(|key| (key.agency.clone(), key.request.clone())).collect();
        wanted.sender_references = batch.sender_references.iter().map(|row| row.hash.clone()).collect();
        log.seal(&mut batch);
        let start = Instant::now();
        store.load(&wanted).await?;
        let loaded = start.elapsed();
        store.commit(&batch).await?;
        parts.load += loaded;
        parts.commit += start.elapsed().saturating_sub(loaded);
        times.push(start.elapsed());
    }
    let total = parts.load + parts.commit;
    times.sort();
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3;
    println!(
        "     {submissions:>4}: load {:.3} ms, commit {:.3} ms a batch; p50 {:.3}, p99 {:.3} ms",
        parts.load.as_secs_f64() * 1e3 / f64::from(u32::try_from(batches)?),
        parts.commit.as_secs_f64() * 1e3 / f64::from(u32::try_from(batches)?),
        at(50),
        at(99),
    );
    drop(stop);
    upkeep.join_all().await;
    Ok(f64::from(u32::try_from(submissions * batches)?) / total.as_secs_f64())
}

async fn checkpoints(mut checkpointer: SqliteCheckpointer, mut stopped: tokio::sync::oneshot::Receiver<()>) {
    while tokio::time::timeout(Duration::from_millis(500), &mut stopped).await.is_err() {
        if let Err(error) = checkpointer.checkpoint().await {
            println!("checkpoint: {error}");
        }
    }
}
