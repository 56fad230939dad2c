//! Three nodes on one database, beside clients of three generations that publish, retry, subscribe and resume at any of
//! them, while nodes are killed, stopped, paused and cut off, and their database crashes, hangs and has no room. What was
//! acked is there once, all hear the same in the same order, and what is kept of each key is what the history folds to.
//!
//! `UPDRAFT_ROUNDS=60 cargo test --test it proof::nodes` lets more fail than a normal run; `UPDRAFT_SEED` tells a story
//! again, as far as the clock lets it.

mod cluster;
mod crowd;

use std::{collections::BTreeMap, env, thread::sleep, time::Duration};

use self::{
    cluster::{Cluster, DATABASE_FAULTS, NODE_FAULTS},
    crowd::{Acked, Crowd},
};
use super::heard::{Begun, Checker, Heard, History};
use crate::support::{Lots, seed};

/// Every so many rounds a fault may last long: longer than a node waits for its database.
const LONG: usize = 10;

/// Lets one thing fail, or two at once, and waits until all goes on.
fn round(number: usize, cluster: &mut Cluster, crowd: &mut Crowd, lots: &mut Lots) {
    let faults = NODE_FAULTS.len() + DATABASE_FAULTS.len();
    let least = number % faults;
    let database = match least.checked_sub(NODE_FAULTS.len()) {
        Some(fault) => Some(DATABASE_FAULTS[fault]),
        None => (lots.below(3) == 0).then(|| DATABASE_FAULTS[lots.below(DATABASE_FAULTS.len())]),
    };
    let node = match NODE_FAULTS.get(least) {
        Some(fault) => Some(*fault),
        None => (lots.below(3) == 0).then(|| NODE_FAULTS[lots.below(NODE_FAULTS.len())]),
    };
    let node = node.map(|fault| (fault, lots.below(cluster.nodes.len())));
    let longest = if number % LONG == LONG - 1 { 20_000 } else { 2500 };
    let lasts = Duration::from_millis(lots.below(longest) as u64);
    println!("round {number}: {node:?}, {database:?} for {lasts:?}");

    if let Some((fault, node)) = node {
        cluster.fails(fault, node);
    }
    if let Some(fault) = database {
        cluster.database_fails(fault);
    }
    sleep(lasts);
    if let Some(fault) = database {
        cluster.database_is_back(fault);
    }
    if let Some((fault, node)) = node {
        cluster.is_back(fault, node);
        crowd.moved(node, &cluster.nodes[node].url);
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
    let rounds = env::var("UPDRAFT_ROUNDS").map_or(8, |rounds| rounds.parse().expect("a number of rounds"));
    let seed = seed();
    let mut lots = Lots::new(seed.into());
    let mut cluster = Cluster::start("");
    let mut crowd = Crowd::start(seed, &cluster.urls());
    crowd.goes_on();
    for number in 0..rounds {
        round(number, &mut cluster, &mut crowd, &mut lots);
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

/// That the check above can fail: a database that acks what it has not written loses it where it crashes.
#[test]
fn a_database_that_acks_what_it_has_not_written_is_found_out() {
    const CRASHES: usize = 20;
    let mut cluster = Cluster::start("-c synchronous_commit=off -c wal_writer_delay=10000");
    let mut crowd = Crowd::start(seed(), &cluster.urls());
    for _ in 0..CRASHES {
        crowd.goes_on();
        cluster.database_fails(DATABASE_FAULTS[0]);
        cluster.database_is_back(DATABASE_FAULTS[0]);
        let history = cluster.history();
        if !lost(crowd.acked(), &history).is_empty() {
            return;
        }
    }
    panic!("nothing was lost in {CRASHES} crashes");
}
