//! One TCP connection, as we need it beneath hyper and the WebSocket: we see when what was written has
//! left, can stop reading for a while, and can close it so that the client sees its transport close (and
//! therefore reconnects by itself, which it does not after a Socket.IO disconnect).

use std::{
    io,
    pin::{Pin, pin},
    sync::{Arc, Weak},
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::yield_now,
};
use tokio_util::io::poll_read_buf;

use super::{
    control::Control,
    refusal::mended,
    wire::{Straight, Wire},
};

/// Bytes read at a time from a client who sends more than the reader above has room for: its buffer is small,
/// since each idle connection holds one.
const AHEAD: usize = 16 << 10;

/// Bytes that are read of one client before others have their turn, though there is more.
const SHARE: usize = 64 << 10;

/// A stream under our hand. `guard` lives as long as the connection.
pub(crate) struct Connection<S, G> {
    wire: Arc<Wire<S, Control>>,
    control: Arc<Control>,
    /// What was read and has found no room above yet. Holds no memory when empty.
    ahead: BytesMut,
    /// The last read filled its buffer, so there is more.
    has_more: bool,
    /// Bytes that were read since others had their turn.
    in_a_row: usize,
    /// What is written in place of what comes next, as many bytes.
    instead: Vec<u8>,
    _guard: G,
}

impl<S: AsyncWrite + Unpin + Send + 'static, G> Connection<S, G> {
    pub(super) fn new(stream: S, control: Arc<Control>, guard: G) -> Self {
        let wire = Wire::new(stream, control.clone());
        let straight: Weak<dyn Straight> = Arc::<Wire<S, Control>>::downgrade(&wire);
        control.leads_straight(straight);
        Self {
            wire,
            control,
            ahead: BytesMut::new(),
            has_more: false,
            in_a_row: 0,
            instead: Vec::new(),
            _guard: guard,
        }
    }
}

impl<S, G> Drop for Connection<S, G> {
    /// Who waits for its end hears of it.
    fn drop(&mut self) {
        self.control.close();
        self.control.flushed();
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static, G> Connection<S, G> {
    fn read_into(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = self.wire.poll_read(|stream| {
            ready!(stream.poll_read(cx, buf))?;
            Poll::Ready(Ok(buf.filled().len() - before))
        });
        self.count(&read);
        ready!(read)?;
        self.has_more = buf.remaining() == 0;
        Poll::Ready(Ok(()))
    }

    fn read_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.ahead.reserve(AHEAD);
        let ahead = &mut self.ahead;
        let polled = self.wire.poll_read(|stream| poll_read_buf(stream, cx, ahead));
        self.count(&polled);
        self.has_more = matches!(polled, Poll::Ready(Ok(AHEAD)));
        if self.ahead.is_empty() {
            self.ahead = BytesMut::new();
        }
        polled.map_ok(drop)
    }
}

impl<S, G> Connection<S, G> {
    fn count(&mut self, read: &Poll<io::Result<usize>>) {
        self.in_a_row = match read {
            Poll::Ready(Ok(read)) => self.in_a_row + read,
            Poll::Ready(Err(_)) | Poll::Pending => 0,
        };
    }

