//! Calls with an idempotency key are applied once, however often they are tried.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use serde::{Serialize, Serializer, ser::Error};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use updraft::{
    App, CallError, Code, Config, Context, Data, Json, LimitsConfig, Module, Position, Result, State, Topic,
    everyone, journal::Journal,
};

use super::{Reader, everything, note, wait_for};
use crate::support::{Local, Program, RawClient, until_async, within_patience};

/// How often a function ran.
#[derive(Default)]
struct Runs(AtomicUsize);

impl Runs {
    fn one_more(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// Answers with the position.
async fn publish(text: String, cx: Context) -> Result<Json<Position>> {
    cx.topic("board").publish(note(&text)).await.map(Json)
}

/// Answers with Buffers, which run it was, and nothing of the position.
async fn count(text: String, runs: State<Runs>, cx: Context) -> Result<Json<(usize, Bytes)>> {
    let run = runs.one_more();
    cx.topic("board").publish(note(&text)).await?;
    Ok(Json((run, Bytes::from(text))))
}

/// Answers with nothing at all.
async fn silent(text: String, cx: Context) -> Result<()> {
    cx.topic("board").publish(note(&text)).await.map(drop)
}

/// Publishes, and then fails for good.
async fn fail(text: String, runs: State<Runs>, cx: Context) -> Result<()> {
    let run = runs.one_more();
    cx.topic("board").publish(note(&text)).await?;
    Err(CallError::new(Code::Forbidden, format!("run {run}")))
}

/// Publishes, and then panics.
async fn panics(text: String, cx: Context) -> Result<()> {
    cx.topic("board").publish(note(&text)).await?;
    panic!("after it published");
}

/// Publishes, and then lacks something for now.
async fn lack(text: String, cx: Context) -> Result<()> {
    cx.topic("board").publish(note(&text)).await?;
    Err(CallError::new(Code::Unavailable, "something is away"))
}

/// An answer that cannot be written, or panics while it is.
struct Unwritable {
    panics: bool,
}

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        assert!(!self.panics, "while it is written");
        Err(S::Error::custom("cannot be written"))
    }
}

/// Publishes, and answers what cannot be written.
async fn mumble(text: String, cx: Context) -> Result<Json<Unwritable>> {
    cx.topic("board").publish(note(&text)).await?;
    Ok(Json(Unwritable { panics: false }))
}

/// Publishes, and answers what panics while it is written.
async fn choke(text: String, cx: Context) -> Result<Json<Unwritable>> {
    cx.topic("board").publish(note(&text)).await?;
    Ok(Json(Unwritable { panics: true }))
}

/// Changes nothing.
async fn look(runs: State<Runs>) -> Json<usize> {
    Json(runs.one_more())
}

/// Publishes when the gate opens.
async fn wait(
    text: String,
    gate: State<Semaphore>,
    runs: State<Runs>,
    cx: Context,
) -> Result<Json<Position>> {
    runs.one_more();
    drop(gate.acquire().await);
    publish(text, cx).await
}

/// Publishes and never answers.
async fn hang(text: String, cx: Context) -> Result<()> {
    cx.topic("board").publish(note(&text)).await?;
    std::future::pending().await
}

/// The same, but says beforehand what it is going to answer.
async fn hang_after_answering(text: String, cx: Context) -> Result<()> {
    let publisher = cx.topic("board").answering(Json(json!({"took": text})))?;
    publisher.publish(note(&text)).await?;
    std::future::pending().await
}

/// Publishes twice at once.
async fn both(text: String, cx: Context) -> Result<()> {
    let topic = cx.topic("board");
    let (first, second) = tokio::join!(topic.publish(note(&text)), topic.publish(note("second")));
    first.and(second).map(drop)
}

/// Publishes now, and once more when it has long been answered.
async fn later(text: String, gate: State<Semaphore>, cx: Context) -> Result<Json<Position>> {
    let after = cx.clone();
    tokio::spawn(async move {
        drop(gate.acquire().await);
        after.topic("board").publish(note("later")).await
    });
    publish(text, cx).await
}

