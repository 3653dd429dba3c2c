//! What a round gives, and the table.

use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;

use super::life::Measured;
use super::place::Used;

/// The heading of the table.
pub const HEADING: &str = "in flight   life cycles/s   life p50 / p99 ms   submit p50 / p99 ms   broker + database CPU µs   \
                           resident idle / after MiB   database MiB   disk MiB";

/// What was used up to a moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Costs {
    /// Processor time of the broker, seconds.
    pub broker_seconds: f64,
    /// Of the database's own processes.
    pub database: Used,
}

/// The figures of one round.
#[derive(Debug, Clone, Serialize)]
pub struct Round {
    /// Life cycles in flight.
    pub in_flight: usize,
    /// Life cycles that were finished.
    pub finished: usize,
    /// A second.
    pub per_second: f64,
    /// Median of a life cycle, milliseconds.
    pub life_p50_ms: f64,
    /// 99th percentile of a life cycle, milliseconds.
    pub life_p99_ms: f64,
    /// Median of a submission, milliseconds.
    pub submit_p50_ms: f64,
    /// 99th percentile of a submission, milliseconds.
    pub submit_p99_ms: f64,
    /// Processor time of the broker for each life cycle, microseconds.
    pub cpu_us: f64,
    /// The same of the database's own processes, microseconds.
    pub database_cpu_us: f64,
    /// Resident memory before anything was asked, MiB.
    pub idle_mib: f64,
    /// Resident memory after the round, MiB.
    pub after_mib: f64,
    /// Memory of the database's own processes after the round, MiB.
    pub database_mib: f64,
    /// What the log takes of the disk after the round, MiB.
    pub disk_mib: f64,
}

impl Round {
    /// Sums up a round.
    pub fn new(in_flight: usize, mut measured: Measured, used: (Costs, Costs), (idle_kib, after_kib): (u64, u64), disk_mib: f64) -> anyhow::Result<Self> {
        measured.lives.sort_unstable();
        measured.submits.sort_unstable();
        let finished = measured.lives.len();
        let lives = f64::from(u32::try_from(finished)?).max(1.0);
        Ok(Self {
            in_flight,
            finished,
            per_second: lives / measured.took.as_secs_f64(),
            life_p50_ms: percentile_ms(&measured.lives, 50)?,
            life_p99_ms: percentile_ms(&measured.lives, 99)?,
            submit_p50_ms: percentile_ms(&measured.submits, 50)?,
            submit_p99_ms: percentile_ms(&measured.submits, 99)?,
            cpu_us: (used.1.broker_seconds - used.0.broker_seconds) * 1e6 / lives,
            database_cpu_us: (used.1.database.cpu_seconds - used.0.database.cpu_seconds) * 1e6 / lives,
            idle_mib: mib(idle_kib)?,
            after_mib: mib(after_kib)?,
            database_mib: mib(used.1.database.resident_kib)?,
            disk_mib,
        })
    }

    /// A line of the table.
    pub fn line(&self) -> String {
        format!(
            "{:>9}   {:>13.0}   {:>8.2} / {:>6.2}   {:>10.2} / {:>6.2}   {:>12.0} + {:>9.0}   {:>17.1} / {:>5.1}   {:>12.0}   {:>8.0}",
            self.in_flight,
            self.per_second,
            self.life_p50_ms,
            self.life_p99_ms,
            self.submit_p50_ms,
            self.submit_p99_ms,
            self.cpu_us,
            self.database_cpu_us,
            self.idle_mib,
            self.after_mib,
            self.database_mib,
            self.disk_mib
        )
    }
}

/// KiB as MiB.
pub fn mib(kib: u64) -> anyhow::Result<f64> {
    Ok(f64::from(u32::try_from(kib)?) / 1024.0)
}

/// A percentile of sorted durations, milliseconds.
pub fn percentile_ms(sorted: &[Duration], percent: usize) -> anyhow::Result<f64> {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).map(|took| took.as_secs_f64() * 1e3).context("no life cycle was finished")
}

/// The round whose rate is the median, with the median of each other figure.
pub fn median(rounds: &[Round]) -> Option<Round> {
    let of = |figure: fn(&Round) -> f64| {
        let mut all: Vec<f64> = rounds.iter().map(figure).collect();
        all.sort_unstable_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    };
    let first = rounds.first()?;
    let mut finished: Vec<usize> = rounds.iter().map(|round| round.finished).collect();
    finished.sort_unstable();
    Some(Round {
        in_flight: first.in_flight,
        finished: *finished.get(finished.len() / 2)?,
        per_second: of(|round| round.per_second)?,
        life_p50_ms: of(|round| round.life_p50_ms)?,
        life_p99_ms: of(|round| round.life_p99_ms)?,
        submit_p50_ms: of(|round| round.submit_p50_ms)?,
        submit_p99_ms: of(|round| round.submit_p99_ms)?,
        cpu_us: of(|round| round.cpu_us)?,
        database_cpu_us: of(|round| round.database_cpu_us)?,
        idle_mib: of(|round| round.idle_mib)?,
        after_mib: of(|round| round.after_mib)?,
        database_mib: of(|round| round.database_mib)?,
        disk_mib: of(|round| round.disk_mib)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_and_medians_are_taken_from_sorted_figures() {
        let lives: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        let measured = |scale: u32| Measured { lives: lives.clone(), submits: lives.clone(), took: Duration::from_secs(u64::from(scale)) };
        let used = (Costs::default(), Costs { broker_seconds: 0.5, database: Used { cpu_seconds: 0.25, resident_kib: 1024 } });
        let rounds: Vec<Round> = [1, 4, 2].map(|scale| Round::new(8, measured(scale), used, (1024, 2048), 3.0).unwrap()).to_vec();
        let middle = median(&rounds).unwrap();
        assert!((middle.per_second - 50.0).abs() < 1e-9, "{middle:?}");
        assert!((middle.life_p50_ms - 51.0).abs() < 1e-9 && (middle.life_p99_ms - 100.0).abs() < 1e-9, "{middle:?}");
        assert!((middle.database_cpu_us - 2500.0).abs() < 1e-9 && (middle.database_mib - 1.0).abs() < 1e-9, "{middle:?}");
        assert!((middle.cpu_us - 5000.0).abs() < 1e-9 && (middle.after_mib - 2.0).abs() < 1e-9, "{middle:?}");
    }
}
