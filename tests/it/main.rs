//! The stories that the tests tell, one file each: a real server, real clients.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod decoder;
mod hostile;
mod support;

mod bundle;
mod clients;
mod house;
mod panics;
mod router;
mod clients;
mod connect;
mod context;
mod failures;
mod load;
mod order;
mod program;
mod status;
mod stop;
mod web;
mod stopping;
