//! What every back end must do. `suite!` makes the tests for one.

use brygga_engine::rows::*;
use brygga_engine::store::*;

use super::aside;
pub use super::aside::{
    destroyed_content_is_gone_and_no_other, how_far_a_function_was_told_never_goes_back, old_keys_are_forgotten_and_no_young_one,
    reviews_that_are_open_are_loaded_for_their_agency,
};
use super::dump::dump;
use super::samples::{self, Log};

/// A back end under test.
pub trait Backend {
    type Store: Store;
    type Reader: Reader;
    async fn fresh() -> (Self, Self::Store, Self::Reader)
    where
        Self: Sized;
}

pub const ALL: After = After { after: -1, limit: 1000 };

pub async fn commit(store: &mut impl Store, batch: &Batch) {
    store.load(&Wanted::default()).await.unwrap();
    store.commit(batch).await.unwrap();
}

/// A release on its way.
fn in_flight(referral: &ReferralRow, number: i64) -> InFlightRow {
    InFlightRow { origin: referral.first_position, broker: samples::id(1, "broker"), number, released_at: referral.last_position, until: 1_800_000_002_000_000 }
}

/// How far a function was told outside.
pub fn noticed(way: &str, position: i64) -> NoticedRow {
    NoticedRow { function: String::from("rvc-1"), way: way.to_owned(), position }
}

/// A batch of so many submissions.
pub fn submissions(log: &mut Log, count: usize) -> Batch {
    let mut batch = Batch::default();
    for _ in 0..count {
        log.submit(&mut batch, 300);
    }
    log.seal(&mut batch);
    batch
}

/// Batches that write every table, replace rows, and end referrals in every stage.
pub fn script() -> Vec<Batch> {
    script_of(30)
}

/// The same with so many submissions in each of the first two batches.
pub fn script_of(count: usize) -> Vec<Batch> {
    let mut log = Log::default();
    let mut first = submissions(&mut log, count);
    let agency = |id: &str, position| AgencyRow { id: id.into(), position, entry: format!("{{\"name\":\"{id} \\\"å\\\"\"}}") };
    first.agencies = vec![agency("solna", 0), agency("polis-1", 1)];
    first.functions = vec![FunctionRow { id: String::from("rvc-1"), position: 2, entry: String::from("{}") }];
    first.offers = vec![OfferRow { id: samples::id(1, "offer"), agency: String::from("polis-1"), position: 3, answer: Some(String::from("yes")) }];
    first.in_flight = (0..3).map(|number| in_flight(&first.referrals[number].referral, i64::try_from(number).unwrap())).collect();
    let mut second = submissions(&mut log, count);
    first.noticed = vec![noticed("mail", 100), noticed("webhook", 90)];
    second.noticed = vec![noticed("mail", 140), noticed("webhook", 80)];
    second.departed = first.in_flight[..1].to_vec();
    second.destroyed = vec![content_name(&first.referrals[0]), content_name(&first.referrals[2])];
    second.referrals.extend(first.referrals.iter().enumerate().map(|(number, rows)| changed(rows, number)));
    second.agencies = vec![agency("solna", 151)];
    let mut refused = samples::key(77, "polis-1", None, 151);
    refused.refused = 1;
    second.keys.push(refused);
    let third = Batch { keys: vec![samples::key(77, "polis-1", None, 160)], ..Batch::default() };
    vec![first, second, third, submissions(&mut log, 1)]
}

/// The content of a referral's first section.
pub fn content_name(rows: &ReferralRows) -> ContentNameRow {
    ContentNameRow { origin: rows.referral.first_position, section: 1, revision: 1 }
}

