//! One client's socket on a namespace, as its calls see it: a call comes in, is answered, and its answer goes out.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use serde_json::{Value, json, value::RawValue};
use socketioxide::{adapter::Adapter, operators::BroadcastOperators, socket::Socket};

use super::{
    call_queue::{CallQueue, Incoming},
    rooms::Rooms,
    sender::{Kind, Sender},
    shared::Shared,
};
use crate::{
    call::{
        answer::AnswerFrame,
        begun::Answer,
        called::Called,
        dispatch::said,
        identity::Identity,
        memory::Account,
        pattern::NamespaceName,
        payload::Arrived,
        peer::{SocketId, SocketState},
        stream::{self, TakenIn},
    },
    error::{CallError, Code, Result},
    feed::{self, Wanted},
    net::{
        auth::{
            expiry::{self, Expires},
            revoked,
        },
        limits::rate::Rate,
        sockets::Connected,
    },
};

/// The event that carries the results of calls without an ack.
const MESSAGE: &str = "message";

/// The event that carries calls one way, and the other way what topics and the server say.
pub(super) const EVENT: &str = "event";

/// Retry time of a call that found a full queue: a guess, as the running time of earlier calls is unknown.
const AFTER_OVERLOAD: Duration = Duration::from_secs(1);

/// The error of existing clients without permission.
const NO_PERMISSION: &str = "user hasn`t permission";

/// One client's socket on one namespace.
pub(super) struct NamespaceSocket<A: Adapter> {
    pub(super) state: SocketState,
    pub(super) sender: Arc<Sender<A>>,
    /// The namespace, with this socket as the one that emits.
    pub(super) all: BroadcastOperators<A>,
    pub(super) calls: Arc<CallQueue>,
    pub(super) rooms: Rooms<A>,
    pub(super) shared: Arc<Shared>,
    rate: Rate,
    /// Why it has no identity, if it is closed at its first call.
    refused: Option<CallError>,
}

impl<A: Adapter> NamespaceSocket<A> {
    /// A refused client is closed at its first call.
    pub(super) fn new(
        socket: &Arc<Socket<A>>,
        identity: Result<Identity>,
        shared: Arc<Shared>,
    ) -> Result<Arc<Self>> {
        let (identity, refused) = match identity {
            Ok(identity) => (identity, None),
            Err(error) => (Identity::ANONYMOUS, Some(error)),
        };
        let id = SocketId::random().map_err(CallError::internal)?;
        let namespace = Arc::new(NamespaceName::plain(socket.ns()));
        let state = SocketState::new(id, namespace, identity);
        let weak = Arc::downgrade(socket);
        let sender = Sender::new(
            weak.clone(),
            state.cancellation.clone(),
            shared.config.session.send_timeout,
        );
        let this = Arc::new(Self {
            sender: Arc::new(sender),
            all: socket.within(Vec::<String>::new()),
            calls: Arc::new(CallQueue::new(&shared.config)),
            rooms: Rooms::new(weak, &state.id),
            state,
            rate: shared.rates.of_one(),
            refused,
            shared,
        });
        this.shared.auth.subjects().sockets().enter(&this.state.id, &this);
        Ok(this)
    }

    /// The client knows that it is connected: its calls start, and it is subscribed to what its handshake names.
    pub(super) fn connected(self: &Arc<Self>, auth: Option<&str>) {
        let (this, cancellation) = (self.clone(), self.state.cancellation.clone());
        tokio::spawn(async move {
            let answer = |incoming| {
                let this = this.clone();
                async move { this.answer(incoming).await }
            };
            cancellation
                .run_until_cancelled(this.calls.clone().run(answer))
                .await;
        });
        if self.refused.is_some() {
            return;
        }
        self.rooms.appear();
        expiry::begin(self.clone(), self.shared.auth.clone());
        let topics = wanted(auth, self.shared.config.limits.max_subscriptions);
        if !topics.is_empty() {
            let context = self.shared.dispatcher.context(self.clone(), "topic.subscribe");
            tokio::spawn(feed::at_connection(self.shared.feed.clone(), context, topics));
        }
    }

    /// The socket has disconnected: its functions are cancelled.
    pub(super) fn disconnected(&self) {
        self.state.cancellation.cancel();
        self.rooms.end();
    }

    /// Takes a call in, in the order in which they came.
    pub(super) fn take_in(self: &Arc<Self>, arrived: Arrived, ack: Option<i64>) {
        if self.state.cancellation.is_cancelled() {
            return;
        }
        if let Some(why) = &self.refused {
            return self.close_at_first_call(ack, why);
        }
        if self.takes_packet(&arrived, ack) {
            return;
        }
        if self.shared.calls.is_closed() {
            return self.refuse(ack, &CallError::new(Code::Unavailable, "the server is stopping"));
        }
        if self.is_too_fast(ack) {
            return;
        }
        let unanswered = self.shared.calls.token();
        if !self.calls.admit(Incoming {
            arrived,
            ack,
            unanswered,
        }) {
            let full = CallError::new(Code::Overloaded, "too many calls of this socket wait already");
            self.refuse(ack, &later(full, AFTER_OVERLOAD));
        }
    }

