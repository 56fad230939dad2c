//! What clients met on servers that follow the protocols less closely, as each of them would meet it: raw, where no
//! ready-made client does it.

mod buffers;
mod cut;
mod heartbeat;
mod held;
mod interleavings;
mod memory;
mod parts;
mod polling;
mod requests;
mod session;
mod upgrade;

use std::io::Write;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use updraft::{App, Config, Json, Module, SessionConfig};

use self::session::handshake;
pub(crate) use self::session::{Polling, ask, begin};
use crate::support::{HEARTBEAT, Local, Program, RawClient};

/// A server with an echo of JSON, and the size of Buffers.
async fn server(config: Config) -> Local {
    let echo = Module::new("echo")
        .on("json", async |Json(data): Json<Value>| Json(data))
        .on("size", async |buffer: Bytes| Json(buffer.len()))
        .on("bytes", async |buffer: Bytes| buffer)
        .on("buffers", async |Json(count): Json<usize>| {
            Json(vec![Bytes::from_static(b"x"); count])
        });
    Local::start(App::new().module(echo), config).await
}

/// Where neither heartbeats nor time limits come between what a story does.
fn unhurried() -> Config {
    Config {
        session: SessionConfig {
            ping_interval: HEARTBEAT,
            handshake_timeout: HEARTBEAT,
            ..SessionConfig::default()
        },
        ..Config::default()
    }
}

/// A call with this ack.
pub(crate) fn call(ack: u32) -> String {
    format!(
        r#"42{ack}["event",{}]"#,
        json!({"event": "echo.json", "data": ack})
    )
}

/// Its answer.
pub(crate) fn answer(ack: u32) -> String {
    format!(r#"43{ack}[{}]"#, json!({"event": "echo.json", "data": ack}))
}

/// A call whose data is text, as base64 of gzip: small on its way, large once it is there.
fn packed(event: &str, bytes: usize) -> Value {
    let json = format!("\"{}\"", "x".repeat(bytes));
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(json.as_bytes()).unwrap();
    json!({"event": event, "data": BASE64_STANDARD.encode(encoder.finish().unwrap())})
}

/// Clients that begin 32 calls each and read no answer.
async fn silent_callers(server: &Program, clients: usize, call: &Value) -> Vec<RawClient> {
    let mut silent = Vec::new();
    for _ in 0..clients {
        let mut client = RawClient::connect(&server.url).await;
        for _ in 0..32 {
            client.begin(call).await;
        }
        silent.push(client);
    }
    silent
}
