//! An app that authenticates its clients itself.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use updraft::{
    App, AuthConfig, CallError, Code, Config, Context, Credentials, Identity, LimitsConfig, Module, Result,
};

use super::{call, closed, configured, connect, last_words, refusal, serve};
use crate::support::{Local, RawClient, node_by_all_ways};

async fn by_name(credentials: Credentials) -> Result<Identity> {
    match credentials.token() {
        Some("panic") => panic!("of the app's own"),
        Some("hang") => std::future::pending().await,
        Some("soon") => Ok(Identity::of("ada").until(SystemTime::now() + Duration::from_secs(5))),
        Some("away") => {
            Err(CallError::new(Code::Unavailable, "try later").with_details(json!({"after_ms": 500})))
        }
        Some(name) if name.starts_with("name:") => {
            let claims = json!({"data": {"account_type": credentials.auth()["type"]}, "agent": credentials.header("user-agent")});
            Ok(Identity::of(&name[5..]).with_claims(claims))
        }
        _ => Err(CallError::new(Code::Forbidden, "nobody is known by that")),
    }
}

#[tokio::test]
async fn its_own_function_says_who_a_client_is() {
    let local = serve(App::new().authenticate(by_name), AuthConfig::default()).await;
    let mut ada = RawClient::connect_with(&local.url, &json!({"token": "name:ada", "type": 7})).await;
    let me = call(&mut ada, "api.me.whoami", Value::Null).await;
    assert_eq!(me["data"], json!({"subject": "ada", "account": 7}));
    let refused = refusal(&local, &json!({"token": "x"})).await;
    let error = json!({"code": "forbidden", "message": "nobody is known by that", "retry": false});
    assert_eq!(
        refused,
        json!({"message": "nobody is known by that", "data": error})
    );
    let away = refusal(&local, &json!({"token": "away"})).await;
    assert_eq!(
        [&away["data"]["retry"], &away["data"]["details"]["after_ms"]],
        [&json!(true), &json!(500)]
    );
    assert!(ada.is_well().await);
}

#[tokio::test]
async fn a_function_that_panics_or_hangs_refuses() {
    let config = Config {
        limits: LimitsConfig {
            call_timeout: Duration::from_millis(50),
            ..configured(AuthConfig::default()).limits
        },
        ..configured(AuthConfig::default())
    };
    let local = Local::start(App::new().authenticate(by_name), config).await;
    for (token, code) in [("panic", "internal"), ("hang", "timeout")] {
        let refused = refusal(&local, &json!({ "token": token })).await;
        assert_eq!(refused["data"]["code"], code);
        assert!(connect(&local, "name:ada").await.is_well().await);
    }
}

#[tokio::test]
async fn it_is_asked_again_at_a_refresh_and_its_identities_end() {
    let local = serve(App::new().authenticate(by_name), AuthConfig::default()).await;
    let mut ada = connect(&local, "name:ada").await;
    let bob = call(&mut ada, "auth.refresh", json!({"token": "name:bob"})).await;
    assert_eq!(bob["error"]["code"], "forbidden");
    assert_eq!(
        call(&mut ada, "auth.refresh", json!({"token": "away"})).await["error"]["code"],
        "unavailable"
    );
    // Only now its time begins to run.
    ada.begin(&json!({"event": "auth.refresh", "data": {"token": "soon"}}))
        .await;
    let heard = last_words(&mut ada).await;
    assert_eq!(heard[heard.len() - 2..], closed("the identity has expired"));
}

#[tokio::test]
async fn who_is_revoked_is_asked_about_again() {
    let local = serve(App::new().authenticate(by_name), AuthConfig::default()).await;
    let mut ada = connect(&local, "name:ada").await;
    assert_eq!(local.server.revoke("ada").await.unwrap(), 1);
    assert_eq!(last_words(&mut ada).await, closed("the identity was revoked"));
    assert!(
        connect(&local, "name:ada").await.is_well().await,
        "it is the app that knows"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_each_generation_hear_why_they_are_refused() {
    let whoami = async |cx: Context| cx.identity().subject().map(|name| format!("name:{name}"));
    let app = App::new()
        .authenticate(by_name)
        .module(Module::new("api.me").on("whoami", whoami));
    let local = Local::start(app, configured(AuthConfig::default())).await;
    let expected = &["nobody is known by that", "name:ada", "forbidden"];
    node_by_all_ways("refused.mjs", &local.url, expected).await;
}
