//! What a journal says where it cannot be opened or read: an error, in words, and never a panic.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use proptest::{
    collection::vec,
    prelude::{any, prop_assert},
    sample::Index,
    test_runner::{Config, TestRunner},
};
use rusqlite::Connection;
use tempfile::TempDir;
use updraft::{
    Event,
    journal::{Append, Durability, Journal, JournalError, OpenError, Retention, SqliteJournal},
};

use super::{WHOLE, append, event, once, wait_for};
use crate::support::Again;

const HOLDS: &str = "UPDRAFT_TEST_HOLDS";

fn open(directory: &Path) -> Result<SqliteJournal, OpenError> {
    SqliteJournal::open(directory, Durability::PowerLoss)
}

fn refusal(directory: &Path) -> OpenError {
    match open(directory) {
        Ok(_) => panic!("{} was opened", directory.display()),
        Err(refusal) => refusal,
    }
}

/// A journal with some events, closed.
fn filled() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    wait_for(async {
        let journal = open(directory.path()).unwrap();
        for number in 0..200 {
            let events = [
                event(&format!("loose {number}")),
                Event::new("long")
                    .data(&"long ".repeat(number))
                    .unwrap()
                    .key(format!("key {}", number % 50)),
            ];
            let append = Append {
                once: Some(once(&number.to_string(), number as u64)),
                ..append("board", events)
            };
            journal.append(append).await.unwrap();
        }
        journal.close().await;
    });
    directory
}

fn file(directory: &TempDir) -> PathBuf {
    directory.path().join("journal.db")
}

#[test]
fn a_second_journal_in_one_process_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path()).unwrap();
    let refusal = refusal(directory.path());
    assert!(matches!(refusal, OpenError::Locked(_)), "{refusal:?}");
    let text = format!(
        "another process uses the journal in {}: stop it, or give this server a directory of its own (--data)",
        directory.path().display()
    );
    assert_eq!(refusal.to_string(), text);
    wait_for(first.close());
    open(directory.path()).unwrap();
}

#[test]
fn a_second_process_is_refused_until_the_first_is_gone() {
    if let Some(directory) = env::var_os(HOLDS) {
        let _held = open(Path::new(&directory)).unwrap();
        println!("\nopen");
        // Until whoever started it lets go.
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut child = Again::new("journal::failures::a_second_process_is_refused_until_the_first_is_gone")
        .env(HOLDS, directory.path())
        .start();
    let mut lines = BufReader::new(child.stdout()).lines();
    assert!(lines.any(|line| line.unwrap() == "open"), "the child opens it");
    assert!(matches!(refusal(directory.path()), OpenError::Locked(_)));
    child.kill();
    open(directory.path()).unwrap();
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let blocked = directory.path().join("file");
    fs::write(&blocked, "no directory").unwrap();
    for path in [blocked.clone(), blocked.join("below")] {
        let refusal = refusal(&path);
        assert!(matches!(refusal, OpenError::Directory { .. }), "{refusal:?}");
        let text = format!("the directory {} is unusable: ", path.display());
        assert!(refusal.to_string().starts_with(&text), "{refusal}");
    }
    // One that can be made is made, with all above it.
    open(&directory.path().join("a/b/c")).unwrap();
}

#[test]
fn another_format_is_left_to_the_program_that_wrote_it() {
    let directory = filled();
    let connection = Connection::open(file(&directory)).unwrap();
    connection
        .execute("UPDATE meta SET value = 2 WHERE name = 'format'", [])
        .unwrap();
    drop(connection);
    let before = fs::read(file(&directory)).unwrap();
    let refusal = refusal(directory.path());
    let text = "the journal has format 2, and this program writes format 1";
    assert_eq!(refusal.to_string(), text);
    assert_eq!(fs::read(file(&directory)).unwrap(), before, "it was not touched");
}

#[test]
fn a_database_of_something_else_is_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    for table in [
        "CREATE TABLE notes (text)",
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY)",
    ] {
        let connection = Connection::open(file(&directory)).unwrap();
        connection.execute_batch(table).unwrap();
        drop(connection);
        let before = fs::read(file(&directory)).unwrap();
        let refusal = refusal(directory.path());
        assert!(matches!(refusal, OpenError::Foreign), "{refusal:?}");
        assert_eq!(fs::read(file(&directory)).unwrap(), before, "it was not touched");
        fs::remove_file(file(&directory)).unwrap();
    }
}

