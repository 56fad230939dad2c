//! What one socket is told: by its functions, by rooms, by topics. All of it goes into the session's queue in the order in which it
//! is said.

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
use serde::{Serialize, Serializer};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::{
    call::{
        answer::{AnswerFrame, BareAnswer},
        dispatch::{Answer, said},
        peer::{Outgoing, SocketId},
        written::Written,
    },
    config::{Config, Parser},
    error::{CallError, Code, Result},
    net::{
        engineio::{CloseReason, Message, Session, Unsent},
        rooms::event::{Dropped, EventBatch, EventSink},
        socketio::{Kind, Notice, Packet},
    },
};

/// The event that carries the results of calls without an ack.
pub(in crate::net) const MESSAGE: &str = "message";

pub(in crate::net) struct SocketSender {
    /// The public id of its socket.
    id: SocketId,
    session: Arc<Session>,
    parser: Parser,
    namespace: Arc<str>,
    /// How long an emit waits for room.
    patience: Duration,
    asked: Mutex<Asked>,
    /// Answers that the client does not take yet.
    untaken: AtomicUsize,
}

/// What the client was asked and has not answered yet.
#[derive(Default)]
struct Asked {
    next: u64,
    answers: HashMap<u64, oneshot::Sender<Result<Value>>>,
}