/// The referral as it might stand later.
fn changed(rows: &ReferralRows, number: usize) -> ReferralRows {
    let mut rows = rows.clone();
    let stages = [
        ("held", None),
        ("ready", None),
        ("opened", None),
        ("accepted", None),
        ("declined", Some("no_capacity")),
        ("returned", Some("incomplete")),
        ("closed", Some("supported")),
        ("retracted", Some("misdirected")),
    ];
    let (stage, code) = stages[number % stages.len()];
    let row = &mut rows.referral;
    row.stage = stage.into();
    row.stage_code = code.map(String::from);
    row.last_position += 150;
    row.claimed_by = Some(samples::id(9, "officer"));
    row.marks = String::from("open:first open:second");
    // Some are due at the same moment; what has ended is never due.
    // What has ended and has content left is looked at, too.
    row.next_due_at = (code.is_none() || number % 16 == 4).then_some(1_800_100_000_000_000 + i64::try_from(number / 3).unwrap());
    // Of those that were taken back, some had been released; of these, some confirm the recall.
    row.recall = (stage == "retracted").then_some(row.last_position);
    row.recall_confirmed = i64::from(stage == "retracted" && number % 16 == 7);
    rows.sections[0].released_at = Some(row.last_position);
    rows.sections[0].released_revision = Some(1);
    rows.sections[0].rested_on = String::from("2 3");
    rows.sections[0].kept = if number == 0 || number == 2 { String::new() } else { String::from("1:1800000000000000:left") };
    let undecided = number % 3;
    for cell in &mut rows.cells {
        // By turns: nobody has to clear anything; the sender's second officer has; the leader has.
        cell.decided_at = Some(1);
        cell.withheld = cell.ground.is_none().then(|| String::from("not_needed"));
        if undecided == 1 && cell.section == 1 {
            cell.second_officer = 1;
        }
        if undecided == 2 && cell.interest.0.is_empty() {
            (cell.decided_at, cell.ground, cell.consent, cell.officer) = (None, None, None, None);
        }
    }
    let position = row.last_position;
    let person = rows.persons[1].id.clone();
    rows.consents[0].withdrawn_at = Some(position);
    rows.consents.push(samples::consent(position.unsigned_abs(), person, position));
    // By turns: none; one that was reviewed; the sender's own; the leader's.
    let sender = rows.referral.sender.clone();
    let (agency, reviewed) = [(sender.as_str(), true), (sender.as_str(), false), ("aklagare-1", false)][number % 3];
    if number.is_multiple_of(2) {
        rows.emergencies.push(aside::emergency(agency, position, reviewed));
    }
    // Some pass something on; of some that have ended a second officer owes a word, of the sender or of the leader.
    if number.is_multiple_of(3) {
        rows.inherited = rows.excluded[..1].to_vec();
    }
    if number % 8 >= 5 {
        let interest = if number.is_multiple_of(2) { Blob::default() } else { rows.persons[0].id.clone() };
        rows.owed.push(aside::owed_word(interest, position));
    }
    rows.stop_uses.push(StopUseRow { position, sections: String::from("1 2"), answer: Some(String::from("stopped")) });
    rows
}

/// What is due comes by when, then by first position, in pages that join; nothing that has ended is among it.
pub async fn what_is_due_comes_in_order_and_nothing_that_has_ended<B: Backend>() {
    let (_backend, mut store, mut reader) = B::fresh().await;
    for batch in &script() {
        commit(&mut store, batch).await;
    }
    let referrals = reader.all_referrals(ALL).await.unwrap();
    let due = |rows: &ReferralRows| rows.referral.next_due_at.map(|at| (at, rows.referral.first_position));
    let mut wanted: Vec<(i64, i64)> = referrals.iter().filter_map(due).collect();
    wanted.sort_unstable();
    assert!(wanted.len() > 20 && wanted.len() < referrals.len());
    let last = wanted[wanted.len() - 3].0;
    wanted.retain(|(at, _)| *at <= last);
    let (mut found, mut page) = (Vec::new(), DuePage { until: last, after: i64::MIN, after_position: -1, limit: 4 });
    loop {
        let rows = reader.due(page).await.unwrap();
        found.extend(rows.iter().map(|row| (row.next_due_at, row.first_position)));
        let Some(row) = rows.last() else { break };
        assert_eq!(reader.referral(&ReferralKey::Id(row.id.clone())).await.unwrap().unwrap().referral.first_position, row.first_position);
        (page.after, page.after_position) = (row.next_due_at, row.first_position);
    }
    assert_eq!(found, wanted);
}

