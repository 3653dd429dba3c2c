//! Opens the log: database, key and signer state, and the check whether this is the log that this broker last wrote.
//!
//! Called by `app` at start. A log in doubt is opened all the same, for reading; nothing is ever written to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use brygga_domain::GroundTable;
use brygga_engine::batch::Law;
use brygga_engine::directory;
use brygga_engine::rows::HeadRow;
use brygga_engine::signer::{LogSigner, SignerError};
use brygga_engine::signer_state::{SignerState, SignerStateError};
use brygga_engine::startup::{self, Doubt};
use brygga_engine::store::{Reader, StoreError};
use brygga_merkle::Ed25519Signer;
use brygga_store::{
    AnyReader, AnyStore, OpenError, PostgresHints, PostgresReader, PostgresStore, SqliteCheckpointer, SqliteOptions, SqliteReader, SqliteStore, postgres,
};
use brygga_wire::Door;
use zeroize::Zeroizing;

use crate::config::{Config, Place};

/// How long a start asks for the head's lock.
const PROOF_MAX: Duration = Duration::from_secs(15);
/// How long it waits between two tries.
const PROOF_PAUSE: Duration = Duration::from_millis(250);

/// A log that is open.
pub struct Opened {
    /// The writer.
    pub store: AnyStore,
    /// The readers.
    pub readers: Vec<AnyReader>,
    /// What the database needs beside the write path.
    pub upkeep: Upkeep,
    /// The log's key.
    pub signer: LogSigner,
    /// The committed heads, or why the log is in doubt.
    pub state: Result<SignerState, String>,
    /// The law and the directory.
    pub law: Law,
    /// The head as it was checked.
    pub head: HeadRow,
}

