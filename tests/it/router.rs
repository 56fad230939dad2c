//! Updraft as a router under somebody else's axum server.

use serde_json::json;
use tokio::net::TcpListener;
use updraft::{App, Context, Json, Module, Result};

use crate::support::RawClient;

async fn count(Json(to): Json<u32>, cx: Context) -> Result<&'static str> {
    for number in 0..to {
        cx.emit("number", &number).await?;
    }
    Ok("counted")
}

#[tokio::test]
async fn nothing_is_lost_where_flushes_cannot_be_seen() {
    let (router, _handle) = App::new()
        .module(Module::new("api.test").on("count", count))
        .into_router()
        .await
        .unwrap();
    let router = router.route("/mine", axum::routing::get(async || "mine"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });

    let mut client = RawClient::connect(&url).await;
    client.send(r#"421["event",["api.test.count",3000]]"#).await;
    for number in 0..3000 {
        assert_eq!(client.text().await, format!(r#"42["number",{number}]"#));
    }
    let answer = json!({"event": "api.test.count", "data": "counted"});
    assert_eq!(client.text().await, format!("431[{answer}]"));
}

#[tokio::test]
async fn a_handle_stops_what_goes_on_behind_the_router() {
    let (router, handle) = App::new()
        .module(Module::new("api.test").on("count", count))
        .into_router()
        .await
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut client = RawClient::connect(&url).await;
    assert_eq!(handle.revoke("nobody"), 0);
    assert!(handle.feed().is_none(), "it has no topics");
    let stopping = tokio::spawn(async move { handle.stop().await });
    assert_eq!(client.text().await, r#"42["event",{"event":"server.draining"}]"#);
    assert_eq!(client.next().await, None, "then it is disconnected");
    drop(client);
    stopping.await.unwrap();
}
