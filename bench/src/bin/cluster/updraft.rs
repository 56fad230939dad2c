//! Updraft as one of several nodes on a database, or with a Redis for its rooms.

use std::net::SocketAddr;

use tokio::runtime::{Builder, Runtime};
use updraft::{
    App, BusUrl, Config, Context, DatabaseUrl, Event, Json, Module, Position, Result, Topic, everyone,
};

use crate::work::{Card, Changed};

/// Starts as `updraft serve --database` does, or `--bus`, as the URL says.
pub(crate) fn start(url: &str) -> (SocketAddr, Runtime) {
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let address = runtime.block_on(async {
        let mut config = Config {
            port: 0,
            ..Config::default()
        };
        let bench = Module::new("bench").on("join", join).on("emit", emit);
        let mut app = App::new().module(bench);
        if url.starts_with("postgres:") {
            config.journal.database = Some(DatabaseUrl::from(url));
            app = app
                .module(Module::new("bench.topic").on("publish", publish))
                .topic(Topic::new("board").readable_by(everyone));
        } else {
            config.bus.redis = Some(BusUrl::from(url));
        }
        let server = app.config(config).start().await;
        server.expect("a free port, and a database or Redis").address()
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
