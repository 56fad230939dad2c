//! One client's socket, as its calls and their functions see it: a call comes in, is answered, and its answer
//! goes out.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicBool, Ordering},
};

use super::{
    call_queue::{Admission, CallQueue, Incoming, QueueLimits},
    dialect::Dialect,
    in_flight::CallInFlight,
    open_namespaces::OpenNamespace,
    refusals,
    sender::SocketSender,
    server_event::{ConnectOptions, ServerEvent},
    session_limits::SessionLimits,
    shared::Shared,
};
use crate::{
    call::{
        identity::Identity,
        payload::Arguments,
        peer::{SocketId, SocketState},
        table::{EVENT, Route},
    },
    error::{CallError, Code, Result},
    feed::{self, Wanted},
    net::{
        engineio::Session, limits::per_subject::Part, metrics::Limit, rooms::membership::member::Member,
        socketio::Kind,
    },
};

mod close;
mod frame;
mod hooks;
mod run;

/// One client's socket.
pub(in crate::net) struct ClientSocket {
    this: Weak<Self>,
    pub(in crate::net) state: SocketState,
    pub(in crate::net) place: Arc<OpenNamespace>,
    session: Arc<Session>,
    pub(super) limits: Arc<SessionLimits<Arc<Self>>>,
    pub(in crate::net) part: Part,
    pub(in crate::net) call_queue: Arc<CallQueue<Arc<Self>>>,
    pub(in crate::net) sender: Arc<SocketSender>,
    /// Why it has no identity, if it is closed at its first call.
    refused: Option<CallError>,
    /// Whether it was connected, and whether it has left.
    was_connected: AtomicBool,
    has_left: AtomicBool,
    /// It takes in no more calls, as its session leaves before others do.
    is_draining: AtomicBool,
    pub(in crate::net) rooms: Member,
    pub(in crate::net) shared: Arc<Shared>,
}

impl ClientSocket {
    /// A socket of a session. One that is refused is closed when it calls.
    pub(in crate::net) fn new(
        session: Arc<Session>,
        place: Arc<OpenNamespace>,
        limits: Arc<SessionLimits<Arc<Self>>>,
        identity: Result<Identity>,
        shared: Arc<Shared>,
    ) -> Result<Arc<Self>, getrandom::Error> {
        let config = &shared.config;
        let id = SocketId::random()?;
        let sender = SocketSender::new(id.clone(), session.clone(), place.clone(), config);
        let at_connection = &limits.config().limits;
        let bounds = QueueLimits {
            running: at_connection.max_running,
            waiting: at_connection.max_waiting,
            call: config.limits.max_call,
            pause: at_connection.read_pause,
        };
        let call_queue = limits.queue(place.name.as_str(), bounds);
        let (identity, refused) = match identity {
            Ok(identity) => (identity, None),
            Err(error) => (Identity::ANONYMOUS, Some(error)),
        };
        let this = Arc::new_cyclic(|this| Self {
            this: this.clone(),
            rooms: shared.rooms.member(place.name.as_str(), &id, sender.clone()),
            state: SocketState::new(id, place.name.clone(), identity),
            place,
            session,
            limits,
            part: Part::default(),
            call_queue,
            sender,
            refused,
            was_connected: AtomicBool::new(false),
            has_left: AtomicBool::new(false),
            is_draining: AtomicBool::new(false),
            shared,
        });
        this.shared.sockets.enter(&this.state.id, &this);
        this.shared.metrics.connected();
        Ok(this)
    }

