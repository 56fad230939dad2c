//! Every kind of abuse at once, for as long as `UPDRAFT_FLOOD` says (seconds; `make flood` for ten minutes). Clients that
//! mean well call all the while: each call is answered, and how long that took is printed.

use std::{
    env,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    ECHO, Victim, gzip, is_served, keeps_it_to_itself, quoted,
    wire::{WEBSOCKET, Wire, frame},
};
use crate::support::{RawClient, until};

/// Clients that mean well.
const WELL: usize = 8;

/// Clients of each kind that do not.
const ILL: usize = 2;

/// Between two calls of one that means well, as a user works who does not flood; and between two crowds of
/// connections.
const PACE: Duration = Duration::from_millis(5);

fn seconds() -> u64 {
    let asked = env::var("UPDRAFT_FLOOD").ok();
    asked.map_or(20, |seconds| {
        seconds.parse().expect("UPDRAFT_FLOOD is a number of seconds")
    })
}

/// How long each call took until its answer.
async fn work(mut client: RawClient, over: CancellationToken) -> Vec<Duration> {
    let mut took = Vec::new();
    while !over.is_cancelled() {
        let begun = Instant::now();
        assert!(client.is_well().await, "every call is answered, and well");
        took.push(begun.elapsed());
        tokio::time::sleep(PACE).await;
    }
    took
}

/// Sends frames on a WebSocket, again and again, and reads nothing; begins anew where it is closed.
async fn send(url: String, bytes: Arc<Vec<u8>>, over: CancellationToken) -> usize {
    let mut sent = 0;
    while !over.is_cancelled() {
        let mut wire = Wire::careless(&url).await;
        wire.write(WEBSOCKET).await;
        wire.write(&frame(0x81, b"40")).await;
        while !over.is_cancelled() && wire.try_write(&bytes).await.is_ok() {
            sent += 1;
        }
    }
    sent
}

/// Opens connections, says this on each, and lets them go some later.
async fn open(url: String, bytes: &'static [u8], over: CancellationToken) -> usize {
    let mut opened = 0;
    while !over.is_cancelled() {
        let mut wires = Vec::new();
        for _ in 0..50 {
            let mut wire = Wire::careless(&url).await;
            wire.write(bytes).await;
            wires.push(wire);
            opened += 1;
        }
        tokio::time::sleep(PACE).await;
    }
    opened
}

/// Frames of calls that no client should send.
fn abuses() -> Vec<Arc<Vec<u8>>> {
    let packet = |text: &str| frame(0x81, text.as_bytes());
    let bomb = gzip(&vec![b' '; 20 << 20]);
    let bomb = [
        packet(r#"451-1["event",{"_placeholder":true,"num":0}]"#),
        frame(0x82, &bomb),
    ]
    .concat();
    let large = quoted(&"x".repeat(500_000));
    let frames = [
        packet(r#"421["event",{"event":"api.services.status"}]"#).repeat(100),
        packet(r#"42["event",{}]"#).repeat(100),
        packet("40/other,").repeat(100),
        packet(&format!(r#"421["event",{{"event":"{ECHO}","data":{large}}}]"#)),
        packet(&format!(r#"421["event",{}"#, "[".repeat(10_000))),
        bomb,
    ];
    frames.into_iter().map(Arc::new).collect()
}

fn report(mut took: Vec<Duration>, abused: usize) {
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    println!(
        "{} calls of {WELL} clients, all answered: median {:?}, p99 {:?}, longest {:?}; {abused} abuses in {} s",
        took.len(),
        at(0.5),
        at(0.99),
        at(1.0),
        seconds(),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_means_well_is_answered_whatever_others_do() {
    let mut server = Victim::start(&[
        "--call-rate",
        "1000",
        "--call-burst",
        "1000",
        "--max-connections",
        "500",
        "--handshake-timeout",
        "10s",
        "--header-timeout",
        "10s",
        "--send-timeout",
        "1s",
    ]);
    let over = CancellationToken::new();
    let mut well = JoinSet::new();
    for _ in 0..WELL {
        let client = RawClient::connect(&server.url).await;
        well.spawn(work(client, over.clone()));
    }
    let files = server.open_files();
    let mut ill = JoinSet::new();
    for bytes in abuses() {
        for _ in 0..ILL {
            ill.spawn(send(server.url.clone(), bytes.clone(), over.clone()));
        }
    }
    for bytes in [&b""[..], b"GET / HTTP/1.1\r\n", b"\x16\x03\x01"] {
        ill.spawn(open(server.url.clone(), bytes, over.clone()));
    }

    // What a siege takes at once the allocator keeps. More of the same must not take more.
    tokio::time::sleep(Duration::from_secs(seconds()) / 2).await;
    server.look_again();
    tokio::time::sleep(Duration::from_secs(seconds()) / 2).await;
    over.cancel();
    let took = well.join_all().await;
    assert!(took.iter().all(|took| !took.is_empty()), "each was served");
    let abused = ill.join_all().await.into_iter().sum();
    report(took.concat(), abused);
    until("the besiegers to be gone", || server.open_files() <= files).await;
    is_served(&server, "the siege").await;
    keeps_it_to_itself(server);
}
