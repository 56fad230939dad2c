//! Packets that go through the engine, and those that go past it.

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use updraft::{App, Context, Json, Module, Result, State};

use crate::support::{Local, PATIENCE, Packet, node};

#[derive(Serialize)]
struct Packed {
    number: u32,
    bytes: Bytes,
}

/// Says five numbers a round: by itself, with a Buffer, and with an ack, for which the engine is needed.
async fn take(Json(rounds): Json<u32>, cx: Context) -> Result<Json<u32>> {
    for first in (0..rounds).map(|round| 5 * round) {
        cx.emit("number", &(first + 1)).await?;
        let bytes = Bytes::from_static(&[1, 2, 3]);
        let number = first + 2;
        cx.emit("packed", &Packed { number, bytes }).await?;
        let asked: String = cx.emit_with_ack("asked", &(first + 3), PATIENCE).await?;
        assert_eq!(asked, "heard");
        cx.emit("number", &(first + 4)).await?;
        cx.emit("number", &(first + 5)).await?;
    }
    Ok(Json(5 * rounds))
}

/// The same to all that attend.
async fn speak(Json(rounds): Json<u32>, cx: Context) -> Result<()> {
    let room = cx.to("room");
    for first in (0..rounds).map(|round| 5 * round) {
        room.emit("number", &(first + 1)).await?;
        let bytes = Bytes::from_static(&[1, 2, 3]);
        let number = first + 2;
        room.emit("packed", &Packed { number, bytes }).await?;
        let asked = room
            .emit_with_ack::<String>("asked", &(first + 3), PATIENCE)
            .await?;
        assert!(matches!(&asked[..], [ack] if ack.result == Ok("heard".to_owned())));
        room.emit("number", &(first + 4)).await?;
        room.emit("number", &(first + 5)).await?;
    }
    Ok(())
}

/// Has another client emit, and receives it.
async fn attend(
    Json(rounds): Json<u32>,
    cx: Context,
    speaker: State<UnboundedSender<u32>>,
) -> Result<Json<u32>> {
    cx.join("room")?;
    speaker.send(rounds).unwrap();
    Ok(Json(5 * rounds))
}

/// A server with a client that emits whenever another attends.
async fn server() -> Local {
    let (speaker, mut attended) = unbounded_channel::<u32>();
    let ways = Module::new("ways")
        .on("take", take)
        .on("speak", speak)
        .on("attend", attend);
    let server = Local::of(App::new().state(speaker).module(ways)).await;
    let mut speaker = server.client().await;
    tokio::spawn(async move {
        while let Some(rounds) = attended.recv().await {
            let spoken = speaker
                .call(&json!({"event": "ways.speak", "data": rounds}))
                .await;
            assert_eq!(spoken, json!({"event": "ways.speak"}));
        }
    });
    server
}

async fn clients_hear_one_order(generation: &'static str) {
    let server = server().await;
    for transport in ["websocket", "polling", "upgraded"] {
        for function in ["ways.take", "ways.attend"] {
            let url = server.url.clone();
            let run = move || node("ways.mjs", &[&url, generation, transport, function, "40"]);
            tokio::task::spawn_blocking(run).await.expect("one order");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn existing_clients_hear_what_goes_either_way_in_one_order() {
    clients_hear_one_order("2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_hear_what_goes_either_way_in_one_order() {
    clients_hear_one_order("4").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_find_their_place_among_what_goes_past_the_engine() {
    let config = updraft::Config {
        session: updraft::SessionConfig {
            ping_interval: Duration::from_millis(5),
            ..updraft::SessionConfig::default()
        },
        ..Default::default()
    };
    let echo = Module::new("echo").on("do", async |Json(number): Json<u32>| Json(number));
    let server = Local::start(App::new().module(echo), config).await;
    let mut client = server.client().await;
    let mut number = 0;
    while client.pings < 50 {
        let calls = (0..20).map(|more| json!({"event": "echo.do", "data": number + more}));
        let mut acks = Vec::new();
        for call in calls {
            acks.push(client.begin(&call).await);
        }
        for ack in acks {
            let answer = json!({"event": "echo.do", "data": number});
            assert_eq!(client.packet().await, Packet::Ack(ack, answer));
            number += 1;
        }
    }
}
