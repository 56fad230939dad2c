//! Rights that end while a call waits to begin: it does not begin, whatever it waits for.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use updraft::{
    App, AuthConfig, Code, Config, Context, Credentials, Event, Identity, Json, Module, Position, Reader,
    Result, State, Topic, claim, everyone,
    journal::{Cursor, Journal, MemoryJournal},
    require,
};

use super::{call, configured, connect, last_words, whoami};
use crate::support::{Local, PATIENCE, Packet, RawClient, until, within_patience};

/// A door that stays shut until the story opens it, and tells how many have come to it.
#[derive(Clone)]
struct Door {
    came: Arc<Semaphore>,
    opens: Arc<Semaphore>,
}

impl Door {
    fn shut() -> Self {
        let closed = || Arc::new(Semaphore::new(0));
        Self {
            came: closed(),
            opens: closed(),
        }
    }

    async fn pass(&self) {
        self.came.add_permits(1);
        drop(self.opens.acquire().await);
    }

    /// Waits until one more has come to it.
    async fn met(&self) {
        let met = within_patience("the door to be met", self.came.acquire()).await;
        met.unwrap().forget();
    }

    fn open(&self) {
        self.opens.add_permits(1000);
    }
}

/// All that a story can hold up.
struct Doors {
    guard: Door,
    topic: Door,
    function: Door,
}

async fn publish(cx: Context) -> Result<Json<Position>> {
    cx.topic("board").publish(Event::new("note")).await.map(Json)
}

/// Has its publisher from the beginning.
async fn publish_late(doors: State<Doors>, cx: Context) -> Result<Json<Position>> {
    let ledger = cx.topic("ledger");
    doors.function.pass().await;
    ledger.publish(Event::new("note")).await.map(Json)
}

/// Holds its key for as long as the door is shut, and publishes nothing.
async fn hold_key(doors: State<Doors>, cx: Context) -> Result<Json<Position>> {
    match doors.function.came.available_permits() {
        0 => doors.function.pass().await,
        _ => return publish(cx).await,
    }
    Err(updraft::CallError::new(Code::Forbidden, "not this time"))
}

/// Names are `who:account`; `slow` names wait at the door, and `soon` ones end in a second. A client without one is anonymous.
async fn by_name(refresh: Door, credentials: Credentials) -> Result<Identity> {
    let Some(name) = credentials.token().map(str::to_owned) else {
        return Ok(Identity::ANONYMOUS);
    };
    let mut parts = name.split(':');
    let (who, account) = (parts.next().unwrap(), parts.next().unwrap());
    let account: u8 = account.parse()?;
    let identity = Identity::of(who).with_claims(json!({"data": {"account_type": account}}));
    match parts.next() {
        Some("slow") => refresh.pass().await,
        Some("soon") => return Ok(identity.until(SystemTime::now() + Duration::from_secs(1))),
        _ => {}
    }
    Ok(identity)
}

struct Story {
    local: Local,
    journal: Arc<MemoryJournal>,
    guard: Door,
    topic: Door,
    function: Door,
    refresh: Door,
}

impl Story {
    async fn begin() -> Self {
        let [guard, topic, function, refresh] = std::array::from_fn(|_| Door::shut());
        let journal = Arc::new(MemoryJournal::new().unwrap());
        let of_account = || require(claim("data.account_type").at_least(1));
        let waits = async |doors: State<Doors>| doors.guard.pass().await;
        let module = Module::new("api.notes")
            .on("waits", publish)
            .guarded_by(waits)
            .on("account", publish)
            .guarded_by(of_account())
            .guarded_by(waits)
            .on("late", publish_late)
            .on("hold_key", hold_key)
            .guarded_by(async |doors: State<Doors>| doors.topic.came.add_permits(1));
        let asked = topic.clone();
        let readers = move |reader: Reader| {
            let door = asked.clone();
            async move {
                door.pass().await;
                claim("data.account_type").at_least(1).check(&reader.identity)
            }
        };
        let names = refresh.clone();
        let app = App::new()
            .journal(journal.clone())
            .authenticate(move |credentials| by_name(names.clone(), credentials))
            .topic(Topic::new("board").readable_by(everyone))
            .topic(Topic::new("ledger").writable_where(claim("data.account_type").at_least(1)))
            .topic(Topic::new("news").readable_by(readers))
            .state(Doors {
                guard: guard.clone(),
                topic: topic.clone(),
                function: function.clone(),
            })
            .module(module)
            .module(Module::new("api.me").on("whoami", whoami));
        let config = Config {
            drain_timeout: PATIENCE,
            ..configured(AuthConfig {
                leeway: Duration::ZERO,
                ..AuthConfig::default()
            })
        };
        let local = Local::start(app, config).await;
        Self {
            local,
            journal,
            guard,
            topic,
            function,
            refresh,
        }
    }

