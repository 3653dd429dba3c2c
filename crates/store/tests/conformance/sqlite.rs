//! The SQLite store: the suite on a real file, the lock, the schema's version, readers beside a broker, and damage.

use std::path::PathBuf;

use brygga_engine::rows::ContentNameRow;
use brygga_engine::store::{Batch, CommitError, Reader as _, Store as _, StoreError, Wanted};
use brygga_store::sqlite::WAL_PAGES_MAX;
use brygga_store::{MemoryDatabase, OpenError, SqliteOptions, SqliteReader, SqliteReaders, SqliteStore};
use rusqlite::Connection;

use super::dump::dump;
use super::samples::Log;
use super::suite::{Backend, commit, noticed, script, suite};

/// A database in a folder of its own.
pub struct Sqlite {
    folder: tempfile::TempDir,
}

impl Sqlite {
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("brygga.db")
    }

    pub async fn open(&self) -> Result<(SqliteStore, SqliteReaders), OpenError> {
        SqliteStore::open(&self.path(), &SqliteOptions::default()).await
    }

    /// A connection that knows none of the store's care.
    pub fn bare(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }
}

impl Backend for Sqlite {
    type Store = SqliteStore;
    type Reader = SqliteReader;
    async fn fresh() -> (Self, SqliteStore, SqliteReader) {
        let backend = Self { folder: tempfile::tempdir().unwrap() };
        let (store, mut readers) = backend.open().await.unwrap();
        (backend, store, readers.readers.pop().unwrap())
    }
}

suite!(Sqlite);

/// A batch of one submission.
pub fn one_submission() -> Batch {
    let mut batch = Batch::default();
    let mut log = Log::default();
    log.submit(&mut batch, 100);
    log.seal(&mut batch);
    batch
}

#[tokio::test]
async fn the_stores_give_equal_answers() {
    let (_backend, mut sqlite, mut sqlite_reader) = Sqlite::fresh().await;
    let (_database, mut memory, mut memory_reader) = MemoryDatabase::fresh().await;
    for batch in script() {
        let wanted = Wanted {
            keys: batch.keys.iter().map(|row| (row.agency.clone(), row.request.clone())).collect(),
            referrals: batch.referrals.iter().map(|rows| rows.referral.id.clone()).collect(),
            references: batch.referrals.iter().map(|rows| rows.referral.reference.clone()).collect(),
            sender_references: batch.sender_references.iter().map(|row| row.hash.clone()).collect(),
            offers: batch.offers.iter().map(|row| row.id.clone()).collect(),
            reviewers: vec![String::from("polis-1"), String::from("aklagare-1")],
            // The size after the first batch: later ones have moved on from there.
            known: 150,
        };
        let (one, other) = (sqlite.load(&wanted).await.unwrap(), memory.load(&wanted).await.unwrap());
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
        assert_eq!((one.referrals, one.keys, one.open_reviews), (other.referrals, other.keys, other.open_reviews));
        sqlite.commit(&batch).await.unwrap();
        memory.commit(&batch).await.unwrap();
        assert_eq!(dump(&mut sqlite_reader).await, dump(&mut memory_reader).await);
    }
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let (backend, mut store, mut reader) = Sqlite::fresh().await;
    for batch in script() {
        store.load(&Wanted::default()).await.unwrap();
        store.commit(&batch).await.unwrap();
    }
    let mut before = dump(&mut reader).await;
    drop((store, reader));
    // What was on its way went with the broker: nobody else can have had the database.
    assert_eq!(before["in_flight"].as_array().unwrap().len(), 2);
    before["in_flight"] = serde_json::json!([]);
    let (_store, mut readers) = backend.open().await.unwrap();
    assert!(dump(&mut readers.readers[0]).await == before);
}

#[tokio::test]
async fn a_second_broker_is_kept_out_by_the_lock_file() {
    let (backend, store, _reader) = Sqlite::fresh().await;
    let error = backend.open().await.unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error:?}");
    assert!(error.to_string().contains("brygga.db.lock"), "{error}");
    drop(store);
    backend.open().await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_refused_by_broker_and_reader() {
    let (backend, store, reader) = Sqlite::fresh().await;
    drop((store, reader));
    backend.bare().pragma_update(None, "user_version", 9).unwrap();
    for error in [backend.open().await.unwrap_err(), SqliteReader::open_beside(&backend.path()).await.unwrap_err()] {
        assert!(matches!(error, OpenError::NewerSchema { found: 9, known: 5, .. }), "{error:?}");
    }
}

