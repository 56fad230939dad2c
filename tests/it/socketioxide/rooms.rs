//! Rooms are the server's: functions, and handlers of one's own, speak to the same.

use std::time::Duration;

use serde_json::json;
use updraft::{App, Code, Config, Context, Json, LimitsConfig, Module, Result, State, testing::TestClient};

use super::{Served, room, serve};
use crate::support::{PATIENCE, RawClient};

async fn connect(server: &Served) -> TestClient {
    TestClient::connect(&server.url, ()).await
}

#[tokio::test]
async fn the_server_speaks_to_a_room_that_functions_joined() {
    let server = serve(App::new().module(room()), Config::default()).await;
    let (mut ada, mut bob) = (connect(&server).await, connect(&server).await);
    ada.call("api.room.join")
        .data(json!({"room": "board"}))
        .await
        .data::<()>();
    server
        .io
        .to("board")
        .emit("message", "to the room")
        .await
        .unwrap();
    server.io.emit("message", "to all").await.unwrap();
    assert_eq!(ada.next_event().await.data::<String>(), "to the room");
    assert_eq!(ada.next_event().await.data::<String>(), "to all");
    assert_eq!(bob.next_event().await.data::<String>(), "to all");
}

#[tokio::test]
async fn each_target_hears_what_it_should() {
    async fn say(Json(to): Json<String>, cx: Context) -> Result<()> {
        match &*to {
            "others" => cx.broadcast().emit("message", &to).await,
            "to" => cx.to("room").emit("message", &to).await,
            "within" => cx.within("room").emit("message", &to).await,
            _ => cx.emit("message", &to).await,
        }
    }
    let module = Module::new("my")
        .on("say", say)
        .on("join", async |cx: Context| cx.join("room"));
    let server = serve(App::new().module(module), Config::default()).await;
    let (mut ada, mut bob, mut eve) = (
        connect(&server).await,
        connect(&server).await,
        connect(&server).await,
    );
    for client in [&mut ada, &mut bob] {
        client.call("my.join").await.data::<()>();
    }
    for to in ["others", "to", "within", "own"] {
        ada.call("my.say").data(to).await.data::<()>();
    }
    for (client, heard) in [
        (&mut ada, &["within", "own"][..]),
        (&mut bob, &["others", "to", "within"]),
        (&mut eve, &["others"]),
    ] {
        for to in heard {
            assert_eq!(client.next_event().await.data::<String>(), *to);
        }
        client.received_nothing_else().await;
    }
}

#[tokio::test]
async fn a_room_is_asked_and_each_answers_for_itself() {
    async fn ask(cx: Context) -> Result<Json<Vec<String>>> {
        let room = cx.within("room");
        let answers = room.emit_with_ack::<String>("question", "who?", Duration::from_secs(6));
        let answers = answers.await?.into_iter().map(|ack| match ack.result {
            Ok(name) => name,
            Err(error) => error.code().as_str().to_owned(),
        });
        Ok(Json(answers.collect()))
    }
    async fn name(cx: Context) -> Result<String> {
        cx.emit_with_ack("question", "your name?", PATIENCE).await
    }
    let module = Module::new("room")
        .on("join", async |cx: Context| cx.join("room"))
        .on("ask", ask)
        .on("name", name);
    let server = serve(App::new().module(module), Config::default()).await;
    let (mut ada, mut bob, mut eve) = (
        connect(&server).await,
        connect(&server).await,
        connect(&server).await,
    );
    for client in [&mut ada, &mut bob, &mut eve] {
        client.call("room.join").await.data::<()>();
    }
    let call = ada.begin("room.ask", ()).await;
    for (client, name) in [(&mut ada, "Ada"), (&mut bob, "Bob")] {
        let asked = client.event("question").await;
        client.ack(&asked, name).await;
    }
    let mut names = ada.answer(call).await.data::<Vec<String>>();
    assert_eq!(names.pop().as_deref(), Some(Code::Timeout.as_str()));
    names.sort_unstable();
    assert_eq!(names, ["Ada", "Bob"]);

    let call = bob.begin("room.name", ()).await;
    let asked = bob.event("question").await;
    bob.ack(&asked, "Bob").await;
    assert_eq!(bob.answer(call).await.data::<String>(), "Bob");
}

#[tokio::test]
async fn rooms_are_bounded_and_values_stay_with_their_socket() {
    struct Calls(u32);
    async fn join(Json(number): Json<u32>, cx: Context) -> Result<Json<u32>> {
        cx.join(&format!("room {number}"))?;
        let calls = cx.socket_data::<Calls>().map_or(1, |calls| calls.0 + 1);
        cx.set_socket_data(Calls(calls));
        Ok(Json(calls))
    }
    let config = Config {
        limits: LimitsConfig {
            max_rooms: 2,
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    let server = serve(App::new().module(Module::new("my").on("join", join)), config).await;
    let mut ada = connect(&server).await;
    for (number, calls) in [(1, 1), (2, 2), (2, 3)] {
        assert_eq!(ada.call("my.join").data(number).await.data::<u32>(), calls);
    }
    assert_eq!(ada.call("my.join").data(3).await.error().code(), Code::TooLarge);
}

#[tokio::test]
async fn a_public_id_gives_nothing_away_and_each_namespace_has_its_own() {
    async fn id(names: State<updraft::EventNames>, cx: Context) -> String {
        assert_eq!(names.iter().count(), 2);
        cx.socket_id().to_string()
    }
    let server = serve(
        App::new().module(Module::new("my").on("id", id)),
        Config::default(),
    )
    .await;
    let mut client = RawClient::connect(&server.url).await;
    let public = client.call(&json!({"event": "my.id"})).await["data"].clone();
    assert_eq!(public.as_str().unwrap().len(), 20);
    assert!(!client.session_ids.iter().any(|id| public == **id));
    client.send("40/chat,").await;
    assert!(client.text().await.starts_with("40/chat,"));
    client.send(r#"42/chat,5["event",["my.id"]]"#).await;
    let other = client.text().await;
    let other = other.strip_prefix("43/chat,5").unwrap();
    let other: serde_json::Value = serde_json::from_str(other).unwrap();
    assert_ne!(other[0]["data"], public);
    assert_eq!(server.namespace.events().len(), 2);
}
