//! What a client says of its open streams goes to them at once, past the calls that wait: it is bounded by their credit.

use std::sync::Arc;

use super::{super::call_queue::Incoming, ClientSocket};
use crate::call::{
    called::Called,
    stream::{self, TakenIn},
    table::Route,
};
use crate::error::CallError;

impl ClientSocket {
    /// Takes in what is said of an open stream, where no ack is asked for; gives back what is a call.
    pub(super) fn take_frame(&self, incoming: Incoming<Arc<Self>>) -> Option<Incoming<Arc<Self>>> {
        if incoming.ack.is_some() || !stream::has_open(self) {
            return Some(incoming);
        }
        let is_frame = match incoming.route {
            Route::Module => stream::may_be_packet(&incoming.arrived.text),
            Route::Stream => true,
            Route::Function(_) => false,
        };
        if !is_frame {
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
        let is_frame = match self.route(name) {
            Some(Route::Module) => stream::may_be_packet(arguments),
            Some(Route::Stream) => true,
            Some(Route::Function(_)) | None => false,
        };
        is_frame && stream::fails_by_frame(arguments, self, why)
    }
}
