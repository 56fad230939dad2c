//! The disk is full. What was acked stays, reads go on, and once there is room again so do appends.

use std::{env, path::Path};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::task::JoinSet;
use updraft::journal::{Append, Durability, Journal, JournalError, SqliteJournal};

use super::{append, batch_of, event, everything, names, once, wait_for};
use crate::support::Again;

const FILLS: &str = "UPDRAFT_TEST_FILLS";

/// Plays in a process of its own, whose files may not grow beyond a limit: as good as a full disk, and it needs
/// neither a disk nor rights. The shell sees to it that the process is told by an error and not by a signal.
#[test]
fn a_full_disk_loses_nothing_and_passes() {
    match env::var_os(FILLS) {
        Some(directory) => fill(Path::new(&directory)),
        None => {
            let directory = tempfile::tempdir().unwrap();
            let mut child = Again::after(
                "trap '' XFSZ",
                "journal::full_disk::a_full_disk_loses_nothing_and_passes",
            )
            .env(FILLS, directory.path())
            .start();
            assert!(child.passed());
        }
    }
}

/// From here on no file may grow beyond this.
fn limit_files(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(
        Resource::Fsize,
        Rlimit {
            current: bytes,
            maximum,
        },
    )
    .unwrap();
}

fn attempt(number: usize) -> Append {
    Append {
        once: Some(once(&number.to_string(), 0)),
        ..append("board", [event(&format!("{number}")).key("k".repeat(3000))])
    }
}

fn fill(directory: &Path) {
    wait_for(async {
        let journal = SqliteJournal::open(directory, Durability::PowerLoss).unwrap();
        let journal = std::sync::Arc::new(journal);
        let mut tail = journal.tail();
        let mut acked = Vec::new();
        let mut number = 0;
        for round in 1..4 {
            limit_files(Some(round * 300_000));
            // Until nothing fits any more, not even after the store has tidied up; several at a time, which share
            // a failed commit.
            let mut failures = 0;
            while failures < 5 {
                let mut attempts = JoinSet::new();
                for number in number..number + 3 {
                    let journal = journal.clone();
                    attempts.spawn(async move { (number, journal.append(attempt(number)).await) });
                }
                number += 3;
                failures += 1;
                for (number, outcome) in attempts.join_all().await {
                    match outcome {
                        Ok(appended) => {
                            failures = 0;
                            acked.push((appended.first, number));
                        }
                        Err(error) => assert!(matches!(error, JournalError::Unavailable(_)), "{error:?}"),
                    }
                }
            }
            acked.sort_unstable();

            // Reads go on, and show what was acked. What was not is there or not, whole and in its place.
            let events = everything(&*journal, "board").await;
            for (seq, number) in &acked {
                let event = events.iter().find(|record| record.seq == *seq);
                assert_eq!(*event.expect("it was acked").name, number.to_string());
            }
            let head = events.last().expect("something was acked").seq;
            assert_eq!(journal.bounds("board").await.unwrap().head, head);

            // There is room again. Whoever tries again is applied once.
            limit_files(None);
            for number in 0..number {
                let appended = journal.append(attempt(number)).await.unwrap();
                let was_acked = acked.iter().find(|(_, acked)| *acked == number);
                match was_acked {
                    Some((seq, _)) => assert_eq!((appended.first, appended.repeated), (*seq, true)),
                    None => acked.push((appended.first, number)),
                }
            }
            acked.sort_unstable();
            let events = everything(&*journal, "board").await;
            let expected: Vec<_> = acked.iter().map(|(_, number)| number.to_string()).collect();
            assert_eq!(
                names(&events),
                expected,
                "each once, none used the place of another"
            );
        }
        let events = everything(&*journal, "board").await;
        let mut told = Vec::new();
        while let Some(batch) = batch_of(&mut tail) {
            told.extend(batch.iter().map(|record| (**record).clone()));
        }
        assert_eq!(
            told, events,
            "nothing that failed was told, and nothing that did not was left out"
        );
    });
}
