//! What a function may return: each type says what answer it becomes.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use super::{
    args::Args,
    extract::Json,
    payload::{Buffer, Data},
    stream::open_stream::OpenStream,
};
use crate::error::{CallError, Result};

/// What goes into an answer's `data`; nothing where the function returns nothing.
pub type Reply = Option<Box<dyn erased_serde::Serialize + Send + Sync>>;

/// Something that a function may return.
///
/// `()` and `None` answer without data, text and [`Json`] as JSON, [`Bytes`] as a Buffer, an `Err` as an
/// error, [`Frames`](crate::Frames) with a stream. Implement it to return a type of your own.
///
/// ```
/// use updraft::{IntoReply, Reply, Result};
///
/// struct Celsius(f64);
///
/// impl IntoReply for Celsius {
///     fn into_reply(self) -> Result<Reply> {
///         format!("{} °C", self.0).into_reply()
///     }
/// }
///
/// async fn outside() -> Celsius {
///     Celsius(21.5)
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an answer",
    note = "to answer with one as JSON, return `Json<{Self}>`",
    note = "functions return `()`, text, `Json<T>`, `Bytes`, `Data`, `Option` or `Result` of these, `Frames`, or a type of yours that implements `IntoReply`"
)]
pub trait IntoReply {
    /// Whether it answers with a stream.
    #[doc(hidden)]
    const STREAMS: bool = false;

    /// The answer's data.
    ///
    /// # Errors
    /// The error that the caller gets instead.
    fn into_reply(self) -> Result<Reply>;

    /// The same, of a call that opened a stream.
    #[doc(hidden)]
    fn into_frames(self, stream: Arc<OpenStream>) -> Result<Reply>
    where
        Self: Sized,
    {
        let _ = stream;
        self.into_reply()
    }
}

fn some(data: impl Serialize + Send + Sync + 'static) -> Result<Reply> {
    Ok(Some(Box::new(data)))
}

impl IntoReply for () {
    fn into_reply(self) -> Result<Reply> {
        Ok(None)
    }
}

impl IntoReply for &'static str {
    fn into_reply(self) -> Result<Reply> {
        some(self)
    }
}

impl IntoReply for String {
    fn into_reply(self) -> Result<Reply> {
        some(self)
    }
}

/// From 16 KB on it leaves as it is: a slice keeps the memory that it is a part of until it has left.
impl IntoReply for Bytes {
    fn into_reply(self) -> Result<Reply> {
        some(Buffer(self))
    }
}

impl IntoReply for Vec<u8> {
    fn into_reply(mut self) -> Result<Reply> {
        // What waits for a client is counted by its length.
        if self.capacity() > self.len() / 3 * 4 {
            self.shrink_to_fit();
        }
        some(Buffer(self.into()))
    }
}

impl<T: Serialize + Send + Sync + 'static> IntoReply for Json<T> {
    fn into_reply(self) -> Result<Reply> {
        some(self.0)
    }
}

impl<T: Serialize + Send + Sync + 'static> IntoReply for Args<T> {
    fn into_reply(self) -> Result<Reply> {
        some(self)
    }
}

impl IntoReply for Data {
    fn into_reply(self) -> Result<Reply> {
        match self.is_missing() {
            true => Ok(None),
            false => some(self),
        }
    }
}

impl<T: IntoReply> IntoReply for Option<T> {
    fn into_reply(self) -> Result<Reply> {
        self.map_or(Ok(None), IntoReply::into_reply)
    }
}

impl<T: IntoReply, E: Into<CallError>> IntoReply for std::result::Result<T, E> {
    const STREAMS: bool = T::STREAMS;

    fn into_reply(self) -> Result<Reply> {
        self.map_err(Into::into)?.into_reply()
    }

    fn into_frames(self, stream: Arc<OpenStream>) -> Result<Reply> {
        self.map_err(Into::into)?.into_frames(stream)
    }
}
