//! Presence: the sockets that are there, at all nodes, as a topic. Each is a key, which ends when its socket goes, or its node.

mod changes;
pub(super) mod entry;
mod node;
pub(super) mod start;
mod sweeper;

use std::sync::Arc;

use bytestring::ByteString;

use crate::call::peer::SocketId;

/// Events of a presence.
const ENTERED: &str = "presence.entered";
const LEFT: &str = "presence.left";

/// A socket in a presence.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Member {
    topic: Arc<str>,
    socket: SocketId,
}

impl Member {
    /// Its key, at this node. A socket's id has no dot.
    fn key(&self, node: &str) -> ByteString {
        format!("{node}.{}", self.socket).into()
    }
}

/// The node that a member is at, by its key.
fn node_of(key: &str) -> Option<&str> {
    key.rsplit_once('.').map(|(node, _)| node)
}

/// The lease that a node has for as long as its members are there.
fn lease_of(node: &str) -> String {
    format!("members:{node}")
}
