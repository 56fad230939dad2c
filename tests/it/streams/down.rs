//! From the server to its client.

use serde_json::json;
use updraft::LimitsConfig;

use super::{Streams, credit, data, end, next};
use crate::support::until;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_answered_at_once_and_its_frames_follow_in_order() {
    let streams = Streams::start(LimitsConfig::default()).await;
    let mut client = streams.server.client().await;
    let opened = client
        .call(&json!({"event": "s.count", "data": 1000, "stream": "s1"}))
        .await;
    assert_eq!(opened, json!({"event": "s.count", "data": {"stream": "s1"}}));
    for n in 0..1000 {
        assert_eq!(next(&mut client).await, data("s1", n, &json!(n)));
    }
    assert_eq!(next(&mut client).await, end("s1", 1000));
    until("the stream to be gone", || streams.alive.count() == 0).await;
    until("no stream to be open", || streams.figure("updraft_streams") == 0).await;
    let sent = r#"updraft_stream_frames_total{direction="sent"}"#;
    until("all frames to be counted", || streams.figure(sent) >= 1000).await;
    assert_eq!(streams.figure(sent), 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_frames_are_out_than_the_window_says() {
    let streams = Streams::start(LimitsConfig::default()).await;
    let mut client = streams.server.client().await;
    client
        .call(&json!({"event": "s.count", "data": 10, "stream": "s1", "window": 3}))
        .await;
    for n in 0..3 {
        assert_eq!(next(&mut client).await, data("s1", n, &json!(n)));
    }
    assert_eq!(client.call(&json!({"event": "s.ping"})).await["data"], "pong");
    client.hears_nothing_else().await;
    client.emit(&credit("s1", 2)).await;
    for n in 3..5 {
        assert_eq!(next(&mut client).await, data("s1", n, &json!(n)));
    }
    client.hears_nothing_else().await;
    client.emit(&credit("s1", 5)).await;
    for n in 5..8 {
        assert_eq!(next(&mut client).await, data("s1", n, &json!(n)));
    }
    client.emit(&credit("s1", 8)).await;
    for n in 8..10 {
        assert_eq!(next(&mut client).await, data("s1", n, &json!(n)));
    }
    assert_eq!(next(&mut client).await, end("s1", 10));
}
