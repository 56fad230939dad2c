//! What functions emit to other sockets, as a part of their traces.

use opentelemetry_proto::tonic::{
    common::v1::any_value::Value,
    trace::v1::{Span, span::SpanKind},
};
use serde_json::json;
use updraft::{App, Context, Emitter, Module, Namespace, Result, State};

use super::{
    collector::{Collector, attribute},
    sampled, telling,
    traces::{child_of, parent},
};
use crate::support::{Local, PATIENCE};

/// Emits in every way; to the caller alone, too.
async fn say(io: State<Emitter>, cx: Context) -> Result<()> {
    cx.emit("said", &1).await?;
    cx.to("left").to("right").emit("said", &2).await?;
    io.of("/game/7").emit("said", &3).await?;
    io.of("/elsewhere").emit("said", &4).await?;
    cx.broadcast().emit_with_ack::<u64>("asked", &5, PATIENCE).await?;
    Ok(())
}

/// The rooms that an emit names.
fn rooms(span: &Span) -> i64 {
    let rooms = span
        .attributes
        .iter()
        .find(|attribute| attribute.key == "updraft.rooms");
    match rooms.unwrap().value.as_ref().unwrap().value.as_ref().unwrap() {
        Value::IntValue(rooms) => *rooms,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emit_to_others_is_a_part_of_its_call_and_names_what_the_app_declares() {
    let collector = Collector::start().await;
    let app = App::new()
        .module(Module::new("api.rooms").on("say", say))
        .namespace(Namespace::matching("/game/{id}"));
    let mut config = telling(&collector);
    config.telemetry.sampler = "parentbased_always_off".to_owned();
    let local = Local::start(app, config).await;
    let mut client = local.client().await;
    for traceparent in [None, Some(sampled())] {
        let call = json!({"event": "api.rooms.say", "traceparent": traceparent});
        let answer = client.call(&call).await;
        assert_eq!(answer.get("error"), None, "{answer}");
    }
    // Outside of a call.
    local.server.emitter().of("/").emit("said", &6).await.unwrap();
    let call = collector.span("api.rooms.say").await;
    collector.has_spans("emit ", 4).await;
    local.server.stop().await;
    let mut spans = collector.got(|got| got.spans.clone());
    spans.retain(|span| span.span_id != call.span_id);
    let emits: Vec<_> = spans.iter().map(|span| (&*span.name, rooms(span))).collect();
    let all = [
        ("emit /", 2),
        ("emit /game/{id}", 0),
        ("emit other", 0),
        ("emit /", 0),
    ];
    assert_eq!(emits, all);
    for span in &spans {
        assert_eq!(parent(span), child_of(&call));
        assert_eq!(span.kind(), SpanKind::Producer);
        let namespace = span.name.strip_prefix("emit ");
        assert_eq!(attribute(&span.attributes, "updraft.namespace"), namespace);
        assert_eq!(attribute(&span.attributes, "updraft.outcome"), Some("ok"));
    }
}
