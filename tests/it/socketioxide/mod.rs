//! The app's functions on namespaces of a socketioxide server under a user's axum.

mod arguments;
mod calls;
mod clients;
mod identity;
mod rooms;
mod streams;
mod topics;

use axum::Router;
use serde::Deserialize;
use serde_json::value::RawValue;
use socketioxide::{SocketIo, SocketIoBuilder};
use tokio::net::TcpListener;
use updraft::{App, Config, Context, Data, Json, Module, Result, SocketioxideNamespace};

/// A server with our functions on `/` and on `/chat`.
pub(crate) struct Served {
    namespace: SocketioxideNamespace,
    io: SocketIo,
    /// `http://127.0.0.1:port`
    pub(crate) url: String,
}

pub(crate) async fn serve(app: App, config: Config) -> Served {
    serve_with(SocketIo::builder(), app, config).await
}

async fn serve_with(builder: SocketIoBuilder, app: App, config: Config) -> Served {
    let services = Module::new("api.services").on("status", async || "online");
    let namespace = app
        .module(services)
        .config(config)
        .into_namespace()
        .await
        .unwrap();
    let (layer, io) = builder.build_layer();
    for path in ["/", "/chat"] {
        io.ns(path, namespace.handler());
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().layer(layer)).await });
    Served { namespace, io, url }
}

fn echo() -> Module {
    Module::new("api.services.test").on("testFunc", async |data: Data| data)
}

#[derive(Deserialize)]
struct Speech {
    room: String,
    #[serde(default)]
    message: Option<Box<RawValue>>,
}

fn room() -> Module {
    async fn say(Json(Speech { room, message }): Json<Speech>, cx: Context) -> Result<()> {
        if !cx.rooms().contains(&room) {
            return Err(updraft::CallError::new(
                updraft::Code::Forbidden,
                "join the room first",
            ));
        }
        cx.within(room).emit("message", &message).await
    }
    Module::new("api.room")
        .on("join", async |Json(speech): Json<Speech>, cx: Context| {
            cx.join(&speech.room)
        })
        .on("leave", async |Json(speech): Json<Speech>, cx: Context| {
            cx.leave(&speech.room);
        })
        .on("say", say)
}
