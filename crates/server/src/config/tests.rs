//! The example files as they ship, and a table of what is refused.

use std::collections::BTreeMap;
use std::error::Error;
use std::os::unix::fs::PermissionsExt;

use brygga_domain::Time;
use rustls::pki_types::UnixTime;

use super::*;
use crate::dev::ca::{Authority, DevFiles, Validity, write_private};
use crate::lifecycle::STOP_SECONDS_MAX;

const EXAMPLE: &str = include_str!("../../../../deploy/bryggad.toml");
const UNIT: &str = include_str!("../../../../deploy/bryggad.service");
const DIRECTORY: &str = include_str!("../../../../deploy/examples/directory.json");

fn load(text: &str) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bryggad.toml");
    fs::write(&path, text).unwrap();
    Config::load(&path)
}

/// The example with every file it names, below a folder.
fn world() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for made in ["etc/bryggad/tls", "var/lib/bryggad", "var/lib/bryggad-signer"] {
        fs::create_dir_all(root.join(made)).unwrap();
    }
    let now = Time::from_micros(i64::try_from(UnixTime::now().as_secs()).unwrap() * 1_000_000);
    let authority = Authority::new("test authority", now).unwrap();
    let etc = root.join("etc/bryggad");
    let dev = DevFiles::in_folder(&root.join("made"));
    dev.write(&authority, std::iter::empty()).unwrap();
    fs::copy(dev.server_certificate(), etc.join("tls/server.pem")).unwrap();
    fs::copy(dev.server_key(), etc.join("tls/server.key")).unwrap();
    fs::copy(dev.ca(), etc.join("tls/client-ca.pem")).unwrap();
    let list = authority.revocation_list(&[], Validity::starting(now).from).unwrap();
    fs::write(etc.join("tls/client-ca.crl.pem"), list).unwrap();
    write_private(&etc.join("log-signing.seed"), "01".repeat(32).as_bytes()).unwrap();
    write_private(&etc.join("door.secret"), "02".repeat(32).as_bytes()).unwrap();
    let named = format!("{{\"issuer_key_sha256\": \"{}\",", hex::encode(authority.key_hash()));
    fs::write(etc.join("directory.json"), DIRECTORY.replacen('{', &named, 1)).unwrap();
    let rebased = EXAMPLE.replace("\"/etc/", &format!("\"{}/etc/", root.display())).replace("\"/var/", &format!("\"{}/var/", root.display()));
    let path = etc.join("bryggad.toml");
    fs::write(&path, rebased).unwrap();
    (folder, path)
}

#[test]
fn the_example_loads_and_repeats_the_built_in_limits() {
    let config = load(EXAMPLE).unwrap();
    assert_eq!(config.limits.grpc(), Limits::default());
    assert_eq!(config.limits.listener(), ListenerLimits::default());
    assert_eq!(config.telemetry, TelemetrySection::default());
    assert_eq!(config.log.signing_key, Path::new("/etc/bryggad/log-signing.seed"));
}

#[test]
fn the_example_with_its_files_in_place_passes_the_check() {
    let (_folder, path) = world();
    Config::load(&path).unwrap().check(Purpose::Production).unwrap();
}

#[test]
fn relative_paths_are_relative_to_the_files_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bryggad.toml");
    fs::write(&path, EXAMPLE.replace("/var/lib/bryggad/brygga.db", "data/brygga.db")).unwrap();
    assert_eq!(Config::load(&path).unwrap().storage.place, Place::Embedded(folder.path().join("data/brygga.db")));
}

