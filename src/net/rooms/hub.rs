//! The sockets of a server, as emitters reach them.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use super::{event::EncodedEvent, membership::Rooms};
use crate::{
    call::{
        hub::{Change, Hub, RemoteSocket},
        payload::Arguments,
        peer::{Ack, Outgoing, Peer},
        target::Target,
    },
    error::Result,
    net::{socketio::ROOT, sockets::Sockets},
};

/// All sockets of a server.
pub(in crate::net) struct ServerHub {
    rooms: Arc<Rooms>,
    sockets: Arc<Sockets>,
    /// The namespaces that are declared by name.
    declared: Vec<Arc<str>>,
}

impl ServerHub {
    pub(in crate::net) fn new(rooms: Arc<Rooms>, sockets: Arc<Sockets>, declared: Vec<Arc<str>>) -> Self {
        Self {
            rooms,
            sockets,
            declared,
        }
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
        Box::pin(self.rooms.emit(namespace, target, event, data))
    }

    fn emit_with_ack<'a>(
        &'a self,
        namespace: &'a str,
        target: &'a Target,
        event: &'a str,
        data: Outgoing<'a>,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Vec<Ack<Arguments>>>> {
        Box::pin(self.rooms.ask(namespace, target, event, data, wait))
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
