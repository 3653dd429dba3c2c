//! `brygga-verify`: the verdict on an exported log, on a machine without a network.
//!
//! Reads a bundle, prints the report on stdout and talks on stderr. The exit code is the verdict.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _, Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use brygga_domain::GroundTable;
use brygga_merkle::{NOTE_BYTES_MAX, NoteKey, SignedNote};
use brygga_verify::{Options, Report, Verdict, audit_bundle};
use clap::{Parser, ValueEnum};

/// Largest ground table that is read.
const TABLE_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// Entries between two lines of progress.
const PROGRESS_ENTRIES: u64 = 4_096;

/// Exit code for wrong usage, which covers files that cannot be used.
const EXIT_USAGE: u8 = 2;

/// Exit code for what should not happen.
const EXIT_UNEXPECTED: u8 = 1;

const AFTER_HELP: &str = "\
The verdict:
  VERIFIED      exit 0   the entries hash to the signed checkpoint, and
                         every release rests on clearance, and on consent
                         where its ground needs one, recorded before it
  FAILED        exit 20  something does not hold; a finding names its entry
  INCONCLUSIVE  exit 21  nothing wrong, but not everything could be checked
Wrong usage and unusable files of your own: exit 2.

Examples:
  With the log's key, from a source other than the bundle:
    brygga-verify march.bundle --key log.example/disclosures+7c1e2f90+AaBb...
  With what you saw in February, which the log must begin with:
    brygga-verify march.bundle --pin february.note -o json > march.json
    xz -dc march.bundle.xz | brygga-verify - --pin february.note
  A development log, where the key proves nothing:
    brygga-verify dev.bundle --trust-bundle-key";

/// Verify an exported disclosure log offline: hashes, signature, and the rules over every entry.
#[derive(Debug, Parser)]
#[command(name = "brygga-verify", version, after_help = AFTER_HELP)]
struct Arguments {
    /// The bundle that `brygga log export` wrote; `-` reads it from stdin.
    bundle: PathBuf,
    /// The log's verifier key, `<origin>+<id>+<base64>`, from a source other than the bundle.
    #[arg(long, value_name = "VKEY", value_parser = NoteKey::parse)]
    key: Option<NoteKey>,
    /// A signed checkpoint that you kept: the log must begin with what it signed, and it vouches for the key.
    #[arg(long, value_name = "NOTE")]
    pin: Option<PathBuf>,
    /// Believe the bundle about its own key. Whoever made the bundle may have made the key too.
    #[arg(long)]
    trust_bundle_key: bool,
    /// A ground table, with its offences after it, that the log names and that did not ship with this version; may be repeated.
    #[arg(long, value_name = "FILE")]
    grounds: Vec<PathBuf>,
    /// How to print the report.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

/// How to print the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// For programs, `brygga-audit/1`.
    Json,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = arguments.output;
    let report = match run(arguments) {
        Ok(report) => report,
        Err(error) => return complain(&error, EXIT_USAGE),
    };
    match print(&report, output) {
        Ok(()) => ExitCode::from(report.verdict.exit_code()),
        Err(error) => complain(&error, EXIT_UNEXPECTED),
    }
}

fn complain(error: &anyhow::Error, code: u8) -> ExitCode {
    eprintln!("brygga-verify: {error:#}");
    ExitCode::from(code)
}

fn run(arguments: Arguments) -> anyhow::Result<Report> {
    let pin = arguments.pin.as_deref().map(read_note).transpose()?;
    let tables = arguments.grounds.iter().map(|path| read_table(path)).collect::<anyhow::Result<Vec<GroundTable>>>()?;
    let options = Options { key: arguments.key, pin, trust_bundle_key: arguments.trust_bundle_key, tables };
    let input: Box<dyn BufRead> = if arguments.bundle.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        let path = &arguments.bundle;
        let file = File::open(path).with_context(|| format!("the bundle {} cannot be opened", path.display()))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            bail!("the bundle {} is a directory", path.display());
        }
        Box::new(BufReader::new(file))
    };
    let shown = io::stderr().is_terminal();
    let mut progress = |read: u64, of: u64| {
        // A short bundle is done before anybody could read this.
        if shown && of > PROGRESS_ENTRIES && (read.is_multiple_of(PROGRESS_ENTRIES) || read == of) {
            eprint!("\r{read} of {of} entries{}", if read == of { "\n" } else { "" });
        }
    };
    Ok(audit_bundle(input, options, &mut progress))
}

fn read_file(path: &Path, limit_bytes: usize) -> anyhow::Result<Vec<u8>> {
    let file = File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    let mut bytes = Vec::new();
    let most = u64::try_from(limit_bytes).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes).with_context(|| format!("{} cannot be read", path.display()))?;
    if bytes.len() > limit_bytes {
        bail!("{} is longer than {limit_bytes} bytes", path.display());
    }
    Ok(bytes)
}

fn read_note(path: &Path) -> anyhow::Result<Vec<u8>> {
    let note = read_file(path, NOTE_BYTES_MAX)?;
    SignedNote::parse(&note).with_context(|| format!("{} is not a signed checkpoint", path.display()))?;
    Ok(note)
}

fn read_table(path: &Path) -> anyhow::Result<GroundTable> {
    let bytes = read_file(path, TABLE_BYTES_MAX)?;
    let text = String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8 text", path.display()))?;
    GroundTable::load(&text).with_context(|| format!("{} is not a ground table", path.display()))
}

fn print(report: &Report, output: Output) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match output {
        Output::Json => {
            serde_json::to_writer_pretty(&mut out, report).context("the report cannot be written")?;
            writeln!(out).context("the report cannot be written")?;
        }
        Output::Table => table(report, &mut out).context("the report cannot be written")?,
    }
    out.flush().context("the report cannot be written")
}

fn table(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let count = |number: u64, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
    let entries = count(report.entries, "entry", "entries");
    let found = u64::try_from(report.findings.len()).unwrap_or(u64::MAX).saturating_add(report.findings_left_out);
    let said = match report.verdict {
        Verdict::Verified if report.releases == 0 => format!("{entries}, no release"),
        Verdict::Verified => format!("{entries}, {}: every release rests on consent and clearance", count(report.releases, "release", "releases")),
        Verdict::Failed => format!("{entries}, {}", count(found, "finding", "findings")),
        Verdict::Inconclusive => format!("{entries}, nothing wrong was found, but not everything could be checked"),
    };
    writeln!(out, "{:<13} {said}", report.verdict.as_str())?;
    if !report.key.is_empty() {
        let vouched = if report.key_trusted { "" } else { "  (only the bundle says so)" };
        writeln!(out, "{:<13} {}\n{:<13} {}{vouched}\n{:<13} {}", "log", report.origin, "key", report.key, "root", report.root)?;
    }
    for finding in &report.findings {
        let place = finding.position.map_or_else(|| String::from("log"), |position| format!("entry {position}"));
        writeln!(out, "{place:<13} {:<23} {}", finding.code, finding.text)?;
    }
    if report.findings_left_out > 0 {
        writeln!(out, "{:<13} {} more", "", count(report.findings_left_out, "finding", "findings"))?;
    }
    for doubt in &report.doubts {
        writeln!(out, "{:<13} {doubt}", "not checked")?;
    }
    Ok(())
}
