//! Measures the SQLite store: life cycles in three batches (submit with consent and decisions, open, accept; seven events of 400
//! bytes, four sections of 512 bytes, five cells), at 1, 16 and 256 life cycles a batch, and the questions that receipts ask,
//! while another task moves the WAL. CPU time is the whole process's, user and system; the batches are made before it counts.
//!
//! `cargo run --release -p brygga-store --example commits [folder]`

#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]

#[path = "../tests/conformance/samples.rs"]
mod samples;

use std::path::Path;
use std::time::{Duration, Instant};

use brygga_engine::rows::ReferralRows;
use brygga_engine::store::{Batch, Reader as _, ReferralKey, Store as _, Wanted};
use brygga_store::{SqliteCheckpointer, SqliteOptions, SqliteReader, SqliteStore};

use samples::Log;

const CONTENT_BYTES: usize = 512;
const ROUNDS: usize = 3;
const QUESTIONS: usize = 2000;
/// Length of the kernel's tick, in which it counts CPU time.
const TICK: Duration = Duration::from_millis(10);
/// What the three batches of a life cycle do.
const PARTS: [&str; 3] = ["submit", "open", "accept"];

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// One batch, and what it must see.
struct Step {
    wanted: Wanted,
    batch: Batch,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let folder = std::env::args().nth(1).map_or_else(tempfile::tempdir, tempfile::tempdir_in)?;
    for (lives, rounds) in [(1_usize, 600_usize), (16, 150), (256, 16)] {
        let mut rates = Vec::new();
        for round in 0..ROUNDS {
            rates.push(measure(&folder.path().join(format!("{lives}-{round}.db")), lives, rounds).await?);
        }
        rates.sort_by(f64::total_cmp);
        println!("{lives:>4} a batch: {:>7.0} life cycles/s (median), {:.0} to {:.0}", rates[ROUNDS / 2], rates[0], rates[ROUNDS - 1]);
    }
    Ok(())
}

/// All batches of a run: submissions, then openings of the same referrals, then acceptances, round by round.
fn steps(lives: usize, rounds: usize) -> Vec<[Step; 3]> {
    let mut log = Log::default();
    let mut key = 1_u64 << 32;
    (0..rounds)
        .map(|_| {
            let mut batch = Batch::default();
            let submitted: Vec<ReferralRows> = (0..lives).map(|_| log.submit(&mut batch, CONTENT_BYTES)).collect();
            let mut wanted = Wanted { references: submitted.iter().map(|rows| rows.referral.reference.clone()).collect(), ..Wanted::default() };
            wanted.sender_references = batch.sender_references.iter().map(|row| row.hash.clone()).collect();
            let submit = seal(&mut log, batch, wanted);
            let (open, opened) = later(&mut log, &submitted, "opened", &mut key);
            let (accept, _) = later(&mut log, &opened, "accepted", &mut key);
            [submit, open, accept]
        })
        .collect()
}

/// A batch of one event a referral that brings it to that stage, and the referrals as they stand then.
fn later(log: &mut Log, referrals: &[ReferralRows], stage: &str, key: &mut u64) -> (Step, Vec<ReferralRows>) {
    let mut batch = Batch::default();
    let wanted = Wanted { references: referrals.iter().map(|rows| rows.referral.reference.clone()).collect(), ..Wanted::default() };
    for rows in referrals {
        let position = log.append(&mut batch, 1, 400);
        let mut rows = rows.clone();
        rows.referral.stage = stage.into();
        rows.referral.last_position = position;
        rows.referral.claimed_by = Some(samples::id(9, "officer"));
        if stage == "opened" {
            for section in &mut rows.sections {
                (section.released_at, section.released_revision, section.rested_on) = (Some(position), Some(1), String::from("2 3"));
            }
        }
        *key += 1;
        batch.keys.push(samples::key(*key, "rvc-1", Some(rows.referral.id.clone()), position));
        batch.statuses.push(samples::status(&rows.referral, position, if stage == "opened" { "opened" } else { "answered" }));
        batch.referrals.push(rows);
    }
    let after = batch.referrals.clone();
    (seal(log, batch, wanted), after)
}

fn seal(log: &mut Log, mut batch: Batch, mut wanted: Wanted) -> Step {
    wanted.keys = batch.keys.iter().map(|key| (key.agency.clone(), key.request.clone())).collect();
    log.seal(&mut batch);
    Step { wanted, batch }
}

