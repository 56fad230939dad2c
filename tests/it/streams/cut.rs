//! Streams that are cut off while something of theirs goes on: nothing takes a part for the whole.

use std::collections::BTreeMap;

use futures_util::{Stream, StreamExt, stream};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use updraft::{App, Code, Frames, Incoming, Json, LimitsConfig, Module, Result, State};

use super::{Guard, Streams, cancel, data, end, error, first_frame, next, upload};
use crate::support::until;

/// What a task took of a client's frames: how many came well, and how the last one failed.
type Taken = (u64, Option<Code>);

async fn take_all(mut frames: Incoming<Json<u64>>) -> Taken {
    let mut taken = 0;
    while let Some(frame) = frames.next().await {
        match frame {
            Ok(_) => taken += 1,
            Err(why) => return (taken, Some(why.code())),
        }
    }
    (taken, None)
}

/// A task of its own takes the frames, and outlives the function.
async fn apart(frames: Incoming<Json<u64>>, results: State<UnboundedSender<Taken>>) {
    let results = (*results).clone();
    let taking = tokio::spawn(async move {
        let _ = results.send(take_all(frames).await);
    });
    let _ = taking.await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_outlives_its_function_hears_that_the_frames_were_cut_off() {
    let (results, mut taken) = unbounded_channel::<Taken>();
    let app = App::new()
        .module(Module::new("t").on("apart", apart))
        .state(results);
    let streams = Streams::of(app, LimitsConfig::default()).await;
    let mut client = streams.server.client().await;

    let whole = upload(&mut client, "t.apart", "whole").await;
    client.emit(&data("whole", 0, &json!(1))).await;
    client.emit(&end("whole", 1)).await;
    assert_eq!(client.answer(whole).await["error"], json!(null));
    assert_eq!(taken.recv().await, Some((1, None)));

    let cancelled = upload(&mut client, "t.apart", "cancelled").await;
    client.emit(&data("cancelled", 0, &json!(1))).await;
    client.emit(&cancel("cancelled")).await;
    assert_eq!(client.answer(cancelled).await["error"]["code"], "unavailable");
    assert_eq!(taken.recv().await, Some((1, Some(Code::Unavailable))));

    let broken = upload(&mut client, "t.apart", "broken").await;
    client.emit(&data("broken", 1, &json!(1))).await;
    assert_eq!(client.answer(broken).await["error"]["code"], "invalid_data");
    assert_eq!(taken.recv().await, Some((0, Some(Code::InvalidData))));

    upload(&mut client, "t.apart", "left").await;
    client.emit(&data("left", 0, &json!(1))).await;
    drop(client);
    let (_, why) = taken.recv().await.expect("a result");
    assert_eq!(why, Some(Code::Unavailable));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_cannot_be_written_did_not_come() {
    async fn maps() -> Frames<impl Stream<Item = Json<BTreeMap<Vec<u8>, u8>>>> {
        let (good, bad) = (BTreeMap::new(), BTreeMap::from([(vec![1], 1)]));
        Frames(stream::iter([good, bad]).map(Json))
    }
    let app = App::new().module(Module::new("t").on("maps", maps));
    let streams = Streams::of(app, LimitsConfig::default()).await;
    let mut client = streams.server.client().await;
    client.call(&json!({"event": "t.maps", "stream": "s1"})).await;
    assert_eq!(next(&mut client).await, data("s1", 0, &json!({})));
    let (n, error) = error(&mut client, "s1").await;
    assert_eq!((n, &error["code"]), (1, &json!("internal")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_hears_the_end_of_frames_that_panic_as_they_are_dropped() {
    struct Panics(#[expect(dead_code, reason = "its drop counts")] Guard);
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    async fn panics(alive: State<super::Alive>) -> Result<Frames<impl Stream<Item = Json<u64>>>> {
        let panics = Panics(alive.guard());
        Ok(Frames(stream::iter(0..).map(move |number| {
            let _ = &panics;
            Json(number)
        })))
    }
    let app = App::new().module(Module::new("t").on("panics", panics));
    let streams = Streams::of(app, LimitsConfig::default()).await;
    let mut client = streams.server.client().await;
    first_frame(&mut client, "t.panics").await;
    client
        .emit(&json!({"event": "stream.credit", "stream": "s1", "n": 2}))
        .await;
    let (n, error) = error(&mut client, "s1").await;
    assert_eq!((n, &error["code"]), (1, &json!("invalid_data")));
    until("the stream to be gone", || streams.alive.count() == 0).await;
}
