//! The command line of `bryggad`. Exit codes: 0 ok, 1 unexpected, 2 usage or configuration, 20 the log is in doubt.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use brygga_domain::GroundTable;
use brygga_domain::grounds::SHIPPED;
use brygga_engine::SystemClock;
use brygga_engine::lanes::LaneLimits;
use brygga_engine::replay::replay;
use brygga_store::{PostgresOptions, postgres};
use clap::{Args, Parser, Subcommand};

use crate::app::{self, Start};
use crate::config::{Config, Place, Purpose};
use crate::dev::{self, world::Ports};
use crate::grounds::{self, GroundsCommand};
use crate::lifecycle::{Ended, Notice, notify_supervisor, stop_signals};
use crate::open;
use crate::telemetry::Telemetry;

/// Exit code of anything unexpected.
pub const EXIT_UNEXPECTED: u8 = 1;
/// Exit code of a wrong command line or configuration.
pub const EXIT_USAGE: u8 = 2;
/// Exit code when the log is in doubt.
pub const EXIT_DOUBT: u8 = 20;

/// The message broker that records consent and secrecy clearance before it forwards anything.
#[derive(Debug, Parser)]
#[command(name = "bryggad", version, about, after_help = "First run: `bryggad tour`. A world to try things in: `bryggad dev`.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays the main job in a throw-away world and checks every step; under a minute.
    Tour,
    /// Keeps a world of made-up people running in a folder.
    Dev(Dev),
    /// A fresh world on free ports for tests: one line of JSON when ready, ends with its standard input.
    TestServer {
        /// The folder; made if it is not there.
        #[arg(long)]
        world: PathBuf,
        /// TOML to add to the configuration of a world that is made.
        #[arg(long, default_value = "")]
        config: String,
        /// Commands that wait at most, to see a full broker.
        #[arg(long)]
        queue: Option<usize>,
    },
    /// Begins a new log and enters the directory; done once.
    Init(ConfigFile),
    /// Makes one more broker ready for a log that others serve, from its own configuration and signer state; done once for each.
    Join(ConfigFile),
    /// Makes PostgreSQL ready: with --roles its roles, without it the schema. The embedded database needs neither.
    Migrate(Migrate),
    /// Serves.
    Serve(ConfigFile),
    /// Looks at a configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Shows, checks and compares the tables of law.
    Grounds {
        #[command(subcommand)]
        command: GroundsCommand,
    },
    /// Reads the whole journal and holds the rows against it; may run beside a broker.
    Replay(ConfigFile),
}

#[derive(Debug, Args)]
struct Migrate {
    #[command(flatten)]
    file: ConfigFile,
    /// Makes the roles brygga_owner, brygga_migrate, brygga_run, brygga_audit and brygga_backup, and the schema that they share.
    #[arg(long)]
    roles: bool,
    /// Whom to connect as, in place of the configured role: with --roles somebody who may create roles (postgres), else somebody who
    /// may become the owner (brygga_migrate).
    #[arg(long)]
    user: Option<String>,
    /// A file that holds that user's password and nothing else.
    #[arg(long)]
    password_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Checks every value and file, and says all that is wrong.
    Check(ConfigFile),
}

#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration.
    #[arg(long, default_value = "/etc/bryggad/bryggad.toml")]
    config: PathBuf,
}

#[derive(Debug, Args)]
struct Dev {
    /// The folder of the world.
    #[arg(long, global = true, default_value = ".brygga-dev")]
    world: PathBuf,
    /// Port of gRPC.
    #[arg(long, default_value_t = 7443)]
    port: u16,
    /// Port of the operator's listener.
    #[arg(long, default_value_t = 9464)]
    operator_port: u16,
    #[command(subcommand)]
    command: Option<DevCommand>,
}

#[derive(Debug, Subcommand)]
enum DevCommand {
    /// Flips a bit of a stored entry, as a dishonest administrator would, to see it caught.
    Tamper {
        /// Position of the entry.
        #[arg(long)]
        entry: i64,
    },
    /// Pushes a month of made-up reports into the broker that runs in the world; a second run adds nothing.
    Seed {
        /// How many reports.
        #[arg(long, default_value_t = dev::seed::REPORTS_PER_MONTH)]
        reports: usize,
        /// What everything follows from: the same seed gives the same spread.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How to show the summary.
        #[arg(short, long, default_value = "table")]
        output: Output,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Runs `bryggad` and gives its exit code.
pub fn run() -> u8 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { EXIT_USAGE } else { 0 };
            return error.print().map_or(EXIT_UNEXPECTED, |()| code);
        }
    };
    // Every TLS configuration names its provider; the default is set for what libraries build by themselves.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        return tell(&anyhow::anyhow!("another TLS provider was installed before"), EXIT_UNEXPECTED);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return tell(&error.into(), EXIT_UNEXPECTED),
    };
    runtime.block_on(carry_out(cli.command)).unwrap_or_else(|error| tell(&error, EXIT_UNEXPECTED))
}

