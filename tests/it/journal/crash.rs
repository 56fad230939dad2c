//! A process that appends is killed at any moment. What it had acked is there, and nothing is there in pieces.
//!
//! The test runs itself again as that process. `UPDRAFT_KILLS=200 cargo test --test it journal::crash` kills more
//! often than the few times of a normal run.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
};

use tokio::task::JoinSet;
use updraft::journal::{Append, Durability, Journal, Record, SqliteJournal, TopicBounds};

use super::{WHOLE, append, event, everything, once, wait_for};
use crate::support::Again;

const KILLS: &str = "UPDRAFT_KILLS";
const DIRECTORY: &str = "UPDRAFT_TEST_APPENDS_IN";
const ROUND: &str = "UPDRAFT_TEST_ROUND";

const APPENDERS: usize = 16;

#[test]
fn what_was_acked_survives_a_kill() {
    match env::var_os(DIRECTORY) {
        Some(directory) => append_for_ever(Path::new(&directory)),
        None => kill_again_and_again(),
    }
}

/// The events of a batch: an appender's name, how many batches it had appended before, and the part.
fn batch(round: &str, appender: usize, number: usize) -> Append {
    let parts = 1 + (appender + number) % 4;
    let name = |part| format!("{round}/{appender}/{number}/{part}of{parts}");
    Append {
        once: Some(once(&format!("{round}/{appender}/{number}"), 0)),
        ..append(
            ["board", "chat"][appender % 2],
            (1..=parts).map(|part| event(&name(part)).key(format!("{}", number % 10))),
        )
    }
}

/// Prints what was acked, a line each, until it is killed.
fn append_for_ever(directory: &Path) {
    let round = env::var(ROUND).unwrap();
    let journal = SqliteJournal::open(directory, Durability::PowerLoss).unwrap();
    let journal = std::sync::Arc::new(journal);
    wait_for(async {
        let mut appenders = JoinSet::new();
        for appender in 0..APPENDERS {
            let (journal, round) = (journal.clone(), round.clone());
            appenders.spawn(async move {
                for number in 0.. {
                    let appended = journal.append(batch(&round, appender, number)).await.unwrap();
                    let line = format!("acked {} {appender} {number}\n", appended.first);
                    // One write for one line, so that a kill leaves none in pieces.
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            });
        }
        appenders.join_all().await;
    });
}

fn kill_again_and_again() {
    let kills = env::var(KILLS).map_or(3, |kills| kills.parse().expect("a number of kills"));
    let directory = tempfile::tempdir().unwrap();
    let mut held = Held::new();
    for round in 0..kills {
        // Sometimes it is killed while it begins, sometimes deep in its work.
        let acks = [150, 0, 40, 1, 600][round % 5];
        let acked = acked_before_a_kill(directory.path(), round, acks);
        held = wait_for(check(directory.path(), round, &acked, &held));
    }
}

/// An acked batch: the sequence number of its first event, its appender, and its number.
type Acked = (u64, usize, usize);

fn acked_before_a_kill(directory: &Path, round: usize, acks: usize) -> Vec<Acked> {
    let mut child = Again::new("journal::crash::what_was_acked_survives_a_kill")
        .env(DIRECTORY, directory)
        .env(ROUND, round.to_string())
        .start();
    let mut lines = BufReader::new(child.stdout()).lines();
    let mut acked = Vec::new();
    let mut note = |line: &str| {
        let mut words = line
            .split_once("acked ")?
            .1
            .split(' ')
            .map(|word| word.parse::<u64>().ok());
        let (first, appender, number) = (words.next()??, words.next()??, words.next()??);
        acked.push((first, appender as usize, number as usize));
        Some(acked.len())
    };
    for line in lines.by_ref() {
        let line = line.unwrap();
        let count = note(&line).unwrap_or(0);
        if count > 0 && count >= acks || acks == 0 && line.starts_with("running") {
            break;
        }
    }
    child.kill();
    // What it had said before it was killed is still in the pipe, up to a last line that may be cut.
    for line in lines.map_while(Result::ok) {
        note(&line);
    }
    assert!(acked.len() >= acks, "the child appended");
    acked
}

/// Everything that the file held after a round, by its sequence number.
type Held = BTreeMap<u64, Record>;

async fn check(directory: &Path, round: usize, acked: &[Acked], before: &Held) -> Held {
    let journal = SqliteJournal::open(directory, Durability::PowerLoss).unwrap();
    let mut held = Held::new();
    for topic in ["board", "chat"] {
        let events = everything(&journal, topic).await;
        let mut latest = BTreeMap::new();
        for record in &events {
            latest.insert(record.key.clone(), record);
        }
        let mut latest: Vec<_> = latest.into_values().cloned().collect();
        latest.sort_by_key(|record| record.seq);
        assert_eq!(journal.backlog(topic, WHOLE).await.unwrap().records, latest);
        let head = events.last().map_or(0, |record| record.seq);
        assert_eq!(journal.bounds(topic).await, Ok(TopicBounds { head, floor: 0 }));
        held.extend(events.into_iter().map(|record| (record.seq, record)));
    }
    assert!(
        held.keys().copied().eq(1..=held.len() as u64),
        "each number was used once"
    );
    for (seq, record) in before {
        assert_eq!(&held[seq], record, "what was there stays, in its place");
    }

    let batches = batches(held.range(before.len() as u64 + 1..).map(|(_, record)| record));
    let mut numbers = [0; APPENDERS];
    for (first, name) in &batches {
        let [of_round, appender, number] = name
            .split('/')
            .map(|part| part.parse().unwrap())
            .collect::<Vec<_>>()[..]
        else {
            panic!("{name} is the name of a batch");
        };
        assert_eq!(
            (of_round, number),
            (round, numbers[appender]),
            "none of {appender} is left out"
        );
        numbers[appender] += 1;
        let stored = journal
            .stored_outcome(name)
            .await
            .unwrap()
            .expect("its key came with it");
        assert_eq!(stored.appended.first, *first);
    }
    for (first, appender, number) in acked {
        let name = format!("{round}/{appender}/{number}");
        assert_eq!(batches.get(first), Some(&name), "an acked batch is there");
    }
    // At most one batch of each appender was under way: it is there or not, and can be tried again.
    for (appender, next) in numbers.into_iter().enumerate() {
        let acked = acked.iter().filter(|(_, by, _)| *by == appender).count();
        assert!(next <= acked + 1, "{appender} was acked {acked} and has {next}");
        if next > 0 {
            let again = journal
                .append(batch(&round.to_string(), appender, next - 1))
                .await
                .unwrap();
            assert!(again.repeated);
        }
    }
    journal.close().await;
    held
}

/// The batches that these events are, by their first event; whole, one behind the other.
fn batches<'a>(mut records: impl Iterator<Item = &'a Record>) -> BTreeMap<u64, String> {
    let mut batches = BTreeMap::new();
    while let Some(first) = records.next() {
        let (batch, part) = first.name.rsplit_once('/').unwrap();
        let parts: usize = part
            .strip_prefix("1of")
            .expect("a batch begins with its first")
            .parse()
            .unwrap();
        for part in 2..=parts {
            let next = records.next().expect("a batch is whole");
            assert_eq!(*next.name, format!("{batch}/{part}of{parts}"));
        }
        batches.insert(first.seq, batch.to_owned());
    }
    batches
}
