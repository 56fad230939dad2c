//! What a function takes that a client streams to it.

use std::{
    future::poll_fn,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll, ready},
};

use futures_util::Stream;
use tokio::{sync::mpsc, time::Sleep};

use crate::{
    call::{
        context::Context,
        extract::{FromCall, FromData, Origin},
        payload::Call,
        stream::{open_stream::OpenStream, unnamed},
    },
    error::Result,
};

/// The frames that a client sends on the stream that its call opened, as an argument of a function: each as what an
/// argument may be made of a call's data, [`Json`](crate::Json), `String`, [`Bytes`](bytes::Bytes) or [`Data`](crate::Data).
///
/// As the function takes frames its client gets credit for more (`--stream-window`), so frames that wait are bounded. The call is
/// answered with what the function returns when it is done, however long that takes; it has no time-out but
/// `--stream-timeout` for each frame. A function that returns [`Frames`](crate::Frames) as well is answered at once, and streams both ways.
///
/// Where the client cancels, leaves, sends what has no credit, or sends nothing for too long, and where the server stops, the function is
/// dropped: what it holds runs its guards then. A client's own error comes as the last item; a task of the function's that takes
/// frames still gets an error as well, so that a part is never taken for the whole.
///
/// ```
/// use bytes::Bytes;
/// use updraft::{Incoming, Json, Module, Result};
///
/// async fn size(mut frames: Incoming<Bytes>) -> Result<Json<usize>> {
///     let mut size = 0;
///     while let Some(frame) = frames.next().await {
///         size += frame?.len();
///     }
///     Ok(Json(size))
/// }
/// let module = Module::new("api.upload").on("size", size);
/// ```
pub struct Incoming<T> {
    frames: mpsc::Receiver<Result<Call>>,
    stream: Arc<OpenStream>,
    context: Context,
    /// Runs while the function waits for the client.
    idle: Option<Pin<Box<Sleep>>>,
    of: PhantomData<fn() -> T>,
}

impl<T: FromData> Incoming<T> {
    /// The next frame; nothing, where the client's frames have ended.
    ///
    /// # Cancellation
    /// Nothing is lost where this is dropped before it completes, as in a `select!`.
    ///
    /// # Errors
    /// Where a frame does not fit the type, and the client's own error: the last item.
    pub async fn next(&mut self) -> Option<Result<T>> {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Result<T>>> {
        let Poll::Ready(frame) = self.frames.poll_recv(cx) else {
            ready!(self.poll_idle(cx));
            // The stream ends by this, and the function with it.
            let why = self.stream.idle("no frame");
            self.stream.fail(why.clone());
            return Poll::Ready(Some(Err(why)));
        };
        self.idle = None;
        Poll::Ready(frame.map(|frame| {
            let call = frame?;
            self.stream.take();
            T::from_call(&call, &self.context)
        }))
    }

    fn poll_idle(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let limit = self.stream.time_limit();
        let idle = self
            .idle
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        idle.as_mut().poll(cx)
    }
}

impl<T: FromData> Stream for Incoming<T> {
    type Item = Result<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll(cx)
    }
}

impl<T: FromData> FromCall for Incoming<T> {
    const ORIGIN: Origin = Origin::Stream;

    fn from_call(_: &Call, context: &Context) -> Result<Self> {
        let stream = context.stream().ok_or_else(unnamed)?;
        Ok(Self {
            frames: stream.receive()?,
            stream: stream.clone(),
            context: context.clone(),
            idle: None,
            of: PhantomData,
        })
    }
}

impl<T> Drop for Incoming<T> {
    fn drop(&mut self) {
        self.stream.receive_no_more();
    }
}

impl<T> std::fmt::Debug for Incoming<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incoming").finish_non_exhaustive()
    }
}

/// Where a client was when it lost a stream that it opens again: the number of the first frame that it lacks, or `None` where it
/// begins. A function that takes this is resumable, and its frames are numbered from there on; of another a client
/// is told [`Code::Unavailable`](crate::Code::Unavailable), and begins anew.
///
/// ```
/// use futures_util::{Stream, stream};
/// use updraft::{After, Frames, Json, Module};
///
/// async fn count(Json(to): Json<u64>, After(after): After) -> Frames<impl Stream<Item = Json<u64>>> {
///     Frames(stream::iter((after.unwrap_or(0)..to).map(Json)))
/// }
/// let module = Module::new("api.stream").on("count", count);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After(pub Option<u64>);

impl FromCall for After {
    const ORIGIN: Origin = Origin::After;

    fn from_call(_: &Call, context: &Context) -> Result<Self> {
        let stream = context.stream().ok_or_else(unnamed)?;
        Ok(Self(stream.after()))
    }
}
