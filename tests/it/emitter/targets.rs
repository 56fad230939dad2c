//! Which clients a target means: for an emitter, and for a function.

use std::{thread, time::Duration};

use bytes::Bytes;
use serde_json::json;
use updraft::{
    App, BroadcastTo, Code, Context, Emitter, Json, Module, State,
    testing::{TestClient, TestServer},
};

use super::rooms;
use crate::support::{Local, Packet};

/// Clients and their ids: the first is in `a`, the second in `a` and `b`, the third in `b`, the fourth nowhere.
async fn four(server: &TestServer) -> ([TestClient; 4], [String; 4]) {
    let mut clients = [
        server.connect().await,
        server.connect().await,
        server.connect().await,
        server.connect().await,
    ];
    for (client, room) in [(0, "a"), (1, "a"), (1, "b"), (2, "b")] {
        clients[client].call("room.join").data(room).await.data::<()>();
    }
    let mut ids = [const { String::new() }; 4];
    for (client, id) in clients.iter_mut().zip(&mut ids) {
        *id = client.call("room.id").await.data();
    }
    (clients, ids)
}

/// Each of these hears it, once, and no other hears anything.
async fn hear(clients: &mut [TestClient; 4], event: &str, hearing: &[usize]) {
    for (number, client) in clients.iter_mut().enumerate() {
        if hearing.contains(&number) {
            let heard = client.next_event().await;
            assert_eq!(heard.name, event, "client {number}");
        }
        client.received_nothing_else().await;
    }
}

#[tokio::test]
async fn an_emitter_reaches_all_rooms_some_or_one_and_leaves_others_out() {
    let server = TestServer::start(App::new().module(rooms())).await;
    let (mut clients, ids) = four(&server).await;
    let io = server.emitter();
    let all = || io.of("/");
    let targets: [(&str, BroadcastTo<'_>, &[usize]); 12] = [
        ("all", all(), &[0, 1, 2, 3]),
        ("a room", all().to("a"), &[0, 1]),
        ("within a room", all().within("a"), &[0, 1]),
        ("several, each once", all().to("a").to("b"), &[0, 1, 2]),
        ("a room without another", all().to("a").except("b"), &[0]),
        ("all without two", all().except("a").except("b"), &[3]),
        ("one by its id", all().to(&ids[3]), &[3]),
        ("one by its id, anywhere", io.socket(&ids[2]), &[2]),
        ("all but one", all().except(&ids[1]), &[0, 2, 3]),
        ("a room and one", all().to("a").to(&ids[3]), &[0, 1, 3]),
        ("nobody", all().to("nowhere"), &[]),
        ("another namespace", io.of("/nobody"), &[]),
    ];
    for (event, target, hearing) in targets {
        target.compress(false).emit(event, &1).await.unwrap();
        hear(&mut clients, event, hearing).await;
    }
    io.socket("an id that nobody has").emit("lost", &1).await.unwrap();
    io.of("").to("a").emit("the root by no name", &1).await.unwrap();
    hear(&mut clients, "the root by no name", &[0, 1]).await;
}

#[tokio::test]
async fn a_function_has_the_same_targets_and_may_leave_its_caller_out() {
    async fn say(Json(target): Json<String>, cx: Context) -> updraft::Result<()> {
        let to = match &*target {
            "all" => cx.all(),
            "others" => cx.broadcast(),
            "others of two" => cx.to("a").to("b"),
            "within two" => cx.within("a").within("b"),
            "others of two without one" => cx.to("a").to("b").except("b"),
            "itself by its id" => cx.within(cx.socket_id()),
            "others of its id" => cx.to(cx.socket_id()),
            "itself" => cx.volatile(),
            "volatile to others" => cx.volatile().to("a"),
            "volatile within" => cx.volatile().within("a"),
            "within without itself" => cx.within("a").except(cx.socket_id()),
            id => cx.to(id),
        };
        to.emit(&target, &1).await
    }
    let module = Module::new("say").on("to", say);
    let server = TestServer::start(App::new().module(rooms()).module(module)).await;
    let (mut clients, ids) = four(&server).await;
    let targets: [(&str, &[usize]); 12] = [
        ("all", &[0, 1, 2, 3]),
        ("others", &[1, 2, 3]),
        ("others of two", &[1, 2]),
        ("within two", &[0, 1, 2]),
        ("others of two without one", &[]),
        ("itself by its id", &[0]),
        ("others of its id", &[]),
        ("itself", &[0]),
        ("volatile to others", &[1]),
        ("volatile within", &[0, 1]),
        ("within without itself", &[1]),
        (&ids[3], &[3]),
    ];
    for (target, hearing) in targets {
        clients[0].call("say.to").data(target).await.data::<()>();
        hear(&mut clients, target, hearing).await;
    }
    assert_eq!(
        clients[0].call("room.rooms").await.data::<Vec<String>>(),
        ["a"],
        "the room of its own id is not listed"
    );
}

/// Says a hundred numbers to all, and keeps its thread for so long, after which it runs apart from the cores.
async fn count(Json(pause): Json<u64>, io: State<Emitter>) -> updraft::Result<()> {
    thread::sleep(Duration::from_millis(pause));
    for number in 0..100 {
        io.of("/").emit("number", &number).await?;
    }
    Ok(())
}

async fn what_is_said_comes_before_the_answer(pause: u64) {
    let server = Local::of(App::new().module(Module::new("say").on("all", count))).await;
    let mut clients = [
        server.client().await,
        server.client().await,
        server.client().await,
    ];
    for speaker in [0, 1, 2, 0, 1, 2] {
        let call = json!({"event": "say.all", "data": pause});
        let call = clients[speaker].begin(&call).await;
        for client in &mut clients {
            for number in 0..100 {
                let event = Packet::Event("number".to_owned(), json!(number), None);
                assert_eq!(client.packet().await, event);
            }
        }
        let answer = Packet::Ack(call, json!({"event": "say.all"}));
        assert_eq!(clients[speaker].packet().await, answer);
    }
}

#[tokio::test]
async fn what_an_emitter_says_in_a_function_comes_before_its_answer() {
    what_is_said_comes_before_the_answer(0).await;
}

#[tokio::test]
async fn what_it_says_apart_from_the_cores_comes_before_the_answer_too() {
    what_is_said_comes_before_the_answer(50).await;
}

#[tokio::test]
async fn more_buffers_than_clients_take_are_refused_where_they_are_emitted() {
    let server = TestServer::start(App::new().module(rooms())).await;
    let mut client = server.connect().await;
    let io = server.emitter();
    let refused = io
        .of("/")
        .emit("bytes", &vec![Bytes::from_static(b"x"); 11])
        .await;
    let error = refused.unwrap_err();
    assert_eq!(error.code(), Code::TooLarge);
    assert_eq!(
        error.message(),
        "11 Buffers in one event or answer: clients take 10"
    );
    io.of("/")
        .emit("bytes", &vec![Bytes::from_static(b"x"); 10])
        .await
        .unwrap();
    let heard = client.next_event().await;
    assert_eq!(heard.data::<Vec<Bytes>>().len(), 10);
}
