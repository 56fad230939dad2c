//! Rooms: which sockets of a `namespace` are in which, by their `membership`; how emits reach them
//! (`broadcast`), written out once (`event`); all of it from outside (`hub`).

pub(in crate::net) mod broadcast;
pub(in crate::net) mod event;
pub(in crate::net) mod hub;
pub(in crate::net) mod membership;
mod namespace;
