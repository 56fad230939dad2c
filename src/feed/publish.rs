//! Publishing: append to the journal, and the feed does the rest.

use std::sync::Arc;

use bytestring::ByteString;

use super::channels::Feed;
use crate::{
    call::{context::Context, idempotent_call::IdempotentCall, reply::IntoReply, stored_reply},
    error::{CallError, Result},
    event::{Event, Position},
    journal::{Append, JournalError, SeenKey},
    trace::Span,
};

/// Publishes to one topic: [`Context::topic`] in a function, [`Feed::topic`](crate::Feed::topic) outside.
///
/// ```
/// use updraft::{Context, Event, Json, Position, Result};
///
/// /// Moves what a card says to another: both or neither.
/// async fn merge(Json((from, to, text)): Json<(String, String, String)>, cx: Context) -> Result<Json<Position>> {
///     let events = vec![Event::new("card.changed").key(to).data(&text)?, Event::new("card.removed").key(from)];
///     cx.topic("board").publish_all(events).await.map(Json)
/// }
/// # let module = updraft::Module::new("api.board").on("merge", merge);
/// ```
#[derive(Clone, Debug)]
pub struct Publisher {
    feed: Option<Arc<Feed>>,
    topic: Arc<str>,
    expected: Option<u64>,
    seen: Vec<SeenKey>,
    once: Option<Arc<IdempotentCall>>,
    answer: Option<String>,
    /// The caller, in a call: with its identity at the time of the publish.
    caller: Option<Context>,
}

impl Publisher {
    fn new(feed: Option<Arc<Feed>>, topic: Arc<str>) -> Self {
        Self {
            feed,
            topic,
            expected: None,
            seen: Vec::new(),
            once: None,
            answer: None,
            caller: None,
        }
    }

    /// Only if the topic still ends at this sequence number ([`Position::seq`]; 0 where it has no event): nothing was published
    /// since. Of several that expect the same end one
    /// succeeds, whatever the key: with [`Publisher::expecting_key`] publishes of different keys all succeed.
    #[must_use]
    pub fn expecting(mut self, last: u64) -> Self {
        self.expected = Some(last);
        self
    }

    /// Only where nothing was published of this key since it was seen: no event of it beyond this sequence number. That
    /// is the number that [`Projection::read`](crate::Projection::read) gives, or that of the key's latest event;
    /// 0 says that the key has no event, or has ended. It may be said of several keys.
    ///
    /// It is checked in the commit, so no other publish comes in between. If it does not hold, the caller looks and
    /// decides again: [`Projection::decide`](crate::Projection::decide) does all of this.
    ///
    /// ```
    /// use updraft::{Context, Event, Position, Result};
    ///
    /// /// Takes a free name.
    /// async fn take(name: String, cx: Context) -> Result<()> {
    ///     let taken = Event::new("name.taken").key(name.as_str());
    ///     cx.topic("names").expecting_key(name, 0).publish(taken).await?;
    ///     Ok(())
    /// }
    /// # let module = updraft::Module::new("api.names").on("take", take);
    /// ```
    #[must_use]
    pub fn expecting_key(mut self, key: impl Into<ByteString>, seen: u64) -> Self {
        self.seen.push(SeenKey {
            key: key.into(),
            up_to: seen,
        });
        self
    }

    /// Stores what the function is about to answer in the commit of what it publishes, so that even if the server
    /// goes down right after, a call with an idempotency key (`id`) that is tried again is answered so. Without
    /// this such a retry is answered with the position. A call without a key is not tried again, and stores nothing.
    ///
    /// # Errors
    /// [`Code::Internal`](crate::Code::Internal) where the answer cannot be written as JSON.
    pub fn answering(mut self, answer: impl IntoReply) -> Result<Self> {
        self.answer = Some(stored_reply::of(answer)?);
        Ok(self)
    }

    /// Publishes an event. Resolves when it is durable; no reader gets it before.
    ///
    /// In a call with an idempotency key (`id`) the key stands in the same commit: the call that is tried again is
    /// given its first answer, and nothing is published anew.
    ///
    /// # Errors
    /// [`Code::Conflict`](crate::Code::Conflict), which may be retried, where the topic does not end where it was
    /// expected to, or a key was published about; the same, not to be retried, where the call's `id` came with another body.
    /// [`Code::Unavailable`](crate::Code::Unavailable) where the journal cannot be written;
    /// [`Code::TooLarge`](crate::Code::TooLarge) where the journal takes no key of this length;
    /// [`Code::Internal`](crate::Code::Internal) where the topic is not declared, is a presence, or the event's name is malformed;
    /// and what [`Topic::writable_where`](crate::Topic::writable_where) answers to a caller without the right.
    ///
    /// # Cancellation
    /// Where the future is dropped after it was polled, the event may still be published, as a whole or not at all. A call that is tried
    /// again with its idempotency key finds out which; without one, publish under an expectation ([`Publisher::expecting_key`]).
    pub fn publish(&self, event: Event) -> impl Future<Output = Result<Position>> + Send {
        // Not async by itself: that would hold the event once more while it waits.
        self.publish_all(vec![event])
    }

