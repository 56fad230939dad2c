//! What the stories share: a server on a free port, a raw client, JS clients run by Node.

#![allow(dead_code, unused_imports)] // not every story uses everything

mod node;
mod raw;
mod server;

pub(crate) use node::node;
pub(crate) use raw::RawClient;
pub(crate) use server::Program;

use std::time::Duration;

/// Longest that a story waits for anything that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
