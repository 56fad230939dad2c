//! A call's trace: from a page through the function and what it publishes, to those that get that.

use std::{sync::Arc, thread, time::Duration};

use futures_util::{Stream, stream};
use opentelemetry::{Context as Trace, trace::TraceContextExt};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode};
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tracing_subscriber::layer::SubscriberExt;
use updraft::{
    App, CallError, Code, Context, Event, Frames, Json, Module, Position, Result, State, Topic, everyone,
    journal::{Durability, Journal, MemoryJournal, SqliteJournal},
    testing::TestServer,
};

use super::{
    SPAN, TRACE,
    collector::{Collector, attribute, hex},
    sampled, telling,
};
use crate::support::{Local, Packet, RawClient, node, until_async, within_patience};

/// The trace and the span that a function runs in.
fn here() -> Vec<String> {
    let current = Trace::current();
    let span = current.span();
    let span = span.span_context();
    let flags = span.trace_flags().to_u8().to_string();
    vec![span.trace_id().to_string(), span.span_id().to_string(), flags]
}

async fn publish(text: String, cx: &Context) -> Result<Position> {
    let note = Event::new("noted").key(text.as_str()).data(&text)?;
    cx.topic("board").publish(note).await
}

/// Publishes, and says where it ran.
async fn note(text: String, cx: Context) -> Result<Json<Vec<String>>> {
    publish(text, &cx).await?;
    Ok(Json(here()))
}

async fn ids() -> Json<Vec<String>> {
    Json(here())
}

pub(super) fn parent(span: &Span) -> (String, String) {
    (hex(&span.trace_id), hex(&span.parent_span_id))
}

