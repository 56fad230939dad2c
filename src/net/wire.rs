//! One connection's stream, to which two write: the engine, and who has frames for the client that need not go through
//! the engine. The engine hands over whole WebSocket frames, so between two of its writes others find their place.

use std::{
    future::{Future, poll_fn},
    io::{self, Cursor},
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};
use tokio::{io::AsyncWrite, runtime::Handle, task::unconstrained};
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_util::task::AbortOnDropHandle;

/// Bytes that wait for a slow client before it is sent no more.
const ROOM: usize = 64 << 10;

/// Bytes of frames that are written at once, though more may come soon.
pub(super) const MANY: usize = 16 << 10;

/// Who sends again so soon after something left may have more to send: it leaves together.
const SOON: Duration = Duration::from_micros(50);

/// Who wants to know that what was sent past the engine has left.
pub(super) trait OnDrained: Send + Sync + 'static {
    fn drained(&self);
}

/// A way to the client past the engine.
pub(super) trait Straight: Send + Sync {
    /// Looks for this frame among what the engine writes from now on, and keeps it back; all that the engine was given
    /// before it has been written then. Not while another mark is looked for.
    fn expect(&self, mark: Vec<u8>) -> bool;

    /// The mark does not come, as the engine did not take it.
    fn expect_no_more(&self);

    /// Whether no mark is looked for any more.
    fn is_clear(&self) -> bool;

    /// Looks for this frame as the last that the client is to hear.
    fn expect_last(&self, frame: Vec<u8>);

    /// Whether the last frame has left, and all before it.
    fn has_left(&self) -> bool;

    /// Tells the client that nothing more comes. What is sent from now on goes nowhere, and what the client sends is read.
    fn poll_over(&self, context: &mut Context<'_>) -> Poll<()>;

    /// Sends whole frames after all that was sent; not where too much waits already.
    fn send(self: Arc<Self>, frames: &[u8]) -> bool;

    /// Sends the last frames, however much waits.
    fn send_last(self: Arc<Self>, frames: &[u8]);

    /// Whether something that was sent has not left yet.
    fn is_waiting(&self) -> bool;
}

/// A stream, and whom it tells.
pub(super) struct Wire<S, D> {
    state: Mutex<State<S>>,
    told: Arc<D>,
    runtime: Handle,
}

struct State<S> {
    stream: S,
    /// Frames that were sent past the engine and have not left yet.
    waiting: BytesMut,
    /// Empties `waiting` as fast as the client reads. The engine waits for it.
    drainer: Option<AbortOnDropHandle<()>>,
    /// Whether what was read is being worked on. Whoever does that comes back for more, and what was sent meanwhile
    /// leaves then, at once.
    reading: bool,
    /// Bytes that are left of the frames that the engine has begun to write.
    rest: usize,
    /// Whether the engine has written something that it has not flushed.
    unflushed: bool,
    /// A frame that shows that the engine has written all before it.
    mark: Option<Vec<u8>>,
    last: Last,
    /// When something that was sent past the engine left last.
    left: Option<Instant>,
}

/// The last frame that the client is to hear, which the engine writes.
enum Last {
    /// There may be others.
    Unknown,
    Expected(Vec<u8>),
    Begun,
    /// It has left, and nothing is written any more.
    Over,
}

impl<S: AsyncWrite + Unpin> State<S> {
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.drainer.is_none()
    }

    /// Whether all that was written has left.
    fn has_left(&self) -> bool {
        self.is_idle() && self.rest == 0 && !self.unflushed
    }

    /// Whether what waits had better leave together with what is sent next, in a task of its own.
    fn may_gather(&self) -> bool {
        let is_free = self.drainer.is_none() && self.rest == 0 && !self.reading;
        is_free && self.waiting.len() < MANY && self.left.is_some_and(|left| left.elapsed() < SOON)
    }

