//! Rooms: who is in which (`membership`), and how what is said there reaches them (`broadcast`), written out once (`event`).

pub(in crate::net) mod broadcast;
pub(in crate::net) mod event;
pub(in crate::net) mod membership;
