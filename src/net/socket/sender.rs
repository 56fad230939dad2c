//! Packets to one socket: from its functions, rooms and topics. All go into the session's send queue in their order.

use std::{
    any::Any,
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::sync::oneshot;

use super::{
    dialect::Dialect,
    entrance::{Entrance, Opened},
    open_namespaces::OpenNamespace,
};
use crate::{
    call::{
        begun::Answer,
        dispatch::said,
        memory::Account,
        payload::{Arguments, WrittenName},
        peer::{Outgoing, SocketId},
        written::Written,
    },
    config::{Config, Parser},
    error::{CallError, Code, Result},
    net::{
        engineio::{CloseReason, Message, Session, Unsent},
        rooms::event::{Dropped, EventBatch, EventSink},
        socketio::{ControlPacket, Kind, Packet, packet::Version},
    },
};

pub(in crate::net) struct SocketSender {
    /// The public id of its socket.
    id: SocketId,
    session: Arc<Session>,
    parser: Parser,
    namespace: Arc<OpenNamespace>,
    entrance: Entrance,
    /// How long an emit waits for room.
    send_timeout: Duration,
    asked: Mutex<Asked>,
    /// Answers that the client does not take yet.
    untaken: AtomicUsize,
}

/// Emits whose ack has not come yet.
#[derive(Default)]
struct Asked {
    next: u64,
    answers: HashMap<u64, oneshot::Sender<Result<Arguments>>>,
}

impl SocketSender {
    pub(in crate::net) fn new(
        id: SocketId,
        session: Arc<Session>,
        namespace: Arc<OpenNamespace>,
        config: &Config,
    ) -> Arc<Self> {
        Arc::new(Self {
            id,
            session,
            parser: config.session.parser,
            namespace,
            entrance: Entrance::new(config.limits.max_call),
            send_timeout: config.session.send_timeout,
            asked: Mutex::default(),
            untaken: AtomicUsize::new(0),
        })
    }

    pub(in crate::net) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    fn packet<'a, B: ?Sized>(&'a self, kind: Kind<'a>, body: &'a B) -> Packet<'a, B> {
        Packet {
            parser: self.parser,
            namespace: self.namespace.name.as_str(),
            kind,
            body,
        }
    }

    /// Sends a packet after all earlier ones; waits for room up to the send time-out.
    pub(in crate::net) async fn send(&self, kind: Kind<'_>, body: Outgoing<'_>) -> Result<()> {
        let packet = self.packet(kind, body);
        if self.entrance.holds(&packet)? {
            return Ok(());
        }
        let sent = self.session.send_queue.send(&packet, self.send_timeout).await;
        sent.map_err(error)
    }

    /// Sends a packet where the client is connected and not behind; whether it was sent.
    pub(in crate::net) fn send_volatile(&self, kind: Kind<'_>, body: Outgoing<'_>) -> Result<bool> {
        if !self.entrance.is_open() {
            return Ok(false);
        }
        let sent = self.session.send_queue.send_volatile(&self.packet(kind, body));
        sent.map_err(error)
    }

    /// Whether an answer waits for the client to take those before.
    pub(in crate::net) fn is_behind(&self) -> bool {
        self.untaken.load(Ordering::Acquire) > 0
    }

    /// Answers a call after all earlier packets, where there is room; whether there was.
    pub(in crate::net) fn try_answer(
        &self,
        dialect: Dialect,
        ack: Option<u64>,
        answer: &Answer,
    ) -> Result<bool> {
        let Some(response) = dialect.answer(ack, answer) else {
            return Ok(true);
        };
        let packet = self.packet(response.kind(), &response);
        let send = || match self.entrance.holds(&packet)? {
            true => Ok(true),
            false => self.session.send_queue.try_send(&packet).map_err(error),
        };
        let sent = catch_unwind(AssertUnwindSafe(send));
        sent.unwrap_or_else(|panic| Err(panicked(answer, &*panic)))
    }

    /// The same; it waits for room as long as the socket lives: a client that reads, however slowly, gets it, and one that reads
    /// nothing is closed.
    pub(in crate::net) async fn answer(
        &self,
        dialect: Dialect,
        ack: Option<u64>,
        answer: &Answer,
        call: &Account,
    ) -> Result<()> {
        let Some(response) = dialect.answer(ack, answer) else {
            return Ok(());
        };
        if self.try_answer(dialect, ack, answer)? {
            return Ok(());
        }
        let _untaken = Untaken::of(&self.untaken);
        let packet = self.packet(response.kind(), &response);
        let sent = AssertUnwindSafe(self.session.send_queue.send_patiently(&packet, call)).catch_unwind();
        sent.await
            .map_err(|panic| panicked(answer, &*panic))?
            .map_err(error)
    }

    /// Sends what finds room at once, after all earlier packets; how many.
    pub(in crate::net) fn pull(&self, event: &str, data: &mut dyn Iterator<Item = &Written>) -> usize {
        let packets = data.map(|written| self.packet(Kind::event(event), written));
        self.session.send_queue.pull(packets)
    }

    /// Answers what was not taken in. It does not wait; a client that goes on sending
    /// and reads nothing is cut off.
    pub(in crate::net) fn refuse(&self, dialect: Dialect, ack: Option<u64>, why: &CallError) -> Result<()> {
        let Some(response) = dialect.refusal(ack, why) else {
            return Ok(());
        };
        let packet = self.packet(response.kind(), &response);
        if self.entrance.holds(&packet)? {
            return Ok(());
        }
        let sent = self.session.send_queue.send_beyond(&packet);
        if !sent.map_err(error)? {
            self.session.close(CloseReason::Stalled);
        }
        Ok(())
    }

    /// Sends an event of the server itself, in the same way.
    pub(in crate::net) fn notify(&self, kind: Kind<'_>, body: Outgoing<'_>) -> Result<()> {
        let sent = self.session.send_queue.send_notice(&self.packet(kind, body));
        sent.map(drop).map_err(error)
    }

    /// Sends this as the last packet.
    pub(in crate::net) fn end(&self, last: &[(Kind<'_>, Outgoing<'_>)]) {
        let packets: Vec<_> = last
            .iter()
            .map(|(kind, body)| self.packet(*kind, *body))
            .collect();
        let disconnected = ControlPacket::disconnected(self.parser, self.namespace.name.as_str());
        let packets = packets.iter().map(|packet| packet as &dyn Message);
        let packets: Vec<_> = packets.chain([&disconnected as &dyn Message]).collect();
        self.session.send_queue.end(&packets);
    }

    /// The client is connected: it receives CONNECT, then what was emitted to it before. Where the socket was taken out of its
    /// namespace meanwhile, it receives DISCONNECT.
    pub(in crate::net) fn connected(&self, version: Version, id: &str) {
        let connected = ControlPacket::connected(self.parser, version, self.namespace.name.as_str(), id);
        let queue = &self.session.send_queue;
        let send = |message: &dyn Message| !matches!(queue.send_beyond(message), Ok(false));
        match self.entrance.open(&connected, send) {
            Opened::Told => {}
            Opened::Full => self.session.close(CloseReason::Stalled),
            Opened::Gone => self.send_disconnect(),
        }
    }

    /// Sends DISCONNECT after all earlier packets to a client that is connected; nothing else is sent to it from now on.
    pub(in crate::net) fn disconnect(&self) {
        if self.entrance.close() {
            self.send_disconnect();
        }
    }

    fn send_disconnect(&self) {
        let disconnected = ControlPacket::disconnected(self.parser, self.namespace.name.as_str());
        if let Ok(false) = self.session.send_queue.send_beyond(&disconnected) {
            self.session.close(CloseReason::Stalled);
        }
    }

    /// Whether the last packet was sent.
    pub(in crate::net) fn has_ended(&self) -> bool {
        self.session.send_queue.has_ended()
    }

    /// The client answered what it was asked.
    pub(in crate::net) fn answered(&self, number: u64, answer: Result<Arguments>) {
        if let Some(asking) = self.asked().answers.remove(&number) {
            // The receiver may have given up.
            let _ = asking.send(answer);
        }
    }

    /// The client acks nothing any more, and nothing is sent to it.
    pub(in crate::net) fn disconnected(&self) {
        self.entrance.close();
        self.asked().answers.clear();
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin_to_ask(&self) -> (Asking<'_>, oneshot::Receiver<Result<Arguments>>) {
        let (asking, answer) = oneshot::channel();
        let mut asked = self.asked();
        let number = asked.next;
        asked.next += 1;
        asked.answers.insert(number, asking);
        (
            Asking {
                recipient: self,
                number,
            },
            answer,
        )
    }

    async fn ask(&self, event: WrittenName<&str>, data: Outgoing<'_>, wait: Duration) -> Result<Arguments> {
        let (asking, answer) = self.begin_to_ask();
        let answered = async {
            let packet = self.packet(Kind::Asking(event, asking.number), data);
            if self.entrance.holds(&packet)? {
                return answer.await.unwrap_or_else(|_| Err(socket_gone()));
            }
            let nothing = Account::default();
            let sent = self.session.send_queue.send_patiently(&packet, &nothing);
            sent.await.map_err(error)?;
            answer.await.unwrap_or_else(|_| Err(socket_gone()))
        };
        let too_late = |_| CallError::new(Code::Timeout, "no ack in time");
        tokio::time::timeout(wait, answered).await.map_err(too_late)?
    }
}

