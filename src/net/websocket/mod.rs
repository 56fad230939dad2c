//! WebSocket, as RFC 6455 has it, over bytes alone: the `handshake` that a request asks for, the `frame`s that come
//! in, and `encode`, the frames that go out; and RFC 7692, messages compressed: `extensions` agrees on it, `deflate` and
//! `inflate` do it. Nothing here reads or writes a socket.

pub(crate) mod close;
pub(crate) mod deflate;
pub(crate) mod encode;
mod extensions;
pub(crate) mod frame;
pub(crate) mod handshake;
mod headers;
pub(crate) mod inflate;
mod mask;
#[cfg(any(test, fuzzing))]
pub(crate) mod reference;
