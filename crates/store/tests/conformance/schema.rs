//! The schema: append-only tables, lists of codes, names of columns, and the indexes that questions use.

use std::collections::{BTreeMap, BTreeSet};

use brygga_domain::codes;
use brygga_engine::store::{Store as _, Wanted};
use rusqlite::Connection;
use serde_json::Value;

use super::samples;
use super::sqlite::{Sqlite, one_submission};
use super::suite::{Backend as _, script};

/// Up to the step that says the checks in other words.
const SCHEMA: &str = concat!(
    include_str!("../../src/migrations/sqlite/0001_journal.sql"),
    include_str!("../../src/migrations/sqlite/0002_noticed.sql"),
    include_str!("../../src/migrations/sqlite/0003_more_parts.sql"),
    include_str!("../../src/migrations/sqlite/0004_open_sent.sql"),
);

#[tokio::test]
async fn append_only_tables_refuse_update_delete_and_replace() {
    let (backend, mut store, _reader) = Sqlite::fresh().await;
    let mut batch = one_submission();
    batch.tree.push(brygga_engine::rows::TreeRow { level: 8, number: 0, hash: samples::hash(1, "tile") });
    store.load(&Wanted::default()).await.unwrap();
    store.commit(&batch).await.unwrap();
    let bare = backend.bare();
    for statement in [
        "UPDATE event SET bytes = x'00'",
        "DELETE FROM event",
        "INSERT OR REPLACE INTO event SELECT position, x'00', leaf_hash FROM event WHERE position = 1",
        "INSERT OR REPLACE INTO event SELECT 7, x'00', leaf_hash FROM event WHERE position = 1",
        "UPDATE tree SET hash = zeroblob(32)",
        "DELETE FROM tree",
        "INSERT OR REPLACE INTO tree SELECT level, number, zeroblob(32) FROM tree",
        "UPDATE checkpoint SET note = x'00'",
        "DELETE FROM checkpoint",
        "INSERT OR REPLACE INTO checkpoint (size, prev_size, root, note) SELECT size, prev_size, root, x'00' FROM checkpoint",
        "INSERT OR REPLACE INTO checkpoint (size, prev_size, root, note) SELECT 9, prev_size, root, x'00' FROM checkpoint",
        "UPDATE inbox SET kind = 'reminder'",
        "DELETE FROM inbox",
        "INSERT OR REPLACE INTO inbox SELECT function, position, referral, 'reminder' FROM inbox",
        "UPDATE status SET status = 'closed'",
        "DELETE FROM status",
        "INSERT OR REPLACE INTO status SELECT agency, position, referral, 'closed', at FROM status",
        "DELETE FROM log_head",
        "INSERT OR REPLACE INTO log_head VALUES (1, 5, zeroblob(32), x'', 9, zeroblob(32))",
        "UPDATE log_head SET size = 4",
        "UPDATE log_head SET last_time = 0",
        "UPDATE request_key SET digest = zeroblob(32)",
    ] {
        let error = bare.execute(statement, []).expect_err(statement);
        let code = error.sqlite_error().map(|error| error.extended_code);
        assert_eq!(code, Some(rusqlite::ffi::SQLITE_CONSTRAINT_TRIGGER), "{statement}: {error}");
    }
}

/// The statements that made what is in a database, by name.
pub fn said(bare: &Connection) -> BTreeMap<String, String> {
    let mut texts = bare.prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL").unwrap();
    texts.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap()
}

fn texts<C: codes::Code>() -> Vec<String> {
    C::ALL.iter().map(|code| code.as_str().to_owned()).collect()
}

/// That a column is one of the codes, as a CHECK says it.
fn one_of(column: &str, codes: &[String]) -> String {
    format!("({})", codes.iter().map(|code| format!("{column} = '{code}'")).collect::<Vec<_>>().join(" OR "))
}

