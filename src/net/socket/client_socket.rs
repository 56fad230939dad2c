//! One client's socket, as its calls and their functions see it: a call comes in, is answered, and its answer
//! goes out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    call_queue::{Admission, CallQueue, Incoming, QueueLimits},
    in_flight::CallInFlight,
    refusals,
    sender::{MESSAGE, SocketSender},
    server_event::{Handshake, ServerEvent},
    shared::Shared,
};
use crate::{
    call::{
        answer::AnswerFrame,
        identity::Identity,
        peer::{SocketData, SocketId},
    },
    error::{CallError, Result},
    feed::{self, Wanted},
    net::{
        engineio::Session,
        limits::{per_subject::Part, rate::Rate},
        metrics::Limit,
        rooms::membership::Member,
        socketio::Kind,
    },
};

mod close;
mod run;

/// The event that carries calls one way, and the other way what topics and the server say.
pub(in crate::net) const EVENT: &str = "event";

/// One client's socket.
pub(in crate::net) struct ClientSocket {
    pub(in crate::net) id: SocketId,
    namespace: Arc<str>,
    session: Arc<Session>,
    rate: Rate,
    pub(in crate::net) part: Part,
    pub(in crate::net) call_queue: CallQueue,
    pub(in crate::net) sender: Arc<SocketSender>,
    pub(in crate::net) data: SocketData,
    /// Who it is now; why it is nobody, where it is closed at its first call.
    pub(in crate::net) identity: Mutex<Identity>,
    identified: Notify,
    refused: Option<CallError>,
    pub(in crate::net) rooms: Member,
    pub(in crate::net) gone: CancellationToken,
    pub(in crate::net) shared: Arc<Shared>,
}

impl ClientSocket {
    /// A socket of a session. One that is refused is closed when it calls.
    pub(in crate::net) fn new(
        session: Arc<Session>,
        namespace: Arc<str>,
        identity: Result<Identity>,
        shared: Arc<Shared>,
    ) -> Result<Arc<Self>, getrandom::Error> {
        let gone = CancellationToken::new();
        let config = &shared.config;
        let id = SocketId::random()?;
        let sender = SocketSender::new(id.clone(), session.clone(), namespace.clone(), config);
        let call_queue = CallQueue::new(QueueLimits {
            running: config.max_running,
            waiting: config.max_waiting,
            call: config.max_call,
            pause: config.read_pause,
        });
        let (identity, refused) = match identity {
            Ok(identity) => (identity, None),
            Err(error) => (Identity::ANONYMOUS, Some(error)),
        };
        let this = Arc::new(Self {
            rooms: shared.rooms.member(&namespace, &id, sender.clone()),
            id,
            namespace,
            session,
            rate: shared.rates.of_one(),
            part: Part::default(),
            call_queue,
            sender,
            data: SocketData::default(),
            identity: Mutex::new(identity),
            identified: Notify::new(),
            refused,
            gone,
            shared,
        });
        this.shared.sockets.enter(&this.id, &this);
        this.shared.metrics.connected();
        Ok(this)
    }

    /// The socket is connected: it is subscribed to what its handshake names, and a client that is too old is
    /// told so.
    pub(in crate::net) fn connected(self: &Arc<Self>, handshake: Handshake<'_>) {
        let Handshake { topics, version } = handshake;
        if let (Some(version), Some(min)) = (&version, &self.shared.config.min_client)
            && version < min
        {
            self.say(&ServerEvent::Reload { min });
        }
        let most = self.shared.config.max_subscriptions;
        let topics = topics.map_or_else(Wanted::default, |topics| Wanted::read(topics.get(), most));
        if self.refused.is_some() {
            return;
        }
        self.rooms.appear();
        if topics.is_empty() {
            return;
        }
        let context = self.shared.dispatcher.context(self.clone(), "topic.subscribe");
        tokio::spawn(feed::at_connection(self.shared.feed.clone(), context, topics));
    }

