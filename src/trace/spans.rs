//! Spans by the SDK of OpenTelemetry.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context as Waker, Poll},
};

use opentelemetry::{
    Context, KeyValue,
    trace::{SpanBuilder, SpanKind, Status, TraceContextExt, Tracer as _, TracerProvider},
};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use pin_project_lite::pin_project;

use super::parent;
use crate::error::{CallError, Code, Result};

/// What the spans of this crate say that they are from.
const SCOPE: &str = "updraft";

/// Begins spans, which go where its provider sends them.
#[derive(Clone)]
pub(crate) struct Tracer(Option<Recorder>);

#[derive(Clone)]
struct Recorder {
    tracer: SdkTracer,
    rules: Rules,
}

/// What is known of a sampler without asking it, for the many calls that it does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// What is a part of a trace that is not sampled is not recorded.
    pub(crate) follows_parents: bool,
    /// No trace begins here.
    pub(crate) begins_none: bool,
}

/// A span that was begun, or of which it was decided that it is not recorded: what runs in it knows of it. It ends with this.
pub(crate) struct Span(Context);

impl Tracer {
    /// Begins none.
    pub(crate) fn off() -> Self {
        Self(None)
    }

    /// Of a provider with this sampler.
    pub(crate) fn of(provider: &SdkTracerProvider, rules: Rules) -> Self {
        let tracer = provider.tracer(SCOPE);
        Self(Some(Recorder { tracer, rules }))
    }

    /// A function is called; the client may say of which trace that is a part.
    pub(crate) fn call(&self, event: &str, namespace: &str, traceparent: Option<&str>) -> Option<Span> {
        let Recorder { tracer, rules } = self.0.as_ref()?;
        let parent = match traceparent.and_then(parent::read) {
            Some(remote) => {
                let is_recorded = remote.is_sampled() || !rules.follows_parents;
                let parent = Context::new().with_remote_span_context(remote);
                if !is_recorded {
                    return Some(Span(parent));
                }
                parent
            }
            None if rules.begins_none => return None,
            None => Context::new(),
        };
        Some(Span::begin(tracer, SpanKind::Server, &parent, || Details {
            name: event.to_owned(),
            attributes: vec![KeyValue::new("updraft.namespace", namespace.to_owned())],
        }))
    }

    /// So many events are published to a topic, by what runs here.
    pub(crate) fn publish(&self, topic: &str, events: usize) -> Option<Span> {
        let Recorder { tracer, rules } = self.0.as_ref()?;
        let parent = Context::current();
        let is_recorded = match parent.has_active_span() {
            true => parent.span().span_context().is_sampled() || !rules.follows_parents,
            false => !rules.begins_none,
        };
        if !is_recorded {
            return None;
        }
        Some(Span::begin(tracer, SpanKind::Producer, &parent, || {
            let count = i64::try_from(events).unwrap_or(i64::MAX);
            let mut details = Details::of_topic("publish", topic);
            details
                .attributes
                .push(KeyValue::new("messaging.batch.message_count", count));
            details
        }))
    }

    /// Something is emitted to sockets of a namespace, in so many rooms: a part of the trace of what runs here, where there is one.
    pub(crate) fn emit(&self, rooms: usize, namespace: impl FnOnce() -> String) -> Option<Span> {
        let Recorder { tracer, .. } = self.0.as_ref()?;
        let parent = Context::map_current(|current| {
            let is_recorded = current.span().span_context().is_sampled();
            is_recorded.then(|| current.clone())
        })?;
        Some(Span::begin(tracer, SpanKind::Producer, &parent, || {
            Details::of_emit(rooms, namespace())
        }))
    }

    /// An event, whose publish is traced, is handed to the live readers of its topic.
    pub(crate) fn deliver(&self, topic: &str, traceparent: Option<&str>) -> Option<Span> {
        self.read("deliver", topic, traceparent)
    }

    /// Such an event is folded into a state.
    pub(crate) fn project(&self, topic: &str, traceparent: Option<&str>) -> Option<Span> {
        self.read("project", topic, traceparent)
    }

    /// What becomes of an event whose publish is traced.
    fn read(&self, operation: &'static str, topic: &str, traceparent: Option<&str>) -> Option<Span> {
        let Recorder { tracer, .. } = self.0.as_ref()?;
        let parent = Context::new().with_remote_span_context(parent::read(traceparent?)?);
        Some(Span::begin(tracer, SpanKind::Consumer, &parent, || {
            Details::of_topic(operation, topic)
        }))
    }

