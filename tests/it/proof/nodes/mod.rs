//! Three nodes on one database with a synchronous standby, beside clients of three generations that publish, retry, subscribe and
//! resume at any of them, while nodes are killed, stopped, paused and cut off from the database or from their clients, and the
//! database crashes, hangs, has no room, is slow, and fails over. What was acked is there once, all hear the same in the same
//! order, and what is kept of each key is what the history folds to.
//!
//! `UPDRAFT_ROUNDS=60 cargo test --all-features --test it proof::nodes` lets more fail than a normal run, and some of it for longer;
//! `UPDRAFT_NETWORK=namespaces` gives each node a network of its own; `UPDRAFT_SEED` tells a story again, as far as the clock lets it.

mod cluster;
mod crowd;
mod databases;
mod namespaces;
mod network;

use std::{
    collections::BTreeMap,
    env,
    thread::sleep,
    time::{Duration, Instant},
};

use self::{
    cluster::{Cluster, NODE_FAULTS, NodeFault},
    crowd::{Acked, Crowd},
    databases::{DATABASE_FAULTS, DatabaseFault, SLOW},
};
use super::heard::{Begun, Checker, Heard, History};
use crate::support::{Lots, seed};

/// All that may fail: each does in as many rounds.
const FAULTS: usize = NODE_FAULTS.len() + DATABASE_FAULTS.len();

/// How long something fails at most; and where it does for longer than a node waits for its database, or has a lease.
const SHORT: Duration = Duration::from_millis(1500);
const LONG: Duration = Duration::from_secs(20);

/// Within this time what one node at a time does is done by another.
const MOVED: Duration = Duration::from_secs(9);

/// What fails in a round, and for how long.
#[derive(Debug)]
struct Failing {
    node: Option<(NodeFault, usize)>,
    database: Option<DatabaseFault>,
    /// How long a sync takes on a slow disk.
    sync: Duration,
    lasts: Duration,
}

impl Failing {
    /// Each fault in turn, and often another beside it; short ones first, then long ones.
    fn draw(number: usize, lots: &mut Lots) -> Self {
        let least = number % FAULTS;
        let database = match least.checked_sub(NODE_FAULTS.len()) {
            Some(fault) => Some(DATABASE_FAULTS[fault]),
            None => (lots.below(3) == 0).then(|| DATABASE_FAULTS[lots.below(DATABASE_FAULTS.len())]),
        };
        let node = match NODE_FAULTS.get(least) {
            Some(fault) => Some(*fault),
            None => (lots.below(3) == 0).then(|| NODE_FAULTS[lots.below(NODE_FAULTS.len())]),
        };
        let is_long = number / FAULTS % 2 == 1;
        let lasts = match (is_long, node) {
            (true, Some(NodeFault::Paused)) => LONG,
            (true, _) => LONG.mul_f64(lots.below(100) as f64 / 100.0),
            (false, _) => SHORT.mul_f64(lots.below(100) as f64 / 100.0),
        };
        Self {
            node: node.map(|fault| (fault, lots.below(cluster::NODES))),
            database,
            sync: SLOW[lots.below(SLOW.len())],
            lasts,
        }
    }
}

/// Lets one thing fail, or two at once, and waits until all goes on.
fn round(failing: &Failing, cluster: &mut Cluster, crowd: &mut Crowd) {
    if let Some((fault, node)) = failing.node {
        cluster.fails(fault, node);
    }
    if let Some(fault) = failing.database {
        cluster.database_fails(fault, failing.sync);
    }
    sleep(failing.lasts);
    let is_gone = matches!(failing.node, Some((NodeFault::Killed | NodeFault::Paused, _)));
    if is_gone && failing.database.is_none() && failing.lasts > MOVED {
        cluster.compaction_has_moved();
    }
    if let Some(fault) = failing.database {
        cluster.database_is_back(fault);
    }
    if let Some((fault, node)) = failing.node {
        cluster.is_back(fault, node);
    }
    crowd.goes_on();
}

