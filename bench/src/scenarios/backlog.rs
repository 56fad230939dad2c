//! A large backlog to a new subscriber.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::SUBSCRIBE;
use crate::{
    client::Client,
    measure::{Done, Scenario},
    peers::Peer,
    process::ServerProcess,
};

pub(crate) struct Backlog {
    pub(crate) keys: usize,
}

/// Those who send a new subscriber the latest event of each key.
const PEERS: &[Peer] = &[Peer::Updraft, Peer::NodeSqlite];

impl Scenario for Backlog {
    type Load = SocketAddr;

    fn name(&self) -> String {
        format!("backlog of {} keys", self.keys)
    }

    fn operation(&self) -> &'static str {
        "event"
    }

    fn peers(&self) -> &'static [Peer] {
        PEERS
    }

    fn start(&self, peer: Peer) -> Option<ServerProcess> {
        Some(peer.start_with(self.keys * 2, self.keys))
    }

    async fn connect(&self, _: Peer, server: Option<&ServerProcess>) -> SocketAddr {
        server.expect("a server").address
    }

    /// One subscriber, however long it takes.
    async fn run(&self, address: &mut SocketAddr, _: Duration) -> Done {
        let start = Instant::now();
        let mut client = Client::connect(*address, SUBSCRIBE).await;
        let mut latencies = Vec::with_capacity(self.keys);
        assert!(client.text().await.contains("topic.start"), "it begins");
        while !client.text().await.contains("topic.live") {
            latencies.push(start.elapsed());
        }
        assert_eq!(latencies.len(), self.keys, "the whole backlog");
        Done {
            operations: self.keys,
            taken: start.elapsed(),
            latencies,
        }
    }
}