    /// A consumer's function gets an event: a part of the trace of its publish, where that is known, and linked to it.
    pub(crate) fn consume(&self, topic: &str, consumer: &str, traceparent: Option<&str>) -> Option<Span> {
        let Recorder { tracer, rules } = self.0.as_ref()?;
        let published = traceparent.and_then(parent::read);
        let parent = match &published {
            Some(published) => Context::new().with_remote_span_context(published.clone()),
            None if rules.begins_none => return None,
            None => Context::new(),
        };
        let span = Span::begin(tracer, SpanKind::Consumer, &parent, || {
            let mut details = Details::of_topic("process", topic);
            details.attributes.push(KeyValue::new(
                "messaging.consumer.group.name",
                consumer.to_owned(),
            ));
            details
        });
        if let Some(published) = published {
            span.0.span().add_link(published, Vec::new());
        }
        Some(span)
    }
}

/// What is said of a span that is recorded.
struct Details {
    name: String,
    attributes: Vec<KeyValue>,
}

impl Details {
    /// In the words that OpenTelemetry has for messaging.
    ///
    /// Source: <https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/>.
    fn of_topic(operation: &'static str, topic: &str) -> Self {
        Self {
            name: format!("{operation} {topic}"),
            attributes: vec![
                KeyValue::new("messaging.system", "updraft"),
                KeyValue::new("messaging.operation.name", operation),
                KeyValue::new("messaging.destination.name", topic.to_owned()),
            ],
        }
    }

    fn of_emit(rooms: usize, namespace: String) -> Self {
        Self {
            name: format!("emit {namespace}"),
            attributes: vec![
                KeyValue::new("messaging.system", "updraft"),
                KeyValue::new("messaging.operation.name", "emit"),
                KeyValue::new("updraft.namespace", namespace),
                KeyValue::new("updraft.rooms", i64::try_from(rooms).unwrap_or(i64::MAX)),
            ],
        }
    }
}

impl Span {
    /// Details are asked for only where it is recorded: the sampler knows neither its name nor its attributes.
    fn begin(
        tracer: &SdkTracer,
        kind: SpanKind,
        parent: &Context,
        details: impl FnOnce() -> Details,
    ) -> Self {
        let builder = SpanBuilder::from_name("unnamed").with_kind(kind);
        let context = parent.with_span(tracer.build_with_context(builder, parent));
        let span = context.span();
        if span.is_recording() {
            let details = details();
            span.update_name(details.name);
            span.set_attributes(details.attributes);
        }
        Self(context)
    }

    /// It is done, or failed.
    pub(crate) fn end(self, failure: Option<Code>) {
        let span = self.0.span();
        if !span.is_recording() {
            return;
        }
        let outcome = failure.map_or("ok", Code::as_str);
        span.set_attribute(KeyValue::new("updraft.outcome", outcome));
        // As for HTTP, what the caller did wrong is no error of the server.
        if let Some(Code::Internal | Code::Timeout | Code::Unavailable | Code::Overloaded) = failure {
            span.set_status(Status::error(outcome));
        }
        span.end();
    }

    /// Where it stands, for what comes of it; `None` where it is not recorded.
    pub(crate) fn traceparent(&self) -> Option<Arc<str>> {
        let span = self.0.span();
        let context = span.span_context();
        context.is_sampled().then(|| parent::written(context))
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tracer").field(&self.0.is_some()).finish()
    }
}

/// Does this in a span, where there is one.
pub(crate) fn within<T>(span: Option<&Span>, work: impl FnOnce() -> T) -> T {
    let _entered = span.map(|span| span.0.clone().attach());
    work()
}

/// Polls this in a span, where there is one.
pub(crate) fn poll_within<F: Future>(
    span: Option<&Span>,
    work: F,
) -> impl Future<Output = F::Output> + use<F> {
    let context = span.map(|span| span.0.clone());
    Within { context, work }
}

/// Polls this, on whatever thread, in the span in which this is called.
pub(crate) fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> + use<F> {
    let context = Context::map_current(|current| current.has_active_span().then(|| current.clone()));
    Within { context, work }
}

/// The ids of the trace and of the span in which this is called.
pub(crate) fn current_ids() -> Option<(String, String)> {
    Context::map_current(|current| {
        let span = current.span();
        let context = span.span_context();
        let ids = || (context.trace_id().to_string(), context.span_id().to_string());
        context.is_valid().then(ids)
    })
}

/// Does this for so long as a span, where there is one.
pub(crate) async fn spanning<T>(span: Option<Span>, work: impl Future<Output = Result<T>>) -> Result<T> {
    let done = work.await;
    if let Some(span) = span {
        span.end(done.as_ref().err().map(CallError::code));
    }
    done
}

pin_project! {
    struct Within<F> {
        context: Option<Context>,
        #[pin]
        work: F,
    }
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, waker: &mut Waker<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.context.as_ref().map(|context| context.clone().attach());
        this.work.poll(waker)
    }
}
