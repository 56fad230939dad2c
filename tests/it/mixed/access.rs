//! Users of a Redis that may do what docs/mixed-cluster.md says, and no more.

use std::fs;

use tokio::task::block_in_place;
use updraft::{BusConfig, Config, testing::TestClient};

use super::{app::app, wait_for};
use crate::support::{Local, RedisServer, updraft};

/// The lines of that page that make a user each, without what stands before and behind them.
fn users() -> Vec<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/mixed-cluster.md");
    let page = fs::read_to_string(page).expect("a page");
    let lines = page.lines().map(str::trim);
    lines
        .filter(|line| line.starts_with("ACL SETUSER"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_server_and_a_worker_need_the_rights_that_the_page_gives_them() {
    wait_for(async {
        let redis = block_in_place(RedisServer::start);
        for user in users() {
            let words: Vec<&str> = user.split_whitespace().collect();
            assert_eq!(block_in_place(|| redis.cli(&words)), "OK");
        }
        // Those that are not named may do nothing.
        block_in_place(|| redis.cli(&["ACL", "SETUSER", "default", "resetpass"]));
        let url = |user: &str| format!("redis://{user}:secret@127.0.0.1:{}", redis.port());
        for member in [false, true] {
            let bus = BusConfig {
                redis: Some(url("updraft").as_str().into()),
                member,
                ..BusConfig::default()
            };
            let config = Config {
                bus,
                ..Config::default()
            };
            let server = Local::start(app(), config).await;
            let mut client = server.connect().await;
            emitted_by_a_worker(&mut client, &url("worker")).await;
            server.server.stop().await;
        }
    });
}

async fn emitted_by_a_worker(client: &mut TestClient, bus: &str) {
    let emit = ["emit", "--bus", bus, "--all", "said", "7"];
    let done = block_in_place(|| updraft(&emit, ""));
    assert_eq!(done, (true, String::new(), String::new()));
    assert_eq!(client.event("said").await.data::<u32>(), 7);
}
