//! A download without a window, to a reader that is quick and pauses: what the server holds of it is the same all the while.
//!
//! `UPDRAFT_STREAM_MB=10000 cargo test --test it streams::much` carries more than a normal run.

use std::{env, time::Instant};

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Http, Program, RawClient, settled};

/// Most memory that the server takes for it beside what it had before, in bytes.
const MEMORY: usize = 2 << 20;

/// Megabytes where not said.
const MEGABYTES: usize = 64;

/// Pauses of the reader.
const PAUSES: usize = 10;

/// Reads a download of so many bytes, and pauses now and then until nothing more is sent. Calls `look` with what has come when it
/// pauses, and after each megabyte.
async fn read(
    client: &mut RawClient,
    server: &Program,
    name: &str,
    bytes: usize,
    mut look: impl FnMut(usize),
) {
    let call = json!({"event": "api.stream.download", "stream": name, "data": {"bytes": bytes}});
    client.call(&call).await;
    let sent = || {
        let text = Http::get(&server.url, "/metrics", &[]).body;
        let sent = |line: &str| {
            line.strip_prefix(r#"updraft_stream_frames_total{direction="sent"} "#)?
                .parse()
                .ok()
        };
        text.lines().find_map(sent).expect("a figure")
    };
    let (mut came, mut pauses, mut looked) = (0, 0, 0);
    while came < bytes {
        match client.next().await {
            Some(Message::Binary(part)) => came += part.len(),
            Some(Message::Text(_)) => {}
            other => panic!("a frame was to come, and {other:?} came"),
        }
        if came * PAUSES > bytes * (pauses + 1) {
            pauses += 1;
            settled(sent).await;
            look(came);
        }
        if came > looked + (1 << 20) {
            looked = came;
            look(came);
        }
    }
    assert!(client.text().await.contains("sha256"));
    assert!(client.text().await.contains("stream.end"));
}

#[tokio::test]
async fn a_download_to_a_reader_that_pauses_takes_the_same_memory_however_much_it_is() {
    let megabytes =
        env::var("UPDRAFT_STREAM_MB").map(|said| said.parse().expect("UPDRAFT_STREAM_MB: a number"));
    let bytes = megabytes.unwrap_or(MEGABYTES) * 1_000_000;
    let server = Program::start(&["--metrics"]);
    let mut client = RawClient::connect(&server.url).await;
    // What the first takes is there for all that follow.
    read(&mut client, &server, "first", 16_000_000, |_| {}).await;
    let (before, begun) = (server.memory(), Instant::now());
    let mut most = before;
    read(&mut client, &server, "second", bytes, |_| {
        most = most.max(server.memory())
    })
    .await;
    let more = most - before;
    println!(
        "{bytes} bytes in {:?}: {more} bytes of memory beside {before}",
        begun.elapsed()
    );
    assert!(
        more < MEMORY,
        "{more} bytes of memory for {bytes}, beside {before}"
    );
}
