//! Sockets that are moved, disconnected and listed from outside their calls.

use serde_json::json;
use updraft::{
    App, Code, Config, Context, Credentials, Emitter, Identity, Json, LimitsConfig, Module, Result, State,
    testing::{TestApp, TestServer},
};

use super::{Seat, rooms, sit};
use crate::support::{Local, Packet, until_async};

/// So many events that some are still on their way when the next thing is said.
const MANY: u32 = 2000;

/// An app in which each client is the one that it says it is.
fn app() -> App {
    async fn welcome(credentials: Credentials) -> Result<Identity> {
        Ok(credentials.token().map_or(Identity::ANONYMOUS, Identity::of))
    }
    App::new().authenticate(welcome).module(rooms().on("sit", sit))
}

#[tokio::test]
async fn sockets_are_listed_with_their_rooms_identity_and_data() {
    let server = TestServer::start(app()).await;
    let mut ada = server.connect_with(json!({"token": "ada"})).await;
    let mut bob = server.connect_with(json!({"token": "bob"})).await;
    let mut ids = Vec::new();
    for (client, seat) in [(&mut ada, 1), (&mut bob, 2)] {
        client.call("room.join").data("lobby").await.data::<()>();
        client.call("room.sit").data(seat).await.data::<()>();
        ids.push(client.call("room.id").await.data::<String>());
    }
    ada.call("room.join").data("aisle").await.data::<()>();
    let io = server.emitter();
    let mut listed = io.of("/").within("lobby").sockets().await.unwrap();
    listed.sort_by_key(|socket| ids.iter().position(|id| id == socket.id.as_str()));
    let [first, second] = &listed[..] else {
        panic!("two are in the lobby, not {listed:?}");
    };
    assert_eq!((first.id.as_str(), second.id.as_str()), (&*ids[0], &*ids[1]));
    assert_eq!(first.rooms, ["aisle", "lobby"]);
    assert_eq!(second.rooms, ["lobby"]);
    assert_eq!(first.identity.subject(), Some("ada"));
    assert_eq!(second.data::<Seat>().as_deref(), Some(&Seat(2)));
    assert!(second.data::<String>().is_none());
    for (target, many) in [
        (io.of("/"), 2),
        (io.of("/").except("aisle"), 1),
        (io.socket(&ids[1]), 1),
        (io.of("/").to("nowhere"), 0),
        (io.of("/nobody"), 0),
    ] {
        assert_eq!(target.sockets().await.unwrap().len(), many, "{target:?}");
    }
    bob.close().await;
    let lobby = io.of("/").to("lobby");
    until_async("Bob to be gone", async || {
        lobby.sockets().await.unwrap().len() == 1
    })
    .await;
}

