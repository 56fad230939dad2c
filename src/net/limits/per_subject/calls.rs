//! The calls of one subject at this node: all that it may make, or its share of them.

use std::{
    num::NonZeroU32,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use crate::net::limits::rate::{Rate, Rates};

/// The calls of a subject.
pub(super) struct Calls {
    rate: Rate,
    /// Nodes that they are shared out among: a call here counts as so many.
    nodes: AtomicU32,
    /// Of more nodes than calls in a burst: one call after the other, so many times as long apart.
    spaced: Mutex<Option<Rate>>,
}

impl Calls {
    pub(super) fn new(rate: Rate) -> Self {
        Self {
            rate,
            nodes: AtomicU32::new(1),
            spaced: Mutex::default(),
        }
    }

    pub(super) fn share_out(&self, nodes: u32, rates: &Rates) {
        let spaced = NonZeroU32::new(nodes).filter(|nodes| *nodes > self.rate.burst());
        *self.spaced() = spaced.map(|nodes| rates.spaced(nodes));
        self.nodes.store(nodes, Ordering::Relaxed);
    }

    pub(super) fn count(&self) -> Result<(), Duration> {
        match NonZeroU32::new(self.nodes.load(Ordering::Relaxed)) {
            Some(nodes) if nodes > NonZeroU32::MIN => self.count_as(nodes),
            _ => self.rate.count(),
        }
    }

    fn count_as(&self, many: NonZeroU32) -> Result<(), Duration> {
        match &*self.spaced() {
            Some(spaced) => spaced.count(),
            None => self.rate.count_many(many).map(drop),
        }
    }

    fn spaced(&self) -> MutexGuard<'_, Option<Rate>> {
        self.spaced.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
