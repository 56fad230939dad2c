//! Time as a journal counts it. Events are stamped with the system's clock, which may be wrong and set right later; how
//! old they are is counted apart from it, so that no age jumps with the clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Milliseconds by which the system's clock may be corrected without being taken for set.
const SET: u64 = 1000;

/// Milliseconds since 1970, as the system's clock has it.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

/// So long before then.
pub(super) fn before(then: u64, age: Duration) -> u64 {
    then.saturating_sub(millis(age))
}

/// The earlier of two times, of which either may never come.
pub(super) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Counted time, in milliseconds: it goes on at its own pace, whatever becomes of the system's clock, and never falls.
#[derive(Debug)]
pub(super) struct Counted {
    began: Instant,
    at: u64,
    /// The latest that was stamped: no more than [`SET`] ahead.
    stamped: AtomicU64,
}

impl Counted {
    /// From this on.
    pub(super) fn from(at: u64) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            at,
            stamped: AtomicU64::new(at),
        })
    }

    pub(super) fn now(&self) -> u64 {
        self.run().max(self.stamped.load(Ordering::Relaxed))
    }

    fn run(&self) -> u64 {
        self.at.saturating_add(millis(self.began.elapsed()))
    }

    /// When what was appended then reaches this age; `None` where it never does.
    pub(super) fn due(&self, then: u64, age: Duration) -> Option<Instant> {
        let due = then.checked_add(millis(age))?;
        self.began
            .checked_add(Duration::from_millis(due.saturating_sub(self.at)))
    }
}

/// What appends are stamped with.
#[derive(Debug)]
pub(super) struct Stamps {
    counted: Arc<Counted>,
    /// How far counted time is ahead of the system's clock.
    ahead: i64,
    time: u64,
}

/// A moment, by both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    /// By the system's clock. It falls only where that was set back.
    pub(super) time: u64,
    /// Counted.
    pub(super) counted: u64,
}

/// The system's clock was set: what is stamped from now on differs from counted time by another amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClockSet {
    /// How far counted time is ahead of the system's clock now.
    pub(super) ahead: i64,
    /// When it was noticed, in counted time.
    pub(super) since: u64,
}

impl Stamps {
    pub(super) fn new(counted: Arc<Counted>, ahead: i64) -> Self {
        Self {
            counted,
            ahead,
            time: 0,
        }
    }

    /// The next stamp, where the system's clock says this; and whether that was set since the last one.
    pub(super) fn next(&mut self, clock: u64) -> (Stamp, Option<ClockSet>) {
        let ahead = difference(self.counted.run(), clock);
        let set = (ahead.abs_diff(self.ahead) > SET).then(|| {
            let since = self.counted.now();
            self.ahead = difference(since, clock);
            self.time = clock;
            ClockSet {
                ahead: self.ahead,
                since,
            }
        });
        self.time = self.time.max(clock);
        let counted = self.time.saturating_add_signed(self.ahead);
        self.counted.stamped.fetch_max(counted, Ordering::Relaxed);
        let stamp = Stamp {
            time: self.time,
            counted,
        };
        (stamp, set)
    }
}

fn difference(one: u64, other: u64) -> i64 {
    one.cast_signed().saturating_sub(other.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 60 * 60 * 1000;

    #[test]
    fn stamps_follow_a_clock_that_is_set_and_counted_time_does_not() {
        let mut clock = 1_000 * HOUR;
        let mut stamps = Stamps::new(Counted::from(clock), 0);
        let (first, set) = stamps.next(clock);
        assert_eq!((first.time, set), (clock, None));
        let mut last = first;
        for by in [10 * HOUR.cast_signed(), -500 * HOUR.cast_signed(), 2000, -2000] {
            clock = clock.saturating_add_signed(by);
            let (stamp, set) = stamps.next(clock);
            assert_eq!(stamp.time, clock);
            assert!(set.is_some_and(|set| set.since >= last.counted));
            let passed = stamp.counted - last.counted;
            assert!(passed < HOUR, "{passed} ms passed, and not those that were set");
            last = stamp;
        }
    }

    #[test]
    fn a_clock_that_is_corrected_a_little_sets_nothing_back() {
        let clock = 1_000 * HOUR;
        // Far enough from both bounds that a slow machine does not matter.
        let mut stamps = Stamps::new(Counted::from(clock), 0);
        let (first, _) = stamps.next(clock + 300);
        let (second, set) = stamps.next(clock + 100);
        assert_eq!((second, set), (first, None));
    }
}
