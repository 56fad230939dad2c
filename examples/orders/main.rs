//! The orders of a café: guests place them, the kitchen cooks them, and all see one list, also after a restart.
//! `cargo run --example orders`
//!
//! Each change is an event of the topic `orders`. Functions decide by a projection of it, pages show a fold of it. Calls carry
//! an `id`, so a guest whose connection breaks tries again, and orders once.

use std::{collections::BTreeMap, process::ExitCode};

use axum::{Router, response::Html, routing::get};
use serde::{Deserialize, Serialize};
use serde_json::json;
use updraft::{
    App, CallError, Code, Context, Credentials, Event, Identity, Json, Module, Position, Projection, Result,
    State, Topic, claim, journal::Record, require, signed_in,
};

#[cfg(test)]
mod tests;

fn main() -> ExitCode {
    app().run()
}

pub(crate) fn app() -> App {
    let module = Module::new("cafe.orders")
        .guard(require(signed_in()))
        .on("list", list)
        .on("place", place)
        .on("cook", cook)
        .guarded_by(require(claim("role").is("kitchen")))
        .on("collect", collect);
    App::new()
        .module(module)
        .topic(Topic::new(TOPIC).readable_where(signed_in()))
        .project(TOPIC, Orders::new(), fold)
        .authenticate(known)
        .routes(Router::new().route("/", get(async || Html(include_str!("index.html")))))
}

const TOPIC: &str = "orders";

/// Believes every name, and gives the kitchen to the one that knows its word. An app of yours asks for a token that an
/// issuer signed: without this function, and with `--auth-keys`.
async fn known(credentials: Credentials) -> Result<Identity> {
    match credentials.token() {
        None | Some("") => Ok(Identity::ANONYMOUS),
        Some("let me cook") => Ok(Identity::of("kitchen").with_claims(json!({"role": "kitchen"}))),
        Some("kitchen") => Err(CallError::new(Code::Unauthenticated, "the kitchen has a word")),
        Some(name) => Ok(Identity::of(name)),
    }
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Order {
    id: String,
    dish: String,
    guest: String,
    is_ready: bool,
}

/// Those that were not collected yet, by their ids.
type Orders = BTreeMap<String, Order>;

/// An order as it is now, or its end.
fn fold(orders: &mut Orders, record: &Record) {
    let Some(id) = record.key.as_deref() else {
        return;
    };
    match record.data() {
        Ok(Some(order)) => orders.insert(id.to_owned(), order),
        _ => orders.remove(id),
    };
}

async fn list(orders: State<Projection<Orders>>) -> Result<Json<Vec<Order>>> {
    orders
        .read(|orders, _| Json(orders.values().cloned().collect()))
        .await
}

#[derive(Deserialize)]
struct NewOrder {
    /// Chosen by the guest's page.
    id: String,
    dish: String,
}

async fn place(
    Json(new): Json<NewOrder>,
    orders: State<Projection<Orders>>,
    cx: Context,
) -> Result<Json<Position>> {
    let order = Order {
        guest: subject(&cx),
        id: new.id,
        dish: new.dish,
        is_ready: false,
    };
    if order.dish.trim().is_empty() {
        return Err(CallError::new(Code::InvalidData, "an order has a dish"));
    }
    let placed = orders.decide(&cx, order.id.as_str(), |orders| {
        if orders.contains_key(&order.id) {
            return Err(CallError::new(Code::Conflict, "there is an order with this id"));
        }
        changed("order.placed", &order).map(Some)
    });
    placed.await.map(Json)
}

/// For the kitchen alone. What is cooked already stays so.
async fn cook(
    Json(id): Json<String>,
    orders: State<Projection<Orders>>,
    cx: Context,
) -> Result<Json<Position>> {
    let cooked = orders.decide(&cx, id.as_str(), |orders| {
        let order = find(orders, &id)?;
        let ready = Order {
            is_ready: true,
            ..order.clone()
        };
        (!order.is_ready)
            .then(|| changed("order.cooked", &ready))
            .transpose()
    });
    cooked.await.map(Json)
}

/// For the guest who placed it, once it is ready.
async fn collect(
    Json(id): Json<String>,
    orders: State<Projection<Orders>>,
    cx: Context,
) -> Result<Json<Position>> {
    let collected = orders.decide(&cx, id.as_str(), |orders| {
        let order = find(orders, &id)?;
        if order.guest != subject(&cx) {
            return Err(CallError::new(
                Code::Forbidden,
                "this is the order of another guest",
            ));
        }
        if !order.is_ready {
            return Err(CallError::new(Code::Conflict, "it is not ready yet"));
        }
        Ok(Some(Event::tombstone("order.collected", id.as_str())))
    });
    collected.await.map(Json)
}

fn changed(name: &'static str, order: &Order) -> Result<Event> {
    Event::new(name).key(order.id.as_str()).data(order)
}

fn find<'a>(orders: &'a Orders, id: &str) -> Result<&'a Order> {
    let order = orders.get(id);
    order.ok_or_else(|| CallError::new(Code::Conflict, "there is no such order"))
}

/// The name of the caller; the module's guard lets none in without one.
fn subject(cx: &Context) -> String {
    cx.identity().subject().unwrap_or_default().to_owned()
}
