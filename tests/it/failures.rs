//! Functions that fail, in every way in which they can: one answer each, and the socket works on.

use std::{
    future::{Future, pending, ready},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use tokio::task::yield_now;
use updraft::{
    App, Call, CallError, Code, Config, Context, FromCall, Json, LimitsConfig, Module, Result, StartError,
    State,
};

use crate::support::{Local, RawClient, until};

/// What no client may ever see.
const SECRET: &str = "the password is 1234";

/// Calls, and makes sure that there is one answer and no other word.
async fn error_of(client: &mut RawClient, call: Value) -> Value {
    let answer = client.call(&call).await;
    client.hears_nothing_else().await;
    assert_eq!(answer["event"], call["event"], "{answer}");
    assert_eq!(answer.get("data"), None, "{answer}");
    answer["error"].clone()
}

fn assert_internal(error: &Value) {
    let incident = error["details"]["incident"].as_str().expect("an incident id");
    let expected = json!({
        "code": "internal",
        "message": format!("internal error, incident {incident}"),
        "retry": false,
        "details": {"incident": incident},
    });
    assert_eq!(*error, expected);
    assert!(!error.to_string().contains(SECRET));
}

struct PanicsWhenWritten;

impl Serialize for PanicsWhenWritten {
    fn serialize<S: Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
        panic!("{SECRET}")
    }
}

struct CannotBeWritten;

impl Serialize for CannotBeWritten {
    fn serialize<S: Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom(SECRET))
    }
}

struct PanicsWhenTaken;

impl FromCall for PanicsWhenTaken {
    fn from_call(_: &Call, _: &Context) -> Result<Self> {
        panic!("{SECRET}")
    }
}

fn panics_before_its_future() -> impl Future<Output = ()> {
    assert!(SECRET.is_empty(), "{SECRET}");
    ready(())
}

async fn panics_at_once() {
    panic!("{SECRET}")
}

async fn panics_later() {
    yield_now().await;
    panic!("{SECRET}")
}

async fn panics_without_words() {
    std::panic::panic_any(1234);
}

async fn meets_an_error() -> Result<()> {
    Err(std::io::Error::other(SECRET))?
}

fn faults() -> Module {
    Module::new("faults")
        .on("panicsBeforeItsFuture", panics_before_its_future)
        .on("panicsAtOnce", panics_at_once)
        .on("panicsLater", panics_later)
        .on("panicsWithoutWords", panics_without_words)
        .on("argumentPanics", async |_: PanicsWhenTaken| {})
        .on("answerPanics", async || Json(PanicsWhenWritten))
        .on("answerPanicsLater", async || {
            yield_now().await;
            Json(PanicsWhenWritten)
        })
        .on("answerFails", async || Json(CannotBeWritten))
        .on("emitPanics", async |cx: Context| {
            cx.emit("message", &PanicsWhenWritten).await
        })
        .on("emitFails", async |cx: Context| {
            cx.emit("message", &CannotBeWritten).await
        })
        .on("meetsAnError", meets_an_error)
}

#[tokio::test]
async fn a_fault_of_ours_is_answered_with_an_incident_and_not_its_cause() {
    let events = App::new().module(faults()).into_registry().unwrap();
    let server = Local::of(App::new().module(faults())).await;
    let mut client = server.client().await;
    for event in events.names() {
        assert_internal(&error_of(&mut client, json!({"event": event.as_str()})).await);
    }
}

#[tokio::test]
async fn without_an_ack_a_fault_of_ours_is_told_as_text() {
    let events = App::new().module(faults()).into_registry().unwrap();
    let server = Local::of(App::new().module(faults())).await;
    let mut client = server.client().await;
    for event in events.names() {
        client.emit(&json!({"event": event.as_str()})).await;
        let message = client.message().await;
        let message = message.as_str().expect("a text");
        assert!(message.starts_with("internal error, incident "), "{message}");
        client.hears_nothing_else().await;
    }
}

