//! One client's socket, as its calls and their functions see it: a call comes in, is answered, and its answer
//! goes out.

use std::{
    future::{Future, poll_fn},
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Waker},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use serde_json::json;
use tokio::{
    sync::{Notify, futures::Notified},
    task::unconstrained,
};
use tokio_util::sync::CancellationToken;

use super::{
    answer::AnswerFrame,
    auth::revoked,
    company::Company,
    intake::{Admission, Bounds, Incoming, Intake},
    limits::{Limit, rate::Rate, shares::Part},
    link::Link,
    notice::{Handshake, Notice},
    outbox::Outbox,
    packet::Kind,
    progress::InProgress,
    rooms::Member,
    sessions::Session,
    shared::Shared,
    spare,
};
use crate::{
    call::{
        dispatch::{Answer, said},
        identity::Identity,
        peer::{Peer, SocketData, SocketId},
    },
    error::{CallError, Code, Result},
    feed::{self, Wanted},
};

/// The event that carries the results of calls without an ack.
pub(super) const MESSAGE: &str = "message";

/// The event that carries calls one way, and the other way what topics and the server say.
pub(super) const EVENT: &str = "event";

/// When calls that found no room may find it: a guess, as nobody knows how long those before them take.
const AFTER_CROWD: Duration = Duration::from_secs(1);

/// One client's socket.
pub(super) struct Caller<E> {
    pub(super) id: SocketId,
    session: Arc<str>,
    pub(super) engine: E,
    pub(super) link: Arc<Link>,
    rate: Rate,
    pub(super) part: Part,
    pub(super) intake: Intake,
    pub(super) outbox: Arc<Outbox<E>>,
    pub(super) data: SocketData,
    /// Who it is now; why it is nobody, where it is closed at its first call.
    pub(super) identity: Mutex<Identity>,
    identified: Notify,
    refused: Option<CallError>,
    pub(super) rooms: Member,
    pub(super) gone: CancellationToken,
    pub(super) shared: Arc<Shared>,
}

impl<E: Company> Caller<E> {
    /// A caller over an engine's socket, whose session has this secret id. One who is refused is closed when it calls.
    pub(super) fn new(
        session: &str,
        engine: E,
        link: Arc<Link>,
        identity: Result<Identity>,
        shared: Arc<Shared>,
    ) -> Result<Arc<Self>, getrandom::Error> {
        let gone = CancellationToken::new();
        let config = &shared.config;
        let outbox = Outbox::new(engine.clone(), link.clone(), gone.clone(), config.send_timeout);
        let intake = Intake::new(Bounds {
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
            id: SocketId::random()?,
            session: session.into(),
            engine,
            link,
            rate: shared.rates.of_one(),
            part: Part::default(),
            intake,
            rooms: shared.rooms.member(outbox.clone()),
            outbox,
            data: SocketData::default(),
            identity: Mutex::new(identity),
            identified: Notify::new(),
            refused,
            gone,
            shared,
        });
        this.shared.sessions.enter(this.session.clone(), &this);
        this.shared.telemetry.connected();
        Ok(this)
    }

