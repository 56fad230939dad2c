//! Over the wire.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use updraft::{
    App, CallError, Code, Context, Credentials, Data, Identity, Module, Position, Result,
    journal::{Journal, MemoryJournal},
    testing::{TestClient, TestServer},
};

use super::{LONG, app, failure};

async fn known(credentials: Credentials) -> Result<Identity> {
    match credentials.token() {
        Some("let me in") => Ok(Identity::of("ada")),
        _ => Err(CallError::new(Code::Unauthenticated, "say the words").with_details(json!({"try": 2}))),
    }
}

#[tokio::test]
async fn over_the_wire_a_client_is_let_in_and_closed() {
    let server = TestServer::start(app().authenticate(known)).await;
    let refused = server
        .try_connect_with(json!({"token": "please"}))
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::Unauthenticated, "say the words")
    );
    assert_eq!(refused.details(), Some(&json!({"try": 2})));
    let mut ada = server.connect_with(json!({"token": "let me in"})).await;
    ada.call("api.orders.work").await.data::<()>();
    assert_eq!(server.revoke("ada").await.unwrap(), 1);
    ada.closed().await;
    assert_eq!(ada.event("event").await.data::<Value>()["event"], "server.closed");
}

#[tokio::test]
async fn over_the_wire_topics_are_subscribed_to_and_resumed() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new().unwrap());
    let server = TestServer::start(app().journal(journal.clone())).await;
    let mut ada = server.connect().await;
    let mut bob = server.connect_with(json!({"topics": {"orders": null}})).await;
    let first: Position = ada
        .call("api.orders.place")
        .data("soup")
        .await
        .data::<String>()
        .parse()
        .unwrap();
    ada.subscribe("orders").await.data::<Value>();
    for expected in ["topic.start", "order.placed", "topic.live"] {
        assert_eq!(ada.event("event").await.data::<Value>()["event"], expected);
    }
    let heard = async |client: &mut TestClient| loop {
        let event = client.event("event").await.data::<Value>();
        if event["event"] == "order.placed" {
            return event["data"].clone();
        }
    };
    assert_eq!(heard(&mut bob).await, "soup");
    bob.close().await;
    server.stop().await;

    let server = TestServer::start(app().journal(journal)).await;
    assert_eq!(server.published("orders").await.len(), 1);
    let mut bob = server.connect().await;
    bob.resume("orders", &first).await.data::<Value>();
    bob.call("api.orders.place").data("tea").await.data::<Value>();
    assert_eq!(heard(&mut bob).await, "tea");
}

#[tokio::test]
async fn over_the_wire_what_functions_emit_and_ask_is_heard_in_order() {
    async fn ask(cx: Context) -> Result<String> {
        cx.emit("message", "first").await?;
        cx.emit_with_ack("name?", "you", LONG).await
    }
    let echo = async |data: Data| data;
    let server =
        TestServer::start(App::new().module(Module::new("api").on("ask", ask).on("echo", echo))).await;
    let mut ada = server.connect().await;

    let begun = ada.begin("api.ask", ()).await;
    assert_eq!(ada.next_event().await.data::<String>(), "first");
    let asked = ada.next_event().await;
    assert_eq!(
        (&*asked.name, asked.data::<String>()),
        ("name?", "you".to_owned())
    );
    ada.ack(&asked, "Ada").await;
    assert_eq!(ada.answer(begun).await.data::<String>(), "Ada");

    ada.respond("name?", |asked| json!(format!("{} too", asked.as_str().unwrap())));
    assert_eq!(ada.call("api.ask").await.data::<String>(), "you too");
    assert_eq!(ada.event("message").await.data::<String>(), "first");
    ada.received_nothing_else().await;

    let bytes = Bytes::from_static(b"\x00\xff");
    assert_eq!(
        ada.call("api.echo").data(&bytes).await.raw().bytes().unwrap(),
        bytes
    );
    ada.emit("event", json!({"event": "api.echo", "data": "no ack"}))
        .await;
    assert_eq!(ada.event("message").await.data::<String>(), "no ack");
}

#[tokio::test]
async fn a_client_whose_server_goes_says_what_it_waited_for() {
    let server = TestServer::start(App::new()).await;
    let mut ada = server.connect().await;
    server.stop().await;
    let said = failure(async move {
        ada.event("message").await;
    });
    let said = said.await;
    assert!(
        said.ends_with(
            "waited for the event 'message', and the server closed the connection; what came: event"
        ),
        "{said}"
    );
}

#[tokio::test]
async fn a_server_that_is_dropped_stops() {
    let server = TestServer::start(App::new()).await;
    let mut ada = server.connect().await;
    drop(server);
    ada.closed().await;
}
