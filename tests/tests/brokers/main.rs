//! Several brokers on one log: any of them takes any command, each sees what the others did, none goes on from a log that went back.

mod faults;
mod in_process;
mod over_the_wire;
mod upgrade;
