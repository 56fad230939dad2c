//! The rooms of a server by their namespaces, and emits to them. A socket that is in a room when something is emitted to it
//! hears it, and no other: a snapshot, which stays the same until one enters or leaves.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::runtime::Handle;

use super::{
    broadcast::{Deliveries, Recipient, RoomSnapshot},
    event::{EncodedEvent, EventSink},
    namespace::NamespaceRooms,
};
use crate::{
    call::{
        payload::Arguments,
        peer::{Ack, Outgoing, SocketId},
        target::Target,
    },
    error::Result,
    net::metrics::Missed,
};

/// The rooms of a server.
pub(in crate::net) struct Rooms {
    deliveries: Deliveries,
    next: AtomicU64,
    namespaces: Mutex<HashMap<Arc<str>, Weak<Open>>>,
}

/// A namespace with sockets: it goes with the last of them.
struct Open {
    name: Arc<str>,
    rooms: Mutex<NamespaceRooms>,
    server: Arc<Rooms>,
}

impl Rooms {
    /// Emits are delivered on these cores; in place, if there are none. Functions may run apart from them.
    pub(in crate::net) fn new<'a>(
        cores: impl Iterator<Item = &'a Handle>,
        apart: Option<&Handle>,
        missed: Missed,
    ) -> Arc<Self> {
        Arc::new(Self {
            deliveries: Deliveries::new(cores, apart, missed),
            next: AtomicU64::new(0),
            namespaces: Mutex::default(),
        })
    }

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

    /// Emits to sockets of a namespace. Waits for room where more is emitted than can be delivered, and in a function until
    /// its caller has it, whose answer comes later; one whose own queue is full misses it.
    ///
    /// # Errors
    /// Where the data cannot be written as JSON, or clients cannot take it.
    pub(in crate::net) async fn emit(
        &self,
        namespace: &str,
        target: &Target,
        event: &str,
        data: Outgoing<'_>,
    ) -> Result<()> {
        if let Some(snapshot) = self.select(namespace, target) {
            let emit = EncodedEvent::new(event, data, target)?;
            self.deliveries.publish(snapshot, emit, None).await;
            self.deliveries.settled_here().await;
        }
        Ok(())
    }

    /// Asks sockets of a namespace at once; what each answers in time, in the order in which they do.
    ///
    /// # Errors
    /// As [`Rooms::emit`].
    pub(in crate::net) async fn ask(
        &self,
        namespace: &str,
        target: &Target,
        event: &str,
        data: Outgoing<'_>,
        wait: Duration,
    ) -> Result<Vec<Ack<Arguments>>> {
        match self.select(namespace, target) {
            Some(snapshot) => self.ask_all(&snapshot, None, event, data, wait).await,
            None => Ok(Vec::new()),
        }
    }

    /// The public ids of the sockets that a target means.
    pub(in crate::net) fn ids(&self, namespace: &str, target: &Target) -> Vec<SocketId> {
        let snapshot = self.select(namespace, target);
        let recipients = snapshot.iter().flat_map(|snapshot| snapshot.recipients());
        recipients.map(|recipient| recipient.sink.id().clone()).collect()
    }

    /// The namespaces that sockets are in, and how many.
    pub(in crate::net) fn namespaces(&self) -> Vec<(Arc<str>, usize)> {
        let open: Vec<Weak<Open>> = self.open_by_name().values().cloned().collect();
        // Looked into without the lock, which the last one to go of a namespace takes.
        let open = open.iter().filter_map(Weak::upgrade);
        open.map(|open| (open.name.clone(), open.rooms().sockets()))
            .collect()
    }

    /// Completes when all earlier emits are in the send queues of their recipients.
    pub(in crate::net) async fn delivered(&self) {
        self.deliveries.delivered().await;
    }

    async fn ask_all(
        &self,
        snapshot: &RoomSnapshot,
        by: Option<u64>,
        event: &str,
        data: Outgoing<'_>,
        wait: Duration,
    ) -> Result<Vec<Ack<Arguments>>> {
        let written = EncodedEvent::new(event, data, &Target::all())?;
        let data = written.data();
        self.delivered().await;
        let asked: FuturesUnordered<_> = snapshot
            .recipients()
            .filter(|recipient| by != Some(recipient.number))
            .map(|recipient| recipient.ask(event, data, wait))
            .collect();
        Ok(asked.collect().await)
    }

    fn select(&self, namespace: &str, target: &Target) -> Option<Arc<RoomSnapshot>> {
        let open = self.open_by_name().get(namespace)?.upgrade()?;
        open.rooms().select(target)
    }

    fn open(self: &Arc<Self>, namespace: &str) -> Arc<Open> {
        let mut namespaces = self.open_by_name();
        if let Some(open) = namespaces.get(namespace).and_then(Weak::upgrade) {
            return open;
        }
        let namespace: Arc<str> = namespace.into();
        let open = Arc::new(Open {
            name: namespace.clone(),
            rooms: Mutex::new(NamespaceRooms::new(namespace.clone(), self.deliveries.cores())),
            server: self.clone(),
        });
        namespaces.insert(namespace, Arc::downgrade(&open));
        open
    }

    fn open_by_name(&self) -> MutexGuard<'_, HashMap<Arc<str>, Weak<Open>>> {
        self.namespaces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn rooms(&self) -> MutexGuard<'_, NamespaceRooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut namespaces = self.server.open_by_name();
        // A socket that came meanwhile has opened it anew.
        let is_gone = |open: &Weak<Self>| open.strong_count() == 0;
        if namespaces.get(&self.name).is_some_and(is_gone) {
            namespaces.remove(&self.name);
        }
        let (used, held) = (namespaces.len(), namespaces.capacity());
        if used < held / 4 {
            namespaces.shrink_to(2 * used);
        }
    }
}

/// One socket's part in the rooms of its namespace.
pub(in crate::net) struct Member {
    id: SocketId,
    recipient: Recipient,
    state: Mutex<State>,
    open: Arc<Open>,
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
        let snapshot = self.open.rooms().select(target);
        if let Some(snapshot) = snapshot {
            let emit = EncodedEvent::new(event, data, target)?;
            let by = Some(self.recipient.number);
            self.open.server.deliveries.publish(snapshot, emit, by).await;
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
            return Ok(vec![self.recipient.ask(event, data, wait).await]);
        }
        let snapshot = self.open.rooms().select(target);
        let Some(snapshot) = snapshot else {
            return Ok(Vec::new());
        };
        let is_meant = target.includes(true, |room| self.is_in(room));
        let by = (!is_meant).then_some(self.recipient.number);
        let rooms = &self.open.server;
        rooms.ask_all(&snapshot, by, event, data, wait).await
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

#[cfg(test)]
mod tests;
