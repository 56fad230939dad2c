//! What a socket has to say, in the order in which it was said. The engine's own queue is short, loses
//! what does not fit, and carries the heartbeat too; so only as much stands in it as was flushed lately.
//! The rest is parked here, bounded, and those who have more to say wait.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Mutex as Turns, Semaphore};
use tokio_util::sync::CancellationToken;

use super::{
    emit::{Emit, Emits},
    link::Link,
    packet::{Kind, Packet, ROOM, Standing},
    way::{Engine, Untaken, Way},
};
use crate::{
    call::{peer::Outgoing, written::Written},
    error::{CallError, Code, Result},
};

/// Packets that may stand in the engine's queue since its last flush. A flush may have begun before the
/// last of them, so up to twice as many stand there.
const CREDIT: usize = 64;

/// Bytes that they may have; one packet may have more.
const CREDIT_BYTES: usize = 1 << 20;

/// Packets of these that go to the engine as they are. Those behind them are written out first, since only then
/// their size is known.
const DIRECT: usize = 8;

/// Packets that the engine's queue holds: twice the credit, pings, and events that are to be acked, which go there directly.
pub(super) const ENGINE_QUEUE: usize = 1024;

/// Refusals that are parked beyond the room before the client, who keeps sending and does not read, is
/// cut off.
const REFUSALS: usize = 1024;

pub(super) struct Outbox<E> {
    pub(super) engine: E,
    link: Arc<Link>,
    gone: CancellationToken,
    patience: Duration,
    queue: Mutex<Queue>,
    room: Semaphore,
    /// Held by the one who parks next, so that those who wait for room do it in the order in which they came.
    turn: Turns<()>,
}

#[derive(Default)]
struct Queue {
    way: Way,
    parked: VecDeque<Packet>,
    refusals: usize,
    /// Whether a task empties `parked`. Nobody goes past it then.
    pumped: bool,
    /// Packets given to the engine since the flush that `flushes` counts.
    unflushed: usize,
    /// Bytes of those whose size is known.
    unflushed_bytes: usize,
    flushes: u64,
    /// Nothing goes out any more.
    ended: bool,
}

impl<E: Engine> Outbox<E> {
    /// `patience` is how long a packet waits for room, and how long a client may read nothing at all.
    pub(super) fn new(engine: E, link: Arc<Link>, gone: CancellationToken, patience: Duration) -> Arc<Self> {
        Arc::new(Self {
            engine,
            link,
            gone,
            patience,
            queue: Mutex::default(),
            room: Semaphore::new(ROOM),
            turn: Turns::default(),
        })
    }

    /// Sends a packet after all that was sent before; waits for room, but no longer than patience lasts.
    pub(super) async fn send(self: &Arc<Self>, kind: Kind<'_>, body: Outgoing<'_>) -> Result<()> {
        match self.send_or_write_out(kind, body)? {
            None => Ok(()),
            Some(packet) => self.park_with_patience(packet).await,
        }
    }

    /// The same with an event that is written out already.
    pub(super) async fn send_written_out(self: &Arc<Self>, event: &str, data: &Written) -> Result<()> {
        match self.try_send(event, &mut std::iter::once(data)) {
            0 => self.park_with_patience(Packet::shared(event, data.clone())).await,
            _ => Ok(()),
        }
    }

    /// Sends what finds room at once, after all that was sent before; how many it were.
    pub(super) fn try_send(&self, event: &str, data: &mut dyn Iterator<Item = &Written>) -> usize {
        let Ok(_turn) = self.turn.try_lock() else {
            return 0;
        };
        let mut queue = self.queue();
        if queue.pumped || queue.ended || self.gone.is_cancelled() {
            return 0;
        }
        if let Some(sent) = queue.way.send_many(event, data) {
            return sent;
        }
        let mut send = |one: &Written| {
            self.has_credit(&mut queue)
                && matches!(
                    self.give(&mut queue, Kind::Event(event), one, one.size()),
                    Ok(true)
                )
        };
        data.take_while(|one| send(one)).count()
    }

    /// Sends what many are sent, after all that was sent before. It does not wait: how many of them found room.
    pub(super) fn offer(self: &Arc<Self>, emits: &Emits<'_>) -> usize {
        let mut queue = self.queue();
        if queue.ended || self.gone.is_cancelled() || (!queue.pumped && queue.way.send_emits(emits)) {
            return emits.len();
        }
        emits
            .iter()
            .filter(|emit| self.offer_one(&mut queue, emit))
            .count()
    }

