//! Streams: their packets are no calls there either.

use serde_json::{Value, json};
use updraft::{App, Config, Incoming, Json, LimitsConfig, Module, Result};

use super::{Served, serve};
use crate::support::{Packet, RawClient};

async fn sum(mut frames: Incoming<Json<u64>>) -> Result<Json<u64>> {
    let mut sum = 0;
    while let Some(frame) = frames.next().await {
        sum += frame?.0;
    }
    Ok(Json(sum))
}

async fn served(limits: LimitsConfig) -> Served {
    let app = App::new().module(Module::new("s").on("sum", sum));
    let config = Config {
        limits,
        ..Config::default()
    };
    serve(app, config).await
}

/// Begins to upload; the number of the ack, once there is credit.
async fn upload(client: &mut RawClient, stream: &str) -> u32 {
    let call = client.begin(&json!({"event": "s.sum", "stream": stream})).await;
    match client.packet().await {
        Packet::Event(_, packet, _) => assert_eq!(packet["event"], "stream.credit", "{packet}"),
        other => panic!("credit was to come, and {other:?} came"),
    }
    call
}

fn frame(stream: &str, n: u64) -> Value {
    json!({"event": "stream.data", "stream": stream, "n": n, "data": 1})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_wait_for_no_call_and_have_no_rate() {
    let limits = LimitsConfig {
        max_running: 2,
        call_rate: 1,
        call_burst: 4,
        ..LimitsConfig::default()
    };
    let served = served(limits).await;
    let mut client = RawClient::connect(&served.url).await;
    let calls = [upload(&mut client, "a").await, upload(&mut client, "b").await];
    for (stream, call) in ["a", "b"].into_iter().zip(calls) {
        for n in 0..10 {
            client.emit(&frame(stream, n)).await;
        }
        client
            .emit(&json!({"event": "stream.end", "stream": stream, "n": 10}))
            .await;
        assert_eq!(client.answer(call).await["data"], 10);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_end_where_calls_are_taken_no_more() {
    let served = served(LimitsConfig::default()).await;
    let mut client = RawClient::connect(&served.url).await;
    let call = upload(&mut client, "a").await;
    let namespace = served.namespace.clone();
    let drained = tokio::spawn(async move { namespace.drain().await });
    let error = client.answer(call).await["error"].clone();
    assert_eq!(
        (&error["code"], &error["retry"]),
        (&json!("unavailable"), &json!(true))
    );
    assert!(drained.await.unwrap());
}
