//! One socket of a [`TestApp`](super::TestApp), from where its client would be.

use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    sync::Arc,
};

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::Value;

use super::{
    answer::Answer,
    call::{Envelope, TestCall},
    failure::{Line, TIME_LIMIT, fail, fail_at, within},
    inbox::Received,
    peer::TestPeer,
};
use crate::{
    call::{
        begun::Begun,
        called::Called,
        context::Context,
        dispatch::{Dispatcher, said},
        handshake::Handshake,
        identity::Identity,
        left::Left,
        memory::Account,
        payload::{Arguments, Arrived, Data},
        peer::{Peer, RoomMember, SocketId},
        table::{Route, Table},
    },
    error::{CallError, Code, Result},
};

/// A socket of a [`TestApp`](super::TestApp). Clones are the same socket; it is connected until
/// [`disconnect`](Self::disconnect), or for as long as the app lives.
///
/// ```
/// # use serde_json::Value;
/// # use updraft::{App, Context, Identity, Module, Result, testing::TestApp};
/// async fn ask(cx: Context) -> Result<String> {
///     cx.emit_with_ack("name?", &(), std::time::Duration::from_secs(5)).await
/// }
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let app = TestApp::start(App::new().module(Module::new("api.test").on("ask", ask))).await;
/// let socket = app.connect(Identity::of("ada"));
/// socket.respond("name?", |_: Value| "Ada");
/// assert_eq!(socket.call("api.test.ask").await.data::<String>(), "Ada");
/// socket.disconnect();
/// assert!(!socket.is_connected());
/// # });
/// ```
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
        self.answered(Route::Module, envelope.event, arrived).await
    }

    /// Emits an event of any name, with one argument or several ([`Args`](crate::Args)), and awaits the ack: what the function
    /// returned, several values as a tuple.
    ///
    /// # Panics
    /// Where the socket is disconnected, and where the arguments cannot be written as JSON.
    #[track_caller]
    pub fn emit(&self, event: &str, arguments: impl Serialize) -> BoxFuture<'static, Answer> {
        let line = Location::caller();
        let arrived = match Arrived::of_event(event, &arguments) {
            Ok(arrived) => arrived,
            Err(error) => fail(format_args!("'{event}' cannot be emitted: {error}")),
        };
        if !self.is_connected() {
            fail(format_args!(
                "'{event}' was emitted by a socket that is disconnected"
            ));
        }
        let (this, event) = (self.clone(), event.to_owned());
        let route = self.table().and_then(|table| table.route(&event));
        Box::pin(async move {
            let what = format!("the ack of '{event}'");
            let Some(route) = route else {
                let unknown = CallError::new(Code::UnknownEvent, format!("no function hears '{event}' here"));
                return Answer::new(event, Err(unknown));
            };
            within(line, what, this.answered(route, event, arrived)).await
        })
    }

    /// What happens in its namespace.
    fn table(&self) -> Option<Arc<Table>> {
        let namespaces = self.dispatcher.registry().namespaces();
        let found = namespaces.find(self.peer.namespace().as_str());
        found.map(|(table, _)| table.clone())
    }

    /// The same socket, where its namespace's connect hook lets it in.
    pub(super) async fn welcomed(self, auth: Value) -> Result<Self> {
        let handshake = Handshake::new(auth, Arc::default(), Account::default());
        handshake.keep(self.peer.data());
        let table = self.table();
        let hook = table.as_ref().and_then(|table| table.connect.as_ref());
        if let Some(hook) = hook
            && let Err(refusal) = self.dispatcher.hook(hook, self.peer.clone(), TIME_LIMIT).await
        {
            self.peer.leave_namespace();
            return Err(refusal);
        }
        Ok(self.appeared())
    }

    /// The same socket, connected.
    pub(super) fn appeared(self) -> Self {
        self.peer.appear();
        self
    }

    async fn answered(&self, route: Route, event: String, arrived: Arrived) -> Answer {
        let table = self.table();
        let called = table
            .as_deref()
            .map_or_else(Called::by_event, |table| Called::in_namespace(table, route));
        let turn = self.peer.turn().await;
        let (account, peer) = (Account::default(), self.peer.clone());
        let begun = self.dispatcher.begin(called, arrived, account, peer);
        self.peer.started(turn);
        let answer = match begun {
            Begun::Done(answer) => answer,
            Begun::Waits(_, waiting) => waiting.answer().await,
        };
        // As on a server, what panics while it is written is an error like any other.
        let written = catch_unwind(AssertUnwindSafe(|| match answer.result? {
            Some(data) => Data::new(&data),
            None => Ok(Data::default()),
        }));
        let panicked = |panic: Box<dyn Any + Send>| CallError::internal(said(&*panic));
        let result = written.unwrap_or_else(|panic| Err(panicked(panic)));
        Answer::new(event, result)
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

    /// Acks events of this name from now on, with what `respond` makes of their data: one argument, or several
    /// ([`Args`](crate::Args)). Without this the function waits for as long as it asked.
    pub fn respond<R: Serialize>(&self, event: &str, respond: impl Fn(Value) -> R + Send + Sync + 'static) {
        self.peer.recipient.inbox(|inbox| inbox.respond(event, respond));
    }

    /// Acks one event that was received, with one argument or several ([`Args`](crate::Args)).
    ///
    /// # Panics
    /// If the emit expects no ack, and if the data cannot be written as JSON.
    #[track_caller]
    pub fn ack(&self, received: &Received, data: impl Serialize) {
        let arguments = match Arguments::written(&data) {
            Ok(arguments) => arguments,
            Err(error) => fail(format_args!("the ack of {received}: {error}")),
        };
        let waits = received
            .ack
            .is_some_and(|number| self.peer.recipient.ack(number, Ok(arguments)));
        if !waits {
            fail(format_args!("no ack is expected for {received}"));
        }
    }

    /// Its public id.
    pub fn id(&self) -> &SocketId {
        self.peer.id()
    }

    /// Its identity.
    pub fn identity(&self) -> Identity {
        self.peer.identity()
    }

    /// Sets its identity.
    pub fn set_identity(&self, identity: Identity) {
        self.peer.state().set_identity(identity);
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
        !self.peer.cancellation().is_cancelled()
    }

    /// Goes, as a client does that closes its page: it leaves its rooms, and [`Context::cancelled`] completes.
    /// What a function kept on it ([`Context::set_socket_data`]) is dropped with the last of these sockets.
    /// The disconnect hook of its namespace runs, for the first of them, in a task of the tokio runtime that this is called in.
    pub fn disconnect(&self) {
        let Some(rooms) = self.peer.leave_namespace() else {
            return;
        };
        let this = self.clone();
        if let Some(table) = self.table().filter(|table| table.disconnect.is_some()) {
            self.peer
                .data()
                .set(Left::new("client namespace disconnect", rooms));
            tokio::spawn(async move {
                let hook = table.disconnect.as_ref()?;
                this.dispatcher
                    .hook(hook, this.peer.clone(), TIME_LIMIT)
                    .await
                    .ok()
            });
        }
    }
}
