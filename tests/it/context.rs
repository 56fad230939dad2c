//! What a function can do with the sockets around it.

use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use updraft::{
    App, Code, Context, Json, Left, Module, Namespace, Result, State,
    testing::{Received, TestClient, TestServer},
};

use crate::support::{Local, PATIENCE, until_async, within_patience};

async fn server_with(module: Module) -> TestServer {
    TestServer::start(App::new().module(module)).await
}

/// The next event, which wants an ack.
async fn question(client: &mut TestClient) -> Received {
    let asked = client.next_event().await;
    assert!(asked.name == "question" && asked.wants_ack(), "{asked}");
    asked
}

#[tokio::test]
async fn a_function_asks_its_caller_and_gets_the_answer() {
    async fn ask(cx: Context) -> Result<String> {
        cx.emit_with_ack("question", "your name?", PATIENCE).await
    }
    let server = server_with(Module::new("ask").on("name", ask)).await;
    let mut client = server.connect().await;
    let call = client.begin("ask.name", ()).await;
    let asked = question(&mut client).await;
    assert_eq!(asked.data::<String>(), "your name?");
    client.ack(&asked, "Ada").await;
    assert_eq!(client.answer(call).await.data::<String>(), "Ada");

    client.respond("question", |_| json!(["no", "text"]));
    let answer = client.call("ask.name").await;
    assert_eq!(answer.error().code(), Code::InvalidData);
    client.received_nothing_else().await;
}

#[tokio::test]
async fn a_caller_who_does_not_answer_is_not_waited_for_longer_than_said() {
    async fn ask(cx: Context) -> Result<String> {
        let wait = Duration::from_millis(20);
        cx.emit_with_ack("question", "your name?", wait).await
    }
    let server = server_with(Module::new("ask").on("name", ask)).await;
    let mut client = server.connect().await;
    let answer = client.call("ask.name").await;
    assert_eq!(answer.error().code(), Code::Timeout);
    question(&mut client).await;
    client.received_nothing_else().await;
}

#[tokio::test]
async fn a_question_comes_after_what_was_said_before_it() {
    async fn ask(cx: Context) -> Result<u32> {
        for number in 0..1000 {
            cx.emit("message", &number).await?;
        }
        cx.emit_with_ack("question", "heard all?", PATIENCE).await
    }
    let server = server_with(Module::new("ask").on("all", async |cx: Context| ask(cx).await.map(Json))).await;
    let mut client = server.connect().await;
    let call = client.begin("ask.all", ()).await;
    for number in 0..1000 {
        let received = client.next_event().await;
        assert_eq!((&*received.name, received.data::<u32>()), ("message", number));
    }
    let asked = question(&mut client).await;
    client.ack(&asked, 1000).await;
    assert_eq!(client.answer(call).await.data::<u32>(), 1000);
}

#[tokio::test]
async fn a_room_is_asked_and_each_answers_for_itself() {
    async fn ask(cx: Context) -> Result<Json<Vec<String>>> {
        let room = cx.within("room");
        let answers = room.emit_with_ack::<String>("question", "who?", Duration::from_secs(6));
        let answers = answers.await?.into_iter().map(|ack| match ack.result {
            Ok(name) => name,
            Err(error) if error.code() == Code::Timeout => "silence".to_owned(),
            Err(error) => error.to_string(),
        });
        Ok(Json(answers.collect()))
    }
    let join = async |cx: Context| cx.join("room");
    let server = server_with(Module::new("room").on("join", join).on("ask", ask)).await;
    let (mut ada, mut bob, mut eve) = (
        server.connect().await,
        server.connect().await,
        server.connect().await,
    );
    for client in [&mut ada, &mut bob, &mut eve] {
        client.call("room.join").await.data::<()>();
    }
    let mut names = Vec::new();
    // Where others work too, an ack may come too late: then all are asked again.
    until_async("two to ack in time", async || {
        let call = ada.begin("room.ask", ()).await;
        for (client, name) in [(&mut ada, "Ada"), (&mut bob, "Bob")] {
            let asked = question(client).await;
            client.ack(&asked, name).await;
        }
        let _never_acked = question(&mut eve).await;
        names = ada.answer(call).await.data::<Vec<String>>();
        assert_eq!(names.len(), 3, "{names:?}");
        names.iter().filter(|name| *name == "silence").count() == 1
    })
    .await;
    assert_eq!(names.pop().as_deref(), Some("silence"));
    names.sort_unstable();
    assert_eq!(names, ["Ada", "Bob"]);
}

#[tokio::test]
async fn a_value_stays_with_its_socket() {
    struct Calls(u32);
    async fn count(cx: Context) -> Json<u32> {
        let calls = cx.socket_data::<Calls>().map_or(1, |calls| calls.0 + 1);
        cx.set_socket_data(Calls(calls));
        Json(calls)
    }
    let server = server_with(Module::new("calls").on("count", count)).await;
    let (mut ada, mut bob) = (server.connect().await, server.connect().await);
    for number in 1..=3 {
        assert_eq!(ada.call("calls.count").await.data::<u32>(), number);
    }
    assert_eq!(bob.call("calls.count").await.data::<u32>(), 1);
}