    /// The socket is connected: it is subscribed to what its handshake names, and a client that is too old
    /// gets `server.reload`.
    pub(in crate::net) fn connected(self: &Arc<Self>, options: ConnectOptions<'_>) {
        let ConnectOptions { topics, version } = options;
        if let (Some(version), Some(min)) = (&version, &self.limits.config().session.min_client)
            && version < min
        {
            self.send_event(&ServerEvent::Reload { min });
        }
        let most = self.shared.config.limits.max_subscriptions;
        let topics = topics.map_or_else(Wanted::default, |topics| Wanted::read(topics.get(), most));
        if self.refused.is_some() || topics.is_empty() || !self.place.table.speaks_modules {
            return;
        }
        let (this, feed) = (self.clone(), self.shared.feed.clone());
        let context = self.shared.dispatcher.context(self.clone(), "topic.subscribe");
        tokio::spawn(async move {
            if this.may_subscribe(&context).await {
                feed::at_connection(feed, context, topics).await;
            }
        });
    }

    /// Sends an event of the server itself, where clients listen for that.
    pub(super) fn send_event(&self, notice: &ServerEvent<'_>) {
        if !self.place.table.speaks_modules {
            return;
        }
        if let Err(error) = self.sender.notify(Kind::event(EVENT), notice) {
            tracing::debug!(%error, "a notice did not reach its client");
        }
    }

    /// One more call is under way.
    pub(in crate::net) fn begin(&self) -> CallInFlight {
        self.shared.progress.begin()
    }

    pub(in crate::net) fn namespace(&self) -> &str {
        self.place.name.as_str()
    }

    /// What an event of this name is for.
    pub(in crate::net) fn route(&self, name: &str) -> Option<Route> {
        self.place.route(name)
    }

    /// How an event of this name is answered.
    pub(in crate::net) fn dialect(&self, name: &str) -> Dialect {
        Dialect::of_name(&self.place.table, name)
    }

    /// Whether it is gone.
    pub(in crate::net) fn has_left(&self) -> bool {
        self.has_left.load(Ordering::Acquire)
    }

    /// The client acked what it was asked.
    pub(in crate::net) fn acked(&self, number: u64, answer: Result<Arguments>) {
        self.sender.answered(number, answer);
    }

    /// Answers a call that is too large to be taken in.
    pub(in crate::net) fn refuse_too_large(self: &Arc<Self>, name: &str, ack: Option<u64>, arguments: &str) {
        if let Some(why) = &self.refused {
            return self.close_at_first_call(ack, why);
        }
        let dialect = self.dialect(name);
        let error = refusals::too_large(self.shared.config.limits.max_call);
        if self.is_too_fast(dialect, ack) {
            return;
        }
        let is_said = self.fails_by_frame(name, arguments, &error) && ack.is_none();
        if !is_said {
            self.refuse(dialect, ack, &error);
        }
    }

    /// Sets the identity. A revoked socket stays anonymous.
    ///
    /// # Errors
    /// Where that one has as many sockets as it may have.
    pub(in crate::net) fn set_identity(&self, identity: Identity) -> Result<()> {
        let admit = |identity: &Identity| self.part.of(&self.shared.shares, identity.subject());
        self.state.try_set_identity(identity, admit)?;
        self.stay_only_if_confirmed();
        Ok(())
    }

    /// Has the socket closed where its subject turns out to have as many as it may have at other nodes.
    pub(super) fn stay_only_if_confirmed(&self) {
        // Before that, CONNECT waits for it.
        if self.was_connected.load(Ordering::Acquire)
            && self.part.is_unconfirmed()
            && let Some(this) = self.this.upgrade()
        {
            tokio::spawn(this.stay_if_confirmed());
        }
    }

    /// Closes the socket where its subject has as many as it may have at other nodes.
    async fn stay_if_confirmed(self: Arc<Self>) {
        if let Err(full) = self.part.confirm().await {
            self.dismiss(&full);
        }
    }

