//! How many connections one client's address has.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::HeaderMap;
use ipnet::IpNet;

use super::proxies;
use crate::{call::handshake::Whence, config::Config, net::current::Current};

/// Bits of an IPv6 address that name a network: a host with one of its addresses has all of them.
const NETWORK: u32 = 64;

/// The places that are taken, by address.
#[derive(Clone, Debug)]
pub(in crate::net) struct AddressLimit(Arc<Taken>);

struct Taken {
    rules: Current<Rules>,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// What places are given by.
struct Rules {
    most: usize,
    trusted: Vec<IpNet>,
}

impl Rules {
    fn new(config: &Config) -> Self {
        Self {
            most: config.limits.max_connections_per_address,
            trusted: config.http.trusted_proxies.clone(),
        }
    }
}

impl fmt::Debug for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taken").finish_non_exhaustive()
    }
}

/// One place of an address, until it is dropped.
#[derive(Debug)]
pub(in crate::net) struct AddressSlot {
    address: IpAddr,
    taken: Arc<Taken>,
}

/// The address has as many places as it may have.
#[derive(Debug, PartialEq)]
pub(in crate::net) struct Full(IpAddr);

impl AddressLimit {
    pub(in crate::net) fn new(config: &Config) -> Self {
        Self(Arc::new(Taken {
            rules: Current::new(Rules::new(config)),
            by_address: Mutex::default(),
        }))
    }

    /// From now on as this configuration says; places that are taken stay so.
    pub(in crate::net) fn replace(&self, config: &Config) {
        self.0.rules.replace(Rules::new(config));
    }

    /// A place for a connection that comes from there. One from a trusted proxy has none: its requests do.
    ///
    /// # Errors
    /// Where the address has no place left.
    pub(in crate::net) fn for_connection(&self, peer: IpAddr) -> Result<Option<AddressSlot>, Full> {
        match proxies::is_trusted(&self.0.rules.get().trusted, peer) {
            true => Ok(None),
            false => self.take(peer).map(Some),
        }
    }

    /// A place for a request that a trusted proxy forwards. Any other has that of its connection.
    ///
    /// # Errors
    /// Where the address has no place left.
    pub(in crate::net) fn for_request(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
    ) -> Result<Option<AddressSlot>, Full> {
        match proxies::is_trusted(&self.0.rules.get().trusted, peer) {
            true => self.for_forwarded(peer, headers).map(Some),
            false => Ok(None),
        }
    }

    /// The same of a request that is known to be forwarded, trusted proxy or not.
    ///
    /// # Errors
    /// Where the address has no place left.
    pub(in crate::net) fn for_forwarded(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
    ) -> Result<AddressSlot, Full> {
        self.take(proxies::client(&self.0.rules.get().trusted, peer, headers))
    }

    /// Whence a request comes, which may have come by TLS.
    pub(in crate::net) fn whence(&self, peer: IpAddr, headers: &HeaderMap, is_secure: bool) -> Whence {
        match proxies::is_trusted(&self.0.rules.get().trusted, peer) {
            true => Whence {
                address: proxies::client(&self.0.rules.get().trusted, peer, headers).to_canonical(),
                is_secure: proxies::is_secure(headers),
            },
            false => Whence {
                address: peer.to_canonical(),
                is_secure,
            },
        }
    }

    fn take(&self, address: IpAddr) -> Result<AddressSlot, Full> {
        let address = network(address);
        let mut by_address = self.0.by_address();
        let taken = by_address.get(&address).copied().unwrap_or_default();
        if taken >= self.0.rules.get().most {
            return Err(Full(address));
        }
        by_address.insert(address, taken + 1);
        drop(by_address);
        Ok(AddressSlot {
            address,
            taken: self.0.clone(),
        })
    }
}

impl Taken {
    fn by_address(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressSlot {
    fn drop(&mut self) {
        if let Entry::Occupied(mut taken) = self.taken.by_address().entry(self.address) {
            *taken.get_mut() -= 1;
            if *taken.get() == 0 {
                taken.remove();
            }
        }
    }
}

/// What counts as one address.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = address.to_bits() >> NETWORK << NETWORK;
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(most: usize) -> AddressLimit {
        AddressLimit::new(&Config {
            limits: crate::config::LimitsConfig {
                max_connections_per_address: most,
                ..Default::default()
            },
            ..Config::default()
        })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let places = places(2);
        let first = places.for_connection(ip("192.0.2.1")).unwrap();
        let _second = places.for_connection(ip("::ffff:192.0.2.1")).unwrap();
        assert!(places.for_connection(ip("192.0.2.1")).is_err());
        assert!(places.for_connection(ip("192.0.2.2")).is_ok(), "of another");
        drop(first);
        assert!(places.for_connection(ip("192.0.2.1")).is_ok());
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let places = places(1);
        let _one = places.for_connection(ip("2001:db8:0:1::1")).unwrap();
        assert!(places.for_connection(ip("2001:db8:0:1:ffff::2")).is_err());
        assert!(places.for_connection(ip("2001:db8:0:2::1")).is_ok());
    }

    #[test]
    fn nothing_is_kept_of_those_who_are_gone() {
        let places = places(1);
        for number in 0..1000_u32 {
            drop(places.for_connection(IpAddr::from(number.to_be_bytes())).unwrap());
        }
        assert!(places.0.by_address().is_empty());
    }
}
