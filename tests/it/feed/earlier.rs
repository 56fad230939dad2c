//! Calls with an idempotency key whose earlier try was given up, and went through all the same.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};
use tokio::sync::Notify;
use updraft::{
    App, CallError, Code, Context, Json, Module, Position, Publisher, Result, State, Topic, everyone,
    journal::{Durability, Journal, SqliteJournal},
};

use super::{Reader, everything, hindered::Hindered, note, wait_for};
use crate::support::{Local, until};

/// What all servers of a story share.
#[derive(Clone, Default)]
struct Tries {
    begun: Arc<AtomicUsize>,
    give_up: Arc<Notify>,
}

impl Tries {
    fn one_more(&self) -> usize {
        self.begun.fetch_add(1, Ordering::SeqCst) + 1
    }

    async fn publish(&self, text: &str, topic: &Publisher) -> Result<Position> {
        tokio::select! {
            biased;
            published = topic.publish(note(text)) => published,
            () = self.give_up.notified() => Err(CallError::new(Code::Unavailable, "given up")),
        }
    }
}

/// Says with what it publishes what it is going to answer: which try it is.
async fn says(text: String, tries: State<Tries>, cx: Context) -> Result<Json<usize>> {
    let number = tries.one_more();
    let topic = cx.topic("board").answering(Json(number))?;
    tries.publish(&text, &topic).await?;
    Ok(Json(number))
}

/// Says nothing beforehand, and publishes once more.
async fn goes_on(text: String, tries: State<Tries>, cx: Context) -> Result<Json<usize>> {
    let (number, topic) = (tries.one_more(), cx.topic("board"));
    tries.publish(&text, &topic).await?;
    topic.publish(note("and more")).await?;
    Ok(Json(number))
}

async fn serve(journal: &Arc<Hindered>, tries: &Tries) -> Local {
    let app = App::new()
        .journal(journal.clone())
        .topic(Topic::new("board").readable_by(everyone))
        .state(tries.clone())
        .module(Module::new("api.test").on("says", says).on("goes_on", goes_on));
    Local::of(app).await
}

fn call(function: &str) -> Value {
    json!({"event": format!("api.test.{function}"), "id": function, "data": "hello"})
}

async fn until_appends(journal: &Hindered, count: usize) {
    until("appends to come", || journal.came.load(Ordering::SeqCst) == count).await;
}

/// A call that is given up while its publish is under way.
async fn give_up(local: &Local, journal: &Hindered, tries: &Tries, function: &str) {
    let came = journal.came.load(Ordering::SeqCst);
    let mut client = local.client().await;
    let number = client.begin(&call(function)).await;
    until_appends(journal, came + 1).await;
    tries.give_up.notify_one();
    let given_up = client.answer(number).await;
    assert_eq!(given_up["error"]["code"], "unavailable", "{given_up}");
    assert_eq!(given_up["error"]["retry"], true);
}

/// What a call of this function came to, whose event stands here, whichever try got it there.
fn answer(journal: &Hindered, function: &str, seq: u64) -> Value {
    let first = match function {
        "says" => json!(1),
        _ => json!(format!("{}:{seq}", journal.epoch())),
    };
    json!({"event": format!("api.test.{function}"), "data": first})
}

/// One event, and no other.
async fn the_only(journal: &Hindered) -> u64 {
    let [only] = &everything(journal, "board").await[..] else {
        panic!("published once");
    };
    only.seq
}

