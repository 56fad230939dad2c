//! Packets of clients that have `socket.io-msgpack-parser`: a map `{type, nsp, data, id}` in one binary message. They
//! come in as the text and the Buffers that the same packet has in JSON, and go out from these: so there is one way of a
//! packet, whatever its parser.
//!
//! | MessagePack, as `notepack.io` 2.2 and 3.0 and Python's `msgpack` write it | JSON, as JavaScript would write it |
//! |---|---|
//! | bin; ext 0, which is an ArrayBuffer | placeholder of a Buffer |
//! | any integer | all of its digits |
//! | a float: whole below 2^53, any other finite one, none of these | without a fraction, as it is, `null` |
//! | fixext 8 of type 0, or ext -1: a time | text of ISO 8601 with milliseconds; `null` beyond the years 0 to 9999 |
//! | fixext 1 of type 0: undefined | left out of an object, `null` elsewhere |
//! | any other ext | `[type, Buffer]` |
//! | a key that is an integer | its digits |
//! | text that is not UTF-8, as from half a surrogate pair | U+FFFD for what is not |
//!
//! Source: <https://github.com/socketio/socket.io-msgpack-parser> 3.0, <https://github.com/msgpack/msgpack/blob/master/spec.md>.

pub(crate) mod decode;
pub(crate) mod encode;
mod item;
mod json;

#[cfg(test)]
mod tests;
