//! The demo's modules: one file each, the path of the file is the path of its events.

pub(crate) mod board;
pub(crate) mod hello;
pub(crate) mod presence;
pub(crate) mod room;
pub(crate) mod services;
pub(crate) mod stream;
pub(crate) mod test;
