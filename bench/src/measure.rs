//! Servers under the same load in turns, round by round; each round begins with another one.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use futures_util::{Future, FutureExt};
use serde::Serialize;
use tokio::time::timeout;

use crate::{
    figures::percentile,
    peers::Peer,
    process::{self, ServerProcess},
};

/// Longest that a server may take for a round, or for its start.
const LONGEST: Duration = Duration::from_secs(60);

/// How much is done.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) rounds: usize,
    /// How long each server is under load in a round.
    pub(crate) time: Duration,
    /// Clients where there are to be many.
    pub(crate) many: usize,
    pub(crate) idle: usize,
    pub(crate) backlog: usize,
    pub(crate) memory: usize,
}

impl Size {
    pub(crate) const FULL: Self = Self {
        rounds: 7,
        time: Duration::from_millis(600),
        many: 1000,
        idle: 10_000,
        backlog: 100_000,
        memory: 1_000_000,
    };
    pub(crate) const SMOKE: Self = Self {
        rounds: 1,
        time: Duration::from_millis(40),
        many: 50,
        idle: 200,
        backlog: 1000,
        memory: 2000,
    };

    /// Fewer rounds where each takes long.
    pub(crate) fn few_rounds(self) -> usize {
        self.rounds.div_ceil(2).min(3)
    }
}

/// What was done in a round.
pub(crate) struct Done {
    pub(crate) operations: usize,
    pub(crate) taken: Duration,
    pub(crate) latencies: Vec<Duration>,
}

/// What a server took for it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Round {
    pub(crate) scenario: String,
    /// What is counted.
    pub(crate) operation: &'static str,
    pub(crate) peer: &'static str,
    pub(crate) round: usize,
    pub(crate) operations: usize,
    pub(crate) per_second: f64,
    /// Server CPU, µs for each operation.
    pub(crate) cpu: f64,
    /// µs from the question to the answer: half, 99 of 100 and 999 of 1,000 are not longer.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    /// The server's memory afterwards, in MB; nothing where there is no server.
    pub(crate) memory: f64,
    /// Cores that the load took for itself.
    pub(crate) load: f64,
}

/// Everything that is known of a scenario.
pub(crate) struct Measured {
    pub(crate) rounds: Vec<Round>,
    /// Who did not finish, and why.
    pub(crate) failed: Vec<(Peer, String)>,
}

/// What a scenario does with each server.
pub(crate) trait Scenario {
    /// The load's side of a server.
    type Load;

    /// What the table says, and what is counted.
    fn name(&self) -> String;
    fn operation(&self) -> &'static str;
    fn peers(&self) -> &'static [Peer];

    fn start(&self, peer: Peer) -> Option<ServerProcess> {
        Some(peer.start())
    }

    /// Once, before the first round.
    async fn connect(&self, peer: Peer, server: Option<&ServerProcess>) -> Self::Load;

    /// A round of about this time.
    async fn run(&self, load: &mut Self::Load, time: Duration) -> Done;
}

struct Side<L> {
    peer: Peer,
    server: Option<ServerProcess>,
    load: L,
}

/// Runs all servers of a scenario that are wanted and can be run.
pub(crate) async fn measure<S: Scenario>(scenario: &S, wanted: &[Peer], size: Size) -> Measured {
    let mut measured = Measured {
        rounds: Vec::new(),
        failed: Vec::new(),
    };
    let mut sides = Vec::new();
    for peer in scenario.peers().iter().filter(|peer| wanted.contains(peer)) {
        let start = async {
            let server = scenario.start(*peer);
            let mut load = scenario.connect(*peer, server.as_ref()).await;
            // It warms up.
            scenario.run(&mut load, size.time).await;
            Side {
                peer: *peer,
                server,
                load,
            }
        };
        match in_bounds(start).await {
            Ok(side) => sides.push(side),
            Err(why) => measured.failed.push((*peer, why)),
        }
    }
    for round in 0..size.rounds {
        if sides.is_empty() {
            break;
        }
        let first = round % sides.len();
        sides.rotate_left(first);
        let mut stays = Vec::new();
        for mut side in sides {
            match in_bounds(side.round(scenario, round, size)).await {
                Ok(done) => measured.rounds.push(done),
                Err(why) => {
                    measured.failed.push((side.peer, why));
                    continue;
                }
            }
            stays.push(side);
        }
        sides = stays;
        let back = first.min(sides.len());
        sides.rotate_right(back);
    }
    measured
}

/// Runs servers that begin anew in each round.
pub(crate) async fn anew(
    all: &[Peer],
    wanted: &[Peer],
    size: Size,
    one: impl AsyncFn(Peer, usize) -> Vec<Round>,
) -> Measured {
    let mut measured = Measured {
        rounds: Vec::new(),
        failed: Vec::new(),
    };
    let mut peers: Vec<Peer> = all.iter().copied().filter(|peer| wanted.contains(peer)).collect();
    for round in 0..size.few_rounds() {
        for peer in peers.clone() {
            match in_bounds(one(peer, round)).await {
                Ok(rounds) => measured.rounds.extend(rounds),
                Err(why) => {
                    peers.retain(|other| *other != peer);
                    measured.failed.push((peer, why));
                }
            }
        }
        let most = peers.len().min(1);
        peers.rotate_left(most);
    }
    measured
}

impl<L> Side<L> {
    async fn round<S: Scenario<Load = L>>(&mut self, scenario: &S, round: usize, size: Size) -> Round {
        let watch = Watch::start(self.server.as_ref());
        let done = scenario.run(&mut self.load, size.time).await;
        watch.stop(&scenario.name(), scenario.operation(), self.peer, round, done)
    }
}

/// What has been used up to now.
pub(crate) struct Watch<'a> {
    server: Option<&'a ServerProcess>,
    start: Instant,
    own: Duration,
    used: Duration,
}

impl<'a> Watch<'a> {
    /// Without a server this process does the work.
    pub(crate) fn start(server: Option<&'a ServerProcess>) -> Self {
        Self {
            server,
            start: Instant::now(),
            own: process::cpu(),
            used: server.map_or_else(process::cpu, ServerProcess::cpu),
        }
    }

    pub(crate) fn stop(
        self,
        scenario: &str,
        operation: &'static str,
        peer: Peer,
        round: usize,
        mut done: Done,
    ) -> Round {
        let used = self.server.map_or_else(process::cpu, ServerProcess::cpu) - self.used;
        let own = self.server.map_or(Duration::ZERO, |_| process::cpu() - self.own);
        done.latencies.sort_unstable();
        Round {
            scenario: scenario.to_owned(),
            operation,
            peer: peer.name(),
            round,
            operations: done.operations,
            per_second: done.operations as f64 / done.taken.as_secs_f64(),
            cpu: used.as_secs_f64() * 1e6 / done.operations as f64,
            p50: percentile(&done.latencies, 50.0),
            p99: percentile(&done.latencies, 99.0),
            p999: percentile(&done.latencies, 99.9),
            memory: self.server.map_or(0, ServerProcess::memory) as f64 / f64::from(1 << 20),
            load: own.as_secs_f64() / self.start.elapsed().as_secs_f64(),
        }
    }
}

/// What a server does, or in words why it does not.
pub(crate) async fn in_bounds<T>(work: impl Future<Output = T>) -> Result<T, String> {
    match timeout(LONGEST, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(panic)) => Err(said(&*panic)),
        Err(_) => Err(format!("not done within {} s", LONGEST.as_secs())),
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it failed without a word")
        .chars()
        .take(200)
        .collect()
}
