//! The law: the tables that ship, the gate held against a second statement, and explanations.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a random test says its seed and takes one")]
#![expect(clippy::wildcard_enum_match_arm, clippy::match_same_arms, reason = "a statute's exceptions are named, the rest is the rest")]
#![expect(clippy::unused_self, reason = "the world is asked alike for what it knows and for what it makes up")]

mod explanations;
mod fallen;
mod second_statement;
mod support;
mod tables;