#[test]
fn what_the_text_has_wrong_is_named() {
    let cases = [
        ("log_level = \"info\"", "log_level = \"loud\"", "log_level"),
        ("log_format = \"json\"", "log_format = \"xml\"", "log_format"),
        ("origin =", "orgin =", "orgin"),
        ("origin = \"brygga.example/disclosures\"\n", "", "origin"),
        ("address = \"0.0.0.0:7443\"", "address = \"here\"", "address"),
        ("[door]", "[doors]", "doors"),
        ("prometheus = true", "prometheus = \"yes\"", "prometheus"),
        ("reads_at_once = 256", "reads_at_once = -1", "reads_at_once"),
        ("127.0.0.1:9464", "0.0.0.0:9464", "listen.operator"),
        ("brygga.example/disclosures", "https://brygga.example/x", "log.origin"),
        ("brygga.example/disclosures", "brygga.example", "log.origin"),
        ("brygga.example/disclosures", "brygga example/x", "log.origin"),
        ("brygga.example/disclosures", "brygga+example/x", "log.origin"),
        ("/var/lib/bryggad-signer/heads", "/var/lib/bryggad/brygga.db", "storage.signer_state"),
        ("traces = false", "traces = true", "telemetry.otlp_endpoint"),
        ("metrics = false", "metrics = true", "telemetry.otlp_endpoint"),
        ("traces = false", "traces = true\notlp_endpoint = \"https://127.0.0.1:4317\"", "telemetry.otlp_endpoint"),
        ("message_bytes = 1048576", "message_bytes = 0", "limits.message_bytes"),
        ("connections_per_agency = 128", "connections_per_agency = 0", "limits.connections_per_agency"),
    ];
    for (old, new, key) in cases {
        assert!(EXAMPLE.contains(old), "the example no longer holds {old}");
        let error = load(&EXAMPLE.replace(old, new)).expect_err(new);
        let text = format!("{error} {}", error.source().map_or_else(String::new, ToString::to_string));
        assert!(text.contains(key), "{text} does not name {key}");
    }
    assert!(matches!(Config::load(Path::new("/nowhere/bryggad.toml")), Err(ConfigError::Read { .. })));
}

#[test]
fn what_the_files_have_wrong_is_named() {
    type Damage = fn(&Path);
    let cases: [(&str, Damage, &str); 13] = [
        ("a seed as bytes", |etc| fs::write(etc.join("log-signing.seed"), [1; 32]).unwrap(), "log.signing_key"),
        ("a secret that is too short", |etc| fs::write(etc.join("door.secret"), "02".repeat(31)).unwrap(), "door.secret"),
        ("a missing seed", |etc| fs::remove_file(etc.join("log-signing.seed")).unwrap(), "log.signing_key"),
        ("a secret for all", |etc| fs::set_permissions(etc.join("door.secret"), fs::Permissions::from_mode(0o644)).unwrap(), "door.secret"),
        ("a key for all", |etc| fs::set_permissions(etc.join("tls/server.key"), fs::Permissions::from_mode(0o604)).unwrap(), "tls.key"),
        (
            "a folder as seed",
            |etc| {
                fs::remove_file(etc.join("log-signing.seed")).unwrap();
                fs::create_dir(etc.join("log-signing.seed")).unwrap();
            },
            "log.signing_key",
        ),
        ("no certificate", |etc| fs::write(etc.join("tls/server.pem"), "").unwrap(), "tls"),
        ("no authority", |etc| fs::write(etc.join("tls/client-ca.pem"), "").unwrap(), "tls"),
        ("an empty revocation list", |etc| fs::write(etc.join("tls/client-ca.crl.pem"), "").unwrap(), "tls"),
        ("a directory that is none", |etc| fs::write(etc.join("directory.json"), "{}").unwrap(), "directory.file"),
        ("a directory without an issuer", |etc| fs::write(etc.join("directory.json"), DIRECTORY).unwrap(), "directory.file"),
        ("no folder for the database", |etc| fs::remove_dir(etc.join("../../var/lib/bryggad")).unwrap(), "storage.database"),
        ("no folder for the signer", |etc| fs::remove_dir(etc.join("../../var/lib/bryggad-signer")).unwrap(), "storage.signer_state"),
    ];
    for (name, damage, key) in cases {
        let (_folder, path) = world();
        damage(path.parent().unwrap());
        let error = Config::load(&path).unwrap().check(Purpose::Production).unwrap_err();
        let keys: Vec<&str> = error.problems.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, [key], "{name}: {error}");
        assert!(error.to_string().starts_with(key), "{error}");
    }
}

