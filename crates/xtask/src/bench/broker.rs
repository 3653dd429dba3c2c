//! The broker under measurement: a process of its own, seen from outside.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use brygga_client::{ClientConfig, Deadlines};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// Ticks of a second in `/proc`, as every Linux of our machines has it.
pub const TICKS_PER_SECOND: f64 = 100.0;
const READY_DEADLINE: Duration = Duration::from_mins(2);

/// A running broker.
pub struct Broker {
    process: Child,
    folder: PathBuf,
    ready: Value,
    took: Duration,
}

impl Broker {
    /// Starts it in a folder and waits until it is ready. `more` is configuration for a world that is made.
    pub async fn start(binary: &Path, folder: &Path, more: &str) -> anyhow::Result<Self> {
        let world = folder.join("world");
        let log = std::fs::File::options().create(true).append(true).open(folder.join("broker.log"))?;
        let began = tokio::time::Instant::now();
        let mut command = Command::new(binary);
        command.args(["test-server", "--config", &format!("\n[telemetry]\nlog_level = \"warn\"\n{more}"), "--world"]).arg(&world);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true).spawn()?;
        let output = process.stdout.take().context("a process without output")?;
        let mut lines = BufReader::new(output).lines();
        let line = tokio::time::timeout(READY_DEADLINE, lines.next_line()).await.context("the broker is not ready in time")??;
        let took = began.elapsed();
        let ready = serde_json::from_str(&line.context("the broker ended before it was ready")?)?;
        Ok(Self { process, folder: world, ready, took })
    }

    /// The folder of its world.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How long it took from its start until it was ready.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// Stops it in order.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        drop(self.process.stdin.take());
        let status = tokio::time::timeout(READY_DEADLINE, self.process.wait()).await.context("the broker does not stop")??;
        if status.success() { Ok(()) } else { bail!("the broker ended with {status}") }
    }

    /// The settings of a client of an agency; each connection keeps a pin of its own.
    pub fn config(&self, agency: &str, functions: &[&str], connection: usize) -> anyhow::Result<ClientConfig> {
        let agencies = self.folder.join("agencies");
        let text =
            |field: &str| self.ready.get(field).and_then(Value::as_str).map(str::to_owned).with_context(|| format!("the broker does not say its {field}"));
        Ok(ClientConfig {
            endpoint: format!("https://{}", text("grpc")?),
            server_name: Some(String::from("localhost")),
            ca_pem: std::fs::read(self.folder.join("ca.pem"))?,
            cert_pem: std::fs::read(agencies.join(format!("{agency}.pem")))?,
            key_pem: std::fs::read(agencies.join(format!("{agency}.key")))?,
            agency: agency.parse().map_err(|_| anyhow::anyhow!("no name of an agency"))?,
            functions: functions.iter().filter_map(|function| function.parse().ok()).collect(),
            log_key: text("log_key")?,
            pin: agencies.join(agency).join(format!("bench-{connection}.pin")),
            deadlines: Deadlines::default(),
        })
    }

    /// Resident memory in KiB.
    pub fn resident_kib(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(self.proc("status")?)?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse()?)
    }

    /// Seconds of processor time, of all its threads.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(self.proc("stat")?)?;
        // The name may hold anything, so the fields are counted from its closing bracket; user and system time are the 12th and 13th.
        let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
        let ticks: Vec<f64> = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
        Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
    }

    fn proc(&self, file: &str) -> anyhow::Result<PathBuf> {
        let id = self.process.id().context("the broker has ended")?;
        Ok(PathBuf::from(format!("/proc/{id}/{file}")))
    }
}