    fn poll_out(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.waiting.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.waiting))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.waiting.advance(written);
        }
        // Idle connections hold no memory.
        self.waiting = BytesMut::new();
        self.left = Some(Instant::now());
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_engine(&mut self, context: &mut Context<'_>, frames: &[u8]) -> Poll<io::Result<usize>> {
        if self.rest > 0 {
            return self.poll_part(context, frames, self.rest);
        }
        if matches!(self.last, Last::Over) {
            return Poll::Ready(Ok(frames.len()));
        }
        if let Some(mark) = self.mark.take_if(|mark| frames.starts_with(mark)) {
            return Poll::Ready(Ok(mark.len()));
        }
        let is_last = matches!(&self.last, Last::Expected(last) if frames.starts_with(last));
        let part = match (&self.mark, &self.last) {
            (None, Last::Unknown | Last::Begun | Last::Over) => frames.len(),
            _ => first_frame(frames),
        };
        let written = ready!(self.poll_part(context, frames, part))?;
        if is_last {
            self.last = Last::Begun;
        }
        Poll::Ready(Ok(written))
    }

    /// Writes of so many bytes of the engine's, whose end is that of a frame.
    fn poll_part(
        &mut self,
        context: &mut Context<'_>,
        frames: &[u8],
        part: usize,
    ) -> Poll<io::Result<usize>> {
        let now = &frames[..frames.len().min(part)];
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, now))?;
        self.rest = part - written;
        self.unflushed = true;
        Poll::Ready(Ok(written))
    }
}

impl<S: AsyncWrite + Unpin + Send + 'static, D: OnDrained> Wire<S, D> {
    /// Tells `told` when what was sent has left.
    pub(super) fn new(stream: S, told: Arc<D>) -> Arc<Self> {
        let state = State {
            stream,
            waiting: BytesMut::new(),
            drainer: None,
            reading: false,
            rest: 0,
            unflushed: false,
            mark: None,
            last: Last::Unknown,
            left: None,
        };
        Arc::new(Self {
            state: Mutex::new(state),
            told,
            runtime: Handle::current(),
        })
    }

    /// Reads; how much that was. Where nothing has come yet, what was sent meanwhile leaves.
    pub(super) fn poll_read(
        self: &Arc<Self>,
        read: impl FnOnce(Pin<&mut S>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let mut state = self.state();
        let polled = read(Pin::new(&mut state.stream));
        state.reading = matches!(polled, Poll::Ready(Ok(1..)));
        self.go_on(state);
        polled
    }

    /// Nobody reads for now.
    pub(super) fn pause(self: &Arc<Self>) {
        let mut state = self.state();
        state.reading = false;
        self.go_on(state);
    }

    /// Writes for the engine, after what was sent. Who waits for that is told when it has left.
    pub(super) fn poll_write(
        self: &Arc<Self>,
        context: &mut Context<'_>,
        frames: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = ready!(self.poll_turn());
        let polled = state.poll_engine(context, frames);
        self.go_on(state);
        polled
    }

    /// The same for an HTTP response, before there are frames.
    pub(super) fn poll_write_vectored(
        self: &Arc<Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut state = ready!(self.poll_turn());
        Pin::new(&mut state.stream).poll_write_vectored(context, parts)
    }

    pub(super) fn is_write_vectored(&self) -> bool {
        self.state().stream.is_write_vectored()
    }

    pub(super) fn poll_flush(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state();
        ready!(Pin::new(&mut state.stream).poll_flush(context))?;
        state.unflushed = false;
        Poll::Ready(Ok(()))
    }

    pub(super) fn poll_shutdown(self: &Arc<Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = ready!(self.poll_turn());
        Pin::new(&mut state.stream).poll_shutdown(context)
    }

    /// The engine's turn: when what was sent has left, but at once for the rest of a frame.
    fn poll_turn(self: &Arc<Self>) -> Poll<MutexGuard<'_, State<S>>> {
        let mut state = self.state();
        if state.rest > 0 || state.is_idle() {
            return Poll::Ready(state);
        }
        self.push_out(&mut state);
        match state.is_idle() {
            true => Poll::Ready(state),
            false => Poll::Pending,
        }
    }

    /// What waits leaves, unless more will join it soon.
    fn go_on(self: &Arc<Self>, mut state: MutexGuard<'_, State<S>>) {
        if state.waiting.is_empty() || (state.reading && state.waiting.len() < MANY) {
            return;
        }
        let has_left = self.push_out(&mut state);
        drop(state);
        if has_left {
            self.told.drained();
        }
    }

    /// Whether all that waits left. Where the client does not read fast enough, it leaves by and by.
    fn push_out(self: &Arc<Self>, state: &mut State<S>) -> bool {
        if state.rest > 0 || state.drainer.is_some() {
            return false;
        }
        let out = pin!(unconstrained(poll_fn(|context| state.poll_out(context))));
        match out.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(_)) => {
                // Whoever reads finds the connection broken.
                state.waiting.clear();
                true
            }
            Poll::Pending => {
                state.drainer = Some(self.drain());
                false
            }
        }
    }

    fn drain(self: &Arc<Self>) -> AbortOnDropHandle<()> {
        let this = Arc::downgrade(self);
        AbortOnDropHandle::new(self.runtime.spawn(async move {
            let drained = poll_fn(|context| {
                let Some(wire) = this.upgrade() else {
                    return Poll::Ready(None);
                };
                let mut state = wire.state();
                if ready!(state.poll_out(context)).is_err() {
                    state.waiting.clear();
                }
                if let Some(drainer) = state.drainer.take() {
                    drainer.detach();
                }
                Poll::Ready(Some(wire.told.clone()))
            });
            if let Some(told) = drained.await {
                told.drained();
            }
        }))
    }

    fn put(self: &Arc<Self>, mut state: MutexGuard<'_, State<S>>, frames: &[u8]) {
        if matches!(state.last, Last::Over) {
            return;
        }
        state.waiting.extend_from_slice(frames);
        if state.may_gather() {
            state.drainer = Some(self.drain());
        }
        self.go_on(state);
    }
}