impl SocketSender {
    pub(in crate::net) fn new(
        id: SocketId,
        session: Arc<Session>,
        namespace: Arc<str>,
        config: &Config,
    ) -> Arc<Self> {
        Arc::new(Self {
            id,
            session,
            parser: config.parser,
            namespace,
            patience: config.send_timeout,
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
            namespace: &self.namespace,
            kind,
            body,
        }
    }

    /// Sends a packet after all that was said before; waits for room, but no longer than patience lasts.
    pub(in crate::net) async fn send(&self, kind: Kind<'_>, body: Outgoing<'_>) -> Result<()> {
        let packet = self.packet(kind, body);
        let sent = self.session.send_queue.send(&packet, Some(self.patience)).await;
        sent.map_err(error)
    }

    /// Sends a packet where the client is not behind; whether it was sent.
    pub(in crate::net) fn send_volatile(&self, kind: Kind<'_>, body: Outgoing<'_>) -> Result<bool> {
        let sent = self.session.send_queue.send_volatile(&self.packet(kind, body));
        sent.map_err(error)
    }

    /// Whether an answer waits for the client to take those before.
    pub(in crate::net) fn is_behind(&self) -> bool {
        self.untaken.load(Ordering::Acquire) > 0
    }

    /// Answers a call after all that was said before, where there is room; whether there was.
    pub(in crate::net) fn try_answer(&self, ack: Option<u64>, answer: &Answer) -> Result<bool> {
        let Some(said) = Said::of(ack, answer) else {
            return Ok(true);
        };
        let packet = self.packet(said.kind(), &said);
        let sent = catch_unwind(AssertUnwindSafe(|| self.session.send_queue.try_send(&packet)));
        sent.map_err(|panic| panicked(answer, &*panic))?.map_err(error)
    }

    /// The same; it waits for room as long as the socket lives: whoever reads, however slowly, gets it, and whoever reads
    /// nothing is closed.
    pub(in crate::net) async fn answer(&self, ack: Option<u64>, answer: &Answer) -> Result<()> {
        let Some(said) = Said::of(ack, answer) else {
            return Ok(());
        };
        if self.try_answer(ack, answer)? {
            return Ok(());
        }
        let _untaken = Untaken::of(&self.untaken);
        let packet = self.packet(said.kind(), &said);
        let sent = AssertUnwindSafe(self.session.send_queue.send(&packet, None)).catch_unwind();
        sent.await
            .map_err(|panic| panicked(answer, &*panic))?
            .map_err(error)
    }

    /// Sends what finds room at once, after all that was said before; how many it were.
    pub(in crate::net) fn pull(&self, event: &str, data: &mut dyn Iterator<Item = &Written>) -> usize {
        let packets = data.map(|written| self.packet(Kind::Event(event), written));
        self.session.send_queue.pull(packets)
    }

    /// Sends the answer to a call that was not taken in. It does not wait; a client that goes on sending
    /// and reads nothing is cut off.
    pub(in crate::net) fn refuse(&self, kind: Kind<'_>, body: Outgoing<'_>) -> Result<()> {
        let sent = self.session.send_queue.send_beyond(&self.packet(kind, body));
        if !sent.map_err(error)? {
            self.session.close(CloseReason::Stalled);
        }
        Ok(())
    }

    /// Says what the server says by itself, in the same way.
    pub(in crate::net) fn notify(&self, kind: Kind<'_>, body: Outgoing<'_>) -> Result<()> {
        let sent = self.session.send_queue.send_notice(&self.packet(kind, body));
        sent.map(drop).map_err(error)
    }

    /// Says this last. Nothing else is said after it.
    pub(in crate::net) fn end(&self, last: &[(Kind<'_>, Outgoing<'_>)]) {
        let packets: Vec<_> = last
            .iter()
            .map(|(kind, body)| self.packet(*kind, *body))
            .collect();
        let disconnected = Notice::disconnected(self.parser, &self.namespace);
        let packets = packets.iter().map(|packet| packet as &dyn Message);
        let packets: Vec<_> = packets.chain([&disconnected as &dyn Message]).collect();
        self.session.send_queue.end(&packets);
    }

    /// Disconnects the client from the namespace, after all that was said before.
    pub(in crate::net) fn disconnect(&self) {
        let disconnected = Notice::disconnected(self.parser, &self.namespace);
        if let Ok(false) = self.session.send_queue.send_beyond(&disconnected) {
            self.session.close(CloseReason::Stalled);
        }
    }

    /// Whether the last was said.
    pub(in crate::net) fn has_ended(&self) -> bool {
        self.session.send_queue.has_ended()
    }

    /// The client answered what it was asked.
    pub(in crate::net) fn answered(&self, number: u64, answer: Result<Value>) {
        if let Some(asking) = self.asked().answers.remove(&number) {
            // Whoever asked may have given up.
            let _ = asking.send(answer);
        }
    }

    /// The client answers nothing any more.
    pub(in crate::net) fn disconnected(&self) {
        self.asked().answers.clear();
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin_to_ask(&self) -> (Asking<'_>, oneshot::Receiver<Result<Value>>) {
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

    async fn ask(&self, event: &str, data: Outgoing<'_>, wait: Duration) -> Result<Value> {
        let (asking, answer) = self.begin_to_ask();
        let answered = async {
            let packet = self.packet(Kind::Asking(event, asking.number), data);
            self.session.send_queue.send(&packet, None).await.map_err(error)?;
            answer.await.unwrap_or_else(|_| Err(gone()))
        };
        let too_late = |_| CallError::new(Code::Timeout, "no ack in time");
        tokio::time::timeout(wait, answered).await.map_err(too_late)?
    }
}

/// How a call is answered.
enum Said<'a> {
    Ack(u64, AnswerFrame<'a>),
    /// Its bare result, where it has no ack.
    Message(BareAnswer<'a>),
}

impl<'a> Said<'a> {
    fn of(ack: Option<u64>, answer: &'a Answer) -> Option<Self> {
        match ack {
            Some(id) => Some(Self::Ack(id, AnswerFrame::new(&answer.event, &answer.result))),
            None => BareAnswer::new(&answer.result).map(Self::Message),
        }
    }

    fn kind(&self) -> Kind<'static> {
        match self {
            Self::Ack(id, _) => Kind::Ack(*id),
            Self::Message(_) => Kind::Event(MESSAGE),
        }
    }
}

impl Serialize for Said<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Ack(_, frame) => frame.serialize(serializer),
            Self::Message(bare) => bare.serialize(serializer),
        }
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
        // A WebSocket that takes frames is not behind.
        if queue.offer_frames(|framing| emits.frames(self.parser, framing)) {
            return dropped;
        }
        for emit in emits.iter() {
            let packet = emit.packet(self.parser, &self.namespace);
            match emit.is_volatile() {
                true => dropped.volatile += u64::from(matches!(queue.send_volatile(&packet), Ok(false))),
                false => dropped.queue_full += u64::from(!queue.offer(&packet)),
            }
        }
        dropped
    }

    fn ask<'a>(
        self: Arc<Self>,
        event: &'a str,
        data: Outgoing<'a>,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Value>> {
        async move { Self::ask(&self, event, data, wait).await }.boxed()
    }
}

fn error(unsent: Unsent) -> CallError {
    match unsent {
        Unsent::Gone => gone(),
        Unsent::Slow => CallError::new(Code::Unavailable, "the client reads too slowly"),
        Unsent::Unwritable(why) => CallError::internal(why),
    }
}

fn gone() -> CallError {
    CallError::new(Code::Unavailable, "the socket is gone")
}
