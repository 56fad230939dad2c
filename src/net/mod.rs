//! From the network to a call and back. TCP connections come in at `listener`, perhaps by `tls`, and are under our hand in
//! `connection`; `engine` is Socket.IO itself, `socket` its sockets. Each is a `caller`: a call goes through
//! its `intake`, the answer through its `outbox`, and its `link` tells when what was written has left.
//! `auth` says who a client is, `expiry` ends that in time, and `refusal` is what one hears who may not come in.
//! `telemetry` counts for whoever watches, and `limits` say what is too much.

mod answer;
pub(crate) mod auth;
mod bundle;
mod caller;
mod company;
mod connection;
mod control;
mod cores;
mod delivery;
mod eio3;
mod emit;
mod engine;
#[allow(dead_code)]
pub(crate) mod engineio;
mod expiry;
mod fetch;
mod framing;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod goodbye;
mod hearing;
mod host;
mod intake;
mod limits;
mod link;
mod listener;
mod notice;
mod outbox;
mod packet;
mod peer;
mod polled;
mod progress;
mod refusal;
mod rooms;
pub(crate) mod server;
mod sessions;
mod shared;
mod socket;
#[allow(dead_code)]
pub(crate) mod socketio;
mod spare;
mod takeover;
mod telemetry;
pub(crate) mod tls;
pub(crate) mod trust;
mod upgrade;
mod way;
#[allow(dead_code)]
pub(crate) mod websocket;
mod wire;
