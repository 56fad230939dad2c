//! What one socket of a [`TestApp`](super::TestApp) receives, and what it acks.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, oneshot};

use super::inbox::{Inbox, Received, Response};
use crate::{
    call::{
        pattern::NamespaceName,
        payload::{Arguments, Data},
        peer::SocketId,
    },
    error::{CallError, Code, Result},
};

/// A socket, as far as it receives.
pub(super) struct Recipient {
    pub(super) id: SocketId,
    pub(super) namespace: Arc<NamespaceName>,
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    inbox: Inbox,
    asked: u64,
    /// Pending acks, by number.
    waiting: HashMap<u64, oneshot::Sender<Result<Arguments>>>,
}

impl Recipient {
    pub(super) fn new(id: SocketId, namespace: Arc<NamespaceName>) -> Self {
        Self {
            id,
            namespace,
            state: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    /// Receives an event.
    pub(super) fn receive(&self, event: &str, data: Data) {
        self.take_in(event, data, None);
    }

    /// Receives an event that wants an ack; how the test acks it, where it said so.
    pub(super) fn ask(
        &self,
        event: &str,
        data: Data,
    ) -> (oneshot::Receiver<Result<Arguments>>, Option<Response>) {
        let (sender, acked) = oneshot::channel();
        let number = {
            let mut state = self.state();
            state.asked += 1;
            let number = state.asked;
            state.waiting.insert(number, sender);
            number
        };
        (acked, self.take_in(event, data, Some(number)))
    }

    fn take_in(&self, event: &str, data: Data, ack: Option<u64>) -> Option<Response> {
        let name = event.to_owned();
        let response = self.state().inbox.take_in(Received { name, data, ack });
        self.arrived.notify_waiters();
        response
    }

    /// Acks an event; whether that is still waited for.
    pub(super) fn ack(&self, number: u64, response: Result<Arguments>) -> bool {
        let waiting = self.state().waiting.remove(&number);
        waiting.is_some_and(|waiting| waiting.send(response).is_ok())
    }

    /// Looks at what was received.
    pub(super) fn inbox<T>(&self, look: impl FnOnce(&mut Inbox) -> T) -> T {
        look(&mut self.state().inbox)
    }

    /// Waits until `take` finds what it looks for.
    pub(super) async fn until<T>(&self, mut take: impl FnMut(&mut Inbox) -> Option<T>) -> T {
        loop {
            let mut arrived = std::pin::pin!(self.arrived.notified());
            arrived.as_mut().enable();
            if let Some(found) = self.inbox(&mut take) {
                return found;
            }
            arrived.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The ack of one socket, in time.
pub(super) async fn acked(asked: oneshot::Receiver<Result<Arguments>>, wait: Duration) -> Result<Arguments> {
    match tokio::time::timeout(wait, asked).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Err(CallError::new(Code::Unavailable, "the socket is gone")),
        Err(_) => Err(CallError::new(Code::Timeout, "no ack in time")),
    }
}
