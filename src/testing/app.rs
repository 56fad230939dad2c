//! An app without sockets.

use std::{fmt, future::Future, panic::Location, sync::Arc};

use serde::Serialize;
use tokio_util::sync::DropGuard;

use super::{
    call::TestCall,
    failure::{Line, fail, fail_at},
    hub::TestHub,
    peer::TestPeer,
    published::{caught_up, declared, published},
    rooms::{Emitted, Rooms},
    socket::TestSocket,
};
use crate::{
    app::App,
    call::{
        dispatch::Dispatcher, emitter::Emitter, identity::Identity, pattern::NamespaceName, peer::SocketId,
    },
    error::Result,
    event::{Event, Position},
    feed::Feed,
    journal::{MemoryJournal, Record},
    net::server::start_tasks,
};

/// An app whose functions are called without a network. Its topics live in memory, unless the app names a journal
/// or ([`JournalConfig::data`](crate::JournalConfig)) a directory.
///
/// It is the app itself: the same dispatcher, feed and state, so guards, limits of a call, time-outs, idempotency keys,
/// topics, consumers and projections do as they do on a server. What the network does is not there: connecting (so
/// neither tokens nor [`App::authenticate`], an identity is given), rates, queues that fill. For those there is
/// [`TestServer`](super::TestServer).
///
/// ```
/// # use serde_json::json;
/// # use updraft::{App, Context, Identity, Module, Result};
/// use updraft::testing::{Target, TestApp};
///
/// async fn say(text: String, cx: Context) -> Result<()> {
///     cx.join("lobby")?;
///     cx.within("lobby").emit("message", &text).await
/// }
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let app = TestApp::start(App::new().module(Module::new("api.room").on("say", say))).await;
/// let (ada, bob) = (app.connect(Identity::of("ada")), app.connect(Identity::of("bob")));
/// bob.call("api.room.say").data("hello").await.data::<()>();
/// ada.call("api.room.say").data("hi").await.data::<()>();
///
/// assert_eq!(ada.rooms(), ["lobby"]);
/// assert_eq!(app.emitted()[1].to, Target::within("lobby"));
/// assert_eq!(ada.next_event().await.data::<String>(), "hi");
/// assert_eq!(bob.event("message").await.data::<String>(), "hello");
/// assert_eq!(bob.event("message").await.data::<String>(), "hi");
/// bob.received_nothing_else();
/// # });
/// ```
pub struct TestApp {
    dispatcher: Arc<Dispatcher>,
    feed: Option<Arc<Feed>>,
    rooms: Arc<Rooms>,
    most_rooms: usize,
    /// The socket of calls that name none.
    anyone: TestSocket,
    emitter: Emitter,
    /// Ends what runs beside the app.
    _end: DropGuard,
}

impl TestApp {
    /// Starts an app, inside a tokio runtime.
    ///
    /// # Panics
    /// Where it does not start; see [`StartError`](crate::StartError).
    #[track_caller]
    pub fn start(app: App) -> impl Future<Output = Self> {
        let line = Location::caller();
        async move {
            let parts = in_memory(app, line).into_parts().await;
            let parts =
                parts.unwrap_or_else(|error| fail_at(line, format_args!("the app does not start: {error}")));
            let (dispatcher, rooms) = (Arc::new(parts.dispatcher), Arc::<Rooms>::default());
            let most_rooms = parts.config.limits.max_rooms;
            parts.emitter.reach(Arc::new(TestHub(rooms.clone())));
            let end = start_tasks::begin(parts.tasks, &parts.emitter);
            let root = NamespaceName::root().clone();
            let anyone = connect(&dispatcher, &rooms, root, Identity::ANONYMOUS, most_rooms);
            Self {
                dispatcher,
                feed: parts.feed,
                rooms,
                most_rooms,
                anyone,
                emitter: parts.emitter,
                _end: end.drop_guard(),
            }
        }
    }

