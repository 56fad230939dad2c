//! A collector: takes what it is sent, and keeps it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{KeyValue, any_value},
    logs::v1::LogRecord,
    metrics::v1::Metric,
    trace::v1::Span,
};
use prost::Message;
use tokio::net::TcpListener;

use crate::support::until;

#[derive(Clone)]
pub(super) struct Collector {
    pub(super) url: String,
    got: Arc<Mutex<Got>>,
}

/// What a request tells of.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Signal {
    Traces,
    Metrics,
    Logs,
}

/// What it got.
#[derive(Default)]
pub(super) struct Got {
    pub(super) spans: Vec<Span>,
    pub(super) logs: Vec<(String, LogRecord)>,
    /// The newest of each request.
    pub(super) metrics: Vec<Vec<Metric>>,
    /// Attributes of those that sent it.
    pub(super) resources: Vec<Vec<KeyValue>>,
    pub(super) headers: Vec<HeaderMap>,
    /// What it answers next, before it takes anything.
    refusals: VecDeque<(Signal, StatusCode)>,
}

impl Collector {
    /// One that listens.
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let this = Self::at(url);
        tokio::spawn(axum::serve(listener, this.router()).into_future());
        this
    }

    /// One that is told of as if it were there.
    pub(super) fn at(url: String) -> Self {
        Self {
            url,
            got: Arc::default(),
        }
    }

    pub(super) fn router(&self) -> Router {
        Router::new()
            .route("/v1/traces", post(traces))
            .route("/v1/metrics", post(metrics))
            .route("/v1/logs", post(logs))
            .with_state(self.clone())
    }

    /// Answers its next requests of this signal so.
    pub(super) fn refuse(&self, signal: Signal, with: impl IntoIterator<Item = StatusCode>) {
        let with = with.into_iter().map(|status| (signal, status));
        self.got.lock().unwrap().refusals.extend(with);
    }

    /// What it has now.
    pub(super) fn got<T>(&self, look: impl FnOnce(&Got) -> T) -> T {
        look(&self.got.lock().unwrap())
    }

    /// Waits for a span of this name.
    pub(super) async fn span(&self, name: &str) -> Span {
        let named = |got: &Got| got.spans.iter().find(|span| span.name == name).cloned();
        until(&format!("a span {name}"), || self.got(named).is_some()).await;
        self.got(named).unwrap()
    }

    /// Waits for so many spans whose names begin so.
    pub(super) async fn has_spans(&self, name: &str, count: usize) {
        let named = |got: &Got| {
            got.spans
                .iter()
                .filter(|span| span.name.starts_with(name))
                .count()
        };
        until(&format!("{count} spans {name}"), || self.got(named) >= count).await;
    }

    fn take(&self, signal: Signal, headers: HeaderMap, keep: impl FnOnce(&mut Got)) -> StatusCode {
        let mut got = self.got.lock().unwrap();
        let refusal = got.refusals.iter().position(|(of, _)| *of == signal);
        if let Some((_, refusal)) = refusal.and_then(|at| got.refusals.remove(at)) {
            return refusal;
        }
        assert_eq!(headers["content-type"], "application/x-protobuf");
        got.headers.push(headers);
        keep(&mut got);
        StatusCode::OK
    }
}

/// The text of an attribute.
pub(super) fn attribute<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a str> {
    let value = attributes.iter().find(|attribute| attribute.key == name)?;
    match value.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text),
        other => panic!("{name} is {other:?}"),
    }
}

/// Bytes as ids are written.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn traces(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    collector.take(Signal::Traces, headers, |got| {
        for sent in request.resource_spans {
            got.resources.push(sent.resource.unwrap().attributes);
            let spans = sent.scope_spans.into_iter().flat_map(|scope| scope.spans);
            got.spans.extend(spans);
        }
    })
}

async fn metrics(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let request = ExportMetricsServiceRequest::decode(body).unwrap();
    collector.take(Signal::Metrics, headers, |got| {
        for sent in request.resource_metrics {
            got.resources.push(sent.resource.unwrap().attributes);
            let metrics = sent.scope_metrics.into_iter().flat_map(|scope| scope.metrics);
            got.metrics.push(metrics.collect());
        }
    })
}

async fn logs(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let request = ExportLogsServiceRequest::decode(body).unwrap();
    collector.take(Signal::Logs, headers, |got| {
        for sent in request.resource_logs {
            got.resources.push(sent.resource.unwrap().attributes);
            for scope in sent.scope_logs {
                let target = scope.scope.unwrap().name;
                let logs = scope.log_records.into_iter();
                got.logs.extend(logs.map(|log| (target.clone(), log)));
            }
        }
    })
}
