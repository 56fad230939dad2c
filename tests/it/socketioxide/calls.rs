//! Calls: their order, their answers, their bounds.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use socketioxide::{SocketIo, extract::SocketRef, handler::ConnectHandler};
use tokio::{sync::Semaphore, task::yield_now};
use updraft::{App, Code, Config, Context, LimitsConfig, Module, Result, State};

use super::{echo, serve, serve_with};
use crate::support::{
    PATIENCE, Packet, RawClient,
    order::{CALLS, calls_start_in_order_and_finish_in_another, count, numbers_leave_in_order, working},
    until,
};

async fn calls_start_in_order(module: Module, config: Config) {
    let server = serve(working(module), config).await;
    calls_start_in_order_and_finish_in_another(&server.url).await;
}

fn wide() -> Config {
    Config {
        limits: LimitsConfig {
            max_waiting: CALLS as usize,
            ..LimitsConfig::default()
        },
        ..Config::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_calls_start_in_the_order_in_which_they_came() {
    calls_start_in_order(Module::new("work"), wide()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_do_so_where_few_run_at_once() {
    let config = Config {
        limits: LimitsConfig {
            max_running: 11,
            ..wide().limits
        },
        ..wide()
    };
    calls_start_in_order(Module::new("work"), config).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_do_so_behind_a_guard() {
    let passing = async || -> Result<()> {
        yield_now().await;
        Ok(())
    };
    calls_start_in_order(Module::new("work").guard(passing), wide()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_function_says_leaves_in_order_however_short_the_queue() {
    let app = App::new().module(Module::new("test").on("count", count));
    let server = serve_with(SocketIo::builder().max_buffer_size(4), app, Config::default()).await;
    numbers_leave_in_order(&server.url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_is_refused_and_each_call_answered_once() {
    let wait = async |gate: State<Semaphore>| drop(gate.acquire().await);
    let open = async |gate: State<Semaphore>| gate.add_permits(1000);
    let app = App::new()
        .state(Semaphore::new(0))
        .module(Module::new("gate").on("wait", wait).on("open", open));
    let config = Config {
        limits: LimitsConfig {
            max_running: 2,
            max_waiting: 10,
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    let server = serve_with(SocketIo::builder().max_buffer_size(8), app, config).await;
    let (mut client, mut caretaker) = (
        RawClient::connect(&server.url).await,
        RawClient::connect(&server.url).await,
    );
    let mut calls = Vec::new();
    for _ in 0..500 {
        calls.push(client.begin(&json!({"event": "gate.wait"})).await);
    }
    let (mut answered, mut overloaded) = (Vec::new(), 0);
    while answered.len() < calls.len() {
        let Packet::Ack(ack, answer) = client.packet().await else {
            panic!("there are acks only");
        };
        answered.push(ack);
        if answer["error"]["code"] == "overloaded" {
            assert_eq!(answer["error"]["details"]["after_ms"], 1000);
            overloaded += 1;
        } else {
            assert_eq!(answer, json!({"event": "gate.wait"}));
        }
        if overloaded == 480 {
            caretaker.call(&json!({"event": "gate.open"})).await;
        }
    }
    client.hears_nothing_else().await;
    answered.sort_unstable();
    assert_eq!(answered, calls);
}

#[tokio::test]
async fn buffers_come_and_go() {
    let server = serve(App::new().module(echo()), Config::default()).await;
    let mut client = RawClient::connect(&server.url).await;
    let call = r#"["event",{"event":"api.services.test.testFunc","data":{"a":{"_placeholder":true,"num":0},"b":{"_placeholder":true,"num":1}}}]"#;
    client.send(&format!("452-7{call}")).await;
    client.send_bytes(b"one").await;
    client.send_bytes(&[0, 255]).await;
    let answer = json!([{"event": "api.services.test.testFunc", "data": {
        "a": {"_placeholder": true, "num": 0}, "b": {"_placeholder": true, "num": 1}}}]);
    assert_eq!(client.text().await, format!("462-7{answer}"));
    for expected in [&b"one"[..], &[0, 255]] {
        assert_eq!(client.next().await.unwrap().into_data(), expected);
    }
}

#[tokio::test]
async fn failures_are_answered_and_the_next_call_too() {
    let panic = async || -> &'static str { panic!("of the function") };
    let hang = async || std::future::pending::<()>().await;
    let app = App::new().module(Module::new("bad").on("panic", panic).on("hang", hang));
    let config = Config {
        limits: LimitsConfig {
            call_timeout: Duration::from_millis(50),
            call_burst: 8,
            call_rate: 1,
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    let server = serve(app, config).await;
    let mut client = RawClient::connect(&server.url).await;
    for (event, code) in [
        ("bad.panic", "internal"),
        ("bad.hang", "timeout"),
        ("bad.nothing", "unknown_event"),
    ] {
        let answer = client.call(&json!({ "event": event })).await;
        assert_eq!(
            (&answer["event"], &answer["error"]["code"]),
            (&json!(event), &json!(code))
        );
    }
    client.emit(&json!({"event": "bad.nothing"})).await;
    assert_eq!(client.message().await, "Nothing doesn't exist");
    client.send(r#"4277["other",1]"#).await;
    let Packet::Ack(77, other) = client.packet().await else {
        panic!("it is answered");
    };
    assert_eq!(other["error"]["code"], "unknown_event");
    let codes = async |client: &mut RawClient| {
        client.call(&json!(["api.services.status"])).await["error"]["code"].clone()
    };
    let mut code = Value::Null;
    while code == Value::Null {
        code = codes(&mut client).await;
    }
    assert_eq!(code, "rate_limited");
}

#[tokio::test]
async fn handlers_of_ones_own_stand_beside_it() {
    async fn mine(socket: SocketRef) -> Result<(), std::convert::Infallible> {
        socket.on("mine", async |socket: SocketRef| {
            socket.emit("mine", "heard").unwrap();
        });
        Ok(())
    }
    let server = serve(App::new(), Config::default()).await;
    server.io.ns("/both", server.namespace.handler().with(mine));
    let mut client = RawClient::open(&server.url).await;
    client.send("40/both,").await;
    assert!(client.text().await.starts_with('0'));
    assert!(client.text().await.starts_with("40/both,"));
    client.send(r#"42/both,["mine"]"#).await;
    assert_eq!(client.text().await, r#"42/both,["mine","heard"]"#);
    client.send(r#"42/both,5["event",["api.services.status"]]"#).await;
    let answer = json!([{"event": "api.services.status", "data": "online"}]);
    assert_eq!(client.text().await, format!("43/both,5{answer}"));
}

#[tokio::test]
async fn a_function_learns_that_its_caller_is_gone_and_leaves_no_room_behind() {
    let (seen, ended) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let states = (seen.clone(), ended.clone());
    let wait = move |cx: Context| {
        let (seen, ended) = states.clone();
        async move {
            seen.add_permits(1);
            cx.cancelled().await;
            let joined = cx.join("late");
            ended.add_permits(1);
            joined
        }
    };
    let server = serve(
        App::new().module(Module::new("my").on("wait", wait)),
        Config::default(),
    )
    .await;
    let mut client = RawClient::connect(&server.url).await;
    client.begin(&json!({"event": "my.wait"})).await;
    let started = seen.acquire();
    tokio::time::timeout(PATIENCE, started)
        .await
        .unwrap()
        .unwrap()
        .forget();
    // As long as one of its server's own handlers has it, the socket itself is there.
    let kept = server.io.sockets();
    drop(client);
    let over = ended.acquire();
    tokio::time::timeout(PATIENCE, over)
        .await
        .unwrap()
        .unwrap()
        .forget();
    let io = &server.io;
    until("the socket to be gone", || io.sockets().is_empty()).await;
    assert!(kept.iter().all(|socket| socket.rooms().is_empty()));
}

#[tokio::test]
async fn a_server_that_drains_takes_no_more_and_answers_what_runs() {
    let gate = Arc::new(Semaphore::new(0));
    let opened = gate.clone();
    let wait = move || {
        let gate = opened.clone();
        async move { drop(gate.acquire().await) }
    };
    let server = serve(
        App::new().module(Module::new("gate").on("wait", wait)),
        Config::default(),
    )
    .await;
    let mut client = RawClient::connect(&server.url).await;
    let call = client.begin(&json!({"event": "gate.wait"})).await;
    assert!(client.is_well().await, "the first has begun");
    let namespace = server.namespace.clone();
    let drained = tokio::spawn(async move { namespace.drain().await });
    let draining = json!({"event": "server.draining"});
    assert_eq!(
        client.packet().await,
        Packet::Event("event".into(), draining, None)
    );
    let refused = client.call(&json!({"event": "api.services.status"})).await;
    assert_eq!(refused["error"]["code"], Code::Unavailable.as_str());
    assert!(!drained.is_finished(), "one has no answer yet");
    gate.add_permits(1);
    assert_eq!(client.answer(call).await, json!({"event": "gate.wait"}));
    assert!(tokio::time::timeout(PATIENCE, drained).await.unwrap().unwrap());
}
