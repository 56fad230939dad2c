//! A session's WebSocket, which a task of its own reads. What comes is read into one buffer of the thread and received
//! there; a connection that is idle holds none.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    task::yield_now,
    time::{Sleep, sleep},
};

use super::{
    packet::{Malformed, Packet},
    receiver::receive,
    session::{CloseReason, Session},
};
use crate::{
    call::memory::Held,
    net::websocket::{
        close::{self, Violation},
        encode::{self, Kind},
        frame::{Decoded, Decoder, Event, Form},
        inflate::{Uninflated, inflate},
    },
};

/// Bytes that are read at a time.
const BUFFER: usize = 64 << 10;

/// How soon a client that was not read for want of memory is looked at again.
const RETRY: Duration = Duration::from_millis(50);

/// Bytes that are read of one client before others have their turn, though there is more.
const SHARE: usize = 64 << 10;

thread_local! {
    static SPARE: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

pub(super) struct Reader {
    session: Arc<Session>,
    decoder: Decoder,
    /// What was read and is not received yet: a part of a frame, or what came before a pause.
    rest: Vec<u8>,
    /// Whether `rest` may hold a whole frame.
    is_due: bool,
    /// A compressed message that waits for memory.
    deflated: Option<(Form, Box<[u8]>)>,
    /// Bytes that were read and inflated since others had their turn.
    in_a_row: usize,
    stall: Option<Stall>,
    /// What is held of messages that came in part.
    held: Held,
    /// Until it looks again whether there is memory for more of one.
    retry: Option<Pin<Box<Sleep>>>,
}

/// A client takes nothing of what it is told.
struct Stall {
    sleep: Pin<Box<Sleep>>,
    /// How many bytes had left when it began.
    at: u64,
}

impl Reader {
    pub(super) fn new(session: Arc<Session>, decoder: Decoder, rest: Vec<u8>) -> Self {
        Self {
            held: session.holder().hold(),
            retry: None,
            session,
            decoder,
            is_due: !rest.is_empty(),
            rest,
            deflated: None,
            in_a_row: 0,
            stall: None,
        }
    }

    /// Reads until the session is over.
    pub(super) async fn run(mut self) {
        poll_fn(|cx| self.poll(cx)).await;
        self.session.close(CloseReason::TransportClose);
        self.session.send_queue.drop_carrier();
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.session.is_closed() {
            if self.session.is_paused() {
                return self.poll_flushed(cx);
            }
            if self.in_a_row >= SHARE {
                self.in_a_row = 0;
                if self.poll_flushed(cx).is_ready() {
                    return Poll::Ready(());
                }
                // Goes on when all others were looked for, and not only those that are known to have something.
                return pin!(yield_now()).poll(cx);
            }
            if self.deflated.is_some() && !self.receive_deflated() {
                let _: Poll<()> = self.poll_memory(cx);
                return self.poll_flushed(cx);
            }
            if self.is_due {
                self.receive_rest();
                continue;
            }
            match self.poll_read(cx) {
                None => return Poll::Ready(()),
                Some(Poll::Pending) => {
                    self.in_a_row = 0;
                    return self.poll_flushed(cx);
                }
                Some(Poll::Ready(Ok(0))) => self.session.close(CloseReason::TransportClose),
                Some(Poll::Ready(Ok(read))) => self.in_a_row += read,
                Some(Poll::Ready(Err(_))) => self.session.close(CloseReason::TransportError),
            }
        }
        self.poll_over(cx)
    }

    /// Reads, and receives what came.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Option<Poll<io::Result<usize>>> {
        if self.rest.len() + BUFFER / 4 > BUFFER {
            return self.poll_read_large(cx);
        }
        if self.decoder.held() > 0 && !self.has_memory(BUFFER) {
            return Some(self.poll_memory(cx));
        }
        let mut buffer = SPARE.take().unwrap_or_else(|| vec![0; BUFFER].into_boxed_slice());
        let before = self.rest.len();
        buffer[..before].copy_from_slice(&self.rest);
        let polled = self.session.send_queue.poll_read(cx, &mut buffer[before..]);
        if let Some(Poll::Ready(Ok(read @ 1..))) = polled {
            self.session.life.hears();
            let there = before + read;
            let received = self.receive(&mut buffer[..there]);
            self.rest.clear();
            self.rest.extend_from_slice(&buffer[received..there]);
            self.release_rest();
        }
        SPARE.set(Some(buffer));
        polled
    }

    /// The same, for a frame that is larger than the buffer: it grows as it comes.
    fn poll_read_large(&mut self, cx: &mut Context<'_>) -> Option<Poll<io::Result<usize>>> {
        if !self.has_memory(BUFFER) {
            return Some(self.poll_memory(cx));
        }
        let before = self.rest.len();
        self.rest.resize(before + BUFFER, 0);
        let polled = self.session.send_queue.poll_read(cx, &mut self.rest[before..]);
        let Some(Poll::Ready(Ok(read))) = polled else {
            self.rest.truncate(before);
            return polled;
        };
        self.rest.truncate(before + read);
        if read > 0 {
            self.session.life.hears();
            self.receive_rest();
        }
        polled
    }

    fn receive_rest(&mut self) {
        let mut rest = std::mem::take(&mut self.rest);
        let received = self.receive(&mut rest);
        rest.drain(..received);
        self.rest = rest;
        self.release_rest();
    }

    /// Of a frame that was large no memory is held for what came behind it.
    fn release_rest(&mut self) {
        if self.rest.is_empty() {
            self.rest = Vec::new();
        } else if self.rest.len() < BUFFER && self.rest.capacity() > 2 * BUFFER {
            self.rest.shrink_to_fit();
        }
        self.held.settle(self.waits());
    }

    /// Bytes of messages that came in part, or wait.
    fn waits(&self) -> usize {
        let deflated = self.deflated.as_ref().map_or(0, |(_, message)| message.len());
        self.rest.len() + self.decoder.held() + deflated
    }

    /// Whether there is memory for so much more of a message.
    fn has_memory(&self, more: usize) -> bool {
        self.held.cover(self.waits() + more)
    }

    /// Reads nothing for a while. A client for which that lasts too long is not heard, and its session ends.
    fn poll_memory<T>(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        let retry = self.retry.get_or_insert_with(|| Box::pin(sleep(RETRY)));
        if retry.as_mut().poll(cx).is_ready() {
            self.retry = None;
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Receives the compressed message that waits for memory; whether there was some.
    fn receive_deflated(&mut self) -> bool {
        let waits = self.waits();
        let Some((form, message)) = self.deflated.take() else {
            return true;
        };
        let session = self.session.clone();
        let inflated = session.receive(|| receive_deflated(&session, &self.held, waits, form, &message));
        match inflated {
            Ok(bytes) => self.in_a_row += bytes,
            Err(NoMemory) => self.deflated = Some((form, message)),
        }
        self.release_rest();
        self.deflated.is_none()
    }

    /// Receives whole frames, until reading pauses or others have their turn; how many bytes they took.
    fn receive(&mut self, bytes: &mut [u8]) -> usize {
        let session = self.session.clone();
        self.is_due = false;
        session.receive(|| {
            let (mut at, end) = (0, bytes.len());
            while at < end && !session.is_closed() {
                if session.is_paused() || self.in_a_row >= SHARE {
                    self.is_due = true;
                    break;
                }
                match self.decoder.decode(&mut bytes[at..]) {
                    Ok(Decoded::Needs(_)) => break,
                    Ok(Decoded::Fragment(used)) => at += used,
                    Ok(Decoded::Event(used, Event::Deflated(form, message))) => {
                        at += used;
                        let waits = end - at + message.len();
                        match receive_deflated(&session, &self.held, waits, form, message) {
                            Ok(bytes) => self.in_a_row += bytes,
                            Err(NoMemory) => {
                                self.deflated = Some((form, message.into()));
                                self.is_due = true;
                                break;
                            }
                        }
                    }
                    Ok(Decoded::Event(used, event)) => {
                        at += used;
                        receive_event(&session, event);
                    }
                    Err(violation) => fail(&session, violation),
                }
            }
            self.decoder.release();
            at
        })
    }

    /// Writes out what waits; ready where that is no longer possible. The session ends where the client takes nothing for too
    /// long.
    fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.session.send_queue.poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                self.stall = None;
                return Poll::Pending;
            }
            Poll::Ready(Err(_)) => {
                self.session.close(CloseReason::TransportError);
                return Poll::Ready(());
            }
            Poll::Pending => {}
        }
        let Some(now) = self.session.send_queue.stalls_at() else {
            return Poll::Pending;
        };
        let patience = self.session.settings().send_timeout;
        let new = || Stall {
            sleep: Box::pin(sleep(patience)),
            at: now,
        };
        loop {
            let stall = self.stall.get_or_insert_with(new);
            ready!(stall.sleep.as_mut().poll(cx));
            if stall.at == now {
                tracing::debug!("a client reads nothing: its connection is closed");
                self.session.close(CloseReason::Stalled);
                return Poll::Ready(());
            }
            self.stall = None;
        }
    }

    /// Says what is left to say and that nothing more comes, and reads what the client still sends until it has gone: a
    /// connection that is closed on that is reset, and what was not read of it is lost to the client.
    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let queue = &self.session.send_queue;
        let mut sink = [0; 4096];
        let flushed = queue.poll_flush(cx);
        let is_shut = match flushed {
            Poll::Ready(Ok(())) => queue.poll_shutdown(cx).is_ready(),
            Poll::Ready(Err(_)) => return Poll::Ready(()),
            Poll::Pending => false,
        };
        loop {
            match queue.poll_read(cx, &mut sink) {
                Some(Poll::Pending) => return Poll::Pending,
                Some(Poll::Ready(Ok(1..))) => {}
                // Who has gone hears nothing more; who only says that nothing more comes, does.
                Some(Poll::Ready(Ok(0))) if !is_shut => return Poll::Pending,
                Some(Poll::Ready(Ok(0) | Err(_))) | None => return Poll::Ready(()),
            }
        }
    }
}