/// The example with PostgreSQL in place of the embedded database, as its comment shows it.
fn with_postgres(example: &str) -> String {
    let (before, rest) = example.split_once("database = \"").unwrap();
    let (_, after) = rest.split_once('\n').unwrap();
    let shown = example.lines().find_map(|line| line.strip_prefix("# postgres = ")).expect("the example shows PostgreSQL");
    format!("{before}postgres = {shown}\n{after}")
}

#[test]
fn postgres_takes_the_place_of_the_embedded_database() {
    use brygga_store::postgres::Server;
    let Place::Postgres(options) = load(&with_postgres(EXAMPLE)).unwrap().storage.place else { panic!("another place") };
    assert_eq!((options.port, options.user.as_str()), (5432, "brygga_run"));
    assert!(matches!(options.server, Server::Tcp { .. }));
    let (_folder, path) = world();
    let etc = path.parent().unwrap();
    fs::write(&path, with_postgres(&fs::read_to_string(&path).unwrap())).unwrap();
    let error = Config::load(&path).unwrap().check(Purpose::Production).unwrap_err();
    let keys: Vec<&str> = error.problems.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, ["storage.postgres.password_file", "storage.postgres.root_certificate"]);
    fs::copy(etc.join("tls/client-ca.pem"), etc.join("tls/postgres-ca.pem")).unwrap();
    write_private(&etc.join("postgres.password"), b"made up").unwrap();
    Config::load(&path).unwrap().check(Purpose::Production).unwrap();
}

#[test]
fn the_log_lies_in_one_place_and_a_server_on_the_network_is_verified() {
    let postgres = with_postgres(EXAMPLE);
    let socket = "socket = \"/run/postgresql\"";
    for (text, key) in [
        (EXAMPLE.replacen("# postgres = ", "postgres = ", 1), "exclude each other"),
        (EXAMPLE.replacen("database = ", "# database = ", 1), "storage.postgres is missing"),
        (postgres.replacen("root_certificate = \"/etc/bryggad/tls/postgres-ca.pem\", ", "", 1), "storage.postgres.root_certificate"),
        (postgres.replacen("host = \"db.brygga.example\"", socket, 1), "storage.postgres.root_certificate"),
        (postgres.replacen("host = ", &format!("{socket}, host = "), 1), "storage.postgres.socket"),
        (postgres.replacen("user = ", "usr = ", 1), "usr"),
    ] {
        let error = load(&text).expect_err(key);
        let said = format!("{error} {}", error.source().map_or_else(String::new, ToString::to_string));
        assert!(said.contains(key), "{said} does not name {key}");
    }
}

/// The example with its notices, which stand there as comments.
fn with_notices(example: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut inside = false;
    for line in example.lines() {
        inside = (inside || line == "# [notices]") && !line.is_empty();
        let setting = line.strip_prefix("# ").filter(|bare| inside && (bare.starts_with('[') || bare.contains(" = ")));
        lines.push(setting.unwrap_or(line).to_owned());
    }
    lines.join("\n")
}

#[test]
fn notices_are_checked_before_anybody_relies_on_them() {
    let whole = with_notices(EXAMPLE);
    let notices = load(&whole).unwrap().notices;
    assert_eq!((notices.functions.len(), notices.smtp.unwrap().port), (1, 587));
    for (old, new, key) in [
        ("tls = \"starttls\"", "tls = \"none\"", "notices.smtp.tls"),
        ("from = \"brygga@brygga.example\"", "from = \"brygga\"", "notices.smtp"),
        ("user = \"brygga\"\n", "", "notices.smtp.user"),
        ("mail = [\"rvc@solna.example\"]", "mail = [\"rvc\"]", "notices.functions"),
        ("https://hooks", "http://hooks", "notices.functions"),
        ("https://hooks", "https://user:secret@hooks", "notices.functions"),
        ("functions.solna-rvc", "functions.\"Solna RVC\"", "notices.functions"),
        ("mail = [\"rvc@solna.example\"]\nwebhook = \"https://hooks.solna.example/brygga\"", "", "notices.functions"),
        ("mail = [", "post = [", "post"),
    ] {
        assert!(whole.contains(old), "{old}");
        let error = load(&whole.replacen(old, new, 1)).expect_err(new);
        let said = format!("{error} {}", error.source().map_or_else(String::new, ToString::to_string));
        assert!(said.contains(key), "{said} does not name {key}");
    }
    let (_folder, path) = world();
    fs::write(&path, with_notices(&fs::read_to_string(&path).unwrap()).replace("functions.solna-rvc", "functions.nowhere")).unwrap();
    let error = Config::load(&path).unwrap().check(Purpose::Production).unwrap_err();
    let keys: Vec<&str> = error.problems.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, ["notices.functions", "notices.smtp.password_file", "notices"]);
    let etc = path.parent().unwrap();
    fs::copy(etc.join("tls/client-ca.pem"), etc.join("tls/notices-ca.pem")).unwrap();
    write_private(&etc.join("smtp.password"), b"made up").unwrap();
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("functions.nowhere", "functions.solna-rvc")).unwrap();
    Config::load(&path).unwrap().check(Purpose::Production).unwrap();
}

