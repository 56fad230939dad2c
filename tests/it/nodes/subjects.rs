//! What one subject may take, over all nodes on one database.

use std::{
    fs::{self, File},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::{NamedTempFile, tempfile};
use tokio::task::block_in_place;

use super::wait_for;
use crate::{
    limits::subjects::{SECRET, token},
    support::{PATIENT, Packet, Program, Proxy, RawClient, TestDatabase, until_async},
};

/// Rounds of a story at most.
const ROUNDS: usize = 4;

fn start(log: &File, url: &str, limits: &[&str]) -> Program {
    let flags = ["--database", url, "--auth-secrets", SECRET, "--auth-optional"];
    let flags = [&flags, limits, &PATIENT[..]].concat();
    block_in_place(|| Program::start_on(log.try_clone().unwrap(), &[], &flags))
}

/// Tells a story, and again where it fails and a node says that its database was away: a machine that has much to do may keep
/// nodes from the database for longer than they wait, and then each counts for itself.
fn undisturbed(story: impl AsyncFn(&File)) {
    for round in 1..=ROUNDS {
        let log = NamedTempFile::new().unwrap();
        let append = File::options().append(true).open(log.path()).unwrap();
        let told = catch_unwind(AssertUnwindSafe(|| wait_for(story(&append))));
        let Err(failed) = told else {
            return;
        };
        let said = fs::read_to_string(log.path()).unwrap();
        if round == ROUNDS || !said.contains("limits per subject hold at this node alone") {
            resume_unwind(failed);
        }
    }
}

fn most(connections: &str) -> [&str; 2] {
    ["--max-connections-per-subject", connections]
}

/// A socket of this subject, where it may have one more.
async fn connect(node: &Program, subject: &str) -> Option<RawClient> {
    let mut client = RawClient::open(&node.url).await;
    client.send(&format!("40{}", token(subject))).await;
    client.text().await;
    let told = client.text().await;
    if told.starts_with("40") {
        return Some(client);
    }
    assert!(told.contains(r#""code":"rate_limited""#), "{told}");
    None
}

/// A socket that the subject may have, though not at once.
async fn connect_when_free(node: &Program, subject: &str) -> RawClient {
    let mut connected = None;
    until_async("a place of the subject", async || {
        connected = connect(node, subject).await;
        connected.is_some()
    })
    .await;
    connected.unwrap()
}

/// Waits until each node of a subject acts on that it is connected to so many.
async fn until_shared_out(database: &TestDatabase, nodes: usize) {
    let told = format!("SELECT count(*) FROM updraft.subjects WHERE told = {nodes} AND nodes = {nodes}");
    until_async("the nodes to know of each other", async || {
        block_in_place(|| database.psql(&told)) == nodes.to_string()
    })
    .await;
    // A node says more once it has heard that.
    let last = block_in_place(|| database.psql("SELECT max(until) FROM updraft.counting"));
    let said = format!(
        "SELECT count(*) FROM updraft.counting WHERE until > '{last}'
            AND node IN (SELECT node FROM updraft.subjects)"
    );
    until_async("the nodes to say more", async || {
        block_in_place(|| database.psql(&said)) == nodes.to_string()
    })
    .await;
}

#[test]
fn a_subject_has_so_many_connections_over_three_nodes_and_a_killed_one_frees_its_own() {
    undisturbed(async |log| {
        let database = block_in_place(TestDatabase::new);
        let mut nodes = [0; 3].map(|_| start(log, &database.url, &most("4")));
        // However many come at once.
        let attempts = (0..24).map(|number| connect(&nodes[number % 3], "ada"));
        let all: Vec<_> = join_all(attempts).await;
        let mut sockets: [Vec<_>; 3] = Default::default();
        for (number, socket) in all.into_iter().enumerate() {
            sockets[number % 3].extend(socket);
        }
        let counts = sockets.iter().map(Vec::len);
        assert_eq!(
            counts.clone().sum::<usize>(),
            4,
            "{:?}",
            counts.collect::<Vec<_>>()
        );
        for node in &nodes {
            assert!(connect(node, "ada").await.is_none());
            assert!(connect(node, "bob").await.unwrap().is_well().await);
        }

        // A place that one leaves is there for another, at any node.
        let from = sockets.iter().position(|here| !here.is_empty()).unwrap();
        sockets[from].pop();
        let to = (from + 1) % 3;
        sockets[to].push(connect_when_free(&nodes[to], "ada").await);
        assert!(connect(&nodes[from], "ada").await.is_none());

        block_in_place(|| nodes[to].end());
        let gone = sockets[to].len();
        let other = &nodes[(to + 1) % 3];
        let mut anew = Vec::new();
        for _ in 0..gone {
            anew.push(connect_when_free(other, "ada").await);
        }
        assert!(connect(other, "ada").await.is_none());
        for socket in anew.iter_mut() {
            assert!(socket.is_well().await);
        }
    });
}

/// How many calls of a socket are answered otherwise than by `rate_limited`, until then.
async fn answered(socket: &mut RawClient, until: Instant) -> u32 {
    let mut answered = 0;
    while Instant::now() < until {
        let answer = socket.call(&json!({"event": "api.services.status"})).await;
        match answer["error"]["code"].as_str() {
            None => answered += 1,
            Some("rate_limited") => tokio::time::sleep(Duration::from_millis(2)).await,
            Some(other) => panic!("{other}"),
        }
    }
    answered
}

/// Calls a second.
const RATE: f64 = 30.0;

/// Twice as long as it takes for as many calls as must be answered: a later round begins with no burst.
const ROUND: Duration = Duration::from_secs(4);

/// Calls round by round, until as many are answered in one as must be where nothing holds the sockets up. Never are they too many.
async fn calls_as_often_as_it_may(sockets: &mut [RawClient]) {
    until_async("as many calls as there may be", async || {
        let begun = Instant::now();
        let calls = sockets.iter_mut().map(|socket| answered(socket, begun + ROUND));
        let counts = join_all(calls).await;
        let most = RATE + RATE * begun.elapsed().as_secs_f64();
        let all = f64::from(counts.iter().sum::<u32>());
        assert!(all <= most * 1.05 + 3.0, "{counts:?}, at most {most}");
        all > RATE * 2.0
    })
    .await;
}

#[test]
fn a_subject_calls_so_often_over_however_many_nodes() {
    undisturbed(async |log| {
        let database = block_in_place(TestDatabase::new);
        let limits = ["--call-rate-per-subject", "30", "--call-burst-per-subject", "30"];
        let nodes = [0; 3].map(|_| start(log, &database.url, &limits));
        let mut sockets = Vec::new();
        for node in &nodes {
            sockets.push(connect(node, "ada").await.unwrap());
        }
        until_shared_out(&database, 3).await;
        calls_as_often_as_it_may(&mut sockets).await;

        // Where it is connected to one node alone, that one has it all.
        sockets.truncate(1);
        until_shared_out(&database, 1).await;
        calls_as_often_as_it_may(&mut sockets).await;
    });
}

#[test]
fn a_node_without_the_database_counts_for_itself_and_is_counted_again_after_it() {
    undisturbed(async |log| {
        let database = block_in_place(TestDatabase::new);
        let proxy = Proxy::before(&database.socket()).await;
        let stays = start(log, &database.url, &most("2"));
        // It says that it is alone since the story has it so: told again is only what held up the other.
        let cut = start(&tempfile().unwrap(), &database.url_by(proxy.address), &most("2"));
        let mut there = vec![connect(&cut, "ada").await.unwrap()];
        let mut here = vec![connect(&stays, "ada").await.unwrap()];
        for node in [&stays, &cut] {
            assert!(connect(node, "ada").await.is_none());
        }

        proxy.cut();
        there.push(connect_when_free(&cut, "ada").await);
        assert!(connect(&cut, "ada").await.is_none(), "its own limit holds");
        // Its share is free once its lease has ended.
        here.push(connect_when_free(&stays, "ada").await);
        assert!(connect(&stays, "ada").await.is_none());

        proxy.open();
        let counted = "SELECT coalesce(sum(sockets), 0) FROM updraft.subjects";
        until_async("all to be counted", async || {
            block_in_place(|| database.psql(counted)) == "4"
        })
        .await;
        for socket in there.iter_mut().chain(&mut here) {
            assert!(socket.is_well().await, "what is connected stays");
        }
        drop(here);
        let told = "SELECT count(*) FROM updraft.subjects";
        until_async("one node to be left", async || {
            block_in_place(|| database.psql(told)) == "1"
        })
        .await;
        assert!(
            connect(&stays, "ada").await.is_none(),
            "the other has as many as there may be"
        );
        there.pop();
        connect_when_free(&stays, "ada").await;
    });
}

/// Whether a node waits for its turn to count.
const WAITS: &str = "SELECT count(*) > 0 FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()";

/// The places that nodes hold.
const HELD: &str = "SELECT coalesce(sum(sockets), 0) FROM updraft.subjects JOIN updraft.counting USING (node) WHERE until > now()";

/// Whether a node that held one place holds none once it has stopped.
async fn frees_its_place(log: &File) -> bool {
    let database = block_in_place(TestDatabase::new);
    let mut node = start(log, &database.url, &most("1"));
    let _ada = connect(&node, "ada").await.unwrap();
    assert_eq!(block_in_place(|| database.psql(HELD)), "1");
    let other = database.client().await;
    let counts = "SELECT pg_advisory_lock(33042187532100213)";
    other.batch_execute(counts).await.unwrap();
    until_async("the node to wait", async || {
        block_in_place(|| database.psql(WAITS)) == "t"
    })
    .await;
    node.signal("TERM");
    until_async("the node to stop", async || block_in_place(|| node.has_ended())).await;
    block_in_place(|| database.psql(HELD)) == "0"
}

/// One that has no answer in time says no more at its end; its places are free when its lease is over, which is later.
#[test]
fn a_node_that_stops_while_it_counts_frees_its_places_at_once() {
    undisturbed(async |log| {
        for _ in 1..ROUNDS {
            if frees_its_place(log).await {
                return;
            }
        }
        assert!(frees_its_place(log).await);
    });
}

#[test]
fn a_socket_that_becomes_a_subjects_is_closed_where_that_has_all_it_may_have_elsewhere() {
    undisturbed(async |log| {
        let database = block_in_place(TestDatabase::new);
        let nodes = [0; 2].map(|_| start(log, &database.url, &most("1")));
        let first = connect(&nodes[0], "ada").await.unwrap();
        let refresh = json!({"event": "auth.refresh", "data": token("ada")});
        let mut nobody = RawClient::connect(&nodes[1].url).await;
        nobody.emit(&refresh).await;
        let mut heard = Vec::new();
        while let Packet::Event(_, event, _) = nobody.packet().await {
            let is_last = event["event"] == "server.closed";
            heard.push(event);
            if is_last {
                break;
            }
        }
        let last: &Value = heard.last().unwrap();
        assert_eq!(last["error"]["code"], "rate_limited", "{heard:?}");
        assert_eq!(last["error"]["message"], "a subject has 1 connections at most");
        let is_let_in = heard.iter().any(|event| event["subject"] == "ada");
        assert!(!is_let_in, "{heard:?}");
        drop(first);
        connect_when_free(&nodes[1], "ada").await;
    });
}
