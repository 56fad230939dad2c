//! Acks of several arguments, with Buffers anywhere: of real clients, of those of a test, and without a network.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use updraft::{
    App, Args, Code, Config, Context, Data, Emitter, Identity, LimitsConfig, Module, Parser, Result,
    SessionConfig, State,
    testing::{TestApp, TestServer},
};

use crate::support::{HEARTBEAT, Local, PATIENCE, node_with};

#[derive(Debug, PartialEq, Deserialize)]
struct Shape {
    points: Vec<Bytes>,
    style: Style,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Style {
    ink: Bytes,
}

/// Asks its caller for all that a client may ack, and reads it in every way: by the context, and by the emitter.
async fn read(cx: Context, io: State<Emitter>) -> Result<&'static str> {
    let key = Bytes::from_static(&[1, 2, 3]);
    let two: Args<(String, Bytes)> = cx.emit_with_ack("key?", "a", PATIENCE).await?;
    assert_eq!(two.0, ("key of a".to_owned(), key.clone()));
    let more: Args<(String, Bytes, u32, Option<u32>)> = cx.emit_with_ack("key?", "b", PATIENCE).await?;
    assert_eq!(more.0, ("key of b".to_owned(), key.clone(), 7, None));
    let first: String = cx.emit_with_ack("key?", "c", PATIENCE).await?;
    assert_eq!(first, "key of c");
    let misfit = cx.emit_with_ack::<Args<(String, Bytes, Bytes)>>("key?", "d", PATIENCE);
    let misfit = misfit.await.unwrap_err();
    assert_eq!(misfit.code(), Code::InvalidData);
    assert_eq!(misfit.details().unwrap()["path"], "arguments[2]");

    let shape = Shape {
        points: vec![Bytes::from_static(&[1]), Bytes::new()],
        style: Style {
            ink: Bytes::from_static(&[2, 3]),
        },
    };
    let nested: Args<(Shape, ())> = cx.emit_with_ack("shape?", &(), PATIENCE).await?;
    assert_eq!(nested.0.0, shape);
    let nested: Shape = cx.emit_with_ack("shape?", &(), PATIENCE).await?;
    assert_eq!(nested, shape);

    let picture: Bytes = cx.emit_with_ack("picture?", &(), PATIENCE).await?;
    assert_eq!(picture, Bytes::from_static(&[9, 8, 7]));
    let picture: Data = cx.emit_with_ack("picture?", &(), PATIENCE).await?;
    assert_eq!(picture.bytes()?, Bytes::from_static(&[9, 8, 7]));
    let no_json = cx.emit_with_ack::<Value>("picture?", &(), PATIENCE).await;
    assert_eq!(no_json.unwrap_err().code(), Code::InvalidData);

    let nothing: Args<Vec<Data>> = cx.emit_with_ack("nothing?", &(), PATIENCE).await?;
    assert!(nothing.0.is_empty());
    let () = cx.emit_with_ack("nothing?", &(), PATIENCE).await?;
    let nothing: Option<u32> = cx.emit_with_ack("nothing?", &(), PATIENCE).await?;
    assert_eq!(nothing, None);

    let half: Args<(String, Value)> = cx.emit_with_ack("half a pair?", &(), PATIENCE).await?;
    assert_eq!(half.0, ("\u{fffd}".to_owned(), json!({"deep": [[[["😀"]]]]})));

    let all = io.socket(cx.socket_id());
    let acks = all
        .emit_with_ack::<Args<(String, Bytes)>>("key?", &"e", PATIENCE)
        .await?;
    assert_eq!(acks.len(), 1);
    let one = acks[0].result.as_ref().map(|ack| ack.0.clone());
    assert_eq!(one, Ok(("key of e".to_owned(), key)));
    Ok("read")
}

fn app() -> App {
    App::new().module(Module::new("acks").on("read", read))
}

async fn clients(
    parser: Parser,
    variables: &'static [(&'static str, &'static str)],
    generation: &'static str,
) {
    let config = Config {
        session: SessionConfig {
            parser,
            ..SessionConfig::default()
        },
        limits: LimitsConfig {
            call_timeout: HEARTBEAT,
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    let local = Local::start(app(), config).await;
    for transport in ["websocket", "polling"] {
        let url = local.url.clone();
        let run = move || node_with(variables, "acks.mjs", &[&url, generation, transport]);
        tokio::task::spawn_blocking(run).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_the_second_generation_ack_anything() {
    clients(Parser::Json, &[], "2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_the_third_generation_ack_anything() {
    clients(Parser::Json, &[], "3").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_the_fourth_generation_ack_anything() {
    clients(Parser::Json, &[], "4").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_ack_anything_in_message_pack() {
    clients(Parser::Msgpack, &[("PARSER", "msgpack")], "4").await;
}

/// What the script acks, for sockets of tests.
macro_rules! respond {
    ($socket:expr) => {
        $socket.respond("key?", |room| {
            let room = room.as_str().unwrap_or_default();
            Args((format!("key of {room}"), Bytes::from_static(&[1, 2, 3]), 7))
        });
        $socket.respond("shape?", |_| {
            let points = [Bytes::from_static(&[1]), Bytes::new()];
            let style = std::collections::HashMap::from([("ink", Bytes::from_static(&[2, 3]))]);
            Args((Pair { points, style }, ()))
        });
        $socket.respond("picture?", |_| Bytes::from_static(&[9, 8, 7]));
        $socket.respond("nothing?", |_| Args(()));
        $socket.respond("half a pair?", |_| {
            Args(("\u{fffd}", json!({"deep": [[[["😀"]]]]})))
        });
    };
}

#[derive(serde::Serialize)]
struct Pair {
    points: [Bytes; 2],
    style: std::collections::HashMap<&'static str, Bytes>,
}

#[tokio::test]
async fn a_test_without_a_network_acks_anything() {
    let app = TestApp::start(app()).await;
    let socket = app.connect(Identity::ANONYMOUS);
    respond!(socket);
    assert_eq!(socket.call("acks.read").await.data::<String>(), "read");
}

#[tokio::test]
async fn a_client_of_a_test_acks_anything() {
    let server = TestServer::start(app()).await;
    let mut client = server.connect().await;
    respond!(client);
    assert_eq!(client.call("acks.read").await.data::<String>(), "read");
}

/// A packet that no client of Socket.IO's writes.
#[tokio::test]
async fn an_ack_that_does_not_refer_to_its_buffers_is_an_error_of_the_function_alone() {
    async fn ask(cx: Context) -> Result<String> {
        let wait = Duration::from_secs(60);
        let Args((one,)) = cx.emit_with_ack::<Args<(String,)>>("one?", &(), wait).await?;
        Ok(one)
    }
    let local = Local::of(App::new().module(Module::new("acks").on("ask", ask))).await;
    let mut client = local.client().await;
    for (ack, buffers) in [
        (r#"461-0["a"]"#, 1),
        (r#"461-1[{"_placeholder":true,"num":1}]"#, 1),
        (
            r#"462-2[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#,
            2,
        ),
    ] {
        let call = client.begin(&json!({"event": "acks.ask"})).await;
        let asked = client.text().await;
        assert!(asked.starts_with("42"), "{asked}");
        client.send(ack).await;
        for _ in 0..buffers {
            client.send_bytes(b"x").await;
        }
        let answer = client.text().await;
        assert!(answer.starts_with(&format!("43{call}[")), "{answer}");
        assert!(answer.contains("invalid_data"), "{answer}");
    }
}
