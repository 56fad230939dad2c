//! Updraft with three functions, on its defaults.

use std::net::SocketAddr;

use bytes::Bytes;
use updraft::{App, Config, Data, Json, Module};

pub(crate) async fn start() -> SocketAddr {
    let server = App::new()
        .config(Config {
            port: 0,
            ..Config::default()
        })
        .module(
            Module::new("api.services.test")
                .on("testFunc", echo)
                .on("length", length),
        )
        .module(Module::new("api.services").on("status", status))
        .start()
        .await
        .expect("a free port");
    server.address()
}

async fn echo(data: Data) -> Data {
    data
}

async fn length(data: Bytes) -> Json<usize> {
    Json(data.len())
}

async fn status() -> &'static str {
    "online"
}
