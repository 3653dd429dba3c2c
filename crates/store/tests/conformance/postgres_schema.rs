//! The PostgreSQL schema: equal to SQLite's, append-only for everybody, and to each role no more than it needs.

use std::collections::BTreeMap;

use brygga_engine::store::{Store as _, Wanted};

use super::postgres::Postgres;
use super::samples;
use super::schema::{plainly, said};
use super::sqlite::{Sqlite, one_submission};
use super::suite::Backend as _;

const POSTGRES: &str = concat!(
    include_str!("../../src/migrations/postgres/0001_journal.sql"),
    include_str!("../../src/migrations/postgres/0002_noticed.sql"),
    include_str!("../../src/migrations/postgres/0003_more_parts.sql"),
    include_str!("../../src/migrations/postgres/0004_open_sent.sql"),
);

/// A column: its type in SQLite's words, whether it may be absent, its place in the primary key.
type Column = (String, bool, u32);

async fn of_sqlite() -> BTreeMap<String, Column> {
    let (backend, _store, _reader) = Sqlite::fresh().await;
    let bare = backend.bare();
    let query = "SELECT t.name || '.' || c.name, c.type, c.\"notnull\", c.pk FROM pragma_table_list AS t JOIN pragma_table_xinfo(t.name) AS c
        WHERE t.schema = 'main' AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE '\\_%' ESCAPE '\\'";
    let mut statement = bare.prepare(query).unwrap();
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    let rows: Vec<(String, String, bool, u32)> = statement.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap();
    // A generated column carries its words after its type; a key that is the row's own number is never absent.
    let kind = |text: &str| text.split(' ').next().unwrap().to_owned();
    rows.into_iter().map(|(name, text, not_null, key)| (name, (kind(&text), !not_null && key == 0, key))).collect()
}

fn of_postgres(backend: &Postgres) -> BTreeMap<String, Column> {
    let text = backend.sql(
        "SELECT c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, coalesce(array_position(i.indkey::int2[], a.attnum), -1) + 1
        FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 LEFT JOIN pg_index AS i ON i.indrelid = c.oid AND i.indisprimary
        WHERE c.relnamespace = 'brygga'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname NOT IN ('_sqlx_migrations', 'schema_need')",
    );
    let column = |line: &str| {
        let [name, kind, not_null, key] = line.split('|').collect::<Vec<_>>().try_into().unwrap();
        let kind = match kind {
            "bigint" => "INTEGER",
            "bytea" => "BLOB",
            "text" => "TEXT",
            other => panic!("{name} is {other}"),
        };
        (name.to_owned(), (kind.to_owned(), not_null != "t", key.parse().unwrap()))
    };
    text.lines().map(column).collect()
}

#[tokio::test]
async fn tables_and_columns_are_those_of_sqlite() {
    let backend = Postgres::new().await;
    let (one, other) = (of_sqlite().await, of_postgres(&backend));
    assert_eq!(one, other);
    assert!(one.len() > 80, "{one:?}");
}

/// What the CHECKs of a table say, in one dialect and sorted; keys, references and storage are told otherwise.
fn checks(schema: &str) -> BTreeMap<&str, Vec<String>> {
    let tables = schema.split("CREATE TABLE ").skip(1).map(|rest| rest.split_once(" (\n").unwrap());
    let of = |body: &str| {
        let mut checks: Vec<String> = body.split_once("\n)").unwrap().0.split("CHECK (").skip(1).map(until_closed).collect();
        checks.sort();
        checks
    };
    tables.filter(|(name, _)| *name != "schema_need").map(|(name, body)| (name, of(body))).collect()
}

/// The text up to the bracket that closes it.
fn until_closed(text: &str) -> String {
    let mut depth = 1;
    text.chars()
        .take_while(|letter| {
            depth += i32::from(*letter == '(') - i32::from(*letter == ')');
            depth > 0
        })
        .collect::<String>()
        .replace("CASE size WHEN 0 THEN 0 ELSE 32 END", "iif(size = 0, 0, 32)")
}

#[tokio::test]
async fn what_a_row_must_fulfil_is_what_sqlite_demands() {
    let (backend, _store, _reader) = Sqlite::fresh().await;
    let sqlite: Vec<String> = said(&backend.bare()).into_values().collect();
    let (sqlite, postgres) = (sqlite.join("\n"), plainly(POSTGRES));
    assert_eq!(checks(&sqlite), checks(&postgres));
    assert!(checks(&postgres).values().map(Vec::len).sum::<usize>() > 35);
}

/// SQLSTATE of whoever breaks a rule of the tables, and of whoever has no right to.
const BROKEN: &str = "23000";
const NO_RIGHT: &str = "42501";

