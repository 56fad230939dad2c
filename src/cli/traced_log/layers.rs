//! Layers of the log beside its lines.

use std::fmt;

use opentelemetry::trace::TracerProvider;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields, Layer, MakeWriter,
        format::{Format, Json, JsonFields, Writer},
        time::FormatTime,
    },
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::{net::telemetry::Telemetry, trace};

/// Logs, tells the collector the same, and that spans of `tracing` are spans of a trace.
pub(in crate::cli) fn told<S>(log: S, telemetry: &Telemetry)
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let tracer = telemetry.tracers().tracer("tracing");
    log.with(tracing_opentelemetry::layer().with_tracer(tracer))
        .with(OpenTelemetryTracingBridge::new(telemetry.loggers()))
        .init();
}

/// Each line says of which trace and span it is, if it is of one.
pub(in crate::cli) fn json<S, T, W>(
    lines: Layer<S, JsonFields, Format<Json, T>, W>,
) -> Layer<S, JsonFields, Traced<Format<Json, T>>, W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    T: FormatTime + 'static,
    W: for<'a> MakeWriter<'a> + 'static,
{
    lines.map_event_format(Traced)
}

/// Objects of JSON with two more fields.
pub(in crate::cli) struct Traced<F>(F);

impl<S, N, F> FormatEvent<S, N> for Traced<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some((trace, span)) = trace::current_ids() else {
            return self.0.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        let line = line.trim_end();
        let fields = line.strip_suffix('}').unwrap_or(line);
        writeln!(writer, r#"{fields},"trace_id":"{trace}","span_id":"{span}"}}"#)
    }
}
