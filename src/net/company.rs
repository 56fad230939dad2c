//! What a caller asks of its engine's socket, beside taking packets.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::way::Engine;
use crate::{call::peer::Outgoing, error::Result};

/// An engine's socket that can be asked, and closed.
pub(super) trait Company: Engine + Clone {
    /// Emits an event at once, and waits so long for its ack.
    fn ask<'a>(&'a self, event: &'a str, data: Outgoing<'a>, wait: Duration) -> BoxFuture<'a, Result<Value>>;

    /// Closes the socket, and tells its client, who then does not come back by itself. Whether it could be told.
    fn disconnect(&self) -> bool;
}
