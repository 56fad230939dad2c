//! Two nodes that publish to one PostgreSQL database, beside two that make an INSERT of each event under a lock for each of 16
//! shards, without NOTIFY: how many a second, what CPU the nodes and the database take for each, and how long it takes until
//! the other node is told. `cargo run --release -p bench --bin nodes`; `-- --smoke` takes seconds and shows that it runs.
//! `-- --held-snapshot 3600` shows the two nodes for so many seconds beside a transaction that stays open, with few keys;
//! `--pause 100` after it lets each caller rest for so many milliseconds between two publishes, and leaves the machine to others.
//! Processor time is that of `/proc`, so it runs on Linux only.

#[allow(dead_code, clippy::expect_used)]
#[path = "../../../tests/it/support/postgres.rs"]
mod postgres;

use std::{
    env, fs,
    path::Path,
    process,
    sync::{Arc, Mutex as Latencies},
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use postgres::{PostgresServer, TestDatabase};
use tokio::{sync::Mutex, task::JoinSet};
use tokio_postgres::{Client, NoTls, Statement};
use updraft::{
    Event,
    journal::{Append, Cursor, Journal, PostgresJournal, Record, Tailed},
};

/// What is measured beside each other: callers in all.
const CALLERS: [usize; 3] = [1, 16, 512];

/// Keys that there are, and bytes of data.
const KEYS: usize = 10_000;
const BYTES: usize = 100;

/// Keys that there are beside a transaction that stays open, callers that write them, and lines of its table.
const HOT_KEYS: usize = 100;
const HOT_CALLERS: usize = 16;
const LINES: u32 = 12;

/// Connections of each node that inserts. More of them wait for the same locks.
const CONNECTIONS: usize = 32;

/// Of the database: what is acked is safe.
const SETTINGS: &str = "-c fsync=on -c synchronous_commit=on -c shared_buffers=256MB -c max_wal_size=4GB";

/// The store that is inserted into: an event's number is given under the lock of its shard.
const INSERTED: &str = "
    CREATE TABLE shards (id int PRIMARY KEY);
    INSERT INTO shards SELECT generate_series(0, 15);
    CREATE TABLE inserted (shard int, seq bigint GENERATED ALWAYS AS IDENTITY, time bigint, topic text, name text, key text,
        data text, PRIMARY KEY (shard, seq));
    CREATE FUNCTION insert_one(p_topic text, p_name text, p_key text, p_data text) RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE
        v_shard int := abs(hashtext(p_key)) % 16;
        v_seq bigint;
    BEGIN
        PERFORM 1 FROM shards WHERE id = v_shard FOR UPDATE;
        INSERT INTO inserted (shard, time, topic, name, key, data)
        VALUES (v_shard, extract(epoch FROM clock_timestamp()) * 1000, p_topic, p_name, p_key, p_data) RETURNING seq INTO v_seq;
        RETURN v_seq;
    END $$";

/// One of the two nodes of a store.
enum Node {
    Journal(Box<PostgresJournal>),
    Inserting(Vec<Mutex<(Client, Statement)>>),
}

impl Node {
    async fn inserting(url: &str) -> Self {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            let (client, connection) = tokio_postgres::connect(url, NoTls)
                .await
                .expect("the server runs");
            tokio::spawn(connection);
            let insert = client.prepare("SELECT insert_one($1, $2, $3, $4)").await;
            connections.push(Mutex::new((client, insert.expect("it was made"))));
        }
        Self::Inserting(connections)
    }

    /// Resolves when it is durable.
    async fn publish(&self, caller: usize, key: &str, data: &str) {
        match self {
            Self::Journal(journal) => {
                let append = Append {
                    topic: "board".to_owned(),
                    events: vec![Event::new("card.moved").key(key).data(data).expect("JSON")],
                    ..Append::default()
                };
                journal.append(append).await.expect("it is appended");
            }
            Self::Inserting(connections) => {
                let connection = connections[caller % CONNECTIONS].lock().await;
                let (client, insert) = &*connection;
                let row = client
                    .query_one(insert, &[&"board", &"card.moved", &key, &data])
                    .await;
                row.expect("it is inserted");
            }
        }
    }
}

/// What came of a round.
struct Round {
    per_second: f64,
    /// µs of each publish.
    nodes: f64,
    database: f64,
    /// ms until the other node was told; none where none is told.
    told: Vec<f64>,
}