/// What a database needs beside the write path.
pub enum Upkeep {
    /// The embedded one: somebody moves its WAL into the file.
    Wal(SqliteCheckpointer),
    /// PostgreSQL: somebody follows what other brokers append.
    Others(Box<PostgresHints>),
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
    /// PostgreSQL does not open.
    #[error(transparent)]
    Postgres(#[from] postgres::OpenError),
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
    /// The log was another one a moment ago.
    #[error("the log of {size} events is not the one that stands at the database now: another server has taken over; start again")]
    Moved {
        /// How many it had.
        size: u64,
    },
    /// There is a log already.
    #[error("{place} holds a log of {size} events already; to serve it with one more broker, run: bryggad join")]
    Holds {
        /// The database.
        place: String,
        /// How many events.
        size: u64,
    },
    /// Nobody can join the log.
    #[error("no broker can join the log in {place}: {why}")]
    Join {
        /// The database.
        place: String,
        /// Why.
        why: String,
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

/// Begins a new log's signer state. A file that holds a head is never overwritten: it belongs to a log that somebody knows. What a beginning
/// that was cut short has left, a file or a database without anything in it, is gone on from.
pub async fn begin(config: &Config) -> Result<(), OpenLogError> {
    let state = &config.storage.signer_state;
    let begun = |path: &PathBuf| OpenLogError::Begun { path: path.clone() };
    let left = fs::metadata(state).ok();
    if left.as_ref().is_some_and(|file| file.len() > 0) {
        return Err(begun(state));
    }
    match &config.storage.place {
        Place::Embedded(database) if !database.exists() => {}
        Place::Embedded(database) => {
            if SqliteReader::open_beside(database).await?.head().await?.events() != 0 {
                return Err(begun(database));
            }
        }
        Place::Postgres(options) => {
            let size = PostgresReader::open_beside(options).await?.head().await?.events();
            if size != 0 {
                return Err(OpenLogError::Holds { place: options.to_string(), size });
            }
        }
    }
    if left.is_some() { Ok(()) } else { SignerState::create(state).map(drop).map_err(OpenLogError::State) }
}

/// Makes the signer state of one more broker for a log that others serve, from the head as it stands, and gives its size.
///
/// Never for a broker that served before: its file is what would notice that the log was put back.
pub async fn join(config: &Config) -> Result<u64, OpenLogError> {
    let cannot = |why: String| OpenLogError::Join { place: config.storage.place.to_string(), why };
    let state = &config.storage.signer_state;
    let Place::Postgres(options) = &config.storage.place else { return Err(cannot(String::from("the embedded database has one broker"))) };
    if state.exists() {
        return Err(OpenLogError::Begun { path: state.clone() });
    }
    let mut reader = PostgresReader::open_beside(options).await?;
    let head = startup::check(&mut reader, signer(config)?.key(), None).await.map_err(|doubt| cannot(with_source(&doubt)))?;
    let Some(checkpoint) = reader.checkpoint(Some(head.size)).await? else { return Err(cannot(String::from("it has not begun"))) };
    let (mut store, mut beside) = PostgresStore::open(options, 1).await?;
    let Some(reader) = beside.readers.first_mut() else { return Err(cannot(String::from("it has no reader"))) };
    if !proven(&mut store, reader, &head).await? {
        return Err(cannot(String::from("it is another one at the server that takes writes")));
    }
    let mut made = SignerState::create(state).map_err(OpenLogError::State)?;
    made.record(&head, &checkpoint.note.0).map_err(|source| OpenLogError::Read { path: state.clone(), source })?;
    made.sync();
    Ok(head.events())
}

/// Opens the log and checks it against the signer state.
pub async fn open(config: &Config) -> Result<Opened, OpenLogError> {
    let signer = signer(config)?;
    let table = Arc::new(ground_table(config)?);
    let (mut store, mut readers, upkeep) = open_place(&config.storage.place).await?;
    let Some(reader) = readers.first_mut() else {
        return Err(StoreError::Corrupt(brygga_engine::store::Corrupt { table: "reader", row: String::new(), column: "count" }).into());
    };
    let (state, head) = check(config, &signer, reader).await?;
    // Order matters: what another broker enters meanwhile is in this directory and proven with the head, or comes with the first batch.
    let (agencies, functions) = reader.directory().await?;
    let (state, directory) = match directory::read(&agencies, &functions) {
        Ok(directory) => (state, directory),
        Err(corrupt) => (Err(corrupt.to_string()), brygga_domain::Directory::default()),
    };
    if let (AnyStore::Postgres(store), Ok(_)) = (&mut store, &state) {
        if !proven(store, reader, &head).await? {
            return Err(OpenLogError::Moved { size: head.events() });
        }
        store.forget_left_behind().await?;
    }
    let law = Law { directory: Arc::new(directory), table };
    Ok(Opened { store, readers, upkeep, signer, state, law, head })
}

async fn open_place(place: &Place) -> Result<(AnyStore, Vec<AnyReader>, Upkeep), OpenLogError> {
    match place {
        Place::Embedded(database) => {
            let (store, beside) = SqliteStore::open(database, &SqliteOptions::default()).await?;
            let readers = beside.readers.into_iter().map(AnyReader::Sqlite).collect();
            Ok((AnyStore::Sqlite(store), readers, Upkeep::Wal(beside.checkpointer)))
        }
        Place::Postgres(options) => {
            let (store, beside) = PostgresStore::open(options, postgres::READERS_MAX).await?;
            let readers = beside.readers.into_iter().map(AnyReader::Postgres).collect();
            Ok((AnyStore::Postgres(store), readers, Upkeep::Others(Box::new(beside.hints))))
        }
    }
}

/// Whether the head is durable. Whoever hangs with the head's lock has it for ten seconds at most, unless its commit waits for a replica; so that
/// there is no answer at first says little.
async fn proven<R: Reader>(store: &mut PostgresStore, reader: &mut R, head: &HeadRow) -> Result<bool, StoreError> {
    let began = Instant::now();
    loop {
        match startup::is_durable(store, reader, head).await {
            Err(StoreError::Unavailable { .. }) if began.elapsed() < PROOF_MAX => tokio::time::sleep(PROOF_PAUSE).await,
            answered => return answered,
        }
    }
}

/// A reader of the log beside its brokers, or without one.
pub async fn beside(place: &Place) -> Result<AnyReader, OpenLogError> {
    Ok(match place {
        Place::Embedded(database) => AnyReader::Sqlite(SqliteReader::open_beside(database).await?),
        Place::Postgres(options) => AnyReader::Postgres(PostgresReader::open_beside(options).await?),
    })
}

async fn check(config: &Config, signer: &LogSigner, reader: &mut AnyReader) -> Result<(Result<SignerState, String>, HeadRow), OpenLogError> {
    let head = reader.head().await?;
    let (state, recorded) = match SignerState::open(&config.storage.signer_state, signer.key()) {
        Ok((state, recorded)) => (state, recorded),
        Err(error) => return Ok((Err(with_source(&error)), head)),
    };
    // A file that holds no head belongs to a log that has not begun, or whose first batch was not recorded any more; else its record was lost.
    let first_batch_only = reader.checkpoint(None).await?.is_none_or(|checkpoint| checkpoint.prev_size == 0);
    if recorded.is_none() && !first_batch_only {
        let why = format!("the signer state {} holds no head, but the log has {} events", config.storage.signer_state.display(), head.size);
        return Ok((Err(why), head));
    }
    match startup::check(reader, signer.key(), recorded.as_ref()).await {
        Ok(head) => Ok((Ok(state), head)),
        Err(Doubt::Store(error)) => Err(error.into()),
        Err(doubt) => Ok((Err(doubt.to_string()), head)),
    }
}

fn with_source(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
