//! Several brokers on one database, and who puts load on them.

use std::path::{Path, PathBuf};

use brygga_client::Client;

use crate::harness::{Broker, settle};
use crate::load::{Pair, Random, own_pin};
use crate::postgres::join;
use crate::requests::{BOARD, POLICE};

/// Ports of brokers that come back, below the range that the system gives to outgoing connections.
const PORTS: (u64, u64) = (14_000, 19_999);

/// Three brokers of one program on one database, each on a port to which it comes back.
///
/// # Panics
/// When one does not start.
pub async fn three(program: &Path, folders: &[PathBuf; 3], database: &str, random: &mut Random) -> Vec<Broker> {
    let first = Broker::start_program(program, &folders[0], &["--config", database]).await;
    assert_eq!(first.stop().await, Some(0));
    for folder in &folders[1..] {
        join(program, &folders[0], folder).await;
    }
    let mut brokers = Vec::new();
    for folder in folders {
        settle(folder, PORTS, random);
        brokers.push(Broker::start_program(program, folder, &[]).await);
    }
    brokers
}

/// Who puts load on each broker, by calls and over a stream.
pub fn pairs(brokers: &[Broker]) -> Vec<Pair> {
    let pairs = brokers.iter().map(|broker| Pair::Calls(client_with_own_pin(broker, POLICE, "klara"), client_with_own_pin(broker, BOARD, "sara")));
    pairs.flat_map(|pair| [pair.clone(), pair.streamed()]).collect()
}

/// A client that keeps its pin apart from those of the test itself.
///
/// # Panics
/// When the settings are refused.
pub fn client_with_own_pin(broker: &Broker, agency: &str, officer: &str) -> Client {
    Client::connect(&own_pin(broker.config(agency), "load.pin")).unwrap().as_officer(officer)
}
