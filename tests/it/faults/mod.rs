//! What clients met on servers that follow the protocols less closely, as each of them would meet it: raw, where no
//! ready-made client does it.

mod buffers;
mod heartbeat;
mod interleavings;
mod memory;
mod polling;
mod requests;
mod session;
mod stop;
mod upgrade;

use bytes::Bytes;
use serde_json::json;
use updraft::{App, Config, Json, Module};

pub(crate) use self::session::Polling;
use self::session::handshake;
use crate::support::Local;

/// A server with an echo of JSON, and the size of Buffers.
async fn server(config: Config) -> Local {
    let echo = Module::new("echo")
        .on("json", async |Json(data): Json<serde_json::Value>| Json(data))
        .on("size", async |buffer: Bytes| Json(buffer.len()))
        .on("bytes", async |buffer: Bytes| buffer);
    Local::start(App::new().module(echo), config).await
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
