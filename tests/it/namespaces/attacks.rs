//! What clients and functions may do at the wrong moment: each time one clear answer, and the connection goes on.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use updraft::{
    App, CallError, Code, Config, Context, Identity, Json, LimitsConfig, Namespace, Result, State,
    testing::TestApp,
};

use crate::{
    faults::{Polling, ask},
    support::{Local, Program, RawClient, within_patience},
};

/// Waits until it is let in.
async fn slow(gate: State<Semaphore>) {
    gate.acquire().await.unwrap().forget();
}

/// `/slow` connects when a call in `/` lets it.
async fn slow_server(config: Config) -> Local {
    let app = App::new()
        .state(Semaphore::new(0))
        .namespace(
            Namespace::new("/")
                .on("open", async |gate: State<Semaphore>| gate.add_permits(1))
                .on("echo", async |data: Json<Value>| data),
        )
        .namespace(
            Namespace::new("/slow")
                .connect(slow)
                .on("echo", async |data: Json<Value>| data),
        );
    Local::start(app, config).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_connect_hook_holds_up_its_own_namespace_alone() {
    let local = slow_server(Config::default()).await;
    let mut client = local.client().await;
    client.send("40/slow,").await;
    client.send(r#"421["echo",1]"#).await;
    assert_eq!(client.text().await, "431[1]");
    client.send(r#"422["open"]"#).await;
    let mut told = [client.text().await, client.text().await];
    told.sort_unstable();
    assert!(told[0].starts_with("40/slow,{"), "{told:?}");
    assert_eq!(told[1], "432[]");
    client.send(r#"42/slow,3["echo",3]"#).await;
    assert_eq!(client.text().await, "43/slow,3[3]");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_to_a_namespace_that_is_being_connected_is_heard_in_its_order() {
    let local = slow_server(Config::default()).await;
    let (mut client, mut other) = (local.client().await, local.client().await);
    client.send("40/slow,").await;
    client.is_read().await;
    // From here on all waits, also what is for others.
    client.send(r#"42/slow,1["echo",1]"#).await;
    client
        .send(r#"452-/slow,2["echo",[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]]"#)
        .await;
    for _ in 0..2 {
        client.send_bytes(b"x").await;
    }
    client.send("40/slow,").await;
    client.send(r#"42/slow,3["echo",3]"#).await;
    client.send(r#"424["echo",4]"#).await;
    other.send(r#"421["open"]"#).await;
    assert_eq!(other.text().await, "431[]");
    assert!(client.text().await.starts_with("40/slow,{"));
    assert_eq!(client.text().await, "43/slow,1[1]");
    assert!(
        client.text().await.starts_with("43/slow,2["),
        "Buffers do not fit there"
    );
    assert_eq!(client.text().await, "43/slow,3[3]");
    assert_eq!(client.text().await, "434[4]");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_while_the_hook_looks_and_comes_again_is_looked_at_again() {
    let local = slow_server(Config::default()).await;
    let (mut client, mut other) = (local.client().await, local.client().await);
    client.send("40/slow,").await;
    client.send("41/slow,").await;
    client.send("40/slow,").await;
    other.send(r#"421["open"]"#).await;
    other.text().await;
    assert!(client.text().await.starts_with("40/slow,{"));
    client.hears_nothing_else().await;
    other.send(r#"422["open"]"#).await;
    other.text().await;
    assert!(client.text().await.starts_with("40/slow,{"));
    client.send(r#"42/slow,1["echo",1]"#).await;
    assert_eq!(client.text().await, "43/slow,1[1]");
    // Packets to a namespace that was left are ignored, and the others go on.
    client.send("41/slow,").await;
    client.send(r#"42/slow,2["echo",2]"#).await;
    assert!(client.is_well().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_that_are_being_connected_count_among_those_of_their_connection() {
    let config = Config {
        limits: LimitsConfig {
            max_namespaces: 4,
            guard_timeout: Duration::from_secs(60),
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    let app = App::new().namespace(
        Namespace::matching("/slow/{number}").connect(async || std::future::pending::<()>().await),
    );
    let local = Local::start(app, config).await;
    let mut client = local.client().await;
    for number in 0..3 {
        client.send(&format!("40/slow/{number},")).await;
    }
    client.send("40/slow/3,").await;
    let told = client.text().await;
    assert!(told.starts_with("44/slow/3,"), "{told}");
    assert!(
        told.contains("too_large") || told.contains("overloaded"),
        "{told}"
    );
    assert!(client.is_well().await);
}

/// A client that is back as soon as it was sent away is there, and not taken for the one that left.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_sent_away_may_be_back_at_once() {
    let local =
        Local::of(App::new().namespace(Namespace::new("/chat").on("echo", async |data: Json<Value>| data)))
            .await;
    let io = local.server.emitter();
    let mut client = local.client().await;
    client.send("40/chat,").await;
    assert!(client.text().await.starts_with("40/chat,{"));
    for number in 0..300 {
        // Whoever is sent away may have been there for the shortest time.
        until_one_is_there(&io).await;
        let away = io.of("/chat");
        let sent_away = tokio::spawn(async move { away.disconnect().await });
        assert_eq!(client.text().await, "41/chat,", "{number}");
        client.send("40/chat,").await;
        let told = within_patience("to be connected", client.text()).await;
        assert!(told.starts_with("40/chat,{"), "{number}: {told}");
        sent_away.await.unwrap().unwrap();
    }
}

async fn until_one_is_there(io: &updraft::Emitter) {
    within_patience("a socket to be there", async {
        while io.of("/chat").sockets().await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

async fn join(Json(room): Json<String>, cx: Context) -> Result<()> {
    cx.join(&room)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_whose_name_is_too_long_is_not_entered() {
    let app = || App::new().namespace(Namespace::new("/").on("join", join));
    let local = Local::of(app()).await;
    let mut client = local.client().await;
    for (length, is_too_long) in [(1024, false), (1025, true), (200_000, true)] {
        let room = "r".repeat(length);
        client.send(&format!(r#"421["join","{room}"]"#)).await;
        let told = client.text().await;
        assert_eq!(told.contains("too_large"), is_too_long, "{length}: {told}");
        assert!(told.len() < 300);
    }
    let io = local.server.emitter();
    let all = io.of("/");
    assert_eq!(
        all.join(&"r".repeat(1025)).await.unwrap_err().code(),
        Code::TooLarge
    );
    assert_eq!(all.sockets().await.unwrap()[0].rooms.len(), 1);
    assert!(client.is_well().await);

    let test = TestApp::start(app()).await;
    let socket = test.connect(Identity::ANONYMOUS);
    let refused = socket.emit("join", "r".repeat(1025)).await;
    assert_eq!(refused.error().code(), Code::TooLarge);
    assert!(socket.rooms().is_empty());
}

/// A function that answers with its caller, in the middle of other calls, and is revoked.
#[tokio::test(flavor = "multi_thread")]
async fn an_identity_that_is_revoked_while_calls_run_ends_its_socket_and_no_other() {
    async fn login(name: String, cx: Context) -> Result<()> {
        cx.identify(Identity::of(name))
    }
    async fn hold(cx: Context, gate: State<Semaphore>) -> Result<Json<Value>> {
        let _ = gate.acquire().await;
        Ok(Json(json!(cx.identity().subject())))
    }
    let app = App::new().state(Semaphore::new(0)).namespace(
        Namespace::new("/")
            .on("login", login)
            .on("hold", hold)
            .on("open", async |gate: State<Semaphore>| gate.close()),
    );
    let local = Local::of(app).await;
    let (mut ada, mut bob) = (local.client().await, local.client().await);
    let login = async |client: &mut RawClient, name: &str| {
        client.send(r#"421["hold"]"#).await;
        client.send(&format!(r#"422["login","{name}"]"#)).await;
        assert_eq!(client.text().await, "432[]");
        client.send(r#"423["hold"]"#).await;
    };
    login(&mut ada, "ada").await;
    login(&mut bob, "bob").await;
    local.server.revoke("ada").await.unwrap();
    let told = ada.text().await;
    assert!(
        told.contains("server.closed") && told.contains("revoked"),
        "{told}"
    );
    bob.send(r#"424["open"]"#).await;
    let mut told = [bob.text().await, bob.text().await, bob.text().await];
    told.sort_unstable();
    assert_eq!(told, [r#"431["bob"]"#, r#"433["bob"]"#, "434[]"]);
    // Neither of her calls is answered.
    while let Some(last) = ada.next().await {
        assert!(!last.to_string().starts_with("43"), "{last}");
    }
}

/// A client that is refused is closed after a while, where it is in no namespace: not while it comes into another.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_by_one_namespace_may_be_connected_to_a_slow_one() {
    async fn refuses() -> Result<()> {
        Err(CallError::new(Code::Forbidden, "no"))
    }
    let app = App::new()
        .namespace(Namespace::new("/refuses").connect(refuses))
        .namespace(
            Namespace::new("/slow").connect(async || tokio::time::sleep(Duration::from_secs(6)).await),
        );
    let local = Local::of(app).await;
    let mut client = RawClient::open(&local.url).await;
    assert!(client.text().await.starts_with("0{"));
    client.send("40/slow,").await;
    client.send("40/refuses,").await;
    assert!(client.text().await.starts_with("44/refuses,{"));
    let told = client.text().await;
    assert!(told.starts_with("40/slow,{"), "{told}");
}

/// CONNECT may be one packet too many for a client that does not read: its session ends, and its core goes on.
#[tokio::test]
async fn who_has_no_room_for_its_connect_is_closed_and_others_are_served() {
    let server = Program::start(&["--cores", "1"]);
    // What its queue takes of refusals, more or less.
    for refusals in 1020..=1026 {
        let client = Polling::open(&server.url, 4).await;
        let packets = [vec!["40/nope,"; refusals], vec!["40"]].concat().join("\x1e");
        let asked = ask(&server.url, "POST", &client.target, "", packets.as_bytes());
        within_patience("it to be read", asked).await;
        let mut other = RawClient::connect(&server.url).await;
        assert!(other.is_well().await, "{refusals}");
    }
}
