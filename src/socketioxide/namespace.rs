//! An app, ready for namespaces of a socketioxide server.

use std::{fmt, sync::Arc, time::Duration};

use socketioxide::{adapter::Adapter, handler::ConnectHandler};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::{
    connect::{self, Connecting},
    hub::ForeignHub,
    shared::Shared,
};
use crate::{
    error::CallError,
    event::EventName,
    feed::Feed,
    net::{
        limits::rate::Rates,
        server::{lifecycle::Parts, start_tasks},
    },
};

/// As long as the clock can count for sure.
const NEVER: Duration = Duration::from_secs(86_400 * 365 * 30);

/// An app's functions for namespaces of a [socketioxide](https://docs.rs/socketioxide) server of your own: see
/// [`App::into_namespace`](crate::App::into_namespace). Clones are the same app.
///
/// Dropping it ends nothing: its namespaces live as long as their server. It is there with the feature `socketioxide`.
///
/// ```
/// use socketioxide::SocketIo;
/// use updraft::SocketioxideNamespace;
///
/// fn attach(io: &SocketIo, app: &SocketioxideNamespace) {
///     io.ns("/", app.handler());
///     io.ns("/chat", app.handler());
/// }
/// ```
#[derive(Clone)]
pub struct SocketioxideNamespace(Arc<Shared>);

impl SocketioxideNamespace {
    pub(crate) fn new(parts: Parts) -> Self {
        parts.emitter.reach(Arc::new(ForeignHub));
        let config = parts.config;
        Self(Arc::new(Shared {
            dispatcher: parts.dispatcher,
            feed: parts.feed,
            auth: parts.auth,
            rates: Rates::new(config.limits.call_rate, config.limits.call_burst),
            calls: TaskTracker::new(),
            telemetry: parts.telemetry,
            config,
            _end: start_tasks::begin(parts.tasks, &parts.emitter).drop_guard(),
        }))
    }

    /// The connect handler of a namespace, for `SocketIo::ns` and `SocketIo::dyn_ns`, as often as you like: each
    /// namespace authenticates its clients. It listens for `event`, and takes the socket's fallback and disconnect
    /// handlers.
    /// Other events of the namespace are registered by a middleware in front of it:
    ///
    /// ```
    /// # use socketioxide::{SocketIo, extract::SocketRef, handler::ConnectHandler};
    /// # async fn add(io: SocketIo, namespace: updraft::SocketioxideNamespace) {
    /// async fn mine(socket: SocketRef) -> Result<(), std::convert::Infallible> {
    ///     socket.on("mine", async |socket: SocketRef| _ = socket.emit("mine", "heard"));
    ///     Ok(())
    /// }
    /// io.ns("/chat", namespace.handler().with(mine));
    /// # }
    /// ```
    pub fn handler<A: Adapter>(&self) -> impl ConnectHandler<A, Connecting> + use<A> {
        connect::handler(&self.0)
    }

    /// The events that are registered, sorted by name.
    pub fn events(&self) -> Vec<EventName> {
        self.0
            .dispatcher
            .registry()
            .names()
            .into_iter()
            .cloned()
            .collect()
    }

    /// The feed, where the app has topics: to publish from outside a call.
    pub fn feed(&self) -> Option<&Arc<Feed>> {
        self.0.feed.as_ref()
    }

    /// Takes a subject's rights away; how many sockets were disconnected for it. See
    /// [`Subjects::revoke`](crate::Subjects::revoke), which functions use.
    ///
    /// # Errors
    /// As there.
    pub async fn revoke(&self, subject: &str) -> Result<usize, CallError> {
        self.0.auth.subjects().revoke(subject).await
    }

    /// Takes no more calls and ends streams, and completes when the calls that came before are answered, or after the configuration's drain
    /// time-out; whether they were. Clients stay connected, and are told `server.draining`: closing the server is left to
    /// you (`SocketIo::close`).
    ///
    /// # Cancellation
    /// Once polled, no more calls are taken; ask it again to wait on.
    pub async fn drain(&self) -> bool {
        self.0.calls.close();
        for socket in self.0.auth.subjects().sockets().all() {
            socket.say_draining();
        }
        let longest = self.0.config.drain_timeout.min(NEVER);
        let ended = async {
            self.0.dispatcher.streaming().stop().await;
            self.0.calls.wait().await;
        };
        let is_done = timeout(longest, ended).await.is_ok();
        if let Some(telemetry) = &self.0.telemetry {
            telemetry.stop().await;
        }
        is_done
    }
}

impl fmt::Debug for SocketioxideNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketioxideNamespace").finish_non_exhaustive()
    }
}
