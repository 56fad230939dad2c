//! Two servers of Node and two of Updraft share a chat by Redis, while they and Redis are killed, paused and cut off by chance: each
//! time all hear all again, and then nothing is lost or doubled. Nothing is left of what failed: no memory, no connection, few lines
//! of log.
//!
//! `UPDRAFT_ROUNDS=40 cargo test --test it mixed::wreckage` lets more fail than a normal run; `UPDRAFT_SEED` tells a story again, as far
//! as the clock lets it.

use std::{
    env,
    io::{BufRead, BufReader, Lines, Read, Seek, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::neighbour::Neighbour;
use crate::support::{Lots, PATIENCE, PATIENT, Program, RedisServer, seed};

/// Longest that something fails.
const LONGEST: usize = 1200;

/// Memory that a server may take beyond what it took when all was calm at first.
const GROWTH: usize = 48 << 20;

/// Lines that a server may log for each time that something failed.
const LINES: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Fault {
    NodeKilled,
    NodePaused,
    UpdraftKilled,
    UpdraftStopped,
    UpdraftPaused,
    RedisKilled,
    RedisPaused,
    RedisCut,
}

/// Which servers may fail: one cannot be in two states at once.
#[derive(PartialEq)]
enum Kind {
    Node,
    Updraft,
    Redis,
}

impl Fault {
    fn kind(self) -> Kind {
        match self {
            Self::NodeKilled | Self::NodePaused => Kind::Node,
            Self::UpdraftKilled | Self::UpdraftStopped | Self::UpdraftPaused => Kind::Updraft,
            Self::RedisKilled | Self::RedisPaused | Self::RedisCut => Kind::Redis,
        }
    }
}

const FAULTS: [Fault; 8] = [
    Fault::NodeKilled,
    Fault::UpdraftKilled,
    Fault::RedisKilled,
    Fault::NodePaused,
    Fault::UpdraftPaused,
    Fault::RedisPaused,
    Fault::RedisCut,
    Fault::UpdraftStopped,
];

/// A listener, whom nobody waits for, and a member.
const UPDRAFTS: [&[&str]; 2] = [&[], &["--bus-member"]];
const LISTENER: usize = 0;

/// Sockets of servers of Node, and of a member.
const LISTED: usize = 6;

struct Cluster {
    redis: RedisServer,
    nodes: Vec<Neighbour>,
    updrafts: Vec<Program>,
    log: std::fs::File,
}

impl Cluster {
    fn start() -> Self {
        let redis = RedisServer::start();
        let log = tempfile::tempfile().expect("a file");
        let nodes = UPDRAFTS.map(|_| Neighbour::start(&redis)).into();
        let updrafts = (0..UPDRAFTS.len())
            .map(|number| updraft(&redis, &log, number))
            .collect();
        Self {
            redis,
            nodes,
            updrafts,
            log,
        }
    }

    /// Of Node first.
    fn urls(&self) -> Vec<&str> {
        let nodes = self.nodes.iter().map(|node| &*node.url);
        nodes.chain(self.updrafts.iter().map(|node| &*node.url)).collect()
    }

    fn fails(&mut self, fault: Fault, number: usize) {
        match fault {
            Fault::NodeKilled => self.nodes[number].signal("KILL"),
            Fault::NodePaused => self.nodes[number].signal("STOP"),
            Fault::UpdraftKilled => self.updrafts[number].end(),
            Fault::UpdraftStopped => self.updrafts[number].signal("TERM"),
            Fault::UpdraftPaused => self.updrafts[number].signal("STOP"),
            Fault::RedisKilled => self.redis.crash(),
            Fault::RedisPaused => self.redis.pause(),
            Fault::RedisCut => self.redis.cut(),
        }
    }

    /// The server that has another address now.
    fn is_back(&mut self, fault: Fault, number: usize) -> Option<usize> {
        match fault {
            Fault::NodeKilled => {
                self.nodes[number] = Neighbour::start(&self.redis);
                return Some(number);
            }
            Fault::UpdraftKilled | Fault::UpdraftStopped => {
                self.updrafts[number] = updraft(&self.redis, &self.log, number);
                return Some(self.nodes.len() + number);
            }
            Fault::NodePaused => self.nodes[number].signal("CONT"),
            Fault::UpdraftPaused => self.updrafts[number].signal("CONT"),
            Fault::RedisKilled => self.redis.start_again(),
            Fault::RedisPaused => self.redis.go_on(),
            Fault::RedisCut => {}
        }
        None
    }

    /// What the servers of Updraft logged.
    fn logged(&mut self) -> Vec<String> {
        let mut text = String::new();
        self.log.rewind().expect("a file");
        self.log.read_to_string(&mut text).expect("UTF-8");
        text.lines().map(str::to_owned).collect()
    }
}

fn updraft(redis: &RedisServer, log: &std::fs::File, number: usize) -> Program {
    let url = redis.url();
    let flags = [&["--bus", &url], UPDRAFTS[number], &PATIENT].concat();
    // Appended to: two programs write there.
    let log = log.try_clone().expect("a file");
    Program::start_on(log, &[("NO_COLOR", "1")], &flags)
}

/// The clients, in a process of their own (`tests/clients/wreckage.mjs`).
struct Crowd {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Crowd {
    fn start(seed: u32, urls: &[&str]) -> Self {
        let mut child = Command::new("node")
            .args(["wreckage.mjs", &seed.to_string()])
            .args(urls)
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node.js is installed");
        let stdin = child.stdin.take().expect("it is piped");
        let stdout = child.stdout.take().expect("it is piped");
        Self {
            child,
            stdin,
            lines: BufReader::new(stdout).lines(),
        }
    }

    fn moved(&mut self, server: usize, url: &str) {
        self.tell(&json!({"server": server, "url": url}));
    }

    /// Waits until all hear all, once: how much was said and heard by then.
    fn calm(&mut self) -> String {
        self.ask(&json!({"calm": true}))
    }

    /// Servers of Node list the sockets of those whom they count, without delay.
    fn lists(&mut self) {
        self.ask(&json!({"listed": LISTED}));
    }

    fn ask(&mut self, line: &Value) -> String {
        self.tell(line);
        self.lines.next().expect("it is so").expect("UTF-8")
    }

    fn tell(&mut self, line: &Value) {
        writeln!(self.stdin, "{line}").expect("the clients run");
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn all_hear_all_again_whatever_failed() {
    let rounds = env::var("UPDRAFT_ROUNDS").map_or(FAULTS.len(), |rounds| rounds.parse().expect("a number"));
    let seed = seed();
    let mut lots = Lots::new(seed.into());
    let mut cluster = Cluster::start();
    let mut crowd = Crowd::start(seed, &cluster.urls());
    crowd.calm();
    let memory = |cluster: &Cluster| cluster.updrafts.iter().map(Program::memory).max();
    let connections = |cluster: &Cluster| cluster.redis.cli(&["CLIENT", "LIST"]).lines().count();
    let before = (memory(&cluster), connections(&cluster));
    let mut faults = 0;
    for round in 0..rounds {
        // Each at least once, and now and then two.
        let first = (FAULTS[round % FAULTS.len()], lots.below(2));
        let second = (FAULTS[lots.below(FAULTS.len())], lots.below(2));
        let both = lots.below(3) == 0 && first.0.kind() != second.0.kind();
        let mut failing = if both { vec![first, second] } else { vec![first] };
        let lasts = Duration::from_millis(lots.below(LONGEST) as u64);
        println!("round {round}: {failing:?} for {lasts:?}");
        failing
            .iter()
            .for_each(|(fault, number)| cluster.fails(*fault, *number));
        sleep(lasts);
        if let [(Fault::UpdraftPaused, LISTENER)] = failing[..] {
            crowd.lists();
        }
        // A server of Node does not start without Redis, one of Updraft does.
        failing.sort_by_key(|(fault, _)| fault.kind() == Kind::Node);
        for (fault, number) in &failing {
            if let Some(server) = cluster.is_back(*fault, *number) {
                crowd.moved(server, cluster.urls()[server]);
            }
        }
        faults += failing.len();
        println!("round {round}: {}", crowd.calm());
        crowd.lists();
    }

    // Redis sees the end of a connection later than what failed.
    let since = Instant::now();
    while connections(&cluster) != before.1 && since.elapsed() < PATIENCE {
        sleep(Duration::from_millis(50));
    }
    assert_eq!(
        connections(&cluster),
        before.1,
        "no connection is left of what failed"
    );
    assert!(
        memory(&cluster) < before.0.map(|before| before + GROWTH),
        "of {before:?}"
    );
    let logged = cluster.logged();
    let most = (faults + 1) * LINES * UPDRAFTS.len();
    assert!(logged.len() <= most, "{} lines: {logged:#?}", logged.len());
}
