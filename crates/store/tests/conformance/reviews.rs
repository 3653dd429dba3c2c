//! Emergencies that wait for their review.

use brygga_engine::rows::*;
use brygga_engine::store::*;

use super::samples::{self, Log};
use super::suite::{Backend, commit};

/// An emergency of an agency, reviewed or not.
pub fn emergency(agency: &str, position: i64, reviewed: bool) -> EmergencyRow {
    EmergencyRow {
        position,
        agency: agency.to_owned(),
        officer: (position % 2 == 0).then(|| samples::id(8, "officer")),
        expires_at: 1_800_000_000_000_000 + position,
        review_due_at: 1_800_100_000_000_000 + position,
        telephoned_at: reviewed.then_some(1_799_000_000_000_000),
        reviewed_at: reviewed.then_some(position + 1),
        verdict: reviewed.then(|| String::from("partly_justified")),
    }
}

pub async fn reviews_that_are_open_are_loaded_for_their_agency<B: Backend>() {
    let (_backend, mut store, _reader) = B::fresh().await;
    let (mut log, mut batch) = (Log::default(), Batch::default());
    let mut one = log.submit(&mut batch, 10);
    let mut other = log.submit(&mut batch, 10);
    one.emergencies = vec![emergency("polis-1", 2, true), emergency("polis-1", 4, false)];
    other.emergencies = vec![emergency("aklagare-1", 7, false), emergency("polis-1", 8, false)];
    batch.referrals = vec![one.clone(), other.clone()];
    log.seal(&mut batch);
    commit(&mut store, &batch).await;
    let open = |row: &EmergencyRow| OpenReviewRow { position: row.position, agency: row.agency.clone(), review_due_at: row.review_due_at };
    for (agencies, expected) in [
        (vec![], vec![]),
        (vec!["polis-1"], vec![open(&one.emergencies[1]), open(&other.emergencies[1])]),
        (vec!["aklagare-1", "polis-2"], vec![open(&other.emergencies[0])]),
    ] {
        let reviewers = agencies.iter().map(|agency| String::from(*agency)).collect();
        let loaded = store.load(&Wanted { reviewers, ..Wanted::default() }).await.unwrap();
        assert_eq!(loaded.open_reviews, expected, "{agencies:?}");
        store.commit(&Batch::default()).await.unwrap();
    }
    let mut later = Batch::default();
    one.emergencies[1] = emergency("polis-1", 4, true);
    later.referrals = vec![one];
    commit(&mut store, &later).await;
    let loaded = store.load(&Wanted { reviewers: vec![String::from("polis-1")], ..Wanted::default() }).await.unwrap();
    assert_eq!(loaded.open_reviews, [open(&other.emergencies[1])]);
}