#[tokio::test]
async fn many_faults_do_not_use_up_what_a_socket_may_run() {
    let config = Config {
        limits: LimitsConfig {
            max_running: 2,
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    let server = Local::start(App::new().module(faults()), config).await;
    let mut client = server.client().await;
    for event in ["panicsAtOnce", "panicsLater", "answerPanics", "answerPanicsLater"] {
        for _ in 0..10 {
            let call = json!({"event": format!("faults.{event}")});
            assert_eq!(client.call(&call).await["error"]["code"], "internal");
        }
    }
    assert!(client.is_well().await);
}

#[tokio::test]
async fn a_function_that_takes_too_long_is_dropped_and_its_caller_told() {
    struct Dropped(Arc<AtomicBool>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let dropped = Arc::<AtomicBool>::default();
    let app = App::new().state(dropped.clone()).module(Module::new("slow").on(
        "forever",
        async |State(dropped): State<Arc<AtomicBool>>| {
            let _dropped = Dropped((*dropped).clone());
            pending::<()>().await;
        },
    ));
    let config = Config {
        limits: LimitsConfig {
            call_timeout: Duration::from_millis(50),
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    let server = Local::start(app, config).await;
    let mut client = server.client().await;
    let error = error_of(&mut client, json!({"event": "slow.forever"})).await;
    let expected = json!({"code": "timeout", "message": "no result within 50ms", "retry": true});
    assert_eq!(error, expected);
    until("the function to be dropped", || dropped.load(Ordering::SeqCst)).await;
}

#[tokio::test]
async fn an_error_that_a_function_returns_is_told_as_it_is() {
    const CODES: [(Code, bool); 13] = [
        (Code::BadCall, false),
        (Code::UnknownEvent, false),
        (Code::InvalidData, false),
        (Code::TooLarge, false),
        (Code::Unauthenticated, false),
        (Code::Forbidden, false),
        (Code::Conflict, false),
        (Code::RateLimited, true),
        (Code::Overloaded, true),
        (Code::Timeout, true),
        (Code::Unavailable, true),
        (Code::UnsupportedVersion, false),
        (Code::Internal, false),
    ];
    async fn fails(Json(number): Json<usize>, cx: Context) -> Result<String> {
        if cx.event() == "errors.later" {
            yield_now().await;
        }
        let error = CallError::new(CODES[number].0, "user hasn`t permission");
        Err(error.with_details(json!({"after_ms": 5})))
    }
    let app = App::new().module(Module::new("errors").on("atOnce", fails).on("later", fails));
    let server = Local::of(app).await;
    let mut client = server.client().await;
    for event in ["errors.atOnce", "errors.later"] {
        for (number, (code, retry)) in CODES.into_iter().enumerate() {
            let call = json!({"event": event, "data": number});
            let expected = json!({
                "code": code.as_str(),
                "message": "user hasn`t permission",
                "retry": retry,
                "details": {"after_ms": 5},
            });
            assert_eq!(error_of(&mut client, call.clone()).await, expected);
            client.emit(&call).await;
            assert_eq!(client.message().await, "user hasn`t permission");
        }
    }
}

#[tokio::test]
async fn data_that_does_not_fit_is_told_with_its_path() {
    #[derive(Deserialize)]
    struct Board {
        #[expect(dead_code)]
        cards: Vec<Card>,
    }
    #[derive(Deserialize)]
    struct Card {
        #[expect(dead_code)]
        title: String,
    }
    let app = App::new().module(
        Module::new("takes")
            .on("board", async |_: Json<Board>| {})
            .on("text", async |_: String| {})
            .on("bytes", async |_: Bytes| {})
            .on("perhaps", async |_: Option<Json<Board>>| {}),
    );
    let server = Local::of(app).await;
    let mut client = server.client().await;
    for (function, data, path, expected) in [
        (
            "board",
            json!({"cards": [{"title": "a"}, {"title": 1}]}),
            "data.cards[1].title",
            "a string",
        ),
        ("board", json!({"cards": {}}), "data.cards", "an array"),
        ("board", json!(null), "data", "an object"),
        ("perhaps", json!({"cards": 1}), "data.cards", "an array"),
        ("text", json!(7), "data", "a text"),
        ("text", json!(null), "data", "a text"),
        ("bytes", json!([1, 2]), "data", "a Buffer or a text"),
    ] {
        let call = json!({"event": format!("takes.{function}"), "data": data});
        let error = error_of(&mut client, call.clone()).await;
        assert_eq!(error["code"], "invalid_data", "{call}: {error}");
        assert_eq!(
            error["details"],
            json!({"path": path, "expected": expected}),
            "{call}"
        );
        assert_eq!(error["retry"], false);
    }
    for call in [
        json!({"event": "takes.perhaps"}),
        json!({"event": "takes.perhaps", "data": null}),
    ] {
        assert_eq!(client.call(&call).await, json!({"event": "takes.perhaps"}));
    }
}

/// Takes state without saying so at start.
struct Hidden;

impl FromCall for Hidden {
    fn from_call(call: &Call, context: &Context) -> Result<Self> {
        State::<u64>::from_call(call, context).map(|_| Self)
    }
}

#[tokio::test]
async fn state_that_is_missing_is_found_at_start_or_else_is_our_fault() {
    let app = App::new().module(Module::new("counter").on("next", async |_: State<u64>| {}));
    let StartError::Registry(error) = app.into_registry().unwrap_err() else {
        panic!("the registry finds it");
    };
    let told = error.to_string();
    assert!(
        told.contains("counter.next") && told.contains("State<u64>"),
        "{told}"
    );

    let server =
        Local::of(App::new().module(Module::new("counter").on("hidden", async |_: Hidden| {}))).await;
    let mut client = server.client().await;
    assert_internal(&error_of(&mut client, json!({"event": "counter.hidden"})).await);
}
