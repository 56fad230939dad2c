//! Sessions of other nodes: where a balancer sends a request to a node that does not have its session, it is forwarded to the
//! one that does, whose name the session's id begins with.
//!
//! Each `node` has a name, and is found in a `directory`; `forwarding` passes requests on, `tunnel` the bytes of WebSockets.

#[cfg(feature = "postgres")]
mod directory;
mod forwarding;
mod node;
mod tunnel;

pub(in crate::net) use self::forwarding::{Forwarding, forward};
pub(crate) use self::node::Directory;
#[cfg(feature = "postgres")]
pub(crate) use self::{directory::DatabaseDirectory, node::authority};
