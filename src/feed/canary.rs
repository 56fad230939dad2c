//! A canary through a journal that nodes share: each node appends an event every few seconds, and looks whether it arrives through
//! the node's own tail. Where it does not, those of others may be missing too, though all else answers.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::{
    event::Event,
    journal::{Append, CANARY, Journal, JournalError, Retention},
};

/// From one to the next.
const EVERY: Duration = Duration::from_secs(2);

/// Longest that one may take.
const LONGEST: Duration = Duration::from_secs(10);

/// They have no key, so that nothing is left of a node that is gone.
const KEEP: Retention = Retention {
    least: SHORT,
    tombstones: SHORT,
    age: Some(SHORT),
    events: None,
    bytes: None,
};
const SHORT: Duration = Duration::from_secs(60);

/// What has arrived of what this node appended.
pub(super) struct Canary(Mutex<State>);

struct State {
    /// The last event that arrived, whatever it is: the tail is in order.
    arrived: u64,
    /// The first canary that has not arrived, and when it was to be appended.
    under_way: Option<(u64, Instant)>,
    /// When one arrived last, and how long that one took.
    last: Instant,
    took: Duration,
}

impl Canary {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State {
            arrived: 0,
            under_way: None,
            last: Instant::now(),
            took: Duration::ZERO,
        }))
    }

    /// The tail has told all events up to this one.
    pub(super) fn arrived(&self, seq: u64) {
        let mut state = self.state();
        state.arrived = state.arrived.max(seq);
        state.settle();
    }

    /// One was appended, which began at that moment.
    fn appended(&self, seq: u64, begun: Instant) {
        let mut state = self.state();
        state.under_way.get_or_insert((seq, begun));
        state.settle();
    }

    /// How long the last one took, or the one that is late.
    pub(super) fn lag(&self) -> Duration {
        let state = self.state();
        // In between none is under way.
        state.took.max(state.last.elapsed().saturating_sub(EVERY))
    }

    /// How long none has arrived, where that is too long.
    pub(super) fn late(&self) -> Option<Duration> {
        Some(self.lag()).filter(|lag| *lag > LONGEST)
    }

    /// Appends one after the other, and forgets old ones.
    pub(super) async fn run(self: Arc<Self>, journal: Arc<dyn Journal>) {
        tokio::join!(self.append(&*journal), forget(&*journal));
    }

    async fn append(&self, journal: &dyn Journal) {
        loop {
            let begun = Instant::now();
            match journal.append(canary()).await {
                Ok(appended) => self.appended(appended.last, begun),
                Err(error) => tracing::debug!("no canary was appended: {error}"),
            }
            sleep(EVERY).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn settle(&mut self) {
        if let Some((seq, begun)) = self.under_way
            && seq <= self.arrived
        {
            self.under_way = None;
            self.last = Instant::now();
            self.took = begun.elapsed();
        }
    }
}

fn canary() -> Append {
    Append {
        topic: CANARY.to_owned(),
        events: vec![Event::new("canary")],
        ..Append::default()
    }
}

/// Removes old ones, at its start too, for those of nodes that are gone.
async fn forget(journal: &dyn Journal) {
    loop {
        if let Err(error) = forget_old(journal).await {
            tracing::debug!("old canaries were not removed: {error}");
        }
        sleep(SHORT).await;
    }
}

/// Those of all nodes, by one node at a time.
async fn forget_old(journal: &dyn Journal) -> Result<(), JournalError> {
    if journal.lease(CANARY, EVERY).await?.is_some() {
        journal.compact(CANARY, KEEP).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[test]
    fn no_app_declares_its_topic() {
        assert!(CANARY.starts_with(super::super::topic::RESERVED));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_arrives_in_time_is_not_late() {
        let canary = Canary::new();
        for seq in 1..100 {
            let begun = Instant::now();
            advance(Duration::from_millis(300)).await;
            // It may be told before its append is answered.
            match seq % 2 {
                0 => canary.arrived(seq),
                _ => canary.appended(seq, begun),
            }
            match seq % 2 {
                0 => canary.appended(seq, begun),
                _ => canary.arrived(seq),
            }
            assert_eq!(canary.lag(), Duration::from_millis(300));
            advance(EVERY).await;
            assert_eq!(canary.lag(), Duration::from_millis(300), "the next is on its way");
        }
        assert_eq!(canary.late(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_does_not_arrive_is_late_until_a_later_event_does() {
        let canary = Canary::new();
        canary.arrived(7);
        for seq in 8..18 {
            canary.appended(seq, Instant::now());
            assert_eq!(canary.late(), None, "{seq}: {:?}", canary.lag());
            advance(Duration::from_secs(1)).await;
        }
        advance(EVERY + Duration::from_secs(1)).await;
        assert_eq!(canary.late(), Some(Duration::from_secs(11)));
        canary.arrived(7);
        assert!(canary.late().is_some(), "an older one says nothing");
        canary.arrived(20);
        // What it took is told until the next has arrived.
        assert_eq!(canary.lag(), Duration::from_secs(13));
        canary.appended(21, Instant::now());
        canary.arrived(21);
        assert_eq!((canary.lag(), canary.late()), (Duration::ZERO, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_journal_that_takes_none_is_late() {
        let canary = Canary::new();
        advance(EVERY + LONGEST).await;
        assert_eq!(canary.late(), None);
        advance(Duration::from_secs(1)).await;
        assert_eq!(canary.late(), Some(LONGEST + Duration::from_secs(1)));
    }
}
