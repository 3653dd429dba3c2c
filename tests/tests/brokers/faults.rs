//! Every way in which a batch can fail, with everything that can happen meanwhile: what the caller is told, and that the command
//! that is repeated with its key has one effect.

use brygga_engine::broker::NoAnswer;
use brygga_engine::committer::Failure;
use brygga_engine::store::Reader as _;
use brygga_store::CommitFault;

use super::in_process::{begun, broker, function, registration};

/// Whether the load fails, what the store does to the batch otherwise, and how many of the questions fail that ask what became of it.
const FAULTS: [(bool, Option<CommitFault>, usize); 9] = [
    (true, None, 0),
    (false, None, 0),
    (false, Some(CommitFault::NotCommitted), 0),
    (false, Some(CommitFault::UnknownNotWritten), 0),
    (false, Some(CommitFault::UnknownNotWritten), 2),
    (false, Some(CommitFault::UnknownNotWritten), usize::MAX),
    (false, Some(CommitFault::UnknownWritten), 0),
    (false, Some(CommitFault::UnknownWritten), 2),
    (false, Some(CommitFault::UnknownWritten), usize::MAX),
];
/// Whether another broker commits before that question is answered.
const OTHERS: [bool; 2] = [false, true];
/// Whether the key comes again at the same broker, or at another one.
const REPEATS: [bool; 2] = [true, false];

/// What the caller is told of its first try.
fn told(load_fails: bool, commit: Option<CommitFault>, settles: usize) -> Option<Failure> {
    match commit {
        _ if load_fails => Some(Failure::NotCommitted),
        None => None,
        Some(CommitFault::NotCommitted) => Some(Failure::NotCommitted),
        Some(_) if settles == usize::MAX => Some(Failure::OutcomeUnknown),
        Some(CommitFault::UnknownNotWritten) => Some(Failure::NotCommitted),
        Some(CommitFault::UnknownWritten) => None,
    }
}

async fn holds(load_fails: bool, commit: Option<CommitFault>, settles: usize, (another, at_home): (bool, bool)) {
    let case = format!("load fails {load_fails}, {commit:?}, {settles} settles fail, another commits {another}, repeated at home {at_home}");
    let folder = tempfile::tempdir().unwrap();
    let database = begun().await;
    let one = broker(database.store(), database.reader(), &folder.path().join("one")).await;
    let other = broker(database.store(), database.reader(), &folder.path().join("other")).await;
    let faults = database.faults();
    faults.fail_loads(usize::from(load_fails));
    if !load_fails {
        faults.script_commits([commit]);
        faults.fail_settles(settles);
    }
    let command = registration(1, function("ny-ett"));
    let meanwhile = async {
        if another {
            // After the first failed question, while the broker waits to ask again.
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            other.carry_out(registration(2, function("ny-tva"))).await.unwrap();
        }
    };
    let (first, ()) = tokio::join!(one.carry_out(command.clone()), meanwhile);
    match (first, told(load_fails, commit, settles)) {
        (Ok(answer), None) => assert!(!answer.committed.replayed, "{case}"),
        (Err(NoAnswer::Failed(found)), Some(wanted)) => assert_eq!(found, wanted, "{case}"),
        (Ok(_), Some(wanted)) => panic!("{case}: it was answered, not {wanted:?}"),
        (Err(found), _) => panic!("{case}: {found:?}"),
    }
    let written = !load_fails && (commit.is_none() || commit == Some(CommitFault::UnknownWritten));
    let again = if at_home { &one } else { &other }.carry_out(command).await.unwrap();
    assert_eq!(again.committed.replayed, written, "{case}");
    let names = database.tables().functions.keys().filter(|name| *name == "ny-ett" || *name == "ny-tva").count();
    assert_eq!(names, 1 + usize::from(another), "{case}");
    let events = database.reader().head().await.unwrap().size;
    let began = begun().await.reader().head().await.unwrap().size;
    assert_eq!(events - began, 1 + i64::from(another), "{case}: one effect");
    // Nobody is held up by it.
    one.carry_out(registration(3, function("ny-tre"))).await.unwrap();
    other.carry_out(registration(4, function("ny-fyra"))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_a_key_has_one_effect_and_the_caller_is_told_the_truth() {
    for (load_fails, commit, settles) in FAULTS {
        for another in OTHERS {
            for at_home in REPEATS {
                holds(load_fails, commit, settles, (another, at_home)).await;
            }
        }
    }
}