#[tokio::test]
async fn an_older_schema_is_brought_up_to_date_with_all_that_it_holds() {
    let (backend, mut store, mut reader) = Sqlite::fresh().await;
    commit(&mut store, &one_submission()).await;
    let before = dump(&mut reader).await;
    drop((store, reader));
    backend
        .bare()
        .execute_batch("DROP INDEX referral_open_sent; ALTER TABLE referral DROP COLUMN more_parts; DROP TABLE noticed; PRAGMA user_version = 1")
        .unwrap();
    let error = SqliteReader::open_beside(&backend.path()).await.unwrap_err();
    assert!(matches!(error, OpenError::OlderSchema { found: 1, known: 5, .. }), "{error:?}");
    let (mut store, mut readers) = backend.open().await.unwrap();
    assert!(dump(&mut readers.readers[0]).await == before);
    commit(&mut store, &Batch { noticed: vec![noticed("mail", 7)], ..Batch::default() }).await;
    assert_eq!(readers.readers[0].noticed("rvc-1").await.unwrap(), [noticed("mail", 7)]);
}

#[tokio::test]
async fn a_reader_opens_beside_a_running_broker_and_without_one() {
    let (backend, mut store, reader) = Sqlite::fresh().await;
    let mut beside = SqliteReader::open_beside(&backend.path()).await.unwrap();
    let batch = one_submission();
    store.load(&Wanted::default()).await.unwrap();
    assert_eq!(beside.head().await.unwrap().size, 0);
    store.commit(&batch).await.unwrap();
    assert_eq!(Some(beside.head().await.unwrap()), batch.head);
    drop((store, reader, beside));
    let mut alone = SqliteReader::open_beside(&backend.path()).await.unwrap();
    assert_eq!(Some(alone.head().await.unwrap()), batch.head);
}

#[tokio::test]
async fn a_reader_of_nothing_makes_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.db");
    assert!(matches!(SqliteReader::open_beside(&path).await, Err(OpenError::Connect { .. })));
    assert!(!path.exists());
}

#[tokio::test]
async fn the_checkpointer_moves_the_wal_beside_a_batch_in_the_making() {
    let backend = Sqlite { folder: tempfile::tempdir().unwrap() };
    let (mut store, mut readers) = backend.open().await.unwrap();
    store.load(&Wanted::default()).await.unwrap();
    store.commit(&one_submission()).await.unwrap();
    store.load(&Wanted::default()).await.unwrap();
    let done = readers.checkpointer.checkpoint().await.unwrap();
    assert!(done.wal_pages > 0 && done.moved_pages == done.wal_pages, "{done:?}");
    store.commit(&Batch::default()).await.unwrap();
}

#[tokio::test]
async fn a_writer_that_cannot_have_the_lock_fails_its_load_and_recovers() {
    let backend = Sqlite { folder: tempfile::tempdir().unwrap() };
    let options = SqliteOptions { busy_timeout: std::time::Duration::from_millis(20), ..SqliteOptions::default() };
    let (mut store, _readers) = SqliteStore::open(&backend.path(), &options).await.unwrap();
    let bare = backend.bare();
    bare.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(store.load(&Wanted::default()).await, Err(StoreError::Unavailable { statement: "load", .. })));
    assert!(matches!(store.commit(&one_submission()).await, Err(CommitError::NotCommitted(_))));
    bare.execute_batch("ROLLBACK").unwrap();
    store.load(&Wanted::default()).await.unwrap();
    store.commit(&one_submission()).await.unwrap();
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_reader_and_writer_whole() {
    let (_backend, mut store, mut reader) = Sqlite::fresh().await;
    let batch = one_submission();
    for _ in 0..100 {
        // One poll sends the question and no more: whoever asked is gone before the answer.
        drop(tokio::time::timeout(std::time::Duration::ZERO, reader.events(0, 10)).await);
        drop(tokio::time::timeout(std::time::Duration::ZERO, store.load(&Wanted::default())).await);
    }
    store.load(&Wanted::default()).await.unwrap();
    drop(tokio::time::timeout(std::time::Duration::ZERO, store.commit(&batch)).await);
    // What was sent is done before what comes after it.
    assert_eq!(Some(store.load(&Wanted::default()).await.unwrap().head), batch.head);
    assert_eq!(reader.events(0, 10).await.unwrap(), batch.events);
}