pub async fn an_empty_store_has_an_empty_head<B: Backend>() {
    let (_backend, mut store, mut reader) = B::fresh().await;
    let loaded = store.load(&Wanted::default()).await.unwrap();
    assert_eq!(loaded.head, HeadRow::default());
    store.commit(&Batch::default()).await.unwrap();
    assert_eq!(reader.head().await.unwrap(), HeadRow::default());
    assert_eq!(reader.checkpoint(None).await.unwrap(), None);
    assert_eq!(reader.directory().await.unwrap(), (Vec::new(), Vec::new()));
}

pub async fn every_row_comes_back_as_it_was_written<B: Backend>() {
    let (_backend, mut store, mut reader) = B::fresh().await;
    let script = script();
    commit(&mut store, &script[0]).await;
    let batch = &script[0];
    let rows = &batch.referrals[3];
    let id = &rows.referral.id;
    assert_eq!(reader.all_referrals(ALL).await.unwrap(), batch.referrals);
    for key in [
        ReferralKey::Id(id.clone()),
        ReferralKey::Reference(rows.referral.reference.clone()),
        ReferralKey::SenderReference(batch.sender_references[3].hash.clone()),
    ] {
        assert_eq!(reader.referral(&key).await.unwrap().as_ref(), Some(rows), "{key:?}");
    }
    assert_eq!(reader.referral(&ReferralKey::Reference(String::from("BR-0"))).await.unwrap(), None);
    let contents = reader.contents(id, &[(4, 1), (2, 1), (2, 2)]).await.unwrap();
    let written = batch.contents.iter().filter(|row| row.referral == *id && [2, 4].contains(&row.section));
    assert!(contents.iter().eq(written));
    assert_eq!(reader.events(0, 1000).await.unwrap(), batch.events);
    assert_eq!(reader.events(7, 9).await.unwrap(), batch.events[7..9]);
    assert_eq!(reader.leaf_hashes(7, 8).await.unwrap(), [batch.events[7].leaf_hash.clone()]);
    assert_eq!(reader.checkpoint(Some(150)).await.unwrap(), batch.checkpoint);
    assert_eq!(reader.checkpoint(Some(149)).await.unwrap(), None);
    assert_eq!(Some(reader.head().await.unwrap()), batch.head);
    assert_eq!(reader.openings(batch.openings[0].position).await.unwrap(), batch.openings[..1]);
    let (agencies, functions) = reader.directory().await.unwrap();
    assert_eq!((&agencies[0], &agencies[1], &functions), (&batch.agencies[1], &batch.agencies[0], &batch.functions));
    let wanted = Wanted {
        keys: vec![(batch.keys[0].agency.clone(), batch.keys[0].request.clone()), (String::from("nobody"), batch.keys[0].request.clone())],
        referrals: vec![id.clone(), samples::id(1, "nothing")],
        references: vec![rows.referral.reference.clone(), batch.referrals[1].referral.reference.clone()],
        sender_references: vec![batch.sender_references[3].hash.clone()],
        offers: vec![batch.offers[0].id.clone(), samples::id(2, "offer")],
        ..Wanted::default()
    };
    let loaded = store.load(&wanted).await.unwrap();
    assert_eq!(Some(loaded.head), batch.head);
    assert_eq!(loaded.keys, batch.keys[..1]);
    // The first comes with its key, the others were asked for.
    assert_eq!(loaded.referrals, [batch.referrals[0].clone(), batch.referrals[1].clone(), rows.clone()]);
    assert_eq!(loaded.sender_references, [batch.sender_references[3].hash.clone()]);
    assert_eq!(loaded.offers, batch.offers);
    // A repeat of a submission names no referral: the key does.
    let used = batch.keys.iter().find(|key| key.referral.is_some()).unwrap();
    let wanted = Wanted { keys: vec![(used.agency.clone(), used.request.clone())], ..Wanted::default() };
    let loaded = store.load(&wanted).await.unwrap();
    let ids: Vec<_> = loaded.referrals.iter().map(|rows| Some(rows.referral.id.clone())).collect();
    assert_eq!(ids, std::slice::from_ref(&used.referral));
}

