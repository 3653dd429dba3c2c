//! Back ends of the engine's `Store` and `Reader`: SQLite, PostgreSQL, and memory for tests.
//!
//! A back end is a list of statements and knows nothing of referrals; the engine computes every row. Only this crate knows sqlx and rusqlite.
//! The server opens a store at start and hands writer, readers and checkpointer to their tasks; the back ends pass one
//! conformance suite, in `tests/`.

mod any;
pub mod memory;
pub mod postgres;
pub mod sqlite;
mod statement;
mod waiting;

pub use any::{AnyReader, AnyStore};
pub use memory::{CommitFault, Faults, MemoryDatabase, MemoryReader, MemoryStore};
pub use postgres::{PostgresHints, PostgresOptions, PostgresReader, PostgresReaders, PostgresStore};
pub use sqlite::{OpenError, SqliteCheckpointer, SqliteOptions, SqliteReader, SqliteReaders, SqliteStore, TamperError, tamper};
