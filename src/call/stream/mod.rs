//! Streams: what a function gives or takes frame by frame (docs/streams.md). A call opens one (`opening`) under a name of the
//! client's; an `open_stream` then knows both of its directions, whose credit is counted by a `window`, and the `table` of its socket finds it
//! when a `packet` of the client names it, which is then `taken_in`. What all streams of a server share is `streaming`. What functions
//! return and take stands above it: `frames`, `incoming` and `stream_module`.

pub(crate) mod open_stream;
mod opening;
pub(super) mod packet;
mod receiving;
pub(crate) mod streaming;
mod table;
mod taken_in;
mod window;

pub(super) use opening::{Opening, begin_anew, unnamed};
pub(crate) use taken_in::{TakenIn, fails_by_frame, has_open, may_be_packet};
pub(super) use taken_in::{is_packet, take_in};