#[tokio::test]
async fn lists_of_codes_are_those_of_the_domain() {
    let (backend, _store, _reader) = Sqlite::fresh().await;
    let said = said(&backend.bare());
    for (table, column, expected) in [
        ("referral", "kind", texts::<codes::ReferralKind>()),
        ("referral", "from_kind", texts::<codes::AgencyKind>()),
        ("referral", "to_kind", texts::<codes::AgencyKind>()),
        ("referral", "urgency", texts::<codes::Urgency>()),
        ("offer", "answer", texts::<codes::OfferAnswer>()),
        ("inbox", "kind", texts::<codes::InboxKind>()),
        ("status", "status", texts::<codes::SenderStatus>()),
    ] {
        let check = format!("CHECK ({})", one_of(column, &expected));
        assert_eq!(said[table].matches(&check).count(), 1, "{table}.{column}: {check}");
    }
    for (stage, expected) in [
        ("declined", texts::<codes::DeclineReason>()),
        ("returned", texts::<codes::ReturnReason>()),
        ("closed", texts::<codes::ClosingOutcome>()),
        ("retracted", texts::<codes::RetractReason>()),
    ] {
        let check = format!("CHECK (stage <> '{stage}' OR {})", one_of("stage_code", &expected));
        assert_eq!(said["referral"].matches(&check).count(), 1, "{check}");
    }
}

#[tokio::test]
async fn stages_are_those_of_the_domain() {
    use brygga_domain::Stage;
    let retracted = Stage::Retracted { reason: codes::RetractReason::Wrong, recall: None, confirmed: false };
    let (declined, returned) = (Stage::Declined(codes::DeclineReason::NoCapacity), Stage::Returned(codes::ReturnReason::Incomplete));
    let all = [Stage::Held, Stage::Ready, Stage::Opened, Stage::Accepted, declined, returned, Stage::Closed(codes::ClosingOutcome::Noted), retracted];
    let names = |stages: &mut dyn Iterator<Item = &Stage>| one_of("stage", &stages.map(|stage| stage.as_str().to_owned()).collect::<Vec<_>>());
    let (any, live) = (names(&mut all.iter()), names(&mut all.iter().filter(|stage| !stage.is_ended())));
    let (backend, _store, _reader) = Sqlite::fresh().await;
    let said = said(&backend.bare());
    for check in [format!("CHECK ({any})"), format!("CHECK ((stage_code IS NULL) = ({live}))"), format!("CHECK (next_due_at IS NOT NULL OR NOT {live})")] {
        assert_eq!(said["referral"].matches(&check).count(), 1, "{check}");
    }
}

/// The text with a chain of `=` in the place of each list of more than two values.
pub fn plainly(text: &str) -> String {
    let mut parts = text.split(" IN (");
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        let (list, rest) = part.split_once(')').unwrap();
        let values: Vec<&str> = list.split(", ").collect();
        if values.len() <= 2 {
            plain = format!("{plain} IN ({part}");
            continue;
        }
        let (negated, before) = plain.strip_suffix(" NOT").map_or(("", plain.as_str()), |before| ("NOT ", before));
        let start = before.rfind(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap() + 1;
        let (before, column) = before.split_at(start);
        let chain: Vec<String> = values.iter().map(|value| format!("{column} = {value}")).collect();
        plain = format!("{before}{negated}({}){rest}", chain.join(" OR "));
    }
    plain
}

#[tokio::test]
async fn the_fifth_step_says_the_same_in_plainer_words() {
    let (model, mut store, _reader) = Sqlite::fresh().await;
    for batch in script() {
        store.load(&Wanted::default()).await.unwrap();
        store.commit(&batch).await.unwrap();
    }
    let (backend, store, reader) = Sqlite::fresh().await;
    drop((store, reader));
    let fresh = said(&backend.bare());
    std::fs::remove_file(backend.path()).unwrap();
    let older = backend.bare();
    older.execute_batch(&format!("{SCHEMA}PRAGMA user_version = 4; ATTACH '{}' AS model", model.path().display())).unwrap();
    let tables = ["referral", "offer", "inbox", "status"];
    for table in tables {
        assert!(older.execute(&format!("INSERT INTO {table} SELECT * FROM model.{table}"), []).unwrap() > 0, "{table}");
    }
    assert_eq!(older.query_row("SELECT count(DISTINCT stage) FROM referral", [], |row| row.get::<_, i64>(0)).unwrap(), 8);
    let before = said(&older);
    drop(backend.open().await.unwrap());
    let after = said(&older);
    assert_eq!(after, fresh);
    assert_eq!(after, before.iter().map(|(name, text)| (name.clone(), plainly(text))).collect());
    assert!(before["referral"].matches(" IN ('").count() > 10 && !after.values().any(|text| text.contains(" IN ('police'") || text.contains("stage IN")));
    for table in tables {
        let gone = format!("SELECT count(*) FROM (SELECT * FROM model.{table} EXCEPT SELECT * FROM main.{table})");
        assert_eq!(older.query_row(&gone, [], |row| row.get::<_, i64>(0)).unwrap(), 0, "{table}");
    }
    assert_eq!(older.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap(), "ok");
}

