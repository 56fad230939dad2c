//! Who is in which room, and what is said there. Who is in a room when something is said there hears it, and nobody else:
//! a snapshot, which stays the same until somebody comes or goes.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use serde_json::Value;
use tokio::runtime::Handle;

use super::{
    broadcast::{Deliveries, Recipient, RoomSnapshot},
    event::{EncodedEvent, EventSink},
};
use crate::{
    call::peer::{Outgoing, Target},
    error::Result,
};

/// The rooms of a server.
pub(in crate::net) struct Rooms {
    deliveries: Deliveries,
    next: AtomicU64,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    everybody: Room,
    rooms: HashMap<Arc<str>, Room>,
}

/// Who is in a room.
#[derive(Default)]
struct Room {
    recipients: HashMap<u64, Recipient>,
    /// The same as those who are told: made where something is said, until somebody comes or goes.
    snapshot: Option<Arc<RoomSnapshot>>,
}

impl Room {
    fn enter(&mut self, recipient: &Recipient) {
        self.snapshot = None;
        self.recipients.insert(recipient.number, recipient.clone());
    }

    fn leave(&mut self, number: u64) {
        self.snapshot = None;
        self.recipients.remove(&number);
    }

    fn snapshot(&mut self, cores: usize) -> Arc<RoomSnapshot> {
        let snapshot = self
            .snapshot
            .get_or_insert_with(|| Arc::new(RoomSnapshot::new(self.recipients.values(), cores)));
        snapshot.clone()
    }
}

impl Rooms {
    /// What is said is delivered on these cores; right where it is said, if there are none.
    pub(in crate::net) fn new<'a>(cores: impl Iterator<Item = &'a Handle>) -> Arc<Self> {
        Arc::new(Self {
            deliveries: Deliveries::new(cores),
            next: AtomicU64::new(0),
            open: Mutex::default(),
        })
    }

    /// One more who may enter rooms. It lives on the core that this is called on.
    pub(in crate::net) fn member(self: &Arc<Self>, sink: Arc<dyn EventSink>) -> Member {
        Member {
            recipient: Recipient {
                number: self.next.fetch_add(1, Ordering::Relaxed),
                core: self.deliveries.core(),
                sink,
            },
            joined: Mutex::new(Some(BTreeSet::new())),
            rooms: self.clone(),
        }
    }

    /// Completes when all that was said until now is on its way to its recipients.
    pub(in crate::net) async fn settled(&self) {
        self.deliveries.settled().await;
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One socket's part in the rooms.
pub(in crate::net) struct Member {
    recipient: Recipient,
    /// Nothing, once it has left for good.
    joined: Mutex<Option<BTreeSet<Arc<str>>>>,
    rooms: Arc<Rooms>,
}

impl Member {
    /// From now on it hears what is said to everybody.
    pub(in crate::net) fn appear(&self) {
        let joined = self.joined();
        if joined.is_some() {
            self.rooms.open().everybody.enter(&self.recipient);
        }
    }

    /// Enters a room, where it is in fewer than so many; whether it is in it now.
    pub(in crate::net) fn join(&self, room: &str, most: usize) -> bool {
        let mut joined = self.joined();
        let Some(joined) = joined.as_mut() else {
            // Nobody hears any more what is said there.
            return true;
        };
        if joined.contains(room) {
            return true;
        }
        if joined.len() >= most {
            return false;
        }
        let room: Arc<str> = room.into();
        joined.insert(room.clone());
        self.rooms
            .open()
            .rooms
            .entry(room)
            .or_default()
            .enter(&self.recipient);
        true
    }

    pub(in crate::net) fn leave(&self, room: &str) {
        let mut joined = self.joined();
        let left = joined.as_mut().is_some_and(|joined| joined.remove(room));
        if left {
            self.leave_open(&mut self.rooms.open(), room);
        }
    }

    /// Leaves all rooms, and enters none again.
    pub(in crate::net) fn disconnected(&self) {
        let left = self.joined().take();
        let mut open = self.rooms.open();
        for room in left.into_iter().flatten() {
            self.leave_open(&mut open, &room);
        }
        open.everybody.leave(self.recipient.number);
    }

    fn leave_open(&self, open: &mut Open, name: &str) {
        let Some(room) = open.rooms.get_mut(name) else {
            return;
        };
        room.leave(self.recipient.number);
        if room.recipients.is_empty() {
            open.rooms.remove(name);
        }
    }

    pub(in crate::net) fn is_in(&self, room: &str) -> bool {
        self.joined().as_ref().is_some_and(|joined| joined.contains(room))
    }

    pub(in crate::net) fn rooms(&self) -> Vec<String> {
        let joined = self.joined();
        joined.iter().flatten().map(|room| (**room).to_owned()).collect()
    }

    /// Emits to the others of a target. Waits for room where more is said than can be delivered; one whose own queue is
    /// full misses it.
    ///
    /// # Errors
    /// Where the data cannot be written as JSON.
    pub(in crate::net) async fn emit_to_others(
        &self,
        target: &Target,
        event: &str,
        data: Outgoing<'_>,
    ) -> Result<()> {
        if let Some(snapshot) = self.snapshot(target) {
            let emit = EncodedEvent::new(event, data)?;
            self.rooms
                .deliveries
                .say(snapshot, emit, self.recipient.number)
                .await;
        }
        Ok(())
    }

    /// Asks all of a target at once; what each answers in time, in the order in which they do.
    pub(in crate::net) async fn ask(
        &self,
        target: &Target,
        event: &str,
        data: Outgoing<'_>,
        wait: Duration,
    ) -> Vec<Result<Value>> {
        if *target == Target::Caller {
            return vec![self.recipient.sink.clone().ask(event, data, wait).await];
        }
        let Some(snapshot) = self.snapshot(target) else {
            return Vec::new();
        };
        self.rooms.settled().await;
        let own = matches!(target, Target::Within(_));
        let asked: FuturesUnordered<_> = snapshot
            .recipients()
            .filter(|recipient| own || recipient.number != self.recipient.number)
            .map(|recipient| recipient.sink.clone().ask(event, data, wait))
            .collect();
        asked.collect().await
    }

    /// Who is in a target now; nobody, where there is no such room.
    fn snapshot(&self, target: &Target) -> Option<Arc<RoomSnapshot>> {
        let cores = self.rooms.deliveries.cores();
        let mut open = self.rooms.open();
        let room = match target {
            Target::Within(room) | Target::To(room) => open.rooms.get_mut(room.as_str())?,
            Target::Broadcast | Target::Caller => &mut open.everybody,
        };
        Some(room.snapshot(cores))
    }

    fn joined(&self) -> MutexGuard<'_, Option<BTreeSet<Arc<str>>>> {
        self.joined.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.disconnected();
    }
}

#[cfg(test)]
mod tests;
