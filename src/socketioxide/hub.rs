//! The error of an emitter whose app serves namespaces of a user's socketioxide server.

use std::{sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, ready};

use crate::{
    call::{
        hub::Hub,
        payload::Arguments,
        peer::{Ack, Outgoing, Peer},
        target::Target,
    },
    error::{CallError, Code, Result},
};

/// The sockets of a socketioxide server, which has a handle of its own on them.
pub(super) struct ForeignHub;

fn unavailable() -> CallError {
    let message = "an emitter does not reach the sockets of a socketioxide server: use its SocketIo";
    CallError::new(Code::Unavailable, message)
}

impl Hub for ForeignHub {
    fn emit<'a>(
        &'a self,
        _: &'a str,
        _: &'a Target,
        _: &'a str,
        _: Outgoing<'a>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(ready(Err(unavailable())))
    }

    fn emit_with_ack<'a>(
        &'a self,
        _: &'a str,
        _: &'a Target,
        _: &'a str,
        _: Outgoing<'a>,
        _: Duration,
    ) -> BoxFuture<'a, Result<Vec<Ack<Arguments>>>> {
        Box::pin(ready(Err(unavailable())))
    }

    fn meant(&self, _: &str, _: &Target) -> Result<Vec<Arc<dyn Peer>>> {
        Err(unavailable())
    }

    fn delivered(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }

    fn namespaces(&self) -> Vec<(Arc<str>, usize)> {
        Vec::new()
    }

    fn namespace_of(&self, _: &str) -> Option<Arc<str>> {
        None
    }
}
