//! The law: the tables that ship, the gate held against a second statement, and explanations.

mod explanations;
mod second_statement;
mod support;
mod tables;
