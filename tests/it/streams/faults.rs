//! What a client says wrongly: its stream ends, other streams and calls go on.

use serde_json::{Value, json};
use updraft::LimitsConfig;

use super::{Streams, cancel, credit, data, end, error, first_frame, next, upload};

/// Uploads two frames well, then says this; the code that the upload is answered.
async fn after_two(wrong: &[Value]) -> Value {
    let streams = Streams::start(LimitsConfig::default()).await;
    let mut client = streams.server.client().await;
    let well = upload(&mut client, "s.sum", "well").await;
    let call = upload(&mut client, "s.sum", "up").await;
    client.emit(&data("well", 0, &json!(1))).await;
    for n in 0..2 {
        client.emit(&data("up", n, &json!(n))).await;
    }
    for packet in wrong {
        client.emit(packet).await;
    }
    let answer = client.answer(call).await;
    client.emit(&data("well", 1, &json!(2))).await;
    client.emit(&end("well", 2)).await;
    assert_eq!(client.answer(well).await["data"], 3);
    client.hears_nothing_else().await;
    assert_eq!(streams.figure("updraft_streams"), 0);
    answer["error"]["code"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_is_missing_or_comes_twice_or_has_no_number() {
    for wrong in [
        data("up", 3, &json!(1)),
        data("up", 1, &json!(1)),
        data("up", u64::MAX, &json!(1)),
        json!({"event": "stream.data", "stream": "up", "data": 1}),
        end("up", 3),
        end("up", 1),
        json!({"event": "stream.end", "stream": "up"}),
    ] {
        assert_eq!(after_two(&[wrong]).await, "invalid_data");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_does_not_fit_the_function() {
    assert_eq!(
        after_two(&[data("up", 2, &json!("no number"))]).await,
        "invalid_data"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_come_without_credit() {
    use bytes::Bytes;
    use futures_util::future::pending;
    use updraft::{App, Incoming, Module};

    async fn stuck(frames: Incoming<Bytes>) {
        pending::<()>().await;
        drop(frames);
    }
    let app = App::new()
        .module(Module::new("t").on("stuck", stuck))
        .module(super::module());
    let streams = Streams::of(app, LimitsConfig::default()).await;
    let mut client = streams.server.client().await;
    let call = upload(&mut client, "t.stuck", "up").await;
    let well = upload(&mut client, "s.sum", "well").await;
    for n in 0..17 {
        client.emit(&data("up", n, &json!("x"))).await;
    }
    let answer = client.answer(call).await;
    assert_eq!(
        (&answer["error"]["code"], &answer["error"]["retry"]),
        (&json!("overloaded"), &json!(false))
    );
    client.emit(&end("well", 0)).await;
    assert_eq!(client.answer(well).await["data"], 0);
    assert_eq!(streams.figure("updraft_streams_failed_total"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credit_is_for_frames_that_were_never_sent() {
    let streams = Streams::start(LimitsConfig::default()).await;
    let mut client = streams.server.client().await;
    first_frame(&mut client, "s.forever").await;
    client.emit(&credit("s1", 2)).await;
    let (n, error) = error(&mut client, "s1").await;
    assert_eq!((n, &error["code"]), (1, &json!("invalid_data")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_of_streams_that_are_not_open_is_passed_over() {
    let streams = Streams::start(LimitsConfig::default()).await;
    let mut client = streams.server.client().await;
    let packets = [
        data("none", 0, &json!(1)),
        end("none", 0),
        credit("none", 1),
        cancel("none"),
    ];
    for packet in &packets {
        client.emit(packet).await;
        assert_eq!(
            client.call(packet).await,
            json!({"event": packet["event"]}),
            "where an ack is asked for"
        );
    }
    first_frame(&mut client, "s.forever").await;
    for packet in &packets {
        client.emit(packet).await;
    }
    // Frames to a function that takes none; a number that is no number; no name at all.
    client.emit(&data("s1", 0, &json!(1))).await;
    client
        .emit(&json!({"event": "stream.data", "stream": "s1", "n": "one"}))
        .await;
    client.emit(&json!({"event": "stream.data"})).await;
    client.hears_nothing_else().await;
    client.emit(&credit("s1", 1)).await;
    assert_eq!(next(&mut client).await, data("s1", 1, &json!(1)));
    assert_eq!(streams.figure("updraft_stream_packets_ignored_total"), 15);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_packet_may_be_written_in_any_order() {
    let streams = Streams::start(LimitsConfig::default()).await;
    let mut client = streams.server.client().await;
    let call = upload(&mut client, "s.sum", "up").await;
    client
        .emit(&json!({"n": 0, "data": 4, "stream": "up", "event": "stream.data"}))
        .await;
    client
        .emit(&json!({"stream": "up", "event": "stream.end", "n": 1}))
        .await;
    assert_eq!(client.answer(call).await["data"], 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_opens_a_stream_wrongly() {
    let streams = Streams::start(LimitsConfig::default()).await;
    let mut client = streams.server.client().await;
    for (call, code) in [
        (json!({"event": "s.count", "data": 1}), "invalid_data"),
        (json!({"event": "s.sum"}), "invalid_data"),
        (
            json!({"event": "s.count", "data": 1, "stream": ""}),
            "invalid_data",
        ),
        (
            json!({"event": "s.count", "data": 1, "stream": "s".repeat(65)}),
            "invalid_data",
        ),
        (
            json!({"event": "s.count", "data": 1, "stream": 1}),
            "invalid_data",
        ),
        (
            json!({"event": "s.count", "data": 1, "stream": "s1", "window": 0}),
            "invalid_data",
        ),
        (
            json!({"event": "s.count", "data": 1, "stream": "s1", "id": "once"}),
            "bad_call",
        ),
        (
            json!({"event": "s.count", "data": "one", "stream": "s1"}),
            "invalid_data",
        ),
        (
            json!({"event": "s.count", "data": 9, "stream": "s1", "after": 3}),
            "unavailable",
        ),
        (
            json!({"event": "s.count", "data": 9, "stream": "s1", "after": 1_u64 << 53}),
            "invalid_data",
        ),
        (json!(["s.count", 1]), "bad_call"),
    ] {
        assert_eq!(client.call(&call).await["error"]["code"], code, "{call}");
    }
    assert_eq!(streams.figure("updraft_streams"), 0);
    let named = client.call(&json!({"event": "s.ping", "stream": "s1"})).await;
    assert_eq!(
        named,
        json!({"event": "s.ping", "data": "pong"}),
        "a field that means nothing to the function"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_is_too_large_ends_its_stream_and_says_so() {
    let limits = LimitsConfig {
        max_call: 1000,
        ..LimitsConfig::default()
    };
    let streams = Streams::start(limits).await;
    let mut client = streams.server.client().await;
    for large in [true, false] {
        let call = upload(&mut client, "s.sum", "up").await;
        match large {
            true => client.emit(&data("up", 0, &json!("x".repeat(2000)))).await,
            false => {
                let frame = data("up", 0, &json!({"_placeholder": true, "num": 0}));
                client.send(&format!(r#"451-["event",{frame}]"#)).await;
                client.send_bytes(&[7; 2000]).await;
            }
        }
        let answer = client.answer(call).await;
        assert_eq!(answer["error"]["code"], "too_large");
        client.hears_nothing_else().await;
    }
    let first = upload(&mut client, "s.sum", "up").await;
    let frame = data("up", 0, &json!("x".repeat(2000)));
    let asked = client.begin(&frame).await;
    for _ in 0..2 {
        match client.packet().await {
            crate::support::Packet::Ack(acked, answer) => {
                assert!(acked == first || acked == asked);
                assert_eq!(answer["error"]["code"], "too_large");
            }
            other => panic!("an ack was to come, and {other:?} came"),
        }
    }
    // A call that only carries such a text is a call, and its stream goes on.
    let well = upload(&mut client, "s.sum", "well").await;
    let call =
        json!({"event": "s.ping", "stream": "well", "data": [{"event": "stream.data"}, "x".repeat(2000)]});
    assert_eq!(client.call(&call).await["error"]["code"], "too_large");
    client.emit(&end("well", 0)).await;
    assert_eq!(client.answer(well).await["data"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_only_looks_like_a_packet_of_a_stream_is_a_call() {
    let streams = Streams::start(LimitsConfig::default()).await;
    let mut client = streams.server.client().await;
    first_frame(&mut client, "s.forever").await;
    client
        .emit(&json!({"event": "stream.other", "stream": "s1", "n": 1}))
        .await;
    let ping = json!({"stream": "s1", "data": cancel("s1"), "event": "s.ping"});
    assert_eq!(client.call(&ping).await["data"], "pong");
    client.emit(&ping).await;
    let pong = crate::support::Packet::Event("message".to_owned(), json!("pong"), None);
    assert_eq!(client.packet().await, pong);
    client.emit(&credit("s1", 1)).await;
    assert_eq!(next(&mut client).await, data("s1", 1, &json!(1)));
}
