//! What clients may not do, or not so much of: whose pages may connect (`origins`), how many connections one address
//! may have (`places`), also behind `proxies`, how long a `body` may take, and how many calls a socket may make (`rate`).

pub(super) mod body;
pub(super) mod origins;
pub(super) mod places;
mod proxies;
pub(super) mod rate;

use prometheus_client::encoding::EncodeLabelSet;

/// What a client met with, as the metric `updraft_refused` counts it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Limit {
    Connections,
    ConnectionsPerAddress,
    Handshake,
    Body,
    Origin,
    CallRate,
    CallsWaiting,
    Rooms,
}

impl Limit {
    /// All of them, in the order in which they are declared.
    pub(super) const ALL: [Self; 8] = [
        Self::Connections,
        Self::ConnectionsPerAddress,
        Self::Handshake,
        Self::Body,
        Self::Origin,
        Self::CallRate,
        Self::CallsWaiting,
        Self::Rooms,
    ];

    /// Its label.
    pub(super) const fn label(self) -> Refused {
        let limit = match self {
            Self::Connections => "connections",
            Self::ConnectionsPerAddress => "connections_per_address",
            Self::Handshake => "handshake",
            Self::Body => "body",
            Self::Origin => "origin",
            Self::CallRate => "call_rate",
            Self::CallsWaiting => "calls_waiting",
            Self::Rooms => "rooms",
        };
        Refused { limit }
    }
}

/// The label of the metric.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct Refused {
    limit: &'static str,
}