async fn serve_with(journal: &Arc<dyn Journal>, config: Config) -> Local {
    let module = Module::new("api.test")
        .on("publish", publish)
        .on("count", count)
        .on("silent", silent)
        .on("fail", fail)
        .on("panics", panics)
        .on("lack", lack)
        .on("mumble", mumble)
        .on("choke", choke)
        .on("look", look)
        .on("wait", wait)
        .on("open", async |gate: State<Semaphore>| gate.add_permits(1000))
        .on("runs", async |runs: State<Runs>| {
            Json(runs.0.0.load(Ordering::SeqCst))
        })
        .on("both", both)
        .on("later", later)
        .on("hang", hang)
        .on("hang_after_answering", hang_after_answering)
        .on("echo", async |data: Data| data);
    let app = App::new()
        .journal(journal.clone())
        .topic(Topic::new("board").readable_by(everyone))
        .state(Runs::default())
        .state(Semaphore::new(0))
        .module(module);
    Local::start(app, config).await
}

pub(super) async fn serve(journal: &Arc<dyn Journal>) -> Local {
    serve_with(journal, Config::default()).await
}

pub(super) fn call(function: &str, id: &str, data: &str) -> Value {
    json!({"event": format!("api.test.{function}"), "id": id, "data": data})
}

pub(super) async fn who_tries_again_gets_the_first_answer(journal: Arc<dyn Journal>) {
    let functions = [
        ("publish", None),
        ("silent", None),
        ("fail", Some("forbidden")),
        ("panics", Some("internal")),
        ("mumble", Some("internal")),
        ("choke", Some("internal")),
        ("lack", Some("unavailable")),
    ];
    let local = serve(&journal).await;
    for (number, (function, error)) in functions.into_iter().enumerate() {
        gets_the_first_answer(&local, function, error).await;
        let published = everything(&*journal, "board").await.len();
        assert_eq!(published, number + 1, "{function}");
    }
    local.server.stop().await;

    let local = serve_with(&journal, impatient()).await;
    for (number, function) in ["hang", "hang_after_answering"].into_iter().enumerate() {
        gets_the_first_answer(&local, function, Some("timeout")).await;
        let published = everything(&*journal, "board").await.len();
        assert_eq!(published, functions.len() + number + 1, "{function}");
    }
}

async fn gets_the_first_answer(local: &Local, function: &str, error: Option<&str>) {
    let call = call(function, function, "hello");
    let first = local.client().await.call(&call).await;
    assert_eq!(first["error"]["code"].as_str(), error, "{first}");
    if error.is_some() {
        let retry = &first["error"]["retry"];
        assert_eq!(
            retry, false,
            "no other answer comes, so nothing is to be tried: {function}"
        );
    }
    for _ in 0..3 {
        let again = local.client().await.call(&call).await;
        assert_eq!(again, first, "{function}, over another connection");
    }
}

