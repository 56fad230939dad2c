//! An app's sockets from outside their calls, and what runs beside its server.

use serde::Serialize;

use super::App;
use crate::{
    call::{args::FromAck, emitter::Emitter},
    error::Result,
    net::server::start_tasks,
};

impl App {
    /// The sockets of this app, from outside their calls: for routes, listeners, threads. Until the app is started it reaches
    /// no socket.
    ///
    /// ```
    /// use updraft::{App, Topic};
    ///
    /// let app = App::new().topic(Topic::new("orders"));
    /// let io = app.emitter();
    /// let app = app.consumer("orders", "kitchen", move |order| {
    ///     let io = io.clone();
    ///     async move { io.of("/").to("kitchen").emit("order", &order.key).await }
    /// });
    /// ```
    pub fn emitter(&self) -> Emitter {
        self.emitter.clone()
    }

    /// Runs a function where another node announces this event ([`Emitter::announce`]), or a Node server that shares the database or
    /// the Redis does (`io.serverSideEmit`). It takes what an ack is taken as ([`FromAck`]): the event's first argument, or several by
    /// [`Args`](crate::Args). What it returns goes to the node that asks for it, within five seconds; it has no time-out itself. One
    /// function an event; the last one holds.
    ///
    /// ```
    /// use updraft::App;
    ///
    /// let app = App::new().heed("cache.size?", async |name: String| Ok(name.len()));
    /// ```
    #[must_use]
    pub fn heed<T, R, F, Fut>(mut self, event: impl Into<String>, function: F) -> Self
    where
        T: FromAck,
        R: Serialize,
        F: Fn(T) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R>> + Send + 'static,
    {
        self.heeded.insert(event.into(), function);
        self
    }

    /// Runs a function beside the server, from its start to its end at the latest: a timer, a queue that is read. It is dropped
    /// when the server has stopped. Several run at once; one that panics ends alone.
    ///
    /// ```
    /// use std::time::Duration;
    /// use updraft::{App, Emitter};
    ///
    /// async fn tick(io: Emitter) {
    ///     let mut seconds = tokio::time::interval(Duration::from_secs(1));
    ///     loop {
    ///         seconds.tick().await;
    ///         if let Err(error) = io.of("/").volatile().emit("tick", &()).await {
    ///             eprintln!("{error}");
    ///         }
    ///     }
    /// }
    /// let app = App::new().on_start(tick);
    /// ```
    #[must_use]
    pub fn on_start<F, Fut>(mut self, function: F) -> Self
    where
        F: FnOnce(Emitter) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.tasks.push(start_tasks::task(function));
        self
    }
}
