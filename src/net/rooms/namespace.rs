//! The rooms of one namespace: which sockets are in which, and which of them a target means.

use std::{
    borrow::Borrow,
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::Arc,
};

use super::broadcast::{Recipient, RoomSnapshot};
use crate::call::{peer::SocketId, target::Target};

pub(super) struct NamespaceRooms {
    name: Arc<str>,
    cores: usize,
    /// All sockets, by their public ids: each is alone in the room of that name.
    all: Room<SocketId>,
    rooms: HashMap<Arc<str>, Room<u64>>,
    /// What a target of several rooms, or with exceptions, meant last. A burst is delivered together only as one snapshot.
    composed: Option<Composed>,
}

/// Sockets in a room, by what tells them apart.
struct Room<K> {
    recipients: HashMap<K, Recipient>,
    /// The same for those that deliver: made where something is emitted, until a socket enters or leaves.
    snapshot: Option<Arc<RoomSnapshot>>,
}

struct Composed {
    rooms: Vec<String>,
    except: Vec<String>,
    snapshot: Arc<RoomSnapshot>,
}

impl<K> Default for Room<K> {
    fn default() -> Self {
        Self {
            recipients: HashMap::new(),
            snapshot: None,
        }
    }
}

impl<K: Eq + Hash> Room<K> {
    fn enter(&mut self, key: K, recipient: &Recipient) {
        self.snapshot = None;
        self.recipients.insert(key, recipient.clone());
    }

    fn leave<Q: Eq + Hash + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.snapshot = None;
        self.recipients.remove(key);
    }

    fn snapshot(&mut self, namespace: &Arc<str>, cores: usize) -> Arc<RoomSnapshot> {
        let recipients = &self.recipients;
        let snapshot = self
            .snapshot
            .get_or_insert_with(|| Arc::new(RoomSnapshot::new(namespace, recipients.values(), cores)));
        snapshot.clone()
    }
}

impl NamespaceRooms {
    pub(super) fn new(name: Arc<str>, cores: usize) -> Self {
        Self {
            name,
            cores,
            all: Room::default(),
            rooms: HashMap::new(),
            composed: None,
        }
    }

    /// How many sockets are there.
    pub(super) fn sockets(&self) -> usize {
        self.all.recipients.len()
    }

    /// Whether a target is one of the sockets here, by its public id alone.
    pub(super) fn has_only(&self, target: &Target) -> bool {
        match target.rooms() {
            [room] => self.all.recipients.contains_key(room.as_str()),
            _ => false,
        }
    }

    /// A socket is there, in the room of its own id and in these.
    pub(super) fn appear<'a>(
        &mut self,
        id: &SocketId,
        recipient: &Recipient,
        rooms: impl Iterator<Item = &'a Arc<str>>,
    ) {
        self.composed = None;
        self.all.enter(id.clone(), recipient);
        rooms.for_each(|room| self.enter(room.clone(), recipient));
    }

    pub(super) fn enter(&mut self, room: Arc<str>, recipient: &Recipient) {
        self.composed = None;
        self.rooms
            .entry(room)
            .or_default()
            .enter(recipient.number, recipient);
    }

    pub(super) fn leave(&mut self, name: &str, number: u64) {
        self.composed = None;
        let Some(room) = self.rooms.get_mut(name) else {
            return;
        };
        room.leave(&number);
        if room.recipients.is_empty() {
            self.rooms.remove(name);
        }
    }

    /// A socket is gone, which was in these rooms.
    pub(super) fn disappear<'a>(
        &mut self,
        id: &SocketId,
        number: u64,
        rooms: impl Iterator<Item = &'a Arc<str>>,
    ) {
        self.composed = None;
        self.all.leave(id.as_str());
        rooms.for_each(|room| self.leave(room, number));
    }

    /// The sockets that a target means now, the caller's among them; `None` where there is none.
    pub(super) fn select(&mut self, target: &Target) -> Option<Arc<RoomSnapshot>> {
        let has_exceptions = !target.excepted().is_empty();
        match target.rooms() {
            [] if !has_exceptions => Some(self.all.snapshot(&self.name, self.cores)),
            [room] if !has_exceptions && !self.all.recipients.contains_key(room.as_str()) => {
                let room = self.rooms.get_mut(room.as_str())?;
                Some(room.snapshot(&self.name, self.cores))
            }
            _ => self.compose(target),
        }
    }

    fn compose(&mut self, target: &Target) -> Option<Arc<RoomSnapshot>> {
        if let Some(last) = &self.composed
            && (&last.rooms[..], &last.except[..]) == (target.rooms(), target.excepted())
        {
            return Some(last.snapshot.clone());
        }
        let excepted = target.excepted().iter().flat_map(|room| self.inside(room));
        let mut seen: HashSet<u64> = excepted.map(|recipient| recipient.number).collect();
        let mut meant: Vec<&Recipient> = match target.rooms() {
            [] => self.all.recipients.values().collect(),
            rooms => rooms.iter().flat_map(|room| self.inside(room)).collect(),
        };
        meant.retain(|recipient| seen.insert(recipient.number));
        if meant.is_empty() {
            return None;
        }
        let snapshot = Arc::new(RoomSnapshot::new(&self.name, meant.into_iter(), self.cores));
        self.composed = Some(Composed {
            rooms: target.rooms().to_vec(),
            except: target.excepted().to_vec(),
            snapshot: snapshot.clone(),
        });
        Some(snapshot)
    }

    fn inside(&self, room: &str) -> impl Iterator<Item = &Recipient> {
        let joined = self.rooms.get(room).into_iter();
        joined
            .flat_map(|room| room.recipients.values())
            .chain(self.all.recipients.get(room))
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.all.recipients.is_empty() && self.rooms.is_empty()
    }
}
