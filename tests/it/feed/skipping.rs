//! So much happens at once that the feed misses some of it, and where that ends cannot be read for a while.

use std::sync::{Arc, atomic::Ordering};

use serde_json::json;
use tokio::sync::mpsc;
use updraft::{
    App, Json, Module, Projection, Result, State, Topic, everyone,
    journal::{Journal, Record},
};

use super::{Reader, hindered::Hindered, in_directory, in_memory, note, publish};
use crate::support::{Local, until_async, within_patience};

type Places = Vec<u64>;

/// What was folded, once this event is in it.
async fn folded(Json(seq): Json<u64>, places: State<Projection<Places>>) -> Result<Json<Places>> {
    places.reached(seq).await;
    places.read(|places, _| Json(places.clone())).await
}

/// On one thread, so that nobody hears a batch before the next has taken its place.
#[tokio::test]
async fn who_is_told_too_late_misses_nothing_though_the_journal_cannot_be_read_then() {
    let directory = tempfile::tempdir().unwrap();
    for journal in [in_memory(), in_directory(directory.path())] {
        nobody_misses_anything(journal).await;
    }
}

async fn nobody_misses_anything(journal: Arc<dyn Journal>) {
    let hindered = Hindered::new(journal.clone());
    let (says, mut hears) = mpsc::unbounded_channel();
    let consumer = move |record: Record| {
        says.send(record.seq).unwrap();
        async { Ok(()) }
    };
    let app = App::new()
        .journal(hindered.clone())
        .topic(Topic::new("board").readable_by(everyone))
        .consumer("board", "worker", consumer)
        .project("board", Places::new(), |places, record| places.push(record.seq))
        .module(Module::new("api.test").on("folded", folded));
    let local = Local::of(app).await;
    let mut reader = Reader::connect(&local).await;
    reader.subscribe("board").await;
    reader.up_to("topic.live").await;

    let mut all = vec![publish(&journal, "board", [note("heard at once")]).await];
    hindered.tell();
    assert_eq!(reader.next().await["seq"], all[0]);
    hindered.unreadable.store(true, Ordering::SeqCst);
    for _ in 0..5 {
        all.push(publish(&journal, "board", [note("too fast")]).await);
    }
    hindered.tell();
    until_async("the feed to look where the topic ends", async || {
        if hindered.in_vain.load(Ordering::SeqCst) > 0 {
            return true;
        }
        // It heard all of them, one by one: so many more at once.
        for _ in 0..5 {
            all.push(publish(&journal, "board", [note("too fast")]).await);
        }
        hindered.tell();
        false
    })
    .await;
    all.push(publish(&journal, "board", [note("meanwhile")]).await);
    hindered.tell();
    hindered.unreadable.store(false, Ordering::SeqCst);
    let last = publish(&journal, "board", [note("last")]).await;
    all.push(last);
    hindered.tell();

    let mut heard = vec![all[0]];
    while heard.last() != Some(&last) {
        heard.push(reader.next().await["seq"].as_u64().unwrap());
    }
    assert_eq!(heard, all, "who subscribes");
    let mut heard = Vec::new();
    while heard.last() != Some(&last) {
        heard.push(within_patience("the consumer", hears.recv()).await.unwrap());
    }
    assert_eq!(heard, all, "who listens");
    assert_eq!(
        reader.done("api.test.folded", &json!(last)).await,
        json!(all),
        "what folds"
    );
}
