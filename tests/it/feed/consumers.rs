//! Functions that hear every event of a topic.

use std::{future::pending, sync::Arc};

use tokio::sync::mpsc::{self, UnboundedReceiver};
use updraft::{
    App, CallError, Result, Topic, everyone,
    journal::{Journal, Record},
    testing::TestServer,
};

use super::{Reader, card, end, note, publish};
use crate::support::{Local, until, within_patience};

/// What a consumer does with an event.
enum Does {
    Handles,
    Fails,
    Hangs,
}

/// A server with a consumer that says what it hears, and does with it what `does` says.
async fn serve(
    journal: &Arc<dyn Journal>,
    does: impl Fn(&Record) -> Does + Clone + Send + Sync + 'static,
) -> (Local, UnboundedReceiver<Record>) {
    let (says, hears) = mpsc::unbounded_channel();
    let consumer = move |record: Record| {
        let (does, says) = (does.clone(), says.clone());
        async move {
            says.send(record.clone()).unwrap();
            hear(&record, does(&record)).await
        }
    };
    let app = App::new()
        .journal(journal.clone())
        .topic(Topic::new("jobs"))
        .topic(Topic::new("jobs.dead.worker").readable_by(everyone))
        .consumer("jobs", "worker", consumer);
    (Local::of(app).await, hears)
}

async fn hear(record: &Record, does: Does) -> Result<()> {
    match does {
        Does::Handles => Ok(()),
        Does::Fails if record.is_tombstone() => panic!("no end is expected"),
        Does::Fails => Err(CallError::internal("this one is too hard")),
        Does::Hangs => pending().await,
    }
}

async fn next(hears: &mut UnboundedReceiver<Record>) -> u64 {
    let record = within_patience("an event to be heard", hears.recv()).await;
    record.unwrap().seq
}

/// Stops a server, and waits until nothing of it is left.
async fn end_of(server: TestServer, journal: &Arc<dyn Journal>) {
    server.stop().await;
    until("all to let go of the journal", || Arc::strong_count(journal) == 1).await;
}

pub(super) async fn a_consumer_gets_all_in_order_and_goes_on_after_a_restart(journal: Arc<dyn Journal>) {
    let before = publish(&journal, "jobs", [note("from before the first start")]).await;
    let (local, mut hears) = serve(&journal, |_| Does::Handles).await;
    let mut expected = vec![before];
    for number in 0..100 {
        expected.push(publish(&journal, "jobs", [card("same", &number.to_string())]).await);
    }
    let mut heard = Vec::new();
    while heard.len() < expected.len() {
        heard.push(next(&mut hears).await);
    }
    assert_eq!(heard, expected);
    until_consumed(&journal, heard[heard.len() - 1]).await;
    end_of(local.server, &journal).await;

    let missed = publish(&journal, "jobs", [note("meanwhile")]).await;
    let (local, mut hears) = serve(&journal, |_| Does::Handles).await;
    assert_eq!(next(&mut hears).await, missed);
    let live = publish(&journal, "jobs", [end("same")]).await;
    assert_eq!(next(&mut hears).await, live);

    // One that ends in the middle of an event begins with it again.
    until_consumed(&journal, live).await;
    end_of(local.server, &journal).await;
    let (local, mut hears) = serve(&journal, |_| Does::Hangs).await;
    let unheard = publish(&journal, "jobs", [note("long")]).await;
    assert_eq!(next(&mut hears).await, unheard);
    end_of(local.server, &journal).await;
    let (_local, mut hears) = serve(&journal, |_| Does::Handles).await;
    assert_eq!(next(&mut hears).await, unheard);
}

async fn until_consumed(journal: &Arc<dyn Journal>, seq: u64) {
    within_patience("the consumer's place to be kept", async {
        while journal.committed_offset("jobs", "worker").await.unwrap() < seq {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

pub(super) async fn what_a_consumer_fails_on_goes_to_the_dead_letters(journal: Arc<dyn Journal>) {
    let notes_alone = |record: &Record| match &*record.name {
        "note" => Does::Handles,
        _ => Does::Fails,
    };
    let (local, mut hears) = serve(&journal, notes_alone).await;
    let mut reader = Reader::connect(&local).await;
    reader.subscribe("jobs.dead.worker").await;
    reader.up_to("topic.live").await;

    let events = [note("easy"), card("a", "hard"), end("a"), note("easy again")];
    let last = publish(&journal, "jobs", events).await;
    let mut heard = Vec::new();
    while heard.last() != Some(&last) {
        heard.push(next(&mut hears).await);
    }
    let tried = |seq| heard.iter().filter(|heard| **heard == seq).count();
    assert_eq!([3, 2, 1, 0].map(|back| tried(last - back)), [1, 5, 5, 1]);
    assert!(heard.is_sorted(), "in order, whatever fails: {heard:?}");

    // An end that cannot be heard, by a function that even panics, is a letter too.
    let letters = reader.take(2).await;
    assert_eq!([&letters[0]["event"], &letters[0]["data"]], ["card.set", "hard"]);
    assert_eq!(letters[1]["event"], "card.removed");
    until_consumed(&journal, last).await;
}
