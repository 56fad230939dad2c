//! Bodies that were posted, received one after the other, packet by packet, as far as the session is read.
//!
//! A client that tries a WebSocket polls no more, and goes over to it when its POST is answered. Where answers that wait
//! to be polled keep the session from being read, it would wait for ever: so while a WebSocket is tried a POST is answered before
//! all of it is received, and what comes over the WebSocket is read behind it.

use std::{pin::pin, sync::Arc};

use axum::body::Bytes;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Either, select},
};

use super::{
    close_reason::CloseReason,
    packet::Malformed,
    payload::{Content, Packets},
    receiver::receive,
    session::{Session, Upgrade},
};
use crate::call::memory::Held;

/// Completes when a body of so many bytes may be answered before it is received, as a WebSocket is tried.
async fn may_answer(session: &Session, bytes: usize) {
    let most = session.settings().max_message;
    let may_answer = || session.state().upgrade == Upgrade::Probed && session.posts.have_room(bytes, most);
    session.resumed_or_closed(may_answer).await;
}

/// A body, and what is held for it.
pub(super) struct Posted {
    pub(super) session: Arc<Session>,
    pub(super) content: Content,
    pub(super) body: Bytes,
    pub(super) held: Held,
}

impl Posted {
    /// Receives it behind those before it; done when it may be answered.
    ///
    /// # Errors
    /// Where it is malformed. What is received later ends the session for that.
    pub(super) async fn receive(self) -> Result<(), Malformed> {
        let (session, bytes) = (self.session.clone(), self.body.len());
        let received = Box::pin(self.receive_all());
        let may_answer = pin!(may_answer(&session, bytes));
        match select(received, may_answer).await {
            Either::Left((received, _)) => received,
            Either::Right(((), later)) => {
                let answered = Answered::of(session.clone(), bytes);
                tokio::spawn(async move {
                    if later.await.is_err() {
                        answered.session.close(CloseReason::ParseError);
                    }
                });
                Ok(())
            }
        }
    }

    async fn receive_all(self) -> Result<(), Malformed> {
        let Self {
            session,
            content,
            body,
            held: _held,
        } = self;
        let _turn = session.posts.turn.lock().await;
        let mut packets = Packets::new(session.protocol(), content, &body, usize::MAX)?.peekable();
        while packets.peek().is_some() && !session.is_closed() {
            session.may_read().await;
            session.receive(|| {
                while !session.is_paused() && !session.is_closed() {
                    let Some(packet) = packets.next() else {
                        break;
                    };
                    receive(&session, packet?)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// A body that was answered, until it is received.
struct Answered {
    session: Arc<Session>,
    bytes: usize,
}

impl Answered {
    fn of(session: Arc<Session>, bytes: usize) -> Self {
        session.posts.are_answered(bytes);
        Self { session, bytes }
    }
}

impl Drop for Answered {
    fn drop(&mut self) {
        self.session.posts.are_received(self.bytes);
        // There is room for another one to be answered.
        self.session.resumed.notify_waiters();
    }
}

/// Completes when all that was posted is received; `None` where it is.
pub(super) fn all_received(session: &Arc<Session>) -> Option<BoxFuture<'static, ()>> {
    if session.posts.turn.try_lock().is_ok() {
        return None;
    }
    let session = session.clone();
    Some(async move { drop(session.posts.turn.lock().await) }.boxed())
}
