//! What a server holds its sessions to.

use std::{sync::Arc, time::Duration};

use crate::{
    call::memory::Budget,
    net::{traffic::Traffic, websocket::deflate::Deflate},
};

/// What a server holds its sessions to.
pub(in crate::net) struct Settings {
    pub(in crate::net) ping_interval: Duration,
    pub(in crate::net) ping_timeout: Duration,
    /// Largest message, and largest body of a POST, in bytes.
    pub(in crate::net) max_message: usize,
    /// Longest that what a client sends in parts may take to be whole: a POST, a message; and longer by what has come of it.
    pub(in crate::net) body_timeout: Duration,
    /// Told of each that was not whole in time.
    pub(in crate::net) on_late_body: Box<dyn Fn() + Send + Sync>,
    /// Longest that a WebSocket may take to take a session over.
    pub(in crate::net) upgrade_timeout: Duration,
    /// Whether messages are compressed over WebSockets whose clients offer that.
    pub(in crate::net) deflate: Option<Deflate>,
    /// Longest time that a client may read nothing.
    pub(in crate::net) send_timeout: Duration,
    /// What is held for all clients together.
    pub(in crate::net) memory: Arc<Budget>,
    /// Where it is counted what passes, if anywhere.
    pub(in crate::net) traffic: Option<Arc<Traffic>>,
    /// What the ids of sessions begin with: the node's name, where requests may come to others.
    pub(in crate::net) node: Box<str>,
    /// Whether the head of the first request is kept.
    pub(in crate::net) keep_heads: bool,
}

/// Bytes that a client sends in a second at the least: a mobile network where it is slow.
const SLOWEST: u64 = 8 << 10;

impl Settings {
    /// How long what a client sends in parts may take to be whole, so many bytes of which have come.
    pub(in crate::net) fn longest(&self, came: usize) -> Duration {
        let millis = (came as u64).saturating_mul(1000) / SLOWEST;
        self.body_timeout.saturating_add(Duration::from_millis(millis))
    }
}
