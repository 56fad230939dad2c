//! Sockets that were asked for: `{id, handshake, rooms, data}`, and with that their `identity`, which Node passes over.

use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::opts::names;
use crate::call::{hub::RemoteSocket, identity::Identity};

/// As it is written.
#[derive(Serialize)]
pub(in crate::net::rooms::bus) struct WrittenSocket<'a> {
    id: &'a str,
    handshake: Handshake,
    rooms: Vec<&'a str>,
    data: Nothing,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<WrittenIdentity<'a>>,
}

/// What a socket came with stays at its node: it may hold secrets.
#[derive(Serialize)]
struct Handshake {
    headers: Nothing,
    query: Nothing,
    auth: Nothing,
}

#[derive(Serialize)]
struct Nothing {}

/// Claims stay at the node of the socket, too.
#[derive(Serialize)]
struct WrittenIdentity<'a> {
    subject: &'a str,
    /// In seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
}

/// As it is read.
#[derive(Deserialize)]
pub(in crate::net::rooms::bus) struct Socket {
    id: String,
    #[serde(default, deserialize_with = "names")]
    rooms: Vec<String>,
    #[serde(default)]
    data: Value,
    #[serde(default)]
    identity: Option<Known>,
}

#[derive(Deserialize)]
struct Known {
    subject: String,
    #[serde(default)]
    expires: Option<u64>,
}

/// In Node a socket is in the room of its own id, too.
pub(in crate::net::rooms::bus) fn rooms_of(socket: &RemoteSocket) -> impl Iterator<Item = &str> {
    std::iter::once(socket.id.as_str()).chain(socket.rooms.iter().map(String::as_str))
}

impl<'a> From<&'a RemoteSocket> for WrittenSocket<'a> {
    fn from(socket: &'a RemoteSocket) -> Self {
        Self {
            id: socket.id.as_str(),
            handshake: Handshake {
                headers: Nothing {},
                query: Nothing {},
                auth: Nothing {},
            },
            rooms: rooms_of(socket).collect(),
            data: Nothing {},
            identity: written(&socket.identity),
        }
    }
}

fn written(identity: &Identity) -> Option<WrittenIdentity<'_>> {
    let expires = identity.expires().map(|at| at.duration_since(UNIX_EPOCH));
    Some(WrittenIdentity {
        subject: identity.subject()?,
        expires: expires.map(|since| since.unwrap_or_default().as_secs()),
    })
}

impl From<Socket> for RemoteSocket {
    fn from(socket: Socket) -> Self {
        let mut rooms = socket.rooms;
        rooms.retain(|room| *room != socket.id);
        rooms.sort_unstable();
        let identity = socket.identity.map_or(Identity::ANONYMOUS, Identity::from);
        Self::at_other_node(&socket.id, rooms, identity, socket.data)
    }
}

impl From<Known> for Identity {
    fn from(known: Known) -> Self {
        let identity = Self::of(known.subject);
        let expires = known
            .expires
            .and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
        match expires {
            Some(expires) => identity.until(expires),
            None => identity,
        }
    }
}
