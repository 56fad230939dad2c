//! Publishing: append to the journal, and the feed does the rest.

use std::sync::Arc;

use super::{channels::Feed, refusal::unavailable};
use crate::{
    call::context::Context,
    error::{CallError, Result},
    event::{Event, Position},
    journal::Append,
};

/// Publishes to one topic.
#[derive(Clone, Debug)]
pub struct Publisher {
    feed: Option<Arc<Feed>>,
    topic: Arc<str>,
    expected: Option<u64>,
}

impl Publisher {
    /// Only where the topic still ends here: nobody published since.
    #[must_use]
    pub fn expecting(mut self, last: u64) -> Self {
        self.expected = Some(last);
        self
    }

    /// Publishes an event. Resolves when it is durable; nobody sees it before.
    ///
    /// # Errors
    /// [`Code::Conflict`](crate::Code::Conflict) where the topic does not end where it was expected to,
    /// [`Code::Unavailable`](crate::Code::Unavailable) where the journal cannot be written.
    pub async fn publish(&self, event: Event) -> Result<Position> {
        self.publish_all(vec![event]).await
    }

    /// Publishes a batch: all of it or nothing, one after the other. The position is that of the last.
    ///
    /// # Errors
    /// As [`Publisher::publish`].
    pub async fn publish_all(&self, events: Vec<Event>) -> Result<Position> {
        let feed = self.feed.as_ref().filter(|feed| feed.is_declared(&self.topic));
        let feed =
            feed.ok_or_else(|| CallError::internal(format_args!("topic '{}' is not declared", self.topic)))?;
        let journal = feed.journal();
        let append = Append {
            topic: self.topic.to_string(),
            events,
            expect: self.expected,
            once: None,
        };
        let appended = journal.append(append).await.map_err(unavailable)?;
        Ok(Position {
            epoch: journal.epoch().clone(),
            seq: appended.last,
        })
    }
}

impl Feed {
    /// Publishes to a topic from outside a call: from a timer, an HTTP route.
    pub fn topic(self: &Arc<Self>, name: impl Into<Arc<str>>) -> Publisher {
        Publisher {
            feed: Some(self.clone()),
            topic: name.into(),
            expected: None,
        }
    }
}

impl Context {
    /// Publishes to a topic.
    pub fn topic(&self, name: impl Into<Arc<str>>) -> Publisher {
        Publisher {
            feed: self.state(),
            topic: name.into(),
            expected: None,
        }
    }
}
