//! The program and its demo's streams, with stock clients of three generations that know nothing but `emit` and `on`.
//!
//! `UPDRAFT_STREAM_MB=1000 cargo test --test it streams::clients` carries more than a normal run.

use std::env;

use crate::support::{Http, PATIENT, Program, node, seed};

/// Most memory that streams may take of the server beside what it had before them, in bytes.
const MEMORY: usize = 24 << 20;

/// Megabytes of a download and of an upload, where not said.
const MEGABYTES: usize = 64;

/// It holds no reader, and no WebSocket that scripts hold back, to a time.
fn server() -> Program {
    let flags = ["--metrics", "--handshake-timeout", "1h"];
    Program::start(&[&flags[..], &PATIENT[..]].concat())
}

/// Carries many bytes by one client, a `part` of what is said, and looks at the server's memory.
fn carry(generation: &str, transport: &str, part: usize) {
    let said = env::var("UPDRAFT_STREAM_MB").map(|said| said.parse().expect("UPDRAFT_STREAM_MB: a number"));
    let bytes = (said.unwrap_or(MEGABYTES) << 20) / part;
    let server = server();
    let before = server.memory();
    node(
        "streams.mjs",
        &[&server.url, generation, transport, &bytes.to_string()],
    );
    let most = server.peak_memory().saturating_sub(before);
    println!("{bytes} bytes three times: {most} bytes of memory");
    assert!(most < MEMORY, "{most} bytes of memory for streams of {bytes}");
}

#[test]
fn v2_carries_much_at_little_memory() {
    carry("2", "websocket", 1);
}

#[test]
fn v3_carries_much_at_little_memory() {
    carry("3", "websocket", 1);
}

#[test]
fn v4_carries_much_at_little_memory() {
    carry("4", "websocket", 1);
}

/// It needs a request for each few frames.
#[test]
fn v4_carries_much_by_polling_at_little_memory() {
    carry("4", "polling", 4);
}

fn figure(server: &Program, name: &str) -> u64 {
    let text = Http::get(&server.url, "/metrics", &[]).body;
    let figure = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name} ")));
    figure.expect(name).parse().expect("a number")
}

#[test]
fn streams_that_are_left_at_any_moment_leave_nothing_behind() {
    let server = server();
    let seed = seed().to_string();
    let cancel = |generation, transport, streams| {
        node(
            "streams-cancel.mjs",
            &[&server.url, generation, transport, streams, &seed],
        );
    };
    let before = server.memory();
    cancel("2", "websocket", "40");
    cancel("3", "polling", "40");
    let warm = server.memory();
    cancel("4", "websocket", "120");
    let after = server.memory();
    println!("{before} bytes of memory, {warm} after 80 streams, {after} after 200");
    assert!(
        after < before + MEMORY / 2,
        "{before} bytes before, {after} after"
    );
    for name in ["updraft_streams", "updraft_streams_failed_total"] {
        assert_eq!(figure(&server, name), 0, "{name}");
    }
}

#[test]
fn streams_go_on_when_their_server_is_killed_and_started_again() {
    node("streams-kill.mjs", &[env!("CARGO_BIN_EXE_updraft")]);
}

#[test]
fn frames_keep_their_order_across_an_upgrade() {
    let server = server();
    for generation in ["2", "3", "4"] {
        node("streams-order.mjs", &[&server.url, generation]);
    }
}

/// Whether the streams were opened long before, or the upgrade is under way.
#[test]
fn an_upgrade_completes_beside_streams_that_fill_every_poll() {
    let server = server();
    for generation in ["2", "3", "4"] {
        node("streams-upgrade.mjs", &[&server.url, generation, "6"]);
    }
}

/// Of the same socket, whose streams have a window, and of another one beside streams that have none.
#[test]
fn calls_stay_quick_beside_full_streams() {
    let server = server();
    for generation in ["2", "3", "4"] {
        print!(
            "{}",
            node("streams-fair.mjs", &[&server.url, generation, "websocket"])
        );
    }
}
