//! Who clients are: asked on each namespace, and closed when that ends.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use updraft::{
    App, AuthConfig, CallError, Code, Config, Context, Credentials, Identity, Json, Module, Result, State,
    Subjects, require, signed_in,
};

use super::{Served, serve};
use crate::support::{RawClient, node_by_all_ways};

/// Whoever shows a name is known by it.
async fn by_name(credentials: Credentials) -> Result<Identity> {
    match credentials.token() {
        Some("brief") => Ok(Identity::of("brief").until(SystemTime::now() + Duration::from_secs(3))),
        Some("forged") | None => Err(CallError::new(Code::Unauthenticated, "say who you are")),
        Some(name) => Ok(Identity::of(name)),
    }
}

async fn whoami(cx: Context) -> Json<Value> {
    Json(json!(cx.identity().subject()))
}

async fn start(auth: AuthConfig) -> Served {
    let revoke = async |subject: String, subjects: State<Subjects>| subjects.revoke(&subject).await.map(Json);
    let module = Module::new("api.me")
        .guard(require(signed_in()))
        .on("whoami", whoami)
        .on("revoke", revoke);
    let config = Config {
        auth,
        ..Config::default()
    };
    serve(App::new().authenticate(by_name).module(module), config).await
}

async fn connect(server: &Served, name: &str) -> RawClient {
    RawClient::connect_with(&server.url, &json!({ "token": name })).await
}

async fn last_words(client: &mut RawClient) -> Vec<String> {
    let mut heard = Vec::new();
    loop {
        heard.push(client.text().await);
        if heard.last().is_some_and(|last| last.starts_with("41")) {
            return heard;
        }
    }
}

fn closed(why: &str) -> [String; 2] {
    let error = json!({"code": "unauthenticated", "message": why, "retry": false});
    let closed = json!(["event", {"event": "server.closed", "error": error}]);
    [format!("42{closed}"), "41".to_owned()]
}

#[tokio::test]
async fn a_client_says_who_it_is_on_each_namespace() {
    let server = start(AuthConfig::default()).await;
    let mut client = connect(&server, "ada").await;
    let me = client.call(&json!({"event": "api.me.whoami"})).await;
    assert_eq!(me["data"], "ada");
    client.send("40/chat,").await;
    assert_eq!(client.text().await, r#"44/chat,{"message":"say who you are"}"#);
    client.send(r#"40/chat,{"token":"bob"}"#).await;
    assert!(client.text().await.starts_with("40/chat,"));
    client.send(r#"42/chat,5["event",["api.me.whoami"]]"#).await;
    let answer = json!([{"event": "api.me.whoami", "data": "bob"}]);
    assert_eq!(client.text().await, format!("43/chat,5{answer}"));
}

#[tokio::test]
async fn a_revoked_subject_hears_why_and_is_disconnected() {
    let server = start(AuthConfig::default()).await;
    let (mut ada, mut bob) = (connect(&server, "ada").await, connect(&server, "bob").await);
    let revoked = bob.call(&json!({"event": "api.me.revoke", "data": "ada"})).await;
    assert_eq!(revoked["data"], 1);
    assert_eq!(last_words(&mut ada).await, closed("the identity was revoked"));
    assert_eq!(server.namespace.revoke("ada").await.unwrap(), 0);
    assert!(bob.is_well().await);
}

#[tokio::test]
async fn an_identity_that_ends_closes_its_socket() {
    let warning = Duration::from_secs(1);
    let server = start(AuthConfig {
        warning,
        ..AuthConfig::default()
    });
    let server = server.await;
    let mut client = connect(&server, "brief").await;
    let warned = client.text().await;
    assert!(warned.contains("server.auth_expiring"), "{warned}");
    assert_eq!(last_words(&mut client).await, closed("the identity has expired"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_are_refused_hear_why() {
    let server = start(AuthConfig::default()).await;
    node_by_all_ways("refused.mjs", &server.url, &["say who you are", "ada"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_the_proof_of_concept_are_closed_at_their_first_call() {
    let at_first_call = AuthConfig {
        at_first_call: true,
        ..AuthConfig::default()
    };
    let server = start(at_first_call).await;
    node_by_all_ways("permission.mjs", &server.url, &["ada"]).await;
}
