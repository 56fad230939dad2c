//! What an emit to a room and a publish cost where one, two and three nodes share them: Updraft's, and servers of Node with each of
//! Socket.IO's adapters, all under the same load in turns. `cargo run --release -p bench --bin cluster`; `-- --smoke` takes
//! seconds and shows that it runs. Linux only.

mod load;
mod servers;
mod updraft;

#[allow(dead_code)]
#[path = "../../client.rs"]
mod client;
#[allow(dead_code)]
#[path = "../../figures.rs"]
mod figures;
#[allow(dead_code)]
#[path = "../../peers/foreign.rs"]
mod foreign;
#[allow(dead_code, clippy::expect_used)]
#[path = "../../../../tests/it/support/postgres.rs"]
mod postgres;
#[allow(dead_code)]
#[path = "../../process.rs"]
mod process;
#[allow(dead_code, unused_imports)]
#[path = "../../peers/work.rs"]
mod work;

use std::{env, panic::AssertUnwindSafe, time::Duration};

use figures::{Spread, number, percentile};
use futures_util::FutureExt;
use tokio::time::timeout;

use crate::{
    load::{Load, Source},
    servers::{Cluster, Kind, Used},
};

/// Longest that servers may take for a round, or for their start.
const LONGEST: Duration = Duration::from_secs(60);

/// Words that each speaker says at once.
const WORDS: [usize; 2] = [1, 32];

/// How much is measured.
struct Size {
    rounds: usize,
    time: Duration,
    readers: &'static [usize],
    nodes: &'static [usize],
}

const FULL: Size = Size {
    rounds: 7,
    time: Duration::from_millis(700),
    readers: &[6, 96],
    nodes: &[1, 2, 3],
};

const SMOKE: Size = Size {
    rounds: 1,
    time: Duration::from_millis(20),
    readers: &[6],
    nodes: &[2],
};

/// What a cluster did in a round.
struct Round {
    words: usize,
    taken: Duration,
    latencies: Vec<Duration>,
    misordered: usize,
    used: Used,
}

/// Servers that are measured, and who speaks and reads there.
struct Side {
    kind: Kind,
    cluster: Cluster,
    load: Load,
    rounds: Vec<Round>,
}

impl Side {
    async fn start(kind: Kind, source: Source, nodes: usize, readers: usize) -> Self {
        let cluster = Cluster::start(kind, nodes);
        let load = Load::connect(&cluster.addresses(), source, readers).await;
        Self {
            kind,
            cluster,
            load,
            rounds: Vec::new(),
        }
    }

    async fn round(&mut self, words: usize, time: Duration) {
        let before = self.cluster.used();
        let done = self.load.run(words, time).await;
        self.rounds.push(Round {
            words: done.words,
            taken: done.taken,
            latencies: done.latencies,
            misordered: done.misordered,
            used: self.cluster.used() - before,
        });
    }
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [serve, database] = &arguments[..]
        && serve == "serve"
    {
        let (address, _runtime) = updraft::start(database);
        return process::tell(address);
    }
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
    process::open_files();
    let is_smoke = arguments.iter().any(|argument| argument == "--smoke");
    let size = if is_smoke { SMOKE } else { FULL };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(is_there).collect();
    runtime.block_on(async {
        for &readers in size.readers {
            println!("\n### Emits to a room of {readers}\n");
            measure(&kinds, Source::Room, readers, &size).await;
        }
        println!("\n### Publishes to a topic with 6 subscribers\n");
        measure(&[Kind::Updraft], Source::Topic, 6, &size).await;
    });
    if is_smoke {
        println!("It runs. These figures are of too short a run to mean anything.");
    }
}

fn is_there(kind: &Kind) -> bool {
    let missing = kind.missing();
    if let Some(why) = &missing {
        println!("Left out: {}: {why}", kind.name());
    }
    missing.is_none()
}

async fn measure(kinds: &[Kind], source: Source, readers: usize, size: &Size) {
    println!(
        "| at once, by each of 3 | nodes | server | {1}/s | deliveries/s | µs of the servers per {0} | of the database or Redis | \
         µs of both per delivery | p50 / p99, ms | out of order |",
        source.operation(),
        source.operations()
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for &nodes in size.nodes {
        let mut sides = Vec::new();
        for &kind in kinds {
            sides.extend(in_bounds(kind, Side::start(kind, source, nodes, readers)).await);
        }
        for words in WORDS {
            // The first warms up.
            for round in 0..=size.rounds {
                let mut stays = Vec::new();
                for mut side in sides {
                    let kind = side.kind;
                    let done = in_bounds(kind, side.round(words, size.time)).await;
                    stays.extend(done.map(|()| side));
                }
                sides = stays;
                if round == 0 {
                    sides.iter_mut().for_each(|side| side.rounds.clear());
                }
                let next = 1.min(sides.len());
                sides.rotate_left(next);
            }
            sides.sort_by_key(|side| side.kind);
            for side in &mut sides {
                print(words, nodes, side.kind, &std::mem::take(&mut side.rounds));
            }
        }
    }
}

/// What it is to be done, or nothing where the servers failed, which is told.
async fn in_bounds<T>(kind: Kind, work: impl Future<Output = T>) -> Option<T> {
    let done = timeout(LONGEST, AssertUnwindSafe(work).catch_unwind()).await;
    let done = done.ok().and_then(Result::ok);
    if done.is_none() {
        println!("Failed: {}", kind.name());
        // Of the others it is a finding.
        assert!(kind != Kind::Updraft, "Updraft failed");
    }
    done
}

/// How much of what was delivered came out of its order.
fn share(rounds: &[Round]) -> String {
    let misordered: usize = rounds.iter().map(|round| round.misordered).sum();
    let delivered: usize = rounds.iter().map(|round| round.latencies.len()).sum();
    match misordered {
        0 => "none".to_owned(),
        _ => format!("{:.1} %", misordered as f64 * 100.0 / delivered as f64),
    }
}

/// A line of the table: medians of the rounds.
fn print(words: usize, nodes: usize, kind: Kind, rounds: &[Round]) {
    let median = |figure: &dyn Fn(&Round) -> f64| number(Spread::of(rounds.iter().map(figure)).middle);
    let each = |used: Duration, of: usize| used.as_secs_f64() * 1e6 / of as f64;
    let mut latencies: Vec<Duration> = rounds
        .iter()
        .flat_map(|round| &round.latencies)
        .copied()
        .collect();
    latencies.sort_unstable();
    println!(
        "| {words} | {nodes} | {} | {} | {} | {} | {} | {} | {:.2} / {:.2} | {} |",
        kind.name(),
        median(&|round| round.words as f64 / round.taken.as_secs_f64()),
        median(&|round| round.latencies.len() as f64 / round.taken.as_secs_f64()),
        median(&|round| each(round.used.servers, round.words)),
        median(&|round| each(round.used.store, round.words)),
        median(&|round| each(round.used.servers + round.used.store, round.latencies.len())),
        percentile(&latencies, 50.0) / 1e3,
        percentile(&latencies, 99.0) / 1e3,
        share(rounds),
    );
}
