//! From the network to a call and back. TCP connections come in at `listener` and are under our hand in
//! `connection`; `engine` is Socket.IO itself, `socket` its sockets. A call goes through `intake`, its answer
//! through `outbox`, and a `link` tells when what was written has left.

mod bundle;
mod connection;
mod eio3;
mod engine;
mod intake;
mod link;
mod listener;
mod outbox;
mod progress;
pub(crate) mod server;
mod sessions;
mod socket;
