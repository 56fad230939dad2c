//! What the stories share: servers on free ports, a raw client, JS clients run by Node.

#![allow(dead_code, unused_imports)] // not every story uses everything

mod again;
mod every_client;
mod http;
mod journal;
mod local;
mod lots;
mod memory;
mod node;
pub(crate) mod order;
#[cfg(all(unix, feature = "postgres"))]
mod postgres;
mod prompt;
#[cfg(all(unix, feature = "postgres"))]
mod proxy;
mod raw;
#[cfg(unix)]
mod redis;
mod server;

pub(crate) use again::{Again, Running};
pub(crate) use every_client::every_client;
pub(crate) use http::{Http, Response};
pub(crate) use journal::journal_answer;
pub(crate) use local::{Local, settled, until, until_async, within_patience};
pub(crate) use lots::{Lots, seed};
pub(crate) use memory::{memory, open_files, peak_memory};
pub(crate) use node::{node, node_by_all_ways, node_with};
#[cfg(all(unix, feature = "postgres"))]
pub(crate) use postgres::{PORT, PostgresServer, TestDatabase};
pub(crate) use prompt::{updraft, updraft_with};
#[cfg(all(unix, feature = "postgres"))]
pub(crate) use proxy::{Lost, Proxy};
pub(crate) use raw::{Packet, RawClient};
#[cfg(unix)]
pub(crate) use redis::RedisServer;
pub(crate) use server::Program;

use std::time::Duration;

/// Longest that a story waits for anything that must happen: also on a machine that has much to do.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// How long servers wait for a heartbeat, unless a story says: a raw client answers only while it is read, and is not
/// to be gone where the story is at something else.
pub(crate) const HEARTBEAT: Duration = Duration::from_hours(1);

/// Flags of a server that takes no client for stuck, and lets nothing wait too long, however slow the machine is.
pub(crate) const PATIENT: [&str; 10] = [
    "--read-pause",
    "1h",
    "--body-timeout",
    "1h",
    "--send-timeout",
    "1h",
    "--tcp-timeout",
    "1h",
    "--call-timeout",
    "1h",
];
