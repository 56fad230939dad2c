//! Clients that come and go: hooks that look at them, refuse them, panic and hang; each time one clear answer.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};
use updraft::{
    App, Args, CallError, Code, Config, Context, Handshake, HttpConfig, Json, Left, LimitsConfig, Namespace,
    Result, State,
};

use crate::support::{Local, RawClient, until, within_patience};

/// What hooks saw.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Value>>>);

impl Seen {
    fn add(&self, value: Value) {
        self.0.lock().unwrap().push(value);
    }

    fn all(&self) -> Vec<Value> {
        self.0.lock().unwrap().clone()
    }
}

fn of(hello: &Handshake) -> Value {
    json!({
        "auth": hello.auth(),
        "room": hello.query("room"),
        "agent": hello.header("user-agent"),
        "sid": hello.cookie("sid"),
        "other": hello.cookie("other"),
        "address": hello.address(),
        "secure": hello.is_secure(),
        "recent": hello.time() <= SystemTime::now(),
    })
}

/// The first packet of the namespace, of a client that has these headers.
async fn connected(url: &str, headers: &[(&'static str, &str)], connect: &str) -> String {
    let url = format!(
        "{}/socket.io/?EIO=4&transport=websocket&room=a%20b",
        url.replace("http", "ws")
    );
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let (mut socket, _) = connect_async(request).await.unwrap();
    socket.send(Message::text(connect)).await.unwrap();
    within_patience("an answer to CONNECT", async {
        loop {
            let text = socket.next().await.unwrap().unwrap().into_text().unwrap();
            if text.starts_with('4') {
                return text.as_str().to_owned();
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_sees_how_a_client_came() {
    let seen = Seen::default();
    async fn arrived(hello: Handshake, seen: State<Seen>) {
        seen.add(of(&hello));
    }
    let app = App::new()
        .state(seen.clone())
        .namespace(Namespace::new("/chat").connect(arrived));
    let config = Config {
        http: HttpConfig {
            trusted_proxies: vec!["127.0.0.1".parse::<IpAddr>().unwrap().into()],
            ..HttpConfig::default()
        },
        ..Config::default()
    };
    let local = Local::start(app, config).await;
    let headers = [
        ("user-agent", "a test"),
        ("cookie", "other=1; sid=s3cr=t"),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-proto", "https"),
    ];
    let connected = connected(&local.url, &headers, r#"40/chat,{"token":"x"}"#).await;
    assert!(connected.starts_with("40/chat,"), "{connected}");
    let expected = json!({
        "auth": {"token": "x"}, "room": "a b", "agent": "a test", "sid": "s3cr=t", "other": "1",
        "address": "192.0.2.7", "secure": true, "recent": true,
    });
    assert_eq!(seen.all(), [expected]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxy_says_that_nobody_trusts_does_not_count() {
    let seen = Seen::default();
    async fn arrived(hello: Handshake, seen: State<Seen>) {
        seen.add(json!([hello.address(), hello.is_secure()]));
    }
    let app = App::new()
        .state(seen.clone())
        .namespace(Namespace::new("/").connect(arrived));
    let local = Local::of(app).await;
    let headers = [("x-forwarded-for", "192.0.2.7"), ("x-forwarded-proto", "https")];
    connected(&local.url, &headers, "40").await;
    assert_eq!(seen.all(), [json!([IpAddr::V4(Ipv4Addr::LOCALHOST), false])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_may_take_the_handshake_too() {
    async fn mine(hello: Handshake) -> Json<Value> {
        Json(hello.auth().clone())
    }
    let local = Local::of(App::new().namespace(Namespace::new("/chat").on("mine", mine))).await;
    let mut client = local.client().await;
    client.send(r#"40/chat,{"name":"ada"}"#).await;
    client.text().await;
    client.send(r#"42/chat,1["mine"]"#).await;
    assert_eq!(client.text().await, r#"43/chat,1[{"name":"ada"}]"#);
}

/// A hook for each kind of trouble.
fn trouble() -> App {
    App::new()
        .namespace(Namespace::new("/panics").connect(async || assert_eq!(1, 2, "at the disco")))
        .namespace(Namespace::new("/hangs").connect(async || std::future::pending::<()>().await))
        .namespace(
            Namespace::new("/refuses")
                .connect(async || Err::<(), _>(CallError::new(Code::Unauthenticated, "who are you?"))),
        )
        .namespace(Namespace::new("/leaves").connect(async |cx: Context| cx.disconnect()))
        .namespace(
            Namespace::new("/talks").connect(async |cx: Context| -> Result<()> {
                for number in 0..2000 {
                    cx.emit("number", &number).await?;
                }
                Ok(())
            }),
        )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_fails_refuses_its_client_and_no_other() {
    let config = Config {
        limits: LimitsConfig {
            guard_timeout: Duration::from_millis(50),
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    let local = Local::start(trouble(), config).await;
    let mut client = local.client().await;
    for (namespace, code) in [
        ("/panics", "internal"),
        ("/hangs", "timeout"),
        ("/refuses", "unauthenticated"),
        ("/leaves", "forbidden"),
        ("/talks", "unavailable"),
    ] {
        client.send(&format!("40{namespace},")).await;
        let told = client.text().await;
        let json = told.strip_prefix(&format!("44{namespace},"));
        let refusal: Value = serde_json::from_str(json.unwrap_or_else(|| panic!("{told}"))).unwrap();
        assert_eq!(refusal["data"]["code"], code, "{told}");
        assert_eq!(refusal["data"]["message"], refusal["message"], "{told}");
        assert!(!told.contains("disco"), "{told}");
        // Nothing there is heard, and the other namespace goes on.
        client.send(&format!(r#"42{namespace},1["x"]"#)).await;
        assert!(client.is_well().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_left_is_told_of_once_with_its_reason_and_rooms() {
    let seen = Seen::default();
    async fn left(left: Left, cx: Context, seen: State<Seen>) {
        seen.add(json!([cx.namespace(), left.reason(), left.rooms()]));
    }
    let chat = |name: &str| {
        Namespace::new(name)
            .connect(async |cx: Context| cx.join("lobby"))
            .disconnect(left)
            .on("leave", async |cx: Context| cx.disconnect())
    };
    let app = App::new()
        .state(seen.clone())
        .namespace(chat("/a"))
        .namespace(chat("/b"));
    let local = Local::of(app).await;
    let join = async |client: &mut RawClient| {
        for namespace in ["/a", "/b"] {
            client.send(&format!("40{namespace},")).await;
            client.text().await;
        }
    };
    let mut client = local.client().await;
    join(&mut client).await;
    client.send("41/a,").await;
    until("one to be told of", || seen.all().len() == 1).await;
    client.send(r#"42/b,["leave"]"#).await;
    assert_eq!(client.text().await, "41/b,");
    until("another to be told of", || seen.all().len() == 2).await;
    join(&mut client).await;
    drop(client);
    until("both to be told of", || seen.all().len() == 4).await;
    let mut last = local.client().await;
    join(&mut last).await;
    // A server that stops waits for what hooks do.
    local.server.stop().await;
    let seen = seen.all();
    assert_eq!(seen[0], json!(["/a", "client namespace disconnect", ["lobby"]]));
    assert_eq!(seen[1], json!(["/b", "server namespace disconnect", ["lobby"]]));
    let ends = |reason: &str| seen.iter().filter(|one| one[1] == reason).count();
    assert_eq!(
        (
            ends("transport close") + ends("transport error"),
            ends("server shutting down")
        ),
        (2, 2),
        "{seen:?}"
    );
    assert_eq!(seen.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hook_says_comes_behind_the_connection_and_in_order() {
    async fn arrived(cx: Context) -> Result<()> {
        cx.join("lobby")?;
        cx.emit("first", &Args((1, "one"))).await?;
        cx.within("lobby").emit("second", &2).await
    }
    let local = Local::of(App::new().namespace(Namespace::new("/chat").connect(arrived))).await;
    let mut client = local.client().await;
    client.send("40/chat,").await;
    assert!(client.text().await.starts_with("40/chat,{"));
    assert_eq!(client.text().await, r#"42/chat,["first",1,"one"]"#);
    assert_eq!(client.text().await, r#"42/chat,["second",2]"#);
}
