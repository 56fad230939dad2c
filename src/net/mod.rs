//! From the network to a call and back. TCP connections come in at `listener` and are under our hand in
//! `connection`; `engine` is Socket.IO itself, `socket` its sockets. Each is a `caller`: a call goes through
//! its `intake`, the answer through its `outbox`, and its `link` tells when what was written has left.
//! `telemetry` counts for whoever watches.

mod answer;
mod bundle;
mod caller;
mod connection;
mod eio3;
mod engine;
mod intake;
mod link;
mod listener;
mod notice;
mod outbox;
mod packet;
mod peer;
mod progress;
pub(crate) mod server;
mod sessions;
mod socket;
mod telemetry;
