//! Two real versions side by side: brokers of the version before the latest step of the schema take load, the schema is brought up to date
//! under them, and they change over to this version one by one, and one of them back and forth.
//!
//! The earlier version is built from this repository's own history. `EARLIER` names another commit, `SEED` repeats a run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use brygga_client::Client;
use brygga_pgtest::{Cluster, SUPERUSER, Setup};
use brygga_tests::brokers::{pairs, three};
use brygga_tests::harness::{Broker, bryggad, replayed};
use brygga_tests::load::{Players, Random, STUCK_MAX, judge_under, setting};
use brygga_tests::postgres::{options, section};
use brygga_tests::requests::AUDITOR;
use brygga_tests::watchers::Watchers;

/// Load between the steps.
const LOAD: Duration = Duration::from_secs(2);
/// The steps of the schema.
const STEPS: &str = "crates/store/src/migrations/postgres";
/// The files of law that a broker's own table is made of, in their order.
const LAW: [&str; 3] = ["grounds", "offences", "clocks"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// What a program prints.
fn run(command: &mut Command) -> String {
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{command:?}: {}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}

fn git(args: &[&str]) -> String {
    run(Command::new("git").arg("-C").arg(root()).args(args))
}

/// The commit that is tried: the one before the latest step of the schema came.
fn earlier() -> String {
    std::env::var("EARLIER").unwrap_or_else(|_| {
        let steps = std::fs::read_dir(root().join(STEPS)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let latest = steps.filter(|name| name.starts_with(|first: char| first.is_ascii_digit())).max().unwrap();
        let came = git(&["log", "--diff-filter=A", "--format=%H", "--", &format!("{STEPS}/{latest}")]);
        format!("{}^", came.lines().last().expect("the history does not reach back to the latest step; name a commit with EARLIER"))
    })
}

/// Another version of the program, and the law that it ships with.
struct Version {
    program: PathBuf,
    law: String,
}

/// Builds the earlier version in a folder of its own, which is kept for the next run.
fn build(commit: &str) -> Version {
    let commit = git(&["rev-parse", "--verify", &format!("{commit}^{{commit}}")]);
    let folder = bryggad().parent().unwrap().parent().unwrap().join("earlier");
    let source = folder.join(&commit);
    std::fs::create_dir_all(&source).unwrap();
    let archive = folder.join("source.tar");
    git(&["archive", "--output", archive.to_str().unwrap(), &commit]);
    run(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&source));
    let target = folder.join("target");
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&source).args(["build", "--quiet", "--profile", "ci", "-p", "brygga-server", "--bin", "bryggad", "--target-dir"]).arg(&target);
    run(&mut cargo);
    let read = |name: &str| std::fs::read_to_string(source.join("crates/domain/data").join(name).with_extension("json")).unwrap();
    Version { program: target.join("ci/bryggad"), law: LAW.map(read).concat() }
}

/// Brings the schema of a world's database to what a program knows, and gives what it says.
fn migrate(program: &Path, world: &Path, args: &[&str]) -> String {
    run(Command::new(program).arg("migrate").args(args).arg("--config").arg(world.join("bryggad.toml")))
}

/// A database with the earlier program's schema, as configuration.
fn database(earlier: &Version, cluster: &Cluster, scratch: &Path) -> String {
    let section = section(&options(cluster, &cluster.database(None), "brygga_run"));
    // A world writes its configuration before it finds that its database is empty; that is all that is wanted of this one.
    let made = Command::new(&earlier.program).arg("test-server").arg("--world").arg(scratch).args(["--config", &section]).output().unwrap();
    assert!(!made.status.success(), "it began a log in a database without a schema");
    migrate(&earlier.program, scratch, &["--roles", "--user", SUPERUSER]);
    migrate(&earlier.program, scratch, &[]);
    section
}

/// Stops the broker at a place in order, and starts a program in its world.
async fn change_over(brokers: &mut Vec<Broker>, place: usize, program: &Path) {
    let before = brokers.remove(place);
    let folder = before.folder().to_owned();
    assert_eq!(before.stop().await, Some(0), "a stop in order");
    let after = Broker::start_program(program, &folder, &[]).await;
    assert!(after.ready()["in_doubt"].is_null(), "{}", after.ready());
    brokers.insert(place, after);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn brokers_of_two_versions_stand_side_by_side_and_nothing_acknowledged_is_lost() {
    let (earlier, now, seed) = (build(&earlier()), bryggad(), setting("SEED", u64::from(std::process::id())));
    println!("SEED={seed}");
    let mut random = Random(seed);
    let cluster = Cluster::start(&Setup::default());
    let home = tempfile::tempdir().unwrap();
    let section = database(&earlier, &cluster, &home.path().join("scratch"));
    let folders = ["one", "two", "three"].map(|name| home.path().join(name));
    let mut brokers = three(&earlier.program, &folders, &section, &mut random).await;
    let players = Players::start(pairs(&brokers), &mut random);
    let watchers = Watchers::start(&brokers).await;
    let under_load = async || {
        tokio::time::sleep(LOAD).await;
        players.all_answered(STUCK_MAX).await;
        watchers.all_move(STUCK_MAX).await;
    };
    under_load().await;
    println!("{}", migrate(now, &folders[0], &[]));
    // The law does not change with the program: until two officers activate another table, every broker decides by the one in force.
    let law = home.path().join("law.json");
    std::fs::write(&law, &earlier.law).unwrap();
    for folder in &folders {
        let file = folder.join("bryggad.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{text}\n[grounds]\nfile = \"{}\"\n", law.display())).unwrap();
    }
    // Forth, one of them back, and forth to the end: both versions stand beside each other at every step but the last.
    for (place, program) in [(0, now), (1, now), (0, earlier.program.as_path()), (0, now), (2, now)] {
        under_load().await;
        change_over(&mut brokers, place, program).await;
    }
    under_load().await;
    let seen = players.end().await;
    let auditor = Client::connect(&brokers[1].config(AUDITOR)).unwrap().as_officer("eva");
    let log = judge_under(&[earlier.law], &seen, &auditor).await;
    let shown = watchers.end(&log, STUCK_MAX).await;
    replayed(&folders[2]).await;
    println!("{}, {} events, {shown} entries on streams", seen.summary(), log.entries.len());
    for broker in brokers {
        assert_eq!(broker.stop().await, Some(0));
    }
}
