//! What clients may not do, or not so much of: whose pages may connect (`origins`, of one `origin` each), how many connections one address
//! may have (`places`), also behind `proxies`, how long a `body` may take, how many calls a socket may make (`rate`),
//! what a subject may take over all its sockets (`shares`), and how fast a connection may send (`inflow`).

pub(super) mod body;
pub(super) mod inflow;
mod origin;
pub(super) mod origins;
pub(super) mod places;
pub(super) mod proxies;
pub(super) mod rate;
pub(super) mod shares;

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
    Subscriptions,
    ConnectionsPerSubject,
    CallRatePerSubject,
    Bytes,
    Identity,
    Expired,
    Revoked,
}

impl Limit {
    /// All of them, in the order in which they are declared.
    pub(super) const ALL: [Self; 15] = [
        Self::Connections,
        Self::ConnectionsPerAddress,
        Self::Handshake,
        Self::Body,
        Self::Origin,
        Self::CallRate,
        Self::CallsWaiting,
        Self::Rooms,
        Self::Subscriptions,
        Self::ConnectionsPerSubject,
        Self::CallRatePerSubject,
        Self::Bytes,
        Self::Identity,
        Self::Expired,
        Self::Revoked,
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
            Self::Subscriptions => "subscriptions",
            Self::ConnectionsPerSubject => "connections_per_subject",
            Self::CallRatePerSubject => "call_rate_per_subject",
            Self::Bytes => "bytes",
            Self::Identity => "identity",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        };
        Refused { limit }
    }
}

/// The label of the metric.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct Refused {
    limit: &'static str,
}
