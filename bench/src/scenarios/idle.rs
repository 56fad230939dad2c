//! Many connections that say nothing: what each holds in the server's memory, and how fast they connect.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};

use super::EPHEMERAL;
use crate::{
    client::Client,
    measure::{Done, Measured, Round, Size, Turn, Watch, anew},
    peers::Peer,
};

/// Connections that are made at once.
const AT_ONCE: usize = 64;

/// What a server does after the last one has connected is over by then.
const SETTLED: Duration = Duration::from_millis(500);

/// Files that the load and the servers have open beside connections.
const BESIDE: u64 = 500;

pub(crate) const NAME: &str = "idle";

/// Each server anew in each round. Memory is in KB for each connection, over what the server held before.
pub(crate) async fn measure(wanted: &[Peer], size: Size, open_files: u64) -> Measured {
    let connections = size.idle.min((open_files - BESIDE) as usize);
    anew(EPHEMERAL, wanted, size, async |peer, turn| {
        vec![one(peer, turn, connections).await]
    })
    .await
}

async fn one(peer: Peer, turn: Turn, connections: usize) -> Round {
    let server = peer.start();
    // What a server gets ready with its first connection is not theirs.
    let first = Client::connect(server.address, "").await;
    let before = server.memory();
    let watch = Watch::start(Some(&server), turn);
    let start = Instant::now();
    let connect = (0..connections).map(async |_| {
        let asked = Instant::now();
        (Client::connect(server.address, "").await, asked.elapsed())
    });
    let (clients, latencies): (Vec<Client>, Vec<Duration>) =
        stream::iter(connect).buffer_unordered(AT_ONCE).unzip().await;
    let done = Done {
        operations: connections,
        taken: start.elapsed(),
        latencies,
    };
    let mut round = watch.stop(&name(connections), "connection", peer, done);
    tokio::time::sleep(SETTLED).await;
    round.memory = (server.memory() - before) as f64 / 1024.0 / connections as f64;
    drop((first, clients));
    round
}

fn name(connections: usize) -> String {
    format!("{NAME}, {connections} connections")
}
