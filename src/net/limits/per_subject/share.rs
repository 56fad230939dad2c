//! What one subject has at this node.

use std::{sync::Arc, time::Instant};

use super::calls::Calls;
use crate::net::limits::rate::Rate;

pub(super) struct Share {
    pub(super) calls: Arc<Calls>,
    pub(super) sockets: usize,
    /// Of these, those that are not confirmed: yet, or as they are refused and have not gone.
    pub(super) asked: Vec<u64>,
    /// What other nodes know of.
    pub(super) told: usize,
    /// When its last socket disconnected. Its rate is kept for a while, so that a reconnect does not reset it.
    pub(super) left: Instant,
}

impl Share {
    /// Of a subject without sockets.
    pub(super) fn new(rate: Rate) -> Self {
        Self {
            calls: Arc::new(Calls::new(rate)),
            sockets: 0,
            asked: Vec::new(),
            told: 0,
            left: Instant::now(),
        }
    }

    /// What other nodes are to know of.
    pub(super) fn count(&self) -> usize {
        self.sockets.saturating_sub(self.asked.len())
    }

    pub(super) fn is_asked_no_more(&mut self, number: u64) {
        self.asked.retain(|asked| *asked != number);
    }

    pub(super) fn is_told(&self) -> bool {
        self.told == self.count()
    }
}
