//! What stands before functions.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use updraft::{
    App, AuthConfig, CallError, Code, Context, Json, Module, Result, State, claim, require, signed_in,
};

use super::{auth, call, connect, serve, token};
use crate::support::RawClient;

async fn is_the_owner(Json(card): Json<Value>, cx: Context) -> Result<()> {
    match cx.identity().subject() == card["owner"].as_str() {
        true => Ok(()),
        false => Err(CallError::new(Code::Forbidden, "only the owner may do that")),
    }
}

async fn panics() {
    panic!("of a guard's own")
}

fn cards() -> Module {
    let admin = || require(claim("roles").contains("admin"));
    Module::new("api.cards")
        .guard(require(claim("data.account_type").at_least(1)))
        .on("list", async || "the cards")
        .on("rename", async || "renamed")
        .guarded_by(admin().or(is_the_owner))
        .on("burn", async || "burnt")
        .guarded_by(admin().and(is_the_owner))
        .on("broken", async || "never")
        .guarded_by(panics)
}

async fn told(client: &mut RawClient, function: &str, owner: &str) -> Value {
    let mut answer = call(
        client,
        &format!("api.cards.{function}"),
        json!({ "owner": owner }),
    )
    .await;
    match answer["error"].take() {
        Value::Null => answer["data"].take(),
        mut error => json!([error["code"].take(), error["message"].take()]),
    }
}

#[tokio::test]
async fn a_guard_lets_through_or_says_why_not() {
    let optional = AuthConfig {
        optional: true,
        ..auth()
    };
    let open = Module::new("api.open")
        .on("everyone", async || "welcome")
        .on("known", async || "hello")
        .guarded_by(require(signed_in()));
    let local = serve(App::new().module(cards()).module(open), optional).await;
    let no_right = json!(["forbidden", "no right to this"]);
    let no_owner = json!(["forbidden", "only the owner may do that"]);
    let no_identity = json!(["unauthenticated", "this needs an identity"]);

    let mut nobody = local.client().await;
    for function in ["list", "rename", "burn", "broken"] {
        assert_eq!(told(&mut nobody, function, "ada").await, no_identity);
    }
    assert_eq!(
        call(&mut nobody, "api.open.everyone", json!(null)).await["data"],
        "welcome"
    );
    let known = call(&mut nobody, "api.open.known", json!(null)).await;
    assert_eq!(known["error"]["code"], "unauthenticated");

    let mut guest = connect(
        &local,
        &token(json!({"data": {"account_type": 0}, "roles": ["admin"]})),
    )
    .await;
    assert_eq!(
        told(&mut guest, "list", "ada").await,
        no_right,
        "the module's guard comes first"
    );
    assert_eq!(told(&mut guest, "rename", "ada").await, no_right);
    assert_eq!(
        call(&mut guest, "api.open.known", json!(null)).await["data"],
        "hello"
    );

    let mut ada = connect(&local, &token(json!({}))).await;
    assert_eq!(told(&mut ada, "list", "bob").await, "the cards");
    assert_eq!(told(&mut ada, "rename", "ada").await, "renamed");
    assert_eq!(told(&mut ada, "rename", "bob").await, no_owner);
    assert_eq!(told(&mut ada, "burn", "ada").await, no_right);
    assert_eq!(told(&mut ada, "broken", "ada").await[0], "internal");

    let mut admin = connect(&local, &token(json!({"roles": ["admin"]}))).await;
    assert_eq!(told(&mut admin, "rename", "bob").await, "renamed");
    assert_eq!(told(&mut admin, "burn", "bob").await, no_owner);
    assert_eq!(told(&mut admin, "burn", "ada").await, "burnt");

    let less = token(json!({"data": {"account_type": 0}, "roles": ["admin"]}));
    assert_eq!(
        call(&mut admin, "auth.refresh", json!({ "token": less })).await["data"]["subject"],
        "ada"
    );
    assert_eq!(
        told(&mut admin, "rename", "bob").await,
        no_right,
        "an identity that changed"
    );
    for client in [&mut nobody, &mut guest, &mut ada, &mut admin] {
        assert!(client.is_well().await);
    }
}

#[tokio::test]
async fn what_comes_after_a_guarded_call_begins_after_it() {
    let gate = Arc::new(Semaphore::new(0));
    let opened = gate.clone();
    let ask = move || {
        let gate = gate.clone();
        async move { drop(gate.acquire().await) }
    };
    let note = async |text: String, notes: State<Mutex<Vec<String>>>| notes.lock().unwrap().push(text);
    let module = Module::new("api.order")
        .on("guarded", note)
        .guarded_by(ask)
        .on("open", note)
        .on("notes", async |notes: State<Mutex<Vec<String>>>| {
            Json(notes.lock().unwrap().clone())
        });
    let app = App::new().module(module).state(Mutex::new(Vec::<String>::new()));
    let local = serve(app, AuthConfig::default()).await;
    let mut client = local.client().await;
    client
        .begin(&json!({"event": "api.order.guarded", "data": "first"}))
        .await;
    client
        .begin(&json!({"event": "api.order.open", "data": "second"}))
        .await;
    assert!(local.client().await.is_well().await, "others do not wait for it");
    opened.add_permits(1);
    let notes = call(&mut client, "api.order.notes", Value::Null).await;
    assert_eq!(notes["data"], json!(["first", "second"]));
}
