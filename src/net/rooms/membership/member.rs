//! One socket's part in the rooms of its namespace.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use super::{Open, Rooms};
use crate::{
    call::{
        payload::{Arguments, WrittenName},
        peer::{Ack, Outgoing, SocketId},
        target::Target,
    },
    error::Result,
    net::rooms::{
        broadcast::Recipient,
        event::{EncodedEvent, EventSink},
    },
};

impl Rooms {
    /// One more socket of a namespace that may enter rooms. It lives on the core that this is called on.
    pub(in crate::net) fn member(
        self: &Arc<Self>,
        namespace: &str,
        id: &SocketId,
        sink: Arc<dyn EventSink>,
    ) -> Member {
        Member {
            id: id.clone(),
            recipient: Recipient {
                number: self.next.fetch_add(1, Ordering::Relaxed),
                core: self.deliveries.core(),
                sink,
            },
            state: Mutex::new(State::Absent(BTreeSet::new())),
            open: self.open(namespace),
        }
    }
}

/// One socket's part in the rooms of its namespace.
pub(in crate::net) struct Member {
    pub(super) id: SocketId,
    recipient: Recipient,
    state: Mutex<State>,
    pub(super) open: Arc<Open>,
}

enum State {
    /// It is not connected yet, and will be in these rooms.
    Absent(BTreeSet<Arc<str>>),
    /// It is connected, and in these rooms.
    Present(BTreeSet<Arc<str>>),
    /// It has left for good.
    Gone,
}

impl State {
    fn joined(&self) -> Option<&BTreeSet<Arc<str>>> {
        match self {
            Self::Absent(joined) | Self::Present(joined) => Some(joined),
            Self::Gone => None,
        }
    }
}

impl Member {
    /// From now on it receives what is emitted to all of the namespace, to its rooms and to itself.
    pub(in crate::net) fn appear(&self) {
        let mut state = self.state();
        if let State::Absent(joined) = &mut *state {
            let joined = std::mem::take(joined);
            self.open.rooms().appear(&self.id, &self.recipient, joined.iter());
            *state = State::Present(joined);
        }
    }

    /// Enters a room, where it is in fewer than so many; whether it is in it now.
    pub(in crate::net) fn join(&self, room: &str, most: usize) -> bool {
        let mut state = self.state();
        let is_present = matches!(*state, State::Present(_));
        let (State::Absent(joined) | State::Present(joined)) = &mut *state else {
            // The room is empty.
            return true;
        };
        if self.is_own(room) || joined.contains(room) {
            return true;
        }
        if joined.len() >= most {
            return false;
        }
        let room: Arc<str> = room.into();
        joined.insert(room.clone());
        if is_present {
            self.open.rooms().enter(room, &self.recipient);
        }
        true
    }

    pub(in crate::net) fn leave(&self, room: &str) {
        match &mut *self.state() {
            State::Absent(joined) => _ = joined.remove(room),
            State::Present(joined) => {
                if joined.remove(room) {
                    self.open.rooms().leave(room, self.recipient.number);
                }
            }
            State::Gone => {}
        }
    }

    /// Leaves all rooms, and enters none again.
    pub(in crate::net) fn disconnected(&self) {
        let left = std::mem::replace(&mut *self.state(), State::Gone);
        if let State::Present(joined) = left {
            self.open
                .rooms()
                .disappear(&self.id, self.recipient.number, joined.iter());
        }
    }

    /// Whether it is in a room; that of its own id is one.
    pub(in crate::net) fn is_in(&self, room: &str) -> bool {
        match self.state().joined() {
            Some(joined) => joined.contains(room) || self.is_own(room),
            None => false,
        }
    }

    /// The rooms that it entered.
    pub(in crate::net) fn rooms(&self) -> Vec<String> {
        let state = self.state();
        let joined = state.joined().into_iter().flatten();
        joined.map(|room| (**room).to_owned()).collect()
    }

    /// Emits to the others of a target. Waits while too much is undelivered; one whose own queue is
    /// full misses it.
    ///
    /// # Errors
    /// As [`Rooms::emit`].
    pub(in crate::net) async fn emit_to_others(
        &self,
        target: &Target,
        event: &str,
        data: Outgoing<'_>,
    ) -> Result<()> {
        let (server, namespace) = (&self.open.server, &self.open.name);
        let snapshot = self.open.rooms().select(target);
        let others = server.others(namespace, target);
        if snapshot.is_none() && others.is_none() {
            return Ok(());
        }
        let emit = EncodedEvent::new(event, data, target)?;
        let told = others.map(|others| others.emit(namespace, target, emit.to_named()));
        if let Some(snapshot) = snapshot {
            let by = Some(self.recipient.number);
            server.deliveries.publish(snapshot, emit, by).await;
        }
        if let Some(told) = told {
            told.await;
        }
        Ok(())
    }

    /// Asks all of a target at once; what each answers in time, in the order in which they do.
    ///
    /// # Errors
    /// As [`Rooms::emit`].
    pub(in crate::net) async fn ask(
        &self,
        target: &Target,
        event: &str,
        data: Outgoing<'_>,
        wait: Duration,
    ) -> Result<Vec<Ack<Arguments>>> {
        if target.is_caller() {
            return Ok(vec![
                self.recipient.ask(WrittenName::Text(event), data, wait).await,
            ]);
        }
        let snapshot = self.open.rooms().select(target);
        let is_meant = target.includes(true, |room| self.is_in(room));
        let by = (!is_meant).then_some(self.recipient.number);
        let asked = (&*self.open.name, target);
        let server = &self.open.server;
        server
            .ask_everywhere(asked, snapshot.as_deref(), by, event, data, wait)
            .await
    }

    fn is_own(&self, room: &str) -> bool {
        self.id.as_str() == room
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.disconnected();
    }
}
