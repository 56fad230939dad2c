//! Functions that decide by what a topic holds: docs/topics.md shows the first of them, word for word.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet};
use updraft::{
    App, CallError, Code, Context, Event, Feed, Json, Module, Position, Projection, Result, State, Topic,
    everyone,
    journal::{Append, Journal, Record},
    testing::Answer,
};

use super::{Reader, everything, hindered::Hindered, in_memory, reader::text, wait_for};
use crate::support::{Local, node, until};

// From here on it is what docs/topics.md shows.
#[derive(Clone, Deserialize, Serialize)]
struct Order {
    id: String,
    item: String,
    count: u32,
}

/// The open orders by their ids.
type Orders = BTreeMap<String, Order>;

fn fold(orders: &mut Orders, record: &Record) {
    let Some(id) = record.key.as_deref() else {
        return;
    };
    match record.data() {
        Ok(Some(order)) => drop(orders.insert(id.to_owned(), order)),
        _ => drop(orders.remove(id)),
    }
}

async fn list(orders: State<Projection<Orders>>) -> Result<Json<Orders>> {
    orders.read(|orders, _| Json(orders.clone())).await
}

async fn place(
    Json(order): Json<Order>,
    orders: State<Projection<Orders>>,
    cx: Context,
) -> Result<Json<Position>> {
    let placed = orders.decide(&cx, order.id.as_str(), |orders| {
        if orders.contains_key(&order.id) {
            return Err(CallError::new(Code::Conflict, "there is an order with this id"));
        }
        Event::new("order.placed").key(order.id.as_str()).data(&order)
    });
    placed.await.map(Json)
}

fn app() -> App {
    App::new()
        .module(Module::new("shop.orders").on("list", list).on("place", place))
        .topic(Topic::new("orders").readable_by(everyone))
        .project("orders", Orders::new(), fold)
}
// Up to here.

/// One more of what is ordered; the count that is published.
async fn more(id: String, orders: State<Projection<Orders>>, cx: Context) -> Result<Json<Position>> {
    let changed = orders.decide(&cx, id.as_str(), |orders| change(orders, &id));
    changed.await.map(Json)
}

fn change(orders: &Orders, id: &str) -> Result<Event> {
    let order = orders.get(id);
    let mut order = order
        .ok_or_else(|| CallError::new(Code::Conflict, "there is no such order"))?
        .clone();
    order.count += 1;
    Event::new("order.changed").key(id).data(&order)
}

/// As a timer would: outside of a call.
async fn later(
    id: String,
    orders: State<Projection<Orders>>,
    State(feed): State<Feed>,
) -> Result<Json<Position>> {
    let changed = tokio::spawn(async move {
        let change = |orders: &Orders| change(orders, &id);
        orders.decide(&feed, id.as_str(), change).await
    });
    changed.await?.map(Json)
}

/// Cancels an order, if there is one.
async fn cancel(id: String, orders: State<Projection<Orders>>, cx: Context) -> Result<Json<Position>> {
    let cancelled = orders.decide(&cx, id.as_str(), |orders| {
        let end = || Event::tombstone("order.cancelled", id.as_str());
        Ok(orders.contains_key(&id).then(end))
    });
    cancelled.await.map(Json)
}

/// Publishes, and looks.
async fn place_and_list(
    Json(order): Json<Order>,
    orders: State<Projection<Orders>>,
    cx: Context,
) -> Result<Json<Orders>> {
    let event = Event::new("order.placed").key(order.id.as_str()).data(&order)?;
    cx.topic("orders").publish(event).await?;
    list(orders).await
}

/// Somebody publishes about the key whenever it has been decided.
async fn never(id: String, orders: State<Projection<Orders>>, cx: Context) -> Result<Json<Position>> {
    let Some(journal) = cx.state::<Arc<dyn Journal>>() else {
        return Err(CallError::new(Code::Internal, "no journal"));
    };
    let decided = orders.decide(&cx, id.as_str(), |orders| {
        let meanwhile = Append {
            topic: "orders".to_owned(),
            events: vec![change(orders, &id)?],
            ..Append::default()
        };
        // In memory it is done at once.
        let _ = journal.append(meanwhile).now_or_never();
        change(orders, &id)
    });
    decided.await.map(Json)
}

/// Places an order when it may.
async fn place_at_gate(
    order: Json<Order>,
    orders: State<Projection<Orders>>,
    gate: State<Semaphore>,
    cx: Context,
) -> Result<Json<Position>> {
    gate.acquire().await?.forget();
    place(order, orders, cx).await
}

async fn open(gate: State<Semaphore>) {
    gate.add_permits(1);
}

async fn serve(journal: &Arc<dyn Journal>) -> Local {
    let module = Module::new("api.test")
        .on("more", more)
        .on("later", later)
        .on("cancel", cancel)
        .on("place_and_list", place_and_list)
        .on("place_at_gate", place_at_gate)
        .on("open", open)
        .on("never", never);
    let app = app().module(module).journal(journal.clone());
    Local::of(app.state(journal.clone()).state(Semaphore::new(0))).await
}

