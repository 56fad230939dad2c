//! Sockets, and calls by their outcome.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Notify;
use updraft::{App, CallError, Code, Module, Result};

use super::{figure, told, watched};
use crate::support::{Http, Local, Program, until};

fn outcome(local: &Local, outcome: &str) -> f64 {
    figure(local, &format!("updraft_calls_total{{outcome=\"{outcome}\"}}"))
}

#[test]
fn nobody_is_told_unless_it_was_asked_for() {
    let silent = Program::start(&[]);
    assert_eq!(Http::get(&silent.url, "/metrics", &[]).status, 404);
    let watched = Program::start(&["--metrics"]);
    let response = Http::get(&watched.url, "/metrics", &[]);
    assert_eq!(response.status, 200);
    assert!(
        response.body.contains("updraft_topic_head{topic=\"board\"} 0\n"),
        "{}",
        response.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_counted_by_their_outcome() {
    let module = Module::new("api.test")
        .on("refuse", async || -> Result<()> {
            Err(CallError::new(Code::Conflict, "no"))
        })
        .on("panic", async || -> () { panic!("on purpose") });
    let local = watched(App::new().module(module)).await;
    for code in Code::ALL {
        assert!(outcome(&local, code.as_str()).abs() < 0.5, "{code}");
    }
    let mut client = local.client().await;
    for (event, times) in [
        ("api.test.refuse", 3),
        ("api.test.panic", 2),
        ("api.client.chose", 4),
    ] {
        for _ in 0..times {
            client.call(&json!({ "event": event })).await;
        }
    }
    client.call(&json!({"no": "event"})).await;
    assert!(client.is_well().await);
    // Counted once its answer is written.
    until("all to be counted", || outcome(&local, "ok") > 0.5).await;
    let counted =
        ["ok", "conflict", "internal", "unknown_event", "bad_call"].map(|code| outcome(&local, code));
    assert_eq!(counted, [1.0, 3.0, 2.0, 4.0, 1.0]);

    let text = told(&local);
    assert!(
        !text.contains("client") && !text.contains("api."),
        "what clients chose is in no label: {text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_and_calls_in_flight_come_and_go() {
    let go_on = Arc::new(Notify::new());
    let wait = {
        let go_on = go_on.clone();
        move || {
            let go_on = go_on.clone();
            async move { go_on.notified().await }
        }
    };
    let local = watched(App::new().module(Module::new("api.test").on("wait", wait))).await;
    let both = || {
        (
            figure(&local, "updraft_sockets"),
            figure(&local, "updraft_calls_in_flight"),
        )
    };
    assert_eq!(both(), (0.0, 0.0));
    let mut waiting = local.client().await;
    let other = local.client().await;
    let call = waiting.begin(&json!({"event": "api.test.wait"})).await;
    until("two sockets and a call", || both() == (2.0, 1.0)).await;
    go_on.notify_one();
    assert_eq!(waiting.answer(call).await["error"], Value::Null);
    drop(other);
    until("one socket to be left", || both() == (1.0, 0.0)).await;
}
