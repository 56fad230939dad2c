//! What is emitted to many: by a function, or from outside any call.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use serde::Serialize;

use super::{
    args::FromAck,
    hub::{Change, Hub, RemoteSocket},
    peer::{Ack, Peer},
    states::States,
    target::Target,
};
use crate::{
    error::{CallError, Code, Result},
    event::{check_emitted, check_heard},
};

/// The sockets of a server, from outside their calls: from timers, queues, HTTP routes and threads, as `io` in Node. Cheap to
/// clone. Functions take it as [`State<Emitter>`](crate::State); an app has it before it starts
/// ([`App::emitter`](crate::App::emitter)), for routes and listeners; a running server has it too
/// ([`Server::emitter`](crate::Server::emitter)).
///
/// What one task emits arrives at each socket in that order, among it what a function says by its [`Context`](crate::Context) to
/// others of the same rooms, and a function's answer comes after it. Emits are at most once: a client that is not there, or whose
/// queue is full, misses them.
///
/// ```
/// use axum::{Router, extract::State, routing::post};
/// use updraft::{App, Emitter};
///
/// async fn deployed(io: State<Emitter>, version: String) -> Result<(), String> {
///     let emitted = io.of("/").to("developers").except("muted").emit("deployed", &version).await;
///     emitted.map_err(|error| error.to_string())
/// }
///
/// let app = App::new();
/// let webhook = Router::new().route("/deployed", post(deployed)).with_state(app.emitter());
/// let app = app.routes(webhook);
/// ```
#[derive(Clone, Default)]
pub struct Emitter(Arc<OnceLock<Arc<dyn Hub>>>);

impl Emitter {
    /// From now on it reaches these sockets.
    pub(crate) fn reach(&self, hub: Arc<dyn Hub>) {
        // An app is started once.
        let _ = self.0.set(hub);
    }

    /// The sockets of a namespace, all of them unless rooms are named. Without a connected socket it reaches none.
    pub fn of(&self, namespace: &str) -> BroadcastTo<'static> {
        let namespace = match namespace.starts_with('/') {
            true => namespace.into(),
            false => format!("/{namespace}").into(),
        };
        self.target(namespace, Target::all())
    }

    /// One socket by its public id, in whatever namespace it is at this node; where it is not here, the one of another node that is in
    /// `/`. In another namespace of another node `io.of("/chat").to(id)` reaches it.
    pub fn socket(&self, id: impl AsRef<str>) -> BroadcastTo<'static> {
        let id = id.as_ref();
        let namespace = self.hub().and_then(|hub| hub.namespace_of(id));
        self.target(namespace.unwrap_or_else(|| "/".into()), Target::within(id))
    }

    /// The namespaces that are declared by name or have sockets now, sorted, and how many sockets are in each.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use updraft::{App, Config, Namespace};
    ///
    /// let app = App::new().namespace(Namespace::new("/chat"));
    /// let server = app.config(Config { port: 0, ..Config::default() }).start().await?;
    /// assert_eq!(server.emitter().namespaces(), [("/".to_owned(), 0), ("/chat".to_owned(), 0)]);
    /// # Ok::<(), updraft::StartError>(()) }).unwrap();
    /// ```
    pub fn namespaces(&self) -> Vec<(String, usize)> {
        let namespaces = self.hub().map(Hub::namespaces).unwrap_or_default();
        let mut namespaces: Vec<_> = namespaces
            .into_iter()
            .map(|(name, sockets)| (name.to_string(), sockets))
            .collect();
        namespaces.sort_unstable();
        namespaces
    }

    /// Tells an event to the other nodes: their functions for it run ([`App::heed`](crate::App::heed)), and the listeners of Node
    /// servers on the same database or Redis (`io.on`), not those of this node. At most once, as emits are.
    ///
    /// ```
    /// use updraft::{App, Emitter, Result};
    ///
    /// async fn price_changed(io: Emitter, article: &str) -> Result<()> {
    ///     io.announce("price.changed", article).await
    /// }
    /// let app = App::new().heed("price.changed", async |article: String| {
    ///     println!("look {article} up anew");
    ///     Ok(())
    /// });
    /// ```
    ///
    /// # Errors
    /// [`Code::InvalidData`] for a name that [`Namespace::on`](crate::Namespace::on) would not take, and for `connection` and
    /// `new_namespace`; what cannot be written, as [`BroadcastTo::emit`].
    pub async fn announce<T: Serialize + Sync + ?Sized>(&self, event: &str, data: &T) -> Result<()> {
        check_announced(event)?;
        match self.hub() {
            Some(hub) => hub.announce(event, &data).await,
            None => Ok(()),
        }
    }

    /// The same, and what the function of each other node returns. A node without one returns nothing, which is as good as `null`.
    ///
    /// # Errors
    /// As [`Emitter::announce`]; [`Code::Unavailable`] where a node does not answer within five seconds,
    /// [`Code::InvalidData`] where an answer does not fit the type.
    ///
    /// # Cancellation
    /// Once polled, other nodes may run their functions all the same; what they answer is passed over.
    pub async fn announce_with_ack<R: FromAck>(
        &self,
        event: &str,
        data: &(impl Serialize + Sync + ?Sized),
    ) -> Result<Vec<R>> {
        check_announced(event)?;
        let answers = match self.hub() {
            Some(hub) => hub.announce_with_ack(event, &data).await?,
            None => Vec::new(),
        };
        answers.iter().map(R::from_ack).collect()
    }

    fn target(&self, namespace: Arc<str>, target: Target) -> BroadcastTo<'static> {
        let emitter = self.clone();
        BroadcastTo {
            by: By::Server { emitter, namespace },
            target,
        }
    }

    /// `None` until the app is started, where there are no sockets.
    fn hub(&self) -> Option<&dyn Hub> {
        self.0.get().map(|hub| &**hub)
    }
}