#[tokio::test]
async fn append_only_tables_refuse_everybody_each_in_their_way() {
    let (backend, mut store, _reader) = Postgres::fresh().await;
    let mut batch = one_submission();
    batch.tree.push(brygga_engine::rows::TreeRow { level: 8, number: 0, hash: samples::hash(1, "tile") });
    store.load(&Wanted::default()).await.unwrap();
    store.commit(&batch).await.unwrap();
    let refused = |user: &str, statement: &str, wanted: &str| {
        let error = backend.try_sql(user, statement).expect_err(statement);
        assert!(error.contains(wanted), "{user}: {statement}: {error}");
    };
    for table in ["event", "tree", "checkpoint", "inbox", "status"] {
        let first = backend.sql(&format!("SELECT attname FROM pg_attribute WHERE attrelid = 'brygga.{table}'::regclass AND attnum = 1"));
        for statement in [format!("UPDATE {table} SET {first} = {first}"), format!("DELETE FROM {table}"), format!("TRUNCATE {table} CASCADE")] {
            refused("postgres", &statement, BROKEN);
            refused("postgres", &format!("SET session_replication_role = replica; {statement}"), BROKEN);
            refused("postgres", &format!("SET ROLE brygga_owner; {statement}"), BROKEN);
            refused("brygga_run", &statement, NO_RIGHT);
        }
        refused("postgres", &format!("INSERT INTO {table} SELECT * FROM {table} ON CONFLICT DO UPDATE SET {first} = excluded.{first}"), "ERROR");
    }
    for (statement, wanted) in [
        ("INSERT INTO event SELECT 7, bytes, leaf_hash FROM event LIMIT 1", BROKEN),
        ("INSERT INTO event SELECT 5 + 2 * n, bytes, leaf_hash FROM event, generate_series(0, 1) AS n WHERE position = 0", BROKEN),
        ("INSERT INTO checkpoint (size, prev_size, root, note) SELECT 9, 0, root, note FROM checkpoint", BROKEN),
        ("INSERT INTO checkpoint (size, prev_size, root, note) SELECT 9, 4, root, note FROM checkpoint", BROKEN),
        ("INSERT INTO log_head SELECT 2, size, root, frontier, last_time, grounds FROM log_head", "ERROR"),
        ("UPDATE log_head SET size = 4", BROKEN),
        ("UPDATE log_head SET last_time = 0", BROKEN),
        ("UPDATE request_key SET digest = decode(repeat('00', 32), 'hex')", BROKEN),
        ("INSERT INTO section_content VALUES (99, 1, 1, NULL, decode(repeat('00', 32), 'hex'), 'x')", "23503"),
        ("INSERT INTO inbox VALUES ('f', 99, decode(repeat('00', 16), 'hex'), 'offered')", "23503"),
    ] {
        refused("brygga_run", statement, wanted);
        refused("postgres", statement, wanted);
    }
    for statement in ["DELETE FROM log_head", "TRUNCATE log_head", "DELETE FROM referral", "TRUNCATE referral"] {
        refused("postgres", statement, BROKEN);
        refused("brygga_run", statement, NO_RIGHT);
    }
}

#[tokio::test]
async fn a_role_may_do_what_it_is_for_and_no_more() {
    let (backend, mut store, _reader) = Postgres::fresh().await;
    store.load(&Wanted::default()).await.unwrap();
    store.commit(&one_submission()).await.unwrap();
    let may = |user: &str, statement: &str, allowed: bool| {
        let outcome = backend.try_sql(user, statement);
        match outcome {
            Ok(_) => assert!(allowed, "{user} may {statement}"),
            Err(error) => assert!(!allowed && error.contains(NO_RIGHT), "{user}: {statement}: {error}"),
        }
    };
    let tables = backend.sql("SELECT relname FROM pg_class WHERE relnamespace = 'brygga'::regnamespace AND relkind = 'r'");
    let not_for_audit = ["section_content", "opening", "person_lookup", "sender_reference", "request_key", "in_flight", "noticed"];
    for table in tables.lines() {
        let read = format!("SELECT count(*) FROM {table}");
        may("brygga_run", &read, true);
        may("brygga_backup", &read, true);
        may("brygga_audit", &read, !not_for_audit.contains(&table));
        for user in ["brygga_run", "brygga_audit", "brygga_backup"] {
            // Only what is on its way and content are ever deleted, and only by a broker.
            may(user, &format!("DELETE FROM {table}"), user == "brygga_run" && ["in_flight", "section_content", "request_key"].contains(&table));
            may(user, &format!("TRUNCATE {table}"), false);
            may(user, &format!("DROP TABLE {table}"), false);
            may(user, &format!("ALTER TABLE {table} DISABLE TRIGGER ALL"), false);
        }
        for user in ["brygga_audit", "brygga_backup"] {
            may(user, &format!("INSERT INTO {table} DEFAULT VALUES"), false);
            may(user, &format!("LOCK TABLE {table} IN EXCLUSIVE MODE"), false);
        }
    }
    for statement in ["UPDATE referral SET id = id", "UPDATE referral SET reference = reference", "CREATE TABLE mine (a int)"] {
        may("brygga_run", statement, false);
    }
    may("brygga_run", "UPDATE referral SET urgency = urgency", true);
    may("brygga_backup", "SET ROLE brygga_owner", false);
    may("brygga_migrate", "SET ROLE brygga_owner; CREATE TABLE mine (a int)", true);
}
