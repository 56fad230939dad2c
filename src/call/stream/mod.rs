//! Streams: what a function gives or takes frame by frame (docs/streams.md). A call opens one (`opening`) under a name of the
//! client's; an `open_stream` then knows both of its directions, whose credit is counted by a `window`, and the `table` of its socket finds it
//! when a `packet` of the client names it. `frames` is what a function returns, `incoming` what it takes. What all streams of a
//! server share is `streaming`.

pub(crate) mod frames;
pub(crate) mod incoming;
mod module;
pub(crate) mod open_stream;
mod opening;
mod packet;
mod receiving;
pub(crate) mod streaming;
mod table;
mod window;

pub(super) use module::take_in;
pub(crate) use module::{TakenIn, fails_by_frame, has_open, may_be_packet};
pub(super) use module::{is_packet, module};
pub(super) use opening::{Opening, begin_anew};