/// There is no memory for a message now.
struct NoMemory;

/// Receives a compressed message, for which and for what `waits` beside it there is to be memory; how many bytes it has.
fn receive_deflated(
    session: &Arc<Session>,
    held: &Held,
    waits: usize,
    form: Form,
    message: &[u8],
) -> Result<usize, NoMemory> {
    let inflated = inflate(message, session.settings().max_message, |bytes| {
        held.cover(waits + bytes)
    });
    match inflated {
        Ok(message) => {
            match form.event(&message) {
                Ok(event) => receive_event(session, event),
                Err(violation) => fail(session, violation),
            }
            Ok(message.len())
        }
        Err(Uninflated::Violation(violation)) => {
            fail(session, violation);
            Ok(0)
        }
        Err(Uninflated::NoMemory) => Err(NoMemory),
    }
}

/// Ends the session for what its client sent.
fn fail(session: &Arc<Session>, violation: Violation) {
    session.send_queue.frame(|frames| {
        encode::close(frames, violation.code(), "");
    });
    session.close_in_peace(CloseReason::ParseError);
}

fn receive_event(session: &Arc<Session>, event: Event<'_>) {
    if received(session, event).is_err() {
        session.close_in_peace(CloseReason::ParseError);
    }
}

fn received(session: &Arc<Session>, event: Event<'_>) -> Result<(), Malformed> {
    match event {
        Event::Text(text) => receive(session, Packet::from_text(session.protocol(), text)?),
        Event::Binary(bytes) => receive(session, Packet::from_binary(session.protocol(), bytes)?),
        Event::Ping(data) => {
            session
                .send_queue
                .frame(|frames| encode::frame(frames, Kind::Pong, data));
            Ok(())
        }
        Event::Pong(_) => Ok(()),
        Event::Deflated(..) => Err(Malformed("a message that is compressed")),
        Event::Close(said) => {
            let code = said.map_or(close::NORMAL, |said| said.code);
            session.send_queue.frame(|frames| encode::close(frames, code, ""));
            session.close_in_peace(CloseReason::TransportClose);
            Ok(())
        }
    }
}
