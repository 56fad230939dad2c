//! Writing to a WebSocket: a sender writes at once, from its own task; what the client does not take yet is written
//! by the connection's task.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
    thread::LocalKey,
    time::{Duration, Instant},
};

use bytes::BufMut;
use tokio::io::AsyncWrite;
use tokio_util::io::poll_read_buf;

use super::{
    frames::{Frames, no_slices},
    message::Framing,
    packet::Protocol,
};
use crate::net::{conn::Stream, websocket::deflate::Deflate};

/// Bytes of frames that wait for the client before no more are written out.
pub(super) const WRITE_BUFFER: usize = 64 << 10;

/// Most memory that is held for frames where no message is larger.
const MOST_HELD: usize = 4 * WRITE_BUFFER;

/// Most memory that a thread keeps for the next message.
const MOST_SPARE: usize = 2 * WRITE_BUFFER;

/// Bytes of frames that are written at once, though more may come soon.
pub(in crate::net) const MANY: usize = 16 << 10;

/// A sender that sends again so soon may send more: its messages leave in one write.
const SOON: Duration = Duration::from_micros(50);

thread_local! {
    /// For the frames of the next socket.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    /// For the next message that is written before its socket takes it.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Where a message is written before its socket takes it.
pub(super) fn scratch() -> Frames {
    Frames::within(SCRATCH.take())
}

fn keep(spare: &'static LocalKey<Cell<Vec<u8>>>, bytes: Vec<u8>) {
    if bytes.capacity() <= MOST_SPARE {
        spare.set(bytes);
    }
}

pub(super) struct Writer {
    stream: Stream,
    deflate: Option<Deflate>,
    pub(super) frames: Frames,
    /// Of the connection's task.
    waker: Waker,
    /// Whether read bytes are being processed: the task writes the packets of that time when it reads again.
    reading: bool,
    /// When something left last.
    left: Option<Instant>,
    /// Bytes that have left in all.
    pub(super) bytes_written: u64,
    is_unflushed: bool,
    shut: bool,
}

impl Writer {
    pub(super) fn new(stream: Stream, waker: Waker, deflate: Option<Deflate>) -> Self {
        Self {
            stream,
            deflate,
            frames: Frames::default(),
            waker,
            reading: false,
            left: None,
            bytes_written: 0,
            is_unflushed: false,
            shut: false,
        }
    }

    /// How messages are written into `frames`.
    pub(super) fn framing(&self, protocol: Protocol) -> Framing {
        Framing {
            protocol,
            deflate: self.deflate,
        }
    }

    pub(super) fn waits(&self) -> usize {
        self.frames.len()
    }

    /// Whether all that was written has left.
    pub(super) fn has_left(&self) -> bool {
        self.frames.is_empty() && !self.is_unflushed
    }

    pub(super) fn has_room(&self) -> bool {
        self.waits() < WRITE_BUFFER
    }

    /// The connection's task looks again.
    pub(super) fn wake(&self) {
        self.waker.wake_by_ref();
    }

    pub(super) fn is_polled_by(&mut self, cx: &Context<'_>) {
        self.waker.clone_from(cx.waker());
    }

    /// Whether what was just put into `frames` is to be written now.
    pub(super) fn is_due(&self) -> bool {
        if self.reading {
            return self.waits() >= MANY;
        }
        if self.waits() < MANY && self.left.is_some_and(|left| left.elapsed() < SOON) {
            self.wake();
            return false;
        }
        true
    }

    /// Writes `frames` from another task than the connection's, which goes on when the client takes no more.
    /// Whether all has left.
    pub(super) fn write_at_once(&mut self) -> bool {
        self.left = Some(Instant::now());
        let waker = self.waker.clone();
        let written = self.poll_write(&mut Context::from_waker(&waker));
        if !matches!(written, Poll::Ready(Ok(()))) {
            // It looks for how long it lasts, or finds the connection broken.
            waker.wake();
        }
        matches!(written, Poll::Ready(Ok(())))
    }

    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.has_left() {
            return Poll::Ready(Ok(()));
        }
        while !self.frames.is_empty() {
            self.is_unflushed = true;
            let Poll::Ready(written) = self.poll_write_some(cx) else {
                // A client that takes no more holds little beside what waits for it.
                self.frames.hold_less(MANY);
                return Poll::Pending;
            };
            match written? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                more => {
                    self.frames.advance(more);
                    self.bytes_written += more as u64;
                }
            }
        }
        // A connection that is idle holds no memory: the next that writes on this thread uses it.
        keep(&SPARE, self.frames.take());
        // TLS may hold some of it still.
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.is_unflushed = false;
        Poll::Ready(Ok(()))
    }

    fn poll_write_some(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.stream);
        if let Some(piece) = self.frames.piece() {
            return stream.poll_write(cx, piece);
        }
        let mut slices = no_slices();
        let filled = self.frames.slices(&mut slices);
        stream.poll_write_vectored(cx, &slices[..filled])
    }

    /// Makes room for more behind what waits.
    pub(super) fn prepare(&mut self) {
        let frames = &mut self.frames;
        if frames.bytes.capacity() == 0 {
            frames.bytes = SPARE.take();
        }
        frames.forget_written();
        if frames.bytes.capacity() > MOST_HELD {
            frames.bytes.shrink_to(WRITE_BUFFER);
        }
    }

    /// Takes frames behind what waits: many bytes are not copied.
    pub(super) fn put(&mut self, mut frames: Frames) {
        if self.frames.is_empty() && frames.len() >= MANY {
            self.frames = frames;
            return;
        }
        self.prepare();
        self.frames.append(&frames);
        keep(&SCRATCH, frames.take());
    }

    /// Reads into the room that the caller has; how many bytes.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut impl BufMut,
    ) -> Poll<io::Result<usize>> {
        let read = ready!(poll_read_buf(Pin::new(&mut self.stream), cx, into))?;
        self.reading = read > 0;
        Poll::Ready(Ok(read))
    }

    /// Nothing that was read is worked on any more.
    pub(super) fn has_read(&mut self) {
        self.reading = false;
    }

    /// Shuts down the writing side.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.shut {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.shut = true;
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncRead, ReadBuf};

    use super::*;

    /// A stream that takes all at once and holds it until it is flushed for the second time, as TLS may.
    #[derive(Default)]
    struct Holding {
        flushes: usize,
    }

    impl AsyncRead for Holding {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Holding {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(buf.len()))
        }

        fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.flushes += 1;
            match self.flushes {
                1 => Poll::Pending,
                _ => Poll::Ready(Ok(())),
            }
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn what_a_stream_holds_back_is_flushed_until_it_has_left() {
        let mut writer = Writer::new(Box::<Holding>::default(), Waker::noop().clone(), None);
        let mut cx = Context::from_waker(Waker::noop());
        writer.prepare();
        writer.frames.bytes.extend_from_slice(b"frame");
        assert!(writer.poll_write(&mut cx).is_pending());
        assert!(!writer.has_left(), "though nothing waits here any more");
        assert!(writer.poll_write(&mut cx).is_ready());
        assert!(writer.has_left());
    }

    #[test]
    fn a_client_that_does_not_read_holds_no_more_than_waits_for_it() {
        let (here, _there) = tokio::io::duplex(1);
        let mut writer = Writer::new(Box::new(here), Waker::noop().clone(), None);
        writer.frames.bytes = Vec::with_capacity(MOST_SPARE);
        writer.frames.bytes.extend_from_slice(&[7; 100]);
        let written = writer.poll_write(&mut Context::from_waker(Waker::noop()));
        assert!(written.is_pending());
        assert_eq!((writer.waits(), writer.bytes_written), (99, 1));
        let held = writer.frames.bytes.capacity();
        assert!(held <= MANY, "{held}");
    }

    #[test]
    fn of_a_large_message_no_more_is_held_than_the_client_has_yet_to_take() {
        let (here, _there) = tokio::io::duplex(1 << 20);
        let mut writer = Writer::new(Box::new(here), Waker::noop().clone(), None);
        writer.prepare();
        writer.frames.bytes.resize((1 << 20) + 100, 7);
        let written = writer.poll_write(&mut Context::from_waker(Waker::noop()));
        assert!(written.is_pending());
        writer.prepare();
        assert_eq!(writer.frames.bytes, [7; 100]);
        let held = writer.frames.bytes.capacity();
        assert!(held <= WRITE_BUFFER, "{held}");
    }
}
