//! All clients of a server: what takes them in, and how they go when it stops.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tokio_util::task::TaskTracker;

use crate::{
    call::{emitter::Emitter, heed::HeedFunctions, memory::Budget, table::Table},
    net::{
        engineio::{self, CloseReason, Handler, Session, Settings},
        forward::{Directory, Forwarding},
        metrics::Limit,
        rooms::{hub::ServerHub, receiver::Receiver},
        socket::{client::Client, shared::Shared},
        traffic::Traffic,
        websocket::deflate::Deflate,
    },
};

/// Grace period for clients to close, once the server has closed its side.
const GRACE: Duration = Duration::from_millis(500);

/// How long polling clients have: they receive it by their next poll, for which they may have to connect first.
const GRACE_FOR_POLLS: Duration = Duration::from_secs(2);

/// Between two looks whether the calls of a session that leaves are answered: their end is told to nothing else.
const LOOK: Duration = Duration::from_millis(20);

/// As long as the clock can count for sure.
const NEVER: Duration = Duration::from_secs(86_400 * 365 * 30);

/// A message may be so many times as large as a call, so that a call that is too large gets its
/// answer. Beyond that the connection is closed.
const OVERSIZE: usize = 4;

/// All clients of a server, and what they share.
#[derive(Clone)]
pub(super) struct Clients {
    pub(super) shared: Arc<Shared>,
    pub(super) engine: Arc<engineio::Server>,
    /// Where other nodes may have sessions.
    pub(super) forwarding: Option<Arc<Forwarding>>,
}

/// Of the largest that the budget grants: a message in fragments takes twice its own, and a buffer's.
fn largest_message(max_call: usize, memory: &Budget) -> usize {
    const BUFFER: usize = 64 << 10;
    let most = (memory.largest() / 2).saturating_sub(BUFFER);
    max_call.saturating_mul(OVERSIZE).min(most)
}

impl Clients {
    pub(super) fn new(
        shared: Arc<Shared>,
        traffic: Option<Arc<Traffic>>,
        directory: Option<Arc<dyn Directory>>,
    ) -> Self {
        let metrics = shared.metrics.clone();
        let late = Box::new(move || metrics.refused(Limit::Body));
        let config = &shared.config;
        let session = &config.session;
        // A poll is answered by a ping at the latest, a POST when it is whole.
        let longest = session.ping_interval + session.ping_timeout + config.http.body_timeout;
        let forwarding = directory.map(|directory| Forwarding::new(directory, longest));
        let settings = Settings {
            ping_interval: config.session.ping_interval,
            ping_timeout: config.session.ping_timeout,
            max_message: largest_message(config.limits.max_call, &shared.memory),
            body_timeout: config.http.body_timeout,
            on_late_body: late,
            deflate: config.session.deflate.per_message.then_some(Deflate {
                threshold: config.session.deflate.threshold,
            }),
            upgrade_timeout: config.session.handshake_timeout,
            send_timeout: config.session.send_timeout,
            memory: shared.memory.clone(),
            traffic,
            node: forwarding
                .as_ref()
                .map_or("", |forwarding| forwarding.name())
                .into(),
            keep_heads: shared.auth.asks()
                || shared
                    .dispatcher
                    .registry()
                    .namespaces()
                    .iter()
                    .any(Table::needs_head),
        };
        let welcomed = shared.clone();
        let welcome =
            Box::new(move |_: &Arc<Session>| -> Arc<dyn Handler> { Arc::new(Client::new(welcomed.clone())) });
        Self {
            engine: engineio::Server::new(settings, welcome),
            forwarding,
            shared,
        }
    }

    /// An emitter reaches them, and what other nodes say does.
    pub(super) fn reach(&self, emitter: &Emitter, heeded: HeedFunctions) {
        let shared = &self.shared;
        let (rooms, declared) = (shared.rooms.clone(), shared.namespaces.declared());
        let hub = ServerHub::new(
            rooms.clone(),
            shared.sockets.clone(),
            declared,
            &shared.dispatcher,
        );
        let hub = Arc::new(hub);
        emitter.reach(hub.clone());
        if let Some(nodes) = shared.others.clone() {
            tokio::spawn(Receiver::new(nodes, hub, rooms, heeded).run());
        }
    }