    /// The server has stopped when each call had its answer: what was published by then.
    async fn published(self) -> usize {
        for door in [&self.guard, &self.topic, &self.function, &self.refresh] {
            door.open();
        }
        self.local.server.stop().await;
        let mut published = 0;
        for topic in ["board", "ledger"] {
            let everything = Cursor {
                after: 0,
                up_to: u64::MAX,
                events: 1000,
                bytes: 1 << 20,
            };
            published += self.journal.read(topic, everything).await.unwrap().records.len();
        }
        published
    }
}

fn named(event: &str) -> Value {
    json!({"event": format!("api.notes.{event}")})
}

fn refresh(token: &str) -> Value {
    json!({"event": "auth.refresh", "data": {"token": token}})
}

#[tokio::test]
async fn a_call_whose_guard_waits_begins_where_nothing_has_changed() {
    let story = Story::begin().await;
    let mut ada = connect(&story.local, "ada:1").await;
    let number = ada.begin(&named("account")).await;
    story.guard.met().await;
    story.guard.open();
    assert!(ada.answer(number).await["data"].is_string());
    assert_eq!(story.published().await, 1);
}

#[tokio::test]
async fn a_call_whose_guard_waits_while_its_caller_is_revoked_does_not_begin() {
    for function in ["waits", "account"] {
        let story = Story::begin().await;
        let mut ada = connect(&story.local, "ada:1").await;
        ada.begin(&named(function)).await;
        let mut keyed = connect(&story.local, "ada:1").await;
        let mut call = named(function);
        call["id"] = json!("1");
        keyed.begin(&call).await;
        story.guard.met().await;
        story.guard.met().await;
        assert_eq!(story.local.server.revoke("ada").await.unwrap(), 2);
        last_words(&mut ada).await;
        assert_eq!(story.published().await, 0, "{function}");
    }
}

#[tokio::test]
async fn a_call_whose_guard_waits_until_its_caller_has_expired_does_not_begin() {
    let story = Story::begin().await;
    let mut ada = connect(&story.local, "ada:1").await;
    ada.begin(&named("waits")).await;
    story.guard.met().await;
    // Only now its time begins to run.
    ada.begin(&refresh("ada:1:soon")).await;
    last_words(&mut ada).await;
    assert_eq!(story.published().await, 0);
}

/// It is no right that ends there: what a client called before it left is done.
#[tokio::test]
async fn a_call_whose_guard_waits_while_its_client_leaves_begins() {
    let story = Story::begin().await;
    let mut ada = connect(&story.local, "ada:1").await;
    ada.begin(&named("account")).await;
    story.guard.met().await;
    drop(ada);
    assert_eq!(story.published().await, 1);
}

/// The guard that did not wait is asked again too.
#[tokio::test]
async fn guards_are_asked_again_where_the_caller_has_fewer_rights_meanwhile() {
    let story = Story::begin().await;
    let mut ada = connect(&story.local, "ada:1").await;
    let refreshed = ada.begin(&refresh("ada:0:slow")).await;
    story.refresh.met().await;
    let guarded = ada.begin(&named("account")).await;
    story.guard.met().await;
    story.refresh.open();
    assert_eq!(ada.answer(refreshed).await["data"]["subject"], "ada");
    story.guard.open();
    assert_eq!(ada.answer(guarded).await["error"]["code"], "forbidden");
    assert_eq!(story.published().await, 0);
}

