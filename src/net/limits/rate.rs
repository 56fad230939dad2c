//! How many calls one socket may make in a second. A look at the clock and one atomic word a call.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, QuantaClock},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};

use crate::config::Config;

/// What clients of one server may call. The clock is measured once, and shared.
pub(in crate::net) struct Rates {
    quota: Quota,
    clock: QuantaClock,
}

impl Rates {
    pub(in crate::net) fn new(config: &Config) -> Self {
        Self {
            quota: Quota::per_second(at_least_one(config.call_rate))
                .allow_burst(at_least_one(config.call_burst)),
            clock: QuantaClock::default(),
        }
    }

    /// The calls of one socket, of which there was none.
    pub(in crate::net) fn of_socket(&self) -> Rate {
        Rate(RateLimiter::direct_with_clock(self.quota, self.clock.clone()))
    }
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

/// The calls of one socket.
pub(in crate::net) struct Rate(
    RateLimiter<NotKeyed, InMemoryState, QuantaClock, NoOpMiddleware<<QuantaClock as Clock>::Instant>>,
);

impl Rate {
    /// Counts one call more.
    ///
    /// # Errors
    /// Where there were too many: how long until the next may come.
    pub(in crate::net) fn count(&self) -> Result<(), Duration> {
        self.0
            .check()
            .map_err(|early| early.wait_time_from(self.0.clock().now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let rates = Rates::new(&Config {
            call_rate: 1,
            call_burst: 3,
            ..Config::default()
        });
        let (rate, other) = (rates.of_socket(), rates.of_socket());
        assert!((0..3).all(|_| rate.count().is_ok()));
        let wait = rate.count().unwrap_err();
        assert!(
            wait > Duration::ZERO && wait <= Duration::from_secs(1),
            "{wait:?}"
        );
        assert!(other.count().is_ok(), "each socket has its own");
    }
}
