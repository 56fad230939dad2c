//! Updraft as a router under a user's axum server.

use axum::Router;
use serde_json::json;
use tokio::net::TcpListener;
use updraft::{App, CallError, Code, Context, Credentials, Identity, Json, Module, Result};

use crate::support::{
    RawClient,
    order::{count, numbers_leave_in_order},
};

/// Serves a router on a free port.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn nothing_is_lost_where_flushes_cannot_be_seen() {
    let (router, _handle) = App::new()
        .module(Module::new("test").on("count", count))
        .into_router()
        .await
        .unwrap();
    let url = serve(router.route("/mine", axum::routing::get(async || "mine"))).await;
    numbers_leave_in_order(&url).await;
}

#[tokio::test]
async fn a_handle_stops_what_goes_on_behind_the_router() {
    let (router, handle) = App::new()
        .module(Module::new("test").on("count", count))
        .into_router()
        .await
        .unwrap();
    let url = serve(router).await;
    let mut client = RawClient::connect(&url).await;
    assert_eq!(handle.revoke("nobody").await.unwrap(), 0);
    assert!(handle.feed().is_none(), "it has no topics");
    let stopping = tokio::spawn(async move { handle.stop().await });
    assert_eq!(client.text().await, r#"42["event",{"event":"server.draining"}]"#);
    assert_eq!(client.next().await, None, "then it is disconnected");
    drop(client);
    stopping.await.unwrap();
}

/// Whoever shows a token is known by it.
async fn by_token(credentials: Credentials) -> Result<Identity> {
    match credentials.token() {
        Some(token) => Ok(Identity::of(token)),
        None => Err(CallError::new(Code::Unauthenticated, "say who you are")),
    }
}

async fn asking() -> Router {
    let whoami = async |cx: Context| Json(json!(cx.identity().subject()));
    let (router, _handle) = App::new()
        .authenticate(by_token)
        .module(Module::new("api.me").on("whoami", whoami))
        .into_router()
        .await
        .unwrap();
    router
}

#[tokio::test]
async fn no_namespace_lies_open_beside_the_one_that_asks_who_clients_are() {
    let url = serve(asking().await).await;
    let mut client = RawClient::open(&url).await;
    assert!(client.text().await.starts_with("0{"));
    for auth in ["", r#"{"token":"ada"}"#] {
        client.send(&format!("40/plain,{auth}")).await;
        assert_eq!(client.text().await, r#"44/plain,{"message":"Invalid namespace"}"#);
        // Nobody hears what is said there.
        client.send(r#"42/plain,1["event",["api.me.whoami"]]"#).await;
    }
    client.send("40").await;
    let told = client.text().await;
    assert!(told.starts_with(r#"44{"message":"say who you are""#), "{told}");
    client.send(r#"40{"token":"ada"}"#).await;
    assert!(client.text().await.starts_with("40{"));
    client.send(r#"42/plain,1["event",["api.me.whoami"]]"#).await;
    client.send(r#"422["event",["api.me.whoami"]]"#).await;
    let answer = json!([{"event": "api.me.whoami", "data": "ada"}]);
    assert_eq!(client.text().await, format!("432{answer}"));
}

/// A second server of Socket.IO under the same path is not taken for the first.
#[tokio::test]
async fn two_servers_under_one_path_are_an_error() {
    let (one, other) = (asking().await, asking().await);
    let merged = tokio::spawn(async move { one.merge(other) }).await;
    let refused = merged.expect_err("they are one server").to_string();
    // Which of its routes axum meets first is not fixed.
    let overlap = ["Overlapping method route", "both have a fallback"];
    assert!(overlap.iter().any(|why| refused.contains(why)), "{refused}");
}
