//! `client.toml`: what this agency's client has to know, as a file.
//!
//! Paths in it are taken from its own folder, so that a whole folder can be moved. No secret stands in it: the private key is a file
//! of its own.

use std::path::{Path, PathBuf};

use brygga_client::{ClientConfig, Deadlines};
use brygga_domain::{AgencyId, FunctionId};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The folder of a development world, where none is named.
pub const DEV_WORLD: &str = ".brygga-dev";
/// The name of the file.
pub const FILE_NAME: &str = "client.toml";

/// The file. Times and addresses are text; every path is relative to the file's folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientFile {
    /// `https://host:port` of the broker.
    pub endpoint: String,
    /// The name that the broker's certificate must bear; absent: the endpoint's host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// The authorities that issue brokers' certificates, PEM.
    pub ca: PathBuf,
    /// The agency's certificate chain, PEM, leaf first.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// The agency that the certificate names.
    pub agency: String,
    /// The functions that the agency answers for.
    #[serde(default)]
    pub functions: Vec<String>,
    /// The log's verifier key, C2SP.
    pub log_key: String,
    /// Where the latest verified checkpoint is kept.
    pub pin: PathBuf,
    /// Where writes are kept until they are delivered; absent: they are sent at once or fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbox: Option<PathBuf>,
    /// The officer who acts where the command names none; for a case system that acts by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub officer: Option<String>,
}

impl ClientFile {
    /// The file's text.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string_pretty(self)
    }
}

/// The settings of one command.
#[derive(Debug)]
pub struct Settings {
    /// Where they come from.
    pub path: PathBuf,
    /// For the client.
    pub client: ClientConfig,
    /// The outbox, if writes are kept.
    pub outbox: Option<PathBuf>,
    /// The officer who acts where the command names none.
    pub officer: Option<String>,
}

/// Finds the file: named outright, or by agency in a world.
pub fn locate(config: Option<&Path>, agency: Option<&str>, world: Option<&Path>) -> Result<PathBuf, Failure> {
    match (config, agency) {
        (Some(config), _) => Ok(config.to_owned()),
        (None, Some(agency)) => {
            // Only a name of an agency becomes a part of a path.
            let agency: AgencyId = agency.parse().map_err(|_| Failure::usage("--as takes the name of an agency, for example vasterort-polis"))?;
            Ok(world.unwrap_or(Path::new(DEV_WORLD)).join("agencies").join(agency.as_str()).join(FILE_NAME))
        }
        (None, None) => Err(Failure::usage("who acts is not said").with_try("--as AGENCY in a development world, or --config client.toml")),
    }
}

/// Reads the file and what it names.
pub fn load(path: &Path) -> Result<Settings, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let file: ClientFile = toml::from_str(&text).map_err(|error| {
        let place = error.span().map_or_else(String::new, |span| format!(", line {}", text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1));
        Failure::settings(format!("{}{place}: {}", path.display(), error.message()))
    })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let read = |name: &Path| {
        let path = folder.join(name);
        std::fs::read(&path).map_err(|error| unreadable(&path, &error))
    };
    let agency: AgencyId = file.agency.parse().map_err(|_| Failure::settings(format!("{}: agency is no name of an agency", path.display())))?;
    let functions: Result<Vec<FunctionId>, Failure> = file
        .functions
        .iter()
        .map(|function| function.parse().map_err(|_| Failure::settings(format!("{}: functions holds what is no name of a function", path.display()))))
        .collect();
    let client = ClientConfig {
        endpoint: file.endpoint,
        server_name: file.server_name,
        ca_pem: read(&file.ca)?,
        cert_pem: read(&file.certificate)?,
        key_pem: read(&file.key)?,
        agency,
        functions: functions?,
        log_key: file.log_key,
        pin: folder.join(&file.pin),
        deadlines: Deadlines::default(),
    };
    Ok(Settings { path: path.to_owned(), client, outbox: file.outbox.map(|outbox| folder.join(outbox)), officer: file.officer })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let failure = Failure::settings(format!("{} cannot be read: {error}", path.display()));
    if error.kind() == std::io::ErrorKind::NotFound { failure.with_try("bryggad dev (makes a development world), or --config client.toml") } else { failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> ClientFile {
        ClientFile {
            endpoint: String::from("https://localhost:7443"),
            server_name: None,
            ca: PathBuf::from("../../ca.pem"),
            certificate: PathBuf::from("certificate.pem"),
            key: PathBuf::from("key.pem"),
            agency: String::from("solna-soc"),
            functions: vec![String::from("solna-rvc")],
            log_key: String::from("dev.invalid/disclosures+7c1e2f90+AAAA"),
            pin: PathBuf::from("pin"),
            outbox: None,
            officer: Some(String::from("sara")),
        }
    }

    #[test]
    fn a_written_file_is_read_back_with_paths_of_its_own_folder() {
        let world = tempfile::tempdir().unwrap();
        let folder = world.path().join("agencies/solna-soc");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(world.path().join("ca.pem"), "ca").unwrap();
        std::fs::write(folder.join("certificate.pem"), "certificate").unwrap();
        std::fs::write(folder.join("key.pem"), "key").unwrap();
        std::fs::write(folder.join(FILE_NAME), file().to_toml().unwrap()).unwrap();
        let path = locate(None, Some("solna-soc"), Some(world.path())).unwrap();
        let settings = load(&path).unwrap();
        assert_eq!(settings.client.ca_pem, b"ca");
        assert_eq!(settings.client.pin, folder.join("pin"));
        assert_eq!(settings.client.functions.len(), 1);
        assert_eq!(settings.officer.as_deref(), Some("sara"));
    }

    #[test]
    fn an_agency_that_is_no_name_never_becomes_a_path() {
        for bad in ["../solna-soc", "/etc", "", "Solna", "a/b"] {
            assert_eq!(locate(None, Some(bad), None).unwrap_err().exit(), 2, "{bad}");
        }
    }

    #[test]
    fn a_wrong_file_is_a_fault_of_settings() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        assert_eq!(load(&path).unwrap_err().exit(), 2);
        std::fs::write(&path, "endpoint = 7\n").unwrap();
        assert_eq!(load(&path).unwrap_err().exit(), 2);
        std::fs::write(&path, format!("{}extra = 1\n", file().to_toml().unwrap())).unwrap();
        assert_eq!(load(&path).unwrap_err().exit(), 2);
    }
}