    pub(super) fn say(&self, notice: &ServerEvent<'_>) {
        if let Err(error) = self.sender.notify(Kind::Event(EVENT), notice) {
            tracing::debug!(%error, "a notice did not reach its client");
        }
    }

    /// One more call is under way.
    pub(in crate::net) fn begin(&self) -> CallInFlight {
        self.shared.progress.begin()
    }

    pub(in crate::net) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The socket is gone: nobody waits any more for what its functions do.
    pub(in crate::net) fn disconnected(&self) {
        self.gone.cancel();
        self.sender.disconnected();
        self.rooms.disconnected();
    }

    /// The client acked what it was asked.
    pub(in crate::net) fn acked(&self, number: u64, answer: Result<Value>) {
        self.sender.answered(number, answer);
    }

    /// Answers a call that is too large to be taken in.
    pub(in crate::net) fn refuse_too_large(self: &Arc<Self>, ack: Option<u64>) {
        if let Some(why) = &self.refused {
            return self.close_at_first_call(ack, why);
        }
        if !self.is_too_fast(ack) {
            self.refuse(ack, &refusals::too_large(self.shared.config.max_call));
        }
    }

    /// Who it is now.
    pub(in crate::net) fn known_identity(&self) -> MutexGuard<'_, Identity> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It is somebody else from now on. One whose rights were taken away has none again.
    ///
    /// # Errors
    /// Where that one has as many sockets as it may have.
    pub(in crate::net) fn set_identity(&self, identity: Identity) -> Result<()> {
        let mut known = self.known_identity();
        if !self.gone.is_cancelled() {
            self.part.of(&self.shared.shares, identity.subject())?;
            *known = identity;
            self.identified.notify_waiters();
        }
        Ok(())
    }

    /// Takes a call in, in the order in which they came.
    pub(in crate::net) fn take_in(self: &Arc<Self>, incoming: Incoming) {
        if let Some(why) = &self.refused {
            return self.close_at_first_call(incoming.ack, why);
        }
        if self.sender.has_ended() {
            return;
        }
        if self.shared.progress.is_draining() {
            return self.refuse(incoming.ack, &refusals::stopping());
        }
        if self.is_too_fast(incoming.ack) {
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
                return self.refuse(incoming.ack, &refusals::crowded());
            }
            Admission::Short(incoming, short) => return self.refuse(incoming.ack, &short),
        }
        self.start_waiting();
    }

    /// Answers an event that is no call.
    pub(in crate::net) fn refuse_unknown(&self, ack: Option<u64>, name: &str) {
        match ack {
            _ if self.is_too_fast(ack) => {}
            Some(_) => self.refuse(ack, &refusals::unknown()),
            None => self.shared.unheard.tell(name),
        }
    }

    /// Counts a call, and refuses one too many.
    fn is_too_fast(&self, ack: Option<u64>) -> bool {
        let (limit, whose, wait) = match (self.rate.count(), self.part.count()) {
            (Err(wait), _) => (Limit::CallRate, "socket", wait),
            (_, Err(wait)) => (Limit::CallRatePerSubject, "subject", wait),
            _ => return false,
        };
        self.shared.metrics.refused(limit);
        self.refuse(ack, &refusals::too_fast(whose, wait));
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
            // The calls were started elsewhere in between, and who did that resumed too early.
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
            match self.sender.has_ended() {
                false => self.start(incoming),
                // It waited while its caller's rights went.
                true => self.give_up(),
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
    pub(super) fn refuse(&self, ack: Option<u64>, error: &CallError) {
        self.shared.metrics.answered(Some(error.code()));
        let sent = match ack {
            Some(id) => self.sender.refuse(Kind::Ack(id), &AnswerFrame::refusal(error)),
            None => self.sender.refuse(Kind::Event(MESSAGE), &error.message()),
        };
        if let Err(error) = sent {
            tracing::debug!(%error, "a refusal did not reach its client");
        }
    }
}

impl Drop for ClientSocket {
    fn drop(&mut self) {
        self.shared.sockets.leave(&self.id);
        self.shared.metrics.disconnected();
    }
}
