//! Measures the write path of the PostgreSQL store, as `commits` does SQLite's: batches of 1, 16 and 256 submissions, then as many
//! batches that change what was submitted, each loaded first. The cluster is a new one with fsync on.
//!
//! `cargo run --release -p brygga-store --example postgres_commits`

#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]

#[path = "../tests/conformance/samples.rs"]
mod samples;

use std::time::{Duration, Instant};

use brygga_engine::rows::ReferralRows;
use brygga_engine::store::{Batch, Store as _, Wanted};
use brygga_pgtest::{Cluster, SUPERUSER};
use brygga_store::postgres::{Server, make_roles, migrate};
use brygga_store::{PostgresOptions, PostgresStore};

use samples::Log;

const CONTENT_BYTES: usize = 2048;
const ROUNDS: usize = 3;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let cluster = Cluster::shared();
    for (submissions, batches) in [(1_usize, 1000_usize), (16, 200), (256, 30)] {
        for _ in 0..ROUNDS {
            let options = |user: &str, database: &str| PostgresOptions {
                server: Server::Socket { folder: cluster.socket_folder().to_owned() },
                port: cluster.port(),
                database: database.to_owned(),
                user: user.to_owned(),
                password_file: None,
            };
            let database = cluster.database(None);
            make_roles(&options(SUPERUSER, &database)).await?;
            migrate(&options("brygga_migrate", &database)).await?;
            let (mut store, _readers) = PostgresStore::open(&options("brygga_run", &database), 1).await?;
            let mut log = Log::default();
            let mut made = Vec::new();
            let new = measure(&mut store, submissions, batches, |batch, wanted| made.push(submit(&mut log, batch, wanted, submissions))).await?;
            let mut made = made.into_iter();
            let changed = measure(&mut store, submissions, batches, |batch, wanted| change(&mut log, batch, wanted, made.next().unwrap_or_default())).await?;
            println!("{submissions:>4} a batch: {new}; changes {changed}");
        }
    }
    Ok(())
}

fn submit(log: &mut Log, batch: &mut Batch, wanted: &mut Wanted, submissions: usize) -> Vec<ReferralRows> {
    let made: Vec<ReferralRows> = (0..submissions).map(|_| log.submit(batch, CONTENT_BYTES)).collect();
    wanted.references = made.iter().map(|rows| rows.referral.reference.clone()).collect();
    wanted.sender_references = batch.sender_references.iter().map(|row| row.hash.clone()).collect();
    log.seal(batch);
    made
}

/// What an acceptance changes: one event, the referral's row, one section.
fn change(log: &mut Log, batch: &mut Batch, wanted: &mut Wanted, made: Vec<ReferralRows>) {
    for mut rows in made {
        let position = log.append(batch, 1, 400);
        wanted.referrals.push(rows.referral.id.clone());
        rows.referral.last_position = position;
        rows.referral.stage = String::from("opened");
        for section in rows.sections.iter_mut().take(1) {
            (section.released_at, section.released_revision) = (Some(position), Some(1));
        }
        batch.keys.push(samples::key(position.unsigned_abs(), "solna", Some(rows.referral.id.clone()), position));
        batch.referrals.push(rows);
    }
    log.seal(batch);
}

async fn measure(store: &mut PostgresStore, submissions: usize, batches: usize, mut fill: impl FnMut(&mut Batch, &mut Wanted)) -> Outcome<String> {
    let (mut loading, mut committing) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..batches {
        let (mut batch, mut wanted) = (Batch::default(), Wanted::default());
        fill(&mut batch, &mut wanted);
        wanted.keys = batch.keys.iter().map(|key| (key.agency.clone(), key.request.clone())).collect();
        let start = Instant::now();
        store.load(&wanted).await?;
        loading += start.elapsed();
        let start = Instant::now();
        store.commit(&batch).await?;
        committing += start.elapsed();
    }
    let each = |total: Duration| total.as_secs_f64() * 1e3 / f64::from(u32::try_from(batches).unwrap_or(1));
    let rate = f64::from(u32::try_from(submissions * batches)?) / (loading + committing).as_secs_f64();
    Ok(format!("{rate:>7.0}/s (load {:.2} ms, commit {:.2} ms)", each(loading), each(committing)))
}
