//! The sockets of a [`TestApp`](super::TestApp): their rooms, and the emits with their targets.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use super::{
    failure::fail,
    inbox::Response,
    recipient::{Recipient, acked},
};
use crate::{
    call::{
        payload::{Arguments, Data},
        peer::{Ack, Peer, SocketId},
        target::Target,
    },
    error::Result,
};

/// An event that was emitted, and to which [`Target`]: [`TestApp::emitted`](super::TestApp::emitted) lists them, which has an example.
#[derive(Clone, Debug)]
pub struct Emitted {
    /// The socket whose call it was; none where an [`Emitter`](crate::Emitter) emitted it.
    pub by: Option<SocketId>,
    /// The namespace.
    pub namespace: String,
    /// The target.
    pub to: Target,
    /// Its name.
    pub event: String,
    data: Data,
}

impl Emitted {
    pub(super) fn new(by: Option<SocketId>, namespace: &str, to: Target, event: &str, data: Data) -> Self {
        Self {
            by,
            namespace: namespace.to_owned(),
            to,
            event: event.to_owned(),
            data,
        }
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

/// An ack that is waited for; how the test makes it, where it said so.
type Asked = (oneshot::Receiver<Result<Arguments>>, Option<Response>);

struct Member {
    recipient: Arc<Recipient>,
    socket: Weak<dyn Peer>,
    rooms: BTreeSet<String>,
    /// Until then its own functions reach it and no others do, as on a server.
    is_connected: bool,
}

impl State {
    /// The sockets that an event is meant for.
    fn meant(&self, emitted: &Emitted) -> impl Iterator<Item = &Arc<Recipient>> {
        let meant = self.members.iter().filter(|member| member.is_meant(emitted));
        meant.map(|member| &member.recipient)
    }
}

impl Rooms {
    /// One more socket, in no room. It is not connected yet.
    pub(super) fn enter(&self, recipient: Arc<Recipient>, socket: Weak<dyn Peer>) {
        let rooms = BTreeSet::new();
        self.state().members.push(Member {
            recipient,
            socket,
            rooms,
            is_connected: false,
        });
    }

    /// A socket is connected: from now on others reach it, too.
    pub(super) fn appear(&self, id: &SocketId) {
        let mut state = self.state();
        let mut members = state.members.iter_mut();
        if let Some(member) = members.find(|member| member.recipient.id == *id) {
            member.is_connected = true;
        }
    }

    /// The sockets of a namespace that an emitter means.
    pub(super) fn meant(&self, namespace: &str, target: &Target) -> Vec<Arc<dyn Peer>> {
        let state = self.state();
        let meant = state.members.iter().filter(|member| {
            member.is_connected
                && member.is_in(namespace)
                && target.includes(false, |room| member.is_inside(room))
        });
        meant.filter_map(|member| member.socket.upgrade()).collect()
    }

    /// The namespaces that sockets are in, and how many.
    pub(super) fn namespaces(&self) -> Vec<(Arc<str>, usize)> {
        let mut sockets = BTreeMap::<_, usize>::new();
        for member in &self.state().members {
            *sockets
                .entry(Arc::from(member.recipient.namespace.as_str()))
                .or_default() += 1;
        }
        sockets.into_iter().collect()
    }

    /// The socket of this id.
    pub(super) fn find(&self, id: &str) -> Option<Arc<dyn Peer>> {
        let state = self.state();
        let mut members = state.members.iter();
        members
            .find(|member| member.recipient.id.as_str() == id)?
            .socket
            .upgrade()
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
        // Cancelled without the lock, as functions that wait for it may emit.
        let cancellation: Vec<Member> = self
            .state()
            .members
            .extract_if(.., |member| is_meant(member))
            .collect();
        let cancellation = cancellation.iter().filter_map(|member| member.socket.upgrade());
        cancellation.for_each(|socket| socket.cancellation().cancel());
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
    pub(super) fn emit(&self, emitted: Emitted) {
        let receive = |recipient: &Recipient| recipient.receive(&emitted.event, emitted.data.clone());
        let mut state = self.state();
        state.meant(&emitted).for_each(|recipient| receive(recipient));
        state.emitted.push(emitted);
    }

    /// The same, and what each acks in time.
    pub(super) async fn ask(&self, emitted: Emitted, wait: Duration) -> Vec<Ack<Arguments>> {
        let asked: FuturesUnordered<_> = self
            .begin_to_ask(emitted)
            .into_iter()
            .map(|(recipient, (ack, response))| async move {
                // Made without the lock, as it is the test's own code.
                if let Some(response) = response {
                    recipient.ack(response.number, response.make());
                }
                Ack {
                    socket: recipient.id.clone(),
                    result: acked(ack, wait).await,
                }
            })
            .collect();
        asked.collect().await
    }

    fn begin_to_ask(&self, emitted: Emitted) -> Vec<(Arc<Recipient>, Asked)> {
        let ask = |recipient: &Arc<Recipient>| {
            let asked = recipient.ask(&emitted.event, emitted.data.clone());
            (recipient.clone(), asked)
        };
        let mut state = self.state();
        let asked = state.meant(&emitted).map(ask).collect();
        state.emitted.push(emitted);
        asked
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
        let is_caller = emitted.by.as_ref() == Some(&self.recipient.id);
        (self.is_connected || is_caller)
            && self.is_in(&emitted.namespace)
            && emitted.to.includes(is_caller, |room| self.is_inside(room))
    }

    fn is_in(&self, namespace: &str) -> bool {
        self.recipient.namespace.as_str() == namespace
    }

    fn is_inside(&self, room: &str) -> bool {
        self.rooms.contains(room) || self.recipient.id.as_str() == room
    }
}
