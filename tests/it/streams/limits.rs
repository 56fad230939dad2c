//! What streams take from a socket: slots of their own, and nothing from its calls.

use serde_json::json;
use updraft::{After, App, Frames, Json, LimitsConfig, Module};

use super::{Streams, data, end, next, upload};
use crate::support::until;

/// A server that takes three calls of a socket, and one a second more.
async fn few_calls() -> Streams {
    Streams::start(LimitsConfig {
        call_rate: 1,
        call_burst: 3,
        ..LimitsConfig::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_has_so_many_streams_each_of_its_own_name() {
    let limits = LimitsConfig {
        max_streams: 2,
        ..LimitsConfig::default()
    };
    let streams = Streams::start(limits).await;
    let mut client = streams.server.client().await;
    let first = upload(&mut client, "s.sum", "a").await;
    let again = client.call(&json!({"event": "s.sum", "stream": "a"})).await;
    assert_eq!(again["error"]["code"], "conflict");
    upload(&mut client, "s.sum", "b").await;
    let third = client.call(&json!({"event": "s.sum", "stream": "c"})).await;
    assert_eq!(
        (&third["error"]["code"], &third["error"]["details"]),
        (&json!("overloaded"), &json!({"most": 2}))
    );
    assert_eq!(streams.figure(r#"updraft_refused_total{limit="streams"}"#), 2);
    let mut other = streams.server.client().await;
    upload(&mut other, "s.sum", "a").await;
    client.emit(&end("a", 0)).await;
    client.answer(first).await;
    upload(&mut client, "s.sum", "c").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_take_no_turn_of_calls() {
    let limits = LimitsConfig {
        max_running: 1,
        ..LimitsConfig::default()
    };
    let streams = Streams::start(limits).await;
    let mut client = streams.server.client().await;
    let uploads = [
        upload(&mut client, "s.sum", "a").await,
        upload(&mut client, "s.sum", "b").await,
    ];
    assert_eq!(client.call(&json!({"event": "s.ping"})).await["data"], "pong");
    for (name, call) in ["a", "b"].into_iter().zip(uploads) {
        client.emit(&data(name, 0, &json!(1))).await;
        client.emit(&end(name, 1)).await;
        assert_eq!(client.answer(call).await["data"], 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_are_not_calls_and_have_no_rate() {
    let streams = few_calls().await;
    let mut client = streams.server.client().await;
    let call = upload(&mut client, "s.sum", "up").await;
    let mut credit = 16;
    for n in 0..200 {
        while n >= credit {
            credit = next(&mut client).await["n"].as_u64().unwrap() + 16;
        }
        client.emit(&data("up", n, &json!(1))).await;
    }
    client.emit(&end("up", 200)).await;
    assert_eq!(client.answer(call).await["data"], 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_have_no_rate_in_whatever_order_a_client_writes_their_fields() {
    let streams = few_calls().await;
    let mut client = streams.server.client().await;
    let call = upload(&mut client, "s.sum", "up").await;
    for n in 0..16 {
        let frame = match n % 2 {
            0 => json!({"data": 1, "event": "stream.data", "n": n, "stream": "up"}),
            _ => json!({"stream": "up", "n": n, "data": 1, "event": "stream.data"}),
        };
        client.emit(&frame).await;
    }
    client
        .emit(&json!({"n": 16, "stream": "up", "event": "stream.end"}))
        .await;
    assert_eq!(client.answer(call).await["data"], 16);
    assert_eq!(
        streams.figure(r#"updraft_stream_frames_total{direction="received"}"#),
        16,
        "the end is no frame"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_stream_leaves_its_name_and_its_place_at_once() {
    let limits = LimitsConfig {
        max_streams: 1,
        ..LimitsConfig::default()
    };
    let streams = Streams::start(limits).await;
    let mut client = streams.server.client().await;
    let open = json!({"event": "s.forever", "stream": "s1", "window": 1});
    assert_eq!(client.call(&open).await["data"]["stream"], "s1");
    assert_eq!(next(&mut client).await, data("s1", 0, &json!(0)));
    for _ in 0..20 {
        client.emit(&super::cancel("s1")).await;
        client.emit(&super::cancel("s1")).await;
        let again = client.begin(&open).await;
        assert_eq!(
            client.answer(again).await,
            json!({"event": "s.forever", "data": {"stream": "s1"}})
        );
        assert_eq!(next(&mut client).await, data("s1", 0, &json!(0)));
    }
    until("one stream to be left", || streams.figure("updraft_streams") == 1).await;
    assert_eq!(streams.alive.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resumable_function_goes_on_where_the_client_was() {
    async fn count(
        Json(to): Json<u64>,
        After(after): After,
    ) -> Frames<impl futures_util::Stream<Item = Json<u64>>> {
        use futures_util::{StreamExt, stream};
        Frames(stream::iter(after.unwrap_or(0)..to).map(Json))
    }
    let app = App::new().module(Module::new("t").on("count", count));
    let streams = Streams::of(app, LimitsConfig::default()).await;
    let mut client = streams.server.client().await;
    client
        .call(&json!({"event": "t.count", "data": 10, "stream": "s1", "after": 7, "window": 2}))
        .await;
    for n in 7..9 {
        assert_eq!(next(&mut client).await, data("s1", n, &json!(n)));
    }
    client.emit(&super::credit("s1", 9)).await;
    assert_eq!(next(&mut client).await, data("s1", 9, &json!(9)));
    assert_eq!(next(&mut client).await, end("s1", 10));
}