    /// Lets all clients go: in stages where so configured, then those that are left; when that must be over.
    pub(super) async fn leave(&self) -> Instant {
        let over = self.shared.config.drain_over.min(NEVER);
        // Those that went last had their time already.
        let latest = self.deadline() + over;
        self.leave_in_stages(over).await;
        let deadline = self.deadline().min(latest);
        self.drain(deadline).await;
        tokio::join!(self.disconnect(deadline), self.close_tunnels(Instant::now()));
        deadline
    }

    /// Takes no new sessions, and closes those that there are one after the other, evenly over this time, so that they do not
    /// come to other nodes all at once. Until its turn a session goes on as ever.
    async fn leave_in_stages(&self, over: Duration) {
        self.engine.drain();
        if over.is_zero() {
            return;
        }
        let (leaving, begun) = (TaskTracker::new(), Instant::now());
        let sessions = async {
            let sessions = self.engine.sessions();
            let count = sessions.len() as f64;
            // The last one goes at the end: before, balancers learn that this node is not ready.
            for (turn, session) in (1_u32..).zip(sessions) {
                sleep_until(begun + over.mul_f64(f64::from(turn) / count)).await;
                if !session.is_closed() {
                    leaving.spawn(self.clone().let_go(session));
                }
            }
        };
        tokio::join!(sessions, self.close_tunnels(begun + over));
        leaving.close();
        leaving.wait().await;
    }

    /// Closes WebSockets of other nodes' sessions that go through this one, by then.
    async fn close_tunnels(&self, by: Instant) {
        if let Some(forwarding) = &self.forwarding {
            forwarding.tunnels.close(by).await;
        }
    }

    /// Closes a session: its client is told, its calls are answered, and no more are taken in.
    async fn let_go(self, session: Arc<Session>) {
        let answered = async {
            if let Some(handler) = session.handler() {
                // Not while some of it is received.
                while !session.receive(|| handler.drain()) {
                    sleep(LOOK).await;
                }
            }
            session.send_queue.flushed().await;
        };
        let _ = timeout_at(self.deadline(), answered).await;
        session.close_gracefully(CloseReason::ShuttingDown);
        let _ = timeout(grace(&session), session.over()).await;
        session.forget();
    }

    fn deadline(&self) -> Instant {
        let longest = self.shared.config.drain_timeout.min(NEVER);
        Instant::now() + longest
    }

    /// No new clients and calls; completes when all answers have left, or at the deadline.
    async fn drain(&self, deadline: Instant) {
        let shared = &self.shared;
        shared.progress.drain();
        self.engine.drain();
        for socket in shared.sockets.all() {
            socket.say_draining();
        }
        let drained = async {
            shared.dispatcher.streaming().stop().await;
            shared.progress.done().await;
            shared.rooms.delivered().await;
            let sessions = self.engine.sessions();
            join_all(sessions.iter().map(|session| session.send_queue.flushed())).await;
        };
        if timeout_at(deadline, drained).await.is_err() {
            tracing::warn!("the server stops with answers that have not left yet");
        }
    }

    /// Tells all clients that nothing more comes, and completes when they have gone,
    /// and what functions do about that is done, or the deadline is there.
    async fn disconnect(&self, deadline: Instant) {
        let sessions = self.engine.sessions();
        for session in &sessions {
            session.close_gracefully(CloseReason::ShuttingDown);
        }
        let over = sessions
            .iter()
            .map(|session| timeout(grace(session), session.over()));
        join_all(over).await;
        let _ = timeout_at(deadline.max(Instant::now() + GRACE), self.shared.progress.done()).await;
        for session in sessions {
            session.forget();
        }
    }

    /// Nothing is published or read any more, and other nodes know that this one is gone; completes when the journal's directory
    /// can be opened again.
    pub(super) async fn end(&self) {
        if let Some(others) = &self.shared.others {
            others.bus().end().await;
        }
        if let Some(forwarding) = &self.forwarding {
            forwarding.end().await;
        }
        if let Some(over_nodes) = &self.shared.over_nodes {
            over_nodes.end().await;
        }
        if let Some(feed) = &self.shared.feed {
            feed.end().await;
        }
        // Last, as what ends may have something to tell.
        if let Some(telemetry) = &self.shared.telemetry {
            telemetry.stop().await;
        }
    }
}

/// How long a client has to close its side.
fn grace(session: &Session) -> Duration {
    match session.polls() {
        true => GRACE_FOR_POLLS,
        false => GRACE,
    }
}
