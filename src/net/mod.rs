//! From the network to a call and back. Bytes of TCP come in at `server`, perhaps over `tls`, and a connection that becomes a
//! WebSocket is a stream of `conn`, whose frames `websocket` reads and writes. `engineio` makes sessions of such connections,
//! or of requests that poll; `socketio` is what sessions say. Each client has a `socket` there: a call goes through its queue,
//! the answer through that of its session. `rooms` broadcast to many sockets. Requests of sessions that other nodes have are
//! `forward`ed.
//! `auth` authenticates clients, `limits` bounds them, `metrics` and `traffic` count, `telemetry` tells a collector.

pub(crate) mod auth;
mod conn;
mod current;
pub(crate) mod engineio;
#[cfg_attr(
    not(feature = "postgres"),
    allow(
        dead_code,
        unused_imports,
        reason = "no other nodes are known without a database"
    )
)]
pub(crate) mod forward;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod host;
pub(crate) mod limits;
mod metrics;
pub(crate) mod rooms;
mod runtime;
pub(crate) mod server;
mod socket;
pub(crate) mod socketio;
pub(crate) mod sockets;
pub(crate) mod telemetry;
pub(crate) mod tls;
pub(crate) mod traffic;
pub(crate) mod websocket;
