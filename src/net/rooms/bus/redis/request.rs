//! Requests of Node servers that this node answers, and in which form.

use std::fmt;

/// A request of a Node server, as its answer refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request<'a> {
    pub(super) wants: Wants,
    /// As the server named it.
    pub(super) id: &'a str,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    /// Sockets, with their rooms and data.
    Sockets,
    /// Their ids alone.
    Ids,
    /// All rooms.
    Rooms,
    /// What a function for an announced event returns.
    Heeded,
    /// What sockets ack.
    Acks,
}

/// What tells a request of a Node server from one of another node of Updraft, which is 16 hexadecimal digits.
const MARKS: [(Wants, &str); 5] = [
    (Wants::Sockets, "sockets:"),
    (Wants::Ids, "ids:"),
    (Wants::Rooms, "rooms:"),
    (Wants::Heeded, "heeded:"),
    (Wants::Acks, "acks:"),
];

impl<'a> Request<'a> {
    /// The request of a Node server that is written so; `None` where it is another node's.
    pub(super) fn of_server(request: &'a str) -> Option<Self> {
        MARKS.iter().find_map(|(wants, mark)| {
            let id = request.strip_prefix(mark)?;
            Some(Self { wants: *wants, id })
        })
    }
}

impl fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = MARKS.iter().find(|(wants, _)| *wants == self.wants);
        write!(f, "{}{}", mark.map_or("", |(_, mark)| *mark), self.id)
    }
}
