//! The sockets of a server, as emitters reach them.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use super::membership::Rooms;
use crate::{
    call::{
        hub::{Change, Hub, RemoteSocket},
        payload::Arguments,
        peer::{Ack, Outgoing},
        target::Target,
    },
    error::Result,
    net::sockets::{Connected, Sockets},
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

    /// The sockets that a target means, as far as they are still there.
    fn meant(&self, namespace: &str, target: &Target) -> Vec<Arc<dyn Connected>> {
        let ids = self.rooms.ids(namespace, target);
        let found = ids.iter().filter_map(|id| self.sockets.find(id.as_str()));
        found
            .filter(|socket| !socket.cancellation().is_cancelled())
            .collect()
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
            let sockets = self.meant(namespace, target);
            Ok(sockets.iter().map(|socket| RemoteSocket::of(&**socket)).collect())
        })
    }

    fn change<'a>(
        &'a self,
        namespace: &'a str,
        target: &'a Target,
        change: Change<'a>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let sockets = self.meant(namespace, target);
            if let Change::Disconnect | Change::Close = change {
                self.rooms.delivered().await;
            }
            let change = |socket: Arc<dyn Connected>| match change {
                Change::Join(room) => socket.join(room),
                Change::Leave(room) => {
                    socket.leave(room);
                    Ok(())
                }
                Change::Disconnect => {
                    socket.disconnect();
                    Ok(())
                }
                Change::Close => {
                    socket.close();
                    Ok(())
                }
            };
            // One that cannot does not keep the others from it.
            sockets.into_iter().map(change).fold(Ok(()), Result::and)
        })
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
