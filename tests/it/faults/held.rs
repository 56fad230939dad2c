//! What is held of packets counts in the budget of memory as what it is once it is read, with the JSON and the MessagePack
//! parser alike: calls, acks, packed data, and what comes before a client is connected.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_tungstenite::tungstenite::Message;
use updraft::{
    App, Args, Config, Context, HttpConfig, Json, LimitsConfig, Module, Namespace, Parser, Result,
    SessionConfig, State,
};

use super::{
    memory::{held, refused},
    packed,
};
use crate::support::{Local, RawClient, until};

const BUDGET: usize = 8 << 20;

/// Clients that say more together than the budget holds.
const MANY: usize = 12;

/// Bytes of [`large`], in JSON.
const LARGE: usize = 800_000;

/// Longer than any story takes.
const LONG: Duration = Duration::from_secs(300);

/// A text that is six times as long in JSON as in MessagePack, and a Buffer.
fn large() -> (Value, Vec<u8>) {
    let text = "\u{1}".repeat(100_000);
    (
        json!([text, {"_placeholder": true, "num": 0}]),
        vec![7; LARGE - 600_000],
    )
}

type Gate = Semaphore;

async fn size(Args((text, buffer)): Args<(String, Bytes)>, gate: State<Gate>) -> Json<usize> {
    drop(gate.acquire().await);
    Json(text.len() + buffer.len())
}

/// Asks all that are there, and keeps what they ack until the last has.
async fn ask(cx: Context) -> Result<Json<usize>> {
    let all = cx.all();
    let acks = all
        .emit_with_ack::<Args<(String, Bytes)>>("say", &(), LONG)
        .await?;
    Ok(Json(acks.iter().filter(|ack| ack.result.is_ok()).count()))
}

async fn server(parser: Parser) -> Local {
    let module = Module::new("gate")
        .on("hold", async |Json(text): Json<String>, gate: State<Gate>| {
            drop(gate.acquire().await);
            Json(text.len())
        })
        .on("open", async |gate: State<Gate>| gate.add_permits(1));
    let slow = Namespace::new("/slow")
        .connect(async |gate: State<Gate>| drop(gate.acquire().await))
        .on("size", size);
    let app = App::new()
        .state(Semaphore::new(0))
        .module(module)
        .namespace(Namespace::new("/").on("size", size).on("ask", ask))
        .namespace(slow);
    let config = Config {
        limits: LimitsConfig {
            max_memory: Some(BUDGET),
            guard_timeout: LONG,
            call_timeout: LONG,
            ..LimitsConfig::default()
        },
        http: HttpConfig {
            metrics: true,
            ..HttpConfig::default()
        },
        session: SessionConfig {
            parser,
            ..SessionConfig::default()
        },
        ..Config::default()
    };
    Local::start(app, config).await
}

/// A client of either parser.
struct Client {
    parser: Parser,
    raw: RawClient,
}

impl Client {
    async fn connect(server: &Local, parser: Parser) -> Self {
        let raw = RawClient::open(&server.url).await;
        let mut this = Self { parser, raw };
        assert!(this.hear().await.starts_with("0{"));
        this.say(0, "/", None, &Value::Null, None).await;
        assert!(this.hear().await.contains("sid"));
        this
    }

    /// Sends a packet of this type.
    async fn say(&mut self, kind: u8, namespace: &str, id: Option<u64>, data: &Value, buffer: Option<&[u8]>) {
        if self.parser == Parser::Msgpack {
            let packet = json!({"type": kind, "nsp": namespace, "id": id, "data": data});
            let mut bytes = Vec::new();
            msgpack(&packet, buffer.unwrap_or_default(), &mut bytes);
            return self.raw.send_bytes(&bytes).await;
        }
        let kind = match buffer {
            Some(_) => format!("{}1-", kind + 3),
            None => kind.to_string(),
        };
        let id = id.map(|id| id.to_string()).unwrap_or_default();
        let data = if data.is_null() {
            String::new()
        } else {
            data.to_string()
        };
        self.raw.send(&format!("4{kind}{namespace},{id}{data}")).await;
        if let Some(buffer) = buffer {
            self.raw.send_bytes(buffer).await;
        }
    }

    /// An event with what is large.
    async fn emit(&mut self, namespace: &str, name: &str) {
        let (mut arguments, buffer) = large();
        arguments.as_array_mut().unwrap().insert(0, name.into());
        self.say(2, namespace, Some(1), &arguments, Some(&buffer)).await;
    }

