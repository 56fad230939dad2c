//! What all sockets of a server share.

use std::{fmt, sync::Arc};

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
        telemetry::Telemetry,
    },
};

/// What a node shares with others, if there may be some.
pub(in crate::net) struct BetweenNodes {
    /// Carries emits.
    pub(in crate::net) bus: Option<Arc<dyn Bus>>,
    /// Counts the sockets of subjects.
    pub(in crate::net) subjects: Option<Arc<dyn SubjectTable>>,
}

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
    /// Tells a collector, if one is there.
    pub(in crate::net) telemetry: Option<Arc<Telemetry>>,
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
        nodes: BetweenNodes,
        telemetry: Option<Arc<Telemetry>>,
    ) -> Arc<Self> {
        let BetweenNodes { bus, subjects } = nodes;
        let others = bus.map(|bus| Arc::new(OtherNodes::new(bus)));
        let counts = others.as_ref().map(|others| others.bus().counts());
        let streams = &dispatcher.streaming().counts;
        let metrics = Arc::new(Metrics::new(
            feed.as_deref(),
            streams,
            counts,
            telemetry.as_ref().map(|telemetry| telemetry.counts()),
        ));
        streams.count_refusals(metrics.refusals(Limit::Streams));
        let shares = Shares::new(&config, &metrics);
        let this = Arc::new(Self {
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
            telemetry,
            config,
            _cores: cores,
        });
        if let Some(telemetry) = &this.telemetry {
            let shared = Arc::downgrade(&this);
            telemetry.observe(move || shared.upgrade()?.figures().ok());
        }
        this
    }

    /// All metrics as they are now, in the form of OpenMetrics.
    pub(in crate::net) fn figures(&self) -> Result<String, fmt::Error> {
        if let Some(feed) = &self.feed {
            feed.observe();
        }
        self.metrics.text(self.progress.calls(), &self.memory)
    }
}
