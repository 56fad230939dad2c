//! WebSocket, as RFC 6455 has it, over bytes alone: the `handshake` that a request asks for, the `frame`s that come
//! in, and `encode`, the frames that go out. Nothing here reads or writes a socket.

pub(crate) mod close;
pub(crate) mod encode;
pub(crate) mod frame;
pub(crate) mod handshake;
mod mask;
#[cfg(any(test, fuzzing))]
pub(crate) mod reference;
