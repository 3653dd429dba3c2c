//! What `config check` looks at beyond the text: files, their modes, and what is in them.
//!
//! It must never change a file or print what a private one holds. `serve` runs it before it binds a socket.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use brygga_domain::{Directory, GroundTable};
use brygga_store::postgres::Server;
use tokio_util::sync::CancellationToken;

use super::{Config, DEV_ORIGIN_PREFIX, NoticesSection, Place};
use crate::directory_file::DirectoryFile;
use crate::notices::Notices;
use crate::open::read_secret;
use crate::tls::Tls;

/// Bits of a private file's mode that nobody may have: writing for the group, anything for others.
const FORBIDDEN_MODE: u32 = 0o027;

/// What the configuration is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Real data.
    Production,
    /// Made-up people only.
    Development,
}

/// Everything that is wrong, each with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckError {
    /// Key and what is wrong with it.
    pub problems: Vec<(&'static str, String)>,
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, why)) in self.problems.iter().enumerate() {
            let end = if index + 1 < self.problems.len() { "\n" } else { "" };
            write!(f, "{key}: {why}{end}")?;
        }
        Ok(())
    }
}

impl std::error::Error for CheckError {}

impl Config {
    /// Checks every file that the configuration names and reports all problems at once.
    pub fn check(&self, purpose: Purpose) -> Result<(), CheckError> {
        let mut found = Problems::default();
        let development = self.log.origin.starts_with(DEV_ORIGIN_PREFIX);
        match (purpose, development) {
            (Purpose::Production, true) => {
                let why = format!("{DEV_ORIGIN_PREFIX}… is the development log; a broker with real data needs a name and keys of its own");
                found.add("log.origin", why);
            }
            (Purpose::Development, false) => found.add("log.origin", format!("a development log's name begins with {DEV_ORIGIN_PREFIX}")),
            (Purpose::Production, false) | (Purpose::Development, true) => {}
        }
        found.secret("log.signing_key", &self.log.signing_key);
        found.secret("door.secret", &self.door.secret);
        found.private("tls.key", &self.tls.key);
        found.place(&self.storage.place);
        found.folder_of("storage.signer_state", &self.storage.signer_state);
        if let Err(error) = Tls::load(self.tls_files(), CancellationToken::new()) {
            found.add("tls", with_causes(&error));
        }
        // The development world names no issuer in its file, for its authority is made at start.
        let assumed = match purpose {
            Purpose::Production => None,
            Purpose::Development => Some([0; 32]),
        };
        match DirectoryFile::load(&self.directory.file).and_then(|file| file.into_directory(assumed)) {
            Ok(directory) => found.notices(&self.notices, &directory),
            Err(error) => found.add("directory.file", with_causes(&error)),
        }
        if let Some(grounds) = &self.grounds {
            match fs::read_to_string(&grounds.file) {
                Ok(text) => drop(GroundTable::load(&text).map_err(|error| found.add("grounds.file", with_causes(&error)))),
                Err(error) => found.add("grounds.file", cannot_read(&grounds.file, &error)),
            }
        }
        found.into_result()
    }
}

#[derive(Default)]
struct Problems(Vec<(&'static str, String)>);

impl Problems {
    fn add(&mut self, key: &'static str, why: String) {
        self.0.push((key, why));
    }

    /// A secret of the broker: private, and of the shape that it is read in. A log that was begun is never begun again, so this must
    /// be known before.
    fn secret(&mut self, key: &'static str, path: &Path) {
        let before = self.0.len();
        self.private(key, path);
        if self.0.len() == before
            && let Err(error) = read_secret(path)
        {
            self.add(key, with_causes(&error));
        }
    }

    /// A readable file that nobody else can read or change.
    fn private(&mut self, key: &'static str, path: &Path) {
        // Opened, not only looked at: the right to read is what counts.
        match fs::File::open(path).and_then(|file| file.metadata()) {
            Err(error) => self.add(key, cannot_read(path, &error)),
            Ok(found) if !found.is_file() => self.add(key, format!("{} is not a file", path.display())),
            Ok(found) if found.permissions().mode() & FORBIDDEN_MODE != 0 => {
                let mode = found.permissions().mode() & 0o777;
                self.add(key, format!("{} is open to others (mode {mode:03o}); run: chmod 600 {}", path.display(), path.display()));
            }
            Ok(_) => {}
        }
    }

    /// Where the log lies, as far as files tell: whether a server answers is seen at start.
    fn place(&mut self, place: &Place) {
        match place {
            Place::Embedded(database) => self.folder_of("storage.database", database),
            Place::Postgres(options) => {
                if let Some(file) = &options.password_file {
                    self.private("storage.postgres.password_file", file);
                }
                match &options.server {
                    Server::Socket { folder } if !folder.is_dir() => {
                        self.add("storage.postgres.socket", format!("the folder {} does not exist", folder.display()));
                    }
                    Server::Tcp { root_certificate, .. } => {
                        if let Err(error) = fs::File::open(root_certificate) {
                            self.add("storage.postgres.root_certificate", cannot_read(root_certificate, &error));
                        }
                    }
                    Server::Socket { .. } => {}
                }
            }
        }
    }

    /// Notices: every function is in the directory, and what they are sent with can be set up.
    fn notices(&mut self, section: &NoticesSection, directory: &Directory) {
        for name in section.functions.keys() {
            if !directory.functions().any(|function| function.id.as_str() == name) {
                self.add("notices.functions", format!("the directory has no function {name}"));
            }
        }
        if let Some(file) = section.smtp.as_ref().and_then(|smtp| smtp.password_file.as_ref()) {
            self.private("notices.smtp.password_file", file);
        }
        if let Err(error) = Notices::check(section) {
            self.add("notices", with_causes(&error));
        }
    }

    /// A file that the broker makes: its folder must be there.
    fn folder_of(&mut self, key: &'static str, path: &Path) {
        let folder: PathBuf = path.parent().map_or_else(PathBuf::new, Path::to_owned);
        if path.is_dir() {
            self.add(key, format!("{} is a folder", path.display()));
        } else if !folder.is_dir() {
            self.add(key, format!("the folder {} does not exist", folder.display()));
        }
    }

    fn into_result(self) -> Result<(), CheckError> {
        if self.0.is_empty() { Ok(()) } else { Err(CheckError { problems: self.0 }) }
    }
}

fn cannot_read(path: &Path, error: &std::io::Error) -> String {
    format!("reading {}: {error}", path.display())
}

/// An error with its causes, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
