//! Streams that events of any name open: their packets are events of their own names.

use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use updraft::{App, EventName, Frames, Incoming, Json, LimitsConfig, Namespace, Result};

use super::Streams;
use crate::support::{Packet, RawClient};

async fn count(Json(to): Json<u64>) -> Frames<impl Stream<Item = Json<u64>>> {
    Frames(stream::iter(0..to).map(Json))
}

async fn sum(mut frames: Incoming<Json<u64>>) -> Result<Json<u64>> {
    let mut sum = 0;
    while let Some(frame) = frames.next().await {
        sum += frame?.0;
    }
    Ok(Json(sum))
}

async fn any(name: EventName) -> String {
    name.as_str().to_owned()
}

async fn event(client: &mut RawClient) -> (String, Value) {
    match client.packet().await {
        Packet::Event(name, data, _) => (name, data),
        other => panic!("an event was to come, and {other:?} came"),
    }
}

async fn ask(client: &mut RawClient, ack: u32, arguments: &Value) {
    client.send(&format!("42{ack}{arguments}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_flow_as_events_of_their_own_names() {
    let namespace = Namespace::new("/")
        .on("count", count)
        .on("sum", sum)
        .fallback(any);
    let streams = Streams::of(App::new().namespace(namespace), LimitsConfig::default()).await;
    let mut client = streams.server.client().await;

    ask(
        &mut client,
        1,
        &json!(["count", {"stream": "s1", "data": 3, "window": 2}]),
    )
    .await;
    assert_eq!(client.packet().await, Packet::Ack(1, json!({"stream": "s1"})));
    for n in 0..2 {
        let frame = json!({"stream": "s1", "n": n, "data": n});
        assert_eq!(event(&mut client).await, ("stream.data".to_owned(), frame));
    }
    client.send(r#"42["stream.credit",{"stream":"s1","n":2}]"#).await;
    assert_eq!(
        event(&mut client).await.1,
        json!({"stream": "s1", "n": 2, "data": 2})
    );
    assert_eq!(
        event(&mut client).await,
        ("stream.end".to_owned(), json!({"stream": "s1", "n": 3}))
    );

    ask(&mut client, 2, &json!(["sum", {"stream": "up"}])).await;
    let credit = json!({"stream": "up", "n": 0, "window": 16});
    assert_eq!(event(&mut client).await, ("stream.credit".to_owned(), credit));
    client
        .send(r#"42["stream.data",{"stream":"up","n":0,"data":40}]"#)
        .await;
    client
        .send(r#"42["stream.data",{"stream":"up","n":1,"data":2}]"#)
        .await;
    client.send(r#"42["stream.end",{"stream":"up","n":2}]"#).await;
    assert_eq!(client.packet().await, Packet::Ack(2, json!(42)));

    ask(&mut client, 3, &json!(["count", 3])).await;
    let refused = client.answer(3).await;
    assert_eq!(refused["error"]["code"], "bad_call");
    ask(&mut client, 4, &json!(["stream.wide", 3])).await;
    assert_eq!(
        client.answer(4).await,
        "stream.wide",
        "another name is the fallback's"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_function_streams_the_names_are_as_free_as_any() {
    let namespace = Namespace::new("/").fallback(any);
    let streams = Streams::of(App::new().namespace(namespace), LimitsConfig::default()).await;
    let mut client = streams.server.client().await;
    ask(&mut client, 1, &json!(["stream.data", {"stream": "s1"}])).await;
    assert_eq!(client.answer(1).await, "stream.data");
}
