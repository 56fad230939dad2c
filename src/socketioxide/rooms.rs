//! The rooms of one socket, which are those of its server: a socket that is gone enters none, as nothing would take it out
//! again.

use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use socketioxide::{adapter::Adapter, socket::Socket};

use crate::call::peer::SocketId;

pub(super) struct Rooms<A: Adapter> {
    socket: Mutex<Weak<Socket<A>>>,
    /// The room that it is alone in, which does not count among those that it enters.
    own: String,
}

impl<A: Adapter> Rooms<A> {
    pub(super) fn new(socket: Weak<Socket<A>>, id: &SocketId) -> Self {
        Self {
            socket: Mutex::new(socket),
            own: id.into(),
        }
    }

    /// Enters the room of its own id.
    pub(super) fn appear(&self) {
        // Held meanwhile, or one that ends would leave before it enters.
        let held = self.socket();
        let socket = held.upgrade();
        if let Some(socket) = &socket {
            socket.join(self.own.clone());
        }
        drop(held);
    }

    /// Enters a room; whether it is in no more than so many.
    pub(super) fn join(&self, room: &str, most: usize) -> bool {
        // As above.
        let held = self.socket();
        let Some(socket) = held.upgrade() else {
            return true;
        };
        let rooms = self.of(&socket);
        let has_place = rooms.len() < most || room == self.own || rooms.iter().any(|one| one == room);
        if has_place {
            socket.join(room.to_owned());
        }
        drop(held);
        has_place
    }

    pub(super) fn leave(&self, room: &str) {
        let socket = self.socket().upgrade().filter(|_| room != self.own);
        if let Some(socket) = socket {
            socket.leave(room.to_owned());
        }
    }

    pub(super) fn all(&self) -> Vec<String> {
        let socket = self.socket().upgrade();
        socket.map_or(Vec::new(), |socket| self.of(&socket))
    }

    fn of(&self, socket: &Socket<A>) -> Vec<String> {
        let rooms = socket.rooms().into_iter().map(String::from);
        rooms.filter(|room| *room != self.own).collect()
    }

    /// Leaves all of them for good.
    pub(super) fn end(&self) {
        if let Some(socket) = std::mem::take(&mut *self.socket()).upgrade() {
            socket.leave_all();
        }
    }

    fn socket(&self) -> MutexGuard<'_, Weak<Socket<A>>> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