    fn give(&mut self, buf: &mut ReadBuf<'_>) {
        let given = buf.remaining().min(self.ahead.len());
        buf.put_slice(&self.ahead[..given]);
        self.ahead.advance(given);
        if self.ahead.is_empty() {
            self.ahead = BytesMut::new();
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static, G: Unpin> AsyncRead for Connection<S, G> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.control.wakes_reader(cx.waker());
        self.control.is_read();
        if self.control.is_closed() {
            return Poll::Ready(Ok(()));
        }
        if self.control.is_paused() {
            self.wire.pause();
            return Poll::Pending;
        }
        if !self.ahead.is_empty() {
            self.give(buf);
        } else if self.in_a_row >= SHARE {
            self.in_a_row = 0;
            self.wire.pause();
            // Goes on when all others were looked for, and not only those that are known to have something.
            return pin!(yield_now()).poll(cx).map(Ok);
        } else if self.has_more && buf.remaining() < AHEAD {
            ready!(self.read_ahead(cx))?;
            self.give(buf);
        } else {
            ready!(self.read_into(cx, buf))?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin + Send + 'static, G: Unpin> Connection<S, G> {
    fn check_open(&self, cx: &Context<'_>) -> io::Result<()> {
        self.control.wakes_writer(cx.waker());
        match self.control.is_closed() {
            true => Err(io::ErrorKind::BrokenPipe.into()),
            false => Ok(()),
        }
    }
}

impl<S: AsyncWrite + Unpin + Send + 'static, G: Unpin> Connection<S, G> {
    /// Writes up to a refusal, or of what takes its place; `buf` goes on with what was not written, as ever.
    fn poll_write_mended(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.instead.is_empty() {
            let Some((place, meant)) = mended(buf) else {
                return self.wire.poll_write(cx, buf);
            };
            // The packet's type stands before the place, so that something is written here.
            let written = ready!(self.wire.poll_write(cx, &buf[..place]))?;
            if written == place {
                self.instead = meant;
            }
            return Poll::Ready(Ok(written));
        }
        let written = ready!(self.wire.poll_write(cx, &self.instead))?;
        self.instead.drain(..written);
        if self.instead.is_empty() {
            self.control.expect_no_refusal();
        }
        Poll::Ready(Ok(written))
    }
}

impl<S: AsyncWrite + Unpin + Send + 'static, G: Unpin> AsyncWrite for Connection<S, G> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check_open(cx)?;
        if self.control.refuses() {
            return self.poll_write_mended(cx, buf);
        }
        self.wire.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check_open(cx)?;
        self.wire.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_open(cx)?;
        let polled = self.wire.poll_flush(cx);
        if let Poll::Ready(Ok(())) = polled {
            self.control.flushed();
        }
        polled
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_open(cx)?;
        self.wire.poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex, join, repeat, sink},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    #[tokio::test]
    async fn a_small_reader_gets_every_byte_in_order_and_nothing_is_held_after() {
        let (mut client, stream) = duplex(20_000);
        let mut connection = Connection::new(stream, Arc::default(), ());
        let sent: Vec<u8> = (0..100_000_u32).map(|number| (number % 251) as u8).collect();
        let mut expected = sent.clone();
        expected.extend(b"and one more");
        let writing = tokio::spawn(async move {
            client.write_all(&sent).await.unwrap();
            client.write_all(b"and one more").await.unwrap();
        });
        let mut received: Vec<u8> = Vec::new();
        let mut buffer = [0; 512];
        loop {
            let read = connection.read(&mut buffer).await.unwrap();
            if read == 0 {
                break;
            }
            received.extend_from_slice(&buffer[..read]);
        }
        writing.await.unwrap();
        assert!(received == expected);
        assert_eq!(connection.ahead.capacity(), 0);
    }

    #[tokio::test]
    async fn others_have_their_turn_while_a_client_always_has_more() {
        let (mut client, stream) = duplex(1 << 20);
        let mut connection = Connection::new(stream, Arc::default(), ());
        client.write_all(&vec![1; 5 * SHARE]).await.unwrap();
        for buffer in [512, AHEAD] {
            let mut buffer = vec![0; buffer];
            for _ in 0..2 {
                let mut read = 0;
                let turns = std::future::poll_fn(|cx| {
                    let mut buffer = ReadBuf::new(&mut buffer);
                    let polled = Pin::new(&mut connection).poll_read(cx, &mut buffer);
                    read += buffer.filled().len();
                    match polled {
                        Poll::Ready(read) => {
                            read.unwrap();
                            cx.waker().wake_by_ref();
                            Poll::Pending
                        }
                        Poll::Pending => Poll::Ready(()),
                    }
                });
                // As there is more, it goes on by itself.
                turns.await;
                assert!((SHARE..SHARE + AHEAD).contains(&read), "{read}");
            }
        }
    }

    #[tokio::test]
    async fn who_always_has_more_is_read_on_when_all_others_were_looked_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut quiet = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut accepted, _) = listener.accept().await.unwrap();
        let always_more = join(repeat(1), sink());
        let mut connection = Connection::new(always_more, Arc::default(), ());
        let read = Arc::<AtomicUsize>::default();
        let counted = read.clone();
        let reading = tokio::spawn(async move {
            let mut buffer = vec![0; AHEAD];
            loop {
                let read = connection.read(&mut buffer).await.unwrap();
                counted.fetch_add(read, Ordering::Relaxed);
            }
        });
        let heard = tokio::spawn(async move { accepted.read_u8().await.unwrap() });
        while read.load(Ordering::Relaxed) == 0 {
            yield_now().await;
        }
        quiet.write_all(b"a").await.unwrap();
        let before = read.load(Ordering::Relaxed);
        assert_eq!(heard.await.unwrap(), b'a');
        let meanwhile = read.load(Ordering::Relaxed) - before;
        assert!(meanwhile < 5 * SHARE, "{meanwhile}");
        reading.abort();
    }

    #[tokio::test]
    async fn what_was_read_ahead_waits_while_reading_pauses() {
        let (mut client, stream) = duplex(20_000);
        let control = Arc::<Control>::default();
        let mut connection = Connection::new(stream, control.clone(), ());
        client.write_all(&[7; 2000]).await.unwrap();
        let mut buffer = [0; 512];
        connection.read_exact(&mut buffer).await.unwrap();
        connection.read_exact(&mut buffer).await.unwrap();
        control.pause_reading();
        let waits = std::future::poll_fn(|cx| {
            let mut buffer = ReadBuf::new(&mut buffer);
            Poll::Ready(Pin::new(&mut connection).poll_read(cx, &mut buffer).is_pending())
        });
        assert!(waits.await);
        control.resume_reading();
        connection.read_exact(&mut buffer).await.unwrap();
        assert_eq!(buffer, [7; 512]);
    }
}
