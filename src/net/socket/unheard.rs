//! Events that nobody hears: whoever runs the server is told once what to do.

use std::sync::atomic::{AtomicBool, Ordering};

/// Most letters of a name that are told.
const SHOWN: usize = 100;

#[derive(Default)]
pub(in crate::net) struct Unheard(AtomicBool);

impl Unheard {
    /// An event of this name came, without an ack that could say that it is no call. What clients name is not logged above
    /// debug.
    pub(in crate::net) fn tell(&self, name: &str) {
        if !self.0.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "a client emits an event that nobody hears: calls are emitted as 'event', \
                 {{event: 'module.function', data: …}} (UPDRAFT_LOG=updraft=debug names each)"
            );
        }
        let name = &name[..name.floor_char_boundary(SHOWN)];
        tracing::debug!(name, "an event that nobody hears");
    }
}
