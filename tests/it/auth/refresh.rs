//! `auth.refresh` takes what would let the same subject in, and nothing else.

use serde_json::{Value, json};
use updraft::{App, AuthConfig};

use super::{auth, call, connect, now, serve, token};

#[tokio::test]
async fn a_token_that_does_not_hold_changes_nothing() {
    let local = serve(App::new(), auth()).await;
    let mut ada = connect(&local, &token(json!({}))).await;
    let cases = [
        (json!({"token": token(json!({"sub": "bob"}))}), "forbidden"),
        (
            json!({"token": token(json!({"exp": now() - 5}))}),
            "unauthenticated",
        ),
        (
            json!({"token": format!("{}x", token(json!({})))}),
            "unauthenticated",
        ),
        (json!({"token": "x".repeat(9000)}), "unauthenticated"),
        (json!({"token": ""}), "unauthenticated"),
        (json!({"token": null}), "invalid_data"),
        (json!({}), "invalid_data"),
    ];
    for (data, code) in cases {
        let answer = call(&mut ada, "auth.refresh", data.clone()).await;
        assert_eq!(answer["error"]["code"], code, "{data}");
        let me = call(&mut ada, "api.me.whoami", Value::Null).await;
        assert_eq!(me["data"], json!({"subject": "ada", "account": 1}), "{data}");
    }
}

#[tokio::test]
async fn who_came_without_a_token_may_show_one_later() {
    let optional = AuthConfig {
        optional: true,
        ..auth()
    };
    let local = serve(App::new(), optional).await;
    let mut client = local.client().await;
    let answer = call(&mut client, "auth.refresh", json!({"token": token(json!({}))})).await;
    assert_eq!(answer["data"]["subject"], "ada");
    let me = call(&mut client, "api.me.whoami", Value::Null).await;
    assert_eq!(me["data"]["subject"], "ada");
}

#[tokio::test]
async fn where_nobody_is_asked_there_is_nothing_to_refresh() {
    let local = serve(App::new(), AuthConfig::default()).await;
    let mut client = local.client().await;
    let answer = call(&mut client, "auth.refresh", json!({"token": "x"})).await;
    assert_eq!(answer["error"]["code"], "unknown_event");
    let me = call(&mut client, "api.me.whoami", Value::Null).await;
    assert_eq!(me["data"]["subject"], Value::Null);
}