pub(super) fn child_of(span: &Span) -> (String, String) {
    (hex(&span.trace_id), hex(&span.span_id))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_a_page_goes_on_through_its_function_and_its_publish_to_those_that_get_it() {
    let directory = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(directory.path(), Durability::PowerLoss).unwrap();
    let collector = Collector::start().await;
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let app = App::new()
        .module(Module::new("api.notes").on("note", note))
        .journal(Arc::new(journal))
        .topic(Topic::new("board").readable_by(everyone))
        .consumer("board", "mailer", move |_| {
            let _ = told.send(here());
            async { Ok(()) }
        });
    let local = Local::start(app, telling(&collector)).await;
    let mut reader = RawClient::connect_with(&local.url, &json!({"topics": {"board": null}})).await;
    let url = local.url.clone();
    let page =
        tokio::task::spawn_blocking(move || node("traceparent.mjs", &[&url, "api.notes.note", &sampled()]));
    let function: Vec<String> = serde_json::from_str(page.await.unwrap().trim()).unwrap();

    let call = collector.span("api.notes.note").await;
    assert_eq!(parent(&call), (TRACE.to_owned(), SPAN.to_owned()));
    assert_eq!(call.kind(), SpanKind::Server);
    assert_eq!(attribute(&call.attributes, "updraft.outcome"), Some("ok"));
    assert_eq!(attribute(&call.attributes, "updraft.namespace"), Some("/"));
    assert_eq!(function, [TRACE.to_owned(), hex(&call.span_id), "1".to_owned()]);

    let publish = collector.span("publish board").await;
    assert_eq!(parent(&publish), child_of(&call));
    assert_eq!(publish.kind(), SpanKind::Producer);
    assert_eq!(
        attribute(&publish.attributes, "messaging.destination.name"),
        Some("board")
    );

    let deliver = collector.span("deliver board").await;
    assert_eq!(parent(&deliver), child_of(&publish));

    let process = collector.span("process board").await;
    assert_eq!(parent(&process), child_of(&publish));
    assert_eq!(process.links.len(), 1);
    assert_eq!(
        (hex(&process.links[0].trace_id), hex(&process.links[0].span_id)),
        child_of(&publish)
    );
    assert_eq!(
        attribute(&process.attributes, "messaging.consumer.group.name"),
        Some("mailer")
    );
    let consumer = within_patience("the consumer", heard.recv()).await.unwrap();
    assert_eq!(
        consumer,
        [TRACE.to_owned(), hex(&process.span_id), "1".to_owned()]
    );

    // What a reader gets is what it was without a trace.
    loop {
        if let Packet::Event(_, event, _) = reader.packet().await
            && event["event"] == "noted"
        {
            assert_eq!(event.get("traceparent"), None);
            break;
        }
    }
    let resource = collector.got(|got| got.resources[0].clone());
    assert_eq!(attribute(&resource, "service.name"), Some("updraft"));
    assert_eq!(
        attribute(&resource, "service.version"),
        Some(env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(attribute(&resource, "service.instance.id").unwrap().len(), 36);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_that_is_not_sampled_gives_no_span_and_the_function_knows_it() {
    let collector = Collector::start().await;
    let app = App::new()
        .module(Module::new("api.notes").on("note", note).on("ids", ids))
        .journal(Arc::new(MemoryJournal::new().unwrap()))
        .topic(Topic::new("board").readable_by(everyone))
        .consumer("board", "mailer", |_| async { Ok(()) });
    let local = Local::start(app, telling(&collector)).await;
    let mut client = local.client().await;
    let unsampled =
        json!({"event": "api.notes.note", "data": "quiet", "traceparent": format!("00-{TRACE}-{SPAN}-00")});
    let ran = client.call(&unsampled).await["data"].clone();
    assert_eq!((&ran[0], &ran[2]), (&json!(TRACE), &json!("0")));
    // One that no page traces begins a trace, and so does what is no trace.
    let alone = client.call(&json!({"event": "api.notes.ids"})).await;
    let garbled = client
        .call(&json!({"event": "api.notes.ids", "traceparent": "00-nonsense"}))
        .await;
    collector.has_spans("api.", 2).await;
    local.server.stop().await;
    let calls: Vec<_> = collector.got(|got| got.spans.clone());
    let calls: Vec<_> = calls
        .iter()
        .filter(|span| span.name.starts_with("api."))
        .collect();
    assert_eq!(calls.len(), 2, "{calls:?}");
    for (call, answer) in calls.into_iter().zip([alone, garbled]) {
        assert_eq!(call.name, "api.notes.ids");
        assert!(call.parent_span_id.is_empty());
        assert_eq!(answer["data"][0], json!(hex(&call.trace_id)));
        assert_ne!(hex(&call.trace_id), TRACE);
    }
    // The consumer's run has no trace to go on, and begins one of its own: nothing of it is the page's.
    assert!(collector.got(|got| got.spans.iter().all(|span| hex(&span.trace_id) != TRACE)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sampler_that_takes_none_asks_no_page() {
    let collector = Collector::start().await;
    let app = App::new().module(Module::new("api.notes").on("ids", ids));
    let mut config = telling(&collector);
    config.telemetry.sampler = "always_off".to_owned();
    let local = Local::start(app, config).await;
    let mut client = local.client().await;
    let call = json!({"event": "api.notes.ids", "traceparent": sampled()});
    assert_eq!(client.call(&call).await["data"][0], json!(TRACE));
    local.server.stop().await;
    assert!(collector.got(|got| got.spans.is_empty()));
}

/// Waits first, blocks its thread, or answers with a stream: whatever thread it goes on with, its publish is its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_function_keeps_its_trace_wherever_it_goes_on() {
    async fn waits(go_on: State<Arc<Notify>>, cx: Context) -> Result<()> {
        go_on.notified().await;
        publish("waited".to_owned(), &cx).await.map(drop)
    }
    async fn blocks(cx: Context) -> Result<String> {
        thread::sleep(Duration::from_millis(50));
        publish("blocked".to_owned(), &cx).await?;
        Ok(thread::current().name().unwrap_or_default().to_owned())
    }
    async fn streams(cx: Context) -> Frames<impl Stream<Item = Json<Vec<String>>>> {
        Frames(stream::once(async move {
            publish("streamed".to_owned(), &cx).await.unwrap();
            Json(here())
        }))
    }
    let collector = Collector::start().await;
    let module = Module::new("api.notes")
        .on("waits", waits)
        .on("blocks", blocks)
        .on("streams", streams);
    let go_on = Arc::new(Notify::new());
    let journal = Arc::new(MemoryJournal::new().unwrap());
    let app = App::new()
        .module(module)
        .state(go_on.clone())
        .journal(journal.clone())
        .topic(Topic::new("board").readable_by(everyone));
    let server = TestServer::start(app.config(telling(&collector))).await;
    let mut client = RawClient::connect(&server.url()).await;
    let call =
        |event: &str, span: u64| json!({"event": event, "traceparent": format!("00-{TRACE}-{span:016x}-01")});
    // The second time it runs on another thread from the beginning.
    let blocked = [1, 2].map(|span| call("api.notes.blocks", span));
    let mut threads = Vec::new();
    for blocked in blocked {
        threads.push(client.call(&blocked).await["data"].clone());
    }
    assert_ne!(threads[0], threads[1], "it ran apart");
    let waits = client.begin(&call("api.notes.waits", 3)).await;
    let mut streaming = call("api.notes.streams", 4);
    streaming["stream"] = json!("s");
    let streaming = client.begin(&streaming).await;
    assert_eq!(client.answer(streaming).await["error"], Value::Null);
    go_on.notify_one();
    assert_eq!(client.answer(waits).await["error"], Value::Null);
    until_async("four publishes", async || journal.head("board").await == Ok(4)).await;
    collector.has_spans("publish board", 4).await;
    collector.has_spans("api.notes.", 4).await;
    server.stop().await;
    let spans = collector.got(|got| got.spans.clone());
    let publishes: Vec<_> = spans.iter().filter(|span| span.name == "publish board").collect();
    let call_of = |publish: &Span| {
        let call = spans.iter().find(|span| span.span_id == publish.parent_span_id);
        u64::from_str_radix(&hex(&call.expect("its call").parent_span_id), 16).unwrap()
    };
    let mut calls: Vec<_> = publishes.iter().map(|publish| call_of(publish)).collect();
    calls.sort_unstable();
    assert_eq!(calls, [1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_span_says_how_its_call_ended() {
    async fn forbids() -> Result<()> {
        Err(CallError::new(Code::Forbidden, "no"))
    }
    async fn panics() {
        panic!("on purpose");
    }
    let collector = Collector::start().await;
    let module = Module::new("api.ends")
        .on("forbids", forbids)
        .on("panics", panics);
    let local = Local::start(App::new().module(module), telling(&collector)).await;
    let mut client = local.client().await;
    for (event, outcome, status) in [
        ("api.ends.forbids", "forbidden", StatusCode::Unset),
        ("api.ends.panics", "internal", StatusCode::Error),
    ] {
        let answer = client.call(&json!({"event": event})).await;
        assert_eq!(answer["error"]["code"], outcome);
        let span = collector.span(event).await;
        assert_eq!(attribute(&span.attributes, "updraft.outcome"), Some(outcome));
        assert_eq!(span.status.unwrap().code(), status, "{event}");
    }
}

/// Spans of `tracing`, as a function has them, by the layer that the program has.
#[tokio::test(flavor = "multi_thread")]
async fn spans_of_a_function_are_children_of_its_call() {
    async fn charge() -> Json<[Vec<String>; 2]> {
        let provider = SdkTracerProvider::default();
        let tracer = opentelemetry::trace::TracerProvider::tracer(&provider, "shop");
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        let log = tracing_subscriber::registry().with(layer);
        let outer = here();
        let inner = tracing::subscriber::with_default(log, || tracing::info_span!("charge").in_scope(here));
        Json([outer, inner])
    }
    let collector = Collector::start().await;
    let app = App::new().module(Module::new("api.shop").on("charge", charge));
    let local = Local::start(app, telling(&collector)).await;
    let mut client = local.client().await;
    let call = json!({"event": "api.shop.charge", "traceparent": sampled()});
    let ran = client.call(&call).await["data"].clone();
    let span = collector.span("api.shop.charge").await;
    assert_eq!(ran[0], json!([TRACE, hex(&span.span_id), "1"]));
    assert_eq!(ran[1][0], json!(TRACE));
    assert_ne!(ran[1][1], ran[0][1]);
}
