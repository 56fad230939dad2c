//! One TCP connection, as we need it beneath hyper and the WebSocket: we see when what was written has
//! left, can stop reading for a while, and can close it so that the client sees its transport close (and
//! therefore reconnects by itself, which it does not after a Socket.IO disconnect).

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::link::Link;

/// The hand that others hold on a connection.
#[derive(Debug, Default)]
pub(crate) struct Control {
    paused: AtomicBool,
    closed: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
    link: Mutex<Weak<Link>>,
}

impl Control {
    /// Stops reading: the client's bytes stay in its own and the system's buffers.
    pub(super) fn pause_reading(&self) {
        self.paused.store(true, Ordering::Release);
    }

    /// Reads on.
    pub(super) fn resume_reading(&self) {
        self.paused.store(false, Ordering::Release);
        self.reader.wake();
    }

    /// Closes the connection, also under a writer that waits for a client that does not read.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.reader.wake();
        self.writer.wake();
    }

    /// Tells `link` of each flush from now on.
    pub(super) fn carry(&self, link: &Arc<Link>) {
        *self.link() = Arc::downgrade(link);
    }

    fn link(&self) -> std::sync::MutexGuard<'_, Weak<Link>> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }

    fn flushed(&self) {
        let link = self.link().upgrade();
        if let Some(link) = link {
            link.flushed();
        }
    }
}

/// A stream under our hand. `guard` lives as long as the connection.
pub(crate) struct Connection<S, G> {
    stream: S,
    control: Arc<Control>,
    _guard: G,
}

impl<S, G> Connection<S, G> {
    pub(super) fn new(stream: S, control: Arc<Control>, guard: G) -> Self {
        Self {
            stream,
            control,
            _guard: guard,
        }
    }
}

impl<S: AsyncRead + Unpin, G: Unpin> AsyncRead for Connection<S, G> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.control.reader.register(cx.waker());
        if self.control.is_closed() {
            return Poll::Ready(Ok(()));
        }
        if self.control.is_paused() {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin, G: Unpin> Connection<S, G> {
    fn check_open(&self, cx: &Context<'_>) -> io::Result<()> {
        self.control.writer.register(cx.waker());
        match self.control.is_closed() {
            true => Err(io::ErrorKind::BrokenPipe.into()),
            false => Ok(()),
        }
    }
}

impl<S: AsyncWrite + Unpin, G: Unpin> AsyncWrite for Connection<S, G> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check_open(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check_open(cx)?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_open(cx)?;
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        if let Poll::Ready(Ok(())) = polled {
            self.control.flushed();
        }
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_open(cx)?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
