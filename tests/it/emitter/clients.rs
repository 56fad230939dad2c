//! Real clients, which hear an emitter as they would hear one of Node's: three generations over WebSocket and polling.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use updraft::{App, Emitter, Json, Module, Result, State};

use super::rooms;
use crate::support::{Local, node};

#[derive(Serialize)]
struct Saved {
    number: u32,
    bytes: Bytes,
}

/// What a client has the server do to others.
#[derive(Deserialize)]
struct Order {
    to: Vec<String>,
    except: Vec<String>,
}

/// Emits a hundred events with Buffers, every second of them by itself.
async fn save(Json(order): Json<Order>, io: State<Emitter>) -> Result<()> {
    let all = order
        .to
        .into_iter()
        .fold(io.of("/"), |target, room| target.to(room));
    let target = order
        .except
        .into_iter()
        .fold(all, |target, room| target.except(room));
    for number in 0..100 {
        let bytes = Bytes::from(vec![number as u8; 3]);
        target.emit("saved", &Saved { number, bytes }).await?;
    }
    Ok(())
}

/// What was said before comes before this.
async fn mark(Json(number): Json<u32>, io: State<Emitter>) -> Result<()> {
    io.of("/").emit("mark", &number).await
}

/// Asks a room for its names, and disconnects those that say so.
async fn ask(room: String, io: State<Emitter>) -> Result<Json<Vec<(String, Option<String>)>>> {
    let acks = io.of("/").to(room);
    let acks = acks
        .emit_with_ack::<String>("name?", &1, Duration::from_secs(3))
        .await?;
    let acks = acks
        .into_iter()
        .map(|ack| (ack.socket.to_string(), ack.result.ok()));
    Ok(Json(acks.collect()))
}

async fn disconnect(room: String, io: State<Emitter>) -> Result<()> {
    io.of("/").to(&room).emit("bye", &room).await?;
    io.of("/").to(&room).disconnect().await
}

async fn list(room: String, io: State<Emitter>) -> Result<Json<Vec<(String, Vec<String>)>>> {
    let sockets = io.of("/").to(room).sockets().await?;
    let listed = sockets
        .into_iter()
        .map(|socket| (socket.id.to_string(), socket.rooms));
    Ok(Json(listed.collect()))
}

async fn hear_it(generation: &'static str) {
    let io = Module::new("io")
        .on("save", save)
        .on("mark", mark)
        .on("ask", ask)
        .on("disconnect", disconnect)
        .on("list", list);
    let local = Local::of(App::new().module(rooms()).module(io)).await;
    for transport in ["websocket", "polling"] {
        let url = local.url.clone();
        let run = move || node("emitter.mjs", &[&url, generation, transport]);
        tokio::task::spawn_blocking(run).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_the_second_generation_hear_an_emitter() {
    hear_it("2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_the_third_generation_hear_an_emitter() {
    hear_it("3").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_the_fourth_generation_hear_an_emitter() {
    hear_it("4").await;
}
