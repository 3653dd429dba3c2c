//! One suite for every back end, and what only one of them can show.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod conformance {
    pub mod memory;
    pub mod samples;
    pub mod schema;
    pub mod sqlite;
    pub mod suite;
}
