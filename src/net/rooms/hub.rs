//! The sockets of a server, as emitters reach them.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use super::{event::EncodedEvent, membership::Rooms};
use crate::{
    call::{
        dispatch::Dispatcher,
        hub::{Change, Hub, RemoteSocket},
        payload::Arguments,
        peer::{Ack, Outgoing, Peer},
        table::Namespaces,
        target::Target,
    },
    error::Result,
    net::{socketio::ROOT, sockets::Sockets},
    trace::{self, Span, Tracer},
};

/// All sockets of a server.
pub(in crate::net) struct ServerHub {
    rooms: Arc<Rooms>,
    sockets: Arc<Sockets>,
    /// The namespaces that are declared by name.
    declared: Vec<Arc<str>>,
    /// All that are.
    namespaces: Namespaces,
    tracer: Tracer,
}

impl ServerHub {
    /// Over the namespaces and with the spans of this dispatcher.
    pub(in crate::net) fn new(
        rooms: Arc<Rooms>,
        sockets: Arc<Sockets>,
        declared: Vec<Arc<str>>,
        dispatcher: &Dispatcher,
    ) -> Self {
        Self {
            rooms,
            sockets,
            declared,
            namespaces: dispatcher.registry().namespaces().clone(),
            tracer: dispatcher.tracer().clone(),
        }
    }

    /// The span of an emit. It names a namespace as it is declared.
    fn emit_span(&self, namespace: &str, target: &Target) -> Option<Span> {
        self.tracer.emit(target.rooms().len(), || {
            let declared = self.namespaces.find(namespace);
            declared.map_or("other", |(table, _)| table.name()).to_owned()
        })
    }
}

impl Hub for ServerHub {
    fn emit<'a>(
        &'a self,
        namespace: &'a str,
        target: &'a Target,
        event: &'a str,
        data: Outgoing<'a>,
    ) -> BoxFuture<'a, Result<()>> {
        let emitted = self.rooms.emit(namespace, target, event, data);
        Box::pin(async move { trace::spanning(self.emit_span(namespace, target), emitted).await })
    }

    fn emit_with_ack<'a>(
        &'a self,
        namespace: &'a str,
        target: &'a Target,
        event: &'a str,
        data: Outgoing<'a>,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Vec<Ack<Arguments>>>> {
        let asked = self.rooms.ask(namespace, target, event, data, wait);
        Box::pin(async move { trace::spanning(self.emit_span(namespace, target), asked).await })
    }

    fn sockets<'a>(
        &'a self,
        namespace: &'a str,
        target: &'a Target,
    ) -> BoxFuture<'a, Result<Vec<RemoteSocket>>> {
        Box::pin(async move {
            let mut sockets = self.sockets_here(namespace, target)?;
            if let Some(others) = self.rooms.others(namespace, target) {
                sockets.extend(others.sockets(namespace, target).await?);
            }
            Ok(sockets)
        })
    }

    fn change<'a>(
        &'a self,
        namespace: &'a str,
        target: &'a Target,
        change: Change<'a>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let others = self.rooms.others(namespace, target);
            let changed = self.change_here(namespace, target, change).await;
            if let Some(others) = others {
                others.change(namespace, target, change).await;
            }
            changed
        })
    }

    fn announce<'a>(&'a self, event: &'a str, data: Outgoing<'a>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let target = Target::all();
            if let Some(others) = self.rooms.others(ROOT, &target) {
                let event = EncodedEvent::new(event, data, &target)?.to_named();
                others.announce(ROOT, event).await;
            }
            Ok(())
        })
    }

    fn announce_with_ack<'a>(
        &'a self,
        event: &'a str,
        data: Outgoing<'a>,
    ) -> BoxFuture<'a, Result<Vec<Arguments>>> {
        Box::pin(async move {
            let target = Target::all();
            let Some(others) = self.rooms.others(ROOT, &target) else {
                return Ok(Vec::new());
            };
            let event = EncodedEvent::new(event, data, &target)?.to_named();
            others.announce_with_ack(ROOT, event).await
        })
    }

    fn meant(&self, namespace: &str, target: &Target) -> Result<Vec<Arc<dyn Peer>>> {
        let ids = self.rooms.ids(namespace, target);
        let found = ids.iter().filter_map(|id| self.sockets.find(id.as_str()));
        let connected = found.filter(|socket| !socket.cancellation().is_cancelled());
        Ok(connected.map(|socket| socket as Arc<dyn Peer>).collect())
    }

    fn delivered(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.rooms.delivered())
    }

    fn namespaces(&self) -> Vec<(Arc<str>, usize)> {
        let mut namespaces = self.rooms.namespaces();
        for declared in &self.declared {
            if namespaces.iter().all(|(name, _)| name != declared) {
                namespaces.push((declared.clone(), 0));
            }
        }
        namespaces
    }

    fn namespace_of(&self, socket: &str) -> Option<Arc<str>> {
        let socket = self.sockets.find(socket)?;
        Some(socket.namespace().as_str().into())
    }
}