#[test]
fn what_is_no_database_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    for garbage in [
        b"no database at all. ".repeat(500),
        vec![0; 8192],
        b"SQLite format 3\0".repeat(1000),
    ] {
        fs::write(file(&directory), &garbage).unwrap();
        let refusal = refusal(directory.path());
        assert!(matches!(refusal, OpenError::File { .. }), "{refusal:?}");
        assert_eq!(fs::read(file(&directory)).unwrap(), garbage, "it was not touched");
    }
}

#[test]
fn the_sqlite_within_is_not_one_that_may_damage_a_journal() {
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

/// Uses every part of a journal, and goes on where one fails: the errors.
async fn use_all(journal: &dyn Journal) -> Vec<JournalError> {
    let one = Append {
        once: Some(once("new", 1)),
        ..append("board", [event("new").key("key 1")])
    };
    let keep = Retention {
        least: Duration::ZERO,
        ..Retention::default()
    };
    let mut errors = vec![
        journal.read("board", WHOLE).await.err(),
        journal.backlog("board", WHOLE).await.err(),
        journal.topics().await.err(),
        journal.committed_offset("board", "mailer").await.err(),
        journal.append(one).await.err(),
        journal.answer("7".to_owned(), "done".to_owned()).await.err(),
        journal.commit_offset("board", "mailer", 7).await.err(),
        journal.compact("board", keep).await.err(),
        journal.expire_keys(Duration::ZERO).await.err(),
    ];
    for number in (0..200).step_by(10) {
        errors.push(journal.stored_outcome(&number.to_string()).await.err());
    }
    errors.push(journal.append(append("another", [event("new")])).await.err());
    errors.into_iter().flatten().collect()
}

/// What comes of using a file with these bytes: the errors, in words.
fn outcome(bytes: &[u8]) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    fs::write(file(&directory), bytes).unwrap();
    wait_for(async {
        let journal = match SqliteJournal::open(directory.path(), Durability::ProcessCrash) {
            Ok(journal) => journal,
            Err(refusal) => return vec![refusal.to_string()],
        };
        let errors = use_all(&journal).await;
        journal.close().await;
        errors.iter().map(ToString::to_string).collect()
    })
}

#[test]
fn a_file_of_which_a_part_is_missing_is_an_error() {
    let directory = filled();
    let whole = fs::read(file(&directory)).unwrap();
    assert_eq!(outcome(&whole), [""; 0]);
    for length in [whole.len() / 2, whole.len() - 8192, 8192, 100] {
        let errors = outcome(&whole[..length]);
        assert!(!errors.is_empty(), "the first {length} of {} bytes", whole.len());
    }
    for page in 1..whole.len() / 8192 {
        let mut holed = whole.clone();
        holed[page * 8192..][..8192].fill(0xff);
        fs::write(file(&directory), &holed).unwrap();
        let refusal = refusal(directory.path());
        assert!(
            matches!(refusal, OpenError::Damaged { .. } | OpenError::File { .. }),
            "page {page} is gone: {refusal:?}"
        );
    }
}

#[test]
fn bytes_that_changed_are_no_panic() {
    let directory = filled();
    let whole = fs::read(file(&directory)).unwrap();
    let config = Config {
        cases: 100,
        failure_persistence: None,
        ..Config::default()
    };
    let changes = vec((any::<Index>(), any::<u8>()), 1..300);
    TestRunner::new(config)
        .run(&changes, |changes| {
            let mut damaged = whole.clone();
            for (place, byte) in changes {
                *place.get_mut(&mut damaged) = byte;
            }
            for error in outcome(&damaged) {
                // What panics on another thread says so.
                prop_assert!(
                    !error.contains("panic") && !error.contains("writer ended"),
                    "{}",
                    error
                );
            }
            Ok(())
        })
        .unwrap();
}
