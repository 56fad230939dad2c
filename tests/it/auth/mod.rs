//! Which clients may connect, what they may do, and for how long: with a real server and real tokens.

mod command;
mod expiry;
mod first_call;
mod forged;
mod guards;
mod key_sets;
mod keys;
#[cfg(all(unix, feature = "postgres"))]
mod nodes;
mod own;
mod refresh;
mod revoke;
mod rights;
mod topic_guards;
mod topics;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use updraft::{App, AuthConfig, Config, Context, Json, Module};

use crate::support::{Local, RawClient};

const SECRET: &str = "a secret of the stories that is long enough to be one";
const OTHER: &str = "another secret of the stories, which is as long as that";

/// Seconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}

/// Ada's claims, which hold for an hour, with some of them changed; `null` takes one away.
fn claims(changed: Value) -> Value {
    let mut claims = json!({"sub": "ada", "exp": now() + 3600, "data": {"account_type": 1}});
    for (name, value) in changed.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims
                .as_object_mut()
                .unwrap()
                .insert(name.clone(), value.clone()),
        };
    }
    claims
}

fn signed(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    encode(header, claims, key).unwrap()
}

/// A token of Ada's as it should be, but for these claims.
fn token(changed: Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    signed(&Header::new(Algorithm::HS256), &claims(changed), &key)
}

/// A token of Ada's, with this type of account.
fn account(number: u8) -> String {
    token(json!({"data": {"account_type": number}}))
}

fn auth() -> AuthConfig {
    AuthConfig {
        secrets: vec![SECRET.into()],
        leeway: Duration::ZERO,
        ..AuthConfig::default()
    }
}

fn configured(auth: AuthConfig) -> Config {
    Config {
        auth,
        ..Config::default()
    }
}

/// Who the caller is, as functions see it.
async fn whoami(cx: Context) -> Json<Value> {
    let identity = cx.identity();
    Json(json!({"subject": identity.subject(), "account": identity.claim::<u8>("data.account_type")}))
}

/// A server whose clients show tokens.
async fn serve(app: App, auth: AuthConfig) -> Local {
    let module = Module::new("api.me").on("whoami", whoami);
    Local::start(app.module(module), configured(auth)).await
}

async fn connect(local: &Local, token: &str) -> RawClient {
    RawClient::connect_with(&local.url, &json!({ "token": token })).await
}

async fn call(client: &mut RawClient, event: &str, data: Value) -> Value {
    client.call(&json!({"event": event, "data": data})).await
}

/// The refusal of a client that may not connect.
async fn refusal(local: &Local, auth: &Value) -> Value {
    let mut client = RawClient::open(&local.url).await;
    client.send(&format!("40{auth}")).await;
    let greeting = client.text().await;
    assert!(greeting.starts_with("0{"), "{greeting}");
    let told = client.text().await;
    let told = told.strip_prefix("44").unwrap_or_else(|| panic!("{told}"));
    serde_json::from_str(told).unwrap()
}

/// A refusal that says this, for want of an identity.
fn unauthenticated(message: &str) -> Value {
    let data = json!({"code": "unauthenticated", "message": message, "retry": false});
    json!({"message": message, "data": data})
}

/// What a client still hears until the connection is closed: the texts of its packets.
async fn last_words(client: &mut RawClient) -> Vec<String> {
    let mut heard = Vec::new();
    while let Some(message) = client.next().await {
        match message {
            Message::Text(text) => heard.push(text.as_str().to_owned()),
            Message::Close(_) => {}
            other => panic!("{other:?}"),
        }
    }
    heard
}

/// The packets with which a server closes a socket, and says why.
fn closed(why: &str) -> [String; 2] {
    let error = json!({"code": "unauthenticated", "message": why, "retry": false});
    let event = json!(["event", {"event": "server.closed", "error": error}]);
    [format!("42{event}"), "41".to_owned()]
}
