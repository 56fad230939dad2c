//! Stories of order that hold for more than one server.

use std::sync::Mutex;

use serde_json::json;
use tokio::{sync::Semaphore, task::yield_now};
use updraft::{App, Context, Json, Module, Result, State};

use super::{Packet, RawClient};

/// How many calls a client begins at once.
pub(crate) const CALLS: u32 = 1000;

/// The numbers of the calls in the order in which they started.
type Started = Mutex<Vec<u32>>;

/// Notes that it started; then some wait for others, some for the gate, some not at all.
async fn work(Json(number): Json<u32>, started: State<Started>, gate: State<Semaphore>) -> Json<u32> {
    started.lock().unwrap().push(number);
    match number % 100 {
        7 => drop(gate.acquire().await),
        waits => {
            for _ in 0..waits % 5 {
                yield_now().await;
            }
        }
    }
    Json(number)
}

/// An app for [`calls_start_in_order_and_finish_in_another`]: the module `work` has the function.
pub(crate) fn working(module: Module) -> App {
    let open = async |gate: State<Semaphore>| gate.add_permits(CALLS as usize);
    let all = async |started: State<Started>| Json(started.lock().unwrap().clone());
    App::new()
        .state(Started::default())
        .state(Semaphore::new(0))
        .module(module.on("do", work))
        .module(Module::new("gate").on("open", open).on("started", all))
}

pub(crate) async fn calls_start_in_order_and_finish_in_another(url: &str) {
    let (mut client, mut caretaker) = (RawClient::connect(url).await, RawClient::connect(url).await);
    let mut calls = Vec::new();
    for number in 0..CALLS {
        calls.push(client.begin(&json!({"event": "work.do", "data": number})).await);
    }
    let mut answered = Vec::new();
    while answered.len() < calls.len() {
        if answered.len() == calls.len() - 10 {
            caretaker.call(&json!({"event": "gate.open"})).await;
        }
        let Packet::Ack(ack, answer) = client.packet().await else {
            panic!("there are acks only");
        };
        let number = answer["data"].as_u64().expect("a number") as usize;
        assert_eq!(calls[number], ack, "an answer to another call");
        answered.push(ack);
    }
    client.hears_nothing_else().await;
    let started = caretaker.call(&json!({"event": "gate.started"})).await;
    assert_eq!(started["data"], json!((0..CALLS).collect::<Vec<_>>()));
    assert!(!answered.is_sorted(), "those that waited finished later");
    answered.sort_unstable();
    assert_eq!(answered, calls);
}

/// Says numbers to its caller, and that it has: for [`numbers_leave_in_order`].
pub(crate) async fn count(Json(to): Json<u32>, cx: Context) -> Result<&'static str> {
    for number in 0..to {
        cx.emit("number", &number).await?;
    }
    Ok("counted")
}

/// What `test.count` says leaves in order, before its answer.
pub(crate) async fn numbers_leave_in_order(url: &str) {
    let mut client = RawClient::connect(url).await;
    client.send(r#"421["event",["test.count",3000]]"#).await;
    for number in 0..3000 {
        assert_eq!(client.text().await, format!(r#"42["number",{number}]"#));
    }
    let answer = json!({"event": "test.count", "data": "counted"});
    assert_eq!(client.text().await, format!("431[{answer}]"));
}
