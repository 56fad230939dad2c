//! The send queue of a session: packets in their order, for any transport. A WebSocket is written to at once
//! while its client reads; a poll takes what there is. What finds no room waits here, bounded; beyond that senders
//! wait, each in its turn.

mod carried;

use std::{
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::{Either, select};
use tokio::{
    sync::{Mutex as Turns, MutexGuard as TurnGuard, Notify},
    task::unconstrained,
};

use super::{
    backlog::{Carrier, Priority, State},
    frames::Frames,
    message::{Framing, Message},
    packet::Protocol,
};
use crate::{
    call::memory::{Account, Holder},
    net::traffic::Traffic,
};

/// Why a message was not taken.
#[derive(Debug)]
pub(in crate::net) enum Unsent {
    /// The session is over.
    Gone,
    /// There was no room for it in time.
    Slow,
    /// Its data cannot be written as JSON.
    Unwritable(serde_json::Error),
}

impl From<serde_json::Error> for Unsent {
    fn from(error: serde_json::Error) -> Self {
        Self::Unwritable(error)
    }
}

pub(in crate::net) struct SendQueue {
    protocol: Protocol,
    state: Mutex<State>,
    /// Locked by the sender that is next to get room.
    turn: Turns<()>,
    /// How many have no room yet.
    in_turn: AtomicUsize,
    /// Locked by the sender that is next to send at once.
    ready_turn: Turns<()>,
    /// Something left, or nothing will any more.
    moved: Notify,
    shortage: Shortage,
    holder: Arc<Holder>,
}

impl SendQueue {
    pub(super) fn new(protocol: Protocol, holder: &Arc<Holder>, traffic: Option<Arc<Traffic>>) -> Self {
        Self {
            protocol,
            state: Mutex::new(State::new(protocol, holder.hold(), traffic)),
            turn: Turns::default(),
            in_turn: AtomicUsize::new(0),
            ready_turn: Turns::default(),
            moved: Notify::new(),
            shortage: Shortage::default(),
            holder: holder.clone(),
        }
    }

    /// Sends a message after all that was sent before. Where there is no room it waits for so long.
    pub(in crate::net) async fn send(
        &self,
        message: &(dyn Message + Sync),
        time_limit: Duration,
    ) -> Result<(), Unsent> {
        if self.try_send(message)? {
            return Ok(());
        }
        let call = Account::default();
        let sent = tokio::time::timeout(time_limit, Box::pin(self.send_in_turn(message, &call)));
        sent.await.unwrap_or(Err(Unsent::Slow))
    }

    /// The same; it waits as long as the session lasts. Where it waits for memory nothing is held for its call any more: answers
    /// whose calls hold all that there is would wait for each other for ever.
    pub(in crate::net) async fn send_patiently(
        &self,
        message: &(dyn Message + Sync),
        call: &Account,
    ) -> Result<(), Unsent> {
        match self.try_send(message)? {
            true => Ok(()),
            // Boxed, so that the many that find room are less to move and to hold.
            false => Box::pin(self.send_in_turn(message, call)).await,
        }
    }

    /// Whether there is room for a message, which is sent then. There is none while others wait for it.
    pub(in crate::net) fn try_send(&self, message: &dyn Message) -> Result<bool, Unsent> {
        match self.has_turns() {
            true => Ok(false),
            false => self.write_and_place(message, Priority::Normal),
        }
    }

    async fn send_in_turn(&self, message: &(dyn Message + Sync), call: &Account) -> Result<(), Unsent> {
        let _in_turn = InTurn::of(&self.in_turn);
        let placed = async {
            let _turn = self.next_turn(call).await;
            let mut lasting = None;
            // Bytes that it found no memory for: it is not written out anew for each that gives a little back.
            let mut short = 0;
            loop {
                let moved = self.moved.notified();
                tokio::pin!(moved);
                moved.as_mut().enable();
                let freed = self.holder.freed();
                if self.state().has_memory(short) {
                    if self.write_and_place(message, Priority::Normal)? {
                        return Ok(());
                    }
                    short = self.state().short;
                }
                if short > 0 {
                    lasting.get_or_insert_with(|| self.shortage.begin());
                    call.give_back_all();
                }
                select(moved, pin!(freed)).await;
            }
        };
        // Unconstrained, since a task that has used up its budget would not even queue, and be overtaken.
        unconstrained(placed).await
    }

    /// Waits for its turn.
    async fn next_turn(&self, call: &Account) -> TurnGuard<'_, ()> {
        let mut turn = pin!(self.turn.lock());
        let begun = pin!(self.shortage.begun());
        if let Either::Left((turn, _)) = select(turn.as_mut(), begun).await {
            return turn;
        }
        // The one before it may wait for this.
        call.give_back_all();
        turn.await
    }

    /// Sends what finds room at once, as long as nothing waits; how many it were.
    pub(in crate::net) fn pull<M: Message>(&self, messages: impl Iterator<Item = M>) -> usize {
        if self.has_turns() {
            return 0;
        }
        let mut state = self.state();
        let mut sent = 0;
        let mut messages = messages.peekable();
        while messages.peek().is_some() && state.is_open() && !state.is_behind() {
            let Some(message) = messages.next() else {
                break;
            };
            if !matches!(state.put(&message, Priority::Normal), Ok(true)) {
                break;
            }
            sent += 1;
        }
        self.push(state);
        sent
    }

    /// Sends frames that were written out for many, where a WebSocket takes them at once; whether it did.
    pub(in crate::net) fn offer_frames<'a>(&self, frames: impl FnOnce(Framing) -> &'a Frames) -> bool {
        let mut state = self.state();
        if !state.is_open() {
            // The session has ended.
            return true;
        }
        if !state.put_frames(frames) {
            return false;
        }
        self.push(state);
        true
    }

    /// Sends a message that many are sent, where there is room; whether there was.
    pub(in crate::net) fn offer(&self, message: &dyn Message) -> bool {
        !matches!(self.place(message, Priority::Normal), Ok(false))
    }

    /// Sends a message where the client is not behind; whether it was sent.
    pub(in crate::net) fn send_volatile(&self, message: &dyn Message) -> Result<bool, Unsent> {
        self.write_and_place(message, Priority::Volatile)
    }

    /// Sends a message whether there is room or not. Whether that is not too much for a client that does not read.
    pub(in crate::net) fn send_beyond(&self, message: &dyn Message) -> Result<bool, Unsent> {
        self.place(message, Priority::Beyond)
    }

    /// The same with a message that no stop waits for.
    pub(in crate::net) fn send_notice(&self, message: &dyn Message) -> Result<bool, Unsent> {
        self.place(message, Priority::Notice)
    }

    /// Says this last, before what waits, which is dropped. Nothing else is taken after it.
    pub(in crate::net) fn end(&self, last: &[&dyn Message]) {
        let mut state = self.state();
        if state.ended {
            return;
        }
        state.clear();
        for message in last {
            if let Err(error) = state.put(*message, Priority::Beyond) {
                tracing::debug!(?error, "last words did not reach their client");
            }
        }
        state.ended = true;
        self.push(state);
        self.moved.notify_waiters();
    }

    /// Nothing leaves any more.
    pub(super) fn drop_carrier(&self) {
        let mut state = self.state();
        state.clear();
        state.ended = true;
        match std::mem::replace(&mut state.carrier, Carrier::Nothing) {
            Carrier::Polling(polling) => polling.poll.notify_waiters(),
            Carrier::WebSocket(writer) => writer.wake(),
            Carrier::Nothing => {}
        }
        state.shrink_to();
        drop(state);
        self.moved.notify_waiters();
    }

    /// Whether nothing more is taken.
    pub(in crate::net) fn has_ended(&self) -> bool {
        self.state().ended
    }

    /// Completes when more can be sent at once to a client that reads. Those that wait have their turns: the one that sent last
    /// would find the room again that it had left.
    pub(in crate::net) async fn ready(&self) {
        let _turn = self.ready_turn.lock().await;
        self.moved_while(|state| state.is_behind()).await;
    }

    /// Completes when everything has been handed to the transport.
    pub(in crate::net) async fn flushed(&self) {
        self.moved_while(|state| !state.is_flushed()).await;
    }

    /// Completes when nothing leaves any more.
    pub(super) async fn over(&self) {
        self.moved_while(|state| !matches!(state.carrier, Carrier::Nothing))
            .await;
    }

    async fn moved_while(&self, waits: impl Fn(&State) -> bool) {
        while waits(&self.state()) {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            if !waits(&self.state()) {
                return;
            }
            moved.await;
        }
    }

    fn has_turns(&self) -> bool {
        self.in_turn.load(Ordering::Acquire) > 0
    }

    /// Places a message of an app's own data. That is written out first: its code may take its time, and locks under which the app
    /// sends to this session or ends it.
    fn write_and_place(&self, message: &dyn Message, priority: Priority) -> Result<bool, Unsent> {
        loop {
            let way = self.open_state()?.way(priority);
            let Some(written) = way.write(message)? else {
                return Ok(false);
            };
            let mut state = self.open_state()?;
            if let Some(placed) = state.put_written(written, priority) {
                self.push(state);
                return Ok(placed);
            }
        }
    }

    fn place(&self, message: &dyn Message, priority: Priority) -> Result<bool, Unsent> {
        let mut state = self.open_state()?;
        let placed = state.put(message, priority);
        self.push(state);
        Ok(placed?)
    }

    fn open_state(&self) -> Result<MutexGuard<'_, State>, Unsent> {
        let state = self.state();
        match state.is_open() {
            true => Ok(state),
            false => Err(Unsent::Gone),
        }
    }

    /// Writes out what a WebSocket takes.
    fn push(&self, mut state: MutexGuard<'_, State>) {
        let has_left = match &mut state.carrier {
            Carrier::WebSocket(writer) => writer.waits() > 0 && writer.is_due() && writer.write_at_once(),
            Carrier::Polling(_) | Carrier::Nothing => false,
        };
        state.shrink_to();
        drop(state);
        if has_left {
            self.moved.notify_waiters();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the sender that is next waits for memory.
#[derive(Default)]
struct Shortage {
    lasts: AtomicBool,
    begun: Notify,
}

/// A shortage, until this is dropped.
struct Lasting<'a>(&'a Shortage);

impl Shortage {
    fn begin(&self) -> Lasting<'_> {
        self.lasts.store(true, Ordering::Release);
        self.begun.notify_waiters();
        Lasting(self)
    }

    /// Completes when there is one.
    async fn begun(&self) {
        let begun = self.begun.notified();
        if !self.lasts.load(Ordering::Acquire) {
            begun.await;
        }
    }
}

impl Drop for Lasting<'_> {
    fn drop(&mut self) {
        self.0.lasts.store(false, Ordering::Release);
    }
}

/// A sender that waits for room, until it is dropped.
struct InTurn<'a>(&'a AtomicUsize);

impl<'a> InTurn<'a> {
    fn of(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for InTurn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
