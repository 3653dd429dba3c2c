//! Laws over arbitrary events and arbitrary bytes. `SEED=` repeats a run; every run prints its own.

use std::hash::{BuildHasher, Hasher, RandomState};

use brygga_journal::{decode, encode};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseResult, TestRunner};

use crate::{samples, strategies};

const CASES: u32 = 2_000;

/// A runner whose seed is printed, or given as `SEED`.
fn runner() -> TestRunner {
    let given = std::env::var("SEED").ok().map(|text| text.parse().unwrap());
    let seed = given.unwrap_or_else(|| RandomState::new().build_hasher().finish());
    eprintln!("SEED={seed}");
    TestRunner::new(ProptestConfig { cases: CASES, rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..ProptestConfig::default() })
}

/// What is not refused must be the very bytes of the event that it gives.
fn refused_or_exact(bytes: &[u8]) -> TestCaseResult {
    if let Ok(event) = decode(bytes) {
        prop_assert_eq!(&encode(&event)[..], bytes);
    }
    Ok(())
}

#[test]
fn an_event_survives_being_written_and_read() {
    let law = |event| {
        let bytes = encode(&event);
        let read = decode(&bytes).map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
        prop_assert_eq!(&read, &event);
        prop_assert_eq!(encode(&read), bytes);
        Ok(())
    };
    runner().run(&strategies::event(), law).unwrap();
}

#[test]
fn arbitrary_bytes_never_panic() {
    runner().run(&proptest::collection::vec(any::<u8>(), 0..300), |bytes| refused_or_exact(&bytes)).unwrap();
}

#[test]
fn damaged_events_never_panic() {
    let damage = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6);
    let cut = (any::<prop::sample::Index>(), any::<prop::sample::Index>());
    let law = |(event, damage, (from, to)): (_, Vec<(prop::sample::Index, u8)>, (prop::sample::Index, prop::sample::Index))| {
        let mut bytes = encode(&event).to_vec();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        refused_or_exact(&bytes)?;
        let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
        bytes.drain(from.min(to)..from.max(to));
        refused_or_exact(&bytes)
    };
    runner().run(&(strategies::event(), damage, cut), law).unwrap();
}

#[test]
fn any_single_wrong_byte_is_refused_or_another_event() {
    let (mut refused, mut accepted) = (0_u32, 0_u32);
    for event in samples::all() {
        let original = encode(&event);
        let mut bytes = original.to_vec();
        for at in 0..bytes.len() {
            for wrong in (0..=u8::MAX).filter(|wrong| *wrong != original[at]) {
                bytes[at] = wrong;
                match decode(&bytes) {
                    Ok(other) => {
                        assert_ne!(other, event, "byte {at} of {} as {wrong} makes no difference", event.fact.name());
                        assert_eq!(encode(&other), bytes, "byte {at} of {} as {wrong}", event.fact.name());
                        accepted += 1;
                    }
                    Err(_) => refused += 1,
                }
            }
            bytes[at] = original[at];
        }
    }
    eprintln!("{refused} refused, {accepted} another event");
    assert!(refused > 0 && accepted > 0);
}

#[test]
fn half_an_event_is_none() {
    for event in samples::all() {
        let bytes = encode(&event);
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_err(), "{} bytes of {}", end, event.fact.name());
        }
    }
}
