//! A session's WebSocket, which a task of its own reads. What comes is read into one buffer of the thread and received
//! there; a connection that is idle holds none.

mod buffer;
mod received;
mod stall;

use std::{
    future::{Future, poll_fn},
    io,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::BufMut;
use futures_util::{FutureExt, future::BoxFuture};
use tokio::task::yield_now;

use self::{
    buffer::{BUFFER, HANDED_ON},
    received::{NoMemory, fail, receive_buffer, receive_deflated, receive_event},
    stall::Stall,
};
use super::{close_reason::CloseReason, part::Part, posted::all_received, session::Session};
use crate::{
    call::memory::{Held, STEP},
    net::websocket::frame::{Decoded, Decoder, Event, Form, is_last},
};

/// Most bytes of what comes behind a message that is held with it.
const BEHIND: usize = 64 << 10;

/// Bytes that are read of one client before others have their turn, though there is more.
const SHARE: usize = 64 << 10;

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
    /// How many bytes the frame has that came in part, as far as it says so.
    frame: usize,
    /// What is held for a message that came in part.
    held: Arc<Held>,
    /// It waits for memory for the whole of it.
    grant: Option<BoxFuture<'static, ()>>,
    part: Option<Part>,
    /// What was posted before, and is received first.
    posts: Option<BoxFuture<'static, ()>>,
}

impl Reader {
    pub(super) fn new(session: Arc<Session>, decoder: Decoder, rest: Vec<u8>) -> Self {
        Self {
            held: Arc::new(session.holder().hold()),
            grant: None,
            part: None,
            posts: all_received(&session),
            frame: 0,
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
            if self.poll_posts(cx).is_pending() {
                return self.poll_flushed(cx);
            }
            if self.session.is_paused() {
                // No frame waits behind it.
                self.grant = None;
                self.part.as_mut().map(Part::is_held_up);
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
            if self.is_due && self.deflated.is_none() {
                self.receive_rest();
                continue;
            }
            if self.poll_granted(cx).is_pending() {
                self.part.as_mut().map(Part::is_held_up);
                return self.poll_flushed(cx);
            }
            if let Some((form, message)) = self.deflated.take() {
                self.receive_deflated(form, message);
                continue;
            }
            match self.poll_read(cx) {
                None => return Poll::Ready(()),
                Some(Poll::Pending) if self.poll_late(cx).is_ready() => {
                    tracing::debug!("a message was not whole in time");
                    (self.session.settings().on_late_body)();
                    self.session.close_gracefully(CloseReason::ParseError);
                }
                Some(Poll::Pending) => {
                    self.in_a_row = 0;
                    return self.poll_flushed(cx);
                }
                Some(Poll::Ready(Ok(0))) => self.session.close(CloseReason::TransportClose),
                Some(Poll::Ready(Ok(read))) => self.in_a_row += read,
                Some(Poll::Ready(Err(_))) => self.session.close(CloseReason::TransportError),
            }
        }
        self.grant = None;
        (self.rest, self.deflated) = (Vec::new(), None);
        self.held.shrink_to(0);
        self.poll_over(cx)
    }

    /// Ready when all is received that was posted before the WebSocket carried the session.
    fn poll_posts(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(posts) = &mut self.posts {
            ready!(posts.as_mut().poll(cx));
            self.posts = None;
        }
        Poll::Ready(())
    }

    /// Reads, and receives what came.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Option<Poll<io::Result<usize>>> {
        if self.rest.len() > STEP {
            return self.poll_read_rest(cx);
        }
        let mut buffer = buffer::with(&self.rest);
        let polled = self.poll_read_into(cx, &mut buffer);
        if let Some(Poll::Ready(Ok(1..))) = polled {
            self.session.liveness.mark_alive();
            let received = self.receive(&mut buffer);
            if buffer.capacity() < BUFFER {
                buffer.drain(..received);
                self.rest = std::mem::take(&mut buffer);
            } else {
                self.rest.clear();
                self.rest.extend_from_slice(&buffer[received..]);
            }
            self.release_rest();
        }
        buffer::keep(buffer);
        polled
    }

    /// Reads behind what there is of a frame: of one that is large up to its end, so that nothing behind it has to move.
    fn poll_read_into(&self, cx: &mut Context<'_>, buffer: &mut Vec<u8>) -> Option<Poll<io::Result<usize>>> {
        let missing = match self.frame >= HANDED_ON {
            true => self.frame.saturating_sub(buffer.len()).clamp(1, BUFFER),
            false => BUFFER,
        };
        let room = buffer.capacity() - buffer.len();
        self.session
            .send_queue
            .poll_read(cx, &mut buffer.limit(missing.min(room)))
    }