    fn offer_one(self: &Arc<Self>, queue: &mut Queue, emit: &Emit) -> bool {
        if !queue.pumped && self.has_credit(queue) {
            let given = self.give(queue, emit.kind(), emit.body(), emit.size());
            if !matches!(given, Ok(false)) {
                return true;
            }
        }
        let packet = emit.packet();
        let Ok(permit) = self.room.try_acquire_many(packet.units()) else {
            return false;
        };
        permit.forget();
        self.park_behind(queue, packet);
        true
    }

    async fn park_with_patience(self: &Arc<Self>, packet: Packet) -> Result<()> {
        if self.gone.is_cancelled() {
            return Err(socket_gone());
        }
        tokio::time::timeout(self.patience, self.park_in_turn(packet))
            .await
            .map_err(|_| CallError::new(Code::Unavailable, "the client reads too slowly"))
    }

    /// Sends the answer to a call after all that was sent before. It waits for room as long as the socket
    /// lives: whoever reads, however slowly, gets it, and whoever reads nothing is closed.
    pub(super) async fn answer(self: &Arc<Self>, kind: Kind<'_>, body: Outgoing<'_>) -> Result<()> {
        if let Some(packet) = self.send_or_write_out(kind, body)? {
            // Boxed, so that the many answers that find room are less to move and to hold.
            Box::pin(self.park_in_turn(packet)).await;
        }
        Ok(())
    }

    /// The packet, written out, where the engine does not take it at once.
    fn send_or_write_out(&self, kind: Kind<'_>, body: Outgoing<'_>) -> Result<Option<Packet>> {
        let Ok(_turn) = self.turn.try_lock() else {
            return Packet::new(kind, body, Standing::InRoom).map(Some);
        };
        if self.send_at_once(kind, body)? {
            return Ok(None);
        }
        let packet = Packet::new(kind, body, Standing::InRoom)?;
        match self.send_written(&packet)? {
            true => Ok(None),
            false => Ok(Some(packet)),
        }
    }

    /// Parks a packet as soon as there is room, after those that waited before.
    async fn park_in_turn(self: &Arc<Self>, packet: Packet) {
        let parked = async {
            let _turn = self.turn.lock().await;
            if let Ok(permit) = self.room.acquire_many(packet.units()).await {
                permit.forget();
            }
            self.park(packet);
        };
        // Unconstrained, since a task that has used up its budget would not even queue, and be overtaken.
        tokio::task::unconstrained(parked).await;
    }

    /// Sends the answer to a call that was not taken in. It does not wait; a client who goes on sending
    /// and reads nothing is cut off.
    pub(super) fn refuse(self: &Arc<Self>, kind: Kind<'_>, body: Outgoing<'_>) -> Result<()> {
        if self.send_at_once(kind, body)? {
            return Ok(());
        }
        let packet = Packet::new(kind, body, Standing::Refusal)?;
        if self.send_written(&packet)? {
            return Ok(());
        }
        let mut queue = self.queue();
        if queue.refusals == REFUSALS {
            drop(queue);
            self.link.close();
            return Ok(());
        }
        queue.refusals += 1;
        drop(queue);
        self.park(packet);
        Ok(())
    }

    /// Says this last, before what waits for room, which is dropped. Nothing else goes out after it.
    pub(super) fn end(&self, last: &[(Kind<'_>, Outgoing<'_>)]) {
        self.clear();
        let mut queue = self.queue();
        for (kind, body) in last {
            if queue.ended {
                break;
            }
            if let Err(error) = queue.way.send_last(&self.engine, *kind, *body) {
                tracing::debug!(?error, "last words did not reach their client");
            }
        }
        queue.ended = true;
    }

    /// Whether the last was said.
    pub(super) fn has_ended(&self) -> bool {
        self.queue().ended
    }

    /// Waits until nothing is parked any more.
    pub(super) async fn settled(&self) {
        self.flush_while(|queue, _| queue.pumped).await;
    }

    /// The same, and has all that is sent from now on take the engine's way, so that what somebody else gives to the
    /// engine now keeps its place.
    pub(super) async fn leads_to_engine(&self) {
        self.flush_while(|queue, _| queue.pumped || !queue.way.turn())
            .await;
    }

    /// Waits until all that was sent has left for the client.
    pub(super) async fn flushed(&self) {
        self.flush_while(|queue, flushes| {
            let in_engine = queue.unflushed > 0 && queue.flushes == flushes;
            queue.pumped || in_engine || queue.way.is_waiting()
        })
        .await;
    }

