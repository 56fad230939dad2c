//! One client's session: what it is made of, how it is read, and how it ends.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::extract::{ConnectInfo, Request};
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use tokio::{runtime::Handle, sync::Notify};

use super::{
    close_reason::CloseReason,
    liveness::Liveness,
    message::Outgoing,
    open::Open,
    packet::{Malformed, Protocol},
    posts::Posts,
    registry::Registry,
    send_queue::SendQueue,
    settings::Settings,
};
use crate::call::{
    handshake::{Head, Whence},
    memory::Holder,
};

/// The receiver of a session's messages.
pub(in crate::net) trait Handler: Send + Sync {
    /// The session is there; nothing was received yet.
    fn opened(&self, session: &Arc<Session>);

    /// # Errors
    /// Where it is no packet of the protocol that is spoken in the session, which ends then.
    fn text(&self, session: &Arc<Session>, text: &str) -> Result<(), Malformed>;

    /// # Errors
    /// As `text`.
    fn binary(&self, session: &Arc<Session>, bytes: Bytes) -> Result<(), Malformed>;

    /// A message waits for memory: nothing is to be held that others wait for meanwhile.
    ///
    /// # Errors
    /// As `text`.
    fn short_of_memory(&self, session: &Arc<Session>) -> Result<(), Malformed>;

    /// All that had come was received.
    fn idle(&self, session: &Arc<Session>);

    fn closed(&self, session: &Arc<Session>, reason: CloseReason);

    /// The server ends it soon: all that it carries leaves first.
    fn disconnect(&self);

    /// The server lets it go: its client is told, once, and no more calls are taken in. Whether all that were are answered.
    fn drain(&self) -> bool;
}

/// The head of the request that a session begins with. A copy: the request's own would keep the connection's read buffer.
pub(super) fn head(request: &Request) -> Head {
    let copied = |(name, value): (&HeaderName, &HeaderValue)| {
        Some((name.clone(), HeaderValue::from_bytes(value.as_bytes()).ok()?))
    };
    let extensions = request.extensions();
    let by_itself = || {
        let ConnectInfo(address) = extensions.get::<ConnectInfo<SocketAddr>>()?;
        Some(Whence {
            address: address.ip(),
            is_secure: false,
        })
    };
    Head {
        headers: request.headers().iter().filter_map(copied).collect(),
        uri: request.uri().to_string().parse().unwrap_or_default(),
        origin: extensions.get::<Whence>().copied().or_else(by_itself),
    }
}

/// What carries a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum Transport {
    Polling,
    WebSocket,
}

pub(in crate::net) struct Session {
    id: Box<str>,
    protocol: Protocol,
    settings: Arc<Settings>,
    /// Where it is found.
    registry: Arc<Registry<Self>>,
    pub(in crate::net) send_queue: SendQueue,
    holder: Arc<Holder>,
    pub(super) liveness: Liveness,
    handler: OnceLock<Arc<dyn Handler>>,
    head: Option<Arc<Head>>,
    /// One reads at a time, so that all is received in the order in which it came.
    receiving: Mutex<()>,
    pub(super) posts: Posts,
    /// The number of the pause in reading, where there is one.
    paused: AtomicU64,
    pauses: AtomicU64,
    pub(super) resumed: Notify,
    pub(super) state: Mutex<State>,
    closed: OnceLock<CloseReason>,
    /// Where its tasks run: what ends it may come from any thread of the app.
    runtime: Handle,
}

/// How far a WebSocket is that is to take a session over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upgrade {
    None,
    /// It is there.
    Begun,
    /// It was tried: polls end, for the client to go on over it.
    Probed,
}

/// What carries a session, and what may follow that.
pub(super) struct State {
    pub(super) transport: Transport,
    pub(super) upgrade: Upgrade,
    pub(super) is_polled: bool,
    pub(super) is_posted: bool,
    /// Its client takes no bytes, as it said when it began to poll.
    pub(super) is_text: bool,
    /// Among those that poll.
    is_counted: bool,
}

impl Session {
    pub(super) fn new(
        id: &str,
        protocol: Protocol,
        head: Option<Head>,
        settings: Arc<Settings>,
        registry: Arc<Registry<Self>>,
    ) -> Arc<Self> {
        let holder = Holder::new(settings.memory.clone());
        let send_queue = SendQueue::new(protocol, &holder, settings.traffic.clone());
        let this = Arc::new(Self {
            id: id.into(),
            protocol,
            settings,
            registry,
            send_queue,
            holder,
            liveness: Liveness::default(),
            handler: OnceLock::new(),
            head: head.map(Arc::new),
            receiving: Mutex::default(),
            posts: Posts::default(),
            paused: AtomicU64::new(0),
            pauses: AtomicU64::new(0),
            resumed: Notify::new(),
            state: Mutex::new(State {
                transport: Transport::Polling,
                upgrade: Upgrade::None,
                is_polled: false,
                is_posted: false,
                is_text: false,
                is_counted: false,
            }),
            closed: OnceLock::new(),
            runtime: Handle::current(),
        });
        this.count_as_begun();
        this
    }

    /// It is one more, and polls until a WebSocket carries it.
    fn count_as_begun(&self) {
        if let Some(traffic) = &self.settings.traffic {
            traffic.begun();
            traffic.polls();
            self.state().is_counted = true;
        }
    }

    fn count_as_polling_no_more(&self, state: &mut State) {
        if let Some(traffic) = &self.settings.traffic
            && std::mem::take(&mut state.is_counted)
        {
            traffic.polls_no_more();
        }
    }

