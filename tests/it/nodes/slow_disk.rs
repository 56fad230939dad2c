//! A database whose disk is slow: a publish takes as long as a sync of it, nothing is refused, and the node says how late it is.

use std::time::{Duration, Instant};

use tokio::task::block_in_place;

use super::{programs::card, wait_for};
use crate::support::{Http, PATIENT, PostgresServer, Program, RawClient, until_async};

/// How late the node says that it is told what it appends, in seconds.
fn lag(node: &Program) -> f64 {
    let metrics = block_in_place(|| Http::get(&node.url, "/metrics", &[])).body;
    let lag = metrics
        .lines()
        .find_map(|line| line.strip_prefix("updraft_tail_lag_seconds "));
    lag.expect("it says so").parse().expect("a number")
}

#[test]
fn a_slow_disk_makes_publishes_late_and_the_node_says_how_late() {
    const SYNC: Duration = Duration::from_millis(1500);
    wait_for(async {
        let server = block_in_place(|| PostgresServer::start_on_slow_disk(""));
        let database = block_in_place(|| server.database());
        let flags = [&["--metrics", "--database", &database.url], &PATIENT[..]].concat();
        let node = block_in_place(|| Program::start(&flags));
        let mut client = RawClient::connect(&node.url).await;
        client.call(&card(1)).await;
        let is_in_time = async || lag(&node) < SYNC.as_secs_f64();
        until_async("the node to be in time", is_in_time).await;

        server.slow_down(SYNC);
        let asked = Instant::now();
        let answer = client.call(&card(2)).await;
        assert!(answer["error"].is_null(), "{answer}");
        assert!(asked.elapsed() >= SYNC, "it is acked once it is written");
        until_async("the node to be late", async || lag(&node) >= SYNC.as_secs_f64()).await;

        server.slow_down(Duration::ZERO);
        until_async("the node to be in time", is_in_time).await;
        let ready = block_in_place(|| Http::get(&node.url, "/health/ready", &[])).status;
        assert_eq!(ready, 200, "it was late, and not away");
        let kept = "SELECT count(*) FROM updraft.events WHERE key IN ('1', '2')";
        assert_eq!(block_in_place(|| database.psql(kept)), "2");
    });
}
