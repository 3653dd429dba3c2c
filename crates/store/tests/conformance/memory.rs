//! The memory store: the suite, and faults.

use brygga_engine::rows::HeadRow;
use brygga_engine::store::{CommitError, Reader as _, Store as _, Wanted};
use brygga_store::{CommitFault, MemoryDatabase, MemoryReader, MemoryStore};

use super::samples::Log;
use super::suite::{Backend, suite};

impl Backend for MemoryDatabase {
    type Store = MemoryStore;
    type Reader = MemoryReader;
    async fn fresh() -> (Self, MemoryStore, MemoryReader) {
        let database = Self::default();
        let (store, reader) = (database.store(), database.reader());
        (database, store, reader)
    }
}

suite!(MemoryDatabase);

#[tokio::test]
async fn a_commit_fails_as_it_is_told_and_the_next_one_passes() {
    for (fault, unknown, written) in
        [(CommitFault::NotCommitted, false, false), (CommitFault::UnknownNotWritten, true, false), (CommitFault::UnknownWritten, true, true)]
    {
        let (database, mut store, mut reader) = MemoryDatabase::fresh().await;
        let mut log = Log::default();
        let mut batch = brygga_engine::store::Batch::default();
        log.submit(&mut batch, 10);
        log.seal(&mut batch);
        database.faults().script_commits([None, Some(fault)]);
        store.load(&Wanted::default()).await.unwrap();
        store.commit(&brygga_engine::store::Batch::default()).await.unwrap();
        store.load(&Wanted::default()).await.unwrap();
        let outcome = store.commit(&batch).await;
        assert_eq!(matches!(outcome, Err(CommitError::OutcomeUnknown(_))), unknown, "{fault:?}");
        assert_eq!(matches!(outcome, Err(CommitError::NotCommitted(_))), !unknown, "{fault:?}");
        assert_eq!(reader.head().await.unwrap() != HeadRow::default(), written, "{fault:?}");
        let (_, following) = store.settle(0).await.unwrap();
        assert_eq!(following.is_some(), written, "{fault:?}");
        if !written {
            store.load(&Wanted::default()).await.unwrap();
            store.commit(&batch).await.unwrap();
        }
        assert_eq!(Some(reader.head().await.unwrap()), batch.head);
    }
}

#[tokio::test]
async fn loads_and_settles_fail_as_often_as_they_are_told() {
    let (database, mut store, _reader) = MemoryDatabase::fresh().await;
    database.faults().fail_loads(2);
    database.faults().fail_settles(1);
    for fails in [true, true, false] {
        assert_eq!(store.load(&Wanted::default()).await.is_err(), fails);
    }
    for fails in [true, false] {
        assert_eq!(store.settle(0).await.is_err(), fails);
    }
}

#[tokio::test]
async fn a_copy_of_the_tables_is_a_database_of_its_own() {
    let (database, mut store, _reader) = MemoryDatabase::fresh().await;
    let copy = MemoryDatabase::from_tables(database.tables());
    let mut log = Log::default();
    let mut batch = brygga_engine::store::Batch::default();
    log.submit(&mut batch, 10);
    log.seal(&mut batch);
    store.load(&Wanted::default()).await.unwrap();
    store.commit(&batch).await.unwrap();
    assert_eq!(copy.reader().head().await.unwrap(), HeadRow::default());
    assert_eq!(Some(database.tables().head), batch.head);
}
