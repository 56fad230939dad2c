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
use http::{Method, StatusCode, Uri};

use super::{control::Control, link::Link};

/// A session's socket, as far as its requests and a stopping server care.
pub(super) trait Session: Send + Sync {
    /// The way to its client.
    fn link(&self) -> &Arc<Link>;

    /// Tells the client that the server stops, and that its calls had better wait for the next one.
    fn say_draining(&self);

    /// Completes when all that was said has left for the client.
    fn flushed(&self) -> BoxFuture<'_, ()>;

    /// Closes it where it is this subject's; whether it is.
    fn revoke(&self, subject: &str) -> bool;
}

/// Live sessions.
#[derive(Default)]
pub(super) struct Sessions(Mutex<Known>);

#[derive(Default)]
struct Known {
    sockets: HashMap<Arc<str>, Weak<dyn Session>>,
    /// WebSockets that took over a session: its socket may connect later, or again.
    takers: HashMap<Box<str>, Weak<Control>>,
    /// So many takers, and those that are gone are looked for.
    sweep_at: usize,
}

/// Takers that are kept before those that are gone are looked for.
const FEW: usize = 1024;

impl Sessions {
    /// A session has a socket now. A WebSocket that took it over before carries it.
    pub(super) fn enter<S: Session + 'static>(&self, session: Arc<str>, socket: &Arc<S>) {
        let mut known = self.lock();
        if let Some(connection) = known.takers.get(&*session).and_then(Weak::upgrade) {
            connection.expect_no_refusal();
            socket.link().carried_by(&connection);
        }
        let socket: Weak<dyn Session> = Arc::<S>::downgrade(socket);
        known.sockets.insert(session, socket);
    }

    /// A session's socket is no more. Where another one followed it, that one stays.
    pub(super) fn leave(&self, session: &str) {
        let mut known = self.lock();
        let is_no_more = known
            .sockets
            .get(session)
            .is_some_and(|socket| socket.strong_count() == 0);
        if is_no_more {
            known.sockets.remove(session);
        }
    }

    pub(super) fn all(&self) -> Vec<Arc<dyn Session>> {
        self.lock().sockets.values().filter_map(Weak::upgrade).collect()
    }

    /// A WebSocket took a session over.
    fn upgrade(&self, session: &str, connection: &Arc<Control>) {
        let mut known = self.lock();
        if known.takers.len() >= known.sweep_at {
            known.takers.retain(|_, connection| connection.strong_count() > 0);
            known.sweep_at = FEW.max(known.takers.len() * 2);
        }
        known.takers.insert(session.into(), Arc::downgrade(connection));
        let socket = known.sockets.get(session).and_then(Weak::upgrade);
        if socket.is_none() {
            // It may have been refused over polling, and hear of it here.
            connection.expect_refusal();
        }
        // Not under the lock: where everybody else just let go of the socket, it leaves when we do.
        drop(known);
        if let Some(socket) = socket {
            socket.link().carried_by(connection);
        }
    }

    /// Whether a session has a socket.
    pub(super) fn has(&self, session: &str) -> bool {
        self.find(session).is_some()
    }

    fn find(&self, session: &str) -> Option<Arc<dyn Session>> {
        self.lock().sockets.get(session)?.upgrade()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Middleware: tells a session's link which connection serves it.
pub(super) async fn follow(
    State(sessions): State<Arc<Sessions>>,
    mut request: Request,
    next: Next,
) -> Response {
    // Under a listener that is not ours a stand-in, which lives as long as the connection's request.
    let connection: &mut Arc<Control> = request.extensions_mut().get_or_insert_with(Control::blind);
    let connection = connection.clone();
    let Some(session) = parameter(request.uri(), "sid").map(str::to_owned) else {
        return next.run(request).await;
    };
    if is_websocket(request.uri()) {
        let response = next.run(request).await;
        // Only what the engine takes is kept: at most one taker a connection, whatever clients ask for.
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            sessions.upgrade(&session, &connection);
        }
        return response;
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
        socket.link().polled_over(&connection);
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

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware, routing::get};
    use tower::ServiceExt;

    use super::*;

    /// A socket that does as a caller does: it leaves when it goes.
    struct Socket {
        link: Arc<Link>,
        sessions: Arc<Sessions>,
    }

    impl Socket {
        fn enter(sessions: &Arc<Sessions>) -> Arc<Self> {
            let socket = Arc::new(Self {
                link: Arc::default(),
                sessions: sessions.clone(),
            });
            sessions.enter("session".into(), &socket);
            socket
        }
    }

    impl Session for Socket {
        fn link(&self) -> &Arc<Link> {
            &self.link
        }

        fn say_draining(&self) {}

        fn flushed(&self) -> BoxFuture<'_, ()> {
            Box::pin(async {})
        }

        fn revoke(&self, _: &str) -> bool {
            false
        }
    }

    impl Drop for Socket {
        fn drop(&mut self) {
            self.sessions.leave("session");
        }
    }

    /// Whether what closes the socket's link closes this connection.
    fn carries(connection: &Control, socket: &Socket) -> bool {
        socket.link.close();
        format!("{connection:?}").contains("closed: true")
    }

    #[test]
    fn a_socket_that_connects_again_is_found_after_the_first_is_gone() {
        let sessions = Arc::<Sessions>::default();
        let first = Socket::enter(&sessions);
        let second = Socket::enter(&sessions);
        drop(first);
        assert!(sessions.find("session").is_some());
        drop(second);
        assert!(sessions.lock().sockets.is_empty());
    }

    #[test]
    fn a_websocket_carries_every_socket_of_its_session_whenever_that_connects() {
        let sessions = Arc::<Sessions>::default();
        let connection = Arc::<Control>::default();
        sessions.upgrade("session", &connection);
        drop(Socket::enter(&sessions));
        let again = Socket::enter(&sessions);
        assert!(carries(&connection, &again));
    }

    #[tokio::test]
    async fn a_websocket_that_cannot_be_seen_is_known_even_where_it_comes_before_the_socket() {
        let sessions = Arc::<Sessions>::default();
        let stand_in = Control::blind();
        sessions.upgrade("session", &stand_in);
        let socket = Socket::enter(&sessions);
        // Completes, though nobody tells of a flush.
        socket.link.flushed_since(socket.link.flushes()).await;
    }

    #[tokio::test]
    async fn only_a_websocket_that_the_engine_takes_is_kept() {
        let sessions = Arc::<Sessions>::default();
        let route = |status: StatusCode| {
            Router::new()
                .route("/", get(async move || status))
                .layer(middleware::from_fn_with_state(sessions.clone(), follow))
        };
        let connection = Arc::<Control>::default();
        for (status, kept) in [(StatusCode::BAD_REQUEST, 0), (StatusCode::SWITCHING_PROTOCOLS, 1)] {
            for number in 0..3 {
                let request =
                    http::Request::get(format!("/?transport=websocket&sid={}{number}", status.as_u16()))
                        .extension(connection.clone())
                        .body(Body::empty());
                route(status).oneshot(request.unwrap()).await.unwrap();
            }
            assert_eq!(sessions.lock().takers.len(), kept * 3);
        }
    }
}