    /// The next packet, as far as it is text.
    async fn hear(&mut self) -> String {
        match self.raw.next().await {
            Some(Message::Text(text)) => text.as_str().to_owned(),
            Some(Message::Binary(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
            other => panic!("a packet was expected, not {other:?}"),
        }
    }
}

/// A value as MessagePack, the Buffer in the place of its placeholder.
fn msgpack(value: &Value, buffer: &[u8], to: &mut Vec<u8>) {
    let long = |kind: u8, length: usize, to: &mut Vec<u8>| {
        to.push(kind);
        to.extend((length as u32).to_be_bytes());
    };
    match value {
        Value::Null => to.push(0xc0),
        Value::Bool(is_so) => to.push(0xc2 + u8::from(*is_so)),
        Value::Number(number) => long(0xce, number.as_u64().unwrap() as usize, to),
        Value::String(text) => {
            long(0xdb, text.len(), to);
            to.extend(text.as_bytes());
        }
        Value::Array(values) => {
            long(0xdd, values.len(), to);
            values.iter().for_each(|value| msgpack(value, buffer, to));
        }
        Value::Object(fields) if fields.contains_key("_placeholder") => {
            long(0xc6, buffer.len(), to);
            to.extend(buffer);
        }
        Value::Object(fields) => {
            long(0xdf, fields.len(), to);
            for (key, value) in fields {
                msgpack(&key.as_str().into(), buffer, to);
                msgpack(value, buffer, to);
            }
        }
    }
}

/// Has clients say something large, one after the other, until the budget is used up.
async fn fill(server: &Local, parser: Parser, mut say: impl AsyncFnMut(&mut Client)) -> Vec<Client> {
    let mut clients = Vec::new();
    for number in 1..=MANY {
        let mut client = Client::connect(server, parser).await;
        say(&mut client).await;
        clients.push(client);
        until("it to be held, or refused", || {
            refused(server) > 0 || held(server) >= number * LARGE
        })
        .await;
        assert!(held(server) <= BUDGET);
    }
    assert!(refused(server) > 0);
    clients
}

async fn open(server: &Local, parser: Parser) {
    let mut other = Client::connect(server, parser).await;
    let call = json!(["event", {"event": "gate.open"}]);
    other.say(2, "/", Some(1), &call, None).await;
    assert!(other.hear().await.contains("gate.open"));
}

/// Some were served, the others refused with a reason, and nothing is held any more.
async fn given_back(server: &Local, answers: &[String]) {
    let told = answers
        .iter()
        .filter(|answer| answer.contains("overloaded"))
        .count();
    assert!((1..MANY).contains(&told), "{told} were refused");
    assert_eq!(told, refused(server));
    until("all to be given back", || held(server) == 0).await;
}

async fn events_count(parser: Parser) {
    let server = server(parser).await;
    let mut clients = fill(&server, parser, async |client| client.emit("/", "size").await).await;
    open(&server, parser).await;
    let mut answers = Vec::new();
    for client in &mut clients {
        answers.push(client.hear().await);
    }
    given_back(&server, &answers).await;
}

async fn packed_data_counts(parser: Parser) {
    let server = server(parser).await;
    let call = json!(["event", packed("gate.hold", LARGE)]);
    let mut clients = fill(&server, parser, async |client| {
        client.say(2, "/", Some(1), &call, None).await;
    })
    .await;
    open(&server, parser).await;
    let mut answers = Vec::new();
    for client in &mut clients {
        answers.push(client.hear().await);
    }
    given_back(&server, &answers).await;
}

/// A function that asks many holds what the first ack until the last has.
async fn acks_count(parser: Parser) {
    let server = server(parser).await;
    let mut asking = Client::connect(&server, parser).await;
    let mut clients = Vec::new();
    for _ in 0..MANY {
        clients.push(Client::connect(&server, parser).await);
    }
    asking.say(2, "/", Some(1), &json!(["ask"]), None).await;
    let (arguments, buffer) = large();
    for (number, client) in (1..).zip(&mut clients) {
        assert!(client.hear().await.contains("say"));
        // The first emit with an ack of each socket.
        client.say(3, "/", Some(0), &arguments, Some(&buffer)).await;
        until("it to be held, or refused", || {
            refused(&server) > 0 || held(&server) >= number * LARGE
        })
        .await;
        assert!(held(&server) <= BUDGET);
    }
    assert!(asking.hear().await.contains("say"));
    asking.say(3, "/", Some(0), &json!(["", ""]), None).await;
    let answer = asking.hear().await;
    let told = refused(&server);
    assert!((1..MANY).contains(&told), "{told} were refused");
    let acked = MANY + 1 - told;
    let is_told = match parser {
        Parser::Json => answer == format!("431[{acked}]"),
        // An array of one small number.
        Parser::Msgpack => answer.contains(&String::from_utf8_lossy(&[0x91, acked as u8]).into_owned()),
    };
    assert!(is_told, "{acked}: {answer}");
    until("all to be given back", || held(&server) == 0).await;
}

async fn what_connects_counts(parser: Parser) {
    let server = server(parser).await;
    let auth = json!({"text": "x".repeat(LARGE)});
    let mut clients = fill(&server, parser, async |client| {
        client.say(0, "/slow", None, &auth, None).await;
    })
    .await;
    open(&server, parser).await;
    let mut answers = Vec::new();
    for client in &mut clients {
        answers.push(client.hear().await);
    }
    given_back(&server, &answers).await;
}

async fn what_comes_before_a_client_is_connected_counts(parser: Parser) {
    let server = server(parser).await;
    let mut clients = fill(&server, parser, async |client| {
        client.say(0, "/slow", None, &Value::Null, None).await;
        client.emit("/slow", "size").await;
    })
    .await;
    open(&server, parser).await;
    let mut answers = Vec::new();
    for client in &mut clients {
        assert!(client.hear().await.contains("sid"));
        answers.push(client.hear().await);
    }
    given_back(&server, &answers).await;
}

macro_rules! with_either_parser {
    ($($story:ident),+ $(,)?) => {
        mod json {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $story() {
                    super::$story(Parser::Json).await;
                }
            )+
        }

        mod msgpack {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $story() {
                    super::$story(Parser::Msgpack).await;
                }
            )+
        }
    };
}

with_either_parser! {
    events_count,
    packed_data_counts,
    acks_count,
    what_connects_counts,
    what_comes_before_a_client_is_connected_counts,
}
