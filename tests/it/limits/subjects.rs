//! What one subject may take, over all its sockets.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use updraft::{App, AuthConfig, Config, HttpConfig, LimitsConfig};

use super::refused;
use crate::support::{Local, RawClient, until_async};

pub(crate) const SECRET: &str = "a secret of the stories that is long enough to be one";

pub(crate) fn token(subject: &str) -> Value {
    token_until(subject, 4_000_000_000)
}

/// A token that ends at this second since 1970.
fn token_until(subject: &str, expires: u64) -> Value {
    let claims = json!({"sub": subject, "exp": expires});
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    json!({"token": encode(&Header::default(), &claims, &key).unwrap()})
}

/// A server of subjects and strangers.
async fn serve(config: Config) -> Local {
    let auth = AuthConfig {
        secrets: vec![SECRET.into()],
        optional: true,
        leeway: Duration::ZERO,
        ..AuthConfig::default()
    };
    let config = Config {
        http: HttpConfig {
            metrics: true,
            ..config.http
        },
        auth,
        ..config
    };
    Local::start(App::new(), config).await
}

async fn connect(local: &Local, subject: &str) -> RawClient {
    RawClient::connect_with(&local.url, &token(subject)).await
}

/// The refusal of a client that connects as this subject; none where it may.
async fn refusal(local: &Local, subject: &str) -> Option<Value> {
    let mut client = RawClient::open(&local.url).await;
    client.send(&format!("40{}", token(subject))).await;
    client.text().await;
    let told = client.text().await;
    told.strip_prefix("44")
        .map(|told| serde_json::from_str(told).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_has_so_many_connections_and_no_more() {
    let local = serve(Config {
        limits: LimitsConfig {
            max_connections_per_subject: 2,
            ..LimitsConfig::default()
        },
        ..Config::default()
    })
    .await;
    let (mut first, second) = (connect(&local, "ada").await, connect(&local, "ada").await);
    let full = json!({
        "code": "rate_limited", "message": "a subject has 2 connections at most", "retry": true,
        "details": {"most": 2, "after_ms": 5000},
    });
    let told = refusal(&local, "ada").await.unwrap();
    assert_eq!(told, json!({"message": full["message"], "data": full}));
    assert_eq!(refused(&local.url, "connections_per_subject"), 1);
    assert!(connect(&local, "bob").await.is_well().await);

    // A client that connected anonymously and authenticates now.
    let mut nobody = local.client().await;
    let refresh = json!({"event": "auth.refresh", "data": token("ada")});
    assert_eq!(nobody.call(&refresh).await["error"], full);
    assert!(nobody.is_well().await, "it stays anonymous");
    assert!(first.is_well().await);
    assert_eq!(
        first.call(&refresh).await["data"]["subject"],
        "ada",
        "a socket that has a place keeps it"
    );

    drop(second);
    until_async("the place to come back", async || {
        nobody.call(&refresh).await["error"] == Value::Null
    })
    .await;
    assert!(refusal(&local, "ada").await.is_some(), "and it is taken now");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_calls_so_often_over_however_many_sockets() {
    let local = serve(Config {
        limits: LimitsConfig {
            call_rate_per_subject: 1,
            call_burst_per_subject: 4,
            ..LimitsConfig::default()
        },
        ..Config::default()
    })
    .await;
    let status = json!({"event": "api.services.status"});
    let mut sockets = [connect(&local, "ada").await, connect(&local, "ada").await];
    for number in 0..4 {
        let answer = sockets[number % 2].call(&status).await;
        assert_eq!(answer["data"], "online");
    }
    let mut after = 0;
    for socket in &mut sockets {
        // While they were made one more may have become due.
        let mut answer = socket.call(&status).await;
        while answer["data"] == "online" {
            answer = socket.call(&status).await;
        }
        let error = &answer["error"];
        assert_eq!(error["code"], "rate_limited");
        assert_eq!(
            error["message"],
            "too many calls of this subject in so short a time"
        );
        after = error["details"]["after_ms"].as_u64().unwrap();
        assert!((1..=1000).contains(&after), "{error}");
    }
    assert!(refused(&local.url, "call_rate_per_subject") >= 2);
    assert!(connect(&local, "bob").await.is_well().await);
    assert!(
        local.client().await.is_well().await,
        "an anonymous client is no subject"
    );

    // A client that waits as long as the error asks for is answered.
    tokio::time::sleep(Duration::from_millis(after)).await;
    assert_eq!(sockets[0].call(&status).await["data"], "online");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_connects_anew_does_not_begin_anew() {
    let local = serve(Config {
        limits: LimitsConfig {
            call_rate_per_subject: 1,
            call_burst_per_subject: 100,
            ..LimitsConfig::default()
        },
        ..Config::default()
    })
    .await;
    let status = json!({"event": "api.services.status"});
    let mut done = 0;
    // More than a burst, by a new socket for each ten; slower than these calls it would not be refused.
    for _ in 0..30 {
        let mut client = connect(&local, "ada").await;
        for _ in 0..10 {
            done += u32::from(client.call(&status).await["data"] == "online");
        }
    }
    assert!((100..300).contains(&done), "{done}");
    assert_eq!(
        refused(&local.url, "call_rate_per_subject"),
        u64::from(300 - done)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_or_revoked_is_counted() {
    let local = serve(Config::default()).await;
    let mut ada = connect(&local, "ada").await;
    assert!(ada.is_well().await);
    assert_eq!(local.server.revoke("ada").await.unwrap(), 1);
    while ada.next().await.is_some() {}
    assert_eq!(refused(&local.url, "revoked"), 1);
    assert!(refusal(&local, "ada").await.is_some(), "its token too");
    let mut forger = RawClient::open(&local.url).await;
    forger.send(r#"40{"token":"forged"}"#).await;
    forger.text().await;
    assert!(forger.text().await.starts_with("44"));
    assert_eq!(refused(&local.url, "identity"), 2);

    let mut bob = connect(&local, "bob").await;
    // Again where the token was over before it was looked at.
    until_async("a short token to be taken", async || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let refresh = json!({"event": "auth.refresh", "data": token_until("bob", now + 3)});
        bob.call(&refresh).await["error"].is_null()
    })
    .await;
    while bob.next().await.is_some() {}
    assert_eq!(refused(&local.url, "expired"), 1);
}
