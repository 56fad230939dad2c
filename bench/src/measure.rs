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
    syscalls::Strace,
};

/// Longest that a server may take for a round, or for its start.
const LONGEST: Duration = Duration::from_secs(60);

/// How much is done.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) rounds: usize,
    /// Rounds after them, in which system calls are counted.
    pub(crate) traced: usize,
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
        traced: 0,
        time: Duration::from_millis(600),
        many: 1000,
        idle: 10_000,
        backlog: 100_000,
        memory: 1_000_000,
    };
    pub(crate) const SMOKE: Self = Self {
        rounds: 1,
        traced: 0,
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

    /// So many rounds, and those that are traced after them.
    fn turns(self, rounds: usize) -> impl Iterator<Item = Turn> {
        let traced = (rounds..rounds + self.traced).map(Turn::Traced);
        (0..rounds).map(Turn::Measured).chain(traced)
    }
}

/// A round, by its number.
#[derive(Clone, Copy)]
pub(crate) enum Turn {
    /// On which the figures stand.
    Measured(usize),
    /// Under strace, which slows the server down: only its system calls are counted.
    Traced(usize),
}

impl Turn {
    fn number(self) -> usize {
        let (Self::Measured(number) | Self::Traced(number)) = self;
        number
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
    /// System calls of the server for each operation, where they were counted, in a round of its own.
    pub(crate) syscalls: Option<f64>,
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
#[derive(Default)]
pub(crate) struct Measured {
    pub(crate) rounds: Vec<Round>,
    /// Who did not finish, and why.
    pub(crate) failed: Vec<(Peer, String)>,
}

impl Measured {
    /// Takes in what a server did in its turn.
    fn add(&mut self, turn: Turn, round: Round) {
        match turn {
            Turn::Measured(_) => self.rounds.push(round),
            Turn::Traced(_) => self
                .rounds
                .iter_mut()
                .filter(|measured| measured.peer == round.peer && measured.scenario == round.scenario)
                .for_each(|measured| measured.syscalls = round.syscalls),
        }
    }

    fn fail(&mut self, peer: Peer, turn: Turn, why: String) {
        let why = match turn {
            Turn::Measured(_) => why,
            Turn::Traced(_) => format!("under strace, {why}"),
        };
        self.failed.push((peer, why));
    }
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
    let mut measured = Measured::default();
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
    for turn in size.turns(size.rounds) {
        if sides.is_empty() {
            break;
        }
        let first = turn.number() % sides.len();
        sides.rotate_left(first);
        let mut stays = Vec::new();
        for mut side in sides {
            match in_bounds(side.round(scenario, turn, size)).await {
                Ok(round) => measured.add(turn, round),
                Err(why) => {
                    measured.fail(side.peer, turn, why);
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
    one: impl AsyncFn(Peer, Turn) -> Vec<Round>,
) -> Measured {
    let mut measured = Measured::default();
    let mut peers: Vec<Peer> = all.iter().copied().filter(|peer| wanted.contains(peer)).collect();
    for turn in size.turns(size.few_rounds()) {
        for peer in peers.clone() {
            match in_bounds(one(peer, turn)).await {
                Ok(rounds) => rounds.into_iter().for_each(|round| measured.add(turn, round)),
                Err(why) => {
                    peers.retain(|other| *other != peer);
                    measured.fail(peer, turn, why);
                }
            }
        }
        let most = peers.len().min(1);
        peers.rotate_left(most);
    }
    measured
}

impl<L> Side<L> {
    async fn round<S: Scenario<Load = L>>(&mut self, scenario: &S, turn: Turn, size: Size) -> Round {
        let watch = Watch::start(self.server.as_ref(), turn);
        let done = scenario.run(&mut self.load, size.time).await;
        watch.stop(&scenario.name(), scenario.operation(), self.peer, done)
    }
}

/// What has been used up to now.
pub(crate) struct Watch<'a> {
    server: Option<&'a ServerProcess>,
    round: usize,
    strace: Option<Strace>,
    start: Instant,
    own: Duration,
    used: Duration,
}

impl<'a> Watch<'a> {
    /// Without a server this process does the work.
    pub(crate) fn start(server: Option<&'a ServerProcess>, turn: Turn) -> Self {
        let strace = match turn {
            Turn::Measured(_) => None,
            Turn::Traced(_) => {
                server.map(|server| Strace::attach(server.processes()).expect("it attaches here"))
            }
        };
        Self {
            server,
            round: turn.number(),
            strace,
            start: Instant::now(),
            own: process::cpu(),
            used: server.map_or_else(process::cpu, ServerProcess::cpu),
        }
    }

    pub(crate) fn stop(self, scenario: &str, operation: &'static str, peer: Peer, mut done: Done) -> Round {
        let syscalls = self.strace.map(Strace::detach);
        let used = self.server.map_or_else(process::cpu, ServerProcess::cpu) - self.used;
        let own = self.server.map_or(Duration::ZERO, |_| process::cpu() - self.own);
        done.latencies.sort_unstable();
        Round {
            scenario: scenario.to_owned(),
            operation,
            peer: peer.name(),
            round: self.round,
            operations: done.operations,
            per_second: done.operations as f64 / done.taken.as_secs_f64(),
            cpu: used.as_secs_f64() * 1e6 / done.operations as f64,
            syscalls: syscalls.map(|calls| calls as f64 / done.operations as f64),
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