    async fn flush_while(&self, waits: impl Fn(&mut Queue, u64) -> bool) {
        loop {
            let flushes = self.link.flushes();
            if !waits(&mut self.queue(), flushes) {
                return;
            }
            tokio::select! {
                () = self.link.flushed_since(flushes) => {}
                () = self.gone.cancelled() => return,
            }
        }
    }

    /// Whether the engine took the packet as it is. It is not asked while others wait.
    fn send_at_once(&self, kind: Kind<'_>, body: Outgoing<'_>) -> Result<bool> {
        let mut queue = self.queue();
        if queue.pumped || !self.has_credit(&mut queue) || queue.unflushed >= DIRECT {
            return Ok(false);
        }
        self.give(&mut queue, kind, body, 0)
    }

    /// Whether the engine took the packet that was written out.
    fn send_written(&self, packet: &Packet) -> Result<bool> {
        let mut queue = self.queue();
        if queue.pumped || !self.has_credit(&mut queue) {
            return Ok(false);
        }
        self.give(&mut queue, packet.kind(), packet.body(), packet.size())
    }

    /// Gives a packet to the engine; whether it took it.
    fn give(&self, queue: &mut Queue, kind: Kind<'_>, body: Outgoing<'_>, bytes: usize) -> Result<bool> {
        if queue.ended || (queue.way.is_straight() && self.gone.is_cancelled()) {
            return Err(socket_gone());
        }
        match queue.way.send(&self.engine, &self.link, kind, body) {
            Ok(()) => {
                if !queue.way.is_straight() {
                    queue.unflushed += 1;
                    queue.unflushed_bytes += bytes;
                }
                Ok(true)
            }
            Err(Untaken::Full) => Ok(false),
            // Before it has connected whole, the engine calls a socket closed that is not gone.
            Err(Untaken::Closed) if !self.gone.is_cancelled() => Ok(false),
            Err(Untaken::Closed | Untaken::Gone) => Err(socket_gone()),
            Err(Untaken::Unwritable(why)) => Err(CallError::internal(why)),
        }
    }

    fn has_credit(&self, queue: &mut Queue) -> bool {
        let flushes = self.link.flushes();
        if flushes != queue.flushes {
            queue.flushes = flushes;
            queue.unflushed = 0;
            queue.unflushed_bytes = 0;
        }
        queue.way.is_straight() || (queue.unflushed < CREDIT && queue.unflushed_bytes < CREDIT_BYTES)
    }

    fn park(self: &Arc<Self>, packet: Packet) {
        self.park_behind(&mut self.queue(), packet);
    }

    fn park_behind(self: &Arc<Self>, queue: &mut Queue, packet: Packet) {
        queue.parked.push_back(packet);
        if !queue.pumped {
            queue.pumped = true;
            tokio::spawn(self.clone().pump());
        }
    }

    /// Hands parked packets to the engine at the pace of its flushes, until there are none.
    async fn pump(self: Arc<Self>) {
        while let Some(flushes) = self.hand_over() {
            tokio::select! {
                () = self.link.flushed_since(flushes) => {}
                () = self.gone.cancelled() => return self.clear(),
                () = tokio::time::sleep(self.patience) => {
                    // One who polls has no connection to close: it comes back, or its heartbeat ends it.
                    if self.link.close() {
                        tracing::debug!("a client reads nothing: its connection is closed");
                        return self.clear();
                    }
                }
            }
        }
    }

    /// Hands over what the credit allows; the flushes to wait beyond where something is left.
    fn hand_over(&self) -> Option<u64> {
        let mut queue = self.queue();
        while self.has_credit(&mut queue) {
            let Some(packet) = queue.parked.pop_front() else {
                queue.pumped = false;
                return None;
            };
            let given = self.give(&mut queue, packet.kind(), packet.body(), packet.size());
            if let Ok(false) = given {
                queue.parked.push_front(packet);
                break;
            }
            self.give_back(&packet, &mut queue);
            if given.is_err_and(|error| error.code() == Code::Unavailable) {
                drop(queue);
                self.clear();
                return None;
            }
        }
        Some(queue.flushes)
    }

    fn give_back(&self, packet: &Packet, queue: &mut Queue) {
        match packet.standing {
            Standing::Refusal => queue.refusals -= 1,
            Standing::InRoom => self.room.add_permits(packet.units() as usize),
        }
    }

    fn clear(&self) {
        let mut queue = self.queue();
        queue.pumped = false;
        while let Some(packet) = queue.parked.pop_front() {
            self.give_back(&packet, &mut queue);
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn socket_gone() -> CallError {
    CallError::new(Code::Unavailable, "the socket is gone")
}

#[cfg(test)]
mod tests;
