//! How streams end that do not come to their end: at both sides, once, with nothing left behind.

use std::time::Duration;

use futures_util::{Stream, stream};
use serde_json::json;
use updraft::{App, CallError, Code, Frames, Json, LimitsConfig, Module, Result};

use super::{Streams, cancel, credit, data, end, error, module, next, short, upload};
use crate::support::{RawClient, until};

const SOON: Duration = Duration::from_millis(100);

async fn three(streams: &Streams) -> RawClient {
    let mut client = streams.server.client().await;
    client
        .call(&json!({"event": "s.forever", "stream": "s1", "window": 3}))
        .await;
    for n in 0..3 {
        assert_eq!(next(&mut client).await, data("s1", n, &json!(n)));
    }
    client
}

async fn nothing_is_left(streams: &Streams) {
    until("the functions to be dropped", || streams.alive.count() == 0).await;
    until("no stream to be open", || streams.figure("updraft_streams") == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_cancels_and_hears_no_more_of_it() {
    let streams = Streams::start(LimitsConfig::default()).await;
    let mut client = three(&streams).await;
    assert_eq!(streams.alive.count(), 1);
    client.emit(&cancel("s1")).await;
    nothing_is_left(&streams).await;
    client.emit(&credit("s1", 3)).await;
    client.hears_nothing_else().await;
    let again = client
        .call(&json!({"event": "s.count", "data": 1, "stream": "s1"}))
        .await;
    assert_eq!(again["data"], json!({"stream": "s1"}));
    assert_eq!(next(&mut client).await, data("s1", 0, &json!(0)));
    assert_eq!(next(&mut client).await, end("s1", 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_upload_is_answered() {
    let streams = Streams::start(LimitsConfig::default()).await;
    let mut client = streams.server.client().await;
    let call = upload(&mut client, "s.sum", "up").await;
    client.emit(&data("up", 0, &json!(1))).await;
    client.emit(&cancel("up")).await;
    let answer = client.answer(call).await;
    assert_eq!(
        (&answer["error"]["code"], &answer["error"]["retry"]),
        (&json!("unavailable"), &json!(false))
    );
    nothing_is_left(&streams).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_cancelled_whose_call_has_yet_to_begin() {
    let limits = LimitsConfig {
        max_running: 1,
        ..LimitsConfig::default()
    };
    async fn wait() {
        tokio::time::sleep(SOON).await;
    }
    let streams = Streams::of(
        App::new()
            .module(module())
            .module(Module::new("t").on("wait", wait)),
        limits,
    )
    .await;
    let mut client = streams.server.client().await;
    let waiting = client.begin(&json!({"event": "t.wait"})).await;
    let opening = client.begin(&json!({"event": "s.sum", "stream": "up"})).await;
    client.emit(&cancel("up")).await;
    client.answer(waiting).await;
    assert_eq!(client.answer(opening).await["error"]["code"], "unavailable");
    nothing_is_left(&streams).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_leaves() {
    let streams = Streams::start(LimitsConfig::default()).await;
    let mut client = three(&streams).await;
    upload(&mut client, "s.sum", "up").await;
    until("both functions to run", || streams.alive.count() == 2).await;
    drop(client);
    nothing_is_left(&streams).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_gives_no_credit_for_too_long() {
    let streams = Streams::start(short(SOON)).await;
    let mut client = three(&streams).await;
    let (n, error) = error(&mut client, "s1").await;
    assert_eq!((n, &error["code"]), (3, &json!("timeout")));
    nothing_is_left(&streams).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_sends_no_frame_for_too_long() {
    let streams = Streams::start(short(SOON)).await;
    let mut client = streams.server.client().await;
    let call = upload(&mut client, "s.sum", "up").await;
    assert_eq!(client.answer(call).await["error"]["code"], "timeout");
    nothing_is_left(&streams).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_waits_for_its_function_as_long_as_that_takes() {
    async fn slow() -> Frames<impl Stream<Item = Json<u8>>> {
        Frames(stream::once(async {
            tokio::time::sleep(5 * SOON).await;
            Json(1)
        }))
    }
    let limits = LimitsConfig {
        call_timeout: SOON,
        ..short(SOON)
    };
    let streams = Streams::of(App::new().module(Module::new("t").on("slow", slow)), limits).await;
    let mut client = streams.server.client().await;
    client
        .call(&json!({"event": "t.slow", "stream": "s1", "window": 2}))
        .await;
    assert_eq!(next(&mut client).await, data("s1", 0, &json!(1)));
    assert_eq!(next(&mut client).await, end("s1", 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_may_take_longer_than_a_call() {
    let limits = LimitsConfig {
        call_timeout: SOON,
        ..LimitsConfig::default()
    };
    let streams = Streams::start(limits).await;
    let mut client = streams.server.client().await;
    let call = upload(&mut client, "s.sum", "up").await;
    tokio::time::sleep(3 * SOON).await;
    client.emit(&data("up", 0, &json!(7))).await;
    client.emit(&end("up", 1)).await;
    assert_eq!(client.answer(call).await["data"], 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_stops() {
    let streams = Streams::start(LimitsConfig::default()).await;
    let mut client = three(&streams).await;
    let call = upload(&mut client, "s.sum", "up").await;
    until("both functions to run", || streams.alive.count() == 2).await;
    let Streams { server, alive } = streams;
    let stopping = tokio::spawn(server.server.stop());
    assert_eq!(next(&mut client).await, json!({"event": "server.draining"}));
    let mut ends = Vec::new();
    while ends.len() < 2 {
        match client.packet().await {
            crate::support::Packet::Ack(acked, answer) => {
                assert_eq!(acked, call);
                ends.push(answer["error"].clone());
            }
            crate::support::Packet::Event(_, packet, _) => {
                assert_eq!(
                    (&packet["event"], &packet["n"]),
                    (&json!("stream.error"), &json!(3))
                );
                ends.push(packet["error"].clone());
            }
        }
    }
    for error in ends {
        assert_eq!(
            (&error["code"], &error["retry"]),
            (&json!("unavailable"), &json!(true))
        );
    }
    drop(client);
    stopping.await.unwrap();
    assert_eq!(alive.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_function_fails_or_panics_in_the_middle() {
    async fn fails() -> Frames<impl Stream<Item = Result<Json<u64>>>> {
        let refused = CallError::new(Code::Forbidden, "no more of this");
        Frames(stream::iter([Ok(Json(0)), Err(refused), Ok(Json(2))]))
    }
    async fn panics() -> Frames<impl Stream<Item = Json<u64>>> {
        use futures_util::StreamExt;
        Frames(stream::iter(0..).map(|n| match n {
            1 => panic!("one is too many"),
            n => Json(n),
        }))
    }
    let module = Module::new("t").on("fails", fails).on("panics", panics);
    let streams = Streams::of(App::new().module(module), LimitsConfig::default()).await;
    let mut client = streams.server.client().await;
    for (event, code) in [("t.fails", "forbidden"), ("t.panics", "internal")] {
        client.call(&json!({"event": event, "stream": event})).await;
        assert_eq!(next(&mut client).await, data(event, 0, &json!(0)));
        let (n, error) = error(&mut client, event).await;
        assert_eq!((n, &error["code"]), (1, &json!(code)));
    }
    client.hears_nothing_else().await;
    nothing_is_left(&streams).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_has_enough_before_the_client_ends() {
    let streams = Streams::start(LimitsConfig::default()).await;
    let mut client = streams.server.client().await;
    let call = upload(&mut client, "s.first", "up").await;
    for n in 0..16 {
        client.emit(&data("up", n, &json!(5))).await;
    }
    assert_eq!(client.answer(call).await["data"], 5);
    nothing_is_left(&streams).await;
    client.emit(&end("up", 16)).await;
    client.hears_nothing_else().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_itself_fails() {
    let streams = Streams::start(LimitsConfig::default()).await;
    let mut client = streams.server.client().await;
    let why = json!({"code": "forbidden", "message": "the disk is locked"});
    for (error, code, message) in [
        (why, "forbidden", "the disk is locked"),
        (
            json!({"message": "the disk is full"}),
            "unavailable",
            "the disk is full",
        ),
        (json!("the disk is full"), "unavailable", "the disk is full"),
        (json!(7), "unavailable", "the client's frames end with an error"),
    ] {
        let call = upload(&mut client, "s.sum", "up").await;
        client.emit(&data("up", 0, &json!(1))).await;
        client
            .emit(&json!({"event": "stream.error", "stream": "up", "n": 1, "error": error}))
            .await;
        let answer = client.answer(call).await;
        assert_eq!(
            (&answer["error"]["code"], &answer["error"]["message"]),
            (&json!(code), &json!(message))
        );
    }
    nothing_is_left(&streams).await;
}
