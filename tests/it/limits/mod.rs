//! Every limit, seen to act: what a client is answered, what the metric counts, and that others are served meanwhile.

mod bytes;
mod calls;
mod connections;
mod documented;
mod origins;
mod proxies;
mod sockets;
pub(crate) mod subjects;

use std::time::Instant;

use crate::support::{Http, PATIENCE};

const POLL: &str = "/socket.io/?EIO=4&transport=polling";

const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";

/// The headers of a client that wants a WebSocket.
const UPGRADE: [&str; 4] = [
    "connection: Upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
];

/// Asks for a WebSocket with these headers: the connection, and the status of its answer.
fn websocket(url: &str, headers: &[&str]) -> (Http, u16) {
    let mut connection = Http::open(url);
    let response = connection.ask("GET", WEBSOCKET, &[&UPGRADE, headers].concat());
    (connection, response.status)
}

/// How often a limit acted. A client sees the end of its connection before the server has counted it, so a test that asks
/// may be turned away for a moment.
fn refused(url: &str, limit: &str) -> u64 {
    let deadline = Instant::now() + PATIENCE;
    let told = loop {
        let response = Http::get(url, "/metrics", &[]);
        if response.status == 200 {
            break response.body;
        }
        assert!(Instant::now() < deadline, "{}", response.status);
    };
    let series = format!("updraft_refused_total{{limit=\"{limit}\"}} ");
    let line = told.lines().find_map(|line| line.strip_prefix(&series));
    line.unwrap_or_else(|| panic!("{limit} is not told: {told}"))
        .parse()
        .unwrap()
}