impl<S, D> Wire<S, D> {
    fn state(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncWrite + Unpin + Send + 'static, D: OnDrained> Straight for Wire<S, D> {
    fn expect(&self, mark: Vec<u8>) -> bool {
        let mut state = self.state();
        if state.mark.is_some() {
            return false;
        }
        state.mark = Some(mark);
        true
    }

    fn expect_no_more(&self) {
        self.state().mark = None;
    }

    fn is_clear(&self) -> bool {
        self.state().mark.is_none()
    }

    fn expect_last(&self, frame: Vec<u8>) {
        self.state().last = Last::Expected(frame);
    }

    fn has_left(&self) -> bool {
        let state = self.state();
        matches!(state.last, Last::Begun) && state.has_left()
    }

    fn poll_over(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state();
        state.last = Last::Over;
        // Whoever reads finds out where that fails.
        Pin::new(&mut state.stream).poll_shutdown(context).map(drop)
    }

    fn send(self: Arc<Self>, frames: &[u8]) -> bool {
        let state = self.state();
        let has_room = state.waiting.len() < ROOM;
        if has_room {
            self.put(state, frames);
        }
        has_room
    }

    fn send_last(self: Arc<Self>, frames: &[u8]) {
        self.put(self.state(), frames);
    }

    fn is_waiting(&self) -> bool {
        !self.state().has_left()
    }
}

/// Bytes of the first of these frames, with its head.
fn first_frame(frames: &[u8]) -> usize {
    let mut cursor = Cursor::new(frames);
    match FrameHeader::parse(&mut cursor) {
        Ok(Some((_, payload))) => {
            usize::try_from(cursor.position().saturating_add(payload)).unwrap_or(usize::MAX)
        }
        Ok(None) | Err(_) => frames.len(),
    }
}

#[cfg(test)]
mod tests;