pub async fn rows_are_replaced_and_none_is_lost<B: Backend>() {
    let (_backend, mut store, mut reader) = B::fresh().await;
    let script = script();
    commit(&mut store, &script[0]).await;
    commit(&mut store, &script[1]).await;
    let mut expected = script[1].referrals.clone();
    expected.sort_by_key(|rows| rows.referral.first_position);
    assert_eq!(reader.all_referrals(ALL).await.unwrap(), expected);
    // The same once more changes nothing.
    commit(&mut store, &Batch { referrals: expected.clone(), ..Batch::default() }).await;
    assert_eq!(reader.all_referrals(ALL).await.unwrap(), expected);
}

pub async fn a_refusal_leaves_its_key_free_and_a_use_does_not<B: Backend>() {
    let (_backend, mut store, mut reader) = B::fresh().await;
    let mut refused = samples::key(1, "polis-1", None, 3);
    refused.refused = 1;
    let used = samples::key(1, "polis-1", None, 9);
    let wanted = Wanted { keys: vec![(used.agency.clone(), used.request.clone())], ..Wanted::default() };
    for row in [&refused, &used] {
        commit(&mut store, &Batch { keys: vec![row.clone()], ..Batch::default() }).await;
        assert_eq!(store.load(&wanted).await.unwrap().keys, std::slice::from_ref(row));
    }
    let mut other = used.clone();
    other.digest = samples::hash(2, "digest");
    let error = store.commit(&Batch { keys: vec![other], ..Batch::default() }).await.unwrap_err();
    assert!(matches!(error, CommitError::NotCommitted(_)), "{error:?}");
    assert_eq!(store.load(&wanted).await.unwrap().keys, std::slice::from_ref(&used));
    // Another agency may use the same key.
    let elsewhere = KeyRow { agency: String::from("polis-2"), ..used };
    store.commit(&Batch { keys: vec![elsewhere], ..Batch::default() }).await.unwrap();
    assert_eq!(reader.head().await.unwrap(), HeadRow::default());
}

