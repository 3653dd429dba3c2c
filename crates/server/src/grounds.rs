//! `bryggad grounds`: the tables of law shown, checked, and compared with other ones.
//!
//! It reads files, and for a comparison a database; it changes nothing and puts nothing into force. `commands` hands over.

mod activate;
mod diff;
mod matrix;
mod show;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use brygga_domain::GroundTable;
use brygga_domain::Time;
use brygga_domain::grounds::SHIPPED;
use brygga_engine::{Clock as _, SystemClock};
use clap::{Args, Subcommand, ValueEnum};

use crate::config::Config;

pub use activate::{approved, spent};
pub use matrix::text as matrix_text;

/// Columns of a table's text: what a wide terminal and a printed page take.
const WIDTH_COLUMNS: u16 = 170;
/// The name that stands for the tables that ship.
const THE_SHIPPED: &str = "shipped";
/// The files of a folder of tables.
const FOLDER_FILES: [&str; 2] = ["grounds.json", "offences.json"];
/// The file that it may hold beside; without it the clocks are those that ship.
const CLOCKS_FILE: &str = "clocks.json";

/// What is asked about tables of law.
#[derive(Debug, Subcommand)]
pub enum GroundsCommand {
    /// Shows the grounds, or every answer of the gate.
    Show {
        /// Every cell of every kind of referral, every ground, and every fact that it asks for.
        #[arg(long)]
        matrix: bool,
        /// The tables: one file with all, or a folder with grounds.json, offences.json and clocks.json.
        #[arg(long, default_value = THE_SHIPPED)]
        file: PathBuf,
        /// For which day, and how it is shown.
        #[command(flatten)]
        how: How,
    },
    /// Says which answers another table changes, and with a configuration which open clearances and consents that touches.
    Diff {
        /// The tables as they are; `shipped` for those that ship.
        before: PathBuf,
        /// The tables as they would be.
        after: PathBuf,
        /// The configuration of a broker, whose database is read; it may be running.
        #[arg(long)]
        config: Option<PathBuf>,
        /// For which day, and how it is shown.
        #[command(flatten)]
        how: How,
    },
    /// Checks tables as a broker does at its start.
    Check {
        /// The tables: one file with all, or a folder with grounds.json, offences.json and clocks.json.
        file: PathBuf,
    },
    /// Writes tables as one file, byte for byte as they are hashed: what `[grounds] file` takes, so that a later program goes on under them.
    Write {
        /// Where to; nothing that is there is overwritten.
        to: PathBuf,
        /// The tables: one file with all, or a folder with grounds.json, offences.json and clocks.json.
        #[arg(long, default_value = THE_SHIPPED)]
        file: PathBuf,
    },
    /// Puts the configured tables into force. Two officers each run it; then the broker starts with them, and the log names both.
    Activate {
        /// The configuration of a broker that does not run.
        #[arg(long, default_value = "/etc/bryggad/bryggad.toml")]
        config: PathBuf,
        /// Who agrees: the operator's own identifier for the person.
        #[arg(long)]
        officer: String,
    },
}

/// For which day, and how it is shown.
#[derive(Debug, Clone, Args)]
pub struct How {
    /// The day that the answers are for, `YYYY-MM-DD` [default: today].
    #[arg(long, value_parser = day)]
    on: Option<Time>,
    /// How to show it.
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// How an answer is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

fn day(text: &str) -> Result<Time, String> {
    Time::of_day(text).ok_or_else(|| String::from("must be a day as YYYY-MM-DD"))
}

impl How {
    fn now(&self) -> Time {
        self.on.unwrap_or_else(|| SystemClock.now())
    }
}

/// The text of the answer.
pub async fn run(command: GroundsCommand) -> anyhow::Result<String> {
    match command {
        GroundsCommand::Show { matrix, file, how } => {
            let table = load(&file)?;
            Ok(match (matrix, how.output) {
                (true, Format::Table) => matrix::text(&table, how.now()),
                (true, Format::Json) => serde_json::to_string_pretty(&matrix::json(&table, how.now()))?,
                (false, Format::Table) => show::text(&table, how.now()),
                (false, Format::Json) => serde_json::to_string_pretty(&show::json(&table))?,
            })
        }
        GroundsCommand::Diff { before, after, config, how } => {
            let compared = diff::compare(&load(&before)?, &load(&after)?, config.as_deref(), how.now()).await?;
            Ok(match how.output {
                Format::Table => compared.text(),
                Format::Json => serde_json::to_string_pretty(&compared.json())?,
            })
        }
        GroundsCommand::Write { to, file } => {
            let text = read(&file)?;
            let table = GroundTable::load(&text).with_context(|| format!("{} is refused", file.display()))?;
            let written = std::fs::File::create_new(&to).and_then(|mut new| new.write_all(text.as_bytes()).and_then(|()| new.sync_all()));
            written.with_context(|| format!("writing {}", to.display()))?;
            Ok(format!("written    {}\nhash       {}", to.display(), table.hash()))
        }
        GroundsCommand::Activate { config, officer } => activate::approve(&Config::load(&config)?, &officer).await,
        GroundsCommand::Check { file } => {
            let table = load(&file)?;
            let (grounds, offences) = table.versions();
            let (codes, rows, scales) = (table.codes().len(), table.grounds().count(), table.offences().count());
            let clocks = table.clocks();
            Ok(format!(
                "sound      {codes} grounds in {rows} rows ({grounds}), {scales} offences ({offences}), {} clocks ({})\nhash       {}",
                clocks.clocks.len(),
                clocks.version,
                table.hash()
            ))
        }
    }
}

/// Reads and checks tables.
fn load(path: &Path) -> anyhow::Result<GroundTable> {
    GroundTable::load(&read(path)?).with_context(|| format!("{} is refused", path.display()))
}

/// The text of tables: of those that ship, of one file with all, or of a folder with one file for each.
fn read(path: &Path) -> anyhow::Result<String> {
    let read = |path: &Path| std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()));
    if path == Path::new(THE_SHIPPED) {
        Ok(SHIPPED.to_owned())
    } else if path.is_dir() {
        let clocks = Some(CLOCKS_FILE).filter(|file| path.join(file).exists());
        FOLDER_FILES.into_iter().chain(clocks).map(|file| read(&path.join(file))).collect()
    } else {
        read(path)
    }
}

/// Rows below heads, aligned and wrapped.
fn table(heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::ASCII_HORIZONTAL_ONLY).set_width(WIDTH_COLUMNS);
    table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    table.set_header(heads.iter().copied()).add_rows(rows);
    table.trim_fmt()
}