    /// The open packet. It holds the session id, which is a secret: it gives access to the session.
    pub(super) fn open_packet(&self, upgrades: &[&str]) -> Outgoing {
        let open = Open {
            sid: &self.id,
            upgrades,
            ping_interval: self.settings.ping_interval,
            ping_timeout: self.settings.ping_timeout,
            max_payload: (self.protocol == Protocol::V4).then_some(self.settings.max_message),
        };
        Outgoing::Text(format!("0{}", open.to_json()).into_bytes())
    }

    pub(in crate::net) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// What is held for its client.
    pub(in crate::net) fn holder(&self) -> &Arc<Holder> {
        &self.holder
    }

    pub(in crate::net) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The request that it began with, where handlers can ask for it.
    pub(in crate::net) fn head(&self) -> Option<&Arc<Head>> {
        self.head.as_ref()
    }

    pub(super) fn begin(self: &Arc<Self>, handler: Arc<dyn Handler>) {
        if self.handler.set(handler.clone()).is_ok() {
            handler.opened(self);
        }
    }

    /// The receiver of its messages.
    pub(in crate::net) fn handler(&self) -> Option<&Arc<dyn Handler>> {
        self.handler.get()
    }

    /// Receives what came, after all that came before.
    pub(in crate::net) fn receive<T>(self: &Arc<Self>, receive: impl FnOnce() -> T) -> T {
        let receiving = self.receiving.lock().unwrap_or_else(PoisonError::into_inner);
        let received = receive();
        if let Some(handler) = self.handler() {
            handler.idle(self);
        }
        drop(receiving);
        received
    }

    pub(in crate::net) fn is_closed(&self) -> bool {
        self.closed.get().is_some()
    }

    /// Why it ended, where it has.
    pub(in crate::net) fn closed(&self) -> Option<CloseReason> {
        self.closed.get().copied()
    }

    /// Ends the session, the first time for this reason.
    pub(in crate::net) fn close(self: &Arc<Self>, reason: CloseReason) {
        if self.end(reason) {
            self.forget();
        }
    }

    /// The same after all queued packets have been sent.
    pub(in crate::net) fn close_gracefully(self: &Arc<Self>, reason: CloseReason) {
        if self.end(reason) {
            self.linger();
        }
    }

    /// Whether it had not ended before.
    fn end(self: &Arc<Self>, reason: CloseReason) -> bool {
        if self.closed.set(reason).is_err() {
            return false;
        }
        tracing::debug!(reason = reason.as_str(), "a session is over");
        self.liveness.end();
        if let Some(traffic) = &self.settings.traffic {
            self.count_as_polling_no_more(&mut self.state());
            traffic.ended(reason.as_str());
        }
        if let Some(handler) = self.handler() {
            handler.closed(self, reason);
        }
        self.resumed.notify_waiters();
        true
    }

    /// Ends when its client has read all packets and the close.
    fn linger(self: &Arc<Self>) {
        self.send_queue.end(&[]);
        self.send_queue.wake();
        self.send_queue.wake_poll();
        let this = self.clone();
        let send_timeout = self.settings.send_timeout;
        self.runtime.spawn(async move {
            let _ = tokio::time::timeout(send_timeout, this.send_queue.over()).await;
            this.forget();
        });
    }

    /// Where its tasks run.
    pub(in crate::net) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Nothing of it is left.
    pub(in crate::net) fn forget(&self) {
        self.send_queue.drop_carrier();
        self.registry.remove(&self.id);
    }

    /// Completes when nothing of it is left.
    pub(in crate::net) async fn over(&self) {
        self.send_queue.over().await;
    }

    /// Stops reading; the number of this pause.
    pub(in crate::net) fn pause_reading(&self) -> u64 {
        let pause = self.pauses.fetch_add(1, Ordering::Relaxed) + 1;
        self.paused.store(pause, Ordering::Release);
        pause
    }

    /// Reads on, where this pause still lasts.
    pub(in crate::net) fn end_pause(&self, pause: u64) {
        let ended = self
            .paused
            .compare_exchange(pause, 0, Ordering::AcqRel, Ordering::Relaxed);
        if pause > 0 && ended.is_ok() {
            self.has_resumed();
        }
    }

    fn has_resumed(&self) {
        // What it sent meanwhile was not read.
        self.liveness.mark_alive();
        self.resumed.notify_waiters();
        self.send_queue.wake();
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire) > 0
    }

    /// Completes when it is read, or over.
    pub(super) async fn may_read(&self) {
        self.resumed_or_closed(|| !self.is_paused()).await;
    }

    /// Completes when this pause is over, or all is.
    pub(in crate::net) async fn pause_over(&self, pause: u64) {
        self.resumed_or_closed(|| self.paused.load(Ordering::Acquire) != pause)
            .await;
    }

    /// Completes when this is so, which is looked at when reading goes on or a WebSocket was tried; or when all is over.
    pub(super) async fn resumed_or_closed(&self, has_resumed: impl Fn() -> bool) {
        loop {
            let resumed = self.resumed.notified();
            tokio::pin!(resumed);
            resumed.as_mut().enable();
            if self.is_closed() || has_resumed() {
                return;
            }
            resumed.await;
        }
    }

    /// Whether requests carry it.
    pub(in crate::net) fn polls(&self) -> bool {
        self.state().transport == Transport::Polling
    }

    /// A WebSocket carries it from now on.
    pub(super) fn is_taken_over(&self) {
        let mut state = self.state();
        state.transport = Transport::WebSocket;
        self.count_as_polling_no_more(&mut state);
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
