//! A node that hangs, or is killed, costs the others no more than a bound.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::block_in_place;
use updraft::testing::TestClient;

use super::{app, connect, is_unavailable, start};
use crate::{
    nodes::wait_for,
    support::{PATIENT, Program, TestDatabase, until_async},
};

/// How long a node waits for answers of others, and how long it takes for one to be forgotten.
const BOUND: Duration = Duration::from_secs(5);

#[test]
fn a_node_that_hangs_costs_no_more_than_the_bound_and_is_back_when_it_goes_on() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let hangs =
            block_in_place(|| Program::start(&[&["--database", &database.url], &PATIENT[..]].concat()));
        let (first, second) = (start(&database, app()).await, start(&database, app()).await);
        let mut held = TestClient::connect(&hangs.url, ()).await;
        held.call("api.room.join")
            .data(json!({"room": "red"}))
            .await
            .data::<()>();
        let (_ada, mut bob) = (connect(&first, "ada").await, connect(&second, "bob").await);
        let io = first.server.emitter();
        let all = io.of("/");
        until_async("the nodes to know each other", async || {
            all.sockets().await.is_ok_and(|all| all.len() == 3)
        })
        .await;

        hangs.signal("STOP");
        let begun = Instant::now();
        let refused = all.sockets().await.unwrap_err();
        assert!(is_unavailable(&refused), "{refused}");
        assert!(begun.elapsed() >= BOUND - Duration::from_secs(1) && begun.elapsed() < BOUND * 3);
        // Emits to the others do not wait for it.
        io.of("/").emit("on", &1).await.unwrap();
        assert_eq!(bob.event("on").await.data::<u32>(), 1);
        until_async("the node that hangs to be forgotten", async || {
            all.sockets().await.is_ok_and(|all| all.len() == 2)
        })
        .await;
        let begun = Instant::now();
        all.sockets().await.unwrap();
        assert!(begun.elapsed() < BOUND, "nothing waits for it any more");

        hangs.signal("CONT");
        until_async("it to be back", async || {
            all.sockets().await.is_ok_and(|all| all.len() == 3)
        })
        .await;
        io.of("/").to("red").emit("back", &()).await.unwrap();
        while held.next_event().await.name != "back" {}
        for node in [first, second] {
            node.server.stop().await;
        }
    });
}
