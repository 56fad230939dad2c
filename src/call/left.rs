//! How a socket left its namespace.

use std::sync::Arc;

use super::{
    context::Context,
    extract::{FromCall, Origin},
    payload::Call,
};
use crate::error::{CallError, Result};

/// How a socket left its namespace, for its [disconnect hook](crate::Namespace::disconnect): why, and the rooms that it was in
/// until then, as in Node's `disconnecting`.
///
/// ```
/// use updraft::{Context, Left, Namespace, Result};
///
/// async fn left(left: Left, cx: Context) -> Result<()> {
///     for room in left.rooms() {
///         cx.to(room).emit("left", cx.socket_id().as_str()).await?;
///     }
///     Ok(())
/// }
/// let namespace = Namespace::new("/").disconnect(left);
/// ```
#[derive(Clone, Debug)]
pub struct Left(Arc<(&'static str, Vec<String>)>);

impl Left {
    pub(crate) fn new(reason: &'static str, rooms: Vec<String>) -> Self {
        Self(Arc::new((reason, rooms)))
    }

    /// Why, in Node's words: `client namespace disconnect`, `server namespace disconnect`, `transport close`, `transport error`,
    /// `ping timeout`, `parse error`, `forced server close`, `server shutting down`.
    pub fn reason(&self) -> &'static str {
        self.0.0
    }

    /// The rooms that it was in, sorted.
    pub fn rooms(&self) -> &[String] {
        &self.0.1
    }
}

impl FromCall for Left {
    const ORIGIN: Origin = Origin::Left;

    fn from_call(_: &Call, context: &Context) -> Result<Self> {
        let kept = context.socket_data::<Self>();
        let not_yet = || CallError::internal("the socket is still there");
        kept.map(|kept| (*kept).clone()).ok_or_else(not_yet)
    }
}