/// Data that panics while it is written is an error like any other.
fn panicked(answer: &Answer, panic: &(dyn Any + Send)) -> CallError {
    let (event, said) = (&answer.event, said(panic));
    CallError::internal(format_args!("the answer of {event} panicked: {said}"))
}

/// An answer that waits for room, until it is dropped.
struct Untaken<'a>(&'a AtomicUsize);

impl<'a> Untaken<'a> {
    fn of(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for Untaken<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Something that is asked, until it is answered or given up.
struct Asking<'a> {
    recipient: &'a SocketSender,
    number: u64,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.recipient.asked().answers.remove(&self.number);
    }
}

impl EventSink for SocketSender {
    fn id(&self) -> &SocketId {
        &self.id
    }

    fn offer(self: Arc<Self>, emits: &EventBatch<'_>) -> Dropped {
        let queue = &self.session.send_queue;
        let mut dropped = Dropped::default();
        if !self.entrance.is_open() {
            // Its client does not know yet that it is connected, or it has gone meanwhile.
            return dropped;
        }
        // A WebSocket that takes frames is not behind.
        if queue.offer_frames(|framing| emits.frames(self.parser, framing)) {
            return dropped;
        }
        for emit in emits.iter() {
            let packet = emit.packet(self.parser, self.namespace.name.as_str());
            match emit.is_volatile() {
                true => dropped.volatile += u64::from(matches!(queue.send_volatile(&packet), Ok(false))),
                false => dropped.queue_full += u64::from(!queue.offer(&packet)),
            }
        }
        dropped
    }

    fn ask<'a>(
        self: Arc<Self>,
        event: WrittenName<&'a str>,
        data: Outgoing<'a>,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Arguments>> {
        async move { Self::ask(&self, event, data, wait).await }.boxed()
    }
}

fn error(unsent: Unsent) -> CallError {
    match unsent {
        Unsent::Gone => socket_gone(),
        Unsent::Slow => CallError::new(Code::Unavailable, "the client reads too slowly"),
        Unsent::Unwritable(why) => CallError::internal(why),
    }
}

fn socket_gone() -> CallError {
    CallError::new(Code::Unavailable, "the socket is gone")
}