    /// The socket is connected: it is subscribed to what its handshake names, and a client that is too old is
    /// told so.
    pub(super) fn connected(self: &Arc<Self>, handshake: Handshake<'_>) {
        let Handshake { topics, version } = handshake;
        if let (Some(version), Some(min)) = (&version, &self.shared.config.min_client)
            && version < min
        {
            self.say(&Notice::Reload { min });
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

    fn say(&self, notice: &Notice<'_>) {
        if let Err(error) = self.outbox.refuse(Kind::Event(EVENT), notice) {
            tracing::debug!(%error, "a notice did not reach its client");
        }
    }

    /// One more call is under way.
    pub(super) fn begin(&self) -> InProgress {
        self.shared.progress.begin()
    }

    /// The socket is gone: nobody waits any more for what its functions do.
    pub(super) fn leave_for_good(&self) {
        self.gone.cancel();
        self.rooms.leave_for_good();
    }

    /// Who it is now.
    pub(super) fn known_as(&self) -> MutexGuard<'_, Identity> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It is somebody else from now on. One whose rights were taken away has none again.
    ///
    /// # Errors
    /// Where that one has as many sockets as it may have.
    pub(super) fn becomes(&self, identity: Identity) -> Result<()> {
        let mut known = self.known_as();
        if !self.gone.is_cancelled() {
            self.part.of(&self.shared.shares, identity.subject())?;
            *known = identity;
            self.identified.notify_waiters();
        }
        Ok(())
    }

    /// Completes when it is somebody else.
    pub(super) fn identified(&self) -> Notified<'_> {
        self.identified.notified()
    }

    /// Takes a call in, in the order in which they came.
    pub(super) fn take_in(self: &Arc<Self>, incoming: Incoming) {
        if let Some(why) = &self.refused {
            return self.close_at_first_call(incoming.ack, why);
        }
        if self.gone.is_cancelled() {
            return;
        }
        if self.shared.progress.is_draining() {
            let stopping = CallError::new(Code::Unavailable, "the server is stopping");
            return self.refuse(incoming.ack, &stopping);
        }
        if self.is_too_fast(incoming.ack) {
            return;
        }
        match self.intake.admit(incoming) {
            Admission::Waits => {}
            Admission::WaitsAmongMany => self.pause_reading(),
            Admission::Refused(incoming) => {
                self.shared.telemetry.refused(Limit::CallsWaiting);
                let full = CallError::new(Code::Overloaded, "too many calls of this socket wait already");
                return self.refuse(incoming.ack, &later(full, AFTER_CROWD));
            }
        }
        self.start_waiting();
    }

    /// Answers an event that nobody but the caller's own code could know.
    pub(super) fn refuse_unknown(&self, ack: Option<i64>) {
        if !self.is_too_fast(ack) && ack.is_some() {
            let unknown = CallError::new(Code::UnknownEvent, "calls are emitted as 'event'");
            self.refuse(ack, &unknown);
        }
    }

    /// Counts a call, and refuses one too many.
    fn is_too_fast(&self, ack: Option<i64>) -> bool {
        let (limit, whose, wait) = match (self.rate.count(), self.part.count()) {
            (Err(wait), _) => (Limit::CallRate, "socket", wait),
            (_, Err(wait)) => (Limit::CallRatePerSubject, "subject", wait),
            _ => return false,
        };
        self.shared.telemetry.refused(limit);
        let message = format!("too many calls of this {whose} in so short a time");
        let early = CallError::new(Code::RateLimited, message);
        self.refuse(ack, &later(early, wait));
        true
    }

    /// Stops reading until fewer calls wait, but not beyond what the intake allows: heartbeats are read too.
    fn pause_reading(self: &Arc<Self>) {
        let longest = self.intake.pause_left();
        if longest.is_zero() {
            return;
        }
        let pause = self.link.pause_reading();
        if !self.intake.is_crowded() {
            // The calls were started elsewhere in between, and who did that resumed too early.
            return self.link.end_pause(pause);
        }
        let link = self.link.clone();
        tokio::spawn(async move {
            tokio::time::sleep(longest).await;
            link.end_pause(pause);
        });
    }

    fn start_waiting(self: &Arc<Self>) {
        while let Some(incoming) = self.intake.next() {
            self.start(incoming);
            self.intake.started();
        }
        if self.intake.has_thinned() {
            self.link.resume_reading();
            if self.intake.is_crowded() {
                // Others came in between, and their pause is over with the one before.
                self.pause_reading();
            }
        }
    }

    /// Runs a call up to its first wait, right here; most are done by then. The rest of it becomes a task.
    fn start(self: &Arc<Self>, incoming: Incoming) {
        let this = self.clone();
        let mut call = spare::hold(async move {
            let answered = AssertUnwindSafe(this.answer(incoming)).catch_unwind().await;
            if answered.is_err() {
                tracing::error!("what a call left behind panicked");
            }
            this.intake.finished();
        });
        // Unconstrained, since a reader that has used up its budget would have calls wait for nothing, and overtaken.
        let polled = pin!(unconstrained(&mut call)).poll(&mut Context::from_waker(Waker::noop()));
        self.intake.was_released();
        if polled.is_ready() {
            return spare::give_back(call);
        }
        let this = self.clone();
        tokio::spawn(poll_fn(move |context| {
            let polled = call.poll(context);
            if this.intake.was_released() || polled.is_ready() {
                this.start_waiting();
            }
            polled
        }));
    }

    async fn answer(self: &Arc<Self>, incoming: Incoming) {
        let peer: Arc<dyn Peer> = self.clone();
        let Incoming {
            arrived,
            ack,
            in_progress: _in_progress,
            source: _,
        } = incoming;
        if self.outbox.has_ended() {
            // It waited while its caller's rights went.
            return self.shared.telemetry.answered(Some(Code::Unauthenticated));
        }
        let answer = self.shared.dispatcher.answer(arrived, peer).await;
        let failure = answer.result.as_ref().err().map(CallError::code);
        let Err(error) = self.send_answer(ack, &answer).await else {
            return self.shared.telemetry.answered(failure);
        };
        if error.code() != Code::Internal {
            self.shared.telemetry.answered(failure);
            return tracing::debug!(%error, "an answer did not reach its client");
        }
        self.shared.telemetry.answered(Some(Code::Internal));
        let apology = Answer {
            event: answer.event,
            result: Err(error),
        };
        if let Err(error) = self.send_answer(ack, &apology).await {
            tracing::debug!(%error, "an answer did not reach its client");
        }
    }

    /// Sends an answer. Data that panics while it is written is an error like any other.
    async fn send_answer(&self, ack: Option<i64>, answer: &Answer) -> Result<()> {
        let sent = AssertUnwindSafe(self.write_answer(ack, answer))
            .catch_unwind()
            .await;
        sent.unwrap_or_else(|panic| {
            let event = &answer.event;
            let said = said(&*panic);
            Err(CallError::internal(format_args!(
                "the answer of {event} panicked: {said}"
            )))
        })
    }

    /// The ack, where there is one; else the bare result as `message`, where there is a result.
    async fn write_answer(&self, ack: Option<i64>, answer: &Answer) -> Result<()> {
        match (ack, &answer.result) {
            (Some(id), result) => {
                let frame = AnswerFrame::new(&answer.event, result);
                self.outbox.answer(Kind::Ack(id), &frame).await
            }
            (None, Ok(None)) => Ok(()),
            (None, Ok(Some(data))) => self.outbox.answer(Kind::Event(MESSAGE), &**data).await,
            (None, Err(error)) => self.outbox.answer(Kind::Event(MESSAGE), &error.message()).await,
        }
    }

    /// Answers a packet that is not taken in.
    fn refuse(&self, ack: Option<i64>, error: &CallError) {
        self.shared.telemetry.answered(Some(error.code()));
        let sent = match ack {
            Some(id) => self.outbox.refuse(Kind::Ack(id), &AnswerFrame::refusal(error)),
            None => self.outbox.refuse(Kind::Event(MESSAGE), &error.message()),
        };
        if let Err(error) = sent {
            tracing::debug!(%error, "a refusal did not reach its client");
        }
    }
}

/// The same error, which says when to try again.
fn later(error: CallError, wait: Duration) -> CallError {
    let after = wait.as_micros().div_ceil(1000).max(1);
    error.with_details(json!({ "after_ms": u64::try_from(after).unwrap_or(u64::MAX) }))
}

impl<E: Company> Session for Caller<E> {
    fn link(&self) -> &Arc<Link> {
        &self.link
    }

    fn say_draining(&self) {
        self.say(&Notice::Draining);
    }

    fn flushed(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.outbox.flushed())
    }

    fn revoke(&self, subject: &str) -> bool {
        let is_meant = self.known_as().subject() == Some(subject);
        if is_meant {
            self.shared.telemetry.refused(Limit::Revoked);
            self.dismiss(&revoked());
        }
        is_meant
    }
}

impl<E> Drop for Caller<E> {
    fn drop(&mut self) {
        self.shared.sessions.leave(&self.session);
        self.shared.telemetry.disconnected();
    }
}
