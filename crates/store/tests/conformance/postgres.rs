//! The PostgreSQL store: the suite on a real server, several brokers on one database, roles, the schema's version, connections that
//! break, and servers that are not fit.

use std::time::Duration;

use brygga_engine::bells::{News, Told};
use brygga_engine::store::{Batch, CommitError, Reader as _, Store as _, StoreError, Wanted};
use brygga_pgtest::{Cluster, SUPERUSER, Setup};
use brygga_store::postgres::{ConnectError, OpenError, SCHEMA_KNOWN, Server, make_roles, migrate};
use brygga_store::{MemoryDatabase, PostgresOptions, PostgresReader, PostgresReaders, PostgresStore};
use tokio::sync::OnceCell;

use super::dump::dump;
use super::samples::Log;
use super::sqlite::{Sqlite, one_submission};
use super::suite::{Backend, noticed, script, suite};

/// A database of a test's own.
pub struct Postgres {
    cluster: &'static Cluster,
    database: String,
}

/// How to reach a database of a cluster as somebody.
fn options(cluster: &Cluster, database: &str, user: &str) -> PostgresOptions {
    PostgresOptions {
        server: Server::Socket { folder: cluster.socket_folder().to_owned() },
        port: cluster.port(),
        database: database.to_owned(),
        user: user.to_owned(),
        password_file: None,
    }
}

/// A new database with roles and schema.
async fn prepared(cluster: &Cluster) -> String {
    let database = cluster.database(None);
    make_roles(&options(cluster, &database, SUPERUSER)).await.unwrap();
    migrate(&options(cluster, &database, "brygga_migrate")).await.unwrap();
    database
}

impl Postgres {
    /// A copy of a database that was prepared once.
    pub async fn new() -> Self {
        static PREPARED: OnceCell<String> = OnceCell::const_new();
        let cluster = Cluster::shared();
        let template = PREPARED.get_or_init(|| prepared(cluster)).await;
        Self { cluster, database: cluster.database(Some(template)) }
    }

    pub fn options(&self, user: &str) -> PostgresOptions {
        options(self.cluster, &self.database, user)
    }

    pub async fn open(&self) -> Result<(PostgresStore, PostgresReaders), OpenError> {
        PostgresStore::open(&self.options("brygga_run"), 1).await
    }

    /// SQL as the superuser.
    pub fn sql(&self, text: &str) -> String {
        self.cluster.sql(&self.database, text)
    }

    pub fn try_sql(&self, user: &str, text: &str) -> Result<String, String> {
        self.cluster.try_sql(user, &self.database, &format!("SET search_path = brygga; {text}"))
    }
}

impl Backend for Postgres {
    type Store = PostgresStore;
    type Reader = PostgresReader;
    async fn fresh() -> (Self, PostgresStore, PostgresReader) {
        let backend = Self::new().await;
        let (store, mut readers) = backend.open().await.unwrap();
        (backend, store, readers.readers.pop().unwrap())
    }
}

suite!(Postgres);

async fn commit(store: &mut PostgresStore, batch: &Batch) {
    store.load(&Wanted::default()).await.unwrap();
    store.commit(batch).await.unwrap();
}

fn everything(batch: &Batch) -> Wanted {
    Wanted {
        keys: batch.keys.iter().map(|row| (row.agency.clone(), row.request.clone())).collect(),
        referrals: batch.referrals.iter().map(|rows| rows.referral.id.clone()).collect(),
        references: batch.referrals.iter().map(|rows| rows.referral.reference.clone()).collect(),
        sender_references: batch.sender_references.iter().map(|row| row.hash.clone()).collect(),
        offers: batch.offers.iter().map(|row| row.id.clone()).collect(),
        reviewers: vec![String::from("polis-1"), String::from("aklagare-1")],
        // The size after the first batch: later ones have moved on from there.
        known: 150,
    }
}

#[tokio::test]
async fn all_three_stores_give_equal_answers() {
    let (_backend, mut store, mut reader) = Postgres::fresh().await;
    let (_sqlite, mut sqlite, mut sqlite_reader) = Sqlite::fresh().await;
    let (_database, mut memory, _) = MemoryDatabase::fresh().await;
    for batch in script() {
        let wanted = everything(&batch);
        let (one, other) = (store.load(&wanted).await.unwrap(), memory.load(&wanted).await.unwrap());
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
        assert_eq!((one.referrals, one.keys), (other.referrals, other.keys));
        sqlite.load(&wanted).await.unwrap();
        // Written against what was loaded: only what differs goes to the server.
        store.commit(&batch).await.unwrap();
        memory.commit(&batch).await.unwrap();
        sqlite.commit(&batch).await.unwrap();
        assert_eq!(dump(&mut reader).await, dump(&mut sqlite_reader).await);
    }
}

