//! How fast one connection may send. What comes faster is not refused: it is not read for a while, and waits in the
//! client's own and the system's buffers.

use std::{
    io,
    num::NonZeroU32,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

use super::rate::{Rate, Rates};
use crate::{
    config::Config,
    net::metrics::{Limit, Metrics},
};

/// The shortest pause: what may be sent meanwhile is read at once after it, so that not each read has a pause of its own.
const PAUSE: Duration = Duration::from_millis(10);

/// What all connections of a server may send.
pub(in crate::net) struct ByteRates {
    rates: Rates,
    metrics: Arc<Metrics>,
}

impl ByteRates {
    pub(in crate::net) fn new(config: &Config, metrics: &Arc<Metrics>) -> Self {
        Self {
            rates: Rates::new(config.limits.byte_rate, config.limits.byte_rate),
            metrics: metrics.clone(),
        }
    }

    /// One connection's, which sent nothing yet.
    pub(in crate::net) fn of_connection(&self) -> ByteRate {
        ByteRate {
            rate: self.rates.of_one(),
            owed: None,
            pause: None,
            metrics: self.metrics.clone(),
        }
    }
}

/// What one connection sends.
pub(in crate::net) struct ByteRate {
    rate: Rate,
    /// Bytes that were read and are not counted yet.
    owed: Option<NonZeroU32>,
    pause: Option<Pin<Box<Sleep>>>,
    metrics: Arc<Metrics>,
}

impl ByteRate {
    /// Whether what was read is counted, and more may be.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            let Some(owed) = self.owed else {
                return Poll::Ready(());
            };
            match self.rate.count_many(owed) {
                Ok(left) => self.owed = left,
                Err(wait) => {
                    self.metrics.refused(Limit::Bytes);
                    self.pause = Some(Box::pin(tokio::time::sleep(wait.max(PAUSE))));
                }
            }
        }
    }
}

/// A stream that is read no faster than it may send.
pub(in crate::net) struct Metered<S> {
    stream: S,
    inflow: ByteRate,
}

impl<S> Metered<S> {
    pub(in crate::net) fn new(stream: S, inflow: ByteRate) -> Self {
        Self { stream, inflow }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.inflow.poll_ready(cx));
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let read = buf.filled().len() - before;
        self.inflow.owed = NonZeroU32::new(read.try_into().unwrap_or(u32::MAX));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
