//! A database that is there and does nothing: nothing fails, and nothing arrives.

use std::{fs, path::PathBuf, process::Command};

use tokio::task::block_in_place;
use updraft::testing::TestClient;

use super::wait_for;
use crate::support::{Http, PATIENT, PostgresServer, Program, TestDatabase, until_async};

/// A database's server that stands still, until this is dropped.
struct Paused<'a>(&'a TestDatabase);

impl<'a> Paused<'a> {
    fn new(database: &'a TestDatabase) -> Self {
        signal(database, "STOP");
        Self(database)
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        signal(self.0, "CONT");
    }
}

/// Sends a signal to all processes of a database's server.
fn signal(database: &TestDatabase, name: &str) {
    let (_, directory) = database.url.split_once("host=").unwrap();
    let data = PathBuf::from(directory).join("data");
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let servers = processes.filter(|process| {
        let works_in = fs::read_link(process.path().join("cwd"));
        works_in.is_ok_and(|works_in| works_in == data)
    });
    let pids: Vec<_> = servers.map(|process| process.file_name()).collect();
    assert!(!pids.is_empty());
    // Some may have ended by themselves.
    let sent = Command::new("kill").arg(format!("-{name}")).args(pids).status();
    sent.expect("kill runs");
}

#[test]
fn a_node_whose_database_stands_still_is_not_ready_until_that_goes_on() {
    wait_for(async {
        let server = block_in_place(|| PostgresServer::start(""));
        let database = block_in_place(|| server.database());
        let flags = [&["--database", &database.url], &PATIENT[..]].concat();
        let node = block_in_place(|| Program::start(&flags));
        let ready = || block_in_place(|| Http::get(&node.url, "/health/ready", &[])).status;
        assert_eq!(ready(), 200);
        let paused = block_in_place(|| Paused::new(&database));
        until_async("the node to be unready", async || ready() == 503).await;
        let mut client = TestClient::connect(&node.url, ()).await;
        let status = client.call("api.services.status").await.data::<String>();
        assert_eq!(status, "online");
        block_in_place(|| drop(paused));
        until_async("the node to be ready", async || ready() == 200).await;
    });
}

#[test]
fn old_canaries_are_removed() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let flags = [&["--database", &database.url], &PATIENT[..]].concat();
        let start = || block_in_place(|| Program::start(&flags));
        let _first = start();
        let count = |sql: &str| -> u64 {
            let of = "FROM updraft.events AS e JOIN updraft.topics AS t ON t.id = e.topic WHERE t.name = 'updraft.canary'";
            let answer = block_in_place(|| database.psql(&format!("SELECT {sql} {of}")));
            answer.parse().unwrap()
        };
        until_async("canaries", async || count("count(*)") > 3).await;
        // Long ago, as none of those is that come now.
        block_in_place(|| database.psql("UPDATE updraft.events SET time = time - 3600000"));
        let old = "count(*) FILTER (WHERE e.time < updraft.now() - 1800000)";
        assert!(count(old) > 3);
        let _second = start();
        until_async("the old ones to go", async || count(old) == 0).await;
    });
}
