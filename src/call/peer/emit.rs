//! Emits by a socket: to its own client and to other sockets of its namespace.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::id::SocketId;
use crate::{
    call::{payload::Arguments, target::Target, written::Written},
    error::Result,
};

/// What one socket acked.
///
/// ```
/// use std::time::Duration;
/// use updraft::{Emitter, Result};
///
/// async fn ready(io: &Emitter) -> Result<usize> {
///     let acks = io.of("/").to("game").emit_with_ack::<bool>("ready?", &(), Duration::from_secs(5)).await?;
///     Ok(acks.iter().filter(|ack| matches!(ack.result, Ok(true))).count())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Ack<R> {
    /// Its public id.
    pub socket: SocketId,
    /// What it acked; [`Code::Timeout`](crate::Code::Timeout) where it did not in time,
    /// [`Code::Unavailable`](crate::Code::Unavailable) where it went before (at another node that is a time-out as well),
    /// [`Code::InvalidData`](crate::Code::InvalidData) where that does not fit the type.
    pub result: Result<R>,
}

/// Data on its way out: anything serde can write, Buffers as bytes.
pub type Outgoing<'a> = &'a (dyn erased_serde::Serialize + Sync);

/// A socket that functions emit by.
pub trait EmitEvents: Send + Sync {
    /// Emits an event. The emits and the answer of one function leave in its order; on a full queue this waits for
    /// room.
    fn emit<'a>(&'a self, target: Target, event: &'a str, data: Outgoing<'a>) -> BoxFuture<'a, Result<()>>;

    /// The same to this socket alone, of an event of a topic.
    fn send<'a>(&'a self, event: &'a str, data: &'a Written) -> BoxFuture<'a, Result<()>>;

    /// Emits to this socket, one after the other, as much as finds room right now, and nothing while an earlier event
    /// waits for room; the number of events emitted.
    fn try_send(&self, event: &str, data: &mut dyn Iterator<Item = &Written>) -> usize;

    /// Emits an event and collects what each socket acks within the time.
    fn emit_with_ack<'a>(
        &'a self,
        target: Target,
        event: &'a str,
        data: Outgoing<'a>,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Vec<Ack<Arguments>>>>;

    /// Completes when nothing for this socket waits for room in its send queue.
    fn ready(&self) -> BoxFuture<'_, ()>;
}

/// Emits to the other sockets of a target, then to the caller's own where it is in the target: its copy keeps its place
/// among the other events to it.
pub(crate) async fn emit_in_order(
    target: &Target,
    is_in: impl Fn(&str) -> bool,
    to_others: impl Future<Output = Result<()>>,
    to_caller: impl Future<Output = Result<()>>,
) -> Result<()> {
    if !target.is_caller() {
        to_others.await?;
    }
    match target.includes(true, is_in) {
        true => to_caller.await,
        false => Ok(()),
    }
}