pub(super) async fn an_answer_with_buffers_comes_again(journal: Arc<dyn Journal>) {
    let local = serve(&journal).await;
    let mut client = local.client().await;
    for _ in 0..2 {
        client.begin(&call("count", "1", "hello")).await;
        let text = client.text().await;
        assert!(text.starts_with("461-"), "one Buffer: {text}");
        assert!(
            text.contains(r#""data":[1,{"_placeholder":true,"num":0}]"#),
            "{text}"
        );
        let buffer = client.next().await.expect("the Buffer");
        assert_eq!(buffer.into_data(), "hello");
    }
    assert_eq!(everything(&*journal, "board").await.len(), 1);
}

pub(super) async fn who_tries_again_too_early_waits_for_the_first_answer(journal: Arc<dyn Journal>) {
    let local = serve(&journal).await;
    let wait = call("wait", "1", "hello");
    let mut tries = Vec::new();
    for _ in 0..10 {
        let mut client = local.client().await;
        client.begin(&wait).await;
        tries.push(client);
    }
    let mut client = local.client().await;
    client.call(&json!({"event": "api.test.open"})).await;
    let mut answers = Vec::new();
    for client in &mut tries {
        answers.push(client.packet().await);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    let runs = client.call(&json!({"event": "api.test.runs"})).await;
    assert_eq!(runs["data"], 1);
    assert_eq!(everything(&*journal, "board").await.len(), 1);
}

pub(super) async fn what_changed_nothing_runs_again(journal: Arc<dyn Journal>) {
    let local = serve(&journal).await;
    let mut client = local.client().await;
    for run in [1, 2] {
        let answer = client.call(&call("look", "1", "")).await;
        assert_eq!(answer["data"], run);
    }
}

/// With calls that may take so long: functions that never end are to have published by then.
fn impatient() -> Config {
    Config {
        limits: LimitsConfig {
            call_timeout: Duration::from_secs(5),
            ..LimitsConfig::default()
        },
        ..Config::default()
    }
}

/// As where the server went down before its function ended.
pub(super) async fn a_call_that_never_ended_has_its_answer(journal: Arc<dyn Journal>) {
    let stopped = Config {
        drain_timeout: Duration::ZERO,
        ..Config::default()
    };
    let local = serve_with(&journal, stopped).await;
    let mut client = local.client().await;
    for (number, function) in ["hang", "hang_after_answering"].into_iter().enumerate() {
        client.begin(&call(function, function, "hello")).await;
        until_async("it to publish", async || {
            everything(&*journal, "board").await.len() == number + 1
        })
        .await;
    }
    drop(client);
    local.server.stop().await;
    let local = serve(&journal).await;
    let mut client = local.client().await;
    let places = everything(&*journal, "board").await;
    let position = client.call(&call("hang", "hang", "hello")).await;
    assert_eq!(
        position["data"],
        format!("{}:{}", journal.epoch(), places[0].seq),
        "where it stands"
    );
    let said = client
        .call(&call("hang_after_answering", "hang_after_answering", "hello"))
        .await;
    assert_eq!(said["data"], json!({"took": "hello"}), "what it was going to say");
    assert_eq!(everything(&*journal, "board").await.len(), 2);
}

/// Some of them are looked up before they begin, which those without a key need not wait for.
pub(super) async fn calls_with_and_without_a_key_begin_in_order(journal: Arc<dyn Journal>) {
    const CALLS: usize = 300;
    let local = serve(&journal).await;
    let mut client = local.client().await;
    for number in 0..CALLS {
        let mut call = call("publish", &format!("id-{number}"), &number.to_string());
        if number % 3 == 0 {
            call.as_object_mut().unwrap().remove("id");
        }
        client.begin(&call).await;
    }
    for _ in 0..CALLS {
        client.packet().await;
    }
    let texts: Vec<String> = everything(&*journal, "board")
        .await
        .iter()
        .map(|record| record.data().unwrap().unwrap())
        .collect();
    let expected: Vec<String> = (0..CALLS).map(|number| number.to_string()).collect();
    assert_eq!(texts, expected);
}

pub(super) async fn all_that_a_call_publishes_is_published(journal: Arc<dyn Journal>) {
    let local = serve(&journal).await;
    let mut client = local.client().await;
    for function in ["both", "later"] {
        let answer = client.call(&call(function, function, function)).await;
        assert!(answer.get("error").is_none(), "{answer}");
    }
    client.call(&json!({"event": "api.test.open"})).await;
    within_patience("what is published after the answer", async {
        while everything(&*journal, "board").await.len() < 4 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Of an app without topics nothing is remembered, and a key is only a field.
#[test]
fn without_topics_a_key_means_nothing() {
    wait_for(async {
        let app = App::new().module(Module::new("api.test").on("echo", async |data: Data| data));
        let local = Local::of(app).await;
        let mut client = local.client().await;
        for data in ["one", "two"] {
            assert_eq!(client.call(&call("echo", "1", data)).await["data"], data);
        }
    });
}

#[test]
fn who_tries_again_after_a_restart_gets_the_first_answer() {
    wait_for(async {
        let data = tempfile::tempdir().unwrap();
        let arguments = ["--data", data.path().to_str().unwrap()];
        let card = json!({"id": "1", "title": "Fly", "column": "todo"});
        let add = json!({"event": "api.board.add", "id": "a-call", "data": card});
        let mut program = Program::start(&arguments);
        let first = RawClient::connect(&program.url).await.call(&add).await;
        assert!(first["data"].is_string(), "{first}");
        program.end();

        let program = Program::start(&arguments);
        let mut client = RawClient::connect(&program.url).await;
        assert_eq!(client.call(&add).await, first, "though the card is there already");
        let mut other = add.clone();
        other["data"]["title"] = json!("Soar");
        assert_eq!(client.call(&other).await["error"]["code"], "conflict");
        let mut reader = Reader::over(updraft::testing::TestClient::connect(&program.url, ()).await);
        reader.subscribe("board").await;
        assert_eq!(reader.up_to("topic.live").await.len(), 3, "start, one card, live");
    });
}