#[tokio::test]
async fn sockets_enter_and_leave_rooms_within_their_bounds() {
    let config = Config {
        limits: LimitsConfig {
            max_rooms: 2,
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    let server = TestServer::start(app().config(config)).await;
    let [mut ada, mut bob] = [server.connect().await, server.connect().await];
    for room in ["red", "full"] {
        ada.call("room.join").data(room).await.data::<()>();
    }
    bob.call("room.join").data("red").await.data::<()>();
    let io = server.emitter();
    let refused = io.of("/").within("red").join("blue").await.unwrap_err();
    assert_eq!(refused.code(), Code::TooLarge, "Ada is in as many as she may be");
    assert_eq!(
        bob.call("room.rooms").await.data::<Vec<String>>(),
        ["blue", "red"]
    );
    io.of("/").leave("red").await.unwrap();
    io.of("/").to("nowhere").join("green").await.unwrap();
    io.of("/").to("blue").emit("blue", &1).await.unwrap();
    io.of("/").to("red").emit("red", &1).await.unwrap();
    assert_eq!(bob.next_event().await.name, "blue");
    for client in [&mut ada, &mut bob] {
        client.received_nothing_else().await;
    }
    assert_eq!(ada.call("room.rooms").await.data::<Vec<String>>(), ["full"]);
}

#[tokio::test]
async fn a_room_is_disconnected_after_what_was_said_to_it_and_may_come_back() {
    let server = Local::of(app()).await;
    let mut clients = [
        server.client().await,
        server.client().await,
        server.client().await,
    ];
    for client in &mut clients[..2] {
        client
            .call(&json!({"event": "room.join", "data": "user:7"}))
            .await;
    }
    let io = server.server.emitter();
    for number in 0..MANY {
        io.of("/").within("user:7").emit("bye", &number).await.unwrap();
    }
    io.of("/").within("user:7").disconnect().await.unwrap();
    io.of("/").emit("later", &()).await.unwrap();
    assert_eq!(io.of("/").sockets().await.unwrap().len(), 1);
    let [ada, bob, outside] = &mut clients;
    for client in [&mut *ada, &mut *bob] {
        for number in 0..MANY {
            let bye = Packet::Event("bye".to_owned(), json!(number), None);
            assert_eq!(client.packet().await, bye);
        }
        assert_eq!(client.text().await, "41", "and that is the last");
    }
    // Calls of the socket that is gone are dropped; the session may connect again, as another socket.
    ada.send(r#"421["event",{"event":"room.rooms"}]"#).await;
    ada.send("40").await;
    let connected = ada.text().await;
    assert!(connected.starts_with(r#"40{"sid":"#), "{connected}");
    assert!(ada.is_well().await);
    let rooms = ada.call(&json!({"event": "room.rooms"})).await;
    assert_eq!(rooms["data"], json!([]));
    assert_eq!(
        outside.packet().await,
        Packet::Event("later".to_owned(), json!(null), None)
    );
}

#[tokio::test]
async fn a_function_moves_lists_and_disconnects_others() {
    async fn kick(id: String, cx: Context) -> Result<Json<usize>> {
        cx.to("lobby").join("kicked").await?;
        cx.to(&id).disconnect().await?;
        Ok(Json(cx.within("lobby").sockets().await?.len()))
    }
    let server = TestServer::start(app().module(Module::new("admin").on("kick", kick))).await;
    let [mut ada, mut bob, mut eve] = [
        server.connect().await,
        server.connect().await,
        server.connect().await,
    ];
    for client in [&mut ada, &mut bob, &mut eve] {
        client.call("room.join").data("lobby").await.data::<()>();
    }
    let id = bob.call("room.id").await.data::<String>();
    assert_eq!(ada.call("admin.kick").data(id).await.data::<usize>(), 2);
    bob.closed().await;
    assert_eq!(ada.call("room.rooms").await.data::<Vec<String>>(), ["lobby"]);
    assert_eq!(
        eve.call("room.rooms").await.data::<Vec<String>>(),
        ["kicked", "lobby"]
    );
}

#[tokio::test]
async fn a_test_without_a_network_has_the_same_emitter() {
    async fn close(io: State<Emitter>) -> Result<()> {
        let lobby = io.of("/").to("lobby").except("staff");
        lobby.emit("closing", &1).await?;
        let acks = lobby
            .emit_with_ack::<bool>("leave?", &(), std::time::Duration::from_secs(5))
            .await?;
        for ack in acks.iter().filter(|ack| ack.result == Ok(true)) {
            io.socket(&ack.socket).disconnect().await?;
        }
        io.of("/").join("night").await
    }
    let app = TestApp::start(app().module(Module::new("shop").on("close", close))).await;
    let [ada, bob, eve] = ["ada", "bob", "eve"].map(|name| app.connect(Identity::of(name)));
    for (socket, room) in [(&ada, "lobby"), (&bob, "lobby"), (&bob, "staff"), (&eve, "lobby")] {
        socket.call("room.join").data(room).await.data::<()>();
    }
    ada.respond("leave?", |_| json!(true));
    eve.respond("leave?", |_| json!(false));
    bob.call("shop.close").await.data::<()>();
    assert_eq!(app.emitted()[0].by, None, "no function's socket");
    assert_eq!(eve.next_event().await.name, "closing");
    bob.received_nothing_else();
    assert!(!ada.is_connected() && bob.is_connected());
    assert_eq!(eve.rooms(), ["lobby", "night"]);
    let listed = app.emitter().of("/").within("night").sockets().await.unwrap();
    let mut known: Vec<_> = listed
        .iter()
        .filter_map(|socket| socket.identity.subject())
        .collect();
    known.sort_unstable();
    assert_eq!(known, ["bob", "eve"]);
    assert!(app.emitter().of("/elsewhere").sockets().await.unwrap().is_empty());
}