    /// Calls a function by its name, from an anonymous socket, the same for all these calls, which connects at the first.
    #[track_caller]
    pub fn call(&self, event: &str) -> TestCall<'static> {
        self.anyone.clone().appeared().call(event)
    }

    /// One more socket, of this identity. A connect hook of `/` is not asked: see [`TestApp::connect_to`].
    #[track_caller]
    pub fn connect(&self, identity: Identity) -> TestSocket {
        let root = NamespaceName::root().clone();
        connect(&self.dispatcher, &self.rooms, root, identity, self.most_rooms).appeared()
    }

    /// One more socket in a namespace, whose connect hook is told this `auth`; `()` says nothing.
    ///
    /// ```
    /// # use updraft::{App, Args, Context, Namespace, Result, Identity};
    /// # use updraft::testing::TestApp;
    /// async fn turn(Args((piece, to)): Args<(String, u8)>, cx: Context) -> Result<Args<(bool, u8)>> {
    ///     cx.broadcast().emit("turned", &Args((&piece, to))).await?;
    ///     Ok(Args((true, to)))
    /// }
    /// let app = App::new().namespace(Namespace::matching("/game/{id}").on("turn", turn));
    ///
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let app = TestApp::start(app).await;
    /// let ada = app.connect_to("/game/7", Identity::of("ada"), ()).await.unwrap();
    /// let bob = app.connect_to("/game/7", Identity::of("bob"), ()).await.unwrap();
    /// assert_eq!(ada.emit("turn", Args(("rook", 3))).await.data::<(bool, u8)>(), (true, 3));
    /// assert_eq!(bob.event("turned").await.data::<(String, u8)>(), ("rook".to_owned(), 3));
    /// # });
    /// ```
    ///
    /// # Errors
    /// What the hook says. It has a minute here, whatever `--guard-timeout` is.
    ///
    /// # Panics
    /// Where the app has no such namespace, and where `auth` cannot be written as JSON.
    #[track_caller]
    pub fn connect_to(
        &self,
        namespace: &str,
        identity: Identity,
        auth: impl Serialize,
    ) -> impl Future<Output = Result<TestSocket>> {
        let auth = match serde_json::to_value(auth) {
            Ok(auth) => auth,
            Err(error) => fail(format_args!(
                "a handshake that cannot be written as JSON: {error}"
            )),
        };
        let found = self.dispatcher.registry().namespaces().find(namespace);
        let Some((_, name)) = found else {
            fail(format_args!("the app has no namespace {namespace}"));
        };
        let socket = connect(&self.dispatcher, &self.rooms, name, identity, self.most_rooms);
        async move { socket.welcomed(auth).await }
    }

    /// The app's sockets from outside their calls, as on a server ([`Server::emitter`](crate::Server::emitter)).
    pub fn emitter(&self) -> Emitter {
        self.emitter.clone()
    }

    /// All that functions and emitters emitted until now, in order, with their targets, also where no socket got it. What topics tell their
    /// subscribers is not among it.
    pub fn emitted(&self) -> Vec<Emitted> {
        self.rooms.emitted()
    }

    /// All that was published to a topic, in order.
    ///
    /// # Panics
    /// Where there is no such topic.
    #[track_caller]
    pub fn published(&self, topic: &str) -> impl Future<Output = Vec<Record>> {
        published(self.feed.as_ref(), topic, Location::caller())
    }

    /// Publishes to a topic from outside a call, as [`Feed::topic`] does: for events that a function is to find there.
    ///
    /// # Errors
    /// As [`Publisher::publish`](crate::Publisher::publish).
    ///
    /// # Panics
    /// Where there is no such topic.
    #[track_caller]
    pub fn publish(
        &self,
        topic: &str,
        events: impl IntoIterator<Item = Event>,
    ) -> impl Future<Output = Result<Position>> {
        let publisher = declared(self.feed.as_ref(), topic, Location::caller()).topic(topic);
        let events = events.into_iter().collect();
        async move { publisher.publish_all(events).await }
    }

    /// Waits until a consumer ([`App::consumer`]) has heard all that was published to its topic until now, or given it up
    /// for dead letters (`<topic>.dead.<consumer>`, which [`published`](Self::published) shows).
    ///
    /// # Panics
    /// Where it has not within a minute, and where there is no such topic.
    #[track_caller]
    pub fn caught_up(&self, topic: &str, consumer: &str) -> impl Future<Output = ()> {
        caught_up(self.feed.as_ref(), topic, consumer, Location::caller())
    }

    /// The app's shared value of this type, a [`Projection`](crate::Projection) among them.
    ///
    /// # Panics
    /// Where there is none.
    #[track_caller]
    pub fn state<T: Send + Sync + 'static>(&self) -> Arc<T> {
        match self.anyone.context().state() {
            Some(state) => state,
            None => fail(format_args!(
                "the app has no state of type {}",
                std::any::type_name::<T>()
            )),
        }
    }
}

/// The app with its topics in memory, where it does not say itself where they are kept.
pub(super) fn in_memory(app: App, line: Line) -> App {
    if app.has_journal() {
        return app;
    }
    match MemoryJournal::new() {
        Ok(journal) => app.journal(Arc::new(journal)),
        Err(error) => fail_at(line, format_args!("there is no journal: {error}")),
    }
}

#[track_caller]
fn connect(
    dispatcher: &Arc<Dispatcher>,
    rooms: &Arc<Rooms>,
    namespace: NamespaceName,
    identity: Identity,
    most_rooms: usize,
) -> TestSocket {
    match SocketId::random() {
        Ok(id) => {
            let peer = TestPeer::new(id, namespace, identity, rooms.clone(), most_rooms);
            TestSocket::new(peer, dispatcher.clone())
        }
        Err(error) => fail(format_args!("a socket has no id: {error}")),
    }
}

impl Drop for TestApp {
    /// All sockets go: what functions still do for them ends.
    fn drop(&mut self) {
        self.rooms.close();
    }
}

impl fmt::Debug for TestApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestApp").finish_non_exhaustive()
    }
}
