//! Rights that are taken away.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use updraft::{
    App, AuthConfig, Context, Event, Module, Result, State, Subjects, Topic, everyone, journal::MemoryJournal,
};

use super::{auth, call, closed, connect, last_words, now, refusal, serve, token, unauthenticated};
use crate::support::{Packet, RawClient, until_async, within_patience};

fn app() -> App {
    App::new()
        .journal(Arc::new(MemoryJournal::new().unwrap()))
        .topic(Topic::new("news").readable_by(everyone))
        .module(Module::new("news").on("shout", shout))
}

/// Speaks to everybody as long as it is there.
async fn shout(cx: Context) -> Result<()> {
    while !cx.is_cancelled() {
        cx.broadcast().emit("event", "something").await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_revoked_hears_nothing_more_of_any_topic_or_room() {
    let local = serve(app(), auth()).await;
    let feed = local.server.feed().unwrap().clone();
    let publishing = tokio::spawn(async move {
        loop {
            let event = Event::new("news").data("something").unwrap();
            feed.topic("news").publish(event).await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    let mut bob = connect(&local, &token(json!({"sub": "bob"}))).await;
    bob.emit(&json!({"event": "news.shout"})).await;
    for _ in 0..10 {
        let mut adas = Vec::new();
        for _ in 0..3 {
            let later = token(json!({"iat": now() + 600}));
            let mut ada = connect(&local, &later).await;
            call(&mut ada, "topic.subscribe", json!({"topic": "news"})).await;
            adas.push(ada);
        }
        assert_eq!(local.server.revoke("ada").await.unwrap(), 3);
        for mut ada in adas {
            let heard = last_words(&mut ada).await;
            let reason = heard.len().checked_sub(2).expect("a reason and a goodbye");
            assert_eq!(heard[reason..], closed("the identity was revoked"));
        }
        assert!(bob.is_well().await, "others stay");
    }
    assert_eq!(local.server.revoke("ada").await.unwrap(), 0);
    publishing.abort();
}

#[tokio::test]
async fn who_is_revoked_needs_a_token_that_was_issued_later() {
    let local = serve(App::new(), auth()).await;
    local.server.revoke("ada").await.unwrap();
    for earlier in [json!({}), json!({"iat": now() - 100}), json!({"iat": "later"})] {
        let told = refusal(&local, &json!({"token": token(earlier.clone())})).await;
        assert_eq!(told, unauthenticated("the identity was revoked"), "{earlier}");
    }
    let later = token(json!({"iat": now() + 100}));
    assert!(connect(&local, &later).await.is_well().await);
    assert!(
        connect(&local, &token(json!({"sub": "bob"})))
            .await
            .is_well()
            .await
    );
}

/// By how much the clocks of issuer and nodes may differ, the server is told.
#[tokio::test]
async fn a_token_that_may_have_been_issued_before_by_another_clock_is_refused() {
    let auth = AuthConfig {
        leeway: Duration::from_secs(60),
        ..auth()
    };
    let local = serve(app(), auth).await;
    local.server.revoke("ada").await.unwrap();
    let told = refusal(&local, &json!({"token": token(json!({"iat": now() + 30}))})).await;
    assert_eq!(told, unauthenticated("the identity was revoked"));
    let later = token(json!({"iat": now() + 100}));
    assert!(connect(&local, &later).await.is_well().await);
}

#[tokio::test]
async fn what_was_revoked_is_known_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let start = async || {
        let journal = updraft::JournalConfig {
            data: data.path().to_owned(),
            ..updraft::JournalConfig::default()
        };
        let config = updraft::Config {
            journal,
            ..super::configured(auth())
        };
        let app = App::new().topic(Topic::new("news").readable_by(everyone));
        crate::support::Local::start(app, config).await
    };
    let local = start().await;
    let mut ada = connect(&local, &token(json!({}))).await;
    assert_eq!(local.server.revoke("ada").await.unwrap(), 1);
    assert_eq!(last_words(&mut ada).await, closed("the identity was revoked"));
    local.server.stop().await;

    let local = start().await;
    let told = refusal(&local, &json!({"token": token(json!({"iat": now() - 100}))})).await;
    assert_eq!(told, unauthenticated("the identity was revoked"));
    let mut later = connect(&local, &token(json!({"iat": now() + 100}))).await;
    assert!(later.is_well().await);
    local.server.stop().await;
}

#[tokio::test]
async fn nobody_reads_or_writes_what_the_server_keeps_of_revocations() {
    async fn forge(cx: Context) -> Result<()> {
        let forged = Event::new("revoked").key("bob").data(&json!({"at": u64::MAX}))?;
        cx.topic("updraft.revoked").publish(forged).await.map(drop)
    }
    let local = serve(app().module(Module::new("forger").on("forge", forge)), auth()).await;
    let mut ada = connect(&local, &token(json!({}))).await;
    let read = call(&mut ada, "topic.subscribe", json!({"topic": "updraft.revoked"})).await;
    assert_eq!(read["error"]["code"], "forbidden");
    assert_eq!(
        call(&mut ada, "forger.forge", json!(null)).await["error"]["code"],
        "internal"
    );
    assert!(
        connect(&local, &token(json!({"sub": "bob"})))
            .await
            .is_well()
            .await
    );
}

#[tokio::test]
async fn a_function_can_revoke_too() {
    let module = Module::new("api.admin")
        .on("lock_out", async |subject: String, subjects: State<Subjects>| {
            subjects.revoke(&subject).await.map(updraft::Json)
        });
    let local = serve(App::new().module(module), auth()).await;
    let mut ada = connect(&local, &token(json!({}))).await;
    let mut bob = connect(&local, &token(json!({"sub": "bob"}))).await;
    assert_eq!(
        call(&mut bob, "api.admin.lock_out", json!("ada")).await["data"],
        1
    );
    assert_eq!(last_words(&mut ada).await, closed("the identity was revoked"));
}

#[tokio::test]
async fn what_runs_for_who_is_revoked_says_nothing_more() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let opened = gate.clone();
    let (done, mut is_done) = tokio::sync::mpsc::unbounded_channel();
    let module = Module::new("api.slow").on("emit", move |cx: updraft::Context| {
        let (gate, done) = (gate.clone(), done.clone());
        async move {
            cx.emit("message", "begun").await.unwrap();
            drop(gate.acquire().await);
            done.send((
                cx.is_cancelled(),
                cx.emit("message", "too late").await.is_err(),
                cx.identity(),
            ))
            .unwrap();
        }
    });
    let local = serve(App::new().module(module), auth()).await;
    let mut ada = connect(&local, &token(json!({}))).await;
    ada.emit(&json!({"event": "api.slow.emit"})).await;
    assert_eq!(
        ada.packet().await,
        Packet::Event("message".into(), json!("begun"), None)
    );
    local.server.revoke("ada").await.unwrap();
    opened.add_permits(1);
    let (cancelled, unsent, identity) = within_patience("the function", is_done.recv()).await.unwrap();
    assert!(cancelled && unsent && identity.is_anonymous());
    assert_eq!(last_words(&mut ada).await, closed("the identity was revoked"));
}

#[tokio::test]
async fn what_waits_for_who_is_revoked_does_not_begin() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let begun = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (opened, counted) = (gate.clone(), begun.clone());
    let module = Module::new("api.slow").on("wait", move || {
        let (gate, begun) = (gate.clone(), begun.clone());
        async move {
            begun.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            drop(gate.acquire().await);
        }
    });
    let config = updraft::Config {
        limits: updraft::LimitsConfig {
            max_running: 1,
            ..super::configured(auth()).limits
        },
        ..super::configured(auth())
    };
    let local = crate::support::Local::start(App::new().module(module), config).await;
    let mut ada = connect(&local, &token(json!({}))).await;
    for _ in 0..5 {
        ada.emit(&json!({"event": "api.slow.wait"})).await;
    }
    // What a client sends comes in before what it sends after, on the same connection.
    ada.send(r#"421["other"]"#).await;
    ada.answer(1).await;
    local.server.revoke("ada").await.unwrap();
    opened.add_permits(100);
    assert_eq!(last_words(&mut ada).await, closed("the identity was revoked"));
    local.server.stop().await;
    assert_eq!(counted.load(std::sync::atomic::Ordering::SeqCst), 1);
}

/// None where it was sent away before it asked again: this machine had much to do.
async fn let_in_after_a_refusal(url: &str) -> Option<RawClient> {
    let mut client = RawClient::open(url).await;
    client.send(r#"40{"token":"x"}"#).await;
    assert!(client.text().await.starts_with("0{"));
    assert!(client.text().await.starts_with("44{"));
    let good = json!({"token": token(json!({}))});
    client.try_send(&format!("40{good}")).await;
    let answer = client.next().await?;
    let is_let_in = matches!(&answer, Message::Text(text) if text.starts_with("40{"));
    is_let_in.then_some(client)
}

#[tokio::test]
async fn who_is_let_in_after_a_refusal_stays() {
    let local = serve(App::new(), auth()).await;
    let mut let_in = None;
    until_async("a client to be let in", async || {
        let_in = let_in_after_a_refusal(&local.url).await;
        let_in.is_some()
    })
    .await;
    let mut client = let_in.unwrap();
    // Longer than a refused client may stay.
    let begun = std::time::Instant::now();
    while begun.elapsed() < std::time::Duration::from_secs(6) {
        assert!(client.is_well().await);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let mut refused = RawClient::open(&local.url).await;
    refused.send(r#"40{"token":"x"}"#).await;
    assert_eq!(
        last_words(&mut refused).await.len(),
        2,
        "the others are sent away"
    );
}
