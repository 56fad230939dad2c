//! What nodes say to each other about the sockets of a namespace, in whatever form it travels.

use std::time::Duration;

use crate::call::{
    hub::RemoteSocket,
    payload::{Arguments, Data, WrittenName},
    target::Target,
};

/// Something that is said to all other nodes.
#[derive(Debug)]
pub(crate) enum Message {
    /// An event for sockets, whose acks may be wanted.
    Emit {
        target: Target,
        event: NamedEvent,
        acks: Option<AcksWanted>,
    },
    /// Sockets are to enter these rooms.
    Join { target: Target, rooms: Vec<String> },
    /// Sockets are to leave these rooms.
    Leave { target: Target, rooms: Vec<String> },
    /// Sockets are to leave the namespace, or their connections are to be closed.
    Disconnect { target: Target, closes: bool },
    /// The sockets are asked for.
    List { target: Target, request: String },
    /// An event for the nodes themselves, which are to answer where it is a request.
    Announce {
        event: NamedEvent,
        request: Option<String>,
    },
    /// What a node has to say to a request.
    Answer { request: String, answer: Answer },
}

/// An event and its arguments, written out.
#[derive(Clone, Debug)]
pub(crate) struct NamedEvent {
    pub(crate) name: WrittenName,
    pub(crate) data: Data,
}

/// That acks of an event are wanted.
#[derive(Clone, Debug)]
pub(crate) struct AcksWanted {
    pub(crate) request: String,
    /// How long they are waited for.
    pub(crate) wait: Duration,
}

/// An answer to a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The sockets that a node has.
    Sockets(Vec<RemoteSocket>),
    /// How many sockets a node asks; their ids, where it says so.
    Asked { sockets: usize, ids: Vec<String> },
    /// What a socket acked; its id, where the node says so.
    Acked {
        socket: Option<String>,
        arguments: Arguments,
    },
    /// What a node's function for an announced event returned.
    Heeded(Arguments),
}