/// A server that nobody else uses, with a database on it.
async fn server_of_its_own() -> (Cluster, String, PostgresStore, PostgresReaders) {
    let cluster = Cluster::start(&Setup::default());
    let database = prepared(&cluster).await;
    let (store, readers) = PostgresStore::open(&options(&cluster, &database, "brygga_run"), 1).await.unwrap();
    (cluster, database, store, readers)
}

#[tokio::test]
async fn everything_is_there_after_a_crash_of_the_server() {
    let (cluster, _database, mut store, mut readers) = server_of_its_own().await;
    for batch in script() {
        commit(&mut store, &batch).await;
    }
    let before = dump(&mut readers.readers[0]).await;
    cluster.crash();
    assert!(matches!(store.load(&Wanted::default()).await, Err(StoreError::Unavailable { .. })));
    cluster.resume();
    // The connections that broke are made anew.
    store.load(&Wanted::default()).await.unwrap();
    store.commit(&Batch::default()).await.unwrap();
    drop(readers.readers[0].head().await);
    assert!(dump(&mut readers.readers[0]).await == before);
}

#[tokio::test]
async fn two_brokers_queue_behind_the_head() {
    let (backend, mut one, mut reader) = Postgres::fresh().await;
    let (mut other, _) = backend.open().await.unwrap();
    let mut log = Log::default();
    let mut batch = |count: usize| {
        let mut batch = Batch::default();
        (0..count).for_each(|_| drop(log.submit(&mut batch, 100)));
        log.seal(&mut batch);
        batch
    };
    let (first, second) = (batch(1), batch(2));
    one.load(&Wanted::default()).await.unwrap();
    let wanted = Wanted { references: vec![first.referrals[0].referral.reference.clone()], ..Wanted::default() };
    let waiting = tokio::task::spawn(async move {
        let loaded = other.load(&wanted).await.unwrap();
        (other, loaded)
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished(), "the head is not locked");
    one.commit(&first).await.unwrap();
    let (mut other, loaded) = waiting.await.unwrap();
    // What was committed while it waited is seen, rows as well as the head.
    assert_eq!((Some(loaded.head), loaded.referrals), (first.head.clone(), first.referrals.clone()));
    other.commit(&second).await.unwrap();
    assert_eq!(Some(reader.head().await.unwrap()), second.head);
}

#[tokio::test]
async fn a_commit_is_heard_of_by_others() {
    let (backend, mut store, _reader) = Postgres::fresh().await;
    let (_other, mut readers) = backend.open().await.unwrap();
    let listening = tokio::task::spawn(async move {
        let first = readers.hints.next().await.unwrap();
        (first, readers.hints)
    });
    while backend.sql("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'") != "1" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let batch = one_submission();
    commit(&mut store, &batch).await;
    let (news, mut hints) = listening.await.unwrap();
    assert_eq!(news, News { from: 0, size: 5, told: Some(Told::of(&batch.inbox, &batch.statuses)) });
    // A lost connection is told, and the next call makes a new one.
    backend.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'");
    hints.next().await.unwrap_err();
    let again = tokio::task::spawn(async move { hints.next().await.unwrap() });
    let mut log = Log { size: 5, sealed: 5 };
    while !again.is_finished() {
        let mut batch = Batch::default();
        log.submit(&mut batch, 10);
        log.seal(&mut batch);
        commit(&mut store, &batch).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(again.await.unwrap().size > 5);
}

#[tokio::test]
async fn a_batch_whose_connection_is_ended_before_its_commit_is_not_committed() {
    let (backend, mut store, mut reader) = Postgres::fresh().await;
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'";
    store.load(&Wanted::default()).await.unwrap();
    assert_eq!(backend.sql(end), "1");
    let error = store.commit(&one_submission()).await.unwrap_err();
    assert!(matches!(error, CommitError::NotCommitted(_)), "{error:?}");
    // Also an empty one, which is nothing but its COMMIT: then it is not known, and settled.
    store.load(&Wanted::default()).await.unwrap();
    assert_eq!(backend.sql(end), "1");
    let error = store.commit(&Batch::default()).await.unwrap_err();
    assert!(matches!(error, CommitError::OutcomeUnknown(_)), "{error:?}");
    assert_eq!(store.settle(0).await.unwrap(), (brygga_engine::rows::HeadRow::default(), None));
    commit(&mut store, &one_submission()).await;
    assert_eq!(reader.head().await.unwrap().size, 5);
}

#[tokio::test]
async fn an_error_at_commit_is_not_committed_and_a_lost_answer_is_unknown() {
    let (backend, mut store, _reader) = Postgres::fresh().await;
    let at_commit = |body: &str| {
        backend
            .sql(&format!("CREATE OR REPLACE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN {body}; RETURN NULL; END $$"));
    };
    at_commit("RAISE EXCEPTION 'no' USING ERRCODE = 'serialization_failure'");
    backend.sql("CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON brygga.event DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION at_commit()");
    store.load(&Wanted::default()).await.unwrap();
    let error = store.commit(&one_submission()).await.unwrap_err();
    assert!(matches!(error, CommitError::NotCommitted(_)), "{error:?}");
    at_commit("PERFORM pg_terminate_backend(pg_backend_pid())");
    store.load(&Wanted::default()).await.unwrap();
    let error = store.commit(&one_submission()).await.unwrap_err();
    assert!(matches!(error, CommitError::OutcomeUnknown(_)), "{error:?}");
    assert_eq!(store.settle(0).await.unwrap().1, None);
    at_commit("NULL");
    commit(&mut store, &one_submission()).await;
}

#[tokio::test]
async fn a_commit_that_was_written_and_not_answered_is_found_by_settling() {
    let (cluster, database, mut store, _readers) = server_of_its_own().await;
    store.load(&Wanted::default()).await.unwrap();
    // Nobody will ever confirm: COMMIT is written here and waits there.
    cluster.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    cluster.sql("postgres", "SELECT pg_reload_conf()");
    let batch = one_submission();
    let committing = tokio::task::spawn(async move {
        let outcome = store.commit(&batch).await;
        (store, batch, outcome)
    });
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    while cluster.sql(&database, end) == "0" {
        assert!(!committing.is_finished(), "nobody confirms, and it is committed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (mut store, batch, outcome) = committing.await.unwrap();
    assert!(matches!(outcome, Err(CommitError::OutcomeUnknown(_))), "{outcome:?}");
    cluster.sql("postgres", "ALTER SYSTEM RESET synchronous_standby_names");
    cluster.sql("postgres", "SELECT pg_reload_conf()");
    let (head, following) = store.settle(0).await.unwrap();
    assert_eq!((Some(head), following), (batch.head, batch.checkpoint));
}

/// What holds within moments, or never.
async fn soon(mut holds: impl AsyncFnMut() -> bool) {
    let held = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), held).await.unwrap();
}

#[tokio::test]
async fn a_connection_to_a_server_that_takes_no_writes_any_more_is_given_up() {
    let (cluster, database, mut store, _readers) = server_of_its_own().await;
    commit(&mut store, &one_submission()).await;
    let writers =
        || cluster.sql(&database, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'brygga_run' AND query LIKE '-- %' AND query NOT LIKE '-- read%'");
    assert_eq!(writers(), "1");
    cluster.sql("postgres", "ALTER SYSTEM SET default_transaction_read_only = on");
    cluster.sql("postgres", "SELECT pg_reload_conf()");
    // The server tells its sessions of a setting when they wait for the next question.
    soon(async || store.load(&Wanted::default()).await.is_err()).await;
    soon(async || writers() == "0").await;
    // Nor does it take another to the same server, as long as that refuses writes.
    assert!(matches!(store.load(&Wanted::default()).await, Err(StoreError::Unavailable { statement: "lock", .. })));
    cluster.sql("postgres", "ALTER SYSTEM RESET default_transaction_read_only");
    cluster.sql("postgres", "SELECT pg_reload_conf()");
    soon(async || store.load(&Wanted::default()).await.is_ok()).await;
    store.commit(&Batch::default()).await.unwrap();
}

#[tokio::test]
async fn what_a_broker_that_is_gone_left_on_its_way_is_forgotten_at_a_start() {
    let (backend, mut store, mut reader) = Postgres::fresh().await;
    let mut batch = one_submission();
    let (origin, now) =
        (batch.referrals[0].referral.first_position, backend.sql("SELECT (extract(epoch FROM now()) * 1000000)::bigint").parse::<i64>().unwrap());
    let row = |number, until| brygga_engine::rows::InFlightRow { origin, broker: super::samples::id(1, "broker"), number, released_at: origin, until };
    let two_days = 2 * 24 * 3_600_000_000;
    batch.in_flight = vec![row(1, now - two_days), row(2, now)];
    commit(&mut store, &batch).await;
    store.forget_left_behind().await.unwrap();
    assert_eq!(reader.in_flight(origin).await.unwrap(), [row(2, now)]);
}

#[tokio::test]
async fn a_head_that_is_held_too_long_fails_the_load() {
    let (backend, mut store, _reader) = Postgres::fresh().await;
    let (mut other, _) = backend.open().await.unwrap();
    other.load(&Wanted::default()).await.unwrap();
    assert!(matches!(store.load(&Wanted::default()).await, Err(StoreError::Unavailable { statement: "lock", .. })));
    other.commit(&Batch::default()).await.unwrap();
    other.load(&Wanted::default()).await.unwrap();
    assert!(matches!(store.settle(0).await, Err(StoreError::Unavailable { statement: "read_head_locked", .. })));
    other.commit(&Batch::default()).await.unwrap();
    commit(&mut store, &one_submission()).await;
}

#[tokio::test]
async fn schemas_that_this_program_does_not_know_are_refused() {
    let backend = Postgres::new().await;
    let opened = |error: OpenError| error;
    backend.sql("INSERT INTO brygga._sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9, 'later', true, '', 0)");
    // A step that only added leaves older programs at work, but takes their hands off the schema.
    backend.open().await.unwrap();
    PostgresReader::open_beside(&backend.options("brygga_audit")).await.unwrap();
    let error = migrate(&backend.options("brygga_migrate")).await.unwrap_err();
    assert!(matches!(error, OpenError::NewerSchema { found: 9, known: SCHEMA_KNOWN, .. }), "{error:?}");
    backend.sql("UPDATE brygga.schema_need SET needs = 9");
    for error in [
        backend.open().await.map(drop).map_err(opened).unwrap_err(),
        PostgresReader::open_beside(&backend.options("brygga_audit")).await.map(drop).unwrap_err(),
    ] {
        assert!(matches!(error, OpenError::NewerSchema { found: 9, needs: 9, known: SCHEMA_KNOWN, .. }), "{error:?}");
    }
    let cluster = Cluster::shared();
    let empty = cluster.database(None);
    let error = PostgresStore::open(&options(cluster, &empty, SUPERUSER), 1).await.unwrap_err();
    assert!(matches!(&error, OpenError::OlderSchema { found: 0, .. }) && error.to_string().contains("bryggad migrate"), "{error}");
    let error = migrate(&options(cluster, &empty, SUPERUSER)).await.unwrap_err();
    assert!(matches!(&error, OpenError::Migrate { .. }) && error.to_string().contains("migrate --roles"), "{error}");
}

#[tokio::test]
async fn an_older_schema_is_brought_up_to_date_by_its_operator_only() {
    let (backend, mut store, mut reader) = Postgres::fresh().await;
    commit(&mut store, &one_submission()).await;
    let before = dump(&mut reader).await;
    backend.sql(
        "DROP INDEX brygga.referral_open_sent; ALTER TABLE brygga.referral DROP COLUMN more_parts; DROP TABLE brygga.noticed;
        DELETE FROM brygga._sqlx_migrations WHERE version > 1",
    );
    let error = backend.open().await.map(drop).unwrap_err();
    assert!(matches!(&error, OpenError::OlderSchema { found: 1, known: SCHEMA_KNOWN, .. }) && error.to_string().contains("bryggad migrate"), "{error:?}");
    let done = migrate(&backend.options("brygga_migrate")).await.unwrap();
    assert_eq!((done.from, done.to), (1, SCHEMA_KNOWN));
    let (mut store, mut readers) = backend.open().await.unwrap();
    assert!(dump(&mut readers.readers[0]).await == before);
    // Whoever wrote before the step goes on after it, and the new one may use what it brought.
    commit(&mut store, &Batch { noticed: vec![noticed("mail", 7)], ..Batch::default() }).await;
    assert_eq!(readers.readers[0].noticed("rvc-1").await.unwrap(), [noticed("mail", 7)]);
}

#[tokio::test]
async fn roles_and_schema_may_be_made_again_and_by_two_at_once() {
    let cluster = Cluster::shared();
    Postgres::new().await;
    let database = cluster.database(None);
    make_roles(&options(cluster, &database, SUPERUSER)).await.unwrap();
    make_roles(&options(cluster, &database, SUPERUSER)).await.unwrap();
    let owner = options(cluster, &database, "brygga_migrate");
    let (one, other) = tokio::join!(migrate(&owner), migrate(&owner));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!((one.to, other.to), (SCHEMA_KNOWN, SCHEMA_KNOWN));
    assert_eq!(migrate(&owner).await.unwrap().from, SCHEMA_KNOWN);
}

#[tokio::test]
async fn a_server_that_would_lose_commits_or_takes_no_writes_is_refused() {
    let fsync = [String::from("fsync = off")];
    let cluster = Cluster::start(&Setup { settings: &fsync, ..Setup::default() });
    let error = make_roles(&options(&cluster, "postgres", SUPERUSER)).await.unwrap_err();
    let OpenError::Roles { source: ConnectError::Setting { name: "fsync", .. }, .. } = &error else { panic!("{error:?}") };
    let backend = Postgres::new().await;
    // A role's weaker setting is overruled.
    backend.sql(&format!("ALTER ROLE brygga_run IN DATABASE {} SET synchronous_commit = off", backend.database));
    let (mut store, _readers) = backend.open().await.unwrap();
    commit(&mut store, &one_submission()).await;
    backend.sql(&format!("ALTER DATABASE {} SET default_transaction_read_only = on", backend.database));
    let error = backend.open().await.unwrap_err();
    assert!(matches!(error, OpenError::Connect { source: ConnectError::Standby, .. }), "{error:?}");
    let mut beside = PostgresReader::open_beside(&backend.options("brygga_audit")).await.unwrap();
    assert_eq!(beside.head().await.unwrap().size, 5);
}

#[tokio::test]
async fn readers_do_not_outlive_the_writers_connection() {
    let (backend, mut store, mut reader) = Postgres::fresh().await;
    reader.head().await.unwrap();
    let pids =
        || backend.sql("SELECT string_agg(pid::text, ',' ORDER BY pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'brygga_run'");
    let before = pids();
    reader.head().await.unwrap();
    assert_eq!(pids(), before);
    // As after an unknown outcome: the writer may be at another server now, and readers must be where it is.
    store.settle(0).await.unwrap();
    reader.head().await.unwrap();
    let (before, after) = (before.split(',').collect::<Vec<_>>(), pids());
    assert!(after.split(',').all(|pid| !before.contains(&pid)), "{before:?} {after}");
}

#[tokio::test]
async fn a_server_over_which_another_has_stepped_up_is_refused() {
    let (cluster, _database, mut store, _readers) = server_of_its_own().await;
    commit(&mut store, &one_submission()).await;
    let data = cluster.data();
    let [old, new] = ["old", "new"].map(|name| data.with_file_name(name));
    cluster.crash();
    assert!(std::process::Command::new("cp").arg("-a").args([&data, &old]).status().unwrap().success());
    // Started as a standby that nobody feeds, it steps up.
    std::fs::write(data.join("standby.signal"), "").unwrap();
    cluster.resume();
    assert_eq!(cluster.sql("postgres", "SELECT pg_promote()"), "t");
    assert_eq!(store.settle(0).await.unwrap().0.size, 5);
    cluster.crash();
    std::fs::rename(&data, &new).unwrap();
    std::fs::rename(&old, &data).unwrap();
    cluster.resume();
    let StoreError::Unavailable { source, .. } = store.settle(0).await.unwrap_err() else { panic!("not unavailable") };
    assert!(matches!(source.downcast_ref(), Some(ConnectError::Stale { found: 1, known: 2 })), "{source:?}");
    cluster.crash();
    std::fs::rename(&data, &old).unwrap();
    std::fs::rename(&new, &data).unwrap();
    cluster.resume();
    assert_eq!(store.settle(0).await.unwrap().0.size, 5);
}