/// Events that a Node server emits to itself: it would take what another node says for its own.
const OF_NODE: [&str; 2] = ["connection", "new_namespace"];

fn check_announced(event: &str) -> Result<()> {
    let refused = |why: String| CallError::new(Code::InvalidData, format!("'{event}': {why}"));
    if OF_NODE.contains(&event) {
        return Err(refused("Socket.IO keeps it for itself".to_owned()));
    }
    check_heard(event).map_err(|why| refused(why.to_string()))
}

impl fmt::Debug for Emitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emitter").finish_non_exhaustive()
    }
}

/// Several sockets of a namespace, to emit to or to change: [`Emitter::of`] begins it, or
/// [`Context::to`](crate::Context::to) and its like. A change whose future is dropped after it was polled may have reached some.
///
/// ```
/// use std::time::Duration;
/// use updraft::{App, Emitter, Result};
///
/// async fn close_for_today(io: Emitter) -> Result<()> {
///     let shop = io.of("/").to("customers").to("visitors").except("staff");
///     shop.emit("closing", &"in a minute").await?;
///     for ack in shop.emit_with_ack::<bool>("leave?", &(), Duration::from_secs(60)).await? {
///         match ack.result {
///             Ok(true) => io.socket(&ack.socket).disconnect().await?,
///             Ok(false) => io.socket(&ack.socket).join("night").await?,
///             Err(error) => println!("{} did not say: {error}", ack.socket),
///         }
///     }
///     Ok(())
/// }
/// let app = App::new().on_start(async |io| {
///     if let Err(error) = close_for_today(io).await {
///         println!("{error}");
///     }
/// });
/// ```
#[derive(Clone)]
pub struct BroadcastTo<'a> {
    by: By<'a>,
    target: Target,
}

#[derive(Clone)]
enum By<'a> {
    /// A function, for its caller.
    Function {
        peer: &'a dyn Peer,
        states: &'a States,
    },
    Server {
        emitter: Emitter,
        namespace: Arc<str>,
    },
}

impl<'a> BroadcastTo<'a> {
    /// An emit of a function.
    pub(super) fn by_function(peer: &'a dyn Peer, states: &'a States, target: Target) -> Self {
        let by = By::Function { peer, states };
        Self { by, target }
    }

    /// The sockets in this room, too. The public id of a socket is a room, in which it is alone.
    #[must_use]
    pub fn to(mut self, room: impl Into<String>) -> Self {
        self.target = self.target.and(room);
        self
    }

    /// The same, and the caller's own socket is not left out where it is in one of the rooms.
    #[must_use]
    pub fn within(mut self, room: impl Into<String>) -> Self {
        self.target = self.target.and(room).with_caller();
        self
    }

    /// None that is in this room.
    #[must_use]
    pub fn except(mut self, room: impl Into<String>) -> Self {
        self.target = self.target.except(room);
        self
    }

    /// Drops what is emitted for each client that is behind, as its next is worth more: one over WebSocket for which 64 KiB
    /// wait, one that polls and has no poll open, one whose connect hook still runs. It is counted as `updraft_missed_total{cause="volatile"}`. Emits with an ack are
    /// not dropped.
    #[must_use]
    pub fn volatile(mut self) -> Self {
        self.target = self.target.volatile();
        self
    }

    /// None that is connected to another node: as `io.local` in Node.
    #[must_use]
    pub fn local(mut self) -> Self {
        self.target = self.target.local();
        self
    }

    /// Does nothing. It is here so that code from Node reads as before.
    #[must_use]
    pub fn compress(self, _: bool) -> Self {
        self
    }