async fn measure(path: &Path, lives: usize, rounds: usize) -> Outcome<f64> {
    let (mut store, mut readers) = SqliteStore::open(path, &SqliteOptions::default()).await?;
    let steps = steps(lives, rounds);
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let mut upkeep = tokio::task::JoinSet::new();
    upkeep.spawn(checkpoints(readers.checkpointer, stopped));
    let (mut loads, mut commits) = ([Duration::ZERO; 3], [Duration::ZERO; 3]);
    let (start, cpu) = (Instant::now(), cpu_time()?);
    for round in &steps {
        for (part, step) in round.iter().enumerate() {
            let begun = Instant::now();
            let loaded = store.load(&step.wanted).await?;
            assert_eq!(loaded.referrals.len(), if part == 0 { 0 } else { lives });
            loads[part] += begun.elapsed();
            let begun = Instant::now();
            store.commit(&step.batch).await?;
            commits[part] += begun.elapsed();
        }
    }
    let (took, cpu) = (start.elapsed(), cpu_time()?.saturating_sub(cpu));
    let count = f64::from(u32::try_from(lives * rounds)?);
    let micros = |duration: Duration| duration.as_secs_f64() * 1e6 / count;
    let parts: Vec<String> = (0..3).map(|part| format!("{} {:.1} + {:.1}", PARTS[part], micros(loads[part]), micros(commits[part]))).collect();
    println!("     {lives:>4}: {:.1} µs of CPU a life cycle; wall µs, load + commit: {}", micros(cpu), parts.join(", "));
    if lives == 256 {
        let size = log_size(&steps);
        ask(readers.readers.first_mut().ok_or("no reader")?, &steps, size).await?;
    }
    drop(stop);
    upkeep.join_all().await;
    Ok(count / took.as_secs_f64())
}

fn log_size(steps: &[[Step; 3]]) -> i64 {
    steps.last().and_then(|round| round[2].batch.head.as_ref()).map_or(0, |head| head.size)
}

/// What receipts and releases ask: half a tile of leaf hashes, one event, one referral, its contents.
async fn ask(reader: &mut SqliteReader, steps: &[[Step; 3]], size: i64) -> Outcome<()> {
    let referrals: Vec<&ReferralRows> = steps.iter().flat_map(|round| &round[2].batch.referrals).collect();
    let mut positions = (0..size - 256).step_by(usize::try_from(size)? / QUESTIONS).cycle();
    let mut at = || positions.next().unwrap_or_default();
    let mut report = Vec::new();
    for question in ["128 leaf hashes", "event", "referral", "contents"] {
        let (start, cpu) = (Instant::now(), cpu_time()?);
        for number in 0..QUESTIONS {
            let row = &referrals[number * 7 % referrals.len()].referral;
            match question {
                "128 leaf hashes" => {
                    let from = at() / 256 * 256;
                    assert_eq!(reader.leaf_hashes(from, from + 128).await?.len(), 128);
                }
                "event" => {
                    let from = at();
                    assert_eq!(reader.events(from, from + 1).await?.len(), 1);
                }
                "referral" => assert!(reader.referral(&ReferralKey::Reference(row.reference.clone())).await?.is_some()),
                _ => assert_eq!(reader.contents(&row.id, &[(1, 1), (2, 1), (3, 1)]).await?.len(), 3),
            }
        }
        let each = |duration: Duration| duration.as_secs_f64() * 1e6 / 2000.0;
        report.push(format!("{question} {:.0} ({:.0})", each(start.elapsed()), each(cpu_time()?.saturating_sub(cpu))));
    }
    println!("     reader, wall (CPU) µs a question: {}", report.join(", "));
    Ok(())
}

/// CPU time of the process so far, as the kernel counts it.
fn cpu_time() -> Outcome<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(')').ok_or("no name in /proc/self/stat")?.1;
    let ticks: Vec<u32> = after_name.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(TICK * ticks.iter().sum())
}

async fn checkpoints(mut checkpointer: SqliteCheckpointer, mut stopped: tokio::sync::oneshot::Receiver<()>) {
    while tokio::time::timeout(Duration::from_millis(500), &mut stopped).await.is_err() {
        if let Err(error) = checkpointer.checkpoint().await {
            println!("checkpoint: {error}");
        }
    }
}
