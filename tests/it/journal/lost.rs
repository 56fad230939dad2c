//! A journal whose files are removed, moved or replaced while it is open; and copies of it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use updraft::journal::{Append, Durability, Journal, JournalError, SqliteJournal};

use super::{append, event, everything, names, next_of, once, wait_for};

fn open(directory: &Path) -> SqliteJournal {
    SqliteJournal::open(directory, Durability::ProcessCrash).unwrap()
}

/// A place with a journal in `data`, which has one event.
async fn begun() -> (TempDir, PathBuf, SqliteJournal) {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let journal = open(&data);
    journal.append(append("board", [event("first")])).await.unwrap();
    (place, data, journal)
}

fn is_unavailable<T>(outcome: &Result<T, JournalError>) -> bool {
    matches!(
        outcome,
        Err(JournalError::Unavailable(_) | JournalError::Broken(_))
    )
}

/// Nothing is acked, nothing is read, and health says why.
async fn is_lost(journal: &SqliteJournal, file: &Path, what: &str) {
    let lost = journal.health().lost;
    let told = format!("the journal's file {} {what} while it was open: ", file.display());
    let is_told = |lost: &Option<String>| lost.as_ref().is_some_and(|lost| lost.starts_with(&told));
    assert!(is_told(&lost), "{lost:?}");
    for _ in 0..2 {
        let mut tail = journal.tail();
        let appended = journal.append(append("board", [event("lost")])).await;
        assert!(is_unavailable(&appended), "{appended:?}");
        assert_eq!(next_of(&mut tail), None, "nobody hears of it");
        assert!(is_unavailable(&journal.bounds("board").await));
    }
    assert!(is_told(&journal.health().lost), "it is still so");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn what_is_published_to_a_directory_that_was_removed_is_not_acked() {
    wait_for(async {
        let (_place, data, journal) = begun().await;
        assert_eq!(journal.health().lost, None);
        fs::remove_dir_all(&data).unwrap();
        is_lost(&journal, &data.join("lock"), "was removed or moved away").await;
        journal.close().await;
        assert!(!data.exists(), "no other is made in its place");
    });
}

#[test]
fn a_directory_that_was_moved_away_is_written_again_when_it_is_back() {
    wait_for(async {
        let (place, data, journal) = begun().await;
        let elsewhere = place.path().join("elsewhere");
        fs::rename(&data, &elsewhere).unwrap();
        is_lost(&journal, &data.join("lock"), "was removed or moved away").await;
        fs::rename(&elsewhere, &data).unwrap();
        journal.append(append("board", [event("back")])).await.unwrap();
        assert_eq!(journal.health().lost, None);
        assert_eq!(names(&everything(&journal, "board").await), ["first", "back"]);
    });
}

#[test]
fn a_backup_that_takes_the_place_of_an_open_journal_is_another() {
    wait_for(async {
        let (place, data, journal) = begun().await;
        let backup = place.path().join("backup");
        copy(&data, &backup);
        journal.append(append("board", [event("second")])).await.unwrap();
        fs::rename(&data, place.path().join("elsewhere")).unwrap();
        fs::rename(&backup, &data).unwrap();

        // The first acks nothing any more, the second gives the number of an event that clients of the first have seen.
        is_lost(&journal, &data.join("lock"), "was replaced by another file").await;
        let second = open(&data);
        assert_eq!(
            second
                .append(append("board", [event("other")]))
                .await
                .unwrap()
                .last,
            2
        );
        assert_ne!(second.epoch(), journal.epoch());
        is_lost(&journal, &data.join("lock"), "was replaced by another file").await;
        assert_eq!(names(&everything(&second, "board").await), ["first", "other"]);
    });
}

#[test]
fn each_file_that_goes_is_noticed() {
    for (file, is_seen_at_once) in [
        ("lock", true),
        ("journal.db", true),
        ("journal.db-wal", false),
        ("journal.db-shm", false),
    ] {
        for replaced in [false, true] {
            wait_for(async {
                let (_place, data, journal) = begun().await;
                let path = data.join(file);
                let bytes = fs::read(&path).unwrap();
                let aside = data.join("aside");
                fs::rename(&path, &aside).unwrap();
                let mut what = "was removed or moved away";
                if replaced {
                    fs::write(&path, bytes).unwrap();
                    what = "was replaced by another file";
                }
                if is_seen_at_once {
                    is_lost(&journal, &path, what).await;
                    return;
                }
                let appended = journal.append(append("board", [event("lost")])).await;
                assert!(is_unavailable(&appended), "{file}: {appended:?}");
                let lost = journal.health().lost.unwrap();
                assert!(lost.contains(file) && lost.contains(what), "{lost}");
            });
        }
    }
}

#[test]
fn a_copy_is_another_journal_and_a_move_is_none() {
    wait_for(async {
        let (place, data, journal) = begun().await;
        let epoch = journal.epoch().clone();
        let call = Append {
            once: Some(once("call-1", 7)),
            ..append("board", [event("second")])
        };
        journal.append(call).await.unwrap();
        journal.close().await;
        let copied = place.path().join("copied");
        copy(&data, &copied);
        let copy = open(&copied);
        let of_copy = copy.epoch().clone();
        assert_ne!(of_copy, epoch);
        assert_eq!(names(&everything(&copy, "board").await), ["first", "second"]);
        assert!(copy.stored_outcome("call-1").await.unwrap().is_some());
        copy.close().await;
        assert_eq!(*open(&copied).epoch(), of_copy, "once it is another, it stays so");

        let moved = place.path().join("moved");
        fs::rename(&data, &moved).unwrap();
        assert_eq!(*open(&moved).epoch(), epoch);
    });
}
