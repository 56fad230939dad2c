//! A node that is gone without a word, as with its machine: the database notices within seconds, and not after two hours.

use std::{fs, time::Duration};

use tokio::task::block_in_place;

use super::wait_for;
use crate::support::{PATIENT, PostgresServer, Program, until_async};

/// Of a connection of /proc/net/tcp that is open.
const ESTABLISHED: &str = "01";

/// A timer that asks the other side whether it is there (in the kernel: `sk_timer`), and no retransmission.
const KEEPALIVE: &str = "02";

/// How long each open connection to a port of this machine may still be quiet before its server asks.
fn quiet(port: u16) -> Vec<Option<Duration>> {
    let connections = fs::read_to_string("/proc/net/tcp").unwrap();
    let fields = connections.lines().skip(1).map(|line| line.split_whitespace());
    let fields = fields.map(|fields| fields.collect::<Vec<_>>());
    let served =
        fields.filter(|fields| fields[1].ends_with(&format!(":{port:04X}")) && fields[3] == ESTABLISHED);
    let timers = served.map(|fields| match fields[5].split_once(':') {
        // In hundredths of a second.
        Some((KEEPALIVE, left)) => u64::from_str_radix(left, 16).ok(),
        _ => None,
    });
    timers
        .map(|left| left.map(|left| Duration::from_millis(10 * left)))
        .collect()
}

#[test]
fn the_database_asks_soon_whether_a_quiet_node_is_there() {
    wait_for(async {
        let server = block_in_place(PostgresServer::start_on_port);
        let database = block_in_place(|| server.database());
        let address = ([127, 0, 0, 1], database.port()).into();
        let url = database.url_by(address);
        let flags = [&["--database", &url], &PATIENT[..]].concat();
        let _node = block_in_place(|| Program::start(&flags));
        until_async("the server to ask each connection soon", async || {
            let quiet = quiet(database.port());
            let soon = |left: &Option<Duration>| left.is_some_and(|left| left <= Duration::from_secs(10));
            quiet.len() > 4 && quiet.iter().all(soon)
        })
        .await;
    });
}
