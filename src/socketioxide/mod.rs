//! The app's functions on namespaces of a user's own socketioxide server. Only this module imports that crate.
//!
//! A `namespace` is given to such a server; `connect` lets its sockets in and takes their packets; each is a `socket`, whose
//! calls wait in a `call_queue`, which is in `rooms`, and leads to its client by a `sender`, which sends `arguments`; `peer` is what functions may do with it.
//! What all of them have in common is `shared`; `hub` is what emitters find there.

mod arguments;
mod call_queue;
mod connect;
mod hub;
mod namespace;
mod peer;
mod rooms;
mod sender;
mod shared;
mod socket;

pub use self::{connect::Connecting, namespace::SocketioxideNamespace};
