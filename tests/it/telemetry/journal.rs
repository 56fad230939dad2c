//! A trace that goes on by way of the journal: after a restart, and at another node.

use std::sync::Arc;

use serde_json::json;
#[cfg(all(unix, feature = "postgres"))]
use tokio::task::block_in_place;
use updraft::{
    App, CallError, Code, Config, Context, Event, JournalConfig, Module, Result, Topic, everyone,
    journal::{Durability, MemoryJournal},
};

use super::{
    TRACE,
    collector::{Collector, hex},
    sampled, telling,
    traces::{child_of, parent},
};
#[cfg(all(unix, feature = "postgres"))]
use crate::support::TestDatabase;
use crate::support::{Local, RawClient};

/// What is published by a call with an idempotency key, and by one without, which stores have ways of their own for.
const TOPICS: [&str; 2] = ["once", "plain"];

async fn note(topic: String, cx: Context) -> Result<()> {
    let note = Event::new("noted").key("note").data(&topic)?;
    cx.topic(topic).publish(note).await.map(drop)
}

fn app() -> App {
    let module = Module::new("api.notes").on("note", note);
    TOPICS.into_iter().fold(App::new().module(module), |app, topic| {
        app.topic(Topic::new(topic).readable_by(everyone))
    })
}

/// The same, where consumers are, and a projection.
fn consuming() -> App {
    let app = app().project("plain", 0_u64, |noted, _| *noted += 1);
    TOPICS.into_iter().fold(app, |app, topic| {
        app.consumer(topic, "mailer", |_| async { Ok(()) })
    })
}

/// A server with this journal, which tells this collector of what clients trace.
fn keeping(collector: &Collector, journal: JournalConfig) -> Config {
    let mut config = telling(collector);
    config.journal = journal;
    config.telemetry.sampler = "parentbased_always_off".to_owned();
    config
}

/// Calls that are traced, and between them some that are not.
async fn call_all(client: &mut RawClient) {
    for topic in TOPICS {
        for (number, traceparent) in [None, Some(sampled()), None].into_iter().enumerate() {
            let mut call = json!({"event": "api.notes.note", "data": topic, "traceparent": traceparent});
            if topic == "once" {
                call["id"] = json!(number.to_string());
            }
            let answer = client.call(&call).await;
            assert_eq!(answer.get("error"), None, "{answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_comes_to_an_event_after_a_restart_goes_on_with_its_trace() {
    let directory = tempfile::tempdir().unwrap();
    let journal = JournalConfig {
        data: directory.path().to_owned(),
        durability: Durability::ProcessCrash,
        ..JournalConfig::default()
    };
    let (before, after) = (Collector::start().await, Collector::start().await);
    let first = Local::start(app(), keeping(&before, journal.clone())).await;
    call_all(&mut first.client().await).await;
    first.server.stop().await;
    let second = Local::start(consuming(), keeping(&after, journal)).await;
    for topic in TOPICS {
        let publish = before.span(&format!("publish {topic}")).await;
        let process = after.span(&format!("process {topic}")).await;
        assert_eq!(hex(&process.trace_id), TRACE);
        assert_eq!(parent(&process), child_of(&publish), "{topic}");
    }
    second.server.stop().await;
    let spans = after.got(|got| got.spans.len());
    assert_eq!(
        spans,
        TOPICS.len(),
        "what is not traced gives no span, nor what is of before"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_a_dead_letter_is_a_part_of_the_trace() {
    let collector = Collector::start().await;
    let app = app()
        .topic(Topic::new("plain.dead.mailer"))
        .consumer("plain", "mailer", |_| async {
            Err(CallError::new(Code::Unavailable, "no mail today"))
        })
        .consumer("plain.dead.mailer", "clerk", |_| async { Ok(()) })
        .journal(Arc::new(MemoryJournal::new().unwrap()));
    let local = Local::start(app, keeping(&collector, JournalConfig::default())).await;
    call_all(&mut local.client().await).await;
    let publish = collector.span("publish plain").await;
    let clerk = collector.span("process plain.dead.mailer").await;
    assert_eq!(parent(&clerk), child_of(&publish));
}

#[cfg(all(unix, feature = "postgres"))]
#[tokio::test(flavor = "multi_thread")]
async fn a_call_at_one_node_is_one_trace_with_what_another_delivers_and_consumes() {
    let database = block_in_place(TestDatabase::new);
    let journal = JournalConfig {
        database: Some(database.url.as_str().into()),
        ..JournalConfig::default()
    };
    let (here, there) = (Collector::start().await, Collector::start().await);
    let other = Local::start(consuming(), keeping(&there, journal.clone())).await;
    let node = Local::start(app(), keeping(&here, journal)).await;
    call_all(&mut node.client().await).await;
    for topic in TOPICS {
        let publish = here.span(&format!("publish {topic}")).await;
        assert_eq!(hex(&publish.trace_id), TRACE);
        for work in ["deliver", "process"] {
            let span = there.span(&format!("{work} {topic}")).await;
            assert_eq!(parent(&span), child_of(&publish), "{work} {topic}");
        }
    }
    // The call, the publish and what the own node delivers; what the other delivers, consumes and projects.
    let (of_here, of_there) = (3 * TOPICS.len(), 2 * TOPICS.len() + 1);
    here.has_spans("", of_here).await;
    there.has_spans("", of_there).await;
    let project = there.span("project plain").await;
    let publish = here.span("publish plain").await;
    assert_eq!(parent(&project), child_of(&publish));
    node.server.stop().await;
    other.server.stop().await;
    let count = |collector: &Collector| collector.got(|got| got.spans.len());
    assert_eq!((count(&here), count(&there)), (of_here, of_there));
    let kept = "SELECT string_agg(traceparent IS NOT NULL || '', ' ' ORDER BY seq) FROM updraft.events WHERE name = 'noted'";
    let kept = block_in_place(|| database.psql(kept));
    assert_eq!(kept, "false true false false true false");
}
