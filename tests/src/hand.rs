//! Commands as they are typed, against a real broker.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::Broker;

/// A world with its broker, in which commands are run as people type them.
pub struct Hand {
    folder: tempfile::TempDir,
    /// Its broker.
    pub broker: Broker,
}

impl Hand {
    /// A fresh world.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let broker = Broker::start(&folder.path().join("world"), "\n[telemetry]\nlog_level = \"error\"\n").await;
        Self { folder, broker }
    }

    /// A path in the world's folder, of nothing yet.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file that a command line names.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Runs a command with JSON out; gives its exit code and its answer.
    pub async fn run(&self, line: &str) -> (u8, Value) {
        let (exit, said) = self.say(&format!("{line} -o json")).await;
        (exit, serde_json::from_str(&said).unwrap_or_else(|_| json!(said)))
    }

    /// Runs a command; gives its exit code and what it said.
    pub async fn say(&self, line: &str) -> (u8, String) {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples");
        let line = line.replace("examples/", &format!("{}/", examples.display()));
        let mut args: Vec<String> = std::iter::once("brygga").chain(line.split(' ')).map(str::to_owned).collect();
        args.extend([String::from("--world"), self.folder.path().join("world").display().to_string()]);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let exit = brygga_cli::run(args, &mut out, &mut err).await;
        if exit != 0 {
            eprintln!("{line}: {exit}\n{}", String::from_utf8_lossy(&err));
        }
        out.extend(err);
        (exit, String::from_utf8(out).unwrap())
    }

    /// Runs a command that must succeed, with JSON out.
    pub async fn done(&self, line: &str) -> Value {
        let (exit, answer) = self.run(line).await;
        assert_eq!(exit, 0, "{line}: {answer}");
        answer
    }

    /// Submits a file; gives the reference.
    pub async fn submitted(&self, file: &str, who: &str) -> String {
        self.done(&format!("referral submit {file} {who}")).await["referral"]["reference"].as_str().unwrap().to_owned()
    }
}