type Spoil = (&'static str, fn(&mut Batch, &Batch));

/// Ways to break a constraint, given the batch to spoil and the one that is written already.
const SPOILS: &[Spoil] = &[
    ("a gap before the events", |batch, _| batch.events.iter_mut().for_each(|event| event.position += 1)),
    ("a position that is taken", |batch, _| batch.events[0].position -= 1),
    ("a tile that is taken", |batch, _| batch.tree.push(TreeRow { level: 8, number: 0, hash: samples::hash(1, "other") })),
    ("a fork", |batch, before| batch.checkpoint.as_mut().unwrap().prev_size = before.checkpoint.as_ref().unwrap().prev_size),
    ("a checkpoint over a gap", |batch, _| batch.checkpoint.as_mut().unwrap().prev_size += 1),
    ("a checkpoint of the same size", |batch, before| batch.checkpoint.as_mut().unwrap().size = before.checkpoint.as_ref().unwrap().size),
    ("a head beside the events", |batch, _| batch.head.as_mut().unwrap().size += 1),
    ("a clock that goes back", |batch, before| batch.head.as_mut().unwrap().last_time = before.head.as_ref().unwrap().last_time - 1),
    ("a reference that is taken", |batch, before| batch.referrals[0].referral.reference.clone_from(&before.referrals[0].referral.reference)),
    ("a referral's id at another position", |batch, before| {
        let id = before.referrals[0].referral.id.clone();
        batch.referrals[0].referral.id = id;
    }),
    ("a cell without its section", |batch, _| batch.referrals[0].cells[0].section = 9),
    ("an inbox entry that is taken", |batch, before| batch.inbox.push(before.inbox[0].clone())),
    ("an inbox entry of no referral", |batch, _| batch.inbox[0].referral = samples::id(5, "nothing")),
    ("a status that is taken", |batch, before| batch.statuses.push(before.statuses[0].clone())),
    ("a status of no referral", |batch, _| batch.statuses[0].referral = samples::id(5, "nothing")),
    ("a content that is taken", |batch, before| batch.contents.push(before.contents[0].clone())),
    ("a content of no referral", |batch, _| batch.contents[0].referral = samples::id(5, "nothing")),
    ("an opening that is taken", |batch, before| batch.openings.push(before.openings[0].clone())),
    ("a person's hash twice", |batch, before| batch.person_lookups.push(before.person_lookups[0].clone())),
    ("a sender reference that is taken", |batch, before| batch.sender_references[0].hash = before.sender_references[0].hash.clone()),
    ("a sender reference of no referral", |batch, _| batch.sender_references[0].referral = samples::id(5, "nothing")),
    ("a release that is on its way already", |batch, before| batch.in_flight.push(before.in_flight[0].clone())),
    ("a release on its way twice", |batch, _| batch.in_flight = vec![in_flight(&batch.referrals[0].referral, 7); 2]),
    ("an offer that is taken", |batch, before| batch.offers.push(before.offers[0].clone())),
];

pub async fn a_batch_that_breaks_a_constraint_writes_nothing<B: Backend>() {
    let (_backend, mut store, mut reader) = B::fresh().await;
    let mut log = Log::default();
    let mut before = submissions(&mut log, 60);
    before.offers = vec![OfferRow { id: samples::id(1, "offer"), agency: String::from("polis-1"), position: 3, answer: Some(String::from("yes")) }];
    before.in_flight = vec![in_flight(&before.referrals[0].referral, 0)];
    commit(&mut store, &before).await;
    let written = dump(&mut reader).await;
    let good = submissions(&mut log, 2);
    for (name, spoil) in SPOILS {
        let mut batch = good.clone();
        spoil(&mut batch, &before);
        store.load(&Wanted::default()).await.unwrap();
        let outcome = store.commit(&batch).await;
        assert!(matches!(outcome, Err(CommitError::NotCommitted(_))), "{name}: {outcome:?}");
        assert!(dump(&mut reader).await == written, "{name}: something was written");
    }
    // None of it is in the way of the batch as it should be.
    commit(&mut store, &good).await;
    assert_eq!(Some(reader.head().await.unwrap()), good.head);
}

pub async fn what_is_on_its_way_is_loaded_with_its_referral_until_it_departs<B: Backend>() {
    let (_backend, mut store, mut reader) = B::fresh().await;
    let mut batch = submissions(&mut Log::default(), 2);
    let of = |rows: &ReferralRows, number| in_flight(&rows.referral, number);
    let (one, other) = (batch.referrals[0].clone(), batch.referrals[1].clone());
    batch.in_flight = vec![of(&one, 4), of(&one, 5), of(&other, 6)];
    commit(&mut store, &batch).await;
    let wanted = Wanted { references: vec![one.referral.reference.clone()], ..Wanted::default() };
    let on_their_way = store.load(&wanted).await.unwrap().in_flight;
    assert_eq!(on_their_way, [of(&one, 4), of(&one, 5)]);
    store.load(&Wanted::default()).await.unwrap();
    let elsewhere = InFlightRow { broker: samples::id(2, "broker"), ..of(&one, 5) };
    store.commit(&Batch { departed: vec![of(&one, 4), elsewhere, of(&one, 99)], ..Batch::default() }).await.unwrap();
    assert_eq!(reader.in_flight(one.referral.first_position).await.unwrap(), [of(&one, 5)]);
    assert_eq!(reader.in_flight(other.referral.first_position).await.unwrap(), [of(&other, 6)]);
    // One release sets out while another departs.
    commit(&mut store, &Batch { in_flight: vec![of(&one, 8)], departed: vec![of(&one, 5)], ..Batch::default() }).await;
    assert_eq!(store.load(&wanted).await.unwrap().in_flight, [of(&one, 8)]);
}

pub async fn a_commit_belongs_to_one_load<B: Backend>() {
    let (_backend, mut store, mut reader) = B::fresh().await;
    let batch = submissions(&mut Log::default(), 1);
    assert!(matches!(store.commit(&batch).await, Err(CommitError::NotCommitted(_))));
    store.load(&Wanted::default()).await.unwrap();
    // A batch that was given up after its load does not stop the next one.
    store.load(&Wanted::default()).await.unwrap();
    store.commit(&batch).await.unwrap();
    assert!(matches!(store.commit(&batch).await, Err(CommitError::NotCommitted(_))));
    assert_eq!(Some(reader.head().await.unwrap()), batch.head);
}

pub async fn settling_finds_the_checkpoint_that_follows<B: Backend>() {
    let (_backend, mut store, _reader) = B::fresh().await;
    let mut log = Log::default();
    let batches = [submissions(&mut log, 1), submissions(&mut log, 2)];
    for batch in &batches {
        commit(&mut store, batch).await;
    }
    // What was begun and not committed is gone.
    store.load(&Wanted::default()).await.unwrap();
    for (prev_size, expected) in [(0, &batches[0].checkpoint), (5, &batches[1].checkpoint), (15, &None), (3, &None)] {
        let (head, following) = store.settle(prev_size).await.unwrap();
        assert_eq!((Some(head), &following), (batches[1].head.clone(), expected), "after {prev_size}");
    }
    commit(&mut store, &submissions(&mut log, 1)).await;
}

pub async fn pages_join_without_gap_or_repeat<B: Backend>() {
    let (_backend, mut store, mut reader) = B::fresh().await;
    for batch in script() {
        commit(&mut store, &batch).await;
    }
    let everything = reader.all_referrals(ALL).await.unwrap();
    let (mut all, mut sent, mut open, mut pending, mut open_sent) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (list, which) in [(&mut all, 0), (&mut sent, 1), (&mut open, 2), (&mut pending, 3), (&mut open_sent, 4)] {
        let mut after = After { after: -1, limit: 3 };
        loop {
            let page = match which {
                0 => reader.all_referrals(after).await,
                1 => reader.sent_by("polis-1", after).await,
                2 => reader.open_inbox("rvc-1", after).await,
                4 => reader.open_sent_by("polis-1", after).await,
                _ => reader.pending_clearances("polis-1", after).await,
            };
            let page = page.unwrap();
            assert!(page.len() <= 3);
            let Some(last) = page.last() else { break };
            assert!(page[0].referral.first_position > after.after, "a page goes on after the one before");
            after.after = last.referral.first_position;
            list.extend(page);
        }
    }
    let only = |belongs: &dyn Fn(&ReferralRows) -> bool| everything.iter().filter(|rows| belongs(rows)).cloned().collect::<Vec<_>>();
    assert_eq!(all, everything);
    assert_eq!(sent, only(&|rows| rows.referral.sender == "polis-1"));
    assert_eq!(open_sent, only(&|rows| rows.referral.sender == "polis-1" && rows.referral.stage_code.is_none()));
    assert!(!open_sent.is_empty() && open_sent.len() < sent.len());
    assert_eq!(open, only(&|rows| rows.referral.recipient == "rvc-1" && asks_recipient(rows)));
    assert!(open.iter().any(|rows| rows.referral.recall.is_some()), "a recall waits until it is confirmed");
    assert_eq!(pending, only(&|rows| rows.referral.sender == "polis-1" && waits(rows, false)));
    assert!(!open.is_empty() && open.len() < sent.len() + open.len() && !pending.is_empty() && pending.len() < sent.len());
    let leader = reader.pending_clearances("aklagare-1", ALL).await.unwrap();
    assert_eq!(leader, only(&|rows| waits(rows, true)));
    assert!(!leader.is_empty() && leader.len() < everything.len());
    let inbox = reader.inbox("rvc-1", ALL).await.unwrap();
    assert!(inbox.is_sorted_by_key(|row| row.position) && inbox.len() > 3);
    let tail = reader.inbox("rvc-1", After { after: inbox[0].position, limit: 2 }).await.unwrap();
    assert_eq!(tail, inbox[1..3]);
    let statuses = reader.statuses("polis-1", ALL).await.unwrap();
    assert!(statuses.is_sorted_by_key(|row| row.position) && statuses.iter().all(|row| row.agency == "polis-1"));
    assert_eq!(reader.statuses("polis-1", After { after: statuses[0].position, limit: 2 }).await.unwrap(), statuses[1..3]);
}

/// Said once more, in other words than the stores': somebody still has to clear a cell of that kind, or to review an emergency.
fn waits(rows: &ReferralRows, investigation: bool) -> bool {
    let ended = rows.referral.stage_code.is_some();
    let left: Vec<i64> = rows.sections.iter().filter(|section| section.released_revision == Some(section.revision)).map(|section| section.number).collect();
    let mut cells = rows.cells.iter().filter(|cell| (cell.interest == Blob::default()) == investigation);
    let second_missing = |cell: &CellRow| cell.second_officer != 0 && cell.confirmed_at.is_none();
    let open = cells.any(|cell| if ended { second_missing(cell) && left.contains(&cell.section) } else { cell.decided_at.is_none() || second_missing(cell) });
    let owed = rows.owed.iter().any(|word| (word.interest == Blob::default()) == investigation);
    open || owed || rows.emergencies.iter().any(|emergency| emergency.verdict.is_none() && (!investigation || emergency.agency == rows.referral.leader))
}

/// The function works with it, or has not answered a recall or a notice.
fn asks_recipient(rows: &ReferralRows) -> bool {
    let unanswered = rows.stop_uses.iter().filter(|notice| notice.answer.is_none()).count();
    let recalled = rows.referral.recall.is_some_and(|_| rows.referral.recall_confirmed != 1);
    recalled || unanswered > 0 || matches!(rows.referral.stage.as_str(), "ready" | "opened" | "accepted")
}

macro_rules! suite {
    ($backend:ty) => {
        $crate::conformance::suite::suite! { $backend:
            an_empty_store_has_an_empty_head,
            every_row_comes_back_as_it_was_written,
            rows_are_replaced_and_none_is_lost,
            a_refusal_leaves_its_key_free_and_a_use_does_not,
            a_batch_that_breaks_a_constraint_writes_nothing,
            destroyed_content_is_gone_and_no_other,
            how_far_a_function_was_told_never_goes_back,
            old_keys_are_forgotten_and_no_young_one,
            what_is_on_its_way_is_loaded_with_its_referral_until_it_departs,
            a_commit_belongs_to_one_load,
            settling_finds_the_checkpoint_that_follows,
            reviews_that_are_open_are_loaded_for_their_agency,
            pages_join_without_gap_or_repeat,
            what_is_due_comes_in_order_and_nothing_that_has_ended,
        }
    };
    ($backend:ty: $($test:ident,)+) => {
        $(
            #[tokio::test]
            async fn $test() {
                $crate::conformance::suite::$test::<$backend>().await;
            }
        )+
    };
}
pub(crate) use suite;
