//! Opens the log: database, key and signer state, and the check whether this is the log that this broker last wrote.
//!
//! Called by `app` at start. A log in doubt is opened all the same, for reading; nothing is ever written to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use brygga_domain::GroundTable;
use brygga_engine::batch::Law;
use brygga_engine::directory;
use brygga_engine::signer::{LogSigner, SignerError};
use brygga_engine::signer_state::{SignerState, SignerStateError};
use brygga_engine::startup::{self, Doubt};
use brygga_engine::store::{Reader as _, StoreError};
use brygga_merkle::Ed25519Signer;
use brygga_store::{OpenError, SqliteCheckpointer, SqliteOptions, SqliteReader, SqliteStore};
use brygga_wire::Door;
use zeroize::Zeroizing;

use crate::config::Config;

/// A log that is open.
pub struct Opened {
    /// The writer.
    pub store: SqliteStore,
    /// The readers.
    pub readers: Vec<SqliteReader>,
    /// Moves the WAL into the file.
    pub checkpointer: SqliteCheckpointer,
    /// The log's key.
    pub signer: LogSigner,
    /// The committed heads, or why the log is in doubt.
    pub state: Result<SignerState, String>,
    /// The law and the directory.
    pub law: Law,
    /// Number of events.
    pub size: u64,
}

/// Why the log does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenLogError {
    /// A secret file is not 64 hexadecimal digits.
    #[error("{} must hold 64 hexadecimal digits and nothing else", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
    },
    /// A file can't be read.
    #[error("reading {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The key or the origin can't be used.
    #[error("the log's key")]
    Signer(#[source] SignerError),
    /// The door's secret gives no keys.
    #[error("the door's secret")]
    Door(#[source] brygga_wire::door::DoorError),
    /// The ground table is refused.
    #[error("the ground table")]
    Grounds(#[source] brygga_domain::grounds::TableError),
    /// The database does not open.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The database can't be read.
    #[error("reading the database")]
    Store(#[from] StoreError),
    /// The signer state can't be made.
    #[error("making the signer state")]
    State(#[source] SignerStateError),
    /// There is a signer state but no log, or the reverse.
    #[error("{} exists already: this log was begun before and is never begun again", path.display())]
    Begun {
        /// The file.
        path: PathBuf,
    },
}

/// Reads a secret of 32 bytes, kept as 64 hexadecimal digits.
pub fn read_secret(path: &Path) -> Result<Zeroizing<[u8; 32]>, OpenLogError> {
    let text = Zeroizing::new(fs::read_to_string(path).map_err(|source| OpenLogError::Read { path: path.to_owned(), source })?);
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim(), bytes.as_mut_slice()).map_err(|_| OpenLogError::Secret { path: path.to_owned() })?;
    Ok(bytes)
}

/// The door's keys.
pub fn door(config: &Config) -> Result<Door, OpenLogError> {
    Door::new(&read_secret(&config.door.secret)?).map_err(OpenLogError::Door)
}

/// The log's key.
pub fn signer(config: &Config) -> Result<LogSigner, OpenLogError> {
    let seed = read_secret(&config.log.signing_key)?;
    LogSigner::new(&config.log.origin, Box::new(Ed25519Signer::from_seed(*seed))).map_err(OpenLogError::Signer)
}

/// The ground table: the configured one, or the one that ships.
pub fn ground_table(config: &Config) -> Result<GroundTable, OpenLogError> {
    let text = match &config.grounds {
        Some(section) => fs::read_to_string(&section.file).map_err(|source| OpenLogError::Read { path: section.file.clone(), source })?,
        None => brygga_domain::grounds::SHIPPED.to_owned(),
    };
    GroundTable::load(&text).map_err(OpenLogError::Grounds)
}

/// Begins a new log's signer state. A file that is there is never overwritten: it belongs to a log that somebody knows.
pub fn begin(config: &Config) -> Result<(), OpenLogError> {
    for path in [&config.storage.signer_state, &config.storage.database] {
        if path.exists() {
            return Err(OpenLogError::Begun { path: path.clone() });
        }
    }
    SignerState::create(&config.storage.signer_state).map(drop).map_err(OpenLogError::State)
}

/// Opens the log and checks it against the signer state.
pub async fn open(config: &Config) -> Result<Opened, OpenLogError> {
    let signer = signer(config)?;
    let table = Arc::new(ground_table(config)?);
    let (store, mut readers) = SqliteStore::open(&config.storage.database, &SqliteOptions::default()).await?;
    let Some(reader) = readers.readers.first_mut() else {
        return Err(StoreError::Corrupt(brygga_engine::store::Corrupt { table: "reader", row: String::new(), column: "count" }).into());
    };
    let (agencies, functions) = reader.directory().await?;
    let (state, size) = check(config, &signer, reader).await?;
    let (state, directory) = match directory::read(&agencies, &functions) {
        Ok(directory) => (state, directory),
        Err(corrupt) => (Err(corrupt.to_string()), brygga_domain::Directory::default()),
    };
    let law = Law { directory: Arc::new(directory), table };
    Ok(Opened { store, readers: readers.readers, checkpointer: readers.checkpointer, signer, state, law, size })
}

async fn check(config: &Config, signer: &LogSigner, reader: &mut SqliteReader) -> Result<(Result<SignerState, String>, u64), OpenLogError> {
    let size = u64::try_from(reader.head().await?.size).unwrap_or_default();
    let (state, recorded) = match SignerState::open(&config.storage.signer_state, signer.key()) {
        Ok((state, recorded)) => (state, recorded),
        Err(error) => return Ok((Err(with_source(&error)), size)),
    };
    // A file that holds no head belongs to a log that has not begun, or whose first batch was not recorded any more; else its record was lost.
    let first_batch_only = reader.checkpoint(None).await?.is_none_or(|checkpoint| checkpoint.prev_size == 0);
    if recorded.is_none() && !first_batch_only {
        return Ok((Err(format!("the signer state {} holds no head, but the log has {size} events", config.storage.signer_state.display())), size));
    }
    match startup::check(reader, signer.key(), recorded.as_ref()).await {
        Ok(_) => Ok((Ok(state), size)),
        Err(Doubt::Store(error)) => Err(error.into()),
        Err(doubt) => Ok((Err(doubt.to_string()), size)),
    }
}

fn with_source(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
