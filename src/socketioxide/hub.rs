//! What an emitter is told whose app is on somebody else's server.

use std::{sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, ready};

use crate::{
    call::{
        hub::{Change, Hub, RemoteSocket},
        payload::Arguments,
        peer::{Ack, Outgoing},
        target::Target,
    },
    error::{CallError, Code, Result},
};

/// The sockets of a socketioxide server, which has a handle of its own on them.
pub(super) struct ForeignHub;

fn refused<T: Send + 'static>() -> BoxFuture<'static, Result<T>> {
    let message = "an emitter does not reach the sockets of a socketioxide server: use its SocketIo";
    Box::pin(ready(Err(CallError::new(Code::Unavailable, message))))
}

impl Hub for ForeignHub {
    fn emit<'a>(
        &'a self,
        _: &'a str,
        _: &'a Target,
        _: &'a str,
        _: Outgoing<'a>,
    ) -> BoxFuture<'a, Result<()>> {
        refused()
    }

    fn emit_with_ack<'a>(
        &'a self,
        _: &'a str,
        _: &'a Target,
        _: &'a str,
        _: Outgoing<'a>,
        _: Duration,
    ) -> BoxFuture<'a, Result<Vec<Ack<Arguments>>>> {
        refused()
    }

    fn sockets<'a>(&'a self, _: &'a str, _: &'a Target) -> BoxFuture<'a, Result<Vec<RemoteSocket>>> {
        refused()
    }

    fn change<'a>(&'a self, _: &'a str, _: &'a Target, _: Change<'a>) -> BoxFuture<'a, Result<()>> {
        refused()
    }

    fn namespaces(&self) -> Vec<(Arc<str>, usize)> {
        Vec::new()
    }

    fn namespace_of(&self, _: &str) -> Option<Arc<str>> {
        None
    }
}