#[tokio::test]
async fn a_call_that_waits_for_an_earlier_try_does_not_begin_where_its_caller_is_revoked() {
    let story = Story::begin().await;
    let mut call = named("hold_key");
    call["id"] = json!("1");
    let mut first = connect(&story.local, "ada:1").await;
    first.begin(&call).await;
    // It is not counted as met: the function of the second try would publish at once.
    let has_begun = || story.function.came.available_permits() == 1;
    until("the function to begin", has_begun).await;
    let mut second = connect(&story.local, "ada:1").await;
    second.begin(&call).await;
    for _ in ["first", "second"] {
        story.topic.met().await;
    }
    assert_eq!(story.local.server.revoke("ada").await.unwrap(), 2);
    assert_eq!(story.published().await, 0);
}

/// Its idempotency key is that of an anonymous caller: as a subject's call it would be applied again when it is tried again.
#[tokio::test]
async fn a_call_that_waits_for_an_earlier_try_does_not_begin_as_another_subject() {
    let story = Story::begin().await;
    let mut call = named("hold_key");
    call["id"] = json!("1");
    let mut first = story.local.client().await;
    let held = first.begin(&call).await;
    let has_begun = || story.function.came.available_permits() == 1;
    until("the function to begin", has_begun).await;
    let mut second = story.local.client().await;
    let refreshed = second.begin(&refresh("ada:1:slow")).await;
    story.refresh.met().await;
    let waiting = second.begin(&call).await;
    for _ in ["first", "second"] {
        story.topic.met().await;
    }
    story.refresh.open();
    assert_eq!(second.answer(refreshed).await["data"]["subject"], "ada");
    story.function.open();
    assert_eq!(first.answer(held).await["error"]["code"], "forbidden");
    assert_eq!(second.answer(waiting).await["error"]["code"], "unavailable");
    for _ in ["first", "again"] {
        assert!(second.call(&call).await["data"].is_string());
    }
    assert_eq!(story.published().await, 1);
}

/// The function had the right when it began, and not when it publishes.
#[tokio::test]
async fn who_may_publish_is_asked_when_it_publishes() {
    let story = Story::begin().await;
    let mut ada = connect(&story.local, "ada:1").await;
    let late = ada.begin(&named("late")).await;
    story.function.met().await;
    let refreshed = call(&mut ada, "auth.refresh", json!({"token": "ada:0"})).await;
    assert_eq!(refreshed["data"]["subject"], "ada");
    story.function.open();
    assert_eq!(ada.answer(late).await["error"]["code"], "forbidden");
    assert_eq!(story.published().await, 0);
}

/// The guard saw rights that are gone when it lets through.
#[tokio::test]
async fn the_guard_of_a_topic_is_asked_again_where_the_reader_has_fewer_rights_meanwhile() {
    let story = Story::begin().await;
    let mut ada = connect(&story.local, "ada:1").await;
    let refreshed = ada.begin(&refresh("ada:0:slow")).await;
    story.refresh.met().await;
    let subscribe = json!({"event": "topic.subscribe", "data": {"topic": "news"}});
    let subscribed = ada.begin(&subscribe).await;
    story.topic.met().await;
    story.refresh.open();
    within_patience("the identity to change", until_account(&mut ada, 0)).await;
    story.topic.open();
    let mut answers = Vec::new();
    while answers.len() < 2 {
        match ada.packet().await {
            Packet::Ack(number, answer) => answers.push((number, answer)),
            other => panic!("nothing of the topic may be heard, and this was: {other:?}"),
        }
    }
    answers.sort_by_key(|(number, _)| *number);
    assert_eq!(answers[0].0, refreshed);
    assert_eq!(answers[1].0, subscribed);
    assert_eq!(answers[1].1["error"]["code"], "forbidden");
}

async fn until_account(client: &mut RawClient, account: u8) {
    let me = json!({"event": "api.me.whoami"});
    while client.call(&me).await["data"]["account"] != account {}
}
