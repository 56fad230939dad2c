//! Updraft as one of several nodes on a database.

use std::net::SocketAddr;

use tokio::runtime::{Builder, Runtime};
use updraft::{App, Config, Context, DatabaseUrl, Event, Json, Module, Position, Result, Topic, everyone};

use crate::work::{Card, Changed};

/// Starts as `updraft serve --database` does.
pub(crate) fn start(database: &str) -> (SocketAddr, Runtime) {
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let address = runtime.block_on(async {
        let mut config = Config {
            port: 0,
            ..Config::default()
        };
        config.journal.database = Some(DatabaseUrl::from(database));
        let bench = Module::new("bench").on("join", join).on("emit", emit);
        let server = App::new()
            .module(bench)
            .module(Module::new("bench.topic").on("publish", publish))
            .topic(Topic::new("board").readable_by(everyone))
            .config(config)
            .start()
            .await;
        server.expect("a free port, and a database").address()
    });
    (address, runtime)
}

async fn join(cx: Context) -> Result<()> {
    cx.join("board")
}

async fn emit(Json(card): Json<Card>, cx: Context) -> Result<()> {
    cx.within("board").emit("event", &Changed::of(&card)).await
}

async fn publish(Json(card): Json<Card>, cx: Context) -> Result<Json<Position>> {
    let event = Event::new("card.changed")
        .key(format!("card-{}", card.key))
        .data(&card.data)?;
    cx.topic("board").publish(event).await.map(Json)
}
