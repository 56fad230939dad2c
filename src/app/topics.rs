//! The topics of an app, and the feed of them over their journal.

use std::sync::Arc;

use super::{App, journal, start_error::StartError};
use crate::{
    feed::{Feed, Topic},
    net::auth,
    trace::Tracer,
};

impl App {
    /// Declares a presence: a topic that shows which sockets are there, at all nodes. Functions let their socket
    /// [enter](crate::Presence::enter) it, with data of their choice, and [leave](crate::Presence::leave); one that disconnects
    /// leaves by itself, and so do all of a node that is gone. Clients subscribe to it as to any topic: each member is a key, with
    /// the data of its latest event, and ends by a tombstone.
    ///
    /// ```
    /// use updraft::{App, Context, Module, Result, Topic, everyone};
    ///
    /// async fn enter(name: String, cx: Context) -> Result<()> {
    ///     cx.presence("here").enter(&name).await
    /// }
    ///
    /// let app = App::new()
    ///     .presence(Topic::new("here").readable_by(everyone))
    ///     .module(Module::new("api.here").on("enter", enter));
    /// ```
    #[must_use]
    pub fn presence(self, topic: Topic) -> Self {
        self.topic(topic.of_members())
    }

    /// The feed of the topics; an app without topics has none, and needs no journal, unless it shares one with other nodes.
    pub(super) async fn feed(
        &mut self,
        mut topics: Vec<Topic>,
        tracer: Tracer,
    ) -> Result<Option<Arc<Feed>>, StartError> {
        if topics.is_empty() && !journal::is_shared(&self.config.journal) {
            return Ok(None);
        }
        topics.push(Topic::new(auth::REVOKED));
        let (journal, own) = match self.journal.take() {
            Some(journal) => (journal, None),
            None => {
                let own = journal::open(&self.config.journal, std::mem::take(&mut self.notified)).await?;
                (own.clone(), Some(own))
            }
        };
        let feed = Feed::start_traced(
            journal,
            topics,
            self.config.journal.remember_calls,
            self.config.limits.max_subscriptions,
            self.config.limits.guard_timeout,
            tracer,
        )
        .await?;
        own.into_iter().for_each(|own| feed.owns(own));
        feed.compact_periodically();
        Ok(Some(feed))
    }
}
