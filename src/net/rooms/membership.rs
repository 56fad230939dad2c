//! The rooms of a server by their namespaces, and emits to them. A socket that is in a room when something is emitted to it
//! hears it, and no other: a snapshot, which stays the same until one enters or leaves.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, atomic::AtomicU64},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::runtime::Handle;

use super::{
    broadcast::{Deliveries, RoomSnapshot},
    bus::{message::NamedEvent, other_nodes::OtherNodes},
    event::EncodedEvent,
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
    /// Those that share them, if any.
    others: Option<Arc<OtherNodes>>,
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
        others: Option<Arc<OtherNodes>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            deliveries: Deliveries::new(cores, apart, missed),
            next: AtomicU64::new(0),
            namespaces: Mutex::default(),
            others,
        })
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
        let (snapshot, others) = (self.select(namespace, target), self.others(namespace, target));
        if snapshot.is_none() && others.is_none() {
            return Ok(());
        }
        let emit = EncodedEvent::new(event, data, target)?;
        let told = others.map(|others| others.emit(namespace, target, emit.to_named()));
        if let Some(snapshot) = snapshot {
            self.deliveries.publish(snapshot, emit, None).await;
            self.deliveries.settled_here().await;
        }
        if let Some(told) = told {
            told.await;
        }
        Ok(())
    }

    /// Emits to sockets of a namespace what another node emits.
    ///
    /// # Errors
    /// Where clients cannot take it.
    pub(in crate::net) async fn emit_of_other_node(
        &self,
        namespace: &str,
        target: &Target,
        event: NamedEvent,
    ) -> Result<()> {
        if let Some(snapshot) = self.select(namespace, target) {
            let emit = EncodedEvent::of_other_node(event, target)?;
            self.deliveries.publish(snapshot, emit, None).await;
        }
        Ok(())
    }

    /// The other nodes, where sockets of theirs may be meant.
    pub(in crate::net) fn others(&self, namespace: &str, target: &Target) -> Option<&OtherNodes> {
        let others = self.others.as_deref()?;
        let open = || self.open_by_name().get(namespace).and_then(Weak::upgrade);
        let is_here = target.is_local() || open().is_some_and(|open| open.rooms().has_only(target));
        (!is_here).then_some(others)
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
        let snapshot = self.select(namespace, target);
        let asked = (namespace, target);
        self.ask_everywhere(asked, snapshot.as_deref(), None, event, data, wait)
            .await
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

    /// Asks those of a snapshot and those at other nodes, whose acks are put behind the others.
    async fn ask_everywhere(
        &self,
        (namespace, target): (&str, &Target),
        snapshot: Option<&RoomSnapshot>,
        by: Option<u64>,
        event: &str,
        data: Outgoing<'_>,
        wait: Duration,
    ) -> Result<Vec<Ack<Arguments>>> {
        let others = self.others(namespace, target);
        if snapshot.is_none() && others.is_none() {
            return Ok(Vec::new());
        }
        let written = EncodedEvent::new(event, data, &Target::all())?;
        let here = async {
            match snapshot {
                Some(snapshot) => self.ask_all(snapshot, by, &written, wait).await,
                None => Vec::new(),
            }
        };
        let Some(others) = others else {
            return Ok(here.await);
        };
        let elsewhere = others.ask(namespace, target, written.to_named(), wait);
        let (mut acks, elsewhere) = tokio::join!(here, elsewhere);
        acks.extend(elsewhere?);
        Ok(acks)
    }

    async fn ask_all(
        &self,
        snapshot: &RoomSnapshot,
        by: Option<u64>,
        event: &EncodedEvent,
        wait: Duration,
    ) -> Vec<Ack<Arguments>> {
        self.delivered().await;
        let asked: FuturesUnordered<_> = snapshot
            .recipients()
            .filter(|recipient| by != Some(recipient.number))
            .map(|recipient| recipient.ask(event.name(), event.data(), wait))
            .collect();
        asked.collect().await
    }

    /// The sockets that a target means now; `None` where there is none.
    pub(in crate::net) fn select(&self, namespace: &str, target: &Target) -> Option<Arc<RoomSnapshot>> {
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
        if let Some(others) = &self.others {
            others.bus().join(&namespace);
        }
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
        if let Some(others) = &self.server.others {
            others.bus().leave(&self.name);
        }
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

pub(in crate::net) mod member;

#[cfg(test)]
mod tests;
