//! Golden bytes. A change here is a change of every stored log: it is only ever allowed to add.

use std::collections::BTreeMap;
use std::fmt::Write;

use brygga_journal::{decode, encode, leaf_hash};

use crate::samples;

#[test]
fn the_bytes_of_every_kind_of_event_never_change() {
    let mut table = String::new();
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for event in samples::all() {
        let bytes = encode(&event);
        let count = counts.entry(event.fact.name()).or_default();
        *count += 1;
        writeln!(table, "{} {count}, {} bytes", event.fact.name(), bytes.len()).unwrap();
        writeln!(table, "  leaf {}", hex::encode(leaf_hash(&bytes).0)).unwrap();
        for line in bytes.chunks(64) {
            writeln!(table, "  {}", hex::encode(line)).unwrap();
        }
    }
    insta::assert_snapshot!("events", table);
}

#[test]
fn every_sample_is_read_back() {
    for event in samples::all() {
        assert_eq!(decode(&encode(&event)), Ok(event));
    }
}
