//! A socket that leads to a test instead of a client, as functions see it.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    recipient::Recipient,
    rooms::{Emitted, Rooms},
};
use crate::{
    call::{
        identity::Identity,
        pattern::NamespaceName,
        payload::{Arguments, Data},
        peer::{Ack, CallOrder, EmitEvents, Outgoing, Peer, RoomMember, SocketId, SocketState},
        target::Target,
        written::Written,
    },
    error::{CallError, Code, Result},
};

/// A socket without a network.
pub(super) struct TestPeer {
    state: SocketState,
    pub(super) recipient: Arc<Recipient>,
    rooms: Arc<Rooms>,
    most_rooms: usize,
    /// Calls begin one after the other.
    turn: Arc<Semaphore>,
    hold: Mutex<HeldCount>,
}

/// Whether the calls behind one that has yet to begin are held back, and by what.
#[derive(Default)]
struct HeldCount {
    is_held: bool,
    turn: Option<OwnedSemaphorePermit>,
}

impl TestPeer {
    /// A socket that is about to connect.
    pub(super) fn new(
        id: SocketId,
        namespace: NamespaceName,
        identity: Identity,
        rooms: Arc<Rooms>,
        most_rooms: usize,
    ) -> Arc<Self> {
        let namespace = Arc::new(namespace);
        let recipient = Arc::new(Recipient::new(id.clone(), namespace.clone()));
        let this = Arc::new(Self {
            state: SocketState::new(id, namespace, identity),
            recipient: recipient.clone(),
            rooms: rooms.clone(),
            most_rooms,
            turn: Arc::new(Semaphore::new(1)),
            hold: Mutex::default(),
        });
        let socket: Weak<dyn Peer> = Arc::<Self>::downgrade(&this);
        rooms.enter(recipient, socket);
        this
    }

    /// It is connected: others reach it from now on.
    pub(super) fn appear(&self) {
        self.rooms.appear(self.id());
    }

    /// Waits until the calls before have begun.
    pub(super) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        self.turn.clone().acquire_owned().await.ok()
    }

    /// A call was started: those behind it go on, or wait until it has begun.
    pub(super) fn started(&self, turn: Option<OwnedSemaphorePermit>) {
        let mut hold = self.holding();
        if hold.is_held {
            hold.turn = turn;
        }
    }

    /// It is connected no longer: the rooms that it was in, the first time.
    pub(super) fn leave_namespace(&self) -> Option<Vec<String>> {
        let rooms = (!self.state.cancellation.is_cancelled()).then(|| self.rooms());
        self.rooms.leave(self.id());
        rooms
    }

    fn holding(&self) -> MutexGuard<'_, HeldCount> {
        self.hold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn emitted(&self, target: Target, event: &str, data: Outgoing<'_>) -> Result<Emitted> {
        if target.is_caller() && self.state.cancellation.is_cancelled() {
            return Err(CallError::new(Code::Unavailable, "the socket is gone"));
        }
        Ok(Emitted::new(
            Some(self.id().clone()),
            self.namespace().as_str(),
            target,
            event,
            Data::new(data)?,
        ))
    }
}

impl Peer for TestPeer {
    fn state(&self) -> &SocketState {
        &self.state
    }

    fn disconnect(self: Arc<Self>) {
        self.leave_namespace();
    }
}

impl EmitEvents for TestPeer {
    fn emit<'a>(&'a self, target: Target, event: &'a str, data: Outgoing<'a>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let emitted = self.emitted(target, event, data)?;
            self.rooms.emit(emitted);
            Ok(())
        })
    }

    fn send<'a>(&'a self, event: &'a str, data: &'a Written) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.recipient.receive(event, Data::new(data)?);
            Ok(())
        })
    }

    fn try_send(&self, event: &str, data: &mut dyn Iterator<Item = &Written>) -> usize {
        let data = data.map_while(|data| Data::new(data).ok());
        data.map(|data| self.recipient.receive(event, data)).count()
    }

    fn emit_with_ack<'a>(
        &'a self,
        target: Target,
        event: &'a str,
        data: Outgoing<'a>,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Vec<Ack<Arguments>>>> {
        Box::pin(async move {
            let emitted = self.emitted(target, event, data)?;
            Ok(self.rooms.ask(emitted, wait).await)
        })
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

impl CallOrder for TestPeer {
    fn hold(&self) {
        self.holding().is_held = true;
    }

    fn release(&self) {
        *self.holding() = HeldCount::default();
    }
}

impl RoomMember for TestPeer {
    fn max_rooms(&self) -> usize {
        self.most_rooms
    }

    fn enter(&self, room: &str) -> bool {
        if room == self.id().as_str() {
            return true;
        }
        let joined = self.rooms.change(self.id(), |rooms| {
            let has_room = rooms.contains(room) || rooms.len() < self.most_rooms;
            has_room.then(|| rooms.insert(room.to_owned()))
        });
        joined != Some(None)
    }

    fn leave(&self, room: &str) {
        self.rooms.change(self.id(), |rooms| rooms.remove(room));
    }

    fn rooms(&self) -> Vec<String> {
        let rooms = self
            .rooms
            .change(self.id(), |rooms| rooms.iter().cloned().collect());
        rooms.unwrap_or_default()
    }
}

impl fmt::Debug for TestPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestPeer({})", self.state.id)
    }
}