/// Tries again, all at once, while the first publish is still under way.
async fn all_get_the_first_answer(function: &str, journal: Arc<dyn Journal>) {
    const RETRIES: usize = 5;
    let (journal, tries) = (Hindered::new(journal), Tries::default());
    let local = serve(&journal, &tries).await;
    let slow = journal.appends.clone().lock_owned().await;
    give_up(&local, &journal, &tries, function).await;
    let mut clients = Vec::new();
    for _ in 0..RETRIES {
        let mut client = local.client().await;
        let number = client.begin(&call(function)).await;
        clients.push((client, number));
    }
    until_appends(&journal, 2).await;
    drop(slow);
    let mut answers = Vec::new();
    for (client, number) in &mut clients {
        answers.push(client.answer(*number).await);
    }
    let expected = answer(&journal, function, the_only(&journal).await);
    assert_eq!(answers, vec![expected.clone(); RETRIES]);
    assert_eq!(local.client().await.call(&call(function)).await, expected);
    let mut reader = Reader::connect(&local).await;
    reader.subscribe("board").await;
    assert_eq!(
        reader.up_to("topic.live").await.len(),
        3,
        "start, one event, live"
    );
}

pub(super) async fn who_gave_up_and_tries_again_gets_what_the_first_try_said(journal: Arc<dyn Journal>) {
    all_get_the_first_answer("says", journal).await;
}

pub(super) async fn what_follows_the_publish_of_an_earlier_try_is_not_published(journal: Arc<dyn Journal>) {
    all_get_the_first_answer("goes_on", journal).await;
}

/// The server that took the first try is gone before its publish went through.
pub(super) async fn who_tries_again_at_another_server_gets_the_first_answer(journal: Arc<dyn Journal>) {
    for function in ["says", "goes_on"] {
        let (hindered, tries) = (Hindered::new(journal.clone()), Tries::default());
        let before = everything(&*hindered, "board").await.len();
        let first = serve(&hindered, &tries).await;
        let slow = hindered.appends.clone().lock_owned().await;
        give_up(&first, &hindered, &tries, function).await;
        first.server.stop().await;
        let second = serve(&hindered, &tries).await;
        let mut client = second.client().await;
        let number = client.begin(&call(function)).await;
        until_appends(&hindered, 2).await;
        drop(slow);
        let told = client.answer(number).await;
        let all = everything(&*hindered, "board").await;
        assert_eq!(all.len(), before + 1, "{function}");
        assert_eq!(told, answer(&hindered, function, all[before].seq));
    }
}

/// As where a database commits, and is gone before it says so.
pub(super) async fn who_was_not_told_that_it_was_published_may_try_again(journal: Arc<dyn Journal>) {
    for function in ["says", "goes_on"] {
        let (hindered, tries) = (Hindered::new(journal.clone()), Tries::default());
        let before = everything(&*hindered, "board").await.len();
        let local = serve(&hindered, &tries).await;
        hindered.unsure.store(true, Ordering::SeqCst);
        let told = local.client().await.call(&call(function)).await;
        assert_eq!(told["error"]["code"], "unavailable", "{told}");
        assert_eq!(told["error"]["retry"], true, "it is not the last word");
        hindered.unsure.store(false, Ordering::SeqCst);
        for _ in 0..2 {
            let told = local.client().await.call(&call(function)).await;
            let all = everything(&*hindered, "board").await;
            assert_eq!(all.len(), before + 1, "{function}");
            assert_eq!(told, answer(&hindered, function, all[before].seq));
        }
    }
}

#[test]
fn a_try_that_was_given_up_is_known_after_a_restart() {
    wait_for(async {
        let directory = tempfile::tempdir().unwrap();
        let tries = Tries::default();
        for run in 1..=2 {
            let store = SqliteJournal::open(directory.path(), Durability::ProcessCrash).unwrap();
            let store = Arc::new(store);
            let journal = Hindered::new(store.clone());
            let local = serve(&journal, &tries).await;
            if run == 1 {
                let slow = journal.appends.clone().lock_owned().await;
                give_up(&local, &journal, &tries, "says").await;
                drop(slow);
                until("the publish to go through", || {
                    Arc::strong_count(&journal.appends) == 1
                })
                .await;
            } else {
                let told = local.client().await.call(&call("says")).await;
                assert_eq!(told, answer(&journal, "says", the_only(&journal).await));
            }
            local.server.stop().await;
            drop(journal);
            until("all to let go of the journal", || Arc::strong_count(&store) == 1).await;
            Arc::into_inner(store).unwrap().close().await;
        }
    });
}
