//! Polls and the WebSocket that takes their session over, each in its turn. For a poll the engine looks whether the
//! session is being taken over, and then reaches for what waits there; where a WebSocket begins between the two, on
//! another core, it takes the poll for a second one at the same time, and ends the session. So nothing comes between
//! the two here, and who polls while a WebSocket is about to begin waits until it has. Seen with engineioxide 0.17.9.

use std::{
    collections::HashMap,
    future::{Future, poll_fn},
    hash::{BuildHasher, RandomState},
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{Method, StatusCode};
use tokio_util::sync::CancellationToken;

use super::{
    control::Control,
    sessions::{is_websocket, parameter},
};

/// Sessions that are told apart; the others share a turn.
const TURNS: usize = 16;

/// WebSockets that are about to begin, by the session that each takes over; a token ends when its WebSocket has begun,
/// or will not.
type Beginnings = HashMap<Box<str>, CancellationToken>;

/// Whose turn it is.
#[derive(Default)]
pub(super) struct Takeovers {
    turns: [Mutex<Beginnings>; TURNS],
    hasher: RandomState,
}

impl Takeovers {
    /// Waits while a WebSocket is about to begin. Then `engine`, a poll, is in the engine before another one is announced.
    async fn poll<F: Future>(&self, session: &str, engine: F) -> F::Output {
        let mut engine = pin!(engine);
        loop {
            let entered = poll_fn(|context| Poll::Ready(self.enter(session, engine.as_mut(), context)));
            match entered.await {
                Ok(Poll::Ready(response)) => return response,
                Ok(Poll::Pending) => return engine.await,
                Err(beginning) => beginning.cancelled().await,
            }
        }
    }

    /// What comes of the poll at once, or the beginning that it waits for.
    fn enter<F: Future>(
        &self,
        session: &str,
        engine: Pin<&mut F>,
        context: &mut Context<'_>,
    ) -> Result<Poll<F::Output>, CancellationToken> {
        let turn = self.turn(session);
        match turn.get(session) {
            Some(beginning) if !beginning.is_cancelled() => Err(beginning.clone()),
            _ => Ok(engine.poll(context)),
        }
    }

    /// Lets `engine` make a WebSocket of this connection, while no poll comes between.
    async fn take_over(
        &self,
        session: &str,
        connection: &Control,
        engine: impl Future<Output = Response>,
    ) -> Response {
        let beginning = CancellationToken::new();
        self.announce(session, beginning.clone());
        let unless_it_begins = beginning.drop_guard();
        let response = engine.await;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            connection.expect_beginning(unless_it_begins.disarm());
        }
        response
    }

    fn announce(&self, session: &str, beginning: CancellationToken) {
        let mut turn = self.turn(session);
        turn.retain(|_, beginning| !beginning.is_cancelled());
        turn.insert(session.into(), beginning);
    }

    fn turn(&self, session: &str) -> MutexGuard<'_, Beginnings> {
        let turn = self.hasher.hash_one(session) % TURNS as u64;
        let turn = &self.turns[turn as usize];
        turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Middleware, right around the engine: a request of a session has its turn. Under a listener that is not ours nobody
/// sees when a WebSocket begins, and nothing waits.
pub(super) async fn in_turn(
    State(takeovers): State<Arc<Takeovers>>,
    request: Request,
    next: Next,
) -> Response {
    let connection = request.extensions().get::<Arc<Control>>().cloned();
    let connection = connection.filter(|connection| !connection.is_blind());
    let (Some(connection), Some(session)) = (connection, parameter(request.uri(), "sid")) else {
        return next.run(request).await;
    };
    let session = session.to_owned();
    if is_websocket(request.uri()) {
        return takeovers
            .take_over(&session, &connection, next.run(request))
            .await;
    }
    if request.method() != Method::GET {
        return next.run(request).await;
    }
    takeovers.poll(&session, next.run(request)).await
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, ready},
        sync::atomic::{AtomicBool, Ordering},
        thread,
    };

    use axum::response::IntoResponse;
    use futures_util::{FutureExt, pin_mut};
    use http::StatusCode;

    use super::*;

    fn switching() -> Response {
        StatusCode::SWITCHING_PROTOCOLS.into_response()
    }

    /// As the engine does: it looks, and reaches. Whether nothing came between.
    async fn look_and_reach(begun: &AtomicBool) -> bool {
        let before = begun.load(Ordering::SeqCst);
        for _ in 0..100 {
            thread::yield_now();
        }
        before == begun.load(Ordering::SeqCst)
    }

    #[test]
    fn a_websocket_begins_before_a_poll_or_after_it() {
        let takeovers = Takeovers::default();
        for round in 0..1000 {
            let session = round.to_string();
            let (begun, connection) = (AtomicBool::new(false), Control::default());
            thread::scope(|scope| {
                let polled = scope.spawn(|| takeovers.poll(&session, look_and_reach(&begun)).now_or_never());
                let taken = takeovers.take_over(&session, &connection, ready(switching()));
                taken.now_or_never().unwrap();
                begun.store(true, Ordering::SeqCst);
                assert!(polled.join().unwrap().unwrap_or(true), "round {round}");
            });
        }
    }

    #[test]
    fn who_polls_while_a_websocket_is_about_to_begin_waits_until_it_reads() {
        let (takeovers, connection) = (Takeovers::default(), Control::default());
        let taken = takeovers.take_over("a", &connection, ready(switching()));
        taken.now_or_never().unwrap();
        let (polled, other) = (takeovers.poll("a", ready(())), takeovers.poll("b", ready(())));
        pin_mut!(polled);
        assert!(other.now_or_never().is_some(), "nobody takes that session over");
        assert!(polled.as_mut().now_or_never().is_none());
        connection.is_read();
        assert!(
            polled.as_mut().now_or_never().is_none(),
            "requests are read there"
        );
        connection.hand_over();
        assert!(polled.as_mut().now_or_never().is_none());
        connection.is_read();
        assert!(polled.now_or_never().is_some());
        assert!(takeovers.poll("a", ready(())).now_or_never().is_some());
    }

    #[test]
    fn nobody_waits_for_a_websocket_that_will_not_begin() {
        let (takeovers, connection) = (Takeovers::default(), Control::default());
        let refused = ready(StatusCode::BAD_REQUEST.into_response());
        takeovers
            .take_over("refused", &connection, refused)
            .now_or_never()
            .unwrap();
        let given_up = takeovers.take_over("given up", &connection, pending());
        assert!(given_up.now_or_never().is_none());
        let taken = takeovers.take_over("closed", &connection, ready(switching()));
        taken.now_or_never().unwrap();
        connection.close();
        for session in ["refused", "given up", "closed"] {
            assert!(
                takeovers.poll(session, ready(())).now_or_never().is_some(),
                "{session}"
            );
        }
    }
}