#[tokio::test]
async fn a_referral_that_comes_twice_stands_as_the_last_one_says() {
    let (_backend, mut store, mut reader) = Sqlite::fresh().await;
    let batch = one_submission();
    store.load(&Wanted::default()).await.unwrap();
    store.commit(&batch).await.unwrap();
    let before = batch.referrals[0].clone();
    let mut between = before.clone();
    between.referral.urgency = String::from("routine");
    between.sections[1].revision = 2;
    let wanted = Wanted { referrals: vec![before.referral.id.clone()], ..Wanted::default() };
    assert_eq!(store.load(&wanted).await.unwrap().referrals, std::slice::from_ref(&before));
    store.commit(&Batch { referrals: vec![between.clone(), before.clone()], ..Batch::default() }).await.unwrap();
    assert_eq!(store.load(&wanted).await.unwrap().referrals, std::slice::from_ref(&before));
    store.commit(&Batch { referrals: vec![between.clone()], ..Batch::default() }).await.unwrap();
    let page = brygga_engine::store::After { after: -1, limit: 9 };
    assert_eq!(reader.all_referrals(page).await.unwrap(), [between]);
}

#[tokio::test]
async fn before_a_commit_is_said_to_be_none_something_lies_over_what_it_may_have_left() {
    let (backend, mut store, _reader) = Sqlite::fresh().await;
    store.load(&Wanted::default()).await.unwrap();
    store.commit(&one_submission()).await.unwrap();
    let wal = || std::fs::read(backend.folder.path().join("brygga.db-wal")).unwrap();
    let before = wal();
    store.load(&Wanted::default()).await.unwrap();
    store.settle(0).await.unwrap();
    assert!(wal() != before);
}

#[tokio::test]
async fn neither_file_nor_wal_holds_what_was_destroyed() {
    let (backend, mut store, readers) = {
        let backend = Sqlite { folder: tempfile::tempdir().unwrap() };
        let (store, readers) = backend.open().await.unwrap();
        (backend, store, readers)
    };
    let mut checkpointer = readers.checkpointer;
    let planted = "planted to be looked for ".repeat(400);
    let mut batch = one_submission();
    batch.contents[0].bytes = planted.as_str().into();
    let there = || {
        let read = |name: &str| std::fs::read(backend.folder.path().join(name)).unwrap_or_default();
        [read("brygga.db"), read("brygga.db-wal")].map(|bytes| bytes.windows(15).any(|bytes| bytes == b"planted to be l"))
    };
    store.load(&Wanted::default()).await.unwrap();
    store.commit(&batch).await.unwrap();
    checkpointer.checkpoint().await.unwrap();
    assert_eq!(there(), [true, true], "the look finds what is there");
    let row = &batch.contents[0];
    let gone = ContentNameRow { origin: batch.referrals[0].referral.first_position, section: row.section, revision: row.revision };
    store.load(&Wanted::default()).await.unwrap();
    store.commit(&Batch { destroyed: vec![gone], ..Batch::default() }).await.unwrap();
    checkpointer.checkpoint().await.unwrap();
    assert_eq!(there(), [false, false]);
}

#[tokio::test]
async fn a_damaged_row_is_told_from_a_store_that_does_not_answer() {
    let (backend, mut store, mut reader) = Sqlite::fresh().await;
    store.load(&Wanted::default()).await.unwrap();
    store.commit(&one_submission()).await.unwrap();
    let bare = backend.bare();
    bare.execute_batch("UPDATE referral SET reference = CAST(x'ff' AS TEXT)").unwrap();
    let page = brygga_engine::store::After { after: -1, limit: 9 };
    let error = reader.all_referrals(page).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error:?}");
    bare.execute_batch("DROP TABLE section_content").unwrap();
    let error = reader.contents(&super::samples::id(0, "referral"), &[(1, 1)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { statement: "read_content", .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wal_stays_short_under_commits_without_a_pause_and_is_gone_after_an_orderly_end() {
    const CONTENT_BYTES: usize = 512 * 1024;
    const COMMITS: usize = 192;
    let backend = Sqlite { folder: tempfile::tempdir().unwrap() };
    let (mut store, SqliteReaders { readers, mut checkpointer }) = backend.open().await.unwrap();
    let wal = backend.folder.path().join("brygga.db-wal");
    let length = || std::fs::metadata(&wal).map_or(0, |file| file.len());
    let moving = tokio::spawn(async move {
        loop {
            checkpointer.checkpoint().await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    let mut log = Log::default();
    let mut longest = 0;
    for _ in 0..COMMITS {
        let mut batch = Batch::default();
        log.submit(&mut batch, CONTENT_BYTES);
        log.seal(&mut batch);
        store.load(&Wanted::default()).await.unwrap();
        store.commit(&batch).await.unwrap();
        longest = longest.max(length());
    }
    let limit = u64::try_from(WAL_PAGES_MAX * 8192).unwrap();
    assert!(longest > limit / 2 && longest < 4 * limit, "the WAL was {longest} bytes long");
    moving.abort();
    assert!(moving.await.unwrap_err().is_cancelled());
    drop((store, readers));
    assert_eq!(length(), 0);
}
