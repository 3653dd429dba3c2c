//! The workspace's own tasks, run as `cargo xtask <task>`.
//!
//! Nothing here is linked into what runs at an agency. Called by people and by continuous integration.

mod bench;
mod codegen;
mod redact;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Parser;

/// The clients of a benchmark share the machine with the broker, so they are not to cost more than they must.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Tasks of the workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Measures life cycles through the release broker, or the time that it takes to start.
    Bench(bench::Bench),
    /// Writes the Rust code that is made from proto/.
    Codegen {
        /// Writes nothing; fails when what is committed differs from what proto/ gives.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> anyhow::Result<()> {
    let task = Task::parse();
    let root = workspace_root()?;
    match task {
        Task::Bench(bench) => bench::run(&root, &bench),
        Task::Codegen { check: true } => codegen::check(&root),
        Task::Codegen { check: false } => codegen::write(&root),
    }
}

/// The workspace that this program was built in.
fn workspace_root() -> anyhow::Result<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).map(Path::to_path_buf).context("finding the workspace above crates/xtask")
}