fn main() {
    let is_smoke = env::args().any(|argument| argument == "--smoke");
    let (rounds, time) = match is_smoke {
        true => (1, Duration::from_millis(100)),
        false => (5, Duration::from_secs(3)),
    };
    let server = PostgresServer::start(SETTINGS);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (journal, inserted) = (server.database(), server.database());
    if let Some(time) = held_snapshot() {
        return runtime.block_on(hold(&journal, time));
    }
    runtime.block_on(measure(&journal, &inserted, rounds, time));
    if is_smoke {
        runtime.block_on(hold(&server.database(), time));
    }
    if is_smoke {
        println!("It runs. These figures are of too short a run to mean anything.");
    }
}

/// How long a transaction is to stay open.
fn held_snapshot() -> Option<Duration> {
    number_after("--held-snapshot").map(Duration::from_secs)
}

/// How long a caller rests between two publishes.
fn pause() -> Duration {
    number_after("--pause").map_or(Duration::ZERO, Duration::from_millis)
}

fn number_after(name: &str) -> Option<u64> {
    let number = env::args().skip_while(|argument| argument != name).nth(1);
    number.map(|number| number.parse().expect("a number"))
}

async fn open(database: &TestDatabase) -> Arc<Node> {
    let journal = PostgresJournal::open(&database.url, None)
        .await
        .expect("it opens");
    Arc::new(Node::Journal(Box::new(journal)))
}

/// Two nodes beside a transaction that sees the journal as it was, so that no row that is replaced can go.
async fn hold(database: &TestDatabase, time: Duration) {
    let nodes = [open(database).await, open(database).await];
    let (client, connection) = tokio_postgres::connect(&database.url, NoTls)
        .await
        .expect("the server runs");
    tokio::spawn(connection);
    let held = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM updraft.events";
    client.batch_execute(held).await.expect("it begins");
    println!("| s | publishes/s | µs of the nodes | µs of the database | told p50 / p99, ms | backlog, ms |");
    println!("|---|---|---|---|---|---|");
    let began = Instant::now();
    for _ in 0..LINES {
        let round = run(&nodes, HOT_CALLERS, HOT_KEYS, pause(), time / LINES, database).await;
        let asked = Instant::now();
        if let Node::Journal(journal) = &*nodes[0] {
            let cursor = Cursor {
                after: 0,
                up_to: u64::MAX,
                events: KEYS,
                bytes: usize::MAX,
            };
            let page = journal.backlog("board", cursor).await.expect("it is read");
            assert!(page.records.len() <= HOT_KEYS, "an event of each key");
        }
        let backlog = asked.elapsed().as_secs_f64() * 1e3;
        println!(
            "| {} | {:.0} | {:.0} | {:.0} | {} | {backlog:.1} |",
            began.elapsed().as_secs(),
            round.per_second,
            round.nodes,
            round.database,
            percentiles(round.told)
        );
    }
}

async fn measure(journal: &TestDatabase, inserted: &TestDatabase, rounds: usize, time: Duration) {
    inserted.psql(INSERTED);
    let ours = [open(journal).await, open(journal).await];
    let theirs = [
        Node::inserting(&inserted.url).await,
        Node::inserting(&inserted.url).await,
    ]
    .map(Arc::new);
    println!("| callers | store | publishes/s | µs of the nodes | µs of the database | told p50 / p99, ms |");
    println!("|---|---|---|---|---|---|");
    for callers in CALLERS {
        let mut measured = [Vec::new(), Vec::new()];
        for round in 0..=rounds {
            for (nodes, measured) in [&ours, &theirs].into_iter().zip(&mut measured) {
                let done = run(nodes, callers, KEYS, Duration::ZERO, time, journal).await;
                // The first warms up.
                if round > 0 {
                    measured.push(done);
                }
            }
        }
        let medians = ["two nodes", "an INSERT each"].into_iter().zip(&measured);
        let per_second: Vec<f64> = medians
            .map(|(name, rounds)| print(callers, name, rounds))
            .collect();
        println!(
            "| {callers} | *ratio* | **{:.2}** | | | |",
            per_second[0] / per_second[1]
        );
    }
}