fn tell(error: &anyhow::Error, code: u8) -> u8 {
    // Nothing can be said where standard error is closed.
    writeln!(std::io::stderr(), "bryggad: {error:#}").map_or(EXIT_UNEXPECTED, |()| code)
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

async fn carry_out(command: Command) -> anyhow::Result<u8> {
    match command {
        Command::Tour => Box::pin(dev::tour::run(&mut std::io::stdout())).await,
        Command::Dev(dev) => Box::pin(run_dev(dev)).await,
        Command::TestServer { world, config, queue } => Box::pin(test_server(&world, &config, queue)).await,
        Command::Init(file) => match load(&file.config, Purpose::Production) {
            Ok(config) => {
                let other = open::ground_table(&config)?.hash() != GroundTable::load(SHIPPED)?.hash();
                app::init(start_of(config)).await?;
                say(if other { BEGUN_UNDER_OTHER_TABLES } else { "the log has begun; next: bryggad serve" }).map(|()| 0)
            }
            Err(error) => Ok(tell(&error, EXIT_USAGE)),
        },
        Command::Join(file) => match Config::load(&file.config) {
            Ok(config) => {
                let size = open::join(&config).await?;
                say(&format!("joined the log at {size} events; next: bryggad serve")).map(|()| 0)
            }
            Err(error) => Ok(tell(&error.into(), EXIT_USAGE)),
        },
        Command::Migrate(asked) => match Config::load(&asked.file.config) {
            Ok(config) => migrate(&config, asked).await,
            Err(error) => Ok(tell(&error.into(), EXIT_USAGE)),
        },
        Command::Serve(file) => match load(&file.config, Purpose::Production) {
            Ok(config) => Box::pin(serve(config)).await,
            Err(error) => Ok(tell(&error, EXIT_USAGE)),
        },
        Command::Config { command: ConfigCommand::Check(file) } => match load(&file.config, Purpose::Production) {
            Ok(_) => say("the configuration is sound").map(|()| 0),
            Err(error) => Ok(tell(&error, EXIT_USAGE)),
        },
        // A table that is refused is a fault of what was given, as a configuration is.
        Command::Grounds { command } => match Box::pin(grounds::run(command)).await {
            Ok(text) => say(&text).map(|()| 0),
            Err(error) => Ok(tell(&error, EXIT_USAGE)),
        },
        Command::Replay(file) => match Config::load(&file.config) {
            Ok(config) => replay_log(&config).await,
            Err(error) => Ok(tell(&error.into(), EXIT_USAGE)),
        },
    }
}

fn load(path: &std::path::Path, purpose: Purpose) -> anyhow::Result<Config> {
    let config = Config::load(path)?;
    config.check(purpose)?;
    Ok(config)
}

fn start_of(config: Config) -> Start {
    Start { config, purpose: Purpose::Production, clock: Arc::new(SystemClock), lanes: LaneLimits::default() }
}

async fn serve(config: Config) -> anyhow::Result<u8> {
    let telemetry = Telemetry::install(&config.telemetry)?;
    let running = app::start(start_of(config), &telemetry).await?;
    tracing::info!(address = %running.grpc, "serving");
    let supervisor = std::env::var_os("NOTIFY_SOCKET");
    notify_supervisor(supervisor.as_deref(), Notice::Ready)?;
    let code = until_stopped(&running).await?;
    notify_supervisor(supervisor.as_deref(), Notice::Stopping)?;
    telemetry.shutdown().await;
    Ok(code)
}

/// Runs until a signal or a crash; the exit code tells a log in doubt from an orderly stop.
async fn until_stopped(running: &app::Running) -> anyhow::Result<u8> {
    let ended = running.lifecycle.run(stop_signals(&running.lifecycle)?).await;
    Ok(exit_code(running, &ended))
}

fn exit_code(running: &app::Running, ended: &Ended) -> u8 {
    match (running.broker.doubt(), ended) {
        (Some(_), _) => EXIT_DOUBT,
        (None, Ended::Stopped | Ended::Cut) => 0,
        (None, Ended::Crashed { .. }) => EXIT_UNEXPECTED,
    }
}

async fn run_dev(dev: Dev) -> anyhow::Result<u8> {
    match dev.command {
        None => keep_running(&dev).await,
        Some(DevCommand::Tamper { entry }) => {
            brygga_store::tamper(&dev.world.join("brygga.db"), entry).await?;
            say(&format!("flipped one bit of entry {entry}; next: brygga log verify --live --as imy")).map(|()| 0)
        }
        Some(DevCommand::Seed { reports, seed, output }) => {
            let summary = Box::pin(dev::seed::run(&dev.world, dev::seed::Options { reports, seed })).await?;
            let text = match output {
                Output::Table => summary.table()?,
                Output::Json => serde_json::to_string_pretty(&summary)?,
            };
            say(&text).map(|()| 0)
        }
    }
}

async fn keep_running(dev: &Dev) -> anyhow::Result<u8> {
    let began = tokio::time::Instant::now();
    let ports = Ports { grpc: dev.port, operator: dev.operator_port };
    let more = "\n[telemetry]\nlog_format = \"text\"\nlog_level = \"warn\"\n";
    let mut world = dev::world::World::open_or_make(&dev.world, ports, more).await?;
    world.set_ports(ports);
    let telemetry = Telemetry::install(&world.config().telemetry)?;
    let running = world.start(&telemetry, LaneLimits::default()).await?;
    say(&facts(&world, &running, began.elapsed())?)?;
    let code = until_stopped(&running).await?;
    telemetry.shutdown().await;
    Ok(code)
}

/// The block of facts that a development world shows when it is ready.
fn facts(world: &dev::world::World, running: &app::Running, took: std::time::Duration) -> anyhow::Result<String> {
    let directory = running.broker.directory();
    let agencies: Vec<&str> = directory.agencies().map(|agency| agency.id.as_str()).collect();
    let fingerprint = world.ca_fingerprint()?;
    let mut text = format!("bryggad {}   DEVELOPMENT: made-up people only, never real data\n", env!("CARGO_PKG_VERSION"));
    writeln!(text, "  gRPC       https://localhost:{}     mutual TLS, reflection on", running.grpc.port())?;
    writeln!(text, "  Metrics    http://localhost:{}/metrics", running.operator.port())?;
    writeln!(text, "  Data       {}   delete this folder to start over", world.folder().display())?;
    writeln!(text, "  Dev CA     {}   SHA-256 {}", world.folder().join("ca.pem").display(), fingerprint.get(..16).unwrap_or_default())?;
    writeln!(text, "  Log        {}   {} entries, key {}", world.config().log.origin, *running.broker.head().borrow(), world.log_key()?)?;
    writeln!(text, "  Agencies   {}", agencies.join(" "))?;
    write!(text, "ready in {:.1} s.  Next, in another terminal:  brygga doctor --as vasterort-polis      (Ctrl-C stops)", took.as_secs_f64())?;
    Ok(text)
}

async fn test_server(folder: &std::path::Path, more: &str, queue: Option<usize>) -> anyhow::Result<u8> {
    let ports = Ports { grpc: 0, operator: 0 };
    let world = dev::world::World::open_or_make(folder, ports, more).await?;
    let telemetry = Telemetry::install(&world.config().telemetry)?;
    let lanes = queue.map_or_else(LaneLimits::default, |length| LaneLimits { ordinary: length, prompt: length });
    let running = world.start(&telemetry, lanes).await?;
    let ready = serde_json::json!({
        "grpc": running.grpc.to_string(),
        "operator": running.operator.to_string(),
        "world": folder,
        "log_key": world.log_key()?,
        "in_doubt": running.broker.doubt(),
    });
    say(&ready.to_string())?;
    let ended = running.lifecycle.run(dev::until_input_ends(&running.lifecycle)?).await;
    telemetry.shutdown().await;
    Ok(exit_code(&running, &ended))
}

async fn migrate(config: &Config, asked: Migrate) -> anyhow::Result<u8> {
    let Place::Postgres(configured) = &config.storage.place else {
        return say("the embedded database is brought up to date when the broker starts; there is nothing to do").map(|()| 0);
    };
    let usual = if asked.roles { "postgres" } else { "brygga_migrate" };
    let user = asked.user.unwrap_or_else(|| usual.to_owned());
    let options = PostgresOptions { user, password_file: asked.password_file, ..configured.clone() };
    if asked.roles {
        postgres::make_roles(&options).await?;
        return say("the roles are there; next: bryggad migrate").map(|()| 0);
    }
    let done = postgres::migrate(&options).await?;
    let text = match done.from {
        0 => format!("the schema is there, version {}; next: bryggad init", done.to),
        from if from == done.to => format!("the schema is up to date, version {from}"),
        from => format!("the schema went from version {from} to {}", done.to),
    };
    say(&text).map(|()| 0)
}

async fn replay_log(config: &Config) -> anyhow::Result<u8> {
    let mut reader = open::beside(&config.storage.place).await?;
    let mut told = 0;
    let found = replay(&mut reader, |done, total| {
        if done == total || done >= told + PROGRESS_EVENTS {
            told = done;
            tell_progress(done, total);
        }
    })
    .await?;
    let differing = found.differing.len();
    say(&format!(
        "{} events, {} referrals, {differing} differ, root {}",
        found.events,
        found.referrals,
        if found.root_matches { "matches" } else { "DIFFERS" }
    ))?;
    for referral in found.differing.iter().take(DIFFERING_SHOWN_MAX) {
        say(&format!("differs    {referral}"))?;
    }
    Ok(if found.is_sound() { 0 } else { EXIT_DOUBT })
}

/// What is said of a beginning where own tables are configured.
const BEGUN_UNDER_OTHER_TABLES: &str = "the log has begun, with the tables that ship; next: two officers put yours into force, each with `bryggad grounds activate --officer NAME`, then bryggad serve";
/// How often a replay tells how far it is.
const PROGRESS_EVENTS: u64 = 50_000;
/// How many differing referrals a replay names.
const DIFFERING_SHOWN_MAX: usize = 100;

fn tell_progress(done: u64, total: u64) {
    // Progress is a courtesy; a closed terminal does not end a replay.
    drop(writeln!(std::io::stderr(), "replayed {done} of {total} events"));
}