/// What was acked, and is not in the journal as it was.
fn lost<'a>(acked: &'a [Acked], history: &History) -> Vec<&'a Acked> {
    let is_there = |acked: &&Acked| history.get(&acked.seq) == Some(&acked.told);
    acked.iter().filter(|acked| !is_there(acked)).collect()
}

#[test]
fn nodes_that_fail_lose_and_double_nothing_and_keep_one_order() {
    let rounds =
        env::var("UPDRAFT_ROUNDS").map_or(FAULTS, |rounds| rounds.parse().expect("a number of rounds"));
    let seed = seed();
    let mut lots = Lots::new(seed.into());
    let mut cluster = Cluster::start("");
    let mut crowd = Crowd::start(seed, &cluster.urls());
    crowd.goes_on();
    for number in 0..rounds {
        let failing = Failing::draw(number, &mut lots);
        let since = Instant::now();
        round(&failing, &mut cluster, &mut crowd);
        println!("round {number}: {failing:?}: {:.1?}", since.elapsed());
    }
    let (acked, heard) = crowd.end();

    let history = cluster.history();
    let missing = lost(&acked, &history);
    assert!(missing.is_empty(), "acked, and not there: {missing:?}");
    // Each change was tried until it was acked: what there is beside them was published twice.
    let once: BTreeMap<_, _> = acked.iter().map(|acked| (acked.seq, acked)).collect();
    let beside: Vec<_> = history
        .iter()
        .filter(|(seq, _)| !once.contains_key(seq))
        .collect();
    assert!(beside.is_empty(), "there, and not acked: {beside:?}");
    assert_eq!(once.len(), acked.len(), "each stands at a place of its own");
    assert_eq!(
        cluster.unfolded(),
        "",
        "keys of which another event than the last is kept"
    );
    cluster.verify();
    let begun = heard_alike(&heard, &history);
    println!("{rounds} rounds, {} events, {begun:?}", history.len());
}

/// Each client has all of one history, and lost its place in it at no time.
fn heard_alike(heard: &[Vec<Heard>], history: &History) -> Begun {
    assert_eq!(heard.len(), 9);
    let (end, _) = history.last_key_value().expect("something was published");
    let mut all = Begun::default();
    for heard in heard {
        let mut checker = Checker::new("board", history, 0);
        heard.iter().for_each(|heard| checker.hear(heard));
        let begun = checker.ends(*end);
        assert_eq!(begun.anew, 0, "no client has to begin anew");
        all.resumed += begun.resumed;
    }
    assert!(all.resumed > 0);
    all
}

/// That the check above can fail: what is acked before it is written, or where the standby has it, is lost with the primary.
fn something_acked_is_lost(settings: &str, fails: impl Fn(&mut Cluster, &mut Crowd)) {
    const TIMES: usize = 20;
    let mut cluster = Cluster::start(settings);
    let mut crowd = Crowd::start(seed(), &cluster.urls());
    for _ in 0..TIMES {
        crowd.goes_on();
        fails(&mut cluster, &mut crowd);
        let history = cluster.history();
        if !lost(crowd.acked(), &history).is_empty() {
            return;
        }
    }
    panic!("nothing was lost in {TIMES} times");
}

#[test]
fn a_database_that_acks_what_it_has_not_written_is_found_out() {
    let unwritten = "-c synchronous_commit=off -c wal_writer_delay=10000";
    something_acked_is_lost(unwritten, |cluster, _| {
        cluster.database_fails(DatabaseFault::Crashed, Duration::ZERO);
        cluster.database_is_back(DatabaseFault::Crashed);
    });
}

#[test]
fn a_failover_to_a_standby_that_is_behind_is_found_out() {
    something_acked_is_lost("-c synchronous_standby_names=", |cluster, crowd| {
        cluster.leave_standby_behind();
        crowd.goes_on();
        cluster.primary_is_lost();
    });
}
