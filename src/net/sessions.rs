//! The engine's sessions by their secret id, so that a request that belongs to one finds its link: a
//! polling GET that was answered is a flush, a polling POST waits while reading pauses, and a WebSocket may
//! take over.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use futures_util::future::BoxFuture;
use http::{Method, Uri};

use super::{
    connection::{Control, OnFlush},
    link::Link,
};

/// A session's socket, as far as its requests and a stopping server care.
pub(super) trait Session: Send + Sync {
    /// The way to its client.
    fn link(&self) -> &Arc<Link>;

    /// Completes when all that was said has left for the client.
    fn flushed(&self) -> BoxFuture<'_, ()>;
}

/// Live sessions.
#[derive(Default)]
pub(super) struct Sessions(Mutex<Known>);

#[derive(Default)]
struct Known {
    sockets: HashMap<Arc<str>, Weak<dyn Session>>,
    /// WebSockets that took over a session whose socket has not connected yet.
    early: HashMap<Box<str>, Weak<Control>>,
}

/// Early WebSockets that are kept before those that are gone are looked for.
const EARLY: usize = 1024;

impl Sessions {
    /// A session has a socket now. A WebSocket that came before it carries it.
    pub(super) fn enter<S: Session + 'static>(&self, session: Arc<str>, socket: &Arc<S>) {
        let mut known = self.lock();
        if let Some(connection) = known.early.remove(&*session).as_ref().and_then(Weak::upgrade) {
            socket.link().carried_by(&connection);
        }
        let socket: Weak<dyn Session> = Arc::<S>::downgrade(socket);
        known.sockets.insert(session, socket);
    }

    pub(super) fn leave(&self, session: &str) {
        self.lock().sockets.remove(session);
    }

    pub(super) fn all(&self) -> Vec<Arc<dyn Session>> {
        self.lock().sockets.values().filter_map(Weak::upgrade).collect()
    }

    fn upgrade(&self, session: &str, connection: &Arc<Control>) {
        let mut known = self.lock();
        match known.sockets.get(session).and_then(Weak::upgrade) {
            Some(socket) => socket.link().carried_by(connection),
            None => {
                if known.early.len() >= EARLY {
                    known.early.retain(|_, connection| connection.strong_count() > 0);
                }
                known.early.insert(session.into(), Arc::downgrade(connection));
            }
        }
    }

    fn upgrade_blindly(&self, session: &str) {
        if let Some(socket) = self.find(session) {
            socket.link().carried_blindly();
        }
    }

    fn find(&self, session: &str) -> Option<Arc<dyn Session>> {
        self.lock().sockets.get(session)?.upgrade()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Middleware: tells a session's link which connection serves it.
pub(super) async fn follow(State(sessions): State<Arc<Sessions>>, request: Request, next: Next) -> Response {
    let Some(session) = parameter(request.uri(), "sid").map(str::to_owned) else {
        return next.run(request).await;
    };
    if is_websocket(request.uri()) {
        match request.extensions().get() {
            Some(connection) => sessions.upgrade(&session, connection),
            None => sessions.upgrade_blindly(&session),
        }
        return next.run(request).await;
    }
    if request.method() == Method::POST {
        // The engine reads a POST whole, so it pauses between two of them.
        if let Some(socket) = sessions.find(&session) {
            socket.link().may_read().await;
        }
        return next.run(request).await;
    }
    let response = next.run(request).await;
    if let Some(socket) = sessions.find(&session) {
        socket.link().flushed();
    }
    response
}

/// Whether a request of the engine's asks for a WebSocket.
pub(super) fn is_websocket(uri: &Uri) -> bool {
    parameter(uri, "transport") == Some("websocket")
}

/// A parameter of the query, as it is written there.
pub(super) fn parameter<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    uri.query()?.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == name).then_some(value)
    })
}