    /// Publishes a batch: all of it or nothing, one after the other. The position is that of the last.
    ///
    /// What belongs together is one batch: of a call that publishes twice, the second may be lost where the server
    /// goes down in between, as the call that is tried again has its answer by then.
    ///
    /// # Errors
    /// As [`Publisher::publish`].
    ///
    /// # Cancellation
    /// As [`Publisher::publish`]: all of the batch or nothing.
    pub async fn publish_all(&self, events: Vec<Event>) -> Result<Position> {
        let feed = self.feed.as_ref().filter(|feed| feed.is_declared(&self.topic));
        let feed =
            feed.ok_or_else(|| CallError::internal(format_args!("topic '{}' is not declared", self.topic)))?;
        let channel = feed.channel(&self.topic)?;
        if channel.topic.is_reserved() || channel.topic.is_of_members() {
            let why = format_args!("topic '{}' is not for functions to publish to", self.topic);
            return Err(CallError::internal(why));
        }
        if let Some(caller) = &self.caller {
            channel.topic.check_writer(&caller.identity())?;
        }
        let journal = feed.journal();
        let count = events.len() as u64;
        let span = feed.tracer().publish(&self.topic, events.len());
        let events = within_trace(events, span.as_ref());
        let append = |once| {
            journal.append(Append {
                topic: self.topic.to_string(),
                events,
                expect: self.expected,
                expect_keys: self.seen.clone(),
                once,
            })
        };
        let appended = match &self.once {
            // Boxed, so that the many calls that have no key hold less while they wait.
            Some(call) => Box::pin(call.append(self.answer.clone(), append)).await,
            None => append(None).await.map_err(JournalError::refusal),
        };
        if let Some(span) = span {
            span.end(appended.as_ref().err().map(CallError::code));
        }
        let appended = appended?;
        if !appended.repeated {
            channel.metrics.published.inc_by(count);
        }
        Ok(Position {
            epoch: journal.epoch().clone(),
            seq: appended.last,
        })
    }
}

/// Events that know of which trace their publish is a part.
fn within_trace(mut events: Vec<Event>, publish: Option<&Span>) -> Vec<Event> {
    if let Some(traceparent) = publish.and_then(Span::traceparent) {
        for event in &mut events {
            event.traceparent = Some(traceparent.clone());
        }
    }
    events
}

/// What events are published by: a function's [`Context`], or the [`Feed`] outside of calls. For code that serves both:
///
/// ```
/// use std::sync::Arc;
/// use updraft::{Context, Event, Feed, Publishes, Result};
///
/// async fn ring(by: &impl Publishes) -> Result<()> {
///     by.publisher("bells".into()).publish(Event::new("bell.rung")).await?;
///     Ok(())
/// }
///
/// async fn called(cx: Context) -> Result<()> {
///     ring(&cx).await
/// }
///
/// async fn by_a_timer(feed: Arc<Feed>) -> Result<()> {
///     ring(&feed).await
/// }
/// # const _: () = updraft::check_handler(&called);
/// ```
pub trait Publishes {
    /// Publishes to a topic.
    fn publisher(&self, topic: Arc<str>) -> Publisher;
}

impl Publishes for Context {
    fn publisher(&self, topic: Arc<str>) -> Publisher {
        self.topic(topic)
    }
}

impl Publishes for Arc<Feed> {
    fn publisher(&self, topic: Arc<str>) -> Publisher {
        self.topic(topic)
    }
}

impl Feed {
    /// Publishes to a topic from outside a call: from a timer, an HTTP route. A topic that is not declared is an error of the publish.
    pub fn topic(self: &Arc<Self>, name: impl Into<Arc<str>>) -> Publisher {
        Publisher::new(Some(self.clone()), name.into())
    }
}

impl Context {
    /// Publishes to a topic, on behalf of the caller. A topic that is not declared is an error of the publish.
    pub fn topic(&self, name: impl Into<Arc<str>>) -> Publisher {
        Publisher {
            once: self.once(),
            caller: Some(self.clone()),
            ..Publisher::new(self.state(), name.into())
        }
    }
}
