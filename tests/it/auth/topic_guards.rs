//! Guards of topics that hang or panic when they are asked again, because the client has another identity now.

use std::{future::Future, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use updraft::{
    App, CallError, Code, Config, Event, LimitsConfig, Reader, Result, Topic, everyone,
    journal::MemoryJournal,
};

use super::{account, auth, configured, connect};
use crate::support::{Local, Packet, RawClient, within_patience};

const LONG: Duration = Duration::from_hours(1);

/// A guard that lets accounts of the first kind read at once, and of others does not know.
#[derive(Clone)]
struct Hesitant {
    asked: Arc<Semaphore>,
    decides: Arc<Semaphore>,
}

impl Hesitant {
    fn new() -> Self {
        let closed = || Arc::new(Semaphore::new(0));
        Self {
            asked: closed(),
            decides: closed(),
        }
    }

    async fn admit(self, reader: Reader) -> Result<()> {
        if is_first(&reader) {
            return Ok(());
        }
        self.asked.add_permits(1);
        drop(self.decides.acquire().await);
        Err(CallError::new(Code::Forbidden, "decided at last"))
    }

    /// Waits until it is asked.
    async fn asked(&self) {
        drop(within_patience("the guard to be asked", self.asked.acquire()).await);
    }
}

fn is_first(reader: &Reader) -> bool {
    reader.identity.claim::<u8>("data.account_type") == Some(1)
}

async fn panics(reader: Reader) -> Result<()> {
    assert!(is_first(&reader), "what only the log may say");
    Ok(())
}

/// A server with a topic behind this guard, and one that all may read.
async fn serve<Fut>(guard: impl Fn(Reader) -> Fut + Send + Sync + 'static, config: Config) -> Local
where
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    let app = App::new()
        .journal(Arc::new(MemoryJournal::new().unwrap()))
        .topic(Topic::new("guarded").readable_by(guard))
        .topic(Topic::new("open").readable_by(everyone));
    Local::start(app, config).await
}

fn config(guard_timeout: Duration) -> Config {
    Config {
        limits: LimitsConfig {
            guard_timeout,
            ..configured(auth()).limits
        },
        ..configured(auth())
    }
}

/// A subscriber that may read both topics, and does.
async fn reader(local: &Local) -> RawClient {
    let handshake = json!({"token": account(1), "topics": {"guarded": null, "open": null}});
    let mut client = RawClient::connect_with(&local.url, &handshake).await;
    let mut live = 0;
    while live < 2 {
        live += usize::from(event(&mut client).await["event"] == "topic.live");
    }
    client
}

async fn event(client: &mut RawClient) -> Value {
    match client.packet().await {
        Packet::Event(name, event, None) if name == "event" => event,
        other => panic!("an event was expected, not {other:?}"),
    }
}

/// Takes another identity; the number of the ack.
async fn refresh(client: &mut RawClient) -> u32 {
    client
        .begin(&json!({"event": "auth.refresh", "data": {"token": account(2)}}))
        .await
}

async fn publish(local: &Local, topic: &str) {
    let topic = local.server.feed().unwrap().topic(topic.to_owned());
    topic.publish(Event::new("said")).await.unwrap();
}

/// The client is notified that it reads the guarded topic no more, and why.
async fn is_refused(client: &mut RawClient, code: &str) {
    let told = event(client).await;
    assert_eq!([&told["event"], &told["topic"]], ["topic.refused", "guarded"]);
    assert_eq!(told["error"]["code"], code, "{told}");
    assert!(!told.to_string().contains("only the log"), "{told}");
}

/// It hears of the open topic and not of the other, for which it may ask again.
async fn reads_the_open_topic_alone(client: &mut RawClient, local: &Local) {
    publish(local, "guarded").await;
    publish(local, "open").await;
    assert_eq!(event(client).await["topic"], "open");
    client.hears_nothing_else().await;
}

#[tokio::test]
async fn while_a_guard_hangs_all_else_goes_on() {
    let guard = Hesitant::new();
    let asks = guard.clone();
    let local = serve(move |reader| asks.clone().admit(reader), config(LONG)).await;
    let mut ada = reader(&local).await;
    let refreshed = refresh(&mut ada).await;
    guard.asked().await;
    assert!(ada.is_well().await, "its calls");
    publish(&local, "open").await;
    assert_eq!(event(&mut ada).await["topic"], "open", "what it reads");
    assert!(connect(&local, &account(2)).await.is_well().await, "others");
    guard.decides.add_permits(1);
    is_refused(&mut ada, "forbidden").await;
    assert_eq!(ada.answer(refreshed).await["data"]["subject"], "ada");
    reads_the_open_topic_alone(&mut ada, &local).await;
}

#[tokio::test]
async fn a_guard_that_takes_too_long_has_not_let_the_client_read() {
    let guard = Hesitant::new();
    let local = serve(
        move |reader| guard.clone().admit(reader),
        config(Duration::from_millis(200)),
    )
    .await;
    let mut ada = reader(&local).await;
    let refreshed = refresh(&mut ada).await;
    is_refused(&mut ada, "timeout").await;
    assert_eq!(ada.answer(refreshed).await["data"]["subject"], "ada");
    reads_the_open_topic_alone(&mut ada, &local).await;
    let again = json!({"event": "topic.subscribe", "data": {"topic": "guarded"}});
    let again = ada.call(&again).await;
    assert_eq!(again["error"]["code"], "timeout");
    assert_eq!(again["error"]["retry"], true);
}

#[tokio::test]
async fn a_guard_that_panics_has_not_let_the_client_read() {
    let local = serve(panics, config(LONG)).await;
    let mut ada = reader(&local).await;
    let refreshed = refresh(&mut ada).await;
    is_refused(&mut ada, "internal").await;
    assert_eq!(ada.answer(refreshed).await["data"]["subject"], "ada");
    reads_the_open_topic_alone(&mut ada, &local).await;
}

/// It has another identity by then, whether an answer is still awaited or not.
#[tokio::test]
async fn a_guard_is_asked_to_the_end_also_where_the_call_is_given_up() {
    let guard = Hesitant::new();
    let asks = guard.clone();
    let impatient = Config {
        limits: LimitsConfig {
            call_timeout: Duration::from_millis(500),
            ..config(LONG).limits
        },
        ..config(LONG)
    };
    let local = serve(move |reader| asks.clone().admit(reader), impatient).await;
    let mut ada = reader(&local).await;
    let refreshed = refresh(&mut ada).await;
    guard.asked().await;
    assert_eq!(ada.answer(refreshed).await["error"]["code"], "timeout");
    guard.decides.add_permits(1);
    is_refused(&mut ada, "forbidden").await;
    reads_the_open_topic_alone(&mut ada, &local).await;
}
