//! What a caller asks of its engine's socket, beside taking packets.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::way::Engine;
use crate::{
    call::peer::{Outgoing, Target},
    error::Result,
};

/// An engine's socket among others.
pub(super) trait Company: Engine + Clone {
    /// Emits to others than this socket, at once: one whose queue is full misses it.
    fn emit_to_others<'a>(
        &'a self,
        target: &'a Target,
        event: &'a str,
        data: Outgoing<'a>,
    ) -> BoxFuture<'a, Result<()>>;

    /// Emits to all of a target and collects what each acks in time.
    fn collect_acks<'a>(
        &'a self,
        target: Target,
        event: &'a str,
        data: Outgoing<'a>,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Vec<Result<Value>>>>;

    fn join(&self, room: &str);

    fn leave(&self, room: &str);

    fn rooms(&self) -> Vec<String>;

    /// Closes the socket, and tells its client, who then does not come back by itself. Whether it could be told.
    fn disconnect(&self) -> bool;
}