fn order(id: impl ToString) -> Value {
    json!({"id": id.to_string(), "item": "kite", "count": 1})
}

/// Calls from as many clients at once; what they are answered.
async fn at_once(servers: &[Local], calls: impl IntoIterator<Item = (&'static str, Value)>) -> Vec<Answer> {
    let mut clients = Vec::new();
    for (number, call) in calls.into_iter().enumerate() {
        let client = Reader::connect(&servers[number % servers.len()]).await;
        clients.push((client, call));
    }
    let mut tasks = JoinSet::new();
    for (mut client, (event, data)) in clients {
        tasks.spawn(async move { client.call(event, &data).await });
    }
    tasks.join_all().await
}

fn accepted(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| answer.result().is_ok()).count()
}

#[test]
fn the_documented_pattern_is_this_one() {
    let this = include_str!("orders.rs");
    let (_, shown) = this
        .split_once("// From here on it is what docs/topics.md shows.\n")
        .unwrap();
    let (shown, _) = shown.split_once("// Up to here.").unwrap();
    let docs = include_str!("../../../docs/topics.md");
    // There it has the imports that it needs before it.
    assert!(docs.contains(&format!(";\n\n{shown}```")), "{shown}");
}

/// A stock client places an order, and lists what there is as soon as it has its answer, a hundred times.
#[test]
fn a_client_finds_what_it_was_answered() {
    wait_for(async {
        let directory = tempfile::tempdir().unwrap();
        for journal in [in_memory(), super::in_directory(directory.path())] {
            let local = serve(&journal).await;
            for transport in ["websocket", "polling"] {
                let url = local.url.clone();
                let script = move || node("orders.mjs", &[&url, "4", transport, "100"]);
                tokio::task::spawn_blocking(script).await.unwrap();
            }
        }
    });
}

pub(super) async fn a_function_finds_what_it_published(journal: Arc<dyn Journal>) {
    let local = serve(&journal).await;
    let mut client = Reader::connect(&local).await;
    for number in 0..100 {
        let order = order(number);
        let all = client.done("api.test.place_and_list", &order).await;
        assert_eq!(all[number.to_string()], order);
    }
}

pub(super) async fn what_one_server_acked_is_read_at_another(journal: Arc<dyn Journal>) {
    let (one, other) = (serve(&journal).await, serve(&journal).await);
    let mut here = Reader::connect(&one).await;
    let mut there = Reader::connect(&other).await;
    for number in 0..100 {
        here.done("shop.orders.place", &order(number)).await;
        let all = there.done("shop.orders.list", &Value::Null).await;
        assert_eq!(all[number.to_string()], order(number));
        std::mem::swap(&mut here, &mut there);
    }
}

pub(super) async fn fifty_who_decide_about_different_things_are_all_accepted(journal: Arc<dyn Journal>) {
    let servers = [serve(&journal).await, serve(&journal).await];
    let orders = (0..50).map(|number| ("shop.orders.place", order(number)));
    let answers = at_once(&servers, orders).await;
    assert_eq!(accepted(&answers), 50, "{answers:?}");
    // Of those who want the same, one.
    let same = at_once(&servers, (0..50).map(|_| ("shop.orders.place", order("same")))).await;
    assert_eq!(accepted(&same), 1, "{same:?}");
    let refused = same.iter().filter_map(|answer| answer.result().err());
    for error in refused {
        assert_eq!(error.message(), "there is an order with this id", "{error}");
        assert!(!error.may_be_retried());
    }
}

/// The counts of an order in the order of its events.
async fn counts(journal: &Arc<dyn Journal>) -> Vec<u32> {
    let events = everything(&**journal, "orders").await;
    let orders = events.iter().map(|record| record.data::<Order>().unwrap());
    orders.map(|order| order.unwrap().count).collect()
}

pub(super) async fn of_fifty_who_decide_about_one_thing_each_sees_the_one_before(journal: Arc<dyn Journal>) {
    let servers = [serve(&journal).await];
    Reader::connect(&servers[0])
        .await
        .done("shop.orders.place", &order("a"))
        .await;
    let changes = (0..50).map(|number| match number % 10 {
        0 => ("api.test.later", json!("a")),
        _ => ("api.test.more", json!("a")),
    });
    let answers = at_once(&servers, changes).await;
    assert_eq!(accepted(&answers), 50, "{answers:?}");
    assert_eq!(counts(&journal).await, Vec::from_iter(1..=51));
}

