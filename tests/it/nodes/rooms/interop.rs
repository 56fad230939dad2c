//! Servers of Node with the official adapter for PostgreSQL, and the official emitter, on the database of an Updraft node: one set of
//! rooms.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::task::block_in_place;
use updraft::{Args, Emitter, Json, Module, Result, State};

use super::{app, start};
use crate::{
    nodes::wait_for,
    support::{TestDatabase, node},
};

/// What the script has this node do, as its own functions would.
fn io() -> Module {
    Module::new("io")
        .on(
            "ask",
            async |room: String, io: State<Emitter>| -> Result<Json<Vec<Value>>> {
                let wait = Duration::from_secs(20);
                let acks = io
                    .of("/")
                    .to(room)
                    .emit_with_ack::<Value>("name?", &1, wait)
                    .await?;
                Ok(Json(acks.into_iter().filter_map(|ack| ack.result.ok()).collect()))
            },
        )
        .on("list", async |io: State<Emitter>| -> Result<Json<Vec<Value>>> {
            let sockets = io.of("/").sockets().await?;
            let listed = sockets.iter().map(|socket| {
                let data = socket.data::<Value>();
                serde_json::json!({"id": socket.id, "rooms": socket.rooms, "data": data.as_deref()})
            });
            Ok(Json(listed.collect()))
        })
        .on(
            "join",
            async |Json((to, room)): Json<(String, String)>, io: State<Emitter>| {
                io.of("/").to(to).join(&room).await
            },
        )
        .on(
            "leave",
            async |Json((to, room)): Json<(String, String)>, io: State<Emitter>| {
                io.of("/").to(to).leave(&room).await
            },
        )
        .on("disconnect", async |to: String, io: State<Emitter>| {
            io.of("/").to(to).disconnect().await
        })
        .on(
            "announce",
            async |io: State<Emitter>| -> Result<Json<Vec<Value>>> {
                io.announce("news", &Args((1, Bytes::from_static(b"two"))))
                    .await?;
                io.announce_with_ack("size?", "four").await.map(Json)
            },
        )
}

#[test]
fn servers_of_node_with_the_official_adapter_share_rooms_with_updraft() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let app = app()
            .module(io())
            .heed("size?", async |text: String| Ok(text.len()));
        let updraft = start(&database, app).await;
        block_in_place(|| node("adapter.mjs", &[&database.url, &updraft.url]));
        updraft.server.stop().await;
    });
}