#[tokio::test]
async fn a_code_that_nobody_knows_is_no_row() {
    let (backend, mut store, _reader) = Sqlite::fresh().await;
    store.load(&Wanted::default()).await.unwrap();
    store.commit(&one_submission()).await.unwrap();
    let bare = backend.bare();
    for statement in [
        "UPDATE referral SET kind = 'letter'",
        "UPDATE referral SET from_kind = 'press'",
        "UPDATE referral SET to_kind = 'press'",
        "UPDATE referral SET urgency = 'someday'",
        "UPDATE referral SET stage = 'lost', stage_code = 'noted'",
        "UPDATE referral SET stage = 'closed', stage_code = NULL",
        "UPDATE referral SET stage = 'closed', stage_code = 'lost'",
        "UPDATE referral SET stage = 'declined', stage_code = 'noted'",
        "UPDATE referral SET stage = 'returned', stage_code = 'noted'",
        "UPDATE referral SET stage = 'retracted', stage_code = 'noted'",
        "UPDATE referral SET stage = 'opened', next_due_at = NULL",
        "INSERT INTO inbox SELECT 'f', 99, id, 'letter' FROM referral",
        "INSERT INTO status SELECT 'a', 99, id, 'lost', 9 FROM referral",
        "INSERT INTO offer VALUES (99, zeroblob(16), 'a', 'perhaps')",
    ] {
        let error = bare.execute(statement, []).expect_err(statement);
        let code = error.sqlite_error().map(|error| error.extended_code);
        assert_eq!(code, Some(rusqlite::ffi::SQLITE_CONSTRAINT_CHECK), "{statement}: {error}");
    }
}

#[tokio::test]
async fn columns_are_named_as_the_fields_of_the_rows() {
    let (backend, _store, _reader) = Sqlite::fresh().await;
    let bare = backend.bare();
    let script = script();
    let rows = serde_json::to_value(&script[1].referrals[40]).unwrap();
    let batch = &script[0];
    let of = |row: &dyn erased::Row| row.value();
    let open_review = brygga_engine::rows::OpenReviewRow { position: 0, agency: String::new(), review_due_at: 0 };
    for (table, row, derived) in [
        ("log_head", of(&batch.head), &["single"][..]),
        ("event", of(&batch.events[0]), &[]),
        ("tree", of(&script[1].tree[0]), &[]),
        ("checkpoint", of(&batch.checkpoint), &["follows"]),
        ("referral", rows["referral"].clone(), &["sender_clears", "leader_clears", "recipient_acts", "parts", "more_parts"]),
        ("emergency", of(&open_review), &["reviewed"]),
        ("inbox", of(&batch.inbox[0]), &[]),
        ("status", of(&batch.statuses[0]), &[]),
        ("request_key", of(&batch.keys[0]), &[]),
        ("in_flight", of(&batch.in_flight[0]), &[]),
        ("noticed", of(&batch.noticed[0]), &[]),
        ("section_content", of(&batch.contents[0]), &["origin"]),
        ("opening", of(&batch.openings[0]), &[]),
        ("person_lookup", of(&batch.person_lookups[0]), &[]),
        ("sender_reference", of(&batch.sender_references[0]), &[]),
        ("offer", of(&batch.offers[0]), &[]),
        ("agency", of(&batch.agencies[0]), &[]),
        ("function", of(&batch.functions[0]), &[]),
    ] {
        let mut names = bare.prepare_cached("SELECT name FROM pragma_table_xinfo(?)").unwrap();
        let columns = names.query_map([table], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
        let mut fields: BTreeSet<String> = row.as_object().unwrap().keys().cloned().collect();
        if derived.contains(&"origin") {
            fields.remove("referral");
        }
        fields.extend(derived.iter().copied().map(String::from));
        assert_eq!(columns.collect::<BTreeSet<_>>(), fields, "{table}");
    }
}

/// Rows of any kind, as JSON.
mod erased {
    pub trait Row {
        fn value(&self) -> super::Value;
    }
    impl<R: serde::Serialize> Row for R {
        fn value(&self) -> super::Value {
            serde_json::to_value(self).unwrap()
        }
    }
}
