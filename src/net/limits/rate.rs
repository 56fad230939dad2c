//! How many calls one socket, or one subject, may make in a second, and how many bytes a connection may send. A look at
//! the clock and one atomic word each time.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, QuantaClock},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};

/// What each of many may do. The clock is measured once, and shared.
pub(crate) struct Rates {
    quota: Quota,
    clock: QuantaClock,
}

impl Rates {
    /// So much in a second, over time; so much at once.
    pub(crate) fn new(rate: u32, burst: u32) -> Self {
        Self {
            quota: Quota::per_second(at_least_one(rate)).allow_burst(at_least_one(burst)),
            clock: QuantaClock::default(),
        }
    }

    /// One at a time, and from one to the next so many times as long as from one to the next over time.
    pub(in crate::net) fn spaced(&self, times: NonZeroU32) -> Rate {
        let period = self.quota.replenish_interval() * times.get();
        let quota = Quota::with_period(period).unwrap_or(self.quota);
        Self {
            quota,
            clock: self.clock.clone(),
        }
        .of_one()
    }

    /// One that did nothing yet.
    pub(crate) fn of_one(&self) -> Rate {
        Rate {
            limiter: RateLimiter::direct_with_clock(self.quota, self.clock.clone()),
            burst: self.quota.burst_size(),
        }
    }
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

/// What one does.
pub(crate) struct Rate {
    limiter:
        RateLimiter<NotKeyed, InMemoryState, QuantaClock, NoOpMiddleware<<QuantaClock as Clock>::Instant>>,
    burst: NonZeroU32,
}

impl Rate {
    pub(in crate::net) fn burst(&self) -> NonZeroU32 {
        self.burst
    }

    /// Counts one more.
    ///
    /// # Errors
    /// Where there were too many: how long until the next may come.
    pub(crate) fn count(&self) -> Result<(), Duration> {
        let counted = self.limiter.check();
        counted.map_err(|early| early.wait_time_from(self.limiter.clock().now()))
    }

    /// Counts so many more, or a burst where they are more than that; what is left to count then.
    ///
    /// # Errors
    /// Where there were too many: how long until they may come.
    pub(in crate::net) fn count_many(&self, many: NonZeroU32) -> Result<Option<NonZeroU32>, Duration> {
        match self.limiter.check_n(many.min(self.burst)) {
            Ok(Err(early)) => Err(early.wait_time_from(self.limiter.clock().now())),
            Ok(Ok(())) | Err(_) => Ok(NonZeroU32::new(many.get().saturating_sub(self.burst.get()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let rates = Rates::new(1, 3);
        let (rate, other) = (rates.of_one(), rates.of_one());
        assert!((0..3).all(|_| rate.count().is_ok()));
        let wait = rate.count().unwrap_err();
        assert!(
            wait > Duration::ZERO && wait <= Duration::from_secs(1),
            "{wait:?}"
        );
        assert!(other.count().is_ok(), "each has its own");
    }

    #[test]
    fn many_count_as_many_a_burst_at_a_time() {
        let rate = Rates::new(1, 10).of_one();
        let many = |number| NonZeroU32::new(number).unwrap();
        assert!(rate.count_many(many(7)).is_ok());
        let wait = rate.count_many(many(7)).unwrap_err();
        assert!(wait > Duration::from_secs(3), "{wait:?}");
        assert!(rate.count_many(many(3)).is_ok());
        let left = Rates::new(1, 10).of_one().count_many(many(1000));
        assert_eq!(left, Ok(Some(many(990))));
    }
}
