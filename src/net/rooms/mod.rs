//! Rooms: which sockets of a `namespace` are in which, by their `membership`; how emits reach them
//! (`broadcast`), written out once (`event`); all of it from outside (`hub`). Other nodes are told by a `bus`, and what they say
//! is done by the `receiver`.

pub(in crate::net) mod broadcast;
pub(crate) mod bus;
pub(in crate::net) mod event;
pub(in crate::net) mod hub;
pub(in crate::net) mod membership;
mod namespace;
pub(in crate::net) mod receiver;
