//! Names that no event may be emitted by: at one of Socket.IO's own the parser of a client fails, and it disconnects.

use std::time::Duration;

use updraft::{
    App, Code, Context, Json, Module, Result,
    testing::{TestClient, TestServer},
};

/// Those of Socket.IO, and of Node's emitters.
const OF_SOCKET_IO: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

const WAIT: Duration = Duration::from_secs(5);

/// Functions that emit what they are told to.
fn emits() -> Module {
    Module::new("emit")
        .on("here", async |name: String, cx: Context| {
            cx.emit(&name, "now").await
        })
        .on("all", async |name: String, cx: Context| {
            cx.all().emit(&name, "now").await
        })
        .on("asked", async |name: String, cx: Context| -> Result<String> {
            cx.emit_with_ack(&name, "now", WAIT).await
        })
        .on(
            "all_asked",
            async |name: String, cx: Context| -> Result<Json<usize>> {
                let acks = cx.all().emit_with_ack::<String>(&name, "now", WAIT).await?;
                Ok(Json(acks.len()))
            },
        )
}

/// That a function is refused, and its client still there.
async fn is_refused(client: &mut TestClient, function: &str, name: &str) {
    let answer = client.call(function).data(name).await;
    assert_eq!(answer.error().code(), Code::InvalidData, "{function} {name}");
    client.received_nothing_else().await;
}

#[tokio::test]
async fn a_name_of_socket_ios_own_is_an_error_of_the_emit_and_reaches_no_client() {
    let server = TestServer::start(App::new().module(emits())).await;
    let mut client = server.connect().await;
    for name in OF_SOCKET_IO {
        for function in ["emit.here", "emit.all", "emit.asked", "emit.all_asked"] {
            is_refused(&mut client, function, name).await;
        }
        let outside = server.emitter().of("/").emit(name, "now").await;
        assert_eq!(outside.unwrap_err().code(), Code::InvalidData, "{name}");
        client.received_nothing_else().await;
    }
    client.call("emit.here").data("connected").await.data::<()>();
    assert_eq!(client.event("connected").await.data::<String>(), "now");
}
