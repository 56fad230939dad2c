//! The sockets of a [`TestApp`](super::TestApp), as emitters reach them.

use std::{sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, ready};

use super::rooms::{Emitted, Rooms};
use crate::{
    call::{
        hub::Hub,
        payload::{Arguments, Data},
        peer::{Ack, Outgoing, Peer},
        target::Target,
    },
    error::Result,
};

pub(super) struct TestHub(pub(super) Arc<Rooms>);

fn emitted(namespace: &str, target: &Target, event: &str, data: Outgoing<'_>) -> Result<Emitted> {
    let data = Data::new(data)?;
    Ok(Emitted::new(None, namespace, target.clone(), event, data))
}

impl Hub for TestHub {
    fn emit<'a>(
        &'a self,
        namespace: &'a str,
        target: &'a Target,
        event: &'a str,
        data: Outgoing<'a>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.0.emit(emitted(namespace, target, event, data)?);
            Ok(())
        })
    }

    fn emit_with_ack<'a>(
        &'a self,
        namespace: &'a str,
        target: &'a Target,
        event: &'a str,
        data: Outgoing<'a>,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Vec<Ack<Arguments>>>> {
        Box::pin(async move { Ok(self.0.ask(emitted(namespace, target, event, data)?, wait).await) })
    }

    fn meant(&self, namespace: &str, target: &Target) -> Result<Vec<Arc<dyn Peer>>> {
        Ok(self.0.meant(namespace, target))
    }

    fn delivered(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }

    fn namespaces(&self) -> Vec<(Arc<str>, usize)> {
        self.0.namespaces()
    }

    fn namespace_of(&self, socket: &str) -> Option<Arc<str>> {
        let socket = self.0.find(socket)?;
        Some(socket.namespace().as_str().into())
    }
}
