//! What lies beside the journal: emergencies that wait for their review, and content that goes.

use brygga_engine::rows::*;
use brygga_engine::store::*;

use super::samples::{self, Log};
use super::suite::{Backend, commit, content_name, noticed, submissions};

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

/// A second officer's word on the first section.
pub fn owed_word(interest: Blob, position: i64) -> OwedWordRow {
    OwedWordRow {
        position,
        section: 1,
        interest,
        revision: 1,
        officer: (position % 2 == 0).then(|| samples::id(8, "officer")),
        ground: String::from("GENERAL_CLAUSE"),
        consent: (position % 3 == 0).then_some(12),
    }
}

pub async fn reviews_that_are_open_are_loaded_for_their_agency<B: Backend>() {
    let (_backend, mut store, mut reader) = B::fresh().await;
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
    assert_eq!(reader.open_reviews("polis-1").await.unwrap(), [open(&one.emergencies[1]), open(&other.emergencies[1])]);
    let mut later = Batch::default();
    one.emergencies[1] = emergency("polis-1", 4, true);
    later.referrals = vec![one];
    commit(&mut store, &later).await;
    let loaded = store.load(&Wanted { reviewers: vec![String::from("polis-1")], ..Wanted::default() }).await.unwrap();
    assert_eq!(loaded.open_reviews, [open(&other.emergencies[1])]);
    assert_eq!(reader.open_reviews("polis-1").await.unwrap(), loaded.open_reviews);
    assert_eq!(reader.open_reviews("polis-2").await.unwrap(), []);
}

pub async fn destroyed_content_is_gone_and_no_other<B: Backend>() {
    let (_backend, mut store, mut reader) = B::fresh().await;
    let mut log = Log::default();
    let first = submissions(&mut log, 3);
    commit(&mut store, &first).await;
    let all = reader.content_names(-1, i64::MAX).await.unwrap();
    let (one, other) = (&first.referrals[0], &first.referrals[1]);
    assert!(all.contains(&content_name(one)) && all.contains(&content_name(other)) && all.is_sorted(), "{all:?}");
    // What is not there is no error, and an inserted row of the same batch stays.
    let elsewhere = ContentNameRow { revision: 7, ..content_name(other) };
    let renewed = samples::content(&one.referral.id, 1, 2, 100);
    let mut second = Batch { destroyed: vec![content_name(one), elsewhere], contents: vec![renewed], ..Batch::default() };
    second.referrals = vec![one.clone()];
    commit(&mut store, &second).await;
    let mut left = all.clone();
    left.retain(|name| *name != content_name(one));
    left.push(ContentNameRow { revision: 2, ..content_name(one) });
    left.sort_unstable();
    assert_eq!(reader.content_names(-1, i64::MAX).await.unwrap(), left);
    assert!(reader.contents(&one.referral.id, &[(1, 1)]).await.unwrap().is_empty());
    let (from, to) = (one.referral.first_position, other.referral.first_position);
    left.retain(|name| name.origin == to);
    assert_eq!(reader.content_names(from, to).await.unwrap(), left, "after the first, up to the second");
}

pub async fn old_keys_are_forgotten_and_no_young_one<B: Backend>() {
    let (_backend, mut store, _reader) = B::fresh().await;
    let aged = |seed, at| KeyRow { at, ..samples::key(seed, "polis-1", None, 3) };
    let keys = vec![aged(1, 1_000), aged(2, 3_000), aged(3, 2_000)];
    commit(&mut store, &Batch { keys: keys.clone(), ..Batch::default() }).await;
    let wanted = Wanted { keys: (1..=4).map(|seed| (String::from("polis-1"), aged(seed, 0).request)).collect(), ..Wanted::default() };
    // The time is the first that is kept.
    let later = Batch { keys: vec![aged(4, 4_000)], keys_before: Some(2_000), ..Batch::default() };
    commit(&mut store, &later).await;
    let mut left = store.load(&wanted).await.unwrap().keys;
    left.sort_by_key(|row| row.at);
    assert_eq!(left, [aged(3, 2_000), aged(2, 3_000), aged(4, 4_000)]);
    // What is forgotten may be used again.
    store.commit(&Batch::default()).await.unwrap();
    commit(&mut store, &Batch { keys: vec![KeyRow { size: 99, ..aged(1, 5_000) }], ..Batch::default() }).await;
    assert_eq!(store.load(&wanted).await.unwrap().keys.len(), 4);
    store.commit(&Batch::default()).await.unwrap();
}

pub async fn how_far_a_function_was_told_never_goes_back<B: Backend>() {
    let (_backend, mut store, mut reader) = B::fresh().await;
    let batch = |noticed: &[NoticedRow]| Batch { noticed: noticed.to_vec(), ..Batch::default() };
    let elsewhere = NoticedRow { function: String::from("rvc-2"), ..noticed("mail", 5) };
    commit(&mut store, &batch(&[noticed("mail", 7), noticed("webhook", 3), elsewhere.clone()])).await;
    // A broker that was slower comes too late, and says nothing of the other way.
    commit(&mut store, &batch(&[noticed("mail", 6)])).await;
    assert_eq!(reader.noticed("rvc-1").await.unwrap(), [noticed("mail", 7), noticed("webhook", 3)]);
    commit(&mut store, &batch(&[noticed("webhook", 9)])).await;
    assert_eq!(reader.noticed("rvc-1").await.unwrap(), [noticed("mail", 7), noticed("webhook", 9)]);
    assert_eq!(reader.noticed("rvc-2").await.unwrap(), [elsewhere]);
    assert_eq!(reader.noticed("rvc-3").await.unwrap(), []);
}
