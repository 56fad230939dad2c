//! The fields of each message of the server, as the book's page of wire messages has them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::{Stream, stream};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use updraft::{
    App, AuthConfig, CallError, Code, Config, Context, Event, Frames, Incoming, Json, Module, Result,
    SessionConfig, Topic, everyone,
};

use crate::support::{Local, Packet, RawClient};

const SECRET: &str = "a secret of this story that is long enough to be one";

/// Which fields a message has: by each name whether it always has it.
type Shape = BTreeMap<String, bool>;

/// A tombstone and another event of a topic bear names of the app's own.
const PUBLISHED: &str = "what was published";
const ENDED: &str = "a tombstone";

/// A row's first cell, as in `{event: "topic.live", topic, epoch, seq}` or `{event, topic, key?, data: {min}}`, with what it stands for.
fn shape(cell: &str) -> Option<(String, Shape)> {
    let fields = cell.trim().strip_prefix("`{")?.strip_suffix("}`")?;
    let mut shape = Shape::new();
    let mut name = None;
    for field in fields.split(", ") {
        let (field, value) = field
            .split_once(": ")
            .map_or((field, None), |(field, value)| (field, Some(value)));
        match (field, value) {
            ("event", Some(value)) => name = Some(value.trim_matches('"').to_owned()),
            ("deleted", Some(_)) if name.is_none() => name = Some(ENDED.to_owned()),
            _ => {}
        }
        let inner = value.and_then(|value| value.strip_prefix('{')?.strip_suffix('}'));
        shape.extend(inner.map(|inner| (format!("{field}.{inner}"), true)));
        shape.insert(field.trim_end_matches('?').to_owned(), !field.ends_with('?'));
    }
    Some((name.unwrap_or_else(|| PUBLISHED.to_owned()), shape))
}

/// The messages of the page that are emitted as `event`.
fn documented() -> BTreeMap<String, Shape> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/wire.md");
    let page = fs::read_to_string(path).unwrap();
    let (_, section) = page.split_once("## Server to client").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| "));
    rows.filter_map(|row| shape(row.split(" | ").next().unwrap()))
        .collect()
}

/// What clients heard: of each message the fields that it had each time.
#[derive(Default)]
struct Heard(BTreeMap<String, Vec<BTreeSet<String>>>);

impl Heard {
    fn note(&mut self, message: &Value) {
        let fields = message.as_object().unwrap();
        let mut names: BTreeSet<String> = fields.keys().cloned().collect();
        let event = message["event"].as_str().unwrap();
        let of_the_server = ["topic.", "presence.", "stream.", "server."];
        let name = match message.get("deleted") {
            _ if of_the_server.iter().any(|start| event.starts_with(start)) => event,
            Some(_) => ENDED,
            None => PUBLISHED,
        };
        if name == "server.reload" {
            let inner = fields["data"].as_object().unwrap().keys();
            names.extend(inner.map(|field| format!("data.{field}")));
        }
        self.0.entry(name.to_owned()).or_default().push(names);
    }

    /// Reads until a message of this name has come.
    async fn up_to(&mut self, client: &mut RawClient, name: &str) -> Value {
        loop {
            if let Packet::Event(event, message, _) = client.packet().await {
                assert_eq!(event, "event", "{message}");
                self.note(&message);
                if message["event"] == name {
                    return message;
                }
            }
        }
    }
}

async fn publish(cx: Context) -> Result<()> {
    let news = cx.topic("news");
    news.publish(Event::new("news.said").data(&1)?).await?;
    news.publish(Event::new("news.set").key("a").data(&2)?).await?;
    news.publish(Event::tombstone("news.unset", "a")).await?;
    Ok(())
}

async fn enter(cx: Context) -> Result<()> {
    cx.presence("here").enter(&"ada").await
}

async fn leave(cx: Context) -> Result<()> {
    cx.presence("here").leave().await
}

async fn one() -> Frames<impl Stream<Item = Json<u64>>> {
    Frames(stream::iter([Json(1)]))
}

async fn none() -> Frames<impl Stream<Item = Result<Json<u64>>>> {
    Frames(stream::iter([Err(CallError::new(
        Code::InvalidData,
        "there is none",
    ))]))
}

async fn take(mut frames: Incoming<Json<u64>>) -> Result<()> {
    while let Some(frame) = frames.next().await {
        frame?;
    }
    Ok(())
}