    /// Takes in what is said of an open stream, past the calls that wait; whether it was of use.
    fn takes_packet(&self, arrived: &Arrived, ack: Option<i64>) -> bool {
        if ack.is_some() || !stream::has_open(self) || !stream::may_be_packet(&arrived.text) {
            return false;
        }
        let dispatcher = &self.shared.dispatcher;
        dispatcher.take_in(Called::by_event(), arrived.clone(), Account::default(), self) == TakenIn::Useful
    }

    /// Answers what is no call, where an answer is waited for.
    pub(super) fn refuse_other(self: &Arc<Self>, ack: Option<i64>, why: &CallError) {
        if !self.state.cancellation.is_cancelled() && !self.is_too_fast(ack) && ack.is_some() {
            self.refuse(ack, why);
        }
    }

    /// Counts a call, and refuses one too many.
    fn is_too_fast(&self, ack: Option<i64>) -> bool {
        let Err(wait) = self.rate.count() else {
            return false;
        };
        let message = "too many calls of this socket in so short a time";
        self.refuse(ack, &later(CallError::new(Code::RateLimited, message), wait));
        true
    }

    async fn answer(self: Arc<Self>, incoming: Incoming) {
        let Incoming {
            arrived,
            ack,
            unanswered,
        } = incoming;
        let answered = AssertUnwindSafe(self.clone().answer_to(arrived, ack));
        if answered.catch_unwind().await.is_err() {
            tracing::error!("what a call left behind panicked");
        }
        drop(unanswered);
    }

    async fn answer_to(self: Arc<Self>, arrived: Arrived, ack: Option<i64>) {
        if self.sender.has_ended() {
            // It waited while its caller's rights went.
            return;
        }
        let answer = self.shared.dispatcher.answer(arrived, self.clone()).await;
        let Err(error) = self.send_answer(ack, &answer).await else {
            return;
        };
        if error.code() != Code::Internal {
            return tracing::debug!(%error, "an answer did not reach its client");
        }
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
        let sent = AssertUnwindSafe(self.write_answer(ack, answer)).catch_unwind();
        sent.await.unwrap_or_else(|panic| {
            let (event, said) = (&answer.event, said(&*panic));
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
                self.sender.send(Kind::Ack(id), &frame).await
            }
            (None, Ok(None)) => Ok(()),
            (None, Ok(Some(data))) => self.sender.send(Kind::Event(MESSAGE), &**data).await,
            (None, Err(error)) => self.sender.send(Kind::Event(MESSAGE), &error.message()).await,
        }
    }

    /// Answers a packet that is not taken in.
    fn refuse(&self, ack: Option<i64>, error: &CallError) {
        match ack {
            Some(id) => self.sender.send_later(Kind::Ack(id), refusal(error)),
            None => self
                .sender
                .send_later(Kind::Event(MESSAGE), error.message().into()),
        }
    }

    /// Closes the socket and says why. Nothing else reaches its client any more, and nothing more is done for it.
    fn dismiss(&self, why: &CallError) {
        let closed = json!({ "event": "server.closed", "error": why });
        self.close_saying(vec![(Kind::Event(EVENT), closed)]);
    }

    /// Existing clients look for the text as a message, whether they wait for an ack or not.
    fn close_at_first_call(&self, ack: Option<i64>, why: &CallError) {
        let mut last = vec![(Kind::Event(MESSAGE), NO_PERMISSION.into())];
        if let Some(id) = ack {
            let error = CallError::new(why.code(), NO_PERMISSION);
            last.push((Kind::Ack(id), refusal(&error)));
        }
        self.close_saying(last);
    }

    fn close_saying(&self, last: Vec<(Kind<'static>, Value)>) {
        self.disconnected();
        self.state.revoke();
        self.sender.end(last);
    }
}

impl<A: Adapter> Connected for NamespaceSocket<A> {
    fn say_draining(&self) {
        self.sender
            .send_later(Kind::Event(EVENT), json!({ "event": "server.draining" }));
    }

    fn revoke(&self, subject: &str) -> bool {
        let is_meant = self.state.is_of(subject);
        if is_meant {
            self.dismiss(&revoked());
        }
        is_meant
    }
}

impl<A: Adapter> Expires for NamespaceSocket<A> {
    fn expire(&self, why: &CallError) {
        self.dismiss(why);
    }
}

impl<A: Adapter> Drop for NamespaceSocket<A> {
    fn drop(&mut self) {
        self.shared.auth.subjects().sockets().leave(&self.state.id);
    }
}

fn refusal(error: &CallError) -> Value {
    json!(AnswerFrame::refusal(error))
}

/// The same error, which says when to try again.
fn later(error: CallError, wait: Duration) -> CallError {
    let after = wait.as_micros().div_ceil(1000).max(1);
    error.with_details(json!({ "after_ms": u64::try_from(after).unwrap_or(u64::MAX) }))
}

/// The topics that a handshake names.
fn wanted(auth: Option<&str>, most: usize) -> Wanted {
    #[derive(Default, serde::Deserialize)]
    struct Auth<'a> {
        #[serde(borrow, default)]
        topics: Option<&'a RawValue>,
    }
    let auth = auth.and_then(|auth| serde_json::from_str(auth).ok());
    let Auth { topics } = auth.unwrap_or_default();
    topics.map_or_else(Wanted::default, |topics| Wanted::read(topics.get(), most))
}
