//! In which order calls start, and in which order what they say arrives.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::json;
use updraft::{App, Config, Context, Json, LimitsConfig, Module, Result, State};

use crate::support::{
    Local, Packet, RawClient,
    order::{calls_start_in_order_and_finish_in_another, working},
    settled,
};

async fn calls_start_in_order(config: Config) {
    let server = Local::start(working(Module::new("work")), config).await;
    calls_start_in_order_and_finish_in_another(&server.url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_calls_start_in_the_order_in_which_they_came() {
    calls_start_in_order(Config::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_do_so_too_where_most_have_to_wait_for_their_turn() {
    let config = Config {
        limits: LimitsConfig {
            max_running: 11,
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    calls_start_in_order(config).await;
}

const EVENTS: usize = 5000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_function_says_to_a_client_that_does_not_listen_waits_and_arrives_in_order() {
    async fn pour(cx: Context, emitted: State<Arc<AtomicUsize>>) -> Result<&'static str> {
        for number in 0..EVENTS {
            cx.emit("message", &(number, "x".repeat(4000))).await?;
            emitted.fetch_add(1, Ordering::SeqCst);
        }
        Ok("done")
    }
    let emitted = Arc::<AtomicUsize>::default();
    let module = Module::new("much").on("pour", pour);
    let server = Local::of(App::new().state(emitted.clone()).module(module)).await;
    let mut client = server.client().await;
    let number = client.begin(&json!({"event": "much.pour"})).await;

    let emitted = settled(|| emitted.load(Ordering::SeqCst)).await;
    assert!(emitted < EVENTS, "20 MB found room somewhere");

    for number in 0..EVENTS {
        assert_eq!(client.message().await[0], number);
    }
    let answer = json!({"event": "much.pour", "data": "done"});
    assert_eq!(client.packet().await, Packet::Ack(number, answer));
    client.hears_nothing_else().await;
}

/// The numbers that a client hears, up to the answer.
async fn numbers_before(client: &mut RawClient, ack: u32) -> Vec<u64> {
    let mut heard = Vec::new();
    loop {
        match client.packet().await {
            Packet::Event(_, number, _) => heard.push(number.as_u64().expect("a number")),
            Packet::Ack(number, _) if number == ack => return heard,
            Packet::Ack(..) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ones_own_copy_of_what_is_said_in_a_room_keeps_its_place() {
    async fn speak(cx: Context) -> Result<()> {
        cx.join("room")?;
        for number in 0..EVENTS {
            match number % 2 {
                0 => cx.emit("message", &number).await?,
                _ => cx.within("room").emit("message", &number).await?,
            }
        }
        Ok(())
    }
    let server = Local::of(App::new().module(Module::new("room").on("speak", speak))).await;
    let mut client = server.client().await;
    let ack = client.begin(&json!({"event": "room.speak"})).await;
    let heard = numbers_before(&mut client, ack).await;
    assert_eq!(heard, (0..EVENTS as u64).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_calls_say_before_they_wait_is_heard_in_the_order_of_the_calls() {
    async fn say(Json(number): Json<u64>, cx: Context) -> Result<()> {
        cx.join("room")?;
        cx.within("room").emit("message", &number).await
    }
    let server = Local::of(App::new().module(Module::new("room").on("say", say))).await;
    let mut client = server.client().await;
    let mut ack = 0;
    for number in 0..EVENTS {
        ack = client.begin(&json!({"event": "room.say", "data": number})).await;
    }
    let mut heard = numbers_before(&mut client, ack).await;
    heard.truncate(EVENTS);
    assert_eq!(heard, (0..EVENTS as u64).collect::<Vec<_>>());
}
