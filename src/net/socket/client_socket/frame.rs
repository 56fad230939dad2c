//! What a client says of its open streams goes to them at once, past the calls that wait: it is bounded by their credit.

use std::sync::Arc;

use super::{super::call_queue::Incoming, ClientSocket};
use crate::call::{
    called::Called,
    peer::Peer,
    stream::{self, OpenStreams, TakenIn},
    table::Route,
};
use crate::error::CallError;

/// How a packet about a stream begins, as a call, where its name comes first. Written in another order it takes its turn among the calls, to
/// the same end.
const BEGINNING: &str = r#"["event",{"event":"stream."#;

impl ClientSocket {
    /// Takes in what is said of an open stream, where no ack is asked for; gives back what is a call.
    pub(super) fn take_frame(&self, incoming: Incoming<Arc<Self>>) -> Option<Incoming<Arc<Self>>> {
        let is_frame = match incoming.route {
            Route::Module => incoming.arrived.text.starts_with(BEGINNING),
            Route::Stream => true,
            Route::Function(_) => false,
        };
        if !is_frame || incoming.ack.is_some() || !self.streams() {
            return Some(incoming);
        }
        let Incoming {
            route,
            arrived,
            account,
            ..
        } = &incoming;
        let called = Called::in_namespace(&self.place.table, *route);
        let dispatcher = &self.shared.dispatcher;
        let taken = dispatcher.take_in(called, arrived.clone(), account.clone(), self);
        // What was of no use counts as a call; and a stream that is not open may be about to be.
        (taken != TakenIn::Useful).then_some(incoming)
    }

    /// Whether a packet that is not taken in was a frame of an open stream, which ends by that.
    pub(super) fn fails_by_frame(&self, name: &str, arguments: &str, why: &CallError) -> bool {
        let is_frame = arguments.starts_with(BEGINNING) || self.route(name) == Some(Route::Stream);
        is_frame && stream::fails_by_frame(arguments, self, why)
    }

    fn streams(&self) -> bool {
        let streams = self.data().get::<OpenStreams>();
        streams.is_some_and(|streams| !streams.is_empty())
    }
}
