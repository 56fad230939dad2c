//! The log, by OTLP and as lines of JSON: each line says of which trace it is.

use std::{fs, process::Stdio};

use axum::http::StatusCode;
use opentelemetry_proto::tonic::{common::v1::any_value, logs::v1::LogRecord};
use serde_json::{Value, json};

use super::{
    TRACE,
    collector::{Collector, Signal, hex},
    sampled,
};
use crate::support::{Program, RawClient, until, within_patience};

/// A journal whose files are gone says so in the call that publishes.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_a_call_says_of_which_trace_it_is() {
    let collector = Collector::start().await;
    let data = tempfile::tempdir().unwrap();
    let flags = ["--log-format", "json", "--data", data.path().to_str().unwrap()];
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.url),
        ("OTEL_SERVICE_NAME", "board"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
    ];
    let server = Program::start_on(Stdio::piped(), &variables, &flags);
    let mut client = RawClient::connect(&server.url).await;
    for file in fs::read_dir(data.path()).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    let card = json!({"id": "1", "title": "Fly", "column": "todo"});
    let call = json!({"event": "api.board.add", "data": card, "traceparent": sampled()});
    let answer = client.call(&call).await;
    assert_eq!(answer["error"]["code"], "unavailable", "{answer}");
    let span = collector.span("api.board.add").await;
    until("the log of the call, and its span", || {
        collector.got(|got| {
            let mut of_trace = got.logs.iter().filter(|(_, log)| hex(&log.trace_id) == TRACE);
            let log = of_trace.next().map(|(_, log)| &log.span_id);
            log.is_some_and(|id| got.spans.iter().any(|span| span.span_id == *id))
        })
    })
    .await;
    server.signal("HUP");
    until("a log of no trace", || {
        collector.got(|got| got.logs.iter().any(|(_, log)| log.trace_id.is_empty()))
    })
    .await;
    server.signal("TERM");
    let waited = tokio::task::spawn_blocking(|| server.wait());
    let (_, said) = within_patience("its end", waited).await.unwrap();

    let lines = said
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let traced: Vec<_> = lines.filter(|line| line["trace_id"] == TRACE).collect();
    assert!(!traced.is_empty(), "{said}");
    let logs = collector.got(|got| got.logs.clone());
    let of_trace = logs.iter().find(|(_, log)| hex(&log.trace_id) == TRACE);
    let (target, log) = of_trace.expect("a log record of the trace");
    assert!(target.starts_with("updraft::"), "{target}");
    let Some(any_value::Value::StringValue(text)) = log.body.clone().unwrap().value else {
        panic!("{log:?}");
    };
    let line = traced.iter().find(|line| line["message"] == json!(text));
    let line = line.expect("the same line");
    assert_eq!(line["span_id"], json!(hex(&log.span_id)));
    assert_eq!(line["level"], json!(log.severity_text));
    assert!(
        logs.iter().any(|(_, log)| log.trace_id.is_empty()),
        "others are of none"
    );
    let call = hex(&span.span_id);
    let publish = collector.got(|got| {
        got.spans
            .iter()
            .find(|span| span.name == "publish board")
            .cloned()
    });
    let spans = [Some(call), publish.map(|span| hex(&span.span_id))];
    assert!(spans.contains(&Some(hex(&log.span_id))));
    let resource = collector.got(|got| got.resources[0].clone());
    let said = |name| super::collector::attribute(&resource, name).unwrap().to_owned();
    assert_eq!(
        (said("service.name"), said("deployment.environment.name")),
        ("board".to_owned(), "test".to_owned())
    );
}

/// It would never end: a request that fails would be told by another one.
#[tokio::test(flavor = "multi_thread")]
async fn what_tells_the_collector_is_not_told() {
    let collector = Collector::start().await;
    collector.refuse(Signal::Metrics, [StatusCode::BAD_REQUEST]);
    let flags = ["--otlp", &collector.url, "--otlp-interval", "50ms"];
    let server = Program::start_on(Stdio::piped(), &[("UPDRAFT_LOG", "trace")], &flags);
    until("metrics after those that were refused", || {
        collector.got(|got| got.metrics.len() > 2)
    })
    .await;
    server.signal("HUP");
    let hangup = |log: &LogRecord| format!("{:?}", log.body).contains("none was changed");
    until("what the server logs", || {
        collector.got(|got| got.logs.iter().any(|(_, log)| hangup(log)))
    })
    .await;
    server.signal("TERM");
    let waited = tokio::task::spawn_blocking(|| server.wait());
    let (_, said) = within_patience("its end", waited).await.unwrap();
    assert!(said.contains("metrics do not reach the collector"), "{said}");
    let told = collector.got(|got| got.logs.clone());
    let about_itself = |(target, _): &&(String, LogRecord)| target.contains("telemetry");
    assert_eq!(told.iter().find(about_itself), None);
}
