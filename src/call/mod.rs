//! From a packet to an answer, with no socket in sight: a call is decoded (`payload`), found
//! (`registry`), its arguments are taken from it (`extract`), the function runs (`handler`), and what it
//! returns becomes the answer (`reply`). Before it runs each `guard` is asked, often by a `condition` on the
//! caller's `identity`, and its `rights` still hold when it begins; one that keeps its thread for long runs apart (`conduct`; the system's part in that is its `run_delay`); one that
//! panics or takes too long has an `ending` too. An ack says the `answer`. `dispatch` does these in turn, and `idempotency` only the first
//! time that a call is tried; `module` is how functions are named. A function that gives `frames` or takes those that are `incoming` has a `stream` opened; what the client says of it comes by the `stream_module`. What is emitted to others than the caller goes to a `target`, by the
//! function or by an `emitter`.

pub(crate) mod answer;
pub(crate) mod args;
pub(crate) mod begun;
pub(crate) mod called;
pub(crate) mod condition;
mod conduct;
pub(crate) mod context;
pub(crate) mod dispatch;
pub(crate) mod emitter;
mod ending;
mod event_entry;
pub(crate) mod extract;
pub(crate) mod frames;
pub(crate) mod guard;
pub(crate) mod handler;
pub(crate) mod handshake;
pub(crate) mod heed;
pub(crate) mod hub;
mod idempotency;
pub(crate) mod idempotent_call;
pub(crate) mod identity;
mod in_turn;
pub(crate) mod incoming;
pub(crate) mod left;
pub(crate) mod memory;
pub(crate) mod module;
pub(crate) mod namespace;
pub(crate) mod pattern;
pub(crate) mod payload;
pub(crate) mod peer;
pub(crate) mod per_core;
pub(crate) mod registered;
pub(crate) mod registry;
pub(crate) mod reply;
mod rights;
mod run_delay;
mod started;
pub(crate) mod states;
pub(crate) mod stored_reply;
pub(crate) mod stream;
mod stream_module;
pub(crate) mod table;
pub(crate) mod target;
pub(crate) mod turns;
pub(crate) mod unknown_event;
pub(crate) mod written;
