//! Takes in what clients say of open streams.

use serde::Deserialize;

use super::{
    open_stream::OpenStreams,
    packet::{CANCEL, CREDIT, DATA, END, ERROR, Head},
};
use crate::{
    call::{payload::Call, peer::Peer},
    error::CallError,
};

/// Whether a client says this of an open stream.
pub(in crate::call) fn is_packet(event: &str) -> bool {
    matches!(event, DATA | END | ERROR | CREDIT | CANCEL)
}

/// What such a packet has, as a call. Most begin with it; clients whose objects have no order write it wherever it falls.
const NAME: &str = r#""event":"stream."#;

/// Before it, where it comes first.
const BEFORE: &str = r#"["event",{"#;

/// Whether a call may be one of them, which it says by itself.
pub(crate) fn may_be_packet(call: &str) -> bool {
    call.strip_prefix(BEFORE)
        .is_some_and(|fields| fields.starts_with(NAME) || fields.contains(NAME))
}

/// Whether a socket has any that is open.
pub(crate) fn has_open(peer: &dyn Peer) -> bool {
    let streams = peer.data().get::<OpenStreams>();
    streams.is_some_and(|streams| !streams.is_empty())
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TakenIn {
    /// It carries its stream on.
    Useful,
    /// It says nothing new.
    Useless,
    /// Its stream is not open.
    Unopened,
}

/// Takes in what a client says of a stream.
pub(in crate::call) fn take_in(call: Call, peer: &dyn Peer) -> TakenIn {
    let Some(head) = is_packet(call.event())
        .then(|| call.fields::<Head>().ok())
        .flatten()
    else {
        return TakenIn::Useless;
    };
    let streams = peer.data().get::<OpenStreams>();
    let Some(stream) = streams.and_then(|streams| streams.find(&head.stream)) else {
        return TakenIn::Unopened;
    };
    let is_useful = match call.event() {
        DATA => stream.data(head.n, call),
        END => stream.client_ended(head.n, None),
        ERROR => stream.client_ended(head.n, Some(head.error())),
        CREDIT => stream.credit(head.n),
        _ => {
            stream.cancel();
            true
        }
    };
    match is_useful {
        true => TakenIn::Useful,
        false => TakenIn::Useless,
    }
}

/// A frame, as its packet names it: by itself, or inside of `event`.
#[derive(Deserialize)]
struct Refused {
    event: Option<String>,
    stream: String,
}

/// Ends the stream that a frame is for which cannot be taken in; whether there is one. The text is that of the packet: its name, then the frame.
pub(crate) fn fails_by_frame(packet: &str, peer: &dyn Peer, why: &CallError) -> bool {
    let Ok((name, head)) = serde_json::from_str::<(String, Refused)>(packet) else {
        return false;
    };
    if !is_packet(head.event.as_ref().unwrap_or(&name)) {
        return false;
    }
    let streams = peer.data().get::<OpenStreams>();
    let found = streams.and_then(|streams| streams.find(&head.stream));
    if let Some(stream) = &found {
        stream.fail(why.clone());
    }
    found.is_some()
}