/// Here their turns do not help: only the expectation does.
pub(super) async fn so_do_those_who_decide_at_two_servers(journal: Arc<dyn Journal>) {
    let servers = [serve(&journal).await, serve(&journal).await];
    Reader::connect(&servers[0])
        .await
        .done("shop.orders.place", &order("a"))
        .await;
    let answers = at_once(&servers, (0..20).map(|_| ("api.test.more", json!("a")))).await;
    assert_eq!(accepted(&answers), 20, "{answers:?}");
    assert_eq!(counts(&journal).await, Vec::from_iter(1..=21));
}

pub(super) async fn a_key_that_ended_is_decided_about_anew(journal: Arc<dyn Journal>) {
    let local = serve(&journal).await;
    let mut client = Reader::connect(&local).await;
    for _ in 0..3 {
        client.done("shop.orders.place", &order("a")).await;
        assert_eq!(client.refused("shop.orders.place", &order("a")).await, "conflict");
        let ended = client.done("api.test.cancel", &json!("a")).await;
        assert_eq!(client.refused("api.test.more", &json!("a")).await, "conflict");
        // There is nothing to publish: the position is where it was looked at.
        assert_eq!(client.done("api.test.cancel", &json!("a")).await, ended);
        let seq: u64 = text(&json!({ "at": ended }), "at")
            .split_once(':')
            .unwrap()
            .1
            .parse()
            .unwrap();
        super::compact_to(&journal, "orders", seq).await;
    }
    assert!(everything(&*journal, "orders").await.is_empty());
}

pub(super) async fn who_decides_again_by_the_same_id_gets_the_first_answer(journal: Arc<dyn Journal>) {
    let local = serve(&journal).await;
    let mut client = local.client().await;
    let call = json!({"event": "shop.orders.place", "id": "try", "data": order("a")});
    let first = client.call(&call).await;
    assert!(first["data"].is_string(), "{first}");
    assert_eq!(client.call(&call).await, first);
    let mut answers = JoinSet::new();
    for _ in 0..10 {
        let mut client = local.client().await;
        let call = json!({"event": "api.test.more", "id": "more", "data": "a"});
        answers.spawn(async move { client.call(&call).await });
    }
    let mut answers = answers.join_all().await;
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(counts(&journal).await, [1, 2]);
}

/// A try is done while the next has begun, whose decision then refuses what it finds done.
pub(super) async fn who_finds_done_what_an_earlier_try_did_gets_its_answer(journal: Arc<dyn Journal>) {
    let hindered = Hindered::new(journal);
    let shared: Arc<dyn Journal> = hindered.clone();
    // Two servers: of one, the second try would wait for the first.
    let (one, other) = (serve(&shared).await, serve(&shared).await);
    let call = json!({"event": "api.test.place_at_gate", "id": "try", "data": order("a")});
    let open = json!({"event": "api.test.open"});

    let slow = hindered.appends.clone().lock_owned().await;
    let mut first = one.client().await;
    first.call(&open).await;
    let first_try = first.begin(&call).await;
    let came = || hindered.came.load(Ordering::SeqCst) == 1;
    until("the first try to publish", came).await;
    let mut second = other.client().await;
    let second_try = second.begin(&call).await;
    // Calls of one socket begin in order: when this is answered, the second try is at its gate.
    second.call(&json!({"event": "api.services.status"})).await;
    drop(slow);
    let answer = first.answer(first_try).await;
    assert!(answer["data"].is_string(), "{answer}");
    hindered.tell();
    second.call(&open).await;
    assert_eq!(second.answer(second_try).await, answer);
}

/// It cannot be had by trying for ever, and the caller is told that it may try again.
#[test]
fn a_key_that_never_rests_is_a_conflict_that_may_be_retried() {
    wait_for(async {
        let journal = in_memory();
        let local = serve(&journal).await;
        let mut client = Reader::connect(&local).await;
        client.done("shop.orders.place", &order("a")).await;
        // Also of a call with a key of its own, which none of its refused publishes used up.
        let call = json!({"event": "api.test.never", "id": "never", "data": "a"});
        let answer = local.client().await.call(&call).await;
        assert_eq!(answer["error"]["code"], "conflict", "{answer}");
        assert_eq!(answer["error"]["retry"], true);
        assert_eq!(answer["error"]["details"], json!({"key": "a"}));
        assert_eq!(counts(&journal).await.len(), 21, "it was decided twenty times");
    });
}

pub(super) async fn who_cannot_see_what_was_acked_is_told_so_in_time(journal: Arc<dyn Journal>) {
    let hindered = Hindered::new(journal);
    let shared: Arc<dyn Journal> = hindered.clone();
    let local = serve(&shared).await;
    let mut client = Reader::connect(&local).await;
    // Nobody tells the projection.
    client.done("shop.orders.place", &order("a")).await;
    let answer = client.call("shop.orders.list", &Value::Null).await;
    assert_eq!(answer.error().code(), Code::Unavailable);
    assert!(answer.error().may_be_retried());
    hindered.tell();
    let all = client.done("shop.orders.list", &Value::Null).await;
    assert_eq!(all, json!({"a": order("a")}));
}
