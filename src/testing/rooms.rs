//! The sockets of a [`TestApp`](super::TestApp): who is in which room, and what was emitted to whom.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::{failure::fail, recipient::Recipient};
use crate::call::{
    payload::Data,
    peer::{SocketId, Target},
};

/// An event that a function emitted.
#[derive(Clone, Debug)]
pub struct Emitted {
    /// The socket whose call it was.
    pub by: SocketId,
    /// To whom.
    pub to: Target,
    /// Its name.
    pub event: String,
    data: Data,
}

impl Emitted {
    pub(super) fn new(by: SocketId, to: Target, event: &str, data: Data) -> Self {
        let event = event.to_owned();
        Self { by, to, event, data }
    }

    /// Its data as a type.
    ///
    /// # Panics
    /// Where it is something else.
    #[track_caller]
    pub fn data<T: DeserializeOwned>(&self) -> T {
        match self.data.json() {
            Ok(data) => data,
            Err(error) => fail(format_args!(
                "the event '{}' with {} is something else: {error}",
                self.event,
                self.data.to_parts().0
            )),
        }
    }

    /// Its data as it is.
    pub fn raw(&self) -> &Data {
        &self.data
    }
}

/// All sockets of an app.
#[derive(Default)]
pub(super) struct Rooms(Mutex<State>);

#[derive(Default)]
struct State {
    members: Vec<Member>,
    emitted: Vec<Emitted>,
}

struct Member {
    recipient: Arc<Recipient>,
    gone: CancellationToken,
    rooms: BTreeSet<String>,
}

impl Rooms {
    /// One more socket, in no room.
    pub(super) fn enter(&self, recipient: Arc<Recipient>, gone: CancellationToken) {
        let rooms = BTreeSet::new();
        self.state().members.push(Member {
            recipient,
            gone,
            rooms,
        });
    }

    /// A socket goes.
    pub(super) fn leave(&self, id: &SocketId) {
        self.close_those(|member| member.recipient.id == *id);
    }

    /// All sockets go.
    pub(super) fn close(&self) {
        self.close_those(|_| true);
    }

    fn close_those(&self, is_meant: impl Fn(&Member) -> bool) {
        // Told without the lock, as functions that wait for it may say something.
        let gone: Vec<Member> = self
            .state()
            .members
            .extract_if(.., |member| is_meant(member))
            .collect();
        gone.iter().for_each(|member| member.gone.cancel());
    }

    /// Changes the rooms that a socket is in; `None` where it is gone.
    pub(super) fn change<T>(
        &self,
        id: &SocketId,
        change: impl FnOnce(&mut BTreeSet<String>) -> T,
    ) -> Option<T> {
        let mut state = self.state();
        let member = state
            .members
            .iter_mut()
            .find(|member| member.recipient.id == *id)?;
        Some(change(&mut member.rooms))
    }

    /// Notes what is emitted, and lets each socket receive it that it is meant for, before anything else is emitted.
    pub(super) fn emit(&self, emitted: Emitted, mut receive: impl FnMut(&Arc<Recipient>, &Emitted)) {
        let mut state = self.state();
        for member in state.members.iter().filter(|member| member.is_meant(&emitted)) {
            receive(&member.recipient, &emitted);
        }
        state.emitted.push(emitted);
    }

    /// All that was emitted.
    pub(super) fn emitted(&self) -> Vec<Emitted> {
        self.state().emitted.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    fn is_meant(&self, emitted: &Emitted) -> bool {
        let is_own = self.recipient.id == emitted.by;
        match &emitted.to {
            Target::Caller => is_own,
            Target::Broadcast => !is_own,
            Target::Within(room) => self.rooms.contains(room),
            Target::To(room) => !is_own && self.rooms.contains(room),
        }
    }
}
