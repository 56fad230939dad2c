//! What a durable event costs: appends with one and with many callers, beside bare SQLite that does the same
//! transactions in the same tables, round by round in turn; and a large backlog, read in pages, beside one bare query.
//! `cargo bench --bench journal`; add `-- --test` for a run of seconds. `UPDRAFT_BENCH_DIR` names the disk to measure.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod store;

use std::{
    env,
    hint::black_box,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use store::{KEYS, SIZE, Store, data};
use tempfile::TempDir;
use tokio::{runtime::Runtime, task::JoinSet};
use updraft::{
    Event,
    journal::{Append, Cursor, Durability, Journal, SqliteJournal},
};

/// Rounds of a full run; an odd number, so that there is a middle one.
const ROUNDS: usize = 9;

fn main() {
    let is_full = env::args().any(|argument| argument == "--bench")
        && !env::args().any(|argument| argument == "--test");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    for callers in [1, 64, 512] {
        appends(&runtime, callers, is_full);
    }
    backlog(&runtime, if is_full { 100_000 } else { 2_000 });
}

fn directory() -> TempDir {
    match env::var_os("UPDRAFT_BENCH_DIR") {
        Some(disk) => tempfile::tempdir_in(disk).unwrap(),
        None => tempfile::tempdir().unwrap(),
    }
}

fn open(directory: &Path) -> SqliteJournal {
    SqliteJournal::open(directory, Durability::PowerLoss).unwrap()
}

fn key(number: usize) -> String {
    format!("card-{}", number * 7919 % KEYS)
}

/// Appends of one event each, of which so many wait at a time.
fn appends(runtime: &Runtime, callers: usize, is_full: bool) {
    let (rounds, each) = match is_full {
        true => (ROUNDS, (8192 / callers).clamp(16, 1000)),
        false => (1, 2),
    };
    let (ours, theirs) = (directory(), directory());
    let journal = Arc::new(open(ours.path()));
    let mut bare = runtime.block_on(Store::open(theirs));
    let mut rates = Vec::new();
    for round in 0..=rounds {
        let (journal_rate, latencies) = runtime.block_on(journal_round(&journal, callers, each));
        let start = Instant::now();
        (0..each).for_each(|_| bare.commit(callers));
        let bare_rate = (callers * each) as f64 / start.elapsed().as_secs_f64();
        // The first warms up.
        if round > 0 || !is_full {
            rates.push((journal_rate, bare_rate, latencies));
        }
    }
    let journal = spread(rates.iter().map(|rate| rate.0));
    let bare = spread(rates.iter().map(|rate| rate.1));
    let ratio = spread(rates.iter().map(|rate| rate.0 / rate.1));
    let mut latencies: Vec<_> = rates.into_iter().flat_map(|rate| rate.2).collect();
    latencies.sort_unstable();
    let p = |percent: usize| {
        latencies[(latencies.len() * percent / 100).min(latencies.len() - 1)].as_secs_f64() * 1e3
    };
    println!("\n{callers} callers, {SIZE} B, keyed: events per second, median (least to most)");
    println!(
        "      journal {:8.0} ({:.0} to {:.0})",
        journal[1], journal[0], journal[2]
    );
    println!("  bare SQLite {:8.0} ({:.0} to {:.0})", bare[1], bare[0], bare[2]);
    println!(
        "        ratio {:8.2} ({:.2} to {:.2})",
        ratio[1], ratio[0], ratio[2]
    );
    println!("  acked after {:8.2} ms, 99 of 100 within {:.2} ms", p(50), p(99));
}

async fn journal_round(journal: &Arc<SqliteJournal>, callers: usize, each: usize) -> (f64, Vec<Duration>) {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let journal = journal.clone();
        tasks.spawn(async move {
            let mut latencies = Vec::with_capacity(each);
            for number in 0..each {
                let event = Event::new("card.changed")
                    .key(key(caller * each + number))
                    .data(&data())
                    .unwrap();
                let append = Append {
                    topic: "board".to_owned(),
                    events: vec![event],
                    ..Append::default()
                };
                let asked = Instant::now();
                journal.append(append).await.unwrap();
                latencies.push(asked.elapsed());
            }
            latencies
        });
    }
    let latencies = tasks.join_all().await.concat();
    ((callers * each) as f64 / start.elapsed().as_secs_f64(), latencies)
}

/// The backlog of so many keys, each of them written twice.
fn backlog(runtime: &Runtime, keys: usize) {
    let directory = directory();
    runtime.block_on(async {
        let journal = open(directory.path());
        for batch in 0..keys / 500 * 2 {
            let events = (0..500).map(|number| {
                let key = format!("card-{}", (batch * 500 + number) % keys);
                Event::new("card.changed").key(key).data(&data()).unwrap()
            });
            let append = Append {
                topic: "board".to_owned(),
                events: events.collect(),
                ..Append::default()
            };
            journal.append(append).await.unwrap();
        }
        let connection = Connection::open(directory.path().join("journal.db")).unwrap();
        println!("\nbacklog of {keys} keys, {SIZE} B: ms, median (least to most)");
        for events in [100, 1000, 10_000] {
            let mut taken = Vec::new();
            let mut bare = Vec::new();
            for _ in 0..5 {
                let start = Instant::now();
                assert_eq!(pages(&journal, events).await, keys);
                taken.push(start.elapsed().as_secs_f64() * 1e3);
                let start = Instant::now();
                assert_eq!(one_query(&connection), keys);
                bare.push(start.elapsed().as_secs_f64() * 1e3);
            }
            let [least, middle, most] = spread(taken.into_iter());
            println!("  pages of {events:6} {middle:8.1} ({least:.1} to {most:.1})");
            let [least, middle, most] = spread(bare.into_iter());
            println!("   one bare query {middle:8.1} ({least:.1} to {most:.1})");
        }
    });
}

async fn pages(journal: &SqliteJournal, events: usize) -> usize {
    let mut cursor = Cursor {
        after: 0,
        up_to: journal.bounds("board").await.unwrap().head,
        events,
        bytes: usize::MAX,
    };
    let mut count = 0;
    loop {
        let page = black_box(journal.backlog("board", cursor).await.unwrap()).records;
        count += page.len();
        match page.last() {
            Some(last) => cursor.after = last.seq,
            None => return count,
        }
    }
}

fn one_query(connection: &Connection) -> usize {
    let query = "SELECT e.seq, e.time, e.name, e.key, e.data FROM latest AS l
        JOIN events AS e ON e.topic = l.topic AND e.seq = l.seq ORDER BY e.seq";
    let mut statement = connection.prepare_cached(query).unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut count = 0;
    while let Some(row) = rows.next().unwrap() {
        black_box(row.get_ref(4).unwrap().as_str().unwrap());
        count += 1;
    }
    count
}

/// The least, the middle and the most.
fn spread(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    [values[0], values[values.len() / 2], values[values.len() - 1]]
}
