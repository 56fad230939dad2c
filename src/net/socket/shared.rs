//! What all sockets of a server share.

use std::sync::Arc;

use super::{
    connection_settings::ConnectionSettings, in_flight::InFlight, open_namespaces::OpenNamespaces,
    unhandled_events::UnhandledEvents,
};
use crate::{
    call::{dispatch::Dispatcher, memory::Budget},
    config::Config,
    feed::Feed,
    net::{
        auth::Authenticator,
        current::Current,
        limits::{
            over_nodes::{OverNodes, SubjectTable},
            per_subject::Shares,
        },
        metrics::{Limit, Metrics},
        rooms::{
            bus::{Bus, other_nodes::OtherNodes},
            membership::Rooms,
        },
        runtime::Runtimes,
        sockets::Sockets,
    },
};

pub(in crate::net) struct Shared {
    pub(in crate::net) auth: Arc<Authenticator>,
    pub(in crate::net) dispatcher: Dispatcher,
    pub(in crate::net) feed: Option<Arc<Feed>>,
    pub(in crate::net) sockets: Arc<Sockets>,
    pub(in crate::net) rooms: Arc<Rooms>,
    /// Those that share the rooms, if any.
    pub(in crate::net) others: Option<Arc<OtherNodes>>,
    pub(in crate::net) namespaces: OpenNamespaces,
    pub(in crate::net) progress: InFlight,
    pub(in crate::net) metrics: Arc<Metrics>,
    /// The settings of connections that come now.
    pub(in crate::net) for_new: Current<ConnectionSettings>,
    pub(in crate::net) shares: Shares,
    /// Counts them with other nodes, if any.
    pub(in crate::net) over_nodes: Option<OverNodes>,
    /// What is held for all clients together.
    pub(in crate::net) memory: Arc<Budget>,
    pub(in crate::net) unhandled_events: UnhandledEvents,
    /// The settings that it started with; those of `for_new` may have changed.
    pub(in crate::net) config: Config,
    /// Where the sockets live: it ends with the last of them, whose tasks are there.
    _cores: Option<Arc<Runtimes>>,
}

impl Shared {
    pub(in crate::net) fn new(
        dispatcher: Dispatcher,
        feed: Option<Arc<Feed>>,
        auth: Arc<Authenticator>,
        config: Config,
        cores: Option<Arc<Runtimes>>,
        bus: Option<Arc<dyn Bus>>,
        subjects: Option<Arc<dyn SubjectTable>>,
    ) -> Arc<Self> {
        let others = bus.map(|bus| Arc::new(OtherNodes::new(bus)));
        let counts = others.as_ref().map(|others| others.bus().counts());
        let streams = &dispatcher.streaming().counts;
        let metrics = Arc::new(Metrics::new(feed.as_deref(), streams, counts));
        streams.count_refusals(metrics.refusals(Limit::Streams));
        let shares = Shares::new(&config, &metrics);
        Arc::new(Self {
            namespaces: OpenNamespaces::new(dispatcher.registry()),
            dispatcher,
            feed,
            sockets: auth.subjects().sockets().clone(),
            auth,
            rooms: Rooms::new(
                cores.iter().flat_map(|cores| cores.handles()),
                cores.as_ref().and_then(|cores| cores.apart()),
                metrics.missed.clone(),
                others.clone(),
            ),
            others,
            progress: InFlight::default(),
            for_new: Current::new(ConnectionSettings::new(&config, &metrics)),
            over_nodes: subjects.map(|table| OverNodes::begin(&shares, table)),
            shares,
            memory: Budget::new(config.limits.memory(), metrics.refusals(Limit::Memory)),
            metrics,
            unhandled_events: UnhandledEvents::default(),
            config,
            _cores: cores,
        })
    }
}