/// So many callers, half of them at each node, publish one after the other, and rest between.
async fn run(
    nodes: &[Arc<Node>; 2],
    callers: usize,
    keys: usize,
    pause: Duration,
    time: Duration,
    database: &TestDatabase,
) -> Round {
    let start = Instant::now();
    let told = Arc::new(Latencies::new(Vec::new()));
    let listening = match &*nodes[1] {
        Node::Journal(journal) => {
            let (mut tail, told) = (journal.tail(), told.clone());
            Some(tokio::spawn(async move {
                while let Some(next) = tail.next().await {
                    if let Tailed::Batch(batch) = next {
                        let taken = batch.iter().filter_map(|record| since(start, record));
                        told.lock().expect("no listener failed").extend(taken);
                    }
                }
            }))
        }
        Node::Inserting(_) => None,
    };
    let server = database.directory().join("data/postmaster.pid");
    let before = (own_time(), server_time(&server));
    let mut publishing = JoinSet::new();
    for caller in 0..callers {
        let node = nodes[caller % 2].clone();
        publishing.spawn(async move {
            let (mut published, mut key) = (0, caller * 7919);
            while published == 0 || start.elapsed() < time {
                key += 104_729;
                let stamp = format!("{}:{}:", caller % 2, start.elapsed().as_nanos());
                let data = format!("{stamp:x<BYTES$}");
                node.publish(caller / 2, &format!("card-{}", key % keys), &data)
                    .await;
                published += 1;
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
            }
            published
        });
    }
    let published: usize = publishing.join_all().await.into_iter().sum();
    let taken = start.elapsed();
    let after = (own_time(), server_time(&server));
    if let Some(listening) = listening {
        listening.abort();
    }
    let each = |used: Duration| used.as_secs_f64() * 1e6 / published as f64;
    let told = std::mem::take(&mut *told.lock().expect("no listener failed"));
    Round {
        per_second: published as f64 / taken.as_secs_f64(),
        nodes: each(after.0.saturating_sub(before.0)),
        database: each(after.1.saturating_sub(before.1)),
        told,
    }
}

/// ms since the first node began to publish this; none where the second did.
fn since(start: Instant, record: &Record) -> Option<f64> {
    let data: String = record.data().ok()??;
    let at = data.strip_prefix("0:")?.split(':').next()?.parse().ok()?;
    let taken = start.elapsed().checked_sub(Duration::from_nanos(at))?;
    Some(taken.as_secs_f64() * 1e3)
}

/// A line of the table; the publishes of a second.
fn print(callers: usize, name: &str, rounds: &[Round]) -> f64 {
    let median = |figure: fn(&Round) -> f64| at(rounds.iter().map(figure).collect(), 0.5);
    let told: Vec<f64> = rounds
        .iter()
        .flat_map(|round| round.told.iter().copied())
        .collect();
    let told = percentiles(told);
    let per_second = median(|round| round.per_second);
    let (nodes, database) = (median(|round| round.nodes), median(|round| round.database));
    println!("| {callers} | {name} | {per_second:.0} | {nodes:.0} | {database:.0} | {told} |");
    per_second
}

/// The median of what it took to be told, and the 99th percentile.
fn percentiles(told: Vec<f64>) -> String {
    match told.is_empty() {
        true => "not told".to_owned(),
        false => format!("{:.1} / {:.1}", at(told.clone(), 0.5), at(told, 0.99)),
    }
}

/// The figure that this part of them does not exceed.
fn at(mut figures: Vec<f64>, part: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    let last = figures.len().saturating_sub(1);
    figures
        .get((last as f64 * part) as usize)
        .copied()
        .unwrap_or_default()
}

/// Processor time of this process.
fn own_time() -> Duration {
    stat(process::id()).map_or(Duration::ZERO, |(_, used)| used)
}

/// That of a PostgreSQL server, with all its processes.
fn server_time(pid_file: &Path) -> Duration {
    let text = fs::read_to_string(pid_file).expect("it runs");
    let postmaster: u32 = text
        .lines()
        .next()
        .and_then(|pid| pid.parse().ok())
        .expect("a number");
    let all = fs::read_dir("/proc").expect("Linux").flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let of_server = pids.filter_map(|pid| {
        let (parent, used) = stat(pid)?;
        (pid == postmaster || parent == postmaster).then_some(used)
    });
    of_server.sum()
}

/// The parent of a process, and the processor time that it and its children that ended took, in the kernel's ticks of 10 ms.
fn stat(pid: u32) -> Option<(u32, Duration)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Behind its name, which may have blanks.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields
        .get(11..15)?
        .iter()
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    Some((fields.get(1)?.parse().ok()?, Duration::from_millis(10 * ticks)))
}
