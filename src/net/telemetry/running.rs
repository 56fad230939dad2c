//! Telemetry that runs: what is recorded, and the thread that sends it, until the server has stopped.

use std::{sync::Arc, thread};

use opentelemetry_sdk::{logs::SdkLoggerProvider, trace::SdkTracerProvider};
use tokio::{runtime::Builder, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    collector::Collector,
    error::TelemetryError,
    exporter::{Exporter, Figures, LONGEST_FLUSH, Sender},
    processors::{LogQueue, SpanQueue},
    queue::Queue,
    resource, sampler,
};
use crate::{
    config::TelemetryConfig,
    net::metrics::telemetry::TelemetryCounts,
    trace::{Rules, Tracer},
};

/// What goes to a collector. It ends with this.
pub(crate) struct Telemetry {
    tracers: SdkTracerProvider,
    rules: Rules,
    loggers: SdkLoggerProvider,
    figures: Figures,
    counts: TelemetryCounts,
    stop: CancellationToken,
    _stop_with_this: DropGuard,
    ended: CancellationToken,
}

/// The collector that is named, if any.
fn endpoint(config: &TelemetryConfig) -> Option<&str> {
    config.endpoint.as_deref().filter(|url| !url.is_empty())
}

impl Telemetry {
    /// Whether these settings can be understood.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn check(config: &TelemetryConfig) -> Result<(), TelemetryError> {
        let Some(endpoint) = endpoint(config) else {
            return Ok(());
        };
        resource::read(config)?;
        sampler::read(&config.sampler, config.ratio.as_deref())?;
        Collector::new(endpoint, "/v1/traces", resource::headers(config)?).map(drop)
    }

    /// Begins to send what these settings ask for; `None` where they name no collector.
    ///
    /// # Errors
    /// Where they cannot be understood.
    pub(crate) fn start(config: &TelemetryConfig) -> Result<Option<Arc<Self>>, TelemetryError> {
        let Some(endpoint) = endpoint(config) else {
            return Ok(None);
        };
        let resource = resource::read(config)?;
        let headers = resource::headers(config)?;
        let (sampler, rules) = sampler::read(&config.sampler, config.ratio.as_deref())?;
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let to = |signal, path| {
            let collector = Collector::new(endpoint, path, headers.clone())?;
            Ok(Sender::new(signal, collector, stop.clone()))
        };
        let counts = TelemetryCounts::default();
        let exporter = Exporter {
            resource: resource.clone(),
            spans: Arc::new(Queue::new(&counts.traces)),
            logs: Arc::new(Queue::new(&counts.logs)),
            figures: Figures::default(),
            interval: config.interval,
            metrics: Queue::new(&counts.metrics),
            traces_to: to("traces", "/v1/traces")?,
            metrics_to: to("metrics", "/v1/metrics")?,
            logs_to: to("logs", "/v1/logs")?,
            stop: stop.clone(),
        };
        let this = Self {
            tracers: SdkTracerProvider::builder()
                .with_sampler(sampler)
                .with_resource(resource.clone())
                .with_span_processor(SpanQueue(exporter.spans.clone()))
                .build(),
            rules,
            loggers: SdkLoggerProvider::builder()
                .with_resource(resource)
                .with_log_processor(LogQueue(exporter.logs.clone()))
                .build(),
            figures: exporter.figures.clone(),
            counts,
            stop: stop.clone(),
            _stop_with_this: stop.drop_guard(),
            ended: ended.clone(),
        };
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(TelemetryError::Begin)?;
        thread::Builder::new()
            .name("otlp".to_owned())
            .spawn(move || {
                let _ended = ended.drop_guard();
                runtime.block_on(exporter.run());
            })
            .map_err(TelemetryError::Begin)?;
        Ok(Some(Arc::new(this)))
    }

    /// Begins spans that are sent.
    pub(crate) fn tracer(&self) -> Tracer {
        Tracer::of(&self.tracers, self.rules)
    }

    /// Where spans of other crates go.
    pub(crate) fn tracers(&self) -> &SdkTracerProvider {
        &self.tracers
    }

    /// Where log records go.
    pub(crate) fn loggers(&self) -> &SdkLoggerProvider {
        &self.loggers
    }

    pub(in crate::net) fn counts(&self) -> &TelemetryCounts {
        &self.counts
    }

    /// Sends metrics from now on, as this says them in the form of OpenMetrics.
    pub(in crate::net) fn observe(&self, figures: impl Fn() -> Option<String> + Send + Sync + 'static) {
        // It is that of one server.
        let _ = self.figures.set(Box::new(figures));
    }

    /// Sends what is left, for two seconds at most.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        let _ = timeout(2 * LONGEST_FLUSH, self.ended.cancelled()).await;
    }
}
