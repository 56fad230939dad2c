//! The rooms of one socket, which are those of its server: a socket that is gone enters none, as nothing would take it out
//! again.

use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use socketioxide::{adapter::Adapter, socket::Socket};

pub(super) struct Rooms<A: Adapter>(Mutex<Weak<Socket<A>>>);

impl<A: Adapter> Rooms<A> {
    pub(super) fn new(socket: Weak<Socket<A>>) -> Self {
        Self(Mutex::new(socket))
    }

    /// Enters a room; whether it is in no more than so many.
    pub(super) fn join(&self, room: &str, most: usize) -> bool {
        let Some(socket) = self.socket().upgrade() else {
            return true;
        };
        let rooms = socket.rooms();
        let has_place = rooms.len() < most || rooms.iter().any(|one| one == room);
        if has_place {
            socket.join(room.to_owned());
        }
        has_place
    }

    pub(super) fn leave(&self, room: &str) {
        if let Some(socket) = self.socket().upgrade() {
            socket.leave(room.to_owned());
        }
    }

    pub(super) fn all(&self) -> Vec<String> {
        let rooms = self.socket().upgrade().map(|socket| socket.rooms());
        rooms.into_iter().flatten().map(String::from).collect()
    }

    /// Leaves all of them for good.
    pub(super) fn end(&self) {
        if let Some(socket) = std::mem::take(&mut *self.socket()).upgrade() {
            socket.leave_all();
        }
    }

    fn socket(&self) -> MutexGuard<'_, Weak<Socket<A>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
