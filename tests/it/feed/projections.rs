//! State that is folded from a topic.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, mpsc},
};

use serde_json::{Value, json};
use updraft::{
    App, Event, Json, Module, Projection, Result, State, Topic,
    journal::{Journal, Record},
};

use super::{Reader, card, compact_to, end, everything, publish};
use crate::support::Local;

type Titles = BTreeMap<String, String>;

fn fold(titles: &mut Titles, record: &Record) {
    let Some(key) = &record.key else {
        return;
    };
    match record.data::<String>().unwrap() {
        Some(title) => titles.insert(key.to_string(), title),
        None => titles.remove(&**key),
    };
}

/// The titles, once this event is among them.
async fn titles(Json(seq): Json<u64>, titles: State<Projection<Titles>>) -> Result<Json<(Titles, u64)>> {
    titles.reached(seq).await;
    titles.read(|titles, seq| Json((titles.clone(), seq))).await
}

async fn serve(journal: &Arc<dyn Journal>) -> Local {
    serve_with(journal, fold).await
}

async fn serve_with(
    journal: &Arc<dyn Journal>,
    fold: impl Fn(&mut Titles, &Record) + Send + Sync + 'static,
) -> Local {
    let app = App::new()
        .journal(journal.clone())
        .topic(Topic::new("board"))
        .project("board", Titles::new(), fold)
        .module(Module::new("api.test").on("titles", titles));
    Local::of(app).await
}

pub(super) async fn a_projection_is_the_fold_of_its_topic(journal: Arc<dyn Journal>) {
    let mut all = Titles::new();
    let mut folded = 0;
    for round in 0..4 {
        // Each round begins with a start, over what the rounds before left.
        let local = serve(&journal).await;
        let mut client = Reader::connect(&local).await;
        for step in 0..50 {
            publish(&journal, "other", [card("a", "not here")]).await;
            let last = publish(&journal, "board", [change(round * 50 + step)]).await;
            if step % 10 == 0 {
                let fresh = everything(&*journal, "board").await;
                let fresh = fresh.iter().filter(|record| record.seq > folded);
                fresh.for_each(|record| fold(&mut all, record));
                folded = last;
                let told = client.done("api.test.titles", &json!(last)).await;
                assert_eq!(told, json!([all, last]));
            }
        }
        let fresh = everything(&*journal, "board").await;
        let fresh = fresh.iter().filter(|record| record.seq > folded);
        fresh.for_each(|record| fold(&mut all, record));
        folded = journal.bounds("board").await.unwrap().head;
        if round == 1 {
            compact_to(&journal, "board", folded - 20).await;
        }
        client.done("api.services.status", &Value::Null).await;
        local.server.stop().await;
    }
}

fn change(step: usize) -> Event {
    let id = format!("card-{}", step % 7);
    match step % 5 {
        4 => end(&id),
        _ => card(&id, &step.to_string()),
    }
}

/// What the projection shows once this event is in it, or was left out.
async fn shown(client: &mut Reader, seq: u64) -> Value {
    client.done("api.test.titles", &json!(seq)).await
}

/// Half of its work done, it panics on every event that says so.
fn fragile(titles: &mut Titles, record: &Record) {
    titles.insert("half".to_owned(), "done".to_owned());
    assert!(
        record.data::<String>().unwrap().as_deref() != Some("poison"),
        "it is poison"
    );
    titles.remove("half");
    fold(titles, record);
}

pub(super) async fn an_event_that_the_fold_panics_on_is_left_out(journal: Arc<dyn Journal>) {
    let early = publish(
        &journal,
        "board",
        [card("a", "1"), card("b", "poison"), card("c", "1")],
    )
    .await;
    // One in the backlog does not keep the app from starting.
    let local = serve_with(&journal, fragile).await;
    let mut client = Reader::connect(&local).await;
    assert_eq!(
        shown(&mut client, early).await,
        json!([{"a": "1", "c": "1"}, early])
    );

    // One that comes live does not end the projection, nor is anything seen of what was half done.
    let poison = publish(
        &journal,
        "board",
        [card("a", "2"), card("d", "poison"), card("e", "1")],
    )
    .await;
    let expected = json!({"a": "2", "c": "1", "e": "1"});
    assert_eq!(shown(&mut client, poison).await, json!([expected, poison]));
    let late = publish(&journal, "board", [end("c"), card("a", "poison")]).await;
    let expected = json!({"e": "1"});
    assert_eq!(shown(&mut client, late).await, json!([expected, late]));
    let healed = publish(&journal, "board", [card("a", "3")]).await;
    let expected = json!([{"a": "3", "e": "1"}, healed]);
    assert_eq!(shown(&mut client, healed).await, expected);
    local.server.stop().await;

    let local = serve_with(&journal, fragile).await;
    let mut client = Reader::connect(&local).await;
    assert_eq!(
        shown(&mut client, healed).await,
        expected,
        "the same after a restart"
    );
}

pub(super) async fn a_fold_that_always_panics_leaves_the_state_as_it_began(journal: Arc<dyn Journal>) {
    let events = (0..1000).map(|number| card(&number.to_string(), "any"));
    let last = publish(&journal, "board", events).await;
    let local = serve_with(&journal, |titles, _| {
        titles.insert("half".to_owned(), "done".to_owned());
        panic!("it is broken");
    })
    .await;
    let mut client = Reader::connect(&local).await;
    assert_eq!(shown(&mut client, last).await, json!([{}, last]));
    let next = publish(&journal, "board", [card("a", "any")]).await;
    assert_eq!(shown(&mut client, next).await, json!([{}, next]));
}

/// A projection that is busy while a key ends and its tombstone is removed has to notice.
pub(super) async fn a_projection_that_compaction_overtakes_misses_no_end(journal: Arc<dyn Journal>) {
    let first = publish(&journal, "board", [card("a", "1"), card("b", "1")]).await;
    let (busy, is_busy) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let gate = Mutex::new(Some((busy, may_go_on)));
    let local = serve_with(&journal, move |titles, record| {
        // Once: it is folded again.
        if &*record.name == "wait"
            && let Some((busy, may_go_on)) = gate.lock().unwrap().take()
        {
            busy.send(()).unwrap();
            tokio::task::block_in_place(|| may_go_on.recv().unwrap());
        }
        fold(titles, record);
    })
    .await;
    let mut client = Reader::connect(&local).await;
    assert_eq!(
        shown(&mut client, first).await,
        json!([{"a": "1", "b": "1"}, first])
    );

    publish(
        &journal,
        "board",
        [Event::new("wait").key("c").data("1").unwrap()],
    )
    .await;
    tokio::task::spawn_blocking(move || is_busy.recv().unwrap())
        .await
        .unwrap();
    let ended = publish(&journal, "board", [end("b")]).await;
    // Nothing is left that could tell of the end, and nothing else comes.
    compact_to(&journal, "board", ended).await;
    go_on.send(()).unwrap();
    assert_eq!(
        shown(&mut client, ended).await,
        json!([{"a": "1", "c": "1"}, ended])
    );
}
