//! As the proof of concept refused: at the first call, by a text.

use std::time::Duration;

use serde_json::{Value, json};
use updraft::{
    App, AuthConfig, Config, Context, Json, Module, SessionConfig, Topic, everyone, journal::MemoryJournal,
};

use super::{auth, configured, connect, last_words, serve, token};
use crate::support::{Local, PATIENCE, Packet, RawClient, node};

const NO_PERMISSION: &str = "user hasn`t permission";

async fn like_the_proof_of_concept() -> Local {
    let app = App::new()
        .journal(std::sync::Arc::new(MemoryJournal::new().unwrap()))
        .topic(Topic::new("news").readable_by(everyone));
    let at_first_call = AuthConfig {
        at_first_call: true,
        ..auth()
    };
    // Who is closed is closed once it has heard why, and not for having waited long enough.
    let config = Config {
        session: SessionConfig {
            send_timeout: Duration::from_hours(1),
            ..SessionConfig::default()
        },
        ..configured(at_first_call)
    };
    Local::start(app, config).await
}

#[tokio::test]
async fn an_old_client_is_closed_once_it_has_heard_why() {
    let local = like_the_proof_of_concept().await;
    let mut client = RawClient::connect_old(&local.url).await;
    client.emit(&json!({"event": "api.services.status"})).await;
    let message = format!(r#"42["message",{}]"#, json!(NO_PERMISSION));
    assert_eq!(last_words(&mut client).await, [message, "41".to_owned()]);
}

#[tokio::test]
async fn who_is_refused_connects_and_is_closed_at_the_first_call() {
    let local = like_the_proof_of_concept().await;
    let message = format!(r#"42["message",{}]"#, json!(NO_PERMISSION));
    let error = json!({"code": "unauthenticated", "message": NO_PERMISSION, "retry": false});
    let ack = format!("431[{}]", json!({"event": "", "error": error}));
    for presented in ["forged", ""] {
        let mut client = connect(&local, presented).await;
        client.emit(&json!({"event": "api.services.status"})).await;
        assert_eq!(last_words(&mut client).await, [message.clone(), "41".to_owned()]);

        let mut client = connect(&local, presented).await;
        client.begin(&json!({"event": "api.services.status"})).await;
        assert_eq!(
            last_words(&mut client).await,
            [message.clone(), ack.clone(), "41".to_owned()]
        );
        assert!(connect(&local, &token(json!({}))).await.is_well().await);
    }
}

#[tokio::test]
async fn who_is_refused_hears_of_no_topic_meanwhile() {
    let local = like_the_proof_of_concept().await;
    let handshake = json!({"token": "forged", "topics": {"news": null}});
    let mut client = RawClient::connect_with(&local.url, &handshake).await;
    client
        .emit(&json!({"event": "topic.subscribe", "data": {"topic": "news"}}))
        .await;
    let heard = last_words(&mut client).await;
    assert!(heard[0].contains(NO_PERMISSION) && heard.len() == 2, "{heard:?}");
}

#[tokio::test]
async fn who_is_refused_hears_nothing_of_what_is_said_to_all() {
    let module = Module::new("say")
        .on("all", async |cx: Context| {
            cx.broadcast().emit("message", "to all").await
        })
        .on("ask", async |cx: Context| {
            let answers = cx
                .broadcast()
                .emit_with_ack::<Value>("question", "to all", PATIENCE)
                .await;
            answers.map(|answers| Json(answers.len()))
        });
    let at_first_call = AuthConfig {
        at_first_call: true,
        ..auth()
    };
    let local = serve(App::new().module(module), at_first_call).await;
    let mut refused = connect(&local, "forged").await;
    let mut ada = connect(&local, &token(json!({}))).await;
    let mut bob = connect(&local, &token(json!({"sub": "bob"}))).await;
    assert!(ada.call(&json!({"event": "say.all"})).await["error"].is_null());
    assert_eq!(bob.message().await, "to all");

    let asked = ada.begin(&json!({"event": "say.ask"})).await;
    let Packet::Event(_, _, Some(ack)) = bob.packet().await else {
        panic!("a question was expected");
    };
    bob.ack(ack, &json!("yes")).await;
    assert_eq!(ada.answer(asked).await["data"], 1, "no other socket was asked");

    refused.emit(&json!({"event": "api.services.status"})).await;
    let message = format!(r#"42["message",{}]"#, json!(NO_PERMISSION));
    assert_eq!(last_words(&mut refused).await, [message, "41".to_owned()]);
}

#[test]
fn stock_clients_of_the_proof_of_concept_hear_the_text() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let local = runtime.block_on(like_the_proof_of_concept());
    for generation in ["2", "4"] {
        for transport in ["websocket", "polling", "upgraded"] {
            let good = token(json!({}));
            node("permission.mjs", &[&local.url, generation, transport, &good]);
        }
    }
}
