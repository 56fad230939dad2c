//! Whether the database is away, as the connection that hears or the one that tells finds first: one line of the log for both, and one
//! once both are back.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Which connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Hears,
    Tells,
}

/// The connections that are without the database now.
#[derive(Default)]
pub(super) struct Outage(Mutex<Vec<Side>>);

impl Outage {
    /// A connection has ended, and there is no other yet.
    pub(super) fn begins(&self, side: Side, why: &str) {
        let mut away = self.away();
        if away.is_empty() {
            tracing::warn!("the database is away: rooms are not shared with other nodes: {why}");
        }
        if !away.contains(&side) {
            away.push(side);
        }
    }

    /// There is a connection, whether there was one before or not.
    pub(super) fn ends(&self, side: Side) {
        let mut away = self.away();
        let before = away.len();
        away.retain(|one| *one != side);
        if away.is_empty() && before > 0 {
            tracing::info!("the database is back: rooms are shared with other nodes");
        }
    }

    fn away(&self) -> MutexGuard<'_, Vec<Side>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
