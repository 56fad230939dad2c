//! The public id of a socket.

use std::{borrow::Borrow, fmt, sync::Arc};

use serde::{Serialize, Serializer};

use crate::error::Result;

/// A socket's public name: 20 random characters, safe to show to other clients.
///
/// It is not the engine's session id, which is a secret of the connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(Arc<str>);

impl SocketId {
    /// A fresh id.
    ///
    /// # Errors
    /// Where the system has no randomness to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
        let mut bytes = [0; 15];
        getrandom::fill(&mut bytes)?;
        Ok(Self(BASE64_URL_SAFE_NO_PAD.encode(bytes).into()))
    }

    /// The id of a socket of another server, which is not known here.
    pub(crate) fn unknown() -> Self {
        Self(Arc::from(""))
    }

    /// The id of a socket at another node.
    pub(crate) fn of_other_node(id: &str) -> Self {
        Self(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A socket is found by its id as text.
impl Borrow<str> for SocketId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for SocketId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// The room that a socket is alone in.
impl From<&SocketId> for String {
    fn from(id: &SocketId) -> Self {
        id.as_str().to_owned()
    }
}

/// As text: `cx.to(&room).emit("new-user", cx.socket_id())`.
///
/// ```
/// use updraft::{Context, Json, Result, SocketId};
///
/// async fn members(room: String, cx: Context) -> Result<Json<Vec<SocketId>>> {
///     let sockets = cx.within(room).sockets().await?;
///     Ok(Json(sockets.into_iter().map(|socket| socket.id).collect()))
/// }
/// # let namespace = updraft::Namespace::new("/").on("members", members);
/// ```
impl Serialize for SocketId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
