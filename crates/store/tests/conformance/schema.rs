//! The schema: append-only tables, lists of codes, names of columns, and the indexes that questions use.

use std::collections::{BTreeMap, BTreeSet};

use brygga_domain::codes;
use brygga_engine::store::{Store as _, Wanted};
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

/// The codes that a column's CHECK allows: those of `IN ('…')` after the column's name, within its table.
fn allowed(table: &str, column: &str) -> Vec<Vec<String>> {
    let start = SCHEMA.find(&format!("CREATE TABLE {table} (")).unwrap();
    let body = SCHEMA.get(start..).unwrap().split_once("STRICT").unwrap().0;
    let before = format!("{column} IN ('");
    let lists = body.split(before.as_str()).skip(1);
    lists.map(|rest| rest.split_once("')").unwrap().0.split("', '").map(String::from).collect()).collect()
}

fn texts<C: codes::Code>() -> Vec<String> {
    C::ALL.iter().map(|code| code.as_str().to_owned()).collect()
}

#[test]
fn lists_of_codes_are_those_of_the_domain() {
    for (table, column, expected) in [
        ("referral", "(kind", texts::<codes::ReferralKind>()),
        ("referral", "(from_kind", texts::<codes::AgencyKind>()),
        ("referral", "(to_kind", texts::<codes::AgencyKind>()),
        ("referral", "(urgency", texts::<codes::Urgency>()),
        ("offer", "(answer", texts::<codes::OfferAnswer>()),
        ("inbox", "(kind", texts::<codes::InboxKind>()),
        ("status", "(status", texts::<codes::SenderStatus>()),
    ] {
        assert_eq!(allowed(table, column), [expected], "{table}.{column}");
    }
    let stages = [texts::<codes::DeclineReason>(), texts::<codes::ReturnReason>(), texts::<codes::ClosingOutcome>(), texts::<codes::RetractReason>()];
    assert_eq!(allowed("referral", "stage_code"), stages);
}

#[test]
fn stages_are_those_of_the_domain() {
    use brygga_domain::Stage;
    let retracted = Stage::Retracted { reason: codes::RetractReason::Wrong, recall: None, confirmed: false };
    let (declined, returned) = (Stage::Declined(codes::DeclineReason::NoCapacity), Stage::Returned(codes::ReturnReason::Incomplete));
    let all = [Stage::Held, Stage::Ready, Stage::Opened, Stage::Accepted, declined, returned, Stage::Closed(codes::ClosingOutcome::Noted), retracted];
    assert_eq!(allowed("referral", "CHECK (stage")[0], all.map(|stage| stage.as_str().to_owned()));
    let live: Vec<String> = all.iter().filter(|stage| !stage.is_ended()).map(|stage| stage.as_str().to_owned()).collect();
    assert_eq!(allowed("referral", "(stage_code IS NULL) = (stage")[0], live);
}

/// The text with a chain of `=` in the place of each list of more than two values.
fn plainly(text: &str) -> String {
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
    let (backend, store, reader) = Sqlite::fresh().await;
    drop((store, reader));
    let said = || {
        let bare = backend.bare();
        let mut texts = bare.prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL").unwrap();
        let rows = texts.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<BTreeMap<String, String>, _>>().unwrap()
    };
    let fresh = said();
    std::fs::remove_file(backend.path()).unwrap();
    backend.bare().execute_batch(&format!("{SCHEMA}PRAGMA user_version = 4")).unwrap();
    let before = said();
    drop(backend.open().await.unwrap());
    let after = said();
    assert_eq!(after, fresh);
    assert_eq!(after, before.iter().map(|(name, text)| (name.clone(), plainly(text))).collect());
    assert!(before["referral"].matches(" IN ('").count() > 10 && !after.values().any(|text| text.contains(" IN ('a") || text.contains("stage IN")));
    let bare = backend.bare();
    assert_eq!(bare.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap(), "ok");
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
        "UPDATE referral SET stage = 'lost'",
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
