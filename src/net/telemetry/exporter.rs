//! What sends it all, on a thread of its own: one request after the other for each signal.

use std::{
    ops::ControlFlow,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use opentelemetry::Context;
use opentelemetry_proto::{
    tonic::{
        collector::{
            logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
            trace::v1::ExportTraceServiceRequest,
        },
        common::v1::InstrumentationScope,
        metrics::v1::{ResourceMetrics, ScopeMetrics},
        resource::v1,
    },
    transform::{
        common::tonic::ResourceAttributesWithSchema, logs::tonic::group_logs_by_resource_and_scope,
        trace::tonic::group_spans_by_resource_and_scope,
    },
};
use opentelemetry_sdk::{Resource, logs::LogBatch, trace::SpanData};
use prost::Message;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    collector::{Collector, Refusal},
    figures::{self, Period},
    processors::Logged,
    queue::Queue,
};

/// How long spans and log records wait for others, to be sent with them.
const DELAY: Duration = Duration::from_secs(1);

/// Attempts to send something, and the wait after the first; twice as long after each further one.
const TRIES: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// How long what is left may take when the server stops.
pub(super) const LONGEST_FLUSH: Duration = Duration::from_secs(2);

/// Says what the metrics are now.
pub(super) type Figures = Arc<OnceLock<Box<dyn Fn() -> Option<String> + Send + Sync>>>;

/// What is sent, and where.
pub(super) struct Exporter {
    pub(super) resource: Resource,
    pub(super) spans: Arc<Queue<SpanData>>,
    pub(super) logs: Arc<Queue<Logged>>,
    pub(super) figures: Figures,
    /// Metrics are sent so often.
    pub(super) interval: Duration,
    /// Counts what is lost of them: none waits.
    pub(super) metrics: Queue<()>,
    pub(super) traces_to: Sender,
    pub(super) metrics_to: Sender,
    pub(super) logs_to: Sender,
    pub(super) stop: CancellationToken,
}

impl Exporter {
    /// Sends until it is stopped, and then what is left, for so long.
    pub(super) async fn run(self) {
        // What this thread does is not told: that would never end.
        let _untold = Context::enter_telemetry_suppressed_scope();
        let stop = self.stop.clone();
        let mut work = Box::pin(self.all());
        tokio::select! {
            () = &mut work => {}
            () = async {
                stop.cancelled().await;
                sleep(LONGEST_FLUSH).await;
            } => {}
        }
    }

    async fn all(self) {
        let Self {
            resource,
            spans,
            logs,
            figures,
            interval,
            metrics,
            mut traces_to,
            mut metrics_to,
            mut logs_to,
            stop,
        } = self;
        let resource = ResourceAttributesWithSchema::from(&resource);
        let encode_spans = |spans| traces(spans, &resource);
        let encode_logs = |logs: Vec<Logged>| logged(&logs, &resource);
        let begun = now();
        let measure = async {
            loop {
                let flow = wait(&stop, sleep(interval)).await;
                let text = figures.get().and_then(|figures| figures());
                let period = Period {
                    from: begun,
                    to: now(),
                };
                if let Some(text) = text
                    && !metrics_to.send(measured(&text, period, &resource)).await
                {
                    metrics.lost(1);
                }
                if flow.is_break() {
                    break;
                }
            }
        };
        tokio::join!(
            send_all(&spans, &stop, encode_spans, &mut traces_to),
            send_all(&logs, &stop, encode_logs, &mut logs_to),
            measure
        );
    }
}

/// Sends what is queued, together, until it is stopped and nothing is left.
async fn send_all<T>(
    queue: &Queue<T>,
    stop: &CancellationToken,
    encode: impl Fn(Vec<T>) -> Vec<u8>,
    to: &mut Sender,
) {
    loop {
        let more = async {
            // Woken by many, or after a while.
            let _ = timeout(DELAY, queue.many()).await;
        };
        let flow = wait(stop, more).await;
        loop {
            let batch = queue.take();
            if batch.is_empty() {
                break;
            }
            let number = batch.len();
            if !to.send(encode(batch)).await {
                queue.lost(number);
            }
        }
        if flow.is_break() {
            return;
        }
    }
}

/// Waits for this, or that it is time to end.
async fn wait(stop: &CancellationToken, work: impl Future<Output = ()>) -> ControlFlow<()> {
    match stop.run_until_cancelled(work).await {
        Some(()) => ControlFlow::Continue(()),
        None => ControlFlow::Break(()),
    }
}

/// Sends one signal to a collector, which may be away.
pub(super) struct Sender {
    pub(super) signal: &'static str,
    pub(super) collector: Collector,
    pub(super) stop: CancellationToken,
    is_away: bool,
}

impl Sender {
    pub(super) fn new(signal: &'static str, collector: Collector, stop: CancellationToken) -> Self {
        Self {
            signal,
            collector,
            stop,
            is_away: false,
        }
    }

    /// Whether it was taken.
    async fn send(&mut self, body: Vec<u8>) -> bool {
        let (sent, signal) = (self.try_to_send(body.into()).await, self.signal);
        let authority = self.collector.authority();
        match &sent {
            Ok(()) if self.is_away => tracing::info!("{signal} reach the collector at {authority} again"),
            Err(why) if !self.is_away => {
                tracing::warn!("{signal} do not reach the collector at {authority}, and are dropped: {why}");
            }
            Ok(()) | Err(_) => {}
        }
        self.is_away = sent.is_err();
        sent.is_ok()
    }

    async fn try_to_send(&mut self, body: Bytes) -> Result<(), Refusal> {
        let mut wait = FIRST_WAIT;
        for _ in 1..TRIES {
            match self.collector.post(body.clone()).await {
                Err(Refusal::Later(_)) if !self.stop.is_cancelled() => {}
                sent => return sent,
            }
            let _ = self.stop.run_until_cancelled(sleep(wait)).await;
            wait *= 2;
        }
        self.collector.post(body).await
    }
}

fn traces(spans: Vec<SpanData>, resource: &ResourceAttributesWithSchema) -> Vec<u8> {
    ExportTraceServiceRequest {
        resource_spans: group_spans_by_resource_and_scope(spans, resource),
    }
    .encode_to_vec()
}

fn logged(logs: &[Logged], resource: &ResourceAttributesWithSchema) -> Vec<u8> {
    let logs: Vec<_> = logs.iter().map(|(record, scope)| (record, scope)).collect();
    ExportLogsServiceRequest {
        resource_logs: group_logs_by_resource_and_scope(&LogBatch::new(&logs), resource),
    }
    .encode_to_vec()
}

fn measured(text: &str, period: Period, resource: &ResourceAttributesWithSchema) -> Vec<u8> {
    let scope = InstrumentationScope {
        name: "updraft".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let resource = v1::Resource {
        attributes: resource.attributes.0.clone(),
        ..v1::Resource::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope),
                metrics: figures::read(text, period),
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
    .encode_to_vec()
}

/// In nanoseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