    /// The same, for a frame that has its memory.
    fn poll_read_rest(&mut self, cx: &mut Context<'_>) -> Option<Poll<io::Result<usize>>> {
        let mut rest = std::mem::take(&mut self.rest);
        rest.reserve_exact(self.frame.saturating_sub(rest.len()).max(1));
        let polled = self.poll_read_into(cx, &mut rest);
        self.rest = rest;
        if let Some(Poll::Ready(Ok(1..))) = polled {
            self.session.liveness.mark_alive();
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
        let room = self.frame + BEHIND;
        if self.rest.is_empty() {
            self.rest = Vec::new();
        } else if self.rest.len() < BUFFER && self.rest.capacity() > room + BEHIND {
            self.rest.shrink_to(room);
        }
        self.held.shrink_to(self.needs());
        let is_whole = self.rest.is_empty() && !self.decoder.is_within();
        match is_whole || self.is_due {
            true => self.part = None,
            false => _ = self.part.get_or_insert_with(Part::begins),
        }
    }

    /// Bytes of the message that came in part.
    fn came(&self) -> usize {
        self.rest.len() + self.decoder.held()
    }

    fn comes_in_fragments(&self) -> bool {
        self.decoder.is_within() || self.rest.first().is_some_and(|head| !is_last(*head))
    }

    /// Bytes to hold for the message that came in part, until it is whole: none while it is short. How many fragments come
    /// nobody says, nor what is packed in a compressed one, so these are as many as any message needs: those before, and the last
    /// one.
    fn needs(&self) -> usize {
        let longest = self.session.settings().max_message;
        match self.came() > STEP {
            _ if self.deflated.is_some() => 2 * longest + BEHIND,
            false => 0,
            true if self.comes_in_fragments() => 2 * longest + BEHIND,
            true => self.frame + BEHIND,
        }
    }

    /// Ready when there is memory for the whole of the message that came in part. If that lasts too long the
    /// heartbeat ends the session.
    fn poll_granted(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let needs = self.needs();
        if self.held.covers(needs) {
            return Poll::Ready(());
        }
        let is_new = self.grant.is_none();
        if is_new {
            // What was held for the message before: no client waits for this one.
            self.held.shrink_to(0);
        }
        let held = self.held.clone();
        let asked = || async move { held.granted(needs).await }.boxed();
        let granted = self.grant.get_or_insert_with(asked).as_mut().poll(cx);
        if granted.is_ready() {
            self.grant = None;
        } else if is_new
            && let Some(handler) = self.session.handler()
            && handler.short_of_memory(&self.session).is_err()
        {
            self.session.close_gracefully(CloseReason::ParseError);
        }
        granted
    }

    /// Ready where a message that came in part is not whole in time.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let longest = self.session.settings().longest(self.came());
        match &mut self.part {
            Some(part) => part.poll_late(cx, longest),
            None => Poll::Pending,
        }
    }

    /// Receives the compressed message that waited for memory, and has it now.
    fn receive_deflated(&mut self, form: Form, message: Box<[u8]>) {
        let session = self.session.clone();
        let inflated =
            session.receive(|| receive_deflated(&session, &self.held, message.len(), form, &message));
        match inflated {
            Ok(bytes) => self.in_a_row += bytes,
            Err(NoMemory) => self.deflated = Some((form, message)),
        }
        self.release_rest();
    }

    /// Receives whole frames, until reading pauses or others have their turn; how many bytes they took of those that are
    /// there then: a large Buffer takes all memory with it, and what is behind it is in memory of its own.
    fn receive(&mut self, bytes: &mut Vec<u8>) -> usize {
        let session = self.session.clone();
        (self.is_due, self.frame) = (false, 0);
        session.receive(|| {
            let mut at = 0;
            while at < bytes.len() && !session.is_closed() {
                if session.is_paused() || self.in_a_row >= SHARE {
                    self.is_due = true;
                    break;
                }
                let (end, capacity, is_whole) = (bytes.len(), bytes.capacity(), !self.decoder.is_within());
                match self.decoder.decode(&mut bytes[at..]) {
                    Ok(Decoded::Needs(frame)) => {
                        self.frame = frame;
                        break;
                    }
                    Ok(Decoded::Fragment(used)) => at += used,
                    Ok(Decoded::Event(used, Event::Deflated(form, message))) => {
                        at += used;
                        self.part = None;
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
                    Ok(Decoded::Event(used, Event::Binary(message)))
                        if is_whole && buffer::goes_with(message.len(), capacity) =>
                    {
                        let end = at + used;
                        let place = end - message.len()..end;
                        (at, self.part) = (0, None);
                        receive_buffer(&session, &buffer::hand_on(bytes, place));
                    }
                    Ok(Decoded::Event(used, event)) => {
                        at += used;
                        if matches!(event, Event::Text(_) | Event::Binary(_)) {
                            self.part = None;
                        }
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
        let send_timeout = self.session.settings().send_timeout;
        ready!(Stall::poll_over(&mut self.stall, now, send_timeout, cx));
        tracing::debug!("a client reads nothing: its connection is closed");
        self.session.close(CloseReason::Stalled);
        Poll::Ready(())
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
            match queue.poll_read(cx, &mut &mut sink[..]) {
                Some(Poll::Pending) => return Poll::Pending,
                Some(Poll::Ready(Ok(1..))) => {}
                // A closed connection cannot be written to; one that is only shut down for writing can.
                Some(Poll::Ready(Ok(0))) if !is_shut => return Poll::Pending,
                Some(Poll::Ready(Ok(0) | Err(_))) | None => return Poll::Ready(()),
            }
        }
    }
}