    /// Emits an event to all of them. Waits where more is said than can be delivered.
    ///
    /// # Errors
    /// [`Code::InvalidData`] for an event that Socket.IO keeps for itself, and [`Code::TooLarge`] with more than 10 Buffers, at
    /// which clients would disconnect; [`Code::Internal`] where the data cannot be written as JSON;
    /// [`Code::Unavailable`] where the caller is among them and has no room in time.
    ///
    /// # Cancellation
    /// Dropped while it waits, it may have reached some of them.
    pub async fn emit<T: Serialize + Sync + ?Sized>(&self, event: &str, data: &T) -> Result<()> {
        check_emitted(event)?;
        match &self.by {
            By::Function { peer, .. } => peer.emit(self.target.clone(), event, &data).await,
            By::Server { emitter, namespace } => match emitter.hub() {
                Some(hub) => hub.emit(namespace, &self.target, event, &data).await,
                None => Ok(()),
            },
        }
    }

    /// Emits an event to all of them and collects their acks, in the order in which they came: one of each socket, with
    /// [`Code::Timeout`] of one that did not come within `wait`. What each is read as [`FromAck`] says.
    ///
    /// # Errors
    /// As [`BroadcastTo::emit`].
    ///
    /// # Cancellation
    /// As [`BroadcastTo::emit`]; acks that come later are passed over.
    pub async fn emit_with_ack<R: FromAck>(
        &self,
        event: &str,
        data: &(impl Serialize + Sync + ?Sized),
        wait: Duration,
    ) -> Result<Vec<Ack<R>>> {
        check_emitted(event)?;
        let acks = match &self.by {
            By::Function { peer, .. } => {
                peer.emit_with_ack(self.target.clone(), event, &data, wait)
                    .await?
            }
            By::Server { emitter, namespace } => match emitter.hub() {
                Some(hub) => {
                    hub.emit_with_ack(namespace, &self.target, event, &data, wait)
                        .await?
                }
                None => Vec::new(),
            },
        };
        let read = |ack: Ack<_>| Ack {
            socket: ack.socket,
            result: ack.result.and_then(|ack| R::from_ack(&ack)),
        };
        Ok(acks.into_iter().map(read).collect())
    }

    /// Has all of them enter a room.
    ///
    /// # Errors
    /// [`Code::TooLarge`] where one of them is in as many rooms as the configuration allows; the others have entered it. The
    /// same for a name of more than 1024 bytes. What sockets of other nodes refuse, those log. As [`BroadcastTo::leave`].
    pub async fn join(&self, room: &str) -> Result<()> {
        self.change(Change::Join(room)).await
    }

    /// Has all of them leave a room.
    ///
    /// # Errors
    /// [`Code::Unavailable`] where this server cannot do it: on namespaces of a socketioxide server.
    pub async fn leave(&self, room: &str) -> Result<()> {
        self.change(Change::Leave(room)).await
    }

    /// Disconnects all of them from their namespace, after what was emitted to them before. Their clients do not come back by
    /// themselves.
    ///
    /// # Errors
    /// As [`BroadcastTo::leave`].
    pub async fn disconnect(&self) -> Result<()> {
        self.change(Change::Disconnect).await
    }

    /// Closes their connections, after all that was emitted to them before: their clients leave every namespace, and do not come
    /// back by themselves. In Node `disconnectSockets(true)`.
    ///
    /// # Errors
    /// As [`BroadcastTo::leave`].
    pub async fn close(&self) -> Result<()> {
        self.change(Change::Close).await
    }

    /// All of them, as they are now.
    ///
    /// # Errors
    /// As [`BroadcastTo::leave`].
    pub async fn sockets(&self) -> Result<Vec<RemoteSocket>> {
        let (emitter, namespace, target) = self.for_hub();
        match emitter.hub() {
            Some(hub) => hub.sockets(namespace, &target).await,
            None => Ok(Vec::new()),
        }
    }

    async fn change(&self, change: Change<'_>) -> Result<()> {
        let (emitter, namespace, target) = self.for_hub();
        match emitter.hub() {
            Some(hub) => hub.change(namespace, &target, change).await,
            None => Ok(()),
        }
    }

    fn for_hub(&self) -> (Emitter, &str, Target) {
        let target = self.target.clone();
        match &self.by {
            By::Function { peer, states } => {
                let emitter = states.get::<Emitter>().as_deref().cloned();
                let target = target.seen_from_outside(peer.id().as_str());
                (emitter.unwrap_or_default(), peer.namespace().as_str(), target)
            }
            By::Server { emitter, namespace } => (emitter.clone(), namespace, target),
        }
    }
}

impl fmt::Debug for BroadcastTo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BroadcastTo")
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}