async fn serve() -> Local {
    let module = Module::new("api.wire")
        .on("publish", publish)
        .on("enter", enter)
        .on("leave", leave)
        .on("one", one)
        .on("none", none)
        .on("take", take);
    let app = App::new()
        .topic(Topic::new("news").readable_by(everyone))
        .presence(Topic::new("here").readable_by(everyone))
        .module(module);
    let config = Config {
        auth: AuthConfig {
            secrets: vec![SECRET.into()],
            leeway: Duration::ZERO,
            ..AuthConfig::default()
        },
        session: SessionConfig {
            min_client: Some("2.0.0".parse().unwrap()),
            ..SessionConfig::default()
        },
        ..Config::default()
    };
    Local::start(app, config).await
}

/// A token that holds for so many seconds.
fn token(seconds: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(
        &Header::default(),
        &json!({"sub": "ada", "exp": now + seconds}),
        &key,
    )
    .unwrap()
}

async fn connect(local: &Local, seconds: u64, topics: Value) -> RawClient {
    let handshake = json!({"token": token(seconds), "version": "1.0.0", "topics": topics});
    RawClient::connect_with(&local.url, &handshake).await
}

/// Topics and presence, those that are refused among them.
async fn reads(heard: &mut Heard, local: &Local) -> RawClient {
    let mut client = connect(local, 3600, json!({"news": null, "here": null, "none": null})).await;
    let mut refused = connect(local, 3600, json!("news")).await;
    assert_eq!(
        heard.up_to(&mut refused, "topic.refused").await["topic"],
        Value::Null
    );
    for (call, last) in [
        ("publish", "news.unset"),
        ("enter", "presence.entered"),
        ("leave", "presence.left"),
    ] {
        client.begin(&json!({"event": format!("api.wire.{call}")})).await;
        heard.up_to(&mut client, last).await;
    }
    client
}

/// Streams in each direction.
async fn streams(heard: &mut Heard, client: &mut RawClient) {
    for (call, last) in [
        ("one", "stream.end"),
        ("none", "stream.error"),
        ("take", "stream.credit"),
    ] {
        client
            .begin(&json!({"event": format!("api.wire.{call}"), "stream": call}))
            .await;
        heard.up_to(client, last).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_message_has_the_fields_that_the_book_says() {
    let local = serve().await;
    let mut heard = Heard::default();
    let mut client = reads(&mut heard, &local).await;
    streams(&mut heard, &mut client).await;
    let mut short = connect(&local, 2, json!({})).await;
    heard.up_to(&mut short, "server.closed").await;
    let stopped = tokio::spawn(local.server.stop());
    heard.up_to(&mut client, "server.draining").await;
    drop(client);
    stopped.await.unwrap();

    let documented = documented();
    let messages = |of: Vec<&String>| of.into_iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(
        messages(heard.0.keys().collect()),
        messages(documented.keys().collect())
    );
    for (name, shape) in documented {
        let heard = &heard.0[&name];
        let seen: BTreeSet<&String> = heard.iter().flatten().collect();
        assert_eq!(seen, shape.keys().collect(), "{name}");
        for (field, is_always) in shape {
            let is_there = heard.iter().all(|fields| fields.contains(&field));
            assert_eq!(is_there, is_always, "{field} of {name}");
        }
    }
}

fn named<const N: usize>(fields: [&str; N]) -> BTreeSet<String> {
    fields.map(str::to_owned).into()
}

/// What a client is answered whose call, or whose connection, is refused.
#[tokio::test]
async fn an_error_has_the_fields_that_the_book_says() {
    let local = serve().await;
    let mut client = connect(&local, 3600, json!({})).await;
    let answer = client.call(&json!({"event": "api.wire.nothing"})).await;
    let mut stranger = RawClient::open(&local.url).await;
    stranger.send("40").await;
    assert!(stranger.text().await.starts_with("0{"));
    let refused = stranger.text().await;
    let refused: Value = serde_json::from_str(refused.strip_prefix("44").unwrap()).unwrap();
    let keys = |of: &Value| {
        let fields = of.as_object().unwrap().keys().cloned();
        fields.collect::<BTreeSet<_>>()
    };
    assert_eq!(keys(&answer), named(["error", "event"]));
    assert_eq!(keys(&refused), named(["data", "message"]));
    for error in [&answer["error"], &refused["data"]] {
        let mut fields = keys(error);
        fields.remove("details");
        assert_eq!(fields, named(["code", "message", "retry"]), "{error}");
    }
}
