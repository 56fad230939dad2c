//! How often passwords are tried from one address.

use std::{net::IpAddr, num::NonZeroU32};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::net::limits::per_address::network;

/// Attempts of an address at once, and in a minute from then on.
const ATTEMPTS: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// Addresses that are kept before those are dropped whose attempts are long past.
const MANY: usize = 4096;

pub(super) struct Attempts(DefaultKeyedRateLimiter<IpAddr>);

impl Attempts {
    pub(super) fn new() -> Self {
        Self(RateLimiter::keyed(Quota::per_minute(ATTEMPTS)))
    }

    /// Counts one more; whether it may be made.
    pub(super) fn count(&self, address: IpAddr) -> bool {
        if self.0.len() > MANY {
            self.0.retain_recent();
            self.0.shrink_to_fit();
        }
        self.0.check_key(&network(address)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_attempts_and_another_has_its_own() {
        let attempts = Attempts::new();
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse().unwrap());
        let made = (0..100).filter(|_| attempts.count(one)).count();
        assert!((10..=11).contains(&made), "{made}");
        assert!(attempts.count(other));
    }
}
