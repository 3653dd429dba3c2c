//! One suite for every back end, and what only one of them can show.

#![expect(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests fail by panicking, and their tasks are their own")]

mod conformance {
    pub mod aside;
    pub mod dump;
    pub mod memory;
    pub mod postgres;
    pub mod postgres_schema;
    pub mod postgres_tls;
    pub mod samples;
    pub mod schema;
    pub mod sqlite;
    pub mod suite;
}
