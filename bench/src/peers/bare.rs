//! socketioxide alone, on the settings that were found to be fastest: what a function emits to a room is gone once
//! it was sent, and nobody can ask for it later.

use std::{convert::Infallible, net::SocketAddr};

use axum::serve::ListenerExt;
use serde::{Deserialize, Serialize};
use socketioxide::{
    SocketIo,
    extract::{AckSender, Data, SocketRef},
    handler::ConnectHandler,
};
use tokio::net::TcpListener;

use super::updraft::data;

/// So large that nothing is lost.
const QUEUE: usize = 4096;

pub(crate) async fn start() -> SocketAddr {
    let (layer, io) = SocketIo::builder().max_buffer_size(QUEUE).build_layer();
    let welcome = async move |socket: SocketRef| {
        socket.join("board");
        socket.on("event", emit);
        Ok::<(), Infallible>(())
    };
    io.ns("/", (async || {}).with(welcome));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it listens");
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("an open connection"));
    let router = axum::Router::new().layer(layer);
    tokio::spawn(async { axum::serve(listener, router).await });
    address
}

#[derive(Deserialize)]
struct Call {
    data: usize,
}

/// What a topic's event looks like.
#[derive(Serialize)]
struct Published {
    event: &'static str,
    topic: &'static str,
    seq: u64,
    key: String,
    time: u64,
    data: String,
}

/// Emits to the room what Updraft publishes.
async fn emit(socket: SocketRef, Data(call): Data<Call>, ack: AckSender) {
    let published = Published {
        event: "card.changed",
        topic: "board",
        seq: 1_000_000,
        key: format!("card-{}", call.data),
        time: 1_700_000_000_000,
        data: data(),
    };
    socket
        .within("board")
        .emit("event", &published)
        .await
        .expect("there is room");
    ack.send("done").expect("there is room");
}
