//! From a client to the server.

use serde_json::json;
use updraft::LimitsConfig;

use super::{Streams, data, end, next};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_takes_frames_and_its_result_is_the_answer() {
    let streams = Streams::start(LimitsConfig::default()).await;
    let mut client = streams.server.client().await;
    let call = client.begin(&json!({"event": "s.sum", "stream": "up"})).await;
    let granted = json!({"event": "stream.credit", "stream": "up", "n": 0, "window": 16});
    assert_eq!(next(&mut client).await, granted);
    let mut credit = 16;
    for n in 0..100 {
        while n >= credit {
            let granted = next(&mut client).await;
            assert_eq!(
                (&granted["event"], &granted["window"]),
                (&json!("stream.credit"), &json!(16))
            );
            credit = granted["n"].as_u64().unwrap() + 16;
        }
        client.emit(&data("up", n, &json!(n))).await;
    }
    client.emit(&end("up", 100)).await;
    assert_eq!(client.answer(call).await, json!({"event": "s.sum", "data": 4950}));
    assert_eq!(streams.figure("updraft_streams"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_may_go_both_ways() {
    let streams = Streams::start(LimitsConfig::default()).await;
    let mut client = streams.server.client().await;
    let call = client.begin(&json!({"event": "s.double", "stream": "d"})).await;
    let granted = json!({"event": "stream.credit", "stream": "d", "n": 0, "window": 16});
    assert_eq!(next(&mut client).await, granted);
    assert_eq!(client.answer(call).await["data"], json!({"stream": "d"}));
    for n in 0..5 {
        client.emit(&data("d", n, &json!(n))).await;
        assert_eq!(next(&mut client).await, data("d", n, &json!(2 * n)));
    }
    client.emit(&end("d", 5)).await;
    assert_eq!(next(&mut client).await, end("d", 5));
}
