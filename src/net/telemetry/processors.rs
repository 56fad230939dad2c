//! Where the SDK of OpenTelemetry hands over what was recorded: a queue each, and nothing waits.

use std::{sync::Arc, time::Duration};

use opentelemetry::{Context, InstrumentationScope};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    logs::{LogProcessor, SdkLogRecord},
    trace::{Span, SpanData, SpanProcessor},
};

use super::queue::Queue;

/// A log record, and what logged it.
pub(super) type Logged = (SdkLogRecord, InstrumentationScope);

/// Queues spans that have ended.
#[derive(Debug)]
pub(super) struct SpanQueue(pub(super) Arc<Queue<SpanData>>);

/// Queues log records.
#[derive(Debug)]
pub(super) struct LogQueue(pub(super) Arc<Queue<Logged>>);

impl SpanProcessor for SpanQueue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl LogProcessor for LogQueue {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        self.0.push((record.clone(), scope.clone()));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}
