//! One socket of a [`TestApp`](super::TestApp), from where its client would be.

use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use futures_util::poll;
use serde::Serialize;
use serde_json::Value;

use super::{
    answer::Answer,
    call::{Envelope, TestCall},
    failure::{Line, fail, fail_at, within},
    inbox::Received,
    peer::TestPeer,
};
use crate::{
    call::{
        context::Context,
        dispatch::{Dispatcher, said},
        identity::Identity,
        payload::{Arrived, Data},
        peer::{Peer, SocketId},
    },
    error::CallError,
};

/// A socket of a [`TestApp`](super::TestApp). Clones are the same socket; it is connected until
/// [`disconnect`](Self::disconnect), or for as long as the app lives.
#[derive(Clone, Debug)]
pub struct TestSocket {
    peer: Arc<TestPeer>,
    dispatcher: Arc<Dispatcher>,
}

impl TestSocket {
    pub(super) fn new(peer: Arc<TestPeer>, dispatcher: Arc<Dispatcher>) -> Self {
        Self { peer, dispatcher }
    }

    /// Calls a function of the app by its name. Several calls at once, as of [`tokio::join`], begin in the order in which they
    /// were awaited first, as those of one client do.
    ///
    /// # Panics
    /// Where the socket is disconnected.
    #[track_caller]
    pub fn call(&self, event: &str) -> TestCall<'static> {
        let this = self.clone();
        TestCall::new(event, move |envelope, line| {
            Box::pin(async move {
                let what = format!("the answer of {}", envelope.event);
                within(line, what, this.answer(envelope, line)).await
            })
        })
    }

    async fn answer(&self, envelope: Envelope, line: Line) -> Answer {
        if !self.is_connected() {
            fail_at(
                line,
                format_args!("{} was called by a socket that is disconnected", envelope.event),
            );
        }
        let arrived = match Data::new(&("event", &envelope)) {
            Ok(packet) => {
                let (text, attachments) = packet.to_parts();
                Arrived { text, attachments }
            }
            Err(error) => fail_at(line, format_args!("{} cannot be called: {error}", envelope.event)),
        };
        let turn = self.peer.turn().await;
        let mut answering = pin!(self.dispatcher.answer(arrived, self.peer.clone()));
        let begun = poll!(&mut answering);
        self.peer.started(turn);
        let answer = match begun {
            Poll::Ready(answer) => answer,
            Poll::Pending => answering.await,
        };
        // As on a server, what panics while it is written is an error like any other.
        let written = catch_unwind(AssertUnwindSafe(|| match answer.result? {
            Some(data) => Data::new(&data),
            None => Ok(Data::default()),
        }));
        let panicked = |panic: Box<dyn Any + Send>| CallError::internal(said(&*panic));
        let result = written.unwrap_or_else(|panic| Err(panicked(panic)));
        Answer::new(envelope.event, result)
    }

    /// The next event that it receives: of functions, of the topics that it is subscribed to.
    ///
    /// # Panics
    /// Where none comes within a minute.
    #[track_caller]
    pub fn next_event(&self) -> impl Future<Output = Received> {
        let line = Location::caller();
        async move { within(line, "an event", self.peer.recipient.until(|inbox| inbox.next())).await }
    }

    /// The next event of this name; what else came waits on.
    ///
    /// # Panics
    /// Where none comes within a minute.
    #[track_caller]
    pub fn event(&self, name: &str) -> impl Future<Output = Received> {
        let line = Location::caller();
        async move {
            let what = format!("the event '{name}'");
            within(
                line,
                what,
                self.peer.recipient.until(|inbox| inbox.next_named(name)),
            )
            .await
        }
    }

    /// Checks that no event waits to be taken: a function's emits are there when its call is answered.
    ///
    /// # Panics
    /// Where one waits.
    #[track_caller]
    pub fn received_nothing_else(&self) {
        if let Some(received) = self.peer.recipient.inbox(|inbox| inbox.next()) {
            fail(format_args!("{received} was received, and nothing was expected"));
        }
    }

    /// Acks events of this name from now on, with what `respond` makes of their data. One that nobody acks is waited for
    /// as long as the function said.
    pub fn respond(&self, event: &str, respond: impl Fn(Value) -> Value + Send + Sync + 'static) {
        self.peer.recipient.inbox(|inbox| inbox.respond(event, respond));
    }

    /// Acks one event that was received.
    ///
    /// # Panics
    /// Where nobody waits for it, and where the data cannot be written as JSON.
    #[track_caller]
    pub fn ack(&self, received: &Received, data: impl Serialize) {
        let data = match serde_json::to_value(data) {
            Ok(data) => data,
            Err(error) => fail(format_args!("the ack of {received}: {error}")),
        };
        let waits = received
            .ack
            .is_some_and(|number| self.peer.recipient.ack(number, data));
        if !waits {
            fail(format_args!("nobody waits for an ack of {received}"));
        }
    }

    /// Its public id.
    pub fn id(&self) -> &SocketId {
        self.peer.id()
    }

    /// Who it is.
    pub fn identity(&self) -> Identity {
        self.peer.identity()
    }

    /// It is somebody else from now on, or the same with other rights.
    pub fn set_identity(&self, identity: Identity) {
        self.peer.becomes(identity);
    }

    /// The rooms that it is in, sorted.
    pub fn rooms(&self) -> Vec<String> {
        self.peer.rooms()
    }

    /// What a function would get of it, to call one with arguments of your own.
    pub fn context(&self) -> Context {
        self.dispatcher.context(self.peer.clone(), "test")
    }

    /// Whether it is connected.
    pub fn is_connected(&self) -> bool {
        !self.peer.gone().is_cancelled()
    }

    /// Goes, as a client does that closes its page: it leaves its rooms, and [`Context::cancelled`] completes.
    /// What a function kept on it ([`Context::set_socket_data`]) is dropped with the last of these sockets.
    pub fn disconnect(&self) {
        self.peer.disconnect();
    }
}
