//! What a function returns that streams.

use std::{
    panic::AssertUnwindSafe,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use bytestring::ByteString;
use futures_util::{FutureExt, Stream, StreamExt};
use serde::{Serialize, Serializer, ser::SerializeStruct};
use tokio::{sync::oneshot, task::yield_now};

use crate::{
    call::{
        ending::said,
        reply::{IntoReply, Reply},
        stream::{
            open_stream::{Closing, OpenStream},
            packet::Body,
            unnamed,
        },
    },
    error::{CallError, Result},
};

/// A stream whose frames took so long to make and to write gives way to what has come for its core meanwhile: calls, credit, and
/// the frames of others.
const TURN: Duration = Duration::from_micros(100);

/// Frames, one after the other, in answer to a call that names a stream: what a function returns that streams. Each item is what
/// a function may return: [`Json`](crate::Json), text, [`Bytes`](bytes::Bytes), [`Data`](crate::Data), or a `Result` of these; an error
/// is the last frame.
///
/// The call is answered at once. The stream is polled when its client has credit and its socket room, and never beyond
/// that: it holds one frame at a time. It is dropped as soon as it ends, the client cancels it, leaves, or gives no credit
/// within `--stream-timeout`, or the server stops; so guards in it run then. A call that names no stream is answered with
/// [`Code::InvalidData`](crate::Code::InvalidData). What a client sends is [`Incoming`](crate::Incoming), where it goes on
/// [`After`](crate::After); `docs/streams.md` has the packets.
///
/// ```
/// use futures_util::{Stream, stream};
/// use updraft::{Frames, Json, Module};
///
/// async fn count(Json(to): Json<u64>) -> Frames<impl Stream<Item = Json<u64>>> {
///     Frames(stream::iter((0..to).map(Json)))
/// }
/// let module = Module::new("api.stream").on("count", count);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Frames<S>(pub S);

impl<S> IntoReply for Frames<S>
where
    S: Stream + Send + 'static,
    S::Item: IntoReply,
{
    const STREAMS: bool = true;

    fn into_reply(self) -> Result<Reply> {
        Err(unnamed())
    }

    fn into_frames(self, stream: Arc<OpenStream>) -> Result<Reply> {
        let (unsaid, said) = oneshot::channel();
        let opened = Opened {
            stream: stream.name.clone(),
            _unsaid: unsaid,
        };
        let frames = self.0.map(IntoReply::into_reply);
        let closing = stream.clone().feed();
        stream.conduct().spawn(feed(frames, closing, said));
        Ok(Some(Box::new(opened)))
    }
}

/// The answer to a call that opens a stream. Its frames begin when it is dropped: it was said then.
struct Opened {
    stream: ByteString,
    _unsaid: oneshot::Sender<()>,
}

impl Serialize for Opened {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut opened = serializer.serialize_struct("Opened", 1)?;
        opened.serialize_field("stream", &*self.stream)?;
        opened.end()
    }
}

/// Feeds a stream until it ends, and says how.
async fn feed(
    frames: impl Stream<Item = Result<Reply>> + Send + 'static,
    closing: Closing,
    said: oneshot::Receiver<()>,
) {
    let stream = &closing.0;
    let _ = said.await;
    // What is dropped in there may panic as well.
    let sending = async {
        tokio::select! {
            biased;
            why = stream.ended() => why.map(Err),
            sent = send_all(frames, stream) => Some(sent),
        }
    };
    let sent = AssertUnwindSafe(sending).catch_unwind().await;
    let end = sent.unwrap_or_else(|panic| {
        let panicked = panicked(stream, &*panic);
        let why = stream.ended().now_or_never();
        why.map_or(Some(Err(panicked)), |why| why.map(Err))
    });
    if let Some(end) = end {
        stream.end(end).await;
    }
}

async fn send_all(frames: impl Stream<Item = Result<Reply>>, stream: &OpenStream) -> Result<()> {
    let mut frames = pin!(frames);
    let mut taken = Duration::ZERO;
    loop {
        stream.has_room().await?;
        let begun = Instant::now();
        let Some(frame) = frames.next().await else {
            return Ok(());
        };
        match frame? {
            Some(data) => stream.send(Body::Data(&*data)).await?,
            None => stream.send(Body::Nothing).await?,
        }
        taken += begun.elapsed();
        if taken >= TURN {
            taken = Duration::ZERO;
            yield_now().await;
        }
    }
}

fn panicked(stream: &OpenStream, panic: &(dyn std::any::Any + Send)) -> CallError {
    CallError::internal(format_args!("stream {} panicked: {}", &*stream.name, said(panic)))
}
