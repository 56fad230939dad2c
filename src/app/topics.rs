//! The topics of an app, and the feed of them over their journal.

use std::{
    future::{Future, ready},
    sync::Arc,
};

use super::{App, journal, start_error::StartError};
use crate::{
    error::Result,
    feed::{self, Feed, Projection, Topic},
    journal::Record,
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

    /// Keeps state that is folded from a topic; functions take it as `State<Projection<T>>`, one of a type. Folded anew it begins
    /// with a clone of this state; an event on which the fold panics is left out: see [`Projection`].
    ///
    /// ```
    /// use std::collections::HashSet;
    /// use updraft::{App, Json, Module, Projection, Result, State, Topic, journal::Record};
    ///
    /// type Seats = HashSet<String>;
    ///
    /// fn fold(seats: &mut Seats, record: &Record) {
    ///     if let Some(seat) = record.key.as_deref() {
    ///         match record.is_tombstone() {
    ///             true => seats.remove(seat),
    ///             false => seats.insert(seat.to_owned()),
    ///         };
    ///     }
    /// }
    ///
    /// async fn taken(seats: State<Projection<Seats>>) -> Result<Json<usize>> {
    ///     seats.read(|seats, _| Json(seats.len())).await
    /// }
    ///
    /// let app = App::new()
    ///     .topic(Topic::new("seats"))
    ///     .project("seats", Seats::new(), fold)
    ///     .module(Module::new("api.seats").on("taken", taken));
    /// ```
    #[must_use]
    pub fn project<T: Clone + Send + Sync + 'static>(
        mut self,
        topic: impl Into<String>,
        state: T,
        fold: impl Fn(&mut T, &Record) + Send + Sync + 'static,
    ) -> Self {
        let topic = topic.into();
        self.states.promise::<Projection<T>>();
        self.declarations.projection::<T>(&topic);
        self.projections.push(Box::new(move |feed, states| {
            Box::pin(async move {
                states.share(feed.project(&topic, state, fold).await?);
                Ok(())
            })
        }));
        self
    }

    /// Adds a consumer: a function that gets every event of a topic in order, at least once, across restarts. Of several nodes one runs
    /// it, and another one a few seconds after that has died. An event that fails, or on which the function panics, is tried five times
    /// within 1.5 seconds, and then moved to `<topic>.dead.<name>`. A name is ASCII letters, digits, `_` and `-`, unique for its topic.
    ///
    /// The function has no time-out. It is dropped when the server stops or its node loses its place: the event comes again then.
    ///
    /// ```
    /// use updraft::{App, Result, Topic, journal::Record};
    ///
    /// async fn mail(order: Record) -> Result<()> {
    ///     println!("order {} of {:?}", order.seq, order.data::<String>()?);      // `seq` tells whether it came before
    ///     Ok(())
    /// }
    /// let app = App::new().topic(Topic::new("orders")).consumer("orders", "mail", mail);
    /// ```
    #[must_use]
    pub fn consumer<F, Fut>(mut self, topic: impl Into<String>, name: impl Into<String>, function: F) -> Self
    where
        F: Fn(Record) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let (topic, name, function) = (topic.into(), name.into(), feed::consumer_function(function));
        self.declarations.consumer(&topic, &name);
        self.consumers.push(Box::new(move |feed, _| {
            Box::pin(ready(feed::start_consumer(feed, topic, name, function)))
        }));
        self
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