#[tokio::test]
async fn a_socket_has_a_public_id_that_gives_nothing_away() {
    let id = async |cx: Context| cx.socket_id().to_string();
    let server = Local::of(App::new().module(Module::new("my").on("id", id))).await;
    let (mut ada, mut bob) = (server.client().await, server.client().await);
    let call = json!({"event": "my.id"});
    let public = ada.call(&call).await["data"].as_str().unwrap().to_owned();
    assert_eq!(public.len(), 20);
    assert_eq!(ada.call(&call).await["data"], public, "it stays");
    assert_ne!(bob.call(&call).await["data"], public);
    let [secret, told] = &ada.session_ids[..] else {
        panic!("the session's id, and the socket's");
    };
    assert_eq!(
        told, &public,
        "the id that a client has of itself names its socket"
    );
    assert_ne!(secret, &public);
    assert!(secret.len() >= 20, "120 bits in base64");
}

#[tokio::test]
async fn a_function_learns_that_its_caller_is_gone() {
    async fn wait(cx: Context, seen: State<UnboundedSender<String>>) -> Result<()> {
        seen.send(format!("waits, gone: {}", cx.is_cancelled()))?;
        cx.cancelled().await;
        seen.send(format!("ends, gone: {}", cx.is_cancelled()))?;
        Ok(())
    }
    let (sender, mut seen) = unbounded_channel::<String>();
    let module = Module::new("long").on("wait", wait);
    let server = Local::of(App::new().state(sender).module(module)).await;
    for leaves_with in ["a packet", "its connection"] {
        let mut client = server.client().await;
        client.begin(&json!({"event": "long.wait"})).await;
        let next = within_patience("the function to start", seen.recv()).await;
        assert_eq!(next.unwrap(), "waits, gone: false");
        if leaves_with == "a packet" {
            client.send("41").await;
        } else {
            drop(client);
        }
        let next = within_patience("the function to end", seen.recv()).await;
        assert_eq!(
            next.unwrap(),
            "ends, gone: true",
            "the client left with {leaves_with}"
        );
    }
}

#[tokio::test]
async fn others_are_spoken_to_without_oneself() {
    let module = Module::new("room")
        .on("join", async |cx: Context| cx.join("room"))
        .on("rooms", async |cx: Context| Json(cx.rooms()))
        .on("to", async |cx: Context| {
            cx.to("room").emit("message", "to").await
        })
        .on("within", async |cx: Context| {
            cx.within("room").emit("message", "within").await
        })
        .on("broadcast", async |cx: Context| {
            cx.broadcast().emit("message", "all").await
        });
    let server = server_with(module).await;
    let (mut ada, mut bob, mut eve) = (
        server.connect().await,
        server.connect().await,
        server.connect().await,
    );
    for client in [&mut ada, &mut bob] {
        client.call("room.join").await.data::<()>();
    }
    assert_eq!(ada.call("room.rooms").await.data::<Vec<String>>(), ["room"]);
    assert!(eve.call("room.rooms").await.data::<Vec<String>>().is_empty());

    // From inside the room; Eve is outside.
    for (function, word, ada_hears, eve_hears) in [
        ("room.to", "to", false, false),
        ("room.within", "within", true, false),
        ("room.broadcast", "all", false, true),
    ] {
        ada.call(function).await.data::<()>();
        if ada_hears {
            assert_eq!(ada.next_event().await.data::<String>(), word);
        }
        assert_eq!(bob.next_event().await.data::<String>(), word);
        if eve_hears {
            assert_eq!(eve.next_event().await.data::<String>(), word);
        }
        for client in [&mut ada, &mut bob, &mut eve] {
            client.received_nothing_else().await;
        }
    }

    // From outside: within is heard in the room, and not by the caller.
    for function in ["to", "within"] {
        eve.call(&format!("room.{function}")).await.data::<()>();
        assert_eq!(ada.next_event().await.data::<String>(), function);
        assert_eq!(bob.next_event().await.data::<String>(), function);
        eve.received_nothing_else().await;
    }
}

#[tokio::test]
async fn a_thread_of_the_app_disconnects_a_socket() {
    async fn hand_over(cx: Context) {
        std::thread::spawn(move || {
            cx.join("lobby").unwrap();
            cx.leave("lobby");
            cx.disconnect();
        });
    }
    async fn tell(left: Left, gone: State<UnboundedSender<String>>) {
        gone.send(left.reason().to_owned()).unwrap();
    }
    let (gone, mut are_gone) = unbounded_channel::<String>();
    let root = Namespace::new("/").disconnect(tell);
    let module = Module::new("thread").on("disconnect", hand_over);
    let app = App::new().state(gone).namespace(root).module(module);
    let local = Local::of(app).await;
    let mut client = local.client().await;
    client.begin(&json!({"event": "thread.disconnect"})).await;
    within_patience("the DISCONNECT", async { while client.text().await != "41" {} }).await;
    let reason = within_patience("the hook", are_gone.recv()).await;
    assert_eq!(reason.as_deref(), Some("server namespace disconnect"));
}
