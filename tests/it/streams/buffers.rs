//! Frames of Buffers.

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use updraft::{App, Frames, Incoming, Json, LimitsConfig, Module, Result};

use super::{Streams, end, next, upload};
use crate::support::until;

async fn blocks(Json(blocks): Json<u8>) -> Frames<impl Stream<Item = Bytes>> {
    Frames(stream::iter(0..blocks).map(|number| Bytes::from(vec![number; 65_536])))
}

async fn size(mut frames: Incoming<Bytes>) -> Result<Json<usize>> {
    let mut size = 0;
    while let Some(frame) = frames.next().await {
        size += frame?.len();
    }
    Ok(Json(size))
}

async fn start() -> Streams {
    let module = Module::new("t").on("blocks", blocks).on("size", size);
    Streams::of(App::new().module(module), LimitsConfig::default()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_come_down_as_what_they_are() {
    let streams = start().await;
    let mut client = streams.server.client().await;
    client
        .call(&json!({"event": "t.blocks", "data": 40, "stream": "s1"}))
        .await;
    for n in 0..40_u8 {
        let text = client.text().await;
        let frame =
            json!({"event": "stream.data", "stream": "s1", "n": n, "data": {"_placeholder": true, "num": 0}});
        assert_eq!(text, format!(r#"451-["event",{frame}]"#));
        match client.next().await {
            Some(Message::Binary(bytes)) => assert_eq!(bytes, vec![n; 65_536]),
            other => panic!("a Buffer was to come, and {other:?} came"),
        }
    }
    assert_eq!(next(&mut client).await, end("s1", 40));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_go_up_as_what_they_are() {
    let streams = start().await;
    let mut client = streams.server.client().await;
    let call = upload(&mut client, "t.size", "up").await;
    let mut credit = 16;
    for n in 0..100 {
        while n >= credit {
            credit = next(&mut client).await["n"].as_u64().unwrap() + 16;
        }
        let frame =
            json!({"event": "stream.data", "stream": "up", "n": n, "data": {"_placeholder": true, "num": 0}});
        client.send(&format!(r#"451-["event",{frame}]"#)).await;
        client.send_bytes(&[7; 65_536]).await;
    }
    client.emit(&end("up", 100)).await;
    assert_eq!(client.answer(call).await["data"], 6_553_600);
    until("nothing to be held", || {
        streams.figure("updraft_memory_held_bytes") == 0
    })
    .await;
}