#[test]
fn development_and_production_refuse_each_others_logs() {
    let (_folder, path) = world();
    let mut config = Config::load(&path).unwrap();
    assert_eq!(config.check(Purpose::Development).unwrap_err().problems[0].0, "log.origin");
    config.log.origin = format!("{DEV_ORIGIN_PREFIX}disclosures");
    assert_eq!(config.check(Purpose::Production).unwrap_err().problems[0].0, "log.origin");
    config.check(Purpose::Development).unwrap();
}

#[test]
fn a_ground_table_of_ones_own_is_checked() {
    let (folder, path) = world();
    let mut config = Config::load(&path).unwrap();
    let file = folder.path().join("grounds.json");
    config.grounds = Some(FileSection { file: file.clone() });
    assert_eq!(config.check(Purpose::Production).unwrap_err().problems[0].0, "grounds.file");
    fs::write(&file, "{}").unwrap();
    assert_eq!(config.check(Purpose::Production).unwrap_err().problems[0].0, "grounds.file");
    fs::write(&file, brygga_domain::grounds::SHIPPED).unwrap();
    config.check(Purpose::Production).unwrap();
}

#[test]
fn the_unit_starts_this_configuration_and_gives_away_nothing() {
    let mut settings: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    let mut section = "";
    for line in UNIT.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else {
            let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{line} is no setting"));
            settings.entry((section, key)).or_default().push(value);
        }
    }
    let service = |key| settings.get(&("Service", key)).map(Vec::as_slice);
    assert_eq!(service("ExecStart"), Some(&["/usr/bin/bryggad serve --config /etc/bryggad/bryggad.toml"][..]));
    assert_eq!(service("ExecStartPre"), Some(&["/usr/bin/bryggad config check --config /etc/bryggad/bryggad.toml"][..]));
    let stop: u64 = service("TimeoutStopSec").unwrap()[0].parse().unwrap();
    assert!(stop > STOP_SECONDS_MAX, "the broker must be able to end by itself");
    for key in ["NoNewPrivileges", "PrivateTmp", "PrivateDevices", "ProtectHome", "RestrictNamespaces", "LockPersonality", "MemoryDenyWriteExecute"] {
        assert_eq!(service(key), Some(&["yes"][..]), "{key}");
    }
    assert_eq!(service("CapabilityBoundingSet"), Some(&[""][..]));
    assert_eq!(service("ProtectSystem"), Some(&["strict"][..]));
    assert_eq!(service("LimitCORE"), Some(&["0"][..]), "a core dump would hold keys and content");
    let states = service("StateDirectory").unwrap()[0];
    let config = load(EXAMPLE).unwrap();
    let Place::Embedded(database) = &config.storage.place else { panic!("{}", config.storage.place) };
    for path in [database, &config.storage.signer_state] {
        let folder = path.parent().unwrap().strip_prefix("/var/lib").unwrap().to_str().unwrap();
        assert!(states.split(' ').any(|state| state == folder), "{folder} is not writable for the unit");
    }
}