    /// Takes a call in, in the order in which they came.
    pub(in crate::net) fn take_in(self: &Arc<Self>, incoming: Incoming<Arc<Self>>) {
        if let Some(why) = &self.refused {
            return self.close_at_first_call(incoming.ack, why);
        }
        if self.session.is_closed() {
            return;
        }
        let Some(incoming) = self.take_frame(incoming) else {
            return;
        };
        let dialect = Dialect::of(&self.place.table, incoming.route);
        if self.shared.progress.is_draining() || self.is_draining.load(Ordering::Relaxed) {
            return self.refuse(dialect, incoming.ack, &refusals::stopping());
        }
        if self.is_too_fast(dialect, incoming.ack) {
            return;
        }
        if !self.sender.is_behind() && self.call_queue.is_next(&incoming) {
            if self.start(incoming) {
                self.start_waiting();
            }
            return;
        }
        match self.call_queue.admit(incoming) {
            Admission::Waits => {}
            Admission::WaitsAmongMany => self.pause_reading(),
            Admission::Refused(incoming) => {
                self.shared.metrics.refused(Limit::CallsWaiting);
                return self.refuse(dialect, incoming.ack, &refusals::crowded());
            }
            Admission::Short(incoming, short) => return self.refuse(dialect, incoming.ack, &short),
        }
        self.start_waiting();
    }

    /// Answers an event that no function is registered for.
    pub(in crate::net) fn refuse_unknown(&self, ack: Option<u64>, name: &str) {
        let dialect = self.dialect(name);
        if self.is_too_fast(dialect, ack) {
            return;
        }
        self.shared.metrics.unhandled_events();
        self.shared.unhandled_events.log(self.place.table.name(), name);
        match ack {
            Some(_) => self.refuse(dialect, ack, &refusals::unknown(name)),
            None => self.shared.metrics.answered(Some(Code::UnknownEvent)),
        }
    }

    /// Counts a call, and refuses one too many.
    fn is_too_fast(&self, dialect: Dialect, ack: Option<u64>) -> bool {
        let (limit, whose, wait) = match (self.limits.rate.count(), self.part.count()) {
            (Err(wait), _) => (Limit::CallRate, "socket", wait),
            (_, Err(wait)) => (Limit::CallRatePerSubject, "subject", wait),
            _ => return false,
        };
        self.shared.metrics.refused(limit);
        self.refuse(dialect, ack, &refusals::too_fast(whose, wait));
        true
    }

    /// Stops reading until fewer calls wait, but not beyond what the queue allows: heartbeats are read too.
    fn pause_reading(self: &Arc<Self>) {
        let longest = self.call_queue.pause_left();
        if longest.is_zero() {
            return;
        }
        let pause = self.session.pause_reading();
        self.call_queue.is_paused_by(pause);
        if !self.call_queue.is_above_high_water() {
            // Another task started the calls in between, and resumed reading too early.
            return self.session.end_pause(pause);
        }
        let session = self.session.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(longest) => session.end_pause(pause),
                () = session.pause_over(pause) => {}
            }
        });
    }

    fn start_waiting(self: &Arc<Self>) {
        // What an answer waits for, the next one would too, and hold its own meanwhile.
        while !self.sender.is_behind()
            && let Some(incoming) = self.call_queue.next()
        {
            let socket = incoming.socket.clone();
            match socket.sender.has_ended() {
                false => socket.start(incoming),
                // It waited while its caller's rights went.
                true => socket.give_up(),
            };
        }
        if self.call_queue.is_below_low_water() {
            self.session.end_pause(self.call_queue.pause());
            if self.call_queue.is_above_high_water() {
                // Others came in between, and their pause is over with the one before.
                self.pause_reading();
            }
        }
    }

    /// Answers a packet that is not taken in.
    pub(super) fn refuse(&self, dialect: Dialect, ack: Option<u64>, error: &CallError) {
        self.shared.metrics.answered(Some(error.code()));
        if let Err(error) = self.sender.refuse(dialect, ack, error) {
            tracing::debug!(%error, "a refusal did not reach its client");
        }
    }
}

impl Drop for ClientSocket {
    fn drop(&mut self) {
        self.shared.sockets.leave(&self.state.id);
        self.shared.metrics.disconnected();
    }
}
